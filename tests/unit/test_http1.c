/*
 * The request parser: first what other parsers wrongly accept, then the
 * rest of the refusals, the accepted forms, every way of cutting the input,
 * chunked bodies, query strings, cookies and response heads.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http1.h"
#include "xmalloc.h"

#define REQ(s)		{ s, sizeof(s) - 1 }
#define H		"Host: m.example\r\n"
#define POST		"POST /api HTTP/1.1\r\n" H
#define GET		"GET / HTTP/1.1\r\n" H

static enum http1_got
head(const char *p, size_t n, struct http1_req *req, enum err *err,
    size_t *used)
{
	const char	*why = NULL;
	size_t		 scan = 0;
	enum http1_got	 got;

	got = http1_head(p, n, &scan, req, used, err, &why);
	if (got == HTTP1_BAD)
		ck_assert_ptr_nonnull(why);
	if (got == HTTP1_HEAD_DONE)
		ck_assert_uint_eq(scan, 0);
	return got;
}

/* One byte more at a time, in memory that ends where the bytes end. */
static enum http1_got
head_bytewise(const char *p, size_t n, enum err *err, size_t *used)
{
	static struct http1_req	 req;
	const char		*why = NULL;
	enum http1_got		 got = HTTP1_MORE;
	size_t			 scan = 0, i;
	char			*exact;

	for (i = 0; i <= n && got == HTTP1_MORE; i++) {
		exact = xmemdup(p, i);
		got = http1_head(exact, i, &scan, &req, used, err, &why);
		free(exact);
	}
	return got;
}

