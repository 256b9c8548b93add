/* jscan: what is JSON and what is not, tokens, slices, conversions. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jscan.h"
#include "xmalloc.h"

/* An exact copy on the heap, so that a sanitizer sees reads behind it. */
static char *
exact(const char *p, size_t n)
{
	char *q = malloc(n > 0 ? n : 1);

	ck_assert_ptr_nonnull(q);
	memcpy(q, p, n);
	return q;
}

/* The token walk: another way through the same rules than jscan_valid. */
static bool
walk_valid(const char *p, size_t n)
{
	struct jscan js;
	enum jscan_tok t;

	jscan_init(&js, p, n);
	while ((t = jscan_next(&js)) != JSCAN_END)
		if (t == JSCAN_BAD)
			return false;
	return true;
}

static bool
valid(const char *p, size_t n)
{
	char *q = exact(p, n);
	bool whole = jscan_valid(q, n, NULL), walked = walk_valid(q, n);

	ck_assert_msg(whole == walked, "valid %d, walk %d: %.*s", whole,
	    walked, (int)n, p);
	free(q);
	return whole;
}

static const char *const good[] = {
	"null", " true ", "false", "0", "-0", "1", "-1", "10", "1.5",
	"-0.0", "1e5", "1E+5", "1.25e-10", "\"\"", "\"a\"", "[]", "{}",
	"[[]]", "[{}]", "{\"a\":{}}", "[1,2,3]", " [ 1 , 2 ] ",
	"{\"a\":1,\"b\":[true,false,null]}", "{\"\":0}",
	"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\u0041\\u00e9\\u20ac\"",
	"\"\\ud83d\\ude00\"", "\"\\uD83D\\uDE00\"", "\"\xc3\xa9\"",
	"\"\xe2\x82\xac\"", "\"\xf0\x9f\x98\x80\"", "\"\xf4\x8f\xbf\xbf\"",
	"\"\xed\x9f\xbf\"", "\"\xee\x80\x80\"", "\"\x7f\"",
	"{\"a\" : \"b\" , \"c\" : [ ] }", "\t\r\n[\n]\n",
	"[-1.5,0.25,100,-0,0]", "[\"a\",[\"b\"],{\"c\":\"d\"},\"e\"]",
	"{\"a\":\"a string that is much longer than a block of sixty-four "
	    "bytes, so that it crosses at least one border\",\"b\":2}",
	"[\"a string that is much longer than a block of sixty-four bytes "
	    "so that it crosses at least one border\",\"and one more\"]",
	"{\"a key that is much longer than a block of sixty-four bytes, so "
	    "that it crosses at least one border\":1,\"b\":2}",
	"[123456789012345678901234567890123456789012345678901234567890123456"
	    "789012345678901234567890]",
	"{\"a\":1,\"a\":2}",
};

