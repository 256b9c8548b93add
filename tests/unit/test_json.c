/* json: decoding by tables with every finding, canonical form, writer. */
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "jscan.h"
#include "valid.h"
#include "xmalloc.h"

struct body {
	struct json_state	name_st, port_st, on_st, ratio_st, when_st;
	struct json_state	id_st, ids_st, any_st, obj_st, kind_st;
	struct slice		name, id, ids, any, obj, kind;
	int64_t			port, when;
	double			ratio;
	bool			on;
};

static const char *const kinds[] = { "edge", "relay", NULL };

#define F(m, type, flags, ...) { #m, type, flags,			\
	offsetof(struct body, m), offsetof(struct body, m##_st), __VA_ARGS__ }

static const struct json_field fields[] = {
	/* state offset 0 is "none": name comes first on purpose */
	{ "name", JSON_STRING, JSON_REQUIRED, offsetof(struct body, name), 0,
	    0, 0, valid_name, NULL },
	F(port, JSON_INT, 0, 1, 65535, NULL, NULL),
	F(on, JSON_BOOL, 0, 0, 0, NULL, NULL),
	F(ratio, JSON_DOUBLE, 0, 0, 0, NULL, NULL),
	F(when, JSON_TIME, JSON_NULLABLE, 0, 0, NULL, NULL),
	F(id, JSON_UUID, JSON_NULLABLE, 0, 0, NULL, NULL),
	F(ids, JSON_UUIDS, JSON_NULLABLE, 0, 0, NULL, NULL),
	F(any, JSON_ANY, 0, 0, 0, NULL, NULL),
	F(obj, JSON_OBJECT, 0, 0, 0, NULL, NULL),
	F(kind, JSON_ENUM, 0, 0, 0, NULL, kinds),
};
static const struct json_schema schema = { fields, nitems(fields), false };
static const struct json_schema open_schema = { fields, nitems(fields),
    true };

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

static enum err
decode(const struct json_schema *s, const char *text, struct body *b,
    struct json_faults *f)
{
	memset(b, 0, sizeof(*b));
	return json_decode(arena, s, text, strlen(text), b, f);
}

START_TEST(all_members)
{
	struct json_faults f;
	struct body b;

	ck_assert_int_eq(decode(&schema, "{\"name\":\"S\\u00e3o \\\"x\\\"\","
	    "\"port\":8443,\"on\":true,\"ratio\":-2.5e1,"
	    "\"when\":\"1970-01-01T00:00:01.5Z\","
	    "\"id\":\"7D1E0000-0000-4000-8000-00000000ABCD\","
	    "\"ids\":[\"7d1e0000-0000-4000-8000-00000000abcd\" ,"
	    "\"7d1e0000-0000-4000-8000-00000000ABCE\"],"
	    "\"any\": [1, 2] ,\"obj\":{\"a\": 1},\"kind\":\"relay\"}", &b,
	    &f), ERR_OK);
	ck_assert_uint_eq(f.n, 0);
	ck_assert(slice_eq(b.name, "S\xc3\xa3o \"x\""));
	ck_assert_int_eq(b.port, 8443);
	ck_assert(b.on && b.on_st.present && !b.on_st.null);
	ck_assert(b.ratio == -25);
	ck_assert_int_eq(b.when, 1500000);
	ck_assert(slice_eq(b.id, "7d1e0000-0000-4000-8000-00000000abcd"));
	ck_assert(slice_eq(b.ids, "{7d1e0000-0000-4000-8000-00000000abcd,"
	    "7d1e0000-0000-4000-8000-00000000abce}"));
	ck_assert(slice_eq(b.any, "[1, 2]"));
	ck_assert(slice_eq(b.obj, "{\"a\": 1}"));
	ck_assert(slice_eq(b.kind, "relay"));
	/* escaped names are names */
	ck_assert_int_eq(decode(&schema, "{\"n\\u0061me\":\"x\"}", &b, &f),
	    ERR_OK);
	ck_assert(slice_eq(b.name, "x"));
}
END_TEST

START_TEST(absent_and_null)
{
	struct json_faults f;
	struct body b;

	ck_assert_int_eq(decode(&schema, "{\"name\":\"x\"}", &b, &f),
	    ERR_OK);
	ck_assert(!b.port_st.present && !b.id_st.present);
	/* nullable: a value of its own */
	ck_assert_int_eq(decode(&schema, "{\"name\":\"x\",\"id\":null,"
	    "\"ids\":null,\"when\":null,\"any\":null}", &b, &f), ERR_OK);
	ck_assert(b.id_st.present && b.id_st.null && b.id.p == NULL);
	ck_assert(b.ids_st.null && b.when_st.null);
	ck_assert(b.any_st.present && slice_eq(b.any, "null"));
	/* else as if absent */
	ck_assert_int_eq(decode(&schema, "{\"name\":\"x\",\"port\":null}",
	    &b, &f), ERR_OK);
	ck_assert(!b.port_st.present);
	ck_assert_int_eq(decode(&schema, "{\"name\":\"x\",\"ids\":[]}", &b,
	    &f), ERR_OK);
	ck_assert(slice_eq(b.ids, "{}"));
}
END_TEST

static const struct {
	const char *text;
	enum err err;
	const char *pointer, *detail;	/* of the first; detail: its start */
} faults[] = {
	{ "", ERR_BAD_JSON, "", "is not valid JSON at byte 0: " },
	{ "{\"name\":\"x\"", ERR_BAD_JSON, "", "is not valid JSON at byte "
	    "11: " },
	{ "{'name':1}", ERR_BAD_JSON, "", "is not valid JSON at byte 1: " },
	{ "{\"name\":NaN}", ERR_BAD_JSON, "", "is not valid JSON" },
	{ "{\"name\":\"\\u0000\"}", ERR_BAD_JSON, "", "is not valid JSON" },
	{ "{\"name\":\"x\",\"name\":\"y\"}", ERR_BAD_JSON, "",
	    "is not valid JSON at byte 13: a key is repeated" },
	{ "{\"name\":\"x\",\"n\\u0061me\":\"y\"}", ERR_BAD_JSON, "",
	    "is not valid JSON at byte 13: a key is repeated" },
	{ "{\"name\":\"x\",\"any\":[{\"a\":{\"b\":1,\"c\":2,\"b\":3}}]}",
	    ERR_BAD_JSON, "", "is not valid JSON at byte 38: a key" },
	{ "[]", ERR_INVALID, "", "must be an object" },
	{ "null", ERR_INVALID, "", "must be an object" },
	{ "{}", ERR_INVALID, "/name", "is required" },
	{ "{\"name\":null}", ERR_INVALID, "/name", "must not be null" },
	{ "{\"name\":1}", ERR_INVALID, "/name", "must be a string" },
	{ "{\"name\":\"\"}", ERR_INVALID, "/name", "must be 1 to 128" },
	{ "{\"name\":\"x\",\"port\":0}", ERR_INVALID, "/port",
	    "must be between 1 and 65535" },
	{ "{\"name\":\"x\",\"port\":65536}", ERR_INVALID, "/port",
	    "must be between 1 and 65535" },
	{ "{\"name\":\"x\",\"port\":9999999999999999999999}", ERR_INVALID,
	    "/port", "must be between 1 and 65535" },
	{ "{\"name\":\"x\",\"port\":1.5}", ERR_INVALID, "/port",
	    "must be a whole number" },
	{ "{\"name\":\"x\",\"port\":1.0}", ERR_INVALID, "/port",
	    "must be a whole number" },
	{ "{\"name\":\"x\",\"port\":1e3}", ERR_INVALID, "/port",
	    "must be a whole number" },
	{ "{\"name\":\"x\",\"port\":\"1\"}", ERR_INVALID, "/port",
	    "must be a whole number" },
	{ "{\"name\":\"x\",\"on\":1}", ERR_INVALID, "/on",
	    "must be true or false" },
	{ "{\"name\":\"x\",\"ratio\":\"1\"}", ERR_INVALID, "/ratio",
	    "must be a number" },
	{ "{\"name\":\"x\",\"ratio\":1e999}", ERR_INVALID, "/ratio",
	    "must be a number" },
	{ "{\"name\":\"x\",\"when\":\"yesterday\"}", ERR_INVALID, "/when",
	    "must be" },
	{ "{\"name\":\"x\",\"id\":\"7d1e\"}", ERR_INVALID, "/id", "must" },
	{ "{\"name\":\"x\",\"ids\":{}}", ERR_INVALID, "/ids",
	    "must be an array of UUIDs" },
	{ "{\"name\":\"x\",\"ids\":[\"7d1e0000-0000-4000-8000-00000000abcd\""
	    ",7]}", ERR_INVALID, "/ids/1", "must be a string" },
	{ "{\"name\":\"x\",\"ids\":[[\"a\"]]}", ERR_INVALID, "/ids/0",
	    "must be a string" },
	{ "{\"name\":\"x\",\"ids\":[\"},\"]}", ERR_INVALID, "/ids/0", "" },
	{ "{\"name\":\"x\",\"obj\":[]}", ERR_INVALID, "/obj",
	    "must be an object" },
	{ "{\"name\":\"x\",\"kind\":\"Edge\"}", ERR_INVALID, "/kind",
	    "must be one of edge, relay" },
	{ "{\"name\":\"x\",\"a/b~c\":1}", ERR_INVALID, "/a~1b~0c",
	    "is not a known member" },
	{ "{\"\":1,\"name\":\"x\"}", ERR_INVALID, "/",
	    "is not a known member" },
};

START_TEST(one_fault)
{
	struct json_faults f;
	struct body b;

	ck_assert_msg(decode(&schema, faults[_i].text, &b, &f) ==
	    faults[_i].err, "%s", faults[_i].text);
	ck_assert_uint_eq(f.n, 1);
	ck_assert_str_eq(f.v[0].pointer, faults[_i].pointer);
	ck_assert_msg(strncmp(f.v[0].detail, faults[_i].detail,
	    strlen(faults[_i].detail)) == 0, "%s: %s", faults[_i].text,
	    f.v[0].detail);
}
END_TEST

START_TEST(many_faults)
{
	struct json_faults f;
	struct body b;
	char text[512] = "{";
	int i;

	ck_assert_int_eq(decode(&schema, "{\"port\":0,\"on\":\"x\",\"new\":"
	    "1}", &b, &f), ERR_INVALID);
	ck_assert_uint_eq(f.n, 4);
	ck_assert_str_eq(f.v[0].pointer, "/port");
	ck_assert_str_eq(f.v[1].pointer, "/on");
	ck_assert_str_eq(f.v[2].pointer, "/new");
	ck_assert_str_eq(f.v[3].pointer, "/name");
	for (i = 0; i < 20; i++)
		snprintf(text + strlen(text), 32, "%s\"x%d\":0",
		    i > 0 ? "," : "", i);
	strcat(text, "}");
	ck_assert_int_eq(decode(&schema, text, &b, &f), ERR_INVALID);
	ck_assert_uint_eq(f.n, JSON_FAULTS);
	/* an open schema lets them through and still sees the rest */
	ck_assert_int_eq(decode(&open_schema, text, &b, &f), ERR_INVALID);
	ck_assert_uint_eq(f.n, 1);
	ck_assert_int_eq(decode(&open_schema, "{\"x\":1,\"name\":\"n\"}", &b,
	    &f), ERR_OK);
	/* many keys, one of them twice, far apart */
	ck_assert_int_eq(decode(&open_schema, "{\"a\":1,\"b\":1,\"c\":1,"
	    "\"d\":1,\"e\":1,\"f\":1,\"name\":\"n\",\"g\":1,\"a\":2}", &b,
	    &f), ERR_BAD_JSON);
	/* the same key in two objects is fine */
	ck_assert_int_eq(decode(&open_schema, "{\"a\":{\"a\":1},\"b\":"
	    "[{\"a\":1},{\"a\":1}],\"name\":\"n\"}", &b, &f), ERR_OK);
}
END_TEST

START_TEST(depth)
{
	char text[400] = "{\"name\":\"x\",\"any\":";
	struct json_faults f;
	struct buf out = BUF_INIT;
	size_t n = strlen(text);
	struct body b;

	memset(text + n, '[', 63);
	memset(text + n + 63, ']', 63);
	strcpy(text + n + 126, "}");
	ck_assert_int_eq(decode(&schema, text, &b, &f), ERR_OK);
	/* as deep as a text may be, the canonical form still writes it */
	ck_assert_int_eq(json_canonical(text, strlen(text), &out), 0);
	memset(text + n, '[', 64);
	memset(text + n + 64, ']', 64);
	strcpy(text + n + 128, "}");
	ck_assert_int_eq(decode(&schema, text, &b, &f), ERR_BAD_JSON);
	ck_assert_int_eq(json_canonical(text, strlen(text), &out), -1);
	buf_free(&out);
}
END_TEST

static const struct { const char *text, *canon; } canons[] = {
	{ "{\"b\":1,\"a\":2}", "{\"a\":2,\"b\":1}" },
	{ " { \"b\" : [ 1 , { \"d\" : 0 , \"c\" : null } ] } ",
	    "{\"b\":[1,{\"c\":null,\"d\":0}]}" },
	{ "{\"a\":1,\"B\":2,\"\xc3\xa9\":3,\"aa\":4,\"\":5}",
	    "{\"\":5,\"B\":2,\"a\":1,\"aa\":4,\"\xc3\xa9\":3}" },
	{ "1.0", "1" }, { "-0.0", "0" }, { "-0", "0" }, { "10e-1", "1" },
	{ "1E2", "100" }, { "0.10", "0.1" }, { "2.0999999046325684",
	    "2.0999999046325684" }, { "1e300", "1e+300" },
	{ "9223372036854775807", "9223372036854775807" },
	{ "-9223372036854775808", "-9223372036854775808" },
	{ "18446744073709551615", "18446744073709551615" },
	{ "1e999", "1e999" },
	{ "\"\\u00e9\\/\\u000a\"", "\"\xc3\xa9/\\n\"" },
	{ "true", "true" }, { "null", "null" }, { "[]", "[]" },
	{ "{}", "{}" }, { "{\"a\":{}}", "{\"a\":{}}" },
	{ "{'a':1}", NULL }, { "{\"a\":1,}", NULL }, { "", NULL },
	{ "[\"\t\"]", NULL }, { "1 2", NULL },
};

START_TEST(canonical)
{
	struct buf out = BUF_INIT;
	const char *text = canons[_i].text;
	int rc = json_canonical(text, strlen(text), &out);

	ck_assert_int_eq(rc, canons[_i].canon != NULL ? 0 : -1);
	if (rc == 0) {
		ck_assert_str_eq(buf_cstr(&out), canons[_i].canon);
		buf_puts(&out, "");
		text = canons[_i].canon;
		buf_clear(&out);
		ck_assert_int_eq(json_canonical(text, strlen(text), &out),
		    0);
		ck_assert_str_eq(buf_cstr(&out), text);
	}
	buf_free(&out);
}
END_TEST

START_TEST(member)
{
	struct slice v;

	ck_assert(json_member("{\"a\":1,\"b\": {\"a\":2} }", 20, "b", &v));
	ck_assert(slice_eq(v, "{\"a\":2}"));
	ck_assert(!json_member("{\"a\":1}", 7, "b", &v));
	ck_assert(!json_member("[1]", 3, "a", &v));
	ck_assert(!json_member("{\"a\":", 5, "a", &v));
	ck_assert(!json_member("", 0, "a", &v));
}
END_TEST

START_TEST(writer)
{
	struct buf b = BUF_INIT;
	struct json_w w;

	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "s");
	json_w_str(&w, "q\"\\\b\f\n\r\t\x01/\x7f");
	json_w_key(&w, "nul");
	json_w_str(&w, NULL);
	json_w_key(&w, "bad");
	json_w_slice(&w, (struct slice){ "a\xff\xc3\xa9\xc3", 5 });
	json_w_key(&w, "zero");
	json_w_slice(&w, (struct slice){ "a\0b", 3 });
	json_w_key(&w, "a");
	json_w_array(&w);
	json_w_i64(&w, INT64_MIN);
	json_w_u64(&w, UINT64_MAX);
	json_w_i64(&w, 0);
	json_w_double(&w, 0.1);
	json_w_double(&w, NAN);
	json_w_double(&w, DBL_MAX);
	json_w_bool(&w, true);
	json_w_array(&w);
	json_w_end_array(&w);
	json_w_object(&w);
	json_w_end_object(&w);
	json_w_raw(&w, SLICE("{\"r\":1}"));
	json_w_end_array(&w);
	json_w_key(&w, "z");
	json_w_bool(&w, false);
	json_w_end_object(&w);
	ck_assert_str_eq(buf_cstr(&b), "{\"s\":\"q\\\"\\\\\\b\\f\\n\\r\\t"
	    "\\u0001/\x7f\",\"nul\":null,\"bad\":\"a\xef\xbf\xbd\xc3\xa9"
	    "\xef\xbf\xbd\",\"zero\":\"a\xef\xbf\xbd""b\",\"a\":"
	    "[-9223372036854775808,18446744073709551615,0,0.1,null,"
	    "1.7976931348623157e+308,true,[],{},{\"r\":1}],\"z\":false}");
	buf_free(&b);
}
END_TEST

