/*
 * conn: the life of one socket at the node door. Owns struct conn and the
 * two lists of them: those that have not authenticated and those that have.
 * Nothing is freed before the stream's closed callback, which comes last.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "buf.h"
#include "err.h"
#include "frame.h"
#include "http1.h"
#include "json.h"
#include "log.h"
#include "rate.h"
#include "stream.h"
#include "timer.h"
#include "tls.h"
#include "ws.h"
#include "xmalloc.h"

#include "conn.h"
#include "enroll.h"
#include "hubd.h"
#include "listen.h"
#include "node.h"
#include "proto.h"

#define FRAME_AUTH	16384			/* before auth_ok */
#define FRAME_MAX	(5 * 1024 * 1024)
#define BACKLOG_MAX	(16u * 1024 * 1024)	/* a node that does not read */
#define PONG_BACKLOG	65536u
#define MALFORMED_MAX	100
#define LINGER_MS	2000
#define BUDGET_BURST	4	/* seconds of its budget that a node saves */
#define BUDGET_LEAST	(2.0 * FRAME_MAX)	/* bytes, in any case */
#define BUDGET_STEP	(5 * MONO_SEC)	/* a pause goes on in steps */
#define BUDGET_SAY	(60 * MONO_SEC)	/* of one hub in the log */
#define SLOT_TIME	MONO_SEC	/* a slow handshake frees its slot */
#define TLS_TIME	(10 * MONO_SEC)
#define HEAD_TIME	(5 * MONO_SEC)
#define AUTH_TIME	(10 * MONO_SEC)
#define USER_TIMEOUT	30000u

struct conn {
	TAILQ_ENTRY(conn)	 link;
	struct hubd		*hub;
	struct stream		*stream;
	struct node		*node;		/* while it is ours */
	struct enroll_req	*enroll;
	struct timer		 timer;
	mono_us			 deadline;	/* before auth */
	mono_us			 seen, pinged;
	struct buf		 held;		/* an incomplete head */
	size_t			 scan;
	struct ws_rx		 rx;
	enum conn_state		 state;
	uint32_t		 host_hash;
	uint16_t		 malformed;
	uint32_t		 messages;	/* of this read */
	struct rate		 byte_budget, message_budget;
	struct timer		 resume;	/* reading; over budget */
	bool			 slot, pending, paused;
	char			 host[SOCK_TEXT];
	const char		*why;		/* it ends; static text */
};

TAILQ_HEAD(conn_list, conn);

struct conns {
	struct hubd		*hub;
	struct conn_list	 pending, live;
	size_t			 npending, nlive, nopen, npaused;
	mono_us			 said_budget;
};

static void conn_timeout(void *);
static void conn_spend(struct conn *, size_t);

struct conns *
conns_new(struct hubd *h)
{
	struct conns *cs = xcalloc(1, sizeof(*cs));

	cs->hub = h;
	TAILQ_INIT(&cs->pending);
	TAILQ_INIT(&cs->live);
	return cs;
}

size_t
conns_live(const struct conns *cs)
{
	return cs->nlive;
}

size_t
conns_pending(const struct conns *cs)
{
	return cs->npending;
}

size_t
conns_open(const struct conns *cs)
{
	return cs->nopen;
}

size_t
conns_paused(const struct conns *cs)
{
	return cs->npaused;
}

static uint32_t
host_hash(const char *s)
{
	uint32_t h = 2166136261u;

	for (; *s != '\0'; s++)
		h = (h ^ (uint8_t)*s) * 16777619u;
	return h;
}

size_t
conns_from(const struct conns *cs, const char *host)
{
	uint32_t hash = host_hash(host);
	const struct conn *c;
	size_t n = 0;

	TAILQ_FOREACH(c, &cs->pending, link)
		if (c->host_hash == hash && c->state != CONN_ENROLL &&
		    strcmp(c->host, host) == 0)
			n++;
	return n;
}

void
conns_evict(struct conns *cs)
{
	struct conn *c;

	TAILQ_FOREACH(c, &cs->pending, link)
		if (c->state != CONN_ENROLL) {
			c->why = "evicted";
			c->state = CONN_CLOSING;
			stream_abort(c->stream, false);
			return;
		}
}

void
conns_close_all(struct conns *cs, int code, const char *why)
{
	struct conn *c;

	TAILQ_FOREACH(c, &cs->pending, link)
		conn_close(c, code, why);
	TAILQ_FOREACH(c, &cs->live, link)
		conn_close(c, code, why);
}

