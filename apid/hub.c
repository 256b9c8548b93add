/*
 * hub: apid's channel to hubd. Owns the sibling and the wish to watch; hands
 * node states to the feed and questions of REST requests to hubd.
 */
#include <stdlib.h>

#include "apid.h"
#include "feed.h"
#include "hub.h"
#include "json.h"
#include "log.h"
#include "req.h"
#include "sibling.h"
#include "xmalloc.h"

/* hubd answers in time by itself; the channel's deadline is only a net. */
#define SLACK	(2 * MONO_SEC)

struct hub {
	struct apid	*apid;
	struct sibling	*peer;
	bool		 watch_all;
	const struct id	*watched;	/* the feed's */
	size_t		 nwatched;
};

static bool
node_state(void *arg, struct ipc_chan *chan, struct ipc_msg *msg)
{
	struct hub *hub = ipc_data(chan);
	struct msg_node_state state;

	if (!msg_get_node_state(&msg->in, &state))
		return false;
	feed_node_state(hub->apid->feed, &state);
	return true;
}

static bool
node_gone(void *arg, struct ipc_chan *chan, struct ipc_msg *msg)
{
	struct hub *hub = ipc_data(chan);
	struct msg_node_gone gone;

	if (!msg_get_node_gone(&msg->in, &gone))
		return false;
	feed_node_gone(hub->apid->feed, &gone);
	return true;
}

static bool
synced(void *arg, struct ipc_chan *chan, struct ipc_msg *msg)
{
	struct hub *hub = ipc_data(chan);

	feed_synced(hub->apid->feed);
	return true;
}

static bool
tick(void *arg, struct ipc_chan *chan, struct ipc_msg *msg)
{
	struct hub *hub = ipc_data(chan);

	feed_tick(hub->apid->feed);
	return true;
}

static bool
events(void *arg, struct ipc_chan *chan, struct ipc_msg *msg)
{
	struct hub *hub = ipc_data(chan);
	struct msg_events e;

	if (!msg_get_events(&msg->in, &e))
		return false;
	feed_events(hub->apid->feed, e.count);
	return true;
}

static const struct ipc_handler handlers[] = {
	{ MSG_NODE_STATE, node_state },
	{ MSG_NODE_GONE, node_gone },
	{ MSG_SYNCED, synced },
	{ MSG_EVENTS, events },
	{ MSG_TICK, tick },
};

static void
send_watch(struct hub *hub)
{
	struct ipc_chan *chan = sibling_chan(hub->peer);
	const struct msg_watch watch = { .all = hub->watch_all ? 1 : 0,
	    .n = (uint32_t)hub->nwatched,
	    .ids = (const uint8_t *)hub->watched };

	msg_put_watch(ipc_begin(chan, MSG_WATCH, ERR_OK, 0), &watch);
	ipc_send(chan);
}

static void
hub_is_up(void *arg, const struct msg_hello *hello)
{
	struct hub *hub = arg;

	feed_hub_up(hub->apid->feed);
	if (hub->watch_all || hub->nwatched > 0)
		send_watch(hub);
}

static void
hub_is_down(void *arg)
{
	struct hub *hub = arg;

	feed_hub_down(hub->apid->feed);
}

struct hub *
hub_new(struct apid *apid)
{
	struct hub *hub = xcalloc(1, sizeof(*hub));
	const struct sibling_config conf = {
		.apid = apid, .socket = "hubd.sock", .peer = MSG_HUBD,
		.handlers = handlers, .nhandlers = nitems(handlers),
		.up = hub_is_up, .down = hub_is_down, .arg = hub,
	};

	hub->apid = apid;
	hub->peer = sibling_new(&conf);
	return hub;
}

void
hub_free(struct hub *hub)
{
	if (hub == NULL)
		return;
	sibling_free(hub->peer);
	free(hub);
}

/* Without its database hubd can neither let a node in nor send a command. */
bool
hub_up(const struct hub *hub)
{
	return hub != NULL && sibling_ready(hub->peer);
}

bool
hub_short(const struct hub *hub)
{
	struct slice status = hub_status(hub), is_short;

	return status.n > 0 && json_member(status.p, status.n,
	    "memory_short", &is_short) && !slice_eq(is_short, "0");
}

struct slice
hub_status(const struct hub *hub)
{
	return sibling_status(hub == NULL ? NULL : hub->peer);
}

void
hub_watch(struct hub *hub, bool all, const struct id *ids, size_t n)
{
	if (hub == NULL)
		return;
	hub->watch_all = all;
	hub->watched = ids;
	hub->nwatched = n;
	if (sibling_up(hub->peer))
		send_watch(hub);
}

void
hub_node_changed(struct hub *hub, const struct id *node,
    enum msg_node_what what)
{
	const struct msg_node_changed m = { .node = *node, .what = what };
	struct ipc_chan *chan = sibling_chan(hub->peer);

	if (!ipc_is_up(chan))
		return;
	msg_put_node_changed(ipc_begin(chan, MSG_NODE_CHANGED, ERR_OK, 0),
	    &m);
	ipc_send(chan);
}

bool
hub_need(struct req *req)
{
	if (hub_up(req->apid->hub))
		return true;
	req_fail(req, ERR_HUB_AWAY, "the node daemon is not connected");
	return false;
}

void
hub_command(struct req *req, const struct id *command, const struct id *node,
    unsigned wait_ms, ipc_reply_fn fn)
{
	struct hub *hub = req->apid->hub;
	const struct msg_command m = { .command = *command, .node = *node,
	    .wait_ms = wait_ms, .request_id = slice_of(req->id) };

	msg_put_command(sibling_ask(hub->peer, req, MSG_COMMAND,
	    (mono_us)(wait_ms == 0 ? HUB_COMMAND_MS : wait_ms) * MONO_MS +
	    SLACK, fn), &m);
	sibling_send(hub->peer);
	feed_bell(hub->apid->feed);
}

void
hub_command_one(struct hub *hub, const struct id *command,
    const struct id *node, const char *request_id, unsigned ms,
    ipc_reply_fn fn, void *arg, struct ipc_req **req_r)
{
	const struct msg_command m = { .command = *command, .node = *node,
	    .request_id = slice_of(request_id) };

	msg_put_command(ipc_request(sibling_chan(hub->peer), MSG_COMMAND,
	    (mono_us)ms * MONO_MS, fn, arg, req_r), &m);
	sibling_send(hub->peer);
}

void
hub_config(struct req *req, const struct id *node, ipc_reply_fn fn)
{
	struct hub *hub = req->apid->hub;
	const struct msg_config_get m = { .node = *node,
	    .wait_ms = HUB_CONFIG_MS };

	msg_put_config_get(sibling_ask(hub->peer, req, MSG_CONFIG_GET,
	    HUB_CONFIG_MS * MONO_MS + SLACK, fn), &m);
	sibling_send(hub->peer);
}

void
hub_thumb(struct req *req, const struct id *node, const char *flow,
    const char *input, ipc_reply_fn fn)
{
	struct hub *hub = req->apid->hub;
	const struct msg_thumb_get m = { .node = *node,
	    .flow = slice_of(flow), .input = slice_of(input) };

	msg_put_thumb_get(sibling_ask(hub->peer, req, MSG_THUMB_GET, SLACK,
	    fn), &m);
	sibling_send(hub->peer);
}

enum err
hub_err(enum err err)
{
	if (err == ERR_PEER_GONE || err == ERR_PROTOCOL || err == ERR_FULL)
		return ERR_HUB_AWAY;
	return err;
}
