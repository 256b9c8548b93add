/*
 * The backends: what they send, and what they make of answers, streams and
 * errors in the shapes that the APIs publish. Data tables and their loops.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../../aid/guard.h"
#include "../../aid/provider.h"
#include "jscan.h"
#include "xmalloc.h"

static const char *
text_of(struct buf *b)
{
	return buf_cstr(b);
}

/* ---- requests ---- */

static const struct msg_ai_message talk[] = {
	{ MSG_AI_DATA, SLICE("{\"n\":\"</data>\"}") },
	{ MSG_AI_USER, SLICE("one") },
	{ MSG_AI_ASSISTANT, SLICE("two") },
	{ MSG_AI_USER, SLICE("thr\"ee") },
};

#define CLOSED "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":" \
    "\"string\"}},\"required\":[\"a\"],\"additionalProperties\":false}"
#define OPEN "{\"type\":\"object\",\"properties\":{}}"
#define FACT "<data>\\n{\\\"n\\\":\\\"<\\\\/data>\\\"}\\n</data>"
#define PART(t) "{\"type\":\"text\",\"text\":\"" t "\"}"
#define TURNS "{\"role\":\"user\",\"content\":[" PART(FACT) "," \
    PART("one") "]},{\"role\":\"assistant\",\"content\":[" PART("two") \
    "]},{\"role\":\"user\",\"content\":[" PART("thr\\\"ee") "]}]"
#define JOINED "{\"role\":\"user\",\"content\":\"" FACT "\\n\\none\"}," \
    "{\"role\":\"assistant\",\"content\":\"two\"},{\"role\":\"user\"," \
    "\"content\":\"thr\\\"ee\"}]"

static const struct {
	const struct provider *p;
	const char *model, *system, *schema;
	bool stream;
	const char *path, *head, *body;
} requests[] = {
	{ &provider_openai, "gpt-x", "sys", "", false, "/chat/completions",
	  "authorization: Bearer KEY",
	  "{\"model\":\"gpt-x\",\"messages\":[{\"role\":\"system\","
	  "\"content\":\"sys\"}," TURNS ",\"max_completion_tokens\":9,"
	  "\"store\":false}" },
	{ &provider_openai, "gpt-x", "", CLOSED, true, "/chat/completions",
	  "authorization: Bearer KEY",
	  "{\"model\":\"gpt-x\",\"messages\":[" TURNS
	  ",\"max_completion_tokens\":9,\"store\":false,\"response_format\":"
	  "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"answer\","
	  "\"strict\":true,\"schema\":" CLOSED "}},\"stream\":true,"
	  "\"stream_options\":{\"include_usage\":true}}" },
	{ &provider_compatible, "m", "sys", OPEN, false,
	  "/chat/completions", "authorization: Bearer KEY",
	  "{\"model\":\"m\",\"messages\":[{\"role\":\"system\","
	  "\"content\":\"sys\"}," JOINED ",\"max_tokens\":9,"
	  "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
	  "{\"name\":\"answer\",\"strict\":false,\"schema\":" OPEN "}}}" },
	{ &provider_anthropic, "claude", "sys", "", true, "/messages",
	  "x-api-key: KEY",
	  "{\"model\":\"claude\",\"max_tokens\":9,\"system\":\"sys\","
	  "\"messages\":[" TURNS ",\"stream\":true}" },
	{ &provider_anthropic, "claude", "", CLOSED, false, "/messages",
	  "x-api-key: KEY",
	  "{\"model\":\"claude\",\"max_tokens\":9,\"messages\":[" TURNS
	  ",\"output_config\":{\"format\":{\"type\":\"json_schema\","
	  "\"schema\":" CLOSED "}}}" },
	{ &provider_anthropic, "claude", "", OPEN, false, "/messages",
	  "x-api-key: KEY",
	  "{\"model\":\"claude\",\"max_tokens\":9,\"messages\":[" TURNS
	  ",\"tools\":[{\"name\":\"answer\",\"description\":\"Gives the "
	  "answer. Call it exactly once.\",\"input_schema\":" OPEN "}],"
	  "\"tool_choice\":{\"type\":\"tool\",\"name\":\"answer\"}}" },
	{ &provider_gemini, "models/ge/mi?ni", "sys", CLOSED, true,
	  "/models/ge%2Fmi%3Fni:streamGenerateContent?alt=sse",
	  "x-goog-api-key: KEY",
	  "{\"systemInstruction\":{\"parts\":[{\"text\":\"sys\"}]},"
	  "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"" FACT
	  "\"},{\"text\":\"one\"}]},{\"role\":\"model\",\"parts\":[{\"text\":"
	  "\"two\"}]},{\"role\":\"user\",\"parts\":[{\"text\":\"thr\\\"ee\"}]}"
	  "],\"generationConfig\":{\"maxOutputTokens\":9,"
	  "\"responseMimeType\":\"application/json\",\"responseJsonSchema\":"
	  CLOSED "}}" },
	{ &provider_gemini, "../x", "", "", false,
	  "/models/%2E.%2Fx:generateContent", "x-goog-api-key: KEY", NULL },
};