static const struct { const char *text; size_t at; } bad[] = {
	{ "", 0 }, { " ", 1 }, { "nul", 0 }, { "nulll", 4 }, { "True", 0 },
	{ "tru", 0 }, { "truee", 4 }, { "01", 1 }, { "-", 1 }, { "+1", 0 },
	{ ".5", 0 }, { "1.", 2 }, { "1.e5", 2 }, { "1e", 2 }, { "1e+", 3 },
	{ "--1", 1 }, { "0x10", 1 }, { "1 2", 2 }, { "NaN", 0 },
	{ "Infinity", 0 }, { "\"", 1 }, { "\"a", 2 }, { "'a'", 0 },
	{ "\"\t\"", 1 }, { "\"\n\"", 1 }, { "\"\x01\"", 1 },
	{ "\"\\x\"", 1 }, { "\"\\", 1 }, { "\"\\u12\"", 1 },
	{ "\"\\u123g\"", 1 }, { "\"\\u0000\"", 1 }, { "\"\\ud800\"", 1 },
	{ "\"\\udc00\"", 1 }, { "\"\\ud800\\u0041\"", 1 },
	{ "\"\\ud800x\"", 1 }, { "\"\x80\"", 1 }, { "\"\xc3\"", 1 },
	{ "\"\xc0\xaf\"", 1 }, { "\"\xc1\xbf\"", 1 },
	{ "\"\xe0\x80\x80\"", 1 }, { "\"\xed\xa0\x80\"", 1 },
	{ "\"\xf4\x90\x80\x80\"", 1 }, { "\"\xf5\x80\x80\x80\"", 1 },
	{ "\"\xff\"", 1 }, { "\xef\xbb\xbf{}", 0 },
	{ "[", 1 }, { "]", 0 }, { "[1", 2 }, { "[1,", 3 }, { "[1,]", 3 },
	{ "[,1]", 1 }, { "[1 2]", 3 }, { "[1:2]", 2 }, { "[}", 1 },
	{ "[1}", 2 }, { "[]]", 2 }, { "[\"a\":1]", 4 },
	{ "{", 1 }, { "}", 0 }, { "{]", 1 }, { "{\"a\"}", 4 },
	{ "{\"a\":}", 5 }, { "{\"a\":1", 6 }, { "{\"a\":1,}", 7 },
	{ "{,}", 1 }, { "{1:2}", 1 }, { "{a:1}", 1 }, { "{\"a\" 1}", 5 },
	{ "{\"a\"::1}", 5 }, { "{\"a\":1:2}", 6 }, { "{\"a\":1]", 6 },
	{ "{\"a\":\"b\":1}", 8 }, { "{\"a\":1,\"b\"}", 10 },
	{ "{\"a\",\"b\"}", 4 }, { "{\"a\":1 \"b\":2}", 7 },
	{ "{\"a\":1;\"b\":2}", 6 }, { "{\"a\":1}}", 7 },
	{ "{\"a\":1}{}", 7 }, { "[1]x", 3 }, { "[1.2.3]", 4 },
	{ "[1-2]", 2 }, { "[.5]", 1 }, { "[-.5]", 2 }, { "[00]", 2 },
	{ "[-01]", 3 }, { "[-]", 2 }, { "[1.]", 3 }, { "[-\"a\"]", 2 },
	{ "[\"a\"\"b\"]", 4 }, { "[\"a\"1]", 4 }, { "[1\"a\"]", 2 },
	{ "[true1]", 5 }, { "[1true]", 2 }, { "[tru]", 1 },
	{ "[truetrue]", 5 }, { "[nulll]", 5 }, { "[{}{}]", 3 },
	{ "[[]1]", 3 }, { "[1[]]", 2 }, { "{\"a\":[}", 6 },
	{ "{\"a\":[1,{\"b\":2]}}", 14 }, { "[/**/]", 1 }, { "[1]\f", 3 },
	{ "{\"a\":1,2}", 7 }, { "{\"a\":1,[2]}", 7 }, { "{[1]:2}", 1 },
	{ "[\"a\" \"b\"]", 5 }, { "{\"a\"\"b\":1}", 4 },
	{ "[*1]", 1 }, { "[1<2]", 2 }, { "[\"a\"<2]", 4 },
	{ "{\"a\"*1}", 4 }, { "[1/2]", 2 }, { "[|]", 1 },
};

START_TEST(accepts)
{
	ck_assert_msg(valid(good[_i], strlen(good[_i])), "refused: %s",
	    good[_i]);
}
END_TEST

START_TEST(refuses)
{
	const char *text = bad[_i].text;
	size_t at = 999;

	ck_assert_msg(!valid(text, strlen(text)), "accepted: %s", text);
	ck_assert(!jscan_valid(text, strlen(text), &at));
	ck_assert_msg(at == bad[_i].at, "%s: at %zu, not %zu", text, at,
	    bad[_i].at);
}
END_TEST

/* Every bad container behind much that is good, at every distance. */
START_TEST(refuses_late)
{
	const char *text = bad[_i].text;
	char buf[400];
	size_t pad, n;

	for (pad = 0; pad < 130; pad++) {
		n = (size_t)snprintf(buf, sizeof(buf), "{\"%.*s\":%d,\"k\":"
		    "[1,%s],\"z\":0}", (int)pad, "0123456789abcdefghijklmnop"
		    "qrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz012345678"
		    "9abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqr"
		    , (int)pad, text);
		ck_assert_msg(!valid(buf, n), "accepted: %s", buf);
	}
}
END_TEST

