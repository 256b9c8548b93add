/* Seals: what follows what, keys, heads, the anchor's file. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seal.h"
#include "xmalloc.h"

static struct secret_key *
key_of(uint8_t fill)
{
	uint8_t raw[SECRET_KEY];

	memset(raw, fill, sizeof(raw));
	return secret_key_from(raw);
}

static struct seal
seal_of(int64_t seq)
{
	struct seal s = { .seq = seq, .rows = 2, .ids = SLICE("{[1,3)}"),
	    .sealed_at = SLICE("2026-01-02T03:04:05.000006Z") };

	memset(s.content, (int)seq, sizeof(s.content));
	return s;
}

/* A change of anything that is signed; each is noticed. */
static void change_seq(struct seal *s) { s->seq++; }
static void change_rows(struct seal *s) { s->rows++; }
static void change_ids(struct seal *s) { s->ids = SLICE("{[1,4)}"); }
static void
change_time(struct seal *s)
{
	s->sealed_at = SLICE("2026-01-02T03:04:05.000007Z");
}
static void change_content(struct seal *s) { s->content[31] ^= 1; }
static void change_chain(struct seal *s) { s->chain[0] ^= 1; }
static void change_signature(struct seal *s) { s->signature[63] ^= 1; }
static void change_signer(struct seal *s) { s->signer[5] ^= 1; }

static void (*const changes[])(struct seal *) = { change_seq, change_rows,
    change_ids, change_time, change_content, change_chain, change_signature,
    change_signer };

START_TEST(follow)
{
	struct secret_key *key = key_of(7), *other = key_of(8);
	struct seal_head head = { .seq = 0 }, before;
	struct seal_keys keys = { .n = 1 };
	struct seal s;
	size_t i;

	secret_sign_public(key, keys.v[0]);
	for (i = 1; i <= 3; i++) {
		s = seal_of((int64_t)i);
		seal_sign(&s, &head, key);
		ck_assert_ptr_null(seal_follow(&head, &s, &keys));
		ck_assert_int_eq(head.seq, (int64_t)i);
		ck_assert_ptr_nonnull(seal_follow(&head, &s, &keys));
	}
	before = head;
	for (i = 0; i < nitems(changes); i++) {
		s = seal_of(4);
		seal_sign(&s, &head, key);
		changes[i](&s);
		ck_assert_ptr_nonnull(seal_follow(&head, &s, &keys));
		ck_assert_mem_eq(&head, &before, sizeof(head));
	}
	s = seal_of(4);
	seal_sign(&s, &head, other);
	ck_assert_ptr_nonnull(seal_follow(&head, &s, &keys));
	head.chain[0] ^= 1;
	seal_sign(&s, &before, key);
	ck_assert_ptr_nonnull(seal_follow(&head, &s, &keys));
	secret_key_free(key);
	secret_key_free(other);
}
END_TEST

#define HEX64 "0123456789abcdef0123456789abcdef" \
    "0123456789abcdef0123456789ABCDEF"

static const struct { const char *text; int n; } key_files[] = {
	{ HEX64, 1 }, { HEX64 "\n", 1 }, { "# x\n\n  " HEX64 "\n" HEX64, 2 },
	{ "", -1 }, { "# only\n", -1 }, { HEX64 "0", -1 },
	{ "g123", -1 }, { HEX64 "\nx\n", -1 },
};

START_TEST(key_file)
{
	struct buf err = BUF_INIT;
	struct seal_keys keys;
	int rc = seal_keys_parse(&keys, slice_of(key_files[_i].text), &err);

	ck_assert_int_eq(rc, key_files[_i].n == -1 ? -1 : 0);
	if (rc == 0)
		ck_assert_uint_eq(keys.n, (size_t)key_files[_i].n);
	else
		ck_assert_uint_gt(buf_used(&err), 0);
	buf_free(&err);
}
END_TEST

static const struct { const char *text; int64_t seq; } heads[] = {
	{ "1:" HEX64, 1 }, { " 9223372036854775807:" HEX64 " ", INT64_MAX },
	{ "0:" HEX64, 0 }, { "-1:" HEX64, -1 }, { ":" HEX64, -1 },
	{ "1", -1 }, { "", -1 }, { "1:" HEX64 "0", -1 }, { "1:00", -1 },
	{ "9223372036854775808:" HEX64, -1 }, { "1 :" HEX64, -1 },
};

START_TEST(head)
{
	char text[SEAL_HEAD_TEXT];
	struct seal_head h, again;
	int rc = seal_head_parse(&h, slice_of(heads[_i].text));

	ck_assert_int_eq(rc, heads[_i].seq == -1 ? -1 : 0);
	if (rc == -1)
		return;
	ck_assert_int_eq(h.seq, heads[_i].seq);
	seal_head_text(&h, text);
	ck_assert_int_eq(seal_head_parse(&again, slice_of(text)), 0);
	ck_assert_mem_eq(&h, &again, sizeof(h));
}
END_TEST

START_TEST(anchor)
{
	struct seal_head h = { .seq = 9 }, got = { .seq = 3 };
	FILE *f = tmpfile();
	int fd;

	ck_assert_ptr_nonnull(f);
	fd = fileno(f);
	ck_assert_int_eq(seal_anchor_read(fd, &got), 0);
	ck_assert_int_eq(got.seq, 3);
	ck_assert_int_eq(seal_anchor_write(fd, &h), 0);
	h.seq = 8;			/* an older one changes nothing */
	ck_assert_int_eq(seal_anchor_write(fd, &h), 0);
	ck_assert_int_eq(seal_anchor_read(fd, &got), 0);
	ck_assert_int_eq(got.seq, 9);
	h.seq = 10;
	ck_assert_int_eq(seal_anchor_write(fd, &h), 0);
	ck_assert_int_eq(seal_anchor_read(fd, &got), 0);
	ck_assert_int_eq(got.seq, 10);
	ck_assert_int_eq(pwrite(fd, "x", 1, 0), 1);
	ck_assert_int_eq(seal_anchor_read(fd, &got), -1);
	fclose(f);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("seal");
	TCase *tc = tcase_create("all");
	SRunner *sr;
	int failed;

	if (secret_init() == -1)
		return 99;
	tcase_add_test(tc, follow);
	tcase_add_loop_test(tc, key_file, 0, (int)nitems(key_files));
	tcase_add_loop_test(tc, head, 0, (int)nitems(heads));
	tcase_add_test(tc, anchor);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
