/* proposal: see proposal.h. */
#include <string.h>

#include "ai_flow.h"
#include "apid.h"
#include "db.h"
#include "json.h"
#include "log.h"
#include "proposal.h"
#include "req.h"
#include "secret.h"
#include "xmalloc.h"

static bool
is(const struct ai_step *s, const char *name)
{
	return strcmp(s->action->name, name) == 0;
}

struct slice
proposal_before(struct req *req, const struct proposal *p, size_t i,
    const struct ai_scope *scope)
{
	struct slice id = p->steps[i].flow_id;

	while (i-- > 0)
		if (p->steps[i].flow.n > 0 && slice_same(p->steps[i].flow_id,
		    id))
			return p->steps[i].flow;
	return ai_flow_find(req->arena, scope->config, id);
}

/* ---- the difference ---- */

static void
put_changes(struct req *req, const struct proposal *p, size_t i,
    const struct ai_scope *scope, struct json_w *w)
{
	const struct slice none = { NULL, 0 };
	const struct ai_step *s = &p->steps[i];
	struct slice before = none, after = none;

	if (s->action->target == AI_T_NODE)
		before = proposal_before(req, p, i, scope);
	if (is(s, "create_flow") || is(s, "update_flow"))
		after = s->flow;
	else if (is(s, "add_output")) {
		before = none;
		after = s->output;
	} else if (is(s, "remove_output"))
		before = ai_flow_output(before, s->output_id);
	else if (is(s, "create_tunnel"))
		after = s->tunnel;
	else if (is(s, "delete_tunnel"))
		before = ai_element(scope->tunnels, s->tunnel_id);
	else if (!is(s, "delete_flow"))
		after = before;		/* starting is no change of it */
	ai_diff(req->arena, before, after, w);
}

static void
put_step(struct req *req, const struct proposal *p, size_t i,
    const struct ai_scope *scope, struct json_w *w)
{
	const struct ai_step *s = &p->steps[i];

	json_w_object(w);
	json_w_key(w, "action");
	json_w_str(w, s->action->name);
	json_w_key(w, "flow_id");
	if (s->flow_id.n > 0)
		json_w_slice(w, s->flow_id);
	else
		json_w_null(w);
	json_w_key(w, "tunnel_id");
	if (s->tunnel_id.n > 0)
		json_w_slice(w, s->tunnel_id);
	else
		json_w_null(w);
	json_w_key(w, "changes");
	put_changes(req, p, i, scope, w);
	json_w_end_object(w);
}

void
proposal_make(struct req *req, struct proposal *p,
    const struct ai_scope *scope)
{
	struct buf diff = BUF_INIT, actions = BUF_INIT;
	struct json_w w;
	enum role role;
	size_t i;

	id_new(&p->id);
	p->role = ROLE_OPERATOR;
	json_w_init(&w, &diff);
	json_w_array(&w);
	db_array_begin(&actions);
	for (i = 0; i < p->n; i++) {
		role = ai_step_role(&p->steps[i], scope->driver);
		if (role > p->role)
			p->role = role;
		db_array_text(&actions, slice_of(p->steps[i].action->name));
		put_step(req, p, i, scope, &w);
	}
	db_array_end(&actions);
	json_w_end_array(&w);
	p->diff = secret_buf_keep(req->arena, &diff);
	p->actions = arena_strdup(req->arena, buf_cstr(&actions));
	buf_free(&actions);
}

/* ---- the stored form ---- */

void
proposal_seal(struct req *req, const struct proposal *p, struct buf *out)
{
	const struct slice ad = { (const char *)p->id.b, sizeof(p->id.b) };
	struct buf b = BUF_INIT;
	struct json_w w;
	size_t i;

	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "config");
	json_w_raw(&w, p->object);
	json_w_key(&w, "diff");
	json_w_raw(&w, p->diff);
	json_w_key(&w, "steps");
	json_w_array(&w);
	for (i = 0; i < p->n; i++)
		ai_step_envelope(&p->steps[i], &w);
	json_w_end_array(&w);
	json_w_end_object(&w);
	secret_seal(req->apid->key, "proposal", buf_head(&b), buf_used(&b),
	    ad, out);
	secret_buf_free(&b);
}

static bool
read_steps(struct req *req, struct proposal *p, struct slice list)
{
	struct slice object;
	struct jscan js;

	jscan_init(&js, list.p, list.n);
	if (jscan_next(&js) != JSCAN_ARRAY)
		return false;
	while (jscan_element(&js, &object))
		if (object.p[0] != '{' || p->n == AI_STEPS ||
		    !ai_step_read(req->arena, object, &p->steps[p->n++]))
			return false;
	return js.bad == NULL && p->n > 0;
}

