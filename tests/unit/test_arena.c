/* The arena: alignment, growth, reset, and that allocations never overlap. */
#include <check.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "xmalloc.h"

static const size_t sizes[] = {
	0, 1, 7, 8, 15, 16, 17, 100, 4095, 4096, 4097, 65536, 1000000,
};

START_TEST(aligned_and_apart)
{
	struct arena	*a = arena_new((size_t)_i);
	unsigned char	*p[nitems(sizes) * 3];
	size_t		 i, j, n;

	for (i = 0; i < nitems(p); i++) {
		n = sizes[i % nitems(sizes)];
		p[i] = arena_alloc(a, n);
		ck_assert_ptr_nonnull(p[i]);
		ck_assert_uint_eq((uintptr_t)p[i] % alignof(max_align_t), 0);
		memset(p[i], (int)(i + 1), n);
	}
	for (i = 0; i < nitems(p); i++) {
		n = sizes[i % nitems(sizes)];
		for (j = 0; j < n && p[i][j] == i + 1; j++)
			;
		ck_assert_uint_eq(j, n);
	}
	ck_assert_uint_ge(arena_bytes(a), 3 * 1000000);
	arena_free(a);
}
END_TEST

START_TEST(reset_keeps_the_first_block)
{
	struct arena	*a = arena_new(1024);
	size_t		 first = arena_bytes(a);
	void		*p = arena_alloc(a, 16);
	int		 round, i;

	ck_assert_uint_eq(first, 1024);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 1000; i++)
			arena_alloc(a, 50);
		arena_alloc(a, 500000);
		ck_assert_uint_gt(arena_bytes(a), 500000);
		arena_reset(a);
		ck_assert_uint_eq(arena_bytes(a), first);
		ck_assert_ptr_eq(arena_alloc(a, 16), p);
	}
	arena_free(a);
}
END_TEST

START_TEST(small_needs_no_block)
{
	struct arena	*a = arena_new(0);
	size_t		 before = arena_bytes(a);
	int		 i;

	for (i = 0; i < 256; i++)
		arena_alloc(a, 16);
	ck_assert_uint_eq(arena_bytes(a), before);
	arena_alloc(a, 1);
	ck_assert_uint_gt(arena_bytes(a), before);
	arena_free(a);
}
END_TEST

START_TEST(big_leaves_the_room)
{
	struct arena	*a = arena_new(64);
	size_t		 before;
	int		 i;

	for (i = 0; i < 6; i++)
		arena_alloc(a, 64);
	before = arena_bytes(a);
	arena_alloc(a, 100000);
	ck_assert_uint_le(arena_bytes(a), before + 100016);
	arena_free(a);
}
END_TEST

START_TEST(zeroed)
{
	struct arena	*a = arena_new(256);
	unsigned char	*p;
	int		 i;

	memset(arena_alloc(a, 200), 0xff, 200);
	arena_reset(a);
	p = arena_calloc(a, 200);
	for (i = 0; i < 200; i++)
		ck_assert_uint_eq(p[i], 0);
	arena_free(a);
}
END_TEST

START_TEST(strings)
{
	struct arena	*a = arena_new(32);
	char		*s;

	ck_assert_str_eq(arena_strdup(a, ""), "");
	ck_assert_str_eq(arena_strdup(a, "node"), "node");
	ck_assert_str_eq(arena_strndup(a, "node", 2), "no");
	ck_assert_str_eq(arena_strndup(a, "no\0de", 5), "no");
	s = arena_printf(a, "%s-%0200d", "x", 7);
	ck_assert_uint_eq(strlen(s), 202);
	ck_assert_int_eq(s[201], '7');
	arena_free(a);
	arena_free(NULL);
}
END_TEST

START_TEST(too_much)
{
	arena_alloc(arena_new(0), SIZE_MAX - 8);
}
END_TEST

int
main(void)
{
	Suite	*s = suite_create("arena");
	TCase	*tc = tcase_create("arena");
	SRunner	*sr;
	int	 failed;

	tcase_add_loop_test(tc, aligned_and_apart, 0, 3);
	tcase_add_test(tc, reset_keeps_the_first_block);
	tcase_add_test(tc, small_needs_no_block);
	tcase_add_test(tc, big_leaves_the_room);
	tcase_add_test(tc, zeroed);
	tcase_add_test(tc, strings);
	tcase_add_test_raise_signal(tc, too_much, 6);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
