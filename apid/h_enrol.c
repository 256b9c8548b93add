/*
 * h_enrol: see h_enrol.h. A node's new secret is made here, travels sealed
 * in the journal, and stays nowhere.
 */
#include <stddef.h>

#include "apid.h"
#include "arg.h"
#include "command.h"
#include "db.h"
#include "h_enrol.h"
#include "hub.h"
#include "json.h"
#include "req.h"
#include "secret.h"
#include "stmt.h"
#include "xmalloc.h"

#define SECRET_BYTES	32
#define SECRET_TEXT	(2 * SECRET_BYTES + 1)

struct body {
	struct slice	reason;
};

static const char *
valid_reason(struct slice s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return "must not contain control characters";
	return s.n >= 1 && s.n <= 512 ? NULL : "must be 1 to 512 bytes";
}

static const struct json_field fields[] = {
	{ .name = "reason", .type = JSON_STRING, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct body, reason), .valid = valid_reason },
};
const struct json_schema h_enrol_quarantine_body =
    { fields, nitems(fields), .open = true };
const size_t h_enrol_quarantine_size = sizeof(struct body);

/* Columns: json, version, found. */
static void
held(struct req *req, const struct db_result *res, const char *already)
{
	if (db_rows(res) == 1 && !db_isnull(res, 0, 0)) {
		hub_node_changed(req->apid->hub, &req->params.v[0].id,
		    MSG_NODE_UPDATED);
		req_etag_version(req, db_i64(res, 0, 1));
		req_json_db(req, 200, res, 0, 0);
	} else if (db_rows(res) != 1 || !db_bool(res, 0, 2))
		req_fail(req, ERR_NOT_FOUND, "there is no such node");
	else if (http1_get(&req->h, "If-Match").p != NULL)
		req_fail(req, ERR_PRECONDITION, NULL);
	else
		req_fail(req, ERR_CONFLICT, "%s", already);
}

static void
quarantined(struct req *req, const struct db_result *res)
{
	held(req, res, "the node is in quarantine already");
}

static void
released(struct req *req, const struct db_result *res)
{
	held(req, res, "the node is not in quarantine");
}

void
h_enrol_quarantine(struct req *req)
{
	const struct body *b = req->body;
	struct db_arg if_match;

	if (!arg_if_match(req, &if_match))
		return;
	const struct db_arg args[] = { arg_node(req), arg_access(req),
	    if_match, arg_address(req), db_str(req->id),
	    db_slice(b->reason) };

	req_db(req, STMT_QUARANTINE, args, nitems(args), quarantined);
}

void
h_enrol_release(struct req *req)
{
	struct db_arg if_match;

	if (!arg_if_match(req, &if_match))
		return;
	const struct db_arg args[] = { arg_node(req), arg_access(req),
	    if_match, arg_address(req), db_str(req->id) };

	req_db(req, STMT_RELEASE, args, nitems(args), released);
}

void
h_enrol_rotate(struct req *req)
{
	uint8_t raw[SECRET_BYTES];
	uint8_t *hash = arena_alloc(req->arena, SECRET_HASH);
	char text[SECRET_TEXT + 2];
	struct command_ask ask = { .wait_ms = HUB_COMMAND_MS,
	    .ttl = HUB_COMMAND_MS / 1000, .secret_hash = hash };

	secret_random(raw, sizeof(raw));
	text[0] = text[SECRET_TEXT] = '"';
	str_hex(text + 1, raw, sizeof(raw));
	text[SECRET_TEXT] = '"';
	text[SECRET_TEXT + 1] = '\0';
	secret_hash(req->apid->key, "node", text + 1, SECRET_TEXT - 1, hash);
	ask.action = command_action(req, "rotate_secret", "new_secret",
	    slice_of(text));
	secret_wipe(raw, sizeof(raw));
	secret_wipe(text, sizeof(text));
	command_run(req, &ask);
}
