/* The clocks move forward; wall time has its RFC 3339 form. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mono.h"
#include "valid.h"
#include "xmalloc.h"

START_TEST(clocks)
{
	mono_us	a = mono_now(), b;
	wall_us	w = wall_now();
	int	i;

	for (i = 0; i < 1000; i++) {
		b = mono_now();
		ck_assert(b >= a);
		a = b;
	}
	ck_assert(a > 0);
	ck_assert(llabs(w / 1000000 - (long long)time(NULL)) <= 2);
}
END_TEST

static const struct { wall_us t; const char *text; } texts[] = {
	{ 0, "1970-01-01T00:00:00" },
	{ 1, "1970-01-01T00:00:00.000001" },
	{ 1000, "1970-01-01T00:00:00.001" },
	{ 1001, "1970-01-01T00:00:00.001001" },
	{ 999999, "1970-01-01T00:00:00.999999" },
	{ 1774784915123456, "2026-03-29T11:48:35.123456" },
	{ 1774784915120000, "2026-03-29T11:48:35.120" },
	{ 951782400000000, "2000-02-29T00:00:00" },
	{ -1, "1969-12-31T23:59:59.999999" },
	{ -1000000, "1969-12-31T23:59:59" },
	{ 253402300799999999, "9999-12-31T23:59:59.999999" },
	{ -62167219200000000, "0000-01-01T00:00:00" },
	/* no year of five digits: clamped */
	{ 253402300800000000, "9999-12-31T23:59:59" },
	{ INT64_MAX, "9999-12-31T23:59:59" },
	{ INT64_MIN, "0000-01-01T00:00:00" },
};

START_TEST(rfc3339)
{
	const char	*want = texts[_i].text;
	char		 z[WALL_TEXT], off[WALL_TEXT];
	size_t		 n = strlen(want);
	int64_t		 back;

	wall_rfc3339(texts[_i].t, z);
	wall_rfc3339_offset(texts[_i].t, off);
	ck_assert(strncmp(z, want, n) == 0);
	ck_assert_str_eq(z + n, "Z");
	ck_assert(strncmp(off, want, n) == 0);
	ck_assert_str_eq(off + n, "+00:00");
	ck_assert_ptr_null(valid_time(slice_of(z), &back));
	if (texts[_i].t >= INT64_C(-62167219200000000) &&
	    texts[_i].t <= INT64_C(253402300799999999))
		ck_assert_int_eq(back, texts[_i].t);
	ck_assert_ptr_null(valid_time(slice_of(off), &back));
}
END_TEST

int
main(void)
{
	Suite	*s = suite_create("mono");
	TCase	*tc = tcase_create("mono");
	SRunner	*sr;
	int	 failed;

	tcase_add_test(tc, clocks);
	tcase_add_loop_test(tc, rfc3339, 0, (int)nitems(texts));
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
