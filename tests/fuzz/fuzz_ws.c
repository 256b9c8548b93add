/*
 * ws: a stream gives the same messages and the same verdict however it is
 * cut; text is UTF-8; memory follows the input; what ws_put writes is read
 * back as it was. First byte: bit 0 server, bit 1 small cap, bit 2 the rest
 * is messages to write instead of a stream to read.
 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "fuzz.h"
#include "valid.h"
#include "ws.h"
#include "xmalloc.h"

struct sink {
	struct buf	 all;	/* op, length and bytes of every message */
	uint32_t	 max;
	bool		 closed; /* and therefore fed no more */
};

static bool
text_ok(const uint8_t *p, size_t n)
{
	const uint8_t	*nul;

	/* valid_utf8() refuses NUL, which a message may hold */
	while ((nul = memchr(p, 0, n)) != NULL) {
		if (!valid_utf8((const char *)p, (size_t)(nul - p)))
			return false;
		n -= (size_t)(nul - p) + 1;
		p = nul + 1;
	}
	return valid_utf8((const char *)p, n);
}

static bool
on_msg(void *arg, enum ws_op op, uint8_t *p, size_t n)
{
	struct sink *s = arg;

	HOLDS(!s->closed);
	HOLDS(op == WS_TEXT || op == WS_BIN || op == WS_CLOSE ||
	    op == WS_PING || op == WS_PONG);
	HOLDS(op >= WS_CLOSE ? n <= 125 : n <= s->max);
	if (op == WS_TEXT)
		HOLDS(n == 0 || text_ok(p, n));
	if (op == WS_CLOSE)
		HOLDS(ws_close_code(p, n) != -1);
	buf_put_u8(&s->all, (uint8_t)op);
	buf_put_u64(&s->all, n);
	buf_put(&s->all, p, n);
	if (n > 0)
		memset(p, 0x5a, n);
	s->closed = op == WS_CLOSE;
	return !s->closed;
}

/* most: longest part; 0: whole. */
static int
feed(const uint8_t *p, size_t n, bool server, size_t most, struct sink *s)
{
	uint64_t	rnd = fuzz_seed(p, n) + most;
	struct ws_rx	rx;
	size_t		at = 0, take;
	uint8_t		*part;
	int		code = 0;

	ws_rx_init(&rx, server, s->max);
	while (at < n && code == 0 && !s->closed) {
		take = most == 0 ? n : 1 + fuzz_rand(&rnd) % most;
		if (take > n - at)
			take = n - at;
		part = xmemdup(p + at, take);
		code = ws_rx_feed(&rx, part, take, on_msg, s);
		free(part);
		at += take;
		HOLDS(code == 0 || ws_close_code((uint8_t[]){
		    (uint8_t)(code >> 8), (uint8_t)code }, 2) == code);
		HOLDS(ws_rx_held(&rx) <= s->max);
		HOLDS(ws_rx_held(&rx) <= 2 * at + 1024);
	}
	ws_rx_free(&rx);
	return code;
}

static void
check_stream(const uint8_t *p, size_t n, bool server, uint32_t max)
{
	static const size_t	steps[] = { 1, 5, 100 };
	struct sink		all = { .all = BUF_INIT, .max = max }, s;
	int			code = feed(p, n, server, 0, &all);
	size_t			i;

	for (i = 0; i < nitems(steps); i++) {
		s = (struct sink){ .all = BUF_INIT, .max = max };
		HOLDS(feed(p, n, server, steps[i], &s) == code);
		HOLDS(s.closed == all.closed);
		HOLDS(s.all.len == all.all.len);
		HOLDS(s.all.len == 0 || memcmp(s.all.data, all.all.data,
		    s.all.len) == 0);
		buf_free(&s.all);
	}
	buf_free(&all.all);
}

/* The input as messages: length byte, then so many bytes, again and again. */
static void
check_put(const uint8_t *p, size_t n, bool server)
{
	static const uint8_t	key[4] = { 0x12, 0x00, 0xff, 0xa5 };
	struct buf		wire = BUF_INIT, want = BUF_INIT;
	struct sink		s = { .all = BUF_INIT, .max = 1 << 20 };
	enum ws_op		op;
	size_t			len, i;

	for (i = 0; i < n; i += len) {
		len = p[i++];
		if (len > n - i)
			len = n - i;
		if (len == 255)		/* the longer forms, too */
			len = n - i;
		op = len % 3 == 0 && text_ok(p + i, len) ? WS_TEXT :
		    len % 3 == 1 && len <= 125 ? WS_PING : WS_BIN;
		ws_put(&wire, op, p + i, len, server ? key : NULL);
		buf_put_u8(&want, (uint8_t)op);
		buf_put_u64(&want, len);
		buf_put(&want, p + i, len);
	}
	HOLDS(feed(wire.data, wire.len, server, 50, &s) == 0);
	HOLDS(s.all.len == want.len && (want.len == 0 ||
	    memcmp(s.all.data, want.data, want.len) == 0));
	buf_free(&wire);
	buf_free(&want);
	buf_free(&s.all);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t flags;

	if (size == 0)
		return 0;
	flags = data[0];
	if ((flags & 4) != 0)
		check_put(data + 1, size - 1, (flags & 1) != 0);
	else
		check_stream(data + 1, size - 1, (flags & 1) != 0,
		    (flags & 2) != 0 ? 20 : 1 << 20);
	return 0;
}
