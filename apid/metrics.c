/*
 * metrics: one table of numbers, two forms. The listener is for a local
 * scraper: one request per connection, GET /metrics and nothing else.
 */
#include <sys/queue.h>

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ai.h"
#include "apid.h"
#include "auth.h"
#include "certs.h"
#include "db.h"
#include "feed.h"
#include "h_health.h"
#include "http.h"
#include "http1.h"
#include "hub.h"
#include "ipc.h"
#include "jscan.h"
#include "json.h"
#include "log.h"
#include "metrics.h"
#include "pwhash.h"
#include "relay.h"
#include "sock.h"
#include "stream.h"
#include "timer.h"
#include "tls_cert.h"
#include "xmalloc.h"

#define SCRAPERS_MAX	16
#define SCRAPE_TIME	(5 * MONO_SEC)

struct scraper {
	LIST_ENTRY(scraper)	 entry;
	struct metrics		*metrics;
	struct stream		*s;
	struct timer		 timer;
	struct buf		 in;
	size_t			 scan;
	bool			 done;
};

struct metrics {
	struct apid		*apid;
	struct event		*ev;
	int			 fd;
	struct ipc		*ctl;
	LIST_HEAD(, scraper)	 scrapers;
	unsigned		 n;
};

/* ---- the numbers ---- */

#define NUMBERS_MAX 128
struct number { const char *name, *help; uint64_t v; };
struct numbers { struct number v[NUMBERS_MAX]; size_t n; };

static void
add(struct numbers *t, const char *name, uint64_t v, const char *help)
{
	if (t->n < NUMBERS_MAX)
		t->v[t->n++] = (struct number){ name, help, v };
}

static void
add_http(struct apid *a, struct numbers *t)
{
	struct http_stats h;

	http_stats(a->http, &h);
	add(t, "connections", h.open, "Client connections now.");
	add(t, "connections_total", h.accepted, "Connections accepted.");
	add(t, "connections_refused_total", h.refused_full +
	    h.refused_address + h.refused_fds, "Connections over a cap.");
	add(t, "requests_total", h.requests, "Requests answered.");
	add(t, "answers_2xx_total", h.answers[2], "Answers of class 2xx.");
	add(t, "answers_3xx_total", h.answers[3], "Answers of class 3xx.");
	add(t, "answers_4xx_total", h.answers[4], "Answers of class 4xx.");
	add(t, "answers_5xx_total", h.answers[5], "Answers of class 5xx.");
	add(t, "request_micros_total", h.micros,
	    "Microseconds from head to answer, summed.");
	add(t, "request_timeouts_total", h.timeouts, "Heads and bodies that "
	    "were too slow.");
	add(t, "request_orphans_total", h.orphans,
	    "Mutations whose client went before the answer.");
	add(t, "sockets", h.sockets, "Dashboard sockets now.");
}

static void
add_auth(struct apid *a, struct numbers *t)
{
	struct auth_stats s;
	struct pwhash_stats p;

	auth_stats(a->auth, &s);
	pwhash_stats(a->pwhash, &p);
	add(t, "sessions_cached", s.cached, "Sessions in the cache.");
	add(t, "session_hits_total", s.hits, "Sessions found in the cache.");
	add(t, "session_misses_total", s.misses, "Sessions asked for.");
	add(t, "session_drops_total", s.dropped, "Times the cache was "
	    "dropped because rights moved.");
	add(t, "session_evictions_total", s.evicted, "Cache entries that "
	    "made room.");
	add(t, "signin_limited_total", s.limited, "Sign-ins over the limit.");
	add(t, "signin_locked_total", s.locked, "Sign-ins to an account with "
	    "too many failures.");
	add(t, "pwhash_total", p.done, "Password checks done.");
	add(t, "pwhash_refused_total", p.refused, "Password checks refused.");
	add(t, "pwhash_waiting", p.waiting, "Password checks now.");
}