START_TEST(request)
{
	const char *model = requests[_i].model;
	struct provider_ask ask = {
		.model = slice_of(model), .key = SLICE("KEY"),
		.system = slice_of(requests[_i].system),
		.schema = slice_of(requests[_i].schema), .messages = talk,
		.nmessages = nitems(talk), .max_tokens = 9,
		.stream = requests[_i].stream,
	};
	struct provider_call c;

	memset(&c, 0, sizeof(c));
	requests[_i].p->build(&ask, &c);
	ck_assert_str_eq(text_of(&c.path), requests[_i].path);
	ck_assert_str_eq(text_of(&c.head[0]), requests[_i].head);
	if (requests[_i].body != NULL)
		ck_assert_str_eq(text_of(&c.body), requests[_i].body);
	ck_assert(jscan_valid((char *)buf_head(&c.body), buf_used(&c.body),
	    NULL));
	ck_assert_ptr_null(strstr(text_of(&c.body), "KEY"));
	if (requests[_i].p == &provider_anthropic)
		ck_assert_str_eq(text_of(&c.head[1]),
		    "anthropic-version: 2023-06-01");
	ck_assert_int_eq(c.by_tool, requests[_i].p == &provider_anthropic &&
	    strcmp(requests[_i].schema, OPEN) == 0);
	provider_call_wipe(&c);
	ck_assert_ptr_null(c.body.data);
}
END_TEST

START_TEST(no_key)
{
	struct provider_ask ask = { .model = SLICE("m"), .messages = talk,
	    .nmessages = 2, .max_tokens = 1 };
	struct provider_call c;

	memset(&c, 0, sizeof(c));
	provider_compatible.build(&ask, &c);
	ck_assert_uint_eq(c.nhead, 0);
	provider_call_wipe(&c);
}
END_TEST

/* ---- whole answers ---- */

#define O_HEAD "{\"id\":\"c\",\"object\":\"chat.completion\",\"model\":" \
    "\"gpt-x-1\",\"choices\":[{\"index\":0,\"message\":{\"role\":" \
    "\"assistant\","
#define O_TAIL "}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":7}}"
#define A_HEAD "{\"id\":\"m\",\"type\":\"message\",\"model\":\"claude-1\"," \
    "\"content\":["
#define A_TAIL(r) "],\"stop_reason\":\"" r "\",\"usage\":{\"input_tokens\":" \
    "3,\"cache_read_input_tokens\":2,\"output_tokens\":7}}"
#define G_HEAD "{\"modelVersion\":\"gemini-1\",\"usageMetadata\":{" \
    "\"promptTokenCount\":5,\"candidatesTokenCount\":4," \
    "\"thoughtsTokenCount\":3},\"candidates\":[{\"content\":{\"parts\":["
#define G_TAIL(r) "]},\"finishReason\":\"" r "\"}]}"

