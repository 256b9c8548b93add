/*
 * db: the pool. Each request is a bound statement, behind the actor's
 * set_config where wanted. A Sync ends what an error can spoil: every write
 * has its own, reads of one loop turn share one.
 *
 * A request is done when its Sync is answered, never before: an implicit
 * transaction commits there, after the statement's own result was sent.
 *
 * Owned here: connections, requests (from db_query until the callback and
 * the server's answer are both over), the copies of parameters.
 */
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <libpq-fe.h>

#include "db_int.h"
#include "log.h"
#include "xmalloc.h"

#define DB_CONNS_MAX	16
#define DB_DEADLINE	(10 * MONO_SEC)
#define DB_GRACE	(5 * MONO_SEC)	/* after a deadline, to answer */
#define DB_SHARE	16u		/* reads under one Sync, at most */
#define DB_QUICK	MONO_MS		/* that reads wait for a batch before */

static void
req_call(struct db_req *q)
{
	db_fn fn = q->fn;

	if (q->r.err != ERR_OK && !q->counted)
		q->db->stats.failed++;
	q->counted = true;
	if (fn == NULL)
		return;
	q->fn = NULL;
	q->db->calling++;
	fn(q->arg, &q->r);
	q->db->calling--;
}

static void
req_free(struct db_req *q)
{
	timer_del(&q->timer);
	PQclear(q->r.res);
	free(q->first);
	free(q);
}

/* Ends on a later turn, for those still inside db_query. */
static void
req_fail_later(struct db_req *q, enum err err, const char *text)
{
	struct timeval now = { 0, 0 };

	q->state = REQ_FAILED;
	q->r.err = err;
	q->r.text = text;
	TAILQ_INSERT_TAIL(&q->db->failed, q, link);
	event_add(q->db->turn, &now);
}

static struct db_reqs *
req_queue(struct db_req *q)
{
	struct db *db = q->db;

	return db->has_bulk && (q->stmt->flags & DB_BULK) ?
	    &db->waiting_bulk : &db->waiting;
}

static void
req_wait(struct db_req *q, bool first)
{
	q->state = REQ_WAITING;
	q->conn = NULL;
	if (first)
		TAILQ_INSERT_HEAD(req_queue(q), q, link);
	else
		TAILQ_INSERT_TAIL(req_queue(q), q, link);
	q->db->nwaiting++;
}

/* The deadline passed. What was sent stays in its place in the pipeline,
 * with nobody listening, until the server answers or the grace is over. */
static void
req_deadline(void *arg)
{
	struct db_req *q = arg;
	struct db *db = q->db;

	if (q->state == REQ_SENT && q->r.text != NULL) {
		db_conn_break(q->conn, "no answer in time");
		return;
	}
	db->stats.timeouts++;
	PQclear(q->r.res);
	q->r.res = NULL;
	q->r.err = ERR_DATABASE;
	q->r.text = "deadline passed";
	if (q->state == REQ_SENT) {
		q->r.unsure = true;
		timer_set(db->cfg.timers, &q->timer, DB_GRACE);
		req_call(q);
		return;
	}
	TAILQ_REMOVE(req_queue(q), q, link);
	db->nwaiting--;
	req_call(q);
	req_free(q);
}

static int
stmt_put(struct db_conn *c, const struct db_req *q)
{
	return PQsendQueryPrepared(c->pg, q->stmt->name, (int)q->n,
	    (const char *const *)q->values, q->lengths, q->formats, 0);
}

