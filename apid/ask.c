/* ask: see ask.h. */
#include <stdio.h>
#include <string.h>

#include "ai_schema.h"
#include "apid.h"
#include "arg.h"
#include "ask.h"
#include "body.h"
#include "db.h"
#include "h_tunnel.h"
#include "http1.h"
#include "json.h"
#include "log.h"
#include "req.h"
#include "secret.h"
#include "stmt.h"
#include "watch.h"
#include "xmalloc.h"

#define DEADLINE_MS	180000
#define TEST_MS		20000
#define TOKENS_CONFIG	16384
#define TOKENS_TEXT	4096
#define FIRST_MAX	(24 * 1024)	/* of an answer that was wrong */
#define PROPOSAL_SECS	"3600"
#define EVENTS_HIGH	(2u << 20)

/* ---- the end of it ---- */

static void
ask_free(struct req *req, struct ask *a)
{
	struct buf *const bufs[] = { &a->system, &a->document, &a->request,
	    &a->schema, &a->events };
	size_t i;

	ai_call_drop(&a->call);
	ai_redact_free(a->redact);
	a->redact = NULL;
	for (i = 0; i < nitems(bufs); i++)
		buf_free(bufs[i]);
	req->gone = NULL;
}

/* The client went: nobody needs the answer. */
static void
gone(struct req *req)
{
	struct ask *a = req->state;

	log_debug("%s: the client of an AI call went", req->id);
	ask_free(req, a);
}

static void
flush(struct req *req, struct ask *a)
{
	if (!a->blocked)
		a->blocked = req_stream_put(req, &a->events);
}

static void
event(struct ask *a, const char *name, struct slice json)
{
	buf_printf(&a->events, "event: %s\ndata: ", name);
	buf_put(&a->events, json.p, json.n);
	buf_puts(&a->events, "\n\n");
}

static void
more(struct req *req)
{
	struct ask *a = req->state;

	a->blocked = false;
	flush(req, a);
}

void
ask_answer(struct req *req, struct ask *a, struct slice json)
{
	if (a->stream) {
		event(a, a->ok ? "done" : "error", json);
		(void)req_stream_put(req, &a->events);
		ask_free(req, a);
		req_stream_end(req);
	} else {
		struct slice kept = { arena_strndup(req->arena, json.p,
		    json.n), json.n };

		ask_free(req, a);
		req_json(req, 200, kept);
	}
}

static struct slice
failure(struct req *req, struct slice why)
{
	struct buf b = BUF_INIT;
	struct json_w w;
	struct slice text;

	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "success");
	json_w_bool(&w, false);
	json_w_key(&w, "error");
	json_w_slice(&w, why);
	json_w_end_object(&w);
	text = buf_slice(&b);
	text.p = arena_strndup(req->arena, text.p, text.n);
	buf_free(&b);
	return text;
}

/* 400 in both its forms: a problem, and the contract's members. */
static void
refuse(struct req *req, struct ask *a, const char *why)
{
	ask_free(req, a);
	req_fail_with(req, ERR_BAD_REQUEST, why, SLICE("\"success\":false"));
}

static void
closed(struct req *req, const struct db_result *res)
{
	struct ask *a = req->state;

	if (db_err(res) == ERR_OK && db_rows(res) == 1) {
		a->stored(req, a, res);
		return;
	}
	log_error("%s: an AI call could not be noted: %s", req->id,
	    db_message(res));
	a->ok = false;
	ask_answer(req, a, failure(req, SLICE("The answer came, but the "
	    "database did not take it. Try again.")));
}

