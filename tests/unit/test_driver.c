/* driver: the tables, checks of actions, summaries of captured stats. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "frame.h"
#include "xmalloc.h"

static struct arena *arena;

static void
setup(void)
{
	arena = arena_new(0);
}

static void
teardown(void)
{
	arena_free(arena);
}

START_TEST(tables)
{
	const struct driver_command *c;
	const struct driver *d;
	size_t i, k, listed;

	for (i = 0; (d = driver_at(i)) != NULL; i++) {
		ck_assert(driver_find(slice_of(d->device_type)) == d);
		ck_assert_uint_le(d->nmetrics, DRIVER_METRICS);
		for (k = listed = 0; k < d->ncommands; k++) {
			c = &d->commands[k];
			ck_assert_uint_ge(c->role, ROLE_OPERATOR);
			ck_assert_uint_le(c->role, ROLE_ADMIN);
			ck_assert(!(c->listed && c->internal));
			ck_assert(c->by_config == (strcmp(c->name,
			    "get_config") == 0));
			ck_assert_uint_le(c->nfields, 8);
			ck_assert(driver_command(d, slice_of(c->name)) == c);
			listed += c->listed;
		}
		ck_assert_uint_eq(listed, i == 0 ? 10 : 7);
	}
	ck_assert_uint_eq(i, 2);
	ck_assert_ptr_null(driver_find(SLICE("Edge")));
	ck_assert_ptr_null(driver_find(SLICE("")));
	ck_assert_ptr_null(driver_command(driver_at(0), SLICE("nosuch")));
}
END_TEST

/* The list that clients see: names, order and roles are a contract. */
START_TEST(types)
{
	static const char *const want[] = {
		"{\"device_types\":[{\"device_type\":\"edge\","
		"\"display_name\":\"Edge Transport Node\","
		"\"supported_commands\":[{\"name\":\"get_config\",",
		"\"update_config\"", "\"create_flow\"", "\"update_flow\"",
		"\"delete_flow\"", "\"start_flow\"", "\"stop_flow\"",
		"\"restart_flow\"", "\"add_output\"", "\"remove_output\"",
		"\"device_type\":\"relay\"", "\"Relay Server\"",
		"\"get_config\"", "\"operator\"", "\"disconnect_edge\"",
		"\"admin\"", "\"close_tunnel\"", "\"admin\"",
		"\"list_tunnels\"", "\"operator\"", "\"list_edges\"",
		"\"operator\"", "\"authorize_tunnel\"", "\"admin\"",
		"\"revoke_tunnel\"", "\"admin\"", "]}]}",
	};
	struct buf b = BUF_INIT;
	const char *p;
	size_t i;

	driver_types_json(&b);
	ck_assert(jscan_valid((char *)buf_head(&b), buf_used(&b), NULL));
	for (i = 0, p = buf_cstr(&b); i < nitems(want); i++) {
		p = strstr(p, want[i]);
		ck_assert_msg(p != NULL, "no %s in its place", want[i]);
		p += strlen(want[i]);
	}
	ck_assert_ptr_null(strstr(buf_cstr(&b), "create_tunnel"));
	ck_assert_ptr_null(strstr(buf_cstr(&b), "rotate_secret"));
	buf_free(&b);
}
END_TEST

#define UUID "3b241101-e2bb-4255-8caf-4136c566a000"