START_TEST(nul_bytes)
{
	ck_assert(!valid("\"a\0b\"", 5));
	ck_assert(!valid("[1]\0", 4));
	ck_assert(!valid("\0", 1));
	ck_assert(!valid("[1,\0 2]", 7));
}
END_TEST

START_TEST(depth)
{
	char text[400];
	struct jscan js;
	unsigned d;

	for (d = 1; d < 80; d++) {
		memset(text, '[', d);
		memset(text + d, ']', d);
		ck_assert_int_eq(valid(text, 2 * d), d <= JSCAN_DEPTH);
		text[0] = '{';
		memcpy(text + 1, "\"a\":", 4);
		memset(text + 5, '[', d - 1);
		memset(text + 4 + d, ']', d - 1);
		text[3 + 2 * d] = '}';
		ck_assert_int_eq(valid(text, 2 * d + 4 - (d == 1)),
		    d <= JSCAN_DEPTH && d > 1);
	}
	/* skip counts the levels it is in already */
	memset(text, '[', 70);
	memset(text + 70, ']', 70);
	jscan_init(&js, text, 140);
	ck_assert_int_eq(jscan_next(&js), JSCAN_ARRAY);
	ck_assert_int_eq(jscan_next(&js), JSCAN_ARRAY);
	ck_assert_int_eq(jscan_skip(&js, NULL), -1);
	ck_assert_ptr_nonnull(js.bad);
}
END_TEST

static void
expect(struct jscan *js, enum jscan_tok t, const char *text)
{
	ck_assert_int_eq(jscan_next(js), t);
	if (text != NULL)
		ck_assert_msg(slice_eq(js->text, text), "%.*s, not %s",
		    (int)js->text.n, js->text.p, text);
}

START_TEST(tokens)
{
	static const char text[] = " {\"a\" : [1, -2.5e3 ,\"x\\ny\"], "
	    "\"b\\u0041\":{},\"c\":true,\"d\":null,\"e\":false} ";
	struct jscan js;

	jscan_init(&js, text, sizeof(text) - 1);
	expect(&js, JSCAN_OBJECT, NULL);
	expect(&js, JSCAN_KEY, "a");
	ck_assert(!js.escaped);
	expect(&js, JSCAN_ARRAY, NULL);
	expect(&js, JSCAN_NUMBER, "1");
	expect(&js, JSCAN_NUMBER, "-2.5e3");
	expect(&js, JSCAN_STRING, "x\\ny");
	ck_assert(js.escaped);
	expect(&js, JSCAN_ARRAY_END, NULL);
	expect(&js, JSCAN_KEY, "b\\u0041");
	ck_assert(js.escaped);
	ck_assert(jscan_is(js.text, js.escaped, "bA"));
	ck_assert(JSCAN_IS(&js, "bA"));
	ck_assert(!JSCAN_IS(&js, "b"));
	expect(&js, JSCAN_OBJECT, NULL);
	expect(&js, JSCAN_OBJECT_END, NULL);
	expect(&js, JSCAN_KEY, "c");
	ck_assert(!js.escaped);
	expect(&js, JSCAN_TRUE, NULL);
	expect(&js, JSCAN_KEY, "d");
	expect(&js, JSCAN_NULL, NULL);
	expect(&js, JSCAN_KEY, "e");
	expect(&js, JSCAN_FALSE, NULL);
	expect(&js, JSCAN_OBJECT_END, NULL);
	expect(&js, JSCAN_END, NULL);
	expect(&js, JSCAN_END, NULL);
}
END_TEST

