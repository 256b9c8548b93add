/*
 * h_proposal: proposals. Applying one does exactly what it says, each step
 * as a request of the user's own (inner.h), and only while the node's
 * configuration is the one that the proposal was made for. The first step
 * that fails ends it; what was done can be undone by a new proposal.
 */
#include <stdbool.h>
#include <string.h>

#include "ai_flow.h"
#include "ai_keep.h"
#include "apid.h"
#include "arg.h"
#include "config_now.h"
#include "db.h"
#include "h_proposal.h"
#include "inner.h"
#include "json.h"
#include "log.h"
#include "page.h"
#include "proposal.h"
#include "req.h"
#include "secret.h"
#include "stmt.h"
#include "xmalloc.h"

#define INVERSE_SECS	"86400"
#define ERROR_MAX	512

static const char *const states[] = { "open", "expired", "applying",
    "applied", "failed", "unknown", "dismissed", NULL };
static const struct page_list proposals = { "proposals", 1, 50, 200 };

/* ---- reading ---- */

static void
listed(struct req *req, const struct db_result *res)
{
	page_answer(req, req->state, res);
}

void
h_proposal_list(struct req *req)
{
	struct page *p = page_get(req, &proposals);
	const char *state;

	if (p == NULL || req_query_enum(req, "state", states, &state) == -1)
		return;
	const struct db_arg args[] = { db_str(state), arg_access(req),
	    page_limit(req, p), page_key(p, 0) };

	req->state = p;
	req_db(req, STMT_PROPOSAL_LIST, args, nitems(args), listed);
}

/* Columns from STMT_PROPOSAL_GET. False: answered. */
static bool
open_stored(struct req *req, const struct db_result *res,
    struct proposal *p)
{
	size_t n;
	uint8_t *sealed;
	long got;

	if (db_rows(res) != 1) {
		req_fail(req, ERR_NOT_FOUND, "there is no such proposal");
		return false;
	}
	n = db_get(res, 0, 1).n / 2 + 1;
	sealed = arena_alloc(req->arena, n);
	got = db_bytea(res, 0, 1, sealed, n);
	p->id = req->params.v[0].id;
	if (got > 0 && proposal_open(req, p, (struct slice){
	    (const char *)sealed, (size_t)got }))
		return true;
	log_error("%s: a stored proposal cannot be opened with the server "
	    "key", req->id);
	req_fail(req, ERR_INTERNAL, NULL);
	return false;
}

static void
got(struct req *req, const struct db_result *res)
{
	struct proposal *p = arena_calloc(req->arena, sizeof(*p));
	struct slice row;
	const char *text;

	if (!open_stored(req, res, p))
		return;
	row = db_get(res, 0, 0);
	text = arena_printf(req->arena, "%.*s,\"config\":%.*s,\"diff\":"
	    "%.*s}", (int)row.n - 1, row.p, (int)p->object.n, p->object.p,
	    (int)p->diff.n, p->diff.p);
	req_json(req, 200, slice_of(text));
}

static void
ask(struct req *req, req_db_fn fn)
{
	const struct db_arg args[] = { arg_param(req, 0), arg_access(req) };

	req_db(req, STMT_PROPOSAL_GET, args, nitems(args), fn);
}

void
h_proposal_get(struct req *req)
{
	ask(req, got);
}

/* Columns: the state before, whether it is dismissed now. */
static void
dismissed(struct req *req, const struct db_result *res)
{
	if (db_isnull(res, 0, 0))
		req_fail(req, ERR_NOT_FOUND, "there is no such proposal");
	else if (db_bool(res, 0, 1) || slice_eq(db_get(res, 0, 0),
	    "dismissed"))
		req_empty(req, 204);
	else
		req_fail(req, ERR_CONFLICT, "only an open proposal can be "
		    "dismissed");
}

