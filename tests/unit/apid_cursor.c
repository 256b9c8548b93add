/* Cursors: what goes in comes out, and nothing that was not given opens. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../../apid/cursor.h"
#include "secret.h"
#include "xmalloc.h"

static struct secret_key *key, *other;

static void
keys_make(void)
{
	uint8_t raw[SECRET_KEY] = { 1 };

	ck_assert_int_eq(secret_init(), 0);
	key = secret_key_from(raw);
	raw[0] = 2;
	other = secret_key_from(raw);
}

static void
keys_free(void)
{
	secret_key_free(key);
	secret_key_free(other);
}

#define S(lit) { lit, sizeof(lit) - 1 }
static char longest[CURSOR_BYTES];

static const struct {
	size_t		n;
	struct slice	v[CURSOR_KEYS];
} tuples[] = {
	{ 1, { S("1") } },
	{ 1, { S("") } },
	{ 2, { S("2026-01-02T03:04:05.000006Z"), S("9223372036854775807") } },
	{ 2, { S("n\xc3\xb6" "de \"x\""), S("0d0e4c5c-b28e-42a4-901c-8acf6a"
	    "440a08") } },
	{ 3, { S(""), S(""), S("x") } },
	{ 4, { S("a"), S("bb"), S("ccc"), S("dddd") } },
	{ 1, { { longest, CURSOR_BYTES } } },
	{ 2, { { longest, CURSOR_BYTES - 1 }, S("x") } },
};

START_TEST(there_and_back)
{
	char text[CURSOR_TEXT], room[CURSOR_BYTES + CURSOR_KEYS];
	struct slice v[CURSOR_KEYS];
	size_t i, n = tuples[_i].n;

	ck_assert_int_eq(cursor_seal(key, "l", tuples[_i].v, n, text), 0);
	ck_assert_uint_eq(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij"
	    "klmnopqrstuvwxyz0123456789-_"), strlen(text));
	ck_assert_int_eq(cursor_open(key, "l", slice_of(text), n, v, room), 0);
	for (i = 0; i < n; i++) {
		ck_assert(slice_same(v[i], tuples[_i].v[i]));
		ck_assert_int_eq(v[i].p[v[i].n], '\0');
	}
	/* Of another list, another installation, another number of keys. */
	ck_assert_int_eq(cursor_open(key, "m", slice_of(text), n, v, room),
	    -1);
	ck_assert_int_eq(cursor_open(key, "", slice_of(text), n, v, room),
	    -1);
	ck_assert_int_eq(cursor_open(other, "l", slice_of(text), n, v, room),
	    -1);
	ck_assert_int_eq(cursor_open(key, "l", slice_of(text), n + 1, v,
	    room), -1);
	ck_assert_int_eq(cursor_open(key, "l", slice_of(text), n - 1, v,
	    room), -1);
}
END_TEST

/* Every bit of the text counts: no second text for one place. */
START_TEST(changed)
{
	char text[CURSOR_TEXT], room[CURSOR_BYTES + CURSOR_KEYS];
	struct slice v[CURSOR_KEYS];
	size_t i, n;
	char had;
	int c;

	ck_assert_int_eq(cursor_seal(key, "l", tuples[2].v, 2, text), 0);
	n = strlen(text);
	for (i = 0; i < n; i++) {
		had = text[i];
		for (c = 1; c < 256; c++) {
			if ((char)c == had)
				continue;
			text[i] = (char)c;
			ck_assert_int_eq(cursor_open(key, "l",
			    (struct slice){ text, n }, 2, v, room), -1);
		}
		text[i] = had;
		ck_assert_int_eq(cursor_open(key, "l",
		    (struct slice){ text, i }, 2, v, room), -1);
	}
	memcpy(text + n, "A", 2);
	ck_assert_int_eq(cursor_open(key, "l", slice_of(text), 2, v, room),
	    -1);
}
END_TEST

START_TEST(too_much)
{
	struct slice v[CURSOR_KEYS + 1] = { { longest, CURSOR_BYTES },
	    S("x") };
	char text[CURSOR_TEXT];

	ck_assert_int_eq(cursor_seal(key, "l", v, 2, text), -1);
	ck_assert_int_eq(cursor_seal(key, "l", v, 0, text), -1);
	v[0] = v[1];
	ck_assert_int_eq(cursor_seal(key, "l", v, CURSOR_KEYS + 1, text), -1);
}
END_TEST

static const struct {
	struct slice	raw;
	size_t		n;
	int		rc;
} inner[] = {
	{ S("\1\0\1a"), 1, 0 },
	{ S("\1\0\1a\0\0"), 2, 0 },
	{ S(""), 1, -1 },
	{ S("\1"), 1, -1 },
	{ S("\2\0\1a"), 1, -1 },	/* version */
	{ S("\1\0\2a"), 1, -1 },	/* short */
	{ S("\1\0"), 1, -1 },
	{ S("\1\0\1ab"), 1, -1 },	/* left over */
	{ S("\1\0\1a"), 2, -1 },
	{ S("\1\0\1\0"), 1, -1 },	/* NUL */
	{ S("\1\0\1a"), 0, -1 },
	{ S("\1\xff\xff" "a"), 1, -1 },
};

START_TEST(unpack)
{
	char room[CURSOR_BYTES + CURSOR_KEYS];
	struct slice v[CURSOR_KEYS];

	ck_assert_int_eq(cursor_unpack(inner[_i].raw.p, inner[_i].raw.n,
	    inner[_i].n, v, room), inner[_i].rc);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cursor");
	TCase *t = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	memset(longest, 'x', sizeof(longest));
	tcase_add_checked_fixture(t, keys_make, keys_free);
	tcase_add_loop_test(t, there_and_back, 0, (int)nitems(tuples));
	tcase_add_test(t, changed);
	tcase_add_test(t, too_much);
	tcase_add_loop_test(t, unpack, 0, (int)nitems(inner));
	suite_add_tcase(s, t);
	srunner_run_all(sr, getenv("CK_TAP_LOG_FILE_NAME") != NULL ?
	    CK_SILENT : CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
