/* factor: second factors, and passwords that are asked for again. */
#include <stdio.h>
#include <string.h>

#include "apid.h"
#include "arg.h"
#include "auth.h"
#include "budget.h"
#include "buf.h"
#include "factor.h"
#include "pwhash.h"
#include "req.h"
#include "secret.h"
#include "settings.h"
#include "stmt.h"
#include "totp.h"
#include "xmalloc.h"

#define CODE_WEIGHT	4

/* ---- second factors ---- */

void
factor_read(struct factor *f, const struct db_result *res, int secret_col,
    int step_col)
{
	long n = 0;

	if (!db_isnull(res, 0, secret_col))
		n = db_bytea(res, 0, secret_col, f->sealed,
		    sizeof(f->sealed));
	/* One that does not fit cannot be opened: it stays a factor. */
	f->n = n < 0 ? sizeof(f->sealed) : (size_t)n;
	f->last = db_isnull(res, 0, step_col) ? 0 :
	    db_i64(res, 0, step_col);
}

void
factor_recovery_hash(struct req *r, const char *bare, uint8_t *hash)
{
	secret_hash(r->apid->key, "recovery", bare, TOTP_RECOVERY_BARE, hash);
}

void
factor_seal(struct req *r, const char *user, const uint8_t *secret, size_t n,
    struct factor *f)
{
	struct buf b = BUF_INIT;

	secret_seal(r->apid->key, "totp", secret, n, slice_of(user), &b);
	f->n = buf_used(&b);
	f->last = 0;
	memcpy(f->sealed, buf_head(&b), f->n);
	buf_free(&b);
}

static bool
code_match(struct req *r, const struct factor *f, const char *user,
    struct slice code, int64_t *step_r)
{
	struct buf secret = BUF_INIT;
	bool ok;

	ok = secret_open(r->apid->key, "totp", f->sealed, f->n,
	    slice_of(user), &secret) == 0 && totp_match(buf_head(&secret),
	    buf_used(&secret), wall_now() / MONO_SEC, f->last, code, step_r);
	if (buf_used(&secret) > 0)
		secret_wipe(secret.data, secret.len);
	buf_free(&secret);
	return ok;
}

bool
factor_check(struct req *r, const struct factor *f, const char *user,
    struct slice code, struct db_arg *step_r, struct db_arg *recovery_r)
{
	char bare[TOTP_RECOVERY_BARE];
	uint8_t *hash;
	int64_t step;

	*step_r = *recovery_r = db_null();
	if (totp_recovery_bare(code, bare)) {
		hash = arena_alloc(r->arena, SECRET_HASH);
		factor_recovery_hash(r, bare, hash);
		*recovery_r = db_bytes(hash, SECRET_HASH);
		return true;
	}
	if (!code_match(r, f, user, code, &step))
		return false;
	*step_r = arg_i64(r, step);
	return true;
}

/* ---- limits ---- */

bool
factor_attempt(struct req *r)
{
	unsigned left;
	mono_us wait;
	bool ok = auth_attempt(r->apid->auth, r->address, &left, &wait);
	char text[32];

	budget_header(r, "signin", settings_get(r->apid->settings,
	    SETTING_MAX_LOGIN_ATTEMPTS), AUTH_ATTEMPT_WINDOW, ok ? left : 0,
	    wait);
	if (ok)
		return true;
	snprintf(text, sizeof(text), "%lld",
	    (long long)((wait + MONO_SEC - 1) / MONO_SEC));
	req_header(r, "Retry-After", text);
	return false;
}

void
factor_failed(struct req *r, struct slice username)
{
	int i;

	for (i = 0; i < CODE_WEIGHT; i++)
		auth_failed(r->apid->auth, username);
}

/* ---- the proof ---- */

struct refusal { const char *pointer, *rule; };

static void
refused(struct req *r, const struct db_result *res)
{
	const struct refusal *f = r->state;

	(void)res;
	req_fault(r, ERR_INVALID, f->pointer, f->rule);
}

void
proof_refuse(struct req *r, const char *pointer, const char *rule)
{
	struct refusal *f = arena_alloc(r->arena, sizeof(*f));
	const struct db_arg args[] = { db_str(pointer + 1), arg_address(r),
	    db_str(r->id) };

	*f = (struct refusal){ pointer, rule };
	r->state = f;
	req_db(r, STMT_PROOF_FAILED, args, nitems(args), refused);
}

static void
on_checked(void *arg, bool ok, const char *phc)
{
	struct req *r = arg;
	struct proof *p = r->state;

	(void)phc;
	secret_wipe((void *)(uintptr_t)p->password.p, p->password.n);
	if (ok) {
		p->done(r, p);
		return;
	}
	auth_failed(r->apid->auth, slice_of(r->who->username));
	proof_refuse(r, p->pointer, "is wrong");
}

static void
on_factors(struct req *r, const struct db_result *res)
{
	struct proof *p = r->state;

	if (db_rows(res) != 1) {	/* the account went meanwhile */
		req_fail(r, ERR_UNAUTHENTICATED, NULL);
		return;
	}
	factor_read(&p->factor, res, 1, 2);
	factor_read(&p->pending, res, 3, 2);
	if (p->pointer == NULL)
		p->done(r, p);
	else if (!pwhash_check(r->apid->pwhash, p->password,
	    db_cstr(res, 0, 0), on_checked, r))
		req_fail(r, ERR_UNAVAILABLE, "too many passwords at once");
}

static void
start(struct req *r, struct proof *p)
{
	const struct db_arg args[] = { db_str(r->who->user_text) };

	if (!factor_attempt(r)) {
		req_fail(r, ERR_RATE_LIMITED, "too many attempts");
	} else if (auth_locked(r->apid->auth, slice_of(r->who->username))) {
		req_fail(r, ERR_LOCKED, NULL);
	} else {
		r->state = p;
		req_db(r, STMT_FACTORS, args, nitems(args), on_factors);
	}
}

void
proof_ask(struct req *r, struct slice password, const char *pointer,
    void (*done)(struct req *, struct proof *))
{
	struct proof *p = arena_calloc(r->arena, sizeof(*p));

	p->password = password;
	p->pointer = pointer;
	p->done = done;
	start(r, p);
}

void
proof_read(struct req *r, void (*done)(struct req *, struct proof *))
{
	struct proof *p = arena_calloc(r->arena, sizeof(*p));

	p->done = done;
	start(r, p);
}
