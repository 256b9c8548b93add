/*
 * driver_edge_watch: what the history and the alarms take from an edge's
 * stats. The text was validated when it came in. Flows and tunnels are
 * walked where they stand, not first skipped; only what is asked of inside
 * them is looked at again.
 */
#include <string.h>

#include "driver_edge.h"
#include "watch.h"
#include "xmalloc.h"

struct look {
	const struct watch	*w;
	double			 active;	/* flows that run */
};

static bool
object_begin(struct jscan *js, struct slice text)
{
	jscan_init(js, text.p, text.n);
	return jscan_next(js) == JSCAN_OBJECT;
}

/* The content of a string. */
static struct slice
content(struct slice raw)
{
	if (raw.n < 2 || raw.p[0] != '"')
		return (struct slice){ NULL, 0 };
	return (struct slice){ raw.p + 1, raw.n - 2 };
}

static void
take(struct slice object, struct slice name, struct watch_sample *s,
    unsigned metric)
{
	struct slice raw;
	struct jscan js;

	if (!object_begin(&js, object))
		return;
	while (jscan_member(&js, &raw) > 0)
		if (jscan_is_lit(&js, name.p, name.n)) {
			watch_add(s, metric, raw);
			return;
		}
}

static void
input(struct slice text, struct watch_sample *s)
{
	struct slice raw;
	struct jscan js;

	if (!object_begin(&js, text))
		return;
	while (jscan_member(&js, &raw) > 0) {
		if (JSCAN_IS(&js, "bitrate_bps"))
			watch_set(s, WATCH_BITRATE, raw);
		else if (JSCAN_IS(&js, "packets_lost"))
			watch_set(s, WATCH_LOST, raw);
		else if (JSCAN_IS(&js, "srt_stats"))
			take(raw, SLICE("rtt_ms"), s, WATCH_RTT);
	}
}

static void
outputs(struct slice text, struct watch_sample *s)
{
	struct slice element;
	struct jscan js;

	jscan_init(&js, text.p, text.n);
	if (jscan_next(&js) != JSCAN_ARRAY)
		return;
	while (jscan_element(&js, &element))
		take(element, SLICE("bitrate_bps"), s, WATCH_BITRATE_OUT);
}

/* The counters of ETSI TR 101 290, by priority. */
static void
tr101290(struct slice text, struct watch_sample *s)
{
	static const struct {
		struct slice	 name;
		unsigned	 metric;
	} names[] = {
		{ SLICE_INIT("sync_loss_count"), WATCH_P1 },
		{ SLICE_INIT("sync_byte_errors"), WATCH_P1 },
		{ SLICE_INIT("pat_errors"), WATCH_P1 },
		{ SLICE_INIT("cc_errors"), WATCH_P1 },
		{ SLICE_INIT("pmt_errors"), WATCH_P1 },
		{ SLICE_INIT("pid_errors"), WATCH_P1 },
		{ SLICE_INIT("tei_errors"), WATCH_P2 },
		{ SLICE_INIT("crc_errors"), WATCH_P2 },
		{ SLICE_INIT("pcr_discontinuity_errors"), WATCH_P2 },
		{ SLICE_INIT("pcr_accuracy_errors"), WATCH_P2 },
		{ SLICE_INIT("pts_errors"), WATCH_P2 },
		{ SLICE_INIT("cat_errors"), WATCH_P2 },
	};
	struct slice raw;
	struct jscan js;
	size_t i;

	if (!object_begin(&js, text))
		return;
	while (jscan_member(&js, &raw) > 0)
		for (i = 0; i < nitems(names); i++)
			if (jscan_is_lit(&js, names[i].name.p,
			    names[i].name.n)) {
				watch_add(s, names[i].metric, raw);
				break;
			}
}

static void
tell(const struct watch *w, struct slice object, struct slice code,
    struct slice severity, struct slice message)
{
	const struct watch_condition c = { object, code, severity, message };

	if (w->condition != NULL && code.n > 0)
		w->condition(w->arg, &c);
}

/* One reason of a flow that is not well; false: it names none. */
static bool
reason(const struct watch *w, struct slice flow, struct slice text)
{
	struct slice code = { NULL, 0 }, severity = SLICE("warning");
	struct slice detail = SLICE("The flow is not well"), raw;
	struct jscan js;

	if (!object_begin(&js, text))
		return false;
	while (jscan_member(&js, &raw) > 0) {
		if (raw.p[0] != '"')
			continue;
		if (JSCAN_IS(&js, "code"))
			code = content(raw);
		else if (JSCAN_IS(&js, "severity"))
			severity = content(raw);
		else if (JSCAN_IS(&js, "detail"))
			detail = content(raw);
	}
	tell(w, flow, code, severity, detail);
	return code.n > 0;
}

