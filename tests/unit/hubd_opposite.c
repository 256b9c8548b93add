/* Which troubles an event's code takes back. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "opposite.h"
#include "xmalloc.h"

static const struct {
	const char	*code;
	size_t		 n;
	const char	*first;
} t[] = {
	{ "srt_connected", 4, "srt_disconnected" },
	{ "srt_reconnected", 4, "srt_disconnected" },
	{ "srt_disconnected", 0, NULL },
	{ "link_up", 1, "link_down" },
	{ "link_down", 0, NULL },
	{ "signal_recovered", 7, "signal_lost" },
	{ "signal_restored", 7, "signal_lost" },
	{ "peer_reachable", 1, "peer_unreachable" },
	{ "peer_unreachable", 0, NULL },
	{ "pll_locked", 2, "pll_unlocked" },
	{ "pll_unlocked", 0, NULL },
	{ "connected", 0, NULL },	/* of what? */
	{ "_up", 1, "_down" },
	{ "backup", 0, NULL },
	{ "", 0, NULL },
	{ "upload_succeeded", 2, "upload_failed" },
};

START_TEST(table)
{
	char out[OPPOSITE_MAX][OPPOSITE_CODE];
	size_t n = opposite_codes(slice_of(t[_i].code), out);

	ck_assert_uint_eq(n, t[_i].n);
	if (n > 0)
		ck_assert_str_eq(out[0], t[_i].first);
}
END_TEST

/* Whatever its length, nothing is written past a code's room. */
START_TEST(lengths)
{
	char code[300], out[OPPOSITE_MAX][OPPOSITE_CODE];
	size_t len, n, i;

	memset(code, 'x', sizeof(code));
	for (len = 10; len < sizeof(code); len++) {
		memcpy(code + len - 10, "_recovered", 10);
		n = opposite_codes((struct slice){ code, len }, out);
		ck_assert(n <= OPPOSITE_MAX);
		for (i = 0; i < n; i++)
			ck_assert_uint_lt(strlen(out[i]), OPPOSITE_CODE);
		memset(code, 'x', sizeof(code));
	}
	ck_assert_uint_eq(n, 0);
	ck_assert_uint_eq(opposite_codes((struct slice){ NULL, 0 }, out), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("opposite");
	TCase *tc = tcase_create("opposite");
	SRunner *r;
	int failed;

	tcase_add_loop_test(tc, table, 0, nitems(t));
	tcase_add_test(tc, lengths);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
