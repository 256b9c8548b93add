/*
 * hub: the row of this start and everything that is polled. Owns the
 * requests of those statements and the last version counters seen.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "certs.h"
#include "db.h"
#include "log.h"
#include "proc.h"
#include "timer.h"
#include "xmalloc.h"

#include "batch.h"
#include "cmd.h"
#include "conn.h"
#include "hub.h"
#include "hubd.h"
#include "node.h"
#include "push.h"
#include "sink.h"
#include "stmt.h"

#define TICK		MONO_SEC
#define BEAT_TICKS	2
#define TRIM_TICKS	2
#define SHORT_TICKS	15	/* until apid knows, and they are gone */
#define RECONCILE_TICKS	20
#define HOUR		(3600 * MONO_SEC)
#define CHANGED_SLACK	(60 * MONO_SEC)	/* a transaction may be that old */
#define KEEPALIVE	15		/* until the settings are read */
#define OFFLINE		30
#define RETIRE_TIME	(3 * MONO_SEC)
#define RETIRE_AGAIN	(50 * MONO_MS)

struct hub {
	struct hubd	*hubd;
	bool		 told_twin;	/* another hub has our name */
	bool		 registered;	/* the row is there */
	bool		 ready;		/* and the partitions */
	bool		 retain_again;	/* retention changed while it ran */
	unsigned	 ticks, trim_in, reconcile_in, short_ticks;
	uint64_t	 accepted;
	int64_t		 v_settings, v_nodes;	/* -1: never read */
	wall_us		 nodes_since;
	struct timer	 tick, hourly;
	struct db_req	*start, *beat, *versions, *settings, *nodes, *sweep;
	struct db_req	*parts, *retention, *sessions, *stop;
	void		(*retired)(void *);
	void		*retired_arg;
	mono_us		 retire_by;
};

static size_t
hub_args(struct hub *hub, struct db_arg *args, char id[ID_TEXT], wall_us us,
    char num[24])
{
	id_text(&hub->hubd->id, id);
	(void)snprintf(num, 24, "%lld", (long long)us);
	args[0] = db_str(id);
	args[1] = db_str(num);
	return 2;
}

/* ---- the row ---- */

static void
hub_partitions_done(void *arg, const struct db_result *res)
{
	struct hub *hub = arg;

	hub->parts = NULL;
	if (db_err(res) != ERR_OK)
		log_warn("partitions: %s", db_message(res));
	if (hub->registered && !hub->ready) {
		hub->ready = true;
		log_info("hub %s is registered", hub->hubd->name);
		sink_kick(hub->hubd->sink);
	}
}

static void hub_retention(struct hub *);

static void
hub_retention_done(void *arg, const struct db_result *res)
{
	struct hub *hub = arg;

	hub->retention = NULL;
	if (hub->retain_again) {	/* the setting moved meanwhile */
		hub->retain_again = false;
		hub_retention(hub);
	}
	if (db_err(res) != ERR_OK)
		log_warn("retention: %s", db_message(res));
	else if (db_i64(res, 0, 0) > 0)
		log_info("retention: %lld partitions dropped",
		    (long long)db_i64(res, 0, 0));
}

static const struct db_opts slow = { .deadline = 120 * MONO_SEC };

static void
hub_retention(struct hub *hub)
{
	if (hub->retention != NULL)
		hub->retain_again = true;
	else
		db_query(hub->hubd->db, STMT_RETENTION, NULL, 0, &slow,
		    hub_retention_done, hub, &hub->retention);
}

static void
hub_hourly(void *arg)
{
	struct hub *hub = arg;
	struct db *db = hub->hubd->db;

	timer_set(hub->hubd->timers, &hub->hourly, HOUR);
	if (!hub->registered)
		return;
	if (hub->parts == NULL)
		db_query(db, STMT_PARTITIONS, NULL, 0, &slow,
		    hub_partitions_done, hub, &hub->parts);
	if (hub->retention == NULL)
		hub_retention(hub);
}

static void
hub_started(void *arg, const struct db_result *res)
{
	struct hub *hub = arg;

	hub->start = NULL;
	if (db_err(res) != ERR_OK) {
		log_warn("cannot register this hub: %s", db_message(res));
		return;		/* the tick tries again */
	}
	if (db_i64(res, 0, 0) > 0)
		log_event(LOG_HUB_CRASHED, "the last start of hub %s did not stop in order; "
		    "%lld sessions of it ended", hub->hubd->name,
		    (long long)db_i64(res, 0, 1));
	hub->registered = true;
	hub->v_settings = hub->v_nodes = -1;
	/* Today's partition first: then nodes may come. */
	hub_hourly(hub);
}