/* One request's messages. actor: whom the transaction already runs as. */
static int
req_put(struct db_conn *c, struct db_req *q, const char *actor)
{
	q->state = REQ_SENT;
	q->conn = c;
	q->aborted = q->last = false;
	q->due = 1;
	if (c->cur == NULL && TAILQ_EMPTY(&c->sent))
		c->cur = q;
	TAILQ_INSERT_TAIL(&c->sent, q, link);
	c->busy++;
	if (q->actor != NULL &&
	    (actor == NULL || strcmp(actor, q->actor) != 0)) {
		q->due++;
		if (!PQsendQueryPrepared(c->pg, DB_ACTOR_NAME, 1, &q->actor,
		    NULL, NULL, 0))
			return 0;
	}
	if (q->first != NULL) {
		q->due++;
		if (!stmt_put(c, q->first))
			return 0;
	}
	return stmt_put(c, q);
}

static int
conn_sync(struct db_conn *c)
{
	struct timeval now = { 0, 0 };
	int ok;

#ifdef LIBPQ_HAS_SEND_PIPELINE_SYNC
	ok = PQsendPipelineSync(c->pg);
	c->unflushed = true;
	event_add(c->db->turn, &now);
#else
	/* This libpq writes with each Sync; only what the socket did not
	 * take is left for the write event. */
	ok = PQpipelineSync(c->pg);
	if (ok && PQflush(c->pg) != 0) {
		c->unflushed = true;
		event_add(c->db->turn, &now);
	}
#endif
	return ok;
}

static bool
req_shares(const struct db_req *q)
{
	return (q->stmt->flags & DB_READ) && !q->alone;
}

/*
 * The first waiting request, and with a read those reads that wait behind
 * it, under one Sync: one system call here and one wake-up there for all of
 * them. A Sync bounds an error, so a read that a neighbour's error aborted
 * goes out again alone. Writes never share: each is its own transaction.
 */
static void
send_some(struct db_conn *c, struct db_reqs *queue, unsigned most)
{
	struct db *db = c->db;
	struct db_req *q, *prev = NULL;
	const char *actor = NULL;
	int ok = 1;

	if (c->busy == 0)
		c->since = mono_now();
	while (ok && most-- > 0 && (q = TAILQ_FIRST(queue)) != NULL) {
		/* Behind an actor's statement one without would run as he. */
		if (prev != NULL && (!req_shares(prev) || !req_shares(q) ||
		    (prev->actor == NULL) != (q->actor == NULL) ||
		    c->busy >= db->cfg.depth))
			break;
		TAILQ_REMOVE(queue, q, link);
		db->nwaiting--;
		ok = req_put(c, q, actor);
		if (q->actor != NULL)
			actor = q->actor;
		prev = q;
	}
	if (prev == NULL)
		return;
	prev->last = true;
	if (!ok || !conn_sync(c))
		db_conn_break(c, PQerrorMessage(c->pg));
}

/* A request that a Sync ended. */
static void
req_done(struct db_conn *c, struct db_req *q)
{
	const char *state;

	if (q->r.text == NULL) {
		if (q->r.res == NULL)
			q->r.err = ERR_INTERNAL;
		else if (!db_value_ok(q->r.res)) {
			state = db_value_state(q->r.res);
			q->r.err = db_value_err(state);
			/* A primary that became a standby; a schema that
			 * changed under the prepared statements. */
			if (strcmp(state, "25006") == 0 ||
			    strcmp(state, "0A000") == 0)
				db_conn_break(c, db_message(&q->r));
		}
	}
	timer_del(&q->timer);
	req_call(q);
	req_free(q);
}

/* Everything up to the request that the Sync followed has ended. */
void
db_synced(struct db_conn *c)
{
	struct db_req *q;
	bool last = false;

	c->since = mono_now();
	while (!last && (q = TAILQ_FIRST(&c->sent)) != NULL) {
		last = q->last;
		TAILQ_REMOVE(&c->sent, q, link);
		c->busy--;
		c->cur = TAILQ_FIRST(&c->sent);
		if (q->aborted && q->r.res == NULL && q->r.text == NULL) {
			q->alone = true;
			req_wait(q, true);
		} else
			req_done(c, q);
	}
}

/* What was in flight: reads go out once more, in their old order, before
 * what waits; for the rest nobody can say. */