static const struct {
	const struct provider *p;
	bool by_tool;
	const char *body;
	enum msg_ai_finish finish;
	enum msg_ai_error error;
	const char *text;
} answers[] = {
	{ &provider_openai, false, O_HEAD "\"content\":\"a\\u00e9\"},"
	  "\"finish_reason\":\"stop\"" O_TAIL, MSG_AI_F_OK, 0, "a\xc3\xa9" },
	{ &provider_openai, false, O_HEAD "\"content\":\"cut\"},"
	  "\"finish_reason\":\"length\"" O_TAIL, MSG_AI_F_LENGTH, 0, "cut" },
	{ &provider_openai, false, O_HEAD "\"content\":null,\"refusal\":"
	  "\"no\"},\"finish_reason\":\"stop\"" O_TAIL, MSG_AI_F_REFUSAL, 0,
	  "no" },
	{ &provider_openai, false, O_HEAD "\"content\":\"x\"},"
	  "\"finish_reason\":\"content_filter\"" O_TAIL, MSG_AI_F_REFUSAL,
	  0, "x" },
	{ &provider_openai, false, O_HEAD "\"content\":null,\"tool_calls\":"
	  "[{}]},\"finish_reason\":\"tool_calls\"" O_TAIL, MSG_AI_F_TOOL, 0,
	  "" },
	{ &provider_openai, false, O_HEAD "\"content\":null},"
	  "\"finish_reason\":\"stop\"" O_TAIL, 0, MSG_AI_E_ANSWER, "" },
	{ &provider_openai, false, "{\"choices\":[]}", 0, MSG_AI_E_ANSWER,
	  "" },
	{ &provider_openai, false, "[]", 0, MSG_AI_E_ANSWER, "" },
	{ &provider_openai, false, "", 0, MSG_AI_E_ANSWER, "" },
	{ &provider_openai, false, "{\"choices\":", 0, MSG_AI_E_ANSWER, "" },
	{ &provider_anthropic, false, A_HEAD "{\"type\":\"thinking\","
	  "\"thinking\":\"hm\"},{\"type\":\"text\",\"text\":\"a\"},"
	  "{\"type\":\"text\",\"text\":\"b\"}" A_TAIL("end_turn"),
	  MSG_AI_F_OK, 0, "ab" },
	{ &provider_anthropic, true, A_HEAD "{\"type\":\"text\",\"text\":"
	  "\"well\"},{\"type\":\"tool_use\",\"name\":\"answer\",\"input\":"
	  "{\"a\": [1]}}" A_TAIL("tool_use"), MSG_AI_F_OK, 0,
	  "{\"a\": [1]}" },
	{ &provider_anthropic, true, A_HEAD "{\"type\":\"text\",\"text\":"
	  "\"well\"}" A_TAIL("end_turn"), MSG_AI_F_OK, 0, "well" },
	{ &provider_anthropic, false, A_HEAD "{\"type\":\"tool_use\","
	  "\"name\":\"answer\",\"input\":{}}" A_TAIL("tool_use"),
	  MSG_AI_F_TOOL, 0, "" },
	{ &provider_anthropic, true, A_HEAD "{\"type\":\"tool_use\","
	  "\"name\":\"shell\",\"input\":{}}" A_TAIL("tool_use"),
	  MSG_AI_F_TOOL, 0, "" },
	{ &provider_anthropic, false, A_HEAD A_TAIL("refusal"),
	  MSG_AI_F_REFUSAL, 0, "" },
	{ &provider_anthropic, false, A_HEAD "{\"type\":\"text\",\"text\":"
	  "\"c\"}" A_TAIL("model_context_window_exceeded"),
	  MSG_AI_F_LENGTH, 0, "c" },
	{ &provider_anthropic, false, "{\"type\":\"message\",\"content\":3}",
	  0, MSG_AI_E_ANSWER, "" },
	{ &provider_gemini, false, G_HEAD "{\"text\":\"hm\",\"thought\":true}"
	  ",{\"text\":\"a\"},{\"text\":\"b\"}" G_TAIL("STOP"), MSG_AI_F_OK,
	  0, "ab" },
	{ &provider_gemini, false, G_HEAD "{\"text\":\"a\"}"
	  G_TAIL("MAX_TOKENS"), MSG_AI_F_LENGTH, 0, "a" },
	{ &provider_gemini, false, G_HEAD G_TAIL("SAFETY"),
	  MSG_AI_F_REFUSAL, 0, "" },
	{ &provider_gemini, false, G_HEAD "{\"functionCall\":{}}"
	  G_TAIL("STOP"), MSG_AI_F_TOOL, 0, "" },
	{ &provider_gemini, false, G_HEAD G_TAIL("MALFORMED_RESPONSE"), 0,
	  MSG_AI_E_ANSWER, "" },
	{ &provider_gemini, false, "{\"promptFeedback\":{\"blockReason\":"
	  "\"SAFETY\"}}", MSG_AI_F_REFUSAL, 0, "" },
	{ &provider_gemini, false, "{\"candidates\":[]}", 0,
	  MSG_AI_E_ANSWER, "" },
};

