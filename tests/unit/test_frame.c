/* frame: envelopes of real nodes and of odd ones, and what we send. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "json.h"
#include "xmalloc.h"

static struct slice
load(const char *name, char *buf, size_t size)
{
	const char *src = getenv("MAST_SRC");
	char path[512];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/samples/%s.json",
	    src != NULL ? src : ".", name);
	f = fopen(path, "r");
	ck_assert_msg(f != NULL, "%s", path);
	n = fread(buf, 1, size, f);
	fclose(f);
	return (struct slice){ buf, n };
}

/* Notes what the hook saw and takes the value. */
struct saw { unsigned calls; char type[32]; struct slice value; int rc; };

static int
hook(void *arg, struct slice type, struct jscan *js)
{
	struct saw *s = arg;

	s->calls++;
	snprintf(s->type, sizeof(s->type), "%.*s", (int)type.n, type.p);
	return s->rc != 0 ? s->rc : jscan_skip(js, &s->value);
}

static int
hook_lazy(void *arg, struct slice type, struct jscan *js)
{
	return jscan_next(js) == JSCAN_BAD ? -1 : 0;
}

static const struct { const char *file, *type; } envelopes[] = {
	{ "edge_auth_token", "auth" }, { "edge_health_head", "health" },
	{ "edge_stats_5x2_udp_2tun_head", "stats" },
	{ "edge_stats_1srt_v053", "stats" },
	{ "edge_thumbnail_10k_jpeg", "thumbnail" },
	{ "edge_config_response_200", "config_response" },
	{ "relay_stats_50_head", "stats" }, { "pong", "pong" },
	{ "sdk_auth_token", "auth" }, { "edge_ack_err_head", "command_ack" },
};

START_TEST(samples)
{
	static char buf[1 << 20];
	struct slice t = load(envelopes[_i].file, buf, sizeof(buf));
	struct saw s = { 0 };
	struct frame f, plain;

	ck_assert_int_eq(frame_parse(t.p, t.n, hook, &s, &f), 0);
	ck_assert(slice_eq(f.type, envelopes[_i].type));
	ck_assert(f.guessed);
	ck_assert_uint_eq(s.calls, 1);
	ck_assert_str_eq(s.type, envelopes[_i].type);
	ck_assert(slice_same(s.value, f.payload));
	ck_assert_int_eq(frame_parse(t.p, t.n, NULL, NULL, &plain), 0);
	ck_assert(!plain.guessed);
	ck_assert(slice_same(plain.payload, f.payload));
	/* no cut of it is one */
	ck_assert_int_eq(frame_parse(t.p, t.n - 3, hook, &s, &f), -1);
	ck_assert_ptr_nonnull(f.bad);
}
END_TEST