void
db_lost(struct db_conn *c)
{
	struct db_req *q;
	struct db_reqs lost = TAILQ_HEAD_INITIALIZER(lost);

	while ((q = TAILQ_LAST(&c->sent, db_reqs)) != NULL) {
		TAILQ_REMOVE(&c->sent, q, link);
		if (q->fn != NULL && (q->stmt->flags & DB_READ) &&
		    !q->resent && q->r.text == NULL) {
			q->resent = true;
			PQclear(q->r.res);
			q->r.res = NULL;
			req_wait(q, true);
		} else
			TAILQ_INSERT_HEAD(&lost, q, link);
	}
	c->busy = 0;
	c->cur = NULL;
	while ((q = TAILQ_FIRST(&lost)) != NULL) {
		TAILQ_REMOVE(&lost, q, link);
		timer_del(&q->timer);
		q->r.err = ERR_DATABASE;
		q->r.unsure = true;
		if (q->r.res != NULL && db_value_ok(q->r.res)) {
			PQclear(q->r.res);
			q->r.res = NULL;
		}
		if (q->r.res == NULL && q->r.text == NULL)
			q->r.text = "connection lost";
		req_call(q);
		req_free(q);
	}
}

static struct db_conn *
pick(struct db *db, bool bulk)
{
	struct db_conn *best = NULL, *c;
	unsigned i, from = 0, to = db->cfg.conns;

	if (db->has_bulk && db->cfg.conns > 1) {
		if (bulk)
			from = to - 1;
		else
			to--;
	}
	for (i = from; i < to; i++) {
		c = &db->conns[i];
		if (c->state != CONN_READY || c->broken ||
		    c->busy >= db->cfg.depth)
			continue;
		if (best == NULL || c->busy < best->busy)
			best = c;
		if (best->busy == 0)
			break;
	}
	return best;
}

/* Shared evenly: many reads fill a Sync, few go to as many backends. */
static void
pump_queue(struct db *db, struct db_reqs *queue, bool bulk)
{
	struct db_conn *c;
	unsigned most;

	while (!TAILQ_EMPTY(queue) && (c = pick(db, bulk)) != NULL) {
		most = db->nwaiting / (db->nup > 0 ? db->nup : 1) + 1;
		send_some(c, queue, most < DB_SHARE ? most : DB_SHARE);
	}
}

void
db_pump(struct db *db)
{
	pump_queue(db, &db->waiting, false);
	pump_queue(db, &db->waiting_bulk, true);
}

/*
 * How many connections may be given reads now. While half of them are at a
 * batch that only just went out, what comes in between makes the next one
 * larger: a wake-up of a backend costs more than a small statement. A batch
 * that lasts longer than DB_QUICK holds nobody up.
 */
static unsigned
room(const struct db *db)
{
	unsigned i, quick = 0, most = (db->nup + 1) / 2;
	mono_us now = mono_now();

	for (i = 0; i < db->cfg.conns; i++)
		if (db->conns[i].busy > 0 &&
		    now - db->conns[i].since < DB_QUICK)
			quick++;
	return quick < most ? most - quick : 0;
}

/* The reads of this turn, and those held since there was no room. */
void
db_gather(struct db *db)
{
	struct timeval later = { 0, DB_QUICK };
	struct db_conn *c = NULL;
	unsigned n, each;

	if (TAILQ_EMPTY(&db->waiting) || !req_shares(TAILQ_FIRST(
	    &db->waiting))) {
		db_pump(db);
		return;
	}
	for (n = room(db); n > 0 && !TAILQ_EMPTY(&db->waiting) &&
	    (c = pick(db, false)) != NULL; n--) {
		each = (db->nwaiting + n - 1) / n;
		send_some(c, &db->waiting, each < DB_SHARE ? each : DB_SHARE);
	}
	pump_queue(db, &db->waiting_bulk, true);
	if (n == 0 && !TAILQ_EMPTY(&db->waiting))
		event_add(db->held, &later);
}

