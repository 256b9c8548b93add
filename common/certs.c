/* certs: owns both pairs, the request for the stored one and the clock that
 * looks at the end of the one in use. */
#include <stdlib.h>
#include <string.h>

#include "certs.h"
#include "db.h"
#include "log.h"
#include "proc.h"
#include "secret.h"
#include "str.h"
#include "timer.h"
#include "tls.h"
#include "tls_cert.h"
#include "xmalloc.h"

#define PEM_MAX		(256 * 1024)
#define SEALED_MAX	(64 * 1024)
#define HOUR		(3600 * MONO_SEC)
#define AGAIN		(60 * MONO_SEC)	/* after a failed statement */
#define DAY		(86400 * MONO_SEC)

struct pair {
	struct tls_ctx		*ctx;		/* NULL: there is none */
	char			*chain;
	struct tls_cert_info	 info;
};

struct certs {
	const struct secret_key	*key;
	int			 tickets;
	struct pair		 file, stored;
	char			 stored_id[ID_TEXT];
	struct pair		*used;
	struct certs_follow	 f;
	struct timer		 timer;
	struct db_req		*use, *expiry;
	uint64_t		 version, asked;
	bool			 previous;
	char			*fault;
};

static void
pair_clear(struct pair *p)
{
	tls_ctx_free(p->ctx);
	free(p->chain);
	memset(p, 0, sizeof(*p));
}

/* 0, or -1 with a sentence and p as it was. */
static int
pair_load(struct pair *p, const char *chain, const char *key, int tickets,
    struct buf *err_r)
{
	struct pair fresh = { .ctx = NULL };

	fresh.ctx = tls_ctx_server(chain, key, tickets, err_r);
	if (fresh.ctx == NULL)
		return -1;
	if (tls_cert_read(chain, &fresh.info, err_r) == -1) {
		tls_ctx_free(fresh.ctx);
		return -1;
	}
	fresh.chain = xstrdup(chain);
	pair_clear(p);
	*p = fresh;
	return 0;
}

static void
say_used(const struct certs *c)
{
	const struct tls_cert_info *i = &c->used->info;
	char until[WALL_TEXT];

	wall_rfc3339(i->not_after, until);
	log_event(LOG_CERT_IN_USE, "certificate: %s pair in use: %s, %s, until %s",
	    certs_source(c) == CERTS_FILE ? "the files'" : "the uploaded",
	    i->subject, i->fingerprint, until);
}

static void
use(struct certs *c, struct pair *p)
{
	c->used = p;
	say_used(c);
	if (c->f.changed != NULL)
		c->f.changed(c->f.arg);
	certs_look(c);
}

struct certs *
certs_new(const struct secret_key *key, int tickets)
{
	struct certs *c = xcalloc(1, sizeof(*c));

	c->key = key;
	c->tickets = tickets;
	c->used = &c->file;
	return c;
}

void
certs_free(struct certs *c)
{
	if (c == NULL)
		return;
	timer_del(&c->timer);
	db_forget(&c->use);
	db_forget(&c->expiry);
	pair_clear(&c->file);
	pair_clear(&c->stored);
	free(c->fault);
	free(c);
}

/* ---- files ---- */

static int
file_pair(struct certs *c, const char *chain, const char *key,
    struct buf *err_r)
{
	struct tls_cert_info info;

	if (c->file.ctx != NULL && tls_cert_read(chain, &info, err_r) == 0 &&
	    info.not_after <= wall_now() && strcmp(info.fingerprint,
	    c->file.info.fingerprint) != 0) {
		buf_puts(err_r, "the certificate has expired");
		return -1;
	}
	buf_clear(err_r);
	return pair_load(&c->file, chain, key, c->tickets, err_r);
}

int
certs_read_files(struct certs *c, const char *cert_file,
    const char *key_file, struct buf *err_r)
{
	struct buf chain = BUF_INIT, key = BUF_INIT, why = BUF_INIT;
	bool first = c->file.ctx == NULL;
	int rc = -1;

	if (proc_read_file(cert_file, PEM_MAX, &chain, &why) == -1 ||
	    proc_read_file(key_file, PEM_MAX, &key, &why) == -1)
		buf_printf(err_r, "certificate: %s", buf_cstr(&why));
	else if ((rc = file_pair(c, buf_cstr(&chain), buf_cstr(&key),
	    &why)) == -1)
		buf_printf(err_r, "certificate: %s: %s", cert_file,
		    buf_cstr(&why));
	secret_buf_free(&key);
	buf_free(&chain);
	buf_free(&why);
	if (rc == -1)
		return -1;
	if (first && c->file.info.not_after < wall_now())
		log_event(LOG_CERT_ENDS, "certificate: %s has expired", cert_file);
	if (c->used == &c->file && !first)
		use(c, &c->file);
	return 0;
}

/* ---- the database ---- */

static void
broken(struct certs *c, const char *id, const char *why)
{
	free(c->fault);
	c->fault = xasprintf("the stored pair %s cannot be used: %s", id, why);
	log_event(LOG_CERT_REFUSED, "certificate: %s; the old one stays", c->fault);
}

