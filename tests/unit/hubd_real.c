/* real: numbers as text, seven digits of them. */
#include <check.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "real.h"
#include "xmalloc.h"

static const char *
text(double v)
{
	static char b[REAL_TEXT + 1];
	size_t n = real_text(b, v);

	ck_assert_uint_le(n, REAL_TEXT);
	b[n] = '\0';
	return b;
}

static const struct {
	double		 v;
	const char	*text;
} rows[] = {
	{ 0, "0" }, { 1, "1" }, { -1, "-1" }, { 0.5, "0.5" },
	{ -12.25, "-12.25" }, { 99.5, "99.5" }, { 1234567, "1234567" },
	{ 4999872000.0, "4999872000" }, { 0.1, "0.1" },
	{ 0.001, "0.001" }, { 0.0123456789, "0.01234568" },
	{ 0.00123456789, "0.001234568" },
	{ 123.456789, "123.4568" }, { 1234567.5, "1234568" },
	{ 9.9999999, "10" }, { 0.99999999, "1" }, { 1e14, "100000000000000" },
	{ 1.5e15, "1.5e+15" }, { 1e30, "1e+30" }, { 1e-5, "1e-05" },
	{ -2.5e-7, "-2.5e-07" }, { 12345678.9, "12345679" },
};

START_TEST(is_written)
{
	ck_assert_str_eq(text(rows[_i].v), rows[_i].text);
}
END_TEST

/* Read back it is the number, but for the eighth digit. */
START_TEST(is_read_back)
{
	uint64_t x = 88172645463325252u;
	double v, back;
	int i;

	for (i = 0; i < 300000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		v = ldexp((double)(x >> 11), (int)(x % 80) - 70 - 13);
		if (x & 1024)
			v = -v;
		back = strtod(text(v), NULL);
		ck_assert_msg(fabs(back - v) <= fabs(v) * 5.1e-7,
		    "%.17g became %s", v, text(v));
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("real");
	TCase *tc = tcase_create("real");
	SRunner *r;
	int failed;

	tcase_add_loop_test(tc, is_written, 0, nitems(rows));
	tcase_add_test(tc, is_read_back);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
