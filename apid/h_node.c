/*
 * h_node: the nodes' resource. A registration token is made here and leaves
 * once, in the answer; PostgreSQL only ever sees its keyed hash.
 */
#include <stddef.h>

#include "apid.h"
#include "arg.h"
#include "buf.h"
#include "db.h"
#include "driver.h"
#include "h_node.h"
#include "hub.h"
#include "json.h"
#include "page.h"
#include "req.h"
#include "secret.h"
#include "stmt.h"
#include "valid.h"
#include "xmalloc.h"

/* Life of a registration token, seconds. */
#define TTL		(24 * 3600)
#define TTL_MIN		60
#define TTL_MAX		(30 * 24 * 3600)

struct body {
	struct slice		name, description, device_type;
	int64_t			expires_at, token_ttl;
	struct json_state	has_name, has_description, has_expires,
				has_ttl;
};

static const char *
valid_type(struct slice type)
{
	return driver_find(type) != NULL ? NULL :
	    "must be one of the types of /api/v1/device-types";
}

static const struct json_field create_fields[] = {
	{ .name = "name", .type = JSON_STRING, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct body, name), .valid = valid_name },
	{ .name = "description", .type = JSON_STRING, .flags = JSON_NULLABLE,
	  .offset = offsetof(struct body, description),
	  .state = offsetof(struct body, has_description),
	  .valid = valid_description },
	{ .name = "device_type", .type = JSON_STRING,
	  .offset = offsetof(struct body, device_type), .valid = valid_type },
	{ .name = "expires_at", .type = JSON_TIME, .flags = JSON_NULLABLE,
	  .offset = offsetof(struct body, expires_at),
	  .state = offsetof(struct body, has_expires) },
	{ .name = "token_ttl_secs", .type = JSON_INT, .min = TTL_MIN,
	  .max = TTL_MAX, .offset = offsetof(struct body, token_ttl),
	  .state = offsetof(struct body, has_ttl) },
};
const struct json_schema h_node_create_body =
    { create_fields, nitems(create_fields), .open = true };
const size_t h_node_create_size = sizeof(struct body);

static const struct json_field update_fields[] = {
	{ .name = "name", .type = JSON_STRING,
	  .offset = offsetof(struct body, name),
	  .state = offsetof(struct body, has_name), .valid = valid_name },
	{ .name = "description", .type = JSON_STRING, .flags = JSON_NULLABLE,
	  .offset = offsetof(struct body, description),
	  .state = offsetof(struct body, has_description),
	  .valid = valid_description },
	{ .name = "expires_at", .type = JSON_TIME, .flags = JSON_NULLABLE,
	  .offset = offsetof(struct body, expires_at),
	  .state = offsetof(struct body, has_expires) },
};
const struct json_schema h_node_update_body =
    { update_fields, nitems(update_fields), .open = true };
const size_t h_node_update_size = sizeof(struct body);

static struct db_arg
arg_description(const struct body *b)
{
	if (b->has_description.null || !b->has_description.present)
		return db_null();
	return (struct db_arg){ b->description.n == 0 ? "" :
	    b->description.p, (int)b->description.n, false };
}

/* False: answered, an expiry has to lie in the future. */
static bool
arg_expires(struct req *req, struct db_arg *arg_r)
{
	const struct body *b = req->body;

	*arg_r = db_null();
	if (!b->has_expires.present || b->has_expires.null)
		return true;
	if (b->expires_at <= wall_now()) {
		req_fault(req, ERR_INVALID, "/expires_at",
		    "must be in the future");
		return false;
	}
	*arg_r = arg_time(req, b->expires_at);
	return true;
}

/* A new registration token; its hash as a parameter. The text waits in
 * req->state for the answer. */
static struct db_arg
arg_new_token(struct req *req)
{
	char *text = arena_alloc(req->arena, ID_TEXT);
	uint8_t *hash = arena_alloc(req->arena, SECRET_HASH);
	struct id id;

	id_random(&id);
	id_text(&id, text);
	secret_hash(req->apid->key, "token", text, ID_TEXT - 1, hash);
	req->state = text;
	return db_bytes(hash, SECRET_HASH);
}

/* An object of PostgreSQL's, and the token as its last member. */
static void
answer_with_token(struct req *req, int status, struct slice object)
{
	char *text = arena_printf(req->arena, "%.*s%s\"registration_token\":"
	    "\"%s\"}", (int)object.n - 1, object.p,
	    object.n > 2 ? "," : "", (const char *)req->state);

	req_json(req, status, slice_of(text));
}

/* Columns: json, version. */
static void
answer_node(struct req *req, const struct db_result *res)
{
	if (db_rows(res) == 1 && !db_isnull(res, 0, 0))
		req_etag_version(req, db_i64(res, 0, 1));
	req_json_db(req, 200, res, 0, 0);
}

/* The list has no version of its own: its row asks for a content hash. */
static void
answer_list(struct req *req, const struct db_result *res)
{
	page_answer(req, req->state, res);
}

