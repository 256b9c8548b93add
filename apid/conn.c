/*
 * conn: the state machine of a connection. in holds exactly the head that
 * is due or being served, so its slices stay good; next holds what follows.
 */
#include <stdlib.h>
#include <string.h>

#include "apid.h"
#include "arena.h"
#include "auth.h"
#include "body.h"
#include "budget.h"
#include "conn.h"
#include "http.h"
#include "ipc.h"
#include "log.h"
#include "once.h"
#include "peer.h"
#include "req.h"
#include "secret.h"
#include "stream.h"
#include "xmalloc.h"

#define NEXT_MAX	16384		/* waits behind a request at most */
#define OUT_HIGH	(256 * 1024)	/* unsent answers: no new request */
#define DISCARD_MAX	65536		/* of a refused body; more: close */
#define LINGER_MS	2000
#define BODY_RATE	32768		/* bytes a second, at least */

#define STOP_GRACE	(MONO_SEC)	/* for a first request */

static void conn_run(struct conn *);

static mono_us
secs(int64_t n)
{
	return n * MONO_SEC;
}

/* ---- the ends of a request ---- */

bool
conn_keep(struct conn *c)
{
	bool unread = c->left > 0 || c->chunked;

	if (unread && (c->expect || c->chunked || c->left > DISCARD_MAX))
		c->keep = false;
	if (c->apid->stopping)
		c->keep = false;
	return c->keep;
}

static void
conn_pause(struct conn *c, bool pause)
{
	if (c->paused == pause)
		return;
	c->paused = pause;
	if (pause)
		stream_pause(c->s);
	else
		stream_resume(c->s);
}

static void
conn_close(struct conn *c)
{
	c->state = CONN_CLOSING;
	timer_del(&c->timer);
	stream_close(c->s, stream_backlog(c->s) == 0 ? LINGER_MS :
	    (unsigned)c->apid->conf.idle_timeout * 1000);
}

/* Ready for the next head, which may be here already. */
static void
conn_next(struct conn *c)
{
	struct buf t = c->in;

	if (t.cap > NEXT_MAX)
		buf_free(&t);
	buf_clear(&t);
	c->in = c->next;
	c->next = t;
	c->scan = 0;
	c->state = CONN_HEAD;
	c->served = true;
	c->head_timed = false;
	timer_set(c->apid->timers, &c->timer,
	    secs(c->apid->conf.idle_timeout));
	conn_pause(c, stream_backlog(c->s) > OUT_HIGH);
	conn_run(c);
}

static void
conn_discard(struct conn *c)
{
	size_t n = buf_used(&c->next);

	if (n > c->left)
		n = (size_t)c->left;
	buf_drain(&c->next, n);
	c->left -= n;
	if (c->left == 0)
		conn_next(c);
}

void
conn_answered(struct conn *c, struct req *r)
{
	http_log(c->http, r);
	c->req = NULL;
	http_req_put(c->http, r);
	if (!c->keep) {
		conn_close(c);
		return;
	}
	if (c->left == 0) {
		conn_next(c);
		return;
	}
	c->state = CONN_DISCARD;
	timer_set(c->apid->timers, &c->timer,
	    secs(c->apid->conf.body_timeout));
	conn_pause(c, false);
	conn_discard(c);
}

void
conn_take(struct conn *c, struct req *r, const struct conn_taker *t, void *arg)
{
	http_log(c->http, r);
	c->req = NULL;
	http_req_put(c->http, r);
	c->state = CONN_TAKEN;
	c->taker = t;
	c->taker_arg = arg;
	buf_free(&c->in);
	conn_pause(c, false);
	/* What came too early is handed over on a later turn. */
	if (buf_used(&c->next) > 0)
		timer_set(c->apid->timers, &c->timer, 0);
	else
		timer_del(&c->timer);
}

/* ---- the handler ---- */

/* Why the caller may not use the row, however the request is meant. */
static const char *
row_refusal(const struct route *row, const struct who *w)
{
	if (row->role == ROLE_PUBLIC)
		return NULL;
	if (w->role < row->role)
		return err_info(ERR_FORBIDDEN)->title;
	if (w->token && (row->flags & ROUTE_SESSION))
		return "an API token may not do this: sign in";
	if (w->read_only && row->method != ROUTE_GET)
		return "this API token only reads";
	return NULL;
}

