/* ai_envelope: see ai_envelope.h. */
#include <string.h>

#include "ai_envelope.h"
#include "ai_flow.h"
#include "jscan.h"
#include "xmalloc.h"

#define STARTS_MAX	64	/* places where an object may begin */

struct body {
	struct slice	action, message, flow, flow_id, output, output_id;
	struct slice	tunnel, tunnel_id, actions;
};

#define MEMBER(n, t, f) { .name = #n, .type = t, .flags = f, \
    .offset = offsetof(struct body, n) }
static const struct json_field fields[] = {
	MEMBER(action, JSON_STRING, JSON_REQUIRED),
	MEMBER(message, JSON_ANY, 0),
	MEMBER(flow, JSON_OBJECT, 0),
	MEMBER(flow_id, JSON_STRING, 0),
	MEMBER(output, JSON_OBJECT, 0),
	MEMBER(output_id, JSON_STRING, 0),
	MEMBER(tunnel, JSON_OBJECT, 0),
	MEMBER(tunnel_id, JSON_UUID, 0),
	MEMBER(actions, JSON_ANY, 0),
};
static const struct json_schema schema = { fields, nitems(fields), true };

struct check {
	struct arena		*arena;
	const struct ai_scope	*scope;
	struct ai_answer	*answer;
	const char		*at;		/* pointer of the action */
};

static const struct ai_action *
action_find(struct slice name)
{
	const struct ai_action *a;
	size_t i;

	for (i = 0; (a = ai_action_at(i)) != NULL; i++)
		if (slice_eq(name, a->name))
			return a;
	return NULL;
}

static void
fault(struct check *c, const char *member, const char *detail)
{
	struct json_faults *f = &c->answer->faults;
	const char *pointer = arena_printf(c->arena, "%s%s", c->at, member);
	size_t i;

	for (i = 0; i < f->n; i++)
		if (strcmp(f->v[i].pointer, pointer) == 0)
			return;		/* one fault of a place is enough */
	if (f->n < JSON_FAULTS)
		f->v[f->n++] = (struct json_fault){ pointer, detail };
}

static void
take_faults(struct check *c, const char *member, const struct json_faults *in)
{
	size_t i;

	for (i = 0; i < in->n; i++)
		fault(c, arena_printf(c->arena, "%s%s", member,
		    in->v[i].pointer), in->v[i].detail);
}

/* ---- finding the object ---- */

/* A whole object that starts at p: its length or 0. */
static size_t
object_at(const char *p, size_t n)
{
	enum jscan_tok t;
	struct jscan js;

	jscan_init(&js, p, n);
	if (jscan_next(&js) != JSCAN_OBJECT)
		return 0;
	while (js.depth > 0) {
		t = jscan_next(&js);
		if (t == JSCAN_BAD || t == JSCAN_END)
			return 0;
	}
	return (size_t)(js.p - p);
}

struct slice
ai_envelope_find(struct slice s)
{
	unsigned starts = 0;
	size_t i, n;

	for (i = 0; i < s.n && starts < STARTS_MAX; i++) {
		if (s.p[i] != '{')
			continue;
		starts++;
		n = object_at(s.p + i, s.n - i);
		/* {} and the like in prose are no answer. */
		if (n > 2)
			return (struct slice){ s.p + i, n };
	}
	return (struct slice){ NULL, 0 };
}

/* ---- flows ---- */

/* A newer edge has more types than we know: what it uses it has. */
static bool
in_use(const struct check *c, struct slice type)
{
	const char *text = arena_printf(c->arena, "\"%.*s\"", (int)type.n,
	    type.p);

	return c->scope->config.n > 0 && memmem(c->scope->config.p,
	    c->scope->config.n, text, strlen(text)) != NULL;
}

/* What the driver's tables say, but for what the node has already. */
static void
check_part(struct check *c, const char *at, const struct driver_part *part,
    struct slice object, struct slice was)
{
	struct json_faults found = { .n = 0 }, had = { .n = 0 };
	size_t i, k;

