/*
 * history: see history.h. Owns the rows that wait and, behind each node, the
 * counters of its objects.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "buf.h"
#include "db.h"
#include "id.h"
#include "log.h"
#include "timer.h"
#include "xmalloc.h"

#include "batch.h"
#include "history.h"
#include "hub.h"
#include "hubd.h"
#include "node.h"
#include "note.h"
#include "real.h"
#include "stmt.h"

#define ROWS_MAX	200000u		/* while the database is away */
#define OBJECTS_MAX	256u		/* of one node */
#define OBJECT_MAX	256
#define ROLLUP_EVERY	(30 * MONO_SEC)
#define SETTLED		(15 * MONO_SEC)	/* other hubs' samples are stored */

struct row {
	struct batch_row	 row;
	struct id		 node;
	wall_us			 at;
	uint32_t		 has;		/* as in a watch_sample */
	float			 v[WATCH__MAX];
	uint32_t		 n;
	char			 object[];
};

struct history_seen {
	SLIST_ENTRY(history_seen) link;
	mono_us			 at;
	struct watch_sample	 last;
	size_t			 n;
	char			 object[];
};

struct history {
	struct hubd	*hub;
	struct batch	*rows;
	struct timer	 rollup;
	struct db_req	*req;
	struct buf	 name;		/* scratch */
};

/* ---- rows ---- */

/* {1.5,NULL,...} */
static size_t
row_values(char *dst, const struct row *r)
{
	size_t n = 0;
	unsigned m;

	for (m = 0; m < WATCH__MAX; m++) {
		dst[n++] = m == 0 ? '{' : ',';
		if (r->has & 1u << m) {
			n += real_text(dst + n, (double)r->v[m]);
		} else {
			memcpy(dst + n, "NULL", 4);
			n += 4;
		}
	}
	dst[n++] = '}';
	return n;
}

static void
row_put(struct buf *cols, const struct batch_row *b)
{
	const struct row *r = (const struct row *)(const void *)b;
	char values[WATCH__MAX * (REAL_TEXT + 1) + 2];

	db_array_i64(&cols[0], r->at);
	db_array_id(&cols[1], &r->node);
	db_array_text(&cols[2], (struct slice){ r->object, r->n });
	db_array_text(&cols[3], (struct slice){ values,
	    row_values(values, r) });
}

static void
row_done(struct hubd *h, struct batch_row *b, bool is_stored)
{
	if (is_stored)
		h->count.samples_stored++;
	free(b);
}

static const struct batch_kind kind = {
	.name = "samples", .stmt = STMT_SAMPLES, .cols = 4, .rows = 2000,
	.delay = MONO_SEC, .put = row_put, .done = row_done,
};

static void
row_add(struct history *hi, const struct node *n, struct slice object,
    const struct watch_sample *s, wall_us wall)
{
	struct row *r;
	unsigned m;

	if (batch_rows(hi->rows) >= ROWS_MAX) {
		hi->hub->count.samples_dropped++;
		return;
	}
	buf_clear(&hi->name);
	note_plain(&hi->name, object, OBJECT_MAX);
	r = xmalloc(sizeof(*r) + buf_used(&hi->name));
	r->node = n->id;
	r->at = wall - wall % 1000;
	r->has = s->has;
	for (m = 0; m < WATCH__MAX; m++)
		r->v[m] = s->has & 1u << m ? (float)s->v[m] : 0;
	r->n = (uint32_t)buf_used(&hi->name);
	if (r->n > 0)
		memcpy(r->object, buf_head(&hi->name), r->n);
	batch_add(hi->rows, &r->row, sizeof(*r) + r->n);
}

/* ---- counters ---- */

/* NULL: the node has too many. */
static struct history_seen *
seen_get(struct node *n, struct slice object)
{
	struct history_seen *s;

	SLIST_FOREACH(s, &n->history, link)
		if (s->n == object.n && (s->n == 0 ||
		    memcmp(s->object, object.p, s->n) == 0))
			return s;
	if (n->nhistory >= OBJECTS_MAX)
		return NULL;
	s = xcalloc(1, sizeof(*s) + object.n);
	s->n = object.n;
	if (object.n > 0)
		memcpy(s->object, object.p, object.n);
	SLIST_INSERT_HEAD(&n->history, s, link);
	n->nhistory++;
	return s;
}

