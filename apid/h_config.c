/*
 * h_config: a node's configuration. The hub is asked first: it knows the
 * newest, or gets it from the node. What it cannot give comes from the
 * database, opened with the server key and marked with its age. A new one
 * goes to the node as a command that carries it.
 */
#include <stdbool.h>
#include <stdlib.h>

#include "apid.h"
#include "arg.h"
#include "cdiff.h"
#include "command.h"
#include "config_diff.h"
#include "config_now.h"
#include "db.h"
#include "driver.h"
#include "h_config.h"
#include "hub.h"
#include "jscan.h"
#include "json.h"
#include "log.h"
#include "req.h"
#include "secret.h"
#include "stmt.h"
#include "xmalloc.h"

/* Why the hub could not give it: what an answer without a stored
 * configuration says. It lies in req->state. */
struct config {
	enum err	err;
};

static void
put_answer(struct req *req, const uint8_t hash[SECRET_HASH],
    struct slice text, bool stale)
{
	char hex[2 * 16 + 1], quoted[2 * 16 + 3];

	str_hex(hex, hash, 16);
	quoted[0] = '"';
	str_copy(quoted + 1, sizeof(quoted) - 1, hex);
	str_copy(quoted + 33, 2, "\"");
	req_header(req, "Config-Stale", stale ? "true" : "false");
	if (!req_etag(req, quoted))
		req_json(req, 200, text);
}

/* A viewer gets it without its credentials, under a tag of what he gets: the
 * node's own would tell whether a guess at them is right. */
static void
answer(struct req *req, const uint8_t hash[SECRET_HASH], struct slice text,
    bool stale)
{
	struct buf canonical = BUF_INIT, masked = BUF_INIT;
	uint8_t tag[SECRET_HASH];
	bool viewer = req->who->role < ROLE_OPERATOR;

	req_header(req, "Config-Masked", viewer ? "true" : "false");
	if (!viewer)
		put_answer(req, hash, text, stale);
	else if (json_canonical(text.p, text.n, &canonical) == -1)
		req_fail(req, ERR_INTERNAL, NULL);
	else {
		cdiff_mask(buf_slice(&canonical), &masked);
		secret_digest(buf_head(&masked), buf_used(&masked), tag);
		put_answer(req, tag, buf_slice(&masked), stale);
	}
	secret_buf_free(&canonical);
	buf_free(&masked);
}

static void
answer_none(struct req *req, enum err err)
{
	if (err == ERR_NODE_TIMEOUT)
		req_fail(req, ERR_NOT_FOUND,
		    "the node did not give its configuration in time");
	else
		req_fail(req, err, "no configuration of this node is stored");
}

/* Columns: sealed, hash, age in seconds, reported at. */
static void
answer_stored(struct req *req, const struct db_result *res)
{
	size_t n = db_get(res, 0, 0).n / 2 + 1;
	uint8_t *sealed = xmalloc(n), hash[SECRET_HASH];
	struct buf text = BUF_INIT;
	long got = db_bytea(res, 0, 0, sealed, n);

	if (got == -1 || db_bytea(res, 0, 1, hash, sizeof(hash)) !=
	    sizeof(hash) || secret_open(req->apid->key, "config", sealed,
	    (size_t)got, (struct slice){ (const char *)hash, sizeof(hash) },
	    &text) == -1) {
		log_error("%s: a stored configuration cannot be opened with "
		    "the server key", req->id);
		req_fail(req, ERR_INTERNAL, NULL);
	} else {
		req_header(req, "Age", db_cstr(res, 0, 2));
		req_header(req, "Config-Reported-At", db_cstr(res, 0, 3));
		answer(req, hash, buf_slice(&text), true);
	}
	secret_buf_free(&text);
	free(sealed);
}

static void
stored(struct req *req, const struct db_result *res)
{
	const struct config *c = req->state;

	if (db_rows(res) != 1)
		req_fail(req, ERR_NOT_FOUND, "there is no such node");
	else if (db_isnull(res, 0, 0))
		answer_none(req, c->err);
	else
		answer_stored(req, res);
}

static void
ask_stored(struct req *req, enum err why)
{
	struct config *c = arena_calloc(req->arena, sizeof(*c));

	c->err = why;
	req->state = c;
	const struct db_arg args[] = { arg_node(req), arg_access(req) };

	req_db(req, STMT_CONFIG_GET, args, nitems(args), stored);
}

static void
from_hub(void *arg, enum err err, struct ipc_msg *msg)
{
	struct req *req = arg;
	struct msg_config config;
	struct buf canonical = BUF_INIT;
	uint8_t hash[SECRET_HASH];

	req->ipc = NULL;
	if (err != ERR_OK || msg->type != MSG_CONFIG ||
	    !msg_get_config(&msg->in, &config) ||
	    json_canonical(config.text.p, config.text.n, &canonical) == -1) {
		ask_stored(req, err == ERR_OK ? ERR_INTERNAL : hub_err(err));
	} else {
		secret_digest(buf_head(&canonical), buf_used(&canonical),
		    hash);
		req_header(req, "Age", "0");
		answer(req, hash, config.text, false);
	}
	secret_buf_free(&canonical);
}

void
h_config_get(struct req *req)
{
	if (hub_up(req->apid->hub))
		hub_config(req, &req->params.v[0].id, from_hub);
	else
		ask_stored(req, ERR_HUB_AWAY);
}

