/* h_history: /api/v1/nodes/{id}/metrics and /states. */
#include <stddef.h>

#include "arg.h"
#include "buf.h"
#include "db.h"
#include "h_history.h"
#include "req.h"
#include "stmt.h"
#include "watch.h"
#include "xmalloc.h"

#define OBJECT_MAX	256
#define STEP_MIN	10
#define STEP_MAX	2678400		/* 31 days */

static char *
text(struct req *req, struct slice s)
{
	return arena_strndup(req->arena, s.p, s.n);
}

/* Columns: parameter that is wrong, why, json. */
static void
answer(struct req *req, const struct db_result *res)
{
	if (db_rows(res) == 0)
		req_fail(req, ERR_NOT_FOUND, "there is no such node");
	else if (!db_isnull(res, 0, 0))
		req_fault(req, ERR_BAD_QUERY, text(req, db_get(res, 0, 0)),
		    text(req, db_get(res, 0, 1)));
	else
		req_json_db(req, 200, res, 0, 2);
}

void
h_history_metrics(struct req *req)
{
	const char *names[WATCH__MAX + 1] = { NULL };
	const char *from, *to, *metric, *object;
	int64_t step = 0;
	unsigned m;

	for (m = 0; m < WATCH__MAX; m++)
		names[m] = watch_name(m);
	if (req_query_time(req, "from", &from) == -1 ||
	    req_query_time(req, "to", &to) == -1 ||
	    req_query_i64(req, "step", STEP_MIN, STEP_MAX, &step) == -1 ||
	    req_query_enum(req, "metric", names, &metric) == -1 ||
	    req_query(req, "object", OBJECT_MAX, &object) == -1)
		return;
	const struct db_arg args[] = {
		arg_node(req), arg_access(req),
		db_str(object == NULL ? "" : object), db_str(from), db_str(to),
		step == 0 ? db_null() : arg_i64(req, step), db_str(metric),
		arg_watch(req, watch_name), arg_watch(req, watch_unit),
	};

	req_db(req, STMT_METRICS, args, nitems(args), answer);
}

static void
states(struct req *req, const struct db_result *res)
{
	if (db_rows(res) == 0)
		req_fail(req, ERR_NOT_FOUND, "there is no such node");
	else
		req_json_db(req, 200, res, 0, 0);
}

void
h_history_states(struct req *req)
{
	static const char *const ranges[] = { "24h", "7d", "30d", NULL };
	const char *range;

	if (req_query_enum(req, "range", ranges, &range) == -1)
		return;
	const struct db_arg args[] = { arg_node(req), arg_access(req),
	    db_str(range == NULL ? "24h" : range) };

	req_db(req, STMT_STATES, args, nitems(args), states);
}
