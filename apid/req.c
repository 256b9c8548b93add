/*
 * req: answers. Every response of the daemon is composed here, head and
 * body in one buffer, and handed to the stream in one call.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "apid.h"
#include "budget.h"
#include "conn.h"
#include "gzip.h"
#include "http.h"
#include "inner.h"
#include "log.h"
#include "once.h"
#include "problem.h"
#include "refusal.h"
#include "req.h"
#include "secret.h"
#include "stream.h"
#include "valid.h"

#define TYPE_JSON	"application/json"
#define TYPE_PROBLEM	"application/problem+json"

/* ---- questions ---- */

const char *
req_param(struct req *r, size_t i)
{
	struct slice raw = r->params.v[i].text;
	char *dst = arena_alloc(r->arena, raw.n + 1);

	if (i < r->params.n && route_text(raw, dst, raw.n + 1) > 0)
		return dst;
	req_fail(r, ERR_BAD_REQUEST, "malformed path");
	return NULL;
}

static int
query_fault(struct req *r, const char *name, const char *rule)
{
	struct json_faults f = { .n = 1 };

	f.v[0].pointer = name;
	f.v[0].detail = rule;
	req_faults(r, ERR_BAD_QUERY, &f);
	return -1;
}

int
req_query(struct req *r, const char *name, size_t max, const char **v_r)
{
	char *dst;
	int got;

	*v_r = NULL;
	if (r->h.query.n == 0)
		return 0;
	dst = arena_alloc(r->arena, max + 1);
	got = http1_query(r->h.query, name, dst, max + 1);
	if (got < 0)
		return query_fault(r, name,
		    "is malformed, repeated or too long");
	if (got == 1)
		*v_r = dst;
	return got;
}

int
req_query_i64(struct req *r, const char *name, int64_t min, int64_t max,
    int64_t *v_r)
{
	const char *text;
	char *end;
	int got = req_query(r, name, 20, &text);
	long long v;

	if (got != 1)
		return got;
	v = strtoll(text, &end, 10);
	if (text[strspn(text, "-0123456789")] != '\0' || *end != '\0' ||
	    text[0] == '\0' || v < min || v > max)
		return query_fault(r, name, arena_printf(r->arena,
		    "must be an integer from %lld to %lld", (long long)min,
		    (long long)max));
	*v_r = v;
	return 1;
}

int
req_query_id(struct req *r, const char *name, struct id *v_r)
{
	const char *text;
	int got = req_query(r, name, ID_TEXT - 1, &text);

	if (got != 1)
		return got;
	if (id_parse(v_r, (struct slice){ text, strlen(text) }) != 0)
		return query_fault(r, name, "must be a UUID");
	return 1;
}

int
req_query_time(struct req *r, const char *name, const char **v_r)
{
	int64_t us;
	const char *why;
	int got = req_query(r, name, 64, v_r);

	if (got != 1)
		return got;
	why = valid_time((struct slice){ *v_r, strlen(*v_r) }, &us);
	return why == NULL ? 1 : query_fault(r, name, why);
}

int
req_query_enum(struct req *r, const char *name, const char *const *names,
    const char **v_r)
{
	const char *const *p;
	int got = req_query(r, name, 64, v_r);

	if (got != 1)
		return got;
	for (p = names; *p != NULL; p++)
		if (strcmp(*p, *v_r) == 0)
			return 1;
	return query_fault(r, name, "is not one of the known values");
}

/* ---- entity tags ---- */

/* The opaque part: without W/, quotes and the mark of the gzip form. */
static struct slice
tag_opaque(struct slice t)
{
	while (t.n > 0 && (t.p[0] == ' ' || t.p[0] == '\t')) {
		t.p++;
		t.n--;
	}
	while (t.n > 0 && (t.p[t.n - 1] == ' ' || t.p[t.n - 1] == '\t'))
		t.n--;
	if (t.n > 2 && t.p[0] == 'W' && t.p[1] == '/') {
		t.p += 2;
		t.n -= 2;
	}
	if (t.n < 2 || t.p[0] != '"' || t.p[t.n - 1] != '"')
		return (struct slice){ NULL, 0 };
	t.p++;
	t.n -= 2;
	if (t.n > 3 && memcmp(t.p + t.n - 3, "-gz", 3) == 0)
		t.n -= 3;
	return t;
}

