/* Credentials out of and back into documents; envelopes; differences. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../apid/ai_context.h"
#include "../../apid/ai_envelope.h"
#include "../../apid/ai_flow.h"
#include "../../apid/ai_keep.h"
#include "../../apid/ai_redact.h"
#include "../../apid/ai_schema.h"
#include "../../apid/h_tunnel.h"
#include "jscan.h"
#include "secret.h"
#include "xmalloc.h"

#define C(n) "{{credential-" n "}}"

/* ---- what is a credential ---- */

static const struct { const char *in, *out; } redacted[] = {
	{ "{\"passphrase\":\"abc\"}", "{\"passphrase\":\"" C("1") "\"}" },
	{ "{\"passphrase\":\"\",\"stream_key\":null,\"token\":true}",
	  "{\"passphrase\":\"\",\"stream_key\":null,\"token\":true}" },
	{ "{\"password\":1234}", "{\"password\":\"" C("1") "\"}" },
	{ "{\"Password\":\"x\",\"NodeSecret\":\"y\"}",
	  "{\"Password\":\"" C("1") "\",\"NodeSecret\":\"" C("2") "\"}" },
	{ "{\"p\\u0061ss\":\"x\"}", "{\"p\\u0061ss\":\"" C("1") "\"}" },
	{ "{\"a\":{\"token\":\"t\"},\"b\":[{\"token\":\"t\"}]}",
	  "{\"a\":{\"token\":\"" C("1") "\"},\"b\":[{\"token\":\"" C("1")
	  "\"}]}" },
	{ "{\"auth\":{\"x\":\"1\",\"y\":[\"2\"]},\"z\":\"3\"}",
	  "{\"auth\":{\"x\":\"" C("1") "\",\"y\":[\"" C("2") "\"]},"
	  "\"z\":\"3\"}" },
	{ "{\"username\":\"u\",\"bearer_token\":\"b\",\"api_key\":\"k\","
	  "\"tunnel_psk\":\"p\",\"aes_key_len\":16}",
	  "{\"username\":\"" C("1") "\",\"bearer_token\":\"" C("2")
	  "\",\"api_key\":\"" C("3") "\",\"tunnel_psk\":\"" C("4")
	  "\",\"aes_key_len\":16}" },
	{ "{\"u\":\"rtmp://user:pw@h.test:1935/live\"}",
	  "{\"u\":\"rtmp://" C("1") "@h.test:1935/live\"}" },
	{ "{\"u\":\"rtmp:\\/\\/user:pw@h.test\\/live\"}",
	  "{\"u\":\"rtmp://" C("1") "@h.test/live\"}" },
	{ "{\"u\":\"srt://h:1?mode=caller&passphrase=pp&x\"}",
	  "{\"u\":\"srt://h:1?mode=caller&passphrase=" C("1") "&" C("2")
	  "\"}" },
	{ "{\"m\":\"cannot reach http://a:b@h/ and http://c/\"}",
	  "{\"m\":\"cannot reach http://" C("1") "@h/ and http://c/\"}" },
	{ "{\"k\":\"0123456789abcdef0123456789ABCDEF\"}",
	  "{\"k\":\"" C("1") "\"}" },
	{ "{\"id\":\"01234567-89ab-7cde-8123-456789abcdef\"}",
	  "{\"id\":\"01234567-89ab-7cde-8123-456789abcdef\"}" },
	{ "{\"k\":\"-----BEGIN PRIVATE KEY-----\\nx\"}",
	  "{\"k\":\"" C("1") "\"}" },
	{ "[1,\"a\",[],{},null]", "[1,\"a\",[],{},null]" },
	{ "{\"bad\":", NULL },
	{ "", NULL },
};

static struct slice
text(struct buf *b)
{
	return (struct slice){ (const char *)buf_head(b), buf_used(b) };
}

