/*
 * command: see command.h. The steps of one request: driver and role, journal
 * and audit in one statement, the hub, the answer.
 */
#include <stdio.h>

#include "apid.h"
#include "arg.h"
#include "cdiff.h"
#include "command.h"
#include "db.h"
#include "driver.h"
#include "hub.h"
#include "json.h"
#include "req.h"
#include "secret.h"
#include "stmt.h"
#include "xmalloc.h"

/* req->state while the command runs. */
struct command {
	struct command_ask		 ask;
	struct id			 id;
	char				 text[ID_TEXT];
	const struct driver		*driver;
	const struct driver_command	*what;
	/* the answer, while the journal is asked about its row */
	enum err			 err;
	const char			*detail;
	struct slice			 row;
};

static void
answer_done(struct req *req, const struct command *c,
    const struct msg_command_done *done)
{
	struct buf b = BUF_INIT;
	struct json_w w;

	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "command_id");
	json_w_str(&w, c->text);
	json_w_key(&w, "success");
	json_w_bool(&w, true);
	if (done->data.n > 0) {
		json_w_key(&w, "data");
		json_w_raw(&w, done->data);
	}
	json_w_end_object(&w);
	req_json(req, 200, buf_slice(&b));
	buf_free(&b);
}

/* Column: the command, if it is there. */
static void
kept(struct req *req, const struct db_result *res)
{
	const struct command *c = req->state;
	bool there = db_err(res) == ERR_OK && db_rows(res) == 1;

	req_fail_with(req, c->err, c->detail, there ? c->row :
	    (struct slice){ NULL, 0 });
}

/*
 * The node's own words, and which row of the journal tells more. Unless the
 * hub claimed it the row need not be on the disk, and went perhaps with the
 * database: it is named when it is there to stay.
 */
static void
answer_failed(struct req *req, struct command *c, enum err err,
    const struct msg_command_done *done, bool claimed)
{
	struct buf b = BUF_INIT;
	struct json_w w;

	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "command_id");
	json_w_str(&w, c->text);
	json_w_key(&w, "success");
	json_w_bool(&w, false);
	if (done->error_code.n > 0) {
		json_w_key(&w, "error_code");
		json_w_slice(&w, done->error_code);
	}
	if (done->error.n > 0)
		c->detail = arena_strndup(req->arena, done->error.p,
		    done->error.n);
	c->err = err;
	c->row.n = buf_used(&b) - 1;
	c->row.p = arena_strndup(req->arena, (const char *)buf_head(&b) + 1,
	    c->row.n);
	buf_free(&b);
	const struct db_arg args[] = { db_str(c->text) };

	if (claimed)
		req_fail_with(req, c->err, c->detail, c->row);
	else
		req_db_any(req, STMT_COMMAND_KEPT, args, nitems(args), kept);
}

/* It is in the journal, and that is all that is known yet. */
static void
answer_waits(struct req *req, const struct command *c)
{
	char node[ID_TEXT];

	id_text(&req->params.v[0].id, node);
	req_header(req, "Location", arena_printf(req->arena,
	    "/api/v1/nodes/%s/commands/%s", node, c->text));
	req_json(req, 202, slice_of(arena_printf(req->arena,
	    "{\"command_id\":\"%s\",\"accepted\":true}", c->text)));
}

/* Did the hub tell how one that it had claimed ended? */
static bool
ended(enum err err, const struct ipc_msg *msg)
{
	if (msg == NULL || msg->type != MSG_COMMAND_DONE)
		return false;
	return err == ERR_OK || err == ERR_NODE_REFUSED ||
	    err == ERR_NODE_LOST || err == ERR_NODE_TIMEOUT ||
	    err == ERR_INVALID || err == ERR_CANCELLED;
}

static void
finished(void *arg, enum err err, struct ipc_msg *msg)
{
	struct req *req = arg;
	struct command *c = req->state;
	struct msg_command_done done = { .command = { { 0 } } };
	bool claimed = ended(err, msg);

	req->ipc = NULL;
	if (c->ask.queue && !claimed) {
		answer_waits(req, c);
		return;
	}
	if (msg != NULL && msg->type == MSG_COMMAND_DONE &&
	    !msg_get_command_done(&msg->in, &done))
		err = ERR_INTERNAL;
	if (err == ERR_OK && msg->type == MSG_COMMAND_DONE)
		answer_done(req, c, &done);
	else
		answer_failed(req, c, err == ERR_OK ? ERR_INTERNAL :
		    hub_err(err), &done, claimed);
}

/* Columns: node, command (NULL: not now), and why not. */
static void
rotating(struct req *req, const struct db_result *res)
{
	struct command *c = req->state;

	if (db_rows(res) != 1)
		req_fail(req, ERR_NOT_FOUND, "there is no such node");
	else if (db_isnull(res, 0, 1))
		req_fail(req, ERR_CONFLICT, "%s", db_cstr(res, 0, 2));
	else if (hub_need(req))
		hub_command(req, &c->id, &req->params.v[0].id,
		    c->ask.wait_ms, finished);
}