/* Whether a list of tags, or "*", has this one (weak comparison). */
static bool
tag_listed(struct slice list, const char *quoted)
{
	struct slice own = tag_opaque((struct slice){ quoted,
	    strlen(quoted) }), item;
	const char *comma;

	while (list.n > 0) {
		comma = memchr(list.p, ',', list.n);
		item.p = list.p;
		item.n = comma != NULL ? (size_t)(comma - list.p) : list.n;
		list.p += item.n + (comma != NULL);
		list.n -= item.n + (comma != NULL);
		if (item.n == 1 && item.p[0] == '*')
			return true;
		item = tag_opaque(item);
		if (item.n == own.n && own.n > 0 &&
		    memcmp(item.p, own.p, own.n) == 0)
			return true;
	}
	return false;
}

int
req_if_match(struct req *r, int64_t *version_r)
{
	struct slice v = http1_get(&r->h, "If-Match"), tag;
	char text[24], *end;

	*version_r = 0;
	if (v.p == NULL || (v.n == 1 && v.p[0] == '*'))
		return 0;
	tag = tag_opaque(v);
	if (v.n > 0 && v.p[0] == 'W')
		return -1;		/* RFC 9110 13.1.1: strong only */
	if (tag.n < 2 || tag.n >= sizeof(text) || tag.p[0] != 'v')
		return -1;
	memcpy(text, tag.p + 1, tag.n - 1);
	text[tag.n - 1] = '\0';
	*version_r = strtoll(text, &end, 10);
	return *end == '\0' && *version_r > 0 ? 1 : -1;
}

bool
req_if_match_tag(struct req *r, const char *tag)
{
	struct slice v = http1_get(&r->h, "If-Match");
	char quoted[80];

	if (v.p == NULL || (v.n == 1 && v.p[0] == '*'))
		return true;
	if (tag == NULL || memchr(v.p, '/', v.n) != NULL)
		return false;		/* W/: RFC 9110 13.1.1, strong only */
	snprintf(quoted, sizeof(quoted), "\"%s\"", tag);
	return tag_listed(v, quoted);
}

void
req_etag_version(struct req *r, int64_t version)
{
	snprintf(r->etag, sizeof(r->etag), "\"v%lld\"", (long long)version);
}

bool
req_etag(struct req *r, const char *quoted)
{
	struct slice none = http1_get(&r->h, "If-None-Match");

	snprintf(r->etag, sizeof(r->etag), "%s", quoted);
	if (none.p == NULL || r->route->method != ROUTE_GET ||
	    !tag_listed(none, r->etag))
		return false;
	req_empty(r, 304);
	return true;
}

/* A tag of the content, for rows that ask for it. */
static bool
content_tag(struct req *r, struct slice text)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t hash[SECRET_HASH];
	char tag[27];
	size_t i;

	secret_digest(text.p, text.n, hash);
	tag[0] = '"';
	for (i = 0; i < 24; i++)
		tag[1 + i] = digits[hash[i / 2] >> (i % 2 ? 0 : 4) & 15];
	tag[25] = '"';
	tag[26] = '\0';
	return req_etag(r, tag);
}

/* ---- composing ---- */

void
req_header(struct req *r, const char *name, const char *value)
{
	if (strcasecmp(name, "Cache-Control") == 0)
		r->cache_set = true;
	else if (strcasecmp(name, "Retry-After") == 0)
		r->retry_set = true;
	else if (strcasecmp(name, "Content-Encoding") == 0)
		r->encoded = true;
	http1_put_field(&r->headers, name, value);
}

static bool
bodiless(int status)
{
	return status == 204 || status == 304 || status < 200;
}

static void
put_tag(struct req *r, bool gz)
{
	size_t n = strlen(r->etag);

	if (n < 2)
		return;
	buf_puts(&r->out, "ETag: ");
	buf_put(&r->out, r->etag, n - 1);
	buf_puts(&r->out, gz ? "-gz\"\r\n" : "\"\r\n");
}

static void
put_head(struct req *r, int status, const char *type, bool vary, bool gz)
{
	bool page = r->route != NULL && (r->route->flags & ROUTE_HTML);
	struct buf *b = &r->out;

	http_put_head(r->apid->http, b, status, page);
	buf_puts(b, "X-Request-Id: ");
	buf_puts(b, r->id);
	buf_puts(b, "\r\n");
	if (type != NULL) {
		buf_puts(b, "Content-Type: ");
		buf_puts(b, type);
		buf_puts(b, "\r\n");
	}
	budget_put(r->apid->budget, r, b);
	put_tag(r, gz);
	if (!r->cache_set)
		buf_puts(b, page ? "Cache-Control: no-cache, no-store, "
		    "must-revalidate\r\n" : "Cache-Control: no-store\r\n");
	if (vary)
		buf_puts(b, "Vary: Accept-Encoding\r\n");
	if (gz)
		buf_puts(b, "Content-Encoding: gzip\r\n");
	if (buf_used(&r->headers) > 0)
		buf_put(b, buf_head(&r->headers), buf_used(&r->headers));
}

