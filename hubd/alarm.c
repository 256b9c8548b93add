/*
 * alarm: see alarm.h. Owns the entries, per node, in the order in which the
 * nodes had something to say; one statement is in flight, and what it
 * carries goes again unchanged when it fails, which is harmless.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "buf.h"
#include "db.h"
#include "id.h"
#include "json.h"
#include "log.h"
#include "secret.h"
#include "timer.h"
#include "xmalloc.h"

#include "alarm.h"
#include "batch.h"
#include "hub.h"
#include "hubd.h"
#include "node.h"
#include "note.h"
#include "opposite.h"
#include "stmt.h"

#define TICK		MONO_SEC
#define SWEEP_TICKS	60
#define PER_NODE	128u		/* entries; beyond: counted */
#define ENTRIES_MAX	100000u
#define ROWS		2000u		/* per statement */
#define SLOTS		4096u		/* a power of two */
#define OBJECT_MAX	256
#define MESSAGE_MAX	1000
#define COLS		11

struct entry {
	TAILQ_ENTRY(entry)	 link;
	struct slice		 object, code;	/* behind the struct */
	char			*message;
	const char		*source, *severity;
	int64_t			 count;		/* raised so often; 0: no */
	bool			 stands;
	wall_us			 first, last;
	char			 text[];
};

TAILQ_HEAD(entries, entry);

struct owner {			/* a node that has entries */
	TAILQ_ENTRY(owner)	 link;
	struct owner		*hnext;
	struct id		 node;
	struct entries		 entries;
	unsigned		 n;
	bool			 whole;	/* the set of its stats is in here */
};

TAILQ_HEAD(owners, owner);

struct alarms {
	struct hubd	*hub;
	struct owner	*slots[SLOTS];
	struct owners	 waiting, sent;
	size_t		 n, owners;
	unsigned	 ticks;
	uint64_t	 seed;
	struct timer	 tick;
	struct db_req	*req, *sweep;
};

/* ---- entries ---- */

static struct owner **
owner_slot(struct alarms *a, const struct id *node)
{
	struct owner **op = &a->slots[id_hash(node, a->seed) & (SLOTS - 1)];

	while (*op != NULL && !id_eq(&(*op)->node, node))
		op = &(*op)->hnext;
	return op;
}

static struct owner *
owner_get(struct alarms *a, const struct id *node)
{
	struct owner **op = owner_slot(a, node), *o = *op;

	if (o != NULL)
		return o;
	o = xcalloc(1, sizeof(*o));
	o->node = *node;
	TAILQ_INIT(&o->entries);
	*op = o;
	TAILQ_INSERT_TAIL(&a->waiting, o, link);
	a->owners++;
	return o;
}

static void
entry_free(struct alarms *a, struct owner *o, struct entry *e)
{
	TAILQ_REMOVE(&o->entries, e, link);
	o->n--;
	a->n--;
	free(e->message);
	free(e);
}

static void
owner_free(struct alarms *a, struct owner *o)
{
	struct entry *e;

	while ((e = TAILQ_FIRST(&o->entries)) != NULL)
		entry_free(a, o, e);
	a->owners--;
	free(o);
}