START_TEST(answer)
{
	struct provider_answer a;

	memset(&a, 0, sizeof(a));
	a.by_tool = answers[_i].by_tool;
	answers[_i].p->parse(slice_of(answers[_i].body), &a);
	ck_assert_msg(a.finish == answers[_i].finish &&
	    a.error == answers[_i].error, "%s: finish %d error %d",
	    answers[_i].body, a.finish, a.error);
	if (a.error == MSG_AI_E_NONE)
		ck_assert_str_eq(text_of(&a.text), answers[_i].text);
	if (strstr(answers[_i].body, "sage\":{\"") != NULL ||
	    strstr(answers[_i].body, "usageM") != NULL) {
		ck_assert_uint_eq(a.input_tokens, 5);
		ck_assert_uint_eq(a.output_tokens, 7);
		ck_assert_uint_gt(buf_used(&a.model), 0);
	}
	provider_answer_wipe(&a);
}
END_TEST

/* ---- streams ---- */

#define D(delta, reason) "data: {\"model\":\"m\",\"choices\":[{\"delta\":" \
    delta ",\"finish_reason\":" reason "}],\"usage\":null}\n\n"
#define E(type, rest) "event: " type "\ndata: {\"type\":\"" type "\"," rest \
    "}\n\n"
#define G(text, rest) "data: {\"candidates\":[{\"content\":{\"parts\":[{" \
    "\"text\":\"" text "\"}]}" rest "}],\"usageMetadata\":{" \
    "\"promptTokenCount\":5,\"candidatesTokenCount\":7}}\r\n\r\n"
#define A_START E("message_start", "\"message\":{\"model\":\"c\",\"usage\":" \
    "{\"input_tokens\":5,\"output_tokens\":1}}")
#define A_STOP(r) E("message_delta", "\"delta\":{\"stop_reason\":\"" r "\"}" \
    ",\"usage\":{\"output_tokens\":7}") "event: message_stop\n" \
    "data: {\"type\":\"message_stop\"}\n\n"