/* They waited long enough. */
static void
db_held(evutil_socket_t fd, short what, void *arg)
{
	db_pump(arg);
}

const struct db_stmt *
db_stmt(const struct db *db, unsigned number)
{
	const struct db_part *part;

	if (DB_PART(number) >= db->cfg.nparts)
		return NULL;
	part = &db->cfg.parts[DB_PART(number)];
	return DB_ROW(number) < part->n ? &part->rows[DB_ROW(number)] : NULL;
}

const struct db_stmt *
db_stmt_nth(const struct db *db, unsigned n)
{
	size_t i;

	for (i = 0; i < db->cfg.nparts; n -= db->cfg.parts[i++].n)
		if (n < db->cfg.parts[i].n)
			return &db->cfg.parts[i].rows[n];
	return NULL;
}

/* The request that goes in front of another; NULL, or why it cannot. */
static const char *
first_copy(struct db *db, struct db_req *q, const struct db_first *f)
{
	const struct db_stmt *st = db_stmt(db, f->stmt);
	const char *fault;

	if (st == NULL || (q->stmt->flags & DB_READ))
		fatal("db: nothing goes in front of %s", q->stmt->name);
	if ((fault = db_value_fault(st, f->args, f->n)) != NULL)
		return fault;
	q->first = db_value_copy(f->args, f->n, NULL);
	q->first->stmt = st;
	return NULL;
}

void
db_query(struct db *db, unsigned stmt, const struct db_arg *args, size_t n,
    const struct db_opts *opts, db_fn fn, void *arg, struct db_req **req_r)
{
	const struct db_stmt *st;
	const char *fault, *actor = NULL;
	struct timeval now = { 0, 0 };
	struct db_req *q;
	mono_us deadline = DB_DEADLINE;

	st = db_stmt(db, stmt);
	if (st == NULL)
		fatal("db: no statement %u", stmt);
	fault = db_value_fault(st, args, n);
	if (opts != NULL && opts->deadline > 0)
		deadline = opts->deadline;
	if (st->flags & DB_ACTOR) {
		if (opts == NULL || opts->actor == NULL)
			fatal("db: %s without an actor", st->name);
		actor = opts->actor;
	}
	q = db_value_copy(args, fault == NULL ? n : 0, actor);
	q->db = db;
	q->stmt = st;
	q->fn = fn;
	q->arg = arg;
	timer_init(&q->timer, req_deadline, q);
	if (fault == NULL && opts != NULL && opts->first != NULL)
		fault = first_copy(db, q, opts->first);
	db->stats.queries++;
	if (req_r != NULL)
		*req_r = q;
	if (fault != NULL) {
		req_fail_later(q, ERR_INVALID, fault);
		return;
	}
	if (db->nwaiting >= db->cfg.queue)
		db_pump(db);
	if (db->nwaiting >= db->cfg.queue) {
		db->stats.refused_full++;
		req_fail_later(q, ERR_DATABASE, "the queue is full");
		return;
	}
	req_wait(q, false);
	timer_set(db->cfg.timers, &q->timer, deadline);
	/* Reads wait for the others of this turn of the loop. */
	if (req_shares(q))
		event_add(db->turn, &now);
	else
		db_pump(db);
}

void
db_forget(struct db_req **qp)
{
	if (*qp != NULL)
		(*qp)->fn = NULL;
	*qp = NULL;
}

/* Up and down of the pool as a whole: one line and one call each. */
void
db_tell(struct db *db, const char *why)
{
	bool up = db->nup > 0;

	if (up == db->told)
		return;
	db->told = up;
	if (!up)
		log_event(LOG_DB_AWAY, "database: away: %s", why);
	else
		log_event(LOG_DB_CONNECTED, "database: connected");
	if (db->cfg.state != NULL) {
		db->calling++;
		db->cfg.state(db->cfg.arg, up, why);
		db->calling--;
	}
}

