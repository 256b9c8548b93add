/*
 * proto: from a text frame to its handler. Stateless: the state is the
 * connection's. A stats frame is validated and summarised in the same walk
 * that finds its type.
 */
#include <string.h>

#include "buf.h"
#include "driver.h"
#include "frame.h"
#include "json.h"
#include "jscan.h"
#include "log.h"
#include "ws.h"
#include "xmalloc.h"

#include "cache.h"
#include "cmd.h"
#include "conn.h"
#include "enroll.h"
#include "hubd.h"
#include "node.h"
#include "observe.h"
#include "proto.h"
#include "push.h"
#include "sink.h"
#include "thumb.h"

#define VERSION_MAX	256
#define HEALTH_MAX	(1024u * 1024)	/* kept in memory */

struct proto_in {
	struct conn		*conn;
	struct hubd		*hub;
	struct node		*node;
	struct frame		 frame;
	struct driver_summary	 sum;
	bool			 summed;
};

struct proto_row {
	const char	*type;
	unsigned	 states;	/* enum conn_state bits */
	size_t		 counter;	/* in struct hub_count */
	void		(*fn)(struct proto_in *);
};

static void proto_auth(struct proto_in *);
static void proto_stats(struct proto_in *);
static void proto_health(struct proto_in *);
static void proto_thumbnail(struct proto_in *);
static void proto_event(struct proto_in *);
static void proto_config(struct proto_in *);
static void proto_ack(struct proto_in *);
static void proto_pong(struct proto_in *);

#define COUNT(member) offsetof(struct hub_count, member)

/* The frequent ones first. */
static const struct proto_row proto_table[] = {
	{ "stats", CONN_LIVE, COUNT(frames_stats), proto_stats },
	{ "health", CONN_LIVE, COUNT(frames_health), proto_health },
	{ "thumbnail", CONN_LIVE, COUNT(frames_thumbnail),
	    proto_thumbnail },
	{ "event", CONN_LIVE, COUNT(frames_event), proto_event },
	{ "command_ack", CONN_LIVE, COUNT(frames_ack), proto_ack },
	{ "config_response", CONN_LIVE, COUNT(frames_config), proto_config },
	{ "pong", CONN_LIVE, COUNT(frames_pong), proto_pong },
	{ "auth", CONN_AUTH, COUNT(upgrades), proto_auth },
};

/* ---- handlers ---- */

static void
proto_auth(struct proto_in *in)
{
	struct frame_auth auth;
	const char *why = "";

	if (in->frame.payload.p == NULL)
		conn_refuse(in->conn, "the payload is missing");
	else if (frame_auth(in->frame.payload, &auth, &why) == -1)
		conn_refuse(in->conn, why);
	else
		enroll_start(in->hub->enroll, in->conn, &auth);
}

static void
proto_stats(struct proto_in *in)
{
	struct slice text = in->frame.payload;

	if (text.n == 0 || text.p[0] != '{') {
		conn_malformed(in->conn, "stats is not an object");
		return;
	}
	if (!in->summed)
		memset(&in->sum, 0, sizeof(in->sum));
	in->hub->count.stats_bytes += text.n;
	node_stats(in->node, text, &in->sum);
	observe_stats(in->hub, in->node);
	sink_seen(in->hub->sink, in->node, false);
}

static void
proto_health(struct proto_in *in)
{
	struct slice text = in->frame.payload, raw, version = { NULL, 0 };

	if (text.n == 0 || text.p[0] != '{' || text.n > HEALTH_MAX) {
		conn_malformed(in->conn, "health is not a small object");
		return;
	}
	if (json_member(text.p, text.n, "version", &raw) && raw.n > 2 &&
	    raw.p[0] == '"' && raw.n <= VERSION_MAX + 2 &&
	    memchr(raw.p, '\\', raw.n) == NULL)
		version = (struct slice){ raw.p + 1, raw.n - 2 };
	node_health(in->node, text, version);
	sink_seen(in->hub->sink, in->node, in->node->health_new ||
	    in->node->version_new);
}

static void
proto_thumbnail(struct proto_in *in)
{
	thumb_keep(in->hub->thumbs, in->node, in->frame.payload);
}

