/*
 * cert: the certificate of both doors. A pair is judged as the upload over
 * REST does it, sealed with the server key and stored; the daemons take it
 * from there, without a restart and without dropping a socket.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cert.h"
#include "certs.h"
#include "ctl.h"
#include "db.h"
#include "id.h"
#include "json.h"
#include "mono.h"
#include "out.h"
#include "pg.h"
#include "proc.h"
#include "secret.h"
#include "stmt.h"
#include "str.h"
#include "tls.h"
#include "tls_cert.h"
#include "xmalloc.h"

#define CHAIN_MAX	(64 * 1024)
#define KEY_MAX		(16 * 1024)
#define DAY		(86400 * MONO_SEC)

/* ---- show ---- */

static void
put(struct json_w *w, const char *key, const char *value)
{
	json_w_key(w, key);
	json_w_slice(w, slice_of(value));
}

static void
show_json(const struct tls_cert_info *i, const char *source,
    struct buf *names)
{
	struct buf b = BUF_INIT;
	char at[WALL_TEXT];
	struct json_w w;
	const char *p = buf_cstr(names), *end = p + buf_used(names);

	json_w_init(&w, &b);
	json_w_object(&w);
	put(&w, "source", source);
	put(&w, "subject", i->subject);
	put(&w, "issuer", i->issuer);
	wall_rfc3339(i->not_before, at);
	put(&w, "not_before", at);
	wall_rfc3339(i->not_after, at);
	put(&w, "not_after", at);
	put(&w, "fingerprint", i->fingerprint);
	put(&w, "key_type", i->key_type);
	put(&w, "serial", i->serial);
	json_w_key(&w, "chain_length");
	json_w_i64(&w, i->chain);
	json_w_key(&w, "is_self_signed");
	json_w_bool(&w, i->self_signed);
	json_w_key(&w, "names");
	json_w_array(&w);
	for (; p < end; p += strlen(p) + 1)
		json_w_slice(&w, slice_of(p));
	json_w_end_array(&w);
	json_w_end_object(&w);
	out_json(&b);
}

static void
show_text(const struct tls_cert_info *i, const char *source,
    struct buf *names)
{
	const char *p = buf_cstr(names), *end = p + buf_used(names);
	char from[WALL_TEXT], to[WALL_TEXT];

	wall_rfc3339(i->not_before, from);
	wall_rfc3339(i->not_after, to);
	printf("source:      %s\nsubject:     %s\nissuer:      %s%s\n"
	    "valid:       %s to %s, %" PRId64 " days left\n"
	    "fingerprint: %s\nkey:         %s\nserial:      %s\n"
	    "chain:       %d\n", source, i->subject, i->issuer,
	    i->self_signed ? " (self-signed)" : "", from, to,
	    (i->not_after - wall_now()) / DAY, i->fingerprint, i->key_type,
	    i->serial, i->chain);
	for (; p < end; p += strlen(p) + 1)
		printf("name:        %s\n", p);
}

static int
show(struct ctl *ctl, const char *chain, const char *source)
{
	struct buf names = BUF_INIT, why = BUF_INIT;
	struct tls_cert_info info;
	int code = CTL_OK;

	if (tls_cert_read(chain, &info, &why) == -1) {
		code = ctl_fail(ctl, CTL_FAILED, "%s", buf_cstr(&why));
	} else {
		tls_cert_names(chain, &names);
		if (ctl->json)
			show_json(&info, source, &names);
		else
			show_text(&info, source, &names);
	}
	buf_free(&names);
	buf_free(&why);
	return code;
}

/* The chain that is served, from wherever it comes. */
static int
in_use(struct ctl *ctl, struct buf *chain, const char **source_r)
{
	struct db_sync *db = pg_begin(ctl);
	struct buf why = BUF_INIT;
	struct db_result *res;
	int code = CTL_OK;

	if (db == NULL)
		return CTL_UNAVAILABLE;
	*source_r = "file";
	res = db_sync_query(db, stmt_get(STMT_CERT_USE), NULL, 0);
	if (db_err(res) != ERR_OK)
		code = ctl_fail(ctl, CTL_FAILED, "%s", db_message(res));
	else if (db_rows(res) == 1) {
		*source_r = "uploaded";
		buf_puts(chain, db_cstr(res, 0, 0));
	} else if (proc_read_file(ctl->conf.suite.tls_cert, CHAIN_MAX, chain,
	    &why) == -1)
		code = ctl_fail(ctl, CTL_FAILED, "%s", buf_cstr(&why));
	db_sync_done(&res);
	db_sync_close(db);
	buf_free(&why);
	return code;
}

