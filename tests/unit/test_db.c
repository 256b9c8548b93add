/*
 * db against a private PostgreSQL, which tests/sql/pg-scratch starts for the
 * whole program. Every wait is for a condition with a limit, never a sleep.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "db.h"
#include "log.h"
#include "timer.h"
#include "xmalloc.h"

static char dir[64], conninfo[160];

enum {
	S_ECHO, S_TYPES, S_SLEEP, S_SLEEP_WRITE, S_INSERT, S_COUNT, S_LOCK,
	S_FAIL_DIV, S_FAIL_FK, S_FAIL_CHECK, S_FAIL_RIGHT, S_DEFERRED, S_ACTOR,
	S_NOACTOR, S_TEXTS, S_HEXES, S_PID, S_KILL, S_BULK, S_NOROWS
};
static const struct db_stmt stmts[] = {
	[S_ECHO] = { "echo", "SELECT $1::text", 1, DB_READ },
	[S_TYPES] = { "types", "SELECT $1::text, $2::bytea, $3::bigint, "
	    "$4::uuid, $5::boolean, octet_length($2::bytea)", 5, DB_READ },
	[S_SLEEP] = { "sleep", "SELECT pg_sleep($1::float8), 7", 1, DB_READ },
	[S_SLEEP_WRITE] = { "sleep_write", "INSERT INTO public.t (v) "
	    "SELECT 5 FROM pg_sleep($1::float8)", 1, 0 },
	[S_INSERT] = { "insert", "INSERT INTO public.t (v) VALUES ($1::int) "
	    "RETURNING v", 1, 0 },
	[S_COUNT] = { "count", "SELECT count(*) FROM public.t", 0, DB_READ },
	[S_LOCK] = { "lock", "SELECT pg_advisory_xact_lock($1::bigint)", 1, 0 },
	[S_FAIL_DIV] = { "fail_div", "SELECT 1 / $1::int", 1, DB_READ },
	[S_FAIL_FK] = { "fail_fk", "INSERT INTO public.u VALUES ($1::int)",
	    1, 0 },
	[S_FAIL_CHECK] = { "fail_check",
	    "INSERT INTO public.t (v) VALUES (-1 * $1::int)", 1, 0 },
	[S_FAIL_RIGHT] = { "fail_right", "SELECT * FROM public.secret", 0, 0 },
	[S_DEFERRED] = { "deferred", "INSERT INTO public.d VALUES ($1::int) "
	    "RETURNING v", 1, 0 },
	[S_ACTOR] = { "actor", "SELECT current_setting('mast.actor', true), "
	    "$1::int", 1, DB_READ | DB_ACTOR },
	[S_NOACTOR] = { "noactor", "SELECT current_setting('mast.actor', "
	    "true)", 0, DB_READ },
	[S_TEXTS] = { "texts", "SELECT coalesce(x, '<null>') "
	    "FROM unnest($1::text[]) x", 1, DB_READ },
	[S_HEXES] = { "hexes", "SELECT x, i, u FROM unnest($1::bytea[], "
	    "$2::bigint[], $3::uuid[]) t (x, i, u)", 3, DB_READ },
	[S_PID] = { "pid", "SELECT pg_backend_pid()", 0, DB_READ },
	[S_KILL] = { "kill", "SELECT pg_terminate_backend($1::int)", 1, 0 },
	[S_BULK] = { "bulk", "SELECT pg_backend_pid() FROM "
	    "pg_sleep($1::float8)", 1, DB_READ | DB_BULK },
	[S_NOROWS] = { "norows", "DELETE FROM public.t WHERE v = $1::int",
	    1, 0 },
};

static void
scratch(const char *verb)
{
	const char *src = getenv("MAST_SRC");
	char *cmd = xasprintf("%s/tests/sql/pg-scratch %s %s",
	    src != NULL ? src : ".", verb, dir);

	if (system(cmd) != 0)
		log_exit(1, "failed: %s", cmd);
	free(cmd);
}

static void
admin(const char *sql)
{
	struct buf err = BUF_INIT;
	struct db_sync *s;
	char *ci = xasprintf("host=%s dbname=mastkeeper user=postgres", dir);

	s = db_sync_open(ci, "test", &err);
	if (s == NULL || db_sync_script(s, sql, &err) == -1)
		log_exit(1, "%s: %s", sql, buf_cstr(&err));
	db_sync_close(s);
	buf_free(&err);
	free(ci);
}

/* What a request left behind. */
struct got {
	bool		 done;
	enum err	 err;
	bool		 unsure;
	char		 state[8], constraint[64], text[256];
	int		 rows, order;
	bool		 null;
};

struct env {
	struct event_base	*base;
	struct timers		*timers;
	struct db		*db;
	int			 finished;
	int			 ups, downs;
	bool			 inside;	/* db_query is running */
};

struct want { struct env *e; struct got g; };

static void
on_state(void *arg, bool up, const char *why)
{
	struct env *e = arg;

	if (up)
		e->ups++;
	else
		e->downs++;
}