static void
proto_event(struct proto_in *in)
{
	struct frame_event e;

	if (in->frame.payload.p == NULL ||
	    frame_event(in->frame.payload, &e) == -1) {
		conn_malformed(in->conn, "event");
		return;
	}
	sink_event(in->hub->sink, in->node, &e);
	sink_seen(in->hub->sink, in->node, false);
}

static void
proto_config(struct proto_in *in)
{
	struct slice text = in->frame.payload;

	if (text.n == 0 || text.p[0] != '{') {
		conn_malformed(in->conn, "config_response is not an object");
		return;
	}
	cache_response(in->hub->cache, in->node, text);
	cmd_config(in->node, text);
}

static void
proto_ack(struct proto_in *in)
{
	struct frame_ack ack;

	if (in->frame.payload.p == NULL ||
	    frame_ack(in->frame.payload, &ack) == -1)
		conn_malformed(in->conn, "command_ack");
	else if (!cache_ack(in->node, &ack) &&
	    !push_ack(in->hub->pushes, in->node, &ack))
		cmd_ack(in->node, &ack);
}

/* Of a node that says nothing else, this is what is seen; and how a hub
 * learns that the node is at another one now. */
static void
proto_pong(struct proto_in *in)
{
	sink_seen(in->hub->sink, in->node, false);
}

/* ---- dispatch ---- */

static int
proto_payload(void *arg, struct slice type, struct jscan *scan)
{
	struct proto_in *in = arg;
	struct slice value;

	if (in->node == NULL || in->node->driver == NULL ||
	    !slice_eq(type, "stats"))
		return jscan_skip(scan, &value);
	in->summed = true;
	return in->node->driver->summarize(scan, &in->sum);
}

static const struct proto_row *
proto_find(struct slice type)
{
	size_t i;

	for (i = 0; i < nitems(proto_table); i++)
		if (slice_eq(type, proto_table[i].type))
			return &proto_table[i];
	return NULL;
}

static void
proto_bad(struct proto_in *in, enum conn_state state, const char *why)
{
	if (state == CONN_AUTH) {
		in->hub->count.frames_malformed++;
		conn_refuse(in->conn, why);
	} else
		conn_malformed(in->conn, why);
}

/* A known type, but not now. */
static void
proto_misplaced(struct proto_in *in, enum conn_state state)
{
	in->hub->count.frames_misplaced++;
	if (state == CONN_AUTH)
		conn_refuse(in->conn, "the first message must be auth");
	else if (state == CONN_ENROLL)
		conn_close(in->conn, WS_C_POLICY,
		    "a message before the answer to auth");
}

static void
proto_text(struct proto_in *in, const char *p, size_t n)
{
	enum conn_state state = conn_state(in->conn);
	const struct proto_row *row;

	if (frame_parse(p, n, proto_payload, in, &in->frame) == -1) {
		proto_bad(in, state, in->frame.bad);
		return;
	}
	row = proto_find(in->frame.type);
	if (row == NULL && state == CONN_LIVE) {
		in->hub->count.frames_unknown++;
		return;
	}
	if (row == NULL || !(row->states & state)) {
		proto_misplaced(in, state);
		return;
	}
	if (state == CONN_LIVE)
		++*(uint64_t *)(void *)((char *)&in->hub->count +
		    row->counter);
	row->fn(in);
}

bool
proto_message(struct conn *c, bool text, uint8_t *p, size_t n)
{
	enum conn_state state = conn_state(c);
	struct proto_in in;

	in.conn = c;
	in.hub = conn_hub(c);
	in.node = conn_node(c);
	in.summed = false;
	if (text)
		proto_text(&in, (const char *)p, n);
	else if (state == CONN_LIVE)
		in.hub->count.frames_binary++;
	else
		proto_misplaced(&in, state);
	return conn_state(c) != CONN_CLOSING;
}

void
proto_dump(struct buf *b)
{
	size_t i;

	for (i = 0; i < nitems(proto_table); i++)
		buf_printf(b, "%s\t%s%s\n", proto_table[i].type,
		    proto_table[i].states & CONN_AUTH ? "auth" : "",
		    proto_table[i].states & CONN_LIVE ? "live" : "");
}
