/* What a browser may say: each rule with where it points, and the wishes. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../../apid/sub.h"
#include "xmalloc.h"

#define A "00000000-0000-4000-8000-00000000000a"
#define B "00000000-0000-4000-8000-00000000000b"
#define SUBSCRIBE "{\"type\":\"subscribe\","

static const struct {
	const char	*text;
	unsigned	 topics;
	bool		 all;
	size_t		 nodes;
	bool		 full_all;
	size_t		 full;
} good[] = {
	{ SUBSCRIBE "\"topics\":[\"status\"]}", SUB_STATUS, true, 0,
	  false, 0 },
	{ SUBSCRIBE "\"topics\":[\"stats\"],\"nodes\":\"all\"}",
	  SUB_STATS, true, 0, true, 0 },
	{ SUBSCRIBE "\"topics\":[\"stats\"],\"nodes\":[\"" B "\",\"" A
	  "\",\"" B "\"]}", SUB_STATS, false, 2, true, 0 },
	{ SUBSCRIBE "\"topics\":[\"stats\",\"events\"],"
	  "\"stats\":\"numbers\"}", SUB_STATS | SUB_EVENTS, true, 0,
	  false, 0 },
	{ SUBSCRIBE "\"topics\":[\"stats\"],\"stats\":[\"" A "\"]}",
	  SUB_STATS, true, 0, false, 1 },
	{ SUBSCRIBE "\"topics\":[\"events\"],\"nodes\":[]}", SUB_EVENTS,
	  false, 0, false, 0 },
	{ SUBSCRIBE "\"topics\":[\"alarms\",\"commands\",\"health\"],"
	  "\"resume\":{\"epoch\":\"0123456789abcdef\",\"seq\":7}}",
	  SUB_ALARMS | SUB_COMMANDS | SUB_HEALTH, true, 0, false, 0 },
};

START_TEST(wishes)
{
	struct buf where = BUF_INIT, why = BUF_INIT;
	struct sub sub;

	ck_assert_int_eq(sub_parse(good[_i].text, strlen(good[_i].text),
	    &sub, &where, &why), SUB_SUBSCRIBE);
	ck_assert_uint_eq(sub.topics, good[_i].topics);
	ck_assert_int_eq(sub.nodes.all, good[_i].all);
	ck_assert_uint_eq(sub.nodes.n, good[_i].nodes);
	ck_assert_int_eq(sub.full.all, good[_i].full_all);
	ck_assert_uint_eq(sub.full.n, good[_i].full);
	ck_assert_int_eq(sub.resume, strstr(good[_i].text, "resume") != NULL);
	sub_free(&sub);
	buf_free(&where);
	buf_free(&why);
}
END_TEST

static const struct { const char *text, *where; } bad[] = {
	{ "", "" }, { "x", "" }, { "[]", "" },
	{ "{\"type\":1}", "/type" },
	{ SUBSCRIBE "\"topics\":{}}", "/topics" },
	{ SUBSCRIBE "\"topics\":[[\"status\"]]}", "/topics/0" },
	{ SUBSCRIBE "\"topics\":[\"status\"],\"nodes\":[\"" A "\",7]}",
	  "/nodes/1" },
	{ SUBSCRIBE "\"topics\":[\"status\"],\"nodes\":{}}", "/nodes" },
	{ SUBSCRIBE "\"topics\":[\"status\"],\"stats\":[]}", "/stats" },
	{ SUBSCRIBE "\"topics\":[\"stats\"],\"stats\":[[]]}", "/stats/0" },
	{ SUBSCRIBE "\"topics\":[\"status\"],\"resume\":{\"epoch\":"
	  "\"0123456789abcdef\",\"seq\":1.5}}", "/resume/seq" },
	{ SUBSCRIBE "\"topics\":[\"status\"],\"resume\":{\"epoch\":"
	  "\"0123456789abcdef\",\"seq\":1,\"more\":1}}", "/resume/more" },
};

START_TEST(refusals)
{
	struct buf where = BUF_INIT, why = BUF_INIT;
	struct sub sub;

	ck_assert_int_eq(sub_parse(bad[_i].text, strlen(bad[_i].text), &sub,
	    &where, &why), SUB_BAD);
	ck_assert_str_eq(buf_cstr(&where), bad[_i].where);
	ck_assert_uint_gt(buf_used(&why), 0);
	ck_assert_ptr_null(sub.nodes.v);
	buf_free(&where);
	buf_free(&why);
}
END_TEST

START_TEST(lists)
{
	struct id v[3] = { { { 1 } }, { { 2 } }, { { 3 } } };
	struct sub_ids all = { true, NULL, 0 }, some = { false, v, 2 },
	    last = { false, v + 1, 2 }, none = { false, NULL, 0 }, got;

	ck_assert(sub_ids_have(&all, &v[2]) && !sub_ids_have(&some, &v[2]));
	ck_assert(!sub_ids_have(&none, &v[0]));
	sub_ids_both(&got, &all, &all);
	ck_assert(got.all);
	sub_ids_both(&got, &some, &all);
	ck_assert(sub_ids_same(&got, &some));
	free(got.v);
	sub_ids_both(&got, &all, &some);
	ck_assert(sub_ids_same(&got, &some));
	free(got.v);
	sub_ids_both(&got, &some, &last);
	ck_assert(got.n == 1 && id_eq(&got.v[0], &v[1]));
	free(got.v);
	sub_ids_both(&got, &none, &all);
	ck_assert(!got.all && got.n == 0);
	ck_assert(!sub_ids_same(&none, &all));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sub");
	TCase *tc = tcase_create("sub");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, wishes, 0, (int)nitems(good));
	tcase_add_loop_test(tc, refusals, 0, (int)nitems(bad));
	tcase_add_test(tc, lists);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
