/*
 * The WebSocket codec, along the groups of the public conformance suite:
 * framing, pings and pongs, reserved bits, opcodes, fragmentation, UTF-8,
 * close handling, limits. Every input is fed in all splits.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ws.h"
#include "xmalloc.h"

#define CAP	(5 * 1024 * 1024)

static const uint8_t key[4] = { 0x37, 0xfa, 0x21, 0x3d };

/* What the receiver gave, as one text: "T:hello|P:x|" and so on. */
struct got {
	struct buf	 b;
	unsigned	 stop_after;	/* 0: never */
	unsigned	 n;
	const uint8_t	*last;
};

static bool
on_msg(void *arg, enum ws_op op, uint8_t *p, size_t n)
{
	struct got *g = arg;

	buf_putc(&g->b, op == WS_TEXT ? 'T' : op == WS_BIN ? 'B' :
	    op == WS_PING ? 'P' : op == WS_PONG ? 'O' : 'C');
	buf_putc(&g->b, ':');
	buf_put(&g->b, p, n);
	buf_putc(&g->b, '|');
	g->last = p;
	if (n > 0)
		memset(p, 0xaa, n);	/* writable, and nobody needs it */
	return ++g->n != g->stop_after;
}

/* ---- building frames from "hex" rows ---- */

/* A frame: first byte, payload; masked unless told. */
static void
frame(struct buf *b, uint8_t first, const void *p, size_t n, bool masked)
{
	uint8_t	hdr[10];
	size_t	at, len = ws_head(hdr, WS_TEXT, n);

	hdr[0] = first;
	if (masked)
		hdr[1] |= 0x80;
	buf_put(b, hdr, len);
	if (masked)
		buf_put(b, key, 4);
	at = b->len;
	buf_put(b, p, n);
	if (masked)
		ws_mask(b->data + at, n, key, 0);
}

/* The feed cut at every cut bytes (0: whole), each part in memory of its
 * own so that a read past the end is seen. */
static int
feed(const struct buf *in, size_t cut, bool server, struct got *g)
{
	struct ws_rx	rx;
	uint8_t		*part;
	size_t		at, take;
	int		code = 0;

	ws_rx_init(&rx, server, CAP);
	for (at = 0; at < in->len && code == 0; at += take) {
		take = cut != 0 && in->len - at > cut ? cut : in->len - at;
		part = xmemdup(in->data + at, take);
		code = ws_rx_feed(&rx, part, take, on_msg, g);
		free(part);
	}
	ws_rx_free(&rx);
	return code;
}

#define F(first, lit)	{ first, lit, sizeof(lit) - 1 }
#define X125 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct f { uint8_t first; const char *p; size_t n; };