static const struct {
	const char *text, *type, *payload;	/* type NULL: refused */
	unsigned calls;
} rows[] = {
	/* any order, any space; the hook runs once */
	{ "{\"type\":\"stats\",\"payload\":{\"a\":1}}", "stats",
	    "{\"a\":1}", 1 },
	{ "{\"payload\": [1] ,\"type\":\"x\"} \n", "x", "[1]", 1 },
	{ "{\"payload\":1,\"type\" : \"x\"}", "x", "1", 1 },
	{ "{\"t\\u0079pe\":\"x\",\"payload\":null}", "x", "null", 1 },
	{ "{\"type\":\"ping\"}", "ping", NULL, 0 },
	{ "{\"timestamp\":7,\"type\":\"x\"}", "x", NULL, 0 },
	/* a tail that only looks like the type */
	{ "{\"type\":\"a\",\"payload\":\"\\\",\\\"type\\\":\\\"b\"}", "a",
	    "\"\\\",\\\"type\\\":\\\"b\"", 1 },
	{ "{\"type\":\"a\",\"payload\":{\"type\":\"b\"}}", "a",
	    "{\"type\":\"b\"}", 1 },
	{ "{\"payload\":{\"k\":0,\"type\":\"b\"},\"type\":\"a\"}", "a",
	    "{\"k\":0,\"type\":\"b\"}", 1 },
	/* refused */
	{ "", NULL, NULL, 0 }, { "[]", NULL, NULL, 0 },
	{ "\"type\"", NULL, NULL, 0 }, { "{}", NULL, NULL, 0 },
	{ "{\"payload\":1}", NULL, NULL, 0 },
	{ "{\"type\":1}", NULL, NULL, 0 },
	{ "{\"type\":null}", NULL, NULL, 0 },
	{ "{\"type\":{}}", NULL, NULL, 0 },
	{ "{\"type\":\"a\\u0062\"}", NULL, NULL, 0 },
	{ "{\"type\":\"a\",\"type\":\"a\"}", NULL, NULL, 0 },
	{ "{\"type\":\"a\",\"payload\":1,\"type\":\"b\"}", NULL, NULL, 1 },
	{ "{\"payload\":1,\"payload\":2,\"type\":\"b\"}", NULL, NULL, 1 },
	{ "{\"type\":\"a\",\"payload\":1,\"p\\u0061yload\":2}", NULL, NULL,
	    0 },
	{ "{\"payload\":{,\"type\":\"b\"}", NULL, NULL, 1 },
	{ "{\"payload\":1,\"x\":\"\x01\",\"type\":\"b\"}", NULL, NULL, 1 },
	{ "{\"payload\":1,\"type\":\"b\"}x", NULL, NULL, 0 },
	{ "{\"payload\":1,\"type\":\"b\"}}", NULL, NULL, 1 },
	{ "\"type\":\"b\"}", NULL, NULL, 0 },
};

START_TEST(envelope_rows)
{
	struct saw s = { 0 };
	struct frame f;
	int rc;

	rc = frame_parse(rows[_i].text, strlen(rows[_i].text), hook, &s, &f);
	ck_assert_msg(rc == (rows[_i].type != NULL ? 0 : -1), "%d: %s", rc,
	    rows[_i].text);
	ck_assert_msg(rows[_i].type == NULL ? s.calls <= rows[_i].calls :
	    s.calls == rows[_i].calls, "%u calls: %s", s.calls,
	    rows[_i].text);
	if (rc != 0) {
		ck_assert_ptr_nonnull(f.bad);
		return;
	}
	ck_assert(slice_eq(f.type, rows[_i].type));
	if (rows[_i].calls > 0)
		ck_assert_str_eq(s.type, rows[_i].type);
	ck_assert_int_eq(f.guessed, rows[_i].calls > 0);
	if (rows[_i].payload == NULL)
		ck_assert_ptr_null(f.payload.p);
	else
		ck_assert(slice_eq(f.payload, rows[_i].payload));
}
END_TEST

START_TEST(hooks)
{
	static const char *const texts[] = {
		"{\"payload\":{\"a\":1},\"type\":\"x\"}",
		"{\"type\":\"x\",\"payload\":{\"a\":1}}",
	};
	struct saw s = { .rc = -1 };
	struct frame f;
	size_t i;

	for (i = 0; i < nitems(texts); i++) {
		/* a hook that refuses, and one that stops half-way */
		ck_assert_int_eq(frame_parse(texts[i], strlen(texts[i]),
		    hook, &s, &f), -1);
		ck_assert_ptr_nonnull(f.bad);
		ck_assert_int_eq(frame_parse(texts[i], strlen(texts[i]),
		    hook_lazy, NULL, &f), -1);
		ck_assert_ptr_nonnull(f.bad);
	}
}
END_TEST