START_TEST(redact)
{
	struct ai_redact *r = ai_redact_new();
	struct buf out = BUF_INIT, back = BUF_INIT;
	size_t left = 1;
	int rc = ai_redact_json(r, slice_of(redacted[_i].in), &out);

	ck_assert_int_eq(rc, redacted[_i].out == NULL ? -1 : 0);
	if (rc == 0) {
		ck_assert_str_eq(buf_cstr(&out), redacted[_i].out);
		ck_assert_int_eq(ai_redact_restore(r, text(&out), &back,
		    &left), 0);
		ck_assert_uint_eq(left, 0);
		if (strchr(redacted[_i].in, '\\') == NULL)
			ck_assert_str_eq(buf_cstr(&back), redacted[_i].in);
	}
	buf_free(&out);
	buf_free(&back);
	ai_redact_free(r);
}
END_TEST

/* Of {"password":"hunter22","u":"http://me:pw@h.test/p?t=v"}: 1, 2, 3. */
static const struct { const char *in, *out; size_t left; } restored[] = {
	{ "{\"password\":\"" C("1") "\"}", "{\"password\":\"hunter22\"}", 0 },
	{ "{\"name\":\"" C("1") "\"}", "{\"name\":\"" C("1") "\"}", 1 },
	{ "{\"password\":\"x" C("1") "\"}", "{\"password\":\"x" C("1")
	  "\"}", 1 },
	{ "{\"v\":\"http://" C("2") "@h.test/other\"}",
	  "{\"v\":\"http://me:pw@h.test/other\"}", 0 },
	{ "{\"v\":\"http://" C("2") "@evil.test/\"}",
	  "{\"v\":\"http://" C("2") "@evil.test/\"}", 1 },
	{ "{\"v\":\"https://" C("2") "@h.test/\"}",
	  "{\"v\":\"https://" C("2") "@h.test/\"}", 1 },
	{ "{\"v\":\"http://h.test/?a=" C("3") "\"}",
	  "{\"v\":\"http://h.test/?a=v\"}", 0 },
	{ "{\"v\":\"http://h.test/ http://e/?a=" C("3") "\"}",
	  "{\"v\":\"http://h.test/ http://e/?a=" C("3") "\"}", 1 },
	{ "{\"v\":\"" C("3") "\"}", "{\"v\":\"" C("3") "\"}", 1 },
	{ "{\"password\":\"" C("4") "\"}", "{\"password\":\"" C("4")
	  "\"}", 1 },
	{ "{\"password\":\"" C("0") "\"}", "{\"password\":\"" C("0")
	  "\"}", 1 },
	{ "{\"password\":\"{{credential-}}\"}",
	  "{\"password\":\"{{credential-}}\"}", 0 },
};

static struct ai_redact *
three(void)
{
	struct ai_redact *r = ai_redact_new();
	struct buf out = BUF_INIT;

	ck_assert_int_eq(ai_redact_json(r, SLICE("{\"password\":\"hunter22\","
	    "\"u\":\"http://me:pw@h.test/p?t=v\"}"), &out), 0);
	ck_assert_uint_eq(ai_redact_count(r), 3);
	buf_free(&out);
	return r;
}

START_TEST(restore)
{
	struct ai_redact *r = three();
	struct buf out = BUF_INIT;
	size_t left = 9;

	ck_assert_int_eq(ai_redact_restore(r, slice_of(restored[_i].in),
	    &out, &left), 0);
	ck_assert_str_eq(buf_cstr(&out), restored[_i].out);
	ck_assert_uint_eq(left, restored[_i].left);
	buf_free(&out);
	ai_redact_free(r);
}
END_TEST

