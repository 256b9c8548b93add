/*
 * jscan: a pull scanner that validates JSON (RFC 8259) while it walks. Owns
 * nothing: slices of the caller's text only.
 *
 * Two ways lead over a value. The plain one, here, reads byte by byte,
 * strings by 16, and says what is wrong and where. The fast one, in
 * jscan_fast.c, accepts an object or array or does not know; then the plain
 * one decides.
 */
#include <string.h>

#ifdef __SSE2__
#include <immintrin.h>
#endif

#include "jscan.h"

enum state {
	S_BAD = 0,
	S_VALUE,	/* a value is due */
	S_KEY,		/* after '{': a key or '}' */
	S_ELEM,		/* after '[': a value or ']' */
	S_AFTER,	/* after a value inside a container */
	S_DONE,
};

#define LIKELY(x)	__builtin_expect(!!(x), 1)
#define UNLIKELY(x)	__builtin_expect(!!(x), 0)

static const char *
fail(struct jscan *js, const char *at, const char *why)
{
	js->p = at;
	js->bad = why;
	js->state = S_BAD;
	return NULL;
}

/* ---- strings ---- */

/*
 * Length of the well-formed UTF-8 character at p (RFC 3629 section 4), whose
 * first byte is not ASCII; 0 if there is none.
 */
static size_t
utf8_len(const unsigned char *p, size_t n)
{
	size_t len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4, i;

	if (p[0] < 0xc2 || p[0] > 0xf4 || n < len)
		return 0;
	for (i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

/* Value of four hex digits at p, or -1. */
static long
hex4(const char *p, const char *end)
{
	long v = 0;
	int i, c;

	if (end - p < 4)
		return -1;
	for (i = 0; i < 4; i++) {
		c = p[i];
		if (c >= '0' && c <= '9')
			c -= '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			c = (c | 0x20) - 'a' + 10;
		else
			return -1;
		v = v << 4 | c;
	}
	return v;
}

/*
 * The escape at p (a backslash): bytes it takes, 0 when it is not one we
 * accept. *code_r is the code point; a pair of surrogates is one escape.
 */
static size_t
escape(const char *p, const char *end, uint32_t *code_r)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;
	long hi, lo;

	if (end - p < 2)
		return 0;
	if (p[1] != 'u') {
		at = p[1] != '\0' ? strchr(from, p[1]) : NULL;
		if (at == NULL)
			return 0;
		*code_r = (unsigned char)to[at - from];
		return 2;
	}
	hi = hex4(p + 2, end);
	if (hi <= 0 || (hi >= 0xdc00 && hi <= 0xdfff))
		return 0;
	*code_r = (uint32_t)hi;
	if (hi < 0xd800 || hi > 0xdbff)
		return 6;
	if (end - p < 12 || p[6] != '\\' || p[7] != 'u')
		return 0;
	lo = hex4(p + 8, end);
	if (lo < 0xdc00 || lo > 0xdfff)
		return 0;
	*code_r = 0x10000 + (((uint32_t)hi & 0x3ff) << 10 |
	    ((uint32_t)lo & 0x3ff));
	return 12;
}

/* First byte from p on that is not plain string text; end if none. */
static inline const char *
plain_run(const char *p, const char *end)
{
#ifdef __SSE2__
	while (end - p >= 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		/* signed: bytes from 0x80 on are below 0x20, too */
		__m128i m = _mm_or_si128(_mm_cmplt_epi8(v,
		    _mm_set1_epi8(0x20)), _mm_or_si128(
		    _mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
		    _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))));
		unsigned bits = (unsigned)_mm_movemask_epi8(m);

		if (LIKELY(bits != 0))
			return p + __builtin_ctz(bits);
		p += 16;
	}
#endif
	while (p < end && *p != '"' && *p != '\\' &&
	    (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80)
		p++;
	return p;
}

/* The rest of a string whose byte at p is not plain. */
static const char *
string_rest(struct jscan *js, const char *p)
{
	const char *end = js->end;
	uint32_t code;
	size_t n;

	for (;;) {
		if (p == end)
			return fail(js, p, "the text ends inside a string");
		if (*p == '"')
			return p + 1;
		if (*p == '\\') {
			js->escaped = true;
			n = escape(p, end, &code);
			if (n == 0)
				return fail(js, p, "bad escape");
			p += n;
		} else if ((unsigned char)*p < 0x20) {
			return fail(js, p, "control character in a string");
		} else if ((unsigned char)*p >= 0x80) {
			n = utf8_len((const unsigned char *)p,
			    (size_t)(end - p));
			if (n == 0)
				return fail(js, p, "not UTF-8");
			p += n;
			continue;
		}
		p = plain_run(p, end);
	}
}

