/*
 * sink: the rows and their statements. Owns three queues (events, session
 * ends, final command states) and the list of nodes whose last-seen row is
 * behind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "json.h"
#include "log.h"
#include "timer.h"
#include "xmalloc.h"

#include "alarm.h"
#include "batch.h"
#include "conn.h"
#include "hub.h"
#include "hubd.h"
#include "node.h"
#include "note.h"
#include "numbered.h"
#include "publish.h"
#include "sink.h"
#include "stmt.h"

#define TICK		MONO_SEC
#define SEEN_EVERY	(5 * MONO_SEC)
#define SEEN_ROWS	1000
#define HEALTH_MAX	65536u		/* larger ones are not stored */
#define RESERVE		1024		/* rows for the hub's own events */
#define DROP_QUIET	(5 * MONO_SEC)	/* a storm is told as one event */
#define ENDS_MAX	200000
#define ERROR_MAX	10000
#define CODE_MAX	128

TAILQ_HEAD(seen_list, node);
TAILQ_HEAD(drop_list, node);

struct sink {
	struct hubd		*hub;
	struct batch		*events, *ends, *finals;
	struct seen_list	 seen;
	struct drop_list	 drops;
	struct numbered		*numbers;
	uint64_t		 lost;	/* of the hub's own rows */
	size_t			 telling;	/* rows that tell of drops */
	wall_us			 drop_since;	/* the first one not stored */
	struct db_req		*seen_req;
	struct timer		 tick;
};

/* ---- events ---- */

/* Until the row that counts the drops is stored, a crash loses the count:
 * the window that the next start names must begin before them. */
static bool
sink_owes(const struct sink *s)
{
	return !TAILQ_EMPTY(&s->drops) || s->lost > 0 || s->telling > 0;
}

static wall_us
sink_bound(const struct sink *s, wall_us at)
{
	return sink_owes(s) && s->drop_since < at ? s->drop_since : at;
}

static wall_us
event_mark(struct hubd *h, const struct batch_row *row)
{
	return sink_bound(h->sink,
	    ((const struct note *)(const void *)row)->at);
}

static void
event_put(struct buf *cols, const struct batch_row *row)
{
	const struct note *n = (const struct note *)(const void *)row;
	const char *severity = note_severity(n->severity);
	struct slice none = { NULL, 0 };

	db_array_i64(&cols[0], n->at);
	db_array_id(&cols[1], &n->node);
	db_array_text(&cols[2], n->name);
	db_array_text(&cols[3], slice_of(severity));
	db_array_text(&cols[4], n->raw.n == 0 ||
	    slice_eq(n->raw, severity) ? none : n->raw);
	db_array_text(&cols[5], n->category);
	db_array_text(&cols[6], n->message);
	db_array_text(&cols[7], n->details.n == 0 ? none : n->details);
	db_array_text(&cols[8], n->flow.n == 0 ? none : n->flow);
	if (n->seq > 0) {
		db_array_id(&cols[9], &n->boot);
		db_array_i64(&cols[10], n->seq);
	} else {
		db_array_text(&cols[9], none);
		db_array_text(&cols[10], none);
	}
}

/* One row: how many were inserted, the hub's watermark now, and whether
 * this statement moved it (else an earlier try of it was stored). */
static enum batch_fate
event_result(struct hubd *h, const struct db_result *res, uint64_t number,
    unsigned rows)
{
	if (db_rows(res) != 1 || db_isnull(res, 0, 1) ||
	    (uint64_t)db_i64(res, 0, 1) < number) {
		log_error("sink: this hub's row is gone; taking a new one");
		hub_register(h->hub);
		return BATCH_AGAIN;
	}
	if (db_bool(res, 0, 2)) {
		h->count.events_repeated += rows - (uint64_t)db_i64(res, 0, 0);
		rows = (unsigned)db_i64(res, 0, 0);
	}
	h->count.events_stored += rows;
	publish_events(h->publish, rows);
	return BATCH_STORED;
}

static void sink_tell(struct sink *, const struct id *, const char *,
    uint64_t);

/* PostgreSQL refused it, whatever it was with: told like what was dropped. */
static void
event_dead(struct hubd *h, const struct note *note)
{
	char *name;

	h->count.events_dead++;
	if (note->drops || h->stopping)
		return;
	name = xstrndup(note->name.p, note->name.n);
	sink_tell(h->sink, &note->node, name, 1);
	free(name);
}

static void
event_done(struct hubd *h, struct batch_row *row, bool stored)
{
	const struct note *note = (const struct note *)(const void *)row;

	if (!stored)
		event_dead(h, note);
	h->sink->telling -= note->drops;
	if (note->seq > 0)
		numbered_stored(h->sink->numbers, &note->node, &note->boot,
		    note->seq);
	free(row);
}

