/* once: claims, keeps and repeats. */
#include <stdio.h>
#include <string.h>

#include "apid.h"
#include "arg.h"
#include "log.h"
#include "once.h"
#include "req.h"
#include "secret.h"
#include "stmt.h"
#include "xmalloc.h"

#define NAME		"Idempotency-Key"
#define KEY_MAX		255
#define PROGRESS	60		/* seconds */
#define ANSWER_MAX	(1024 * 1024)	/* a larger one is not kept */

struct once {
	char		 key[KEY_MAX + 1];
	uint8_t		 hash[SECRET_HASH];	/* of the request */
	struct db_arg	 args[3];
	struct db_first	 first;
	bool		 riding;	/* on the statement that is under way */
	bool		 claimed;
	bool		 kept;
	/* the answer, while it is stored */
	int		 status;
	const char	*type;
	struct buf	 body;
};

/* ---- the field ---- */

/* 1, 0 without, -1 not acceptable. A quoted string (RFC 8941) is what is
 * between its quotes. */
static int
key_get(const struct req *r, char key[KEY_MAX + 1])
{
	struct slice v = http1_get(&r->h, NAME);
	size_t i, n = 0;

	for (i = 0; i < r->h.nfields; i++)
		n += slice_ieq(r->h.fields[i].name, NAME);
	if (n == 0)
		return 0;
	if (v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"') {
		v.p++;
		v.n -= 2;
	}
	if (n > 1 || v.n == 0 || v.n > KEY_MAX)
		return -1;
	for (i = 0; i < v.n; i++)
		if (v.p[i] <= ' ' || v.p[i] > '~' || v.p[i] == '"' ||
		    v.p[i] == '\\')
			return -1;
	memcpy(key, v.p, v.n);
	key[v.n] = '\0';
	return 1;
}

/* What must be the same for it to be a repetition. */
static void
request_hash(struct req *r, uint8_t hash[SECRET_HASH])
{
	struct buf b = BUF_INIT;

	buf_put(&b, r->h.path.p, r->h.path.n);
	buf_putc(&b, '?');
	buf_put(&b, r->h.query.p, r->h.query.n);
	buf_putc(&b, '\0');
	buf_put(&b, r->raw.p, r->raw.n);
	secret_hash(r->apid->key, "request", buf_head(&b), buf_used(&b),
	    hash);
	secret_wipe(buf_head(&b), buf_used(&b));
	buf_free(&b);
}

/* ---- sealed answers ---- */

/* An answer opens only for its user and key. */
static struct slice
bound_to(struct req *r)
{
	return slice_of(arena_printf(r->arena, "%s %s", r->who->user_text,
	    r->once->key));
}

/* Type, tag and fields, each with a NUL behind it, then the body. */
static void
answer_seal(struct req *r, const char *type, struct slice body,
    struct buf *sealed)
{
	struct buf b = BUF_INIT;

	buf_put(&b, type != NULL ? type : "",
	    type != NULL ? strlen(type) + 1 : 1);
	buf_put(&b, r->etag, strlen(r->etag) + 1);
	buf_put(&b, buf_head(&r->headers), buf_used(&r->headers));
	buf_putc(&b, '\0');
	buf_put(&b, body.p, body.n);
	secret_seal(r->apid->key, "answer", buf_head(&b), buf_used(&b),
	    bound_to(r), sealed);
	secret_wipe(buf_head(&b), buf_used(&b));
	buf_free(&b);
}

static bool
part(struct buf *b, const char **text_r)
{
	const char *p = (const char *)buf_head(b);
	const char *end = memchr(p, '\0', buf_used(b));

	if (end == NULL)
		return false;
	*text_r = p;
	buf_drain(b, (size_t)(end - p) + 1);
	return true;
}

static bool
answer_open(struct req *r, const struct db_result *res, int status)
{
	struct slice hex = db_get(res, 0, 2), body;
	uint8_t *raw = arena_alloc(r->arena, hex.n / 2 + 1);
	long n = db_bytea(res, 0, 2, raw, hex.n / 2 + 1);
	const char *type, *tag, *fields;
	struct buf b = BUF_INIT;
	bool good;

	good = n > 0 && secret_open(r->apid->key, "answer", raw, (size_t)n,
	    bound_to(r), &b) == 0 && part(&b, &type) && part(&b, &tag) &&
	    part(&b, &fields);
	if (good) {
		snprintf(r->etag, sizeof(r->etag), "%s", tag);
		buf_puts(&r->headers, fields);
		req_header(r, "Idempotency-Replayed", "true");
		body.p = (const char *)buf_head(&b);
		body.n = buf_used(&b);
		if (type[0] == '\0')
			req_empty(r, status);
		else
			req_body(r, status, type, body);
	}
	buf_free(&b);
	return good;
}

/* ---- before the handler ---- */

