/*
 * h_import: reader (common/dump) on one side, transaction on the other, and
 * between them one batch of rows. While a batch is on its way the client
 * waits. Owns reader, transaction and batch.
 */
#include <stdlib.h>
#include <string.h>

#include "apid.h"
#include "arg.h"
#include "db.h"
#include "dump.h"
#include "h_export.h"
#include "h_import.h"
#include "pwhash.h"
#include "req.h"
#include "settings.h"
#include "stmt.h"
#include "xmalloc.h"

#define BATCH	(256 * 1024)	/* bytes of rows, about */

struct import {
	struct req		*req;
	struct db_tx		*tx;
	struct dump_in		*dump;
	bool			 dry, whole;
	const char		*mode;
	char			 name[32];	/* of the batch's section */
	size_t			 first, n;	/* its rows */
	struct buf		 batch;
};

static const char *const modes[] = { "merge", "replace", NULL };
static const char *const bools[] = { "true", "false", "1", "0", NULL };

static void pump(struct import *, struct buf *, bool last);

static void
import_free(struct import *x)
{
	x->req->gone = NULL;
	x->req->apid->exports--;
	db_tx_drop(&x->tx);
	dump_in_free(x->dump);
	secret_buf_free(&x->batch);
	free(x);
}

static void
gone(struct req *req)
{
	import_free(req->state);
}

/* The transaction goes, and with it all that was staged. */
static void
import_fail(struct import *x, const struct db_result *res)
{
	struct req *req = x->req;
	bool last_admin = strcmp(db_constraint(res),
	    "users_last_super_admin") == 0;
	char *why = arena_strdup(req->arena, db_message(res));

	import_free(x);
	if (last_admin)
		req_fault(req, ERR_CONFLICT, "/data/users",
		    "leaves no super_admin who can sign in");
	else if (db_err(res) == ERR_INVALID || db_err(res) == ERR_DUPLICATE ||
	    db_err(res) == ERR_CONFLICT)
		req_fault(req, db_err(res), "/data", why);
	else
		req_db_fail(req, res);
}

/* ---- the end ---- */

static void
answer(struct import *x, struct slice report)
{
	struct req *req = x->req;
	char *text = arena_printf(req->arena, "{\"dry_run\":%s,"
	    "\"applied\":%s,\"secrets_ignored\":%s,"
	    "\"nodes_need_tokens\":%s,%.*s", x->dry ? "true" : "false",
	    x->dry ? "false" : "true",
	    dump_in_closed(x->dump) ? "true" : "false",
	    dump_in_foreign(x->dump) ? "true" : "false",
	    (int)report.n - 1, report.p + 1);

	import_free(x);
	req_json(req, 200, slice_of(text));
}

static void
on_commit(void *arg, const struct db_result *res)
{
	struct import *x = arg;

	if (db_err(res) != ERR_OK) {
		import_fail(x, res);
		return;
	}
	settings_poll(x->req->apid->settings);
	answer(x, slice_of(x->req->body));
}

/* Columns: report, whether it has conflicts, these. */
static void
on_applied(void *arg, const struct db_result *res)
{
	struct import *x = arg;
	struct req *req = x->req;
	struct slice s;

	if (db_err(res) != ERR_OK) {
		import_fail(x, res);
	} else if (x->dry) {
		answer(x, db_get(res, 0, 0));
	} else if (db_bool(res, 0, 1)) {
		s = db_get(res, 0, 2);
		s = slice_of(arena_printf(req->arena, "\"errors\":%.*s",
		    (int)s.n, s.p));
		import_free(x);
		req_fail_with(req, ERR_CONFLICT,
		    "the file does not fit what is here; nothing was changed",
		    s);
	} else {
		s = db_get(res, 0, 0);
		req->body = arena_strndup(req->arena, s.p, s.n);
		db_tx_commit(x->tx, on_commit, x);
	}
}

static void
apply(struct import *x)
{
	struct req *req = x->req;
	const struct db_arg args[] = { db_str(x->mode), db_str(req->address),
	    db_str(req->id) };

	/* From here it goes on without its client. */
	req->abandon = x->dry;
	db_tx_query(x->tx, STMT_IMPORT_APPLY, args, nitems(args), on_applied,
	    x);
}

/* ---- rows ---- */

static void
on_staged(void *arg, const struct db_result *res)
{
	struct import *x = arg;

	if (db_err(res) != ERR_OK) {
		import_fail(x, res);
		return;
	}
	arena_reset(x->req->arena);
	if (x->whole && x->n == 0)
		apply(x);
	else
		req_body_resume(x->req);
}

/* Sends the batch; the client waits meanwhile. */
static void
flush(struct import *x)
{
	buf_putc(&x->batch, ']');
	const struct db_arg args[] = {
		db_str(x->name), arg_i64(x->req, (int64_t)x->first),
		{ buf_head(&x->batch), (int)buf_used(&x->batch), false },
	};

	req_body_pause(x->req);
	db_tx_query(x->tx, STMT_IMPORT_STAGE, args, nitems(args), on_staged,
	    x);
	secret_wipe(x->batch.data, x->batch.cap);
	buf_clear(&x->batch);
	x->n = 0;
}

