/* conf: the [hubd] keys. The suite's come first, as in every daemon. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hubd.h"
#include "xmalloc.h"

#define OFF(member) offsetof(struct hubd_conf, member)

static const struct conf_key keys[] = {
	CONF_SUITE_ROWS,
	{ "hubd", "name", CONF_STRING, OFF(name), "", 0, 128, false,
	    "name of this hub, the same at every start; empty: host name" },
	{ "hubd", "listen", CONF_ADDR, OFF(listen), "0.0.0.0:8444", 0, 0,
	    false, "where nodes connect; empty: only through apid's door" },
	{ "hubd", "tls", CONF_BOOL, OFF(tls), "yes", 0, 0, false,
	    "TLS on that address; no: a proxy in front does it" },
	{ "hubd", "handshakes", CONF_INT, OFF(handshakes), "32", 1, 4096,
	    true, "handshakes in flight; the others wait in the kernel" },
	{ "hubd", "accept_rate", CONF_INT, OFF(accept_rate), "5000", 1,
	    1000000, true, "new connections per second, at most" },
	{ "hubd", "unauthenticated", CONF_INT, OFF(unauthenticated), "512",
	    1, 65536, true, "sockets that have not authenticated, in all" },
	{ "hubd", "unauthenticated_per_address", CONF_INT,
	    OFF(unauthenticated_per_address), "64", 1, 65536, true,
	    "the same from one address" },
	{ "hubd", "node_kib_per_second", CONF_INT, OFF(node_kib), "4096", 1,
	    1048576, true,
	    "KiB per second of one node; over it reading waits" },
	{ "hubd", "node_messages_per_second", CONF_INT, OFF(node_messages),
	    "1000", 1, 1000000, true, "messages per second, the same" },
	{ "hubd", "memory_mib", CONF_INT, OFF(memory_mib), "0", 0, 1048576,
	    true, "resident MiB from which dashboards go, then new nodes; 0: never" },
	{ "hubd", "connections", CONF_INT, OFF(connections), "4", 2, 16,
	    false, "connections to PostgreSQL" },
	{ "hubd", "queue_rows", CONF_INT, OFF(queue_rows), "100000", 100,
	    10000000, false, "events kept while PostgreSQL is away" },
	{ "hubd", "queue_mib", CONF_INT, OFF(queue_mib), "64", 1, 16384,
	    false, "the same in MiB" },
	{ "hubd", "event_rate", CONF_INT, OFF(event_rate), "20", 1, 100000,
	    false, "events per second and node that are stored for long" },
	{ "hubd", "event_burst", CONF_INT, OFF(event_burst), "5000", 1,
	    1000000, false, "events that one node may send at once" },
	{ "hubd", "config_cache_mib", CONF_INT, OFF(config_cache_mib), "64",
	    1, 16384, true, "memory for the nodes' configurations" },
	{ "hubd", "audit_seal_secs", CONF_INT, OFF(audit_seal_secs), "60",
	    1, 3600, false, "seconds between two seals of the audit" },
};

static const struct conf_table table = { keys, nitems(keys), "hubd" };

const struct conf_table *
hubd_conf_table(void)
{
	return &table;
}
