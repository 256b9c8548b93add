/* relay: pairs of streams. A pair lives until both of its ends are closed. */
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apid.h"
#include "conn.h"
#include "log.h"
#include "relay.h"
#include "req.h"
#include "sock.h"
#include "stream.h"
#include "timer.h"
#include "xmalloc.h"

#define HIGH		(256 * 1024)	/* backlog that stops the other side */
#define CONNECT		(3 * MONO_SEC)
#define LINGER_MS	5000

struct pair {
	LIST_ENTRY(pair) entry;
	struct relay	*relay;
	struct req	*req;		/* until hubd's door took us */
	struct conn	*conn;		/* NULL: closed */
	struct stream	*up;		/* to hubd; NULL: closed */
	struct timer	 timer;		/* of the connect */
	bool		 conn_stopped, up_stopped;	/* reading paused */
	bool		 closing;
	struct buf	 head;
};

struct relay {
	struct apid		*apid;
	struct sock_addr	 door;
	bool			 door_good;
	LIST_HEAD(, pair)	 pairs;
	struct relay_stats	 stats;
};

static void
pair_free(struct pair *p)
{
	LIST_REMOVE(p, entry);
	timer_del(&p->timer);
	buf_free(&p->head);
	p->relay->stats.open--;
	free(p);
}

static void
pair_done(struct pair *p)
{
	if (p->conn == NULL && p->up == NULL && p->req == NULL)
		pair_free(p);
}

/* ---- the client's side ---- */

static void
client_data(void *arg, uint8_t *b, size_t n)
{
	struct pair *p = arg;

	if (p->up == NULL || p->closing)
		return;
	stream_write(p->up, b, n);
	if (stream_backlog(p->up) > HIGH && !p->conn_stopped) {
		p->conn_stopped = true;
		stream_pause(p->conn->s);
	}
}

static void
client_drained(void *arg)
{
	struct pair *p = arg;

	if (p->up_stopped && p->up != NULL) {
		p->up_stopped = false;
		stream_resume(p->up);
	}
}

static void
client_closed(void *arg)
{
	struct pair *p = arg;

	p->conn = NULL;
	p->closing = true;
	if (p->up != NULL)
		stream_close(p->up, LINGER_MS);
	pair_done(p);
}

static void
client_stop(void *arg)
{
	struct pair *p = arg;

	/* The node learns it from the end of the connection and dials anew. */
	p->closing = true;
	if (p->conn != NULL)
		stream_close(p->conn->s, 0);
}

static const struct conn_taker taker = {
	.data = client_data, .drained = client_drained,
	.closed = client_closed, .stop = client_stop,
};

/* ---- hubd's side ---- */

static void
pair_refuse(struct pair *p)
{
	struct req *r = p->req;

	p->req = NULL;
	p->relay->stats.refused++;
	req_fail(r, ERR_HUB_AWAY, NULL);
}

static void
up_ready(void *arg)
{
	struct pair *p = arg;
	struct req *r = p->req;

	timer_del(&p->timer);
	if (r == NULL)			/* the client has gone meanwhile */
		return;
	p->req = NULL;
	p->conn = r->conn;
	p->relay->stats.opened++;
	stream_write_buf(p->up, &p->head);
	r->answered = true;
	r->status = 101;
	conn_take(p->conn, r, &taker, p);
}

static void
up_data(void *arg, uint8_t *b, size_t n)
{
	struct pair *p = arg;

	if (p->conn == NULL || p->closing)
		return;
	stream_write(p->conn->s, b, n);
	if (stream_backlog(p->conn->s) > HIGH && !p->up_stopped) {
		p->up_stopped = true;
		stream_pause(p->up);
	}
}

static void
up_drained(void *arg)
{
	struct pair *p = arg;

	if (p->conn_stopped && p->conn != NULL && !p->closing) {
		p->conn_stopped = false;
		stream_resume(p->conn->s);
	}
}

static void
up_closed(void *arg, enum stream_end end, const char *detail)
{
	struct pair *p = arg;

	p->up = NULL;
	if (p->req != NULL) {
		log_warn("relay: hubd's node door: %s", detail);
		pair_refuse(p);
	}
	if (p->conn != NULL && !p->closing) {
		p->closing = true;
		stream_close(p->conn->s, LINGER_MS);
	}
	pair_done(p);
}

static const struct stream_ops up_ops = {
	.ready = up_ready, .data = up_data, .drained = up_drained,
	.closed = up_closed,
};

static void
on_late(void *arg)
{
	struct pair *p = arg;

	if (p->req != NULL)
		pair_refuse(p);
	if (p->up != NULL)
		stream_abort(p->up, false);
}

/* ---- the request ---- */

static void
client_gone(struct req *r)
{
	struct pair *p = r->state;

	p->req = NULL;
	p->closing = true;
	if (p->up != NULL)
		stream_abort(p->up, false);
}

/* The address that the node's record shows: behind a proxy, the forwarded. */
static void
put_proxy(struct req *r, struct buf *b)
{
	struct sock_addr src = r->conn->peer, dst = { .len = sizeof(dst.ss) };
	char text[SOCK_TEXT + 4];
	struct buf why = BUF_INIT;

	if (strcmp(r->address, r->conn->address) != 0) {
		snprintf(text, sizeof(text), strchr(r->address, ':') != NULL ?
		    "[%s]:0" : "%s:0", r->address);
		if (sock_parse(text, &src, &why) != 0)
			src = r->conn->peer;
	}
	if (getsockname(stream_fd(r->conn->s), (struct sockaddr *)&dst.ss,
	    &dst.len) != 0 || dst.ss.ss_family != src.ss.ss_family)
		dst = src;
	sock_proxy_put(b, &src, &dst);
	buf_free(&why);
}

void
relay_node(struct req *r)
{
	struct relay *relay = r->apid->relay;
	struct pair *p;
	int fd = -1;

	if (relay->door_good)
		fd = sock_connect(&relay->door);
	if (fd == -1) {
		relay->stats.refused++;
		req_fail(r, ERR_HUB_AWAY, NULL);
		return;
	}
	p = xcalloc(1, sizeof(*p));
	p->relay = relay;
	p->req = r;
	relay->stats.open++;
	LIST_INSERT_HEAD(&relay->pairs, p, entry);
	put_proxy(r, &p->head);
	buf_put(&p->head, buf_head(&r->conn->in), buf_used(&r->conn->in));
	timer_init(&p->timer, on_late, p);
	timer_set(r->apid->timers, &p->timer, CONNECT);
	r->state = p;
	r->gone = client_gone;
	p->up = stream_connect(r->apid->io, fd, &up_ops, p);
}

struct relay *
relay_new(struct apid *a)
{
	struct relay *r = xcalloc(1, sizeof(*r));
	struct buf why = BUF_INIT;
	char *path;

	r->apid = a;
	LIST_INIT(&r->pairs);
	path = xasprintf("unix:%s/node.sock", a->conf.suite.run_dir);
	r->door_good = sock_parse(path, &r->door, &why) == 0;
	if (!r->door_good)
		log_warn("relay: %s: %s", path, buf_cstr(&why));
	free(path);
	buf_free(&why);
	return r;
}

void
relay_free(struct relay *r)
{
	if (r == NULL)
		return;
	while (!LIST_EMPTY(&r->pairs))
		pair_free(LIST_FIRST(&r->pairs));
	free(r);
}

void
relay_stats(const struct relay *r, struct relay_stats *s)
{
	*s = r->stats;
}
