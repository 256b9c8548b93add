/* h_flow: flows of a node, as commands of their own. */
#include <stdbool.h>
#include <stddef.h>

#include "command.h"
#include "h_flow.h"
#include "hub.h"
#include "json.h"
#include "req.h"

/* Any JSON object: what a flow holds is the node's to say. */
const struct json_schema h_flow_body = { NULL, 0, .open = true };
const size_t h_flow_size = sizeof(bool);

static void
flow_run(struct req *req, struct slice action)
{
	const struct command_ask ask = { .action = action,
	    .wait_ms = HUB_COMMAND_MS, .ttl = HUB_COMMAND_MS / 1000 };

	command_run(req, &ask);
}

void
h_flow_create(struct req *req)
{
	if (command_unmasked(req, req->raw, ""))
		flow_run(req, command_action(req, "create_flow", "flow",
		    req->raw));
}

void
h_flow_delete(struct req *req)
{
	const char *id = req_param(req, 1);
	struct buf b = BUF_INIT;
	struct json_w w;

	if (id == NULL)
		return;
	json_w_init(&w, &b);
	json_w_str(&w, id);
	flow_run(req, command_action(req, "delete_flow", "flow_id",
	    buf_slice(&b)));
	buf_free(&b);
}