static void
add_rest(struct apid *a, struct numbers *t)
{
	struct db_stats d;
	struct relay_stats r;

	db_stats(a->db, &d);
	relay_stats(a->relay, &r);
	add(t, "db_queries_total", d.queries, "Statements sent.");
	add(t, "db_failed_total", d.failed, "Statements that failed.");
	add(t, "db_timeouts_total", d.timeouts, "Statements over time.");
	add(t, "db_reconnects_total", d.reconnects, "Connections remade.");
	add(t, "db_refused_total", d.refused_full, "Statements refused by a "
	    "full queue.");
	add(t, "db_connections_up", d.up, "Connections to PostgreSQL.");
	add(t, "db_waiting", d.waiting, "Statements that wait.");
	add(t, "relays", r.open, "Nodes relayed to hubd now.");
	add(t, "relays_total", r.opened, "Nodes relayed to hubd.");
	add(t, "relays_refused_total", r.refused, "Nodes turned away because "
	    "hubd was.");
	add(t, "hub_up", hub_up(a->hub), "Whether hubd answers.");
	add(t, "aid_up", ai_up(a->ai), "Whether aid answers.");
	if (a->certs != NULL) {
		add(t, "certificate_not_after_seconds", (uint64_t)
		    (certs_info(a->certs)->not_after / MONO_SEC),
		    "End of the certificate in use, in seconds since 1970.");
		add(t, "certificate_fault", certs_fault(a->certs) != NULL,
		    "Whether the stored pair cannot be used.");
	}
	add(t, "ready", h_health_lacks(a) == NULL, "As /readyz says.");
}

static void
add_feed(struct apid *a, struct numbers *t)
{
	struct feed_stats f;

	feed_stats(a->feed, &f);
	add(t, "browsers", f.browsers, "Browsers on the feed.");
	add(t, "browsers_subscribed", f.subs.subscribers,
	    "Browsers that said what they want.");
	add(t, "feed_nodes", f.nodes, "Nodes in the feed's picture.");
	add(t, "feed_bytes", f.bytes, "Memory of the feed.");
	add(t, "feed_texts_total", f.texts, "Texts of the old form made.");
	add(t, "feed_snapshots_total", f.subs.snapshots, "Snapshots sent.");
	add(t, "feed_deltas_total", f.subs.deltas, "Deltas sent.");
	add(t, "feed_news_total", f.subs.news, "Texts of news sent.");
	add(t, "feed_resumed_total", f.subs.resumed, "Feeds resumed.");
	add(t, "feed_put_off_total", f.subs.put_off, "Times a browser had "
	    "not taken the last text when the next was due.");
	add(t, "feed_refused_messages_total", f.bad, "Messages of browsers "
	    "that were refused.");
	add(t, "feed_shed_total", f.shed, "Browsers closed for want of "
	    "memory.");
	add(t, "feed_reads_total", f.news.reads, "Reads of new rows.");
	add(t, "feed_items_total", f.news.items, "Rows read for browsers.");
	add(t, "feed_skipped_total", f.news.skipped, "Rows left out of reads "
	    "because there were too many.");
}

static void
collect(struct apid *a, struct numbers *t)
{
	t->n = 0;
	add(t, "uptime_secs", (uint64_t)((mono_now() - a->started) /
	    MONO_SEC), "Seconds since the start.");
	add_http(a, t);
	add_auth(a, t);
	add_rest(a, t);
	add_feed(a, t);
}

static bool
is_counter(const char *name, size_t n)
{
	return n > 6 && memcmp(name + n - 6, "_total", 6) == 0;
}

/* "k":number members of a sibling's flat object, as mast_<who>_<k>. */
static void
put_sibling(struct buf *b, const char *who, struct slice json)
{
	struct jscan j;
	struct slice key, v;
	enum jscan_tok tok;

	if (json.n == 0)
		return;
	jscan_init(&j, json.p, json.n);
	if (jscan_next(&j) != JSCAN_OBJECT)
		return;
	while (jscan_next(&j) == JSCAN_KEY) {
		key = j.text;
		tok = jscan_next(&j);
		v = j.text;
		if (tok == JSCAN_TRUE || tok == JSCAN_FALSE)
			v = tok == JSCAN_TRUE ? SLICE("1") : SLICE("0");
		else if (tok == JSCAN_OBJECT || tok == JSCAN_ARRAY)
			return;		/* not flat: not ours */
		else if (tok != JSCAN_NUMBER)
			continue;
		buf_printf(b, "# HELP mast_%s_%.*s As %s counts it.\n"
		    "# TYPE mast_%s_%.*s %s\nmast_%s_%.*s %.*s\n",
		    who, (int)key.n, key.p, who, who, (int)key.n, key.p,
		    is_counter(key.p, key.n) ? "counter" : "gauge",
		    who, (int)key.n, key.p, (int)v.n, v.p);
	}
}

