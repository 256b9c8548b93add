/*
 * ws: the RFC 6455 codec. Pure; a receiver owns the memory of the message
 * that is not complete yet, and nothing else.
 */
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "log.h"
#include "ws.h"
#include "xmalloc.h"

#define CONTROL_MAX	125	/* RFC 6455 5.5 */
#define GROW_MIN	1024

enum { STOP = -1 };		/* the callback wants no more */

/* ---- masking and UTF-8 ---- */

bool
ws_mask(uint8_t *p, size_t n, const uint8_t key[4], size_t phase)
{
	uint8_t		k[8];
	uint64_t	word, w, all = 0;
	bool		ascii = true;
	size_t		i;

	for (i = 0; i < sizeof(k); i++)
		k[i] = key[(phase + i) & 3];
	memcpy(&word, k, sizeof(word));
#ifdef __SSE2__
	{
		const __m128i m = _mm_set1_epi64x((long long)word);
		__m128i any = _mm_setzero_si128(), v;

		for (; n >= 64; n -= 64, p += 64)
			for (i = 0; i < 64; i += 16) {
				__m128i *q = (void *)(p + i);

				v = _mm_xor_si128(_mm_loadu_si128(q), m);
				any = _mm_or_si128(any, v);
				_mm_storeu_si128(q, v);
			}
		ascii = _mm_movemask_epi8(any) == 0;
	}
#endif
	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&w, p, sizeof(w));
		w ^= word;
		all |= w;
		memcpy(p, &w, sizeof(w));
	}
	for (i = 0; i < n; i++) {
		p[i] ^= k[i];
		all |= p[i];
	}
	return ascii && (all & 0x8080808080808080) == 0;
}

/* How many bytes, in steps of 16, are ASCII from p on. */
static size_t
ascii_run(const uint8_t *p, size_t n)
{
	size_t at = 0;

#ifdef __SSE2__
	for (; n - at >= 64; at += 64) {
		const __m128i *q = (const void *)(p + at);
		__m128i a = _mm_or_si128(_mm_loadu_si128(q),
		    _mm_loadu_si128(q + 1));
		__m128i b = _mm_or_si128(_mm_loadu_si128(q + 2),
		    _mm_loadu_si128(q + 3));

		if (_mm_movemask_epi8(_mm_or_si128(a, b)) != 0)
			break;
	}
#endif
	for (; n - at >= 16; at += 16) {
		uint64_t w[2];

		memcpy(w, p + at, sizeof(w));
		if (((w[0] | w[1]) & 0x8080808080808080) != 0)
			break;
	}
	return at;
}

/*
 * The state is what the next byte has to be: how many tails are due in bits
 * 0 to 7, the range of the next one in bits 8 to 15 and 16 to 23 (RFC 3629:
 * only the first tail's range depends on the lead).
 */
static uint32_t
utf8_lead(uint8_t c)
{
	uint32_t tails, lo = 0x80, hi = 0xbf;

	if (c < 0xc2 || c > 0xf4)
		return 0;
	tails = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
	if (c == 0xe0)
		lo = 0xa0;
	else if (c == 0xed)
		hi = 0x9f;
	else if (c == 0xf0)
		lo = 0x90;
	else if (c == 0xf4)
		hi = 0x8f;
	return tails | lo << 8 | hi << 16;
}

bool
ws_utf8(uint32_t *state, const uint8_t *p, size_t n)
{
	const uint8_t	*end = p + n;
	uint32_t	 s = *state;

	while (p < end) {
		if (s != 0) {
			if (*p < (s >> 8 & 0xff) || *p > s >> 16)
				return false;
			p++;
			s &= 0xff;
			s = s == 1 ? 0 : (s - 1) | 0x80 << 8 | 0xbf << 16;
		} else if (*p < 0x80) {
			p += ascii_run(p, (size_t)(end - p));
			while (p < end && *p < 0x80)
				p++;
		} else if ((s = utf8_lead(*p++)) == 0)
			return false;
	}
	*state = s;
	return true;
}