/* The compressed form in r->text, when it is wanted and smaller. */
static bool
compressed(struct req *r, struct slice *body)
{
	if (!gzip_accepted(http1_get(&r->h, "Accept-Encoding"), "gzip"))
		return false;
	buf_clear(&r->text);
	if (!gzip_put(http_gzip(r->apid->http), *body, &r->text))
		return false;
	body->p = (const char *)buf_head(&r->text);
	body->n = buf_used(&r->text);
	return true;
}

static void
compose(struct req *r, int status, const char *type, struct slice body)
{
	bool vary = body.n > GZIP_MIN && !r->encoded &&
	    body.p != (const char *)r->text.data;
	bool gz = vary && compressed(r, &body);

	put_head(r, status, type, vary, gz);
	http1_put_end(&r->out, bodiless(status) ? -2 : (int64_t)body.n,
	    conn_keep(r->conn));
	if (!r->head && !bodiless(status) && body.n > 0)
		buf_put(&r->out, body.p, body.n);
	stream_write_buf(r->conn->s, &r->out);
}

static void
answer(struct req *r, int status, const char *type, struct slice body)
{
	if (r->inner != NULL) {
		inner_answered(r, status, body);
		return;
	}
	if (r->answered)
		fatal("req: %s: answered twice", r->id);
	if (once_keep(r, status, type, body))
		return;
	r->answered = true;
	r->status = status;
	if (r->conn == NULL) {
		http_log(r->apid->http, r);
		http_req_put(r->apid->http, r);
		return;
	}
	compose(r, status, type, body);
	conn_answered(r->conn, r);
}

/* ---- answers of any length ---- */

#define STREAM_HIGH	(256 * 1024)	/* unsent: enough for now */

bool
req_stream(struct req *r, const char *type, void (*more)(struct req *))
{
	if (r->head) {
		answer(r, 200, type, (struct slice){ NULL, 0 });
		return false;
	}
	r->status = 200;
	r->streaming = r->abandon = true;
	r->more = more;
	r->chunked = r->h.minor >= 1;
	put_head(r, 200, type, false, false);
	if (!r->chunked)
		r->conn->keep = false;
	if (r->chunked)
		buf_puts(&r->out, "Transfer-Encoding: chunked\r\n");
	buf_puts(&r->out, conn_keep(r->conn) ? "\r\n" :
	    "Connection: close\r\n\r\n");
	stream_write_buf(r->conn->s, &r->out);
	return true;
}

bool
req_stream_put(struct req *r, struct buf *b)
{
	if (buf_used(b) > 0) {
		if (r->chunked)
			buf_printf(&r->out, "%zx\r\n", buf_used(b));
		buf_put(&r->out, buf_head(b), buf_used(b));
		if (r->chunked)
			buf_puts(&r->out, "\r\n");
		buf_clear(b);
		stream_write_buf(r->conn->s, &r->out);
	}
	return stream_backlog(r->conn->s) > STREAM_HIGH;
}

void
req_stream_end(struct req *r)
{
	r->answered = true;
	if (r->chunked)
		stream_write(r->conn->s, "0\r\n\r\n", 5);
	conn_answered(r->conn, r);
}

void
req_stream_break(struct req *r, const char *why)
{
	struct stream *s = r->conn->s;

	log_warn("req: %s: the answer was broken off: %s", r->id, why);
	r->answered = true;
	r->err = ERR_INTERNAL;
	r->conn->keep = false;
	conn_answered(r->conn, r);
	stream_abort(s, true);
}

/* ---- bodies of any length ---- */

void
req_body_sink(struct req *r, void (*sink)(struct req *, struct buf *,
    bool))
{
	r->sink = sink;
}

void
req_body_pause(struct req *r)
{
	if (r->conn != NULL)
		conn_body_pause(r->conn, true);
}

void
req_body_resume(struct req *r)
{
	if (r->conn != NULL)
		conn_body_pause(r->conn, false);
}

/* ---- answers ---- */

