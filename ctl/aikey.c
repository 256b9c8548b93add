/* aikey: lists and deletes users' keys of AI providers; only users set them. */
#include "aikey.h"
#include "db.h"
#include "out.h"
#include "pg.h"
#include "stmt.h"
#include "user.h"
#include "xmalloc.h"

enum { LIST_USER };

int
aikey_list(struct ctl *ctl, const struct ctl_args *a)
{
	static const struct out_col cols[] = {
		{ "id", OUT_TEXT, "KEY" },
		{ "username", OUT_TEXT, "USER" },
		{ "provider", OUT_TEXT, "PROVIDER" },
		{ "hint", OUT_TEXT, "ENDS WITH" },
		{ "model_preference", OUT_TEXT, "MODEL" },
		{ "sealed_for", OUT_TEXT, NULL },
		{ "updated_at", OUT_TEXT, "SET" },
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
		res = db_sync_query(db, stmt_get(STMT_AIKEY_LIST), &arg, 1);
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
aikey_delete(struct ctl *ctl, const struct ctl_args *a)
{
	static const struct out_col cols[] = {
		{ "id", OUT_TEXT, "key" },
		{ "username", OUT_TEXT, "user" },
		{ "provider", OUT_TEXT, "provider" },
	};
	const struct db_arg args[] = { db_str(a->v[0]),
	    db_str(ctl_os_user()) };
	struct db_sync *db = pg_begin(ctl);
	struct db_result *res;
	int code = CTL_OK;

	if (db == NULL)
		return CTL_UNAVAILABLE;
	res = db_sync_query(db, stmt_get(STMT_AIKEY_DELETE), args,
	    nitems(args));
	if (db_err(res) != ERR_OK)
		code = ctl_fail(ctl, CTL_FAILED, "%s", db_message(res));
	else if (db_rows(res) == 0)
		code = ctl_fail(ctl, CTL_NOT_FOUND, "no key %s", a->v[0]);
	else
		out_record(ctl, res, cols, nitems(cols));
	db_sync_done(&res);
	db_sync_close(db);
	return code;
}