/* ---- receiving ---- */

void
ws_rx_init(struct ws_rx *rx, bool server, uint32_t max)
{
	memset(rx, 0, sizeof(*rx));
	rx->server = server;
	rx->max = max;
}

void
ws_rx_free(struct ws_rx *rx)
{
	buf_free(&rx->msg);
}

size_t
ws_rx_held(const struct ws_rx *rx)
{
	return rx->msg.cap;
}

static bool
is_control(uint8_t op)
{
	return (op & 8) != 0;
}

/* First byte: FIN, reserved bits and opcode (RFC 6455 5.2, 5.4). */
static int
check_op(const struct ws_rx *rx)
{
	uint8_t op = rx->hdr[0] & 0x0f;

	if ((rx->hdr[0] & 0x70) != 0)
		return WS_C_PROTOCOL;
	switch (op) {
	case WS_CONT:
		return rx->op != 0 ? 0 : WS_C_PROTOCOL;
	case WS_TEXT:
	case WS_BIN:
		return rx->op == 0 ? 0 : WS_C_PROTOCOL;
	case WS_CLOSE:
	case WS_PING:
	case WS_PONG:
		return (rx->hdr[0] & 0x80) != 0 ? 0 : WS_C_PROTOCOL;
	}
	return WS_C_PROTOCOL;
}

/* Second byte: masking by role, and the short length of control frames. */
static int
check_len(const struct ws_rx *rx)
{
	if (((rx->hdr[1] & 0x80) != 0) != rx->server)
		return WS_C_PROTOCOL;
	if (is_control(rx->hdr[0]) && (rx->hdr[1] & 0x7f) > CONTROL_MAX)
		return WS_C_PROTOCOL;
	return 0;
}

static size_t
header_size(const struct ws_rx *rx)
{
	uint8_t len;

	if (rx->hdrlen < 2)
		return 2;
	len = rx->hdr[1] & 0x7f;
	return 2 + (len == 127 ? 8 : len == 126 ? 2 : 0) +
	    (rx->server ? 4 : 0);
}

/* The header is complete: refuse or open the frame. Nothing is allocated. */
static int
begin_frame(struct ws_rx *rx)
{
	uint8_t		len = rx->hdr[1] & 0x7f, *p = rx->hdr + 2;
	size_t		ext = len == 127 ? 8 : len == 126 ? 2 : 0, i;

	rx->left = ext == 0 ? len : 0;
	for (i = 0; i < ext; i++)
		rx->left = rx->left << 8 | *p++;
	/* 5.2: the shortest form, and the most significant bit is 0 */
	if ((ext == 2 && rx->left < 126) || (ext == 8 &&
	    (rx->left < 65536 || rx->left >> 63 != 0)))
		return WS_C_PROTOCOL;
	if (rx->server)
		memcpy(rx->key, p, sizeof(rx->key));
	rx->hdrlen = 0;
	rx->masked = rx->server;
	rx->fin = (rx->hdr[0] & 0x80) != 0;
	rx->frame_op = rx->hdr[0] & 0x0f;
	rx->in_frame = true;
	rx->ctllen = 0;
	if (is_control(rx->frame_op))
		return 0;
	if (rx->frames++ >= WS_FRAMES_MAX)
		return WS_C_POLICY;
	if (rx->left > rx->max || buf_used(&rx->msg) > rx->max - rx->left)
		return WS_C_TOO_BIG;
	if (rx->frame_op != WS_CONT) {
		rx->op = rx->frame_op;
		rx->utf8 = 0;
	}
	return 0;
}

