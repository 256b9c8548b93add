/*
 * json_w: the writer of JSON, into the caller's buf. Its own part of
 * json.h. Commas are its business; misuse is a bug and fatal.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jscan.h"
#include "json.h"
#include "log.h"
#include "valid.h"

void
json_w_init(struct json_w *w, struct buf *b)
{
	*w = (struct json_w){ .b = b };
}

/* A comma where one is due. */
static void
before_value(struct json_w *w)
{
	uint64_t bit;

	if (w->after_key) {
		w->after_key = false;
	} else if (w->depth > 0) {
		bit = UINT64_C(1) << (w->depth - 1);
		if ((w->first & bit) == 0)
			buf_putc(w->b, ',');
		w->first &= ~bit;
	}
}

static void
open_level(struct json_w *w, char c)
{
	before_value(w);
	if (w->depth == JSCAN_DEPTH)
		fatal("json: written too deeply");
	w->first |= UINT64_C(1) << w->depth++;
	buf_putc(w->b, c);
}

static void
close_level(struct json_w *w, char c)
{
	if (w->depth == 0 || w->after_key)
		fatal("json: '%c' out of place", c);
	w->depth--;
	buf_putc(w->b, c);
}

void
json_w_object(struct json_w *w)
{
	open_level(w, '{');
}

void
json_w_end_object(struct json_w *w)
{
	close_level(w, '}');
}

void
json_w_array(struct json_w *w)
{
	open_level(w, '[');
}

void
json_w_end_array(struct json_w *w)
{
	close_level(w, ']');
}

static void
put_escape(struct buf *b, unsigned char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *at = c != 0 ? strchr(from, c) : NULL;

	if (at != NULL) {
		buf_putc(b, '\\');
		buf_putc(b, to[at - from]);
	} else {
		buf_printf(b, "\\u%04x", c);
	}
}

static size_t
utf8_len(unsigned char c)
{
	return c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

static void
put_string(struct buf *b, struct slice s)
{
	size_t i, from = 0, len;
	unsigned char c;

	buf_putc(b, '"');
	for (i = 0; i < s.n; i += len) {
		c = (unsigned char)s.p[i];
		len = utf8_len(c);
		if (c < 0x80 ? c >= 0x20 && c != '"' && c != '\\' :
		    s.n - i >= len && valid_utf8(s.p + i, len))
			continue;
		buf_put(b, s.p + from, i - from);
		if (c < 0x80 && c != 0)	/* our own readers refuse \u0000 */
			put_escape(b, c);
		else
			buf_puts(b, "\xef\xbf\xbd");
		len = 1;
		from = i + 1;
	}
	buf_put(b, s.p + from, s.n - from);
	buf_putc(b, '"');
}

void
json_w_key(struct json_w *w, const char *name)
{
	if (w->depth == 0 || w->after_key)
		fatal("json: key %s out of place", name);
	before_value(w);
	put_string(w->b, slice_of(name));
	buf_putc(w->b, ':');
	w->after_key = true;
}

void
json_w_str(struct json_w *w, const char *s)
{
	json_w_slice(w, slice_of(s));
}

/* A slice that points nowhere is null, as NULL is. */
void
json_w_slice(struct json_w *w, struct slice s)
{
	if (s.p == NULL) {
		json_w_null(w);
		return;
	}
	before_value(w);
	put_string(w->b, s);
}

static void
put_u64(struct buf *b, uint64_t v)
{
	char text[20], *p = text + sizeof(text);

	do
		*--p = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	buf_put(b, p, (size_t)(text + sizeof(text) - p));
}

void
json_w_i64(struct json_w *w, int64_t v)
{
	before_value(w);
	if (v < 0)
		buf_putc(w->b, '-');
	put_u64(w->b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void
json_w_u64(struct json_w *w, uint64_t v)
{
	before_value(w);
	put_u64(w->b, v);
}

/* The fewest digits that read back the same; JSON has no infinities. */
void
json_w_double(struct json_w *w, double v)
{
	char text[32];
	int digits;

	if (!isfinite(v)) {
		json_w_null(w);
		return;
	}
	for (digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	json_w_raw(w, slice_of(text));
}

void
json_w_bool(struct json_w *w, bool v)
{
	json_w_raw(w, v ? SLICE("true") : SLICE("false"));
}

void
json_w_null(struct json_w *w)
{
	json_w_raw(w, SLICE("null"));
}

void
json_w_raw(struct json_w *w, struct slice s)
{
	before_value(w);
	buf_put(w->b, s.p, s.n);
}