START_TEST(skipping)
{
	static const char text[] = "{\"a\": {\"x\":[1,2,{\"y\":\"]\"}]} ,"
	    "\"b\":\"q\\\"\",\"c\":-12,\"d\":[ 1 ]}";
	static const char *const values[] = {
	    "{\"x\":[1,2,{\"y\":\"]\"}]}", "\"q\\\"\"", "-12", "[ 1 ]" };
	struct slice v;
	struct jscan js;
	size_t i;

	jscan_init(&js, text, sizeof(text) - 1);
	expect(&js, JSCAN_OBJECT, NULL);
	for (i = 0; i < nitems(values); i++) {
		ck_assert_int_eq(jscan_next(&js), JSCAN_KEY);
		ck_assert_int_eq(jscan_skip(&js, &v), 0);
		ck_assert(slice_eq(v, values[i]));
	}
	/* no value is due here */
	ck_assert_int_eq(jscan_skip(&js, &v), -1);
	ck_assert_ptr_nonnull(js.bad);
	expect(&js, JSCAN_BAD, NULL);
}
END_TEST

/* Members in one call: compact, spaced, escaped, empty, broken. */
START_TEST(members)
{
	static const char text[] = "{\"a\":1,\"b\" : [2] ,\"c\\u0041\":"
	    "{\"x\":\"\\n\"},\"d\":\"\\t\" , \"e\":{}}";
	static const struct { const char *key, *value; bool escaped; }
	    want[] = {
		{ "a", "1", false }, { "b", "[2]", false },
		{ "c\\u0041", "{\"x\":\"\\n\"}", true },
		{ "d", "\"\\t\"", false }, { "e", "{}", false },
	};
	static const char *const broken[] = { "{\"a\"}", "{\"a\":}",
	    "{\"a\":1 \"b\":2}", "{\"a\":1\"b\":2}", "{,\"a\":1}",
	    "{\"a\":1,}", "{\"a\":1,,\"b\":2}", "{\"a\":01}", "{\"a",
	    "{\"a\":1", "{\"a\":[1}", "{\"\x01\":1}" };
	struct slice v;
	struct jscan js;
	size_t i;
	int rc;

	jscan_init(&js, text, sizeof(text) - 1);
	expect(&js, JSCAN_OBJECT, NULL);
	for (i = 0; i < nitems(want); i++) {
		ck_assert_int_eq(jscan_member(&js, &v), 1);
		ck_assert(slice_eq(js.text, want[i].key));
		ck_assert(slice_eq(v, want[i].value));
		ck_assert_int_eq(js.escaped, want[i].escaped);
	}
	ck_assert_int_eq(jscan_member(&js, &v), 0);
	expect(&js, JSCAN_END, NULL);
	jscan_init(&js, " {} ", 4);
	expect(&js, JSCAN_OBJECT, NULL);
	ck_assert_int_eq(jscan_member(&js, &v), 0);
	for (i = 0; i < nitems(broken); i++) {
		char *q = exact(broken[i], strlen(broken[i]));

		jscan_init(&js, q, strlen(broken[i]));
		expect(&js, JSCAN_OBJECT, NULL);
		while ((rc = jscan_member(&js, &v)) > 0)
			;
		ck_assert_msg(rc == -1, "accepted: %s", broken[i]);
		ck_assert_ptr_nonnull(js.bad);
		free(q);
	}
	/* an array has none */
	jscan_init(&js, "[1,\"a\":2]", 9);
	expect(&js, JSCAN_ARRAY, NULL);
	ck_assert_int_eq(jscan_member(&js, &v), -1);
}
END_TEST

