/*
 * h_auth: sign-in is limit -> lookup -> Argon2id -> session. Whatever is
 * wrong with the name, the password or the account, the same steps run and
 * the same answer is given.
 */
#include <stdio.h>
#include <string.h>

#include "apid.h"
#include "arg.h"
#include "auth.h"
#include "factor.h"
#include "h_auth.h"
#include "pwhash.h"
#include "refusal.h"
#include "req.h"
#include "secret.h"
#include "settings.h"
#include "stmt.h"

#define USERNAME_MAX	64
#define PASSWORD_MAX	128
#define AGENT_MAX	512
#define WRONG		"invalid username or password"

struct login {
	struct slice	username, password, totp;
	bool		form;			/* answered with redirects */
	/* what comes while it goes on */
	char		user[ID_TEXT];		/* empty: unknown */
	char		why[16];		/* of a refusal, for the audit */
	enum err	err;			/* of one, for the client */
	struct factor	factor;
	struct slice	object;			/* the user, JSON */
	char		token[65];
};

static const struct json_field login_fields[] = {
	{ .name = "username", .type = JSON_STRING, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct login, username) },
	{ .name = "password", .type = JSON_STRING, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct login, password) },
	{ .name = "totp", .type = JSON_STRING,
	  .offset = offsetof(struct login, totp) },
};
const struct json_schema h_auth_login_body = {
	.fields = login_fields, .nfields = 3, .open = true,
};
const size_t h_auth_login_size = sizeof(struct login);

/* 303, with the reason for the page when there is one. */
static void
form_answer(struct req *r, enum err err)
{
	const char *to = "/dashboard";

	if (err == ERR_BAD_CREDENTIALS || err == ERR_BAD_REQUEST)
		to = "/login?error=invalid";
	else if (err == ERR_TOTP)
		to = "/login?error=totp_required";
	else if (err == ERR_RATE_LIMITED)
		to = "/login?error=rate_limited";
	else if (err != ERR_OK)
		to = "/login?error=internal";
	r->err = err;
	req_header(r, "Location", to);
	req_empty(r, 303);
}

/* Every refusal has the contract's four members. */
static void
login_refuse(struct req *r, enum err err, const char *detail)
{
	const struct login *l = r->body;

	if (l->form) {
		form_answer(r, err);
		return;
	}
	req_fail_with(r, err, detail,
	    SLICE("\"success\":false,\"csrf_token\":null,\"user\":null"));
}

/* A failed statement, for either kind of client. False: answered. */
static bool
login_stored(struct req *r, const struct db_result *res)
{
	const struct login *l = r->body;

	if (db_err(res) == ERR_OK)
		return true;
	if (l->form)
		form_answer(r, db_err(res));
	else
		req_db_fail(r, res);
	return false;
}

static void
login_db(struct req *r, unsigned stmt, const struct db_arg *args, size_t n,
    req_db_fn done)
{
	const struct login *l = r->body;

	if (l->form && !db_up(r->apid->db))
		form_answer(r, ERR_DATABASE);
	else
		req_db_any(r, stmt, args, n, done);
}

static void
on_refused(struct req *r, const struct db_result *res)
{
	const struct login *l = r->body;

	if (!login_stored(r, res))
		return;
	login_refuse(r, l->err, l->err != ERR_TOTP ? WRONG :
	    l->totp.p == NULL ? "a code of the second factor is required" :
	    "the code is wrong or was used");
}

/* The refusal goes into the audit, then to the client. */
static void
refuse_noted(struct req *r, enum err err, const char *why)
{
	struct login *l = r->body;
	struct db_arg args[5];

	l->err = err;
	args[0] = db_slice(l->username);
	args[1] = db_str(l->user[0] != '\0' ? l->user : NULL);
	args[2] = db_str(why);
	args[3] = arg_address(r);
	args[4] = db_str(r->id);
	login_db(r, STMT_LOGIN_FAILED, args, 5, on_refused);
}

/* ---- the answer to a good one ---- */

static void
cookie(struct req *r, const char *name, const char *value, bool script,
    int64_t age)
{
	char text[256];

	snprintf(text, sizeof(text),
	    "%s=%s; %sSecure; SameSite=Lax; Path=/; Max-Age=%lld", name,
	    value, script ? "" : "HttpOnly; ", (long long)age);
	req_header(r, "Set-Cookie", text);
	secret_wipe(text, sizeof(text));
}