static const struct {
	const struct provider *p;
	bool by_tool;
	const char *bytes;
	enum msg_ai_finish finish;
	enum msg_ai_error error;
	const char *text;
} streams[] = {
	{ &provider_openai, false, D("{\"content\":\"\"}", "null")
	  D("{\"content\":\"a\"}", "null") ": a comment\n\n"
	  D("{\"content\":\"b\"}", "\"stop\"") "data: {\"choices\":[],"
	  "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":7}}\n\n"
	  "data: [DONE]\n\n", MSG_AI_F_OK, 0, "ab" },
	{ &provider_openai, false, D("{\"refusal\":\"no\"}", "null")
	  D("{}", "\"stop\""), MSG_AI_F_REFUSAL, 0, "no" },
	{ &provider_openai, false, D("{\"content\":\"a\"}", "null"), 0,
	  MSG_AI_E_ANSWER, "" },
	{ &provider_openai, false, D("{\"content\":\"a\"}", "null")
	  "data: {\"error\":{\"message\":\"busy\",\"type\":"
	  "\"server_error\"}}\n\n", 0, MSG_AI_E_OVERLOADED, "" },
	{ &provider_openai, false, "data: nonsense\n\n", 0, MSG_AI_E_ANSWER,
	  "" },
	{ &provider_anthropic, false, A_START E("ping", "\"x\":1")
	  E("content_block_start", "\"content_block\":{\"type\":\"text\","
	  "\"text\":\"\"}") E("content_block_delta", "\"delta\":{\"type\":"
	  "\"text_delta\",\"text\":\"ab\"}") E("unheard_of", "\"y\":{}")
	  A_STOP("end_turn"), MSG_AI_F_OK, 0, "ab" },
	{ &provider_anthropic, true, A_START
	  E("content_block_delta", "\"delta\":{\"type\":\"text_delta\","
	  "\"text\":\"prose\"}")
	  E("content_block_start", "\"content_block\":{\"type\":"
	  "\"tool_use\",\"name\":\"answer\",\"input\":{}}")
	  E("content_block_delta", "\"delta\":{\"type\":"
	  "\"input_json_delta\",\"partial_json\":\"{\\\"a\\\"\"}")
	  E("content_block_delta", "\"delta\":{\"type\":"
	  "\"input_json_delta\",\"partial_json\":\":1}\"}")
	  A_STOP("tool_use"), MSG_AI_F_OK, 0, "{\"a\":1}" },
	{ &provider_anthropic, true, A_START
	  E("content_block_delta", "\"delta\":{\"type\":\"text_delta\","
	  "\"text\":\"prose\"}") A_STOP("end_turn"), MSG_AI_F_OK, 0,
	  "prose" },
	{ &provider_anthropic, false, A_START E("error", "\"error\":{"
	  "\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}"), 0,
	  MSG_AI_E_OVERLOADED, "" },
	{ &provider_anthropic, false, A_START, 0, MSG_AI_E_ANSWER, "" },
	{ &provider_gemini, false, G("a", "") G("b",
	  ",\"finishReason\":\"STOP\""), MSG_AI_F_OK, 0, "ab" },
	{ &provider_gemini, false, G("a", ""), 0, MSG_AI_E_ANSWER, "" },
	{ &provider_gemini, false, "data: {\"error\":{\"status\":"
	  "\"UNAVAILABLE\",\"message\":\"m\"}}\n\n", 0,
	  MSG_AI_E_OVERLOADED, "" },
};

struct reader { const struct provider *p; struct provider_answer *a; };

static void
on_event(void *arg, struct slice data)
{
	struct reader *r = arg;

	if (r->a->error == MSG_AI_E_NONE)
		r->p->event(data, r->a);
}

/* However the bytes arrive, the answer is the same. */
START_TEST(stream)
{
	const char *s = streams[_i].bytes;
	size_t step, at, n = strlen(s), part;
	struct provider_answer a;
	struct reader r = { streams[_i].p, &a };
	struct sse sse;

	for (step = 1; step <= n; step = step < 8 ? step + 1 : step * 2) {
		memset(&a, 0, sizeof(a));
		memset(&sse, 0, sizeof(sse));
		a.by_tool = streams[_i].by_tool;
		for (at = 0; at < n; at += part) {
			part = n - at < step ? n - at : step;
			ck_assert(sse_feed(&sse, (const uint8_t *)s + at,
			    part, on_event, &r));
		}
		provider_stream_end(&a);
		ck_assert_int_eq(a.error, streams[_i].error);
		if (a.error == MSG_AI_E_NONE) {
			ck_assert_int_eq(a.finish, streams[_i].finish);
			ck_assert_str_eq(text_of(&a.text), streams[_i].text);
		}
		sse_wipe(&sse);
		provider_answer_wipe(&a);
	}
}
END_TEST

START_TEST(sse_bound)
{
	struct provider_answer a;
	struct reader r = { &provider_openai, &a };
	char *big = xmalloc(SSE_MAX + 1);
	struct sse s;

	memset(&a, 0, sizeof(a));
	memset(&s, 0, sizeof(s));
	memset(big, 'x', SSE_MAX + 1);
	ck_assert(sse_feed(&s, (uint8_t *)big, SSE_MAX, on_event, &r));
	ck_assert(!sse_feed(&s, (uint8_t *)big, 1, on_event, &r));
	sse_wipe(&s);
	free(big);
}
END_TEST

/* ---- errors ---- */

#define OE(type, code) "{\"error\":{\"message\":\"words\",\"type\":\"" type \
    "\",\"code\":" code "}}"
#define AE(type, m) "{\"type\":\"error\",\"error\":{\"type\":\"" type \
    "\",\"message\":\"" m "\"}}"