START_TEST(numbers)
{
	static const struct { const char *s; int rc; int64_t v; } i64[] = {
		{ "0", 0, 0 }, { "-0", 0, 0 }, { "-1", 0, -1 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "9223372036854775808", -1, 0 },
		{ "-9223372036854775809", -1, 0 }, { "1.0", -1, 0 },
		{ "1e3", -1, 0 }, { "", -1, 0 }, { "-", -1, 0 },
		{ "99999999999999999999999999", -1, 0 },
	};
	static const struct { const char *s; int rc; uint64_t v; } u64[] = {
		{ "0", 0, 0 }, { "7215510876", 0, 7215510876u },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", 0, UINT64_MAX },
		{ "99999999999999999999999999", 0, UINT64_MAX },
		{ "-1", -1, 0 }, { "-0", -1, 0 }, { "1.5", -1, 0 },
		{ "1e3", -1, 0 }, { "", -1, 0 },
		{ "11111111111111111111.1", -1, 0 },
	};
	int64_t i;
	uint64_t u;
	double d;
	size_t k;

	for (k = 0; k < nitems(i64); k++) {
		ck_assert_int_eq(jscan_i64(slice_of(i64[k].s), &i),
		    i64[k].rc);
		ck_assert(i64[k].rc != 0 || i == i64[k].v);
	}
	for (k = 0; k < nitems(u64); k++) {
		ck_assert_int_eq(jscan_u64(slice_of(u64[k].s), &u),
		    u64[k].rc);
		ck_assert(u64[k].rc != 0 || u == u64[k].v);
	}
	ck_assert_int_eq(jscan_double(SLICE("2.0999999046325684"), &d), 0);
	ck_assert(d == 2.0999999046325684);
	ck_assert_int_eq(jscan_double(SLICE("1e999"), &d), -1);
	ck_assert_int_eq(jscan_double(SLICE("x"), &d), -1);
	ck_assert_int_eq(jscan_double(SLICE(""), &d), -1);
}
END_TEST

START_TEST(unescaping)
{
	static const struct { const char *raw, *text; } rows[] = {
		{ "", "" }, { "plain", "plain" },
		{ "\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t" },
		{ "\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac" },
		{ "\\ud83d\\ude00", "\xf0\x9f\x98\x80" },
		{ "\\x", NULL }, { "\\", NULL }, { "\\ud800", NULL },
		{ "\\u0000", NULL }, { "\\u12", NULL },
	};
	struct slice raw;
	char dst[64];
	size_t i;
	long n;

	for (i = 0; i < nitems(rows); i++) {
		raw = slice_of(rows[i].raw);
		n = jscan_unescape(dst, raw.n, raw);
		if (rows[i].text == NULL) {
			ck_assert_int_eq(n, -1);
			continue;
		}
		ck_assert_int_eq(n, (long)strlen(rows[i].text));
		ck_assert_mem_eq(dst, rows[i].text, (size_t)n);
	}
	ck_assert_int_eq(jscan_unescape(dst, 2, SLICE("abc")), -1);
	ck_assert_int_eq(jscan_unescape(dst, 2, SLICE("\\u20ac")), -1);
	ck_assert(!jscan_is(SLICE("a\\u0062"), true, "abc"));
	ck_assert(jscan_is(SLICE("a\\u0062c"), true, "abc"));
	ck_assert(!jscan_is(SLICE("a\\u0062c"), false, "abc"));
}
END_TEST

/* ---- captured messages ---- */

struct sample { char *p; size_t n; };

static size_t
samples(struct sample *v, size_t max)
{
	const char *src = getenv("MAST_SRC");
	char path[512];
	struct dirent *e;
	size_t n = 0;
	FILE *f;
	DIR *d;

	snprintf(path, sizeof(path), "%s/tests/samples",
	    src != NULL ? src : ".");
	d = opendir(path);
	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d)) != NULL && n < max) {
		if (strstr(e->d_name, ".json") == NULL)
			continue;
		snprintf(path, sizeof(path), "%s/tests/samples/%s",
		    src != NULL ? src : ".", e->d_name);
		f = fopen(path, "r");
		ck_assert_ptr_nonnull(f);
		v[n].p = malloc(1 << 20);
		ck_assert_ptr_nonnull(v[n].p);
		v[n].n = fread(v[n].p, 1, 1 << 20, f);
		fclose(f);
		n++;
	}
	closedir(d);
	return n;
}

START_TEST(sample_files)
{
	struct sample v[64];
	size_t n = samples(v, nitems(v)), i, cut;

	ck_assert_uint_ge(n, 30);
	for (i = 0; i < n; i++) {
		while (v[i].n > 0 && v[i].p[v[i].n - 1] == '\n')
			v[i].n--;
		ck_assert(valid(v[i].p, v[i].n));
		for (cut = 1; cut < v[i].n && cut < 300; cut++)
			ck_assert(!valid(v[i].p, v[i].n - cut));
		free(v[i].p);
	}
}
END_TEST

