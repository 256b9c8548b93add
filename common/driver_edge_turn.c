/*
 * driver_edge_turn: flows in the older dialect, with input and outputs
 * inside, for an edge whose configuration defines them beside the flows. It
 * would take such a flow, say yes, and build an empty one. So the inside
 * becomes definitions first: of ids that nothing else uses, made anew or
 * changed where a try before has left them.
 */
#include <string.h>

#include "driver_edge.h"
#include "xmalloc.h"

#define OUTPUTS_MAX (DRIVER_STEPS - 2)

struct turn {
	struct arena		*arena;
	struct driver_plan	*plan;
	struct slice		 config, flow, flow_id;	/* id with quotes */
	struct edge_defs	 inputs, outputs;
	struct buf		 ids;		/* of outputs: "a","b" */
};

bool
edge_turns(struct slice action)
{
	struct slice type, flow, raw;

	if (!edge_string(action, "type", &type) ||
	    (!slice_eq(type, "\"create_flow\"") &&
	    !slice_eq(type, "\"update_flow\"")) ||
	    !json_member(action.p, action.n, "flow", &flow))
		return false;
	return json_member(flow.p, flow.n, "input", &raw) ||
	    json_member(flow.p, flow.n, "outputs", &raw);
}

static enum err
refuse(struct turn *t, const char *why)
{
	t->plan->why = why;
	return ERR_INVALID;
}

static void
step(struct turn *t, const char *type, struct slice id, struct buf *text)
{
	struct driver_step *s = &t->plan->v[t->plan->n++];

	s->type = type;
	s->id = (struct slice){ arena_strndup(t->arena, id.p, id.n), id.n };
	s->action.n = buf_used(text);
	s->action.p = arena_strndup(t->arena, (const char *)buf_head(text),
	    s->action.n);
	buf_free(text);
}

/* Does a flow other than ours name this id? */
static bool
used(const struct turn *t, const char *key, struct slice id)
{
	struct slice flow, other, ref;
	struct jscan flows, refs;

	if (!edge_array(t->config, "flows", &flows))
		return false;
	while (jscan_element(&flows, &flow)) {
		if (flow.p[0] != '{' || (edge_string(flow, "id", &other) &&
		    slice_same(other, t->flow_id)))
			continue;
		if (edge_array(flow, key, &refs))
			while (jscan_element(&refs, &ref))
				if (slice_same(ref, id))
					return true;
	}
	return false;
}

/* An input inside a flow has no id and may have no name. */
static void
put_input(struct turn *t, struct json_w *w, struct slice id,
    struct slice input)
{
	struct slice name = t->flow_id, raw;
	struct jscan js;

	if (edge_string(t->flow, "name", &raw))
		name = raw;
	json_w_object(w);
	json_w_key(w, "id");
	json_w_raw(w, id);
	if (!edge_string(input, "name", &raw)) {
		json_w_key(w, "name");
		json_w_raw(w, name);
	}
	jscan_init(&js, input.p, input.n);
	(void)jscan_next(&js);
	while (jscan_next(&js) == JSCAN_KEY) {
		struct slice key = js.text;
		bool is_id = JSCAN_IS(&js, "id");

		if (jscan_skip(&js, &raw) == -1)
			break;
		if (is_id)
			continue;
		json_w_key(w, arena_strndup(t->arena, key.p, key.n));
		json_w_raw(w, raw);
	}
	json_w_end_object(w);
}

static void
define(struct turn *t, bool again, bool input, struct slice id,
    struct slice text)
{
	static const char *const types[2][2] = {
	    { "create_output", "update_output" },
	    { "create_input", "update_input" } };
	const char *type = types[input][again];
	struct buf b = BUF_INIT;
	struct json_w w;

	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "type");
	json_w_str(&w, type);
	if (again) {
		json_w_key(&w, input ? "input_id" : "output_id");
		json_w_raw(&w, id);
	}
	json_w_key(&w, input ? "input" : "output");
	if (input)
		put_input(t, &w, id, text);
	else
		json_w_raw(&w, text);
	json_w_end_object(&w);
	step(t, type, id, &b);
}