#define GE(status, details) "{\"error\":{\"code\":1,\"message\":\"words\"," \
    "\"status\":\"" status "\",\"details\":[" details "]}}"

static const struct {
	const struct provider *p;
	int status;
	const char *body;
	enum msg_ai_error error;
	uint32_t retry;
} errors[] = {
	{ &provider_openai, 401, OE("invalid_request_error",
	  "\"invalid_api_key\""), MSG_AI_E_KEY, 0 },
	{ &provider_openai, 429, OE("insufficient_quota",
	  "\"insufficient_quota\""), MSG_AI_E_QUOTA, 0 },
	{ &provider_openai, 429, OE("insufficient_quota",
	  "\"credit_balance_exhausted\""), MSG_AI_E_QUOTA, 0 },
	{ &provider_openai, 429, OE("tokens", "\"rate_limit_exceeded\""),
	  MSG_AI_E_RATE, 0 },
	{ &provider_openai, 400, OE("invalid_request_error",
	  "\"context_length_exceeded\""), MSG_AI_E_TOO_LARGE, 0 },
	{ &provider_openai, 404, OE("invalid_request_error",
	  "\"model_not_found\""), MSG_AI_E_REQUEST, 0 },
	{ &provider_openai, 500, OE("server_error", "null"),
	  MSG_AI_E_OVERLOADED, 0 },
	{ &provider_openai, 502, "<html>", MSG_AI_E_OVERLOADED, 0 },
	{ &provider_openai, 418, "", MSG_AI_E_REQUEST, 0 },
	{ &provider_openai, 301, "", MSG_AI_E_POLICY, 0 },
	{ &provider_compatible, 400, "{\"error\":\"words\"}",
	  MSG_AI_E_REQUEST, 0 },
	{ &provider_anthropic, 401, AE("authentication_error", "words"),
	  MSG_AI_E_KEY, 0 },
	{ &provider_anthropic, 400, AE("invalid_request_error",
	  "Your credit balance is too low"), MSG_AI_E_QUOTA, 0 },
	{ &provider_anthropic, 402, AE("billing_error", "words"),
	  MSG_AI_E_QUOTA, 0 },
	{ &provider_anthropic, 413, AE("request_too_large", "words"),
	  MSG_AI_E_TOO_LARGE, 0 },
	{ &provider_anthropic, 429, AE("rate_limit_error", "words"),
	  MSG_AI_E_RATE, 0 },
	{ &provider_anthropic, 529, AE("overloaded_error", "words"),
	  MSG_AI_E_OVERLOADED, 0 },
	{ &provider_anthropic, 404, AE("not_found_error", "words"),
	  MSG_AI_E_REQUEST, 0 },
	{ &provider_gemini, 400, GE("INVALID_ARGUMENT",
	  "{\"reason\":\"API_KEY_INVALID\"}"), MSG_AI_E_KEY, 0 },
	{ &provider_gemini, 400, GE("INVALID_ARGUMENT", ""),
	  MSG_AI_E_REQUEST, 0 },
	{ &provider_gemini, 400, GE("FAILED_PRECONDITION", ""),
	  MSG_AI_E_QUOTA, 0 },
	{ &provider_gemini, 403, GE("PERMISSION_DENIED", ""), MSG_AI_E_KEY,
	  0 },
	{ &provider_gemini, 429, GE("RESOURCE_EXHAUSTED",
	  "{\"violations\":[{\"quotaId\":\"RequestsPerMinute\"}]},"
	  "{\"retryDelay\":\"22.5s\"}"), MSG_AI_E_RATE, 22 },
	{ &provider_gemini, 429, GE("RESOURCE_EXHAUSTED",
	  "{\"violations\":[{\"quotaId\":\"RequestsPerDayFree\"}]}"),
	  MSG_AI_E_QUOTA, 0 },
	{ &provider_gemini, 503, "[" GE("UNAVAILABLE", "") "]",
	  MSG_AI_E_OVERLOADED, 0 },
};