static const struct batch_kind events_kind = {
	.name = "events", .stmt = STMT_EVENTS, .numbered = true, .cols = 11,
	.mark = event_mark,
	.rows = 1000, .delay = 20 * MONO_MS, .put = event_put,
	.result = event_result, .done = event_done,
};

/* ---- session ends ---- */

struct end {
	struct batch_row	 row;
	struct id		 node;
	uint64_t		 epoch;
	wall_us			 at, seen;
	char			 why[96];
};

static void
end_put(struct buf *cols, const struct batch_row *row)
{
	const struct end *e = (const struct end *)(const void *)row;

	db_array_id(&cols[0], &e->node);
	db_array_i64(&cols[1], (int64_t)e->epoch);
	db_array_i64(&cols[2], e->at);
	db_array_i64(&cols[3], e->seen);
	db_array_text(&cols[4], slice_of(e->why));
}

static void
end_done(struct hubd *h, struct batch_row *row, bool stored)
{
	free(row);
}

static enum batch_fate
end_result(struct hubd *h, const struct db_result *res, uint64_t number,
    unsigned rows)
{
	if (db_rows(res) == 1 && db_i64(res, 0, 0) > 0)
		publish_events(h->publish, (uint32_t)db_i64(res, 0, 0));
	return BATCH_STORED;
}

static const struct batch_kind ends_kind = {
	.name = "session ends", .stmt = STMT_ENDS, .cols = 5, .rows = 1000,
	.delay = 20 * MONO_MS, .put = end_put, .result = end_result,
	.done = end_done,
};

/* ---- final command states ---- */

struct final {
	struct batch_row	 row;
	struct id		 command;
	const char		*state;
	wall_us			 at;
	bool			 stale;
	struct slice		 error, code, steps;
};

static void
final_put(struct buf *cols, const struct batch_row *row)
{
	const struct final *f = (const struct final *)(const void *)row;

	db_array_id(&cols[0], &f->command);
	db_array_text(&cols[1], slice_of(f->state));
	db_array_i64(&cols[2], f->at);
	db_array_text(&cols[3], f->error);
	db_array_text(&cols[4], f->code);
	db_array_text(&cols[5], f->stale ? SLICE("t") : SLICE("f"));
	db_array_text(&cols[6], f->steps);
}

static void
final_done(struct hubd *h, struct batch_row *row, bool stored)
{
	struct final *f = (struct final *)(void *)row;

	free((char *)(uintptr_t)f->error.p);
	free((char *)(uintptr_t)f->code.p);
	free((char *)(uintptr_t)f->steps.p);
	free(f);
}

static enum batch_fate
final_result(struct hubd *h, const struct db_result *res, uint64_t number,
    unsigned rows)
{
	publish_events(h->publish, 0);
	return BATCH_STORED;
}

static const struct batch_kind finals_kind = {
	.name = "command states", .stmt = STMT_FINALS, .cols = 7,
	.rows = 500, .delay = 5 * MONO_MS, .put = final_put,
	.result = final_result, .done = final_done,
};

/* ---- what comes in ---- */

static bool
sink_full(const struct sink *s, size_t reserve)
{
	const struct hubd_conf *c = &s->hub->conf;
	size_t rows = batch_rows(s->events) + batch_rows(s->finals);

	return rows >= (size_t)c->queue_rows + reserve ||
	    batch_bytes(s->events) + batch_bytes(s->finals) >=
	    ((size_t)c->queue_mib << 20) + reserve * 1024;
}

static void
sink_put_note(struct sink *s, struct note *n)
{
	alarm_note(s->hub->alarms, n);
	batch_add(s->events, &n->row, note_bytes(n));
}

static void
sink_owe(struct sink *s)
{
	if (!sink_owes(s))
		s->drop_since = wall_now();
}

static void
sink_drop(struct sink *s, struct node *n)
{
	s->hub->count.events_dropped++;
	sink_owe(s);
	n->dropped++;
	n->drop_at = mono_now();
	if (!n->in_drop) {
		n->in_drop = true;
		TAILQ_INSERT_TAIL(&s->drops, n, drop);
	}
}

void
sink_attach(struct sink *s, struct node *n, const struct node_info *info)
{
	numbered_attach(s->numbers, n, info);
}

void
sink_event(struct sink *s, struct node *n, const struct frame_event *e)
{
	const struct hubd_conf *c = &s->hub->conf;
	bool allowed, room;

	allowed = rate_take(&n->events, (double)c->event_rate,
	    (double)c->event_burst, 1, mono_now());

	if (!allowed)
		s->hub->count.events_limited++;
	room = allowed && !sink_full(s, 0);
	if (n->numbers && e->seq > 0 &&
	    !numbered_take(s->numbers, n, e->seq, room))
		return;
	s->hub->count.events_received++;
	if (room)
		sink_put_note(s, note_event(n, wall_now(), e));
	else
		sink_drop(s, n);
}