void
ask_end(struct req *req, struct ask *a, const struct ask_proposal *p,
    void (*stored)(struct req *, struct ask *, const struct db_result *))
{
	const struct db_arg none = db_null();
	const struct db_arg args[] = {
		db_str(a->row), a->model.n > 0 ? db_slice(a->model) :
		    db_str(""),
		arg_i64(req, (int64_t)a->input),
		arg_i64(req, (int64_t)a->output),
		arg_i64(req, a->took_ms), arg_bool(a->ok), db_str(a->error),
		db_slice(a->provider),
		db_str(a->test ? "test" : ai_kind_name(a->kind)),
		a->has_node ? arg_id(req, &a->node) : none,
		arg_address(req), db_str(req->id),
		p != NULL ? arg_id(req, &p->id) : none,
		p != NULL && p->base != NULL ? db_bytes(p->base,
		    SECRET_HASH) : none,
		p != NULL ? db_bytes(buf_head(p->envelope),
		    buf_used(p->envelope)) : none,
		p != NULL ? db_slice(p->message) : db_str(""),
		p != NULL ? db_str(p->actions) : none,
		p != NULL ? db_str(p->role) : none,
		db_str(PROPOSAL_SECS),
	};

	a->stored = stored;
	if (db_up(req->apid->db))
		req_db_any(req, STMT_AI_CLOSE, args, nitems(args), closed);
	else {
		a->ok = false;
		ask_answer(req, a, failure(req, SLICE("The answer came, but "
		    "the database is away. Try again.")));
	}
}

static void
failed(struct req *req, struct ask *a, const struct db_result *res)
{
	ask_answer(req, a, a->body);
}

void
ask_fail(struct req *req, struct ask *a, const char *name,
    struct slice sentence)
{
	a->ok = false;
	a->error = name;
	a->body = failure(req, sentence);
	ask_end(req, a, NULL, failed);
}

/* ---- the call ---- */

static void
chunk(struct req *req, struct slice text)
{
	struct ask *a = req->state;
	struct buf b = BUF_INIT;
	struct json_w w;

	/* The whole text is bounded (MSG_AI_ANSWER_MAX), so is what waits;
	 * whoever reads slower than this gets it with "done". */
	if (!a->stream || buf_used(&a->events) > EVENTS_HIGH)
		return;
	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "text");
	json_w_slice(&w, text);
	json_w_end_object(&w);
	event(a, "delta", buf_slice(&b));
	buf_free(&b);
	flush(req, a);
}

#define NOT_RUNNING "The AI service is not running. Ask the administrator " \
    "to start mastkeeper-aid."
static const struct slice not_running = { NOT_RUNNING,
    sizeof(NOT_RUNNING) - 1 };

static struct slice
away(enum err err)
{
	switch (err) {
	case ERR_FULL:
		return SLICE("The AI service has too many calls under way. "
		    "Try again in a minute.");
	case ERR_NODE_TIMEOUT:
		return SLICE("The AI service did not answer in time. Try "
		    "again.");
	case ERR_TOO_LARGE:
		return SLICE("This is more than can be asked at once. "
		    "Choose a node, or ask for less.");
	default:
		return SLICE("The AI service went away while it worked on "
		    "this. Try again; if it stays away, the administrator "
		    "has to look at mastkeeper-aid.");
	}
}

static struct slice
unfinished(const struct msg_ai_done *d)
{
	if (d->finish == MSG_AI_F_REFUSAL)
		return SLICE("The model declined to answer this. Ask in "
		    "other words.");
	if (d->finish == MSG_AI_F_LENGTH)
		return SLICE("The answer was longer than allowed and was cut "
		    "off. Ask for less at once.");
	return SLICE("The model called a tool instead of answering. Try "
	    "again, or choose another model.");
}

static void
count(struct req *req, struct ask *a, const struct msg_ai_done *d)
{
	a->input += d->input_tokens;
	a->output += d->output_tokens;
	a->took_ms += d->took_ms;
	if (d->model.n > 0)
		a->model = (struct slice){ arena_strndup(req->arena,
		    d->model.p, d->model.n), d->model.n };
}

/* Not every model of a provider knows schemas: some refuse the request for
 * having one. The answer is checked all the same. */