	driver_part_check(part, c->arena, c->scope->config, object, at,
	    &found);
	if (was.p != NULL)
		driver_part_check(part, c->arena, c->scope->config, was, at,
		    &had);
	for (i = 0; i < found.n; i++) {
		for (k = 0; k < had.n; k++)
			if (strcmp(found.v[i].pointer, had.v[k].pointer) == 0)
				break;
		if (k == had.n)
			fault(c, found.v[i].pointer, found.v[i].detail);
	}
}

/* Who calls needs somebody to call, who listens a place for it. */
static void
check_srt(struct check *c, const char *at, struct slice end)
{
	const char *needs = "remote_addr";
	struct slice mode, addr;

	if (!ai_string(c->arena, end, "mode", &mode))
		return;
	if (slice_eq(mode, "listener"))
		needs = "local_addr";
	if (!ai_string(c->arena, end, needs, &addr) || addr.n == 0)
		fault(c, arena_printf(c->arena, "%s/%s", at, needs),
		    "is required in this SRT mode");
}

static void
check_end(struct check *c, const char *at, struct slice end,
    const struct driver_part *part, struct slice was)
{
	struct slice type;

	check_part(c, at, part, end, was);
	if (!ai_string(c->arena, end, "type", &type))
		return;
	if (slice_eq(type, "srt"))
		check_srt(c, at, end);
	else if (!driver_part_has(part, type) && !in_use(c, type))
		fault(c, arena_printf(c->arena, "%s/type", at),
		    "is not a type that the node is known to have");
}

static void
check_outputs(struct check *c, const struct driver_part *part,
    struct slice list, struct slice was)
{
	struct slice output, id, ids[DRIVER_STEPS];
	struct jscan js;
	const char *at;
	size_t n = 0, i;

	jscan_init(&js, list.p, list.n);
	(void)jscan_next(&js);
	while (jscan_element(&js, &output)) {
		at = arena_printf(c->arena, "/flow/outputs/%zu", n);
		if (output.p[0] != '{') {
			fault(c, at, "must be an object");
			return;
		}
		if (!ai_string(c->arena, output, "id", &id))
			id = SLICE("");
		check_end(c, at, output, part, ai_flow_output(was, id));
		for (i = 0; id.n > 0 && i < n; i++)
			if (slice_same(ids[i], id))
				fault(c, arena_printf(c->arena, "%s/id", at),
				    "is that of another output");
		if (n + 2 >= DRIVER_STEPS) {
			fault(c, "/flow/outputs", "has too many elements");
			return;
		}
		ids[n++] = id;
	}
}

static void
check_flow(struct check *c, struct slice flow, struct slice *id_r)
{
	const struct driver_form *form = c->scope->driver->form;
	struct slice raw, name, was;

	if (!ai_string(c->arena, flow, "id", id_r) || id_r->n == 0 ||
	    id_r->n > 256) {
		fault(c, "/flow/id", "is required and must be a string of 1 "
		    "to 256 bytes");
		id_r->n = 0;
		return;
	}
	was = ai_flow_find(c->arena, c->scope->config, *id_r);
	if (form != NULL)
		check_part(c, "/flow", &form->flow, flow, was);
	if (!ai_string(c->arena, flow, "name", &name) || name.n == 0)
		fault(c, "/flow/name", "is required and must be a string");
	raw = ai_member(flow, "input", '{');
	if (raw.p == NULL)
		fault(c, "/flow/input", "is required and must be an object");
	else if (form != NULL)
		check_end(c, "/flow/input", raw, &form->input,
		    ai_member(was, "input", '{'));
	if (!json_member(flow.p, flow.n, "outputs", &raw))
		return;
	if (raw.p[0] != '[')
		fault(c, "/flow/outputs", "must be an array of objects");
	else if (form != NULL)
		check_outputs(c, &form->output, raw, was);
}

/* Is the flow there when the step runs? Steps before it count. */
static bool
there(const struct check *c, struct slice id)
{
	bool is = ai_element(ai_member(c->scope->config, "flows", '['),
	    id).p != NULL;
	size_t i;

	for (i = 0; i < c->answer->nsteps; i++) {
		const struct ai_step *s = &c->answer->steps[i];

		if (!slice_same(s->flow_id, id))
			continue;
		if (slice_eq(slice_of(s->action->name), "create_flow"))
			is = true;
		else if (slice_eq(slice_of(s->action->name), "delete_flow"))
			is = false;
	}
	return is;
}