/* Eats header bytes; the checks run in the order the bytes come. */
static int
header(struct ws_rx *rx, uint8_t **p, size_t *n)
{
	size_t	take, size;
	int	code = 0;

	while (*n > 0 && !rx->in_frame && code == 0) {
		size = header_size(rx);
		take = size - rx->hdrlen;
		if (take > *n)
			take = *n;
		memcpy(rx->hdr + rx->hdrlen, *p, take);
		rx->hdrlen += (uint8_t)take;
		*p += take;
		*n -= take;
		code = check_op(rx);
		if (code == 0 && rx->hdrlen >= 2)
			code = check_len(rx);
		if (code == 0 && rx->hdrlen >= 2 &&
		    rx->hdrlen == header_size(rx))
			code = begin_frame(rx);
	}
	return code;
}

/* True: it is ASCII alone. */
static bool
unmask(struct ws_rx *rx, uint8_t *p, size_t n)
{
	uint8_t	key[4];
	bool	ascii;
	size_t	i;

	if (!rx->masked)
		return false;
	ascii = ws_mask(p, n, rx->key, 0);
	memcpy(key, rx->key, sizeof(key));
	for (i = 0; i < 4 && n % 4 != 0; i++)
		rx->key[i] = key[(i + n) & 3];
	return ascii;
}

/*
 * Keeps bytes of an incomplete message. The memory doubles with what came
 * and never passes what the open frame declared, so that a header alone
 * costs nothing.
 */
static void
keep(struct ws_rx *rx, const uint8_t *p, size_t n)
{
	struct buf	*b = &rx->msg;
	size_t		 full = b->len + (size_t)rx->left, cap;

	if (n == 0)
		return;
	if (n > b->cap - b->len) {
		cap = b->cap != 0 ? b->cap * 2 : GROW_MIN;
		if (cap < b->len + n)
			cap = b->len + n;
		if (cap > full)
			cap = full;
		b->data = xreallocarray(b->data, cap, 1);
		b->cap = cap;
	}
	memcpy(b->data + b->len, p, n);
	b->len += n;
}

/* Close payload as RFC 6455 5.5.1 and 7.4 want it. */
static int
check_close(const uint8_t *p, size_t n)
{
	uint32_t utf8 = 0;

	if (ws_close_code(p, n) == -1)
		return WS_C_PROTOCOL;
	if (n > 2 && (!ws_utf8(&utf8, p + 2, n - 2) || utf8 != 0))
		return WS_C_DATA;
	return 0;
}

static int
control(struct ws_rx *rx, uint8_t *p, size_t n, ws_msg_fn fn, void *arg)
{
	uint8_t	copy[CONTROL_MAX];
	size_t	len;
	int	code;

	(void)unmask(rx, p, n);
	rx->left -= n;
	if (rx->left != 0 || rx->ctllen != 0) {
		memcpy(rx->ctl + rx->ctllen, p, n);
		rx->ctllen += (uint8_t)n;
		if (rx->left != 0)
			return 0;
		/* the callback may feed nothing, but let it own its bytes */
		n = len = rx->ctllen;
		memcpy(copy, rx->ctl, len);
		p = copy;
	}
	rx->in_frame = false;
	rx->ctllen = 0;
	if (rx->frame_op == WS_CLOSE && (code = check_close(p, n)) != 0)
		return code;
	return fn(arg, (enum ws_op)rx->frame_op, p, n) ? 0 : STOP;
}

static int
data(struct ws_rx *rx, uint8_t *p, size_t n, ws_msg_fn fn, void *arg)
{
	bool		text = rx->op == WS_TEXT, ascii, go;
	struct buf	msg;
	uint8_t		op = rx->op;

	ascii = unmask(rx, p, n);
	if (text && !(ascii && rx->utf8 == 0) && !ws_utf8(&rx->utf8, p, n))
		return WS_C_DATA;
	if (rx->left != n || !rx->fin) {
		keep(rx, p, n);
		rx->left -= n;
		rx->in_frame = rx->left != 0;
		return 0;
	}
	if (text && rx->utf8 != 0)
		return WS_C_DATA;
	if (rx->msg.len != 0) {
		keep(rx, p, n);
		p = rx->msg.data;
		n = rx->msg.len;
	}
	/* detached, so that the receiver is idle before the callback runs */
	msg = rx->msg;
	rx->msg = (struct buf)BUF_INIT;
	rx->left = 0;
	rx->frames = 0;
	rx->op = 0;
	rx->in_frame = false;
	go = fn(arg, (enum ws_op)op, p, n);
	buf_free(&msg);
	return go ? 0 : STOP;
}