START_TEST(refused)
{
	struct provider_answer a;
	struct buf out = BUF_INIT;

	memset(&a, 0, sizeof(a));
	provider_refused(errors[_i].p, errors[_i].status,
	    slice_of(errors[_i].body), &a);
	ck_assert_int_eq(a.error, errors[_i].error);
	ck_assert_uint_eq(a.retry_after_s, errors[_i].retry);
	if (strstr(errors[_i].body, "words") != NULL)
		ck_assert_str_eq(text_of(&a.said), "words");
	provider_sentence(errors[_i].p, errors[_i].status, &a, SLICE(""),
	    &out);
	ck_assert_ptr_eq(strstr(text_of(&out), errors[_i].p->title),
	    text_of(&out));
	provider_answer_wipe(&a);
	buf_free(&out);
}
END_TEST

START_TEST(sentence_hides_the_key)
{
	struct provider_answer a;
	struct buf out = BUF_INIT;
	size_t i;

	memset(&a, 0, sizeof(a));
	a.error = MSG_AI_E_KEY;
	buf_puts(&a.said, "no \"sk-1234\"\n, sk-1234: ");
	for (i = 0; i < 400; i++)
		buf_puts(&a.said, "\xc3\xa9");
	provider_sentence(&provider_openai, 401, &a, SLICE("sk-1234"), &out);
	ck_assert_ptr_eq(strstr(text_of(&out), "OpenAI refused the key "
	    "(status 401). It said: \"no '***' , ***: "), text_of(&out));
	ck_assert_ptr_null(strstr(text_of(&out), "sk-1234"));
	ck_assert_ptr_nonnull(strstr(text_of(&out), "\xa9...\" Enter a"));
	ck_assert_uint_lt(buf_used(&out), 500);
	provider_answer_wipe(&a);
	buf_free(&out);
}
END_TEST

/* Every class has a sentence; one without end or words would show here. */
START_TEST(sentences)
{
	struct provider_answer a;
	struct buf out = BUF_INIT;
	unsigned e;

	for (e = 1; e < MSG_AI_E__MAX; e++) {
		memset(&a, 0, sizeof(a));
		a.error = (enum msg_ai_error)e;
		buf_clear(&out);
		provider_sentence(&provider_gemini, 0, &a, SLICE(""), &out);
		ck_assert_uint_gt(buf_used(&out), 20);
		ck_assert_ptr_null(strstr(text_of(&out), "(null)"));
		ck_assert_int_eq(buf_head(&out)[buf_used(&out) - 1], '.');
	}
	buf_free(&out);
}
END_TEST

/* ---- URLs, schemas, the guard ---- */

static const struct { const char *url, *host; unsigned port; } urls[] = {
	{ "https://api.openai.com/v1", "api.openai.com", 443 },
	{ "https://h", "h", 443 },
	{ "https://h:8443/a/b", "h", 8443 },
	{ "https://127.0.0.1:1", "127.0.0.1", 1 },
	{ "https://[::1]:99/v1", "::1", 99 },
	{ "http://h/v1", NULL, 0 }, { "https://", NULL, 0 },
	{ "https:///v1", NULL, 0 }, { "https://h/", NULL, 0 },
	{ "https://u@h/v1", NULL, 0 }, { "https://h/v1?k=1", NULL, 0 },
	{ "https://h/v1#x", NULL, 0 }, { "https://h:0/v1", NULL, 0 },
	{ "https://h:65536/v1", NULL, 0 }, { "https://h:/v1", NULL, 0 },
	{ "https://h:1x/v1", NULL, 0 }, { "https://[::1/v1", NULL, 0 },
	{ "https://[h]/v1", NULL, 0 }, { "https://h_x/v1", NULL, 0 },
	{ "https://h\\evil/v1", NULL, 0 }, { "https://[::1]x/v1", NULL, 0 },
	{ "https://h h/v1", NULL, 0 }, { "ftp://h", NULL, 0 },
};

START_TEST(url)
{
	struct provider_url u;
	struct buf err = BUF_INIT;
	int r = provider_url_parse(urls[_i].url, &u, &err);

	ck_assert_int_eq(r, urls[_i].host != NULL ? 0 : -1);
	if (r == 0) {
		ck_assert_str_eq(u.host, urls[_i].host);
		ck_assert_uint_eq(u.port, urls[_i].port);
		ck_assert_int_eq(u.literal, strpbrk(u.host, "1:") != NULL);
	} else {
		ck_assert_uint_gt(buf_used(&err), 0);
	}
	buf_free(&err);
}
END_TEST