static void
check_output(struct check *c, const struct ai_step *s)
{
	struct slice id, flow = ai_flow_find(c->arena, c->scope->config,
	    s->flow_id);

	if (s->action->needs & AI_N_OUTPUT) {
		if (c->scope->driver->form != NULL)
			check_end(c, "/output", s->output,
			    &c->scope->driver->form->output,
			    (struct slice){ NULL, 0 });
		if (!ai_string(c->arena, s->output, "id", &id) || id.n == 0)
			return;
		if (ai_flow_output(flow, id).p != NULL)
			fault(c, "/output/id",
			    "is that of another output of the flow");
	} else if (flow.p != NULL &&
	    ai_flow_output(flow, s->output_id).p == NULL)
		fault(c, "/output_id", "is not the id of an output of the "
		    "flow");
}

static void
check_driver(struct check *c, const struct ai_step *s)
{
	struct json_faults faults = { .n = 0 };
	const struct driver_command *what;
	struct buf b = BUF_INIT;
	struct slice text;
	struct json_w w;

	json_w_init(&w, &b);
	ai_step_action(s, &w);
	text = buf_slice(&b);
	if (driver_check(c->scope->driver, c->arena, text, ROLE_ADMIN, "",
	    &faults, &what) != ERR_OK)
		take_faults(c, "", &faults);
	buf_free(&b);
}

static void
check_node_step(struct check *c, struct ai_step *s)
{
	bool is;

	if (c->scope->driver == NULL) {
		fault(c, "/action", "needs a node and none was chosen: "
		    "answer with info and ask to choose one");
		return;
	}
	if (s->action->needs & AI_N_FLOW)
		check_flow(c, s->flow, &s->flow_id);
	if (s->flow_id.n == 0 || c->answer->faults.n > 0)
		return;
	check_driver(c, s);
	is = there(c, s->flow_id);
	if (c->scope->config.n > 0 && (s->action->needs & AI_N_NEW) && is)
		fault(c, "/flow/id", "is that of a flow that is there: "
		    "use update_flow or another id");
	if (c->scope->config.n > 0 && (s->action->needs & AI_N_THERE) && !is)
		fault(c, s->action->needs & AI_N_FLOW ? "/flow/id" : "/flow_id",
		    "is not the id of a flow of the node");
	if (s->action->needs & (AI_N_OUTPUT | AI_N_OUTPUT_ID))
		check_output(c, s);
}

/* ---- tunnels ---- */

static void
check_end_node(struct check *c, struct slice tunnel, const char *key,
    const char *type)
{
	struct slice id, node, is;

	if (!ai_string(c->arena, tunnel, key, &id))
		return;
	node = ai_element(c->scope->nodes, id);
	if (node.p == NULL)
		fault(c, arena_printf(c->arena, "/tunnel/%s", key),
		    "is not the id of one of the nodes");
	else if (ai_string(c->arena, node, "device_type", &is) &&
	    !slice_eq(is, type))
		fault(c, arena_printf(c->arena, "/tunnel/%s", key),
		    arena_printf(c->arena, "must be a node of type %s",
		    type));
}

static void
check_tunnel(struct check *c, struct slice tunnel)
{
	struct json_faults faults = { .n = 0 };
	const struct ai_scope *scope = c->scope;
	struct slice mode, id;

	if (scope->tunnel != NULL && json_decode(c->arena, scope->tunnel,
	    tunnel.p, tunnel.n, arena_calloc(c->arena, scope->tunnel_size),
	    &faults) != ERR_OK)
		take_faults(c, "/tunnel", &faults);
	check_end_node(c, tunnel, "ingress_node_id", "edge");
	check_end_node(c, tunnel, "egress_node_id", "edge");
	check_end_node(c, tunnel, "relay_node_id", "relay");
	if (!ai_string(c->arena, tunnel, "mode", &mode))
		return;
	if (slice_eq(mode, "relay") &&
	    !ai_string(c->arena, tunnel, "relay_node_id", &id))
		fault(c, "/tunnel/relay_node_id",
		    "is required in relay mode");
	if (slice_eq(mode, "direct") &&
	    !ai_string(c->arena, tunnel, "egress_peer_addr", &id))
		fault(c, "/tunnel/egress_peer_addr",
		    "is required in direct mode");
}