/* What float4 cannot hold is no measurement. */
static void
check(struct watch_sample *s)
{
	unsigned m;

	for (m = 0; m < WATCH__MAX; m++)
		if (s->has & 1u << m && !(fabs(s->v[m]) < 1e30 &&
		    (fabs(s->v[m]) > 1e-30 || fpclassify(s->v[m]) ==
		    FP_ZERO)))
			s->has &= ~(1u << m);
}

static bool
has_counter(const struct watch_sample *s)
{
	unsigned m;

	for (m = 0; m < WATCH__MAX; m++)
		if (watch_counter(m) && s->has & 1u << m)
			return true;
	return false;
}

/* Counters become rates; without an earlier look there is none. */
static void
rates(struct watch_sample *s, const struct history_seen *old, mono_us now)
{
	double secs = (double)(now - old->at) / (double)MONO_SEC, grown;
	unsigned m;

	for (m = 0; m < WATCH__MAX; m++) {
		if (!watch_counter(m) || !(s->has & 1u << m))
			continue;
		if (old->at == 0 || secs <= 0 ||
		    !(old->last.has & 1u << m)) {
			s->has &= ~(1u << m);
			continue;
		}
		grown = s->v[m] - old->last.v[m];
		if (grown < 0)
			grown = s->v[m];	/* it began anew */
		s->v[m] = grown / secs;
	}
}

void
history_sample(struct history *hi, struct node *n, struct slice object,
    const struct watch_sample *in, mono_us now, wall_us wall)
{
	struct watch_sample s = *in;
	struct history_seen *old;

	check(&s);
	if (has_counter(&s)) {
		if ((old = seen_get(n, object)) == NULL) {
			hi->hub->count.samples_dropped++;
			return;
		}
		rates(&s, old, now);
		old->last = *in;
		old->at = now;
	}
	if (s.has != 0)
		row_add(hi, n, object, &s, wall);
}

static void
forget(struct node *n, mono_us before)
{
	struct history_seen *s, **sp = &SLIST_FIRST(&n->history);

	while ((s = *sp) != NULL) {
		if (s->at >= before) {
			sp = &SLIST_NEXT(s, link);
			continue;
		}
		*sp = SLIST_NEXT(s, link);
		n->nhistory--;
		free(s);
	}
}

void
history_looked(struct node *n, mono_us now)
{
	forget(n, now);
}

void
history_forget(struct node *n)
{
	forget(n, INT64_MAX);
}

/* ---- roll-ups ---- */

static void
rolled(void *arg, const struct db_result *res)
{
	struct history *hi = arg;

	hi->req = NULL;
	if (db_err(res) != ERR_OK)
		log_warn("history: roll-up: %s", db_message(res));
}

static void
history_rollup(void *arg)
{
	static const struct db_opts slow = { .deadline = 120 * MONO_SEC };
	struct history *hi = arg;
	const struct row *first = (const struct row *)(const void *)
	    batch_first(hi->rows);
	wall_us until = wall_now() - SETTLED;
	struct db_arg args[1];
	char num[24];

	timer_set(hi->hub->timers, &hi->rollup, ROLLUP_EVERY);
	if (hi->req != NULL || !hub_ready(hi->hub->hub))
		return;
	if (first != NULL && first->at < until)
		until = first->at;
	(void)snprintf(num, sizeof(num), "%lld", (long long)until);
	args[0] = db_str(num);
	db_query(hi->hub->db, STMT_ROLLUP, args, 1, &slow, rolled, hi,
	    &hi->req);
}

/* ---- life ---- */

struct history *
history_new(struct hubd *h)
{
	struct history *hi = xcalloc(1, sizeof(*hi));

	hi->hub = h;
	hi->rows = batch_new(h, &kind);
	timer_init(&hi->rollup, history_rollup, hi);
	timer_set(h->timers, &hi->rollup, ROLLUP_EVERY);
	return hi;
}

void
history_free(struct history *hi)
{
	if (hi == NULL)
		return;
	timer_del(&hi->rollup);
	db_forget(&hi->req);
	batch_free(hi->rows);
	buf_free(&hi->name);
	free(hi);
}

size_t
history_rows(const struct history *hi)
{
	return batch_rows(hi->rows);
}

void
history_kick(struct history *hi)
{
	batch_kick(hi->rows);
}
