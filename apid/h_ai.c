/*
 * h_ai: what the AI is asked. The model only proposes: its answer is
 * checked, stored as a proposal and returned; nothing is done here.
 */
#include <stdbool.h>
#include <stddef.h>

#include "ai_envelope.h"
#include "ai_flow.h"
#include "apid.h"
#include "arg.h"
#include "ask.h"
#include "db.h"
#include "h_ai.h"
#include "h_tunnel.h"
#include "json.h"
#include "proposal.h"
#include "req.h"
#include "secret.h"
#include "stmt.h"
#include "xmalloc.h"

#define USAGE_DAYS 30

struct body {
	struct slice		text, provider, node, flows;
	struct json_state	has_flows;
};

#define TEXT(n, member, flag) { .name = n, .type = JSON_STRING, \
    .flags = flag, .offset = offsetof(struct body, member) }
#define COMMON TEXT("provider", provider, 0), \
	{ .name = "node_id", .type = JSON_UUID, .flags = JSON_NULLABLE, \
	  .offset = offsetof(struct body, node) }
static const struct json_field generate_fields[] = {
	TEXT("prompt", text, JSON_REQUIRED), COMMON,
	{ .name = "existing_flows", .type = JSON_ANY, .flags = JSON_NULLABLE,
	  .offset = offsetof(struct body, flows),
	  .state = offsetof(struct body, has_flows) },
};
static const struct json_field analyze_fields[] = {
	TEXT("description", text, JSON_REQUIRED), COMMON,
};
static const struct json_field query_fields[] = {
	TEXT("query", text, JSON_REQUIRED), COMMON,
};
const struct json_schema
    h_ai_generate_body = { generate_fields, nitems(generate_fields), true },
    h_ai_analyze_body = { analyze_fields, nitems(analyze_fields), true },
    h_ai_query_body = { query_fields, nitems(query_fields), true };
const size_t h_ai_size = sizeof(struct body);

struct generate {
	struct ask	 ask;		/* first: req->state */
	struct ai_answer answer;
	struct ai_answer wrong;		/* whose faults are told */
	struct proposal	 proposal;
	struct slice	 text;		/* as the model wrote it */
	struct ai_scope	 scope;
};

static void
run(struct req *req, struct ask *a, enum ai_kind kind,
    void (*answered)(struct req *, struct ask *, struct slice))
{
	const struct body *b = req->body;

	a->kind = kind;
	a->prompt = b->text;
	a->provider = b->provider.p == NULL ? SLICE("openai") : b->provider;
	a->has_node = b->node.p != NULL;
	if (a->has_node)
		(void)id_parse(&a->node, b->node);
	a->answered = answered;
	ask_run(req, a);
}

/* ---- generate-config ---- */

static void
put_faults(struct json_w *w, const struct json_faults *f)
{
	size_t i;

	json_w_key(w, "problems");
	json_w_array(w);
	for (i = 0; i < f->n; i++) {
		json_w_object(w);
		json_w_key(w, "pointer");
		json_w_str(w, f->v[i].pointer);
		json_w_key(w, "detail");
		json_w_str(w, f->v[i].detail);
		json_w_end_object(w);
	}
	json_w_end_array(w);
}

static void
put_proposal(struct req *req, struct json_w *w, const struct generate *g,
    const struct db_result *res)
{
	const struct proposal *p = &g->proposal;
	char id[ID_TEXT];
	size_t i;

	json_w_key(w, "proposal");
	if (p->n == 0) {
		json_w_null(w);
		return;
	}
	id_text(&p->id, id);
	json_w_object(w);
	json_w_key(w, "id");
	json_w_str(w, id);
	json_w_key(w, "expires_at");
	json_w_str(w, db_cstr(res, 0, 1));
	json_w_key(w, "actions");
	json_w_array(w);
	for (i = 0; i < p->n; i++)
		json_w_str(w, p->steps[i].action->name);
	json_w_end_array(w);
	json_w_key(w, "requires_role");
	json_w_str(w, role_name(p->role));
	json_w_key(w, "may_apply");
	json_w_bool(w, req->who->role >= p->role);
	json_w_key(w, "diff");
	json_w_raw(w, p->diff);
	json_w_end_object(w);
}

static void
generated(struct req *req, struct ask *a, const struct db_result *res)
{
	struct generate *g = (struct generate *)a;
	struct buf b = BUF_INIT;
	struct json_w w;

	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "success");
	json_w_bool(&w, true);
	json_w_key(&w, "config");
	json_w_raw(&w, g->answer.object);
	json_w_key(&w, "raw_response");
	json_w_slice(&w, g->text);
	json_w_key(&w, "provider");
	json_w_slice(&w, a->provider);
	json_w_key(&w, "model");
	json_w_slice(&w, a->model);
	put_proposal(req, &w, g, res);
	put_faults(&w, &g->wrong.faults);
	json_w_end_object(&w);
	ask_answer(req, a, buf_slice(&b));
	secret_buf_free(&b);
}