static void
hub_start(struct hub *hub)
{
	struct hubd *h = hub->hubd;
	char id[ID_TEXT];
	struct db_arg args[3];

	if (hub->start != NULL || !db_up(h->db))
		return;
	id_text(&h->id, id);
	args[0] = db_str(id);
	args[1] = db_str(h->name);
	args[2] = db_null();
	db_query(h->db, STMT_HUB_START, args, nitems(args), NULL,
	    hub_started, hub, &hub->start);
}

void
hub_register(struct hub *hub)
{
	if (!hub->ready)
		return;
	hub->ready = hub->registered = false;
	id_new(&hub->hubd->id);
	sink_restart(hub->hubd->sink);
	hub_start(hub);
}

static void
hub_beat_done(void *arg, const struct db_result *res)
{
	struct hub *hub = arg;

	hub->beat = NULL;
	if (db_err(res) != ERR_OK)
		return;
	if (db_rows(res) == 0) {
		log_error("this hub's row is gone; taking a new one");
		hub_register(hub);
	} else if (db_bool(res, 0, 0) && !hub->told_twin) {
		hub->told_twin = true;
		log_event(LOG_HUB_TWICE, "another hub runs under the name %s: give each its "
		    "own [hubd] name", hub->hubd->name);
	}
}

static void
hub_beat(struct hub *hub)
{
	char id[ID_TEXT], num[24];
	struct db_arg args[2];

	if (hub->beat == NULL)
		db_query(hub->hubd->db, STMT_HUB_BEAT, args, hub_args(hub,
		    args, id, sink_flushed(hub->hubd->sink), num), NULL,
		    hub_beat_done, hub, &hub->beat);
}

/* ---- settings ---- */

/*
 * Both as they are set, but a node that is silent and well must have been
 * asked before it is taken for dead: at half of the threshold at the latest.
 */
static void
hub_set_times(struct hub_settings *s, int64_t keepalive, int64_t offline)
{
	s->keepalive = keepalive * MONO_SEC;
	s->offline = offline * MONO_SEC;
	if (s->keepalive > s->offline / 2)
		s->keepalive = s->offline / 2;
}

/* Fewer days take effect now, not with the next hour. */
static void
hub_set_retention(struct hub *hub, int64_t days)
{
	int64_t before = hub->hubd->set.retention;

	hub->hubd->set.retention = days;
	if (before != days)
		hub_retention(hub);
}

static void
hub_settings_done(void *arg, const struct db_result *res)
{
	struct hub *hub = arg;
	int64_t keepalive = KEEPALIVE, offline = OFFLINE;
	int i;

	hub->settings = NULL;
	if (db_err(res) != ERR_OK) {
		hub->v_settings = -1;
		return;
	}
	for (i = 0; i < db_rows(res); i++) {
		struct slice key = db_get(res, i, 0);

		if (slice_eq(key, "ws_keepalive_interval_secs"))
			keepalive = db_i64(res, i, 1);
		else if (slice_eq(key, "node_offline_threshold_secs"))
			offline = db_i64(res, i, 1);
		else if (slice_eq(key, "events_retention_days"))
			hub_set_retention(hub, db_i64(res, i, 1));
	}
	hub_set_times(&hub->hubd->set, keepalive, offline);
	conns_look(hub->hubd->conns);
}

/* ---- nodes that people edited ---- */

void
hub_node_row(struct node *n, const struct db_result *res, int row)
{
	const struct node_row r = { .name = db_get(res, row, 1),
	    .type = db_get(res, row, 2),
	    .expires = db_isnull(res, row, 3) ? 0 : db_i64(res, row, 3),
	    .quarantined = db_bool(res, row, 4) };

	node_update(n, &r);
}

static void
hub_nodes_done(void *arg, const struct db_result *res)
{
	struct hub *hub = arg;
	struct node *n;
	struct id id;
	int i;

	hub->nodes = NULL;
	if (db_err(res) != ERR_OK) {
		hub->v_nodes = -1;
		return;
	}
	for (i = 0; i < db_rows(res); i++)
		if (db_id(res, i, 0, &id) == 0 &&
		    (n = node_find(hub->hubd->nodes, &id)) != NULL)
			hub_node_row(n, res, i);
}

