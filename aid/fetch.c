/* fetch: see fetch.h. */
#include <sys/queue.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>
#include <event2/event.h>

#include "fetch.h"
#include "log.h"
#include "proc.h"
#include "secret.h"
#include "timer.h"
#include "tls_trust.h"
#include "xmalloc.h"

struct fetch_call {
	LIST_ENTRY(fetch_call)	 entry;
	struct fetch		*fetch;
	struct fetch_ask	 ask;		/* callbacks, limits */
	CURL			*easy;
	struct curl_slist	*head, *resolve;
	struct timer		 timer;		/* first byte, then idle */
	char			 error[CURL_ERROR_SIZE];
	size_t			 got;
	enum fetch_class	 stopped;	/* why data ended it */
	bool			 refused;	/* an address was */
	bool			 silent;	/* the timer ended it */
	bool			 stream;
};

struct fetch {
	struct fetch_conf	 conf;
	CURLM			*multi;
	struct event		*timer;
	LIST_HEAD(, fetch_call)	 calls;
	bool			 freeing;
};

/* ---- memory: what libcurl frees has held keys and texts ---- */

static void
wiping_free(void *p)
{
	if (p != NULL)
		secret_wipe(p, malloc_usable_size(p));
	free(p);
}

static void *
wiping_realloc(void *p, size_t n)
{
	void *fresh;
	size_t had = p != NULL ? malloc_usable_size(p) : 0;

	if (p != NULL && n > 0 && n <= had)
		return p;
	if ((fresh = malloc(n > 0 ? n : 1)) == NULL)
		return NULL;
	if (p != NULL)
		memcpy(fresh, p, had < n ? had : n);
	wiping_free(p);
	return fresh;
}

/* ---- addresses ---- */

struct range { uint32_t net; unsigned bits; };

static bool
public4(uint32_t a)
{
	static const struct range closed[] = {
		{ 0x00000000, 8 },	/* this network */
		{ 0x0a000000, 8 },	/* private */
		{ 0x64400000, 10 },	/* shared, RFC 6598 */
		{ 0x7f000000, 8 },	/* loopback */
		{ 0xa9fe0000, 16 },	/* link-local */
		{ 0xac100000, 12 },	/* private */
		{ 0xc0000000, 24 },	/* protocol assignments */
		{ 0xc0000200, 24 },	/* documentation */
		{ 0xc0a80000, 16 },	/* private */
		{ 0xc6120000, 15 },	/* benchmarks */
		{ 0xc6336400, 24 },	/* documentation */
		{ 0xcb007100, 24 },	/* documentation */
		{ 0xe0000000, 3 },	/* multicast and reserved */
	};
	size_t i;

	for (i = 0; i < nitems(closed); i++)
		if ((a ^ closed[i].net) >> (32 - closed[i].bits) == 0)
			return false;
	return true;
}

static uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

/* Only global unicast (2000::/3); forms with an IPv4 address inside are
 * judged by that. */
static bool
public6(const uint8_t *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b };

	if (memcmp(a, mapped, 12) == 0 || memcmp(a, nat64, 12) == 0)
		return public4(be32(a + 12));
	if (a[0] == 0x20 && a[1] == 0x02)		/* 6to4 */
		return public4(be32(a + 2));
	if (be32(a) == 0x20010db8 || be32(a) >> 9 == 0x20010000 >> 9)
		return false;	/* documentation; Teredo and its kind */
	return a[0] >> 5 == 1;
}

bool
fetch_public(const struct sockaddr *sa)
{
	const struct sockaddr_in *in;
	const struct sockaddr_in6 *in6;

	if (sa->sa_family == AF_INET) {
		in = (const struct sockaddr_in *)(const void *)sa;
		return public4(ntohl(in->sin_addr.s_addr));
	}
	if (sa->sa_family == AF_INET6) {
		in6 = (const struct sockaddr_in6 *)(const void *)sa;
		return public6(in6->sin6_addr.s6_addr);
	}
	return false;
}

static uint16_t
port_of(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)(const void *)
		    sa)->sin_port);
	return ntohs(((const struct sockaddr_in6 *)(const void *)
	    sa)->sin6_port);
}