static void
conn_settle(struct conn *c)
{
	struct conns *cs = c->hub->conns;

	if (c->slot) {
		c->slot = false;
		listen_slot_give(c->hub->listener);
	}
	if (c->pending) {
		c->pending = false;
		TAILQ_REMOVE(&cs->pending, c, link);
		cs->npending--;
		TAILQ_INSERT_TAIL(&cs->live, c, link);
		cs->nlive++;
	}
}

static void
conn_free(struct conn *c)
{
	struct conns *cs = c->hub->conns;
	bool was_pending = c->pending;

	timer_del(&c->timer);
	timer_del(&c->resume);
	if (c->paused)
		cs->npaused--;
	enroll_forget(&c->enroll);
	if (c->node != NULL)
		node_detach(c->hub, c, c->why);
	if (was_pending) {
		TAILQ_REMOVE(&cs->pending, c, link);
		cs->npending--;
	} else {
		TAILQ_REMOVE(&cs->live, c, link);
		cs->nlive--;
	}
	cs->nopen--;
	if (c->slot)
		listen_slot_give(c->hub->listener);
	if (was_pending)
		listen_wake(c->hub->listener);
	buf_free(&c->held);
	ws_rx_free(&c->rx);
	free(c);
}

void
conns_free(struct conns *cs)
{
	struct conn *c;

	if (cs == NULL)
		return;
	while ((c = TAILQ_FIRST(&cs->pending)) != NULL ||
	    (c = TAILQ_FIRST(&cs->live)) != NULL)
		conn_free(c);
	free(cs);
}

enum conn_state
conn_state(const struct conn *c)
{
	return c->state;
}

struct hubd *
conn_hub(const struct conn *c)
{
	return c->hub;
}

struct node *
conn_node(const struct conn *c)
{
	return c->node;
}

const char *
conn_host(const struct conn *c)
{
	return c->host;
}

mono_us
conn_seen(const struct conn *c)
{
	return c->seen;
}

wall_us
conn_seen_wall(const struct conn *c)
{
	return wall_now() - (mono_now() - c->seen);
}

/* ---- sending ---- */

static bool
conn_frame(struct conn *c, enum ws_op op, const void *p, size_t n)
{
	uint8_t head[10];
	size_t hn;

	if (c->state == CONN_CLOSING)
		return false;
	if (stream_backlog(c->stream) + n > BACKLOG_MAX) {
		c->hub->count.not_reading++;
		log_warn("node %s: does not read: closed with %zu bytes "
		    "waiting", c->node != NULL ? c->node->name : c->host,
		    stream_backlog(c->stream));
		conn_close(c, WS_C_POLICY, "the peer does not read");
		return false;
	}
	hn = ws_head(head, op, n);
	stream_write2(c->stream, head, hn, p, n);
	return true;
}

bool
conn_send(struct conn *c, const void *p, size_t n)
{
	return conn_frame(c, WS_TEXT, p, n);
}

void
conn_close(struct conn *c, int code, const char *why)
{
	struct buf b = BUF_INIT;

	if (c->state == CONN_CLOSING)
		return;
	if (c->why == NULL)
		c->why = why;
	enroll_forget(&c->enroll);
	if (c->state >= CONN_AUTH) {
		ws_put_close(&b, code, why, NULL);
		stream_write(c->stream, buf_head(&b), buf_used(&b));
		buf_free(&b);
	}
	c->state = CONN_CLOSING;
	/* The node leaves on a later turn: a caller may hold it. */
	if (c->node != NULL)
		timer_set(c->hub->timers, &c->timer, 0);
	else
		timer_del(&c->timer);
	stream_close(c->stream, LINGER_MS);
}

void
conn_refuse(struct conn *c, const char *why)
{
	struct buf b = BUF_INIT;

	if (c->state == CONN_CLOSING)
		return;
	c->hub->count.auth_refused++;
	frame_put_auth_error(&b, wall_now(), why);
	(void)conn_send(c, buf_head(&b), buf_used(&b));
	buf_free(&b);
	conn_close(c, WS_C_POLICY, why);
}

void
conn_malformed(struct conn *c, const char *why)
{
	c->hub->count.frames_malformed++;
	log_debug("%s: malformed frame: %s", c->host, why);
	if (++c->malformed > MALFORMED_MAX)
		conn_close(c, WS_C_POLICY, "too many malformed messages");
}