static void
on_done(void *arg, const struct db_result *r)
{
	struct want *w = arg;
	struct slice s = db_get(r, 0, 0);

	ck_assert(!w->e->inside);
	ck_assert(!w->g.done);
	w->g.done = true;
	w->g.err = db_err(r);
	w->g.unsure = db_unsure(r);
	str_copy(w->g.state, sizeof(w->g.state), db_sqlstate(r));
	str_copy(w->g.constraint, sizeof(w->g.constraint), db_constraint(r));
	w->g.rows = db_rows(r);
	w->g.null = db_isnull(r, 0, 0);
	if (db_err(r) == ERR_OK && s.p != NULL)
		str_copy(w->g.text, sizeof(w->g.text), s.p);
	else
		str_copy(w->g.text, sizeof(w->g.text), db_message(r));
	w->g.order = w->e->finished++;
}

static void
tick(evutil_socket_t fd, short what, void *arg)
{
}

/* libpq closes its socket by itself; who opens the next one gets its number,
 * and what still watches it would take that one's place in the loop. */
static int
is_open(const struct event_base *base, const struct event *ev, void *arg)
{
	int fd = event_get_fd(ev);

	ck_assert_msg(fd < 0 || (event_get_events(ev) & (EV_READ |
	    EV_WRITE)) == 0 || fcntl(fd, F_GETFD) != -1,
	    "socket %d is watched, and closed", fd);
	return 0;
}

/* One turn of the loop, at most 20 ms. */
static void
turn(struct env *e)
{
	struct timeval tv = { 0, 20000 };

	event_base_once(e->base, -1, EV_TIMEOUT, tick, NULL, &tv);
	event_base_loop(e->base, EVLOOP_ONCE);
	event_base_foreach_event(e->base, is_open, NULL);
}

#define SERVES(n) "CREATE OR REPLACE FUNCTION mast.schema_serves()"	\
	" RETURNS integer LANGUAGE sql AS 'SELECT " n "';"

#define UNTIL(e, cond) do {						\
	mono_us end_ = mono_now() + 30 * MONO_SEC;			\
	while (!(cond)) {						\
		ck_assert_msg(mono_now() < end_, "waited for: " #cond);	\
		turn(e);						\
	}								\
} while (0)

static const struct db_part parts[] = { { stmts, nitems(stmts) } };

static void
env_open(struct env *e, unsigned conns, unsigned depth, unsigned queue)
{
	struct db_config c = { .conninfo = conninfo, .program = "test_db",
	    .parts = parts, .nparts = nitems(parts), .conns = conns,
	    .depth = depth, .queue = queue, .schema_min = 3,
	    .schema_max = 3, .state = on_state, .arg = e };

	memset(e, 0, sizeof(*e));
	e->base = event_base_new();
	e->timers = timers_new(e->base);
	c.base = e->base;
	c.timers = e->timers;
	e->db = db_new(&c);
}

static void
env_close(struct env *e)
{
	db_free(e->db);
	timers_free(e->timers);
	event_base_free(e->base);
}

static void
all_up(struct env *e, unsigned n)
{
	struct db_stats st;

	UNTIL(e, (db_stats(e->db, &st), st.up == n));
}

static void
ask_opts(struct want *w, struct env *e, unsigned stmt, const char *arg,
    const struct db_opts *opts)
{
	struct db_arg a = db_str(arg);

	memset(w, 0, sizeof(*w));
	w->e = e;
	e->inside = true;
	db_query(e->db, stmt, &a, stmts[stmt].nparams, opts, on_done, w, NULL);
	e->inside = false;
}

static void
ask(struct want *w, struct env *e, unsigned stmt, const char *arg)
{
	ask_opts(w, e, stmt, arg, NULL);
}

static int64_t
count(struct env *e)
{
	struct want w;

	ask(&w, e, S_COUNT, NULL);
	UNTIL(e, w.g.done);
	ck_assert_int_eq(w.g.err, ERR_OK);
	return atoll(w.g.text);
}

static void
setup(void)
{
	admin("TRUNCATE public.t, public.u, public.d");
}

START_TEST(order)
{
	struct env e;
	struct want w[200];
	struct db_stats st;
	char n[16];
	unsigned i;

	env_open(&e, 1, 64, 200);
	/* Waiting from before the connection is there, deeper than depth,
	 * every fifth an error that must end with its own request. */
	for (i = 0; i < nitems(w); i++) {
		snprintf(n, sizeof(n), "%u", i);
		ask(&w[i], &e, i % 5 == 4 ? S_FAIL_DIV : S_INSERT,
		    i % 5 == 4 ? "0" : n);
	}
	db_stats(e.db, &st);
	ck_assert_uint_eq(st.waiting, nitems(w));
	UNTIL(&e, e.finished == (int)nitems(w));
	for (i = 0; i < nitems(w); i++) {
		ck_assert_int_eq(w[i].g.order, (int)i);
		if (i % 5 == 4) {
			ck_assert_int_eq(w[i].g.err, ERR_INVALID);
			ck_assert_str_eq(w[i].g.state, "22012");
			ck_assert(!w[i].g.unsure);
			continue;
		}
		snprintf(n, sizeof(n), "%u", i);
		ck_assert_int_eq(w[i].g.err, ERR_OK);
		ck_assert_str_eq(w[i].g.text, n);
	}
	ck_assert_int_eq(count(&e), 160);
	db_stats(e.db, &st);
	ck_assert_uint_eq(st.queries, 201);
	ck_assert_uint_eq(st.failed, 40);
	ck_assert_uint_eq(st.inflight, 0);
	ck_assert_int_eq(e.ups, 1);
	ck_assert_int_eq(e.downs, 0);
	env_close(&e);
}
END_TEST

