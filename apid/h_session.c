/* h_session: lists sessions and ends them; the token itself is nowhere. */
#include "apid.h"
#include "arg.h"
#include "auth.h"
#include "db.h"
#include "h_session.h"
#include "req.h"
#include "settings.h"
#include "stmt.h"
#include "xmalloc.h"

/* Columns: json, user found. */
static void
listed(struct req *req, const struct db_result *res)
{
	if (db_rows(res) != 1 || !db_bool(res, 0, 1))
		req_fail(req, ERR_NOT_FOUND, "there is no such user");
	else
		req_json_db(req, 200, res, 0, 0);
}

static void
list(struct req *req, struct db_arg user)
{
	const struct db_arg args[] = { user, db_str(req->who->session_text) };

	req_db(req, STMT_SESSION_LIST, args, nitems(args), listed);
}

void
h_session_list(struct req *req)
{
	list(req, db_str(req->who->user_text));
}

void
h_session_user_list(struct req *req)
{
	list(req, arg_param(req, 0));
}

/* Columns: below, how many. False: answered. */
static bool
ended(struct req *req, const struct db_result *res)
{
	if (db_rows(res) != 1) {
		req_fail(req, ERR_NOT_FOUND, "there is no such user");
		return false;
	}
	if (!db_bool(res, 0, 0)) {
		req_fail(req, ERR_FORBIDDEN,
		    "the account is above that of the caller");
		return false;
	}
	settings_poll(req->apid->settings);
	return true;
}

static void
ended_one(struct req *req, const struct db_result *res)
{
	if (!ended(req, res))
		return;
	if (db_i64(res, 0, 1) == 0)
		req_fail(req, ERR_NOT_FOUND, "there is no such session");
	else
		req_empty(req, 204);
}

static void
ended_many(struct req *req, const struct db_result *res)
{
	if (ended(req, res))
		req_json(req, 200, slice_of(arena_printf(req->arena,
		    "{\"ended\":%lld}", (long long)db_i64(res, 0, 1))));
}

/* One session of the user, or all but one; NULL for neither. */
static void
end(struct req *req, struct db_arg user, struct db_arg one,
    struct db_arg but, req_db_fn done)
{
	const struct db_arg args[] = { user, one, but, arg_access(req),
	    arg_address(req), db_str(req->id) };

	req_db(req, STMT_SESSION_END, args, nitems(args), done);
}

void
h_session_end(struct req *req)
{
	end(req, db_str(req->who->user_text), arg_param(req, 0), db_null(),
	    ended_one);
}

void
h_session_end_others(struct req *req)
{
	end(req, db_str(req->who->user_text), db_null(),
	    db_str(req->who->session_text), ended_many);
}

void
h_session_user_end(struct req *req)
{
	end(req, arg_param(req, 0), arg_param(req, 1), db_null(), ended_one);
}

void
h_session_user_end_all(struct req *req)
{
	end(req, arg_param(req, 0), db_null(), db_null(), ended_many);
}
