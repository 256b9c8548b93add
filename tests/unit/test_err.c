/* The error table: complete, with names and problem types in good form. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

START_TEST(every_row)
{
	const struct err_info *e = err_info((enum err)_i);

	ck_assert_ptr_nonnull(e->name);
	ck_assert_ptr_nonnull(e->slug);
	ck_assert_ptr_nonnull(e->title);
	ck_assert_uint_gt(strlen(e->name), 0);
	ck_assert_uint_eq(strspn(e->name, "abcdefghijklmnopqrstuvwxyz_"),
	    strlen(e->name));
	ck_assert_uint_eq(strspn(e->slug, "abcdefghijklmnopqrstuvwxyz-"),
	    strlen(e->slug));
	ck_assert_uint_gt(strlen(e->title), 3);
	ck_assert_int_ne(e->title[strlen(e->title) - 1], '.');
	if (_i == ERR_OK)
		ck_assert_int_eq(e->status, 200);
	else
		ck_assert_int_ge(e->status, 400);
	ck_assert_int_lt(e->status, 600);
	if (_i != ERR_INTERNAL)
		ck_assert_str_ne(e->name, "internal");
}
END_TEST

START_TEST(names_differ)
{
	int i;

	for (i = 0; i < _i; i++)
		ck_assert_str_ne(err_info((enum err)i)->name,
		    err_info((enum err)_i)->name);
}
END_TEST

START_TEST(outside_the_enum)
{
	ck_assert_ptr_eq(err_info(ERR__MAX), err_info(ERR_INTERNAL));
	ck_assert_ptr_eq(err_info((enum err)-1), err_info(ERR_INTERNAL));
	ck_assert_ptr_eq(err_info((enum err)65535), err_info(ERR_INTERNAL));
}
END_TEST

static const struct { int status; enum err err; } statuses[] = {
	{ 400, ERR_BAD_REQUEST }, { 401, ERR_UNAUTHENTICATED },
	{ 403, ERR_CSRF }, { 404, ERR_NOT_FOUND }, { 405, ERR_METHOD },
	{ 409, ERR_CONFLICT }, { 413, ERR_TOO_LARGE }, { 422, ERR_INVALID },
	{ 426, ERR_UPGRADE }, { 429, ERR_RATE_LIMITED },
	{ 431, ERR_HEADERS_TOO_LARGE }, { 500, ERR_INTERNAL },
	{ 501, ERR_NOT_IMPLEMENTED }, { 502, ERR_NODE_OFFLINE },
	{ 503, ERR_UNAVAILABLE }, { 504, ERR_NODE_TIMEOUT },
	{ 505, ERR_HTTP_VERSION }, { 200, ERR_OK },
	{ 418, ERR_INTERNAL }, { 0, ERR_INTERNAL }, { -1, ERR_INTERNAL },
};

START_TEST(from_status)
{
	ck_assert_int_eq(err_from_status(statuses[_i].status),
	    statuses[_i].err);
}
END_TEST

/* Wire format between daemons: a number never changes its meaning. */
START_TEST(numbers)
{
	ck_assert_int_eq(ERR_OK, 0);
	ck_assert_int_eq(ERR_NOT_FOUND, 10);
	ck_assert_int_eq(ERR_INTERNAL, 26);
	ck_assert_int_eq(ERR_NODE_OFFLINE, 28);
	ck_assert_int_eq(ERR_PROTOCOL, 36);
	ck_assert_int_eq(ERR_CANCELLED, 41);
}
END_TEST

int
main(void)
{
	Suite	*s = suite_create("err");
	TCase	*tc = tcase_create("table");
	SRunner	*sr;
	int	 failed;

	tcase_add_loop_test(tc, every_row, 0, ERR__MAX);
	tcase_add_loop_test(tc, names_differ, 0, ERR__MAX);
	tcase_add_test(tc, outside_the_enum);
	tcase_add_loop_test(tc, from_status, 0,
	    (int)(sizeof(statuses) / sizeof(statuses[0])));
	tcase_add_test(tc, numbers);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
