/* qr: see qr.h. Numbers in brackets are clauses of ISO/IEC 18004:2015. */
#include <string.h>

#include "qr.h"

#define VERSIONS	9
#define WORDS_MAX	292	/* of version 9, both kinds */

/* With error correction L all blocks of these versions are alike (7.5.1). */
static const struct size {
	uint8_t	blocks, data, check;	/* codewords of a block */
	uint8_t	align[3];		/* centres (annex E), 0: none */
} sizes[VERSIONS + 1] = {
	[1] = { 1, 19, 7, { 0, 0, 0 } },
	[2] = { 1, 34, 10, { 6, 18, 0 } },
	[3] = { 1, 55, 15, { 6, 22, 0 } },
	[4] = { 1, 80, 20, { 6, 26, 0 } },
	[5] = { 1, 108, 26, { 6, 30, 0 } },
	[6] = { 2, 68, 18, { 6, 34, 0 } },
	[7] = { 2, 78, 20, { 6, 22, 38 } },
	[8] = { 2, 97, 24, { 6, 24, 42 } },
	[9] = { 2, 116, 30, { 6, 26, 46 } },
};

/* ---- codewords ---- */

/* A product of GF(256) with the polynomial of 7.5.2. */
static uint8_t
times(uint8_t a, uint8_t b)
{
	unsigned v = 0;
	int i;

	for (i = 7; i >= 0; i--)
		v = (v << 1 ^ (v >> 7) * 0x11d) ^ ((b >> i) & 1u) * a;
	return (uint8_t)v;
}

/* What is left of the data after division by (x - 1)(x - 2)(x - 4)...:
 * n check codewords. */
static void
check_words(const uint8_t *data, size_t len, uint8_t *check, size_t n)
{
	uint8_t g[30] = { 0 }, root = 1, lead;
	size_t i, k;

	g[n - 1] = 1;
	for (i = 0; i < n; i++, root = times(root, 2))
		for (k = 0; k < n; k++)
			g[k] = times(g[k], root) ^ (k + 1 < n ? g[k + 1] : 0);
	memset(check, 0, n);
	for (i = 0; i < len; i++) {
		lead = data[i] ^ check[0];
		memmove(check, check + 1, n - 1);
		check[n - 1] = 0;
		for (k = 0; k < n; k++)
			check[k] ^= times(g[k], lead);
	}
}

/* Mode, length, the bytes, padding (7.4). Texts fit. */
static void
data_words(const struct size *z, const char *text, size_t n, uint8_t *out)
{
	size_t cap = (size_t)z->blocks * z->data, i;
	uint8_t c;

	memset(out, 0, cap);
	out[0] = (uint8_t)(0x40 | n >> 4);
	out[1] = (uint8_t)(n << 4);
	for (i = 0; i < n; i++) {
		c = (uint8_t)text[i];
		out[i + 1] |= c >> 4;
		out[i + 2] = (uint8_t)(c << 4);
	}
	for (i = n + 2; i < cap; i++)
		out[i] = (i - n) % 2 == 0 ? 0xec : 0x11;
}

/* The blocks' codewords in turn, data first (7.6). */
static size_t
words(const struct size *z, const char *text, size_t n, uint8_t *out)
{
	uint8_t data[WORDS_MAX], check[2][30];
	size_t b, i, done = 0;

	data_words(z, text, n, data);
	for (b = 0; b < z->blocks; b++)
		check_words(data + b * z->data, z->data, check[b], z->check);
	for (i = 0; i < z->data; i++)
		for (b = 0; b < z->blocks; b++)
			out[done++] = data[b * z->data + i];
	for (i = 0; i < z->check; i++)
		for (b = 0; b < z->blocks; b++)
			out[done++] = check[b][i];
	return done;
}

/* ---- modules ---- */

static void
fix(struct qr *q, unsigned x, unsigned y, bool dark)
{
	if (x < q->side && y < q->side) {
		q->dark[y][x] = dark;
		q->fixed[y][x] = true;
	}
}

