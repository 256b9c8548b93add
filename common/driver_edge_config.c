/*
 * driver_edge_config: what an edge's configuration says of its flows, in
 * both of its dialects: flows with input and outputs inside, and flows with
 * the ids of inputs and outputs that are defined beside them. The text was
 * validated when it came in.
 */
#include <stdlib.h>
#include <string.h>

#include "driver_edge.h"
#include "jscan.h"
#include "xmalloc.h"

bool
edge_array(struct slice object, const char *key, struct jscan *js)
{
	struct slice raw;

	if (!json_member(object.p, object.n, key, &raw) || raw.p[0] != '[')
		return false;
	jscan_init(js, raw.p, raw.n);
	return jscan_next(js) == JSCAN_ARRAY;
}

bool
edge_string(struct slice object, const char *key, struct slice *raw_r)
{
	return json_member(object.p, object.n, key, raw_r) &&
	    raw_r->p[0] == '"';
}

static int
def_cmp(const void *a, const void *b)
{
	const struct edge_def *x = a, *y = b;
	size_t n = x->id.n < y->id.n ? x->id.n : y->id.n;
	int c = memcmp(x->id.p, y->id.p, n);

	return c != 0 ? c : (x->id.n > y->id.n) - (x->id.n < y->id.n);
}

void
edge_defs_read(struct edge_defs *d, struct slice config, const char *key)
{
	struct slice element, id;
	struct jscan js;

	*d = (struct edge_defs){ .n = 0 };
	if (!edge_array(config, key, &js))
		return;
	while (jscan_element(&js, &element)) {
		if (element.p[0] != '{' || !edge_string(element, "id", &id))
			continue;
		if (d->n == d->cap) {
			d->cap = d->cap == 0 ? 32 : d->cap * 2;
			d->v = xreallocarray(d->v, d->cap, sizeof(*d->v));
		}
		d->v[d->n++] = (struct edge_def){ id, element };
	}
	if (d->n > 1)
		qsort(d->v, d->n, sizeof(*d->v), def_cmp);
}

const struct edge_def *
edge_defs_find(const struct edge_defs *d, struct slice id)
{
	const struct edge_def key = { .id = id };

	return d->n == 0 ? NULL :
	    bsearch(&key, d->v, d->n, sizeof(*d->v), def_cmp);
}

void
edge_defs_free(struct edge_defs *d)
{
	free(d->v);
	*d = (struct edge_defs){ .n = 0 };
}

/* ---- endpoints ---- */

static const char *const input_keys[] = { "type", "mode", "local_addr",
    "bind_addr", "remote_addr", "listen_addr", NULL };
static const char *const output_keys[] = { "type", "id", "name", "mode",
    "local_addr", "remote_addr", "dest_addr", NULL };

/* Those members that are strings, as they were written. */
static void
put_end(struct json_w *w, struct slice object, const char *const *keys)
{
	struct slice raw;

	json_w_object(w);
	for (; *keys != NULL; keys++)
		if (edge_string(object, *keys, &raw)) {
			json_w_key(w, *keys);
			json_w_raw(w, raw);
		}
	json_w_end_object(w);
}

/* Of the inputs that a flow names: the active one, else the first. */
static const struct edge_def *
active_input(struct slice flow, const struct edge_defs *inputs)
{
	const struct edge_def *first = NULL, *d;
	struct slice id, active;
	struct jscan js;

	if (!edge_array(flow, "input_ids", &js))
		return NULL;
	while (jscan_element(&js, &id)) {
		d = edge_defs_find(inputs, id);
		if (d == NULL)
			continue;
		if (first == NULL)
			first = d;
		if (json_member(d->text.p, d->text.n, "active", &active) &&
		    slice_eq(active, "true"))
			return d;
	}
	return first;
}

static void
put_input(struct json_w *w, struct slice flow, const struct edge_defs *inputs)
{
	const struct edge_def *d = active_input(flow, inputs);
	struct slice raw;

	if (d != NULL)
		raw = d->text;
	else if (!json_member(flow.p, flow.n, "input", &raw) ||
	    raw.p[0] != '{')
		return;
	json_w_key(w, "input");
	put_end(w, raw, input_keys);
}

static void
put_outputs(struct json_w *w, struct slice flow,
    const struct edge_defs *outputs)
{
	const struct edge_def *d;
	struct slice element;
	struct jscan js;

	json_w_key(w, "outputs");
	json_w_array(w);
	if (edge_array(flow, "output_ids", &js)) {
		while (jscan_element(&js, &element))
			if ((d = edge_defs_find(outputs, element)) != NULL)
				put_end(w, d->text, output_keys);
	} else if (edge_array(flow, "outputs", &js)) {
		while (jscan_element(&js, &element))
			if (element.p[0] == '{')
				put_end(w, element, output_keys);
	}
	json_w_end_array(w);
}

static void
put_flow(struct json_w *w, struct slice flow, const struct edge_defs *inputs,
    const struct edge_defs *outputs)
{
	struct slice id, raw;

	if (!edge_string(flow, "id", &id))
		return;
	json_w_object(w);
	json_w_key(w, "flow_id");
	json_w_raw(w, id);
	json_w_key(w, "flow_name");
	json_w_raw(w, edge_string(flow, "name", &raw) ? raw : id);
	json_w_key(w, "enabled");
	json_w_bool(w, !(json_member(flow.p, flow.n, "enabled", &raw) &&
	    slice_eq(raw, "false")));
	put_input(w, flow, inputs);
	put_outputs(w, flow, outputs);
	json_w_end_object(w);
}

void
edge_endpoints(struct slice config, struct json_w *w)
{
	struct edge_defs inputs, outputs;
	struct slice flow;
	struct jscan js;

	edge_defs_read(&inputs, config, "inputs");
	edge_defs_read(&outputs, config, "outputs");
	json_w_array(w);
	if (edge_array(config, "flows", &js))
		while (jscan_element(&js, &flow))
			if (flow.p[0] == '{')
				put_flow(w, flow, &inputs, &outputs);
	json_w_end_array(w);
	edge_defs_free(&inputs);
	edge_defs_free(&outputs);
}
