/*
 * h_tls: what is told is read from the certificate in use. What comes is
 * judged here, sealed and stored; every daemon, this one too, takes it from
 * the database. The private key leaves this file sealed or not at all.
 */
#include <stddef.h>
#include <string.h>

#include "apid.h"
#include "arg.h"
#include "buf.h"
#include "certs.h"
#include "db.h"
#include "h_tls.h"
#include "json.h"
#include "req.h"
#include "secret.h"
#include "settings.h"
#include "stmt.h"
#include "tls.h"
#include "tls_cert.h"
#include "xmalloc.h"

#define CHAIN_MAX	(64 * 1024)
#define KEY_MAX		(16 * 1024)

struct body { struct slice cert_pem, key_pem; };

static const char *
valid_size(struct slice s, size_t max, const char *rule)
{
	if (s.n == 0)
		return "must not be empty";
	return s.n > max ? rule : NULL;
}

static const char *
valid_chain(struct slice s)
{
	return valid_size(s, CHAIN_MAX, "must be at most 65536 bytes");
}

static const char *
valid_key(struct slice s)
{
	return valid_size(s, KEY_MAX, "must be at most 16384 bytes");
}

static const struct json_field fields[] = {
	{ .name = "cert_pem", .type = JSON_STRING, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct body, cert_pem), .valid = valid_chain },
	{ .name = "key_pem", .type = JSON_STRING, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct body, key_pem), .valid = valid_key },
};
const struct json_schema h_tls_body =
    { fields, nitems(fields), .open = true };
const size_t h_tls_size = sizeof(struct body);

/* ---- what is in use ---- */

static void
put_str(struct json_w *w, const char *key, const char *value)
{
	json_w_key(w, key);
	json_w_slice(w, slice_of(value));
}

static void
put_int(struct json_w *w, const char *key, int64_t value)
{
	json_w_key(w, key);
	json_w_i64(w, value);
}

static void
put_time(struct json_w *w, const char *key, wall_us at)
{
	char text[WALL_TEXT];

	wall_rfc3339(at, text);
	put_str(w, key, text);
}

static void
put_names(struct json_w *w, const char *chain)
{
	struct buf names = BUF_INIT;
	const char *p, *end;

	tls_cert_names(chain, &names);
	p = buf_cstr(&names);
	end = p + buf_used(&names);
	json_w_key(w, "names");
	json_w_array(w);
	for (; p < end; p += strlen(p) + 1)
		json_w_slice(w, slice_of(p));
	json_w_end_array(w);
	buf_free(&names);
}

static void
put_info(struct json_w *w, const struct tls_cert_info *i)
{
	json_w_key(w, "is_self_signed");
	json_w_bool(w, i->self_signed);
	put_str(w, "subject", i->subject_cn);
	put_str(w, "issuer", i->issuer_cn);
	put_time(w, "not_after", i->not_after);
	put_time(w, "not_before", i->not_before);
	put_str(w, "subject_dn", i->subject);
	put_str(w, "issuer_dn", i->issuer);
	put_str(w, "fingerprint", i->fingerprint);
	put_str(w, "key_type", i->key_type);
	put_int(w, "key_bits", i->key_bits);
	put_str(w, "serial", i->serial);
	put_int(w, "chain_length", i->chain);
}

/* Without TLS of our own there is nothing but the fact. */
static void
put_plain(struct json_w *w)
{
	static const char *const absent[] = { "cert_path", "key_path",
	    "subject", "issuer", "not_after" };
	size_t i;

	for (i = 0; i < nitems(absent); i++) {
		json_w_key(w, absent[i]);
		json_w_null(w);
	}
	json_w_key(w, "is_self_signed");
	json_w_bool(w, false);
	put_str(w, "source", "none");
	json_w_key(w, "previous_available");
	json_w_bool(w, false);
}

static void
put_tls(struct json_w *w, const struct apid *a)
{
	const struct certs *c = a->certs;

	put_str(w, "cert_path", a->conf.suite.tls_cert);
	put_str(w, "key_path", a->conf.suite.tls_key);
	put_info(w, certs_info(c));
	put_names(w, certs_chain(c));
	put_int(w, "days_left", certs_days_left(c));
	put_str(w, "source", certs_source(c) == CERTS_FILE ? "file" :
	    "uploaded");
	json_w_key(w, "previous_available");
	json_w_bool(w, certs_previous(c));
	json_w_key(w, "fault");
	json_w_str(w, certs_fault(c));
}

void
h_tls_get(struct req *req)
{
	struct buf b = BUF_INIT;
	struct json_w w;

	json_w_init(&w, &b);
	json_w_object(&w);
	if (req->apid->certs != NULL)
		put_tls(&w, req->apid);
	else
		put_plain(&w);
	json_w_end_object(&w);
	req_json(req, 200, buf_slice(&b));
	buf_free(&b);
}

