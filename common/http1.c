/*
 * http1: request heads, chunked bodies, query strings and cookies (response
 * heads: http1_out.c). Pure; owns nothing. A head is read in two passes so
 * that the verdict does not depend on how the bytes arrived: scan_head()
 * looks at every byte once, in order, and finds the end; parse_head() then
 * reads the whole head.
 */
#include <string.h>
#include <strings.h>

#include "http1.h"
#include "valid.h"
#include "xmalloc.h"

#define LINE_MAX_1ST	(HTTP1_TARGET + 64)	/* method, target, version */
#define EMPTY_LINES	2
#define CHUNK_DIGITS	15
#define CHUNK_EXT	256
#define CHUNK_TRAILERS	4096
#define QUERY_NAME	128

struct parse {
	struct http1_req *req;
	enum err	 err;
	const char	*why;
	struct slice	 length, coding;
	struct slice	 authority;	/* of an absolute-form target */
	unsigned	 nhosts, nversions, nkeys;
	bool		 close, keep, upgrade, websocket, version13;
};

static int
bad(struct parse *ps, enum err err, const char *why)
{
	ps->err = err;
	ps->why = why;
	return -1;
}

/* ---- characters ---- */

#define C_TOKEN	1	/* RFC 9110 5.6.2 tchar */
#define C_HOST	2	/* reg-name without the comma */

static const uint8_t classes[256] = {
	['!'] = 3, ['#'] = 1, ['$'] = 3, ['%'] = 3, ['&'] = 3, ['\''] = 3,
	['*'] = 3, ['+'] = 3, ['-'] = 3, ['.'] = 3, ['^'] = 1, ['_'] = 3,
	['`'] = 1, ['|'] = 1, ['~'] = 3, ['('] = 2, [')'] = 2, [';'] = 2,
	['='] = 2,
	['0' ... '9'] = 3, ['A' ... 'Z'] = 3, ['a' ... 'z'] = 3,
};

static bool
all_of(struct slice s, uint8_t class)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if ((classes[(unsigned char)s.p[i]] & class) == 0)
			return false;
	return s.n > 0;
}

static bool
is_control(unsigned char c)
{
	return (c < 0x20 && c != '\t') || c == 0x7f;
}