/* ---- states ---- */

void
conn_enroll(struct conn *c, struct enroll_req *req)
{
	c->state = CONN_ENROLL;
	c->enroll = req;
	timer_del(&c->timer);	/* the query has a deadline of its own */
	if (c->slot) {
		c->slot = false;
		listen_slot_give(c->hub->listener);
	}
}

void
conn_live(struct conn *c, struct node *n)
{
	c->enroll = NULL;
	c->node = n;
	c->state = CONN_LIVE;
	c->rx.max = FRAME_MAX;
	conn_settle(c);
	listen_wake(c->hub->listener);
	timer_set(c->hub->timers, &c->timer,
	    c->hub->set.keepalive);
}

void
conn_disown(struct conn *c)
{
	c->node = NULL;
}

void
conns_look(struct conns *cs)
{
	struct conn *c;

	TAILQ_FOREACH(c, &cs->live, link)
		if (c->state == CONN_LIVE)
			timer_set(cs->hub->timers, &c->timer, 0);
}

/*
 * Liveness without a timer per frame: the timer looks when the next ping
 * would be due and is set again for what is left.
 */
static void
conn_liveness(struct conn *c)
{
	const struct hub_settings *set = &c->hub->set;
	mono_us now = mono_now(), quiet = now - c->seen;
	mono_us keep = set->keepalive, dead = set->offline;
	struct buf b = BUF_INIT;

	if (quiet >= dead) {
		c->hub->count.reaped++;
		conn_close(c, WS_C_POLICY, "no sign of life");
		return;
	}
	if (quiet >= keep && now - c->pinged >= keep) {
		c->pinged = now;
		c->hub->count.pings++;
		frame_put_ping(&b, wall_now());
		(void)conn_send(c, buf_head(&b), buf_used(&b));
		buf_free(&b);
		if (c->state == CONN_CLOSING)
			return;
	}
	if (quiet < keep)
		keep -= quiet;
	if (keep > dead - quiet)
		keep = dead - quiet;
	timer_set(c->hub->timers, &c->timer, keep);
}

static void
conn_timeout(void *arg)
{
	struct conn *c = arg;
	mono_us now;

	if (c->state == CONN_LIVE) {
		conn_liveness(c);
		return;
	}
	if (c->state == CONN_CLOSING) {
		if (c->node != NULL)
			node_detach(c->hub, c, c->why);
		return;
	}
	now = mono_now();
	if (c->slot && now < c->deadline) {
		c->slot = false;
		listen_slot_give(c->hub->listener);
		timer_set(c->hub->timers, &c->timer, c->deadline - now);
		return;
	}
	c->hub->count.deadline_missed++;
	if (c->state == CONN_AUTH)
		conn_refuse(c, "no authentication within 10 seconds");
	else {
		c->why = "too slow";
		c->state = CONN_CLOSING;
		stream_abort(c->stream, false);
	}
}

static void
conn_deadline(struct conn *c, mono_us wait)
{
	c->deadline = mono_now() + wait;
	timer_set(c->hub->timers, &c->timer,
	    c->slot && wait > SLOT_TIME ? SLOT_TIME : wait);
}

/* ---- the request head ---- */

static size_t
conn_proxy(struct conn *c, const uint8_t *p, size_t n)
{
	struct sock_addr src;
	size_t used = 0;
	int got = sock_proxy_get(p, n, &used, &src);

	if (got == 0 && n < 4096)
		return 0;
	if (got != 1) {
		c->hub->count.upgrade_failed++;
		c->why = "no PROXY header";
		c->state = CONN_CLOSING;
		stream_abort(c->stream, false);
		return 0;
	}
	if (src.ss.ss_family != AF_UNSPEC) {
		sock_host(&src, c->host);
		c->host_hash = host_hash(c->host);
	}
	c->state = CONN_HEAD;
	if (conns_from(c->hub->conns, c->host) >
	    (size_t)c->hub->conf.unauthenticated_per_address) {
		c->hub->count.refused_address++;
		c->why = "too many from this address";
		c->state = CONN_CLOSING;
		stream_abort(c->stream, false);
		return 0;
	}
	return used;
}