START_TEST(auth)
{
	static char buf[4096];
	struct slice t = load("sdk_auth_token", buf, sizeof(buf));
	struct frame_auth a;
	const char *why = NULL;
	struct frame f;
	char big[400];
	int n;

	ck_assert_int_eq(frame_parse(t.p, t.n, NULL, NULL, &f), 0);
	ck_assert_int_eq(frame_auth(f.payload, &a, &why), 0);
	ck_assert(slice_eq(a.token, "3f8c2a9e-5d21-4b8c-9a7e-0d5b7c1e2f30"));
	ck_assert(slice_eq(a.device_type, "appear_x"));
	ck_assert(slice_eq(a.version, "0.11.8"));
	ck_assert_int_eq(a.protocol, 1);
	ck_assert_ptr_null(a.node_id.p);
	ck_assert_int_eq(frame_auth(SLICE("{}"), &a, &why), 0);
	ck_assert_int_eq(a.protocol, -1);
	ck_assert_ptr_null(a.token.p);
	/* values of an odd type count as not sent */
	ck_assert_int_eq(frame_auth(SLICE("{\"registration_token\":null,"
	    "\"node_id\":7,\"node_secret\":{\"a\":[1]},"
	    "\"protocol_version\":\"4\",\"software_version\":\"\"}"), &a,
	    &why), 0);
	ck_assert(a.token.p == NULL && a.node_id.p == NULL &&
	    a.node_secret.p == NULL && a.protocol == -1);
	ck_assert(!a.command_dedupe);
	ck_assert_int_eq(frame_auth(SLICE("{\"command_dedupe\":true}"), &a,
	    &why), 0);
	ck_assert(a.command_dedupe);
	ck_assert_int_eq(frame_auth(SLICE("{\"command_dedupe\":1}"), &a,
	    &why), 0);
	ck_assert(!a.command_dedupe);
	ck_assert_int_eq(frame_auth(SLICE("{\"protocol_version\":-4}"), &a,
	    &why), 0);
	ck_assert_int_eq(a.protocol, -1);

	ck_assert_int_eq(frame_auth(SLICE("[]"), &a, &why), -1);
	ck_assert_ptr_nonnull(why);
	ck_assert_int_eq(frame_auth((struct slice){ NULL, 0 }, &a, &why),
	    -1);
	ck_assert_int_eq(frame_auth(SLICE("{\"node_id\":\"a\\n\"}"), &a,
	    &why), -1);
	ck_assert_ptr_null(a.node_id.p);
	n = snprintf(big, sizeof(big), "{\"node_id\":\"%0257d\"}", 0);
	ck_assert_int_eq(frame_auth((struct slice){ big, (size_t)n }, &a,
	    &why), -1);
	n = snprintf(big, sizeof(big), "{\"node_id\":\"%0256d\"}", 0);
	ck_assert_int_eq(frame_auth((struct slice){ big, (size_t)n }, &a,
	    &why), 0);
}
END_TEST

START_TEST(event)
{
	static char buf[4096];
	struct slice t = load("edge_event", buf, sizeof(buf));
	struct frame_event e;
	struct frame f;

	ck_assert_int_eq(frame_parse(t.p, t.n, NULL, NULL, &f), 0);
	ck_assert_int_eq(frame_event(f.payload, &e), 0);
	ck_assert(slice_eq(e.severity, "warning"));
	ck_assert(slice_eq(e.category, "srt"));
	ck_assert(slice_eq(e.flow_id, "flow-001"));
	ck_assert(slice_eq(e.message, "SRT input disconnected, "
	    "reconnecting"));
	ck_assert(slice_eq(e.details, "{\"error_code\":\"srt_disconnected\","
	    "\"remote_addr\":\"203.0.113.1:7001\"}"));
	ck_assert_int_eq(frame_event(SLICE("{\"severity\":5,\"details\":"
	    "null,\"message\":\"a\\nb\"}"), &e), 0);
	ck_assert(e.severity.p == NULL && e.details.p == NULL);
	ck_assert(slice_eq(e.message, "a\\nb"));
	ck_assert_int_eq(frame_event(SLICE("\"x\""), &e), -1);
}
END_TEST

START_TEST(ack)
{
	static char buf[4096];
	struct slice t = load("edge_ack_err_head", buf, sizeof(buf));
	struct frame_ack a;
	struct frame f;

	ck_assert_int_eq(frame_parse(t.p, t.n, NULL, NULL, &f), 0);
	ck_assert_int_eq(frame_ack(f.payload, &a), 0);
	ck_assert(!a.success);
	ck_assert(slice_eq(a.error, "Flow 'flow-001' is not running"));
	ck_assert(slice_eq(a.error_code, "flow_not_running"));
	ck_assert_ptr_null(a.data.p);
	t = load("relay_ack_list_edges", buf, sizeof(buf));
	ck_assert_int_eq(frame_parse(t.p, t.n, NULL, NULL, &f), 0);
	ck_assert_int_eq(frame_ack(f.payload, &a), 0);
	ck_assert(a.success);
	ck_assert_int_eq(a.data.p[0], '[');
	/* success missing or odd is false; error may be null */
	ck_assert_int_eq(frame_ack(SLICE("{\"command_id\":\"x\","
	    "\"error\":null,\"success\":\"true\"}"), &a), 0);
	ck_assert(!a.success && a.error.p == NULL);
	ck_assert_int_eq(frame_ack(SLICE("7"), &a), -1);
}
END_TEST

