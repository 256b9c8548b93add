/*
 * http1: the verdict on a stream does not depend on how it was cut; slices
 * lie in the head; what is accepted obeys the rules that smuggling breaks.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "http1.h"
#include "valid.h"
#include "xmalloc.h"

struct verdict {
	enum http1_got	got;
	enum err	err;
	const char	*why;
	size_t		used;
};

static struct http1_req req, req2;

static struct verdict
whole(const char *p, size_t n, struct http1_req *r)
{
	struct verdict	v = { .got = HTTP1_MORE };
	size_t		scan = 0;

	v.got = http1_head(p, n, &scan, r, &v.used, &v.err, &v.why);
	return v;
}

/* Fed in steps; the memory moves between them, as a growing buffer does. */
static struct verdict
in_steps(const char *p, size_t n, uint64_t *rnd, size_t most)
{
	struct verdict	v = { .got = HTTP1_MORE };
	size_t		scan = 0, have = 0, before;
	char		*copy;

	do {
		have += 1 + fuzz_rand(rnd) % most;
		if (have > n)
			have = n;
		copy = xmemdup(p, have);
		before = scan;
		v.got = http1_head(copy, have, &scan, &req2, &v.used, &v.err,
		    &v.why);
		HOLDS(v.got == HTTP1_HEAD_DONE || scan >= before);
		free(copy);
	} while (v.got == HTTP1_MORE && have < n);
	return v;
}

static void
inside(const char *p, size_t n, struct slice s)
{
	if (s.p == NULL || slice_eq(s, "/"))
		return;
	HOLDS(s.p >= p && s.n <= n && s.p - p <= (ptrdiff_t)(n - s.n));
}

static unsigned
count(const struct http1_req *r, const char *name)
{
	unsigned	n = 0;
	size_t		i;

	for (i = 0; i < r->nfields; i++)
		n += slice_ieq(r->fields[i].name, name);
	return n;
}

static void
check_accepted(const char *p, const struct verdict *v)
{
	size_t i, j;

	HOLDS(v->used >= 4 && v->used <= HTTP1_HEAD);
	HOLDS(memcmp(p + v->used - 4, "\r\n\r\n", 4) == 0);
	inside(p, v->used, req.method);
	inside(p, v->used, req.target);
	inside(p, v->used, req.path);
	inside(p, v->used, req.query);
	inside(p, v->used, req.host);
	inside(p, v->used, req.ws_key);
	HOLDS(req.target.n >= 1 && req.target.n <= HTTP1_TARGET);
	HOLDS(req.path.n >= 1 && (req.path.p[0] == '/' ||
	    slice_eq(req.path, "*")));
	HOLDS(req.nfields <= HTTP1_HEADERS);
	for (i = 0; i < req.nfields; i++) {
		inside(p, v->used, req.fields[i].name);
		inside(p, v->used, req.fields[i].value);
		HOLDS(req.fields[i].name.n > 0);
		for (j = 0; j < req.fields[i].value.n; j++)
			HOLDS(strchr("\r\n", req.fields[i].value.p[j]) ==
			    NULL);
	}
	HOLDS(!(req.chunked && req.has_length));
	HOLDS(req.chunked == (count(&req, "transfer-encoding") == 1));
	HOLDS(req.has_length == (count(&req, "content-length") == 1));
	HOLDS(count(&req, "host") <= 1);
	HOLDS(req.minor == 0 || count(&req, "host") == 1);
	HOLDS(!req.upgrade_ws || (req.ws_key.n == 24 && req.minor == 1));
}

static void
check_texts(void)
{
	static const char *const names[] = { "page", "q", NULL };
	char		dst[32];
	struct slice	s;

	if (http1_query(req.query, "q", dst, sizeof(dst)) == 1)
		HOLDS(valid_utf8(dst, strlen(dst)) &&
		    strlen(dst) < sizeof(dst));
	s = http1_query_unknown(req.query, names);
	if (s.p != NULL)
		inside(req.query.p, req.query.n, s);
	s = http1_cookie(&req, "session");
	HOLDS(s.p == NULL || memchr(s.p, ';', s.n) == NULL);
}

static int
chunks(const char *p, size_t n, uint64_t *rnd, size_t most, struct buf *out)
{
	struct http1_chunk	ch;
	size_t			at = 0, take, used, got;
	char			*part;
	int			r = 0;

	memset(&ch, 0, sizeof(ch));
	while (r == 0 && at < n) {
		take = most == 0 ? n : 1 + fuzz_rand(rnd) % most;
		if (take > n - at)
			take = n - at;
		part = xmemdup(p + at, take);
		r = http1_chunk(&ch, part, take, &used, &got);
		HOLDS(used <= take && got <= used);
		HOLDS(r != 0 || used == take);
		buf_put(out, part, got);
		free(part);
		at += used;
	}
	buf_put_u64(out, r == 1 ? at : 0);
	return r;
}

static void
check_chunks(const char *p, size_t n, uint64_t *rnd)
{
	struct buf	a = BUF_INIT, b = BUF_INIT;
	int		ra, rb;

	ra = chunks(p, n, rnd, 0, &a);
	rb = chunks(p, n, rnd, 7, &b);
	HOLDS(ra == rb);
	HOLDS(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
	HOLDS(a.len - 8 <= n);
	buf_free(&a);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char	*p = (const char *)data;
	uint64_t	 rnd = fuzz_seed(data, size);
	struct verdict	 v, w;

	v = whole(p, size, &req);
	w = in_steps(p, size, &rnd, size > 2000 ? 300 : 3);
	HOLDS(v.got == w.got);
	switch (v.got) {
	case HTTP1_MORE:
		HOLDS(size <= HTTP1_HEAD);
		break;
	case HTTP1_BAD:
		HOLDS(v.err == w.err && v.why == w.why);
		HOLDS(err_info(v.err)->status >= 400);
		break;
	case HTTP1_HEAD_DONE:
		HOLDS(v.used == w.used && req.nfields == req2.nfields);
		check_accepted(p, &v);
		check_texts();
		if (req.chunked)
			check_chunks(p + v.used, size - v.used, &rnd);
		break;
	}
	return 0;
}