/* Role and node. False: answered. */
static bool
conn_allow(struct req *r)
{
	const struct route *row = r->route;
	const char *refusal = row_refusal(row, r->who);

	if (refusal != NULL) {
		req_fail(r, ERR_FORBIDDEN, "%s", refusal);
		return false;
	}
	if ((row->flags & ROUTE_NODE) && (r->params.id_at == ROUTE_PARAMS ||
	    !who_may(r->who, &r->params.v[r->params.id_at].id))) {
		req_fail(r, ERR_NODE_FORBIDDEN, NULL);
		return false;
	}
	return true;
}

/* Body, role, node: in the order in which their refusals win. */
static void
conn_dispatch(struct conn *c)
{
	struct req *r = c->req;
	struct json_faults faults = { .n = 0 };
	enum err err;

	c->state = CONN_BUSY;
	r->raw.p = (const char *)buf_head(&r->body_in);
	r->raw.n = buf_used(&r->body_in);
	if ((err = body_decode(r, &faults)) != ERR_OK) {
		req_faults(r, err, &faults);
		return;
	}
	if (!conn_allow(r))
		return;
	r->dispatched = true;
	once_start(r);
}

/* A row that takes its body in pieces: the handler comes first. False: it
 * has answered. */
static bool
conn_early(struct conn *c)
{
	struct req *r = c->req;

	c->state = CONN_BUSY;
	c->body_whole = c->sink_full = false;
	if (!body_is_json(http1_get(&r->h, "Content-Type"))) {
		req_fail(r, ERR_MEDIA_TYPE, NULL);
		return false;
	}
	if (!conn_allow(r))
		return false;
	r->dispatched = true;
	r->route->fn(r);
	return c->req == r;
}

/* ---- the body ---- */

static uint64_t
body_limit(const struct route *row)
{
	return row->body_max != 0 ? row->body_max : BODY_IGNORED_MAX;
}

/* 1: the body is whole, 0: more is due, -1: it broke a rule (*err_r). */
static int
body_take(struct conn *c, enum err *err_r)
{
	struct buf *in = &c->next, *out = &c->req->body_in;
	size_t n = buf_used(in), used = n, body;
	int got = 0;

	body = n;
	if (c->chunked) {
		got = http1_chunk(&c->chunk, (char *)buf_head(in), n, &used,
		    &body);
		if (got < 0) {
			*err_r = ERR_BAD_REQUEST;
			return -1;
		}
	} else {
		if (body > c->left)
			used = body = (size_t)c->left;
		c->left -= body;
		got = c->left == 0;
	}
	c->req->taken += body;
	if (c->req->taken > body_limit(c->req->route)) {
		*err_r = ERR_TOO_LARGE;
		return -1;
	}
	buf_put(out, buf_head(in), body);
	secret_wipe(buf_head(in), used);	/* it may be a password */
	buf_drain(in, used);
	if (got == 1)
		c->chunked = false;
	return got;
}

/* What has come goes to the sink. It may answer, and then the request is
 * gone; a sink that is full stops the client. */
static void
conn_sink(struct conn *c)
{
	struct req *r = c->req;

	if (!c->sinking && !c->sink_full) {
		c->sinking = true;
		r->sink(r, &r->body_in, c->body_whole);
		c->sinking = false;
	}
	if (c->req == r && r->sink != NULL && c->state == CONN_BODY)
		conn_pause(c, c->sink_full);
}

void
conn_body_pause(struct conn *c, bool pause)
{
	c->sink_full = pause;
	if (!pause && c->req != NULL && !c->sinking)
		conn_sink(c);
}

/* A body that cannot be: whoever took its beginning hears of it. */
static void
conn_bad_body(struct conn *c, enum err err, const char *why)
{
	struct req *r = c->req;

	c->keep = false;
	if (r->sink != NULL && r->gone != NULL)
		r->gone(r);
	req_fail(r, err, why != NULL ? "%s" : NULL, why);
}

static void
conn_feed(struct conn *c)
{
	enum err err = ERR_OK;
	int got;

	if (buf_used(&c->next) == 0)
		return;
	got = body_take(c, &err);
	if (got < 0) {
		conn_bad_body(c, err, err == ERR_BAD_REQUEST ?
		    "malformed chunked body" : NULL);
	} else if (c->req->sink != NULL) {
		if (got == 1) {
			c->body_whole = true;
			c->state = CONN_BUSY;
			timer_del(&c->timer);
		}
		conn_sink(c);
	} else if (got == 1)
		conn_dispatch(c);
}

