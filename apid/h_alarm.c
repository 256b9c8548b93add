/* h_alarm: alarms, filtered by what the caller may see. */
#include <stddef.h>

#include "arg.h"
#include "db.h"
#include "h_alarm.h"
#include "json.h"
#include "page.h"
#include "req.h"
#include "stmt.h"
#include "valid.h"
#include "xmalloc.h"

static const char *const severities[] = { "info", "warning", "critical",
    NULL };
static const char *const states[] = { "open", "closed", "all", NULL };
static const char *const flags[] = { "true", "false", NULL };

static void
answer(struct req *req, const struct db_result *res)
{
	page_answer(req, req->state, res);
}

void
h_alarm_list(struct req *req)
{
	static const struct page_list alarms = { "alarms", 2, 100, 500 };
	const char *severity, *state, *acked, *symptoms;
	struct db_arg node = db_null();
	struct page *p;
	struct id id;
	int got = req_query_id(req, "node_id", &id);

	if (got == 1)
		node = arg_id(req, &id);
	if (got == -1 ||
	    req_query_enum(req, "severity", severities, &severity) == -1 ||
	    req_query_enum(req, "state", states, &state) == -1 ||
	    req_query_enum(req, "acknowledged", flags, &acked) == -1 ||
	    req_query_enum(req, "symptoms", flags, &symptoms) == -1 ||
	    (p = page_get(req, &alarms)) == NULL)
		return;
	req->state = p;
	const struct db_arg args[] = {
		arg_access(req), node, db_str(severity),
		db_str(state == NULL ? "open" : state), db_str(acked),
		db_str(symptoms), page_limit(req, p), page_key(p, 0),
		page_key(p, 1),
	};

	req_db(req, STMT_ALARM_LIST, args, nitems(args), answer);
}

struct body {
	struct slice	note;
};

static const struct json_field ack_fields[] = {
	{ .name = "note", .type = JSON_STRING, .flags = JSON_NULLABLE,
	  .offset = offsetof(struct body, note), .valid = valid_description },
};
const struct json_schema h_alarm_ack_body = { ack_fields,
    nitems(ack_fields), .open = true };
const size_t h_alarm_ack_size = sizeof(struct body);

static void
acked(struct req *req, const struct db_result *res)
{
	if (db_rows(res) == 0)
		req_fail(req, ERR_NOT_FOUND, "there is no such alarm");
	else
		req_json_db(req, 200, res, 0, 0);
}

void
h_alarm_ack(struct req *req)
{
	const struct body *b = req->body;
	const struct db_arg args[] = {
		arg_id(req, &req->params.v[0].id), arg_access(req),
		arg_address(req), db_str(req->id),
		b->note.n == 0 ? db_null() : db_slice(b->note),
	};

	req_db(req, STMT_ALARM_ACK, args, nitems(args), acked);
}