int
cert_show(struct ctl *ctl, const struct ctl_args *a)
{
	struct buf chain = BUF_INIT;
	const char *source;
	int code = in_use(ctl, &chain, &source);

	if (code == CTL_OK)
		code = show(ctl, buf_cstr(&chain), source);
	buf_free(&chain);
	return code;
}

/* ---- install ---- */

static int
store(struct ctl *ctl, struct buf *chain, const struct buf *sealed,
    const char *id)
{
	struct tls_cert_info info;
	struct buf why = BUF_INIT;
	char until[WALL_TEXT];
	struct db_result *res;
	struct db_sync *db;
	int code = CTL_OK;

	if (tls_cert_read(buf_cstr(chain), &info, &why) == -1) {
		code = ctl_fail(ctl, CTL_REFUSED, "%s", buf_cstr(&why));
		buf_free(&why);
		return code;
	}
	if ((db = pg_begin(ctl)) == NULL)
		return CTL_UNAVAILABLE;
	wall_rfc3339(info.not_after, until);
	const struct db_arg args[] = { db_str(id), db_str(buf_cstr(chain)),
	    db_bytes(sealed->data + sealed->off, sealed->len - sealed->off),
	    db_str(until), db_str(info.fingerprint), db_str(info.subject),
	    db_str(ctl_os_user()) };

	res = db_sync_query(db, stmt_get(STMT_CERT_INSTALL), args, 7);
	if (db_err(res) != ERR_OK || db_rows(res) != 1)
		code = ctl_fail(ctl, CTL_FAILED, "%s", db_message(res));
	else
		code = show(ctl, buf_cstr(chain), "uploaded");
	db_sync_done(&res);
	db_sync_close(db);
	return code;
}

static int
seal(struct ctl *ctl, struct buf *chain, struct buf *plain)
{
	struct buf sealed = BUF_INIT, why = BUF_INIT;
	struct secret_key *key;
	char text[ID_TEXT];
	struct id id;
	int code;

	key = secret_key_load(ctl->conf.suite.server_key, &why);
	if (key == NULL) {
		code = ctl_fail(ctl, CTL_CONFIG, "server key: %s",
		    buf_cstr(&why));
	} else {
		id_new(&id);
		id_text(&id, text);
		secret_seal(key, CERTS_PURPOSE, buf_head(plain),
		    buf_used(plain), slice_of(text), &sealed);
		code = store(ctl, chain, &sealed, text);
	}
	secret_key_free(key);
	buf_free(&sealed);
	buf_free(&why);
	return code;
}

static int
refuse(const struct ctl *ctl, const struct ctl_args *a,
    const struct tls_faults *f)
{
	struct buf all = BUF_INIT;
	size_t i;
	int code;

	for (i = 0; i < f->n; i++)
		buf_printf(&all, "%s%s: %s", i > 0 ? "; " : "",
		    a->n == 2 ? a->v[f->v[i].key ? 1 : 0] : "the new pair",
		    f->v[i].text);
	code = ctl_fail(ctl, CTL_REFUSED, "%s", buf_cstr(&all));
	buf_free(&all);
	return code;
}

int
cert_install(struct ctl *ctl, const struct ctl_args *a)
{
	struct buf in = BUF_INIT, key = BUF_INIT, why = BUF_INIT;
	struct buf chain = BUF_INIT, plain = BUF_INIT;
	struct tls_faults faults;
	int code;

	if (proc_read_file(a->v[0], CHAIN_MAX, &in, &why) == -1 ||
	    proc_read_file(a->v[1], KEY_MAX, &key, &why) == -1)
		code = ctl_fail(ctl, CTL_FAILED, "%s", buf_cstr(&why));
	else if (tls_pair_check((struct slice){ buf_cstr(&in),
	    buf_used(&in) }, (struct slice){ buf_cstr(&key),
	    buf_used(&key) }, wall_now(), &chain, &plain, &faults) == -1)
		code = refuse(ctl, a, &faults);
	else
		code = seal(ctl, &chain, &plain);
	secret_buf_free(&key);
	secret_buf_free(&plain);
	buf_free(&in);
	buf_free(&chain);
	buf_free(&why);
	return code;
}

