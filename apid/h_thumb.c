/*
 * h_thumb: the newest picture of a flow, or of one of its inputs, as the hub
 * has it from the node. It is a JPEG by its first bytes and is never called
 * anything else.
 */
#include "apid.h"
#include "arena.h"
#include "h_thumb.h"
#include "hub.h"
#include "msg.h"
#include "req.h"
#include "xmalloc.h"

static void
from_hub(void *arg, enum err err, struct ipc_msg *msg)
{
	struct req *req = arg;
	struct msg_thumb m;

	req->ipc = NULL;
	if (err != ERR_OK)
		req_fail(req, hub_err(err), NULL);
	else if (msg->type != MSG_THUMB || !msg_get_thumb(&msg->in, &m))
		req_fail(req, ERR_INTERNAL, NULL);
	else if (m.data.n == 0)
		req_empty(req, 204);
	else {
		req_header(req, "Age", arena_printf(req->arena, "%u",
		    m.age_ms / 1000));
		req_body(req, 200, "image/jpeg", m.data);
	}
}

void
h_thumb_get(struct req *req)
{
	const char *flow, *input;
	int got = req_query(req, "flow_id", MSG_THUMB_ID, &flow);

	if (got == -1 || req_query(req, "input_id", MSG_THUMB_ID, &input) ==
	    -1)
		return;
	if (got == 0)
		req_fault(req, ERR_BAD_QUERY, "flow_id", "is required");
	else if (hub_need(req))
		hub_thumb(req, &req->params.v[0].id, flow, input, from_hub);
}