static bool
has_quick(void)
{
#if defined(__x86_64__)
	return __builtin_cpu_supports("avx2") &&
	    __builtin_cpu_supports("bmi2") &&
	    __builtin_cpu_supports("pclmul");
#else
	return false;
#endif
}

/* What the quick way gives of an object's members is what a walk gives. */
static void
same_members(const char *p, size_t n)
{
	struct jscan quick, slow;
	const char *at[64];
	struct slice raw;
	int got, i;

	jscan_init(&quick, p, n);
	if (jscan_next(&quick) != JSCAN_OBJECT)
		return;
	slow = quick;
	got = jscan_members(&quick, at, nitems(at) - 1);
	if (got < 0)
		return;
	for (i = 0; i < got; i++) {
		ck_assert_int_eq(jscan_member(&slow, &raw), 1);
		ck_assert_ptr_eq(slow.text.p, at[i] + 1);
		ck_assert_ptr_eq(raw.p + raw.n, at[i + 1] - 1);
	}
	ck_assert_int_eq(jscan_member(&slow, &raw), 0);
	ck_assert_ptr_eq(slow.p, quick.p);
	ck_assert_uint_eq(slow.depth, quick.depth);
	ck_assert_uint_eq(slow.state, quick.state);
}

/* Every quick way this machine has: what it accepts is valid. */
static void
ways(const char *p, size_t n)
{
	const char *at[64], *fast, *first = NULL;
	int way;

	for (way = JSCAN_AVX2; way <= JSCAN_AVX512; way++) {
		struct jscan_spots spots = { at, 0, nitems(at) };

		fast = jscan_fast_by(way, p, p + n, JSCAN_DEPTH, NULL);
		ck_assert_msg(fast == NULL || walk_valid(p,
		    (size_t)(fast - p)), "accepted: %.*s", (int)n, p);
		if (fast != NULL && first != NULL)
			ck_assert_ptr_eq(fast, first);
		first = fast != NULL ? fast : first;
		fast = jscan_fast_by(way, p, p + n, JSCAN_DEPTH, &spots);
		ck_assert(fast == NULL || fast == first);
	}
	same_members(p, n);
}

/* Objects inside the samples, at every place of a block. */
START_TEST(inner_members)
{
	struct sample v[64];
	size_t n = samples(v, nitems(v)), i, at;

	for (i = 0; i < n; i++) {
		for (at = 0; at < v[i].n && at < 20000; at++)
			if (v[i].p[at] == '{')
				same_members(v[i].p + at, v[i].n - at);
		free(v[i].p);
	}
}
END_TEST

START_TEST(member_places)
{
	static const struct { const char *text; int want; } t[] = {
		{ "{}", 0 }, { "{\"a\":1}", 1 }, { "{\"a\":1,\"b\":[1,2]}", 2 },
		{ "{\"a\":{\"x\":1,\"y\":2},\"b\":\",\",\"\":null}", 3 },
		{ "{ }", -1 }, { "{\"a\": 1}", -1 }, { "{\"a\\n\":1}", -1 },
		{ "{\"a\":1", -1 }, { "{\"a\"}", -1 }, { "{\"a\":1,}", -1 },
	};
	const char *at[4];
	struct jscan js;

	jscan_init(&js, t[_i].text, strlen(t[_i].text));
	ck_assert_int_eq(jscan_next(&js), JSCAN_OBJECT);
	ck_assert(jscan_members(&js, at, 3) == t[_i].want || !has_quick());
	same_members(t[_i].text, strlen(t[_i].text));
}
END_TEST