/* A flow's own word on its health, with its reasons if it has any. */
static void
health(const struct watch *w, struct slice flow, struct slice word,
    struct slice reasons)
{
	struct slice element;
	bool any = false;
	struct jscan js;

	if (word.n == 0 || slice_ieq(word, "healthy"))
		return;
	if (reasons.p != NULL) {
		jscan_init(&js, reasons.p, reasons.n);
		if (jscan_next(&js) == JSCAN_ARRAY)
			while (jscan_element(&js, &element))
				any |= reason(w, flow, element);
	}
	if (!any)
		tell(w, flow, SLICE("flow_health"), slice_ieq(word,
		    "warning") ? word : SLICE("critical"), word);
}

static int
flow(struct jscan *js, void *arg)
{
	struct look *l = arg;
	const struct watch *w = l->w;
	struct slice id = { NULL, 0 }, word = id, reasons = id, raw;
	struct watch_sample s = { 0 };
	bool runs = false;
	int rc;

	while ((rc = jscan_member(js, &raw)) > 0) {
		if (JSCAN_IS(js, "flow_id"))
			id = content(raw);
		else if (JSCAN_IS(js, "health"))
			word = content(raw);
		else if (JSCAN_IS(js, "health_reasons"))
			reasons = raw;
		else if (JSCAN_IS(js, "input"))
			input(raw, &s);
		else if (JSCAN_IS(js, "outputs"))
			outputs(raw, &s);
		else if (JSCAN_IS(js, "tr101290"))
			tr101290(raw, &s);
		else if (JSCAN_IS(js, "state"))
			runs = slice_ieq(content(raw), "running");
	}
	l->active += runs;
	if (id.n == 0)
		return rc;
	health(w, id, word, reasons);
	/* A flow that stands still is a gap, not zeros. */
	if (runs && w->sample != NULL)
		w->sample(w->arg, id, &s);
	return rc;
}

static int
tunnel(struct jscan *js, void *arg)
{
	static const char *const down[] = { "down", "failed", "error",
	    "disconnected", "lost" };
	const struct watch *w = ((struct look *)arg)->w;
	struct slice id = { NULL, 0 }, state = id, raw;
	struct watch_sample in = { 0 }, out = { 0 };
	size_t i;
	int rc;

	while ((rc = jscan_member(js, &raw)) > 0) {
		if (JSCAN_IS(js, "id"))
			id = content(raw);
		else if (JSCAN_IS(js, "state"))
			state = content(raw);
		else if (JSCAN_IS(js, "stats")) {
			take(raw, SLICE("bitrate_in_bps"), &in,
			    WATCH_BITRATE);
			take(raw, SLICE("bitrate_out_bps"), &out,
			    WATCH_BITRATE);
		}
	}
	if (id.n == 0)
		return rc;
	for (i = 0; i < nitems(down); i++)
		if (slice_ieq(state, down[i]))
			tell(w, id, SLICE("tunnel_down"), SLICE("critical"),
			    SLICE("The tunnel is down"));
	if (out.has && (!in.has ||
	    out.v[WATCH_BITRATE] > in.v[WATCH_BITRATE]))
		in = out;
	if (in.has && w->sample != NULL)
		w->sample(w->arg, id, &in);
	return rc;
}

/* What the node as a whole measures. */
static int
member(struct jscan *js, struct look *l, struct watch_sample *s)
{
	struct slice raw;
	uint64_t n;

	if (JSCAN_IS(js, "flows")) {
		s->has |= 1u << WATCH_ACTIVE;
		return driver_array(js, &raw, &n, flow, l);
	}
	if (JSCAN_IS(js, "tunnels"))
		return driver_array(js, &raw, &n, tunnel, l);
	if (!JSCAN_IS(js, "system_resources"))
		return jscan_skip(js, NULL);
	if (jscan_skip(js, &raw) == -1)
		return -1;
	take(raw, SLICE("cpu_percent"), s, WATCH_CPU);
	take(raw, SLICE("ram_percent"), s, WATCH_RAM);
	return 0;
}

int
edge_watch(struct slice stats, const struct watch *w)
{
	static const struct slice self = { "", 0 };
	struct look l = { .w = w };
	struct watch_sample s = { 0 };
	enum jscan_tok t;
	struct jscan js;

	if (!object_begin(&js, stats))
		return -1;
	while ((t = jscan_next(&js)) == JSCAN_KEY)
		if (member(&js, &l, &s) == -1)
			return -1;
	s.v[WATCH_ACTIVE] = l.active;
	if (s.has != 0 && w->sample != NULL)
		w->sample(w->arg, self, &s);
	return t == JSCAN_OBJECT_END ? 0 : -1;
}
