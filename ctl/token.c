/* token: lists and ends API tokens; only users make them. */
#include "db.h"
#include "out.h"
#include "pg.h"
#include "stmt.h"
#include "token.h"
#include "user.h"
#include "xmalloc.h"

enum { LIST_USER };

int
token_list(struct ctl *ctl, const struct ctl_args *a)
{
	static const struct out_col cols[] = {
		{ "id", OUT_TEXT, "TOKEN" },
		{ "username", OUT_TEXT, "USER" },
		{ "name", OUT_TEXT, "NAME" },
		{ "max_role", OUT_TEXT, "ROLE" },
		{ "read_only", OUT_BOOL, "READ ONLY" },
		{ "node_ids", OUT_JSON, NULL },
		{ "valid", OUT_BOOL, "VALID" },
		{ "created_at", OUT_TEXT, NULL },
		{ "expires_at", OUT_TEXT, "EXPIRES" },
		{ "last_used_at", OUT_TEXT, "LAST USED" },
	};
	const struct db_arg arg = db_str(a->opt[LIST_USER]);
	struct db_sync *db = pg_begin(ctl);
	struct db_result *res;
	int code = CTL_OK;

	if (db == NULL)
		return CTL_UNAVAILABLE;
	if (a->opt[LIST_USER] != NULL)
		code = user_known(ctl, db, a->opt[LIST_USER]);
	if (code == CTL_OK) {
		res = db_sync_query(db, stmt_get(STMT_TOKEN_LIST), &arg, 1);
		if (db_err(res) != ERR_OK)
			code = ctl_fail(ctl, CTL_FAILED, "%s",
			    db_message(res));
		else
			out_rows(ctl, res, cols, nitems(cols));
		db_sync_done(&res);
	}
	db_sync_close(db);
	return code;
}

int
token_revoke(struct ctl *ctl, const struct ctl_args *a)
{
	static const struct out_col cols[] = {
		{ "id", OUT_TEXT, "token" },
		{ "username", OUT_TEXT, "user" },
		{ "name", OUT_TEXT, "name" },
	};
	const struct db_arg args[] = { db_str(a->v[0]),
	    db_str(ctl_os_user()) };
	struct db_sync *db = pg_begin(ctl);
	struct db_result *res;
	int code = CTL_OK;

	if (db == NULL)
		return CTL_UNAVAILABLE;
	res = db_sync_query(db, stmt_get(STMT_TOKEN_REVOKE), args,
	    nitems(args));
	if (db_err(res) != ERR_OK)
		code = ctl_fail(ctl, CTL_FAILED, "%s", db_message(res));
	else if (db_rows(res) == 0)
		code = ctl_fail(ctl, CTL_NOT_FOUND, "no token %s", a->v[0]);
	else
		out_record(ctl, res, cols, nitems(cols));
	db_sync_done(&res);
	db_sync_close(db);
	return code;
}