/* p is behind the opening quote; returns behind the closing one or NULL. */
static inline const char *
string(struct jscan *js, const char *p)
{
	p = plain_run(p, js->end);
	if (LIKELY(p < js->end && *p == '"'))
		return p + 1;
	return string_rest(js, p);
}

/* ---- the other scalars ---- */

static inline bool
digit(const char *p, const char *end)
{
	return p < end && (unsigned char)(*p - '0') <= 9;
}

static const char *
number_rest(struct jscan *js, const char *p)
{
	const char *end = js->end;

	if (*p == '.') {
		p++;
		if (!digit(p, end))
			return fail(js, p, "no digit after the point");
		while (digit(p, end))
			p++;
	}
	if (p < end && (*p | 0x20) == 'e') {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		if (!digit(p, end))
			return fail(js, p, "no digit in the exponent");
		while (digit(p, end))
			p++;
	}
	return p;
}

static inline const char *
number(struct jscan *js, const char *p)
{
	const char *end = js->end;

	if (*p == '-')
		p++;
	if (!digit(p, end))
		return fail(js, p, "no digit in a number");
	if (*p == '0')
		p++;
	else
		while (digit(p, end))
			p++;
	if (p < end && (*p == '.' || (*p | 0x20) == 'e'))
		return number_rest(js, p);
	return p;
}

static const char *
word(struct jscan *js, const char *p, const char *lit, size_t n)
{
	if ((size_t)(js->end - p) < n || memcmp(p, lit, n) != 0)
		return fail(js, p, "not a value");
	return p + n;
}

/* A value that is no container; p < end. */
static inline const char *
scalar(struct jscan *js, const char *p)
{
	switch (*p) {
	case '"':
		return string(js, p + 1);
	case '-': case '0': case '1': case '2': case '3': case '4':
	case '5': case '6': case '7': case '8': case '9':
		return number(js, p);
	case 't':
		return word(js, p, "true", 4);
	case 'f':
		return word(js, p, "false", 5);
	case 'n':
		return word(js, p, "null", 4);
	}
	return fail(js, p, "not a value");
}

