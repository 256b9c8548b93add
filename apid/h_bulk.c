/*
 * h_bulk: one command to many nodes. The selection is read first, and each
 * node's driver says whether it would do: that is the preview. Without
 * dry_run those that would get a journal row each, in one statement; the
 * hubs that hold the nodes take them as they take all that is queued.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "apid.h"
#include "arg.h"
#include "command.h"
#include "db.h"
#include "driver.h"
#include "h_bulk.h"
#include "hub.h"
#include "ipc.h"
#include "json.h"
#include "req.h"
#include "secret.h"
#include "stmt.h"
#include "xmalloc.h"

#define TTL_DEFAULT	3600
#define TTL_MAX		604800
#define NAME_MAX_BYTES	128

struct body {
	struct slice		action, node_ids, device_type, status, name;
	bool			dry_run, queue, wait;
	int64_t			ttl;
	struct json_state	has_ids, has_type, has_status, has_name;
	struct json_state	has_ttl;
};

static const char *const states[] = { "pending", "online", "offline",
    "degraded", "error", NULL };
static const struct json_field fields[] = {
	{ .name = "action", .type = JSON_OBJECT, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct body, action) },
	{ .name = "node_ids", .type = JSON_UUIDS,
	  .offset = offsetof(struct body, node_ids),
	  .state = offsetof(struct body, has_ids) },
	{ .name = "device_type", .type = JSON_STRING,
	  .offset = offsetof(struct body, device_type),
	  .state = offsetof(struct body, has_type) },
	{ .name = "status", .type = JSON_ENUM, .names = states,
	  .offset = offsetof(struct body, status),
	  .state = offsetof(struct body, has_status) },
	{ .name = "name", .type = JSON_STRING,
	  .offset = offsetof(struct body, name),
	  .state = offsetof(struct body, has_name) },
	{ .name = "dry_run", .type = JSON_BOOL,
	  .offset = offsetof(struct body, dry_run) },
	{ .name = "queue", .type = JSON_BOOL,
	  .offset = offsetof(struct body, queue) },
	{ .name = "wait", .type = JSON_BOOL,
	  .offset = offsetof(struct body, wait) },
	{ .name = "ttl", .type = JSON_INT, .min = 1, .max = TTL_MAX,
	  .offset = offsetof(struct body, ttl),
	  .state = offsetof(struct body, has_ttl) },
};
/* Closed: a member that would change what happens is never ignored. */
const struct json_schema h_bulk_body = { fields, nitems(fields),
    .open = false };
const size_t h_bulk_size = sizeof(struct body);

struct target {
	const char	*node, *name, *type, *status;	/* name NULL: none */
	const char	*error;		/* NULL: it would do */
	const char	*role;		/* that it takes */
	struct id	 command;
	bool		 ordered;
	/* With wait: how it ended, and in whose words. */
	const char	*state, *why, *code;
	struct bulk	*bulk;
	struct ipc_req	*ipc;
};

struct bulk {
	const char	*what;		/* the command's name */
	struct target	*v;
	size_t		 n, good;
	struct req	*req;
	size_t		 waits;		/* answers that are due */
};

static void
put_target(struct json_w *w, const struct target *t)
{
	char id[ID_TEXT];

	json_w_object(w);
	json_w_key(w, "node_id");
	json_w_str(w, t->node);
	json_w_key(w, "node_name");
	json_w_str(w, t->name);
	json_w_key(w, "device_type");
	json_w_str(w, t->type);
	json_w_key(w, "status");
	json_w_str(w, t->status);
	json_w_key(w, "ok");
	json_w_bool(w, t->error == NULL);
	if (t->error != NULL) {
		json_w_key(w, "error");
		json_w_str(w, t->error);
	}
	if (t->ordered) {
		id_text(&t->command, id);
		json_w_key(w, "command_id");
		json_w_str(w, id);
	}
	if (t->state != NULL) {
		json_w_key(w, "state");
		json_w_str(w, t->state);
	}
	if (t->why != NULL) {
		json_w_key(w, "error");
		json_w_str(w, t->why);
	}
	if (t->code != NULL) {
		json_w_key(w, "error_code");
		json_w_str(w, t->code);
	}
	json_w_end_object(w);
}

static void
answer(struct req *req, const struct bulk *k, int status)
{
	struct buf b = BUF_INIT;
	struct json_w w;
	size_t i, good = 0;

	for (i = 0; i < k->n; i++)
		good += k->v[i].error == NULL;
	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "matched");
	json_w_u64(&w, k->n);
	json_w_key(&w, "ok");
	json_w_u64(&w, good);
	json_w_key(&w, "results");
	json_w_array(&w);
	for (i = 0; i < k->n; i++)
		put_target(&w, &k->v[i]);
	json_w_end_array(&w);
	json_w_end_object(&w);
	req_json(req, status, buf_slice(&b));
	buf_free(&b);
}

