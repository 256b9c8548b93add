/* http: accepts, counts, lends requests, writes the access log. */
#include <sys/queue.h>

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "apid.h"
#include "arena.h"
#include "auth.h"
#include "conn.h"
#include "err.h"
#include "gzip.h"
#include "http.h"
#include "ipc.h"
#include "log.h"
#include "once.h"
#include "proc.h"
#include "req.h"
#include "route.h"
#include "secret.h"
#include "sock.h"
#include "stream.h"
#include "xmalloc.h"

#define ACCEPTS		64		/* a turn of the loop */
#define POOL_MAX	256		/* idle requests that are kept */
#define KEEP_BUF	65536		/* a larger buffer is given back */
#define ADDRESSES	4096		/* buckets, a power of two */
#define USER_TIMEOUT	30000		/* ms */
#define OPENS		(2 * MONO_SEC)	/* that the door waits at a start */

/* Connections by address; an entry lives while its count is not 0. */
struct address {
	struct address	*next;
	unsigned	 n;
	char		 text[SOCK_TEXT];
};

TAILQ_HEAD(conns, conn);
TAILQ_HEAD(reqs, req);

struct http {
	struct apid		*apid;
	struct router		*router;
	struct gzip		*gzip;
	struct event		*ev;
	int			 fd, spare;
	bool			 opened;
	struct timer		 opens;
	mono_us			 said_files;
	struct conns		 conns;
	struct reqs		 live, pool;
	size_t			 pooled;
	struct address		*addresses[ADDRESSES];
	struct buf		 fields[2];	/* of an API answer, of a page */
	struct buf		 ok[2];		/* the whole start of a 200 */
	time_t			 ok_at;		/* the second it is good for */
	uint64_t		 id_next;
	struct http_stats	 stats;
};

/* ---- the fields of every answer ---- */

#define FIELDS_ALL \
	"X-Content-Type-Options: nosniff\r\n" \
	"X-Frame-Options: DENY\r\n" \
	"Referrer-Policy: no-referrer\r\n" \
	"Cross-Origin-Opener-Policy: same-origin\r\n" \
	"Cross-Origin-Resource-Policy: same-origin\r\n" \
	"Permissions-Policy: camera=(), geolocation=(), microphone=(), " \
	"payment=(), usb=()\r\n"
#define FIELDS_API \
	"Content-Security-Policy: default-src 'none'; " \
	"frame-ancestors 'none'\r\n"
#define FIELDS_PAGE \
	"Content-Security-Policy: default-src 'none'; script-src 'self'; " \
	"style-src 'self'; img-src 'self' data: blob:; font-src 'self'; " \
	"connect-src 'self'; form-action 'self'; base-uri 'none'; " \
	"frame-ancestors 'none'; require-trusted-types-for 'script'; " \
	"trusted-types 'none'\r\n"
#define FIELD_HSTS \
	"Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n"

/* Most answers of a second begin with the same bytes. */
void
http_put_head(struct http *h, struct buf *b, int status, bool page)
{
	time_t now = time(NULL);
	size_t i;

	if (status != 200) {
		http1_put_status(b, status);
		buf_put(b, h->fields[page].data, h->fields[page].len);
		return;
	}
	for (i = 0; i < 2 && h->ok_at != now; i++) {
		buf_clear(&h->ok[i]);
		http1_put_status(&h->ok[i], 200);
		buf_put(&h->ok[i], h->fields[i].data, h->fields[i].len);
	}
	h->ok_at = now;
	buf_put(b, h->ok[page].data, h->ok[page].len);
}

static void
fields_make(struct http *h)
{
	const struct apid *a = h->apid;

	buf_clear(&h->fields[0]);
	buf_clear(&h->fields[1]);
	h->ok_at = 0;
	buf_puts(&h->fields[0], FIELDS_ALL FIELDS_API);
	buf_puts(&h->fields[1], FIELDS_ALL FIELDS_PAGE);
	/* A browser that remembers it for a self-signed name is locked out. */
	if (a->tls != NULL && a->conf.hsts && !a->self_signed) {
		buf_puts(&h->fields[0], FIELD_HSTS);
		buf_puts(&h->fields[1], FIELD_HSTS);
	}
}

void
http_settings(struct http *h)
{
	fields_make(h);
}

/* ---- addresses ---- */

