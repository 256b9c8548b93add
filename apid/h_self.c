/*
 * h_self: what everybody may change of his own account. A new password ends
 * the other sessions; API tokens stay, they have an end of their own.
 */
#include <stddef.h>

#include "apid.h"
#include "arg.h"
#include "auth.h"
#include "db.h"
#include "factor.h"
#include "h_self.h"
#include "json.h"
#include "pwhash.h"
#include "req.h"
#include "secret.h"
#include "settings.h"
#include "stmt.h"
#include "valid.h"
#include "xmalloc.h"

struct profile {
	struct slice		display_name, email;
	struct json_state	has_email;
};

static const struct json_field profile_fields[] = {
	{ .name = "display_name", .type = JSON_STRING,
	  .offset = offsetof(struct profile, display_name),
	  .valid = valid_name },
	{ .name = "email", .type = JSON_STRING, .flags = JSON_NULLABLE,
	  .offset = offsetof(struct profile, email),
	  .state = offsetof(struct profile, has_email),
	  .valid = valid_email },
};
const struct json_schema h_self_update_body =
    { profile_fields, nitems(profile_fields), .open = true };
const size_t h_self_update_size = sizeof(struct profile);

struct passwords {
	struct slice	current, password;
};

static const char *
valid_current(struct slice s)
{
	return s.n >= 1 && s.n <= 128 ? NULL : "must be 1 to 128 bytes";
}

static const struct json_field password_fields[] = {
	{ .name = "current_password", .type = JSON_STRING,
	  .flags = JSON_REQUIRED, .offset = offsetof(struct passwords,
	  current), .valid = valid_current },
	{ .name = "password", .type = JSON_STRING, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct passwords, password),
	  .valid = valid_password },
};
const struct json_schema h_self_password_body =
    { password_fields, nitems(password_fields), .open = true };
const size_t h_self_password_size = sizeof(struct passwords);

/* Columns: json, version, found, below. */
static void
updated(struct req *req, const struct db_result *res)
{
	if (db_rows(res) == 1 && !db_isnull(res, 0, 0)) {
		req_etag_version(req, db_i64(res, 0, 1));
		req_json_db(req, 200, res, 0, 0);
	} else
		req_fail(req, ERR_PRECONDITION, NULL);
}

void
h_self_update(struct req *req)
{
	const struct profile *b = req->body;
	struct db_arg if_match;

	if (!arg_if_match(req, &if_match))
		return;
	const struct db_arg args[] = {
		if_match, db_slice(b->display_name),
		b->has_email.null ? db_null() : db_slice(b->email),
		arg_bool(b->has_email.present), arg_address(req),
		db_str(req->id),
	};
	req_db(req, STMT_SELF_UPDATE, args, nitems(args), updated);
}

static void
password_set(struct req *req, const struct db_result *res)
{
	if (db_rows(res) != 1) {
		req_fail(req, ERR_UNAUTHENTICATED, NULL);
		return;
	}
	settings_poll(req->apid->settings);
	req_empty(req, 204);
}

static void
password_hashed(void *arg, bool ok, const char *phc)
{
	struct req *req = arg;
	const struct passwords *b = req->body;

	secret_wipe((void *)(uintptr_t)b->password.p, b->password.n);
	if (!ok) {
		req_fail(req, ERR_UNAVAILABLE, "no memory for the password");
		return;
	}
	const struct db_arg args[] = { db_str(phc),
	    db_str(req->who->session_text), arg_address(req),
	    db_str(req->id) };

	req_db(req, STMT_SELF_PASSWORD, args, nitems(args), password_set);
}

static void
password_proved(struct req *req, struct proof *p)
{
	const struct passwords *b = req->body;

	(void)p;
	if (!pwhash_make(req->apid->pwhash, b->password, password_hashed,
	    req))
		req_fail(req, ERR_UNAVAILABLE, "too many passwords at once");
}

void
h_self_password(struct req *req)
{
	const struct passwords *b = req->body;

	proof_ask(req, b->current, "/current_password", password_proved);
}