static void
propose(struct req *req, struct generate *g)
{
	struct proposal *p = &g->proposal;
	struct buf sealed = BUF_INIT;
	size_t i;

	for (i = 0; i < g->answer.nsteps; i++)
		p->steps[p->n++] = g->answer.steps[i];
	p->object = g->answer.object;
	proposal_make(req, p, &g->scope);
	proposal_seal(req, p, &sealed);
	const struct ask_proposal stored = {
		.id = p->id, .envelope = &sealed,
		.base = g->ask.config.known ? g->ask.config.hash : NULL,
		.message = g->answer.message.p == NULL ? SLICE("") :
		    g->answer.message,
		.actions = p->actions, .role = role_name(p->role),
	};

	ask_end(req, &g->ask, &stored, generated);
	buf_free(&sealed);
}

/* Fills answer; its faults say why it cannot be used. */
static void
judge(struct req *req, struct generate *g, struct slice text)
{
	struct slice object = ai_envelope_find(text);
	struct json_faults *f = &g->answer.faults;
	struct buf b = BUF_INIT;
	size_t left = 0;

	if (object.p == NULL) {
		ai_envelope_info(req->arena, slice_trim(text), &g->answer);
		return;
	}
	if (ai_redact_restore(g->ask.redact, object, &b, &left) == 0) {
		object.n = buf_used(&b);
		object.p = arena_strndup(req->arena,
		    (const char *)buf_head(&b), object.n);
	}
	secret_buf_free(&b);
	ai_envelope_check(req->arena, object, &g->scope, &g->answer);
	if (left > 0 && !g->answer.info && f->n < JSON_FAULTS)
		f->v[f->n++] = (struct json_fault){ "", "has a "
		    "{{credential}} in a place where it was not" };
}

static void
scope_of(struct generate *g)
{
	const struct ai_facts *f = &g->ask.facts;

	g->scope = (struct ai_scope){ .driver = f->driver,
	    .config = g->ask.config.text, .nodes = f->nodes,
	    .tunnels = f->tunnels, .tunnel = &h_tunnel_create_body,
	    .tunnel_size = h_tunnel_create_size };
}

static void
generate_answered(struct req *req, struct ask *a, struct slice text)
{
	struct generate *g = (struct generate *)a;
	struct buf b = BUF_INIT;

	g->text = text;
	scope_of(g);
	judge(req, g, text);
	if (g->answer.faults.n == 0 && !g->answer.info) {
		propose(req, g);
	} else if (g->answer.faults.n == 0) {
		ask_end(req, a, NULL, generated);
	} else if (!a->again) {
		ai_context_correct(&g->answer.faults, &b);
		ask_again(req, a, text, slice_of(arena_strdup(req->arena,
		    buf_cstr(&b))));
	} else {
		g->wrong = g->answer;
		ai_envelope_info(req->arena, SLICE("The model proposed "
		    "something that cannot be done (see the problems), also "
		    "when it was asked again. Say more exactly what you "
		    "want, or try another model."), &g->answer);
		ask_end(req, a, NULL, generated);
	}
	buf_free(&b);
}

void
h_ai_generate(struct req *req)
{
	const struct body *b = req->body;
	struct generate *g = arena_calloc(req->arena, sizeof(*g));

	if (b->flows.p != NULL && b->flows.p[0] == '[')
		g->ask.flows = b->flows;
	else if (b->has_flows.present && !b->has_flows.null) {
		req_fault(req, ERR_INVALID, "/existing_flows",
		    "must be an array");
		return;
	}
	run(req, &g->ask, AI_K_GENERATE, generate_answered);
}

/* ---- analyze, query ---- */

struct text {
	struct ask	ask;		/* first: req->state */
	struct slice	text;
};

static void
told(struct req *req, struct ask *a, const struct db_result *res)
{
	struct buf b = BUF_INIT;
	struct json_w w;

	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "success");
	json_w_bool(&w, true);
	json_w_key(&w, "response");
	json_w_slice(&w, ((struct text *)a)->text);
	json_w_key(&w, "provider");
	json_w_slice(&w, a->provider);
	json_w_key(&w, "model");
	json_w_slice(&w, a->model);
	json_w_end_object(&w);
	ask_answer(req, a, buf_slice(&b));
	buf_free(&b);
}

static void
text_answered(struct req *req, struct ask *a, struct slice text)
{
	((struct text *)a)->text = text;
	ask_end(req, a, NULL, told);
}

void
h_ai_analyze(struct req *req)
{
	struct text *t = arena_calloc(req->arena, sizeof(*t));

	run(req, &t->ask, AI_K_ANALYZE, text_answered);
}

void
h_ai_query(struct req *req)
{
	struct text *t = arena_calloc(req->arena, sizeof(*t));

	run(req, &t->ask, AI_K_QUERY, text_answered);
}

/* ---- use ---- */

static void
used(struct req *req, const struct db_result *res)
{
	req_json_db(req, 200, res, 0, 0);
}

void
h_ai_usage(struct req *req)
{
	const struct apid_conf *c = &req->apid->conf;
	int64_t days = USAGE_DAYS;

	if (req_query_i64(req, "days", 1, 366, &days) == -1)
		return;
	const struct db_arg args[] = { arg_i64(req, c->ai_calls),
	    arg_i64(req, c->ai_tokens), arg_i64(req, days) };

	req_db(req, STMT_AI_USAGE, args, nitems(args), used);
}