START_TEST(known)
{
	struct ai_redact *r = three();
	struct buf out = BUF_INIT;

	ai_redact_text(r, SLICE("is hunter22 good? pw me"), &out);
	ck_assert_str_eq(buf_cstr(&out), "is " C("1") " good? pw me");
	buf_clear(&out);
	ck_assert_int_eq(ai_redact_known(r, SLICE("{\"hunter22\":\"a hunter22"
	    "\"}"), &out), 0);
	ck_assert_str_eq(buf_cstr(&out), "{\"hunter22\":\"a " C("1") "\"}");
	buf_clear(&out);
	ck_assert_int_eq(ai_redact_mask(SLICE("{\"password\":\"x\",\"a\":1}"),
	    &out), 0);
	ck_assert_str_eq(buf_cstr(&out), "{\"password\":\"***\",\"a\":1}");
	buf_free(&out);
	ai_redact_free(r);
}
END_TEST

/* ---- what the facts look like ---- */

START_TEST(facts)
{
	struct arena *a = arena_new(0);
	struct ai_redact *r = ai_redact_new();
	struct buf out = BUF_INIT, big = BUF_INIT;
	struct ai_facts f = { .driver = driver_find(SLICE("edge")),
	    .node = SLICE("{\"name\":\"</data>\"}"),
	    .config = SLICE("{\"version\":2,\"manager\":{\"url\":\"x\"},"
	    "\"inputs\":[{\"id\":\"i\",\"type\":\"udp\"},{\"id\":\"j\","
	    "\"type\":\"srt\",\"passphrase\":\"pp\",\"active\":true}],"
	    "\"outputs\":[{\"id\":\"o\",\"type\":\"udp\"}],\"flows\":["
	    "{\"id\":\"f\",\"input_ids\":[\"i\",\"j\"],\"output_ids\":"
	    "[\"o\",\"p\"]}]}") };
	size_t i;

	ck_assert_int_eq(ai_context_facts(a, r, &f, &out), 0);
	ck_assert_str_eq(buf_cstr(&out), "{\"node\":{\"name\":"
	    "\"\\u003c/data\\u003e\"},\"flows\":[{\"id\":\"f\",\"input\":"
	    "{\"id\":\"j\",\"type\":\"srt\",\"passphrase\":\"" C("1") "\","
	    "\"active\":true},\"outputs\":[{\"id\":\"o\",\"type\":\"udp\"}]"
	    "}]}");
	/* Too many flows become a summary, far too many nothing. */
	buf_puts(&big, "{\"flows\":[");
	for (i = 0; i < 800; i++)
		buf_printf(&big, "%s{\"id\":\"f%zu\",\"name\":\"n\","
		    "\"input\":{\"type\":\"udp\",\"bind_addr\":\"a:1\","
		    "\"x\":\"%0200d\"}}", i > 0 ? "," : "", i, 0);
	buf_puts(&big, "]}");
	f.config = text(&big);
	buf_clear(&out);
	ck_assert_int_eq(ai_context_facts(a, r, &f, &out), 0);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "flows_are_summaries"));
	ck_assert_uint_lt(buf_used(&out), AI_CONTEXT_MAX);
	f.config = SLICE("{\"flows\":[");
	f.nodes = SLICE("[oops]");
	buf_clear(&out);
	ck_assert_int_eq(ai_context_facts(a, r, &f, &out), -1);
	buf_free(&big);
	buf_free(&out);
	ai_redact_free(r);
	arena_free(a);
}
END_TEST

/* ---- envelopes ---- */

static const struct { const char *in, *out; } found[] = {
	{ "{\"a\":1}", "{\"a\":1}" },
	{ "```json\n{\"a\":1}\n```", "{\"a\":1}" },
	{ "Use {} or {x}: {\"a\":{\"b\":[1]}} so.", "{\"a\":{\"b\":[1]}}" },
	{ "{\"a\":", NULL }, { "no", NULL }, { "", NULL },
	{ "{\"a\":\"{\"b\":1}\"}", "{\"b\":1}" },
};

