/* QR codes, read back as a reader does: corners, both copies of the format,
 * codewords along the way of clause 7.7.3, blocks without an error, text. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../apid/qr.h"
#include "xmalloc.h"

/* By length of text: the side, and how the codewords are dealt. */
static const struct {
	size_t		n;
	unsigned	side, blocks, data, check;
} rows[] = {
	{ 0, 21, 1, 19, 7 }, { 17, 21, 1, 19, 7 }, { 18, 25, 1, 34, 10 },
	{ 53, 29, 1, 55, 15 }, { 78, 33, 1, 80, 20 }, { 79, 37, 1, 108, 26 },
	{ 106, 37, 1, 108, 26 }, { 134, 41, 2, 68, 18 },
	{ 135, 45, 2, 78, 20 }, { 182, 49, 2, 97, 24 },
	{ 230, 53, 2, 116, 30 },
};

static struct qr qr;

/* Log tables of GF(256): another way than the maker's. */
static unsigned power[255], logarithm[256];

static void
tables(void)
{
	unsigned i, v = 1;

	for (i = 0; i < 255; i++, v = v << 1 ^ (v > 127 ? 0x11d : 0)) {
		power[i] = v;
		logarithm[v] = i;
	}
}

/* The value of a block as a polynomial at 2^k: 0 for every k below check. */
static unsigned
syndrome(const unsigned *word, unsigned n, unsigned k)
{
	unsigned i, v = 0;

	for (i = 0; i < n; i++)
		v = (v == 0 ? 0 : power[(logarithm[v] + k) % 255]) ^ word[i];
	return v;
}

static void
corner(unsigned x, unsigned y)
{
	static const char *const want[] = { "1111111", "1000001", "1011101",
	    "1011101", "1011101", "1000001", "1111111" };
	unsigned i, k;

	for (i = 0; i < 7; i++)
		for (k = 0; k < 7; k++)
			ck_assert_int_eq(qr.dark[y + i][x + k],
			    want[i][k] == '1');
}

static void
format(void)
{
	static const unsigned at[15][2] = { { 8, 0 }, { 8, 1 }, { 8, 2 },
	    { 8, 3 }, { 8, 4 }, { 8, 5 }, { 8, 7 }, { 8, 8 }, { 7, 8 },
	    { 5, 8 }, { 4, 8 }, { 3, 8 }, { 2, 8 }, { 1, 8 }, { 0, 8 } };
	unsigned i, a = 0, b = 0, s = qr.side;

	for (i = 0; i < 15; i++) {
		a |= (unsigned)qr.dark[at[i][1]][at[i][0]] << i;
		b |= (unsigned)(i < 8 ? qr.dark[8][s - 1 - i] :
		    qr.dark[s - 15 + i][8]) << i;
	}
	/* Table C.1: correction L, mask 0. */
	ck_assert_uint_eq(a, 0x77c4);
	ck_assert_uint_eq(b, 0x77c4);
	ck_assert(qr.dark[s - 8][8]);
}

/* Table D.1. */
static void
version(void)
{
	static const unsigned want[] = { 0x07c94, 0x085bc, 0x09a99 };
	unsigned i, a = 0, b = 0, v = (qr.side - 17) / 4;

	for (i = 0; v >= 7 && i < 18; i++) {
		a |= (unsigned)qr.dark[i / 3][qr.side - 11 + i % 3] << i;
		b |= (unsigned)qr.dark[qr.side - 11 + i % 3][i / 3] << i;
	}
	ck_assert_uint_eq(a, v >= 7 ? want[v - 7] : 0);
	ck_assert_uint_eq(b, a);
}

static unsigned
bits(unsigned *word, unsigned max)
{
	unsigned n = 0, pair, i, x, y;

	memset(word, 0, max * sizeof(*word));
	for (pair = 0; pair < (qr.side - 1) / 2; pair++)
		for (i = 0; i < 2 * qr.side; i++) {
			x = qr.side - 1 - 2 * pair - i % 2;
			x -= x <= 6;		/* past the timing column */
			y = pair % 2 ? i / 2 : qr.side - 1 - i / 2;
			if (qr.fixed[y][x])
				continue;
			if (n < 8 * max)
				word[n / 8] = word[n / 8] << 1 | (qr.dark[y][x]
				    != ((x + y) % 2 == 0));
			n++;
		}
	return n;
}

START_TEST(read_back)
{
	unsigned blocks = rows[_i].blocks, data = rows[_i].data, i, k;
	unsigned all = blocks * (data + rows[_i].check), word[292];
	unsigned block[2][146], text[232];
	char in[QR_TEXT];

	for (i = 0; i < rows[_i].n; i++)
		in[i] = (char)(7 * i + 33);
	ck_assert(qr_make(&qr, in, rows[_i].n));
	ck_assert_uint_eq(qr.side, rows[_i].side);
	corner(0, 0);
	corner(qr.side - 7, 0);
	corner(0, qr.side - 7);
	format();
	version();
	ck_assert_uint_eq(bits(word, all) / 8, all);
	for (i = 0; i < all; i++)
		block[i % blocks][i / blocks] = word[i];
	tables();
	for (i = 0; i < blocks; i++)
		for (k = 0; k < rows[_i].check; k++)
			ck_assert_uint_eq(syndrome(block[i],
			    data + rows[_i].check, k), 0);
	for (i = 0; i < blocks * data; i++)
		text[i] = block[i / data][i % data];
	ck_assert_uint_eq(text[0] >> 4, 4);
	ck_assert_uint_eq((text[0] & 15) << 4 | text[1] >> 4, rows[_i].n);
	for (i = 0; i < rows[_i].n; i++)
		ck_assert_uint_eq((text[i + 1] & 15) << 4 | text[i + 2] >> 4,
		    (unsigned char)in[i]);
}
END_TEST

START_TEST(too_long)
{
	char in[QR_TEXT + 1] = "";

	ck_assert(!qr_make(&qr, in, sizeof(in)));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("qr");
	TCase *t = tcase_create("qr");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, read_back, 0, nitems(rows));
	tcase_add_test(t, too_long);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