static void
expect(struct buf *b, const char *text)
{
	ck_assert_str_eq(buf_cstr(b), text);
	ck_assert(jscan_valid((char *)buf_head(b), buf_used(b), NULL));
	buf_clear(b);
}

START_TEST(sending)
{
	const wall_us t = INT64_C(1774784915123456);
	struct buf b = BUF_INIT;
	struct id id;

	ck_assert_int_eq(id_parse(&id,
	    SLICE("5f0c1f0e-7f1e-4c0a-9a35-1a2b3c4d5e6f")), 0);
	frame_put_register_ack(&b, t, &id, "s3", -1);
	expect(&b, "{\"type\":\"register_ack\",\"timestamp\":"
	    "\"2026-03-29T11:48:35.123456+00:00\",\"payload\":{\"node_id\":"
	    "\"5f0c1f0e-7f1e-4c0a-9a35-1a2b3c4d5e6f\",\"node_secret\":"
	    "\"s3\"}}");
	frame_put_auth_ok(&b, t, -1);
	expect(&b, "{\"type\":\"auth_ok\",\"timestamp\":"
	    "\"2026-03-29T11:48:35.123456+00:00\",\"payload\":{}}");
	frame_put_auth_ok(&b, t, 0);
	expect(&b, "{\"type\":\"auth_ok\",\"timestamp\":"
	    "\"2026-03-29T11:48:35.123456+00:00\",\"payload\":"
	    "{\"event_ack\":0}}");
	frame_put_event_ack(&b, t, INT64_C(9007199254740993), false);
	expect(&b, "{\"type\":\"event_ack\",\"timestamp\":"
	    "\"2026-03-29T11:48:35.123456Z\",\"payload\":"
	    "{\"seq\":9007199254740993}}");
	frame_put_event_ack(&b, t, 7, true);
	expect(&b, "{\"type\":\"event_ack\",\"timestamp\":"
	    "\"2026-03-29T11:48:35.123456Z\",\"payload\":"
	    "{\"seq\":7,\"resend\":true}}");
	frame_put_auth_error(&b, t, "no \"way\"");
	expect(&b, "{\"type\":\"auth_error\",\"timestamp\":"
	    "\"2026-03-29T11:48:35.123456Z\",\"message\":\"no \\\"way\\\"\","
	    "\"payload\":{\"error\":\"no \\\"way\\\"\",\"message\":"
	    "\"no \\\"way\\\"\"}}");
	frame_put_command(&b, t, &id, SLICE("{\"type\":\"get_config\"}"));
	expect(&b, "{\"type\":\"command\",\"timestamp\":"
	    "\"2026-03-29T11:48:35.123456Z\",\"payload\":{\"command_id\":"
	    "\"5f0c1f0e-7f1e-4c0a-9a35-1a2b3c4d5e6f\",\"action\":"
	    "{\"type\":\"get_config\"}}}");
	frame_put_ping(&b, t);
	expect(&b, "{\"type\":\"ping\",\"timestamp\":"
	    "\"2026-03-29T11:48:35.123456Z\",\"payload\":null}");
	buf_free(&b);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frame");
	TCase *tc = tcase_create("all");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, samples, 0, (int)nitems(envelopes));
	tcase_add_loop_test(tc, envelope_rows, 0, (int)nitems(rows));
	tcase_add_test(tc, hooks);
	tcase_add_test(tc, auth);
	tcase_add_test(tc, event);
	tcase_add_test(tc, ack);
	tcase_add_test(tc, sending);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, getenv("CK_TAP_LOG_FILE_NAME") != NULL ?
	    CK_SILENT : CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
