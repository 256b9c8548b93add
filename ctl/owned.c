/* owned: see owned.h. */
#include "db.h"
#include "owned.h"
#include "pg.h"
#include "user.h"
#include "xmalloc.h"

int
owned_list(struct ctl *ctl, enum stmt st, const char *user,
    const struct out_col *cols, size_t ncols)
{
	const struct db_arg arg = db_str(user);
	struct db_sync *db = pg_begin(ctl);
	struct db_result *res;
	int code = CTL_OK;

	if (db == NULL)
		return CTL_UNAVAILABLE;
	if (user != NULL)
		code = user_known(ctl, db, user);
	if (code == CTL_OK) {
		res = db_sync_query(db, stmt_get(st), &arg, 1);
		if (db_err(res) != ERR_OK)
			code = ctl_fail(ctl, CTL_FAILED, "%s",
			    db_message(res));
		else
			out_rows(ctl, res, cols, ncols);
		db_sync_done(&res);
	}
	db_sync_close(db);
	return code;
}

int
owned_end(struct ctl *ctl, enum stmt st, const char *what, const char *id,
    const struct out_col *cols, size_t ncols)
{
	const struct db_arg args[] = { db_str(id), db_str(ctl_os_user()) };
	struct db_sync *db = pg_begin(ctl);
	struct db_result *res;
	int code = CTL_OK;

	if (db == NULL)
		return CTL_UNAVAILABLE;
	res = db_sync_query(db, stmt_get(st), args, nitems(args));
	if (db_err(res) != ERR_OK)
		code = ctl_fail(ctl, CTL_FAILED, "%s", db_message(res));
	else if (db_rows(res) == 0)
		code = ctl_fail(ctl, CTL_NOT_FOUND, "no %s %s", what, id);
	else
		out_record(ctl, res, cols, ncols);
	db_sync_done(&res);
	db_sync_close(db);
	return code;
}