bool
proposal_open(struct req *req, struct proposal *p, struct slice sealed)
{
	const struct slice ad = { (const char *)p->id.b, sizeof(p->id.b) };
	struct buf b = BUF_INIT;
	struct slice text, steps;

	p->n = 0;
	if (secret_open(req->apid->key, "proposal", sealed.p, sealed.n, ad,
	    &b) == -1) {
		buf_free(&b);
		return false;
	}
	text = secret_buf_keep(req->arena, &b);
	p->object = ai_member(text, "config", '{');
	p->diff = ai_member(text, "diff", '[');
	steps = ai_member(text, "steps", '[');
	return p->object.p != NULL && p->diff.p != NULL && steps.p != NULL &&
	    read_steps(req, p, steps);
}

/* ---- undoing ---- */

static const struct ai_action *
action_named(const char *name)
{
	const struct ai_action *a;
	size_t i;

	for (i = 0; (a = ai_action_at(i)) != NULL; i++)
		if (strcmp(a->name, name) == 0)
			return a;
	return NULL;
}

/* A tunnel as it was, as one to be made. */
static struct slice
tunnel_again(struct req *req, struct slice was)
{
	static const char *const keys[] = { "name", "protocol", "mode",
	    "ingress_node_id", "ingress_listen_port", "egress_node_id",
	    "egress_forward_addr", "egress_peer_addr", "relay_node_id",
	    "relay_addrs" };
	struct buf b = BUF_INIT;
	struct slice raw;
	struct json_w w;
	size_t i;

	json_w_init(&w, &b);
	json_w_object(&w);
	for (i = 0; i < nitems(keys); i++) {
		if (!json_member(was.p, was.n, keys[i], &raw) ||
		    raw.p[0] == 'n')
			continue;
		json_w_key(&w, keys[i]);
		json_w_raw(&w, raw);
	}
	json_w_end_object(&w);
	return secret_buf_keep(req->arena, &b);
}

static bool
inverse_tunnel(struct req *req, const struct ai_step *s, struct slice answer,
    const struct ai_scope *scope, struct ai_step *r)
{
	struct slice was;

	if (is(s, "create_tunnel")) {
		r->action = action_named("delete_tunnel");
		return ai_string(req->arena, answer, "id", &r->tunnel_id);
	}
	was = ai_element(scope->tunnels, s->tunnel_id);
	if (was.p == NULL)
		return false;
	r->action = action_named("create_tunnel");
	r->tunnel = tunnel_again(req, was);
	return true;
}

bool
proposal_inverse(struct req *req, const struct proposal *p, size_t i,
    struct slice answer, const struct ai_scope *scope, struct ai_step *r)
{
	const struct ai_step *s = &p->steps[i];
	struct slice was, raw;
	bool on;

	memset(r, 0, sizeof(*r));
	if (s->action->target == AI_T_TUNNELS)
		return inverse_tunnel(req, s, answer, scope, r);
	if (s->action->inverse == NULL)
		return false;
	was = proposal_before(req, p, i, scope);
	r->action = action_named(s->action->inverse);
	r->flow_id = s->flow_id;
	if (is(s, "create_flow"))
		return true;
	if (was.p == NULL)
		return false;
	on = !(json_member(was.p, was.n, "enabled", &raw) &&
	    slice_eq(raw, "false"));
	if (is(s, "start_flow") || is(s, "stop_flow"))
		return on == is(s, "stop_flow");	/* it did change */
	if (is(s, "add_output"))
		return ai_string(req->arena, s->output, "id", &r->output_id);
	if (is(s, "remove_output")) {
		r->output = ai_flow_output(was, s->output_id);
		return r->output.p != NULL;
	}
	r->flow = was;
	return true;
}

void
proposal_wrap(struct req *req, struct proposal *p, const char *message)
{
	struct buf b = BUF_INIT, one = BUF_INIT;
	struct json_w w;
	size_t i;

	json_w_init(&w, &b);
	if (p->n == 1) {
		/* its members, and a message behind them */
		ai_step_envelope(&p->steps[0], &w);
		json_w_init(&w, &one);
		json_w_str(&w, message);
		b.len--;
		buf_printf(&b, ",\"message\":%s}", buf_cstr(&one));
	} else {
		json_w_object(&w);
		json_w_key(&w, "action");
		json_w_str(&w, "multiple");
		json_w_key(&w, "actions");
		json_w_array(&w);
		for (i = 0; i < p->n; i++)
			ai_step_envelope(&p->steps[i], &w);
		json_w_end_array(&w);
		json_w_key(&w, "message");
		json_w_str(&w, message);
		json_w_end_object(&w);
	}
	buf_free(&one);
	p->object = secret_buf_keep(req->arena, &b);
}