START_TEST(find)
{
	struct slice s = ai_envelope_find(slice_of(found[_i].in));

	if (found[_i].out == NULL)
		ck_assert_ptr_null(s.p);
	else
		ck_assert(slice_eq(s, found[_i].out));
}
END_TEST

#define EDGE "11111111-1111-4111-8111-111111111111"
#define EDGE2 "22222222-2222-4222-8222-222222222222"
#define RELAY "33333333-3333-4333-8333-333333333333"
#define TUNNEL "44444444-4444-4444-8444-444444444444"
#define FLOW(id) "{\"id\":\"" id "\",\"name\":\"n\",\"input\":{\"type\":" \
    "\"udp\",\"bind_addr\":\"0.0.0.0:1\"},\"outputs\":[]}"
#define A(name, rest) "{\"action\":\"" name "\"," rest "}"

/* fault: of the first finding, "" for none; steps only then. */
static const struct { const char *in, *fault; int steps; } envelopes[] = {
	{ A("create_flow", "\"flow\":" FLOW("new")), "", 1 },
	{ A("create_flow", "\"flow\":" FLOW("f")), "/flow/id", 0 },
	{ A("create_flow", "\"message\":1"), "/flow", 0 },
	{ A("create_flow", "\"flow\":[]"), "/flow", 0 },
	{ A("create_flow", "\"flow\":{\"id\":\"x\"}"), "/flow/name", 0 },
	{ A("create_flow", "\"flow\":{\"id\":\"x\",\"name\":\"n\","
	  "\"input\":{\"type\":\"srt\",\"mode\":\"caller\","
	  "\"local_addr\":\"h:0\"}}"), "/flow/input/remote_addr", 0 },
	{ A("create_flow", "\"flow\":{\"id\":\"x\",\"name\":\"n\","
	  "\"input\":{\"type\":\"udp\",\"bind_addr\":\"h\"}}"),
	  "/flow/input/bind_addr", 0 },
	{ A("create_flow", "\"flow\":{\"id\":\"x\",\"name\":\"n\","
	  "\"enabled\":1,\"input\":{\"type\":\"udp\",\"bind_addr\":"
	  "\"h:1\"}}"), "/flow/enabled", 0 },
	{ A("create_flow", "\"flow\":{\"id\":\"x\",\"name\":\"n\","
	  "\"input\":{\"type\":\"bonded\"}}"), "", 1 },
	{ A("create_flow", "\"flow\":{\"id\":\"x\",\"id\":\"y\"}"),
	  "", -1 },
	{ FLOW("bare"), "", 1 },
	{ A("update_flow", "\"flow\":" FLOW("f")), "", 1 },
	{ A("update_flow", "\"flow\":" FLOW("g")), "/flow/id", 0 },
	/* what it has it may keep, and no other may have it */
	{ A("update_flow", "\"flow\":{\"id\":\"f\",\"name\":\"n\","
	  "\"input\":{\"type\":\"bonded\"},\"outputs\":[{\"id\":\"o\","
	  "\"type\":\"udp\"}]}"), "", 1 },
	{ A("update_flow", "\"flow\":{\"id\":\"f\",\"name\":\"n\","
	  "\"input\":{\"type\":\"bonded\"},\"outputs\":[{\"id\":\"p\","
	  "\"type\":\"udp\"}]}"), "/flow/outputs/0/dest_addr", 0 },
	{ A("delete_flow", "\"flow_id\":\"f\""), "", 1 },
	{ A("delete_flow", "\"flow_id\":7"), "/flow_id", 0 },
	{ A("start_flow", "\"flow_id\":\"f\""), "", 1 },
	{ A("stop_flow", "\"flow_id\":\"g\""), "/flow_id", 0 },
	{ A("restart_flow", "\"flow_id\":\"f\""), "", 1 },
	{ A("add_output", "\"flow_id\":\"f\",\"output\":{\"type\":\"udp\","
	  "\"id\":\"p\",\"dest_addr\":\"a:1\"}"), "", 1 },
	{ A("add_output", "\"flow_id\":\"f\",\"output\":{\"type\":\"udp\","
	  "\"id\":\"o\",\"dest_addr\":\"a:1\"}"), "/output/id", 0 },
	{ A("remove_output", "\"flow_id\":\"f\",\"output_id\":\"o\""), "",
	  1 },
	{ A("remove_output", "\"flow_id\":\"f\",\"output_id\":\"p\""),
	  "/output_id", 0 },
	{ A("create_tunnel", "\"tunnel\":{\"name\":\"t\",\"protocol\":"
	  "\"udp\",\"mode\":\"relay\",\"ingress_node_id\":\"" EDGE "\","
	  "\"ingress_listen_port\":5,\"egress_node_id\":\"" EDGE2 "\","
	  "\"egress_forward_addr\":\"a:1\",\"relay_node_id\":\"" RELAY
	  "\"}"), "", 1 },
	{ A("create_tunnel", "\"tunnel\":{\"name\":\"t\",\"protocol\":"
	  "\"udp\",\"mode\":\"relay\",\"ingress_node_id\":\"" RELAY "\","
	  "\"ingress_listen_port\":5,\"egress_node_id\":\"" EDGE2 "\","
	  "\"egress_forward_addr\":\"a:1\",\"relay_node_id\":\"" RELAY
	  "\"}"), "/tunnel/ingress_node_id", 0 },
	{ A("delete_tunnel", "\"tunnel_id\":\"" TUNNEL "\""), "", 1 },
	{ A("delete_tunnel", "\"tunnel_id\":\"" EDGE "\""), "/tunnel_id",
	  0 },
	{ A("info", "\"message\":\"m\""), "", 0 },
	{ A("multiple", "\"actions\":[" A("delete_flow", "\"flow_id\":\"f\"")
	  "," A("create_flow", "\"flow\":" FLOW("f")) "]"), "", 2 },
	{ A("multiple", "\"actions\":[" A("multiple", "\"actions\":["
	  A("start_flow", "\"flow_id\":\"f\"") "]") "]"), "", 1 },
	{ A("multiple", "\"actions\":[" A("multiple", "\"actions\":["
	  A("multiple", "\"actions\":[]") "]") "]"),
	  "/actions/0/actions/0/action", 0 },
	{ A("multiple", "\"actions\":[1]"), "/actions/0", 0 },
	{ A("multiple", "\"actions\":{}"), "/actions", 0 },
	{ A("multiple", "\"actions\":[" A("info", "\"message\":\"m\"") "]"),
	  "", 0 },
	{ A("reboot", "\"x\":1"), "/action", 0 },
	{ "{\"x\":1}", "/action", 0 },
};

