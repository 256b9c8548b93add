/* msg: round trips, every cut and every trailing byte, limits, the table. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "msg.h"
#include "msg_ai.h"
#include "xmalloc.h"

static struct msg_in
reader(struct buf *b)
{
	return (struct msg_in){ buf_head(b), buf_head(b) + buf_used(b),
	    true };
}

static struct id
some_id(uint8_t seed)
{
	struct id id;
	size_t i;

	for (i = 0; i < sizeof(id.b); i++)
		id.b[i] = (uint8_t)(seed + i);
	return id;
}

/* One of each payload, with every field set. */
static void
put_hello(struct buf *b)
{
	struct msg_hello m = { MSG_VERSION, MSG_HUBD, some_id(1),
	    SLICE("hub-1"), SLICE("\0\xff""key") };

	msg_put_hello(b, &m);
}

static bool
get_hello(struct msg_in *in)
{
	struct msg_hello m;
	struct id want = some_id(1);

	return msg_get_hello(in, &m) && m.version == MSG_VERSION &&
	    m.peer == MSG_HUBD && id_eq(&m.instance, &want) &&
	    slice_eq(m.name, "hub-1") && m.extra.n == 5;
}

static void
put_command(struct buf *b)
{
	struct msg_command m = { some_id(2), some_id(3), 30000,
	    SLICE("req-1") };

	msg_put_command(b, &m);
}

static bool
get_command(struct msg_in *in)
{
	struct msg_command m;
	struct id a = some_id(2), n = some_id(3);

	return msg_get_command(in, &m) && id_eq(&m.command, &a) &&
	    id_eq(&m.node, &n) && m.wait_ms == 30000 &&
	    slice_eq(m.request_id, "req-1");
}

static void
put_done(struct buf *b)
{
	struct msg_command_done m = { some_id(4), SLICE("no such flow"),
	    SLICE("unknown_flow"), SLICE("{\"a\":1}") };

	msg_put_command_done(b, &m);
}

static bool
get_done(struct msg_in *in)
{
	struct msg_command_done m;
	struct id a = some_id(4);

	return msg_get_command_done(in, &m) && id_eq(&m.command, &a) &&
	    slice_eq(m.error, "no such flow") &&
	    slice_eq(m.error_code, "unknown_flow") &&
	    slice_eq(m.data, "{\"a\":1}");
}

static void
put_config_get(struct buf *b)
{
	struct msg_config_get m = { some_id(5), 3000 };

	msg_put_config_get(b, &m);
}

static bool
get_config_get(struct msg_in *in)
{
	struct msg_config_get m;
	struct id a = some_id(5);

	return msg_get_config_get(in, &m) && id_eq(&m.node, &a) &&
	    m.wait_ms == 3000;
}

static void
put_thumb_get(struct buf *b)
{
	struct msg_thumb_get m = { some_id(5), SLICE("flow-1"),
	    SLICE("in") };

	msg_put_thumb_get(b, &m);
}

static bool
get_thumb_get(struct msg_in *in)
{
	struct msg_thumb_get m;
	struct id a = some_id(5);

	return msg_get_thumb_get(in, &m) && id_eq(&m.node, &a) &&
	    slice_eq(m.flow, "flow-1") && slice_eq(m.input, "in");
}

static void
put_thumb(struct buf *b)
{
	struct msg_thumb m = { some_id(6), 70, SLICE("\xff\xd8\0x") };

	msg_put_thumb(b, &m);
}

static bool
get_thumb(struct msg_in *in)
{
	struct msg_thumb m;
	struct id a = some_id(6);

	return msg_get_thumb(in, &m) && id_eq(&m.node, &a) &&
	    m.age_ms == 70 && slice_same(m.data, SLICE("\xff\xd8\0x"));
}

static void
put_config(struct buf *b)
{
	struct msg_config m = { some_id(6), SLICE("{\"version\":2}") };

	msg_put_config(b, &m);
}

