/* h_command: commands to nodes, through the journal and the hub. */
#include <stdbool.h>
#include <stddef.h>

#include "apid.h"
#include "arg.h"
#include "command.h"
#include "db.h"
#include "feed.h"
#include "h_command.h"
#include "hub.h"
#include "json.h"
#include "page.h"
#include "req.h"
#include "stmt.h"
#include "xmalloc.h"

#define TTL_DEFAULT	3600
#define TTL_MAX		604800

struct body {
	struct slice		action;
	bool			queue;
	int64_t			ttl;
	struct json_state	has_ttl;
};

static const struct json_field fields[] = {
	{ .name = "action", .type = JSON_OBJECT, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct body, action) },
	{ .name = "queue", .type = JSON_BOOL,
	  .offset = offsetof(struct body, queue) },
	{ .name = "ttl", .type = JSON_INT, .min = 1, .max = TTL_MAX,
	  .offset = offsetof(struct body, ttl),
	  .state = offsetof(struct body, has_ttl) },
};
/* Closed: a member that would change what happens is never ignored. */
const struct json_schema h_command_body = { fields, nitems(fields),
    .open = false };
const size_t h_command_size = sizeof(struct body);

void
h_command(struct req *req)
{
	const struct body *b = req->body;
	const struct command_ask ask = { .action = b->action,
	    .prefix = "/action", .wait_ms = HUB_COMMAND_MS,
	    .queue = b->queue, .ttl = !b->queue ? HUB_COMMAND_MS / 1000 :
	    b->has_ttl.present ? b->ttl : TTL_DEFAULT };

	if (b->action.n > H_COMMAND_ACTION)
		req_fail(req, ERR_TOO_LARGE, "an action has at most %d bytes",
		    H_COMMAND_ACTION);
	else if (b->has_ttl.present && !b->queue)
		req_fault(req, ERR_INVALID, "/ttl",
		    "goes with \"queue\": true only");
	else if (command_unmasked(req, b->action, "/action"))
		command_run(req, &ask);
}

/* ---- the journal ---- */

static const char *const states[] = { "queued", "sent", "acked", "failed",
    "expired", "cancelled", "unknown", NULL };
static const struct page_list commands = { "commands", 1, 50, 200 };

/* Columns: json, key of the last row, whether there is such a node. */
static void
listed(struct req *req, const struct db_result *res)
{
	if (db_bool(res, 0, 2))
		page_answer(req, req->state, res);
	else
		req_fail(req, ERR_NOT_FOUND, "there is no such node");
}

void
h_command_list(struct req *req)
{
	struct page *p = page_get(req, &commands);
	const char *state, *type;

	if (p == NULL || req_query_enum(req, "state", states, &state) == -1 ||
	    req_query(req, "type", 64, &type) == -1)
		return;
	const struct db_arg args[] = { arg_node(req), arg_access(req),
	    db_str(state), db_str(type), page_limit(req, p), page_key(p, 0) };

	req->state = p;
	req_db(req, STMT_COMMAND_LIST, args, nitems(args), listed);
}

static void
got(struct req *req, const struct db_result *res)
{
	if (db_rows(res) == 1)
		req_json_db(req, 200, res, 0, 0);
	else
		req_fail(req, ERR_NOT_FOUND, "there is no such command");
}

void
h_command_get(struct req *req)
{
	const struct db_arg args[] = { arg_param(req, 1), arg_node(req),
	    arg_access(req) };

	req_db(req, STMT_COMMAND_GET, args, nitems(args), got);
}

/* Columns: state before, whether it is cancelled now. */
static void
cancelled(struct req *req, const struct db_result *res)
{
	if (db_rows(res) != 1)
		req_fail(req, ERR_NOT_FOUND, "there is no such command");
	else if (db_bool(res, 0, 1)) {
		feed_bell(req->apid->feed);
		req_empty(req, 204);
	} else
		req_fail(req, ERR_CONFLICT, "only a command that is queued "
		    "can be cancelled");
}

void
h_command_cancel(struct req *req)
{
	const struct db_arg args[] = { arg_param(req, 1), arg_node(req),
	    arg_access(req), db_str(req->address), db_str(req->id) };

	req_db(req, STMT_COMMAND_CANCEL, args, nitems(args), cancelled);
}