static void
conn_http_error(struct conn *c, enum err err, const char *why)
{
	const struct err_info *e = err_info(err);
	struct buf body = BUF_INIT, b = BUF_INIT;
	struct json_w w;

	json_w_init(&w, &body);
	json_w_object(&w);
	json_w_key(&w, "title");
	json_w_str(&w, e->title);
	json_w_key(&w, "status");
	json_w_i64(&w, e->status);
	json_w_key(&w, "detail");
	json_w_str(&w, why);
	json_w_key(&w, "error");
	json_w_str(&w, why);
	json_w_end_object(&w);
	http1_put_status(&b, e->status);
	http1_put_field(&b, "Content-Type", "application/problem+json");
	if (err == ERR_UPGRADE)
		http1_put_field(&b, "Upgrade", "websocket");
	http1_put_end(&b, (int64_t)buf_used(&body), false);
	stream_write2(c->stream, buf_head(&b), buf_used(&b),
	    buf_head(&body), buf_used(&body));
	buf_free(&b);
	buf_free(&body);
	c->hub->count.upgrade_failed++;
	conn_close(c, 0, why);
}

static void
conn_upgrade(struct conn *c, const struct http1_req *req)
{
	static const char head[] = "HTTP/1.1 101 Switching Protocols\r\n"
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: ";
	char tail[29 + 4];

	if (!slice_eq(req->path, "/ws/node")) {
		conn_http_error(c, ERR_NOT_FOUND,
		    "nodes connect to /ws/node here");
		return;
	}
	if (!slice_eq(req->method, "GET") || !req->upgrade_ws) {
		conn_http_error(c, ERR_UPGRADE,
		    "this path speaks WebSocket only");
		return;
	}
	ws_accept(tail, req->ws_key, tls_sha1);
	memcpy(tail + 28, "\r\n\r\n", 4);
	stream_write2(c->stream, head, sizeof(head) - 1, tail, 32);
	c->hub->count.upgrades++;
	c->state = CONN_AUTH;
	conn_deadline(c, AUTH_TIME);
}

static size_t
conn_head(struct conn *c, const uint8_t *p, size_t n)
{
	struct http1_req req;
	enum err err = ERR_BAD_REQUEST;
	const char *why = "";
	size_t used = 0;

	switch (http1_head((const char *)p, n, &c->scan, &req, &used, &err,
	    &why)) {
	case HTTP1_MORE:
		return 0;
	case HTTP1_BAD:
		conn_http_error(c, err, why);
		return 0;
	case HTTP1_HEAD_DONE:
		conn_upgrade(c, &req);
		return used;
	}
	return 0;
}

/* ---- input ---- */

static bool
conn_message(void *arg, enum ws_op op, uint8_t *p, size_t n)
{
	struct conn *c = arg;

	c->messages++;
	if (op == WS_TEXT || op == WS_BIN)
		return proto_message(c, op == WS_TEXT, p, n);
	if (op == WS_PING && stream_backlog(c->stream) < PONG_BACKLOG)
		(void)conn_frame(c, WS_PONG, p, n);
	else if (op == WS_CLOSE) {
		int code = ws_close_code(p, n);

		c->why = "closed by the node";
		conn_close(c, code < 0 ? WS_C_PROTOCOL : WS_C_NORMAL, "");
	}
	return c->state != CONN_CLOSING;
}

/* ---- the budget of a node ---- */

static void
conn_resume(void *arg)
{
	struct conn *c = arg;

	c->paused = false;
	c->hub->conns->npaused--;
	if (c->state == CONN_CLOSING)
		return;
	c->seen = mono_now();	/* it was us who did not listen */
	conn_spend(c, 0);
	if (!c->paused)
		stream_resume(c->stream);
}

static void
conn_over(struct conn *c, mono_us wait, const char *what)
{
	struct conns *cs = c->hub->conns;
	mono_us now = mono_now();

	c->paused = true;
	cs->npaused++;
	stream_pause(c->stream);
	timer_set(c->hub->timers, &c->resume,
	    wait < BUDGET_STEP ? wait : BUDGET_STEP);
	if (cs->said_budget != 0 && now - cs->said_budget < BUDGET_SAY)
		return;
	cs->said_budget = now;
	log_warn("node %s: over its budget of %s: it is read more slowly "
	    "(%zu nodes now)", c->node->name, what, cs->npaused);
}

/*
 * What was read is paid for afterwards: a node in debt is not read until it
 * is out of it. Nothing is dropped; TCP tells the node.
 */