static void
answer_lost(struct req *r, const struct db_result *res)
{
	struct buf b = BUF_INIT;
	struct json_w w;

	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "original_request_id");
	json_w_slice(&w, db_get(res, 0, 4));
	json_w_end_object(&w);
	req_fail_with(r, ERR_ANSWER_LOST, NULL, (struct slice){
	    (const char *)buf_head(&b) + 1, buf_used(&b) - 2 });
	buf_free(&b);
}

/* Columns: same request, status, answer, age in seconds, request id. */
static void
found(struct req *r, const struct db_result *res)
{
	if (db_rows(res) == 0) {
		r->route->fn(r);
	} else if (!db_bool(res, 0, 0)) {
		req_fault(r, ERR_KEY_REUSED, NAME,
		    "was used for another request");
	} else if (!db_isnull(res, 0, 2)) {
		if (!answer_open(r, res, (int)db_i64(res, 0, 1)))
			answer_lost(r, res);	/* another server key */
	} else if (db_isnull(res, 0, 1) && db_i64(res, 0, 3) < PROGRESS) {
		req_header(r, "Retry-After", "1");
		req_fail(r, ERR_IN_PROGRESS, NULL);
	} else {
		answer_lost(r, res);
	}
}

void
once_start(struct req *r)
{
	struct once *o;
	char key[KEY_MAX + 1];
	int got = 0;

	if (r->route->method == ROUTE_POST && r->who != NULL &&
	    !(r->route->flags & ROUTE_LONG))
		got = key_get(r, key);
	if (got == 0) {
		r->route->fn(r);
		return;
	}
	if (got == -1) {
		req_fault(r, ERR_BAD_REQUEST, NAME,
		    "must be one of 1 to 255 printable characters");
		return;
	}
	o = r->once = arena_calloc(r->arena, sizeof(*o));
	memcpy(o->key, key, sizeof(key));
	request_hash(r, o->hash);
	o->args[0] = db_str(o->key);
	o->args[1] = db_bytes(o->hash, sizeof(o->hash));
	o->args[2] = db_str(r->id);
	o->first = (struct db_first){ STMT_KEY_CLAIM, o->args, 3 };
	req_db(r, STMT_KEY_FIND, o->args, 2, found);
}

/* ---- the change ---- */

const struct db_first *
once_first(struct req *r, unsigned stmt)
{
	struct once *o = r->once;
	unsigned flags = stmt_flags(stmt);

	if (o == NULL || o->claimed || (flags & DB_READ) ||
	    !(flags & DB_ACTOR))
		return NULL;
	o->riding = true;
	return &o->first;
}

bool
once_taken(struct req *r, const struct db_result *res)
{
	struct once *o = r->once;
	const char *name = db_constraint(res);

	if (o == NULL || !o->riding)
		return false;
	o->riding = false;
	o->claimed = db_err(res) == ERR_OK;
	if (o->claimed)
		return false;
	if (strcmp(name, "idempotency_keys_pk") == 0) {
		/* Another came between the question and the claim. */
		req_header(r, "Retry-After", "1");
		req_fail(r, ERR_IN_PROGRESS, NULL);
		return true;
	}
	if (strcmp(name, "idempotency_keys_many") == 0) {
		req_header(r, "Retry-After", "3600");
		req_fail(r, ERR_RATE_LIMITED,
		    "at most 10000 idempotency keys within 24 hours");
		return true;
	}
	return false;
}

/* ---- the answer ---- */

/* Stored or not, the change was made and its answer goes out. */
static void
stored(struct req *r, const struct db_result *res)
{
	struct once *o = r->once;

	if (db_err(res) != ERR_OK)
		log_warn("once: %s: the answer was not kept: %s", r->id,
		    db_message(res));
	if (o->type == NULL)
		req_empty(r, o->status);
	else
		req_body(r, o->status, o->type, buf_slice(&o->body));
}

bool
once_keep(struct req *r, int status, const char *type, struct slice body)
{
	struct once *o = r->once;
	struct buf sealed = BUF_INIT;

	if (o == NULL || !o->claimed || o->kept ||
	    !db_up(r->apid->db))
		return false;
	o->kept = true;
	o->status = status;
	o->type = type != NULL ? arena_strdup(r->arena, type) : NULL;
	buf_put(&o->body, body.p, body.n);
	if (body.n <= ANSWER_MAX)
		answer_seal(r, type, body, &sealed);
	const struct db_arg args[] = {
		db_str(o->key), db_str(r->id), arg_i64(r, status),
		buf_used(&sealed) == 0 ? db_null() :
		    db_bytes(buf_head(&sealed), buf_used(&sealed)),
	};
	req_db_any(r, STMT_KEY_DONE, args, nitems(args), stored);
	buf_free(&sealed);
	return true;
}

void
once_free(struct req *r)
{
	struct once *o = r->once;

	r->once = NULL;
	if (o == NULL)
		return;
	if (o->body.data != NULL)
		secret_wipe(o->body.data, o->body.len);
	buf_free(&o->body);
}