/* The last moment before connect(2), with the address it will use. */
static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct fetch_call *c = arg;

	if (purpose != CURLSOCKTYPE_IPCXN ||
	    (a->family != AF_INET && a->family != AF_INET6) ||
	    port_of(&a->addr) != c->ask.port ||
	    (!c->ask.allow_private && !fetch_public(&a->addr))) {
		c->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* ---- the loop ---- */

static void reap(struct fetch *);

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct fetch *f = arg;
	int flags = 0, running;

	if ((what & EV_READ) != 0)
		flags |= CURL_CSELECT_IN;
	if ((what & EV_WRITE) != 0)
		flags |= CURL_CSELECT_OUT;
	(void)curl_multi_socket_action(f->multi, fd, flags, &running);
	reap(f);
}

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct fetch *f = arg;
	int running;

	(void)fd;
	(void)what;
	(void)curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0,
	    &running);
	reap(f);
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *old)
{
	struct fetch *f = arg;
	struct event *ev = old;
	short want = EV_PERSIST;

	(void)easy;
	if (ev != NULL)
		event_free(ev);
	if (what == CURL_POLL_REMOVE || f->freeing) {
		(void)curl_multi_assign(f->multi, fd, NULL);
		return 0;
	}
	if ((what & CURL_POLL_IN) != 0)
		want |= EV_READ;
	if ((what & CURL_POLL_OUT) != 0)
		want |= EV_WRITE;
	ev = event_new(f->conf.base, fd, want, on_event, f);
	if (ev == NULL || event_add(ev, NULL) == -1)
		fatal("fetch: no event for a socket");
	(void)curl_multi_assign(f->multi, fd, ev);
	return 0;
}

static int
on_timer(CURLM *multi, long ms, void *arg)
{
	struct fetch *f = arg;
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	(void)multi;
	if (ms < 0)
		(void)event_del(f->timer);
	else
		(void)event_add(f->timer, &tv);
	return 0;
}

/* ---- one call ---- */

/* Headers, body: every byte that comes puts the end off. */
static void
heard(struct fetch_call *c)
{
	timer_set(c->fetch->conf.timers, &c->timer, c->fetch->conf.idle);
}

static size_t
on_head(char *p, size_t one, size_t n, void *arg)
{
	struct fetch_call *c = arg;
	static const char type[] = "content-type:";
	struct slice s = { p, n }, v;

	(void)one;
	heard(c);
	if (n >= 5 && memcmp(p, "HTTP/", 5) == 0)
		c->stream = false;
	if (n > sizeof(type) && strncasecmp(p, type, sizeof(type) - 1) == 0) {
		s.p += sizeof(type) - 1;
		s.n -= sizeof(type) - 1;
		v = slice_trim(s);
		c->stream = v.n >= 17 &&
		    strncasecmp(v.p, "text/event-stream", 17) == 0;
	}
	return n;
}