static bool
all_digits(struct slice s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

/* ---- first pass ---- */

/* Bytes of empty lines before the request line. */
static size_t
leading(const char *p, size_t n)
{
	size_t at = 0;

	while (n - at >= 2 && p[at] == '\r' && p[at + 1] == '\n')
		at += 2;
	return at;
}

/* The line feed at p[i]: is it a good line end, and the last one? */
static enum http1_got
scan_lf(const char *p, size_t i, struct parse *ps)
{
	if (i == 0 || p[i - 1] != '\r') {
		bad(ps, ERR_BAD_REQUEST, "bare line feed");
		return HTTP1_BAD;
	}
	if (i != 1 && p[i - 2] != '\n')
		return HTTP1_MORE;
	if (leading(p, i + 1) != i + 1)
		return HTTP1_HEAD_DONE;
	if (i + 1 <= EMPTY_LINES * 2)
		return HTTP1_MORE;
	bad(ps, ERR_BAD_REQUEST, "empty lines before the request");
	return HTTP1_BAD;
}

/* Limits that may be hit at byte i, before the head ends. */
static int
scan_limit(const char *p, size_t i, struct parse *ps)
{
	size_t start;

	if (i >= HTTP1_HEAD)
		return bad(ps, ERR_HEADERS_TOO_LARGE, "head too large");
	if (i < LINE_MAX_1ST || i > LINE_MAX_1ST + 2 * EMPTY_LINES)
		return 0;
	start = leading(p, i);
	if (i == start + LINE_MAX_1ST &&
	    memchr(p + start, '\n', i - start) == NULL)
		return bad(ps, ERR_URI_TOO_LONG, "request line too long");
	return 0;
}

static enum http1_got
scan_head(const char *p, size_t n, size_t *scan, struct parse *ps)
{
	enum http1_got	got;
	unsigned char	c;
	size_t		i;

	for (i = *scan; i < n; i++) {
		if (i >= LINE_MAX_1ST && scan_limit(p, i, ps) == -1)
			return HTTP1_BAD;
		c = (unsigned char)p[i];
		if (i > 0 && p[i - 1] == '\r' && c != '\n') {
			bad(ps, ERR_BAD_REQUEST, "bare carriage return");
			return HTTP1_BAD;
		}
		if (c == '\n') {
			got = scan_lf(p, i, ps);
			if (got != HTTP1_MORE) {
				*scan = i + 1;
				return got;
			}
		} else if (c != '\r' && is_control(c)) {
			bad(ps, ERR_BAD_REQUEST, "control byte");
			return HTTP1_BAD;
		}
	}
	*scan = n;
	return HTTP1_MORE;
}

/* ---- request line ---- */

/* Cuts one line, which the first pass has seen to end in CR LF. */
static struct slice
take_line(struct slice *rest)
{
	struct slice line = { rest->p, 0 };

	slice_cut(rest, '\n', &line);
	line.n--;
	return line;
}

static int
parse_version(struct parse *ps, struct slice v)
{
	if (v.n != 8 || memcmp(v.p, "HTTP/", 5) != 0 || v.p[6] != '.' ||
	    v.p[5] < '0' || v.p[5] > '9' || v.p[7] < '0' || v.p[7] > '9')
		return bad(ps, ERR_BAD_REQUEST, "malformed version");
	if (v.p[5] != '1')
		return bad(ps, ERR_HTTP_VERSION, "version not supported");
	ps->req->minor = v.p[7] != '0';	/* RFC 9110 6.2: 1.x is 1.1 */
	return 0;
}

static int
parse_method(struct parse *ps, struct slice m)
{
	static const char *const known[] = {
		"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS",
	};
	size_t i;

	for (i = 0; i < nitems(known); i++)
		if (slice_eq(m, known[i]))
			return 0;
	return bad(ps, ERR_NOT_IMPLEMENTED, "method not implemented");
}

/* uri-host [":" port], RFC 3986 3.2.2; no user, no empty name. */
static bool
is_host(struct slice s)
{
	struct slice	host, port;
	size_t		i;

	if (s.n > 0 && s.p[0] == '[') {
		host = s;
		if (!slice_cut(&s, ']', &host) || s.p == NULL || host.n < 3)
			return false;
		for (i = 1; i < host.n; i++)
			if (strchr("0123456789abcdefABCDEF:.", host.p[i]) ==
			    NULL)
				return false;
		if (s.n == 0)
			return true;
		if (s.p[0] != ':')
			return false;
		port = (struct slice){ s.p + 1, s.n - 1 };
	} else {
		if (!slice_cut(&s, ':', &host) || !all_of(host, C_HOST))
			return false;
		port = s;
	}
	return port.n <= 5 && all_digits(port);
}

static int
parse_absolute(struct parse *ps, struct slice *s)
{
	static const char *const schemes[] = { "http://", "https://" };
	size_t i, n;

	for (i = 0; i < nitems(schemes); i++) {
		n = strlen(schemes[i]);
		if (s->n >= n &&
		    slice_ieq((struct slice){ s->p, n }, schemes[i]))
			break;
	}
	if (i == nitems(schemes))
		return bad(ps, ERR_BAD_REQUEST, "malformed target");
	ps->authority = (struct slice){ s->p + n, 0 };
	while (n < s->n && s->p[n] != '/' && s->p[n] != '?')
		n++;
	ps->authority.n = (size_t)(s->p + n - ps->authority.p);
	if (!is_host(ps->authority))
		return bad(ps, ERR_BAD_REQUEST, "malformed authority");
	*s = (struct slice){ s->p + n, s->n - n };
	return 0;
}

static int
parse_target(struct parse *ps, struct slice t)
{
	struct http1_req *req = ps->req;
	size_t		  i;

	if (t.n > HTTP1_TARGET)
		return bad(ps, ERR_URI_TOO_LONG, "target too long");
	for (i = 0; i < t.n; i++)
		if ((unsigned char)t.p[i] <= ' ' ||
		    (unsigned char)t.p[i] >= 0x7f || t.p[i] == '#')
			return bad(ps, ERR_BAD_REQUEST, "malformed target");
	req->target = t;
	if (slice_eq(t, "*")) {
		if (!slice_eq(req->method, "OPTIONS"))
			return bad(ps, ERR_BAD_REQUEST, "malformed target");
		req->path = t;
		return 0;
	}
	if (t.p[0] != '/' && parse_absolute(ps, &t) == -1)
		return -1;
	slice_cut(&t, '?', &req->path);
	req->query = t;
	if (req->path.n == 0)
		req->path = SLICE("/");
	return 0;
}

static int
parse_request_line(struct parse *ps, struct slice line)
{
	struct slice method, target;

	if (!slice_cut(&line, ' ', &method) || line.p == NULL ||
	    !all_of(method, C_TOKEN))
		return bad(ps, ERR_BAD_REQUEST, "malformed request line");
	if (!slice_cut(&line, ' ', &target) || line.p == NULL ||
	    target.n == 0 || memchr(line.p, ' ', line.n) != NULL)
		return bad(ps, ERR_BAD_REQUEST, "malformed request line");
	if (parse_version(ps, line) == -1 || parse_method(ps, method) == -1)
		return -1;
	ps->req->method = method;
	return parse_target(ps, target);
}

/* ---- fields ---- */

static int
field_host(struct parse *ps, struct slice v)
{
	if (ps->nhosts++ != 0)
		return bad(ps, ERR_BAD_REQUEST, "repeated Host");
	if (!is_host(v))
		return bad(ps, ERR_BAD_REQUEST, "malformed Host");
	ps->req->host = v;
	return 0;
}

static int
field_length(struct parse *ps, struct slice v)
{
	if (ps->length.p != NULL)
		return bad(ps, ERR_BAD_REQUEST, "repeated Content-Length");
	if (slice_u64(v, INT64_MAX, &ps->req->length) == -1)
		return bad(ps, ERR_BAD_REQUEST, "malformed Content-Length");
	ps->length = v;
	ps->req->has_length = true;
	return 0;
}

static int
field_coding(struct parse *ps, struct slice v)
{
	if (ps->coding.p != NULL)
		return bad(ps, ERR_BAD_REQUEST, "repeated Transfer-Encoding");
	if (v.n == 0)
		return bad(ps, ERR_BAD_REQUEST, "empty Transfer-Encoding");
	ps->coding = v;
	ps->req->chunked = true;
	return 0;
}

static int
field_connection(struct parse *ps, struct slice v)
{
	ps->close |= slice_list_has(v, "close");
	ps->keep |= slice_list_has(v, "keep-alive");
	ps->upgrade |= slice_list_has(v, "upgrade");
	return 0;
}

static int
field_expect(struct parse *ps, struct slice v)
{
	if (!slice_ieq(v, "100-continue"))
		return bad(ps, ERR_EXPECTATION, "unknown expectation");
	ps->req->expect_continue = true;
	return 0;
}

static int
field_upgrade(struct parse *ps, struct slice v)
{
	ps->websocket |= slice_list_has(v, "websocket");
	return 0;
}

static int
field_ws_version(struct parse *ps, struct slice v)
{
	ps->nversions++;
	ps->version13 = slice_eq(v, "13");
	return 0;
}

static int
field_ws_key(struct parse *ps, struct slice v)
{
	uint8_t nonce[16];

	ps->nkeys++;
	if (v.n == 24 && str_unbase64(nonce, sizeof(nonce), v) == 16)
		ps->req->ws_key = v;
	return 0;
}

static const struct {
	struct slice	  name;
	int		(*fn)(struct parse *, struct slice);
} known_fields[] = {
	{ { "Host", 4 }, field_host },
	{ { "Content-Length", 14 }, field_length },
	{ { "Transfer-Encoding", 17 }, field_coding },
	{ { "Connection", 10 }, field_connection },
	{ { "Expect", 6 }, field_expect },
	{ { "Upgrade", 7 }, field_upgrade },
	{ { "Sec-WebSocket-Version", 21 }, field_ws_version },
	{ { "Sec-WebSocket-Key", 17 }, field_ws_key },
};

static int
parse_field(struct parse *ps, struct slice line)
{
	struct http1_req   *req = ps->req;
	struct http1_field *f;
	struct slice	    name;
	size_t		    i;

	if (line.p[0] == ' ' || line.p[0] == '\t')
		return bad(ps, ERR_BAD_REQUEST, "folded field");
	if (!slice_cut(&line, ':', &name) || line.p == NULL)
		return bad(ps, ERR_BAD_REQUEST, "field without a colon");
	if (!all_of(name, C_TOKEN))
		return bad(ps, ERR_BAD_REQUEST, "malformed field name");
	if (req->nfields == HTTP1_HEADERS)
		return bad(ps, ERR_HEADERS_TOO_LARGE, "too many fields");
	f = &req->fields[req->nfields++];
	f->name = name;
	f->value = slice_trim(line);
	for (i = 0; i < nitems(known_fields); i++)
		if (known_fields[i].name.n == name.n &&
		    slice_ieq(name, known_fields[i].name.p))
			return known_fields[i].fn(ps, f->value);
	return 0;
}

/* What only the fields together say. */
static int
parse_framing(struct parse *ps)
{
	struct http1_req *req = ps->req;

	if (ps->nhosts == 0 && req->minor == 1)
		return bad(ps, ERR_BAD_REQUEST, "missing Host");
	if (ps->authority.p != NULL) {
		/*
		 * RFC 9112 3.2.2 would have the target win; one that
		 * differs is read in two ways by somebody on the path.
		 */
		if (ps->nhosts != 0 && (ps->authority.n != req->host.n ||
		    strncasecmp(ps->authority.p, req->host.p,
		    req->host.n) != 0))
			return bad(ps, ERR_BAD_REQUEST,
			    "Host differs from the target");
		req->host = ps->authority;
	}
	if (req->chunked && req->has_length)
		return bad(ps, ERR_BAD_REQUEST,
		    "Content-Length with Transfer-Encoding");
	if (req->chunked && req->minor == 0)
		return bad(ps, ERR_BAD_REQUEST,
		    "Transfer-Encoding in HTTP/1.0");
	if (req->chunked && !slice_ieq(ps->coding, "chunked"))
		return bad(ps, ERR_NOT_IMPLEMENTED,
		    "transfer coding not implemented");
	return 0;
}

static void
parse_rest(struct parse *ps)
{
	struct http1_req *req = ps->req;

	req->keep_alive = !ps->close && (req->minor == 1 || ps->keep);
	if (req->minor == 0)	/* RFC 9110 10.1.1 */
		req->expect_continue = false;
	req->upgrade_ws = req->minor == 1 && slice_eq(req->method, "GET") &&
	    ps->upgrade && ps->websocket && ps->nversions == 1 &&
	    ps->version13 && ps->nkeys == 1 && req->ws_key.p != NULL &&
	    !req->chunked && req->length == 0;
	if (!req->upgrade_ws)
		req->ws_key = (struct slice){ NULL, 0 };
}

static int
parse_head(struct parse *ps, struct slice rest)
{
	struct slice line = take_line(&rest);

	if (parse_request_line(ps, line) == -1)
		return -1;
	for (;;) {
		line = take_line(&rest);
		if (line.n == 0)
			break;
		if (parse_field(ps, line) == -1)
			return -1;
	}
	if (parse_framing(ps) == -1)
		return -1;
	parse_rest(ps);
	return 0;
}

enum http1_got
http1_head(const char *p, size_t n, size_t *scan, struct http1_req *req,
    size_t *used_r, enum err *err_r, const char **why_r)
{
	struct parse	ps = { .req = req };
	enum http1_got	got;
	size_t		start;

	got = scan_head(p, n, scan, &ps);
	if (got == HTTP1_HEAD_DONE) {
		memset(req, 0, offsetof(struct http1_req, fields));
		start = leading(p, *scan);
		if (parse_head(&ps, (struct slice){ p + start,
		    *scan - start }) == 0) {
			*used_r = *scan;
			*scan = 0;
			return HTTP1_HEAD_DONE;
		}
		got = HTTP1_BAD;
	}
	if (got == HTTP1_BAD) {
		*err_r = ps.err;
		*why_r = ps.why;
	}
	return got;
}

struct slice
http1_get(const struct http1_req *req, const char *name)
{
	size_t i;

	for (i = 0; i < req->nfields; i++)
		if (slice_ieq(req->fields[i].name, name))
			return req->fields[i].value;
	return (struct slice){ NULL, 0 };
}

/* ---- chunked bodies ---- */

enum {
	CH_SIZE = 0, CH_EXT, CH_SIZE_LF, CH_DATA, CH_DATA_CR, CH_DATA_LF,
	CH_TRAILER, CH_NAME, CH_VALUE, CH_VALUE_LF, CH_END_LF, CH_DONE, CH_BAD
};

static int
hex_value(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int
chunk_size(struct http1_chunk *ch, unsigned char c)
{
	int v = hex_value(c);

	if (v != -1) {
		if (++ch->line > CHUNK_DIGITS)
			return CH_BAD;
		ch->left = ch->left << 4 | (unsigned)v;
		return CH_SIZE;
	}
	if (ch->line == 0)
		return CH_BAD;
	ch->line = 0;
	return c == ';' ? CH_EXT : c == '\r' ? CH_SIZE_LF : CH_BAD;
}

/* Trailer section: name ":" value CR LF ..., then an empty line. */
static int
chunk_trailer(struct http1_chunk *ch, unsigned char c)
{
	if (++ch->line > CHUNK_TRAILERS)
		return CH_BAD;
	if (ch->state == CH_TRAILER && c == '\r')
		return CH_END_LF;
	if (ch->state == CH_VALUE) {
		if (c == '\r')
			return CH_VALUE_LF;
		return is_control(c) ? CH_BAD : CH_VALUE;
	}
	if (ch->state == CH_NAME && c == ':')
		return CH_VALUE;
	return (classes[c] & C_TOKEN) != 0 ? CH_NAME : CH_BAD;
}

/* The state after the byte c, which is not chunk data. */
static int
chunk_byte(struct http1_chunk *ch, unsigned char c)
{
	switch (ch->state) {
	case CH_SIZE:
		return chunk_size(ch, c);
	case CH_EXT:
		if (c == '\r')
			return CH_SIZE_LF;
		return is_control(c) || ++ch->line > CHUNK_EXT ?
		    CH_BAD : CH_EXT;
	case CH_SIZE_LF:
		ch->line = 0;
		if (c != '\n')
			return CH_BAD;
		return ch->left != 0 ? CH_DATA : CH_TRAILER;
	case CH_DATA_CR:
		return c == '\r' ? CH_DATA_LF : CH_BAD;
	case CH_DATA_LF:
		return c == '\n' ? CH_SIZE : CH_BAD;
	case CH_TRAILER:
	case CH_NAME:
	case CH_VALUE:
		return chunk_trailer(ch, c);
	case CH_VALUE_LF:
		return c == '\n' ? CH_TRAILER : CH_BAD;
	case CH_END_LF:
		return c == '\n' ? CH_DONE : CH_BAD;
	}
	return CH_BAD;
}

int
http1_chunk(struct http1_chunk *ch, char *p, size_t n, size_t *used_r,
    size_t *out_r)
{
	size_t at = 0, out = 0, take;

	while (at < n && ch->state < CH_DONE) {
		if (ch->state != CH_DATA) {
			ch->state = chunk_byte(ch, (unsigned char)p[at++]);
			continue;
		}
		take = n - at < ch->left ? n - at : (size_t)ch->left;
		memmove(p + out, p + at, take);
		out += take;
		at += take;
		ch->left -= take;
		if (ch->left == 0)
			ch->state = CH_DATA_CR;
	}
	*used_r = at;
	*out_r = out;
	return ch->state == CH_BAD ? -1 : ch->state == CH_DONE;
}

/* ---- query strings and cookies ---- */

/* Does the raw name of a query part spell name? */
static bool
query_is(struct slice raw, const char *name)
{
	char	plain[QUERY_NAME];
	int	n;

	n = str_urldecode(plain, sizeof(plain), raw, true);
	return n != -1 && strcmp(plain, name) == 0;
}

int
http1_query(struct slice query, const char *name, char *dst, size_t size)
{
	struct slice	part, key;
	int		n, found = 0;

	while (slice_cut(&query, '&', &part)) {
		slice_cut(&part, '=', &key);
		if (!query_is(key, name))
			continue;
		if (found)
			return -1;
		found = 1;
		n = str_urldecode(dst, size, part, true);
		if (n == -1 || !valid_utf8(dst, (size_t)n))
			return -1;
	}
	return found;
}

struct slice
http1_query_unknown(struct slice query, const char *const *names)
{
	struct slice	part, key;
	size_t		i;

	while (slice_cut(&query, '&', &part)) {
		if (part.n == 0)
			continue;
		slice_cut(&part, '=', &key);
		for (i = 0; names[i] != NULL; i++)
			if (query_is(key, names[i]))
				break;
		if (names[i] == NULL)
			return key;
	}
	return (struct slice){ NULL, 0 };
}

struct slice
http1_cookie(const struct http1_req *req, const char *name)
{
	struct slice	rest, part, key;
	size_t		i;

	for (i = 0; i < req->nfields; i++) {
		if (!slice_ieq(req->fields[i].name, "Cookie"))
			continue;
		rest = req->fields[i].value;
		while (slice_cut(&rest, ';', &part)) {
			slice_cut(&part, '=', &key);
			if (part.p != NULL && slice_eq(slice_trim(key), name))
				return slice_trim(part);
		}
	}
	return (struct slice){ NULL, 0 };
}
