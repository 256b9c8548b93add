/*
 * driver_edge: edge gateways. Flows with inputs and outputs, and tunnels.
 * Stats are summarised in the walk that validates them.
 */
#include <string.h>

#include "driver_edge.h"
#include "xmalloc.h"

enum { ACTIVE_FLOWS, TOTAL_FLOWS, ACTIVE_TUNNELS, TOTAL_TUNNELS,
    TOTAL_BITRATE, UPTIME, NMETRICS };

static const char *const metrics[NMETRICS] = {
	[ACTIVE_FLOWS] = "active_flows",
	[TOTAL_FLOWS] = "total_flows",
	[ACTIVE_TUNNELS] = "active_tunnels",
	[TOTAL_TUNNELS] = "total_tunnels",
	[TOTAL_BITRATE] = "total_bitrate_bps",
	[UPTIME] = "uptime_secs",
};

#define TEXT(name)	{ name, DRIVER_TEXT, true, 0 }
#define OBJECT(name)	{ name, DRIVER_OBJECT, true, 0 }

static const struct driver_field
	f_config[] = { OBJECT("config") },
	f_flow[] = { OBJECT("flow") },
	f_update_flow[] = { { "flow_id", DRIVER_TEXT, false, 0 },
	    OBJECT("flow") },
	f_flow_id[] = { TEXT("flow_id") },
	f_add_output[] = { TEXT("flow_id"), OBJECT("output") },
	f_flow_output[] = { TEXT("flow_id"), TEXT("output_id") },
	f_tunnel[] = { OBJECT("tunnel") },
	f_tunnel_id[] = { { "tunnel_id", DRIVER_UUID, true, 0 } },
	f_input[] = { OBJECT("input") },
	f_update_input[] = { TEXT("input_id"), OBJECT("input") },
	f_input_id[] = { TEXT("input_id") },
	f_output[] = { OBJECT("output") },
	f_update_output[] = { TEXT("output_id"), OBJECT("output") },
	f_output_id[] = { TEXT("output_id") },
	f_add_input[] = { TEXT("flow_id"), OBJECT("input") },
	f_flow_input[] = { TEXT("flow_id"), TEXT("input_id") },
	f_secret[] = { TEXT("new_secret") };

#define FIELDS(f)	.fields = (f), .nfields = nitems(f)