static bool
get_config(struct msg_in *in)
{
	struct msg_config m;
	struct id a = some_id(6);

	return msg_get_config(in, &m) && id_eq(&m.node, &a) &&
	    slice_eq(m.text, "{\"version\":2}");
}

static void
put_changed(struct buf *b)
{
	struct msg_node_changed m = { some_id(7), MSG_NODE_TOKEN };

	msg_put_node_changed(b, &m);
}

static bool
get_changed(struct msg_in *in)
{
	struct msg_node_changed m;
	struct id a = some_id(7);

	return msg_get_node_changed(in, &m) && id_eq(&m.node, &a) &&
	    m.what == MSG_NODE_TOKEN;
}

static void
put_watch(struct buf *b)
{
	uint8_t ids[48];
	struct msg_watch m = { 0, 3, ids };

	memset(ids, 9, sizeof(ids));
	msg_put_watch(b, &m);
}

static bool
get_watch(struct msg_in *in)
{
	struct msg_watch m;

	return msg_get_watch(in, &m) && m.all == 0 && m.n == 3 &&
	    m.ids[47] == 9;
}

static void
put_state(struct buf *b)
{
	struct msg_node_state m = { .node = some_id(8), .epoch = 11,
	    .seq = 12, .connected_us = 13, .seen_us = -14, .protocol = -1,
	    .has_stats = 1, .name = SLICE("edge"),
	    .device_type = SLICE("edge"), .version = SLICE("0.5.3"),
	    .remote = SLICE("192.0.2.1"), .nmetrics = 2,
	    .metrics = { 15, UINT64_MAX }, .health = SLICE("{}"),
	    .stats = SLICE("{\"flows\":[]}") };

	msg_put_node_state(b, &m);
}

static bool
get_state(struct msg_in *in)
{
	struct msg_node_state m;
	struct id a = some_id(8);

	return msg_get_node_state(in, &m) && id_eq(&m.node, &a) &&
	    m.epoch == 11 && m.seq == 12 && m.connected_us == 13 &&
	    m.seen_us == -14 && m.protocol == -1 && m.has_stats == 1 &&
	    slice_eq(m.name, "edge") && slice_eq(m.device_type, "edge") &&
	    slice_eq(m.version, "0.5.3") &&
	    slice_eq(m.remote, "192.0.2.1") && m.nmetrics == 2 &&
	    m.metrics[0] == 15 && m.metrics[1] == UINT64_MAX &&
	    slice_eq(m.health, "{}") && slice_eq(m.stats, "{\"flows\":[]}");
}

static void
put_gone(struct buf *b)
{
	struct msg_node_gone m = { some_id(9), 77 };

	msg_put_node_gone(b, &m);
}

static bool
get_gone(struct msg_in *in)
{
	struct msg_node_gone m;
	struct id a = some_id(9);

	return msg_get_node_gone(in, &m) && id_eq(&m.node, &a) &&
	    m.epoch == 77;
}

static void
put_events(struct buf *b)
{
	struct msg_events m = { 500 };

	msg_put_events(b, &m);
}

static bool
get_events(struct msg_in *in)
{
	struct msg_events m;

	return msg_get_events(in, &m) && m.count == 500;
}

static void
put_text(struct buf *b)
{
	struct msg_text m = { SLICE("{\"up\":true}") };

	msg_put_text(b, &m);
}

static bool
get_text(struct msg_in *in)
{
	struct msg_text m;

	return msg_get_text(in, &m) && slice_eq(m.json, "{\"up\":true}");
}

static const struct msg_ai_job some_job = {
	.call = { .deadline_ms = 60000, .request_id = SLICE("req-9"),
	    .provider = SLICE("openai"), .model = SLICE("m-1"),
	    .sealed = SLICE("\x01\0\xff") },
	.flags = MSG_AI_STREAM, .max_tokens = 4096,
	.system = SLICE("be brief"), .schema = SLICE("{}"), .nmessages = 3,
	.messages = { { MSG_AI_DATA, SLICE("facts") },
	    { MSG_AI_ASSISTANT, SLICE("hm") },
	    { MSG_AI_USER, SLICE("h\xc3\xa9") } },
};

