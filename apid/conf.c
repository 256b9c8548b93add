/*
 * conf: the [apid] keys. The suite's come first, as in every daemon.
 */
#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "apid.h"
#include "sock.h"
#include "xmalloc.h"

#define OFF(m) offsetof(struct apid_conf, m)

static const struct conf_key keys[] = {
	CONF_SUITE_ROWS,
	{ "apid", "listen", CONF_ADDR, OFF(listen), "0.0.0.0:8443", 0, 0,
	  false, "address and port of the public door" },
	{ "apid", "tls", CONF_BOOL, OFF(tls), "yes", 0, 0, false,
	  "speak TLS there; off only behind a proxy or on loopback" },
	{ "apid", "proxy_trust", CONF_STRING, OFF(proxy_trust), "", 0, 1024,
	  true, "addresses, with commas, whose X-Forwarded-For is believed" },
	{ "apid", "metrics_listen", CONF_ADDR, OFF(metrics_listen),
	  "127.0.0.1:9464", 0, 0, false,
	  "plain HTTP for GET /metrics; empty: none" },
	{ "apid", "public_host", CONF_STRING, OFF(public_host), "", 0, 255,
	  true, "host[:port] that browsers use, where a proxy changes Host" },
	{ "apid", "db_conns", CONF_INT, OFF(db_conns), "4", 1, 16, false,
	  "connections to PostgreSQL" },
	{ "apid", "max_connections", CONF_INT, OFF(max_connections), "10000",
	  8, 1000000, true, "clients at once; more are answered 503" },
	{ "apid", "max_per_address", CONF_INT, OFF(max_per_address), "1000",
	  1, 1000000, true, "clients at once from one address" },
	{ "apid", "header_timeout", CONF_INT, OFF(header_timeout), "5", 1, 60,
	  true, "seconds for a whole request head" },
	{ "apid", "body_timeout", CONF_INT, OFF(body_timeout), "20", 1, 600,
	  true, "seconds for a body, and one more for each 32 KiB" },
	{ "apid", "idle_timeout", CONF_INT, OFF(idle_timeout), "75", 1, 3600,
	  true, "seconds that a connection may wait between requests" },
	{ "apid", "pwhash_threads", CONF_INT, OFF(pwhash_threads), "0", 0, 64,
	  false, "threads that check passwords; 0: one per core" },
	{ "apid", "rate_per_second", CONF_INT, OFF(rate_per_sec), "50000", 1,
	  1000000, false, "requests a second of one user, on the average" },
	{ "apid", "rate_burst", CONF_INT, OFF(rate_burst), "100000", 1,
	  10000000, false, "requests of one user at once" },
	{ "apid", "ai_calls_per_day", CONF_INT, OFF(ai_calls), "200", 0,
	  1000000, true, "AI calls of one user a day (UTC); 0: none" },
	{ "apid", "ai_tokens_per_day", CONF_INT, OFF(ai_tokens), "1000000",
	  0, 1000000000000, true, "AI tokens of one user a day, both ways" },
	{ "apid", "memory_mib", CONF_INT, OFF(memory_mib), "0", 0, 1048576,
	  true, "resident MiB from which dashboards are closed; 0: never" },
	{ "apid", "hsts", CONF_BOOL, OFF(hsts), "yes", 0, 0, true,
	  "send Strict-Transport-Security unless self-signed" },
};

static const struct conf_table table = { keys, nitems(keys), "apid" };

const struct conf_table *
apid_conf_table(void)
{
	return &table;
}

/* "192.0.2.1, 2001:db8::1": every item must be an address. */
static bool
addresses_good(const char *list)
{
	char item[SOCK_TEXT];
	struct in6_addr bin;
	size_t n;

	while (*list != '\0') {
		list += strspn(list, ", ");
		n = strcspn(list, ", ");
		if (n == 0)
			break;
		if (n >= sizeof(item))
			return false;
		memcpy(item, list, n);
		item[n] = '\0';
		if (inet_pton(AF_INET, item, &bin) != 1 &&
		    inet_pton(AF_INET6, item, &bin) != 1 &&
		    strcmp(item, "unix") != 0)
			return false;
		list += n;
	}
	return true;
}

const char *
apid_conf_fault(const struct apid_conf *c)
{
	if (c->listen == NULL)
		return "[apid] listen: must not be empty";
	if (c->proxy_trust != NULL && !addresses_good(c->proxy_trust))
		return "[apid] proxy_trust: must be addresses with commas";
	if (c->suite.server_key == NULL)
		return "[suite] server_key: must not be empty";
	if (c->tls && (c->suite.tls_cert == NULL ||
	    c->suite.tls_key == NULL))
		return "[apid] tls: needs [suite] tls_cert and tls_key";
	return NULL;
}