void
req_body(struct req *r, int status, const char *type, struct slice body)
{
	if (status == 200 && r->route->method == ROUTE_GET &&
	    (r->route->flags & ROUTE_ETAG) && r->etag[0] == '\0' &&
	    content_tag(r, body))
		return;
	answer(r, status, type, body);
}

void
req_json(struct req *r, int status, struct slice text)
{
	req_body(r, status, TYPE_JSON, text);
}

void
req_json_db(struct req *r, int status, const struct db_result *res, int row,
    int col)
{
	if (row >= db_rows(res) || db_isnull(res, row, col))
		req_fail(r, ERR_NOT_FOUND, NULL);
	else
		req_json(r, status, db_get(res, row, col));
}

void
req_empty(struct req *r, int status)
{
	answer(r, status, NULL, (struct slice){ NULL, 0 });
}

static void
fail(struct req *r, struct problem *p)
{
	const struct err_info *info = err_info(p->err);
	unsigned retry = problem_retry(p->err);
	char text[16];

	p->instance = r->h.path;
	p->request_id = r->id;
	r->err = p->err;
	r->etag[0] = '\0';
	if (retry != 0 && !r->retry_set) {
		snprintf(text, sizeof(text), "%u", retry);
		req_header(r, "Retry-After", text);
	}
	if (info->status == 401)
		req_header(r, "WWW-Authenticate",
		    "Bearer realm=\"mastkeeper\"");
	if (info->status == 403 && r->who != NULL && r->route != NULL)
		refusal_note(r, p->err, p->detail);
	buf_clear(&r->text);
	problem_put(&r->text, p);
	answer(r, info->status, TYPE_PROBLEM, buf_slice(&r->text));
}

void
req_fail(struct req *r, enum err err, const char *fmt, ...)
{
	struct problem p = { .err = err };
	char text[512];
	va_list ap;

	if (fmt != NULL) {
		va_start(ap, fmt);
		vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
		p.detail = text;
	}
	fail(r, &p);
}

void
req_faults(struct req *r, enum err err, const struct json_faults *faults)
{
	struct problem p = { .err = err, .faults = faults };

	if (faults->n > 0)
		p.detail = arena_printf(r->arena, "%s%s%s",
		    faults->v[0].pointer, faults->v[0].pointer[0] != '\0' ?
		    " " : "", faults->v[0].detail);
	fail(r, &p);
}

void
req_fail_with(struct req *r, enum err err, const char *detail,
    struct slice extra)
{
	struct problem p = { .err = err, .detail = detail, .extra = extra };

	fail(r, &p);
}

void
req_fault(struct req *r, enum err err, const char *pointer,
    const char *detail)
{
	struct json_faults f = { .n = 1 };

	f.v[0].pointer = pointer;
	f.v[0].detail = detail;
	req_faults(r, err, &f);
}

/* ---- statements ---- */

void
req_db_fail(struct req *r, const struct db_result *res)
{
	enum err err = db_err(res);

	/* An outage has its own line, and a duplicate is the user's. */
	if (err != ERR_DATABASE && err != ERR_DUPLICATE)
		log_warn("req: %s: %s: %s %s %s", r->id, err_info(err)->name,
		    db_sqlstate(res), db_constraint(res), db_message(res));
	if (db_unsure(res))
		req_fail(r, err, "the database went away; the change may or "
		    "may not have been made");
	else
		req_fail(r, err, NULL);
}

static void
on_db(void *arg, const struct db_result *res)
{
	struct req *r = arg;

	r->db = NULL;
	if (once_taken(r, res))
		return;
	if (db_err(res) != ERR_OK && !r->done_any)
		req_db_fail(r, res);
	else
		r->done(r, res);
}

static void
run(struct req *r, unsigned stmt, const struct db_arg *args, size_t n,
    req_db_fn done, bool any)
{
	struct db_opts opts = { .actor = NULL };

	/* An outage is an answer now, not after a deadline. */
	if (!db_up(r->apid->db)) {
		req_fail(r, ERR_DATABASE, NULL);
		return;
	}
	if (r->who != NULL)
		opts.actor = r->who->actor;
	opts.first = once_first(r, stmt);
	r->done = done;
	r->done_any = any;
	db_query(r->apid->db, stmt, args, n, &opts, on_db, r, &r->db);
}

void
req_db(struct req *r, unsigned stmt, const struct db_arg *args, size_t n,
    req_db_fn done)
{
	run(r, stmt, args, n, done, false);
}

void
req_db_any(struct req *r, unsigned stmt, const struct db_arg *args, size_t n,
    req_db_fn done)
{
	run(r, stmt, args, n, done, true);
}