/* Deferred work: reads, flushes, then closings, then refusals. */
static void
db_turn(evutil_socket_t fd, short what, void *arg)
{
	struct db *db = arg;
	struct db_req *q;
	struct db_reqs failed = TAILQ_HEAD_INITIALIZER(failed);
	unsigned i;

	db_gather(db);
	for (i = 0; i < db->cfg.conns; i++)
		if (db->conns[i].unflushed && !db->conns[i].broken)
			db_conn_flush(&db->conns[i]);
	for (i = 0; i < db->cfg.conns; i++)
		if (db->conns[i].broken)
			db_conn_close(&db->conns[i], db->conns[i].why);
	TAILQ_CONCAT(&failed, &db->failed, link);
	while ((q = TAILQ_FIRST(&failed)) != NULL) {
		TAILQ_REMOVE(&failed, q, link);
		req_call(q);
		req_free(q);
	}
}

struct db *
db_new(const struct db_config *cfg)
{
	struct db *db = xcalloc(1, sizeof(*db));
	const struct db_stmt *st;
	unsigned i;

	if (cfg->conns < 1 || cfg->conns > DB_CONNS_MAX || cfg->depth < 1)
		fatal("db: %u connections of depth %u", cfg->conns,
		    cfg->depth);
	db->cfg = *cfg;
	db->told = -1;
	db->conninfo = xstrdup(cfg->conninfo);
	db->program = xstrdup(cfg->program);
	TAILQ_INIT(&db->waiting);
	TAILQ_INIT(&db->waiting_bulk);
	TAILQ_INIT(&db->failed);
	LIST_INIT(&db->txs);
	for (i = 0; (st = db_stmt_nth(db, i)) != NULL; i++)
		if (st->flags & DB_BULK)
			db->has_bulk = true;
	db->turn = event_new(cfg->base, -1, 0, db_turn, db);
	db->held = event_new(cfg->base, -1, 0, db_held, db);
	if (db->turn == NULL || db->held == NULL)
		fatal("db: event_new");
	db->conns = xcalloc(cfg->conns, sizeof(*db->conns));
	for (i = 0; i < cfg->conns; i++) {
		struct db_conn *c = &db->conns[i];

		c->db = db;
		c->number = i + 1;
		TAILQ_INIT(&c->sent);
		timer_init(&c->timer, db_conn_dial, c);
		timer_set(cfg->timers, &c->timer, 0);
	}
	return db;
}

static void
reqs_free(struct db_reqs *list)
{
	struct db_req *q;

	while ((q = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, q, link);
		req_free(q);
	}
}

/* At exit: open requests end without a callback. */
void
db_free(struct db *db)
{
	unsigned i;

	if (db == NULL)
		return;
	if (db->calling > 0)
		fatal("db: freed from its own callback");
	db_tx_free_all(db);
	for (i = 0; i < db->cfg.conns; i++) {
		struct db_conn *c = &db->conns[i];

		db_conn_unwatch(c);
		timer_del(&c->timer);
		PQfinish(c->pg);
		reqs_free(&c->sent);
		free(c->why);
	}
	reqs_free(&db->waiting);
	reqs_free(&db->waiting_bulk);
	reqs_free(&db->failed);
	event_free(db->turn);
	event_free(db->held);
	free(db->conns);
	free(db->conninfo);
	free(db->program);
	free(db->refusal);
	free(db);
}

bool
db_up(const struct db *db)
{
	return db->nup > 0;
}

const char *
db_refusal(const struct db *db)
{
	return db->refusal;
}

void
db_stats(const struct db *db, struct db_stats *st_r)
{
	unsigned i;

	*st_r = db->stats;
	st_r->up = db->nup;
	st_r->conns = db->cfg.conns;
	st_r->waiting = db->nwaiting;
	st_r->inflight = 0;
	for (i = 0; i < db->cfg.conns; i++)
		st_r->inflight += db->conns[i].busy;
}