static const struct ai_scope *
scope(void)
{
	static struct ai_scope s = {
	    .config = { NULL, 0 } };

	s.driver = driver_find(SLICE("edge"));
	s.config = SLICE("{\"flows\":[{\"id\":\"f\",\"name\":\"n\",\"input\":"
	    "{\"type\":\"bonded\"},\"outputs\":[{\"id\":\"o\",\"type\":"
	    "\"udp\"}]}]}");
	s.nodes = SLICE("[{\"id\":\"" EDGE "\",\"device_type\":\"edge\"},"
	    "{\"id\":\"" EDGE2 "\",\"device_type\":\"edge\"},{\"id\":\""
	    RELAY "\",\"device_type\":\"relay\"}]");
	s.tunnel = &h_tunnel_create_body;
	s.tunnel_size = h_tunnel_create_size;
	s.tunnels = SLICE("[{\"id\":\"" TUNNEL "\"}]");
	return &s;
}

START_TEST(envelope)
{
	struct arena *a = arena_new(0);
	struct ai_answer r;
	struct ai_step again;
	struct buf b = BUF_INIT;
	struct json_w w;

	ai_envelope_check(a, slice_of(envelopes[_i].in), scope(), &r);
	if (envelopes[_i].steps == -1) {	/* a repeated member */
		ck_assert_uint_gt(r.faults.n, 0);
	} else if (envelopes[_i].fault[0] != '\0') {
		ck_assert_uint_gt(r.faults.n, 0);
		ck_assert_str_eq(r.faults.v[0].pointer, envelopes[_i].fault);
	} else {
		ck_assert_uint_eq(r.faults.n, 0);
		ck_assert_uint_eq(r.nsteps, (size_t)envelopes[_i].steps);
		ck_assert_int_eq(r.info, r.nsteps == 0);
	}
	if (r.faults.n == 0 && r.nsteps > 0) {
		json_w_init(&w, &b);
		ai_step_envelope(&r.steps[0], &w);
		ck_assert(ai_step_read(a, text(&b), &again));
		ck_assert_ptr_eq(again.action, r.steps[0].action);
		ck_assert(slice_same(again.flow_id, r.steps[0].flow_id));
	}
	buf_free(&b);
	arena_free(a);
}
END_TEST