static const struct driver_command commands[] = {
	{ "get_config", "Read the configuration of the edge",
	    ROLE_OPERATOR, .listed = true, .by_config = true },
	{ "update_config", "Replace flows, tunnels and settings by a whole "
	    "configuration", ROLE_OPERATOR, .listed = true, .mutates = true,
	    .destructive = true, FIELDS(f_config) },
	{ "create_flow", "Add a flow and start it", ROLE_OPERATOR,
	    .listed = true, .mutates = true, FIELDS(f_flow) },
	{ "update_flow", "Change a flow; running parts restart where needed",
	    ROLE_OPERATOR, .listed = true, .mutates = true,
	    FIELDS(f_update_flow) },
	{ "delete_flow", "Stop a flow and remove it", ROLE_OPERATOR,
	    .listed = true, .mutates = true, .destructive = true,
	    FIELDS(f_flow_id) },
	{ "start_flow", "Start a stopped flow", ROLE_OPERATOR,
	    .listed = true, .mutates = true, FIELDS(f_flow_id) },
	{ "stop_flow", "Stop a running flow", ROLE_OPERATOR,
	    .listed = true, .mutates = true, .destructive = true,
	    FIELDS(f_flow_id) },
	{ "restart_flow", "Stop a flow and start it again", ROLE_OPERATOR,
	    .listed = true, .mutates = true, .destructive = true,
	    FIELDS(f_flow_id) },
	{ "add_output", "Add an output to a running flow", ROLE_OPERATOR,
	    .listed = true, .mutates = true, FIELDS(f_add_output) },
	{ "remove_output", "Remove an output from a running flow",
	    ROLE_OPERATOR, .listed = true, .mutates = true,
	    .destructive = true, FIELDS(f_flow_output) },

	{ "create_input", "Define an input", ROLE_OPERATOR,
	    .mutates = true, FIELDS(f_input) },
	{ "update_input", "Change a defined input", ROLE_OPERATOR,
	    .mutates = true, FIELDS(f_update_input) },
	{ "delete_input", "Remove a defined input", ROLE_OPERATOR,
	    .mutates = true, .destructive = true, FIELDS(f_input_id) },
	{ "create_output", "Define an output", ROLE_OPERATOR,
	    .mutates = true, FIELDS(f_output) },
	{ "update_output", "Change a defined output", ROLE_OPERATOR,
	    .mutates = true, FIELDS(f_update_output) },
	{ "delete_output", "Remove a defined output", ROLE_OPERATOR,
	    .mutates = true, .destructive = true, FIELDS(f_output_id) },
	{ "add_input", "Add an input to a flow", ROLE_OPERATOR,
	    .mutates = true, FIELDS(f_add_input) },
	{ "remove_input", "Remove an input from a flow", ROLE_OPERATOR,
	    .mutates = true, .destructive = true, FIELDS(f_flow_input) },
	{ "activate_input", "Switch a flow to another of its inputs",
	    ROLE_OPERATOR, .mutates = true, FIELDS(f_flow_input) },

	{ "create_tunnel", "Create or replace a tunnel leg", ROLE_ADMIN,
	    .mutates = true, .internal = true, FIELDS(f_tunnel) },
	{ "delete_tunnel", "Remove a tunnel leg", ROLE_ADMIN,
	    .mutates = true, .destructive = true, .internal = true,
	    FIELDS(f_tunnel_id) },
	{ "rotate_secret", "Take a new node secret", ROLE_ADMIN,
	    .internal = true, FIELDS(f_secret) },
};

#define MEMBERS	63	/* of a flow that is read in one go */

static void
add_bitrate(struct driver_summary *sum, uint64_t v)
{
	uint64_t *total = &sum->metrics[TOTAL_BITRATE];

	if (__builtin_add_overflow(*total, v, total))
		*total = UINT64_MAX;
}

/*
 * Up to two members of a value that is validated already, if it is an
 * object; stops as soon as both are found.
 */
static void
pick(struct slice obj, const struct slice names[2], uint64_t v[2])
{
	unsigned want = names[1].p != NULL ? 2 : 1, i;
	struct slice raw;
	struct jscan js;

	jscan_init(&js, obj.p, obj.n);
	if (jscan_next(&js) != JSCAN_OBJECT)
		return;
	while (want > 0 && jscan_member(&js, &raw) > 0) {
		for (i = 0; i < 2 && names[i].p != NULL; i++)
			if (jscan_is_lit(&js, names[i].p, names[i].n))
				break;
		if (i == 2 || names[i].p == NULL)
			continue;
		if (jscan_u64(raw, &v[i]) != 0)
			v[i] = 0;
		want--;
	}
}

/* The state's value is a raw string with its quotes. */
static bool
state_is(struct slice raw, const char *state)
{
	return raw.n >= 2 && raw.p[0] == '"' &&
	    slice_ieq((struct slice){ raw.p + 1, raw.n - 2 }, state);
}

static struct slice
value_of(const char *value, const char *const *at)
{
	return (struct slice){ value, (size_t)(at[1] - 1 - value) };
}