/* Columns: node, command (NULL: its queue is full). */
static void
journalled(struct req *req, const struct db_result *res)
{
	struct command *c = req->state;

	if (db_rows(res) != 1)
		req_fail(req, ERR_NOT_FOUND, "there is no such node");
	else if (db_isnull(res, 0, 1))
		req_fail(req, ERR_CONFLICT, "%d commands wait for this node "
		    "already", COMMAND_QUEUE_MAX);
	else if (c->ask.queue && !hub_up(req->apid->hub))
		answer_waits(req, c);
	else if (hub_need(req))
		hub_command(req, &c->id, &req->params.v[0].id,
		    c->ask.queue ? 0 : c->ask.wait_ms, finished);
}

/* args: $11 hash, $12 sealed text, $13 size, $14 dialect. */
static void
put_config(struct req *req, const struct command_config *config,
    struct buf *sealed, struct db_arg args[4])
{
	const struct slice ad = { (const char *)config->hash,
	    sizeof(config->hash) };

	secret_seal(req->apid->key, "config", config->text.p, config->text.n,
	    ad, sealed);
	args[0] = db_bytes(config->hash, sizeof(config->hash));
	args[1] = db_bytes(buf_head(sealed), buf_used(sealed));
	args[2] = arg_i64(req, (int64_t)config->text.n);
	args[3] = config->dialect < 0 ? db_null() :
	    arg_i64(req, config->dialect);
}

static void
journal(struct req *req)
{
	struct command *c = req->state;
	const struct command_ask *ask = &c->ask;
	struct buf sealed = BUF_INIT, config = BUF_INIT;

	id_new(&c->id);
	id_text(&c->id, c->text);
	secret_seal(req->apid->key, "command", ask->action.p, ask->action.n,
	    (struct slice){ (const char *)c->id.b, sizeof(c->id.b) },
	    &sealed);
	if (ask->secret_hash != NULL)
		secret_wipe((char *)(uintptr_t)ask->action.p, ask->action.n);
	struct db_arg args[14] = {
		db_str(c->text), arg_node(req), arg_access(req),
		db_str(c->what->name),
		db_bytes(buf_head(&sealed), buf_used(&sealed)),
		arg_i64(req, ask->ttl),
		arg_address(req), db_str(req->id),
		arg_bool(ask->queue), db_str(role_name(c->what->role)),
	};
	if (ask->secret_hash != NULL) {
		args[10] = db_bytes(ask->secret_hash, SECRET_HASH);
		args[11] = arg_bool(c->driver->rotates_after_restart);
		req_db(req, STMT_SECRET_ROTATE, args, 12, rotating);
	} else if (ask->config == NULL)
		req_db(req, STMT_COMMAND_OPEN, args, 10, journalled);
	else {
		put_config(req, ask->config, &config, args + 10);
		req_db(req, STMT_CONFIG_PUSH, args, 14, journalled);
	}
	buf_free(&sealed);
	buf_free(&config);
}

/* Columns: device_type. Fields and role before anything is written. */
static void
typed(struct req *req, const struct db_result *res)
{
	struct command *c = req->state;
	struct json_faults faults = { .n = 0 };
	const struct driver *driver;
	enum err err;

	if (db_rows(res) != 1) {
		req_fail(req, ERR_NOT_FOUND, "there is no such node");
		return;
	}
	driver = driver_find(db_get(res, 0, 0));
	if (driver == NULL) {
		req_fail(req, ERR_CONFLICT, "nothing is known of commands "
		    "for this type of device");
		return;
	}
	c->driver = driver;
	if (c->ask.secret_hash != NULL) {
		c->what = driver_command(driver, SLICE("rotate_secret"));
		if (c->what == NULL)
			req_fail(req, ERR_CONFLICT, "this type of device "
			    "cannot take a new secret");
		else
			journal(req);
		return;
	}
	err = driver_check(driver, req->arena, c->ask.action,
	    req->who->role, c->ask.prefix == NULL ? "" : c->ask.prefix,
	    &faults, &c->what);
	if (err == ERR_FORBIDDEN)
		req_fail(req, err, "your role does not allow this command");
	else if (err != ERR_OK && c->ask.prefix == NULL && faults.n > 0)
		req_fail(req, err, "the command %s", faults.v[0].detail);
	else if (err != ERR_OK)
		req_faults(req, err, &faults);
	else
		journal(req);
}

void
command_run(struct req *req, const struct command_ask *ask)
{
	struct command *c = arena_calloc(req->arena, sizeof(*c));

	if (!ask->queue && !hub_need(req))
		return;
	c->ask = *ask;
	req->state = c;
	const struct db_arg args[] = { arg_node(req), arg_access(req) };

	req_db(req, STMT_NODE_TYPE, args, nitems(args), typed);
}

bool
command_unmasked(struct req *req, struct slice text, const char *prefix)
{
	struct buf pointer = BUF_INIT;
	bool masked;

	buf_puts(&pointer, prefix);
	masked = cdiff_masked(text, &pointer);
	if (masked)
		req_fault(req, ERR_INVALID, arena_strdup(req->arena,
		    buf_cstr(&pointer)), "is only the mask of a credential: "
		    "set the credential itself");
	buf_free(&pointer);
	return !masked;
}

struct slice
command_action(struct req *req, const char *type, const char *key,
    struct slice value)
{
	struct buf b = BUF_INIT;
	struct json_w w;

	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "type");
	json_w_str(&w, type);
	json_w_key(&w, key);
	json_w_raw(&w, value);
	json_w_end_object(&w);
	return secret_buf_keep(req->arena, &b);
}
