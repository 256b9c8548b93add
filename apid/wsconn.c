/*
 * wsconn: frames on a connection that was taken from conn. The owner's
 * callbacks come from the loop, never from inside a call of the owner.
 */
#include <stdlib.h>
#include <string.h>

#include "apid.h"
#include "auth.h"
#include "conn.h"
#include "http.h"
#include "log.h"
#include "req.h"
#include "stream.h"
#include "timer.h"
#include "tls.h"
#include "ws.h"
#include "wsconn.h"
#include "xmalloc.h"

#define MESSAGE_MAX	65536
#define BACKLOG_MAX	(1024 * 1024)
#define TICK		MONO_SEC
#define PING_AFTER	(15 * MONO_SEC)
#define DEAD_AFTER	(45 * MONO_SEC)
#define STALL_AFTER	(30 * MONO_SEC)
#define CLOSE_MS	2000

struct wsconn {
	struct apid		*apid;
	struct conn		*conn;
	const struct wsconn_ops	*ops;
	void			*arg;
	struct who		*who;
	uint64_t		 generation;	/* that who is good for */
	struct auth_op		*auth;
	struct ws_rx		 rx;
	struct timer		 timer;
	mono_us			 heard, pinged, stalled;
	mono_us			 waits;		/* the first byte of backlog */
	int64_t			 written;
	int64_t			 taken;		/* at the last tick */
	bool			 closing;
	char			 id[REQ_ID];
};

/* ---- output ---- */

static void
put(struct wsconn *w, enum ws_op op, const void *p, size_t n)
{
	uint8_t hdr[10];
	size_t len = ws_head(hdr, op, n);

	if (stream_backlog(w->conn->s) == 0)
		w->waits = mono_now();
	w->written += (int64_t)(len + n);
	stream_write2(w->conn->s, hdr, len, p, n);
}

void
wsconn_close(struct wsconn *w, int code, const char *reason)
{
	struct buf b = BUF_INIT;

	if (w->closing)
		return;
	w->closing = true;
	ws_put_close(&b, code, reason, NULL);
	stream_write(w->conn->s, buf_head(&b), buf_used(&b));
	buf_free(&b);
	timer_del(&w->timer);
	auth_forget(&w->auth);
	stream_close(w->conn->s, CLOSE_MS);
}

void
wsconn_text(struct wsconn *w, const void *p, size_t n)
{
	if (w->closing)
		return;
	put(w, WS_TEXT, p, n);
	if (stream_backlog(w->conn->s) > BACKLOG_MAX + n)
		wsconn_close(w, WS_C_LATER, "too slow");
}

size_t
wsconn_backlog(const struct wsconn *w)
{
	return w->closing ? 0 : stream_backlog(w->conn->s);
}

mono_us
wsconn_waits(const struct wsconn *w)
{
	return wsconn_backlog(w) > 0 ? w->waits : INT64_MAX;
}

const struct who *
wsconn_who(const struct wsconn *w)
{
	return w->who;
}

const char *
wsconn_id(const struct wsconn *w)
{
	return w->id;
}

/* ---- the session while the socket lives ---- */

static void
on_session(void *arg, enum err err, struct who *who)
{
	struct wsconn *w = arg;

	w->auth = NULL;
	if (w->closing)
		return;
	if (err == ERR_DATABASE) {
		/* Fails closed, but not at once: sockets are not requests. */
		w->generation = 0;
		if (!auth_ready(w->apid->auth))
			wsconn_close(w, WS_C_LATER, "try again later");
		return;
	}
	if (err != ERR_OK) {
		wsconn_close(w, WS_C_POLICY, "the session has ended");
		return;
	}
	who_unref(&w->who);
	w->who = who_ref(who);
	if (w->ops->rights != NULL)
		w->ops->rights(w->arg, w, w->who);
}

static void
session_check(struct wsconn *w)
{
	uint64_t now = auth_generation(w->apid->auth);
	struct who *who;
	enum err err;

	if (wall_now() >= w->who->until) {
		wsconn_close(w, WS_C_POLICY, "the session has ended");
		return;
	}
	if (now == w->generation || w->auth != NULL)
		return;
	w->generation = now;
	if (auth_find(w->apid->auth, w->who->token, w->who->hash, &who, &err, on_session, w,
	    &w->auth)) {
		on_session(w, err, who);
		who_unref(&who);
	}
}