static void
put_ai_job(struct buf *b)
{
	struct msg_ai_job m = some_job;

	m.call.job = some_id(10);
	msg_put_ai_job(b, &m);
}

static bool
get_ai_job(struct msg_in *in)
{
	struct msg_ai_job m;
	struct id a = some_id(10);

	return msg_get_ai_job(in, &m) && id_eq(&m.call.job, &a) &&
	    m.flags == MSG_AI_STREAM && m.max_tokens == 4096 &&
	    m.call.deadline_ms == 60000 &&
	    slice_eq(m.call.request_id, "req-9") &&
	    slice_eq(m.call.provider, "openai") &&
	    slice_eq(m.call.model, "m-1") &&
	    slice_same(m.call.sealed, some_job.call.sealed) &&
	    slice_eq(m.system, "be brief") && slice_eq(m.schema, "{}") &&
	    m.nmessages == 3 && m.messages[0].role == MSG_AI_DATA &&
	    m.messages[1].role == MSG_AI_ASSISTANT &&
	    slice_eq(m.messages[2].text, "h\xc3\xa9");
}

static void
put_ai_chunk(struct buf *b)
{
	struct msg_ai_chunk m = { some_id(11), SLICE("par") };

	msg_put_ai_chunk(b, &m);
}

static bool
get_ai_chunk(struct msg_in *in)
{
	struct msg_ai_chunk m;
	struct id a = some_id(11);

	return msg_get_ai_chunk(in, &m) && id_eq(&m.job, &a) &&
	    slice_eq(m.text, "par");
}

static void
put_ai_done(struct buf *b)
{
	struct msg_ai_done m = { some_id(12), MSG_AI_F_NONE, MSG_AI_E_RATE,
	    429, 3, 20, 1500, UINT64_C(1) << 40, 7, SLICE("m-2"),
	    SLICE("try later"), SLICE("half") };

	msg_put_ai_done(b, &m);
}

static bool
get_ai_done(struct msg_in *in)
{
	struct msg_ai_done m;
	struct id a = some_id(12);

	return msg_get_ai_done(in, &m) && id_eq(&m.job, &a) &&
	    m.finish == MSG_AI_F_NONE && m.error == MSG_AI_E_RATE &&
	    m.status == 429 && m.attempts == 3 && m.retry_after_s == 20 &&
	    m.took_ms == 1500 && m.input_tokens == UINT64_C(1) << 40 &&
	    m.output_tokens == 7 && slice_eq(m.model, "m-2") &&
	    slice_eq(m.detail, "try later") && slice_eq(m.text, "half");
}

static void
put_ai_cancel(struct buf *b)
{
	struct msg_ai_cancel m = { some_id(13) };

	msg_put_ai_cancel(b, &m);
}

static bool
get_ai_cancel(struct msg_in *in)
{
	struct msg_ai_cancel m;
	struct id a = some_id(13);

	return msg_get_ai_cancel(in, &m) && id_eq(&m.job, &a);
}

static void
put_ai_test(struct buf *b)
{
	struct msg_ai_call m = { some_id(14), 5000, SLICE("r"),
	    SLICE("gemini"), SLICE("m"), SLICE("sealed") };

	msg_put_ai_test(b, &m);
}

static bool
get_ai_test(struct msg_in *in)
{
	struct msg_ai_call m;
	struct id a = some_id(14);

	return msg_get_ai_test(in, &m) && id_eq(&m.job, &a) &&
	    m.deadline_ms == 5000 && slice_eq(m.request_id, "r") &&
	    slice_eq(m.provider, "gemini") && slice_eq(m.model, "m") &&
	    slice_eq(m.sealed, "sealed");
}

