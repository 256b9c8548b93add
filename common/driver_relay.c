/*
 * driver_relay: relay servers. Tunnels between edges; the totals are in the
 * stats themselves.
 */
#include <string.h>

#include "driver.h"
#include "watch.h"
#include "xmalloc.h"

enum { BYTES_IN = 3, BYTES_OUT = 4, FORWARDED = 5, NMETRICS = 14 };

static const char *const metrics[NMETRICS] = {
	"active_tunnels", "total_tunnels", "connected_edges",
	[BYTES_IN] = "total_bytes_ingress",
	[BYTES_OUT] = "total_bytes_egress",
	[FORWARDED] = "total_bytes_forwarded",
	"total_bandwidth_bps", "total_tcp_streams", "active_tcp_streams",
	"total_udp_datagrams", "peak_tunnels", "peak_edges",
	"connections_total", "uptime_secs",
};

static const struct driver_field
	f_edge_id[] = { { "edge_id", DRIVER_TEXT, true, 0 } },
	f_tunnel_id[] = { { "tunnel_id", DRIVER_UUID, true, 0 } },
	f_authorize[] = { { "tunnel_id", DRIVER_UUID, true, 0 },
	    { "ingress_token", DRIVER_TEXT, true, 128 },
	    { "egress_token", DRIVER_TEXT, true, 128 } },
	f_secret[] = { { "new_secret", DRIVER_TEXT, true, 0 } };

#define FIELDS(f)	.fields = (f), .nfields = nitems(f)

static const struct driver_command commands[] = {
	{ "get_config", "Read the configuration of the relay",
	    ROLE_OPERATOR, .listed = true, .by_config = true },
	{ "disconnect_edge", "Close the connection of an edge, named by its "
	    "connection id", ROLE_ADMIN, .listed = true, .destructive = true,
	    FIELDS(f_edge_id) },
	{ "close_tunnel", "Close a tunnel", ROLE_ADMIN, .listed = true,
	    .destructive = true, FIELDS(f_tunnel_id) },
	{ "list_tunnels", "List the tunnels of the relay", ROLE_OPERATOR,
	    .listed = true },
	{ "list_edges", "List the edges that are connected", ROLE_OPERATOR,
	    .listed = true },
	{ "authorize_tunnel", "Let the holders of two tokens bind a tunnel",
	    ROLE_ADMIN, .listed = true, FIELDS(f_authorize) },
	{ "revoke_tunnel", "Withdraw the tokens of a tunnel", ROLE_ADMIN,
	    .listed = true, .destructive = true, FIELDS(f_tunnel_id) },

	{ "list_udp_sessions", "List the native UDP sessions",
	    ROLE_OPERATOR },
	{ "close_udp_session", "Close the UDP session of a tunnel",
	    ROLE_ADMIN, .destructive = true, FIELDS(f_tunnel_id) },
	{ "rotate_secret", "Take a new node secret", ROLE_ADMIN,
	    .internal = true, FIELDS(f_secret) },
};

/* Their count is a member of its own: the tunnels are only passed on. */
static int
tunnels(struct jscan *js, struct slice *text_r)
{
	struct slice raw;

	if (jscan_skip(js, &raw) != 0)
		return -1;
	if (raw.p[0] == '[')
		*text_r = raw;
	return 0;
}

/* Index of the metric the current key names, or NMETRICS. */
static size_t
metric(const struct jscan *js)
{
	size_t i;

	for (i = 0; i < NMETRICS; i++)
		if (jscan_is(js->text, js->escaped, metrics[i]))
			break;
	return i;
}

static int
summarize(struct jscan *js, struct driver_summary *sum)
{
	uint64_t *m = sum->metrics;
	bool forwarded = false;
	enum jscan_tok t;
	size_t i;
	int rc;

	memset(sum, 0, sizeof(*sum));
	t = jscan_next(js);
	if (t != JSCAN_OBJECT) {
		if (t != JSCAN_BAD)
			js->bad = "the stats are not an object";
		return -1;
	}
	while ((t = jscan_next(js)) == JSCAN_KEY) {
		if (JSCAN_IS(js, "tunnels") && sum->items[0].p == NULL) {
			rc = tunnels(js, &sum->items[0]);
		} else if ((i = metric(js)) < NMETRICS) {
			rc = driver_u64(js, &m[i]);
			forwarded |= i == FORWARDED;
		} else {
			rc = jscan_skip(js, NULL);
		}
		if (rc != 0)
			return -1;
	}
	if (!forwarded && __builtin_add_overflow(m[BYTES_IN], m[BYTES_OUT],
	    &m[FORWARDED]))
		m[FORWARDED] = UINT64_MAX;
	return t == JSCAN_OBJECT_END ? 0 : -1;
}

static int
watch_relay(struct slice stats, const struct watch *w)
{
	static const struct slice self = { "", 0 };
	struct watch_sample s = { 0 };
	struct slice raw;
	struct jscan js;
	int rc;

	jscan_init(&js, stats.p, stats.n);
	if (jscan_next(&js) != JSCAN_OBJECT)
		return -1;
	while ((rc = jscan_member(&js, &raw)) > 0) {
		if (JSCAN_IS(&js, "total_bandwidth_bps"))
			watch_set(&s, WATCH_BITRATE, raw);
		else if (JSCAN_IS(&js, "active_tunnels"))
			watch_set(&s, WATCH_ACTIVE, raw);
		else if (JSCAN_IS(&js, "connected_edges"))
			watch_set(&s, WATCH_PEERS, raw);
	}
	if (s.has != 0 && w->sample != NULL)
		w->sample(w->arg, self, &s);
	return rc;
}

const struct driver driver_relay = {
	.device_type = "relay",
	.display_name = "Relay Server",
	.commands = commands,
	.ncommands = nitems(commands),
	.rotates_after_restart = true,
	.guide = "A relay has no flows; it carries tunnels between edges. "
	    "Tunnels are made and deleted with create_tunnel and "
	    "delete_tunnel.\n",
	.metrics = metrics,
	.nmetrics = NMETRICS,
	.summarize = summarize,
	.watch = watch_relay,
};