void
sink_note(struct sink *s, struct note *n)
{
	s->hub->count.events_received++;
	if (!sink_full(s, RESERVE)) {
		s->telling += n->drops;
		sink_put_note(s, n);
		return;
	}
	s->hub->count.events_dropped++;
	sink_owe(s);
	s->lost++;
	free(n);
}

static void
sink_tell(struct sink *s, const struct id *who, const char *name,
    uint64_t dropped)
{
	struct buf msg = BUF_INIT, details = BUF_INIT;
	struct json_w w;
	struct note *n;

	buf_printf(&msg, "%llu events were dropped",
	    (unsigned long long)dropped);
	json_w_init(&w, &details);
	json_w_object(&w);
	json_w_key(&w, "error_code");
	json_w_str(&w, "events_dropped");
	json_w_key(&w, "dropped");
	json_w_u64(&w, dropped);
	json_w_end_object(&w);
	n = note_new(&(struct note_text){ .node = *who,
	    .name = name, .severity = NOTE_WARNING, .category = "hub",
	    .message = buf_cstr(&msg), .details = buf_cstr(&details) });
	n->drops = true;
	sink_note(s, n);
	buf_free(&msg);
	buf_free(&details);
}

static void
sink_tell_drops(struct sink *s, struct node *n)
{
	sink_tell(s, &n->id, n->name, n->dropped);
	TAILQ_REMOVE(&s->drops, n, drop);
	n->in_drop = false;
	n->dropped = 0;
}

void
sink_end(struct sink *s, const struct node *n, wall_us seen, const char *why)
{
	struct end *e;

	if (batch_rows(s->ends) >= ENDS_MAX) {
		hub_reconcile(s->hub->hub);
		return;
	}
	e = xcalloc(1, sizeof(*e));
	e->node = n->id;
	e->epoch = n->epoch;
	e->at = wall_now();
	e->seen = seen;
	(void)str_copy(e->why, sizeof(e->why), why == NULL ? "lost" : why);
	batch_add(s->ends, &e->row, sizeof(*e));
}

static struct slice
sink_text(struct slice raw, size_t max)
{
	struct buf b = BUF_INIT;
	struct slice out = { NULL, 0 };

	if (raw.p == NULL)
		return out;
	note_plain(&b, raw, max);
	out.p = buf_steal(&b, &out.n);
	return out;
}

void
sink_final(struct sink *s, const struct sink_final *in)
{
	struct final *f;

	if (sink_full(s, RESERVE)) {
		sink_owe(s);
		s->lost++;
		s->hub->count.rows_dead++;
		return;
	}
	f = xcalloc(1, sizeof(*f));
	f->command = in->command;
	f->state = in->state;
	f->at = wall_now();
	f->stale = in->stale;
	f->error = sink_text(in->error, ERROR_MAX);
	f->code = sink_text(in->code, CODE_MAX);
	if (in->steps.n > 0)
		f->steps = (struct slice){ xstrndup(in->steps.p,
		    in->steps.n), in->steps.n };
	batch_add(s->finals, &f->row, sizeof(*f) + f->error.n + f->code.n +
	    f->steps.n);
}

/* ---- last seen and health ---- */

void
sink_seen(struct sink *s, struct node *n, bool has_news)
{
	if (n->in_seen)
		return;
	if (!has_news && n->seen - n->told_at < SEEN_EVERY)
		return;
	n->in_seen = true;
	TAILQ_INSERT_TAIL(&s->seen, n, seen_link);
}

void
sink_forget(struct sink *s, struct node *n)
{
	if (n->in_seen)
		TAILQ_REMOVE(&s->seen, n, seen_link);
	n->in_seen = false;
	if (n->in_drop)
		sink_tell_drops(s, n);
	numbered_forget(s->numbers, n);
}

/* A row whose epoch is no longer ours: another hub has the node, or the
 * node is deleted. */
static void
sink_fenced(struct sink *s, const struct db_result *res)
{
	struct nodes *nodes = s->hub->nodes;
	struct node *n;
	struct id id;
	int i;

	for (i = 0; i < db_rows(res); i++) {
		if (db_id(res, i, 0, &id) == -1 ||
		    (n = node_find(nodes, &id)) == NULL ||
		    n->epoch != (uint64_t)db_i64(res, i, 1))
			continue;
		node_fenced(n);
	}
}

static void sink_send_seen(struct sink *);