static void
put_ai_info(struct buf *b)
{
	struct msg_ai_info m = {
		SLICE("0123456789abcdef0123456789abcdef"
		    "fedcba9876543210fedcba9876543210"), 2,
		{ { SLICE("openai"), SLICE("OpenAI"), SLICE("m"), 1 },
		    { SLICE("local"), SLICE("Local"), SLICE(""), 0 } },
	};

	msg_put_ai_info(b, &m);
}

static bool
get_ai_info(struct msg_in *in)
{
	struct msg_ai_info m;

	return msg_get_ai_info(in, &m) && m.pubs.n == 64 &&
	    m.nproviders == 2 && slice_eq(m.providers[0].title, "OpenAI") &&
	    m.providers[0].needs_key == 1 &&
	    slice_eq(m.providers[1].name, "local") &&
	    m.providers[1].model.n == 0 && m.providers[1].needs_key == 0;
}

static void
put_ai_sealed(struct buf *b)
{
	struct msg_ai_sealed m = { SLICE("\0sealed\xff") };

	msg_put_ai_sealed(b, &m);
}

static bool
get_ai_sealed(struct msg_in *in)
{
	struct msg_ai_sealed m;

	return msg_get_ai_sealed(in, &m) &&
	    slice_same(m.sealed, SLICE("\0sealed\xff"));
}

static const struct {
	enum msg_type type;
	void (*put)(struct buf *);
	bool (*get)(struct msg_in *);
} payloads[] = {
	{ MSG_HELLO, put_hello, get_hello },
	{ MSG_HELLO_OK, put_hello, get_hello },
	{ MSG_COMMAND, put_command, get_command },
	{ MSG_COMMAND_DONE, put_done, get_done },
	{ MSG_CONFIG_GET, put_config_get, get_config_get },
	{ MSG_CONFIG, put_config, get_config },
	{ MSG_THUMB_GET, put_thumb_get, get_thumb_get },
	{ MSG_THUMB, put_thumb, get_thumb },
	{ MSG_NODE_CHANGED, put_changed, get_changed },
	{ MSG_WATCH, put_watch, get_watch },
	{ MSG_NODE_STATE, put_state, get_state },
	{ MSG_NODE_GONE, put_gone, get_gone },
	{ MSG_EVENTS, put_events, get_events },
	{ MSG_STATUS_REPLY, put_text, get_text },
	{ MSG_SELFTEST_REPLY, put_text, get_text },
	{ MSG_AI_JOB, put_ai_job, get_ai_job },
	{ MSG_AI_CHUNK, put_ai_chunk, get_ai_chunk },
	{ MSG_AI_DONE, put_ai_done, get_ai_done },
	{ MSG_AI_CANCEL, put_ai_cancel, get_ai_cancel },
	{ MSG_AI_TEST, put_ai_test, get_ai_test },
	{ MSG_AI_INFO_REPLY, put_ai_info, get_ai_info },
	{ MSG_AI_RESEAL, put_ai_sealed, get_ai_sealed },
	{ MSG_AI_RESEALED, put_ai_sealed, get_ai_sealed },
};

START_TEST(round_trip)
{
	struct buf b = BUF_INIT;
	struct msg_in in;
	const struct msg_row *row = msg_row(payloads[_i].type);
	uint8_t *copy;
	size_t n, cut;

	payloads[_i].put(&b);
	n = buf_used(&b);
	ck_assert_uint_ge(n, row->min);
	ck_assert_uint_le(n, row->max);
	in = reader(&b);
	ck_assert(payloads[_i].get(&in));
	/* every cut, and one byte more, in memory of exactly that size */
	for (cut = 0; cut < n; cut++) {
		copy = xmalloc(cut + 1);
		memcpy(copy, buf_head(&b), cut);
		copy = xreallocarray(copy, cut > 0 ? cut : 1, 1);
		in = (struct msg_in){ copy, copy + cut, true };
		ck_assert_msg(!payloads[_i].get(&in), "cut at %zu", cut);
		free(copy);
	}
	buf_put_u8(&b, 0);
	in = reader(&b);
	ck_assert(!payloads[_i].get(&in));
	buf_free(&b);
}
END_TEST