void
metrics_prometheus(struct apid *a, struct buf *b)
{
	struct numbers t;
	const struct number *m;

	collect(a, &t);
	for (m = t.v; m < t.v + t.n; m++)
		buf_printf(b, "# HELP mast_apid_%s %s\n"
		    "# TYPE mast_apid_%s %s\nmast_apid_%s %llu\n",
		    m->name, m->help, m->name,
		    is_counter(m->name, strlen(m->name)) ? "counter" : "gauge",
		    m->name, (unsigned long long)m->v);
	put_sibling(b, "hubd", hub_status(a->hub));
	put_sibling(b, "aid", ai_status(a->ai));
}

/* What /readyz lacks, and where people come in: for mastctl setup. */
static void
put_door(struct json_w *w, const struct apid *a)
{
	json_w_key(w, "lacks");
	json_w_str(w, h_health_lacks(a));
	json_w_key(w, "tls");
	json_w_bool(w, a->conf.tls);
	json_w_key(w, "port");
	json_w_i64(w, a->port);
	json_w_key(w, "public_host");
	json_w_str(w, a->conf.public_host);
}

void
metrics_json(struct apid *a, struct buf *b)
{
	struct numbers t;
	struct json_w w;
	char text[ID_TEXT];
	size_t i;

	collect(a, &t);
	id_text(&a->instance, text);
	json_w_init(&w, b);
	json_w_object(&w);
	json_w_key(&w, "daemon");
	json_w_str(&w, "apid");
	json_w_key(&w, "version");
	json_w_str(&w, APID_VERSION);
	json_w_key(&w, "instance");
	json_w_str(&w, text);
	json_w_key(&w, "database");
	json_w_bool(&w, db_up(a->db));
	put_door(&w, a);
	for (i = 0; i < t.n; i++) {
		json_w_key(&w, t.v[i].name);
		json_w_u64(&w, t.v[i].v);
	}
	json_w_end_object(&w);
}

/* ---- the scraper's side ---- */

static void
scrape_answer(struct scraper *sc, int status, struct buf *body)
{
	struct buf out = BUF_INIT;

	sc->done = true;
	http1_put_status(&out, status);
	http1_put_field(&out, "Content-Type",
	    "text/plain; version=0.0.4; charset=utf-8");
	http1_put_end(&out, (int64_t)buf_used(body), false);
	if (buf_used(body) > 0)
		buf_put(&out, buf_head(body), buf_used(body));
	stream_write(sc->s, buf_head(&out), buf_used(&out));
	buf_free(&out);
	stream_close(sc->s, 2000);
}

static void
scrape(struct scraper *sc, const struct http1_req *h)
{
	struct buf body = BUF_INIT;
	int status = 200;

	if (h->path.n != 8 || memcmp(h->path.p, "/metrics", 8) != 0)
		status = 404;
	else if (h->method.n != 3 || memcmp(h->method.p, "GET", 3) != 0)
		status = 405;
	else
		metrics_prometheus(sc->metrics->apid, &body);
	scrape_answer(sc, status, &body);
	buf_free(&body);
}

static void
scraper_data(void *arg, uint8_t *p, size_t n)
{
	struct scraper *sc = arg;
	struct http1_req h;
	struct buf none = BUF_INIT;
	const char *why;
	size_t used;
	enum err err;

	if (sc->done)
		return;
	buf_put(&sc->in, p, n);
	switch (http1_head((char *)buf_head(&sc->in), buf_used(&sc->in),
	    &sc->scan, &h, &used, &err, &why)) {
	case HTTP1_MORE:
		break;
	case HTTP1_HEAD_DONE:
		scrape(sc, &h);
		break;
	case HTTP1_BAD:
		scrape_answer(sc, err_info(err)->status, &none);
		break;
	}
}