static struct address **
address_at(struct http *h, const char *text)
{
	struct address **at;
	uint32_t hash = 2166136261u;
	const char *p;

	for (p = text; *p != '\0'; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619u;
	at = &h->addresses[hash & (ADDRESSES - 1)];
	while (*at != NULL && strcmp((*at)->text, text) != 0)
		at = &(*at)->next;
	return at;
}

static void
address_add(struct http *h, const char *text)
{
	struct address **at = address_at(h, text);

	if (*at == NULL) {
		*at = xcalloc(1, sizeof(**at));
		snprintf((*at)->text, sizeof((*at)->text), "%s", text);
	}
	(*at)->n++;
}

static void
address_sub(struct http *h, const char *text)
{
	struct address **at = address_at(h, text), *a = *at;

	if (a == NULL || --a->n > 0)
		return;
	*at = a->next;
	free(a);
}

bool
http_trusts(const struct http *h, const char *address)
{
	const char *list = h->apid->conf.proxy_trust;
	size_t n, len = strlen(address);

	if (list == NULL)
		return false;
	for (; *list != '\0'; list += n) {
		list += strspn(list, ", ");
		n = strcspn(list, ", ");
		if (n == len && n > 0 && memcmp(list, address, n) == 0)
			return true;
	}
	return false;
}

/* ---- accepting ---- */

static const char full_text[] =
    "HTTP/1.1 503 Service Unavailable\r\n"
    "Content-Type: application/problem+json\r\nRetry-After: 5\r\n"
    "Content-Length: 138\r\nConnection: close\r\n\r\n"
    "{\"type\":\"/problems/unavailable\",\"title\":\"Service unavailable\","
    "\"status\":503,\"detail\":\"too many connections\","
    "\"error\":\"too many connections\"}";

/* True when the connection was over a cap and is closed already. */
static bool
refused(struct http *h, int fd, const struct sock_addr *peer)
{
	char text[SOCK_TEXT];
	struct address *a;

	sock_host(peer, text);
	a = *address_at(h, text);
	if (h->stats.open >= (uint64_t)h->apid->conf.max_connections)
		h->stats.refused_full++;
	else if (a != NULL && !http_trusts(h, text) &&
	    a->n >= (unsigned)h->apid->conf.max_per_address)
		h->stats.refused_address++;
	else
		return false;
	/* Best effort: what does not fit into an empty socket is not sent. */
	if (h->apid->tls == NULL && send(fd, full_text,
	    sizeof(full_text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		shutdown(fd, SHUT_WR);
	close(fd);
	return true;
}

/* Told once a second: a flood of clients is none of lines. */
static void
out_of_files(struct http *h, int lfd)
{
	mono_us now = mono_now();

	h->stats.refused_fds++;
	proc_spare_accept(&h->spare, lfd);
	if (h->said_files != 0 && now - h->said_files < MONO_SEC)
		return;
	h->said_files = now;
	log_warn("http: out of file descriptors: new connections are closed");
}

static void
on_accept(evutil_socket_t lfd, short what, void *arg)
{
	struct http *h = arg;
	struct sock_addr peer;
	int fd, i;

	for (i = 0; i < ACCEPTS; i++) {
		fd = sock_accept(lfd, &peer);
		if (fd == -1 && (errno == EMFILE || errno == ENFILE)) {
			out_of_files(h, lfd);
			continue;
		}
		if (fd == -1)
			break;
		h->stats.accepted++;
		if (refused(h, fd, &peer))
			continue;
		sock_tune(fd, USER_TIMEOUT);
		conn_new(h, h->apid, fd, &peer);
	}
}

void
http_conn_add(struct http *h, struct conn *c)
{
	TAILQ_INSERT_TAIL(&h->conns, c, entry);
	h->stats.open++;
	address_add(h, c->address);
}

void
http_conn_gone(struct http *h, struct conn *c)
{
	TAILQ_REMOVE(&h->conns, c, entry);
	h->stats.open--;
	address_sub(h, c->address);
	if (h->apid->stopping && TAILQ_EMPTY(&h->conns))
		event_base_loopexit(h->apid->base, NULL);
}

/* ---- requests ---- */

static void
req_free(struct req *r)
{
	arena_free(r->arena);
	buf_free(&r->head_in);
	buf_free(&r->headers);
	buf_free(&r->out);
	buf_free(&r->body_in);
	buf_free(&r->text);
	free(r);
}

struct req *
http_req_get(struct http *h)
{
	struct req *r = TAILQ_FIRST(&h->pool);

	if (r != NULL) {
		TAILQ_REMOVE(&h->pool, r, entry);
		h->pooled--;
	} else {
		r = xcalloc(1, sizeof(*r));
		r->arena = arena_new(0);
		r->apid = h->apid;
	}
	TAILQ_INSERT_TAIL(&h->live, r, entry);
	return r;
}

static void
buf_recycle(struct buf *b, bool wipe)
{
	if (wipe && b->data != NULL)
		secret_wipe(b->data, b->len);
	if (b->cap > KEEP_BUF)
		buf_free(b);
	else
		buf_clear(b);
}

void
http_req_put(struct http *h, struct req *r)
{
	TAILQ_REMOVE(&h->live, r, entry);
	timer_del(&r->wait);
	if (r->route != NULL || r->answered) {	/* else nothing was set */
		once_free(r);
		who_unref(&r->who);
		arena_reset(r->arena);
		buf_free(&r->head_in);
		buf_recycle(&r->headers, false);
		buf_recycle(&r->out, false);
		buf_recycle(&r->body_in, true);	/* passwords, secrets */
		buf_recycle(&r->text, false);
		r->route = NULL;
		r->body = r->state = NULL;
		r->raw = (struct slice){ NULL, 0 };
		r->id[0] = r->etag[0] = '\0';
		r->cookie = r->answered = r->dispatched = r->head = false;
		r->cache_set = r->retry_set = r->encoded = r->budget = false;
		r->gone = NULL;
		r->sink = NULL;
		r->more = NULL;
		r->taken = 0;
		r->abandon = r->streaming = r->chunked = false;
		r->err = ERR_OK;
		r->status = 0;
		r->params.n = 0;
	}
	r->conn = NULL;
	if (h->pooled >= POOL_MAX) {
		req_free(r);
		return;
	}
	TAILQ_INSERT_HEAD(&h->pool, r, entry);
	h->pooled++;
}

void
http_new_id(struct http *h, char *dst, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t n = h->id_next++;
	const uint8_t *b = h->apid->instance.b;
	size_t i;

	if (size < 22)
		fatal("http: no room for an id");
	for (i = 0; i < 4; i++) {	/* the random end of the instance */
		*dst++ = digits[b[12 + i] >> 4];
		*dst++ = digits[b[12 + i] & 15];
	}
	*dst++ = '-';
	for (i = 12; i-- > 0;)
		*dst++ = digits[n >> 4 * i & 15];
	*dst = '\0';
}

void
http_log(struct http *h, struct req *r)
{
	long long us = mono_now() - r->started;
	const char *user = r->who != NULL ? r->who->username : "-";
	const char *what = r->err != ERR_OK ? err_info(r->err)->name : "ok";

	h->stats.requests++;
	h->stats.micros += (uint64_t)us;
	if (r->status >= 100 && r->status < 600)
		h->stats.answers[r->status / 100]++;
	if (r->status < 400 && r->route != NULL &&
	    r->route->method == ROUTE_GET)
		log_debug("http: %s %.*s %.*s %d %lldus %s %s %s", r->address,
		    (int)r->h.method.n, r->h.method.p, (int)r->h.path.n,
		    r->h.path.p, r->status, us, user, r->id, what);
	else
		log_info("http: %s %.*s %.*s %d %lldus %s %s %s", r->address,
		    (int)r->h.method.n, r->h.method.p, (int)r->h.path.n,
		    r->h.path.p, r->status, us, user, r->id, what);
}

/* ---- life ---- */

const struct router *
http_router(const struct http *h)
{
	return h->router;
}

struct gzip *
http_gzip(const struct http *h)
{
	return h->gzip;
}

struct http_stats *
http_counters(struct http *h)
{
	return &h->stats;
}

void
http_stats(const struct http *h, struct http_stats *s)
{
	*s = h->stats;
}

static void
on_opens(void *arg)
{
	http_open(arg);
}

void
http_open(struct http *h)
{
	if (h->opened || h->ev == NULL)
		return;
	h->opened = true;
	timer_del(&h->opens);
	if (event_add(h->ev, NULL) != 0)
		fatal("http: no event");
}

struct http *
http_new(struct apid *a, int fd, struct buf *err_r)
{
	const struct route *rows;
	struct router *router;
	struct http *h;
	size_t n;

	rows = routes_table(&n);
	if ((router = router_new(rows, n, err_r)) == NULL)
		return NULL;
	h = xcalloc(1, sizeof(*h));
	h->apid = a;
	h->router = router;
	h->gzip = gzip_new();
	h->fd = fd;
	h->spare = proc_spare_open();
	TAILQ_INIT(&h->conns);
	TAILQ_INIT(&h->live);
	TAILQ_INIT(&h->pool);
	fields_make(h);
	h->ev = event_new(a->base, fd, EV_READ | EV_PERSIST, on_accept, h);
	if (h->ev == NULL)
		fatal("http: no event");
	timer_init(&h->opens, on_opens, h);
	timer_set(a->timers, &h->opens, OPENS);
	return h;
}

static void
listener_close(struct http *h)
{
	if (h->ev == NULL)
		return;
	timer_del(&h->opens);
	event_free(h->ev);
	h->ev = NULL;
	close(h->fd);
}

void
http_stop(struct http *h)
{
	struct conn *c, *next;

	listener_close(h);
	for (c = TAILQ_FIRST(&h->conns); c != NULL; c = next) {
		next = TAILQ_NEXT(c, entry);
		conn_stop(c);
	}
	if (TAILQ_EMPTY(&h->conns))
		event_base_loopexit(h->apid->base, NULL);
}

void
http_free(struct http *h)
{
	struct conn *c;
	struct req *r;
	size_t i;

	if (h == NULL)
		return;
	listener_close(h);
	while ((c = TAILQ_FIRST(&h->conns)) != NULL)
		conn_free(c);
	while ((r = TAILQ_FIRST(&h->live)) != NULL) {	/* without clients */
		if (r->gone != NULL)
			r->gone(r);
		db_forget(&r->db);
		ipc_forget(&r->ipc);
		http_req_put(h, r);
	}
	while ((r = TAILQ_FIRST(&h->pool)) != NULL) {
		TAILQ_REMOVE(&h->pool, r, entry);
		req_free(r);
	}
	router_free(h->router);
	gzip_free(h->gzip);
	for (i = 0; i < 2; i++) {
		buf_free(&h->fields[i]);
		buf_free(&h->ok[i]);
	}
	if (h->spare != -1)
		close(h->spare);
	free(h);
}
