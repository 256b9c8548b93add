/*
 * h_endpoint: the flows of all online nodes with their addresses, of their
 * last reported configurations. These are read and opened a page at a time,
 * so that neither the loop nor the memory carries a whole fleet's at once.
 */
#include <sys/queue.h>

#include <stdlib.h>

#include "apid.h"
#include "arg.h"
#include "db.h"
#include "driver.h"
#include "h_endpoint.h"
#include "json.h"
#include "log.h"
#include "req.h"
#include "secret.h"
#include "stmt.h"
#include "xmalloc.h"

struct chunk {			/* of the answer, in the request's arena */
	STAILQ_ENTRY(chunk)	 link;
	struct slice		 text;
};

struct endpoints {
	STAILQ_HEAD(, chunk)	 chunks;
	const char		*types;		/* text[] */
	const char		*name, *node;	/* the last page's end */
};

static void next_page(struct req *);

/* Opens row's configuration; false: it is skipped, and the log says so. */
static bool
open_config(struct req *req, const struct db_result *res, int row,
    struct buf *text)
{
	size_t n = db_get(res, row, 3).n / 2 + 1;
	uint8_t *sealed = xmalloc(n), hash[SECRET_HASH];
	long got = db_bytea(res, row, 3, sealed, n);
	bool ok;

	ok = got != -1 &&
	    db_bytea(res, row, 4, hash, sizeof(hash)) == sizeof(hash) &&
	    secret_open(req->apid->key, "config", sealed, (size_t)got,
	    (struct slice){ (const char *)hash, sizeof(hash) }, text) == 0;
	free(sealed);
	if (!ok)
		log_error("%s: a stored configuration cannot be opened with "
		    "the server key", req->id);
	return ok;
}

static void
put_node(struct req *req, const struct db_result *res, int row,
    struct json_w *w)
{
	const struct driver *driver = driver_find(db_get(res, row, 2));
	struct buf text = BUF_INIT;

	if (driver != NULL && driver->endpoints != NULL &&
	    open_config(req, res, row, &text)) {
		json_w_object(w);
		json_w_key(w, "node_id");
		json_w_slice(w, db_get(res, row, 0));
		json_w_key(w, "node_name");
		json_w_slice(w, db_get(res, row, 1));
		json_w_key(w, "flows");
		driver->endpoints(buf_slice(&text), w);
		json_w_end_object(w);
	}
	secret_buf_free(&text);
}

static void
answer(struct req *req, const struct endpoints *e)
{
	struct buf out = BUF_INIT;
	const struct chunk *c;

	buf_putc(&out, '[');
	STAILQ_FOREACH(c, &e->chunks, link) {
		if (c != STAILQ_FIRST(&e->chunks))
			buf_putc(&out, ',');
		buf_put(&out, c->text.p, c->text.n);
	}
	buf_putc(&out, ']');
	req_json(req, 200, buf_slice(&out));
	buf_free(&out);
}

/* What stands between the brackets. */
static void
keep(struct req *req, struct endpoints *e, struct buf *array)
{
	size_t n = buf_used(array) - 2;
	struct chunk *c;

	if (n == 0)
		return;
	c = arena_calloc(req->arena, sizeof(*c));
	c->text.p = arena_strndup(req->arena,
	    (const char *)buf_head(array) + 1, n);
	c->text.n = n;
	STAILQ_INSERT_TAIL(&e->chunks, c, link);
}

/* Columns: node, name, type, sealed, hash. */
static void
page_done(struct req *req, const struct db_result *res)
{
	struct endpoints *e = req->state;
	struct buf array = BUF_INIT;
	struct json_w w;
	int i, n = db_rows(res);

	if (n == 0) {
		answer(req, e);
		return;
	}
	json_w_init(&w, &array);
	json_w_array(&w);
	for (i = 0; i < n; i++)
		put_node(req, res, i, &w);
	json_w_end_array(&w);
	keep(req, e, &array);
	buf_free(&array);
	e->node = arena_strdup(req->arena, db_cstr(res, n - 1, 0));
	e->name = arena_strdup(req->arena, db_cstr(res, n - 1, 1));
	next_page(req);
}

static void
next_page(struct req *req)
{
	const struct endpoints *e = req->state;
	const struct db_arg args[] = { arg_access(req), db_str(e->name),
	    db_str(e->node), db_str(e->types) };

	req_db(req, STMT_ENDPOINTS, args, nitems(args), page_done);
}

void
h_endpoint_list(struct req *req)
{
	struct endpoints *e = arena_calloc(req->arena, sizeof(*e));
	struct buf types = BUF_INIT;
	const struct driver *d;
	size_t i;

	STAILQ_INIT(&e->chunks);
	db_array_begin(&types);
	for (i = 0; (d = driver_at(i)) != NULL; i++)
		if (d->endpoints != NULL)
			db_array_text(&types, slice_of(d->device_type));
	db_array_end(&types);
	e->types = arena_strdup(req->arena, buf_cstr(&types));
	buf_free(&types);
	req->state = e;
	next_page(req);
}
