/* Slices, numbers and text codings. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "str.h"
#include "xmalloc.h"

static const struct { const char *a, *b; bool eq, ieq; } pairs[] = {
	{ "", "", true, true }, { "a", "a", true, true },
	{ "a", "A", false, true }, { "ab", "a", false, false },
	{ "a", "ab", false, false }, { "", "a", false, false },
	{ "[", "{", false, false }, { "@", "`", false, false },
	{ "\xc3\xa4", "\xc3\x84", false, false },
	{ "Content-Length", "content-length", false, true },
};

START_TEST(equality)
{
	struct slice a = slice_of(pairs[_i].a);

	ck_assert_int_eq(slice_eq(a, pairs[_i].b), pairs[_i].eq);
	ck_assert_int_eq(slice_ieq(a, pairs[_i].b), pairs[_i].ieq);
	ck_assert_int_eq(slice_same(a, slice_of(pairs[_i].b)), pairs[_i].eq);
}
END_TEST

START_TEST(null_slice)
{
	struct slice part, s = slice_of(NULL);

	ck_assert_ptr_null(s.p);
	ck_assert_uint_eq(s.n, 0);
	ck_assert(slice_eq(s, ""));
	ck_assert(slice_same(s, slice_of("")));
	ck_assert(!slice_cut(&s, ',', &part));
	ck_assert_uint_eq(slice_trim(s).n, 0);
}
END_TEST

static const struct { const char *in, *out; } trims[] = {
	{ "", "" }, { " ", "" }, { "\t \t", "" }, { " a b ", "a b" },
	{ "a", "a" }, { "\ta", "a" }, { "a\n ", "a\n" },
};

START_TEST(trim)
{
	ck_assert(slice_eq(slice_trim(slice_of(trims[_i].in)),
	    trims[_i].out));
}
END_TEST

static const struct { const char *in; size_t n; const char *part[4]; }
cuts[] = {
	{ "", 1, { "" } },
	{ "a", 1, { "a" } },
	{ ",", 2, { "", "" } },
	{ "a,b", 2, { "a", "b" } },
	{ "a,,b,", 4, { "a", "", "b", "" } },
};

START_TEST(cut)
{
	struct slice	rest = slice_of(cuts[_i].in), part;
	size_t		n = 0;

	while (slice_cut(&rest, ',', &part)) {
		ck_assert_uint_lt(n, cuts[_i].n);
		ck_assert(slice_eq(part, cuts[_i].part[n]));
		n++;
	}
	ck_assert_uint_eq(n, cuts[_i].n);
}
END_TEST

static const struct { const char *list; bool has; } lists[] = {
	{ "upgrade", true }, { "Upgrade", true }, { "a, upgrade", true },
	{ " ,\tUPGRADE\t,", true }, { "keep-alive,upgrade", true },
	{ "", false }, { "upgrades", false }, { "up grade", false },
	{ "xupgrade", false }, { "upgrade;x", false }, { ",,", false },
};

START_TEST(list_has)
{
	ck_assert_int_eq(slice_list_has(slice_of(lists[_i].list), "upgrade"),
	    lists[_i].has);
}
END_TEST

static const struct { const char *in; uint64_t max, v; int err; } u64s[] = {
	{ "0", 0, 0, 0 }, { "7", 7, 7, 0 }, { "8", 7, 0, ERANGE },
	{ "007", 10, 7, 0 }, { "9", 5, 0, ERANGE }, { "10", 9, 0, ERANGE },
	{ "18446744073709551615", UINT64_MAX, UINT64_MAX, 0 },
	{ "18446744073709551616", UINT64_MAX, 0, ERANGE },
	{ "99999999999999999999999", UINT64_MAX, 0, ERANGE },
	{ "", 9, 0, EINVAL }, { "+1", 9, 0, EINVAL }, { "-1", 9, 0, EINVAL },
	{ " 1", 9, 0, EINVAL }, { "1 ", 9, 0, EINVAL }, { "0x1", 9, 0, EINVAL },
	{ "1.0", 9, 0, EINVAL }, { "1,1", 99, 0, EINVAL },
	{ "99999999999999999999999x", UINT64_MAX, 0, EINVAL },
};

START_TEST(u64)
{
	uint64_t v = 4711;

	errno = 0;
	if (slice_u64(slice_of(u64s[_i].in), u64s[_i].max, &v) == -1) {
		ck_assert_int_ne(u64s[_i].err, 0);
		ck_assert_int_eq(errno, u64s[_i].err);
		ck_assert_uint_eq(v, 4711);
	} else {
		ck_assert_int_eq(u64s[_i].err, 0);
		ck_assert_uint_eq(v, u64s[_i].v);
	}
}
END_TEST

static const struct { const char *in; int64_t min, max, v; int err; }
i64s[] = {
	{ "0", 0, 0, 0, 0 }, { "-5", -5, 5, -5, 0 }, { "-6", -5, 5, 0, ERANGE },
	{ "6", -5, 5, 0, ERANGE }, { "-0", -5, 5, 0, 0 },
	{ "-9223372036854775808", INT64_MIN, INT64_MAX, INT64_MIN, 0 },
	{ "-9223372036854775809", INT64_MIN, INT64_MAX, 0, ERANGE },
	{ "9223372036854775807", INT64_MIN, INT64_MAX, INT64_MAX, 0 },
	{ "9223372036854775808", INT64_MIN, INT64_MAX, 0, ERANGE },
	{ "-", -5, 5, 0, EINVAL }, { "--1", -5, 5, 0, EINVAL },
	{ "", -5, 5, 0, EINVAL }, { "+1", -5, 5, 0, EINVAL },
};

START_TEST(i64)
{
	int64_t v = 4711;

	errno = 0;
	if (slice_i64(slice_of(i64s[_i].in), i64s[_i].min, i64s[_i].max,
	    &v) == -1) {
		ck_assert_int_eq(errno, i64s[_i].err);
		ck_assert_int_eq(v, 4711);
	} else {
		ck_assert_int_eq(i64s[_i].err, 0);
		ck_assert_int_eq(v, i64s[_i].v);
	}
}
END_TEST

START_TEST(copy)
{
	char d[4] = "xyz";

	ck_assert_uint_eq(str_copy(d, sizeof(d), "ab"), 2);
	ck_assert_str_eq(d, "ab");
	ck_assert_uint_eq(str_copy(d, sizeof(d), "abcdef"), 6);
	ck_assert_str_eq(d, "abc");
	ck_assert_uint_eq(str_copy(d, 1, "q"), 1);
	ck_assert_str_eq(d, "");
	ck_assert_uint_eq(str_copy(NULL, 0, "four"), 4);
}
END_TEST

START_TEST(hex)
{
	static const uint8_t in[] = { 0x00, 0x0f, 0xa0, 0xff };
	uint8_t	back[4];
	char	text[9];

	str_hex(text, in, sizeof(in));
	ck_assert_str_eq(text, "000fa0ff");
	ck_assert_int_eq(str_unhex(back, slice_of("000FA0fF"), 4), 0);
	ck_assert_mem_eq(back, in, 4);
	ck_assert_int_eq(str_unhex(back, slice_of("000fa0f"), 4), -1);
	ck_assert_int_eq(str_unhex(back, slice_of("000fa0ff0"), 4), -1);
	ck_assert_int_eq(str_unhex(back, slice_of("000fa0fg"), 4), -1);
	ck_assert_int_eq(str_unhex(back, slice_of("000fa0 f"), 4), -1);
	ck_assert_int_eq(str_unhex(back, slice_of(""), 0), 0);
}
END_TEST

/* RFC 4648 section 10 */
static const struct { const char *plain, *text; } base64s[] = {
	{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" }, { "\xff\xef\xbe", "/+++" },
};

START_TEST(base64)
{
	const char	*plain = base64s[_i].plain, *text = base64s[_i].text;
	char		 dst[16];
	size_t		 n = strlen(plain);

	ck_assert_int_eq(str_base64(dst, strlen(text) + 1, plain, n),
	    (int)strlen(text));
	ck_assert_str_eq(dst, text);
	ck_assert_int_eq(str_base64(dst, strlen(text), plain, n), -1);
	ck_assert_int_eq(str_unbase64(dst, n, slice_of(text)), (int)n);
	ck_assert_mem_eq(dst, plain, n);
	if (n > 0)
		ck_assert_int_eq(str_unbase64(dst, n - 1, slice_of(text)),
		    -1);
}
END_TEST

static const char *const bad_base64[] = {
	"Z", "Zg", "Zg=", "Zg===", "Zg==Zg==", "=Zg=", "====", "Zh==", "Zm9=",
	"Z g==", "Zg==\n", "Zm-v", "Zm_v", "Z===", "Zm9v=",
};

START_TEST(unbase64_refuses)
{
	char dst[16];

	ck_assert_int_eq(str_unbase64(dst, sizeof(dst),
	    slice_of(bad_base64[_i])), -1);
}
END_TEST

static const struct { const char *in; bool form; const char *out; } urls[] = {
	{ "", false, "" }, { "abc", false, "abc" }, { "a%20b", false, "a b" },
	{ "a+b", false, "a+b" }, { "a+b", true, "a b" },
	{ "%2B", true, "+" }, { "%c3%A4", false, "\xc3\xa4" },
	{ "%", false, NULL }, { "%2", false, NULL }, { "%g0", false, NULL },
	{ "%0g", false, NULL }, { "a%00b", false, NULL },
	{ "% 20", false, NULL }, { "12345678", false, NULL },
	{ "1234567", false, "1234567" }, { "%%20", false, NULL },
};

START_TEST(urldecode)
{
	char	dst[8];
	int	n;

	n = str_urldecode(dst, sizeof(dst), slice_of(urls[_i].in),
	    urls[_i].form);
	if (urls[_i].out == NULL) {
		ck_assert_int_eq(n, -1);
		return;
	}
	ck_assert_int_eq(n, (int)strlen(urls[_i].out));
	ck_assert_str_eq(dst, urls[_i].out);
}
END_TEST

START_TEST(urldecode_raw_nul)
{
	char dst[8];

	ck_assert_int_eq(str_urldecode(dst, sizeof(dst),
	    (struct slice){ "a\0b", 3 }, false), -1);
	ck_assert_int_eq(str_urldecode(dst, 0, slice_of(""), false), -1);
}
END_TEST

int
main(void)
{
	Suite	*s = suite_create("str");
	TCase	*tc = tcase_create("str");
	SRunner	*sr;
	int	 failed;

	tcase_add_loop_test(tc, equality, 0, (int)nitems(pairs));
	tcase_add_test(tc, null_slice);
	tcase_add_loop_test(tc, trim, 0, (int)nitems(trims));
	tcase_add_loop_test(tc, cut, 0, (int)nitems(cuts));
	tcase_add_loop_test(tc, list_has, 0, (int)nitems(lists));
	tcase_add_loop_test(tc, u64, 0, (int)nitems(u64s));
	tcase_add_loop_test(tc, i64, 0, (int)nitems(i64s));
	tcase_add_test(tc, copy);
	tcase_add_test(tc, hex);
	tcase_add_loop_test(tc, base64, 0, (int)nitems(base64s));
	tcase_add_loop_test(tc, unbase64_refuses, 0,
	    (int)nitems(bad_base64));
	tcase_add_loop_test(tc, urldecode, 0, (int)nitems(urls));
	tcase_add_test(tc, urldecode_raw_nul);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
