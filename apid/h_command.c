/* h_command: commands to nodes, through the journal and the hub. */
#include <stddef.h>

#include "arg.h"
#include "command.h"
#include "h_command.h"
#include "hub.h"
#include "json.h"
#include "req.h"
#include "xmalloc.h"

struct body {
	struct slice	action;
};

static const struct json_field fields[] = {
	{ .name = "action", .type = JSON_OBJECT, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct body, action) },
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
	    .ttl = HUB_COMMAND_MS / 1000 };

	if (b->action.n > H_COMMAND_ACTION)
		req_fail(req, ERR_TOO_LARGE, "an action has at most %d bytes",
		    H_COMMAND_ACTION);
	else
		command_run(req, &ask);
}