static const struct {
	const char *kind, *action;
	enum role role;
	enum err err;
	const char *pointer;	/* of the first fault, or NULL */
} checks[] = {
	{ "edge", "{\"type\":\"get_config\"}", ROLE_OPERATOR, ERR_OK, NULL },
	{ "edge", "{\"type\":\"get_config\"}", ROLE_VIEWER, ERR_FORBIDDEN,
	    NULL },
	{ "edge", "{\"type\":\"start_flow\",\"flow_id\":\"f1\",\"x\":[1]}",
	    ROLE_OPERATOR, ERR_OK, NULL },
	{ "edge", "{\"flow_id\":\"f1\",\"type\":\"stop_flow\"}",
	    ROLE_SUPER_ADMIN, ERR_OK, NULL },
	{ "edge", "{\"type\":\"start_flow\"}", ROLE_OPERATOR, ERR_INVALID,
	    "/action/flow_id" },
	{ "edge", "{\"type\":\"start_flow\",\"flow_id\":7}", ROLE_OPERATOR,
	    ERR_INVALID, "/action/flow_id" },
	{ "edge", "{\"type\":\"start_flow\",\"flow_id\":\"\"}",
	    ROLE_OPERATOR, ERR_INVALID, "/action/flow_id" },
	{ "edge", "{\"type\":\"start_flow\",\"flow_id\":null}",
	    ROLE_OPERATOR, ERR_INVALID, "/action/flow_id" },
	{ "edge", "{\"type\":\"update_flow\",\"flow\":{\"id\":\"f\"}}",
	    ROLE_OPERATOR, ERR_OK, NULL },
	{ "edge", "{\"type\":\"update_flow\",\"flow\":[]}", ROLE_OPERATOR,
	    ERR_INVALID, "/action/flow" },
	{ "edge", "{\"type\":\"update_config\",\"config\":{}}",
	    ROLE_OPERATOR, ERR_OK, NULL },
	{ "edge", "{\"type\":\"add_output\",\"output\":{}}", ROLE_OPERATOR,
	    ERR_INVALID, "/action/flow_id" },
	{ "edge", "{\"type\":\"create_input\",\"input\":{}}", ROLE_OPERATOR,
	    ERR_OK, NULL },
	{ "edge", "{\"type\":\"rotate_secret\",\"new_secret\":\"x\"}",
	    ROLE_SUPER_ADMIN, ERR_INVALID, "/action/type" },
	{ "edge", "{\"type\":\"create_tunnel\",\"tunnel\":{}}",
	    ROLE_SUPER_ADMIN, ERR_INVALID, "/action/type" },
	{ "edge", "{\"type\":\"list_tunnels\"}", ROLE_ADMIN, ERR_INVALID,
	    "/action/type" },
	{ "edge", "{\"type\":\"GET_CONFIG\"}", ROLE_ADMIN, ERR_INVALID,
	    "/action/type" },
	{ "edge", "{\"type\":7}", ROLE_ADMIN, ERR_INVALID, "/action/type" },
	{ "edge", "{}", ROLE_ADMIN, ERR_INVALID, "/action/type" },
	{ "edge", "[]", ROLE_ADMIN, ERR_INVALID, "/action" },
	{ "edge", "{\"type\":", ROLE_ADMIN, ERR_BAD_JSON, "/action" },
	{ "edge", "{\"type\":\"get_config\",\"type\":\"delete_flow\"}",
	    ROLE_ADMIN, ERR_BAD_JSON, "/action" },
	{ "edge", "{\"type\":\"get_config\",\"t\\u0079pe\":\"x\"}",
	    ROLE_ADMIN, ERR_BAD_JSON, "/action" },
	{ "relay", "{\"type\":\"list_edges\"}", ROLE_OPERATOR, ERR_OK, NULL },
	{ "relay", "{\"type\":\"close_tunnel\",\"tunnel_id\":\"" UUID "\"}",
	    ROLE_OPERATOR, ERR_FORBIDDEN, NULL },
	{ "relay", "{\"type\":\"close_tunnel\",\"tunnel_id\":\"" UUID "\"}",
	    ROLE_ADMIN, ERR_OK, NULL },
	{ "relay", "{\"type\":\"close_tunnel\",\"tunnel_id\":\"x\"}",
	    ROLE_ADMIN, ERR_INVALID, "/action/tunnel_id" },
	{ "relay", "{\"type\":\"authorize_tunnel\",\"tunnel_id\":\"" UUID
	    "\",\"ingress_token\":\"a\"}", ROLE_ADMIN, ERR_INVALID,
	    "/action/egress_token" },
	{ "relay", "{\"type\":\"disconnect_edge\",\"edge_id\":\"conn-0\"}",
	    ROLE_ADMIN, ERR_OK, NULL },
	{ "relay", "{\"type\":\"start_flow\",\"flow_id\":\"f\"}",
	    ROLE_ADMIN, ERR_INVALID, "/action/type" },
};

START_TEST(actions)
{
	const struct driver *d = driver_find(slice_of(checks[_i].kind));
	const struct driver_command *cmd;
	struct json_faults f;
	enum err err;

	err = driver_check(d, arena, slice_of(checks[_i].action),
	    checks[_i].role, "/action", &f, &cmd);
	ck_assert_msg(err == checks[_i].err, "%d: %s", err,
	    checks[_i].action);
	ck_assert_uint_eq(f.n > 0, checks[_i].pointer != NULL);
	if (checks[_i].pointer != NULL) {
		ck_assert_str_eq(f.v[0].pointer, checks[_i].pointer);
		ck_assert_uint_gt(strlen(f.v[0].detail), 5);
	}
	if (err == ERR_OK)
		ck_assert(driver_command(d, slice_of(cmd->name)) == cmd);
}
END_TEST