START_TEST(errors)
{
	static const struct {
		unsigned	 stmt;
		const char	*arg;
		enum err	 err;
		const char	*state, *constraint;
	} rows[] = {
		{ S_INSERT, "1", ERR_OK, "", "" },
		{ S_INSERT, "1", ERR_DUPLICATE, "23505", "t_key" },
		{ S_INSERT, "x", ERR_INVALID, "22P02", "" },
		{ S_INSERT, NULL, ERR_INVALID, "23502", "" },
		{ S_FAIL_CHECK, "3", ERR_INVALID, "23514", "t_positive" },
		{ S_FAIL_FK, "77", ERR_CONFLICT, "23503", "u_fk" },
		{ S_FAIL_RIGHT, NULL, ERR_FORBIDDEN, "42501", "" },
		/* Fails at the Sync, after its own result said INSERT 1. */
		{ S_DEFERRED, "77", ERR_CONFLICT, "23503", "d_fk" },
		{ S_DEFERRED, "1", ERR_OK, "", "" },
		{ S_NOROWS, "1000", ERR_OK, "", "" },
		{ S_ECHO, "\xff", ERR_INVALID, "22021", "" },
	};
	struct env e;
	struct want w;
	unsigned i;

	env_open(&e, 1, 8, 8);
	for (i = 0; i < nitems(rows); i++) {
		ask(&w, &e, rows[i].stmt, rows[i].arg);
		UNTIL(&e, w.g.done);
		ck_assert_msg(w.g.err == rows[i].err, "row %u: %s", i,
		    w.g.text);
		ck_assert_str_eq(w.g.state, rows[i].state);
		ck_assert_str_eq(w.g.constraint, rows[i].constraint);
		ck_assert(!w.g.unsure);
		ck_assert(w.g.err != ERR_OK ? w.g.text[0] != '\0' : true);
	}
	env_close(&e);
}
END_TEST

static void
on_types(void *arg, const struct db_result *r)
{
	struct want *w = arg;
	uint8_t bytes[8];
	struct id id;

	ck_assert_int_eq(db_err(r), ERR_OK);
	ck_assert_int_eq(db_rows(r), 1);
	ck_assert(slice_eq(db_get(r, 0, 0), "caf\xc3\xa9 \"\\{},"));
	ck_assert_int_eq(db_bytea(r, 0, 1, bytes, sizeof(bytes)), 4);
	ck_assert(memcmp(bytes, "\0\xff\\'", 4) == 0);
	ck_assert_int_eq(db_bytea(r, 0, 1, bytes, 3), -1);
	ck_assert_int_eq(db_bytea(r, 0, 0, bytes, sizeof(bytes)), -1);
	ck_assert_int_eq(db_i64(r, 0, 2), INT64_MIN);
	ck_assert_int_eq(db_id(r, 0, 3, &id), 0);
	ck_assert_int_eq(db_id(r, 0, 2, &id), -1);
	ck_assert(db_bool(r, 0, 4));
	ck_assert_int_eq(db_i64(r, 0, 5), 4);
	/* Outside of the result there are NULLs, not crashes. */
	ck_assert(db_isnull(r, 1, 0));
	ck_assert(db_isnull(r, 0, 6));
	ck_assert(db_get(r, 0, -1).p == NULL);
	ck_assert_str_eq(db_cstr(r, 3, 3), "");
	w->g.done = true;
}

static void
on_nulls(void *arg, const struct db_result *r)
{
	struct want *w = arg;
	int i;

	ck_assert_int_eq(db_err(r), ERR_OK);
	for (i = 0; i < 6; i++)
		ck_assert(db_isnull(r, 0, i));
	ck_assert(db_get(r, 0, 0).p == NULL);
	ck_assert(!db_bool(r, 0, 4));
	w->g.done = true;
}

START_TEST(types)
{
	struct env e;
	struct want w = { &e, { 0 } }, w2 = { &e, { 0 } };
	struct db_arg a[5], null[5];
	unsigned i;

	env_open(&e, 1, 8, 8);
	a[0] = db_slice(SLICE("caf\xc3\xa9 \"\\{},"));
	a[1] = db_bytes("\0\xff\\'", 4);
	a[2] = db_str("-9223372036854775808");
	a[3] = db_str("0190d4a4-0000-7000-8000-00000000beef");
	a[4] = db_str("true");
	for (i = 0; i < 5; i++)
		null[i] = db_null();
	db_query(e.db, S_TYPES, a, 5, NULL, on_types, &w, NULL);
	db_query(e.db, S_TYPES, null, 5, NULL, on_nulls, &w2, NULL);
	UNTIL(&e, w.g.done && w2.g.done);
	/* A NUL in a text would cut it on the way. */
	memset(&w, 0, sizeof(w));
	w.e = &e;
	a[0] = db_slice((struct slice){ "a\0b", 3 });
	e.inside = true;
	db_query(e.db, S_ECHO, a, 1, NULL, on_done, &w, NULL);
	e.inside = false;
	UNTIL(&e, w.g.done);
	ck_assert_int_eq(w.g.err, ERR_INVALID);
	/* Empty is not NULL. */
	ask(&w, &e, S_ECHO, "");
	UNTIL(&e, w.g.done);
	ck_assert(!w.g.null);
	env_close(&e);
}
END_TEST