static void
scraper_free(struct scraper *sc)
{
	timer_del(&sc->timer);
	buf_free(&sc->in);
	LIST_REMOVE(sc, entry);
	sc->metrics->n--;
	free(sc);
}

static void
scraper_closed(void *arg, enum stream_end end, const char *detail)
{
	scraper_free(arg);
}

static void
scraper_late(void *arg)
{
	struct scraper *sc = arg;

	stream_close(sc->s, 0);
}

static const struct stream_ops scraper_ops = {
	.data = scraper_data, .closed = scraper_closed,
};

static void
on_accept(evutil_socket_t lfd, short what, void *arg)
{
	struct metrics *m = arg;
	struct sock_addr peer;
	struct scraper *sc;
	int fd = sock_accept(lfd, &peer);

	if (fd == -1)
		return;
	if (m->n >= SCRAPERS_MAX) {
		close(fd);
		return;
	}
	sc = xcalloc(1, sizeof(*sc));
	sc->metrics = m;
	m->n++;
	LIST_INSERT_HEAD(&m->scrapers, sc, entry);
	timer_init(&sc->timer, scraper_late, sc);
	timer_set(m->apid->timers, &sc->timer, SCRAPE_TIME);
	sc->s = stream_new(m->apid->io, fd, NULL, &scraper_ops, sc);
}

/* ---- the control socket ---- */

static bool
on_status(void *arg, struct ipc_chan *chan, struct ipc_msg *msg)
{
	struct metrics *m = arg;
	struct buf text = BUF_INIT;
	struct msg_text reply;

	if (!msg_done(&msg->in))
		return false;
	metrics_json(m->apid, &text);
	reply.json = buf_slice(&text);
	msg_put_text(ipc_begin(chan, MSG_STATUS_REPLY, ERR_OK, msg->id),
	    &reply);
	ipc_send(chan);
	buf_free(&text);
	return true;
}

static const struct ipc_handler ctl_handlers[] = {
	{ MSG_STATUS, on_status },
};

/* root and the control tool's account; unprivileged: whoever we are. */
static void
ctl_open(struct metrics *m, int fd)
{
	struct apid *a = m->apid;
	struct ipc_uid uids[3] = { { 0, MSG_CTL } };
	struct ipc_config c = {
		.base = a->base, .timers = a->timers, .io = a->io,
		.self = MSG_APID, .instance = a->instance, .name = "apid",
		.handlers = ctl_handlers, .nhandlers = nitems(ctl_handlers),
		.uids = uids, .nuids = 1, .backlog_max = 1024 * 1024,
		.chans_max = 16, .arg = m,
	};

	if (a->ctl_uid != (uid_t)-1)
		uids[c.nuids++] = (struct ipc_uid){ a->ctl_uid, MSG_CTL };
	if (!a->privileged && geteuid() != 0)
		uids[c.nuids++] = (struct ipc_uid){ geteuid(), MSG_ALL };
	m->ctl = ipc_new(&c);
	if (ipc_listen(m->ctl, fd) != 0)
		log_error("metrics: the control socket does not listen");
}

struct metrics *
metrics_new(struct apid *a, int listen_fd, int ctl_fd)
{
	struct metrics *m = xcalloc(1, sizeof(*m));

	m->apid = a;
	m->fd = listen_fd;
	LIST_INIT(&m->scrapers);
	if (ctl_fd != -1)
		ctl_open(m, ctl_fd);
	if (listen_fd == -1)
		return m;
	m->ev = event_new(a->base, listen_fd, EV_READ | EV_PERSIST, on_accept,
	    m);
	if (m->ev == NULL || event_add(m->ev, NULL) != 0)
		fatal("metrics: no event");
	return m;
}

void
metrics_free(struct metrics *m)
{
	if (m == NULL)
		return;
	while (!LIST_EMPTY(&m->scrapers))
		scraper_free(LIST_FIRST(&m->scrapers));
	if (m->ev != NULL)
		event_free(m->ev);
	if (m->fd != -1)
		close(m->fd);
	if (m->ctl != NULL)
		ipc_free(m->ctl);
	free(m);
}
