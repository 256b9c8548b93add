/*
 * h_link: mastctl setup makes the first administrator without a password
 * that anybody knows, and prints a link with a secret that is good once. Who
 * has the link chooses the password. Counted like a sign-in.
 */
#include <stddef.h>

#include "apid.h"
#include "arg.h"
#include "db.h"
#include "factor.h"
#include "h_link.h"
#include "json.h"
#include "pwhash.h"
#include "req.h"
#include "secret.h"
#include "stmt.h"
#include "valid.h"
#include "xmalloc.h"

#define SECRET 64		/* hex digits */

struct link_body { struct slice secret, password; };

static const char *
valid_secret(struct slice s)
{
	size_t i;

	for (i = 0; i < s.n && ((s.p[i] >= '0' && s.p[i] <= '9') ||
	    (s.p[i] >= 'a' && s.p[i] <= 'f')); i++)
		;
	return s.n == SECRET && i == s.n ? NULL :
	    "must be 64 hexadecimal digits";
}

static const struct json_field fields[] = {
	{ .name = "secret", .type = JSON_STRING, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct link_body, secret),
	  .valid = valid_secret },
	{ .name = "password", .type = JSON_STRING, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct link_body, password),
	  .valid = valid_password },
};
const struct json_schema h_link_body =
    { fields, nitems(fields), .open = true };
const size_t h_link_size = sizeof(struct link_body);

static void
used(struct req *req, const struct db_result *res)
{
	struct buf b = BUF_INIT;
	struct json_w w;

	if (db_isnull(res, 0, 0)) {
		req_fail(req, ERR_BAD_CREDENTIALS,
		    "the link was used, has ended, or never was one");
		return;
	}
	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "username");
	json_w_slice(&w, db_get(res, 0, 0));
	json_w_end_object(&w);
	req_json(req, 200, buf_slice(&b));
	buf_free(&b);
}

static void
hashed(void *arg, bool ok, const char *phc)
{
	struct req *req = arg;
	const struct link_body *b = req->body;
	uint8_t hash[SECRET_HASH];

	secret_hash(req->apid->key, "link", b->secret.p, b->secret.n, hash);
	secret_wipe((void *)(uintptr_t)b->secret.p, b->secret.n);
	secret_wipe((void *)(uintptr_t)b->password.p, b->password.n);
	if (!ok) {
		req_fail(req, ERR_UNAVAILABLE, "no memory for the password");
		return;
	}
	const struct db_arg args[] = { db_bytes(hash, sizeof(hash)),
	    db_str(phc), arg_address(req), db_str(req->id) };

	req_db(req, STMT_LINK_PASSWORD, args, nitems(args), used);
}

void
h_link(struct req *req)
{
	const struct link_body *b = req->body;

	if (!factor_attempt(req))
		req_fail(req, ERR_RATE_LIMITED, "too many attempts");
	else if (!pwhash_make(req->apid->pwhash, b->password, hashed, req))
		req_fail(req, ERR_UNAVAILABLE, "too many passwords at once");
}