static const struct { const char *schema; bool closed, strict; } schemas[] = {
	{ CLOSED, true, true }, { OPEN, false, false },
	{ "{\"type\":\"object\",\"properties\":{\"a\":{}},\"required\":[],"
	  "\"additionalProperties\":false}", true, false },
	{ "{\"anyOf\":[" CLOSED "," CLOSED "]}", true, true },
	{ "{\"anyOf\":[" CLOSED "," OPEN "]}", false, false },
	{ "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}", false,
	  false },
	{ "{\"type\":\"object\",\"additionalProperties\":{}}", false, false },
	{ "{\"type\":\"string\"}", true, true },
};

START_TEST(schema)
{
	struct slice s = slice_of(schemas[_i].schema);

	ck_assert_int_eq(provider_schema_closed(s, false),
	    schemas[_i].closed);
	ck_assert_int_eq(provider_schema_closed(s, true),
	    schemas[_i].strict);
}
END_TEST

static const struct { uint8_t role; const char *text; bool ok; } guards[] = {
	{ MSG_AI_DATA, "{\"passphrase\":\"hunter2\"}", false },
	{ MSG_AI_DATA, "{\"a\":[{\"SRT_Passphrase\" : \"x\"}]}", false },
	{ MSG_AI_DATA, "text \"stream_key\":\"live\"", false },
	{ MSG_AI_DATA, "{\"x\":1,\"api_key\":\n\"k\"", false },
	{ MSG_AI_DATA, "{\"k\":\"a\\\"b\",\"password\":\"p\"}", false },
	{ MSG_AI_DATA, "{\"secret\":\"{{credential-1}} and more\"}", false },
	{ MSG_AI_DATA, "{\"secret\":\"{{credential-1}}\"}", true },
	{ MSG_AI_DATA, "{\"secret\":\"***\",\"password\":\"\"}", true },
	{ MSG_AI_DATA, "{\"tunnel_key\":\"aa55\"}", false },
	{ MSG_AI_DATA, "{\"private_key_path\":\"/etc/x\"}", true },
	{ MSG_AI_DATA, "{\"secret\":null,\"max_tokens\":5}", true },
	{ MSG_AI_DATA, "{\"name\":\"passphrase\"}", true },
	{ MSG_AI_DATA, "no JSON \" at all: \"", true },
	{ MSG_AI_USER, "set \"passphrase\":\"hunter2\" please", true },
	{ MSG_AI_USER, "x KEY-KEY-KEY", false },
	{ MSG_AI_USER, "-----BEGIN PRIVATE KEY-----", false },
	{ MSG_AI_USER, "-----BEGIN CERTIFICATE-----", true },
};

START_TEST(guard)
{
	struct msg_ai_job m = { .nmessages = 1, .messages = {
		{ guards[_i].role, slice_of(guards[_i].text) } } };

	ck_assert_int_eq(guard_check(&m, SLICE("KEY-KEY-KEY")) == NULL,
	    guards[_i].ok);
	m.system = SLICE("mentions KEY-KEY-KEY");
	ck_assert_ptr_nonnull(guard_check(&m, SLICE("KEY-KEY-KEY")));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("aid_provider");
	TCase *tc = tcase_create("all");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, request, 0, (int)nitems(requests));
	tcase_add_test(tc, no_key);
	tcase_add_loop_test(tc, answer, 0, (int)nitems(answers));
	tcase_add_loop_test(tc, stream, 0, (int)nitems(streams));
	tcase_add_test(tc, sse_bound);
	tcase_add_loop_test(tc, refused, 0, (int)nitems(errors));
	tcase_add_test(tc, sentence_hides_the_key);
	tcase_add_test(tc, sentences);
	tcase_add_loop_test(tc, url, 0, (int)nitems(urls));
	tcase_add_loop_test(tc, schema, 0, (int)nitems(schemas));
	tcase_add_loop_test(tc, guard, 0, (int)nitems(guards));
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, getenv("CK_TAP_LOG_FILE_NAME") != NULL ?
	    CK_SILENT : CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
