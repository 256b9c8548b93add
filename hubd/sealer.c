/*
 * sealer: read what others sealed, ask for the next batch, sign, add.
 * Any number of hubs may do so: the database takes one seal per number.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db.h"
#include "log.h"
#include "proc.h"
#include "seal.h"
#include "timer.h"
#include "xmalloc.h"

#include "hub.h"
#include "hubd.h"
#include "sealer.h"
#include "stmt.h"

#define ROWS_MAX	5000		/* of one seal */
#define PAGE		500		/* seals read at once */
#define PUB_MAX		8192
#define DEADLINE	(30 * MONO_SEC)

struct sealer {
	struct hubd		*hubd;
	struct secret_key	*key;		/* NULL: nothing is sealed */
	struct seal_keys	 keys;
	struct seal_head	 head, next;	/* seen; being added */
	int64_t			 rows;		/* of the seal being added */
	int			 anchor;	/* -1: none */
	struct timer		 tick;
	struct db_req		*req;		/* one at a time */
};

/* ---- what is opened before the drop ---- */

static int
keys_load(struct sealer *s, const char *dir, struct buf *err_r)
{
	char *file = conf_secret_path(dir, "audit.key");
	char *pub = xasprintf("%s/audit.pub", dir);
	struct buf text = BUF_INIT, why = BUF_INIT;
	int rc = 0;

	if (access(file, F_OK) == 0)
		s->key = secret_key_load(file, err_r);
	if (s->key == NULL)
		rc = access(file, F_OK) == 0 ? -1 : 0;
	else if (proc_read_file(pub, PUB_MAX, &text, &why) == 0 &&
	    seal_keys_parse(&s->keys, buf_slice(&text), &why) == -1) {
		buf_printf(err_r, "%s: %s", pub, buf_cstr(&why));
		rc = -1;
	}
	/* One's own is trusted, listed or not. */
	if (s->key != NULL && s->keys.n < SEAL_KEYS)
		secret_sign_public(s->key, s->keys.v[s->keys.n++]);
	buf_free(&text);
	buf_free(&why);
	free(pub);
	free(file);
	return rc;
}

static int
anchor_open(struct sealer *s, const char *dir, struct buf *err_r)
{
	char *file = xasprintf("%s/audit.head", dir);
	int rc = 0;

	/* Made here where we may; else mastctl setup or tmpfiles.d made it. */
	s->anchor = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
	    0644);
	if (s->anchor == -1)
		log_warn("audit: %s: %s; a cut chain is not noticed after a "
		    "restart", file, strerror(errno));
	else if (seal_anchor_read(s->anchor, &s->head) == -1) {
		buf_printf(err_r, "%s is not the head of an audit chain",
		    file);
		rc = -1;
	}
	free(file);
	return rc;
}

struct sealer *
sealer_new(struct hubd *h, bool anchor, struct buf *err_r)
{
	struct sealer *s = xcalloc(1, sizeof(*s));
	const char *dir = h->conf.suite.state_dir;

	s->hubd = h;
	s->anchor = -1;
	if (keys_load(s, dir, err_r) == -1 || (anchor && s->key != NULL &&
	    anchor_open(s, dir, err_r) == -1)) {
		sealer_free(s);
		return NULL;
	}
	return s;
}

/* ---- one round ---- */

static void sealer_read(struct sealer *);

static void
refuse(struct sealer *s, const char *why)
{
	s->hubd->count.audit_refused++;
	log_event(LOG_AUDIT_REFUSED, "audit: nothing is sealed: seal %lld %s; run mastctl audit "
	    "verify", (long long)s->head.seq, why);
}

static void
added(void *arg, const struct db_result *res)
{
	struct sealer *s = arg;
	char text[SEAL_HEAD_TEXT];

	s->req = NULL;
	if (db_err(res) != ERR_OK) {
		log_warn("audit: seal: %s", db_message(res));
		return;
	}
	if (!db_bool(res, 0, 0))
		return;		/* another hub was first */
	s->head = s->next;
	s->hubd->count.audit_seals++;
	s->hubd->count.audit_rows += (uint64_t)s->rows;
	seal_head_text(&s->head, text);
	log_event(LOG_AUDIT_SEALED, "audit: %lld rows sealed, head %s", (long long)s->rows,
	    text);
	if (s->anchor != -1 && seal_anchor_write(s->anchor, &s->head) == -1)
		log_warn("audit: the anchor cannot be written: %s",
		    strerror(errno));
	if (s->rows == ROWS_MAX)
		sealer_read(s);
}