static size_t
on_data(char *p, size_t one, size_t n, void *arg)
{
	struct fetch_call *c = arg;
	long status = 0;

	(void)one;
	heard(c);
	c->got += n;
	if (c->got > FETCH_RESPONSE_MAX) {
		c->stopped = FETCH_TOO_LARGE;
		return 0;
	}
	(void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	if (!c->ask.data(c->ask.arg, (const uint8_t *)p, n,
	    c->stream && status >= 200 && status < 300)) {
		c->stopped = FETCH_STOPPED;
		return 0;
	}
	return n;
}

static CURLcode
on_ssl(CURL *easy, void *ssl_ctx, void *arg)
{
	struct fetch_call *c = arg;

	(void)easy;
	tls_trust_use(c->fetch->conf.trust, ssl_ctx);
	return CURLE_OK;
}

static void
wipe_list(struct curl_slist *l)
{
	struct curl_slist *i;

	for (i = l; i != NULL; i = i->next)
		secret_wipe(i->data, strlen(i->data));
	curl_slist_free_all(l);
}

static void
call_free(struct fetch_call *c)
{
	LIST_REMOVE(c, entry);
	timer_del(&c->timer);
	(void)curl_multi_remove_handle(c->fetch->multi, c->easy);
	curl_easy_cleanup(c->easy);
	wipe_list(c->head);
	curl_slist_free_all(c->resolve);
	free(c);
}

static enum fetch_class
classify(const struct fetch_call *c, CURLcode code)
{
	if (c->silent)
		return FETCH_TIMEOUT;
	if (c->stopped != FETCH_OK)
		return c->stopped;
	if (code == CURLE_OK)
		return FETCH_OK;
	if (c->refused)
		return FETCH_POLICY;
	switch (code) {		/* libcurl's enum: the rest is one thing */
	case CURLE_OPERATION_TIMEDOUT:
		return FETCH_TIMEOUT;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return FETCH_CERT;
	default:
		return FETCH_UNREACHABLE;
	}
}

static const char *
reason(const struct fetch_call *c, CURLcode code, enum fetch_class class)
{
	if (class == FETCH_POLICY)
		return "its address is not of the public internet; set "
		    "allow_private for an endpoint of your own";
	if (class == FETCH_TOO_LARGE)
		return "the answer is over 4 MiB";
	if (c->silent)
		return c->got > 0 ? "it stalled in the middle" :
		    "not a byte came";
	return c->error[0] != '\0' ? c->error : curl_easy_strerror(code);
}

static void
call_done(struct fetch_call *c, CURLcode code)
{
	struct fetch_result r = { .got_data = c->got > 0 };
	struct fetch_ask ask = c->ask;
	char why[CURL_ERROR_SIZE];
	curl_off_t wait = 0;
	long status = 0;

	(void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &wait);
	r.class = classify(c, code);
	r.status = (int)status;
	r.retry_after_s = wait > 0 && wait < 86400 ? (uint32_t)wait : 0;
	str_copy(why, sizeof(why), reason(c, code, r.class));
	r.why = why;
	call_free(c);
	ask.done(ask.arg, &r);
}

static void
reap(struct fetch *f)
{
	struct fetch_call *c;
	CURLMsg *m;
	CURLcode code;
	CURL *easy;
	int left;

	while ((m = curl_multi_info_read(f->multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		easy = m->easy_handle;
		code = m->data.result;
		(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &c);
		call_done(c, code);
	}
}

static void
must(CURLcode code, const char *what)
{
	if (code != CURLE_OK)
		fatal("fetch: libcurl refuses %s: %s", what,
		    curl_easy_strerror(code));
}
#define SET(c, option, v) must(curl_easy_setopt((c)->easy, option, v), #option)

/* Nobody waits any more, and the provider should know: libcurl sends an
 * HTTP/2 reset only with the next call, so a connection without other calls
 * is closed. */
static void
abandon(struct fetch_call *c)
{
	SET(c, CURLOPT_FORBID_REUSE, 1L);
}

/* A struct timer's callback: not inside of libcurl. */
static void
on_silence(void *arg)
{
	struct fetch_call *c = arg;

	c->silent = true;
	abandon(c);
	call_done(c, CURLE_OPERATION_TIMEDOUT);
}

static void
set_request(struct fetch_call *c)
{
	const struct fetch_ask *a = &c->ask;
	struct buf b = BUF_INIT;
	size_t i;

	for (i = 0; i < a->nhead; i++)
		c->head = curl_slist_append(c->head, a->head[i]);
	c->head = curl_slist_append(c->head,
	    "content-type: application/json");
	c->head = curl_slist_append(c->head, "expect:");
	if (c->head == NULL)
		fatal("fetch: no memory");
	if (a->addresses != NULL) {
		buf_printf(&b, "%s:%u:%s", a->host, a->port, a->addresses);
		c->resolve = curl_slist_append(NULL, buf_cstr(&b));
		SET(c, CURLOPT_RESOLVE, c->resolve);
		buf_free(&b);
	}
	SET(c, CURLOPT_URL, a->url);
	SET(c, CURLOPT_HTTPHEADER, c->head);
	SET(c, CURLOPT_POST, 1L);
	SET(c, CURLOPT_POSTFIELDS, a->body.p);
	SET(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)a->body.n);
	SET(c, CURLOPT_USERAGENT, "Mastkeeper/" MAST_VERSION);
	SET(c, CURLOPT_TIMEOUT_MS, (long)(a->total / MONO_MS) + 1);
	SET(c, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)(c->fetch->conf.connect / MONO_MS));
}

static void
set_rules(struct fetch_call *c)
{
	SET(c, CURLOPT_PROTOCOLS_STR, "https");
	SET(c, CURLOPT_FOLLOWLOCATION, 0L);
	SET(c, CURLOPT_PROXY, "");
	SET(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(c, CURLOPT_NOSIGNAL, 1L);
	SET(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	SET(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(c, CURLOPT_SSL_VERIFYPEER, 1L);
	SET(c, CURLOPT_SSL_VERIFYHOST, 2L);
	SET(c, CURLOPT_CAINFO, NULL);
	SET(c, CURLOPT_CAPATH, NULL);
	SET(c, CURLOPT_SSL_CTX_FUNCTION, on_ssl);
	SET(c, CURLOPT_SSL_CTX_DATA, c);
	SET(c, CURLOPT_OPENSOCKETFUNCTION, on_open);
	SET(c, CURLOPT_OPENSOCKETDATA, c);
	SET(c, CURLOPT_HEADERFUNCTION, on_head);
	SET(c, CURLOPT_HEADERDATA, c);
	SET(c, CURLOPT_WRITEFUNCTION, on_data);
	SET(c, CURLOPT_WRITEDATA, c);
	SET(c, CURLOPT_ERRORBUFFER, c->error);
	SET(c, CURLOPT_PRIVATE, c);
}

struct fetch_call *
fetch_start(struct fetch *f, const struct fetch_ask *ask)
{
	struct fetch_call *c = xcalloc(1, sizeof(*c));

	c->fetch = f;
	c->ask = *ask;
	c->easy = curl_easy_init();
	if (c->easy == NULL)
		fatal("fetch: no handle");
	LIST_INSERT_HEAD(&f->calls, c, entry);
	timer_init(&c->timer, on_silence, c);
	timer_set(f->conf.timers, &c->timer, f->conf.connect +
	    f->conf.first_byte);
	set_rules(c);
	set_request(c);
	if (curl_multi_add_handle(f->multi, c->easy) != CURLM_OK)
		fatal("fetch: a call cannot be added");
	return c;
}

void
fetch_cancel(struct fetch_call **call)
{
	struct fetch_call *c = *call;

	*call = NULL;
	if (c == NULL)
		return;
	abandon(c);
	call_free(c);
}

/* ---- life ---- */

static bool
usable(struct buf *err_r)
{
	const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);

	if (v->ssl_version == NULL ||
	    strncmp(v->ssl_version, "OpenSSL", 7) != 0) {
		buf_puts(err_r, "libcurl is not built with OpenSSL: install "
		    "that flavour of it");
		return false;
	}
	return true;
}

struct fetch *
fetch_new(const struct fetch_conf *conf, struct buf *err_r)
{
	struct fetch *f;

	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free,
	    wiping_realloc, strdup, calloc) != CURLE_OK || !usable(err_r)) {
		if (buf_used(err_r) == 0)
			buf_puts(err_r, "libcurl cannot start");
		return NULL;
	}
	f = xcalloc(1, sizeof(*f));
	f->conf = *conf;
	LIST_INIT(&f->calls);
	f->timer = evtimer_new(conf->base, on_timeout, f);
	f->multi = curl_multi_init();
	if (f->multi == NULL || f->timer == NULL)
		fatal("fetch: no memory");
	(void)curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	(void)curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
	(void)curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	(void)curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
	(void)curl_multi_setopt(f->multi, CURLMOPT_MAXCONNECTS,
	    (long)conf->connections);
	return f;
}

void
fetch_set_timers(struct fetch *f, struct timers *timers)
{
	f->conf.timers = timers;
}

void
fetch_free(struct fetch *f)
{
	struct fetch_call *c;

	if (f == NULL)
		return;
	f->freeing = true;
	while ((c = LIST_FIRST(&f->calls)) != NULL)
		call_free(c);
	(void)curl_multi_cleanup(f->multi);
	event_free(f->timer);
	curl_global_cleanup();
	free(f);
}
