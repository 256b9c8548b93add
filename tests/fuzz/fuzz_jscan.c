/*
 * jscan: walking, skipping and jscan_valid() agree with a reference written
 * for nothing but plainness, on the text as it is and inside other texts;
 * tokens lie in the text; conversions fit each other.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "jscan.h"
#include "valid.h"
#include "xmalloc.h"

/* ---- the reference: p moves on success, NULL is failure ---- */

static const char *
ref_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' ||
	    *p == '\r'))
		p++;
	return p;
}

static const char *
ref_hex4(const char *p, const char *end, unsigned *v_r)
{
	uint8_t b[2];

	if (end - p < 4 || str_unhex(b, (struct slice){ p, 4 }, 2) == -1)
		return NULL;
	*v_r = (unsigned)b[0] << 8 | b[1];
	return p + 4;
}

static const char *
ref_escape(const char *p, const char *end)
{
	unsigned v;

	if (p == end)
		return NULL;
	if (*p != 'u')
		return memchr("\"\\/bfnrt", *p, 8) != NULL ? p + 1 : NULL;
	if ((p = ref_hex4(p + 1, end, &v)) == NULL || v == 0)
		return NULL;
	if (v < 0xd800 || v > 0xdfff)
		return p;
	if (v > 0xdbff || end - p < 2 || p[0] != '\\' || p[1] != 'u')
		return NULL;
	p = ref_hex4(p + 2, end, &v);
	return p != NULL && v >= 0xdc00 && v <= 0xdfff ? p : NULL;
}

static const char *
ref_string(const char *p, const char *end)
{
	const char *from;

	if (p == end || *p++ != '"')
		return NULL;
	for (from = p; p != NULL && p < end;) {
		if ((unsigned char)*p < 0x20)
			return NULL;
		if (*p == '"')
			return valid_utf8(from, (size_t)(p - from)) ? p + 1 :
			    NULL;
		p = *p == '\\' ? ref_escape(p + 1, end) : p + 1;
	}
	return NULL;
}

static const char *
ref_digits(const char *p, const char *end)
{
	const char *from = p;

	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p > from ? p : NULL;
}

static const char *
ref_number(const char *p, const char *end)
{
	if (p < end && *p == '-')
		p++;
	if (p < end && *p == '0')
		p++;
	else if ((p = ref_digits(p, end)) == NULL)
		return NULL;
	if (p < end && *p == '.' && (p = ref_digits(p + 1, end)) == NULL)
		return NULL;
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		p = ref_digits(p, end);
	}
	return p;
}

static const char *
ref_word(const char *p, const char *end, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(end - p) >= n && memcmp(p, word, n) == 0 ? p + n :
	    NULL;
}

static const char *ref_value(const char *, const char *, unsigned);

static const char *
ref_member(const char *p, const char *end, unsigned depth, bool object)
{
	if (object) {
		if ((p = ref_string(ref_space(p, end), end)) == NULL)
			return NULL;
		p = ref_space(p, end);
		if (p == end || *p++ != ':')
			return NULL;
	}
	p = ref_value(ref_space(p, end), end, depth);
	return p != NULL ? ref_space(p, end) : NULL;
}

static const char *
ref_container(const char *p, const char *end, unsigned depth)
{
	bool	object = *p++ == '{';
	char	close = object ? '}' : ']';

	if (depth == JSCAN_DEPTH)
		return NULL;
	p = ref_space(p, end);
	if (p < end && *p == close)
		return p + 1;
	for (;;) {
		p = ref_member(p, end, depth + 1, object);
		if (p == NULL || p == end)
			return NULL;
		if (*p == close)
			return p + 1;
		if (*p++ != ',')
			return NULL;
	}
}

static const char *
ref_value(const char *p, const char *end, unsigned depth)
{
	if (p == end)
		return NULL;
	switch (*p) {
	case '{':
	case '[':
		return ref_container(p, end, depth);
	case '"':
		return ref_string(p, end);
	case 't':
		return ref_word(p, end, "true");
	case 'f':
		return ref_word(p, end, "false");
	case 'n':
		return ref_word(p, end, "null");
	}
	return ref_number(p, end);
}

static bool
ref_valid(const char *p, size_t n)
{
	const char *end = p + n;

	p = ref_value(ref_space(p, end), end, 0);
	return p != NULL && ref_space(p, end) == end;
}

/* ---- what is compared with it ---- */

static void
check_string(const struct jscan *js)
{
	char		*plain = xmalloc(js->text.n + 1);
	long		 n;

	HOLDS(js->escaped == (js->text.n > 0 &&
	    memchr(js->text.p, '\\', js->text.n) != NULL));
	n = jscan_unescape(plain, js->text.n, js->text);
	HOLDS(n >= 0 && (size_t)n <= js->text.n);
	HOLDS(valid_utf8(plain, (size_t)n));
	plain[n] = '\0';
	if (n < 256)
		HOLDS(jscan_is(js->text, js->escaped, plain));
	if (n > 0)
		HOLDS(jscan_unescape(plain, (size_t)n - 1, js->text) == -1);
	free(plain);
}