static void
hub_nodes(struct hub *hub)
{
	char id[ID_TEXT], num[24];
	struct db_arg args[2];
	wall_us since = hub->nodes_since;

	hub->nodes_since = wall_now() - CHANGED_SLACK;
	db_query(hub->hubd->db, STMT_NODES_CHANGED, args, hub_args(hub, args,
	    id, since, num), NULL, hub_nodes_done, hub, &hub->nodes);
}

static void
hub_versions_done(void *arg, const struct db_result *res)
{
	struct hub *hub = arg;
	int i;

	hub->versions = NULL;
	if (db_err(res) != ERR_OK)
		return;
	for (i = 0; i < db_rows(res); i++) {
		struct slice name = db_get(res, i, 0);
		int64_t v = db_i64(res, i, 1);

		if (slice_eq(name, "settings") && v != hub->v_settings &&
		    hub->settings == NULL) {
			hub->v_settings = v;
			db_query(hub->hubd->db, STMT_SETTINGS, NULL, 0, NULL,
			    hub_settings_done, hub, &hub->settings);
		} else if (slice_eq(name, "nodes") && v != hub->v_nodes &&
		    hub->nodes == NULL) {
			hub->v_nodes = v;
			hub_nodes(hub);
		} else if (slice_eq(name, "certs") &&
		    hub->hubd->certs != NULL) {
			certs_poll(hub->hubd->certs, (uint64_t)v);
		}
	}
}

/* ---- commands past their time ---- */

static void
hub_sweep_done(void *arg, const struct db_result *res)
{
	struct hub *hub = arg;

	hub->sweep = NULL;
	if (db_err(res) != ERR_OK)
		log_debug("sweep: %s", db_message(res));
}

/* ---- sessions that nobody holds ---- */

static void
hub_compared(void *arg, const struct db_result *res)
{
	struct hub *hub = arg;
	struct node *n, lost = { 0 };
	unsigned ended = 0;
	int i;

	hub->sessions = NULL;
	if (db_err(res) != ERR_OK) {
		hub_reconcile(hub);
		return;
	}
	for (i = 0; i < db_rows(res); i++) {
		lost.epoch = (uint64_t)db_i64(res, i, 1);
		if (db_id(res, i, 0, &lost.id) == -1)
			continue;
		n = node_find(hub->hubd->nodes, &lost.id);
		if (n != NULL && n->epoch >= lost.epoch)
			continue;
		sink_end(hub->hubd->sink, &lost, wall_now(),
		    "lost before the answer");
		ended++;
	}
	if (ended > 0)
		log_info("%u sessions that nobody holds are ended", ended);
}

static void
hub_compare(struct hub *hub)
{
	char id[ID_TEXT], num[24];
	struct db_arg args[2];

	(void)hub_args(hub, args, id, 0, num);
	if (hub->sessions == NULL)
		db_query(hub->hubd->db, STMT_SESSIONS, args, 1, NULL,
		    hub_compared, hub, &hub->sessions);
}

void
hub_reconcile(struct hub *hub)
{
	hub->reconcile_in = RECONCILE_TICKS;
}

/* A storm of handshakes leaves holes in the heap: given back when it is
 * over. */
static void
hub_trim(struct hub *hub)
{
	uint64_t accepted = hub->hubd->count.accepted;

	if (accepted != hub->accepted) {
		hub->accepted = accepted;
		hub->trim_in = TRIM_TICKS;
	} else if (hub->trim_in > 0 && --hub->trim_in == 0)
		(void)malloc_trim(0);
}

/*
 * What is only held in reserve goes first, then dashboards (apid closes them
 * when it reads of it), then new nodes are refused: when that did not help,
 * or if it is far too much. The nodes that are here stay.
 */
static void
hub_memory(struct hub *hub)
{
	struct hubd *h = hub->hubd;
	uint64_t limit = (uint64_t)h->conf.memory_mib << 20, used;
	bool was = h->memory_short, was_full = h->memory_full;

	used = limit == 0 ? 0 : proc_rss();
	if (!was && used > limit) {
		(void)malloc_trim(0);
		used = proc_rss();
	}
	/* Some air, so that it does not flap. */
	h->memory_short = limit != 0 &&
	    used > (was ? limit - limit / 20 : limit);
	hub->short_ticks = h->memory_short ? hub->short_ticks + 1 : 0;
	h->memory_full = h->memory_short &&
	    (hub->short_ticks > SHORT_TICKS || used > limit + limit / 8);
	if (h->memory_short && !was)
		log_warn("memory: %llu MiB of %lld in use: dashboards go",
		    (unsigned long long)(used >> 20),
		    (long long)h->conf.memory_mib);
	if (h->memory_full && !was_full)
		log_warn("memory: %llu MiB of %lld in use: new nodes are "
		    "refused", (unsigned long long)(used >> 20),
		    (long long)h->conf.memory_mib);
	if (was && !h->memory_short)
		log_info("memory: below the ceiling");
}

