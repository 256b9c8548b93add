/*
 * enroll: registration by token and reconnection by secret. Owns the queue
 * of authentications, the failure windows and the statement in flight.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "buf.h"
#include "db.h"
#include "log.h"
#include "rate.h"
#include "secret.h"
#include "ws.h"
#include "xmalloc.h"

#include "again.h"
#include "batch.h"
#include "conn.h"
#include "enroll.h"
#include "hub.h"
#include "hubd.h"
#include "listen.h"
#include "node.h"
#include "publish.h"
#include "sink.h"
#include "stmt.h"

#define BATCH		256
#define DEADLINE	(8 * MONO_SEC)	/* the node waits for 10 */
#define FAILURES	30		/* a node tries 12 times a minute */
#define WINDOW		(60 * MONO_SEC)
#define KEYS_MAX	20000
#define SECRET_BYTES	32
#define SECRET_TEXT	(2 * SECRET_BYTES + 1)
#define RETRIES		2
#define SAYS_RATE	2.0		/* log lines per second */
#define SAYS_BURST	20.0

/* Fixed words: a refusal says nothing about what exists. */
#define SAY_TOKEN	"the registration token is not valid"
#define SAY_SECRET	"the node id or its secret is not valid"
#define SAY_MISSING	"node_id and node_secret, or registration_token, " \
			"are required"
#define SAY_EXPIRED	"the node has expired"
#define SAY_HELD	"the node is in quarantine"
#define SAY_BOOT	"event_boot must be a UUID"
#define SAY_LOCKED	"too many failed attempts; try again in a minute"

enum { REFUSED = 0, REGISTERED = 1, RECONNECTED = 2, EXPIRED = 3, HELD = 4 };

struct enroll_key {		/* of the failure windows */
	uint8_t	hash[SECRET_HASH];
};

struct enroll_req {
	TAILQ_ENTRY(enroll_req)	 link;
	struct conn		*conn;		/* NULL: it went */
	bool			 by_token;
	struct id		 node;
	uint8_t			 hash[SECRET_HASH];
	uint8_t			 fresh[SECRET_HASH];
	struct enroll_key	 key;
	char			 secret[SECRET_TEXT];	/* to give */
	char			 host[SOCK_TEXT];
	int			 protocol;
	bool			 remembers;	/* commands */
	bool			 numbers;	/* its events, under ... */
	struct id		 boot;
	uint8_t			 tries;
	char			*version;
};

TAILQ_HEAD(enroll_queue, enroll_req);

struct enroll {
	struct hubd		*hub;
	struct enroll_queue	 waiting, asked;
	size_t			 nwaiting, nasked;
	struct rate_map		*failures;
	struct rate		 says;		/* of the log */
	struct db_req		*query;
};

static void enroll_ask(struct enroll *);

struct enroll *
enroll_new(struct hubd *h)
{
	struct enroll *e = xcalloc(1, sizeof(*e));

	e->hub = h;
	TAILQ_INIT(&e->waiting);
	TAILQ_INIT(&e->asked);
	e->failures = rate_map_new(KEYS_MAX, FAILURES, WINDOW);
	return e;
}

static void
enroll_req_free(struct enroll_req *r)
{
	secret_wipe(r->secret, sizeof(r->secret));
	free(r->version);
	free(r);
}

void
enroll_free(struct enroll *e)
{
	struct enroll_req *r;

	if (e == NULL)
		return;
	db_forget(&e->query);
	TAILQ_CONCAT(&e->waiting, &e->asked, link);
	while ((r = TAILQ_FIRST(&e->waiting)) != NULL) {
		TAILQ_REMOVE(&e->waiting, r, link);
		enroll_req_free(r);
	}
	rate_map_free(e->failures);
	free(e);
}

size_t
enroll_waiting(const struct enroll *e)
{
	return e->nwaiting + e->nasked;
}