/* ---- how each ended ---- */

static bool
is_here(const struct target *t)
{
	return strcmp(t->status, "online") == 0 ||
	    strcmp(t->status, "degraded") == 0;
}

/* was_here: when it was selected. Then another hub may have it, or it comes
 * again: its command waits. */
static const char *
end_state(enum err err, bool told, bool was_here)
{
	switch (err) {
	case ERR_OK:
		return "acked";
	case ERR_NODE_REFUSED:
	case ERR_INVALID:
	case ERR_INTERNAL:
		return "failed";
	case ERR_NODE_LOST:
		return "unknown";
	case ERR_NODE_TIMEOUT:
		return told ? "unknown" : "timeout";
	case ERR_CANCELLED:
		return "cancelled";
	case ERR_NODE_OFFLINE:
		return was_here ? "queued" : "offline";
	default:
		return "queued";
	}
}

static const char *
words(struct req *req, struct slice text)
{
	return text.n == 0 ? NULL : arena_strndup(req->arena, text.p, text.n);
}

static void
ended(void *arg, enum err err, struct ipc_msg *msg)
{
	struct target *t = arg;
	struct bulk *k = t->bulk;
	struct msg_command_done done = { .command = { { 0 } } };
	bool told = msg != NULL && msg->type == MSG_COMMAND_DONE &&
	    msg_get_command_done(&msg->in, &done);

	t->state = end_state(err == ERR_OK && !told ? ERR_UNAVAILABLE : err,
	    told, is_here(t));
	if (told && err != ERR_OK) {
		t->why = words(k->req, done.error);
		t->code = words(k->req, done.error_code);
	}
	if (--k->waits == 0) {
		k->req->gone = NULL;
		answer(k->req, k, 200);
	}
}

/* The daemon ends before the nodes have answered. */
static void
gone(struct req *req)
{
	struct bulk *k = req->state;
	size_t i;

	for (i = 0; i < k->n; i++)
		ipc_forget(&k->v[i].ipc);
}

/* The hub takes them now, and not when it looks the next time. */
static void
ring(struct req *req, struct bulk *k)
{
	const struct body *b = req->body;
	struct hub *hub = req->apid->hub;
	struct target *t;
	struct id node;

	k->req = req;
	for (t = k->v; t < k->v + k->n; t++) {
		if (!t->ordered || id_parse(&node, slice_of(t->node)) == -1)
			continue;
		if (!b->wait) {
			hub_node_changed(hub, &node, MSG_NODE_QUEUE);
			continue;
		}
		t->bulk = k;
		k->waits++;
		hub_command_one(hub, &t->command, &node, req->id,
		    H_BULK_WAIT_MS, ended, t, &t->ipc);
	}
}

/* Column: the commands that were written. */
static void
ordered(struct req *req, const struct db_result *res)
{
	struct bulk *k = req->state;
	struct id id;
	size_t i;
	int row;

	for (row = 0; row < db_rows(res); row++)
		for (i = 0; db_id(res, row, 0, &id) == 0 && i < k->n; i++)
			if (id_eq(&k->v[i].command, &id))
				k->v[i].ordered = true;
	for (i = 0; i < k->n; i++)
		if (k->v[i].error == NULL && !k->v[i].ordered)
			k->v[i].error = "the node is gone, or too many "
			    "commands wait for it already";
	if (hub_up(req->apid->hub))
		ring(req, k);
	if (k->waits > 0)
		req->gone = gone;
	else
		answer(req, k, db_rows(res) > 0 ? 202 : 200);
}

static void
put_row(struct req *req, struct target *t, struct buf cols[4])
{
	const struct body *b = req->body;
	struct buf sealed = BUF_INIT;

	id_new(&t->command);
	secret_seal(req->apid->key, "command", b->action.p, b->action.n,
	    (struct slice){ (const char *)t->command.b,
	    sizeof(t->command.b) }, &sealed);
	db_array_id(&cols[0], &t->command);
	db_array_text(&cols[1], slice_of(t->node));
	db_array_hex(&cols[2], buf_head(&sealed), buf_used(&sealed));
	db_array_text(&cols[3], slice_of(t->role));
	buf_free(&sealed);
}

