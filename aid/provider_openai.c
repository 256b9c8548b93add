/*
 * provider_openai: POST /chat/completions of the OpenAI API, and the same
 * for endpoints that are compatible with it (local models, gateways). The
 * second kind gets the older max_tokens, plain text contents and nothing
 * that only OpenAI knows. Pure.
 */
#include <string.h>

#include "provider.h"
#include "secret.h"
#include "xmalloc.h"

static void
put_text(struct json_w *w, const char *role, struct slice text)
{
	json_w_object(w);
	json_w_key(w, "role");
	json_w_str(w, role);
	json_w_key(w, "content");
	json_w_slice(w, text);
	json_w_end_object(w);
}

/* A turn as one text: many templates of local models know no parts. */
static void
put_joined(struct json_w *w, const struct provider_ask *ask, size_t from,
    size_t to)
{
	struct buf words = BUF_INIT;
	bool model = provider_turn_is_model(ask, from);
	size_t n = 0, i;

	for (i = from; i < to; i++)
		n += 2 * ask->messages[i].text.n + 64;
	buf_reserve(&words, n);
	for (; from < to; from++) {
		if (buf_used(&words) > 0)
			buf_puts(&words, "\n\n");
		provider_words(&ask->messages[from], &words);
	}
	put_text(w, model ? "assistant" : "user", buf_slice(&words));
	secret_buf_free(&words);
}

static void
put_messages(struct json_w *w, const struct provider_ask *ask, bool parts)
{
	size_t from, to;

	json_w_key(w, "messages");
	json_w_array(w);
	if (ask->system.n > 0)
		put_text(w, "system", ask->system);
	for (from = 0; from < ask->nmessages; from = to) {
		to = provider_turn(ask, from);
		if (!parts) {
			put_joined(w, ask, from, to);
			continue;
		}
		json_w_object(w);
		json_w_key(w, "role");
		json_w_str(w, provider_turn_is_model(ask, from) ?
		    "assistant" : "user");
		json_w_key(w, "content");
		provider_parts(w, ask, from, to, true);
		json_w_end_object(w);
	}
	json_w_end_array(w);
}

static void
put_schema(struct json_w *w, struct slice schema)
{
	json_w_key(w, "response_format");
	json_w_object(w);
	json_w_key(w, "type");
	json_w_str(w, "json_schema");
	json_w_key(w, "json_schema");
	json_w_object(w);
	json_w_key(w, "name");
	json_w_str(w, "answer");
	json_w_key(w, "strict");
	json_w_bool(w, provider_schema_closed(schema, true));
	json_w_key(w, "schema");
	json_w_raw(w, schema);
	json_w_end_object(w);
	json_w_end_object(w);
}

static void
build(const struct provider_ask *ask, struct provider_call *c, bool own)
{
	struct json_w w;

	buf_puts(&c->path, "/chat/completions");
	if (ask->key.n > 0)
		provider_head(c, "authorization", "Bearer ", ask->key);
	provider_open(c, ask, &w);
	json_w_key(&w, "model");
	json_w_slice(&w, ask->model);
	put_messages(&w, ask, own);
	json_w_key(&w, own ? "max_completion_tokens" : "max_tokens");
	json_w_u64(&w, ask->max_tokens);
	if (own) {
		json_w_key(&w, "store");
		json_w_bool(&w, false);
	}
	if (ask->schema.n > 0)
		put_schema(&w, ask->schema);
	if (ask->stream) {
		json_w_key(&w, "stream");
		json_w_bool(&w, true);
		json_w_key(&w, "stream_options");
		json_w_object(&w);
		json_w_key(&w, "include_usage");
		json_w_bool(&w, true);
		json_w_end_object(&w);
	}
	json_w_end_object(&w);
}

static void
build_own(const struct provider_ask *ask, struct provider_call *c)
{
	build(ask, c, true);
}

static void
build_compatible(const struct provider_ask *ask, struct provider_call *c)
{
	build(ask, c, false);
}