void
h_proposal_dismiss(struct req *req)
{
	const struct db_arg args[] = { arg_param(req, 0), arg_address(req),
	    db_str(req->id) };

	req_db(req, STMT_PROPOSAL_DISMISS, args, nitems(args), dismissed);
}

/* ---- applying ---- */

struct applied {
	int		status;
	struct slice	answer;
};

struct apply {
	struct proposal		 p, inverse;
	struct ai_scope		 scope;
	struct config_now	 config, now, after;
	bool			 has_node, has_base;
	struct id		 node;
	char			 node_text[ID_TEXT];
	uint8_t			 base[SECRET_HASH];
	struct applied		 done[AI_STEPS];
	const char		*no_undo[AI_STEPS];	/* why, or NULL */
	size_t			 ndone;
	struct slice		 body;
};

static bool
good(const struct applied *a)
{
	return a->status >= 200 && a->status < 300;
}

/* Of an answer, one member that is a text. */
static void
put_member(struct req *req, struct json_w *w, struct slice answer,
    const char *member, const char *key)
{
	struct slice v;

	if (!ai_string(req->arena, answer, member, &v))
		return;
	if (v.n > ERROR_MAX)
		v.n = ERROR_MAX;
	json_w_key(w, key);
	json_w_slice(w, v);
}

static void
put_results(struct req *req, const struct apply *a, struct json_w *w)
{
	const struct ai_step *s;
	size_t i;

	json_w_key(w, "steps");
	json_w_array(w);
	for (i = 0; i < a->p.n; i++) {
		s = &a->p.steps[i];
		json_w_object(w);
		json_w_key(w, "action");
		json_w_str(w, s->action->name);
		json_w_key(w, "state");
		json_w_str(w, i >= a->ndone ? "skipped" :
		    good(&a->done[i]) ? "done" : "failed");
		if (i < a->ndone) {
			json_w_key(w, "status");
			json_w_i64(w, a->done[i].status);
			put_member(req, w, a->done[i].answer, "command_id",
			    "command_id");
			if (s->action->target == AI_T_TUNNELS)
				put_member(req, w, a->done[i].answer, "id",
				    "tunnel_id");
			if (!good(&a->done[i]))
				put_member(req, w, a->done[i].answer, "error",
				    "error");
		}
		if (a->no_undo[i] != NULL) {
			json_w_key(w, "no_undo");
			json_w_str(w, a->no_undo[i]);
		}
		json_w_end_object(w);
	}
	json_w_end_array(w);
}

static bool
whole(const struct apply *a)
{
	return a->ndone == a->p.n && good(&a->done[a->ndone - 1]);
}

static struct slice
keep(struct req *req, struct buf *b)
{
	struct slice s = buf_slice(b);

	s.p = arena_strndup(req->arena, s.p, s.n);
	buf_free(b);
	return s;
}

/* What is stored and audited: the steps; what is answered has more. */
static struct slice
result_text(struct req *req, const struct apply *a, bool answer)
{
	struct buf b = BUF_INIT;
	struct json_w w;
	char id[ID_TEXT];

	json_w_init(&w, &b);
	json_w_object(&w);
	if (answer) {
		id_text(&a->p.id, id);
		json_w_key(&w, "id");
		json_w_str(&w, id);
	}
	json_w_key(&w, "success");
	json_w_bool(&w, whole(a));
	put_results(req, a, &w);
	json_w_key(&w, "inverse_id");
	if (a->inverse.n > 0) {
		id_text(&a->inverse.id, id);
		json_w_str(&w, id);
	} else
		json_w_null(&w);
	json_w_end_object(&w);
	return keep(req, &b);
}

static void
ended(struct req *req, const struct db_result *res)
{
	const struct apply *a = req->state;

	req_json(req, 200, a->body);
}