void
enroll_forget(struct enroll_req **rp)
{
	if (*rp != NULL)
		(*rp)->conn = NULL;
	*rp = NULL;
}

/* ---- the question ---- */

/* Token or id, and the address: nobody can lock out a node from elsewhere. */
static void
enroll_key(struct enroll_req *r)
{
	struct buf b = BUF_INIT;

	if (r->by_token)
		buf_put(&b, r->hash, sizeof(r->hash));
	else
		buf_put(&b, r->node.b, sizeof(r->node.b));
	buf_puts(&b, r->host);
	secret_digest(buf_head(&b), buf_used(&b), r->key.hash);
	buf_free(&b);
}

static void
enroll_give_secret(struct enroll *e, struct enroll_req *r)
{
	uint8_t raw[SECRET_BYTES];

	secret_random(raw, sizeof(raw));
	str_hex(r->secret, raw, sizeof(raw));
	secret_wipe(raw, sizeof(raw));
	secret_hash(e->hub->key, "node", r->secret, SECRET_TEXT - 1,
	    r->fresh);
}

/* NULL: fine. The token wins when both are there (contract 2.3). */
static const char *
enroll_read(struct enroll *e, struct enroll_req *r,
    const struct frame_auth *a)
{
	r->by_token = a->token.n > 0;
	if (r->by_token) {
		secret_hash(e->hub->key, "token", a->token.p, a->token.n,
		    r->hash);
		enroll_give_secret(e, r);
	} else {
		if (a->node_id.n == 0 || a->node_secret.n == 0)
			return SAY_MISSING;
		if (id_parse(&r->node, a->node_id) == -1)
			return SAY_SECRET;
		secret_hash(e->hub->key, "node", a->node_secret.p,
		    a->node_secret.n, r->hash);
	}
	r->numbers = a->event_boot.n > 0;
	if (r->numbers && id_parse(&r->boot, a->event_boot) == -1)
		return SAY_BOOT;
	r->remembers = a->command_dedupe;
	r->protocol = a->protocol;
	r->version = xstrndup(a->version.p == NULL ? "" : a->version.p,
	    a->version.n);
	enroll_key(r);
	return NULL;
}

void
enroll_start(struct enroll *e, struct conn *c, const struct frame_auth *a)
{
	struct enroll_req *r = xcalloc(1, sizeof(*r));
	mono_us wait;
	const char *why;

	(void)str_copy(r->host, sizeof(r->host), conn_host(c));
	why = enroll_read(e, r, a);
	if (why == NULL && rate_map_blocked(e->failures, &r->key,
	    sizeof(r->key), mono_now(), &wait)) {
		e->hub->count.auth_locked++;
		why = SAY_LOCKED;
	}
	if (why != NULL) {
		conn_refuse(c, why);
		enroll_req_free(r);
		return;
	}
	if (!hub_ready(e->hub->hub)) {
		e->hub->count.auth_unavailable++;
		conn_close(c, WS_C_LATER, "the database is away");
		enroll_req_free(r);
		return;
	}
	r->conn = c;
	TAILQ_INSERT_TAIL(&e->waiting, r, link);
	e->nwaiting++;
	conn_enroll(c, r);
	enroll_ask(e);
}

/* ---- the answer ---- */