static const char *const texts[] = {
	"plain", "", "NULL", "null", "a b", " lead", "\"quoted\"",
	"back\\slash", "{brace}", "}", "{", "a,b", "tab\there", "new\nline",
	"\xe2\x82\xac\xf0\x9f\x98\x80", "\\x41", "'", "$1", "\\", "\\\"", ",",
};

static void
on_texts(void *arg, const struct db_result *r)
{
	struct want *w = arg;
	unsigned i;

	ck_assert_msg(db_err(r) == ERR_OK, "%s", db_message(r));
	ck_assert_int_eq(db_rows(r), (int)nitems(texts) + 2);
	for (i = 0; i < nitems(texts); i++)
		ck_assert_str_eq(db_cstr(r, (int)i, 0), texts[i]);
	ck_assert_str_eq(db_cstr(r, (int)i, 0), "<null>");
	ck_assert_str_eq(db_cstr(r, (int)i + 1, 0), "a\xef\xbf\xbd" "b");
	w->g.done = true;
}

static void
on_hexes(void *arg, const struct db_result *r)
{
	struct want *w = arg;
	uint8_t b[4];

	ck_assert_msg(db_err(r) == ERR_OK, "%s", db_message(r));
	ck_assert_int_eq(db_rows(r), 2);
	ck_assert_int_eq(db_bytea(r, 0, 0, b, 4), 3);
	ck_assert(memcmp(b, "\0\"\\", 3) == 0);
	ck_assert_int_eq(db_bytea(r, 1, 0, b, 4), 0);
	ck_assert_int_eq(db_i64(r, 0, 1), -5);
	ck_assert_int_eq(db_i64(r, 1, 1), INT64_MAX);
	ck_assert_str_eq(db_cstr(r, 0, 2),
	    "0190d4a4-0000-7000-8000-00000000beef");
	w->g.done = true;
}

START_TEST(arrays)
{
	struct env e;
	struct want w = { &e, { 0 } };
	struct buf b[3] = { BUF_INIT, BUF_INIT, BUF_INIT };
	struct db_arg a[3];
	struct id id;
	unsigned i;

	env_open(&e, 1, 8, 8);
	db_array_begin(&b[0]);
	for (i = 0; i < nitems(texts); i++)
		db_array_text(&b[0], slice_of(texts[i]));
	db_array_text(&b[0], (struct slice){ NULL, 0 });
	db_array_text(&b[0], (struct slice){ "a\0b", 3 });
	db_array_end(&b[0]);
	a[0] = db_str(buf_cstr(&b[0]));
	db_query(e.db, S_TEXTS, a, 1, NULL, on_texts, &w, NULL);
	UNTIL(&e, w.g.done);

	w.g.done = false;
	for (i = 0; i < 3; i++) {
		buf_clear(&b[i]);
		db_array_begin(&b[i]);
	}
	ck_assert_int_eq(id_parse(&id,
	    SLICE("0190D4A4-0000-7000-8000-00000000BEEF")), 0);
	db_array_hex(&b[0], "\0\"\\", 3);
	db_array_hex(&b[0], "", 0);
	db_array_i64(&b[1], -5);
	db_array_i64(&b[1], INT64_MAX);
	db_array_id(&b[2], &id);
	db_array_id(&b[2], &id);
	for (i = 0; i < 3; i++) {
		db_array_end(&b[i]);
		a[i] = db_str(buf_cstr(&b[i]));
	}
	db_query(e.db, S_HEXES, a, 3, NULL, on_hexes, &w, NULL);
	UNTIL(&e, w.g.done);
	env_close(&e);
	for (i = 0; i < 3; i++)
		buf_free(&b[i]);
}
END_TEST

START_TEST(actor)
{
	struct env e;
	struct want w[6];
	struct db_opts one = { .actor = "0190d4a4-0000-7000-8000-000000000001" };
	struct db_opts two = { .actor = "0190d4a4-0000-7000-8000-000000000002" };

	env_open(&e, 1, 8, 8);
	ask_opts(&w[0], &e, S_ACTOR, "1", &one);
	ask(&w[1], &e, S_NOACTOR, NULL);
	ask_opts(&w[2], &e, S_ACTOR, "2", &two);
	/* The actor of a failed request does not stay behind either. */
	ask_opts(&w[3], &e, S_ACTOR, "x", &one);
	ask(&w[4], &e, S_NOACTOR, NULL);
	ask_opts(&w[5], &e, S_ACTOR, "3", &two);
	UNTIL(&e, e.finished == 6);
	ck_assert_str_eq(w[0].g.text, one.actor);
	ck_assert_str_eq(w[1].g.text, "");
	ck_assert_str_eq(w[2].g.text, two.actor);
	ck_assert_int_eq(w[3].g.err, ERR_INVALID);
	ck_assert_str_eq(w[4].g.text, "");
	ck_assert_str_eq(w[5].g.text, two.actor);
	env_close(&e);
}
END_TEST