static const struct {
	struct f	 f[6];
	int		 code;
	const char	*got;
} cases[] = {
	/* 1: text and binary */
	{ { F(0x81, "hello") }, 0, "T:hello|" },
	{ { F(0x81, "") }, 0, "T:|" },
	{ { F(0x82, "\xff\xfe") }, 0, "B:\xff\xfe|" },
	{ { F(0x82, "") }, 0, "B:|" },
	{ { F(0x81, "a"), F(0x82, "b"), F(0x81, "c") }, 0, "T:a|B:b|T:c|" },
	/* 2: pings and pongs */
	{ { F(0x89, "") }, 0, "P:|" },
	{ { F(0x89, "hey"), F(0x8a, "ho") }, 0, "P:hey|O:ho|" },
	{ { F(0x89, X125) }, 0, "P:" X125 "|" },
	{ { F(0x89, X125 "a") }, 1002, "" },
	{ { F(0x8a, "unsolicited"), F(0x89, "x") }, 0, "O:unsolicited|P:x|" },
	/* 3: reserved bits */
	{ { F(0xc1, "x") }, 1002, "" }, { { F(0xa1, "x") }, 1002, "" },
	{ { F(0x91, "x") }, 1002, "" }, { { F(0xf1, "x") }, 1002, "" },
	{ { F(0xc9, "x") }, 1002, "" }, { { F(0xf8, "") }, 1002, "" },
	{ { F(0x81, "a"), F(0xb1, "x") }, 1002, "T:a|" },
	{ { F(0x01, "a"), F(0xc0, "x") }, 1002, "" },
	/* 4: opcodes */
	{ { F(0x83, "") }, 1002, "" }, { { F(0x84, "x") }, 1002, "" },
	{ { F(0x85, "") }, 1002, "" }, { { F(0x87, "") }, 1002, "" },
	{ { F(0x8b, "") }, 1002, "" }, { { F(0x8c, "x") }, 1002, "" },
	{ { F(0x8f, "") }, 1002, "" }, { { F(0x03, "") }, 1002, "" },
	{ { F(0x81, "a"), F(0x86, "x") }, 1002, "T:a|" },
	/* 5: fragmentation */
	{ { F(0x01, "a"), F(0x00, "b"), F(0x80, "c") }, 0, "T:abc|" },
	{ { F(0x02, "a"), F(0x80, "b") }, 0, "B:ab|" },
	{ { F(0x01, ""), F(0x00, ""), F(0x80, "") }, 0, "T:|" },
	{ { F(0x01, ""), F(0x00, "m"), F(0x80, "") }, 0, "T:m|" },
	{ { F(0x01, "a"), F(0x89, "p"), F(0x80, "b") }, 0, "P:p|T:ab|" },
	{ { F(0x01, "a"), F(0x89, ""), F(0x00, "b"), F(0x8a, "q"),
	    F(0x80, "c") }, 0, "P:|O:q|T:abc|" },
	{ { F(0x09, "x") }, 1002, "" },		/* a ping in fragments */
	{ { F(0x0a, "x") }, 1002, "" }, { { F(0x08, "") }, 1002, "" },
	{ { F(0x80, "x") }, 1002, "" },		/* nothing to continue */
	{ { F(0x00, "x") }, 1002, "" },
	{ { F(0x81, "a"), F(0x80, "x") }, 1002, "T:a|" },
	{ { F(0x01, "a"), F(0x81, "b") }, 1002, "" },
	{ { F(0x01, "a"), F(0x02, "b") }, 1002, "" },
	{ { F(0x01, "a"), F(0x80, "b"), F(0x81, "c"), F(0x01, "d"),
	    F(0x80, "e") }, 0, "T:ab|T:c|T:de|" },
	/* 6: UTF-8 */
	{ { F(0x81, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5") }, 0,
	    "T:\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5|" },
	{ { F(0x01, "\xce"), F(0x80, "\xba") }, 0, "T:\xce\xba|" },
	{ { F(0x01, "\xf0\x9f"), F(0x89, "\xff"), F(0x00, "\x8e"),
	    F(0x80, "\xac") }, 0, "P:\xff|T:\xf0\x9f\x8e\xac|" },
	{ { F(0x81, "\xce\xba\xed\xa0\x80") }, 1007, "" },
	{ { F(0x81, "\xf4\x90\x80\x80") }, 1007, "" },
	{ { F(0x81, "\xc0\x80") }, 1007, "" },
	{ { F(0x81, "\xff") }, 1007, "" },
	{ { F(0x81, "abc\xe2\x82") }, 1007, "" },
	{ { F(0x01, "\xe2\x82"), F(0x80, "") }, 1007, "" },
	{ { F(0x01, "\xf4"), F(0x00, "\x90") }, 1007, "" },
	{ { F(0x01, "\xce\xba\xed\xa0"), F(0x00, "x") }, 1007, "" },
	{ { F(0x81, "\xef\xbf\xbf\xf4\x8f\xbf\xbf") }, 0,
	    "T:\xef\xbf\xbf\xf4\x8f\xbf\xbf|" },
	{ { F(0x02, "\xff"), F(0x80, "\xce") }, 0, "B:\xff\xce|" },
	{ { F(0x81, "0123456789abcdef0123456789abcde\xff") }, 1007, "" },
	/* 7: close */
	{ { F(0x88, "") }, 0, "C:|" },
	{ { F(0x88, "\x03\xe8") }, 0, "C:\x03\xe8|" },
	{ { F(0x88, "\x03\xe8" "bye \xe2\x82\xac") }, 0,
	    "C:\x03\xe8" "bye \xe2\x82\xac|" },
	{ { F(0x88, "\x03") }, 1002, "" },
	{ { F(0x88, "\x03\xed") }, 1002, "" },
	{ { F(0x88, "\x03\xe8\xff") }, 1007, "" },
	{ { F(0x88, "\x03\xe8\xe2\x82") }, 1007, "" },
	{ { F(0x88, "\x03\xe8" X125) }, 1002, "" },
	{ { F(0x01, "a"), F(0x88, "\x03\xe9") }, 0, "C:\x03\xe9|" },
};

START_TEST(conformance)
{
	const struct f	*f;
	struct buf	 in = BUF_INIT;
	struct got	 g;
	size_t		 cut;
	int		 code;

	for (f = cases[_i].f; f->p != NULL; f++)
		frame(&in, f->first, f->p, f->n, true);
	for (cut = 0; cut <= in.len; cut++) {
		g = (struct got){ .b = BUF_INIT };
		code = feed(&in, cut, true, &g);
		ck_assert_msg(code == cases[_i].code, "cut %zu: %d", cut,
		    code);
		ck_assert_str_eq(buf_cstr(&g.b), cases[_i].got);
		buf_free(&g.b);
	}
	buf_free(&in);
}
END_TEST

/* Raw headers: masking by role, shortest lengths, the top bit. */
static const struct {
	const char	*p;
	size_t		 n;
	bool		 server;
	int		 code;
} headers[] = {
	{ "\x81\x00", 2, true, 1002 },			/* not masked */
	{ "\x81\x80", 2, false, 1002 },			/* masked */
	{ "\x81\x00", 2, false, 0 },
	{ "\x89\xfe", 2, true, 1002 },			/* long ping */
	{ "\x89\xff", 2, true, 1002 },
	{ "\x82\xfe\x00\x7d\0\0\0\0", 8, true, 1002 },	/* 125 in 16 bits */
	{ "\x82\xfe\x00\x7e\0\0\0\0", 8, true, 0 },
	{ "\x82\xff\0\0\0\0\0\0\xff\xff\0\0\0\0", 14, true, 1002 },
	{ "\x82\xff\0\0\0\0\0\1\0\0\0\0\0\0", 14, true, 0 },
	{ "\x82\xff\x80\0\0\0\0\1\0\0\0\0\0\0", 14, true, 1002 },
	{ "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14, true, 1002 },
	{ "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14, true, 1009 },
	{ "\x82\xff\0\0\0\0\0\x50\0\1\0\0\0\0", 14, true, 1009 }, /* cap+1 */
	{ "\x82\xff\0\0\0\0\0\x50\0\0\0\0\0\0", 14, true, 0 },	/* cap */
	{ "\x83", 1, true, 1002 },		/* at the first byte */
	{ "\xc1", 1, true, 1002 },
};

START_TEST(header_rules)
{
	struct got	g = { .b = BUF_INIT };
	struct buf	in = BUF_INIT;
	size_t		cut;

	buf_put(&in, headers[_i].p, headers[_i].n);
	for (cut = 0; cut <= in.len; cut++)
		ck_assert_int_eq(feed(&in, cut, headers[_i].server, &g),
		    headers[_i].code);
	buf_free(&g.b);
	buf_free(&in);
}
END_TEST

/* Bad text is refused at the byte that makes it bad, not at the end. */
START_TEST(utf8_fails_fast)
{
	struct got	g = { .b = BUF_INIT };
	struct buf	in = BUF_INIT;
	struct ws_rx	rx;
	size_t		i;
	int		code = 0;

	frame(&in, 0x81, "\xce\xba\xf4\x90\x80\x80 more text follows", 24,
	    true);
	ws_rx_init(&rx, true, CAP);
	for (i = 0; i < in.len && code == 0; i++)
		code = ws_rx_feed(&rx, in.data + i, 1, on_msg, &g);
	ck_assert_int_eq(code, 1007);
	ck_assert_uint_eq(i, 6 + 4);	/* header, and the byte 0x90 */
	ws_rx_free(&rx);
	buf_free(&in);
	buf_free(&g.b);
}
END_TEST

/* A message inside one chunk is given where it lies. */
START_TEST(no_copy)
{
	static const size_t sizes[] = { 1, 125, 126, 65535, 65536, 300000 };
	size_t		n = sizes[_i];
	char		*text = xmalloc(n);
	struct got	g = { .b = BUF_INIT };
	struct buf	in = BUF_INIT;
	struct ws_rx	rx;

	memset(text, 'x', n);
	frame(&in, 0x81, text, n, true);
	ws_rx_init(&rx, true, CAP);
	ck_assert_int_eq(ws_rx_feed(&rx, in.data, in.len, on_msg, &g), 0);
	ck_assert_uint_eq(g.n, 1);
	ck_assert_ptr_eq(g.last, in.data + in.len - n);
	ck_assert_uint_eq(buf_used(&g.b), n + 3);
	ck_assert_mem_eq(g.b.data + 2, text, n);
	ck_assert_uint_eq(ws_rx_held(&rx), 0);
	ck_assert_ptr_null(rx.msg.data);
	free(text);
	buf_free(&in);
	buf_free(&g.b);
}
END_TEST

/* Memory follows what arrived, never what was announced. */
START_TEST(memory)
{
	struct got	 g = { .b = BUF_INIT };
	struct ws_rx	 rx;
	uint8_t		 hdr[10], chunk[1000];
	size_t		 n = CAP, sent = 0, take, len;

	ck_assert_uint_le(sizeof(rx), 256);
	len = ws_head(hdr, WS_BIN, n);
	ws_rx_init(&rx, false, CAP);
	ck_assert_int_eq(ws_rx_feed(&rx, hdr, len, on_msg, &g), 0);
	ck_assert_uint_eq(ws_rx_held(&rx), 0);
	while (sent < n) {
		take = n - sent < sizeof(chunk) ? n - sent : sizeof(chunk);
		memset(chunk, (int)(sent / 1000), take);
		ck_assert_int_eq(ws_rx_feed(&rx, chunk, take, on_msg, &g), 0);
		sent += take;
		if (sent == n)
			break;
		ck_assert_uint_ge(ws_rx_held(&rx), sent);
		ck_assert_uint_le(ws_rx_held(&rx), sent * 2 + 1024);
		ck_assert_uint_le(ws_rx_held(&rx), n);
	}
	ck_assert_uint_eq(g.n, 1);
	ck_assert_uint_eq(ws_rx_held(&rx), 0);
	ck_assert_uint_eq(buf_used(&g.b), n + 3);
	for (sent = 0; sent < n; sent += 1000)
		ck_assert_uint_eq(g.b.data[2 + sent], sent / 1000 & 0xff);
	buf_free(&g.b);
}
END_TEST

START_TEST(small_frames_are_exact)
{
	struct got	g = { .b = BUF_INIT };
	struct buf	in = BUF_INIT;
	struct ws_rx	rx;

	frame(&in, 0x81, "0123456789", 10, true);
	ws_rx_init(&rx, true, CAP);
	ws_rx_feed(&rx, in.data, in.len - 1, on_msg, &g);
	ck_assert_uint_eq(ws_rx_held(&rx), 10);
	ws_rx_free(&rx);
	ck_assert_uint_eq(ws_rx_held(&rx), 0);
	buf_free(&in);
}
END_TEST

/* The cap counts all fragments; nothing is kept of what is refused. */
START_TEST(cap_over_fragments)
{
	struct got	g = { .b = BUF_INIT };
	struct buf	in = BUF_INIT;
	struct ws_rx	rx;

	frame(&in, 0x01, "12345", 5, true);
	frame(&in, 0x00, "12345", 5, true);
	ws_rx_init(&rx, true, 10);
	ck_assert_int_eq(ws_rx_feed(&rx, in.data, in.len, on_msg, &g), 0);
	buf_clear(&in);
	/* control frames do not count */
	frame(&in, 0x89, X125, 125, true);
	frame(&in, 0x80, _i == 0 ? "" : "1", (size_t)_i, true);
	ck_assert_int_eq(ws_rx_feed(&rx, in.data, in.len, on_msg, &g),
	    _i == 0 ? 0 : 1009);
	ck_assert_uint_eq(g.n, _i == 0 ? 2 : 1);
	ws_rx_free(&rx);
	buf_free(&in);
	buf_free(&g.b);
}
END_TEST

START_TEST(frames_per_message)
{
	struct got	g = { .b = BUF_INIT };
	struct buf	in = BUF_INIT;
	struct ws_rx	rx;
	int		i, more = WS_FRAMES_MAX - 2 + _i;

	ws_rx_init(&rx, true, CAP);
	frame(&in, 0x01, "a", 1, true);
	for (i = 0; i < more; i++) {
		frame(&in, 0x00, "", 0, true);
		frame(&in, 0x8a, "", 0, true);
	}
	frame(&in, 0x80, "z", 1, true);
	ck_assert_int_eq(ws_rx_feed(&rx, in.data, in.len, on_msg, &g),
	    _i == 0 ? 0 : 1008);
	if (_i == 0) {		/* the next message counts from none */
		buf_clear(&in);
		frame(&in, 0x01, "a", 1, true);
		frame(&in, 0x80, "b", 1, true);
		ck_assert_int_eq(ws_rx_feed(&rx, in.data, in.len, on_msg,
		    &g), 0);
		g.n--;
	}
	ck_assert_uint_eq(g.n, (unsigned)more + (_i == 0));
	ws_rx_free(&rx);
	buf_free(&in);
	buf_free(&g.b);
}
END_TEST

/* The callback says stop: nothing after that message is looked at. */
START_TEST(stop)
{
	struct got	g = { .b = BUF_INIT, .stop_after = 2 };
	struct buf	in = BUF_INIT;

	frame(&in, 0x81, "a", 1, true);
	frame(&in, 0x88, "", 0, true);
	frame(&in, 0xff, "garbage", 7, false);
	ck_assert_int_eq(feed(&in, 0, true, &g), 0);
	ck_assert_str_eq(buf_cstr(&g.b), "T:a|C:|");
	buf_free(&in);
	buf_free(&g.b);
}
END_TEST

/* ---- the pieces ---- */

START_TEST(mask)
{
	uint8_t	data[300], want[300], high;
	size_t	n, phase, at, i;

	for (at = 0; at < 17; at++)
		for (phase = 0; phase < 4; phase++)
			for (n = 0; n < 200; n += 1 + n / 40) {
				for (i = 0; i < sizeof(data); i++)
					data[i] = want[i] = (uint8_t)(i * 7);
				for (i = 0; i < n; i++)
					want[at + i] ^= key[(phase + i) & 3];
				for (i = 0, high = 0; i < n; i++)
					high |= want[at + i];
				ck_assert_int_eq(ws_mask(data + at, n, key,
				    phase), high < 0x80);
				ck_assert_mem_eq(data, want, sizeof(data));
			}
	/* one byte that is not, at every place */
	for (n = 1; n < 200; n++)
		for (at = 0; at < n; at++) {
			memset(data, 'a', sizeof(data));
			(void)ws_mask(data, n, key, 0);
			ck_assert(ws_mask(data, n, key, 0));
			data[at] = 0xc3;
			(void)ws_mask(data, n, key, 0);
			ck_assert(!ws_mask(data, n, key, 0));
		}
}
END_TEST

/* Every sequence of up to four bytes from the interesting ones, against a
 * decoder written the other way round: by value. */
static bool
utf8_by_value(const uint8_t *p, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t	v;
	size_t		i, len, k;

	for (i = 0; i < n; i += len) {
		if (p[i] < 0x80) {
			len = 1;
			continue;
		}
		len = p[i] >> 5 == 6 ? 2 : p[i] >> 4 == 14 ? 3 :
		    p[i] >> 3 == 30 ? 4 : 0;
		if (len == 0 || n - i < len)
			return false;
		v = p[i] & (0x7fU >> len);
		for (k = 1; k < len; k++) {
			if (p[i + k] >> 6 != 2)
				return false;
			v = v << 6 | (p[i + k] & 0x3f);
		}
		if (v < least[len] || v > 0x10ffff ||
		    (v >= 0xd800 && v <= 0xdfff))
			return false;
	}
	return true;
}

START_TEST(utf8)
{
	static const uint8_t b[] = {
		0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0,
		0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0,
		0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff,
	};
	uint8_t		p[4];
	uint32_t	state;
	size_t		i, j, k, n, cut;
	bool		want, ok;

	p[0] = b[_i];
	for (i = 0; i < nitems(b); i++)
		for (j = 0; j < nitems(b); j++)
			for (k = 0; k < nitems(b); k++) {
				p[1] = b[i];
				p[2] = b[j];
				p[3] = b[k];
				n = 1 + (i + j + k) % 4;
				want = utf8_by_value(p, n);
				state = 0;
				ok = ws_utf8(&state, p, n) && state == 0;
				if (ok != want)
					ck_abort_msg("%02x %02x %02x %02x",
					    p[0], p[1], p[2], p[3]);
				cut = k % (n + 1);
				state = 0;
				ok = ws_utf8(&state, p, cut) &&
				    ws_utf8(&state, p + cut, n - cut) &&
				    state == 0;
				ck_assert(ok == want);
			}
}
END_TEST

/* One bad byte at every place of a long text: the fast path sees it. */
START_TEST(utf8_long)
{
	uint8_t		text[260];
	uint32_t	state;
	size_t		i, at;

	for (at = 0; at < 4; at++)
		for (i = at; i < sizeof(text); i++) {
			memset(text, 'a', sizeof(text));
			text[i] = 0x80;
			state = 0;
			ck_assert(!ws_utf8(&state, text + at,
			    sizeof(text) - at));
			text[i] = 0xc3;
			if (i + 1 < sizeof(text))
				text[i + 1] = 0xa4;
			state = 0;
			ck_assert(ws_utf8(&state, text + at,
			    sizeof(text) - at));
			ck_assert_int_eq(state != 0, i + 1 == sizeof(text));
		}
}
END_TEST

static const struct { size_t n; const char *hdr; size_t len; } heads[] = {
	{ 0, "\x82\x00", 2 }, { 125, "\x82\x7d", 2 },
	{ 126, "\x82\x7e\x00\x7e", 4 }, { 65535, "\x82\x7e\xff\xff", 4 },
	{ 65536, "\x82\x7f\0\0\0\0\0\1\0\0", 10 },
	{ 0x123456, "\x82\x7f\0\0\0\0\0\x12\x34\x56", 10 },
};

START_TEST(put)
{
	struct got	g = { .b = BUF_INIT };
	struct buf	out = BUF_INIT;
	uint8_t		hdr[10], *p = xcalloc(1, heads[_i].n + 1);
	size_t		n = heads[_i].n, len = heads[_i].len;

	ck_assert_uint_eq(ws_head(hdr, WS_BIN, n), len);
	ck_assert_mem_eq(hdr, heads[_i].hdr, len);
	ws_put(&out, WS_BIN, p, n, NULL);
	ck_assert_uint_eq(buf_used(&out), len + n);
	ck_assert_mem_eq(out.data, hdr, len);
	ck_assert_int_eq(feed(&out, 4096, false, &g), 0);
	ck_assert_uint_eq(buf_used(&g.b), n + 3);
	buf_clear(&out);
	buf_clear(&g.b);
	ws_put(&out, WS_BIN, p, n, key);
	ck_assert_uint_eq(buf_used(&out), len + 4 + n);
	ck_assert_int_eq(feed(&out, 0, true, &g), 0);
	ck_assert_uint_eq(buf_used(&g.b), n + 3);
	ck_assert_mem_eq(g.b.data + 2, p, n);
	free(p);
	buf_free(&out);
	buf_free(&g.b);
}
END_TEST

START_TEST(put_long_control)
{
	struct buf b = BUF_INIT;

	ws_put(&b, WS_PING, X125 "a", 126, NULL);
}
END_TEST

START_TEST(put_close)
{
	struct buf b = BUF_INIT;

	ws_put_close(&b, 1001, "bye", NULL);
	ck_assert_uint_eq(b.len, 7);
	ck_assert_mem_eq(b.data, "\x88\x05\x03\xe9" "bye", 7);
	buf_clear(&b);
	ws_put_close(&b, 1000, NULL, NULL);
	ck_assert_mem_eq(b.data, "\x88\x02\x03\xe8", 4);
	buf_clear(&b);
	ws_put_close(&b, 1005, "x", NULL);
	ck_assert_uint_eq(b.len, 2);
	ck_assert_mem_eq(b.data, "\x88\x00", 2);
	buf_clear(&b);
	/* cut between characters: 122 + a character of three bytes */
	ws_put_close(&b, 1000, &X125[3], NULL);
	ck_assert_uint_eq(b.len, 2 + 2 + 122);
	buf_clear(&b);
	ws_put_close(&b, 1000, &X125[1], NULL);
	ck_assert_uint_eq(b.len, 2 + 125);
	buf_clear(&b);
	ws_put_close(&b, 1000, "0123456789012345678901234567890123456789"
	    "01234567890123456789012345678901234567890123456789012345678901"
	    "23456789012345678901\xe2\x82\xac", NULL);
	ck_assert_uint_eq(b.len, 2 + 2 + 122);
	buf_free(&b);
}
END_TEST

START_TEST(close_codes)
{
	static const int good[] = {
		1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012,
		1013, 1014, 3000, 3999, 4000, 4999,
	};
	uint8_t	p[2];
	size_t	i;
	int	code;

	for (code = 0; code < 65536; code++) {
		p[0] = (uint8_t)(code >> 8);
		p[1] = (uint8_t)code;
		for (i = 0; i < nitems(good) && good[i] != code; i++)
			;
		if ((code >= 3000 && code <= 4999) || i < nitems(good))
			ck_assert_int_eq(ws_close_code(p, 2), code);
		else if (ws_close_code(p, 2) != -1)
			ck_abort_msg("code %d", code);
	}
	ck_assert_int_eq(ws_close_code(p, 0), 1005);
	ck_assert_int_eq(ws_close_code(p, 1), -1);
}
END_TEST

/* The example of RFC 6455 1.3, with its digest written down. */
static void
fake_sha1(const void *p, size_t n, uint8_t out[20])
{
	static const char want[] = "dGhlIHNhbXBsZSBub25jZQ=="
	    "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	static const uint8_t digest[20] = {
		0xb3, 0x7a, 0x4f, 0x2c, 0xc0, 0x62, 0x4f, 0x16, 0x90, 0xf6,
		0x46, 0x06, 0xcf, 0x38, 0x59, 0x45, 0xb2, 0xbe, 0xc4, 0xea,
	};

	ck_assert_uint_eq(n, sizeof(want) - 1);
	ck_assert_mem_eq(p, want, n);
	memcpy(out, digest, 20);
}

START_TEST(accept_key)
{
	char dst[29];

	ws_accept(dst, slice_of("dGhlIHNhbXBsZSBub25jZQ=="), fake_sha1);
	ck_assert_str_eq(dst, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}
END_TEST

int
main(void)
{
	Suite	*s = suite_create("ws");
	TCase	*tc = tcase_create("ws");
	SRunner	*sr;
	int	 failed;

	tcase_add_loop_test(tc, conformance, 0, (int)nitems(cases));
	tcase_add_loop_test(tc, header_rules, 0, (int)nitems(headers));
	tcase_add_test(tc, utf8_fails_fast);
	tcase_add_loop_test(tc, no_copy, 0, 6);
	tcase_add_test(tc, memory);
	tcase_add_test(tc, small_frames_are_exact);
	tcase_add_loop_test(tc, cap_over_fragments, 0, 2);
	tcase_add_loop_test(tc, frames_per_message, 0, 2);
	tcase_add_test(tc, stop);
	tcase_add_test(tc, mask);
	tcase_add_loop_test(tc, utf8, 0, 26);
	tcase_add_test(tc, utf8_long);
	tcase_add_loop_test(tc, put, 0, (int)nitems(heads));
	tcase_add_test_raise_signal(tc, put_long_control, 6);
	tcase_add_test(tc, put_close);
	tcase_add_test(tc, close_codes);
	tcase_add_test(tc, accept_key);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
