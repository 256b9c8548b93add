/*
 * db_tx: a transaction on a connection of its own. Dials, begins, then asks
 * one statement at a time. Owns its connection, events and timer; whoever
 * drops it from inside a callback is done with it, the memory goes on a
 * later turn.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <libpq-fe.h>

#include "db_int.h"
#include "log.h"
#include "xmalloc.h"

#define TX_DIAL		(10 * MONO_SEC)
#define TX_DEADLINE	(60 * MONO_SEC)
#define TX_IDLE		(60 * MONO_SEC)

enum tx_state { TX_DIALING, TX_BEGINNING, TX_ACTING, TX_IDLE_NOW, TX_ASKED,
    TX_OVER };

struct db_tx {
	LIST_ENTRY(db_tx)	 link;
	struct db		*db;
	PGconn			*pg;
	struct event		*rd, *wr, *turn;
	struct timer		 timer;
	enum tx_state		 state;
	mono_us			 deadline, idle;
	bool			 snapshot, commit, dropped;
	char			*actor;
	struct db_result	 r;
	db_fn			 fn;
	void			*arg;
};

static void tx_event(evutil_socket_t, short, void *);

static void
tx_unwatch(struct db_tx *t)
{
	if (t->rd != NULL)
		event_free(t->rd);
	if (t->wr != NULL)
		event_free(t->wr);
	t->rd = t->wr = NULL;
}

static void
tx_watch(struct db_tx *t, short what)
{
	int fd = PQsocket(t->pg);

	tx_unwatch(t);
	t->rd = event_new(t->db->cfg.base, fd, EV_READ | EV_PERSIST, tx_event,
	    t);
	t->wr = event_new(t->db->cfg.base, fd, EV_WRITE, tx_event, t);
	if (t->rd == NULL || t->wr == NULL)
		fatal("db: event_new");
	if (what & EV_READ)
		event_add(t->rd, NULL);
	if (what & EV_WRITE)
		event_add(t->wr, NULL);
}

static void
tx_close(struct db_tx *t)
{
	timer_del(&t->timer);
	tx_unwatch(t);
	PQfinish(t->pg);
	t->pg = NULL;
	t->state = TX_OVER;
}

/* The answer goes to whoever asked; the result ends with the call. */
static void
tx_tell(struct db_tx *t)
{
	db_fn fn = t->fn;
	struct db_result r = t->r;

	t->fn = NULL;
	memset(&t->r, 0, sizeof(t->r));
	if (fn != NULL) {
		t->db->calling++;
		fn(t->arg, &r);
		t->db->calling--;
	}
	PQclear(r.res);
}

/* The connection is of no use any more. */
static void
tx_fail(struct db_tx *t, const char *text)
{
	PQclear(t->r.res);
	t->r = (struct db_result){ .text = text, .err = ERR_DATABASE,
	    .unsure = t->commit };
	tx_close(t);
	tx_tell(t);
}

static void
tx_late(void *arg)
{
	struct db_tx *t = arg;

	tx_fail(t, t->state == TX_IDLE_NOW ? "nothing was asked in time" :
	    "deadline passed");
}

static void
tx_flush(struct db_tx *t)
{
	int n = PQflush(t->pg);

	if (n > 0)
		event_add(t->wr, NULL);
	else if (n < 0)
		tx_fail(t, "connection lost");
}

static void
tx_sent(struct db_tx *t, int ok)
{
	if (!ok) {
		tx_fail(t, "connection lost");
		return;
	}
	timer_set(t->db->cfg.timers, &t->timer, t->deadline);
	tx_flush(t);
}

static void
tx_begin(struct db_tx *t)
{
	char sql[256];

	snprintf(sql, sizeof(sql), "BEGIN%s; SET LOCAL statement_timeout = "
	    "%lld; SET LOCAL idle_in_transaction_session_timeout = %lld",
	    t->snapshot ? " ISOLATION LEVEL REPEATABLE READ READ ONLY" : "",
	    (long long)(t->deadline / MONO_MS),
	    (long long)(t->idle / MONO_MS + 1000));
	t->state = TX_BEGINNING;
	tx_watch(t, EV_READ);
	tx_sent(t, PQsetnonblocking(t->pg, 1) == 0 &&
	    PQsendQuery(t->pg, sql));
}

static void
tx_rest(struct db_tx *t)
{
	t->state = TX_IDLE_NOW;
	timer_set(t->db->cfg.timers, &t->timer, t->idle);
	tx_tell(t);
}

/* All results of a question are here. */
static void
tx_answered(struct db_tx *t)
{
	const char *actor = t->actor;

	if (!db_value_ok(t->r.res)) {
		t->r.err = t->r.res == NULL ? ERR_DATABASE :
		    db_value_err(db_value_state(t->r.res));
		tx_rest(t);
	} else if (t->commit && strcmp(PQcmdStatus(t->r.res), "COMMIT") != 0) {
		t->r.err = ERR_DATABASE;
		t->r.text = "the transaction was taken back";
		tx_rest(t);
	} else if (t->state == TX_BEGINNING && actor != NULL) {
		PQclear(t->r.res);
		t->r.res = NULL;
		t->state = TX_ACTING;
		tx_sent(t, PQsendQueryParams(t->pg, db_actor_sql, 1, NULL,
		    &actor, NULL, NULL, 0));
	} else
		tx_rest(t);
}