/* What goes in front and its write are done together or not at all. */
START_TEST(in_front)
{
	struct env e;
	struct want w[6];
	struct db_arg good = db_str("7"), bad = db_str("x"), new = db_str("6");
	struct db_first f = { S_INSERT, &good, 1 };
	struct db_opts o = { .first = &f };

	env_open(&e, 1, 8, 8);
	ask_opts(&w[0], &e, S_INSERT, "8", &o);	/* 7 and 8 */
	ask_opts(&w[1], &e, S_INSERT, "9", &o);	/* 7 is there */
	f.args = &bad;
	ask_opts(&w[2], &e, S_INSERT, "9", &o);
	f.args = &new;
	ask_opts(&w[3], &e, S_FAIL_FK, "5", &o);
	f.stmt = S_DEFERRED;
	f.args = &good;
	ask_opts(&w[4], &e, S_INSERT, "9", &o);
	ask(&w[5], &e, S_INSERT, "10");
	UNTIL(&e, e.finished == 6);
	ck_assert_int_eq(w[0].g.err, ERR_OK);
	ck_assert_str_eq(w[0].g.text, "8");
	ck_assert_int_eq(w[1].g.err, ERR_DUPLICATE);
	ck_assert_int_eq(w[2].g.err, ERR_INVALID);
	ck_assert_int_eq(w[3].g.err, ERR_CONFLICT);
	ck_assert_int_eq(w[4].g.err, ERR_CONFLICT);	/* at the commit */
	ck_assert_int_eq(w[5].g.err, ERR_OK);
	ck_assert_int_eq(count(&e), 3);
	env_close(&e);
}
END_TEST

/* Reads of one turn share a Sync; an error among them stays its own. */
START_TEST(shared)
{
	struct env e;
	struct want w[60];
	struct db_opts who[2] = {
		{ "0190d4a4-0000-7000-8000-000000000001", 0 },
		{ "0190d4a4-0000-7000-8000-000000000002", 0 },
	};
	char n[16];
	unsigned i;

	env_open(&e, 2, 32, 100);
	UNTIL(&e, e.ups == 1);
	for (i = 0; i < nitems(w); i++) {
		snprintf(n, sizeof(n), "%u", i);
		if (i % 7 == 3)
			ask(&w[i], &e, S_FAIL_DIV, "0");
		else if (i % 3 == 0)
			ask(&w[i], &e, S_ECHO, n);
		else
			ask_opts(&w[i], &e, S_ACTOR, i % 11 == 0 ? "x" : n,
			    &who[i % 2]);
	}
	UNTIL(&e, e.finished == (int)nitems(w));
	for (i = 0; i < nitems(w); i++) {
		snprintf(n, sizeof(n), "%u", i);
		if (i % 7 == 3)
			ck_assert_str_eq(w[i].g.state, "22012");
		else if (i % 3 == 0)
			ck_assert_str_eq(w[i].g.text, n);
		else if (i % 11 == 0)
			ck_assert_str_eq(w[i].g.state, "22P02");
		else
			ck_assert_str_eq(w[i].g.text, who[i % 2].actor);
	}
	env_close(&e);
}
END_TEST

/* Reads gather in few batches, and wait for none that lasts. */
START_TEST(gathered)
{
	struct env e;
	struct want w[6], slow[2], quick;
	const char *other = NULL;
	unsigned i;

	env_open(&e, 4, 32, 100);
	all_up(&e, 4);
	for (i = 0; i < nitems(w); i++)
		ask(&w[i], &e, S_PID, NULL);
	UNTIL(&e, e.finished == (int)nitems(w));
	for (i = 1; i < nitems(w); i++) {
		if (strcmp(w[i].g.text, w[0].g.text) == 0)
			continue;
		if (other == NULL)
			other = w[i].g.text;
		ck_assert_str_eq(w[i].g.text, other);
	}
	ask(&slow[0], &e, S_SLEEP, "0.5");
	ask(&slow[1], &e, S_SLEEP, "0.5");
	event_base_loop(e.base, EVLOOP_NONBLOCK);
	ask(&quick, &e, S_PID, NULL);
	UNTIL(&e, slow[0].g.done && slow[1].g.done && quick.g.done);
	ck_assert_int_lt(quick.g.order, slow[0].g.order);
	ck_assert_int_lt(quick.g.order, slow[1].g.order);
	env_close(&e);
}
END_TEST