static void
on_opened(struct req *r, const struct db_result *res)
{
	struct login *l = r->body;
	char csrf[33];
	struct buf b = BUF_INIT;

	if (!login_stored(r, res))
		return;
	if (db_rows(res) == 0 && l->factor.n > 0) {
		/* no such recovery code, or somebody used it just now */
		factor_failed(r, l->username);
		refuse_noted(r, ERR_TOTP, "second factor");
		return;
	}
	if (db_rows(res) == 0) {	/* disabled between the two steps */
		login_refuse(r, ERR_BAD_CREDENTIALS, WRONG);
		return;
	}
	auth_cleared(r->apid->auth, l->username);
	auth_csrf(r->apid->auth, (struct slice){ l->token, 64 }, csrf);
	cookie(r, "session", l->token, false, db_i64(res, 0, 1));
	cookie(r, "csrf_token", csrf, true, db_i64(res, 0, 1));
	if (l->form) {
		secret_wipe(l->token, sizeof(l->token));
		form_answer(r, ERR_OK);
		return;
	}
	buf_puts(&b, "{\"success\":true,\"csrf_token\":\"");
	buf_puts(&b, csrf);
	buf_puts(&b, "\",\"user\":");
	buf_put(&b, l->object.p, l->object.n);
	buf_puts(&b, ",\"error\":null}");
	secret_wipe(l->token, sizeof(l->token));
	req_json(r, 200, buf_slice(&b));
	buf_free(&b);
}

/* The User-Agent, cut to what the column holds; NULL if not UTF-8. */
static struct slice
agent(const struct req *r)
{
	struct slice s = http1_get(&r->h, "User-Agent");
	size_t i;

	if (s.n > AGENT_MAX)
		s.n = AGENT_MAX;
	for (i = 0; i < s.n; i++)
		if ((uint8_t)s.p[i] >= 0x80)
			return (struct slice){ NULL, 0 };
	return s;
}

static void
session_open(struct req *r, struct login *l, struct db_arg step,
    struct db_arg recovery)
{
	uint8_t hash[SECRET_HASH];
	struct id session;
	char text[ID_TEXT];
	struct db_arg args[8];

	auth_make(l->token);
	auth_hash(r->apid->auth, (struct slice){ l->token, 64 }, hash);
	id_new(&session);
	id_text(&session, text);
	args[0] = db_str(l->user);
	args[1] = db_str(text);
	args[2] = db_bytes(hash, sizeof(hash));
	args[3] = arg_address(r);
	args[4] = db_slice(agent(r));
	args[5] = db_str(r->id);
	args[6] = step;
	args[7] = recovery;
	login_db(r, STMT_SESSION_OPEN, args, 8, on_opened);
}

/* ---- the way there ---- */

/* The password is right: the second factor, if there is one. */
static void
on_password(struct req *r, struct login *l)
{
	struct db_arg step = db_null(), recovery = db_null();

	if (l->factor.n > 0 && l->totp.p == NULL) {
		refuse_noted(r, ERR_TOTP, "no code");
		return;
	}
	if (l->factor.n > 0 && !factor_check(r, &l->factor, l->user, l->totp,
	    &step, &recovery)) {
		factor_failed(r, l->username);
		refuse_noted(r, ERR_TOTP, "second factor");
		return;
	}
	session_open(r, l, step, recovery);
}

static void
on_checked(void *arg, bool ok, const char *phc)
{
	struct req *r = arg;
	struct login *l = r->body;

	(void)phc;
	secret_wipe((void *)(uintptr_t)l->password.p, l->password.n);
	if (auth_locked(r->apid->auth, l->username))
		snprintf(l->why, sizeof(l->why), "locked");
	if (ok && l->why[0] == '\0') {
		on_password(r, l);
		return;
	}
	if (!ok)
		auth_failed(r->apid->auth, l->username);
	refuse_noted(r, ERR_BAD_CREDENTIALS,
	    l->why[0] != '\0' ? l->why : "password");
}