/* choice: an element of choices that has a reason, maybe null. */
static void
take_reason(struct slice choice, struct provider_answer *a)
{
	struct slice raw;

	if (!provider_get(choice, "finish_reason", &raw) ||
	    slice_eq(raw, "null") || a->finish == MSG_AI_F_REFUSAL)
		return;
	if (provider_is(choice, "finish_reason", "length"))
		a->finish = MSG_AI_F_LENGTH;
	else if (provider_is(choice, "finish_reason", "content_filter"))
		a->finish = MSG_AI_F_REFUSAL;
	else if (provider_is(choice, "finish_reason", "tool_calls") ||
	    provider_is(choice, "finish_reason", "function_call"))
		a->finish = MSG_AI_F_TOOL;
	else
		a->finish = MSG_AI_F_OK;
}

static void
take_rest(struct slice doc, struct provider_answer *a)
{
	struct slice usage;

	if (buf_used(&a->model) == 0)
		(void)provider_text(doc, "model", &a->model);
	if (!provider_get(doc, "usage", &usage) || slice_eq(usage, "null"))
		return;
	a->input_tokens = provider_number(usage, "prompt_tokens");
	a->output_tokens = provider_number(usage, "completion_tokens");
}

static void
parse(struct slice body, struct provider_answer *a)
{
	struct slice choice, message, raw;
	bool content;

	if (!provider_valid(body) ||
	    !provider_get(body, "choices/0", &choice) ||
	    !provider_get(choice, "message", &message)) {
		a->error = MSG_AI_E_ANSWER;
		return;
	}
	take_rest(body, a);
	content = provider_text(message, "content", &a->text);
	if (!content && provider_text(message, "refusal", &a->text))
		a->finish = MSG_AI_F_REFUSAL;
	take_reason(choice, a);
	if (provider_get(message, "tool_calls/0", &raw) &&
	    a->finish == MSG_AI_F_OK)
		a->finish = MSG_AI_F_TOOL;
	if (a->finish == MSG_AI_F_NONE ||
	    (a->finish == MSG_AI_F_OK && !content))
		a->error = MSG_AI_E_ANSWER;
	if (a->error != MSG_AI_E_NONE)
		a->finish = MSG_AI_F_NONE;
}

static enum msg_ai_error classify(int, struct slice,
    struct provider_answer *);

static void
event(struct slice data, struct provider_answer *a)
{
	struct slice choice, raw;

	if (slice_eq(data, "[DONE]")) {
		a->ended = true;
		return;
	}
	if (!provider_valid(data)) {
		a->error = MSG_AI_E_ANSWER;
		return;
	}
	if (provider_get(data, "error", &raw) && !slice_eq(raw, "null")) {
		provider_refused(&provider_openai, 500, data, a);
		return;
	}
	take_rest(data, a);
	if (!provider_get(data, "choices/0", &choice))
		return;		/* the last one has the usage only */
	(void)provider_text(choice, "delta/content", &a->text);
	if (provider_text(choice, "delta/refusal", &a->text))
		a->finish = MSG_AI_F_REFUSAL;
	take_reason(choice, a);
}

static enum msg_ai_error
classify(int status, struct slice body, struct provider_answer *a)
{
	static const struct { const char *code; enum msg_ai_error e; } codes[] = {
		{ "invalid_api_key", MSG_AI_E_KEY },
		{ "insufficient_quota", MSG_AI_E_QUOTA },
		{ "billing_hard_limit_reached", MSG_AI_E_QUOTA },
		{ "credit_balance_exhausted", MSG_AI_E_QUOTA },
		{ "rate_limit_exceeded", MSG_AI_E_RATE },
		{ "context_length_exceeded", MSG_AI_E_TOO_LARGE },
		{ "server_is_overloaded", MSG_AI_E_OVERLOADED },
	};
	size_t i;

	(void)status;
	(void)a;
	for (i = 0; i < nitems(codes); i++)
		if (provider_is(body, "error/code", codes[i].code) ||
		    provider_is(body, "error/type", codes[i].code))
			return codes[i].e;
	return MSG_AI_E_NONE;
}

const struct provider provider_openai = {
	"openai", "OpenAI", true, build_own, parse, event, classify,
};

const struct provider provider_compatible = {
	"compatible", "The compatible endpoint", false, build_compatible,
	parse, event, classify,
};
