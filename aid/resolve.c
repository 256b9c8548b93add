/* resolve: owns libevent's DNS resolver (evdns). See resolve.h. */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>

#include "resolve.h"
#include "xmalloc.h"

#define RESOLVE_CONF	"/etc/resolv.conf"
#define RESOLVE_ADDRS	16

struct resolve {
	struct evdns_base	*dns;
};

struct lookup {
	resolve_fn	 fn;
	void		*arg;
};

static int
add_servers(struct resolve *r, const char *servers, struct buf *err_r)
{
	char *copy = xstrdup(servers), *save = NULL, *one;
	struct sockaddr_storage ss;
	int rc = 0, len;

	for (one = strtok_r(copy, ", ", &save); one != NULL && rc == 0;
	    one = strtok_r(NULL, ", ", &save)) {
		len = (int)sizeof(ss);
		if (evutil_parse_sockaddr_port(one, (struct sockaddr *)&ss,
		    &len) != 0 ||
		    evdns_base_nameserver_ip_add(r->dns, one) != 0) {
			buf_printf(err_r, "resolvers: \"%s\" is not an "
			    "address", one);
			rc = -1;
		}
	}
	free(copy);
	return rc;
}

struct resolve *
resolve_new(struct event_base *base, const char *servers, struct buf *err_r)
{
	struct resolve *r = xcalloc(1, sizeof(*r));
	int rc = 0;

	r->dns = evdns_base_new(base, 0);
	if (r->dns == NULL)
		buf_puts(err_r, "the DNS resolver cannot start");
	else if (servers != NULL)
		rc = add_servers(r, servers, err_r);
	else if (evdns_base_resolv_conf_parse(r->dns, DNS_OPTIONS_ALL,
	    RESOLVE_CONF) != 0 && evdns_base_count_nameservers(r->dns) == 0)
		/* A site whose only provider is on this host needs none. */
		(void)evdns_base_nameserver_ip_add(r->dns, "127.0.0.1");
	if (r->dns == NULL || rc == -1) {
		resolve_free(r);
		return NULL;
	}
	(void)evdns_base_set_option(r->dns, "timeout:", "2");
	(void)evdns_base_set_option(r->dns, "attempts:", "2");
	/* 0x20 case mixing breaks some resolvers of broadcasters' networks;
	 * ids and source ports are random all the same. */
	(void)evdns_base_set_option(r->dns, "randomize-case:", "0");
	return r;
}

void
resolve_free(struct resolve *r)
{
	if (r == NULL)
		return;
	if (r->dns != NULL)
		evdns_base_free(r->dns, 1);
	free(r);
}

static void
append_address(struct buf *b, const struct sockaddr *sa)
{
	char text[INET6_ADDRSTRLEN];
	const void *p;

	if (sa->sa_family == AF_INET)
		p = &((const struct sockaddr_in *)(const void *)sa)->sin_addr;
	else if (sa->sa_family == AF_INET6)
		p = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
	else
		return;
	if (inet_ntop(sa->sa_family, p, text, sizeof(text)) == NULL)
		return;
	if (buf_used(b) > 0)
		buf_putc(b, ',');
	buf_puts(b, text);
}

static void
lookup_done(int result, struct evutil_addrinfo *res, void *arg)
{
	struct lookup *l = arg;
	struct evutil_addrinfo *ai;
	struct buf b = BUF_INIT;
	int n = 0;

	for (ai = res; result == 0 && ai != NULL && n < RESOLVE_ADDRS;
	    ai = ai->ai_next, n++)
		append_address(&b, ai->ai_addr);
	if (res != NULL)
		evutil_freeaddrinfo(res);
	if (result != 0)
		l->fn(l->arg, NULL, evutil_gai_strerror(result));
	else if (buf_used(&b) == 0)
		l->fn(l->arg, NULL, "no address");
	else
		l->fn(l->arg, buf_cstr(&b), NULL);
	buf_free(&b);
	free(l);
}

void
resolve_name(struct resolve *r, const char *name, resolve_fn fn, void *arg)
{
	struct evutil_addrinfo hints;
	struct lookup *l = xcalloc(1, sizeof(*l));

	l->fn = fn;
	l->arg = arg;
	memset(&hints, 0, sizeof(hints));
	hints.ai_family = AF_INET;	/* asks A only: no AAAA round trip */
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = EVUTIL_AI_NUMERICSERV;
	/* A NULL return means that lookup_done was called already. */
	(void)evdns_getaddrinfo(r->dns, name, "443", &hints, lookup_done, l);
}