/* 0, or -1 with a sentence: the row of the statement use as a pair. */
static int
stored_load(struct certs *c, const struct db_result *res, const char *id,
    struct buf *err_r)
{
	uint8_t *sealed = xmalloc(SEALED_MAX);
	struct buf key = BUF_INIT;
	long n = db_bytea(res, 0, 2, sealed, SEALED_MAX);
	int rc = -1;

	if (n < 0 || secret_open(c->key, CERTS_PURPOSE, sealed, (size_t)n,
	    slice_of(id), &key) == -1)
		buf_puts(err_r, "its key was not sealed with this server "
		    "key");
	else
		rc = pair_load(&c->stored, db_cstr(res, 0, 1),
		    buf_cstr(&key), c->tickets, err_r);
	secret_buf_free(&key);
	free(sealed);
	return rc;
}

static void
stored_take(struct certs *c, const struct db_result *res)
{
	struct buf why = BUF_INIT;
	char id[ID_TEXT];

	(void)str_copy(id, sizeof(id), db_cstr(res, 0, 0));
	if (c->stored.ctx != NULL && strcmp(id, c->stored_id) == 0) {
		if (c->used != &c->stored)
			use(c, &c->stored);
	} else if (stored_load(c, res, id, &why) == 0) {
		(void)str_copy(c->stored_id, sizeof(c->stored_id), id);
		use(c, &c->stored);
	} else {
		broken(c, id, buf_cstr(&why));
	}
	buf_free(&why);
}

static void
on_use(void *arg, const struct db_result *res)
{
	struct certs *c = arg;

	c->use = NULL;
	if (db_err(res) != ERR_OK || db_rows(res) != 1) {
		log_warn("certificate: %s", db_err(res) != ERR_OK ?
		    db_message(res) : "mast.certificate_use has no row");
		return;			/* the next poll asks again */
	}
	c->version = c->asked;
	free(c->fault);
	c->fault = NULL;
	c->previous = db_bool(res, 0, 3);
	if (!db_isnull(res, 0, 0))
		stored_take(c, res);
	else if (c->used != &c->file)
		use(c, &c->file);
}

void
certs_poll(struct certs *c, uint64_t version)
{
	if (version == c->version || c->use != NULL)
		return;
	c->asked = version;
	db_query(c->f.db, c->f.use, NULL, 0, NULL, on_use, c, &c->use);
}

/* ---- its end ---- */

static void
on_expiry(void *arg, const struct db_result *res)
{
	struct certs *c = arg;

	c->expiry = NULL;
	if (db_err(res) != ERR_OK) {
		log_warn("certificate: %s", db_message(res));
		timer_set(c->f.timers, &c->timer, AGAIN);
	} else if (db_rows(res) == 1 && !db_isnull(res, 0, 0)) {
		log_event(LOG_CERT_ENDS, "certificate: %s ends in %lld days",
		    c->used->info.subject, (long long)certs_days_left(c));
		if (c->f.warned != NULL)
			c->f.warned(c->f.arg);
	}
}

static void
on_timer(void *arg)
{
	struct certs *c = arg;
	char id[ID_TEXT], until[WALL_TEXT];

	timer_set(c->f.timers, &c->timer, HOUR);
	if (!db_up(c->f.db) || c->expiry != NULL) {
		timer_set(c->f.timers, &c->timer, AGAIN);
		return;
	}
	id_text(c->f.who, id);
	wall_rfc3339(c->used->info.not_after, until);
	const struct db_arg args[] = { db_str(c->used->info.fingerprint),
	    db_str(c->used->info.subject), db_str(until), db_str(id),
	    db_str(c->f.name) };

	db_query(c->f.db, c->f.expiry, args, nitems(args), NULL, on_expiry, c,
	    &c->expiry);
}

void
certs_look(struct certs *c)
{
	if (c->f.timers != NULL && c->version != 0)
		timer_set(c->f.timers, &c->timer, 0);
}

void
certs_follow(struct certs *c, const struct certs_follow *f)
{
	c->f = *f;
	timer_init(&c->timer, on_timer, c);
	/* By then it is known which pair is in use. */
	timer_set(f->timers, &c->timer, 5 * MONO_SEC);
}

/* ---- what is in use ---- */

struct tls_ctx *
certs_ctx(const struct certs *c)
{
	return c->used->ctx;
}

const struct tls_cert_info *
certs_info(const struct certs *c)
{
	return &c->used->info;
}

const char *
certs_chain(const struct certs *c)
{
	return c->used->chain;
}

enum certs_source
certs_source(const struct certs *c)
{
	return c->used == &c->file ? CERTS_FILE : CERTS_UPLOADED;
}

bool
certs_previous(const struct certs *c)
{
	return c->previous;
}

const char *
certs_fault(const struct certs *c)
{
	return c->fault;
}

int64_t
certs_days_left(const struct certs *c)
{
	wall_us left = c->used->info.not_after - wall_now();

	return left < 0 ? -1 - (-left - 1) / DAY : left / DAY;
}