static void
add(struct sealer *s, const struct seal *seal)
{
	const struct db_opts opts = { .deadline = DEADLINE };
	char seq[24], rows[24];

	(void)snprintf(seq, sizeof(seq), "%lld", (long long)seal->seq);
	(void)snprintf(rows, sizeof(rows), "%lld", (long long)seal->rows);
	const struct db_arg args[] = {
		db_str(seq), db_slice(seal->ids), db_str(rows),
		db_bytes(seal->content, SECRET_HASH),
		db_slice(seal->sealed_at), db_bytes(seal->chain, SECRET_HASH),
		db_bytes(seal->signature, SECRET_SIGNATURE),
		db_bytes(seal->signer, SECRET_KEY),
	};
	s->rows = seal->rows;
	s->next.seq = seal->seq;
	memcpy(s->next.chain, seal->chain, SECRET_HASH);
	db_query(s->hubd->db, STMT_SEAL_ADD, args, nitems(args), &opts,
	    added, s, &s->req);
}

/* Columns: seq, previous, ids, rows, content, sealed_at. */
static void
offered(void *arg, const struct db_result *res)
{
	struct sealer *s = arg;
	uint8_t previous[SECRET_HASH];
	struct seal seal = { .seq = 0 };

	s->req = NULL;
	if (db_err(res) != ERR_OK)
		log_warn("audit: next seal: %s", db_message(res));
	if (db_err(res) != ERR_OK || db_rows(res) == 0)
		return;
	seal.seq = db_i64(res, 0, 0);
	seal.ids = db_get(res, 0, 2);
	seal.rows = db_i64(res, 0, 3);
	seal.sealed_at = db_get(res, 0, 5);
	if (seal.seq > s->head.seq + 1)
		return;		/* another hub was first */
	if (seal.seq <= s->head.seq || db_bytea(res, 0, 1, previous,
	    sizeof(previous)) != SECRET_HASH ||
	    memcmp(previous, s->head.chain, SECRET_HASH) != 0 ||
	    db_bytea(res, 0, 4, seal.content, SECRET_HASH) != SECRET_HASH) {
		refuse(s, "is not what the next one would follow");
		return;
	}
	seal_sign(&seal, &s->head, s->key);
	add(s, &seal);
}

static void
sealer_next(struct sealer *s)
{
	const struct db_opts opts = { .deadline = DEADLINE };
	char limit[24], age[24];

	/* Less than the interval: of many hubs one seals each time. */
	(void)snprintf(limit, sizeof(limit), "%d", ROWS_MAX);
	(void)snprintf(age, sizeof(age), "%lld",
	    (long long)s->hubd->conf.audit_seal_secs * 900);
	const struct db_arg args[] = { db_str(limit), db_str(age) };
	db_query(s->hubd->db, STMT_SEAL_NEXT, args, nitems(args), &opts,
	    offered, s, &s->req);
}

static void
sealer_seen(void *arg, const struct db_result *res)
{
	struct sealer *s = arg;
	const char *why;

	s->req = NULL;
	if (db_err(res) != ERR_OK) {
		log_warn("audit: seals: %s", db_message(res));
		return;
	}
	if ((why = seal_follow_rows(&s->head, res, &s->keys)) != NULL)
		refuse(s, why);
	else if (db_rows(res) == PAGE)
		sealer_read(s);
	else
		sealer_next(s);
}

static void
sealer_read(struct sealer *s)
{
	const struct db_opts opts = { .deadline = DEADLINE };
	char seq[24], limit[24];

	(void)snprintf(seq, sizeof(seq), "%lld", (long long)s->head.seq);
	(void)snprintf(limit, sizeof(limit), "%d", PAGE);
	const struct db_arg args[] = { db_str(seq), db_str(limit) };
	db_query(s->hubd->db, STMT_SEALS, args, nitems(args), &opts,
	    sealer_seen, s, &s->req);
}

static void
sealer_tick(void *arg)
{
	struct sealer *s = arg;

	timer_set(s->hubd->timers, &s->tick,
	    s->hubd->conf.audit_seal_secs * MONO_SEC);
	if (s->req == NULL && hub_ready(s->hubd->hub))
		sealer_read(s);
}

void
sealer_start(struct sealer *s)
{
	timer_init(&s->tick, sealer_tick, s);
	if (s->key == NULL)
		log_warn("audit: there is no signing key, so nothing is "
		    "sealed; mastctl setup makes one");
	else
		timer_set(s->hubd->timers, &s->tick,
		    s->hubd->conf.audit_seal_secs * MONO_SEC);
}

void
sealer_free(struct sealer *s)
{
	if (s == NULL)
		return;
	db_forget(&s->req);
	timer_del(&s->tick);
	secret_key_free(s->key);
	if (s->anchor != -1)
		close(s->anchor);
	free(s);
}
