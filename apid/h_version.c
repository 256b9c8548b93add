/*
 * h_version: see h_version.h. Two stored configurations at a time are opened
 * with the server key and compared.
 */
#include <stdlib.h>
#include <string.h>

#include "apid.h"
#include "arg.h"
#include "cdiff.h"
#include "command.h"
#include "config_diff.h"
#include "db.h"
#include "drift.h"
#include "h_version.h"
#include "hub.h"
#include "jscan.h"
#include "json.h"
#include "log.h"
#include "page.h"
#include "req.h"
#include "secret.h"
#include "stmt.h"
#include "xmalloc.h"

/* ---- two configurations ---- */

enum { A_SEALED, A_HASH, B_SEALED, B_HASH, IGNORED, DESIRED_AT,
    REPORTED_AT };

struct pair {
	struct buf	a, b;			/* canonical */
	bool		has_a, has_b;
};

static void
pair_free(struct pair *p)
{
	secret_buf_free(&p->a);
	secret_buf_free(&p->b);
}

/* The text of a column and its hash. False: it cannot be opened. */
static bool
open_text(struct req *req, const struct db_result *res, int col,
    struct buf *text)
{
	size_t n = db_get(res, 0, col).n / 2 + 1;
	uint8_t *sealed = xmalloc(n), hash[SECRET_HASH];
	long got = db_bytea(res, 0, col, sealed, n);
	bool ok = got != -1 && db_bytea(res, 0, col + 1, hash,
	    sizeof(hash)) == SECRET_HASH && secret_open(req->apid->key,
	    "config", sealed, (size_t)got, (struct slice){
	    (const char *)hash, sizeof(hash) }, text) == 0;

	free(sealed);
	return ok;
}

static bool
open_canonical(struct req *req, const struct db_result *res, int col,
    struct buf *out)
{
	struct buf text = BUF_INIT;
	bool ok = open_text(req, res, col, &text) &&
	    json_canonical((const char *)buf_head(&text), buf_used(&text),
	    out) == 0;

	secret_buf_free(&text);
	return ok;
}

/* False: answered. */
static bool
pair_get(struct req *req, const struct db_result *res, struct pair *p)
{
	memset(p, 0, sizeof(*p));
	if (db_rows(res) != 1) {
		req_fail(req, ERR_NOT_FOUND, "there is no such node");
		return false;
	}
	p->has_a = !db_isnull(res, 0, A_SEALED);
	p->has_b = !db_isnull(res, 0, B_SEALED);
	if ((!p->has_a || open_canonical(req, res, A_SEALED, &p->a)) &&
	    (!p->has_b || open_canonical(req, res, B_SEALED, &p->b)))
		return true;
	log_error("%s: a stored configuration cannot be opened with the "
	    "server key", req->id);
	req_fail(req, ERR_INTERNAL, NULL);
	pair_free(p);
	return false;
}

static void
pair_ask(struct req *req, const char *a, const char *b, req_db_fn done)
{
	const struct db_arg args[] = { arg_node(req), arg_access(req),
	    db_str(a), db_str(b) };

	req_db(req, STMT_CONFIG_PAIR, args, nitems(args), done);
}

/* ---- the list, and one ---- */

static void
listed(struct req *req, const struct db_result *res)
{
	if (!db_bool(res, 0, 2))
		req_fail(req, ERR_NOT_FOUND, "there is no such node");
	else
		page_answer(req, req->state, res);
}

void
h_version_list(struct req *req)
{
	static const struct page_list versions = { "config_versions", 1, 50,
	    200 };
	struct page *p = page_get(req, &versions);

	if (p == NULL)
		return;
	req->state = p;
	const struct db_arg args[] = { arg_node(req), arg_access(req),
	    page_limit(req, p), page_key(p, 0) };

	req_db(req, STMT_VERSION_LIST, args, nitems(args), listed);
}

static void
got_one(struct req *req, const struct db_result *res)
{
	struct buf text = BUF_INIT, masked = BUF_INIT;
	bool viewer = req->who->role < ROLE_OPERATOR;

	if (db_rows(res) != 1)
		req_fail(req, ERR_NOT_FOUND, "there is no such version");
	else if (!(viewer ? open_canonical : open_text)(req, res, 0, &text)) {
		log_error("%s: a stored configuration cannot be opened with "
		    "the server key", req->id);
		req_fail(req, ERR_INTERNAL, NULL);
	} else {
		req_header(req, "Config-Masked", viewer ? "true" : "false");
		if (viewer)
			cdiff_mask(buf_slice(&text), &masked);
		req_json(req, 200, buf_slice(viewer ? &masked : &text));
	}
	secret_buf_free(&text);
	buf_free(&masked);
}

