/* The buffer: content against a plain model, byte order, and misuse. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

START_TEST(empty)
{
	struct buf	b = BUF_INIT;
	size_t		n = 1;
	char		*p;

	ck_assert_uint_eq(buf_used(&b), 0);
	ck_assert_ptr_null(buf_head(&b));
	buf_put(&b, NULL, 0);
	ck_assert_ptr_null(b.data);
	buf_drain(&b, 0);
	ck_assert_str_eq(buf_cstr(&b), "");
	p = buf_steal(&b, &n);
	ck_assert_str_eq(p, "");
	ck_assert_uint_eq(n, 0);
	free(p);
	buf_free(&b);
	buf_free(&b);
}
END_TEST

/* Random puts and drains; the model is a flat array of everything put. */
START_TEST(model)
{
	static uint8_t	all[200000];
	struct buf	b = BUF_INIT;
	size_t		put = 0, got = 0, n;
	uint8_t		*p;

	srand((unsigned)_i + 1);
	while (put + 600 < sizeof(all)) {
		n = (size_t)rand() % 600;
		for (size_t i = 0; i < n; i++)
			all[put + i] = (uint8_t)rand();
		if (rand() % 2) {
			buf_put(&b, all + put, n);
		} else {
			p = buf_reserve(&b, n);
			if (n != 0)
				memcpy(p, all + put, n);
			buf_commit(&b, n);
		}
		put += n;
		n = (size_t)rand() % (put - got + 1);
		if (rand() % 8 == 0)
			n = put - got;
		buf_drain(&b, n);
		got += n;
		ck_assert_uint_eq(buf_used(&b), put - got);
		if (put != got)
			ck_assert_mem_eq(buf_head(&b), all + got, put - got);
		ck_assert_uint_le(b.len, b.cap);
	}
	/* what was drained is used again, so the memory stays near the use */
	ck_assert_uint_le(b.cap, 16384);
	buf_free(&b);
}
END_TEST

START_TEST(integers)
{
	static const uint8_t want[] = {
		0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04,
		0x0f, 0x0e, 0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08,
	};
	struct buf b = BUF_INIT;

	buf_put_u8(&b, 0x01);
	buf_put_u16(&b, 0x0203);
	buf_put_u32(&b, 0x04050607);
	buf_put_u64(&b, 0x08090a0b0c0d0e0f);
	ck_assert_uint_eq(buf_used(&b), sizeof(want));
	ck_assert_mem_eq(buf_head(&b), want, sizeof(want));
	buf_free(&b);
}
END_TEST

START_TEST(text)
{
	struct buf	b = BUF_INIT;
	size_t		n;
	char		*p;

	buf_puts(&b, "xab");
	buf_drain(&b, 1);
	buf_putc(&b, 'c');
	buf_printf(&b, "%d", 12);
	ck_assert_str_eq(buf_cstr(&b), "abc12");
	ck_assert_uint_eq(buf_used(&b), 5);
	buf_printf(&b, "%0500d", 3);
	ck_assert_uint_eq(buf_used(&b), 505);
	p = buf_steal(&b, &n);
	ck_assert_uint_eq(n, 505);
	ck_assert_uint_eq(strlen(p), 505);
	ck_assert(strncmp(p, "abc12000", 8) == 0);
	ck_assert_ptr_null(b.data);
	ck_assert_uint_eq(b.cap, 0);
	free(p);
}
END_TEST

START_TEST(printf_at_every_room)
{
	struct buf b = BUF_INIT;

	buf_printf(&b, "%*s", _i, "");
	buf_printf(&b, "%0100d", 7);
	ck_assert_uint_eq(buf_used(&b), (size_t)_i + 100);
	ck_assert_int_eq(b.data[b.len - 1], '7');
	buf_free(&b);
}
END_TEST

START_TEST(clear_keeps)
{
	struct buf	b = BUF_INIT;
	uint8_t		*p;

	buf_puts(&b, "something");
	p = b.data;
	buf_clear(&b);
	ck_assert_uint_eq(buf_used(&b), 0);
	buf_putc(&b, 'x');
	ck_assert_ptr_eq(b.data, p);
	buf_free(&b);
}
END_TEST

START_TEST(drain_too_much)
{
	struct buf b = BUF_INIT;

	buf_puts(&b, "abc");
	buf_drain(&b, 4);
}
END_TEST

START_TEST(commit_too_much)
{
	struct buf b = BUF_INIT;

	buf_reserve(&b, 10);
	buf_commit(&b, b.cap + 1);
}
END_TEST

START_TEST(reserve_too_much)
{
	struct buf b = BUF_INIT;

	buf_reserve(&b, SIZE_MAX - 10);
}
END_TEST

int
main(void)
{
	Suite	*s = suite_create("buf");
	TCase	*tc = tcase_create("buf");
	SRunner	*sr;
	int	 failed;

	tcase_add_test(tc, empty);
	tcase_add_loop_test(tc, model, 0, 5);
	tcase_add_test(tc, integers);
	tcase_add_test(tc, text);
	tcase_add_loop_test(tc, printf_at_every_room, 0, 70);
	tcase_add_test(tc, clear_keeps);
	tcase_add_test_raise_signal(tc, drain_too_much, 6);
	tcase_add_test_raise_signal(tc, commit_too_much, 6);
	tcase_add_test_raise_signal(tc, reserve_too_much, 6);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