/* Σ of the flows' input.bitrate_bps; old and new edges capitalise state. */
static int
flow(struct jscan *js, void *arg)
{
	struct driver_summary *sum = arg;
	static const struct slice names[2] = { SLICE_INIT("bitrate_bps") };
	struct slice state = { NULL, 0 }, raw;
	const char *at[MEMBERS + 1], *v;
	uint64_t rate[2] = { 0, 0 };
	int rc, i, n = jscan_members(js, at, MEMBERS);

	for (i = 0; i < n; i++) {
		if ((v = JSCAN_VALUE(at + i, "input")) != NULL)
			pick(value_of(v, at + i), names, rate);
		else if ((v = JSCAN_VALUE(at + i, "state")) != NULL)
			state = value_of(v, at + i);
	}
	rc = n < 0 ? 1 : 0;
	while (rc > 0 && (rc = jscan_member(js, &raw)) > 0) {
		if (JSCAN_IS(js, "input"))
			pick(raw, names, rate);
		else if (JSCAN_IS(js, "state"))
			state = raw;
	}
	sum->metrics[ACTIVE_FLOWS] += state_is(state, "running");
	add_bitrate(sum, rate[0]);
	return rc;
}

/* A tunnel counts with the greater of its two directions. */
static int
tunnel(struct jscan *js, void *arg)
{
	struct driver_summary *sum = arg;
	static const struct slice names[2] = { SLICE_INIT("bitrate_in_bps"),
	    SLICE_INIT("bitrate_out_bps") };
	struct slice state = { NULL, 0 }, raw;
	uint64_t rate[2] = { 0, 0 };
	int rc;

	while ((rc = jscan_member(js, &raw)) > 0) {
		if (JSCAN_IS(js, "stats"))
			pick(raw, names, rate);
		else if (JSCAN_IS(js, "state"))
			state = raw;
	}
	sum->metrics[ACTIVE_TUNNELS] += state_is(state, "ready");
	add_bitrate(sum, rate[0] > rate[1] ? rate[0] : rate[1]);
	return rc;
}

static int
member(struct jscan *js, struct driver_summary *sum, uint64_t *said_active)
{
	uint64_t *m = sum->metrics;

	if (JSCAN_IS(js, "flows") && sum->items[0].p == NULL)
		return driver_array(js, &sum->items[0], &m[TOTAL_FLOWS], flow,
		    sum);
	if (JSCAN_IS(js, "tunnels") && sum->items[1].p == NULL)
		return driver_array(js, &sum->items[1], &m[TOTAL_TUNNELS],
		    tunnel, sum);
	if (JSCAN_IS(js, "uptime_secs"))
		return driver_u64(js, &m[UPTIME]);
	if (JSCAN_IS(js, "active_flows"))
		return driver_u64(js, said_active);
	return jscan_skip(js, NULL);
}

static int
summarize(struct jscan *js, struct driver_summary *sum)
{
	uint64_t said_active = 0;
	enum jscan_tok t;

	memset(sum, 0, sizeof(*sum));
	t = jscan_next(js);
	if (t != JSCAN_OBJECT) {
		if (t != JSCAN_BAD)
			js->bad = "the stats are not an object";
		return -1;
	}
	while ((t = jscan_next(js)) == JSCAN_KEY)
		if (member(js, sum, &said_active) != 0)
			return -1;
	/* Two timers of the edge race: a frame without its flows. */
	sum->glitch = said_active > 0 && sum->items[0].p != NULL &&
	    sum->metrics[TOTAL_FLOWS] == 0;
	return t == JSCAN_OBJECT_END ? 0 : -1;
}

const struct driver driver_edge = {
	.device_type = "edge",
	.display_name = "Edge Transport Node",
	.commands = commands,
	.ncommands = nitems(commands),
	.metrics = metrics,
	.nmetrics = NMETRICS,
	.form = &edge_form,
	.guide = "A flow of an edge: {id, name, enabled (true), "
	    "media_analysis (true), input {type, ...}, outputs [{type, id, "
	    "name, ...}]}. Ids are short texts of letters, digits and '-', "
	    "unique in the node; of outputs unique in the flow. Write flows "
	    "in this form, with input and outputs inside, also where the "
	    "node keeps inputs and outputs by id: Mastkeeper turns them. "
	    "Addresses are host:port. A caller and a rendezvous of SRT "
	    "need a remote_addr.\n",
	.summarize = summarize,
	.endpoints = edge_endpoints,
	.turns = edge_turns,
	.turn = edge_turn,
	.hides = edge_hides,
	.watch = edge_watch,
};
