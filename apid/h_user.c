/*
 * h_user: the users' resource. Nobody makes or edits an account that is
 * above his own, by role or by nodes, nor his own by this path. Ids of nodes
 * that do not exist are kept: they grant nothing, and a list that was read
 * can be sent back after a node of it was deleted.
 */
#include <stddef.h>
#include <string.h>

#include "apid.h"
#include "arg.h"
#include "auth.h"
#include "db.h"
#include "h_user.h"
#include "json.h"
#include "mono.h"
#include "pwhash.h"
#include "req.h"
#include "role.h"
#include "secret.h"
#include "settings.h"
#include "stmt.h"
#include "valid.h"
#include "xmalloc.h"

struct body {
	struct slice		username, password, display_name, email, role;
	struct slice		nodes;
	int64_t			expires_at;
	bool			is_temporary, is_active;
	struct json_state	has_email, has_expires, has_nodes;
	struct json_state	has_temporary, has_active;
};

static const char *const roles[] = { "viewer", "operator", "admin",
    "super_admin", NULL };

#define OPTIONAL_FIELDS \
	{ .name = "email", .type = JSON_STRING, .flags = JSON_NULLABLE, \
	  .offset = offsetof(struct body, email), \
	  .state = offsetof(struct body, has_email), .valid = valid_email }, \
	{ .name = "expires_at", .type = JSON_TIME, .flags = JSON_NULLABLE, \
	  .offset = offsetof(struct body, expires_at), \
	  .state = offsetof(struct body, has_expires) }, \
	{ .name = "allowed_node_ids", .type = JSON_UUIDS, \
	  .flags = JSON_NULLABLE, .offset = offsetof(struct body, nodes), \
	  .state = offsetof(struct body, has_nodes) }

static const struct json_field create_fields[] = {
	{ .name = "username", .type = JSON_STRING, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct body, username), .valid = valid_username },
	{ .name = "password", .type = JSON_STRING, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct body, password), .valid = valid_password },
	{ .name = "display_name", .type = JSON_STRING, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct body, display_name),
	  .valid = valid_name },
	{ .name = "role", .type = JSON_ENUM, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct body, role), .names = roles },
	{ .name = "is_temporary", .type = JSON_BOOL, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct body, is_temporary) },
	OPTIONAL_FIELDS,
};
const struct json_schema h_user_create_body =
    { create_fields, nitems(create_fields), .open = true };
const size_t h_user_create_size = sizeof(struct body);

static const struct json_field update_fields[] = {
	{ .name = "password", .type = JSON_STRING,
	  .offset = offsetof(struct body, password), .valid = valid_password },
	{ .name = "display_name", .type = JSON_STRING,
	  .offset = offsetof(struct body, display_name),
	  .valid = valid_name },
	{ .name = "role", .type = JSON_ENUM,
	  .offset = offsetof(struct body, role), .names = roles },
	{ .name = "is_temporary", .type = JSON_BOOL,
	  .offset = offsetof(struct body, is_temporary),
	  .state = offsetof(struct body, has_temporary) },
	{ .name = "is_active", .type = JSON_BOOL,
	  .offset = offsetof(struct body, is_active),
	  .state = offsetof(struct body, has_active) },
	OPTIONAL_FIELDS,
};
const struct json_schema h_user_update_body =
    { update_fields, nitems(update_fields), .open = true };
const size_t h_user_update_size = sizeof(struct body);

/* ---- what both bodies share ---- */

/* False: answered, the body gives more than its sender has. */
static bool
within(struct req *req)
{
	const struct body *b = req->body;

	if (b->role.p != NULL && role_parse(b->role) > req->who->role) {
		req_fail(req, ERR_FORBIDDEN,
		    "nobody grants a role above his own");
		return false;
	}
	if (b->has_nodes.present && !(b->has_nodes.null ?
	    req->who->all_nodes : who_may_all(req->who, b->nodes))) {
		req_fail(req, ERR_FORBIDDEN,
		    "nobody grants nodes that he may not access");
		return false;
	}
	return true;
}

static struct db_arg
arg_expires(struct req *req)
{
	const struct body *b = req->body;

	return b->has_expires.present && !b->has_expires.null ?
	    arg_time(req, b->expires_at) : db_null();
}

static struct db_arg
arg_flag(struct json_state state, bool value)
{
	return state.present ? arg_bool(value) : db_null();
}

/* Hashes the password of the body away from the loop, then goes on with
 * the hash; a full queue is answered. */
static void
hash_then(struct req *req, pwhash_fn next)
{
	const struct body *b = req->body;

	if (!pwhash_make(req->apid->pwhash, b->password, next, req))
		req_fail(req, ERR_UNAVAILABLE, "too many passwords at once");
}

/* False: answered, no hash was made. */
static bool
hashed(struct req *req, bool ok)
{
	const struct body *b = req->body;

	secret_wipe((void *)(uintptr_t)b->password.p, b->password.n);
	if (!ok)
		req_fail(req, ERR_UNAVAILABLE, "no memory for the password");
	return ok;
}

/* What a rule of the database refused, in words. */
static void
failed(struct req *req, const struct db_result *res)
{
	const char *rule = db_constraint(res);

	if (strcmp(rule, "users_last_super_admin") == 0)
		req_fail(req, ERR_CONFLICT, "the last super_admin who can "
		    "sign in has to stay one");
	else if (strcmp(rule, "users_username_key") == 0)
		req_fault(req, ERR_DUPLICATE, "/username", "is taken");
	else
		req_db_fail(req, res);
}

