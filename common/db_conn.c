/*
 * db_conn: one connection of the pool, from dialing through the check of
 * schema and statements to the results of its pipeline. Owns the socket's
 * events.
 */
#include <sys/random.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <libpq-fe.h>

#include "db_int.h"
#include "log.h"
#include "xmalloc.h"

#define DB_CONNECT_MAX	(10 * MONO_SEC)	/* from start to ready */
#define DB_BACKOFF_MIN	(50 * MONO_MS)
#define DB_BACKOFF_MAX	(2 * MONO_SEC)

#define CHECK_SQL	"SELECT max(version), mast.schema_serves()" \
			" FROM mast.migrations"

const char db_actor_sql[] =
    "SELECT pg_catalog.set_config('mast.actor', $1, true)";

static void conn_event(evutil_socket_t, short, void *);

/* Doubles from 50 ms to 2 s; the wait is a random part of the upper half,
 * so that a fleet of daemons does not come back as one. */
static mono_us
backoff(unsigned tries)
{
	mono_us top = DB_BACKOFF_MAX;
	uint32_t rnd = 0;

	if (tries < 6)
		top = DB_BACKOFF_MIN << tries;
	if (getrandom(&rnd, sizeof(rnd), GRND_NONBLOCK) != sizeof(rnd))
		rnd = (uint32_t)mono_now();
	return top / 2 + (mono_us)(rnd % (uint32_t)(top / 2 + 1));
}

void
db_conn_unwatch(struct db_conn *c)
{
	if (c->rd != NULL)
		event_free(c->rd);
	if (c->wr != NULL)
		event_free(c->wr);
	c->rd = c->wr = NULL;
}

/* libpq may change its socket from one poll to the next. */
static void
conn_watch(struct db_conn *c, short what)
{
	int fd = PQsocket(c->pg);

	db_conn_unwatch(c);
	c->rd = event_new(c->db->cfg.base, fd, EV_READ | EV_PERSIST,
	    conn_event, c);
	c->wr = event_new(c->db->cfg.base, fd, EV_WRITE, conn_event, c);
	if (c->rd == NULL || c->wr == NULL)
		fatal("db: event_new");
	if (what & EV_READ)
		event_add(c->rd, NULL);
	if (what & EV_WRITE)
		event_add(c->wr, NULL);
}

void
db_conn_close(struct db_conn *c, const char *why)
{
	struct db *db = c->db;
	bool was_up = c->state == CONN_READY;

	db_conn_unwatch(c);
	timer_del(&c->timer);
	if (c->pg != NULL)
		PQfinish(c->pg);
	c->pg = NULL;
	c->state = CONN_DOWN;
	c->broken = c->unflushed = false;
	if (was_up) {
		db->nup--;
		if (db->nup > 0)
			log_warn("database: connection %u lost: %s", c->number,
			    why);
	}
	timer_init(&c->timer, db_conn_dial, c);
	timer_set(db->cfg.timers, &c->timer, backoff(c->tries));
	c->tries++;
	db_tell(db, why);
	db_lost(c);
	db_pump(db);
}

void
db_conn_break(struct db_conn *c, const char *why)
{
	struct timeval now = { 0, 0 };

	if (c->broken)
		return;
	c->broken = true;
	/* libpq may have closed the socket, and somebody else's may get its
	 * number before the turn comes: nothing of ours watches it then. */
	db_conn_unwatch(c);
	free(c->why);
	c->why = db_value_line(why);
	event_add(c->db->turn, &now);
}

void
db_conn_flush(struct db_conn *c)
{
	int n = PQflush(c->pg);

	c->unflushed = false;
	if (n < 0)
		db_conn_break(c, PQerrorMessage(c->pg));
	else if (n > 0)
		event_add(c->wr, NULL);
}

static void
refuse(struct db *db, char *sentence)
{
	if (db->refusal == NULL || strcmp(db->refusal, sentence) != 0)
		log_event(LOG_DB_REFUSED, "database: %s", sentence);
	free(db->refusal);
	db->refusal = sentence;
}

/* During the dialing messages carry "FATAL:  SQLSTATE: text"; that is the
 * only place where libpq gives the code of a refused start. */
static bool
start_refused(const char *msg, char *state)
{
	const char *p;
	size_t i;

	for (p = msg; (p = strstr(p, ":  ")) != NULL; p++) {
		for (i = 0; i < 5 && (isupper((unsigned char)p[3 + i]) ||
		    isdigit((unsigned char)p[3 + i])); i++)
			state[i] = p[3 + i];
		if (i == 5 && p[8] == ':') {
			state[5] = '\0';
			return strncmp(state, "28", 2) == 0 ||
			    strcmp(state, "3D000") == 0 ||
			    strcmp(state, "42501") == 0;
		}
	}
	return false;
}

