/*
 * provider_gemini: POST /models/<model>:generateContent of the Gemini API
 * (v1beta), with the key in x-goog-api-key. Pure.
 */
#include <string.h>

#include "provider.h"
#include "xmalloc.h"

/* The model is one segment of the path, whatever it holds. */
static void
put_path(struct buf *b, struct slice model, bool stream)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t i;
	unsigned char c;

	if (model.n > 7 && memcmp(model.p, "models/", 7) == 0) {
		model.p += 7;
		model.n -= 7;
	}
	buf_puts(b, "/models/");
	for (i = 0; i < model.n; i++) {
		c = (unsigned char)model.p[i];
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '-' || c == '_' ||
		    (c == '.' && i > 0)) {
			buf_putc(b, (char)c);
			continue;
		}
		buf_putc(b, '%');
		buf_putc(b, hex[c >> 4]);
		buf_putc(b, hex[c & 15]);
	}
	buf_puts(b, stream ? ":streamGenerateContent?alt=sse" :
	    ":generateContent");
}

static void
put_contents(struct json_w *w, const struct provider_ask *ask)
{
	size_t from, to;

	json_w_key(w, "contents");
	json_w_array(w);
	for (from = 0; from < ask->nmessages; from = to) {
		to = provider_turn(ask, from);
		json_w_object(w);
		json_w_key(w, "role");
		json_w_str(w, provider_turn_is_model(ask, from) ? "model" :
		    "user");
		json_w_key(w, "parts");
		provider_parts(w, ask, from, to, false);
		json_w_end_object(w);
	}
	json_w_end_array(w);
}

static void
put_system(struct json_w *w, struct slice system)
{
	json_w_key(w, "systemInstruction");
	json_w_object(w);
	json_w_key(w, "parts");
	json_w_array(w);
	json_w_object(w);
	json_w_key(w, "text");
	json_w_slice(w, system);
	json_w_end_object(w);
	json_w_end_array(w);
	json_w_end_object(w);
}

static void
build(const struct provider_ask *ask, struct provider_call *c)
{
	struct json_w w;

	put_path(&c->path, ask->model, ask->stream);
	provider_head(c, "x-goog-api-key", "", ask->key);
	provider_open(c, ask, &w);
	if (ask->system.n > 0)
		put_system(&w, ask->system);
	put_contents(&w, ask);
	json_w_key(&w, "generationConfig");
	json_w_object(&w);
	json_w_key(&w, "maxOutputTokens");
	json_w_u64(&w, ask->max_tokens);
	if (ask->schema.n > 0) {
		json_w_key(&w, "responseMimeType");
		json_w_str(&w, "application/json");
		json_w_key(&w, "responseJsonSchema");
		json_w_raw(&w, ask->schema);
	}
	json_w_end_object(&w);
	json_w_end_object(&w);
}

static void
take_reason(struct slice candidate, struct provider_answer *a)
{
	static const char *const tools[] = { "MALFORMED_FUNCTION_CALL",
	    "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS" };
	struct slice raw;
	size_t i;

	if (!provider_get(candidate, "finishReason", &raw) ||
	    a->finish == MSG_AI_F_TOOL)
		return;
	if (provider_is(candidate, "finishReason", "STOP"))
		a->finish = MSG_AI_F_OK;
	else if (provider_is(candidate, "finishReason", "MAX_TOKENS"))
		a->finish = MSG_AI_F_LENGTH;
	else if (provider_is(candidate, "finishReason",
	    "MALFORMED_RESPONSE"))
		a->error = MSG_AI_E_ANSWER;
	else
		a->finish = MSG_AI_F_REFUSAL;	/* SAFETY and its kind */
	for (i = 0; i < nitems(tools); i++)
		if (provider_is(candidate, "finishReason", tools[i]))
			a->finish = MSG_AI_F_TOOL;
}

static void
take_part(void *arg, struct slice part)
{
	struct provider_answer *a = arg;
	struct slice raw;

	if (provider_get(part, "thought", &raw) && slice_eq(raw, "true"))
		return;
	if (provider_get(part, "functionCall", &raw))
		a->finish = MSG_AI_F_TOOL;
	(void)provider_text(part, "text", &a->text);
}