START_TEST(long_text)
{
	const struct driver_command *cmd;
	struct json_faults f;
	char text[600];
	int n;

	n = snprintf(text, sizeof(text),
	    "{\"type\":\"start_flow\",\"flow_id\":\"%0256d\"}", 0);
	ck_assert_int_eq(driver_check(driver_at(0), arena,
	    (struct slice){ text, (size_t)n }, ROLE_OPERATOR, "", &f, &cmd),
	    ERR_OK);
	n = snprintf(text, sizeof(text),
	    "{\"type\":\"start_flow\",\"flow_id\":\"%0257d\"}", 0);
	ck_assert_int_eq(driver_check(driver_at(0), arena,
	    (struct slice){ text, (size_t)n }, ROLE_OPERATOR, "", &f, &cmd),
	    ERR_INVALID);
	ck_assert_str_eq(f.v[0].pointer, "/flow_id");
	ck_assert_str_eq(f.v[0].detail, "must be 1 to 256 bytes");
}
END_TEST

/* ---- summaries ---- */

struct hook_arg { const struct driver *d; struct driver_summary sum; };

static int
hook(void *arg, struct slice type, struct jscan *js)
{
	struct hook_arg *h = arg;

	return h->d->summarize(js, &h->sum);
}

static const struct {
	const char *kind, *file;
	size_t nmetrics;
	uint64_t metrics[DRIVER_METRICS];
} stats[] = {
	{ "edge", "edge_stats_1udp_head", 6,
	    { 1, 1, 0, 0, 8014352, 7205 } },
	{ "edge", "edge_stats_1udp_v053", 6, { 1, 1, 0, 0, 8014352, 0 } },
	{ "edge", "edge_stats_5x2_udp_2tun_head", 6,
	    { 5, 5, 2, 2, 7 * 8014352, 7205 } },
	{ "edge", "edge_stats_stopped1_head", 6, { 0, 1, 0, 0, 0, 7205 } },
	{ "edge", "edge_stats_tunnel_only_head", 6,
	    { 0, 0, 1, 1, 8014352, 7205 } },
	{ "edge", "edge_stats_idle_v053", 6, { 0, 0, 0, 0, 0, 0 } },
	{ "relay", "relay_stats_1_head", 14, { 1, 1, 2, 7215510876, 1408,
	    7215512284, 8014352, 0, 0, 5482911, 1, 2, 2, 7205 } },
	{ "relay", "relay_stats_1_v023", 14, { 1, 1, 2, 7215510876, 1408,
	    7215512284, 8014352, 0, 0, 5482911, 1, 2, 2, 7205 } },
};

static char whole[1 << 20];

/* A sample to whole; its length. */
static size_t
sample(const char *name)
{
	const char *src = getenv("MAST_SRC");
	char path[512];
	size_t n;
	FILE *fp;

	snprintf(path, sizeof(path), "%s/tests/samples/%s.json",
	    src != NULL ? src : ".", name);
	fp = fopen(path, "r");
	ck_assert_ptr_nonnull(fp);
	n = fread(whole, 1, sizeof(whole), fp);
	fclose(fp);
	return n;
}

START_TEST(samples)
{
	struct hook_arg h = { .d = driver_find(slice_of(stats[_i].kind)) };
	struct slice items[2];
	struct frame f;
	size_t n = sample(stats[_i].file), i;

	ck_assert_int_eq(frame_parse(whole, n, hook, &h, &f), 0);
	ck_assert_uint_eq(h.d->nmetrics, stats[_i].nmetrics);
	for (i = 0; i < h.d->nmetrics; i++)
		ck_assert_msg(h.sum.metrics[i] == stats[_i].metrics[i],
		    "%s is %llu", h.d->metrics[i],
		    (unsigned long long)h.sum.metrics[i]);
	ck_assert(!h.sum.glitch);
	ck_assert_int_eq(driver_items(h.d, f.payload, items), 0);
	for (i = 0; i < 2; i++) {
		ck_assert(slice_same(items[i], h.sum.items[i]));
		ck_assert(items[i].p == NULL || (items[i].p[0] == '[' &&
		    jscan_valid(items[i].p, items[i].n, NULL)));
	}
	ck_assert_ptr_nonnull(items[0].p);
}
END_TEST