static bool
same(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* The entry of the key, made if need be; NULL: there are too many. */
static struct entry *
entry_get(struct alarms *a, struct owner *o, struct slice object,
    struct slice code)
{
	struct entry *e;

	TAILQ_FOREACH(e, &o->entries, link)
		if (same(e->code, code) && same(e->object, object))
			return e;
	if (o->n >= PER_NODE || a->n >= ENTRIES_MAX) {
		a->hub->count.alarms_dropped++;
		return NULL;
	}
	e = xcalloc(1, sizeof(*e) + object.n + code.n);
	if (object.n > 0)
		memcpy(e->text, object.p, object.n);
	memcpy(e->text + object.n, code.p, code.n);
	e->object = (struct slice){ e->text, object.n };
	e->code = (struct slice){ e->text + object.n, code.n };
	e->severity = "warning";
	e->source = "event";
	TAILQ_INSERT_TAIL(&o->entries, e, link);
	o->n++;
	a->n++;
	return e;
}

struct raise {
	struct slice	 object, code, message;
	const char	*severity, *source;
	wall_us		 at;
};

static void
entry_raise(struct alarms *a, struct owner *o, const struct raise *r)
{
	struct entry *e = entry_get(a, o, r->object, r->code);

	if (e == NULL)
		return;
	if (e->count++ == 0)
		e->first = r->at;
	e->last = r->at;
	e->stands = true;
	e->severity = r->severity;
	e->source = r->source;
	free(e->message);
	e->message = xstrndup(r->message.p, r->message.n);
	a->hub->count.alarms_raised++;
}

static void
entry_clear(struct alarms *a, struct owner *o, struct slice object,
    struct slice code, wall_us at)
{
	struct entry *e = entry_get(a, o, object, code);

	if (e == NULL)
		return;
	if (e->count == 0)
		e->first = at;
	e->last = at;
	e->stands = false;
}

/* ---- events ---- */

/* details.error_code as text; empty without one. "node_offline" is the
 * server's own word. */
static struct slice
note_code(const struct note *n, struct buf *b)
{
	struct slice raw, none = { NULL, 0 }, code;

	if (n->details.n == 0 || n->details.p[0] != '{' ||
	    !json_member(n->details.p, n->details.n, "error_code", &raw) ||
	    raw.n <= 2 || raw.p[0] != '"')
		return none;
	note_plain(b, (struct slice){ raw.p + 1, raw.n - 2 },
	    OPPOSITE_CODE - 1);
	code = (struct slice){ buf_cstr(b), buf_used(b) };
	return slice_eq(code, "node_offline") ? none : code;
}

void
alarm_note(struct alarms *a, const struct note *n)
{
	char ends[OPPOSITE_MAX][OPPOSITE_CODE];
	struct buf b = BUF_INIT;
	struct raise r = { .object = note_cut(n->flow, OBJECT_MAX),
	    .code = note_code(n, &b), .message = note_cut(n->message,
	    MESSAGE_MAX), .severity = note_severity(n->severity),
	    .source = "event", .at = n->at };
	struct owner *o;
	size_t i, nends;

	nends = opposite_codes(r.code, ends);
	if (r.code.n == 0 || (a->owners >= ENTRIES_MAX &&
	    *owner_slot(a, &n->node) == NULL)) {
		buf_free(&b);
		return;
	}
	o = owner_get(a, &n->node);
	for (i = 0; i < nends; i++)
		entry_clear(a, o, r.object, slice_of(ends[i]), n->at);
	if (n->severity == NOTE_INFO)
		entry_clear(a, o, r.object, r.code, n->at);
	else
		entry_raise(a, o, &r);
	buf_free(&b);
}

/* ---- conditions of stats ---- */

/* What an earlier set of the same tick said is no more. */
static void
forget_set(struct alarms *a, struct owner *o)
{
	struct entry *e, *next;

	for (e = TAILQ_FIRST(&o->entries); e != NULL; e = next) {
		next = TAILQ_NEXT(e, link);
		if (strcmp(e->source, "stats") == 0)
			entry_free(a, o, e);
	}
}

static struct slice
plain(struct buf *b, struct slice raw, size_t max)
{
	buf_clear(b);
	note_plain(b, raw, max);
	return (struct slice){ buf_cstr(b), buf_used(b) };
}

static void
stats_raise(struct alarms *a, struct owner *o,
    const struct watch_condition *c, wall_us at)
{
	struct buf object = BUF_INIT, code = BUF_INIT, message = BUF_INIT;
	struct raise r = { .source = "stats", .at = at };

	r.object = plain(&object, c->object, OBJECT_MAX);
	r.code = plain(&code, c->code, OPPOSITE_CODE - 1);
	r.message = plain(&message, c->message, MESSAGE_MAX);
	/* Whatever is named here is not well: at least a warning. */
	r.severity = slice_ieq(c->severity, "critical") ||
	    slice_ieq(c->severity, "error") ||
	    slice_ieq(c->severity, "major") ? "critical" :
	    slice_ieq(c->severity, "info") ? "info" : "warning";
	if (r.code.n > 0 && !slice_eq(r.code, "node_offline"))
		entry_raise(a, o, &r);
	buf_free(&object);
	buf_free(&code);
	buf_free(&message);
}

void
alarm_stats(struct alarms *a, const struct node *n,
    const struct alarm_set *set)
{
	struct owner *o = owner_get(a, &n->id);
	wall_us now = wall_now();
	size_t i;

	forget_set(a, o);
	o->whole = true;
	for (i = 0; i < set->n; i++)
		stats_raise(a, o, &set->v[i], now);
}

/* ---- to PostgreSQL ---- */

static void
put(struct buf *cols, const struct owner *o, const struct entry *e)
{
	db_array_id(&cols[0], &o->node);
	db_array_text(&cols[1], e->object);
	db_array_text(&cols[2], e->code);
	db_array_text(&cols[3], slice_of(e->source));
	db_array_text(&cols[4], slice_of(e->severity));
	db_array_text(&cols[5], e->message == NULL ? SLICE("") :
	    slice_of(e->message));
	db_array_i64(&cols[6], e->count);
	db_array_text(&cols[7], e->stands ? SLICE("t") : SLICE("f"));
	db_array_i64(&cols[8], e->first);
	db_array_i64(&cols[9], e->last);
}

static void alarm_send(struct alarms *);

static void
stored(void *arg, const struct db_result *res)
{
	struct alarms *a = arg;
	struct owner *o;

	a->req = NULL;
	if (db_err(res) != ERR_OK && (db_err(res) != ERR_INVALID ||
	    batch_is_transient(res))) {
		log_warn("alarms: %s", db_message(res));
		return;			/* the tick sends them again */
	}
	if (db_err(res) != ERR_OK) {
		log_error("alarms: given up: %s", db_message(res));
		a->hub->count.alarms_dropped++;
	}
	while ((o = TAILQ_FIRST(&a->sent)) != NULL) {
		TAILQ_REMOVE(&a->sent, o, link);
		owner_free(a, o);
	}
	if (a->n >= ROWS)
		alarm_send(a);
}

/* The oldest owners leave the table: what comes now is a new entry. */
static void
take(struct alarms *a)
{
	unsigned rows = 0, owners = 0;
	struct owner *o, **op;

	while ((o = TAILQ_FIRST(&a->waiting)) != NULL && owners++ < ROWS &&
	    (rows == 0 || rows + o->n <= ROWS)) {
		rows += o->n;
		op = owner_slot(a, &o->node);
		*op = o->hnext;
		TAILQ_REMOVE(&a->waiting, o, link);
		TAILQ_INSERT_TAIL(&a->sent, o, link);
	}
}

static void
alarm_send(struct alarms *a)
{
	struct buf cols[COLS] = { BUF_INIT };
	struct db_arg args[COLS];
	struct owner *o;
	struct entry *e;
	size_t i;

	if (a->req != NULL || !hub_ready(a->hub->hub))
		return;
	if (TAILQ_EMPTY(&a->sent))
		take(a);
	if (TAILQ_EMPTY(&a->sent))
		return;
	for (i = 0; i < COLS; i++)
		db_array_begin(&cols[i]);
	TAILQ_FOREACH(o, &a->sent, link) {
		TAILQ_FOREACH(e, &o->entries, link)
			put(cols, o, e);
		if (o->whole)
			db_array_id(&cols[COLS - 1], &o->node);
	}
	for (i = 0; i < COLS; i++) {
		db_array_end(&cols[i]);
		args[i] = db_str(buf_cstr(&cols[i]));
	}
	db_query(a->hub->db, STMT_ALARMS, args, COLS, NULL, stored, a,
	    &a->req);
	for (i = 0; i < COLS; i++)
		buf_free(&cols[i]);
}

static void
swept(void *arg, const struct db_result *res)
{
	struct alarms *a = arg;

	a->sweep = NULL;
	if (db_err(res) != ERR_OK)
		log_warn("alarms: sweep: %s", db_message(res));
}

static void
alarm_tick(void *arg)
{
	struct alarms *a = arg;

	timer_set(a->hub->timers, &a->tick, TICK);
	alarm_send(a);
	if (a->ticks++ % SWEEP_TICKS != 0)
		return;
	if (a->sweep == NULL && hub_ready(a->hub->hub))
		db_query(a->hub->db, STMT_ALARM_SWEEP, NULL, 0, NULL, swept,
		    a, &a->sweep);
}

/* ---- life ---- */

struct alarms *
alarms_new(struct hubd *h)
{
	struct alarms *a = xcalloc(1, sizeof(*a));

	a->hub = h;
	TAILQ_INIT(&a->waiting);
	TAILQ_INIT(&a->sent);
	secret_random(&a->seed, sizeof(a->seed));
	timer_init(&a->tick, alarm_tick, a);
	timer_set(h->timers, &a->tick, TICK);
	return a;
}

void
alarms_free(struct alarms *a)
{
	struct owners *lists[2];
	struct owner *o;
	size_t i;

	if (a == NULL)
		return;
	timer_del(&a->tick);
	db_forget(&a->req);
	db_forget(&a->sweep);
	lists[0] = &a->waiting;
	lists[1] = &a->sent;
	for (i = 0; i < nitems(lists); i++)
		while ((o = TAILQ_FIRST(lists[i])) != NULL) {
			TAILQ_REMOVE(lists[i], o, link);
			owner_free(a, o);
		}
	free(a);
}

size_t
alarm_rows(const struct alarms *a)
{
	return a->n;
}

void
alarm_kick(struct alarms *a)
{
	alarm_send(a);
}