static void
on_tick(void *arg)
{
	struct wsconn *w = arg;
	mono_us now = mono_now();
	int64_t backlog = (int64_t)stream_backlog(w->conn->s);
	int64_t taken = w->written - backlog;

	/* A slow one that takes something is not stalled. */
	if (backlog == 0)
		w->stalled = 0;
	else if (w->stalled == 0 || taken > w->taken)
		w->stalled = now;
	w->taken = taken;
	if (w->stalled != 0 && now - w->stalled > STALL_AFTER) {
		stream_abort(w->conn->s, true);
		return;
	}
	if (now - w->heard > DEAD_AFTER) {
		wsconn_close(w, WS_C_AWAY, "silent");
		return;
	}
	if (now - w->heard > PING_AFTER && now - w->pinged > PING_AFTER) {
		w->pinged = now;
		put(w, WS_PING, "", 0);
	}
	session_check(w);
	if (!w->closing)
		timer_set(w->apid->timers, &w->timer, TICK);
}

/* ---- input ---- */

static bool
on_message(void *arg, enum ws_op op, uint8_t *p, size_t n)
{
	struct wsconn *w = arg;

	switch (op) {
	case WS_TEXT:
		if (w->ops->text != NULL)
			w->ops->text(w->arg, w, (const char *)p, n);
		break;
	case WS_BIN:
		wsconn_close(w, WS_C_TYPE, "text only");
		break;
	case WS_PING:
		if (stream_backlog(w->conn->s) == 0)
			put(w, WS_PONG, p, n);
		break;
	case WS_CLOSE:
		wsconn_close(w, WS_C_NORMAL, "");
		break;
	case WS_PONG:
	case WS_CONT:
		break;
	}
	return !w->closing;
}

static void
on_data(void *arg, uint8_t *p, size_t n)
{
	struct wsconn *w = arg;
	int code;

	if (w->closing)
		return;
	w->heard = mono_now();
	code = ws_rx_feed(&w->rx, p, n, on_message, w);
	if (code != 0)
		wsconn_close(w, code, "");
}

static void
on_drained(void *arg)
{
	struct wsconn *w = arg;

	if (!w->closing && w->ops->drained != NULL)
		w->ops->drained(w->arg, w);
}

static void
on_closed(void *arg)
{
	struct wsconn *w = arg;

	w->closing = true;
	w->ops->closed(w->arg, w);
	timer_del(&w->timer);
	auth_forget(&w->auth);
	who_unref(&w->who);
	ws_rx_free(&w->rx);
	http_counters(w->apid->http)->sockets--;
	free(w);
}

static void
on_stop(void *arg)
{
	wsconn_close(arg, WS_C_RESTART, "the server restarts");
}

static const struct conn_taker taker = {
	.data = on_data, .drained = on_drained, .closed = on_closed,
	.stop = on_stop,
};

static void
put_101(struct req *r)
{
	char accept[29];

	ws_accept(accept, r->h.ws_key, tls_sha1);
	http1_put_status(&r->out, 101);
	http1_put_field(&r->out, "Upgrade", "websocket");
	http1_put_field(&r->out, "Connection", "Upgrade");
	http1_put_field(&r->out, "Sec-WebSocket-Accept", accept);
	http1_put_field(&r->out, "X-Request-Id", r->id);
	http1_put_end(&r->out, -2, true);
	stream_write_buf(r->conn->s, &r->out);
}

struct wsconn *
req_upgrade_ws(struct req *r, const struct wsconn_ops *ops, void *arg)
{
	struct wsconn *w = xcalloc(1, sizeof(*w));

	w->apid = r->apid;
	w->conn = r->conn;
	w->ops = ops;
	w->arg = arg;
	w->who = who_ref(r->who);
	w->generation = auth_generation(r->apid->auth);
	w->heard = mono_now();
	memcpy(w->id, r->id, sizeof(w->id));
	ws_rx_init(&w->rx, true, MESSAGE_MAX);
	timer_init(&w->timer, on_tick, w);
	timer_set(w->apid->timers, &w->timer, TICK);
	http_counters(w->apid->http)->sockets++;
	put_101(r);
	r->answered = true;
	r->status = 101;
	conn_take(w->conn, r, &taker, w);
	return w;
}
