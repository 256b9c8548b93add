/*
 * conn: the life of one socket at the node door. Owns struct conn, which
 * greet.c fills at first, and the two lists of them: those that have not
 * authenticated and those that have.
 * Nothing is freed before the stream's closed callback, which comes last.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "buf.h"
#include "frame.h"
#include "log.h"
#include "rate.h"
#include "stream.h"
#include "timer.h"
#include "tls.h"
#include "ws.h"
#include "xmalloc.h"

#include "conn.h"
#include "conn_int.h"
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
#define USER_TIMEOUT	30000u

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

uint32_t
conn_host_hash(const char *s)
{
	uint32_t h = 2166136261u;

	for (; *s != '\0'; s++)
		h = (h ^ (uint8_t)*s) * 16777619u;
	return h;
}

size_t
conns_from(const struct conns *cs, const char *host)
{
	uint32_t hash = conn_host_hash(host);
	const struct conn *c;
	size_t n = 0;

	TAILQ_FOREACH(c, &cs->pending, link)
		if (c->host_hash == hash && c->state != CONN_ENROLL &&
		    strcmp(c->host, host) == 0)
			n++;
	return n;
}

void
conn_abort(struct conn *c, const char *why)
{
	c->why = why;
	c->state = CONN_CLOSING;
	stream_abort(c->stream, false);
}

void
conns_evict(struct conns *cs)
{
	struct conn *c;

	/* Who was told to go already is here until the loop turns. */
	TAILQ_FOREACH(c, &cs->pending, link)
		if (c->state != CONN_ENROLL && c->state != CONN_CLOSING) {
			conn_abort(c, "evicted");
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
	else
		conn_abort(c, "too slow");
}

void
conn_deadline(struct conn *c, mono_us wait)
{
	c->deadline = mono_now() + wait;
	timer_set(c->hub->timers, &c->timer,
	    c->slot && wait > SLOT_TIME ? SLOT_TIME : wait);
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
	mono_us now = c->seen, by_bytes, by_messages;

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

void
conn_frames(struct conn *c, uint8_t *p, size_t n)
{
	int code;

	c->seen = mono_now();
	if (c->node != NULL)
		c->node->seen = c->seen;
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
conn_data(void *arg, uint8_t *p, size_t n)
{
	struct conn *c = arg;

	if (c->state == CONN_CLOSING)
		return;
	if (c->state <= CONN_HEAD)
		greet_data(c, p, n);
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
	c->host_hash = conn_host_hash(c->host);
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