/* ---- differences ---- */

static const struct { const char *before, *after, *diff; } diffs[] = {
	{ "{\"a\":1,\"b\":{\"c\":[1]}}", "{\"b\":{\"c\":[1]},\"a\":1.0}",
	  "[]" },
	{ "{\"a\":1,\"g\":2}", "{\"a\":2,\"n\":true}",
	  "[{\"path\":\"/a\",\"before\":1,\"after\":2},{\"path\":\"/n\","
	  "\"after\":true},{\"path\":\"/g\",\"before\":2}]" },
	{ "{\"o\":[{\"id\":1}]}", "{\"o\":[{\"id\":1},{\"id\":2}]}",
	  "[{\"path\":\"/o/1\",\"after\":{\"id\":2}}]" },
	{ "{\"passphrase\":\"old\"}", "{\"passphrase\":\"new\"}",
	  "[{\"path\":\"/passphrase\",\"before\":\"***\",\"after\":\"***\"}]" },
	{ NULL, "{\"password\":\"x\",\"a\":\"http://u:p@h/\"}",
	  "[{\"path\":\"\",\"after\":{\"password\":\"***\",\"a\":"
	  "\"http://***@h/\"}}]" },
	{ NULL, NULL, "[]" },
};

START_TEST(difference)
{
	struct arena *a = arena_new(0);
	struct buf b = BUF_INIT;
	struct json_w w;

	json_w_init(&w, &b);
	ai_diff(a, slice_of(diffs[_i].before), slice_of(diffs[_i].after), &w);
	ck_assert_str_eq(buf_cstr(&b), diffs[_i].diff);
	buf_free(&b);
	arena_free(a);
}
END_TEST

/* ---- what only the node knows ---- */

#define CONFIG(version, flow) "{\"version\":" version ",\"server\":{}," \
    "\"flows\":[{\"id\":\"g\"}," flow "],\"end\":1}"
#define ENDS(input, output) "{\"id\":\"f\",\"name\":\"n\",\"input\":" \
    input ",\"outputs\":[" output "]}"
#define SRT(more) "{\"type\":\"srt\",\"mode\":\"listener\"" more "}"
#define UDP "{\"type\":\"udp\",\"id\":\"o\",\"dest_addr\":\"h:1\"}"
#define RTMP(more) "{\"type\":\"rtmp\",\"id\":\"o\"" more "}"
#define KEY ",\"stream_key\":\"k\""
#define NO_KEY ",\"stream_key\":\"\""
#define PHRASE ",\"passphrase\":\"0123456789\""
#define UPDATE(flow) "{\"action\":\"update_flow\",\"flow\":" flow "}"
#define WHOLE(flow) "{\"type\":\"update_config\",\"config\":" \
    CONFIG("1", flow) "}"
