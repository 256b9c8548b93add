/*
 * h_totp: the second factor. Enrolling makes a secret that waits, sealed,
 * until a code shows that an app has it; confirming gives the recovery codes,
 * of which only keyed hashes stay. Both texts leave once.
 */
#include <stddef.h>
#include <string.h>

#include "apid.h"
#include "arg.h"
#include "auth.h"
#include "buf.h"
#include "db.h"
#include "factor.h"
#include "h_totp.h"
#include "json.h"
#include "qr.h"
#include "req.h"
#include "secret.h"
#include "settings.h"
#include "stmt.h"
#include "totp.h"
#include "xmalloc.h"

#define CODES	10

struct body {
	struct slice	password, code;
};

static const char *
valid_typed(struct slice s)
{
	return s.n >= 1 && s.n <= 128 ? NULL : "must be 1 to 128 bytes";
}

#define PASSWORD { .name = "password", .type = JSON_STRING, \
	.flags = JSON_REQUIRED, .offset = offsetof(struct body, password), \
	.valid = valid_typed }
#define CODE { .name = "code", .type = JSON_STRING, \
	.flags = JSON_REQUIRED, .offset = offsetof(struct body, code), \
	.valid = valid_typed }

static const struct json_field enrol_fields[] = { PASSWORD };
static const struct json_field confirm_fields[] = { CODE };
static const struct json_field disable_fields[] = { PASSWORD, CODE };
const struct json_schema h_totp_enrol_body =
    { enrol_fields, nitems(enrol_fields), .open = true };
const struct json_schema h_totp_confirm_body =
    { confirm_fields, nitems(confirm_fields), .open = true };
const struct json_schema h_totp_disable_body =
    { disable_fields, nitems(disable_fields), .open = true };
const size_t h_totp_size = sizeof(struct body);

static void
answer(struct req *req, const struct db_result *res)
{
	req_json_db(req, 200, res, 0, 0);
}

void
h_totp_get(struct req *req)
{
	req_db(req, STMT_TOTP_STATE, NULL, 0, answer);
}

/* The writer's text as the answer, which keeps a copy. */
static void
answer_json(struct req *req, struct buf *b)
{
	req_json(req, 200, buf_slice(b));
	secret_wipe(b->data, b->len);
	buf_free(b);
}

/* ---- enrolling ---- */

/* The address as a picture for a phone: rows of 0 and 1. */
static void
put_qr(struct json_w *w, const char *uri)
{
	char row[QR_SIDE + 1];
	struct qr qr;
	unsigned x, y;

	json_w_key(w, "qr");
	json_w_array(w);
	/* No user name makes it too long. */
	if (!qr_make(&qr, uri, strlen(uri)))
		qr.side = 0;
	for (y = 0; y < qr.side; y++) {
		for (x = 0; x < qr.side; x++)
			row[x] = qr.dark[y][x] ? '1' : '0';
		row[x] = '\0';
		json_w_str(w, row);
	}
	json_w_end_array(w);
	secret_wipe(&qr, sizeof(qr));
	secret_wipe(row, sizeof(row));
}

static void
enrolled(struct req *req, const struct db_result *res)
{
	const uint8_t *secret = req->state;
	struct buf b = BUF_INIT;
	char text[TOTP_BASE32], uri[TOTP_URI];
	struct json_w w;

	if (db_rows(res) != 1) {
		req_fail(req, ERR_CONFLICT, "the account has a second factor");
		return;
	}
	totp_base32(text, secret, TOTP_SECRET);
	totp_uri(uri, req->who->username, text);
	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "secret");
	json_w_str(&w, text);
	json_w_key(&w, "otpauth_uri");
	json_w_str(&w, uri);
	put_qr(&w, uri);
	json_w_end_object(&w);
	answer_json(req, &b);
	secret_wipe(text, sizeof(text));
	secret_wipe(uri, sizeof(uri));
}

static void
enrol_proved(struct req *req, struct proof *p)
{
	uint8_t *secret = arena_alloc(req->arena, TOTP_SECRET);

	secret_random(secret, TOTP_SECRET);
	factor_seal(req, req->who->user_text, secret, TOTP_SECRET,
	    &p->pending);
	const struct db_arg args[] = {
		db_bytes(p->pending.sealed, p->pending.n), arg_address(req),
		db_str(req->id),
	};
	req->state = secret;
	req_db(req, STMT_TOTP_ENROL, args, nitems(args), enrolled);
}

void
h_totp_enrol(struct req *req)
{
	const struct body *b = req->body;

	proof_ask(req, b->password, "/password", enrol_proved);
}

/* ---- confirming ---- */