static void
enroll_accept(struct enroll *e, struct enroll_req *r,
    const struct db_result *res, int row)
{
	struct hubd *h = e->hub;
	struct node_info info = {
		.epoch = (uint64_t)db_i64(res, row, 4),
		.name = db_get(res, row, 5), .type = db_get(res, row, 6),
		.version = slice_of(r->version),
		.expires = db_isnull(res, row, 7) ? 0 : db_i64(res, row, 7),
		.protocol = r->protocol,
		.remembers = r->remembers,
		.numbers = r->numbers, .boot = r->boot,
		.event_ack = r->numbers ? db_i64(res, row, 8) : -1,
	};
	struct buf b = BUF_INIT;
	struct node *n;

	(void)db_id(res, row, 3, &info.id);
	if (r->by_token) {
		h->count.registered++;
		h->count.token_reused += db_bool(res, row, 2);
		frame_put_register_ack(&b, wall_now(), &info.id, r->secret,
		    info.event_ack);
	} else {
		h->count.reconnected++;
		frame_put_auth_ok(&b, wall_now(), info.event_ack);
	}
	rate_map_clear(e->failures, &r->key, sizeof(r->key));
	(void)conn_send(r->conn, buf_head(&b), buf_used(&b));
	secret_buf_free(&b);
	n = node_attach(h, r->conn, &info);
	conn_live(r->conn, n);
	again_start(n);
	publish_events(h->publish, 1);
	log_debug("node %s: connected from %s", n->name, r->host);
}

static void
enroll_refuse(struct enroll *e, struct enroll_req *r, int64_t how)
{
	/* Only good credentials are told these. */
	if (how == EXPIRED || how == HELD) {
		conn_refuse(r->conn, how == HELD ? SAY_HELD : SAY_EXPIRED);
		return;
	}
	(void)rate_map_hit(e->failures, &r->key, sizeof(r->key), mono_now());
	if (rate_take(&e->says, SAYS_RATE, SAYS_BURST, 1, mono_now()))
		log_info("door: %s from %s refused", r->by_token ?
		    "registration" : "reconnection", r->host);
	conn_refuse(r->conn, r->by_token ? SAY_TOKEN : SAY_SECRET);
}

/* A session that nobody holds: the peer went while we asked. */
static void
enroll_orphan(struct enroll *e, const struct db_result *res, int row)
{
	struct node n = { .epoch = (uint64_t)db_i64(res, row, 4) };

	if (db_id(res, row, 3, &n.id) == 0)
		sink_end(e->hub->sink, &n, wall_now(),
		    "lost before the answer");
}

static void
enroll_answer(struct enroll *e, struct enroll_req *r,
    const struct db_result *res, int row)
{
	int64_t how = db_i64(res, row, 1);
	bool won = !db_isnull(res, row, 4);
	struct conn *c = r->conn;

	if (c == NULL || conn_state(c) != CONN_ENROLL) {
		if (won)
			enroll_orphan(e, res, row);
		return;
	}
	if (how != REGISTERED && how != RECONNECTED)
		enroll_refuse(e, r, how);
	else if (won)
		enroll_accept(e, r, res, row);
	else
		conn_close(c, WS_C_NORMAL,
		    "replaced by a newer connection of this node");
}

static void
enroll_fail(struct enroll *e, const struct db_result *res)
{
	bool again = batch_is_transient(res);
	struct enroll_req *r;

	log_warn("enrolment: %s", db_message(res));
	if (db_unsure(res))
		hub_reconcile(e->hub->hub);
	while ((r = TAILQ_LAST(&e->asked, enroll_queue)) != NULL) {
		TAILQ_REMOVE(&e->asked, r, link);
		if (again && r->conn != NULL && ++r->tries <= RETRIES) {
			TAILQ_INSERT_HEAD(&e->waiting, r, link);
			e->nwaiting++;
			continue;
		}
		e->hub->count.auth_unavailable++;
		if (r->conn != NULL)
			conn_close(r->conn, WS_C_LATER,
			    "the database is away");
		enroll_req_free(r);
	}
	e->nasked = 0;
}