/* ---- actions ---- */

static void
need(struct check *c, const struct ai_action *a, unsigned bit,
    const struct slice *v, const char *member)
{
	if ((a->needs & bit) != 0 && v->n == 0)
		fault(c, member, "is required");
}

/* What an action has no use for is not carried along. */
static void
take(const struct ai_step *s, unsigned bit, struct slice *dst,
    const struct slice *v)
{
	*dst = s->action->needs & bit ? *v : (struct slice){ NULL, 0 };
}

static bool
step_fill(const struct body *b, struct ai_step *s)
{
	s->action = action_find(b->action);
	if (s->action == NULL)
		return false;
	take(s, AI_N_FLOW_ID, &s->flow_id, &b->flow_id);
	take(s, AI_N_OUTPUT_ID, &s->output_id, &b->output_id);
	take(s, AI_N_TUNNEL_ID, &s->tunnel_id, &b->tunnel_id);
	take(s, AI_N_FLOW, &s->flow, &b->flow);
	take(s, AI_N_OUTPUT, &s->output, &b->output);
	take(s, AI_N_TUNNEL, &s->tunnel, &b->tunnel);
	return true;
}

static void
check_step(struct check *c, const struct body *b)
{
	struct ai_answer *a = c->answer;
	struct ai_step s;
	size_t had = a->faults.n;

	if (!step_fill(b, &s)) {
		fault(c, "/action", "is not an action that is known");
		return;
	}
	need(c, s.action, AI_N_FLOW, &s.flow, "/flow");
	need(c, s.action, AI_N_FLOW_ID, &s.flow_id, "/flow_id");
	need(c, s.action, AI_N_OUTPUT, &s.output, "/output");
	need(c, s.action, AI_N_OUTPUT_ID, &s.output_id, "/output_id");
	need(c, s.action, AI_N_TUNNEL, &s.tunnel, "/tunnel");
	need(c, s.action, AI_N_TUNNEL_ID, &s.tunnel_id, "/tunnel_id");
	if (a->faults.n == had) {
		if (s.action->target == AI_T_NODE)
			check_node_step(c, &s);
		else if (s.action->needs & AI_N_TUNNEL)
			check_tunnel(c, s.tunnel);
		else if (ai_element(c->scope->tunnels, s.tunnel_id).p == NULL)
			fault(c, "/tunnel_id",
			    "is not the id of one of the tunnels");
	}
	if (a->nsteps == AI_STEPS)
		fault(c, "", "is one action too many: 32 are allowed");
	else
		a->steps[a->nsteps++] = s;
}

static void check_object(struct check *, struct slice object, unsigned);

static void
check_multiple(struct check *c, struct slice list, unsigned depth)
{
	const char *at = c->at;
	struct slice object;
	struct jscan js;
	size_t i = 0;

	if (depth > 1) {
		fault(c, "/action", "must not be multiple again here");
		return;
	}
	if (list.n == 0 || list.p[0] != '[') {
		fault(c, "/actions", "is required and must be an array");
		return;
	}
	jscan_init(&js, list.p, list.n);
	(void)jscan_next(&js);
	while (c->answer->faults.n == 0 && jscan_element(&js, &object)) {
		c->at = arena_printf(c->arena, "%s/actions/%zu", at, i++);
		if (object.p[0] != '{')
			fault(c, "", "must be an object");
		else
			check_object(c, object, depth + 1);
	}
	c->at = at;
	if (i == 0)
		fault(c, "/actions", "must not be empty");
}

static void
check_object(struct check *c, struct slice object, unsigned depth)
{
	struct json_faults faults = { .n = 0 };
	struct body b = { .action = { NULL, 0 } };

	if (json_decode(c->arena, &schema, object.p, object.n, &b, &faults) !=
	    ERR_OK) {
		take_faults(c, "", &faults);
		return;
	}
	if (depth == 0 && (!ai_string(c->arena, object, "message",
	    &c->answer->message) || c->answer->message.n > AI_MESSAGE))
		c->answer->message = (struct slice){ "", 0 };
	if (slice_eq(b.action, "multiple"))
		check_multiple(c, b.actions, depth);
	else if (!slice_eq(b.action, "info"))
		check_step(c, &b);
	else if (depth == 0)
		c->answer->info = true;
}