static void
store(struct req *req, struct apply *a)
{
	const struct db_arg none = db_null();
	struct buf sealed = BUF_INIT;
	bool inverse = a->inverse.n > 0;
	struct slice result;

	if (inverse)
		proposal_seal(req, &a->inverse, &sealed);
	result = result_text(req, a, false);
	a->body = result_text(req, a, true);
	const struct db_arg args[] = {
		arg_param(req, 0), db_str(whole(a) ? "applied" : "failed"),
		db_slice(result), arg_address(req), db_str(req->id),
		inverse ? arg_id(req, &a->inverse.id) : none,
		inverse && a->after.known ? db_bytes(a->after.hash,
		    SECRET_HASH) : none,
		inverse ? db_bytes(buf_head(&sealed), buf_used(&sealed)) :
		    none,
		db_str("Undo what the proposal did."),
		inverse ? db_str(a->inverse.actions) : none,
		inverse ? db_str(role_name(a->inverse.role)) : none,
		db_str(INVERSE_SECS),
	};

	req_db(req, STMT_PROPOSAL_END, args, nitems(args), ended);
	buf_free(&sealed);
}

/* What undoes it holds for the configuration as it is now. */
static void
looked_after(struct req *req, struct config_now *after)
{
	struct apply *a = req->state;
	struct ai_scope now = a->scope;

	if (a->has_base && !after->known)
		a->inverse.n = 0;
	else {
		now.config = after->text;
		proposal_wrap(req, &a->inverse,
		    "Undo what the proposal did.");
		proposal_make(req, &a->inverse, &now);
	}
	store(req, a);
}

/* The inverse of a step that was done, at the end of the inverse. */
static void
undo(struct req *req, struct apply *a, size_t i)
{
	const struct ai_step *s = &a->p.steps[i];

	if (s->action->target == AI_T_NODE)
		a->no_undo[i] = ai_keep_undo(req->arena, a->scope.driver,
		    a->config.text, proposal_before(req, &a->p, i,
		    &a->scope), s);
	if (a->no_undo[i] == NULL && proposal_inverse(req, &a->p, i,
	    a->done[i].answer, &a->scope,
	    &a->inverse.steps[a->inverse.n]))
		a->inverse.n++;
}

static void
finish(struct req *req, struct apply *a)
{
	size_t i = a->ndone;

	a->scope.config = a->config.text;
	while (i-- > 0)
		if (good(&a->done[i]))
			undo(req, a, i);
	if (a->inverse.n == 0)
		store(req, a);
	else if (a->has_node)
		config_now(req, &a->after, &a->node, looked_after);
	else
		looked_after(req, &a->after);
}

static void step(struct req *, struct apply *);

static void
stepped(struct req *req, int status, struct slice answer)
{
	struct apply *a = req->state;

	a->done[a->ndone++] = (struct applied){ status, answer };
	if (!good(&a->done[a->ndone - 1]) || a->ndone == a->p.n)
		finish(req, a);
	else
		step(req, a);
}

/* Not begun: it would lose what only the node has. */
static void
refused(struct req *req, const char *why)
{
	struct buf b = BUF_INIT;
	struct json_w w;

	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "error");
	json_w_str(&w, why);
	json_w_end_object(&w);
	stepped(req, err_info(ERR_CONFLICT)->status, keep(req, &b));
}

static void
step_node(struct req *req, struct config_now *now)
{
	const struct apply *a = req->state;
	struct buf b = BUF_INIT;
	struct slice action;
	struct json_w w;
	const char *why;

	why = ai_keep_action(req->arena, a->scope.driver, now->text,
	    &a->p.steps[a->ndone], &action);
	if (why != NULL) {
		refused(req, why);
		return;
	}
	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "action");
	json_w_raw(&w, action);
	json_w_end_object(&w);
	inner_call(req, "POST", arena_printf(req->arena,
	    "/api/v1/nodes/%s/command", a->node_text), keep(req, &b),
	    stepped);
}