static const struct {
	const char *kind, *text;
	int rc;
	bool glitch;
	uint64_t first, second, fifth;	/* metrics 0, 1, 4 */
} odd[] = {
	/* the race of an edge's two timers */
	{ "edge", "{\"active_flows\":2,\"flows\":[],\"tunnels\":[]}", 0,
	    true, 0, 0, 0 },
	{ "edge", "{\"flows\":[ ],\"active_flows\":2}", 0, true, 0, 0, 0 },
	{ "edge", "{\"flows\":[],\"active_flows\":0}", 0, false, 0, 0, 0 },
	{ "edge", "{\"active_flows\":2}", 0, false, 0, 0, 0 },
	/* any spelling, any order, any odd type */
	{ "edge", "{\"flows\":[{\"state\":\"RUNNING\",\"input\":"
	    "{\"bitrate_bps\":5}},{\"input\":null,\"state\":\"Idle\"},7,"
	    "[[1],{}],null,{\"state\":1,\"input\":[{\"bitrate_bps\":9}]}]}",
	    0, false, 1, 6, 5 },
	{ "edge", "{\"flows\":[{\"inp\\u0075t\":{\"bitrate\\u005fbps\":3},"
	    "\"state\":\"running\"}]}", 0, false, 1, 1, 3 },
	{ "edge", "{\"flows\":{\"a\":[1]},\"tunnels\":null}", 0, false, 0,
	    0, 0 },
	{ "edge", "{\"flows\":[{\"input\":{\"bitrate_bps\":-5}},"
	    "{\"input\":{\"bitrate_bps\":1.5}},"
	    "{\"input\":{\"bitrate_bps\":\"7\"}}]}", 0, false, 0, 3, 0 },
	{ "edge", "{\"flows\":[{\"input\":{\"bitrate_bps\":"
	    "18446744073709551615}},{\"input\":{\"bitrate_bps\":10}}]}", 0,
	    false, 0, 2, UINT64_MAX },
	{ "edge", "{\"tunnels\":[{\"stats\":{\"bitrate_out_bps\":4,"
	    "\"bitrate_in_bps\":9},\"state\":\"Ready\"}]}", 0, false, 0, 0,
	    9 },
	{ "edge", "{}", 0, false, 0, 0, 0 },
	/* refused */
	{ "edge", "null", -1, false, 0, 0, 0 },
	{ "edge", "[]", -1, false, 0, 0, 0 },
	{ "edge", "{\"flows\":[{\"input\":{\"a\":01}}]}", -1, false, 0, 0,
	    0 },
	{ "edge", "{\"flows\":[}", -1, false, 0, 0, 0 },
	{ "edge", "{\"flows\":[{\"state\":\"x\"]}", -1, false, 0, 0, 0 },
	{ "edge", "{\"tunnels\":[1,{]}", -1, false, 0, 0, 0 },
	/* forwarded = in + out when it is missing */
	{ "relay", "{\"total_bytes_ingress\":3,\"total_bytes_egress\":4}", 0,
	    false, 0, 0, 4 },
	{ "relay", "{\"tunnels\":{},\"active_tunnels\":7}", 0, false, 7, 0,
	    0 },
	{ "relay", "7", -1, false, 0, 0, 0 },
	{ "relay", "{\"tunnels\":[,]}", -1, false, 0, 0, 0 },
};

START_TEST(odd_stats)
{
	const struct driver *d = driver_find(slice_of(odd[_i].kind));
	struct driver_summary sum;
	struct jscan js;
	int rc;

	jscan_init(&js, odd[_i].text, strlen(odd[_i].text));
	rc = d->summarize(&js, &sum);
	ck_assert_msg(rc == odd[_i].rc, "%d: %s", rc, odd[_i].text);
	if (rc != 0) {
		ck_assert_ptr_nonnull(js.bad);
		return;
	}
	ck_assert_int_eq(jscan_next(&js), JSCAN_END);
	ck_assert_int_eq(sum.glitch, odd[_i].glitch);
	ck_assert_uint_eq(sum.metrics[0], odd[_i].first);
	ck_assert_uint_eq(sum.metrics[1], odd[_i].second);
	ck_assert_uint_eq(sum.metrics[4], odd[_i].fifth);
}
END_TEST