static void
sink_seen_done(void *arg, const struct db_result *res)
{
	struct sink *s = arg;

	s->seen_req = NULL;
	if (db_err(res) != ERR_OK) {
		s->hub->count.health_dropped++;
		log_warn("sink: last seen: %s", db_message(res));
		return;
	}
	sink_fenced(s, res);
	sink_send_seen(s);
}

static void
sink_put_seen(struct buf *cols, struct node *n, mono_us now, wall_us zero)
{
	struct slice none = { NULL, 0 }, health = none, version = none;

	if (n->health_new && n->health_len <= HEALTH_MAX)
		health = (struct slice){ n->health, n->health_len };
	if (n->version_new)
		version = slice_of(n->version);
	db_array_id(&cols[0], &n->id);
	db_array_i64(&cols[1], (int64_t)n->epoch);
	db_array_i64(&cols[2], zero + n->seen);
	db_array_text(&cols[3], health);
	db_array_text(&cols[4], version);
	n->health_new = n->version_new = false;
	n->told_at = now;
	n->in_seen = false;
}

static void
sink_send_seen(struct sink *s)
{
	struct buf cols[5] = { BUF_INIT };
	struct db_arg args[6];
	char id[ID_TEXT];
	mono_us now = mono_now();
	wall_us zero = wall_of(0);
	struct node *n;
	size_t rows = 0, i;

	if (s->seen_req != NULL || TAILQ_EMPTY(&s->seen) ||
	    !hub_ready(s->hub->hub))
		return;
	for (i = 0; i < nitems(cols); i++)
		db_array_begin(&cols[i]);
	while (rows++ < SEEN_ROWS && (n = TAILQ_FIRST(&s->seen)) != NULL) {
		TAILQ_REMOVE(&s->seen, n, seen_link);
		sink_put_seen(cols, n, now, zero);
	}
	id_text(&s->hub->id, id);
	args[0] = db_str(id);
	for (i = 0; i < nitems(cols); i++) {
		db_array_end(&cols[i]);
		args[i + 1] = db_str(buf_cstr(&cols[i]));
	}
	db_query(s->hub->db, STMT_SEEN, args, nitems(args), NULL,
	    sink_seen_done, s, &s->seen_req);
	for (i = 0; i < nitems(cols); i++)
		buf_free(&cols[i]);
}

/* ---- life ---- */

static void
sink_tick(void *arg)
{
	struct sink *s = arg;
	mono_us now = mono_now();
	struct node *n, *next;

	timer_set(s->hub->timers, &s->tick, TICK);
	sink_send_seen(s);
	if (!sink_full(s, 0))
		numbered_ask(s->numbers);
	for (n = TAILQ_FIRST(&s->drops); n != NULL; n = next) {
		next = TAILQ_NEXT(n, drop);
		if (now - n->drop_at >= DROP_QUIET && !sink_full(s, 0))
			sink_tell_drops(s, n);
	}
	if (s->lost > 0 && !sink_full(s, 0)) {
		uint64_t lost = s->lost;

		sink_tell(s, &s->hub->id, s->hub->name, lost);
		s->lost -= lost;
	}
}

struct sink *
sink_new(struct hubd *h)
{
	struct sink *s = xcalloc(1, sizeof(*s));

	s->hub = h;
	s->events = batch_new(h, &events_kind);
	s->ends = batch_new(h, &ends_kind);
	s->finals = batch_new(h, &finals_kind);
	TAILQ_INIT(&s->seen);
	TAILQ_INIT(&s->drops);
	s->numbers = numbered_new(h);
	timer_init(&s->tick, sink_tick, s);
	timer_set(h->timers, &s->tick, TICK);
	return s;
}

void
sink_free(struct sink *s)
{
	if (s == NULL)
		return;
	timer_del(&s->tick);
	db_forget(&s->seen_req);
	batch_free(s->events);
	batch_free(s->ends);
	batch_free(s->finals);
	numbered_free(s->numbers);
	free(s);
}

void
sink_kick(struct sink *s)
{
	batch_kick(s->events);
	batch_kick(s->ends);
	batch_kick(s->finals);
	sink_send_seen(s);
}

void
sink_restart(struct sink *s)
{
	batch_restart(s->events);
	batch_restart(s->ends);
	batch_restart(s->finals);
}

wall_us
sink_flushed(const struct sink *s)
{
	const struct note *first = (const struct note *)(const void *)
	    batch_first(s->events);

	return sink_bound(s, first == NULL ? wall_now() : first->at);
}

size_t
sink_waiting(const struct sink *s)
{
	return batch_rows(s->events);
}

size_t
sink_rows(const struct sink *s)
{
	return batch_rows(s->events) + batch_rows(s->ends) +
	    batch_rows(s->finals);
}