void
h_version_get(struct req *req)
{
	const struct db_arg args[] = { arg_node(req), arg_access(req),
	    arg_i64(req, req->params.v[1].n) };

	req_db(req, STMT_VERSION_GET, args, nitems(args), got_one);
}

/* ---- differences ---- */

static void
answer_diff(struct req *req, struct pair *p)
{
	config_diff(req, p->has_a ? buf_slice(&p->a) : SLICE("{}"),
	    p->has_b ? buf_slice(&p->b) : SLICE("{}"));
}

static void
differed(struct req *req, const struct db_result *res)
{
	struct pair p;

	if (!pair_get(req, res, &p))
		return;
	if (!p.has_a || !p.has_b)
		req_fail(req, ERR_NOT_FOUND, "the node has no such version "
		    "(%s)", p.has_a ? "b" : "a");
	else
		answer_diff(req, &p);
	pair_free(&p);
}

/* A number, or the word for one of the node's own; needed or not. False:
 * answered. */
static bool
side(struct req *req, const char *name, bool needed, const char **v_r)
{
	struct slice s;
	int64_t n;
	int got = req_query(req, name, 20, v_r);

	if (got == -1)
		return false;
	if (got == 0 && !needed)
		return true;
	s = slice_of(*v_r);
	if (got == 1 && (slice_eq(s, "reported") || slice_eq(s, "desired") ||
	    (jscan_i64(s, &n) == 0 && n > 0)))
		return true;
	req_fault(req, ERR_BAD_QUERY, name,
	    "must be the number of a version, reported or desired");
	return false;
}

void
h_version_diff(struct req *req)
{
	const char *a, *b;

	/* What is there and wrong is told before what is missing. */
	if (side(req, "a", false, &a) && side(req, "b", false, &b) &&
	    side(req, "a", true, &a) && side(req, "b", true, &b))
		pair_ask(req, a, b, differed);
}

/* ---- to the node again ---- */

static void
push(struct req *req, const struct db_result *res)
{
	struct command_config *config = arena_calloc(req->arena,
	    sizeof(*config));
	struct buf text = BUF_INIT;
	struct slice raw;
	int64_t v;

	if (!open_text(req, res, B_SEALED, &text) || db_bytea(res, 0, B_HASH,
	    config->hash, SECRET_HASH) != SECRET_HASH) {
		req_fail(req, ERR_INTERNAL, NULL);
		secret_buf_free(&text);
		return;
	}
	config->text = secret_buf_keep(req->arena, &text);
	config->dialect = json_member(config->text.p, config->text.n,
	    "version", &raw) && jscan_i64(raw, &v) == 0 && v >= 0 &&
	    v <= 1000 ? (int)v : -1;
	command_run(req, &(struct command_ask){ .config = config,
	    .action = command_action(req, "update_config", "config",
	    config->text), .wait_ms = HUB_PUSH_MS,
	    .ttl = HUB_PUSH_MS / 1000 });
}

struct restore {
	int64_t	version;
	bool	dry_run;
};

static const struct json_field restore_fields[] = {
	{ .name = "version", .type = JSON_INT, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct restore, version), .min = 1,
	  .max = INT64_MAX },
	{ .name = "dry_run", .type = JSON_BOOL,
	  .offset = offsetof(struct restore, dry_run) },
};
/* Closed: a misspelled dry_run must not write. */
const struct json_schema h_version_restore_body = { restore_fields,
    nitems(restore_fields), .open = false };
const size_t h_version_restore_size = sizeof(struct restore);

static void
restored(struct req *req, const struct db_result *res)
{
	const struct restore *r = req->body;
	struct pair p;

	if (!pair_get(req, res, &p))
		return;
	if (!p.has_b)
		req_fail(req, ERR_NOT_FOUND, "the node has no such version");
	else if (r->dry_run)
		answer_diff(req, &p);
	else
		push(req, res);
	pair_free(&p);
}

void
h_version_restore(struct req *req)
{
	const struct restore *r = req->body;

	pair_ask(req, "reported", arena_printf(req->arena, "%lld",
	    (long long)r->version), restored);
}

/* ---- drift ---- */