/* Adds a row, after sending what does not go with it. True: it was sent. */
static bool
put(struct import *x, const char *mark, const struct dump_item *item,
    struct slice row)
{
	const char *name = dump_name(item->section);
	char full[32];
	bool sent = false;

	str_copy(full, sizeof(full), mark);
	str_copy(full + strlen(mark), sizeof(full) - strlen(mark), name);
	if (x->n > 0 && (strcmp(full, x->name) != 0 ||
	    buf_used(&x->batch) + row.n > BATCH)) {
		flush(x);
		sent = true;
	}
	if (x->n == 0) {
		str_copy(x->name, sizeof(x->name), full);
		x->first = item->n;
	}
	buf_putc(&x->batch, x->n++ == 0 ? '[' : ',');
	buf_put(&x->batch, row.p, row.n);
	return sent;
}

static void
on_key(void *arg, const uint8_t *key)
{
	struct import *x = arg;
	struct req *req = x->req;

	if (key == NULL || req->conn == NULL) {
		import_free(x);
		req_fail(req, ERR_INTERNAL, NULL);
		return;
	}
	req->abandon = true;
	dump_in_key(x->dump, key);
	req_body_resume(req);
}

/* The key is made elsewhere; until then nothing may take x away. */
static void
derive(struct import *x, const struct dump_item *item)
{
	struct req *req = x->req;

	req_body_pause(req);
	req->abandon = false;
	if (pwhash_derive(req->apid->pwhash, item->row, item->salt, on_key,
	    x))
		return;
	import_free(x);
	req_fail(req, ERR_UNAVAILABLE, "too much is being hashed");
}

static void
refuse(struct import *x, const struct dump_item *item)
{
	struct req *req = x->req;
	char *pointer = arena_strdup(req->arena, item->pointer);
	char *detail = arena_strdup(req->arena, item->detail);
	enum err err = item->err;

	import_free(x);
	req_fault(req, err, pointer, detail);
}

static void
pump(struct import *x, struct buf *in, bool last)
{
	struct dump_item item = { .n = 0 };

	for (;;) {
		switch (dump_next(x->dump, in, last, &item)) {
		case DUMP_MORE:
			return;
		case DUMP_SECTION:
			item.n = 0;
			if (put(x, "=", &item, SLICE("null")))
				return;
			break;
		case DUMP_ROW:
			if (put(x, "", &item, item.row))
				return;
			break;
		case DUMP_KEY:
			derive(x, &item);
			return;
		case DUMP_END:
			x->whole = true;
			if (x->n > 0)
				flush(x);
			else
				apply(x);
			return;
		case DUMP_BAD:
			refuse(x, &item);
			return;
		}
	}
}

static void
sink(struct req *req, struct buf *in, bool last)
{
	struct import *x = req->state;

	if (x->whole)		/* what was left is on its way */
		return;
	pump(x, in, last);
}

/* ---- the beginning ---- */

static void
on_locked(void *arg, const struct db_result *res)
{
	struct import *x = arg;
	struct req *req = x->req;

	if (db_err(res) != ERR_OK) {
		import_fail(x, res);
	} else if (!db_bool(res, 0, 0)) {
		import_free(x);
		req_fail(req, ERR_CONFLICT, "another import is under way");
	} else {
		req_body_resume(req);
	}
}

static void
on_begun(void *arg, const struct db_result *res)
{
	struct import *x = arg;

	if (db_err(res) != ERR_OK)
		import_fail(x, res);
	else
		db_tx_query(x->tx, STMT_IMPORT_BEGIN, NULL, 0, on_locked, x);
}

void
h_import(struct req *req)
{
	struct db_tx_opts opts = { .actor = req->who->actor,
	    .deadline = 300 * MONO_SEC, .idle = 300 * MONO_SEC };
	const char *dry = NULL, *mode = NULL;
	struct import *x;

	if (req_query_enum(req, "dry_run", bools, &dry) == -1 ||
	    req_query_enum(req, "mode", modes, &mode) == -1)
		return;
	if (!req->who->all_nodes) {
		req_fail(req, ERR_FORBIDDEN,
		    "a super_admin of all nodes is needed");
		return;
	}
	if (req->apid->exports >= H_EXPORT_MAX || !db_up(req->apid->db)) {
		req_fail(req, db_up(req->apid->db) ? ERR_UNAVAILABLE :
		    ERR_DATABASE, NULL);
		return;
	}
	x = xcalloc(1, sizeof(*x));
	x->req = req;
	x->dry = dry != NULL && (dry[0] == 't' || dry[0] == '1');
	x->mode = mode != NULL && mode[0] == 'r' ? "replace" : "merge";
	x->dump = dump_in_new(req->apid->key, (struct slice){ "", 0 });
	req->apid->exports++;
	req->state = x;
	req->gone = gone;
	req->abandon = true;
	req_body_sink(req, sink);
	req_body_pause(req);
	x->tx = db_tx_new(req->apid->db, &opts, on_begun, x);
}