/* Squares in one another around a centre; light where rings says so. */
static void
square(struct qr *q, unsigned x, unsigned y, int reach, unsigned light)
{
	int dx, dy, ring;

	for (dy = -reach; dy <= reach; dy++)
		for (dx = -reach; dx <= reach; dx++) {
			ring = dx * dx > dy * dy ? dx : dy;
			ring = ring < 0 ? -ring : ring;
			fix(q, x + (unsigned)dx, y + (unsigned)dy,
			    (light >> ring & 1u) == 0);
		}
}

static void
patterns(struct qr *q, const struct size *z)
{
	unsigned i, k, n = z->align[2] > 0 ? 3 : z->align[1] > 0 ? 2 : 0;
	unsigned last = q->side - 4;

	for (i = 0; i < q->side; i++) {			/* timing (6.3.5) */
		fix(q, 6, i, i % 2 == 0);
		fix(q, i, 6, i % 2 == 0);
	}
	square(q, 3, 3, 4, 1u << 2 | 1u << 4);
	square(q, last, 3, 4, 1u << 2 | 1u << 4);
	square(q, 3, last, 4, 1u << 2 | 1u << 4);
	for (i = 0; i < n; i++)			/* but in the corners */
		for (k = 0; k < n; k++)
			if (i + k > 0 && (i + k != n - 1 || i % (n - 1) > 0))
				square(q, z->align[i], z->align[k], 2, 1u << 1);
}

/* The value and its remainder by a generator of n + 1 bits. */
static unsigned
bch(unsigned value, unsigned n, unsigned generator)
{
	unsigned rest = value, i;

	for (i = 0; i < n; i++)
		rest = rest << 1 ^ (rest >> (n - 1) & 1u) * generator;
	return value << n | rest;
}

/* Correction L and mask 0 (7.9), twice; the version (7.10), twice. */
static void
formats(struct qr *q, unsigned version)
{
	unsigned bits = bch(1u << 3, 10, 0x537) ^ 0x5412, i;
	unsigned s = q->side;
	bool on;

	for (i = 0; i < 15; i++) {
		on = bits >> i & 1u;
		fix(q, i < 8 ? 8 : i == 8 ? 7 : 14 - i,
		    i < 6 ? i : i < 8 ? i + 1 : 8, on);
		fix(q, i < 8 ? s - 1 - i : 8, i < 8 ? 8 : s - 15 + i, on);
	}
	fix(q, 8, s - 8, true);
	bits = bch(version, 12, 0x1f25);
	for (i = 0; version >= 7 && i < 18; i++) {
		on = bits >> i & 1u;
		fix(q, s - 11 + i % 3, i / 3, on);
		fix(q, i / 3, s - 11 + i % 3, on);
	}
}

/* Two columns at a time from the right, up and down in turn (7.7.3), with
 * every other module turned over: mask 0. */
static void
fill(struct qr *q, const uint8_t *word, size_t n)
{
	unsigned right, step, x, y;
	size_t at = 0;
	bool on, up = true;

	for (right = q->side - 1; right < q->side; right -= 2, up = !up) {
		if (right == 6)
			right--;
		for (step = 0; step < 2 * q->side; step++) {
			x = right - step % 2;
			y = up ? q->side - 1 - step / 2 : step / 2;
			if (q->fixed[y][x])
				continue;
			on = at < 8 * n && (word[at / 8] >> (7 - at % 8) & 1);
			q->dark[y][x] = on != ((x + y) % 2 == 0);
			at++;
		}
		if (right == 1)
			break;
	}
}

bool
qr_make(struct qr *q, const char *text, size_t n)
{
	uint8_t out[WORDS_MAX];
	unsigned v = 1;

	while (v <= VERSIONS &&
	    n + 2 > (size_t)sizes[v].blocks * sizes[v].data)
		v++;
	if (v > VERSIONS)
		return false;
	memset(q, 0, sizeof(*q));
	q->side = 17 + 4 * v;
	patterns(q, &sizes[v]);
	formats(q, v);
	fill(q, out, words(&sizes[v], text, n, out));
	return true;
}
