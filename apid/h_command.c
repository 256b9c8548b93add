/*
 * h_command: one command to one node, answered with its end. The journal row
 * and the audit row are written before the hub hears of it; the action is
 * sealed, because it may carry credentials.
 */
#include <stddef.h>

#include "apid.h"
#include "arg.h"
#include "db.h"
#include "driver.h"
#include "h_command.h"
#include "hub.h"
#include "json.h"
#include "req.h"
#include "secret.h"
#include "stmt.h"
#include "xmalloc.h"

struct body {
	struct slice	action;
};

static const struct json_field fields[] = {
	{ .name = "action", .type = JSON_OBJECT, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct body, action) },
};
/* Closed: a member that would change what happens is never ignored. */
const struct json_schema h_command_body = { fields, nitems(fields),
    .open = false };
const size_t h_command_size = sizeof(struct body);

/* req->state while the command runs. */
struct command {
	struct id			 id;
	char				 text[ID_TEXT];
	const struct driver_command	*what;
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
	req_json(req, 200, (struct slice){ (const char *)buf_head(&b),
	    buf_used(&b) });
	buf_free(&b);
}

/* The node's own words, and which row of the journal tells more. */
static void
answer_failed(struct req *req, const struct command *c, enum err err,
    const struct msg_command_done *done)
{
	struct buf b = BUF_INIT;
	struct json_w w;
	const char *detail = NULL;

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
		detail = arena_strndup(req->arena, done->error.p,
		    done->error.n);
	req_fail_with(req, err, detail, (struct slice){
	    (const char *)buf_head(&b) + 1, buf_used(&b) - 1 });
	buf_free(&b);
}

static void
finished(void *arg, enum err err, struct ipc_msg *msg)
{
	struct req *req = arg;
	const struct command *c = req->state;
	struct msg_command_done done = { .command = { { 0 } } };

	req->ipc = NULL;
	if (msg != NULL && msg->type == MSG_COMMAND_DONE &&
	    !msg_get_command_done(&msg->in, &done))
		err = ERR_INTERNAL;
	if (err == ERR_OK && msg->type == MSG_COMMAND_DONE)
		answer_done(req, c, &done);
	else
		answer_failed(req, c, err == ERR_OK ? ERR_INTERNAL :
		    hub_err(err), &done);
}

static void
journalled(struct req *req, const struct db_result *res)
{
	struct command *c = req->state;

	if (db_rows(res) != 1)
		req_fail(req, ERR_NOT_FOUND, "there is no such node");
	else if (hub_need(req))
		hub_command(req, &c->id, &req->params.v[0].id, finished);
}

static void
journal(struct req *req)
{
	const struct body *b = req->body;
	struct command *c = req->state;
	struct buf sealed = BUF_INIT;

	id_new(&c->id);
	id_text(&c->id, c->text);
	secret_seal(req->apid->key, "command", b->action.p, b->action.n,
	    (struct slice){ (const char *)c->id.b, sizeof(c->id.b) },
	    &sealed);
	const struct db_arg args[] = {
		db_str(c->text), arg_node(req), arg_access(req),
		db_str(c->what->name),
		db_bytes(buf_head(&sealed), buf_used(&sealed)),
		arg_i64(req, HUB_COMMAND_MS / 1000),
		db_str(req->address), db_str(req->id),
	};
	req_db(req, STMT_COMMAND_OPEN, args, nitems(args), journalled);
	buf_free(&sealed);
}

/* Columns: device_type. Fields and role before anything is written. */
static void
typed(struct req *req, const struct db_result *res)
{
	const struct body *b = req->body;
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
	err = driver_check(driver, req->arena, b->action, req->who->role,
	    "/action", &faults, &c->what);
	if (err == ERR_FORBIDDEN)
		req_fail(req, err, "your role does not allow this command");
	else if (err != ERR_OK)
		req_faults(req, err, &faults);
	else
		journal(req);
}

void
h_command(struct req *req)
{
	const struct body *b = req->body;

	if (b->action.n > H_COMMAND_ACTION) {
		req_fail(req, ERR_TOO_LARGE, "an action has at most %d bytes",
		    H_COMMAND_ACTION);
		return;
	}
	if (!hub_need(req))
		return;
	req->state = arena_calloc(req->arena, sizeof(struct command));
	const struct db_arg args[] = { arg_node(req), arg_access(req) };

	req_db(req, STMT_NODE_TYPE, args, nitems(args), typed);
}
