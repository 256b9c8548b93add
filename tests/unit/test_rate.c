/* rate: buckets and the bounded map of windows. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rate.h"
#include "xmalloc.h"

/* At most 5 at once, 10 a second. */
static const struct {
	mono_us	at;		/* ms since the first */
	double	n;
	bool	ok;
	mono_us	wait;		/* ms until n, before taking */
} takes[] = {
	{ 0, 1, true, 0 }, { 0, 4, true, 0 }, { 0, 1, false, 100 },
	{ 50, 1, false, 50 }, { 100, 1, true, 0 }, { 100, 1, false, 100 },
	{ 400, 3, true, 0 }, { 90, 1, false, 100 },	/* clock behind */
	{ 10000, 5, true, 0 }, { 10000, 1, false, 100 },
	{ 20000, 6, false, -1 }, { 20000, 5, true, 0 },
};

/* What is spent already may leave a debt, and the time until it is paid. */
START_TEST(debt)
{
	struct rate r = { 0 };
	mono_us t = MONO_SEC;

	ck_assert_int_eq(rate_spend(&r, 10, 20, 15, t), 0);
	ck_assert_int_eq(rate_spend(&r, 10, 20, 15, t), MONO_SEC + 1);
	ck_assert_int_eq(rate_spend(&r, 10, 20, 0, t + MONO_SEC / 2),
	    MONO_SEC / 2 + 1);
	ck_assert_int_eq(rate_spend(&r, 10, 20, 0, t + MONO_SEC), 0);
	ck_assert(!rate_take(&r, 10, 20, 1, t + MONO_SEC));
}
END_TEST

START_TEST(bucket)
{
	static const mono_us	starts[] = { 1, 77 * MONO_SEC };
	struct rate		r = { 0 };
	mono_us			now, wait;
	size_t			i;

	for (i = 0; i < nitems(takes); i++) {
		now = starts[_i] + takes[i].at * MONO_MS;
		wait = rate_wait(&r, 10, 5, takes[i].n, now);
		if (takes[i].wait < 0)
			ck_assert_int_eq(wait, INT64_MAX);
		else
			ck_assert_msg(llabs(wait - takes[i].wait * MONO_MS) <=
			    2, "%zu: %lld", i, (long long)wait);
		ck_assert_msg(rate_take(&r, 10, 5, takes[i].n, now) ==
		    takes[i].ok, "%zu", i);
	}
}
END_TEST

START_TEST(never)
{
	struct rate r = { 0 };

	ck_assert(rate_take(&r, 0, 1, 1, 5));
	ck_assert(!rate_take(&r, 0, 1, 1, 1000 * MONO_SEC));
	ck_assert_int_eq(rate_wait(&r, 0, 1, 1, 1000 * MONO_SEC), INT64_MAX);
}
END_TEST

START_TEST(window)
{
	struct rate_map	*m = rate_map_new(10, 3, 60 * MONO_SEC);
	mono_us		 t = 5 * MONO_SEC, wait = -1;

	ck_assert(!rate_map_blocked(m, "bob", 3, t, &wait));
	ck_assert_int_eq(wait, 0);
	ck_assert_uint_eq(rate_map_hit(m, "bob", 3, t), 1);
	ck_assert_uint_eq(rate_map_hit(m, "bob", 3, t + MONO_SEC), 2);
	ck_assert(!rate_map_blocked(m, "bob", 3, t, NULL));
	ck_assert_uint_eq(rate_map_hit(m, "bob", 3, t + 2 * MONO_SEC), 3);
	ck_assert(rate_map_blocked(m, "bob", 3, t + 2 * MONO_SEC, &wait));
	ck_assert_int_eq(wait, 58 * MONO_SEC);
	ck_assert(!rate_map_blocked(m, "bo", 2, t, NULL));
	ck_assert(!rate_map_blocked(m, "bob\0", 4, t, NULL));
	/* the window ends, whatever was counted in it */
	ck_assert(rate_map_blocked(m, "bob", 3, t + 60 * MONO_SEC - 1, NULL));
	ck_assert(!rate_map_blocked(m, "bob", 3, t + 60 * MONO_SEC, NULL));
	ck_assert_uint_eq(rate_map_size(m), 0);
	ck_assert_uint_eq(rate_map_hit(m, "bob", 3, t + 61 * MONO_SEC), 1);
	ck_assert_uint_eq(rate_map_hit(m, "bob", 3, t + 200 * MONO_SEC), 1);
	rate_map_limit(m, 1);
	ck_assert(rate_map_blocked(m, "bob", 3, t + 201 * MONO_SEC, NULL));
	rate_map_clear(m, "bob", 3);
	ck_assert(!rate_map_blocked(m, "bob", 3, t + 201 * MONO_SEC, NULL));
	rate_map_clear(m, "nobody", 6);
	rate_map_free(m);
	rate_map_free(NULL);
}
END_TEST