static void
hub_tick(void *arg)
{
	struct hub *hub = arg;
	struct db *db = hub->hubd->db;
	char id[ID_TEXT], num[24];
	struct db_arg args[2];

	timer_set(hub->hubd->timers, &hub->tick, TICK);
	hub_trim(hub);
	hub_memory(hub);
	if (!db_up(db))
		return;
	if (!hub->ready) {
		if (!hub->registered)
			hub_start(hub);
		else if (hub->parts == NULL)
			hub_hourly(hub);
		return;
	}
	if (hub->ticks++ % BEAT_TICKS == 0)
		hub_beat(hub);
	if (hub->versions == NULL)
		db_query(db, STMT_VERSIONS, NULL, 0, NULL, hub_versions_done,
		    hub, &hub->versions);
	(void)hub_args(hub, args, id, 0, num);
	args[1] = db_str(cmds_settled(hub->hubd->cmds) ? "t" : "f");
	if (hub->sweep == NULL)
		db_query(db, STMT_SWEEP, args, 2, NULL, hub_sweep_done, hub,
		    &hub->sweep);
	push_tick(hub->hubd->pushes);
	if (hub->reconcile_in > 0 && --hub->reconcile_in == 0)
		hub_compare(hub);
}

struct hub *
hub_new(struct hubd *h)
{
	struct hub *hub = xcalloc(1, sizeof(*hub));

	hub->hubd = h;
	hub->v_settings = hub->v_nodes = -1;
	hub_set_times(&h->set, KEEPALIVE, OFFLINE);
	timer_init(&hub->tick, hub_tick, hub);
	timer_init(&hub->hourly, hub_hourly, hub);
	timer_set(h->timers, &hub->tick, TICK);
	return hub;
}

void
hub_free(struct hub *hub)
{
	struct db_req **reqs[] = {&hub->start, &hub->beat, &hub->versions,
	    &hub->settings, &hub->nodes, &hub->sweep, &hub->parts,
	    &hub->retention, &hub->sessions, &hub->stop };
	size_t i;

	if (hub == NULL)
		return;
	for (i = 0; i < nitems(reqs); i++)
		db_forget(reqs[i]);
	timer_del(&hub->tick);
	timer_del(&hub->hourly);
	free(hub);
}

bool
hub_ready(const struct hub *hub)
{
	return hub->ready && db_up(hub->hubd->db);
}

void
hub_database(struct hub *hub, bool up)
{
	if (!up)
		return;
	if (!hub->ready)
		hub_start(hub);
	else {
		hub_beat(hub);
		sink_kick(hub->hubd->sink);
	}
}

static void
hub_retire_done(void *arg, const struct db_result *res)
{
	struct hub *hub = arg;

	hub->stop = NULL;
	if (db_err(res) != ERR_OK && batch_is_transient(res) &&
	    mono_now() < hub->retire_by) {
		timer_set(hub->hubd->timers, &hub->tick, RETIRE_AGAIN);
		return;
	}
	if (db_err(res) != ERR_OK)
		log_warn("cannot sign off: %s", db_message(res));
	hub->retired(hub->retired_arg);
}

static void
hub_sign_off(void *arg)
{
	struct hub *hub = arg;
	const struct db_opts opts = { .deadline =
	    hub->retire_by - mono_now() + RETIRE_AGAIN };
	char id[ID_TEXT], num[24];
	struct db_arg args[2];

	db_query(hub->hubd->db, STMT_HUB_STOP, args, hub_args(hub, args, id,
	    sink_flushed(hub->hubd->sink), num), &opts, hub_retire_done, hub,
	    &hub->stop);
}

/* Partitions may be made in this moment, of which the statement's event then
 * hears too late: it is simply sent again. */
void
hub_retire(struct hub *hub, void (*done)(void *), void *arg)
{
	timer_del(&hub->tick);
	timer_del(&hub->hourly);
	timer_init(&hub->tick, hub_sign_off, hub);
	hub->retired = done;
	hub->retired_arg = arg;
	hub->retire_by = mono_now() + RETIRE_TIME;
	hub_sign_off(hub);
}