static void
confirmed(struct req *req, const struct db_result *res)
{
	const char (*codes)[TOTP_RECOVERY] = req->state;
	struct buf b = BUF_INIT;
	struct json_w w;
	size_t i;

	if (db_rows(res) != 1) {	/* another request was faster */
		req_fail(req, ERR_CONFLICT, "the account has a second factor");
		return;
	}
	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "recovery_codes");
	json_w_array(&w);
	for (i = 0; i < CODES; i++)
		json_w_str(&w, codes[i]);
	json_w_end_array(&w);
	json_w_end_object(&w);
	answer_json(req, &b);
}

/* Ten codes in req->state; the array of their hashes as a parameter. */
static struct db_arg
arg_new_codes(struct req *req)
{
	char (*codes)[TOTP_RECOVERY] = arena_alloc(req->arena,
	    CODES * sizeof(*codes));
	char bare[TOTP_RECOVERY_BARE];
	uint8_t raw[10], hash[SECRET_HASH];
	struct buf b = BUF_INIT;
	const char *text;
	size_t i;

	db_array_begin(&b);
	for (i = 0; i < CODES; i++) {
		secret_random(raw, sizeof(raw));
		totp_recovery(codes[i], raw);
		totp_recovery_bare(slice_of(codes[i]), bare);
		factor_recovery_hash(req, bare, hash);
		db_array_hex(&b, hash, sizeof(hash));
	}
	db_array_end(&b);
	text = arena_strndup(req->arena, (const char *)buf_head(&b),
	    buf_used(&b));
	buf_free(&b);
	secret_wipe(raw, sizeof(raw));
	secret_wipe(bare, sizeof(bare));
	req->state = codes;
	return db_str(text);
}

static void
confirm_read(struct req *req, struct proof *p)
{
	const struct body *b = req->body;
	struct db_arg step, recovery;

	if (p->factor.n > 0 || p->pending.n == 0) {
		req_fail(req, ERR_CONFLICT, p->factor.n > 0 ?
		    "the account has a second factor" :
		    "enrol first: POST /api/v1/auth/totp");
		return;
	}
	p->pending.last = 0;
	if (!factor_check(req, &p->pending, req->who->user_text, b->code,
	    &step, &recovery) || step.p == NULL) {
		factor_failed(req, slice_of(req->who->username));
		proof_refuse(req, "/code", "is wrong");
		return;
	}
	const struct db_arg args[] = {
		db_bytes(p->pending.sealed, p->pending.n), step,
		arg_new_codes(req), arg_address(req), db_str(req->id),
	};
	req_db(req, STMT_TOTP_CONFIRM, args, nitems(args), confirmed);
}

void
h_totp_confirm(struct req *req)
{
	proof_read(req, confirm_read);
}

/* ---- giving it up ---- */

static void
disabled(struct req *req, const struct db_result *res)
{
	if (db_rows(res) == 1) {
		settings_poll(req->apid->settings);
		req_empty(req, 204);
		return;
	}
	factor_failed(req, slice_of(req->who->username));
	proof_refuse(req, "/code", "is wrong or was used");
}

static void
disable_proved(struct req *req, struct proof *p)
{
	const struct body *b = req->body;
	struct db_arg step, recovery;

	if (p->factor.n == 0) {
		req_fail(req, ERR_CONFLICT, "the account has none");
		return;
	}
	if (!factor_check(req, &p->factor, req->who->user_text, b->code,
	    &step, &recovery)) {
		factor_failed(req, slice_of(req->who->username));
		proof_refuse(req, "/code", "is wrong or was used");
		return;
	}
	const struct db_arg args[] = { step, recovery, arg_address(req),
	    db_str(req->id) };

	req_db(req, STMT_TOTP_DISABLE, args, nitems(args), disabled);
}

void
h_totp_disable(struct req *req)
{
	const struct body *b = req->body;

	proof_ask(req, b->password, "/password", disable_proved);
}

/* Columns: below. */
static void
reset(struct req *req, const struct db_result *res)
{
	if (db_rows(res) != 1)
		req_fail(req, ERR_NOT_FOUND, "there is no such user");
	else if (!db_bool(res, 0, 0))
		req_fail(req, ERR_FORBIDDEN,
		    "the account is above that of the caller");
	else {
		settings_poll(req->apid->settings);
		req_empty(req, 204);
	}
}

void
h_totp_reset(struct req *req)
{
	const struct db_arg args[] = { arg_param(req, 0), arg_access(req),
	    arg_address(req), db_str(req->id) };

	if (id_eq(&req->params.v[0].id, &req->who->user))
		req_fail(req, ERR_FORBIDDEN, "nobody resets his own second "
		    "factor: POST /api/v1/auth/totp/disable");
	else
		req_db(req, STMT_TOTP_RESET, args, nitems(args), reset);
}