START_TEST(header)
{
	struct buf b = BUF_INIT;
	size_t at;
	uint8_t *p;

	buf_puts(&b, "before");
	at = msg_begin(&b, MSG_NODE_GONE, ERR_NODE_OFFLINE,
	    UINT64_C(0x1122334455667788));
	put_gone(&b);
	msg_end(&b, at);
	p = buf_head(&b) + 6;
	ck_assert_uint_eq(buf_used(&b), 6 + MSG_HEADER + 24);
	ck_assert_int_eq(p[0], 24);
	ck_assert_int_eq(p[1] | p[2] | p[3], 0);
	ck_assert_int_eq(p[4], MSG_NODE_GONE);
	ck_assert_int_eq(p[6], ERR_NODE_OFFLINE);
	ck_assert_int_eq(p[8], 0x88);
	ck_assert_int_eq(p[15], 0x11);
	buf_free(&b);
}
END_TEST

START_TEST(too_long_is_cut)
{
	char *big = xmalloc(20000);
	struct msg_command_done m = { some_id(1), { big, 20000 },
	    { big, 20000 }, SLICE("") }, got;
	struct buf b = BUF_INIT;
	struct msg_in in;

	/* two-byte characters, so that 10000 and 128 are no border of a
	 * character when one byte stands before them */
	memset(big, 0xc3, 20000);
	for (size_t i = 2; i < 20000; i += 2)
		big[i] = (char)0xa9;
	big[0] = 'x';
	msg_put_command_done(&b, &m);
	in = reader(&b);
	ck_assert(msg_get_command_done(&in, &got));
	ck_assert_uint_eq(got.error.n, 9999);
	ck_assert_uint_eq(got.error_code.n, 127);
	buf_free(&b);
	free(big);
}
END_TEST

START_TEST(refusals)
{
	struct msg_hello h = { MSG_VERSION, MSG_APID | MSG_CTL, some_id(1),
	    SLICE("x"), SLICE("") };
	struct msg_node_changed c = { some_id(1), 9 };
	struct msg_node_state s;
	struct msg_watch w;
	struct buf b = BUF_INIT;
	struct msg_in in;

	msg_put_hello(&b, &h);		/* two peers at once */
	in = reader(&b);
	ck_assert(!msg_get_hello(&in, &h));
	h.peer = 0;
	buf_clear(&b);
	msg_put_hello(&b, &h);
	in = reader(&b);
	ck_assert(!msg_get_hello(&in, &h));

	buf_clear(&b);
	msg_put_node_changed(&b, &c);	/* unknown change */
	in = reader(&b);
	ck_assert(!msg_get_node_changed(&in, &c));

	buf_clear(&b);
	buf_put_u8(&b, 0);		/* more ids than bytes */
	buf_put_u32(&b, 0x10000);
	in = reader(&b);
	ck_assert(!msg_get_watch(&in, &w));
	ck_assert_uint_eq(w.n, 0);
	buf_clear(&b);
	buf_put_u8(&b, 0);		/* n * 16 must not wrap */
	buf_put_u32(&b, 0x10000000);
	in = reader(&b);
	ck_assert(!msg_get_watch(&in, &w));
	buf_clear(&b);
	buf_put_u8(&b, 1);		/* all, and a list beside it */
	buf_put_u32(&b, 1);
	buf_put(&b, &h.instance, 16);
	in = reader(&b);
	ck_assert(!msg_get_watch(&in, &w));

	buf_clear(&b);
	put_state(&b);			/* nmetrics over its array */
	buf_head(&b)[53 + 8 + 8 + 9 + 13] = 200;
	in = reader(&b);
	ck_assert(!msg_get_node_state(&in, &s));
	buf_free(&b);
}
END_TEST