START_TEST(deadline)
{
	struct env e;
	struct want w[4];
	struct db_opts soon = { .deadline = 100 * MONO_MS };
	struct db_stats st;
	mono_us from;

	env_open(&e, 1, 1, 8);
	all_up(&e, 1);
	from = mono_now();
	ask_opts(&w[0], &e, S_SLEEP_WRITE, "2.5", &soon);
	ask_opts(&w[1], &e, S_ECHO, "waits behind it", &soon);
	ask(&w[2], &e, S_ECHO, "patient");
	UNTIL(&e, w[0].g.done && w[1].g.done);
	ck_assert(mono_now() - from >= 100 * MONO_MS);
	ck_assert(mono_now() - from < 2400 * MONO_MS);
	ck_assert_int_eq(w[0].g.err, ERR_DATABASE);
	ck_assert(w[0].g.unsure);
	ck_assert_int_eq(w[1].g.err, ERR_DATABASE);
	ck_assert(!w[1].g.unsure);
	ck_assert(!w[2].g.done);
	db_stats(e.db, &st);
	ck_assert_uint_eq(st.timeouts, 2);
	ck_assert_uint_eq(st.inflight, 1);
	/* The late answer is swallowed; the connection goes on. */
	UNTIL(&e, w[2].g.done);
	ck_assert_str_eq(w[2].g.text, "patient");
	ck_assert_int_eq(count(&e), 1);
	db_stats(e.db, &st);
	ck_assert_uint_eq(st.reconnects, 0);

	/* No answer 5 s later: the connection is given up. */
	from = mono_now();
	ask_opts(&w[0], &e, S_SLEEP, "60", &soon);
	ask(&w[3], &e, S_ECHO, "after the reset");
	UNTIL(&e, w[3].g.done);
	ck_assert_int_eq(w[0].g.err, ERR_DATABASE);
	ck_assert_int_eq(w[3].g.err, ERR_OK);
	ck_assert(mono_now() - from >= 5 * MONO_SEC);
	db_stats(e.db, &st);
	ck_assert_uint_eq(st.reconnects, 1);
	env_close(&e);
}
END_TEST

START_TEST(backend_killed)
{
	struct env e;
	struct want pid, sleeper, writer, reader, killer, after;
	struct db_stats st;

	env_open(&e, 3, 4, 8);		/* the third is for DB_BULK */
	all_up(&e, 3);

	/* A read and a write in flight on one connection, killed by its
	 * neighbour: the read is asked again, the write is not. */
	ask(&sleeper, &e, S_SLEEP, "0.5");	/* first, busy */
	ask(&pid, &e, S_PID, NULL);		/* second */
	UNTIL(&e, pid.g.done);
	ask(&writer, &e, S_SLEEP_WRITE, "20");	/* second */
	ask(&killer, &e, S_KILL, pid.g.text);	/* first, behind the sleep */
	ask(&after, &e, S_ECHO, "first");	/* second: one each */
	ask(&reader, &e, S_ECHO, "second");	/* either */
	UNTIL(&e, e.finished == 6);
	ck_assert_str_eq(reader.g.text, "second");
	ck_assert_str_eq(after.g.text, "first");
	ck_assert_str_eq(killer.g.text, "t");
	ck_assert_int_eq(writer.g.err, ERR_DATABASE);
	ck_assert(writer.g.unsure);
	ck_assert_int_eq(sleeper.g.err, ERR_OK);
	ck_assert_int_eq(e.downs, 0);
	all_up(&e, 3);
	ask(&after, &e, S_ECHO, "back");
	UNTIL(&e, after.g.done);
	ck_assert_int_eq(after.g.err, ERR_OK);
	ck_assert_int_eq(count(&e), 0);
	db_stats(e.db, &st);
	ck_assert_uint_eq(st.reconnects, 1);
	env_close(&e);
}
END_TEST

START_TEST(postmaster_killed)
{
	struct env e;
	struct want reads[20], write, waiting;
	struct db_opts longer = { .deadline = 40 * MONO_SEC };
	struct db_opts soon = { .deadline = 200 * MONO_MS };
	unsigned i;

	env_open(&e, 2, 16, 64);
	all_up(&e, 2);
	ask_opts(&write, &e, S_SLEEP_WRITE, "30", &longer);
	for (i = 0; i < nitems(reads); i++)
		ask_opts(&reads[i], &e, S_SLEEP, "0.01", &longer);
	scratch("crash");
	UNTIL(&e, !db_up(e.db));
	ck_assert_int_eq(write.g.err, ERR_DATABASE);
	ck_assert(write.g.unsure);
	/* What comes while it is away waits, as long as it may. */
	ask_opts(&waiting, &e, S_ECHO, "no luck", &soon);
	UNTIL(&e, waiting.g.done);
	ck_assert_int_eq(waiting.g.err, ERR_DATABASE);
	ck_assert(!waiting.g.unsure);
	ck_assert(db_refusal(e.db) == NULL);
	ask_opts(&waiting, &e, S_INSERT, "9", &longer);
	scratch("again");
	UNTIL(&e, waiting.g.done);
	ck_assert_int_eq(waiting.g.err, ERR_OK);
	for (i = 0; i < nitems(reads); i++) {
		UNTIL(&e, reads[i].g.done);
		ck_assert_msg(reads[i].g.err == ERR_OK, "%u: %s", i,
		    reads[i].g.text);
	}
	ck_assert_int_eq(count(&e), 1);
	ck_assert_int_eq(e.downs, 1);
	ck_assert_int_eq(e.ups, 2);
	env_close(&e);
}
END_TEST