static bool
no_schema(const struct ask *a, const struct msg_ai_done *d)
{
	static const char *const words[] = { "schema", "Schema",
	    "response_format",
	    "output_config", "tool_choice", "tools" };
	size_t i;

	if (d->error != MSG_AI_E_REQUEST || d->status != 400 || a->bare ||
	    buf_used(&a->schema) == 0)
		return false;
	for (i = 0; i < nitems(words); i++)
		if (memmem(d->detail.p, d->detail.n, words[i],
		    strlen(words[i])) != NULL)
			return true;
	return false;
}

static void start(struct req *, struct ask *);

static void
done(struct req *req, enum err err, const struct msg_ai_done *d)
{
	struct ask *a = req->state;
	struct slice text;

	if (err != ERR_OK) {
		ask_fail(req, a, err_info(err)->name, away(err));
		return;
	}
	count(req, a, d);
	if (no_schema(a, d)) {
		a->bare = true;
		start(req, a);
		return;
	}
	if (d->error != MSG_AI_E_NONE) {
		ask_fail(req, a, msg_ai_error_name(d->error), d->detail.n >
		    0 ? d->detail : SLICE("The provider failed. Try again."));
		return;
	}
	/* A text that is cut is a text; half a proposal is none. */
	if (d->finish != MSG_AI_F_OK && (d->finish != MSG_AI_F_LENGTH ||
	    a->kind == AI_K_GENERATE)) {
		ask_fail(req, a, d->finish == MSG_AI_F_LENGTH ? "cut_off" :
		    d->finish == MSG_AI_F_REFUSAL ? "refused" : "tool_call",
		    unfinished(d));
		return;
	}
	a->ok = true;
	text = (struct slice){ arena_strndup(req->arena, d->text.p,
	    d->text.n), d->text.n };
	a->answered(req, a, text);
}

static struct msg_ai_call
call_of(struct req *req, const struct ask *a, uint32_t deadline_ms)
{
	return (struct msg_ai_call){ .deadline_ms = deadline_ms,
	    .request_id = slice_of(req->id), .provider = a->provider,
	    .model = a->wish, .sealed = a->sealed };
}

static void
put_message(struct msg_ai_job *job, enum msg_ai_role role, struct slice text)
{
	if (text.n > 0)
		job->messages[job->nmessages++] =
		    (struct msg_ai_message){ (uint8_t)role, text };
}

static void
start(struct req *req, struct ask *a)
{
	struct msg_ai_job job = {
		.call = call_of(req, a, DEADLINE_MS),
		.flags = a->stream ? MSG_AI_STREAM : 0,
		.max_tokens = a->kind == AI_K_GENERATE ? TOKENS_CONFIG :
		    TOKENS_TEXT,
		.system = buf_slice(&a->system),
		.schema = a->bare ? (struct slice){ NULL, 0 } :
		    buf_slice(&a->schema),
	};

	put_message(&job, MSG_AI_DATA, buf_slice(&a->document));
	put_message(&job, MSG_AI_USER, buf_slice(&a->request));
	put_message(&job, MSG_AI_ASSISTANT, a->first);
	put_message(&job, MSG_AI_USER, a->correction);
	a->call.chunk = chunk;
	a->call.done = done;
	if (msg_ai_job_fits(&job) != NULL) {
		log_warn("%s: an AI call does not fit: %s", req->id,
		    msg_ai_job_fits(&job));
		ask_fail(req, a, "too_large", away(ERR_TOO_LARGE));
	} else if (!ai_call_start(req, &a->call, &job))
		ask_fail(req, a, "ai_away", not_running);
}

void
ask_again(struct req *req, struct ask *a, struct slice text,
    struct slice correction)
{
	struct buf b = BUF_INIT;

	a->again = true;
	/* It may have guessed what it was not told. */
	ai_redact_text(a->redact, text.n > FIRST_MAX ? SLICE("(an answer "
	    "that was far too long)") : text.n == 0 ? SLICE("(nothing)") :
	    text, &b);
	a->first = (struct slice){ arena_strndup(req->arena,
	    (const char *)buf_head(&b), buf_used(&b)), buf_used(&b) };
	buf_free(&b);
	a->correction = correction;
	if (a->stream) {
		event(a, "retry", SLICE("{}"));
		flush(req, a);
	}
	start(req, a);
}