static void
enroll_done(void *arg, const struct db_result *res)
{
	struct enroll *e = arg;
	struct enroll_req **by, *r;
	size_t n = e->nasked, i = 0;
	int row;

	e->query = NULL;
	if (db_err(res) != ERR_OK) {
		enroll_fail(e, res);
		enroll_ask(e);
		listen_wake(e->hub->listener);
		return;
	}
	by = xcalloc(n + 1, sizeof(struct enroll_req *));
	TAILQ_FOREACH(r, &e->asked, link)
		by[i++] = r;
	TAILQ_INIT(&e->asked);
	e->nasked = 0;
	/* The next batch is on its way while this one is answered. */
	enroll_ask(e);
	for (row = 0; row < db_rows(res); row++) {
		int64_t at = db_i64(res, row, 0);

		if (at >= 0 && (size_t)at < n)
			enroll_answer(e, by[at], res, row);
	}
	for (i = 0; i < n; i++)
		enroll_req_free(by[i]);
	free(by);
	listen_wake(e->hub->listener);
}

/* ---- the batch ---- */

static bool
enroll_twice(const struct enroll *e, const struct enroll_req *r)
{
	const struct enroll_req *o;

	TAILQ_FOREACH(o, &e->asked, link)
		if (o->by_token == r->by_token && (r->by_token ?
		    memcmp(o->hash, r->hash, sizeof(r->hash)) == 0 :
		    id_eq(&o->node, &r->node)))
			return true;
	return false;
}

/* Moves what may go into asked; a second one of the same node waits. */
static void
enroll_pick(struct enroll *e)
{
	struct enroll_req *r, *next;

	for (r = TAILQ_FIRST(&e->waiting); r != NULL && e->nasked < BATCH;
	    r = next) {
		next = TAILQ_NEXT(r, link);
		if (r->conn == NULL) {
			TAILQ_REMOVE(&e->waiting, r, link);
			e->nwaiting--;
			enroll_req_free(r);
			continue;
		}
		if (enroll_twice(e, r))
			continue;
		TAILQ_REMOVE(&e->waiting, r, link);
		e->nwaiting--;
		TAILQ_INSERT_TAIL(&e->asked, r, link);
		e->nasked++;
	}
}

/* What PostgreSQL reads as inet: no "unix", no scope. */
static bool
enroll_is_inet(const char *host)
{
	return strpbrk(host, ".:") != NULL && strchr(host, '%') == NULL;
}

static void
enroll_columns(struct enroll *e, struct buf *cols)
{
	struct slice none = { NULL, 0 };
	struct enroll_req *r;
	int64_t i = 0;

	TAILQ_FOREACH(r, &e->asked, link) {
		struct slice host = slice_of(r->host);

		db_array_i64(&cols[0], i++);
		if (r->by_token)
			db_array_text(&cols[1], none);
		else
			db_array_id(&cols[1], &r->node);
		db_array_hex(&cols[2], r->hash, sizeof(r->hash));
		if (r->by_token)
			db_array_hex(&cols[3], r->fresh, sizeof(r->fresh));
		else
			db_array_text(&cols[3], none);
		db_array_text(&cols[4], enroll_is_inet(r->host) ? host : none);
		if (r->protocol < 0)
			db_array_text(&cols[5], none);
		else
			db_array_i64(&cols[5], r->protocol);
		if (r->numbers)
			db_array_id(&cols[6], &r->boot);
		else
			db_array_text(&cols[6], none);
	}
}

static void
enroll_ask(struct enroll *e)
{
	const struct db_opts opts = { .deadline = DEADLINE };
	struct buf cols[7] = { BUF_INIT };
	struct db_arg args[8];
	char id[ID_TEXT];
	size_t i;

	if (e->query != NULL)
		return;
	enroll_pick(e);
	if (e->nasked == 0)
		return;
	for (i = 0; i < nitems(cols); i++)
		db_array_begin(&cols[i]);
	enroll_columns(e, cols);
	id_text(&e->hub->id, id);
	args[0] = db_str(id);
	for (i = 0; i < nitems(cols); i++) {
		db_array_end(&cols[i]);
		args[i + 1] = db_str(buf_cstr(&cols[i]));
	}
	db_query(e->hub->db, STMT_ENROLL, args, nitems(args), &opts,
	    enroll_done, e, &e->query);
	for (i = 0; i < nitems(cols); i++)
		buf_free(&cols[i]);
}
