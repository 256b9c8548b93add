/*
 * greet: a new socket up to its upgrade: the PROXY header at the Unix door,
 * the request head, and the answer to it.
 */
#include <string.h>

#include "err.h"
#include "http1.h"
#include "json.h"
#include "stream.h"
#include "tls.h"
#include "xmalloc.h"

#include "conn_int.h"
#include "hubd.h"

#define AUTH_TIME	(10 * MONO_SEC)

static size_t
greet_proxy(struct conn *c, const uint8_t *p, size_t n)
{
	struct sock_addr src;
	size_t used = 0;
	int got = sock_proxy_get(p, n, &used, &src);

	if (got == 0 && n < 4096)
		return 0;
	if (got != 1) {
		c->hub->count.upgrade_failed++;
		conn_abort(c, "no PROXY header");
		return 0;
	}
	if (src.ss.ss_family != AF_UNSPEC) {
		sock_host(&src, c->host);
		c->host_hash = conn_host_hash(c->host);
	}
	c->state = CONN_HEAD;
	if (conns_from(c->hub->conns, c->host) >
	    (size_t)c->hub->conf.unauthenticated_per_address) {
		c->hub->count.refused_address++;
		conn_abort(c, "too many from this address");
		return 0;
	}
	return used;
}

static void
greet_refuse(struct conn *c, enum err err, const char *why)
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
greet_upgrade(struct conn *c, const struct http1_req *req)
{
	static const char head[] = "HTTP/1.1 101 Switching Protocols\r\n"
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: ";
	char tail[29 + 4];

	if (!slice_eq(req->path, "/ws/node")) {
		greet_refuse(c, ERR_NOT_FOUND,
		    "nodes connect to /ws/node here");
		return;
	}
	if (!slice_eq(req->method, "GET") || !req->upgrade_ws) {
		greet_refuse(c, ERR_UPGRADE,
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
greet_head(struct conn *c, const uint8_t *p, size_t n)
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
		greet_refuse(c, err, why);
		return 0;
	case HTTP1_HEAD_DONE:
		greet_upgrade(c, &req);
		return used;
	}
	return 0;
}

void
greet_data(struct conn *c, uint8_t *p, size_t n)
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
		used = c->state == CONN_PROXY ? greet_proxy(c, p, n) :
		    greet_head(c, p, n);
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