/* A whole answer, and each event of a stream: the same shape. */
static bool
take(struct slice doc, struct provider_answer *a)
{
	struct slice candidate, parts, usage;

	if (!provider_valid(doc)) {
		a->error = MSG_AI_E_ANSWER;
		return false;
	}
	if (buf_used(&a->model) == 0)
		(void)provider_text(doc, "modelVersion", &a->model);
	if (provider_get(doc, "usageMetadata", &usage)) {
		a->input_tokens = provider_number(usage, "promptTokenCount");
		a->output_tokens =
		    provider_number(usage, "candidatesTokenCount") +
		    provider_number(usage, "thoughtsTokenCount");
	}
	if (provider_get(doc, "promptFeedback/blockReason", &parts)) {
		a->finish = MSG_AI_F_REFUSAL;
		return true;
	}
	if (!provider_get(doc, "candidates/0", &candidate))
		return false;
	if (provider_get(candidate, "content/parts", &parts))
		provider_each(parts, take_part, a);
	take_reason(candidate, a);
	return true;
}

static void
parse(struct slice body, struct provider_answer *a)
{
	if (!take(body, a) || a->finish == MSG_AI_F_NONE)
		a->error = MSG_AI_E_ANSWER;
	if (a->error != MSG_AI_E_NONE)
		a->finish = MSG_AI_F_NONE;
}

static void
event(struct slice data, struct provider_answer *a)
{
	struct slice raw;

	if (provider_get(data, "error", &raw)) {
		provider_refused(&provider_gemini, 500, data, a);
		return;
	}
	(void)take(data, a);
	a->ended = a->finish != MSG_AI_F_NONE;
}

/* "22s" or "22.5s" */
static uint32_t
seconds(struct slice detail)
{
	struct buf b = BUF_INIT;
	uint64_t v = 0;
	size_t i;

	if (provider_text(detail, "retryDelay", &b))
		for (i = 0; i < buf_used(&b) && v < 86400; i++) {
			if (buf_head(&b)[i] < '0' || buf_head(&b)[i] > '9')
				break;
			v = v * 10 + (uint64_t)(buf_head(&b)[i] - '0');
		}
	buf_free(&b);
	return (uint32_t)v;
}

struct details { enum msg_ai_error e; uint32_t retry; };

static void
take_detail(void *arg, struct slice detail)
{
	struct details *d = arg;
	struct slice raw;

	if (provider_is(detail, "reason", "API_KEY_INVALID"))
		d->e = MSG_AI_E_KEY;
	if (provider_get(detail, "violations/0/quotaId", &raw) &&
	    memmem(raw.p, raw.n, "PerDay", 6) != NULL)
		d->e = MSG_AI_E_QUOTA;
	if (provider_get(detail, "retryDelay", &raw))
		d->retry = seconds(detail);
}

static enum msg_ai_error
classify(int status, struct slice body, struct provider_answer *a)
{
	struct details d = { MSG_AI_E_NONE, 0 };
	struct slice raw;

	(void)status;
	if (provider_get(body, "error/details", &raw))
		provider_each(raw, take_detail, &d);
	if (d.retry != 0)
		a->retry_after_s = d.retry;
	if (d.e != MSG_AI_E_NONE)
		return d.e;
	if (provider_is(body, "error/status", "UNAUTHENTICATED") ||
	    provider_is(body, "error/status", "PERMISSION_DENIED"))
		return MSG_AI_E_KEY;
	if (provider_is(body, "error/status", "FAILED_PRECONDITION"))
		return MSG_AI_E_QUOTA;	/* no free tier here: needs billing */
	if (provider_is(body, "error/status", "RESOURCE_EXHAUSTED"))
		return MSG_AI_E_RATE;
	return MSG_AI_E_NONE;
}

const struct provider provider_gemini = {
	"gemini", "Google Gemini", true, build, parse, event, classify,
};