START_TEST(full)
{
	struct env e;
	struct want w[8];
	struct db_stats st;
	unsigned i;

	env_open(&e, 1, 2, 3);
	all_up(&e, 1);
	for (i = 0; i < nitems(w); i++)
		ask(&w[i], &e, S_SLEEP, "0.05");
	/* Two in flight, three wait, three are refused: on a later turn. */
	for (i = 0; i < nitems(w); i++)
		ck_assert(!w[i].g.done);
	db_stats(e.db, &st);
	ck_assert_uint_eq(st.inflight, 2);
	ck_assert_uint_eq(st.waiting, 3);
	ck_assert_uint_eq(st.refused_full, 3);
	UNTIL(&e, e.finished == (int)nitems(w));
	for (i = 0; i < nitems(w); i++) {
		ck_assert_int_eq(w[i].g.err, i < 5 ? ERR_OK : ERR_DATABASE);
		ck_assert(!w[i].g.unsure);
	}
	ck_assert_int_lt(w[7].g.order, w[0].g.order);
	env_close(&e);
}
END_TEST

START_TEST(bulk)
{
	struct env e;
	struct want b[2], p[3];
	unsigned i;

	env_open(&e, 2, 1, 16);
	all_up(&e, 2);
	ask(&b[0], &e, S_BULK, "0.3");
	ask(&b[1], &e, S_BULK, "0");
	for (i = 0; i < 3; i++)
		ask(&p[i], &e, S_PID, NULL);
	UNTIL(&e, e.finished == 5);
	/* Long work has its own connection; the rest passes it by. */
	ck_assert_str_eq(b[0].g.text, b[1].g.text);
	for (i = 0; i < 3; i++) {
		ck_assert_str_eq(p[i].g.text, p[0].g.text);
		ck_assert_str_ne(p[i].g.text, b[0].g.text);
		ck_assert_int_lt(p[i].g.order, b[0].g.order);
	}
	env_close(&e);
}
END_TEST

START_TEST(forget)
{
	struct env e;
	struct want w, w2;
	struct db_arg a = db_str("3");
	struct db_req *q = NULL, *q2 = NULL;

	memset(&w, 0, sizeof(w));
	memset(&w2, 0, sizeof(w2));
	w.e = w2.e = &e;
	env_open(&e, 1, 1, 4);
	db_query(e.db, S_INSERT, &a, 1, NULL, on_done, &w, &q);
	a = db_str("4");
	db_query(e.db, S_INSERT, &a, 1, NULL, on_done, &w2, &q2);
	ck_assert_ptr_nonnull(q);
	db_forget(&q);
	ck_assert_ptr_null(q);
	db_forget(&q);
	UNTIL(&e, w2.g.done);
	ck_assert(!w.g.done);
	ck_assert_int_eq(count(&e), 2);
	/* Freed with work in flight and waiting: no callback, no leak. */
	db_query(e.db, S_SLEEP, &a, 1, NULL, on_done, &w, NULL);
	db_query(e.db, S_SLEEP, &a, 1, NULL, on_done, &w, NULL);
	env_close(&e);
	ck_assert(!w.g.done);
}
END_TEST

START_TEST(refusals)
{
	static const struct {
		const char	*change, *undo, *user, *says;
	} rows[] = {
		{ "UPDATE mast.migrations SET version = 2 WHERE version = 3",
		    "UPDATE mast.migrations SET version = 3 WHERE version = 2",
		    "tester", "has version 2" },
		{ "UPDATE mast.migrations SET version = 4 WHERE version = 3;"
		    SERVES("4"),
		    "UPDATE mast.migrations SET version = 3 WHERE version = 4;"
		    SERVES("3"), "tester", "only up to 3" },
		{ "ALTER FUNCTION mast.schema_serves() RENAME TO away",
		    "ALTER FUNCTION mast.away() RENAME TO schema_serves",
		    "tester", "is older than" },
		{ "ALTER SCHEMA mast RENAME TO away",
		    "ALTER SCHEMA away RENAME TO mast",
		    "tester", "no schema" },
		{ "REVOKE SELECT ON mast.migrations FROM tester",
		    "GRANT SELECT ON mast.migrations TO tester",
		    "tester", "no right" },
		{ "ALTER TABLE public.t RENAME v TO w",
		    "ALTER TABLE public.t RENAME w TO v",
		    "tester", "does not fit the schema" },
		{ "SELECT 1", "SELECT 1", "nobody_here", "refuses the conn" },
		{ "REVOKE CONNECT ON DATABASE mastkeeper FROM tester",
		    "GRANT CONNECT ON DATABASE mastkeeper TO tester",
		    "tester", "refuses the conn" },
	};
	char keep[sizeof(conninfo)];
	struct env e;
	unsigned i;

	memcpy(keep, conninfo, sizeof(keep));
	for (i = 0; i < nitems(rows); i++) {
		snprintf(conninfo, sizeof(conninfo),
		    "host=%s dbname=mastkeeper user=%s", dir, rows[i].user);
		admin(rows[i].change);
		env_open(&e, 1, 1, 4);
		UNTIL(&e, db_refusal(e.db) != NULL);
		ck_assert_msg(strstr(db_refusal(e.db), rows[i].says) != NULL,
		    "row %u: %s", i, db_refusal(e.db));
		ck_assert(!db_up(e.db));
		/* Put right by somebody: it goes on by itself. */
		admin(rows[i].undo);
		if (strcmp(rows[i].user, "tester") == 0) {
			UNTIL(&e, db_up(e.db));
			ck_assert_ptr_null(db_refusal(e.db));
		}
		env_close(&e);
	}
	memcpy(conninfo, keep, sizeof(keep));
}
END_TEST