static const struct {
	struct slice	text;
	enum err	err;
} refused[] = {
	/* accepted by a widespread parser */
	{ REQ(POST "Content-Length: 5\r\nContent-Length: 50\r\n\r\n"),
	    ERR_BAD_REQUEST },
	{ REQ(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"),
	    ERR_BAD_REQUEST },
	{ REQ(POST "Content-Length: +0\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET / HTTP/1.1\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
	    ERR_BAD_REQUEST },
	{ REQ("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"),
	    ERR_BAD_REQUEST },
	{ REQ("GET / HTTP/1.1\nHost: a\n\n"), ERR_BAD_REQUEST },
	{ REQ(GET "X: a\n\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ(GET "X: a\r\n b\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ(GET "X: a\r\n\tb\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ(GET "X: a\0b\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ(GET "X Y: a\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ(POST "Transfer-Encoding: xchunked\r\n\r\n"),
	    ERR_NOT_IMPLEMENTED },
	/* framing */
	{ REQ(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
	    ERR_BAD_REQUEST },
	{ REQ(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"),
	    ERR_BAD_REQUEST },
	{ REQ(POST "Transfer-Encoding: chunked\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ(POST "Transfer-Encoding: chunked, chunked\r\n\r\n"),
	    ERR_NOT_IMPLEMENTED },
	{ REQ(POST "Transfer-Encoding: gzip, chunked\r\n\r\n"),
	    ERR_NOT_IMPLEMENTED },
	{ REQ(POST "Transfer-Encoding: chunked, identity\r\n\r\n"),
	    ERR_NOT_IMPLEMENTED },
	{ REQ(POST "Transfer-Encoding: chunked;q=1\r\n\r\n"),
	    ERR_NOT_IMPLEMENTED },
	{ REQ(POST "Transfer-Encoding:\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
	    ERR_BAD_REQUEST },
	{ REQ(POST "Content-Length:\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ(POST "Content-Length: -1\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ(POST "Content-Length: 0x10\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ(POST "Content-Length: 5, 5\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ(POST "Content-Length: 5 5\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ(POST "Content-Length: 9223372036854775808\r\n\r\n"),
	    ERR_BAD_REQUEST },
	{ REQ(POST "Content-Length: 99999999999999999999999\r\n\r\n"),
	    ERR_BAD_REQUEST },
	/* lines and bytes */
	{ REQ("\r\n\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n"), ERR_BAD_REQUEST },
	{ REQ("\nGET / HTTP/1.1\r\n" H "\r\n"), ERR_BAD_REQUEST },
	{ REQ(GET "X: a\rb\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ(GET "X: a\r\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ(GET "X: a\x01\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ(GET "X: a\x7f\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ(GET "X\0: a\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ(GET ": a\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ(GET "X\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ(GET "X(: a\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ(GET "X\xc3\xa4: a\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET / HTTP/1.1\r\n " H "\r\n"), ERR_BAD_REQUEST },
	{ REQ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc"), ERR_BAD_REQUEST },
	/* request line */
	{ REQ("GET /\r\n" H "\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET  / HTTP/1.1\r\n" H "\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET /  HTTP/1.1\r\n" H "\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET / HTTP/1.1 \r\n" H "\r\n"), ERR_BAD_REQUEST },
	{ REQ(" GET / HTTP/1.1\r\n" H "\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET\t/\tHTTP/1.1\r\n" H "\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET / x HTTP/1.1\r\n" H "\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET / http/1.1\r\n" H "\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET / HTTP/11\r\n" H "\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET / HTTP/1.10\r\n" H "\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET / HTTP/1.x\r\n" H "\r\n"), ERR_BAD_REQUEST },
	{ REQ("G(T / HTTP/1.1\r\n" H "\r\n"), ERR_BAD_REQUEST },
	{ REQ("/ HTTP/1.1\r\n" H "\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET / HTTP/2.0\r\n" H "\r\n"), ERR_HTTP_VERSION },
	{ REQ("GET / HTTP/0.9\r\n" H "\r\n"), ERR_HTTP_VERSION },
	{ REQ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), ERR_HTTP_VERSION },
	{ REQ("BREW / HTTP/1.1\r\n" H "\r\n"), ERR_NOT_IMPLEMENTED },
	{ REQ("get / HTTP/1.1\r\n" H "\r\n"), ERR_NOT_IMPLEMENTED },
	{ REQ("TRACE / HTTP/1.1\r\n" H "\r\n"), ERR_NOT_IMPLEMENTED },
	{ REQ("CONNECT a:1 HTTP/1.1\r\n" H "\r\n"), ERR_NOT_IMPLEMENTED },
	/* targets */
	{ REQ("GET * HTTP/1.1\r\n" H "\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET x HTTP/1.1\r\n" H "\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET /a#b HTTP/1.1\r\n" H "\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET ftp://a/ HTTP/1.1\r\n" H "\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET http:///x HTTP/1.1\r\n" H "\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET http://u@m.example/ HTTP/1.1\r\n" H "\r\n"),
	    ERR_BAD_REQUEST },
	{ REQ("GET http://other/ HTTP/1.1\r\n" H "\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET http://m.example/ HTTP/1.1\r\n\r\n"), ERR_BAD_REQUEST },
	/* Host */
	{ REQ("GET / HTTP/1.1\r\nHost:\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET / HTTP/1.1\r\nHost: a:x\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET / HTTP/1.1\r\nHost: :80\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET / HTTP/1.1\r\nHost: [g::1]\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET / HTTP/1.1\r\nHost: []\r\n\r\n"), ERR_BAD_REQUEST },
	{ REQ("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"),
	    ERR_BAD_REQUEST },
	/* Expect */
	{ REQ(POST "Expect: 200-ok\r\n\r\n"), ERR_EXPECTATION },
};

START_TEST(refusal)
{
	static struct http1_req	req;
	struct slice		s = refused[_i].text;
	enum err		err = ERR_OK;
	size_t			used;

	ck_assert_msg(head(s.p, s.n, &req, &err, &used) == HTTP1_BAD,
	    "accepted: %s", s.p);
	ck_assert_msg(err == refused[_i].err, "%s: %s", s.p,
	    err_info(err)->name);
	err = ERR_OK;
	ck_assert(head_bytewise(s.p, s.n, &err, &used) == HTTP1_BAD);
	ck_assert_int_eq(err, refused[_i].err);
}
END_TEST

static const struct {
	struct slice	 text;
	const char	*method, *path, *query, *host;
	int		 minor;
	bool		 keep_alive;
} accepted[] = {
	{ REQ(GET "\r\n"), "GET", "/", NULL, "m.example", 1, true },
	{ REQ("\r\n\r\n" GET "\r\n"), "GET", "/", NULL, "m.example", 1, true },
	{ REQ("HEAD /a%2fb?x=%20&y HTTP/1.1\r\nhOsT:m:80\r\n\r\n"),
	    "HEAD", "/a%2fb", "x=%20&y", "m:80", 1, true },
	{ REQ("GET /? HTTP/1.1\r\n" H "\r\n"), "GET", "/", "", "m.example",
	    1, true },
	{ REQ("GET /a?b?c HTTP/1.1\r\n" H "\r\n"), "GET", "/a", "b?c",
	    "m.example", 1, true },
	{ REQ("GET //a/../b HTTP/1.1\r\n" H "\r\n"), "GET", "//a/../b", NULL,
	    "m.example", 1, true },
	{ REQ("OPTIONS * HTTP/1.1\r\n" H "\r\n"), "OPTIONS", "*", NULL,
	    "m.example", 1, true },
	{ REQ("GET http://M.example/a?b HTTP/1.1\r\n" H "\r\n"), "GET", "/a",
	    "b", "M.example", 1, true },
	{ REQ("GET HTTPS://m.example HTTP/1.1\r\n" H "\r\n"), "GET", "/",
	    NULL, "m.example", 1, true },
	{ REQ("GET http://m.example?q HTTP/1.1\r\n" H "\r\n"), "GET", "/",
	    "q", "m.example", 1, true },
	{ REQ("GET / HTTP/1.0\r\n\r\n"), "GET", "/", NULL, NULL, 0, false },
	{ REQ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), "GET", "/",
	    NULL, NULL, 0, true },
	{ REQ("GET / HTTP/1.2\r\n" H "\r\n"), "GET", "/", NULL, "m.example",
	    1, true },
	{ REQ(GET "Connection: foo, Close\r\n\r\n"), "GET", "/", NULL,
	    "m.example", 1, false },
	{ REQ(GET "Connection: keep-alive\r\nConnection: close\r\n\r\n"),
	    "GET", "/", NULL, "m.example", 1, false },
	{ REQ("GET / HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n"), "GET", "/", NULL,
	    "[::1]:8443", 1, true },
	{ REQ("GET / HTTP/1.1\r\nHost: a:\r\n\r\n"), "GET", "/", NULL, "a:",
	    1, true },
	{ REQ(GET "X:\r\nY: \t\r\nZ: \xc3\xa4 \xff \r\n\r\n"), "GET", "/", NULL,
	    "m.example", 1, true },
	{ REQ("PATCH /p HTTP/1.1\r\n" H "Content-Length: 007\r\n\r\n"),
	    "PATCH", "/p", NULL, "m.example", 1, true },
};

static void
same(struct slice s, const char *want)
{
	if (want == NULL)
		ck_assert_ptr_null(s.p);
	else
		ck_assert_msg(s.p != NULL && slice_eq(s, want), "%.*s",
		    (int)s.n, s.p);
}

START_TEST(acceptance)
{
	static struct http1_req	req;
	struct slice		s = accepted[_i].text;
	enum err		err = ERR_OK;
	size_t			used;
	char			*more = xmalloc(s.n + 4);

	memcpy(more, s.p, s.n);
	memcpy(more + s.n, "GET ", 4);	/* the next one's beginning */
	ck_assert_int_eq(head(more, s.n + 4, &req, &err, &used),
	    HTTP1_HEAD_DONE);
	ck_assert_uint_eq(used, s.n);
	same(req.method, accepted[_i].method);
	same(req.path, accepted[_i].path);
	same(req.query, accepted[_i].query);
	same(req.host, accepted[_i].host);
	ck_assert_int_eq(req.minor, accepted[_i].minor);
	ck_assert_int_eq(req.keep_alive, accepted[_i].keep_alive);
	ck_assert(!req.upgrade_ws);
	ck_assert_int_eq(head_bytewise(s.p, s.n, &err, &used),
	    HTTP1_HEAD_DONE);
	ck_assert_uint_eq(used, s.n);
	free(more);
}
END_TEST

START_TEST(fields)
{
	static const char text[] = POST "Content-Length: 0042\r\n"
	    "Expect: 100-Continue\r\nX: 1\r\nx: 2\r\n\r\n";
	static struct http1_req	req;
	enum err		err;
	size_t			used;

	ck_assert_int_eq(head(text, sizeof(text) - 1, &req, &err, &used),
	    HTTP1_HEAD_DONE);
	ck_assert_uint_eq(req.nfields, 5);
	ck_assert(req.has_length && !req.chunked && req.expect_continue);
	ck_assert_uint_eq(req.length, 42);
	ck_assert(slice_eq(http1_get(&req, "X"), "1"));
	ck_assert_ptr_null(http1_get(&req, "Y").p);
}
END_TEST

/* RFC 9110 10.1.1: a 1.0 client's expectation is ignored. */
START_TEST(expect_in_10)
{
	static const char text[] = "POST / HTTP/1.0\r\n"
	    "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n";
	static struct http1_req	req;
	enum err		err;
	size_t			used;

	ck_assert_int_eq(head(text, sizeof(text) - 1, &req, &err, &used),
	    HTTP1_HEAD_DONE);
	ck_assert(!req.expect_continue && req.length == 1);
}
END_TEST

START_TEST(chunked_head)
{
	static const char text[] = POST "transfer-encoding: Chunked\r\n\r\n";
	static struct http1_req	req;
	enum err		err;
	size_t			used;

	ck_assert_int_eq(head(text, sizeof(text) - 1, &req, &err, &used),
	    HTTP1_HEAD_DONE);
	ck_assert(req.chunked && !req.has_length);
}
END_TEST

/* Bounds: what is exactly at the limit passes, one more does not. */
static const struct {
	size_t		target, fields, value;
	enum err	err;
} bounds[] = {
	{ HTTP1_TARGET, 0, 0, ERR_OK },
	{ HTTP1_TARGET + 1, 0, 0, ERR_URI_TOO_LONG },
	{ 20000, 0, 0, ERR_URI_TOO_LONG },
	{ 1, HTTP1_HEADERS - 1, 0, ERR_OK },
	{ 1, HTTP1_HEADERS, 0, ERR_HEADERS_TOO_LARGE },
	{ 1, 1, HTTP1_HEAD - 39, ERR_OK },
	{ 1, 1, HTTP1_HEAD - 38, ERR_HEADERS_TOO_LARGE },
	{ 1, 1, 1000000, ERR_HEADERS_TOO_LARGE },
};

START_TEST(bound)
{
	static struct http1_req	req;
	struct buf		b = BUF_INIT;
	enum err		err = ERR_OK, err1 = ERR_OK;
	enum http1_got		got;
	size_t			i, used;

	buf_puts(&b, "GET ");
	for (i = 0; i < bounds[_i].target; i++)
		buf_putc(&b, '/');
	buf_puts(&b, " HTTP/1.1\r\n" H);
	for (i = 0; i < bounds[_i].fields; i++) {
		buf_puts(&b, "X:");
		for (size_t j = 0; j < bounds[_i].value; j++)
			buf_putc(&b, 'v');
		buf_puts(&b, "\r\n");
	}
	buf_puts(&b, "\r\n");
	got = head((char *)b.data, b.len, &req, &err, &used);
	ck_assert_int_eq(got, bounds[_i].err == ERR_OK ? HTTP1_HEAD_DONE :
	    HTTP1_BAD);
	ck_assert_int_eq(err, bounds[_i].err);
	if (b.len < 50000) {
		ck_assert_int_eq(head_bytewise((char *)b.data, b.len, &err1,
		    &used), got);
		ck_assert_int_eq(err1, err);
	}
	/* the refusal of endless heads does not wait for their end */
	if (b.len >= 50000)
		ck_assert_int_eq(head((char *)b.data, HTTP1_HEAD + 1, &req,
		    &err, &used), HTTP1_BAD);
	buf_free(&b);
}
END_TEST

#define WS_KEY	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define WS_VER	"Sec-WebSocket-Version: 13\r\n"
#define WS_UP	"Upgrade: websocket\r\nConnection: Upgrade\r\n"

static const struct { struct slice text; bool ws; } upgrades[] = {
	{ REQ(GET WS_UP WS_KEY WS_VER "\r\n"), true },
	{ REQ(GET "upgrade: h2c, WebSocket\r\n"
	    "connection: keep-alive, upgrade\r\n" WS_KEY WS_VER "\r\n"), true },
	{ REQ(GET "Connection: keep-alive\r\n" WS_UP WS_KEY WS_VER "\r\n"),
	    true },
	{ REQ(GET WS_UP WS_KEY WS_VER "Content-Length: 0\r\n\r\n"), true },
	{ REQ(GET WS_UP WS_KEY WS_VER "Content-Length: 1\r\n\r\n"), false },
	{ REQ(GET WS_UP WS_KEY WS_VER "Transfer-Encoding: chunked\r\n\r\n"),
	    false },
	{ REQ(POST WS_UP WS_KEY WS_VER "\r\n"), false },
	{ REQ("GET / HTTP/1.0\r\n" H WS_UP WS_KEY WS_VER "\r\n"), false },
	{ REQ(GET "Upgrade: websocket\r\n" WS_KEY WS_VER "\r\n"), false },
	{ REQ(GET "Connection: Upgrade\r\n" WS_KEY WS_VER "\r\n"), false },
	{ REQ(GET "Upgrade: websockets\r\nConnection: Upgrade\r\n" WS_KEY
	    WS_VER "\r\n"), false },
	{ REQ(GET WS_UP WS_VER "\r\n"), false },
	{ REQ(GET WS_UP WS_KEY "\r\n"), false },
	{ REQ(GET WS_UP WS_KEY "Sec-WebSocket-Version: 8\r\n\r\n"), false },
	{ REQ(GET WS_UP WS_KEY "Sec-WebSocket-Version: 013\r\n\r\n"), false },
	{ REQ(GET WS_UP WS_KEY "Sec-WebSocket-Version: 13, 8\r\n\r\n"), false },
	{ REQ(GET WS_UP WS_KEY WS_VER WS_VER "\r\n"), false },
	{ REQ(GET WS_UP WS_KEY WS_KEY WS_VER "\r\n"), false },
	{ REQ(GET WS_UP "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n"
	    WS_VER "\r\n"), false },
	{ REQ(GET WS_UP "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZTA=\r\n"
	    WS_VER "\r\n"), false },
	{ REQ(GET WS_UP "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ!==\r\n"
	    WS_VER "\r\n"), false },
};

START_TEST(upgrade)
{
	static struct http1_req	req;
	struct slice		s = upgrades[_i].text;
	enum err		err;
	size_t			used;

	ck_assert_int_eq(head(s.p, s.n, &req, &err, &used), HTTP1_HEAD_DONE);
	ck_assert_int_eq(req.upgrade_ws, upgrades[_i].ws);
	same(req.ws_key, upgrades[_i].ws ? "dGhlIHNhbXBsZSBub25jZQ==" : NULL);
}
END_TEST

/* ---- chunked bodies ---- */

/* Feeds cut at every cut bytes; the result, the body and the bytes eaten. */
static int
chunk_all(const char *p, size_t n, size_t cut, struct buf *out, size_t *eaten)
{
	struct http1_chunk	ch;
	size_t			at = 0, used, got, take;
	char			*part;
	int			r = 0;

	memset(&ch, 0, sizeof(ch));
	while (r == 0 && at < n) {
		take = n - at < cut ? n - at : cut;
		part = xmemdup(p + at, take);
		r = http1_chunk(&ch, part, take, &used, &got);
		ck_assert_uint_le(used, take);
		ck_assert_uint_le(got, used);
		if (r == 0)
			ck_assert_uint_eq(used, take);
		buf_put(out, part, got);
		free(part);
		at += used;
	}
	*eaten = at;
	return r;
}

static const struct {
	struct slice	 text;
	int		 r;
	const char	*body;
} chunked[] = {
	{ REQ("0\r\n\r\n"), 1, "" },
	{ REQ("5\r\nhello\r\n0\r\n\r\n"), 1, "hello" },
	{ REQ("5\r\nhello\r\n00a\r\n, world.\r\n\r\n0\r\n\r\n"), 1,
	    "hello, world.\r\n" },
	{ REQ("A\r\n0123456789\r\n0\r\n\r\n"), 1, "0123456789" },
	{ REQ("1;a=b;c=\"d e\"\r\nx\r\n0;z\r\n\r\n"), 1, "x" },
	{ REQ("1\r\nx\r\n0\r\nX-Sum: 1\r\nY:\r\n\r\n"), 1, "x" },
	{ REQ("2\r\n\r\n\r\n0\r\n\r\n"), 1, "\r\n" },
	{ REQ("5\r\nhel"), 0, "hel" },
	{ REQ("0\r\n"), 0, "" },
	{ REQ("0\r\n\r"), 0, "" },
	/* refused */
	{ REQ("0x1\r\nx\r\n0\r\n\r\n"), -1, "" },
	{ REQ("\r\n"), -1, "" },
	{ REQ(";a\r\n"), -1, "" },
	{ REQ("-1\r\n"), -1, "" },
	{ REQ("+1\r\n"), -1, "" },
	{ REQ(" 1\r\n"), -1, "" },
	{ REQ("1 \r\n"), -1, "" },
	{ REQ("1\n"), -1, "" },
	{ REQ("1\rx"), -1, "" },
	{ REQ("g\r\n"), -1, "" },
	{ REQ("1\r\nxy\r\n"), -1, "x" },
	{ REQ("1\r\nx\n"), -1, "x" },
	{ REQ("1\r\nx\r0"), -1, "x" },
	{ REQ("1;a\nb\r\n"), -1, "" },
	{ REQ("1;a\0b\r\n"), -1, "" },
	{ REQ("ffffffffffffffff\r\n"), -1, "" },
	{ REQ("0000000000000001\r\nx\r\n"), -1, "" },
	{ REQ("0\r\n X: y\r\n\r\n"), -1, "" },
	{ REQ("0\r\nX : y\r\n\r\n"), -1, "" },
	{ REQ("0\r\nX: y\n\r\n"), -1, "" },
	{ REQ("0\r\nX\r\n\r\n"), -1, "" },
	{ REQ("0\r\n\rX"), -1, "" },
	{ REQ("0\r\n\n"), -1, "" },
};

START_TEST(chunk)
{
	struct slice	s = chunked[_i].text;
	struct buf	out;
	size_t		cut, eaten;
	int		r;

	for (cut = 1; cut <= s.n; cut++) {
		out = (struct buf)BUF_INIT;
		r = chunk_all(s.p, s.n, cut, &out, &eaten);
		ck_assert_msg(r == chunked[_i].r, "%s: %d", s.p, r);
		ck_assert_uint_eq(buf_used(&out), strlen(chunked[_i].body));
		ck_assert_str_eq(buf_cstr(&out), chunked[_i].body);
		if (r == 1)
			ck_assert_uint_eq(eaten, s.n);
		buf_free(&out);
	}
}
END_TEST

START_TEST(chunk_leaves_the_next)
{
	char			text[] = "3\r\nabc\r\n0\r\n\r\nGET / HTTP";
	struct http1_chunk	ch;
	size_t			used, out;

	memset(&ch, 0, sizeof(ch));
	ck_assert_int_eq(http1_chunk(&ch, text, strlen(text), &used, &out), 1);
	ck_assert_uint_eq(out, 3);
	ck_assert_mem_eq(text, "abc", 3);
	ck_assert_str_eq(text + used, "GET / HTTP");
}
END_TEST

static const struct { const char *before; size_t n; const char *after; int r; }
chunk_bounds[] = {
	{ "1;", 256, "\r\nx\r\n0\r\n\r\n", 1 },
	{ "1;", 257, "\r\nx\r\n0\r\n\r\n", -1 },
	{ "0\r\nX:", 4096 - 4, "\r\n\r\n", 1 },
	{ "0\r\nX:", 4096, "\r\n\r\n", -1 },
};

START_TEST(chunk_bound)
{
	struct buf	b = BUF_INIT, out = BUF_INIT;
	size_t		i, eaten;

	buf_puts(&b, chunk_bounds[_i].before);
	for (i = 0; i < chunk_bounds[_i].n; i++)
		buf_putc(&b, 'a');
	buf_puts(&b, chunk_bounds[_i].after);
	ck_assert_int_eq(chunk_all((char *)b.data, b.len, b.len, &out,
	    &eaten), chunk_bounds[_i].r);
	buf_free(&b);
	buf_free(&out);
}
END_TEST

/* ---- query strings, cookies ---- */

static const struct { const char *query; int r; const char *value; }
queries[] = {
	{ "q=1", 1, "1" }, { "a=2&q=1&b", 1, "1" }, { "q", 1, "" },
	{ "q=", 1, "" }, { "%71=x", 1, "x" }, { "q=a+b%2B", 1, "a b+" },
	{ "q=a=b", 1, "a=b" }, { "q=%c3%a4", 1, "\xc3\xa4" },
	{ "", 0, NULL }, { "Q=1", 0, NULL }, { "qq=1", 0, NULL },
	{ "=q", 0, NULL }, { "&&", 0, NULL }, { "%=1", 0, NULL },
	{ "q=1&q=1", -1, NULL }, { "q&q", -1, NULL }, { "q=%", -1, NULL },
	{ "q=%zz", -1, NULL }, { "q=%00", -1, NULL }, { "q=%ff", -1, NULL },
	{ "q=1234567", 1, "1234567" }, { "q=12345678", -1, NULL },
};

START_TEST(query)
{
	char	dst[8];
	int	r;

	r = http1_query(slice_of(queries[_i].query), "q", dst, sizeof(dst));
	ck_assert_int_eq(r, queries[_i].r);
	if (r == 1)
		ck_assert_str_eq(dst, queries[_i].value);
}
END_TEST

START_TEST(query_unknown)
{
	static const char *const names[] = { "page", "size", NULL };
	static const struct { const char *query, *bad; } v[] = {
		{ "page=1&size=2", NULL }, { "", NULL }, { "&page&", NULL },
		{ "pag%65=1", NULL }, { "page=1&x=2&y", "x" },
		{ "Page=1", "Page" }, { "%zz=1", "%zz" }, { "=1", "" },
	};
	struct slice	s;
	size_t		i;

	for (i = 0; i < nitems(v); i++) {
		s = http1_query_unknown(slice_of(v[i].query), names);
		same(s, v[i].bad);
	}
	same(http1_query_unknown(slice_of(NULL), names), NULL);
}
END_TEST

START_TEST(cookie)
{
	static const char text[] = GET
	    "Cookie: a=1; b = 2 ;c=\"x\"; d; e=; f=g=h;a=9\r\n"
	    "Cookie: z=26\r\n\r\n";
	static const struct { const char *name, *value; } v[] = {
		{ "a", "1" }, { "b", "2" }, { "c", "\"x\"" }, { "d", NULL },
		{ "e", "" }, { "f", "g=h" }, { "z", "26" }, { "A", NULL },
		{ "", NULL },
	};
	static struct http1_req	req;
	enum err		err;
	size_t			used, i;

	ck_assert_int_eq(head(text, sizeof(text) - 1, &req, &err, &used),
	    HTTP1_HEAD_DONE);
	for (i = 0; i < nitems(v); i++)
		same(http1_cookie(&req, v[i].name), v[i].value);
}
END_TEST

/* ---- responses ---- */

START_TEST(response)
{
	static const struct { int64_t n; bool keep; const char *end; } v[] = {
		{ 42, true, "X: y\r\nContent-Length: 42\r\n\r\n" },
		{ 0, false, "X: y\r\nContent-Length: 0\r\n"
		    "Connection: close\r\n\r\n" },
		{ -1, true, "X: y\r\nTransfer-Encoding: chunked\r\n\r\n" },
		{ -2, true, "X: y\r\n\r\n" },
	};
	struct buf	b = BUF_INIT;
	const char	*s, *rest;

	http1_put_status(&b, 200);
	http1_put_field(&b, "X", "y");
	http1_put_end(&b, v[_i].n, v[_i].keep);
	s = buf_cstr(&b);
	ck_assert(strncmp(s, "HTTP/1.1 200 OK\r\nDate: ", 23) == 0);
	rest = s + 23;
	ck_assert_uint_gt(strlen(rest), 31);
	ck_assert(strncmp(rest + 25, " GMT\r\n", 6) == 0);
	ck_assert_str_eq(rest + 31, v[_i].end);
	buf_free(&b);
}
END_TEST

START_TEST(response_splitting)
{
	struct buf b = BUF_INIT;

	http1_put_field(&b, "Location", _i == 0 ? "/a\r\nX: y" :
	    _i == 1 ? "/a\nb" : "/a\rb");
}
END_TEST

START_TEST(reasons)
{
	int i;

	for (i = 0; i < ERR__MAX; i++)
		ck_assert_str_ne(http1_reason(err_info((enum err)i)->status),
		    "Unknown");
	ck_assert_str_eq(http1_reason(404), "Not Found");
	ck_assert_str_eq(http1_reason(299), "Unknown");
}
END_TEST

int
main(void)
{
	Suite	*s = suite_create("http1");
	TCase	*tc = tcase_create("http1");
	SRunner	*sr;
	int	 failed;

	tcase_add_loop_test(tc, refusal, 0, (int)nitems(refused));
	tcase_add_loop_test(tc, acceptance, 0, (int)nitems(accepted));
	tcase_add_test(tc, fields);
	tcase_add_test(tc, expect_in_10);
	tcase_add_test(tc, chunked_head);
	tcase_add_loop_test(tc, bound, 0, (int)nitems(bounds));
	tcase_add_loop_test(tc, upgrade, 0, (int)nitems(upgrades));
	tcase_add_loop_test(tc, chunk, 0, (int)nitems(chunked));
	tcase_add_test(tc, chunk_leaves_the_next);
	tcase_add_loop_test(tc, chunk_bound, 0, (int)nitems(chunk_bounds));
	tcase_add_loop_test(tc, query, 0, (int)nitems(queries));
	tcase_add_test(tc, query_unknown);
	tcase_add_test(tc, cookie);
	tcase_add_loop_test(tc, response, 0, 4);
	tcase_add_loop_test_raise_signal(tc, response_splitting, 6, 0, 3);
	tcase_add_test(tc, reasons);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