/* One member more than there is room for: walk it. */
START_TEST(too_many_members)
{
	static const char text[] = "{\"a\":1,\"b\":2,\"c\":3}";
	const char *at[4];
	struct jscan js;

	jscan_init(&js, text, sizeof(text) - 1);
	ck_assert_int_eq(jscan_next(&js), JSCAN_OBJECT);
	ck_assert_int_eq(jscan_members(&js, at, 2), -1);
	ck_assert_int_eq(jscan_members(&js, at, 0), -1);
	ck_assert_int_eq(jscan_members(&js, at, 3), has_quick() ? 3 : -1);
	if (has_quick()) {
		ck_assert_ptr_eq(JSCAN_VALUE(at + 1, "b"), at[1] + 4);
		ck_assert_ptr_null(JSCAN_VALUE(at + 1, "bb"));
		ck_assert_ptr_null(JSCAN_VALUE(at + 1, "a"));
		ck_assert_int_eq(jscan_next(&js), JSCAN_END);
	}
}
END_TEST

/*
 * Both ways over a text must agree on damaged messages, and the fast one
 * must end a value where the plain one does.
 */
START_TEST(damaged)
{
	static const char dirt[] = "\"\\{}[],:0123456789.-+eEtfn \t\x01\x80/";
	struct sample v[64];
	size_t n = samples(v, nitems(v)), i, len, at;
	unsigned seed = 12345, round, k;
	char *q;

	for (i = 0; i < n; i++) {
		len = v[i].n < 3000 ? v[i].n : 3000;
		for (round = 0; round < 400; round++) {
			q = exact(v[i].p, v[i].n);
			for (k = 0; k < 1 + round % 3; k++) {
				seed = seed * 1103515245 + 12345;
				at = (seed >> 8) % len;
				seed = seed * 1103515245 + 12345;
				q[at] = dirt[(seed >> 8) % (sizeof(dirt) -
				    1)];
			}
			ck_assert_int_eq(jscan_valid(q, v[i].n, NULL),
			    walk_valid(q, v[i].n));
			ways(q, v[i].n);
			free(q);
		}
		free(v[i].p);
	}
}
END_TEST

/* Short texts of an alphabet of structure, all of them up to a length. */
START_TEST(exhaustive)
{
	static const char *const parts[] = { "{", "}", "[", "]", ",", ":",
	    "\"a\"", "1", "0", "-", ".", "true" };
	char text[64], room[200];
	unsigned long all = 1, code, c;
	size_t n, i, len;

	for (n = 1; n <= 5; n++) {
		all *= nitems(parts);
		for (code = 0; code < all; code++) {
			text[0] = '\0';
			for (i = 0, c = code; i < n; i++, c /= nitems(parts))
				strcat(text, parts[c % nitems(parts)]);
			len = (size_t)snprintf(room, sizeof(room),
			    "[%s%*s", text, 70, "");
			ways(room, len);
			room[0] = '{';
			ways(room, len);
		}
	}
}
END_TEST

/* The quick way is really taken for what real nodes send. */
START_TEST(fast_is_used)
{
	struct sample v[64];
	size_t n = samples(v, nitems(v)), i;

	for (i = 0; i < n; i++) {
		if (has_quick())
			ck_assert_ptr_nonnull(jscan_fast(v[i].p, v[i].p +
			    v[i].n, JSCAN_DEPTH));
		free(v[i].p);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("jscan");
	TCase *tc = tcase_create("all");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, accepts, 0, (int)nitems(good));
	tcase_add_loop_test(tc, refuses, 0, (int)nitems(bad));
	tcase_add_loop_test(tc, refuses_late, 0, (int)nitems(bad));
	tcase_add_test(tc, nul_bytes);
	tcase_add_test(tc, depth);
	tcase_add_test(tc, tokens);
	tcase_add_test(tc, skipping);
	tcase_add_test(tc, members);
	tcase_add_test(tc, numbers);
	tcase_add_test(tc, unescaping);
	tcase_add_test(tc, sample_files);
	tcase_add_test(tc, damaged);
	tcase_add_test(tc, exhaustive);
	tcase_add_test(tc, fast_is_used);
	tcase_add_test(tc, inner_members);
	tcase_add_loop_test(tc, member_places, 0, 10);
	tcase_add_test(tc, too_many_members);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, getenv("CK_TAP_LOG_FILE_NAME") != NULL ?
	    CK_SILENT : CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