START_TEST(forwarded)
{
	const char *text = "{\"total_bytes_ingress\":3,"
	    "\"total_bytes_egress\":4}";
	struct driver_summary sum;
	struct jscan js;

	jscan_init(&js, text, strlen(text));
	ck_assert_int_eq(driver_at(1)->summarize(&js, &sum), 0);
	ck_assert_uint_eq(sum.metrics[5], 7);
	text = "{\"total_bytes_ingress\":3,\"total_bytes_forwarded\":0}";
	jscan_init(&js, text, strlen(text));
	ck_assert_int_eq(driver_at(1)->summarize(&js, &sum), 0);
	ck_assert_uint_eq(sum.metrics[5], 0);
}
END_TEST

START_TEST(metrics_json)
{
	static const uint64_t m[DRIVER_METRICS] = { 1, 2, 3, 4, UINT64_MAX,
	    6 };
	static const struct {
		struct slice items[2];
		const char *text;
	} rows[] = {
		{ { { NULL, 0 }, { NULL, 0 } }, "[]" },
		{ { SLICE("[]"), SLICE("[ ]") }, "[]" },
		{ { SLICE("[{\"a\":1},2]"), SLICE("[]") }, "[{\"a\":1},2]" },
		{ { SLICE("[]"), SLICE("[3]") }, "[3]" },
		{ { SLICE("[1]"), SLICE("[2,3]") }, "[1,2,3]" },
	};
	struct buf b = BUF_INIT;
	char want[400];
	size_t i;

	for (i = 0; i < nitems(rows); i++) {
		buf_clear(&b);
		driver_metrics_json(driver_at(0), m, rows[i].items, &b);
		snprintf(want, sizeof(want), "{\"metrics\":"
		    "[[\"active_flows\",1],[\"total_flows\",2],"
		    "[\"active_tunnels\",3],[\"total_tunnels\",4],"
		    "[\"total_bitrate_bps\",18446744073709551615],"
		    "[\"uptime_secs\",6]],\"items\":%s}", rows[i].text);
		ck_assert_str_eq(buf_cstr(&b), want);
	}
	buf_free(&b);
}
END_TEST

/* ---- what configurations hold ---- */

static void
distinct(const struct driver_members *a, const struct driver_members *b)
{
	size_t i, k;

	for (i = 0; i < a->n; i++) {
		ck_assert_ptr_nonnull(a->v[i].label);
		ck_assert((a->v[i].type == DRIVER_GROUP) ==
		    (a->v[i].group != NULL));
		ck_assert(a->v[i].def == NULL || jscan_valid(a->v[i].def,
		    strlen(a->v[i].def), NULL));
		ck_assert_int_le(a->v[i].min, a->v[i].max);
		for (k = a == b ? i + 1 : 0; k < b->n; k++)
			ck_assert_str_ne(a->v[i].name, b->v[k].name);
		if (a->v[i].group != NULL)
			distinct(a->v[i].group, a->v[i].group);
	}
}

START_TEST(forms)
{
	const struct driver_form *f = driver_at(0)->form;
	const struct driver_part *parts[] = { &f->flow, &f->input,
	    &f->output };
	size_t i, k;

	ck_assert_ptr_null(driver_at(1)->form);
	for (i = 0; i < nitems(parts); i++) {
		distinct(parts[i]->common, parts[i]->common);
		for (k = 0; k < parts[i]->ntypes; k++) {
			distinct(parts[i]->types[k].members,
			    parts[i]->types[k].members);
			distinct(parts[i]->types[k].members,
			    parts[i]->common);
		}
	}
}
END_TEST

/* What nodes say of themselves is in order. */
static const char *const configs[] = { "edge_config_response_1",
    "edge_config_response_20", "edge_config_response_200",
    "edge_config_response_empty", "edge_v053_config_response_1",
    "edge_v053_config_response_20" };

START_TEST(own_configs)
{
	struct json_faults faults;
	struct slice config;

	ck_assert(json_member(whole, sample(configs[_i]), "payload",
	    &config));
	driver_form_check(driver_at(0)->form, arena, config, &faults);
	ck_assert_msg(faults.n == 0, "%s %s", faults.v[0].pointer,
	    faults.v[0].detail);
}
END_TEST