/* ---- before the call ---- */

static void test_start(struct req *, struct ask *);

static struct slice
column(struct req *req, const struct db_result *res, int col)
{
	struct slice s = db_get(res, 0, col);

	if (db_isnull(res, 0, col))
		return (struct slice){ NULL, 0 };
	return (struct slice){ arena_strndup(req->arena, s.p, s.n), s.n };
}

/* All is known that will be told. */
static void
compose(struct req *req, struct config_now *config)
{
	struct ask *a = req->state;

	a->redact = ai_redact_new();
	a->facts.config = config->text;
	if (a->kind == AI_K_GENERATE)
		ai_schema_put(a->facts.driver == NULL ? NULL :
		    a->facts.driver->form, &h_tunnel_create_body,
		    &a->schema);
	ai_context_system(a->kind, a->facts.driver, &a->system);
	if (ai_context_facts(req->arena, a->redact, &a->facts,
	    &a->document) == -1) {
		log_error("%s: the facts for an AI call are not JSON",
		    req->id);
		ask_fail(req, a, "internal", SLICE("What is known of the "
		    "node cannot be told to a model."));
		return;
	}
	/* What the user pastes into his question is kept in as well. */
	ai_redact_text(a->redact, a->prompt.n > 0 ? a->prompt :
	    SLICE("(The user asked nothing.)"), &a->request);
	if (a->stream) {
		req_header(req, "X-Accel-Buffering", "no");
		(void)req_stream(req, "text/event-stream", more);
		buf_puts(&a->events, ": asked\n\n");
		flush(req, a);
	}
	start(req, a);
}

static void
over_budget(struct req *req, struct ask *a, const struct db_result *res)
{
	const struct apid_conf *c = &req->apid->conf;
	bool calls = db_i64(res, 0, 4) >= c->ai_calls;

	req_header(req, "Retry-After", db_cstr(res, 0, 6));
	ask_free(req, a);
	req_fail(req, ERR_RATE_LIMITED, "the budget of %lld %s a day is used "
	    "up; it is there again at midnight UTC", (long long)(calls ?
	    c->ai_calls : c->ai_tokens), calls ? "AI calls" : "AI tokens");
}

/* Columns: see STMT_AI_OPEN. */
static void
opened(struct req *req, const struct db_result *res)
{
	struct ask *a = req->state;
	const struct msg_ai_provider *p = ai_provider(req->apid->ai,
	    a->provider);
	uint8_t *sealed = arena_alloc(req->arena, MSG_AI_SEALED_MAX);
	long n;

	if (a->has_node && db_isnull(res, 0, 7)) {
		ask_free(req, a);
		req_fail(req, ERR_NODE_FORBIDDEN, NULL);
		return;
	}
	/* One that was sealed for another key of aid's, aid may still open. */
	if (db_isnull(res, 0, 0) && (p == NULL || p->needs_key)) {
		refuse(req, a, "there is no API key for this provider: enter "
		    "one");
		return;
	}
	if (db_isnull(res, 0, 3)) {
		over_budget(req, a, res);
		return;
	}
	n = db_isnull(res, 0, 0) ? 0 : db_bytea(res, 0, 0, sealed,
	    MSG_AI_SEALED_MAX);
	a->sealed = (struct slice){ (const char *)sealed,
	    n > 0 ? (size_t)n : 0 };
	a->model = column(req, res, 2);
	if (a->model.n == 0 && p != NULL)
		a->model = (struct slice){ arena_strndup(req->arena,
		    p->model.p, p->model.n), p->model.n };
	a->wish = a->model;
	a->row = arena_strdup(req->arena, db_cstr(res, 0, 3));
	a->facts.node = column(req, res, 7);
	if (a->has_node)
		a->facts.driver = driver_find(db_get(res, 0, 8));
	a->facts.flows = a->flows;
	a->facts.nodes = column(req, res, 11);
	a->facts.tunnels = column(req, res, 12);
	if (a->kind != AI_K_GENERATE) {
		a->facts.alarms = column(req, res, 13);
		a->facts.events = column(req, res, 14);
		a->facts.series = column(req, res, 15);
	}
	config_now_stored(req, &a->config, res, 9);
	if (a->test)
		test_start(req, a);
	else if (a->has_node)
		config_now(req, &a->config, &a->node, compose);
	else
		compose(req, &a->config);
}