static void
order(struct req *req, struct bulk *k)
{
	const struct body *b = req->body;
	int64_t ttl = !b->queue ? HUB_COMMAND_MS / 1000 :
	    b->has_ttl.present ? b->ttl : TTL_DEFAULT;
	struct buf cols[4] = { BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT };
	size_t i;

	for (i = 0; i < nitems(cols); i++)
		db_array_begin(&cols[i]);
	for (i = 0; i < k->n; i++)
		if (k->v[i].error == NULL)
			put_row(req, &k->v[i], cols);
	for (i = 0; i < nitems(cols); i++)
		db_array_end(&cols[i]);
	const struct db_arg args[] = {
		db_str(buf_cstr(&cols[0])), db_str(buf_cstr(&cols[1])),
		db_str(buf_cstr(&cols[2])), db_str(buf_cstr(&cols[3])),
		arg_access(req), db_str(k->what), arg_i64(req, ttl),
		db_str(req->address), db_str(req->id),
	};

	req_db(req, STMT_BULK_OPEN, args, nitems(args), ordered);
	for (i = 0; i < nitems(cols); i++)
		buf_free(&cols[i]);
}

/* What the node's driver says to it. */
static void
judge(struct req *req, struct bulk *k, struct target *t)
{
	const struct body *b = req->body;
	const struct driver_command *what = NULL;
	struct json_faults faults = { .n = 0 };
	const struct driver *driver = t->name == NULL ? NULL :
	    driver_find(slice_of(t->type));
	enum err err = driver == NULL ? ERR_NOT_FOUND :
	    driver_check(driver, req->arena, b->action, req->who->role,
	    "/action", &faults, &what);

	if (t->name == NULL)
		t->error = "there is no such node";
	else if (driver == NULL)
		t->error = "nothing is known of commands for this type of "
		    "device";
	else if (err == ERR_FORBIDDEN)
		t->error = "your role does not allow this command";
	else if (err != ERR_OK)
		t->error = arena_printf(req->arena, "%s %s",
		    faults.v[0].pointer, faults.v[0].detail);
	else if (!b->queue && !is_here(t))
		t->error = "the node is not connected";
	else {
		t->role = role_name(what->role);
		k->what = what->name;
		k->good++;
	}
}

static const char *
column(struct req *req, const struct db_result *res, int row, int col)
{
	return db_isnull(res, row, col) ? NULL :
	    arena_strdup(req->arena, db_cstr(res, row, col));
}

/* Columns: node, name, device type, status. */
static void
picked(struct req *req, const struct db_result *res)
{
	const struct body *b = req->body;
	struct bulk *k = arena_calloc(req->arena, sizeof(*k));
	int i, n = db_rows(res);

	if (n > H_BULK_NODES) {
		req_fail(req, ERR_INVALID, "the selection has more than %d "
		    "nodes", H_BULK_NODES);
		return;
	}
	k->n = (size_t)n;
	k->v = arena_calloc(req->arena, (k->n + 1) * sizeof(*k->v));
	for (i = 0; i < n; i++) {
		k->v[i].node = column(req, res, i, 0);
		k->v[i].name = column(req, res, i, 1);
		k->v[i].type = column(req, res, i, 2);
		k->v[i].status = column(req, res, i, 3);
		judge(req, k, &k->v[i]);
	}
	req->state = k;
	if (b->dry_run || k->good == 0)
		answer(req, k, 200);
	else
		order(req, k);
}

/* The rest of it is for each node's driver to judge. */
static bool
has_type(const struct body *b)
{
	struct slice raw;

	return json_member(b->action.p, b->action.n, "type", &raw) &&
	    raw.p[0] == '"';
}

void
h_bulk(struct req *req)
{
	const struct body *b = req->body;

	if (!has_type(b))
		req_fault(req, ERR_INVALID, "/action/type",
		    "must be a string, the name of a command");
	else if (b->has_name.present && (b->name.n == 0 ||
	    b->name.n > NAME_MAX_BYTES))
		req_fault(req, ERR_INVALID, "/name",
		    "must have 1 to 128 bytes");
	else if (b->has_ids.present == (b->has_type.present ||
	    b->has_status.present || b->has_name.present))
		req_fault(req, ERR_INVALID, "/node_ids", "is needed, or else "
		    "device_type, status or name, and not both");
	else if (b->wait && b->dry_run)
		req_fault(req, ERR_INVALID, "/wait",
		    "does not go with dry_run");
	else if (b->has_ttl.present && !b->queue)
		req_fault(req, ERR_INVALID, "/ttl",
		    "goes with \"queue\": true only");
	else if (b->action.n > H_BULK_ACTION)
		req_fail(req, ERR_TOO_LARGE, "an action for many nodes has "
		    "at most %d bytes", H_BULK_ACTION);
	else if (command_unmasked(req, b->action, "/action")) {
		const struct db_arg args[] = { db_slice(b->node_ids),
		    arg_access(req), db_slice(b->device_type),
		    db_slice(b->status), !b->has_name.present ? db_null() :
		    arg_like(req, arena_strndup(req->arena, b->name.p,
		    b->name.n)) };

		req_db(req, STMT_BULK_PICK, args, nitems(args), picked);
	}
}