static void
put_time(struct json_w *w, const struct db_result *res, const char *name,
    int col)
{
	json_w_key(w, name);
	json_w_str(w, db_isnull(res, 0, col) ? NULL : db_cstr(res, 0, col));
}

static bool
is_ignored(const struct db_result *res, const struct drift *d)
{
	uint8_t hash[SECRET_HASH];

	return !db_isnull(res, 0, IGNORED) && db_bytea(res, 0, IGNORED, hash,
	    sizeof(hash)) == SECRET_HASH && memcmp(hash, d->hash,
	    SECRET_HASH) == 0;
}

/* a is what was ordered, b what the node has. */
static void
drifted(struct req *req, const struct db_result *res)
{
	struct drift d = { .n = { 0 } };
	struct buf out = BUF_INIT;
	struct json_w w;
	struct pair p;
	bool known;

	if (!pair_get(req, res, &p))
		return;
	known = p.has_a && p.has_b && drift_find(req->apid->key, buf_slice(&p.a),
	    buf_slice(&p.b), &d) == 0;
	json_w_init(&w, &out);
	json_w_object(&w);
	json_w_key(&w, "state");
	json_w_str(&w, !known ? "unknown" : drift_count(&d) == 0 ? "none" :
	    is_ignored(res, &d) ? "ignored" : "drift");
	put_time(&w, res, "desired_at", DESIRED_AT);
	put_time(&w, res, "reported_at", REPORTED_AT);
	drift_json(&d, &w);
	json_w_end_object(&w);
	req_json(req, 200, buf_slice(&out));
	buf_free(&out);
	drift_free(&d);
	pair_free(&p);
}

void
h_version_drift(struct req *req)
{
	pair_ask(req, "desired", "reported", drifted);
}

struct act {
	struct slice	action;
};

static const char *const actions[] = { "adopt", "repush", "ignore", NULL };
static const struct json_field act_fields[] = {
	{ .name = "action", .type = JSON_ENUM, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct act, action), .names = actions },
};
const struct json_schema h_version_drift_body = { act_fields,
    nitems(act_fields), .open = false };
const size_t h_version_drift_size = sizeof(struct act);

static void
acted(struct req *req, const struct db_result *res)
{
	if (db_rows(res) == 1)
		req_empty(req, 204);
	else
		req_fail(req, ERR_CONFLICT, "the node reported something "
		    "else meanwhile: look again");
}

/* What was looked at is what is decided on: its hash goes with it. */
static void
act_reported(struct req *req, const struct db_result *res, struct pair *p)
{
	uint8_t *hash = arena_alloc(req->arena, SECRET_HASH);
	const struct act *act = req->body;
	struct drift d;

	if (db_bytea(res, 0, B_HASH, hash, SECRET_HASH) != SECRET_HASH ||
	    drift_find(req->apid->key, p->has_a ? buf_slice(&p->a) : SLICE("{}"),
	    buf_slice(&p->b), &d) == -1) {
		req_fail(req, ERR_INTERNAL, NULL);
		return;
	}
	const struct db_arg args[] = { arg_node(req), arg_access(req),
	    arg_address(req), db_str(req->id),
	    db_bytes(hash, SECRET_HASH), db_bytes(d.hash, SECRET_HASH) };

	if (slice_eq(act->action, "adopt"))
		req_db(req, STMT_DRIFT_ADOPT, args, 5, acted);
	else if (!p->has_a || drift_count(&d) == 0)
		req_fail(req, ERR_CONFLICT, "there is no drift");
	else
		req_db(req, STMT_DRIFT_IGNORE, args, 6, acted);
	drift_free(&d);
}

static void
act_drift(struct req *req, const struct db_result *res)
{
	struct pair p;

	if (!pair_get(req, res, &p))
		return;
	if (!p.has_b)
		req_fail(req, ERR_CONFLICT, "the node has not reported its "
		    "configuration yet");
	else
		act_reported(req, res, &p);
	pair_free(&p);
}

static void
act_push(struct req *req, const struct db_result *res)
{
	if (db_rows(res) != 1)
		req_fail(req, ERR_NOT_FOUND, "there is no such node");
	else if (db_isnull(res, 0, B_SEALED))
		req_fail(req, ERR_CONFLICT, "no configuration was ordered "
		    "for this node");
	else
		push(req, res);
}

void
h_version_drift_act(struct req *req)
{
	const struct act *act = req->body;

	if (slice_eq(act->action, "repush"))
		pair_ask(req, "reported", "desired", act_push);
	else
		pair_ask(req, "desired", "reported", act_drift);
}
