/*
 * h_token: API tokens. What one may do is the smaller of its own scope and
 * its owner's rights, read at every request (auth.h), so that a scope is
 * only ever a bound. Its text is made here and leaves once, in the answer.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "apid.h"
#include "arg.h"
#include "auth.h"
#include "db.h"
#include "h_token.h"
#include "json.h"
#include "mono.h"
#include "req.h"
#include "role.h"
#include "secret.h"
#include "settings.h"
#include "stmt.h"
#include "valid.h"
#include "xmalloc.h"

#define DAY		(86400 * (int64_t)MONO_SEC)
#define LIFE_DEFAULT	(90 * DAY)
#define LIFE_MAX	(366 * DAY)
#define TOKENS_MAX	100		/* of one user, ended ones too */

struct body {
	struct slice		name, max_role, nodes;
	int64_t			expires_at;
	bool			read_only;
	struct json_state	has_expires, has_nodes;
};

static const char *const roles[] = { "viewer", "operator", "admin",
    "super_admin", NULL };

/* Closed: a scope that is misspelt must not become a token without one. */
static const struct json_field create_fields[] = {
	{ .name = "name", .type = JSON_STRING, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct body, name), .valid = valid_name },
	{ .name = "max_role", .type = JSON_ENUM, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct body, max_role), .names = roles },
	{ .name = "read_only", .type = JSON_BOOL,
	  .offset = offsetof(struct body, read_only) },
	{ .name = "node_ids", .type = JSON_UUIDS, .flags = JSON_NULLABLE,
	  .offset = offsetof(struct body, nodes),
	  .state = offsetof(struct body, has_nodes) },
	{ .name = "expires_at", .type = JSON_TIME,
	  .offset = offsetof(struct body, expires_at),
	  .state = offsetof(struct body, has_expires) },
};
const struct json_schema h_token_create_body =
    { create_fields, nitems(create_fields), .open = false };
const size_t h_token_create_size = sizeof(struct body);

static void
answer(struct req *req, const struct db_result *res)
{
	req_json_db(req, 200, res, 0, 0);
}

/* One's own; of another for administrators. */
void
h_token_list(struct req *req)
{
	struct id user = req->who->user;

	if (req_query_id(req, "user_id", &user) == -1)
		return;
	if (!id_eq(&user, &req->who->user) && req->who->role < ROLE_ADMIN) {
		req_fail(req, ERR_FORBIDDEN, NULL);
		return;
	}
	const struct db_arg args[] = { arg_id(req, &user) };

	req_db(req, STMT_API_TOKEN_LIST, args, nitems(args), answer);
}

/* ---- making ---- */

/* False: answered. */
static bool
within(struct req *req)
{
	struct body *b = req->body;
	wall_us now = wall_now();

	if (role_parse(b->max_role) > req->who->role) {
		req_fail(req, ERR_FORBIDDEN,
		    "nobody gives a token a role above his own");
		return false;
	}
	if (b->nodes.p != NULL && !who_may_all(req->who, b->nodes)) {
		req_fail(req, ERR_FORBIDDEN,
		    "nobody gives a token nodes that he may not access");
		return false;
	}
	if (!b->has_expires.present)
		b->expires_at = now + LIFE_DEFAULT;
	if (b->expires_at > now && b->expires_at <= now + LIFE_MAX)
		return true;
	req_fault(req, ERR_INVALID, "/expires_at",
	    "must be in the future, at most 366 days ahead");
	return false;
}

/* The text in req->state, for the answer; its hash as a parameter. */
static struct db_arg
arg_new_token(struct req *req)
{
	char *text = arena_alloc(req->arena, AUTH_API_TOKEN + 1);
	uint8_t *hash = arena_alloc(req->arena, SECRET_HASH);

	memcpy(text, AUTH_API_MARK, sizeof(AUTH_API_MARK));
	auth_make(text + sizeof(AUTH_API_MARK) - 1);
	auth_hash(req->apid->auth, slice_of(text), hash);
	req->state = text;
	return db_bytes(hash, SECRET_HASH);
}

static void
created(struct req *req, const struct db_result *res)
{
	struct slice object;

	if (db_rows(res) != 1) {
		req_fail(req, ERR_CONFLICT,
		    "a user has at most %d tokens: delete one", TOKENS_MAX);
		return;
	}
	object = db_get(res, 0, 0);
	req_header(req, "Location", arena_printf(req->arena,
	    "/api/v1/tokens/%s", db_cstr(res, 0, 1)));
	req_json(req, 201, slice_of(arena_printf(req->arena,
	    "%.*s,\"token\":\"%s\"}", (int)object.n - 1, object.p,
	    (const char *)req->state)));
}

void
h_token_create(struct req *req)
{
	const struct body *b = req->body;
	struct id id;

	if (!within(req))
		return;
	id_new(&id);
	const struct db_arg args[] = {
		arg_id(req, &id), arg_new_token(req), db_slice(b->name),
		db_slice(b->max_role), arg_bool(b->read_only),
		db_slice(b->nodes), arg_time(req, b->expires_at),
		arg_i64(req, TOKENS_MAX), arg_address(req), db_str(req->id),
	};
	req_db(req, STMT_API_TOKEN_CREATE, args, nitems(args), created);
}

/* ---- ending ---- */

/* Columns: found, below. */
static void
deleted(struct req *req, const struct db_result *res)
{
	if (db_rows(res) != 1)
		req_fail(req, ERR_NOT_FOUND, "there is no such token");
	else if (!db_bool(res, 0, 0))
		req_fail(req, ERR_FORBIDDEN,
		    "the account is above that of the caller");
	else {
		settings_poll(req->apid->settings);
		req_empty(req, 204);
	}
}

void
h_token_delete(struct req *req)
{
	const struct db_arg args[] = { arg_param(req, 0), arg_access(req),
	    arg_address(req), db_str(req->id) };

	req_db(req, STMT_API_TOKEN_DELETE, args, nitems(args), deleted);
}
