/*
 * http1: a strict HTTP/1.1 request parser and response writer (RFC 9110,
 * RFC 9112). Pure: bytes in, slices of the same bytes out. It refuses
 * whatever two parsers could read differently: Content-Length together with
 * Transfer-Encoding, any coding but one final "chunked", repeated or signed
 * Content-Length, repeated or missing Host, bare LF or CR, obs-fold, space
 * before the colon, empty or non-token names, NUL or control bytes in values.
 */
#ifndef MAST_HTTP1_H
#define MAST_HTTP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "str.h"

#define HTTP1_HEADERS	64	/* fields per request */
#define HTTP1_HEAD	16384	/* bytes of the whole head */
#define HTTP1_TARGET	4096	/* bytes of the request target */

struct http1_field { struct slice name, value; };

struct http1_req {
	struct slice	 method, target;	/* target as sent */
	struct slice	 path, query;		/* origin-form split at '?' */
	struct slice	 host;
	int		 minor;			/* 0 or 1 */
	bool		 keep_alive;
	bool		 expect_continue;
	bool		 chunked;
	bool		 has_length;
	uint64_t	 length;		/* Content-Length */
	bool		 upgrade_ws;		/* RFC 6455 4.2.1, all of it */
	struct slice	 ws_key;
	size_t		 nfields;
	struct http1_field fields[HTTP1_HEADERS];
};

enum http1_got { HTTP1_MORE, HTTP1_HEAD_DONE, HTTP1_BAD };

/*
 * Looks for one request head at p. HTTP1_HEAD_DONE: *used_r bytes were the
 * head, req's slices point into p. HTTP1_BAD: *err_r says which refusal
 * (400, 414, 417, 431, 501, 505) and *why_r a static phrase; close afterwards.
 * HTTP1_MORE costs O(n) once: *scan (start at 0) remembers the progress and
 * is 0 again after HTTP1_HEAD_DONE.
 * Empty lines before the request line are skipped (RFC 9112 2.2), two at most.
 */
enum http1_got http1_head(const char *p, size_t n, size_t *scan,
    struct http1_req *req, size_t *used_r, enum err *err_r,
    const char **why_r);

/* First field of that name; {NULL,0} without. */
struct slice http1_get(const struct http1_req *, const char *name);

/* Chunked body (RFC 9112 7.1), decoded in place from p to p. */
struct http1_chunk { uint64_t left; int state; uint32_t line; };
/* Consumes up to n bytes: *used_r eaten, *out_r bytes of body now at p.
 * 1 when the last chunk and its trailers ended, 0 for more, -1 when bad.
 * Chunk extensions up to 256 bytes and trailers up to 4096 are discarded. */
int http1_chunk(struct http1_chunk *, char *p, size_t n, size_t *used_r,
    size_t *out_r);

/* "name=value" of a query string, percent-decoded into dst; 1 found, 0 not,
 * -1 bad escape, NUL, not UTF-8, repeated, or too long for dst. */
int http1_query(struct slice query, const char *name, char *dst, size_t size);
/* First name in the query that is not in the NULL-terminated list. */
struct slice http1_query_unknown(struct slice query,
    const char *const *names);
/* Cookie by name from the Cookie field (RFC 6265 5.4); {NULL,0} without. */
struct slice http1_cookie(const struct http1_req *, const char *name);

/* Response head: status line and Date are written first, then the caller's
 * fields, then http1_put_end with the length (-1: chunked, -2: none, for 101
 * 204 304). Values are checked: a CR or LF in one is fatal(). */
void http1_put_status(struct buf *, int status);
void http1_put_field(struct buf *, const char *name, const char *value);
void http1_put_end(struct buf *, int64_t length, bool keep_alive);
const char *http1_reason(int status);

#endif