#define ONE(flow) "{\"type\":\"update_flow\",\"flow_id\":\"f\"," \
    "\"flow\":" flow "}"

/* action NULL: it is refused; undo: can it be undone? */
static const struct {
	const char	*config, *step, *action;
	bool		 undo;
} keeps[] = {
	/* it shows all, or there is nothing to show */
	{ CONFIG("2", ENDS(SRT(""), UDP)), UPDATE(ENDS(SRT(""), UDP)),
	  ONE(ENDS(SRT(""), UDP)), true },
	{ CONFIG("1", ENDS(SRT(PHRASE), RTMP(KEY))),
	  UPDATE(ENDS(SRT(PHRASE), RTMP(KEY))),
	  ONE(ENDS(SRT(PHRASE), RTMP(KEY))), true },
	{ CONFIG("1", ENDS(UDP, UDP)), UPDATE(ENDS(UDP, UDP)),
	  ONE(ENDS(UDP, UDP)), true },
	/* it may hide something: a whole configuration */
	{ CONFIG("1", ENDS(SRT(""), UDP)), UPDATE(ENDS(SRT(""), "")),
	  WHOLE(ENDS(SRT(""), "")), true },
	{ CONFIG("1", ENDS(UDP, RTMP(NO_KEY))), UPDATE(ENDS(UDP, RTMP(""))),
	  WHOLE(ENDS(UDP, RTMP(NO_KEY))), true },
	{ CONFIG("1", ENDS(SRT(PHRASE ",\"redundancy\":{\"a\":1}"), "")),
	  UPDATE(ENDS(SRT(PHRASE ",\"redundancy\":{\"a\":1}"), "")),
	  WHOLE(ENDS(SRT(PHRASE ",\"redundancy\":{\"a\":1}"), "")), true },
	{ CONFIG("1", ENDS("{\"type\":\"new\"}", UDP)),
	  UPDATE(ENDS("{\"type\":\"new\"}", "")),
	  WHOLE(ENDS("{\"type\":\"new\"}", "")), true },
	/* what was hidden is gone behind it */
	{ CONFIG("1", ENDS(SRT(""), UDP)), UPDATE(ENDS(SRT(PHRASE), UDP)),
	  WHOLE(ENDS(SRT(PHRASE), UDP)), false },
	{ CONFIG("1", ENDS(SRT(""), UDP)), UPDATE(ENDS(UDP, UDP)),
	  WHOLE(ENDS(UDP, UDP)), false },
	{ CONFIG("1", ENDS(UDP, RTMP(NO_KEY))), UPDATE(ENDS(UDP, "")),
	  WHOLE(ENDS(UDP, "")), false },
	{ CONFIG("1", ENDS(SRT(""), UDP)),
	  "{\"action\":\"delete_flow\",\"flow_id\":\"f\"}",
	  "{\"type\":\"delete_flow\",\"flow_id\":\"f\"}", false },
	{ CONFIG("1", ENDS(UDP, RTMP(NO_KEY))), "{\"action\":"
	  "\"remove_output\",\"flow_id\":\"f\",\"output_id\":\"o\"}",
	  "{\"type\":\"remove_output\",\"flow_id\":\"f\","
	  "\"output_id\":\"o\"}", false },
	{ CONFIG("1", ENDS(SRT(""), UDP)), "{\"action\":"
	  "\"remove_output\",\"flow_id\":\"f\",\"output_id\":\"o\"}",
	  "{\"type\":\"remove_output\",\"flow_id\":\"f\","
	  "\"output_id\":\"o\"}", true },
	/* refused */
	{ "", UPDATE(ENDS(UDP, UDP)), NULL, true },
	{ CONFIG("2", ENDS(UDP, RTMP(KEY))),
	  UPDATE(ENDS(UDP, RTMP(",\"stream_key\":\"***\""))), NULL, true },
	{ CONFIG("1", ENDS(UDP, UDP)), UPDATE(ENDS(SRT(",\"passphrase\":"
	  "\"***REDACTED***\""), UDP)), NULL, true },
};