/* A job over a bound is written as nothing, and its bytes are not read. */
static void
job_refused(const struct msg_ai_job *m, const char *member)
{
	struct buf b = BUF_INIT;
	const char *why = msg_ai_job_fits(m);

	ck_assert_msg(why != NULL && strncmp(why, member,
	    strlen(member)) == 0, "%s: %s", member, why);
	msg_put_ai_job(&b, m);
	ck_assert_uint_eq(buf_used(&b), 0);
	buf_free(&b);
}

START_TEST(ai_job_bounds)
{
	char *big = xmalloc(MSG_AI_INPUT_MAX + 1);
	struct msg_ai_job m;

	memset(big, 'a', MSG_AI_INPUT_MAX + 1);
#define BROKEN(member, set) do { m = some_job; set; \
	job_refused(&m, member); } while (0)
	ck_assert_ptr_null(msg_ai_job_fits(&some_job));
	BROKEN("flags", m.flags = 2);
	BROKEN("max_tokens", m.max_tokens = 0);
	BROKEN("max_tokens", m.max_tokens = MSG_AI_TOKENS_MAX + 1);
	BROKEN("deadline_ms", m.call.deadline_ms = 999);
	BROKEN("deadline_ms", m.call.deadline_ms = 600001);
	BROKEN("request_id", m.call.request_id = ((struct slice){ big, 65 }));
	BROKEN("provider", m.call.provider.n = 0);
	BROKEN("provider", m.call.provider = ((struct slice){ big, 33 }));
	BROKEN("model", m.call.model = ((struct slice){ big, 129 }));
	BROKEN("model", m.call.model = SLICE("\xff"));
	BROKEN("key", m.call.sealed = ((struct slice){ big, 513 }));
	BROKEN("system", m.system = ((struct slice){ big,
	    MSG_AI_INPUT_MAX + 1 }));
	BROKEN("schema", m.schema = ((struct slice){ big,
	    MSG_AI_SCHEMA_MAX + 1 }));
	BROKEN("messages", m.nmessages = 0);
	BROKEN("messages", m.nmessages = MSG_AI_MESSAGES + 1);
	BROKEN("messages", m.nmessages = 2);	/* the model's is last */
	BROKEN("messages", m.messages[0].role = 4);
	BROKEN("messages", m.messages[0].text.n = 0);
	BROKEN("messages", m.system = ((struct slice){ big,
	    MSG_AI_INPUT_MAX }));
#undef BROKEN
	free(big);
}
END_TEST

/* The largest job that fits also fits its row of the table. */
START_TEST(ai_job_largest)
{
	char *big = xmalloc(MSG_AI_INPUT_MAX);
	struct msg_ai_job m = some_job;
	struct buf b = BUF_INIT;
	size_t i;

	memset(big, 'a', MSG_AI_INPUT_MAX);
	m.call.request_id = (struct slice){ big, 64 };
	m.call.provider = (struct slice){ big, MSG_AI_PROVIDER_MAX };
	m.call.model = (struct slice){ big, MSG_AI_MODEL_MAX };
	m.call.sealed = (struct slice){ big, MSG_AI_SEALED_MAX };
	m.schema = (struct slice){ big, MSG_AI_SCHEMA_MAX };
	m.system = (struct slice){ big, MSG_AI_INPUT_MAX -
	    MSG_AI_SCHEMA_MAX - MSG_AI_MESSAGES };
	m.nmessages = MSG_AI_MESSAGES;
	for (i = 0; i < MSG_AI_MESSAGES; i++)
		m.messages[i] = (struct msg_ai_message){ MSG_AI_USER,
		    { big, 1 } };
	ck_assert_ptr_null(msg_ai_job_fits(&m));
	msg_put_ai_job(&b, &m);
	ck_assert_uint_eq(buf_used(&b), msg_row(MSG_AI_JOB)->max);
	buf_free(&b);
	free(big);
}
END_TEST