static inline const char *
space(const char *p, const char *end)
{
	while (p < end && (unsigned char)*p <= ' ' && (*p == ' ' ||
	    *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

/* A key, its colon and the space around; returns where the value begins. */
static inline const char *
key(struct jscan *js, const char *p)
{
	const char *end = js->end;

	if (UNLIKELY(p == end || *p != '"'))
		return fail(js, p, "a key is due");
	p = string(js, p + 1);
	if (UNLIKELY(p == NULL))
		return NULL;
	p = space(p, end);
	if (UNLIKELY(p == end || *p != ':'))
		return fail(js, p, "a colon is due");
	return space(p + 1, end);
}

/* ---- the plain way over a whole value ---- */

static const char *
plain_skip(struct jscan *js, const char *p)
{
	const char *end = js->end;
	unsigned depth = 0, room = JSCAN_DEPTH - js->depth;
	uint64_t objs = 0;

	for (;;) {
		if (UNLIKELY(p == end))
			return fail(js, p, "the text ends where a value "
			    "is due");
		if (*p == '{' || *p == '[') {
			if (depth == room)
				return fail(js, p, "nested too deeply");
			depth++;
			objs = objs << 1 | (*p == '{');
			p = space(p + 1, end);
			if (p == end || *p != (objs & 1 ? '}' : ']')) {
				if ((objs & 1) && (p = key(js, p)) == NULL)
					return NULL;
				continue;
			}
		} else {
			p = scalar(js, p);
			if (UNLIKELY(p == NULL))
				return NULL;
			if (depth == 0)
				return p;
			p = space(p, end);
		}
		/* A value has ended or its closing bracket is at p. */
		while (p < end && *p == (objs & 1 ? '}' : ']')) {
			p++;
			objs >>= 1;
			if (--depth == 0)
				return p;
			p = space(p, end);
		}
		if (UNLIKELY(p == end || *p != ','))
			return fail(js, p, "a comma or the end of the "
			    "container is due");
		p = space(p + 1, end);
		if ((objs & 1) && (p = key(js, p)) == NULL)
			return NULL;
	}
}

static inline const char *
skip_value(struct jscan *js, const char *p)
{
	const char *q;

	if (UNLIKELY(p == js->end))
		return fail(js, p, "the text ends where a value is due");
	if (*p != '{' && *p != '[')
		return scalar(js, p);
	q = jscan_fast(p, js->end, JSCAN_DEPTH - js->depth);
	return LIKELY(q != NULL) ? q : plain_skip(js, p);
}

/* ---- the walk ---- */

void
jscan_init(struct jscan *js, const char *p, size_t n)
{
	*js = (struct jscan){ .start = p, .p = p, .end = p + n,
	    .state = S_VALUE };
}

static enum jscan_tok
bad(struct jscan *js, const char *at, const char *why)
{
	fail(js, at, why);
	return JSCAN_BAD;
}

static inline void
ended(struct jscan *js, const char *p)
{
	js->p = p;
	js->state = js->depth > 0 ? S_AFTER : S_DONE;
}

static inline bool
in_object(const struct jscan *js)
{
	return js->is_obj >> (js->depth - 1) & 1;
}

static enum jscan_tok
open_container(struct jscan *js, const char *p)
{
	bool obj = *p == '{';

	if (js->depth == JSCAN_DEPTH)
		return bad(js, p, "nested too deeply");
	js->is_obj = (js->is_obj & ~(UINT64_C(1) << js->depth)) |
	    (uint64_t)obj << js->depth;
	js->depth++;
	js->text = (struct slice){ p, 1 };
	js->p = p + 1;
	js->state = obj ? S_KEY : S_ELEM;
	return obj ? JSCAN_OBJECT : JSCAN_ARRAY;
}

static enum jscan_tok
close_container(struct jscan *js, const char *p)
{
	bool obj = in_object(js);

	js->depth--;
	js->text = (struct slice){ p, 1 };
	ended(js, p + 1);
	return obj ? JSCAN_OBJECT_END : JSCAN_ARRAY_END;
}

static enum jscan_tok
read_value(struct jscan *js, const char *p)
{
	const char *q;

	if (p == js->end)
		return bad(js, p, "the text ends where a value is due");
	if (*p == '{' || *p == '[')
		return open_container(js, p);
	js->escaped = false;
	q = scalar(js, p);
	if (q == NULL)
		return JSCAN_BAD;
	ended(js, q);
	js->text = (struct slice){ p, (size_t)(q - p) };
	switch (*p) {
	case '"':
		js->text = (struct slice){ p + 1, (size_t)(q - p) - 2 };
		return JSCAN_STRING;
	case 't':
		return JSCAN_TRUE;
	case 'f':
		return JSCAN_FALSE;
	case 'n':
		return JSCAN_NULL;
	}
	return JSCAN_NUMBER;
}

static inline enum jscan_tok
read_key(struct jscan *js, const char *p)
{
	const char *end = js->end, *q;

	if (UNLIKELY(p == end || *p != '"'))
		return bad(js, p, "a key is due");
	js->escaped = false;
	q = string(js, p + 1);
	if (UNLIKELY(q == NULL))
		return JSCAN_BAD;
	js->text = (struct slice){ p + 1, (size_t)(q - p) - 2 };
	q = space(q, end);
	if (UNLIKELY(q == end || *q != ':'))
		return bad(js, q, "a colon is due");
	js->p = q + 1;
	js->state = S_VALUE;
	return JSCAN_KEY;
}

/* Behind a value inside a container. */
static inline enum jscan_tok
read_after(struct jscan *js, const char *p)
{
	bool obj = in_object(js);

	if (LIKELY(p < js->end)) {
		if (*p == ',') {
			p = space(p + 1, js->end);
			return obj ? read_key(js, p) : read_value(js, p);
		}
		if (*p == (obj ? '}' : ']'))
			return close_container(js, p);
	}
	return bad(js, p, "a comma or the end of the container is due");
}

enum jscan_tok
jscan_next(struct jscan *js)
{
	const char *p = space(js->p, js->end);

	switch ((enum state)js->state) {
	case S_BAD:
		break;
	case S_VALUE:
		return read_value(js, p);
	case S_KEY:
		if (p < js->end && *p == '}')
			return close_container(js, p);
		return read_key(js, p);
	case S_ELEM:
		if (p < js->end && *p == ']')
			return close_container(js, p);
		return read_value(js, p);
	case S_AFTER:
		return read_after(js, p);
	case S_DONE:
		if (p == js->end)
			return JSCAN_END;
		return bad(js, p, "more text behind the value");
	}
	return JSCAN_BAD;
}

int
jscan_skip(struct jscan *js, struct slice *value_r)
{
	const char *p = space(js->p, js->end), *q;

	if (UNLIKELY(js->state != S_VALUE)) {
		if (js->state != S_BAD)
			fail(js, p, "no value is due");
		return -1;
	}
	q = skip_value(js, p);
	if (UNLIKELY(q == NULL))
		return -1;
	ended(js, q);
	if (value_r != NULL)
		*value_r = (struct slice){ p, (size_t)(q - p) };
	return 0;
}

/* ,"name":value as nodes write it; anything else goes the general way. */
static inline const char *
compact_key(struct jscan *js, const char *p)
{
	const char *end = js->end, *q;

	p += js->state == S_AFTER && p < end && *p == ',';
	if (end - p < 2 || *p != '"' || (js->state == S_AFTER &&
	    p == js->p))
		return NULL;
	q = plain_run(p + 1, end);
	if (end - q < 2 || q[0] != '"' || q[1] != ':')
		return NULL;
	js->text = (struct slice){ p + 1, (size_t)(q - p) - 1 };
	return q + 2;
}

int
jscan_member(struct jscan *js, struct slice *value_r)
{
	const char *p = NULL, *q;
	struct slice name;
	enum jscan_tok t;
	bool escaped;

	if (LIKELY((js->state == S_AFTER && in_object(js)) ||
	    js->state == S_KEY))
		p = compact_key(js, js->p);
	escaped = false;
	if (UNLIKELY(p == NULL)) {
		t = jscan_next(js);
		if (t == JSCAN_OBJECT_END)
			return 0;
		if (t != JSCAN_KEY) {
			if (t != JSCAN_BAD)
				fail(js, js->p, "no member is due");
			return -1;
		}
		p = js->p;
		escaped = js->escaped;
	}
	name = js->text;
	p = space(p, js->end);
	q = skip_value(js, p);
	if (UNLIKELY(q == NULL))
		return -1;
	ended(js, q);
	*value_r = (struct slice){ p, (size_t)(q - p) };
	js->text = name;
	js->escaped = escaped;
	return 1;
}

int
jscan_leave(struct jscan *js, unsigned depth)
{
	while (js->depth > depth)
		if (jscan_next(js) == JSCAN_BAD)
			return -1;
	return 0;
}

bool
jscan_element(struct jscan *js, struct slice *element_r)
{
	const char *p = space(js->p, js->end);

	if (js->state == S_AFTER && !in_object(js) && p < js->end &&
	    *p == ',') {
		js->p = p + 1;
		js->state = S_VALUE;
	} else if (js->state == S_ELEM && p < js->end && *p != ']') {
		js->state = S_VALUE;
	} else {
		if (jscan_next(js) != JSCAN_ARRAY_END && js->state != S_BAD)
			fail(js, p, "no element is due");
		return false;
	}
	return jscan_skip(js, element_r) == 0;
}

int
jscan_members(struct jscan *js, const char **at, unsigned max)
{
	const char *p = js->p - 1, *q;
	struct jscan_spots spots = { .at = at + 1, .max = max };
	unsigned i;

	if (js->state != S_KEY || js->text.p != p || max == 0)
		return -1;
	q = jscan_fast_spots(p, js->end, JSCAN_DEPTH + 1 - js->depth, &spots);
	if (q == NULL)
		return -1;
	js->depth--;
	js->text = (struct slice){ q - 1, 1 };
	ended(js, q);
	if (q - p == 2)
		return 0;
	at[0] = p + 1;
	for (i = 1; i <= spots.n; i++)
		at[i]++;
	at[spots.n + 1] = q;
	return (int)spots.n + 1;
}

bool
jscan_valid(const char *p, size_t n, size_t *bad_at_r)
{
	struct jscan js;

	jscan_init(&js, p, n);
	if (jscan_skip(&js, NULL) == 0 && jscan_next(&js) == JSCAN_END)
		return true;
	if (bad_at_r != NULL)
		*bad_at_r = (size_t)(js.p - js.start);
	return false;
}

/* ---- conversions (of numbers: jscan_num.c) ---- */

static size_t
put_utf8(char *dst, uint32_t c)
{
	if (c < 0x80) {
		dst[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		dst[0] = (char)(0xc0 | c >> 6);
		dst[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		dst[0] = (char)(0xe0 | c >> 12);
		dst[1] = (char)(0x80 | (c >> 6 & 0x3f));
		dst[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	dst[0] = (char)(0xf0 | c >> 18);
	dst[1] = (char)(0x80 | (c >> 12 & 0x3f));
	dst[2] = (char)(0x80 | (c >> 6 & 0x3f));
	dst[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

long
jscan_unescape(char *dst, size_t size, struct slice raw)
{
	const char *p = raw.p, *end = raw.p + raw.n;
	char one[4];
	size_t n = 0, len;
	uint32_t code;

	while (p < end) {
		if (*p != '\\') {
			if (n == size)
				return -1;
			dst[n++] = *p++;
			continue;
		}
		len = escape(p, end, &code);
		if (len == 0)
			return -1;
		p += len;
		len = put_utf8(one, code);
		if (size - n < len)
			return -1;
		memcpy(dst + n, one, len);
		n += len;
	}
	return (long)n;
}

bool
jscan_is(struct slice raw, bool escaped, const char *lit)
{
	size_t n = strlen(lit);
	char text[256];
	long len;

	if (!escaped)
		return raw.n == n && memcmp(raw.p, lit, n) == 0;
	if (n >= sizeof(text))
		return false;
	len = jscan_unescape(text, sizeof(text), raw);
	return len == (long)n && memcmp(text, lit, n) == 0;
}