/* All of them at once, as the contract has it, unless a page is asked for. */
void
h_node_list(struct req *req)
{
	static const struct page_list nodes = { "nodes", 2, PAGE_ALL, 1000 };
	static const char *const statuses[] = { "pending", "online",
	    "offline", "degraded", "error", NULL };
	const char *type, *status, *name;
	struct page *p;

	if (req_query(req, "device_type", 64, &type) == -1 ||
	    req_query_enum(req, "status", statuses, &status) == -1 ||
	    req_query(req, "search", 128, &name) == -1 ||
	    (p = page_get(req, &nodes)) == NULL)
		return;
	const struct db_arg args[] = {
		db_str(type), arg_access(req), db_str(status),
		arg_like(req, name), page_limit(req, p), page_key(p, 0),
		page_key(p, 1),
	};
	req->state = p;
	req_db(req, p->asked ? STMT_NODE_PAGE : STMT_NODE_LIST, args,
	    p->asked ? 7 : 4, answer_list);
}

void
h_node_get(struct req *req)
{
	const struct db_arg args[] = { arg_node(req), arg_access(req) };

	req_db(req, STMT_NODE_GET, args, nitems(args), answer_node);
}

static void
created(struct req *req, const struct db_result *res)
{
	if (db_rows(res) != 1) {	/* the caller's account went meanwhile */
		req_fail(req, ERR_FORBIDDEN, NULL);
		return;
	}
	req_header(req, "Location", arena_printf(req->arena,
	    "/api/v1/nodes/%s", db_cstr(res, 0, 2)));
	req_etag_version(req, db_i64(res, 0, 1));
	answer_with_token(req, 201, db_get(res, 0, 0));
}

void
h_node_create(struct req *req)
{
	const struct body *b = req->body;
	struct db_arg expires;
	struct id id;

	if (!arg_expires(req, &expires))
		return;
	id_new(&id);
	const struct db_arg args[] = {
		arg_id(req, &id), db_slice(b->name), arg_description(b),
		b->device_type.p == NULL ? db_str(driver_at(0)->device_type) :
		    db_slice(b->device_type),
		expires, arg_new_token(req), arg_address(req),
		db_str(req->id),
		arg_i64(req, b->has_ttl.present ? b->token_ttl : TTL),
	};
	req_db(req, STMT_NODE_CREATE, args, nitems(args), created);
}

/* Columns: json, version, found. A row that was found and not changed was
 * not the version that If-Match named. */
static bool
changed(struct req *req, const struct db_result *res)
{
	if (db_rows(res) == 1 && !db_isnull(res, 0, 0))
		return true;
	if (db_rows(res) == 1 && db_bool(res, 0, 2))
		req_fail(req, ERR_PRECONDITION, NULL);
	else
		req_fail(req, ERR_NOT_FOUND, "there is no such node");
	return false;
}

static void
updated(struct req *req, const struct db_result *res)
{
	if (!changed(req, res))
		return;
	hub_node_changed(req->apid->hub, &req->params.v[0].id,
	    MSG_NODE_UPDATED);
	answer_node(req, res);
}

void
h_node_update(struct req *req)
{
	const struct body *b = req->body;
	struct db_arg expires, if_match;

	if (!arg_expires(req, &expires) || !arg_if_match(req, &if_match))
		return;
	const struct db_arg args[] = {
		arg_node(req), arg_access(req), if_match, db_slice(b->name),
		arg_description(b), arg_bool(b->has_description.present),
		expires, arg_bool(b->has_expires.present),
		arg_address(req), db_str(req->id),
	};
	req_db(req, STMT_NODE_UPDATE, args, nitems(args), updated);
}

static void
deleted(struct req *req, const struct db_result *res)
{
	if (!changed(req, res))
		return;
	hub_node_changed(req->apid->hub, &req->params.v[0].id,
	    MSG_NODE_DELETED);
	req_empty(req, 204);
}

void
h_node_delete(struct req *req)
{
	struct db_arg if_match;

	if (!arg_if_match(req, &if_match))
		return;
	const struct db_arg args[] = { arg_node(req), arg_access(req),
	    if_match, arg_address(req), db_str(req->id) };

	req_db(req, STMT_NODE_DELETE, args, nitems(args), deleted);
}

static void
token_made(struct req *req, const struct db_result *res)
{
	if (db_rows(res) != 1) {
		req_fail(req, ERR_NOT_FOUND, "there is no such node");
		return;
	}
	hub_node_changed(req->apid->hub, &req->params.v[0].id,
	    MSG_NODE_TOKEN);
	answer_with_token(req, 200, SLICE("{}"));
}

void
h_node_token(struct req *req)
{
	int64_t ttl = TTL;

	if (req_query_i64(req, "ttl_secs", TTL_MIN, TTL_MAX, &ttl) == -1)
		return;
	const struct db_arg args[] = { arg_node(req), arg_access(req),
	    arg_new_token(req), arg_address(req), db_str(req->id),
	    arg_i64(req, ttl) };

	req_db(req, STMT_NODE_TOKEN, args, nitems(args), token_made);
}

void
h_node_types(struct req *req)
{
	struct buf text = BUF_INIT;

	driver_types_json(&text);
	req_json(req, 200, buf_slice(&text));
	buf_free(&text);
}