static const struct {
	const char *output;	/* of a flow in the first dialect */
	const char *pointer;	/* below it; NULL: good */
} outputs[] = {
	{ "{\"id\":\"o\",\"type\":\"udp\",\"dest_addr\":\"h:1\"}", NULL },
	{ "{\"id\":\"o\",\"type\":\"udp\",\"dest_addr\":\"[::1]:65535\","
	    "\"dscp\":63,\"new\":[1]}", NULL },
	{ "{\"id\":\"o\",\"type\":\"udp\",\"dest_addr\":\"h:65536\"}",
	    "/dest_addr" },
	{ "{\"id\":\"o\",\"type\":\"udp\",\"dest_addr\":\":5\"}",
	    "/dest_addr" },
	{ "{\"id\":\"o\",\"type\":\"udp\",\"dest_addr\":\"h:1\","
	    "\"dscp\":64}", "/dscp" },
	{ "{\"id\":\"o\",\"type\":\"udp\",\"dest_addr\":\"h:1\","
	    "\"dscp\":\"1\"}", "/dscp" },
	{ "{\"id\":\"o\",\"type\":\"udp\",\"dest_addr\":\"h:1\","
	    "\"dscp\":null}", NULL },
	{ "{\"id\":\"o\",\"type\":\"udp\"}", "/dest_addr" },
	{ "{\"type\":\"udp\",\"dest_addr\":\"h:1\"}", "/id" },
	{ "{\"id\":\"o\"}", "/type" },
	{ "{\"id\":\"o\",\"type\":\"not known\",\"dest_addr\":1}", NULL },
	{ "{\"id\":\"o\",\"type\":\"hls\",\"ingest_url\":\"u\","
	    "\"segment_duration_secs\":2.5}", NULL },
	{ "{\"id\":\"o\",\"type\":\"hls\",\"ingest_url\":\"u\","
	    "\"segment_duration_secs\":\"2\"}", "/segment_duration_secs" },
	{ "{\"id\":\"o\",\"type\":\"srt\",\"mode\":\"listener\","
	    "\"local_addr\":\"h:1\",\"aes_key_len\":32,\"redundancy\":{"
	    "\"mode\":\"caller\",\"local_addr\":\"h:2\"}}", NULL },
	{ "{\"id\":\"o\",\"type\":\"srt\",\"mode\":\"listener\","
	    "\"local_addr\":\"h:1\",\"aes_key_len\":20}", "/aes_key_len" },
	{ "{\"id\":\"o\",\"type\":\"srt\",\"mode\":\"listener\","
	    "\"local_addr\":\"h:1\",\"redundancy\":{\"mode\":"
	    "\"caller\"}}", "/redundancy/local_addr" },
	{ "[]", "" },
};

START_TEST(checked)
{
	char config[512], want[128];
	struct json_faults faults;

	snprintf(config, sizeof(config), "{\"flows\":[{\"id\":\"f\","
	    "\"outputs\":[%s]}]}", outputs[_i].output);
	ck_assert(jscan_valid(config, strlen(config), NULL));
	driver_form_check(driver_at(0)->form, arena, slice_of(config),
	    &faults);
	if (outputs[_i].pointer == NULL) {
		ck_assert_msg(faults.n == 0, "%s", config);
		return;
	}
	snprintf(want, sizeof(want), "/flows/0/outputs/0%s",
	    outputs[_i].pointer);
	ck_assert_uint_eq(faults.n, 1);
	ck_assert_str_eq(faults.v[0].pointer, want);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("driver");
	TCase *tc = tcase_create("all");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, tables);
	tcase_add_test(tc, types);
	tcase_add_loop_test(tc, actions, 0, (int)nitems(checks));
	tcase_add_test(tc, long_text);
	tcase_add_loop_test(tc, samples, 0, (int)nitems(stats));
	tcase_add_loop_test(tc, odd_stats, 0, (int)nitems(odd));
	tcase_add_test(tc, forwarded);
	tcase_add_test(tc, metrics_json);
	tcase_add_test(tc, forms);
	tcase_add_loop_test(tc, own_configs, 0, (int)nitems(configs));
	tcase_add_loop_test(tc, checked, 0, (int)nitems(outputs));
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, getenv("CK_TAP_LOG_FILE_NAME") != NULL ?
	    CK_SILENT : CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