START_TEST(bounded)
{
	struct rate_map	*m = rate_map_new(1000, 1, 60 * MONO_SEC);
	char		 key[16];
	int		 i, n;

	for (i = 0; i < 5000; i++) {
		n = snprintf(key, sizeof(key), "%d", i);
		ck_assert_uint_eq(rate_map_hit(m, key, (size_t)n, 1), 1);
		rate_map_hit(m, "always", 6, 1);	/* recently used */
		ck_assert_uint_le(rate_map_size(m), 1000);
	}
	ck_assert_uint_eq(rate_map_size(m), 1000);
	ck_assert_uint_eq(rate_map_evicted(m), 4001);
	ck_assert(rate_map_blocked(m, "always", 6, 2, NULL));
	ck_assert(rate_map_blocked(m, "4999", 4, 2, NULL));
	ck_assert(!rate_map_blocked(m, "4000", 4, 2, NULL));
	for (i = 0; i < 5000; i++) {
		n = snprintf(key, sizeof(key), "%d", i);
		rate_map_clear(m, key, (size_t)n);
	}
	ck_assert_uint_eq(rate_map_size(m), 1);
	rate_map_free(m);
}
END_TEST

START_TEST(buckets)
{
	struct rate_map	*m = rate_map_new(2, 0, 0);
	mono_us		 t = 5 * MONO_SEC;

	ck_assert(rate_take(rate_map_bucket(m, "a", 1), 1, 2, 1, t));
	ck_assert(rate_take(rate_map_bucket(m, "a", 1), 1, 2, 1, t));
	ck_assert(!rate_take(rate_map_bucket(m, "a", 1), 1, 2, 1, t));
	ck_assert(rate_take(rate_map_bucket(m, "b", 1), 1, 2, 1, t));
	ck_assert(!rate_take(rate_map_bucket(m, "a", 1), 1, 2, 1, t));
	/* The one used longest ago goes, and is full when it comes again. */
	ck_assert(rate_take(rate_map_bucket(m, "c", 1), 1, 2, 2, t));
	ck_assert_uint_eq(rate_map_size(m), 2);
	ck_assert(!rate_take(rate_map_bucket(m, "a", 1), 1, 2, 1, t));
	ck_assert(rate_take(rate_map_bucket(m, "b", 1), 1, 2, 2, t));
	ck_assert(rate_take(rate_map_bucket(m, "a", 1), 1, 2, 1,
	    t + MONO_SEC));
	ck_assert_uint_eq(rate_map_evicted(m), 2);
	rate_map_free(m);
}
END_TEST

START_TEST(odd_keys)
{
	struct rate_map	*m = rate_map_new(100, 1, MONO_SEC);
	uint8_t		 key[40] = { 0 };
	size_t		 n;

	for (n = 0; n <= sizeof(key); n++)	/* equal but for length */
		ck_assert_uint_eq(rate_map_hit(m, key, n, 1), 1);
	ck_assert_uint_eq(rate_map_size(m), sizeof(key) + 1);
	for (n = 0; n < sizeof(key); n++) {	/* every byte counts */
		key[n] = 1;
		ck_assert_uint_eq(rate_map_hit(m, key, sizeof(key), 1), 1);
		key[n] = 0;
	}
	rate_map_free(m);
}
END_TEST

int
main(void)
{
	Suite	*s = suite_create("rate");
	TCase	*t = tcase_create("rate");
	SRunner	*sr;
	int	 failed;

	tcase_add_test(t, debt);
	tcase_add_loop_test(t, bucket, 0, 2);
	tcase_add_test(t, never);
	tcase_add_test(t, window);
	tcase_add_test(t, bounded);
	tcase_add_test(t, buckets);
	tcase_add_test(t, odd_keys);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, getenv("CK_TAP_LOG_FILE_NAME") != NULL ?
	    CK_SILENT : CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
