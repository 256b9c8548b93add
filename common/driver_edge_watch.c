/*
 * driver_edge_watch: what the history and the alarms take from an edge's
 * stats. The text was validated when it came in; every object is walked
 * once, and what is not asked for is passed over.
 */
#include <string.h>

#include "driver_edge.h"
#include "watch.h"
#include "xmalloc.h"

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
take(struct slice object, const char *name, struct watch_sample *s,
    unsigned metric)
{
	struct slice raw;
	struct jscan js;

	if (!object_begin(&js, object))
		return;
	while (jscan_member(&js, &raw) > 0)
		if (jscan_is(js.text, js.escaped, name)) {
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
			take(raw, "rtt_ms", s, WATCH_RTT);
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
		take(element, "bitrate_bps", s, WATCH_BITRATE_OUT);
}

/* The counters of ETSI TR 101 290, by priority. */
static void
tr101290(struct slice text, struct watch_sample *s)
{
	static const struct {
		const char	*name;
		unsigned	 metric;
	} names[] = {
		{ "sync_loss_count", WATCH_P1 },
		{ "sync_byte_errors", WATCH_P1 },
		{ "pat_errors", WATCH_P1 }, { "cc_errors", WATCH_P1 },
		{ "pmt_errors", WATCH_P1 }, { "pid_errors", WATCH_P1 },
		{ "tei_errors", WATCH_P2 }, { "crc_errors", WATCH_P2 },
		{ "pcr_discontinuity_errors", WATCH_P2 },
		{ "pcr_accuracy_errors", WATCH_P2 },
		{ "pts_errors", WATCH_P2 }, { "cat_errors", WATCH_P2 },
	};
	struct slice raw;
	struct jscan js;
	size_t i;

	if (!object_begin(&js, text))
		return;
	while (jscan_member(&js, &raw) > 0)
		for (i = 0; i < nitems(names); i++)
			if (jscan_is(js.text, js.escaped, names[i].name)) {
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

static void
flow(const struct watch *w, struct slice text, double *active)
{
	struct slice id = { NULL, 0 }, word = id, reasons = id, raw;
	struct watch_sample s = { 0 };
	struct jscan js;
	bool runs = false;

	if (!object_begin(&js, text))
		return;
	while (jscan_member(&js, &raw) > 0) {
		if (JSCAN_IS(&js, "flow_id"))
			id = content(raw);
		else if (JSCAN_IS(&js, "health"))
			word = content(raw);
		else if (JSCAN_IS(&js, "health_reasons"))
			reasons = raw;
		else if (JSCAN_IS(&js, "input"))
			input(raw, &s);
		else if (JSCAN_IS(&js, "outputs"))
			outputs(raw, &s);
		else if (JSCAN_IS(&js, "tr101290"))
			tr101290(raw, &s);
		else if (JSCAN_IS(&js, "state"))
			runs = slice_ieq(content(raw), "running");
	}
	*active += runs;
	if (id.n == 0)
		return;
	health(w, id, word, reasons);
	/* A flow that stands still is a gap, not zeros. */
	if (runs && w->sample != NULL)
		w->sample(w->arg, id, &s);
}

static void
tunnel(const struct watch *w, struct slice text)
{
	static const char *const down[] = { "down", "failed", "error",
	    "disconnected", "lost" };
	struct slice id = { NULL, 0 }, state = id, raw;
	struct watch_sample in = { 0 }, out = { 0 };
	struct jscan js;
	size_t i;

	if (!object_begin(&js, text))
		return;
	while (jscan_member(&js, &raw) > 0) {
		if (JSCAN_IS(&js, "id"))
			id = content(raw);
		else if (JSCAN_IS(&js, "state"))
			state = content(raw);
		else if (JSCAN_IS(&js, "stats")) {
			take(raw, "bitrate_in_bps", &in, WATCH_BITRATE);
			take(raw, "bitrate_out_bps", &out, WATCH_BITRATE);
		}
	}
	if (id.n == 0)
		return;
	for (i = 0; i < nitems(down); i++)
		if (slice_ieq(state, down[i]))
			tell(w, id, SLICE("tunnel_down"), SLICE("critical"),
			    SLICE("The tunnel is down"));
	if (out.has && (!in.has ||
	    out.v[WATCH_BITRATE] > in.v[WATCH_BITRATE]))
		in = out;
	if (in.has && w->sample != NULL)
		w->sample(w->arg, id, &in);
}

static void
elements(const struct watch *w, struct slice array, double *active)
{
	struct slice element;
	struct jscan js;

	jscan_init(&js, array.p, array.n);
	if (jscan_next(&js) != JSCAN_ARRAY)
		return;
	while (jscan_element(&js, &element))
		if (active != NULL)
			flow(w, element, active);
		else
			tunnel(w, element);
}

int
edge_watch(struct slice stats, const struct watch *w)
{
	static const struct slice self = { "", 0 };
	struct watch_sample s = { 0 };
	bool flows = false;
	struct slice raw;
	struct jscan js;
	int rc;

	if (!object_begin(&js, stats))
		return -1;
	while ((rc = jscan_member(&js, &raw)) > 0) {
		if (JSCAN_IS(&js, "flows")) {
			elements(w, raw, &s.v[WATCH_ACTIVE]);
			flows = true;
		} else if (JSCAN_IS(&js, "tunnels"))
			elements(w, raw, NULL);
		else if (JSCAN_IS(&js, "system_resources")) {
			take(raw, "cpu_percent", &s, WATCH_CPU);
			take(raw, "ram_percent", &s, WATCH_RAM);
		}
	}
	if (flows)
		s.has |= 1u << WATCH_ACTIVE;
	if (s.has != 0 && w->sample != NULL)
		w->sample(w->arg, self, &s);
	return rc;
}