static void
step(struct req *req, struct apply *a)
{
	const struct ai_step *s = &a->p.steps[a->ndone];

	/* What the steps before have changed counts where a flow is
	 * replaced. */
	if (s->action->target == AI_T_NODE && a->ndone > 0 &&
	    s->flow.n > 0)
		config_now(req, &a->now, &a->node, step_node);
	else if (s->action->target == AI_T_NODE)
		step_node(req, &a->config);
	else if (s->tunnel_id.n > 0)
		inner_call(req, "DELETE", arena_printf(req->arena,
		    "/api/v1/tunnels/%.*s", (int)s->tunnel_id.n,
		    s->tunnel_id.p), (struct slice){ NULL, 0 }, stepped);
	else
		inner_call(req, "POST", "/api/v1/tunnels", s->tunnel,
		    stepped);
}

static void
claimed(struct req *req, const struct db_result *res)
{
	if (db_rows(res) == 1)
		step(req, req->state);
	else
		req_fail(req, ERR_CONFLICT, "the proposal is not open any "
		    "more");
}

/* Is it still what the proposal was made for? */
static void
looked_before(struct req *req, struct config_now *now)
{
	struct apply *a = req->state;

	if (now->known != a->has_base || (now->known && memcmp(now->hash,
	    a->base, sizeof(a->base)) != 0)) {
		req_fail(req, ERR_CONFLICT, "the configuration of the node "
		    "has changed since this was proposed: ask again");
		return;
	}
	const struct db_arg args[] = { arg_param(req, 0), arg_address(req),
	    db_str(req->id) };

	req_db(req, STMT_PROPOSAL_CLAIM, args, nitems(args), claimed);
}

static const char *
not_open(struct slice state)
{
	static const struct { const char *state, *why; } whys[] = {
		{ "expired", "the proposal has expired: ask again" },
		{ "applying", "the proposal is being applied" },
		{ "applied", "the proposal was applied already" },
		{ "failed", "the proposal was applied already, and failed" },
		{ "dismissed", "the proposal was dismissed" },
	};
	size_t i;

	if (slice_eq(state, "open"))
		return NULL;
	for (i = 0; i < nitems(whys); i++)
		if (slice_eq(state, whys[i].state))
			return whys[i].why;
	return "nobody knows how far the proposal was applied: look at the "
	    "node's commands";
}

static struct slice
column(struct req *req, const struct db_result *res, int col)
{
	struct slice s = db_get(res, 0, col);

	return (struct slice){ arena_strndup(req->arena, s.p, s.n), s.n };
}

/* Columns: see STMT_PROPOSAL_GET. */
static void
found(struct req *req, const struct db_result *res)
{
	struct apply *a = arena_calloc(req->arena, sizeof(*a));
	enum role needs = ROLE_OPERATOR, role;
	const char *why;
	size_t i;

	if (!open_stored(req, res, &a->p))
		return;
	if ((why = not_open(db_get(res, 0, 4))) != NULL) {
		req_fail(req, ERR_CONFLICT, "%s", why);
		return;
	}
	a->has_node = !db_isnull(res, 0, 3);
	a->has_base = db_bytea(res, 0, 2, a->base, sizeof(a->base)) ==
	    sizeof(a->base);
	a->scope.driver = driver_find(db_get(res, 0, 5));
	for (i = 0; i < a->p.n; i++) {
		role = ai_step_role(&a->p.steps[i], a->scope.driver);
		needs = role > needs ? role : needs;
	}
	if (req->who->role < needs) {
		req_fail(req, ERR_FORBIDDEN, "this proposal takes the role "
		    "%s", role_name(needs));
		return;
	}
	a->scope.nodes = column(req, res, 10);
	a->scope.tunnels = column(req, res, 11);
	config_now_stored(req, &a->config, res, 6);
	req->state = a;
	if (a->has_node) {
		(void)db_id(res, 0, 3, &a->node);
		id_text(&a->node, a->node_text);
		config_now(req, &a->config, &a->node, looked_before);
	} else
		looked_before(req, &a->config);
}

void
h_proposal_apply(struct req *req)
{
	ask(req, found);
}