static void
conn_spend(struct conn *c, size_t bytes)
{
	const struct hubd_conf *conf = &c->hub->conf;
	double rate = (double)conf->node_kib * 1024, burst;
	mono_us now = mono_now(), by_bytes, by_messages;

	burst = rate * BUDGET_BURST;
	by_bytes = rate_spend(&c->byte_budget, rate,
	    burst > BUDGET_LEAST ? burst : BUDGET_LEAST, (double)bytes, now);
	rate = (double)conf->node_messages;
	by_messages = rate_spend(&c->message_budget, rate,
	    rate * BUDGET_BURST, c->messages, now);
	c->messages = 0;
	if (by_bytes == 0 && by_messages == 0)
		return;
	if (bytes > 0 && by_bytes >= by_messages)
		c->hub->count.over_bytes++;
	else if (bytes > 0)
		c->hub->count.over_messages++;
	conn_over(c, by_bytes > by_messages ? by_bytes : by_messages,
	    by_bytes >= by_messages ? "bytes" : "messages");
}

static void
conn_frames(struct conn *c, uint8_t *p, size_t n)
{
	int code;

	c->seen = mono_now();
	code = ws_rx_feed(&c->rx, p, n, conn_message, c);
	if (code != 0 && c->state != CONN_CLOSING) {
		c->hub->count.violations++;
		conn_close(c, code, code == WS_C_TOO_BIG ?
		    "message too large" : "WebSocket protocol error");
	}
	if (c->state == CONN_LIVE && c->node != NULL && !c->paused)
		conn_spend(c, n);
}

static void
conn_greeting(struct conn *c, uint8_t *p, size_t n)
{
	struct buf held = c->held;
	size_t used = 0;

	c->held = (struct buf)BUF_INIT;
	if (buf_used(&held) > 0) {
		buf_put(&held, p, n);
		p = buf_head(&held);
		n = buf_used(&held);
	}
	while (n > 0 && c->state <= CONN_HEAD) {
		used = c->state == CONN_PROXY ? conn_proxy(c, p, n) :
		    conn_head(c, p, n);
		if (used == 0)
			break;
		p += used;
		n -= used;
	}
	if (n > 0 && c->state <= CONN_HEAD)
		buf_put(&c->held, p, n);
	else if (n > 0 && c->state != CONN_CLOSING)
		conn_frames(c, p, n);
	buf_free(&held);
}

static void
conn_data(void *arg, uint8_t *p, size_t n)
{
	struct conn *c = arg;

	if (c->state == CONN_CLOSING)
		return;
	if (c->state <= CONN_HEAD)
		conn_greeting(c, p, n);
	else
		conn_frames(c, p, n);
}

static void
conn_ready(void *arg)
{
	struct conn *c = arg;

	if (c->state <= CONN_HEAD)
		conn_deadline(c, HEAD_TIME);
}

static void
conn_closed(void *arg, enum stream_end end, const char *detail)
{
	static const char *const text[] = {
		[STREAM_EOF] = "connection closed",
		[STREAM_RESET] = "connection lost",
		[STREAM_TLS] = "TLS failed",
		[STREAM_TIMEOUT] = "connection timed out",
		[STREAM_LOCAL] = "closed by the hub",
	};
	struct conn *c = arg;

	if (c->why == NULL)
		c->why = text[end];
	if (c->node != NULL)
		log_debug("node %s: %s (%s)", c->node->name, c->why,
		    detail == NULL ? "" : detail);
	c->stream = NULL;
	conn_free(c);
}

static const struct stream_ops conn_ops = {
	.ready = conn_ready,
	.data = conn_data,
	.closed = conn_closed,
};

void
conn_open(struct hubd *h, int fd, const struct sock_addr *peer, bool door)
{
	struct conns *cs = h->conns;
	struct conn *c = xcalloc(1, sizeof(*c));

	c->hub = h;
	c->state = door ? CONN_PROXY : CONN_HEAD;
	c->slot = c->pending = true;
	c->seen = mono_now();
	sock_host(peer, c->host);
	c->host_hash = host_hash(c->host);
	ws_rx_init(&c->rx, true, FRAME_AUTH);
	timer_init(&c->timer, conn_timeout, c);
	timer_init(&c->resume, conn_resume, c);
	TAILQ_INSERT_TAIL(&cs->pending, c, link);
	cs->npending++;
	cs->nopen++;
	if (!door)
		sock_tune(fd, USER_TIMEOUT);
	c->stream = stream_new(h->io, fd, door ? NULL : h->tls, &conn_ops, c);
	conn_deadline(c, door || h->tls == NULL ? HEAD_TIME : TLS_TIME);
}