static void
conn_dial_failed(struct db_conn *c)
{
	const char *msg = PQerrorMessage(c->pg), *end, *text;
	char state[6];

	if (start_refused(msg, state)) {
		text = strstr(msg, state) + 7;
		end = text + strcspn(text, "\n");
		refuse(c->db, xasprintf("the server refuses the connection: "
		    "%.*s", (int)(end - text), text));
	}
	db_conn_break(c, msg);
}

/* The check and all Parses, as one batch behind one Sync. */
static void
conn_check(struct db_conn *c)
{
	struct db *db = c->db;
	const struct db_stmt *st;
	unsigned i;
	int ok;

	PQsetErrorVerbosity(c->pg, PQERRORS_DEFAULT);
	ok = PQsetnonblocking(c->pg, 1) == 0 && PQenterPipelineMode(c->pg) &&
	    PQsendQueryParams(c->pg, CHECK_SQL, 0, NULL, NULL, NULL, NULL, 0) &&
	    PQsendPrepare(c->pg, DB_ACTOR_NAME, db_actor_sql, 1, NULL);
	for (i = 0; ok && (st = db_stmt_nth(db, i)) != NULL; i++)
		ok = PQsendPrepare(c->pg, st->name, st->sql, st->nparams,
		    NULL);
	ok = ok && PQpipelineSync(c->pg);
	if (!ok) {
		db_conn_break(c, PQerrorMessage(c->pg));
		return;
	}
	c->state = CONN_CHECKING;
	c->step = 0;
	conn_watch(c, EV_READ);
	db_conn_flush(c);
}

/* NULL, or why this schema or role will not do. */
static char *
check_version(struct db *db, const PGresult *res)
{
	const char *s = db_value_state(res);
	int v, serves;

	if (strcmp(s, "42883") == 0)	/* from before there was one */
		return xasprintf("the schema is older than the version %d "
		    "that this program needs; run mastctl db migrate",
		    db->cfg.schema_min);
	if (strcmp(s, "42P01") == 0 || strcmp(s, "3F000") == 0)
		return xstrdup("there is no schema here; "
		    "run mastctl setup or mastctl db migrate");
	if (strcmp(s, "42501") == 0)
		return xasprintf("the role has no right to the schema (%s); "
		    "run mastctl db migrate",
		    PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY));
	if (!db_value_ok(res) || PQntuples(res) != 1)
		return NULL;
	v = atoi(PQgetvalue(res, 0, 0));
	if (v < db->cfg.schema_min)
		return xasprintf("the schema has version %d, this program "
		    "needs %d; run mastctl db migrate", v, db->cfg.schema_min);
	/* One that only adds to what this program knows serves it, too. */
	serves = atoi(PQgetvalue(res, 0, 1));
	if (v > db->cfg.schema_max && serves > db->cfg.schema_max)
		return xasprintf("the schema has version %d, this program "
		    "knows only up to %d; install the newer one", v,
		    db->cfg.schema_max);
	return NULL;
}

static void
check_result(struct db_conn *c, const PGresult *res)
{
	struct db *db = c->db;
	const char *name = DB_ACTOR_NAME, *msg;
	char *sentence = NULL;

	if (c->step == 0)
		sentence = check_version(db, res);
	else if (!db_value_ok(res) &&
	    strncmp(db_value_state(res), "42", 2) == 0) {
		if (c->step >= 2)
			name = db_stmt_nth(db, c->step - 2)->name;
		msg = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
		sentence = xasprintf("statement %s does not fit the schema: "
		    "%s", name, msg != NULL ? msg : "?");
	}
	if (sentence != NULL) {
		refuse(db, sentence);
		db_conn_break(c, sentence);
	} else if (!db_value_ok(res))
		db_conn_break(c, PQresultErrorMessage(res));
	c->step++;
}

static void
conn_ready(struct db_conn *c)
{
	struct db *db = c->db;

	timer_del(&c->timer);
	c->state = CONN_READY;
	c->tries = 0;
	if (c->seen) {
		db->stats.reconnects++;
		if (db->nup > 0)
			log_info("database: connection %u is back", c->number);
	}
	c->seen = true;
	db->nup++;
	free(db->refusal);
	db->refusal = NULL;
	db_tell(db, "connected");
	db_pump(db);
}

static void
conn_checking(struct db_conn *c)
{
	PGresult *res;
	unsigned nulls = 0;

	while (!c->broken && !PQisBusy(c->pg) && nulls < 2) {
		res = PQgetResult(c->pg);
		if (res == NULL) {
			nulls++;
			continue;
		}
		nulls = 0;
		if (PQresultStatus(res) == PGRES_PIPELINE_SYNC) {
			PQclear(res);
			conn_ready(c);
			return;
		}
		check_result(c, res);
		PQclear(res);
	}
}