/* False: answered. A proxy in front has a certificate of its own. */
static bool
has_tls(struct req *req)
{
	if (req->apid->certs != NULL)
		return true;
	req_fail(req, ERR_CONFLICT, "[apid] tls is off: a proxy in front "
	    "speaks TLS, and the certificate is its own");
	return false;
}

/* ---- another pair ---- */

/* The contract's shape of a refusal, and every finding with its member. */
static void
refuse(struct req *req, const struct tls_faults *f)
{
	struct buf b = BUF_INIT;
	struct json_w w;
	size_t i;

	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "success");
	json_w_bool(&w, false);
	put_str(&w, "error", arena_printf(req->arena, "%s: %s",
	    f->v[0].key ? "key_pem" : "cert_pem", f->v[0].text));
	json_w_key(&w, "errors");
	json_w_array(&w);
	for (i = 0; i < f->n; i++) {
		json_w_object(&w);
		put_str(&w, "pointer", f->v[i].key ? "/key_pem" :
		    "/cert_pem");
		put_str(&w, "detail", f->v[i].text);
		json_w_end_object(&w);
	}
	json_w_end_array(&w);
	json_w_end_object(&w);
	req_json(req, 200, buf_slice(&b));
	buf_free(&b);
}

static void
succeed(struct req *req, const char *message)
{
	settings_poll(req->apid->settings);
	req_json(req, 200, slice_of(arena_printf(req->arena,
	    "{\"success\":true,\"message\":\"%s\"}", message)));
}

static void
uploaded(struct req *req, const struct db_result *res)
{
	if (db_rows(res) == 0)		/* the caller's account went */
		req_fail(req, ERR_FORBIDDEN, NULL);
	else
		succeed(req, "Stored; every daemon serves new connections "
		    "with it within a few seconds");
}

static void
store(struct req *req, struct buf *chain, struct buf *key,
    const struct tls_cert_info *info)
{
	struct buf sealed = BUF_INIT;
	char text[ID_TEXT];
	struct id id;

	id_new(&id);
	id_text(&id, text);
	secret_seal(req->apid->key, CERTS_PURPOSE, buf_head(key),
	    buf_used(key), slice_of(text), &sealed);
	const struct db_arg args[] = {
		db_str(text), db_str(buf_cstr(chain)),
		db_bytes(buf_head(&sealed), buf_used(&sealed)),
		arg_time(req, info->not_after), db_str(info->fingerprint),
		db_str(info->subject), db_str(req->address), db_str(req->id),
	};

	req_db(req, STMT_CERT_UPLOAD, args, nitems(args), uploaded);
	buf_free(&sealed);
}

/* The last proof: the library that will serve with it takes it. */
static bool
loads(struct buf *chain, struct buf *key, struct tls_cert_info *info,
    struct tls_faults *f)
{
	struct buf why = BUF_INIT;
	struct tls_ctx *ctx = tls_ctx_server(buf_cstr(chain), buf_cstr(key),
	    0, &why);
	bool good = ctx != NULL && tls_cert_read(buf_cstr(chain), info,
	    &why) == 0;

	tls_ctx_free(ctx);
	if (!good) {
		f->n = 1;
		f->v[0].key = false;
		(void)str_copy(f->v[0].text, sizeof(f->v[0].text),
		    buf_cstr(&why));
	}
	buf_free(&why);
	return good;
}

void
h_tls_upload(struct req *req)
{
	const struct body *b = req->body;
	struct buf chain = BUF_INIT, key = BUF_INIT;
	struct tls_cert_info info;
	struct tls_faults faults;

	if (!has_tls(req))
		return;
	if (tls_pair_check(b->cert_pem, b->key_pem, wall_now(), &chain, &key,
	    &faults) == 0 && loads(&chain, &key, &info, &faults))
		store(req, &chain, &key, &info);
	else
		refuse(req, &faults);
	secret_buf_free(&key);
	buf_free(&chain);
}

/* Columns: done, whether there was a previous pair, its id. */
static void
restored(struct req *req, const struct db_result *res)
{
	if (db_rows(res) == 0)
		req_fail(req, ERR_FORBIDDEN, NULL);
	else if (!db_bool(res, 0, 1))
		req_fail(req, ERR_CONFLICT, "there is no previous pair");
	else if (!db_bool(res, 0, 0))
		req_fail(req, ERR_CONFLICT, "the previous pair has expired");
	else
		succeed(req, db_isnull(res, 0, 2) ? "The files' pair is in "
		    "use again" : "The uploaded pair before is in use again");
}

void
h_tls_restore(struct req *req)
{
	const struct db_arg args[] = { db_str(req->address),
	    db_str(req->id) };

	if (has_tls(req))
		req_db(req, STMT_CERT_RESTORE, args, nitems(args), restored);
}