static void
tx_results(struct db_tx *t)
{
	PGresult *res;

	while (t->pg != NULL && t->state != TX_IDLE_NOW && !PQisBusy(t->pg)) {
		res = PQgetResult(t->pg);
		if (res == NULL) {
			tx_answered(t);
			return;
		}
		/* The first error, else the last result. */
		if (t->r.res != NULL && !db_value_ok(t->r.res)) {
			PQclear(res);
			continue;
		}
		PQclear(t->r.res);
		t->r.res = res;
	}
}

static void
tx_dial(struct db_tx *t)
{
	switch (PQconnectPoll(t->pg)) {
	case PGRES_POLLING_READING:
		tx_watch(t, EV_READ);
		break;
	case PGRES_POLLING_WRITING:
		tx_watch(t, EV_WRITE);
		break;
	case PGRES_POLLING_OK:
		tx_begin(t);
		break;
	case PGRES_POLLING_FAILED:
		log_warn("database: a connection for a long transaction: %s",
		    PQerrorMessage(t->pg));
		tx_fail(t, "the server refuses the connection");
		break;
	case PGRES_POLLING_ACTIVE:
		break;
	}
}

static void
tx_event(evutil_socket_t fd, short what, void *arg)
{
	struct db_tx *t = arg;

	if (t->state == TX_DIALING) {
		tx_dial(t);
		return;
	}
	if (what & EV_WRITE)
		tx_flush(t);
	if (t->pg == NULL || (what & EV_READ) == 0)
		return;
	if (!PQconsumeInput(t->pg))
		tx_fail(t, "connection lost");
	else
		tx_results(t);
}

static void
tx_free(struct db_tx *t)
{
	tx_close(t);
	PQclear(t->r.res);
	LIST_REMOVE(t, link);
	event_free(t->turn);
	free(t->actor);
	free(t);
}

/* A later turn: of a drop, or of a question that nobody can answer. */
static void
tx_turn(evutil_socket_t fd, short what, void *arg)
{
	struct db_tx *t = arg;

	if (t->dropped)
		tx_free(t);
	else
		tx_fail(t, "the connection has ended");
}

struct db_tx *
db_tx_new(struct db *db, const struct db_tx_opts *opts, db_fn fn, void *arg)
{
	struct db_tx *t = xcalloc(1, sizeof(*t));
	struct timeval now = { 0, 0 };

	t->db = db;
	t->fn = fn;
	t->arg = arg;
	t->actor = opts->actor != NULL ? xstrdup(opts->actor) : NULL;
	t->snapshot = opts->snapshot;
	t->deadline = opts->deadline > 0 ? opts->deadline : TX_DEADLINE;
	t->idle = opts->idle > 0 ? opts->idle : TX_IDLE;
	timer_init(&t->timer, tx_late, t);
	t->turn = event_new(db->cfg.base, -1, 0, tx_turn, t);
	t->pg = db_conn_start(db->conninfo, db->program, false);
	if (t->pg == NULL || t->turn == NULL)
		fatal("db: no memory");
	LIST_INSERT_HEAD(&db->txs, t, link);
	t->state = TX_DIALING;
	if (PQstatus(t->pg) == CONNECTION_BAD) {
		event_add(t->turn, &now);
		return t;
	}
	PQsetNoticeReceiver(t->pg, db_conn_notice, NULL);
	timer_set(db->cfg.timers, &t->timer, TX_DIAL);
	tx_watch(t, EV_WRITE);
	return t;
}

/* False: the connection ended while nobody asked, fn will be told. */
static bool
tx_ask(struct db_tx *t, db_fn fn, void *arg)
{
	struct timeval now = { 0, 0 };

	if (t->fn != NULL ||
	    (t->state != TX_IDLE_NOW && t->state != TX_OVER))
		fatal("db: a transaction was asked out of turn");
	t->fn = fn;
	t->arg = arg;
	if (t->state == TX_OVER) {
		event_add(t->turn, &now);
		return false;
	}
	t->state = TX_ASKED;
	timer_set(t->db->cfg.timers, &t->timer, t->deadline);
	return true;
}

/* What the socket does not take now, the write event brings; a failure is
 * told on a later turn, by the timer. */
static void
tx_push(struct db_tx *t, int ok)
{
	if (!ok)
		timer_set(t->db->cfg.timers, &t->timer, 0);
	else if (PQflush(t->pg) != 0)
		event_add(t->wr, NULL);
}

void
db_tx_query(struct db_tx *t, unsigned stmt, const struct db_arg *args,
    size_t n, db_fn fn, void *arg)
{
	const struct db_stmt *st = db_stmt(t->db, stmt);
	struct db_req *q;

	if (st == NULL || n != st->nparams)
		fatal("db: no statement %u of %zu", stmt, n);
	if (!tx_ask(t, fn, arg))
		return;
	q = db_value_copy(args, n, NULL);
	tx_push(t, PQsendQueryParams(t->pg, st->sql, (int)n, NULL,
	    (const char *const *)q->values, q->lengths, q->formats, 0));
	free(q);
}

void
db_tx_commit(struct db_tx *t, db_fn fn, void *arg)
{
	if (!tx_ask(t, fn, arg))
		return;
	t->commit = true;
	tx_push(t, PQsendQuery(t->pg, "COMMIT"));
}

void
db_tx_drop(struct db_tx **tp)
{
	struct db_tx *t = *tp;
	struct timeval now = { 0, 0 };

	*tp = NULL;
	if (t == NULL)
		return;
	t->fn = NULL;
	t->dropped = true;
	tx_close(t);
	event_add(t->turn, &now);
}

void
db_tx_free_all(struct db *db)
{
	struct db_tx *t;

	while ((t = LIST_FIRST(&db->txs)) != NULL)
		tx_free(t);
}