static enum err
turn_input(struct turn *t, struct slice *id_r)
{
	struct slice input, id;
	char *text;

	if (!json_member(t->flow.p, t->flow.n, "input", &input) ||
	    slice_eq(input, "null"))
		return ERR_OK;
	if (input.p[0] != '{')
		return refuse(t, "the flow's input is no object");
	text = arena_printf(t->arena, "%.*s-in\"", (int)t->flow_id.n - 1,
	    t->flow_id.p);
	id = slice_of(text);
	if (used(t, "input_ids", id))
		return refuse(t, "another flow uses the input that this flow "
		    "would define, its id with \"-in\"");
	define(t, edge_defs_find(&t->inputs, id) != NULL, true, id, input);
	*id_r = id;
	return ERR_OK;
}

static enum err
turn_outputs(struct turn *t)
{
	struct slice output, id;
	struct jscan js;
	size_t n = 0;

	if (!edge_array(t->flow, "outputs", &js))
		return ERR_OK;
	while (jscan_element(&js, &output)) {
		if (output.p[0] != '{' || !edge_string(output, "id", &id))
			return refuse(t, "an output of the flow has no id");
		if (++n > OUTPUTS_MAX)
			return refuse(t, "the flow has too many outputs");
		if (used(t, "output_ids", id))
			return refuse(t, "another flow uses an output with "
			    "the id of one of this flow's");
		define(t, edge_defs_find(&t->outputs, id) != NULL, false, id,
		    output);
		if (n > 1)
			buf_putc(&t->ids, ',');
		buf_put(&t->ids, id.p, id.n);
	}
	return ERR_OK;
}

/* The flow itself: everything but its input and outputs, and their ids. */
static void
turn_flow(struct turn *t, const char *type, struct slice input)
{
	struct buf b = BUF_INIT;
	struct slice raw;
	struct jscan js;

	buf_printf(&b, "{\"type\":\"%s\",", type);
	if (type[0] == 'u')
		buf_printf(&b, "\"flow_id\":%.*s,", (int)t->flow_id.n,
		    t->flow_id.p);
	buf_printf(&b, "\"flow\":{\"input_ids\":[%.*s],\"output_ids\":[",
	    (int)input.n, input.p == NULL ? "" : input.p);
	buf_put(&b, buf_head(&t->ids), buf_used(&t->ids));
	buf_putc(&b, ']');
	jscan_init(&js, t->flow.p, t->flow.n);
	(void)jscan_next(&js);
	while (jscan_next(&js) == JSCAN_KEY) {
		struct slice key = js.text;
		bool gone = JSCAN_IS(&js, "input") || JSCAN_IS(&js, "outputs");

		if (jscan_skip(&js, &raw) == -1)
			break;
		if (gone)
			continue;
		buf_printf(&b, ",\"%.*s\":", (int)key.n, key.p);
		buf_put(&b, raw.p, raw.n);
	}
	buf_puts(&b, "}}");
	step(t, type, t->flow_id, &b);
}

static enum err
turn(struct turn *t, const char *type)
{
	struct slice raw, input = { NULL, 0 };
	enum err err;

	if (json_member(t->flow.p, t->flow.n, "input_ids", &raw) ||
	    json_member(t->flow.p, t->flow.n, "output_ids", &raw))
		return refuse(t, "the flow has its input or outputs inside "
		    "and by id");
	if (!edge_string(t->flow, "id", &t->flow_id))
		return refuse(t, "the flow has no id");
	err = turn_input(t, &input);
	if (err == ERR_OK)
		err = turn_outputs(t);
	if (err == ERR_OK)
		turn_flow(t, type, input);
	return err;
}

enum err
edge_turn(struct arena *arena, struct slice action, struct slice config,
    struct driver_plan *plan)
{
	struct turn t = { .arena = arena, .plan = plan, .config = config,
	    .ids = BUF_INIT };
	struct slice type, raw;
	int64_t version = 1;
	enum err err;

	plan->n = 0;
	plan->why = NULL;
	if (json_member(config.p, config.n, "version", &raw))
		(void)jscan_i64(raw, &version);
	if (version < 2 || !edge_turns(action))
		return ERR_OK;
	if (!json_member(action.p, action.n, "flow", &t.flow) ||
	    !edge_string(action, "type", &type))
		return ERR_OK;
	edge_defs_read(&t.inputs, config, "inputs");
	edge_defs_read(&t.outputs, config, "outputs");
	err = turn(&t, slice_eq(type, "\"create_flow\"") ? "create_flow" :
	    "update_flow");
	edge_defs_free(&t.inputs);
	edge_defs_free(&t.outputs);
	buf_free(&t.ids);
	return err;
}
