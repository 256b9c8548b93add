/*
 * provider_anthropic: POST /messages of the Anthropic API, version
 * 2023-06-01. A closed schema goes as output_config.format; an open one,
 * which structured output does not take, as the one tool that the model
 * must call. Pure.
 */
#include <string.h>

#include "provider.h"
#include "xmalloc.h"

static void
put_messages(struct json_w *w, const struct provider_ask *ask)
{
	size_t from, to;

	json_w_key(w, "messages");
	json_w_array(w);
	for (from = 0; from < ask->nmessages; from = to) {
		to = provider_turn(ask, from);
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
put_format(struct json_w *w, struct slice schema)
{
	json_w_key(w, "output_config");
	json_w_object(w);
	json_w_key(w, "format");
	json_w_object(w);
	json_w_key(w, "type");
	json_w_str(w, "json_schema");
	json_w_key(w, "schema");
	json_w_raw(w, schema);
	json_w_end_object(w);
	json_w_end_object(w);
}

static void
put_tool(struct json_w *w, struct slice schema)
{
	json_w_key(w, "tools");
	json_w_array(w);
	json_w_object(w);
	json_w_key(w, "name");
	json_w_str(w, PROVIDER_TOOL);
	json_w_key(w, "description");
	json_w_str(w, "Gives the answer. Call it exactly once.");
	json_w_key(w, "input_schema");
	json_w_raw(w, schema);
	json_w_end_object(w);
	json_w_end_array(w);
	json_w_key(w, "tool_choice");
	json_w_object(w);
	json_w_key(w, "type");
	json_w_str(w, "tool");
	json_w_key(w, "name");
	json_w_str(w, PROVIDER_TOOL);
	json_w_end_object(w);
}

static void
build(const struct provider_ask *ask, struct provider_call *c)
{
	struct json_w w;

	buf_puts(&c->path, "/messages");
	provider_head(c, "x-api-key", "", ask->key);
	provider_head(c, "anthropic-version", "", SLICE("2023-06-01"));
	provider_open(c, ask, &w);
	json_w_key(&w, "model");
	json_w_slice(&w, ask->model);
	json_w_key(&w, "max_tokens");
	json_w_u64(&w, ask->max_tokens);
	if (ask->system.n > 0) {
		json_w_key(&w, "system");
		json_w_slice(&w, ask->system);
	}
	put_messages(&w, ask);
	if (ask->schema.n > 0 && provider_schema_closed(ask->schema, false)) {
		put_format(&w, ask->schema);
	} else if (ask->schema.n > 0) {
		c->by_tool = true;
		put_tool(&w, ask->schema);
	}
	if (ask->stream) {
		json_w_key(&w, "stream");
		json_w_bool(&w, true);
	}
	json_w_end_object(&w);
}

/* doc has stop_reason, maybe null. */
static void
take_reason(struct slice doc, struct provider_answer *a)
{
	struct slice raw;

	if (!provider_get(doc, "stop_reason", &raw) || slice_eq(raw, "null"))
		return;
	if (provider_is(doc, "stop_reason", "max_tokens") ||
	    provider_is(doc, "stop_reason", "model_context_window_exceeded"))
		a->finish = MSG_AI_F_LENGTH;
	else if (provider_is(doc, "stop_reason", "refusal"))
		a->finish = MSG_AI_F_REFUSAL;
	else if (provider_is(doc, "stop_reason", "pause_turn"))
		a->finish = MSG_AI_F_TOOL;
	else if (provider_is(doc, "stop_reason", "tool_use"))
		a->finish = a->by_tool && buf_used(&a->text) > 0 ?
		    MSG_AI_F_OK : MSG_AI_F_TOOL;
	else
		a->finish = MSG_AI_F_OK;
}

/* Cached tokens are input as well. */
static void
take_input(struct slice usage, struct provider_answer *a)
{
	a->input_tokens = provider_number(usage, "input_tokens") +
	    provider_number(usage, "cache_creation_input_tokens") +
	    provider_number(usage, "cache_read_input_tokens");
}

static void
take_block(void *arg, struct slice block)
{
	struct provider_answer *a = arg;
	struct slice input;

	if (provider_is(block, "type", "text"))
		(void)provider_text(block, "text", a->by_tool ? &a->aside :
		    &a->text);
	if (provider_is(block, "type", "tool_use") &&
	    provider_is(block, "name", PROVIDER_TOOL) && a->by_tool &&
	    buf_used(&a->text) == 0 && provider_get(block, "input", &input))
		buf_put(&a->text, input.p, input.n);
}

static void
parse(struct slice body, struct provider_answer *a)
{
	struct slice content, usage;

	if (!provider_valid(body) || !provider_is(body, "type", "message") ||
	    !provider_get(body, "content", &content) || content.p[0] != '[') {
		a->error = MSG_AI_E_ANSWER;
		return;
	}
	(void)provider_text(body, "model", &a->model);
	provider_each(content, take_block, a);
	take_reason(body, a);
	if (provider_get(body, "usage", &usage)) {
		take_input(usage, a);
		a->output_tokens = provider_number(usage, "output_tokens");
	}
	provider_stream_end(a);
}

static void
block_start(struct slice data, struct provider_answer *a)
{
	a->tool_block = a->by_tool && buf_used(&a->text) == 0 &&
	    provider_is(data, "content_block/type", "tool_use") &&
	    provider_is(data, "content_block/name", PROVIDER_TOOL);
}

static void
block_delta(struct slice data, struct provider_answer *a)
{
	if (provider_is(data, "delta/type", "text_delta"))
		(void)provider_text(data, "delta/text", a->by_tool ?
		    &a->aside : &a->text);
	else if (a->tool_block &&
	    provider_is(data, "delta/type", "input_json_delta"))
		(void)provider_text(data, "delta/partial_json", &a->text);
}

static void
event(struct slice data, struct provider_answer *a)
{
	struct slice raw;

	if (!provider_valid(data)) {
		a->error = MSG_AI_E_ANSWER;
	} else if (provider_is(data, "type", "message_start")) {
		(void)provider_text(data, "message/model", &a->model);
		if (provider_get(data, "message/usage", &raw))
			take_input(raw, a);
	} else if (provider_is(data, "type", "content_block_start")) {
		block_start(data, a);
	} else if (provider_is(data, "type", "content_block_delta")) {
		block_delta(data, a);
	} else if (provider_is(data, "type", "message_delta")) {
		if (provider_get(data, "delta", &raw))
			take_reason(raw, a);
		a->output_tokens = provider_number(data,
		    "usage/output_tokens");
	} else if (provider_is(data, "type", "message_stop")) {
		a->ended = true;
	} else if (provider_is(data, "type", "error")) {
		provider_refused(&provider_anthropic, 500, data, a);
	}
}

static enum msg_ai_error
classify(int status, struct slice body, struct provider_answer *a)
{
	static const struct { const char *type; enum msg_ai_error e; } types[] = {
		{ "authentication_error", MSG_AI_E_KEY },
		{ "permission_error", MSG_AI_E_KEY },
		{ "billing_error", MSG_AI_E_QUOTA },
		{ "rate_limit_error", MSG_AI_E_RATE },
		{ "request_too_large", MSG_AI_E_TOO_LARGE },
		{ "overloaded_error", MSG_AI_E_OVERLOADED },
		{ "timeout_error", MSG_AI_E_OVERLOADED },
		{ "api_error", MSG_AI_E_OVERLOADED },
		{ "not_found_error", MSG_AI_E_REQUEST },
	};
	struct slice message;
	size_t i;

	(void)status;
	(void)a;
	for (i = 0; i < nitems(types); i++)
		if (provider_is(body, "error/type", types[i].type))
			return types[i].e;
	/* No credit is an invalid_request_error that only its text tells. */
	if (provider_get(body, "error/message", &message) &&
	    memmem(message.p, message.n, "credit balance", 14) != NULL)
		return MSG_AI_E_QUOTA;
	return MSG_AI_E_NONE;
}

const struct provider provider_anthropic = {
	"anthropic", "Anthropic", true, build, parse, event, classify,
};