START_TEST(keep)
{
	const struct driver *d = driver_find(SLICE("edge"));
	struct arena *a = arena_new(0);
	struct slice config = slice_of(keeps[_i].config), action = { NULL, 0 };
	struct ai_step step;
	const char *why;

	ck_assert(ai_step_read(a, slice_of(keeps[_i].step), &step));
	why = ai_keep_action(a, d, config, &step, &action);
	ck_assert_int_eq(why == NULL, keeps[_i].action != NULL);
	if (why == NULL) {
		ck_assert_str_eq(arena_strndup(a, action.p, action.n),
		    keeps[_i].action);
		ck_assert(jscan_valid(action.p, action.n, NULL));
		why = ai_keep_undo(a, d, config, ai_flow_find(a, config,
		    step.flow_id), &step);
		ck_assert_int_eq(why == NULL, keeps[_i].undo);
	}
	arena_free(a);
}
END_TEST

/* The schema is JSON that names every action, and small. */
START_TEST(schema)
{
	const struct ai_action *action;
	struct buf b = BUF_INIT;
	char name[64];
	size_t i;

	ai_schema_put(_i == 0 ? NULL : driver_find(SLICE("edge"))->form,
	    &h_tunnel_create_body, &b);
	ck_assert(jscan_valid((const char *)buf_head(&b), buf_used(&b),
	    NULL));
	ck_assert_uint_lt(buf_used(&b), 16384);
	for (i = 0; (action = ai_action_at(i)) != NULL; i++) {
		snprintf(name, sizeof(name), "\"%s\"", action->name);
		ck_assert_ptr_nonnull(strstr(buf_cstr(&b), name));
	}
	/* The members come from the driver's tables. */
	ck_assert_int_eq(strstr(buf_cstr(&b), "\"whip_url\"") != NULL, _i);
	buf_free(&b);
}
END_TEST

START_TEST(guide)
{
	static const char *const parts[] = {
	    "\nudp: bind_addr, interface_addr?\n",
	    "srt: mode (caller|listener|rendezvous), local_addr, ",
	    "latency_ms? (0..60000 = 120)", "passphrase? (10..79 bytes)",
	    "aes_key_len? (16|24|32)", "max_rexmit_bw? (-1..)",
	    "redundancy? {these once more}",
	    "fec_decode? {columns (1..255), rows (1..255)}",
	    "allowed_sources?[]", "\nOutputs\nsrt: as the input srt\n",
	    "video_only? (= false)", };
	struct buf b = BUF_INIT;
	size_t i;

	ai_context_system(AI_K_GENERATE, driver_find(SLICE("edge")), &b);
	for (i = 0; i < nitems(parts); i++)
		ck_assert_msg(strstr(buf_cstr(&b), parts[i]) != NULL,
		    "%s: %s", parts[i], buf_cstr(&b));
	ck_assert_ptr_null(strstr(buf_cstr(&b), "A relay"));
	buf_clear(&b);
	ai_context_system(AI_K_QUERY, NULL, &b);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&b), "A relay"));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&b), "A flow of an edge"));
	buf_free(&b);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ai");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	if (secret_init() != 0)
		return EXIT_FAILURE;
	tcase_add_loop_test(t, redact, 0, nitems(redacted));
	tcase_add_loop_test(t, restore, 0, nitems(restored));
	tcase_add_test(t, known);
	tcase_add_test(t, facts);
	tcase_add_loop_test(t, find, 0, nitems(found));
	tcase_add_loop_test(t, envelope, 0, nitems(envelopes));
	tcase_add_loop_test(t, difference, 0, nitems(diffs));
	tcase_add_loop_test(t, keep, 0, nitems(keeps));
	tcase_add_loop_test(t, schema, 0, 2);
	tcase_add_test(t, guide);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