/* Misuse is a bug and ends the process. */
START_TEST(writer_misuse)
{
	struct buf b = BUF_INIT;
	struct json_w w;
	int i;

	json_w_init(&w, &b);
	switch (_i) {
	case 0:
		json_w_end_object(&w);
		break;
	case 1:
		json_w_key(&w, "x");
		break;
	case 2:
		json_w_object(&w);
		json_w_key(&w, "x");
		json_w_key(&w, "y");
		break;
	case 3:
		json_w_object(&w);
		json_w_key(&w, "x");
		json_w_end_object(&w);
		break;
	case 4:
		for (i = 0; i <= JSCAN_DEPTH; i++)
			json_w_array(&w);
		break;
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("json");
	TCase *tc = tcase_create("all");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, all_members);
	tcase_add_test(tc, absent_and_null);
	tcase_add_loop_test(tc, one_fault, 0, (int)nitems(faults));
	tcase_add_test(tc, many_faults);
	tcase_add_test(tc, depth);
	tcase_add_loop_test(tc, canonical, 0, (int)nitems(canons));
	tcase_add_test(tc, member);
	tcase_add_test(tc, writer);
	tcase_add_loop_test_raise_signal(tc, writer_misuse, 6, 0, 5);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, getenv("CK_TAP_LOG_FILE_NAME") != NULL ?
	    CK_SILENT : CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