/* A bare flow is what many a model answers: the wish is plain. */
static struct slice
wrapped(struct arena *a, struct slice flow)
{
	const char *text = arena_printf(a, "{\"action\":\"create_flow\","
	    "\"flow\":%.*s,\"message\":\"Create this flow.\"}", (int)flow.n,
	    flow.p);

	return slice_of(text);
}

void
ai_envelope_check(struct arena *arena, struct slice object,
    const struct ai_scope *scope, struct ai_answer *answer)
{
	struct check c = { arena, scope, answer, "" };
	struct slice raw;

	memset(answer, 0, sizeof(*answer));
	if (!json_member(object.p, object.n, "action", &raw) &&
	    json_member(object.p, object.n, "id", &raw) &&
	    ai_member(object, "input", '{').p != NULL)
		object = wrapped(arena, object);
	answer->object = object;
	check_object(&c, object, 0);
	if (answer->faults.n == 0 && answer->nsteps == 0)
		answer->info = true;
}

void
ai_envelope_info(struct arena *arena, struct slice text,
    struct ai_answer *answer)
{
	struct buf b = BUF_INIT;
	struct json_w w;

	memset(answer, 0, sizeof(*answer));
	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "action");
	json_w_str(&w, "info");
	json_w_key(&w, "message");
	json_w_slice(&w, text);
	json_w_end_object(&w);
	answer->info = true;
	answer->message = text;
	answer->object.n = buf_used(&b);
	answer->object.p = arena_strndup(arena, (const char *)buf_head(&b),
	    answer->object.n);
	buf_free(&b);
}

/* ---- steps as text ---- */

static void
put_fields(const struct ai_step *s, struct json_w *w)
{
	const struct { const char *key; struct slice v; bool text; } m[] = {
		{ "flow_id", s->flow_id, true }, { "flow", s->flow, false },
		{ "output_id", s->output_id, true },
		{ "output", s->output, false },
		{ "tunnel_id", s->tunnel_id, true },
		{ "tunnel", s->tunnel, false },
	};
	size_t i;

	for (i = 0; i < nitems(m); i++) {
		if (m[i].v.n == 0)
			continue;
		json_w_key(w, m[i].key);
		if (m[i].text)
			json_w_slice(w, m[i].v);
		else
			json_w_raw(w, m[i].v);
	}
}

void
ai_step_action(const struct ai_step *s, struct json_w *w)
{
	struct ai_step only = *s;

	/* The flow's own id is enough where a flow comes along. */
	if (slice_eq(slice_of(s->action->name), "create_flow"))
		only.flow_id.n = 0;
	json_w_object(w);
	json_w_key(w, "type");
	json_w_str(w, s->action->name);
	put_fields(&only, w);
	json_w_end_object(w);
}

void
ai_step_envelope(const struct ai_step *s, struct json_w *w)
{
	json_w_object(w);
	json_w_key(w, "action");
	json_w_str(w, s->action->name);
	put_fields(s, w);
	json_w_end_object(w);
}

bool
ai_step_read(struct arena *a, struct slice object, struct ai_step *s)
{
	struct json_faults faults = { .n = 0 };
	struct body b = { .action = { NULL, 0 } };

	memset(s, 0, sizeof(*s));
	if (json_decode(a, &schema, object.p, object.n, &b, &faults) !=
	    ERR_OK || !step_fill(&b, s))
		return false;
	if (s->action->needs & AI_N_FLOW)
		(void)ai_string(a, s->flow, "id", &s->flow_id);
	return true;
}

enum role
ai_step_role(const struct ai_step *s, const struct driver *driver)
{
	const struct driver_command *what;

	if (s->action->target == AI_T_TUNNELS || driver == NULL)
		return ROLE_ADMIN;
	what = driver_command(driver, slice_of(s->action->name));
	return what == NULL ? ROLE_ADMIN : what->role;
}