static void
on_user(struct req *r, const struct db_result *res)
{
	struct login *l = r->body;
	const char *phc = NULL;
	struct slice object;

	if (!login_stored(r, res))
		return;
	if (db_rows(res) > 0) {
		snprintf(l->user, sizeof(l->user), "%s", db_cstr(res, 0, 0));
		phc = db_cstr(res, 0, 1);
		if (!db_isnull(res, 0, 2))
			snprintf(l->why, sizeof(l->why), "%s",
			    db_cstr(res, 0, 2));
		object = db_get(res, 0, 3);
		l->object.p = arena_strndup(r->arena, object.p, object.n);
		l->object.n = object.n;
		factor_read(&l->factor, res, 4, 5);
	} else {
		snprintf(l->why, sizeof(l->why), "unknown");
	}
	if (!pwhash_check(r->apid->pwhash, l->password, phc, on_checked, r))
		login_refuse(r, ERR_UNAVAILABLE, "too many sign-ins at once");
}

static void
login(struct req *r)
{
	struct login *l = r->body;
	struct db_arg name = db_slice(l->username);

	if (l->username.n > USERNAME_MAX || l->password.n > PASSWORD_MAX ||
	    l->totp.n > FACTOR_CODE_MAX)
		login_refuse(r, ERR_BAD_REQUEST, WRONG);
	else if (!factor_attempt(r)) {
		refusal_signin(r, l->username);
		login_refuse(r, ERR_RATE_LIMITED, "too many attempts");
	} else
		login_db(r, STMT_LOGIN_USER, &name, 1, on_user);
}

void
h_auth_login(struct req *r)
{
	login(r);
}

/* A member of the form: what is missing or malformed is as if it were too
 * long. NULL p when it may be missing and is. */
static struct slice
form_member(struct req *r, const char *name, size_t max, bool optional)
{
	char *text = arena_alloc(r->arena, max + 1);
	int got = http1_query(r->raw, name, text, max + 1);

	if (got == 1)
		return slice_of(text);
	return (struct slice){ NULL, got == 0 && optional ? 0 : max + 1 };
}

void
h_auth_login_form(struct req *r)
{
	static const char type[] = "application/x-www-form-urlencoded";
	struct slice sent = http1_get(&r->h, "Content-Type"), first;
	struct login *l = arena_calloc(r->arena, sizeof(*l));

	r->body = l;
	l->form = true;
	if (!slice_cut(&sent, ';', &first) ||
	    !slice_ieq(slice_trim(first), type)) {
		form_answer(r, ERR_BAD_REQUEST);
		return;
	}
	l->username = form_member(r, "username", USERNAME_MAX, false);
	l->password = form_member(r, "password", PASSWORD_MAX, false);
	l->totp = form_member(r, "totp", FACTOR_CODE_MAX, true);
	if (l->totp.n == 0)		/* a field that was left empty */
		l->totp.p = NULL;
	login(r);
}

/* ---- signed in ---- */

static void
on_out(struct req *r, const struct db_result *res)
{
	auth_drop(r->apid->auth, r->who->hash);
	settings_poll(r->apid->settings);
	cookie(r, "session", "", false, 0);
	cookie(r, "csrf_token", "", true, 0);
	req_json(r, 200, SLICE("{\"success\":true}"));
}

void
h_auth_logout(struct req *r)
{
	struct db_arg args[3];

	args[0] = db_bytes(r->who->hash, SECRET_HASH);
	args[1] = arg_address(r);
	args[2] = db_str(r->id);
	req_db(r, STMT_SESSION_CLOSE, args, 3, on_out);
}

static void
on_me(struct req *r, const struct db_result *res)
{
	if (db_rows(res) == 0)
		req_fail(r, ERR_UNAUTHENTICATED, NULL);
	else
		req_json_db(r, 200, res, 0, 0);
}

void
h_auth_me(struct req *r)
{
	struct db_arg args[2];
	char csrf[33];
	bool by_cookie;

	if (r->who->token) {
		req_db(r, STMT_API_TOKEN_ME, NULL, 0, on_me);
		return;
	}
	auth_csrf(r->apid->auth, auth_token(&r->h, &by_cookie), csrf);
	args[0] = db_bytes(r->who->hash, SECRET_HASH);
	args[1] = db_str(csrf);
	req_db(r, STMT_ME, args, 2, on_me);
}
