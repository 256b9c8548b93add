/* driver_edge: endpoints of both dialects, flows turned into the newer. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "xmalloc.h"

#define V2(flows, inputs, outputs) "{\"version\":2,\"flows\":[" flows \
    "],\"inputs\":[" inputs "],\"outputs\":[" outputs "]}"

static const struct { const char *config, *want; } ends[] = {
	{ "{}", "[]" },
	{ "{\"flows\":7}", "[]" },
	{ "{\"flows\":[null,1,\"x\",{},{\"id\":7}]}", "[]" },
	{ "{\"flows\":[{\"id\":\"f\"}]}", "[{\"flow_id\":\"f\","
	    "\"flow_name\":\"f\",\"enabled\":true,\"outputs\":[]}]" },
	{ "{\"version\":1,\"flows\":[{\"id\":\"f\",\"name\":\"N\","
	    "\"enabled\":false,\"input\":{\"type\":\"udp\",\"mode\":1,"
	    "\"passphrase\":\"p\"},\"outputs\":[3,{\"id\":\"o\"}]}]}",
	    "[{\"flow_id\":\"f\",\"flow_name\":\"N\",\"enabled\":false,"
	    "\"input\":{\"type\":\"udp\"},\"outputs\":[{\"id\":\"o\"}]}]" },
	{ V2("{\"id\":\"f\",\"input_ids\":[\"a\",\"b\"],\"output_ids\":"
	    "[\"y\",\"none\",7]}", "{\"id\":\"b\",\"type\":\"B\",\"active\":"
	    "true},{\"id\":\"a\",\"type\":\"A\"}", "{\"id\":\"y\"}"),
	    "[{\"flow_id\":\"f\",\"flow_name\":\"f\",\"enabled\":true,"
	    "\"input\":{\"type\":\"B\"},\"outputs\":[{\"id\":\"y\"}]}]" },
};

START_TEST(endpoints)
{
	struct buf b = BUF_INIT;
	struct json_w w;

	json_w_init(&w, &b);
	driver_edge.endpoints(slice_of(ends[_i].config), &w);
	ck_assert_str_eq(buf_cstr(&b), ends[_i].want);
	buf_free(&b);
}
END_TEST

#define INLINE(type) "{\"type\":\"" type "\",\"flow\":{\"id\":\"f\"," \
    "\"input\":{\"type\":\"udp\",\"id\":\"zz\"},\"x\":[1.50]," \
    "\"outputs\":[{\"id\":\"o\"}]}}"
#define FLOW(type, more) "{\"type\":\"" type "\"," more "\"flow\":" \
    "{\"input_ids\":[\"f-in\"],\"output_ids\":[\"o\"],\"id\":\"f\"," \
    "\"x\":[1.50]}}"
#define INPUT "\"input\":{\"id\":\"f-in\",\"name\":\"f\",\"type\":\"udp\"}}"

static const struct {
	const char *action, *config;
	enum err err;
	const char *steps[4];
} turns[] = {
	{ INLINE("create_flow"), "{\"version\":1}", ERR_OK, { NULL } },
	{ INLINE("create_flow"), "{}", ERR_OK, { NULL } },
	{ INLINE("start_flow"), V2("", "", ""), ERR_OK, { NULL } },
	{ "{\"type\":\"create_flow\",\"flow\":{\"id\":\"f\",\"input_ids\":"
	    "[]}}", V2("", "", ""), ERR_OK, { NULL } },
	{ INLINE("create_flow"), V2("", "", ""), ERR_OK, {
	    "{\"type\":\"create_input\"," INPUT,
	    "{\"type\":\"create_output\",\"output\":{\"id\":\"o\"}}",
	    FLOW("create_flow", "") } },
	{ INLINE("update_flow"), V2("{\"id\":\"f\",\"input_ids\":[\"f-in\"],"
	    "\"output_ids\":[\"o\"]}", "{\"id\":\"f-in\"}",
	    "{\"id\":\"o\"}"), ERR_OK, {
	    "{\"type\":\"update_input\",\"input_id\":\"f-in\"," INPUT,
	    "{\"type\":\"update_output\",\"output_id\":\"o\",\"output\":"
	    "{\"id\":\"o\"}}",
	    FLOW("update_flow", "\"flow_id\":\"f\",") } },
	{ "{\"type\":\"create_flow\",\"flow\":{\"id\":\"f\",\"input\":null,"
	    "\"outputs\":[]}}", V2("", "", ""), ERR_OK, {
	    "{\"type\":\"create_flow\",\"flow\":{\"input_ids\":[],"
	    "\"output_ids\":[],\"id\":\"f\"}}" } },
	{ INLINE("create_flow"), V2("{\"id\":\"g\",\"output_ids\":[\"o\"]}",
	    "", ""), ERR_INVALID, { NULL } },
	{ INLINE("create_flow"), V2("{\"id\":\"g\",\"input_ids\":"
	    "[\"f-in\"]}", "", ""), ERR_INVALID, { NULL } },
	{ "{\"type\":\"create_flow\",\"flow\":{\"id\":7,\"input\":{}}}",
	    V2("", "", ""), ERR_INVALID, { NULL } },
	{ "{\"type\":\"create_flow\",\"flow\":{\"id\":\"f\",\"input\":7}}",
	    V2("", "", ""), ERR_INVALID, { NULL } },
	{ "{\"type\":\"create_flow\",\"flow\":{\"id\":\"f\",\"outputs\":"
	    "[{}]}}", V2("", "", ""), ERR_INVALID, { NULL } },
};

START_TEST(turned)
{
	struct arena *arena = arena_new(0);
	struct driver_plan plan;
	size_t i;

	ck_assert_int_eq(driver_edge.turn(arena, slice_of(turns[_i].action),
	    slice_of(turns[_i].config), &plan), turns[_i].err);
	ck_assert((plan.why != NULL) == (turns[_i].err != ERR_OK));
	for (i = 0; turns[_i].steps[i] != NULL; i++) {
		ck_assert_uint_lt(i, plan.n);
		ck_assert(jscan_valid(plan.v[i].action.p, plan.v[i].action.n,
		    NULL));
		ck_assert_str_eq(plan.v[i].action.p, turns[_i].steps[i]);
	}
	if (turns[_i].err == ERR_OK)
		ck_assert_uint_eq(plan.n, i);
	arena_free(arena);
}
END_TEST

/* As many as a plan holds, and one more. */
START_TEST(many)
{
	struct arena *arena = arena_new(0);
	struct driver_plan plan;
	struct buf b = BUF_INIT;
	int i, n = DRIVER_STEPS - 2 + _i;

	buf_puts(&b, "{\"type\":\"create_flow\",\"flow\":{\"id\":\"f\","
	    "\"input\":{},\"outputs\":[");
	for (i = 0; i < n; i++)
		buf_printf(&b, "%s{\"id\":\"o%d\"}", i > 0 ? "," : "", i);
	buf_puts(&b, "]}}");
	ck_assert_int_eq(driver_edge.turn(arena, (struct slice){
	    buf_cstr(&b), buf_used(&b) }, SLICE(V2("", "", "")), &plan),
	    _i == 0 ? ERR_OK : ERR_INVALID);
	ck_assert_uint_le(plan.n, DRIVER_STEPS);
	buf_free(&b);
	arena_free(arena);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("driver_edge");
	TCase *tc = tcase_create("all");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, endpoints, 0, (int)nitems(ends));
	tcase_add_loop_test(tc, turned, 0, (int)nitems(turns));
	tcase_add_loop_test(tc, many, 0, 2);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, getenv("CK_TAP_LOG_FILE_NAME") != NULL ?
	    CK_SILENT : CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