/* The caller is known or need not be. */
static void
conn_body(struct conn *c)
{
	uint64_t due;

	if ((c->req->route->flags & ROUTE_STREAM) && !conn_early(c))
		return;
	if (c->left == 0 && !c->chunked && c->req->sink != NULL) {
		c->body_whole = true;
		conn_sink(c);
		return;
	}
	if (c->left == 0 && !c->chunked) {
		conn_dispatch(c);
		return;
	}
	if (c->expect && buf_used(&c->next) == 0)
		stream_write(c->s, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	c->expect = false;
	c->state = CONN_BODY;
	due = c->chunked ? body_limit(c->req->route) : c->left;
	timer_set(c->apid->timers, &c->timer,
	    secs(c->apid->conf.body_timeout + (int64_t)(due / BODY_RATE)));
	conn_pause(c, false);
	conn_feed(c);
}

/* ---- the caller ---- */

static void
conn_known(struct conn *c, enum err err, struct who *w)
{
	struct req *r = c->req;
	const struct route *row = r->route;

	if (err == ERR_UNAUTHENTICATED)
		auth_guessed(r->apid->auth, r->address);
	if (err != ERR_OK && !((row->flags & ROUTE_OPTIONAL) &&
	    err == ERR_UNAUTHENTICATED)) {
		req_fail(r, err, NULL);
		return;
	}
	if (w != NULL)
		r->who = who_ref(w);
	if (!budget_take(c->apid->budget, r))
		return;
	if (row->role > ROLE_PUBLIC && row->method != ROUTE_GET &&
	    !(row->flags & ROUTE_NO_CSRF) && !w->token && !peer_csrf(r)) {
		req_fail(r, ERR_CSRF, NULL);
		return;
	}
	if ((row->flags & ROUTE_UPGRADE) && r->cookie && !peer_origin(r)) {
		req_fail(r, ERR_ORIGIN, NULL);
		return;
	}
	conn_body(c);
}

static void
on_known(void *arg, enum err err, struct who *w)
{
	struct conn *c = arg;

	c->req->auth = NULL;
	conn_known(c, err, w);
}

static void
conn_authenticate(struct conn *c)
{
	struct req *r = c->req;
	struct auth *auth = c->apid->auth;
	uint8_t hash[SECRET_HASH];
	struct slice token;
	struct who *w;
	enum err err;

	token = (struct slice){ NULL, 0 };
	if (r->route->role > ROLE_PUBLIC ||
	    (r->route->flags & ROUTE_OPTIONAL))
		token = auth_token(&r->h, &r->cookie);
	if (token.p == NULL && r->route->role == ROLE_PUBLIC) {
		if (budget_take(c->apid->budget, r))
			conn_body(c);
		return;
	}
	if (token.p == NULL) {
		req_fail(r, ERR_UNAUTHENTICATED, NULL);
		return;
	}
	if (auth_guessing(auth, r->address)) {
		req_fail(r, ERR_RATE_LIMITED, "too many unknown sessions");
		return;
	}
	auth_hash(auth, token, hash);
	c->state = CONN_AUTH;
	if (auth_find(auth, auth_is_api(token), hash, &w, &err, on_known, c, &r->auth)) {
		conn_known(c, err, w);
		who_unref(&w);
	}
}

/* ---- the head ---- */

/* What the head alone shows to be wrong with a request for this row. */
static enum err
head_fault(struct conn *c, struct req *r)
{
	const struct route *row = r->route;

	if (!r->h.expect_continue && r->h.minor >= 1 &&
	    http1_get(&r->h, "Expect").p != NULL)
		return ERR_EXPECTATION;
	if ((row->flags & ROUTE_UPGRADE) && !r->h.upgrade_ws) {
		req_header(r, "Upgrade", "websocket");
		return ERR_UPGRADE;
	}
	if ((row->flags & ROUTE_UPGRADE) && (c->left > 0 || c->chunked))
		return ERR_BAD_REQUEST;
	if (c->left > body_limit(row))
		return ERR_TOO_LARGE;
	if (!(row->flags & ROUTE_ACCEPT) && r->h.path.n > 5 &&
	    memcmp(r->h.path.p, "/api/", 5) == 0 &&
	    !body_json_wanted(http1_get(&r->h, "Accept")))
		return ERR_NOT_ACCEPTABLE;
	return ERR_OK;
}

static void
conn_start(struct conn *c, struct req *r)
{
	char allow[64];
	enum err err;

	c->state = CONN_BUSY;
	c->keep = r->h.keep_alive;
	c->left = r->h.has_length ? r->h.length : 0;
	c->chunked = r->h.chunked;
	c->expect = r->h.expect_continue && (c->left > 0 || c->chunked);
	memset(&c->chunk, 0, sizeof(c->chunk));
	r->head = r->h.method.n == 4 && memcmp(r->h.method.p, "HEAD", 4) == 0;
	peer_identify(c, r);
	err = router_find(http_router(c->http), r->h.method, r->h.path,
	    &r->route, &r->params, allow);
	if (err == ERR_METHOD)
		req_header(r, "Allow", allow);
	if (err == ERR_OK)
		err = head_fault(c, r);
	if (err != ERR_OK)
		req_fail(r, err, NULL);
	else
		conn_authenticate(c);
}

/* A head that is none, or that never came. */
static void
conn_refuse(struct conn *c, struct req *r, enum err err, const char *why)
{
	c->state = CONN_BUSY;
	c->keep = false;
	c->left = 0;
	c->chunked = false;
	r->h.method = r->h.path = (struct slice){ NULL, 0 };
	r->h.nfields = 0;
	r->started = mono_now();
	memcpy(r->address, c->address, sizeof(r->address));
	http_new_id(c->http, r->id, sizeof(r->id));
	req_fail(r, err, why != NULL ? "%s" : NULL, why);
}

static void
conn_head(struct conn *c)
{
	struct req *r = http_req_get(c->http);
	const char *why = NULL;
	size_t used = 0;
	enum err err = ERR_BAD_REQUEST;

	r->conn = c;
	c->req = r;
	switch (http1_head((char *)buf_head(&c->in), buf_used(&c->in),
	    &c->scan, &r->h, &used, &err, &why)) {
	case HTTP1_MORE:
		c->req = NULL;
		http_req_put(c->http, r);
		if (!c->head_timed)
			timer_set(c->apid->timers, &c->timer,
			    secs(c->apid->conf.header_timeout));
		c->head_timed = true;
		break;
	case HTTP1_HEAD_DONE:
		if (buf_used(&c->in) > used) {
			buf_put(&c->next, buf_head(&c->in) + used,
			    buf_used(&c->in) - used);
			secret_wipe(buf_head(&c->in) + used,
			    buf_used(&c->in) - used);
			c->in.len = c->in.off + used;
		}
		conn_start(c, r);
		break;
	case HTTP1_BAD:
		conn_refuse(c, r, err, why);
		break;
	}
}

/* Requests are served in a loop, not by recursion, however many are here. */
static void
conn_run(struct conn *c)
{
	size_t had;

	if (c->looping)
		return;
	c->looping = true;
	while (c->state == CONN_HEAD && buf_used(&c->in) > 0 &&
	    stream_backlog(c->s) <= OUT_HIGH) {
		had = buf_used(&c->in);
		conn_head(c);
		if (c->state == CONN_HEAD && c->req == NULL &&
		    c->head_timed && buf_used(&c->in) == had)
			break;		/* incomplete */
	}
	c->looping = false;
}

/* ---- events of the stream ---- */

/* Passwords and keys come this way: the scratch forgets them. */
static void
keep_data(struct buf *b, uint8_t *p, size_t n)
{
	buf_put(b, p, n);
	secret_wipe(p, n);
}

static void
on_data(void *arg, uint8_t *p, size_t n)
{
	struct conn *c = arg;

	switch (c->state) {
	case CONN_HEAD:
		keep_data(&c->in, p, n);
		conn_run(c);
		break;
	case CONN_BODY:
		keep_data(&c->next, p, n);
		conn_feed(c);
		break;
	case CONN_DISCARD:
		buf_put(&c->next, p, n);
		conn_discard(c);
		break;
	case CONN_AUTH:
	case CONN_BUSY:
		keep_data(&c->next, p, n);
		if (buf_used(&c->next) > NEXT_MAX)
			conn_pause(c, true);
		break;
	case CONN_TAKEN:
		if (buf_used(&c->next) > 0)
			buf_put(&c->next, p, n);
		else
			c->taker->data(c->taker_arg, p, n);
		break;
	case CONN_CLOSING:
		break;
	}
}

static void
on_drained(void *arg)
{
	struct conn *c = arg;

	if (c->state == CONN_TAKEN) {
		c->taker->drained(c->taker_arg);
	} else if (c->state == CONN_BUSY && c->req != NULL &&
	    c->req->streaming) {
		c->req->more(c->req);
	} else if (c->state == CONN_HEAD) {
		conn_pause(c, false);
		conn_run(c);
	}
}

/* The client went. What only reads is dropped; what changes something runs
 * on, with the head that its log line needs. */
static void
req_lost(struct conn *c, struct req *r)
{
	c->req = NULL;
	r->conn = NULL;
	auth_forget(&r->auth);
	if (r->dispatched && r->route->method != ROUTE_GET && !r->abandon) {
		r->head_in = c->in;
		c->in = (struct buf)BUF_INIT;
		http_counters(c->http)->orphans++;
		return;
	}
	if (r->gone != NULL)
		r->gone(r);
	db_forget(&r->db);
	ipc_forget(&r->ipc);
	http_req_put(c->http, r);
}

static void
on_closed(void *arg, enum stream_end end, const char *detail)
{
	struct conn *c = arg;

	if (end == STREAM_TLS)
		log_debug("http: %s: TLS: %s", c->address, detail);
	c->s = NULL;
	if (c->req != NULL)
		req_lost(c, c->req);
	conn_free(c);
}

static const struct stream_ops ops = {
	.data = on_data, .drained = on_drained, .closed = on_closed,
};

static void
on_timer(void *arg)
{
	struct conn *c = arg;

	switch (c->state) {
	case CONN_HEAD:
		if (buf_used(&c->in) == 0 || stream_backlog(c->s) > 0) {
			c->state = CONN_CLOSING;
			stream_close(c->s, 0);
			break;
		}
		http_counters(c->http)->timeouts++;
		c->req = http_req_get(c->http);
		c->req->conn = c;
		conn_refuse(c, c->req, ERR_TIMEOUT, "the head was too slow");
		break;
	case CONN_BODY:
		http_counters(c->http)->timeouts++;
		conn_bad_body(c, ERR_TIMEOUT, "the body was too slow");
		break;
	case CONN_DISCARD:
		conn_close(c);
		break;
	case CONN_TAKEN:
		c->taker->data(c->taker_arg, buf_head(&c->next),
		    buf_used(&c->next));
		buf_free(&c->next);
		break;
	case CONN_AUTH:
	case CONN_BUSY:
	case CONN_CLOSING:
		break;
	}
}

struct conn *
conn_new(struct http *http, struct apid *apid, int fd,
    const struct sock_addr *peer)
{
	struct conn *c = xcalloc(1, sizeof(*c));

	c->http = http;
	c->apid = apid;
	c->peer = *peer;
	sock_host(peer, c->address);
	c->trusted = http_trusts(http, c->address);
	timer_init(&c->timer, on_timer, c);
	/* The first head's time includes the TLS handshake. */
	timer_set(apid->timers, &c->timer, secs(apid->conf.header_timeout *
	    (apid->tls != NULL ? 2 : 1)));
	http_conn_add(http, c);
	c->s = stream_new(apid->io, fd, apid->tls, &ops, c);
	return c;
}

void
conn_free(struct conn *c)
{
	struct req *r = c->req;

	if (r != NULL) {
		c->req = NULL;
		auth_forget(&r->auth);
		if (r->gone != NULL)
			r->gone(r);
		db_forget(&r->db);
		ipc_forget(&r->ipc);
		http_req_put(c->http, r);
	}
	if (c->state == CONN_TAKEN)
		c->taker->closed(c->taker_arg);
	timer_del(&c->timer);
	buf_free(&c->in);
	buf_free(&c->next);
	http_conn_gone(c->http, c);
	free(c);
}

void
conn_stop(struct conn *c)
{
	c->keep = false;
	if (c->state == CONN_HEAD && (!c->served || buf_used(&c->in) > 0))
		/* it has just come: its first request is on the way */
		timer_set(c->apid->timers, &c->timer, STOP_GRACE);
	else if (c->state == CONN_HEAD || c->state == CONN_DISCARD)
		conn_close(c);
	else if (c->state == CONN_TAKEN)
		c->taker->stop(c->taker_arg);
}
