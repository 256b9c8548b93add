/*
 * h_export: asks for one batch of rows after the other and writes them to
 * the client, who sets the pace. Owns the transaction and the writer.
 */
#include <stdlib.h>
#include <string.h>

#include "apid.h"
#include "arg.h"
#include "db.h"
#include "dump.h"
#include "h_export.h"
#include "json.h"
#include "pwhash.h"
#include "req.h"
#include "stmt.h"
#include "timer.h"
#include "valid.h"
#include "xmalloc.h"

#define DAYS_MAX	36500
#define STALL		(60 * MONO_SEC)	/* a client that takes nothing */

struct body {
	struct slice		passphrase;
	bool			include_events, include_audit;
	int64_t			events_days;
	struct json_state	has_days;
};

static const char *
valid_passphrase(struct slice s)
{
	return s.n >= DUMP_PASS_MIN && s.n <= DUMP_PASS_MAX &&
	    valid_utf8(s.p, s.n) ? NULL : "must be 8 to 1024 bytes of UTF-8";
}

static const struct json_field fields[] = {
	{ .name = "passphrase", .type = JSON_STRING, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct body, passphrase),
	  .valid = valid_passphrase },
	{ .name = "include_events", .type = JSON_BOOL,
	  .offset = offsetof(struct body, include_events) },
	{ .name = "events_days", .type = JSON_INT, .flags = JSON_NULLABLE,
	  .offset = offsetof(struct body, events_days),
	  .state = offsetof(struct body, has_days), .min = 1,
	  .max = DAYS_MAX },
	{ .name = "include_audit", .type = JSON_BOOL,
	  .offset = offsetof(struct body, include_audit) },
};
/* Closed: a misspelt name would leave something out. */
const struct json_schema h_export_body = { fields, nitems(fields), false };
const size_t h_export_size = sizeof(struct body);

struct export {
	struct req		*req;
	struct db_tx		*tx;
	struct dump_out		*dump;
	struct dump_want	 want;
	enum dump_section	 section;
	int64_t			 days;		/* 0: all */
	struct slice		 passphrase;
	uint8_t			 salt[SECRET_SALT];
	uint8_t			 key[SECRET_KEY];
	char			*at, *by;
	struct buf		 out;
	struct timer		 stall;
};

static void next_section(struct export *);

static void
export_free(struct export *x)
{
	x->req->gone = NULL;
	x->req->apid->exports--;
	timer_del(&x->stall);
	db_tx_drop(&x->tx);
	dump_out_free(x->dump);
	secret_wipe(x->key, sizeof(x->key));
	buf_free(&x->out);
	free(x->at);
	free(x->by);
	free(x);
}

static void
gone(struct req *req)
{
	export_free(req->state);
}

/* Before the head of the answer: a problem. After it: a broken answer. */
static void
export_fail(struct export *x, const struct db_result *res, const char *why)
{
	struct req *req = x->req;

	export_free(x);
	if (req->streaming)
		req_stream_break(req, why != NULL ? why : db_message(res));
	else if (res != NULL)
		req_db_fail(req, res);
	else
		req_fail(req, ERR_INTERNAL, NULL);
}

static void
export_end(struct export *x)
{
	struct req *req = x->req;

	dump_out_end(x->dump, &x->out);
	req_stream_put(req, &x->out);
	export_free(x);
	req_stream_end(req);
}

static void
on_stall(void *arg)
{
	export_fail(arg, NULL, "the client takes nothing");
}

/* ---- rows ---- */

static void on_rows(void *, const struct db_result *);

static void
fetch(struct export *x)
{
	const struct db_arg args[] = {
		arg_i64(x->req, dump_batch(x->section)) };

	db_tx_query(x->tx, STMT_EXPORT_FETCH, args, nitems(args), on_rows, x);
}

/* The client took what waited. */
static void
more(struct req *req)
{
	struct export *x = req->state;

	if (!timer_pending(&x->stall))
		return;
	timer_del(&x->stall);
	fetch(x);
}

static void
on_rows(void *arg, const struct db_result *res)
{
	struct export *x = arg;
	unsigned batch = dump_batch(x->section);
	int i, n = db_rows(res);

	if (db_err(res) != ERR_OK) {
		export_fail(x, res, NULL);
		return;
	}
	for (i = 0; i < n; i++) {
		if (dump_out_row(x->dump, db_get(res, i, 0), &x->out) == -1) {
			export_fail(x, NULL, "a stored secret cannot be "
			    "opened with the server key");
			return;
		}
	}
	arena_reset(x->req->arena);
	if ((unsigned)n < batch)
		next_section(x);
	else if (req_stream_put(x->req, &x->out))
		timer_set(x->req->apid->timers, &x->stall, STALL);
	else
		fetch(x);
}