static bool
stream_wanted(struct req *req)
{
	struct slice accept = http1_get(&req->h, "Accept"), item, type;

	while (slice_cut(&accept, ',', &item)) {
		slice_cut(&item, ';', &type);
		if (slice_ieq(slice_trim(type), "text/event-stream"))
			return true;
	}
	return false;
}

static void
open_row(struct req *req, struct ask *a, void (*fn)(struct req *,
    const struct db_result *))
{
	const struct apid_conf *c = &req->apid->conf;
	const struct msg_ai_provider *p = ai_provider(req->apid->ai,
	    a->provider);
	const struct db_arg args[] = {
		db_slice(a->provider),
		p == NULL ? db_str("") : db_slice(p->model),
		db_str(a->test ? "test" : ai_kind_name(a->kind)),
		arg_i64(req, c->ai_calls), arg_i64(req, c->ai_tokens),
		arg_bool(p != NULL && !p->needs_key),
		a->has_node ? arg_id(req, &a->node) : db_null(),
		arg_access(req), arg_watch(req, watch_name),
		arg_watch(req, watch_unit),
	};

	req->state = a;
	req->abandon = true;
	req->gone = gone;
	/* While aid has told nothing yet, every name may be one of its. */
	if (p == NULL && ai_provider_at(req->apid->ai, 0) != NULL)
		refuse(req, a, "there is no such provider");
	else
		req_db_any(req, STMT_AI_OPEN, args, nitems(args), fn);
}

static void
opened_any(struct req *req, const struct db_result *res)
{
	struct ask *a = req->state;

	if (db_err(res) == ERR_OK) {
		opened(req, res);
		return;
	}
	ask_free(req, a);
	req_db_fail(req, res);
}

void
ask_run(struct req *req, struct ask *a)
{
	a->stream = stream_wanted(req);
	if (!a->stream && !body_json_wanted(http1_get(&req->h, "Accept")))
		req_fail(req, ERR_NOT_ACCEPTABLE, NULL);
	else if (a->prompt.n > ASK_PROMPT_MAX)
		req_fail_with(req, ERR_BAD_REQUEST, "the text must be at most "
		    "10000 bytes", SLICE("\"success\":false"));
	else
		open_row(req, a, opened_any);
}

/* ---- is a key good? ---- */

static void
tested(struct req *req, struct ask *a, const struct db_result *res)
{
	struct buf b = BUF_INIT;
	struct json_w w;

	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "success");
	json_w_bool(&w, true);
	json_w_key(&w, "model");
	json_w_slice(&w, a->model);
	json_w_key(&w, "took_ms");
	json_w_u64(&w, a->took_ms);
	json_w_end_object(&w);
	ask_answer(req, a, buf_slice(&b));
	buf_free(&b);
}

static void
test_answered(struct req *req, struct ask *a, struct slice text)
{
	ask_end(req, a, NULL, tested);
}

static void
test_start(struct req *req, struct ask *a)
{
	struct msg_ai_call test = call_of(req, a, TEST_MS);

	a->call.done = done;
	if (!ai_call_test(req, &a->call, &test))
		ask_fail(req, a, "ai_away", not_running);
}

void
ask_test(struct req *req, struct slice provider)
{
	struct ask *a = arena_calloc(req->arena, sizeof(*a));

	a->test = true;
	a->kind = AI_K_QUERY;
	a->provider = provider;
	a->answered = test_answered;
	open_row(req, a, opened_any);
}