START_TEST(blocking)
{
	struct buf err = BUF_INIT;
	struct db_sync *s;
	struct db_result *r;
	struct db_arg a = db_str("12");

	ck_assert_ptr_null(db_sync_open("host=/nowhere dbname=x", "t", &err));
	ck_assert_uint_gt(buf_used(&err), 0);
	buf_clear(&err);
	s = db_sync_open(conninfo, "t", &err);
	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(db_sync_script(s, "SELECT 1; SELECT * FROM nix",
	    &err), -1);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&err), "42P01"));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&err), "at character"));
	ck_assert_int_eq(db_sync_script(s, "SELECT 1; SELECT 2", &err), 0);
	ck_assert_int_eq(db_sync_script(s, "", &err), 0);
	r = db_sync_query(s, &stmts[S_INSERT], &a, 1);
	ck_assert_int_eq(db_err(r), ERR_OK);
	ck_assert_int_eq(db_i64(r, 0, 0), 12);
	db_sync_done(&r);
	ck_assert_ptr_null(r);
	r = db_sync_query(s, &stmts[S_INSERT], &a, 1);
	ck_assert_int_eq(db_err(r), ERR_DUPLICATE);
	ck_assert_str_eq(db_constraint(r), "t_key");
	db_sync_done(&r);
	a = db_slice((struct slice){ "1\0", 2 });
	r = db_sync_query(s, &stmts[S_INSERT], &a, 1);
	ck_assert_int_eq(db_err(r), ERR_INVALID);
	db_sync_done(&r);
	db_sync_close(s);
	buf_free(&err);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("db");
	TCase *t = tcase_create("db");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, order);
	tcase_add_test(t, errors);
	tcase_add_test(t, types);
	tcase_add_test(t, arrays);
	tcase_add_test(t, actor);
	tcase_add_test(t, in_front);
	tcase_add_test(t, shared);
	tcase_add_test(t, gathered);
	tcase_add_test(t, deadline);
	tcase_add_test(t, backend_killed);
	tcase_add_test(t, postmaster_killed);
	tcase_add_test(t, full);
	tcase_add_test(t, bulk);
	tcase_add_test(t, forget);
	tcase_add_test(t, refusals);
	tcase_add_test(t, blocking);
	suite_add_tcase(s, t);
	return s;
}

static bool
have_server(void)
{
	return system("ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1") ==
	    0;
}

int
main(void)
{
	SRunner *sr;
	int failures;

	if (!have_server()) {
		printf("1..0 # SKIP needs the package postgresql\n");
		return 0;
	}
	log_init("test_db", getenv("MAST_DEBUG") != NULL ? LOG_L_DEBUG :
	    LOG_L_ERROR);
	snprintf(dir, sizeof(dir), "/tmp/mastdb.%ld", (long)getpid());
	snprintf(conninfo, sizeof(conninfo),
	    "host=%s dbname=mastkeeper user=tester", dir);
	scratch("start");
	admin("CREATE ROLE tester LOGIN; CREATE SCHEMA mast;"
	    "GRANT pg_signal_backend TO tester;"
	    "REVOKE CONNECT ON DATABASE mastkeeper FROM PUBLIC;"
	    "GRANT CONNECT ON DATABASE mastkeeper TO tester;"
	    "GRANT USAGE ON SCHEMA mast TO tester;"
	    "CREATE TABLE mast.migrations (version int);" SERVES("3")
	    "INSERT INTO mast.migrations VALUES (1), (2 + 1);"
	    "GRANT SELECT ON mast.migrations TO tester;"
	    "CREATE TABLE public.t (v int NOT NULL CONSTRAINT t_key UNIQUE"
	    "    CONSTRAINT t_positive CHECK (v >= 0));"
	    "CREATE TABLE public.p (v int PRIMARY KEY);"
	    "INSERT INTO public.p VALUES (1);"
	    "CREATE TABLE public.u (v int CONSTRAINT u_fk REFERENCES public.p);"
	    "CREATE TABLE public.d (v int CONSTRAINT d_fk REFERENCES public.p"
	    "    DEFERRABLE INITIALLY DEFERRED);"
	    "CREATE TABLE public.secret (v int);"
	    "GRANT ALL ON public.t, public.u, public.d, public.p TO tester");
	sr = srunner_create(suite());
	srunner_run_all(sr, getenv("CK_TAP_LOG_FILE_NAME") != NULL ?
	    CK_SILENT : CK_NORMAL);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	scratch("stop");
	return failures != 0;
}