int
ws_rx_feed(struct ws_rx *rx, uint8_t *p, size_t n, ws_msg_fn fn, void *arg)
{
	size_t	take;
	int	code;

	for (;;) {
		if (!rx->in_frame && (code = header(rx, &p, &n)) != 0)
			return code;
		if (!rx->in_frame)
			return 0;
		take = n < rx->left ? n : (size_t)rx->left;
		if (take == 0 && rx->left != 0)
			return 0;
		if (is_control(rx->frame_op))
			code = control(rx, p, take, fn, arg);
		else
			code = data(rx, p, take, fn, arg);
		if (code != 0)
			return code == STOP ? 0 : code;
		p += take;
		n -= take;
	}
}

/* ---- sending ---- */

size_t
ws_head(uint8_t hdr[10], enum ws_op op, uint64_t n)
{
	size_t i, ext = n < 126 ? 0 : n < 65536 ? 2 : 8;

	hdr[0] = (uint8_t)(0x80 | op);
	hdr[1] = ext == 0 ? (uint8_t)n : ext == 2 ? 126 : 127;
	for (i = 0; i < ext; i++)
		hdr[2 + i] = (uint8_t)(n >> (8 * (ext - 1 - i)));
	return 2 + ext;
}

void
ws_put(struct buf *b, enum ws_op op, const void *p, size_t n,
    const uint8_t mask[4])
{
	uint8_t	hdr[10];
	size_t	at;

	if (is_control((uint8_t)op) && n > CONTROL_MAX)
		fatal("ws: control frame of %zu bytes", n);
	at = ws_head(hdr, op, n);
	if (mask != NULL)
		hdr[1] |= 0x80;
	buf_reserve(b, at + 4 + n);
	buf_put(b, hdr, at);
	if (mask != NULL)
		buf_put(b, mask, 4);
	at = b->len;
	buf_put(b, p, n);
	if (mask != NULL)
		(void)ws_mask(b->data + at, n, mask, 0);
}

void
ws_put_close(struct buf *b, int code, const char *reason,
    const uint8_t mask[4])
{
	uint8_t	payload[CONTROL_MAX];
	size_t	n = reason != NULL ? strlen(reason) : 0;

	if (code < WS_C_NORMAL || code == 1005) {	/* none to tell */
		ws_put(b, WS_CLOSE, NULL, 0, mask);
		return;
	}
	if (n > CONTROL_MAX - 2) {
		n = CONTROL_MAX - 2;
		while (n > 0 && ((uint8_t)reason[n] & 0xc0) == 0x80)
			n--;
	}
	payload[0] = (uint8_t)(code >> 8);
	payload[1] = (uint8_t)code;
	if (n != 0)
		memcpy(payload + 2, reason, n);
	ws_put(b, WS_CLOSE, payload, n + 2, mask);
}

int
ws_close_code(const uint8_t *p, size_t n)
{
	int code;

	if (n == 0)
		return 1005;
	if (n == 1 || n > CONTROL_MAX)
		return -1;
	code = p[0] << 8 | p[1];
	/* 7.4.2 and the IANA registry: 1004 to 1006 and 1015 never travel */
	if ((code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
	    (code >= 3000 && code <= 4999))
		return code;
	return -1;
}

void
ws_accept(char dst[29], struct slice key, ws_sha1_fn sha1)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	uint8_t	digest[20];
	char	text[24 + sizeof(guid)];

	if (key.n > 24)
		fatal("ws: key of %zu bytes", key.n);
	memcpy(text, key.p, key.n);
	memcpy(text + key.n, guid, sizeof(guid) - 1);
	sha1(text, key.n + sizeof(guid) - 1, digest);
	str_base64(dst, 29, digest, sizeof(digest));
}