/* Each statement gives one result: the actor's comes first, then that of
 * what goes in front, then the request's own. An error keeps its place
 * against the "aborted" behind it. */
static void
conn_result(struct db_conn *c, PGresult *res)
{
	struct db_req *q = c->cur;

	/* An error at the commit itself, which the Sync makes: it is the
	 * last statement's (a write stands alone before its Sync). */
	if (q == NULL) {
		q = TAILQ_FIRST(&c->sent);
		while (!q->last)
			q = TAILQ_NEXT(q, link);
	} else if (--q->due == 0)
		c->cur = q->last ? NULL : TAILQ_NEXT(q, link);
	if (PQresultStatus(res) == PGRES_PIPELINE_ABORTED) {
		if (q->r.res != NULL && db_value_ok(q->r.res)) {
			PQclear(q->r.res);
			q->r.res = NULL;
		}
		q->aborted = true;
		PQclear(res);
	} else if (q->r.text != NULL ||
	    (q->r.res != NULL && !db_value_ok(q->r.res)))
		PQclear(res);
	else {
		PQclear(q->r.res);
		q->r.res = res;
	}
}

static void
conn_results(struct db_conn *c)
{
	PGresult *res;
	unsigned nulls = 0;

	while (!c->broken && !TAILQ_EMPTY(&c->sent) && nulls < 3 &&
	    !PQisBusy(c->pg)) {
		res = PQgetResult(c->pg);
		if (res == NULL) {
			nulls++;
			continue;
		}
		nulls = 0;
		if (PQresultStatus(res) == PGRES_PIPELINE_SYNC) {
			PQclear(res);
			db_synced(c);
		} else
			conn_result(c, res);
	}
}

static void
conn_event(evutil_socket_t fd, short what, void *arg)
{
	struct db_conn *c = arg;

	if (c->broken)
		return;
	if (c->state == CONN_DIALING) {
		switch (PQconnectPoll(c->pg)) {
		case PGRES_POLLING_READING:
			conn_watch(c, EV_READ);
			break;
		case PGRES_POLLING_WRITING:
			conn_watch(c, EV_WRITE);
			break;
		case PGRES_POLLING_OK:
			conn_check(c);
			break;
		case PGRES_POLLING_FAILED:
			conn_dial_failed(c);
			break;
		case PGRES_POLLING_ACTIVE:
			break;
		}
		return;
	}
	if (what & EV_WRITE)
		db_conn_flush(c);
	if (c->broken || (what & EV_READ) == 0)
		return;
	if (!PQconsumeInput(c->pg)) {
		db_conn_break(c, PQerrorMessage(c->pg));
		return;
	}
	if (c->state == CONN_CHECKING) {
		conn_checking(c);
		return;
	}
	conn_results(c);
	if (!c->broken && PQstatus(c->pg) == CONNECTION_BAD)
		db_conn_break(c, PQerrorMessage(c->pg));
	db_gather(c->db);
}

static void
conn_slow(void *arg)
{
	db_conn_break(arg, "connecting takes too long");
}

void
db_conn_notice(void *arg, const PGresult *res)
{
	const char *s = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

	log_debug("database: notice: %s", s != NULL ? s : "");
}

/* The first pairs of conninfo win only where it says nothing. */
PGconn *
db_conn_start(const char *conninfo, const char *program, bool wait)
{
	const char *keys[] = { "dbname", "application_name",
	    "client_encoding", NULL };
	const char *values[] = { conninfo, program, "UTF8", NULL };

	if (wait)
		return PQconnectdbParams(keys, values, 1);
	return PQconnectStartParams(keys, values, 1);
}

/* conninfo names a socket folder or addresses: a host name would be looked
 * up here, on the loop. */
void
db_conn_dial(void *arg)
{
	struct db_conn *c = arg;
	struct db *db = c->db;

	c->pg = db_conn_start(db->conninfo, db->program, false);
	if (c->pg == NULL)
		fatal("db: no memory");
	c->state = CONN_DIALING;
	if (PQstatus(c->pg) == CONNECTION_BAD) {
		db_conn_break(c, PQerrorMessage(c->pg));
		return;
	}
	PQsetErrorVerbosity(c->pg, PQERRORS_VERBOSE);
	PQsetNoticeReceiver(c->pg, db_conn_notice, NULL);
	timer_init(&c->timer, conn_slow, c);
	timer_set(db->cfg.timers, &c->timer, DB_CONNECT_MAX);
	conn_watch(c, EV_WRITE);
}