/* Columns: json, version, found, below. False: answered. */
static bool
changed(struct req *req, const struct db_result *res)
{
	if (db_err(res) != ERR_OK)
		failed(req, res);
	else if (db_rows(res) == 1 && !db_isnull(res, 0, 0))
		return true;
	else if (db_rows(res) != 1 || !db_bool(res, 0, 2))
		req_fail(req, ERR_NOT_FOUND, "there is no such user");
	else if (!db_bool(res, 0, 3))
		req_fail(req, ERR_FORBIDDEN,
		    "the account is above that of the caller");
	else
		req_fail(req, ERR_PRECONDITION, NULL);
	return false;
}

/* ---- reading ---- */

static void
answer_list(struct req *req, const struct db_result *res)
{
	req_json_db(req, 200, res, 0, 0);
}

void
h_user_list(struct req *req)
{
	req_db(req, STMT_USER_LIST, NULL, 0, answer_list);
}

static void
answer_user(struct req *req, const struct db_result *res)
{
	if (db_rows(res) == 1)
		req_etag_version(req, db_i64(res, 0, 1));
	req_json_db(req, 200, res, 0, 0);
}

/* Oneself, whatever the role. */
void
h_user_get(struct req *req)
{
	const struct db_arg args[] = { arg_param(req, 0) };

	if (req->who->role < ROLE_ADMIN &&
	    !id_eq(&req->params.v[0].id, &req->who->user))
		req_fail(req, ERR_FORBIDDEN, NULL);
	else
		req_db(req, STMT_USER_GET, args, nitems(args), answer_user);
}

/* ---- making ---- */

static void
created(struct req *req, const struct db_result *res)
{
	if (db_err(res) != ERR_OK) {
		failed(req, res);
		return;
	}
	if (db_rows(res) != 1) {	/* the caller's account went meanwhile */
		req_fail(req, ERR_FORBIDDEN, NULL);
		return;
	}
	req_header(req, "Location", arena_printf(req->arena,
	    "/api/v1/users/%s", db_cstr(res, 0, 2)));
	req_etag_version(req, db_i64(res, 0, 1));
	req_json_db(req, 201, res, 0, 0);
}

static void
create_hashed(void *arg, bool ok, const char *phc)
{
	struct req *req = arg;
	const struct body *b = req->body;
	bool all = !b->has_nodes.present || b->has_nodes.null;
	struct id id;

	if (!hashed(req, ok))
		return;
	id_new(&id);
	const struct db_arg args[] = {
		arg_id(req, &id), db_slice(b->username), db_str(phc),
		db_slice(b->display_name), db_slice(b->email),
		db_slice(b->role), arg_bool(b->is_temporary),
		arg_expires(req), arg_bool(all),
		all ? db_null() : db_slice(b->nodes), arg_address(req),
		db_str(req->id),
	};
	req_db_any(req, STMT_USER_CREATE, args, nitems(args), created);
}

void
h_user_create(struct req *req)
{
	struct body *b = req->body;

	b->has_nodes.null |= !b->has_nodes.present;	/* absent: all */
	b->has_nodes.present = true;
	if (!within(req))
		return;
	if (b->has_expires.present && !b->has_expires.null &&
	    b->expires_at <= wall_now()) {
		req_fault(req, ERR_INVALID, "/expires_at",
		    "must be in the future");
		return;
	}
	hash_then(req, create_hashed);
}

/* ---- changing ---- */

static void
updated(struct req *req, const struct db_result *res)
{
	if (!changed(req, res))
		return;
	settings_poll(req->apid->settings);
	answer_user(req, res);
}

static void
update(struct req *req, const char *phc)
{
	const struct body *b = req->body;
	struct db_arg if_match;

	if (!arg_if_match(req, &if_match))
		return;
	const struct db_arg args[] = {
		arg_param(req, 0), arg_access(req), if_match,
		db_slice(b->display_name),
		b->has_email.null ? db_null() : db_slice(b->email),
		arg_bool(b->has_email.present), db_slice(b->role),
		arg_flag(b->has_temporary, b->is_temporary),
		arg_expires(req), arg_bool(b->has_expires.present),
		arg_flag(b->has_active, b->is_active), db_str(phc),
		b->has_nodes.null ? db_null() : db_slice(b->nodes),
		arg_bool(b->has_nodes.present), arg_address(req),
		db_str(req->id),
	};
	req_db_any(req, phc != NULL ? STMT_USER_PASSWORD : STMT_USER_UPDATE,
	    args, nitems(args), updated);
}

static void
update_hashed(void *arg, bool ok, const char *phc)
{
	struct req *req = arg;

	if (hashed(req, ok))
		update(req, phc);
}

void
h_user_update(struct req *req)
{
	const struct body *b = req->body;

	if (id_eq(&req->params.v[0].id, &req->who->user)) {
		req_fail(req, ERR_FORBIDDEN, "nobody edits his own account "
		    "here: PUT /api/v1/auth/me");
		return;
	}
	if (!within(req))
		return;
	if (b->password.p != NULL)
		hash_then(req, update_hashed);
	else
		update(req, NULL);
}

static void
deleted(struct req *req, const struct db_result *res)
{
	if (!changed(req, res))
		return;
	settings_poll(req->apid->settings);
	req_empty(req, 204);
}

void
h_user_delete(struct req *req)
{
	struct db_arg if_match;

	if (id_eq(&req->params.v[0].id, &req->who->user)) {
		req_fail(req, ERR_BAD_REQUEST,
		    "nobody deletes his own account");
		return;
	}
	if (!arg_if_match(req, &if_match))
		return;
	const struct db_arg args[] = { arg_param(req, 0), arg_access(req),
	    if_match, arg_address(req), db_str(req->id) };

	req_db_any(req, STMT_USER_DELETE, args, nitems(args), deleted);
}