/* ---- a new one ---- */

/* Any JSON object: the node is the judge of it. */
const struct json_schema h_config_body = { NULL, 0, .open = true };
const size_t h_config_size = sizeof(bool);

static int
dialect(struct slice text)
{
	struct slice raw;
	int64_t v;

	if (!json_member(text.p, text.n, "version", &raw) ||
	    jscan_i64(raw, &v) == -1 || v < 0 || v > 1000)
		return -1;
	return (int)v;
}

static void
push(struct req *req, const struct command_config *config)
{
	command_run(req, &(struct command_ask){ .config = config,
	    .action = command_action(req, "update_config", "config",
	    req->raw), .wait_ms = HUB_PUSH_MS, .ttl = HUB_PUSH_MS / 1000 });
}

/* What the node has now, beside the tag of what the caller has read. */
static void
compared(void *arg, enum err err, struct ipc_msg *msg)
{
	struct req *req = arg;
	struct msg_config config;
	struct buf canonical = BUF_INIT;
	uint8_t hash[SECRET_HASH];
	char hex[2 * 16 + 1];

	req->ipc = NULL;
	if (err != ERR_OK)
		req_fail(req, hub_err(err), "the configuration cannot be "
		    "compared with If-Match, nothing was sent");
	else if (msg->type != MSG_CONFIG ||
	    !msg_get_config(&msg->in, &config) ||
	    json_canonical(config.text.p, config.text.n, &canonical) == -1)
		req_fail(req, ERR_INTERNAL, NULL);
	else {
		secret_digest(buf_head(&canonical), buf_used(&canonical),
		    hash);
		str_hex(hex, hash, 16);
		if (req_if_match_tag(req, hex))
			push(req, req->state);
		else
			req_fail(req, ERR_PRECONDITION, "the node has "
			    "another configuration by now");
	}
	secret_buf_free(&canonical);
}

/* ---- what a new one would change ---- */

/* What was sent, canonical, against what the node has. */
struct trial {
	struct config_now	 now;
	const struct driver	*driver;
	bool			 check;		/* the driver's rules first */
};

static bool
takes_configurations(const struct driver *d)
{
	return d != NULL && driver_command(d, SLICE("update_config")) != NULL;
}

static void
compare_trial(struct req *req, struct config_now *now)
{
	struct buf a = BUF_INIT, b = BUF_INIT;

	if (json_canonical(now->text.p, now->text.n, &a) == -1 ||
	    json_canonical(req->raw.p, req->raw.n, &b) == -1)
		req_fail(req, ERR_BAD_JSON, NULL);
	else
		config_diff(req, buf_slice(&a), buf_slice(&b));
	secret_buf_free(&a);
	secret_buf_free(&b);
}

static void
tried(struct req *req, struct config_now *now)
{
	const struct trial *t = req->state;
	struct json_faults faults = { .n = 0 };

	if (t->check && t->driver->form != NULL)
		driver_form_check(t->driver->form, req->arena, req->raw,
		    &faults);
	if (faults.n > 0)
		req_faults(req, ERR_INVALID, &faults);
	else if (!now->known)
		req_fail(req, ERR_NOT_FOUND, "no configuration of this node "
		    "is known to compare with");
	else
		compare_trial(req, now);
}

static void
trial_node(struct req *req, const struct db_result *res)
{
	struct trial *t = req->state;

	if (db_rows(res) != 1) {
		req_fail(req, ERR_NOT_FOUND, "there is no such node");
		return;
	}
	t->driver = driver_find(db_get(res, 0, 4));
	if (!takes_configurations(t->driver)) {
		req_fail(req, ERR_INVALID, "nodes of this type take no "
		    "configuration");
		return;
	}
	config_now_stored(req, &t->now, res, 0);
	config_now(req, &t->now, &req->params.v[0].id, tried);
}

/* 1 and answered or on its way, 0 it is meant, -1 answered. */
static int
trial(struct req *req)
{
	static const char *const names[] = { "check", "true", "false", NULL };
	struct trial *t;
	const char *dry;
	int got = req_query_enum(req, "dry_run", names, &dry);

	if (got != 1 || dry[0] == 'f')
		return got == -1 ? -1 : 0;
	req->state = t = arena_calloc(req->arena, sizeof(*t));
	t->check = dry[0] == 'c';
	const struct db_arg args[] = { arg_node(req), arg_access(req) };

	req_db(req, STMT_CONFIG_GET, args, nitems(args), trial_node);
	return 1;
}

static void
put(struct req *req)
{
	struct command_config *config = arena_calloc(req->arena,
	    sizeof(*config));
	struct buf canonical = BUF_INIT;

	config->text = req->raw;
	config->dialect = dialect(req->raw);
	if (json_canonical(req->raw.p, req->raw.n, &canonical) == -1) {
		secret_buf_free(&canonical);
		req_fail(req, ERR_BAD_JSON, NULL);
		return;
	}
	secret_digest(buf_head(&canonical), buf_used(&canonical),
	    config->hash);
	secret_buf_free(&canonical);
	req->state = config;
	if (req_if_match_tag(req, NULL))
		push(req, config);
	else if (hub_need(req))
		hub_config(req, &req->params.v[0].id, compared);
}

void
h_config_put(struct req *req)
{
	if (command_unmasked(req, req->raw, "") && trial(req) == 0)
		put(req);
}