static void
on_section(void *arg, const struct db_result *res)
{
	struct export *x = arg;

	if (db_err(res) != ERR_OK)
		export_fail(x, res, NULL);
	else
		fetch(x);
}

static void
next_section(struct export *x)
{
	x->section = dump_after(x->section, &x->want);
	if (x->section == DUMP__ALL) {
		export_end(x);
		return;
	}
	const struct db_arg args[] = {
		db_str(dump_name(x->section)),
		x->days > 0 ? arg_i64(x->req, x->days) : db_null(),
	};

	dump_out_section(x->dump, x->section, &x->out);
	db_tx_query(x->tx, STMT_EXPORT_SECTION, args, nitems(args),
	    on_section, x);
}

/* ---- the beginning ---- */

static void
on_begun(void *arg, const struct db_result *res)
{
	struct export *x = arg;
	struct req *req = x->req;

	if (db_err(res) != ERR_OK) {
		export_fail(x, res, NULL);
		return;
	}
	if (req->conn == NULL) {	/* a POST whose client has gone */
		export_free(x);
		req_fail(req, ERR_CANCELLED, NULL);
		return;
	}
	x->dump = dump_out_new("mastkeeper " APID_VERSION,
	    slice_of(x->at), slice_of(x->by), &x->out);
	if (x->want.secrets)
		dump_out_key(x->dump, x->key, x->salt, req->apid->key);
	req_header(req, "Content-Disposition",
	    "attachment; filename=\"mastkeeper-export.json\"");
	if (!req_stream(req, "application/json", more)) {
		export_free(x);
		return;
	}
	next_section(x);
}

static void
export_begin(struct export *x)
{
	const struct db_tx_opts opts = { .actor = x->req->who->actor,
	    .snapshot = true, .idle = 2 * STALL };

	x->tx = db_tx_new(x->req->apid->db, &opts, on_begun, x);
}

static void
on_key(void *arg, const uint8_t *key)
{
	struct export *x = arg;

	if (key == NULL) {
		export_fail(x, NULL, "no memory to derive a key");
		return;
	}
	memcpy(x->key, key, sizeof(x->key));
	export_begin(x);
}

/* The export is allowed and in the audit. */
static void
opened(struct req *req, const struct db_result *res)
{
	struct export *x = xcalloc(1, sizeof(*x)), *asked = req->state;

	*x = *asked;
	x->at = xstrdup(db_cstr(res, 0, 0));
	x->by = xstrdup(db_cstr(res, 0, 1));
	x->req = req;
	x->section = DUMP__ALL;
	timer_init(&x->stall, on_stall, x);
	req->state = x;
	req->gone = gone;
	req->apid->exports++;
	if (!x->want.secrets) {
		export_begin(x);
		return;
	}
	secret_random(x->salt, sizeof(x->salt));
	if (!pwhash_derive(req->apid->pwhash, x->passphrase, x->salt, on_key,
	    x)) {
		export_free(x);
		req_fail(req, ERR_UNAVAILABLE, "too much is being hashed");
	}
}

static void
ask(struct req *req, struct export *x)
{
	req->state = x;
	if (!req->who->all_nodes) {
		req_fail(req, ERR_FORBIDDEN,
		    "a super_admin of all nodes is needed");
		return;
	}
	if (req->apid->exports >= H_EXPORT_MAX) {
		req_fail(req, ERR_UNAVAILABLE,
		    "other exports or imports are under way");
		return;
	}
	const struct db_arg args[] = {
		db_str(req->address), db_str(req->id),
		arg_bool(x->want.events),
		x->days > 0 ? arg_i64(req, x->days) : db_null(),
		arg_bool(x->want.audit), arg_bool(x->want.secrets),
	};

	req_db(req, STMT_EXPORT_OPEN, args, nitems(args), opened);
}

static bool
query_bool(struct req *req, const char *name, bool *v_r)
{
	static const char *const names[] = { "true", "false", "1", "0",
	    NULL };
	const char *v;
	int got = req_query_enum(req, name, names, &v);

	*v_r = got == 1 && (v[0] == 't' || v[0] == '1');
	return got != -1;
}

void
h_export(struct req *req)
{
	struct export *x = arena_calloc(req->arena, sizeof(*x));

	if (!query_bool(req, "include_events", &x->want.events) ||
	    !query_bool(req, "include_audit", &x->want.audit) ||
	    req_query_i64(req, "events_days", 1, DAYS_MAX, &x->days) == -1)
		return;
	ask(req, x);
}

void
h_export_secrets(struct req *req)
{
	struct export *x = arena_calloc(req->arena, sizeof(*x));
	const struct body *b = req->body;

	x->want = (struct dump_want){ b->include_events, b->include_audit,
	    true };
	x->days = b->has_days.null ? 0 : b->events_days;
	x->passphrase = b->passphrase;
	ask(req, x);
}