START_TEST(ai_done_is_one_thing)
{
	struct msg_ai_done m = { .finish = MSG_AI_F_OK,
	    .error = MSG_AI_E_KEY }, got;
	struct buf b = BUF_INIT;
	struct msg_in in;
	unsigned i;

	msg_put_ai_done(&b, &m);	/* an answer and an error */
	in = reader(&b);
	ck_assert(!msg_get_ai_done(&in, &got));
	m.finish = MSG_AI_F_NONE;
	m.error = MSG_AI_E_NONE;	/* neither */
	buf_clear(&b);
	msg_put_ai_done(&b, &m);
	in = reader(&b);
	ck_assert(!msg_get_ai_done(&in, &got));
	for (i = 0; i < MSG_AI_E__MAX; i++)
		ck_assert_ptr_nonnull(msg_ai_error_name(i));
	ck_assert_str_eq(msg_ai_error_name(MSG_AI_E__MAX), "unknown");
	buf_free(&b);
}
END_TEST

START_TEST(texts)
{
	struct buf b = BUF_INIT;
	struct msg_in in;
	struct slice s;

	msg_put_bytes(&b, "a\0b", 3);
	in = reader(&b);
	ck_assert(slice_same(msg_get_bytes(&in, 3),
	    (struct slice){ "a\0b", 3 }));
	ck_assert(msg_done(&in));
	in = reader(&b);
	msg_get_str(&in, 3);		/* NUL in a text */
	ck_assert(!in.ok);
	in = reader(&b);
	msg_get_bytes(&in, 2);		/* over the limit */
	ck_assert(!in.ok);
	ck_assert_uint_eq(msg_get_u64(&in), 0);
	buf_clear(&b);
	msg_put_str(&b, "\xff");
	in = reader(&b);
	msg_get_str(&in, 10);
	ck_assert(!in.ok);
	buf_clear(&b);
	msg_put_str(&b, NULL);
	in = reader(&b);
	s = msg_get_str(&in, 10);
	ck_assert(in.ok && s.n == 0);
	buf_free(&b);
}
END_TEST

START_TEST(table)
{
	const struct msg_row *r;
	struct buf b = BUF_INIT;
	unsigned t, lines = 0;
	const char *p;

	ck_assert_ptr_null(msg_row(MSG__UNSET));
	ck_assert_ptr_null(msg_row(MSG__MAX));
	ck_assert_ptr_null(msg_row(65535));
	for (t = 1; t < MSG__MAX; t++) {
		r = msg_row(t);
		ck_assert_ptr_nonnull(r->name);
		ck_assert_uint_ne(r->sender, 0);
		ck_assert_uint_ne(r->receiver, 0);
		ck_assert_uint_le(r->min, r->max);
		/* the star: hubd and aid never speak to each other */
		ck_assert(!(r->sender & (MSG_HUBD | MSG_AID)) ||
		    !(r->receiver & (MSG_HUBD | MSG_AID)));
		/* a reply goes the other way */
		if (r->reply != 0)
			ck_assert((msg_row(r->reply)->receiver &
			    r->sender) == r->sender);
	}
	msg_dump(&b);
	for (p = buf_cstr(&b); (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	ck_assert_uint_eq(lines, MSG__MAX - 1);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&b),
	    "command apid > hubd command_done 40..104\n"));
	buf_free(&b);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("msg");
	TCase *tc = tcase_create("all");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, round_trip, 0, (int)nitems(payloads));
	tcase_add_test(tc, header);
	tcase_add_test(tc, too_long_is_cut);
	tcase_add_test(tc, refusals);
	tcase_add_test(tc, ai_job_bounds);
	tcase_add_test(tc, ai_job_largest);
	tcase_add_test(tc, ai_done_is_one_thing);
	tcase_add_test(tc, texts);
	tcase_add_test(tc, table);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, getenv("CK_TAP_LOG_FILE_NAME") != NULL ?
	    CK_SILENT : CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