static void
check_number(struct slice s)
{
	uint64_t	u;
	int64_t		i;
	double		d;
	bool		has_d = jscan_double(s, &d) == 0;

	HOLDS(!has_d || isfinite(d));
	if (jscan_i64(s, &i) == 0) {
		HOLDS(!has_d || fabs(d - (double)i) <= fabs(d) / 1e15);
		/* "-0" is no unsigned literal */
		if (i >= 0 && s.p[0] != '-')
			HOLDS(jscan_u64(s, &u) == 0 && u == (uint64_t)i);
		if (i < 0)
			HOLDS(jscan_u64(s, &u) == -1);
	}
	if (jscan_u64(s, &u) == 0 && has_d)
		HOLDS(d >= 0 && (u == UINT64_MAX ? d > 1.8e19 :
		    fabs(d - (double)u) <= d / 1e15));
}

/* Walks; values are skipped as *rnd says (NULL: never). */
static bool
walk(const char *p, size_t n, uint64_t *rnd)
{
	struct jscan	js;
	struct slice	raw;
	enum jscan_tok	t;
	unsigned	depth = 0;

	jscan_init(&js, p, n);
	for (;;) {
		t = jscan_next(&js);
		HOLDS(js.p >= p && js.p <= p + n);
		if (t == JSCAN_BAD || t == JSCAN_END)
			break;
		if (t == JSCAN_OBJECT || t == JSCAN_ARRAY)
			depth++;
		else if (t == JSCAN_OBJECT_END || t == JSCAN_ARRAY_END)
			depth--;
		else if (t == JSCAN_KEY || t == JSCAN_STRING)
			check_string(&js);
		else if (t == JSCAN_NUMBER)
			check_number(js.text);
		HOLDS(js.depth == depth && depth <= JSCAN_DEPTH);
		if (t == JSCAN_KEY && rnd != NULL && fuzz_rand(rnd) % 2) {
			if (jscan_skip(&js, &raw) == -1) {
				t = JSCAN_BAD;
				break;
			}
			HOLDS(raw.p > p && raw.n > 0 &&
			    raw.p + raw.n <= p + n && js.depth == depth);
			HOLDS(ref_valid(raw.p, raw.n));
		}
	}
	HOLDS(t != JSCAN_BAD || js.bad != NULL);
	HOLDS(jscan_next(&js) == t);	/* the end stays the end */
	return t == JSCAN_END;
}

/* An object's members in one go, against the walk; every quick way. */
static void
check_members(const char *p, size_t n)
{
	struct jscan	 quick, slow;
	struct slice	 raw;
	const char	*at[17], *end;
	int		 got, i, way;

	for (way = JSCAN_AVX2; way <= JSCAN_AVX512; way++) {
		end = n > 0 && (*p == '{' || *p == '[') ?
		    jscan_fast_by(way, p, p + n, JSCAN_DEPTH, NULL) : NULL;
		HOLDS(end == NULL || ref_valid(p, (size_t)(end - p)));
	}
	jscan_init(&quick, p, n);
	if (jscan_next(&quick) != JSCAN_OBJECT)
		return;
	slow = quick;
	got = jscan_members(&quick, at, nitems(at) - 1);
	for (i = 0; i < got; i++)
		HOLDS(jscan_member(&slow, &raw) == 1 &&
		    slow.text.p == at[i] + 1 &&
		    raw.p + raw.n == at[i + 1] - 1);
	HOLDS(got < 0 || (jscan_member(&slow, &raw) == 0 &&
	    slow.p == quick.p && slow.state == quick.state));
}

static void
check(const char *p, size_t n, uint64_t *rnd)
{
	bool		 want = ref_valid(p, n);
	struct jscan	 js;
	struct slice	 raw;
	size_t		 at = 0;

	HOLDS(jscan_valid(p, n, &at) == want);
	HOLDS(want || at <= n);
	HOLDS(jscan_valid(p, n, NULL) == want);
	HOLDS(walk(p, n, NULL) == want);
	check_members(p, n);
	HOLDS(walk(p, n, rnd) == want);
	jscan_init(&js, p, n);
	HOLDS((jscan_skip(&js, &raw) == 0 &&
	    jscan_next(&js) == JSCAN_END) == want);
	if (want)
		HOLDS(raw.n > 0 && ref_valid(raw.p, raw.n) &&
		    strchr(" \t\r\n", raw.p[0]) == NULL &&
		    strchr(" \t\r\n", raw.p[raw.n - 1]) == NULL);
}

/* The text as a member behind pad bytes: other alignments, other blocks. */
static void
check_wrapped(const char *p, size_t n, uint64_t *rnd)
{
	static const struct { const char *before, *after; } wraps[] = {
		{ "{\"k\":", "}" }, { "[1,", "]" }, { "[[],", ",\"x\"]" },
		{ "{\"pad\":\"", "" },
	};
	size_t	w = fuzz_rand(rnd) % nitems(wraps), pad, len, a;
	char	*text;

	pad = w == 3 ? fuzz_rand(rnd) % 80 : 0;
	a = strlen(wraps[w].before);
	len = a + pad + (w == 3 ? 6 : 0) + n + 1 + strlen(wraps[w].after);
	text = xmalloc(len + 1);
	memcpy(text, wraps[w].before, a);
	if (w == 3) {
		memset(text + a, 'a', pad);
		memcpy(text + a + pad, "\",\"k\":", 6);
		a += pad + 6;
	}
	memcpy(text + a, p, n);
	a += n;
	if (w == 3)
		text[a++] = '}';
	memcpy(text + a, wraps[w].after, strlen(wraps[w].after));
	a += strlen(wraps[w].after);
	/* exactly that much memory */
	text = xreallocarray(text, a, 1);
	check(text, a, rnd);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t rnd = fuzz_seed(data, size);

	check((const char *)data, size, &rnd);
	check_wrapped((const char *)data, size, &rnd);
	return 0;
}