/* ---- renew ---- */

/* "DNS:a\0IP:192.0.2.1\0" as "a,192.0.2.1". */
static char *
name_list(const char *chain)
{
	struct buf names = BUF_INIT, list = BUF_INIT;
	const char *p, *end, *colon;
	char *text;

	tls_cert_names(chain, &names);
	p = buf_cstr(&names);
	for (end = p + buf_used(&names); p < end; p += strlen(p) + 1)
		if ((colon = strchr(p, ':')) != NULL)
			buf_printf(&list, "%s%s", buf_used(&list) > 0 ? "," :
			    "", colon + 1);
	text = xstrdup(buf_cstr(&list));
	buf_free(&names);
	buf_free(&list);
	return text;
}

/* A new self-signed pair with the same names. */
static int
renew(struct ctl *ctl, const struct ctl_args *a, const char *old)
{
	struct buf cert = BUF_INIT, key = BUF_INIT, why = BUF_INIT;
	struct buf chain = BUF_INIT, plain = BUF_INIT;
	struct tls_cert_info info;
	struct tls_faults faults;
	char *names = NULL;
	int code;

	if (tls_cert_read(old, &info, &why) == -1)
		code = ctl_fail(ctl, CTL_FAILED, "%s", buf_cstr(&why));
	else if (!info.self_signed)
		code = ctl_fail(ctl, CTL_REFUSED, "the certificate is from "
		    "%s: get a new one there, then run: mastctl cert install",
		    info.issuer);
	else if (names = name_list(old), tls_selfsigned(names, &cert, &key,
	    &why) == -1)
		code = ctl_fail(ctl, CTL_FAILED, "%s", buf_cstr(&why));
	else if (tls_pair_check((struct slice){ buf_cstr(&cert),
	    buf_used(&cert) }, (struct slice){ buf_cstr(&key),
	    buf_used(&key) }, wall_now(), &chain, &plain, &faults) == -1)
		code = refuse(ctl, a, &faults);
	else
		code = seal(ctl, &chain, &plain);
	free(names);
	secret_buf_free(&key);
	secret_buf_free(&plain);
	buf_free(&cert);
	buf_free(&chain);
	buf_free(&why);
	return code;
}

int
cert_renew(struct ctl *ctl, const struct ctl_args *a)
{
	struct buf chain = BUF_INIT;
	const char *source;
	int code = in_use(ctl, &chain, &source);

	if (code == CTL_OK)
		code = renew(ctl, a, buf_cstr(&chain));
	buf_free(&chain);
	return code;
}

/* ---- restore ---- */

int
cert_restore(struct ctl *ctl, const struct ctl_args *a)
{
	const struct db_arg args[] = { db_str(ctl_os_user()) };
	struct db_sync *db = pg_begin(ctl);
	struct db_result *res;
	int code;

	if (db == NULL)
		return CTL_UNAVAILABLE;
	/* Done, whether there is a previous pair. */
	res = db_sync_query(db, stmt_get(STMT_CERT_RESTORE), args, 1);
	if (db_err(res) != ERR_OK || db_rows(res) != 1)
		code = ctl_fail(ctl, CTL_FAILED, "%s", db_message(res));
	else if (!db_bool(res, 0, 1))
		code = ctl_fail(ctl, CTL_CONFLICT, "there is no previous "
		    "pair");
	else if (!db_bool(res, 0, 0))
		code = ctl_fail(ctl, CTL_REFUSED, "the previous pair has "
		    "expired");
	else
		code = CTL_OK;
	db_sync_done(&res);
	db_sync_close(db);
	return code == CTL_OK ? cert_show(ctl, a) : code;
}
