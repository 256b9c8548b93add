/* UUIDs: versions, text both ways, order of new ones, spread of the hash. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "id.h"
#include "mono.h"
#include "xmalloc.h"

START_TEST(new_is_v7)
{
	struct id	a, b;
	wall_us		before = wall_now();
	uint64_t	ms = 0;
	int		i;

	id_new(&a);
	ck_assert_int_eq(a.b[6] >> 4, 7);
	ck_assert_int_eq(a.b[8] >> 6, 2);
	for (i = 0; i < 6; i++)
		ms = ms << 8 | a.b[i];
	ck_assert(ms >= (uint64_t)(before / 1000));
	ck_assert(ms <= (uint64_t)(wall_now() / 1000));
	/* a later microsecond sorts later */
	before = wall_now();
	while (wall_now() < before + 3)
		;
	id_new(&b);
	ck_assert(memcmp(a.b, b.b, 8) < 0);
	ck_assert(!id_eq(&a, &b));
}
END_TEST

START_TEST(random_is_v4)
{
	struct id a, b;

	id_random(&a);
	id_random(&b);
	ck_assert_int_eq(a.b[6] >> 4, 4);
	ck_assert_int_eq(a.b[8] >> 6, 2);
	ck_assert(!id_eq(&a, &b));
	ck_assert(!id_zero(&a));
}
END_TEST

static const struct { const char *in, *out; } parses[] = {
	{ "00112233-4455-6677-8899-aabbccddeeff",
	    "00112233-4455-6677-8899-aabbccddeeff" },
	{ "00112233-4455-6677-8899-AABBCCDDEEFF",
	    "00112233-4455-6677-8899-aabbccddeeff" },
	{ "00000000-0000-0000-0000-000000000000",
	    "00000000-0000-0000-0000-000000000000" },
	{ "", NULL },
	{ "00112233-4455-6677-8899-aabbccddeef", NULL },
	{ "00112233-4455-6677-8899-aabbccddeeff0", NULL },
	{ "00112233445566778899aabbccddeeff", NULL },
	{ "{0112233-4455-6677-8899-aabbccddeef}", NULL },
	{ "00112233-4455-6677-8899-aabbccddeefg", NULL },
	{ "0011223-34455-6677-8899-aabbccddeeff", NULL },
	{ "00112233_4455_6677_8899_aabbccddeeff", NULL },
	{ "00112233-4455-6677-8899-aabbccdd eff", NULL },
	{ "00112233-4455-6677-8899-aabbccdd-eff", NULL },
	{ " 0112233-4455-6677-8899-aabbccddeeff", NULL },
	{ "+0112233-4455-6677-8899-aabbccddeeff", NULL },
};

START_TEST(parse)
{
	struct id	id, old;
	char		text[ID_TEXT];
	int		r;

	id_random(&id);
	old = id;
	r = id_parse(&id, slice_of(parses[_i].in));
	if (parses[_i].out == NULL) {
		ck_assert_int_eq(r, -1);
		ck_assert(id_eq(&id, &old));
		return;
	}
	ck_assert_int_eq(r, 0);
	id_text(&id, text);
	ck_assert_str_eq(text, parses[_i].out);
	ck_assert_int_eq(id_zero(&id), _i == 2);
}
END_TEST

START_TEST(hash_spreads)
{
	unsigned	bins[64] = { 0 };
	struct id	id;
	int		i;

	memset(&id, 0, sizeof(id));
	for (i = 0; i < 6400; i++) {
		id.b[15] = (uint8_t)i;
		id.b[14] = (uint8_t)(i >> 8);
		bins[id_hash(&id, 42) % 64]++;
	}
	for (i = 0; i < 64; i++) {
		ck_assert_uint_gt(bins[i], 40);
		ck_assert_uint_lt(bins[i], 200);
	}
	ck_assert(id_hash(&id, 1) != id_hash(&id, 2));
	ck_assert(id_hash(&id, 1) == id_hash(&id, 1));
	id.b[0] ^= 1;
	ck_assert(id_hash(&id, 1) != id_hash(&(struct id){ { 0 } }, 1));
}
END_TEST

int
main(void)
{
	Suite	*s = suite_create("id");
	TCase	*tc = tcase_create("id");
	SRunner	*sr;
	int	 failed;

	tcase_add_test(tc, new_is_v7);
	tcase_add_test(tc, random_is_v4);
	tcase_add_loop_test(tc, parse, 0, (int)nitems(parses));
	tcase_add_test(tc, hash_spreads);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
