/*
 * news: see news.h. Numbers of rows are given before rows are committed, so
 * a row can appear below ones that were seen already: what is missing below
 * the highest is asked for again for a while (struct gap).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apid.h"
#include "db.h"
#include "news.h"
#include "stmt.h"
#include "timer.h"
#include "xmalloc.h"

#define POLL		MONO_SEC
#define ITEMS		4096u		/* kept */
#define BYTES		((size_t)8 << 20)
#define LINGER		(60 * MONO_SEC)	/* for browsers that come back */
#define GAPS		64
#define GAP_AGE		(10 * MONO_SEC)	/* no transaction takes so long */

struct gap { int64_t lo, hi; mono_us since; };

/* One numbered kind of rows: events, and changes of commands, alarms and
 * events. */
struct stream {
	int64_t		 max;		/* highest that was seen */
	struct gap	 gap[GAPS];
	size_t		 ngaps;
};

struct news {
	struct apid	*apid;
	void		(*fresh)(void *);
	void		*arg;
	bool		 wanted, reading, begun, again;
	struct db_req	*req;
	struct timer	 timer, idle;
	struct stream	 events, changes;
	struct news_item item[ITEMS];
	uint64_t	 last, floor;
	struct news_stats stats;
};

static void news_read(void *);
static void news_stop(void *);

struct news *
news_new(struct apid *apid, void (*fresh)(void *), void *arg)
{
	struct news *news = xcalloc(1, sizeof(*news));

	news->apid = apid;
	news->fresh = fresh;
	news->arg = arg;
	timer_init(&news->timer, news_read, news);
	timer_init(&news->idle, news_stop, news);
	return news;
}

void
news_free(struct news *news)
{
	size_t i;

	if (news == NULL)
		return;
	timer_del(&news->timer);
	timer_del(&news->idle);
	db_forget(&news->req);
	for (i = 0; i < ITEMS; i++)
		free(news->item[i].text);
	free(news);
}

uint64_t
news_last(const struct news *news)
{
	return news->last;
}

uint64_t
news_floor(const struct news *news)
{
	return news->floor;
}

const struct news_item *
news_at(const struct news *news, uint64_t number)
{
	return &news->item[number % ITEMS];
}

void
news_stats(const struct news *news, struct news_stats *stats_r)
{
	*stats_r = news->stats;
}

/* ---- keeping ---- */

static void
forget(struct news *news)
{
	struct news_item *old = &news->item[++news->floor % ITEMS];

	news->stats.bytes -= old->n;
	free(old->text);
	old->text = NULL;
	old->n = 0;
}

/* node NULL: some of the topic were left out here. */
static void
keep(struct news *news, unsigned topic, const struct id *node,
    struct slice text)
{
	struct news_item *item;

	while (news->last - news->floor >= ITEMS ||
	    (news->last > news->floor &&
	    news->stats.bytes + text.n > BYTES))
		forget(news);
	item = &news->item[++news->last % ITEMS];
	*item = (struct news_item){ .topic = topic, .hole = node == NULL };
	if (node != NULL) {
		item->node = *node;
		item->text = xstrndup(text.p, text.n);
		item->n = text.n;
	}
	news->stats.bytes += text.n;
	news->stats.items++;
}

/* ---- what may still come ---- */

static void
gap_add(struct stream *s, int64_t lo, int64_t hi)
{
	if (lo > hi)
		return;
	if (s->ngaps == GAPS) {
		memmove(s->gap, s->gap + 1, (GAPS - 1) * sizeof(s->gap[0]));
		s->ngaps--;
	}
	s->gap[s->ngaps++] = (struct gap){ lo, hi, mono_now() };
}

static void
gap_fill(struct stream *s, int64_t seq)
{
	struct gap *g;
	size_t i;

	for (i = 0; i < s->ngaps; i++) {
		g = &s->gap[i];
		if (seq < g->lo || seq > g->hi)
			continue;
		if (g->lo == seq) {
			g->lo++;
		} else if (g->hi == seq) {
			g->hi--;
		} else {
			int64_t hi = g->hi;

			g->hi = seq - 1;
			gap_add(s, seq + 1, hi);
		}
		return;
	}
}

static void
gap_expire(struct stream *s)
{
	mono_us now = mono_now();
	size_t i, n = 0;

	for (i = 0; i < s->ngaps; i++)
		if (s->gap[i].lo <= s->gap[i].hi &&
		    now - s->gap[i].since < GAP_AGE)
			s->gap[n++] = s->gap[i];
	s->ngaps = n;
}

/* ---- reading ---- */

/* An event has its own number; when it is acknowledged that is a change. */
static struct stream *
stream_of(struct news *news, struct slice kind)
{
	return slice_eq(kind, "event") ? &news->events : &news->changes;
}

/* 0: no kind of ours. */
static unsigned
topic_of(struct slice kind)
{
	static const struct { const char *name; enum sub_topic topic; }
	    kinds[] = { { "event", SUB_EVENTS }, { "ack", SUB_EVENTS },
	    { "command", SUB_COMMANDS }, { "alarm", SUB_ALARMS } };
	size_t k;

	for (k = 0; k < nitems(kinds); k++)
		if (slice_eq(kind, kinds[k].name))
			return kinds[k].topic;
	return 0;
}

/* Rows come by kind and number, so a stream's highest grows. */
static void
take_row(struct news *news, const struct db_result *res, int i)
{
	struct slice kind = db_get(res, i, 0);
	unsigned topic = topic_of(kind);
	int64_t seq = db_i64(res, i, 1);
	struct stream *s;
	struct id node;

	if (topic == 0 || db_id(res, i, 2, &node) == -1)
		return;
	s = stream_of(news, kind);
	if (seq > s->max) {
		gap_add(s, s->max + 1, seq - 1);
		s->max = seq;
	} else {
		gap_fill(s, seq);
	}
	keep(news, topic, &node, db_get(res, i, 3));
}

/* One kind had more than fits: who watches learns of the newest, and that
 * there were others. */
static void
skip_old(struct news *news, const struct db_result *res, int i)
{
	struct slice kind = db_get(res, i, 0);
	struct stream *s = stream_of(news, kind);
	int64_t seq = db_i64(res, i, 1);

	keep(news, topic_of(kind), NULL, kind);
	if (seq <= s->max + 1)
		return;
	news->stats.skipped += (uint64_t)(seq - 1 - s->max);
	s->max = seq - 1;
}

static void
take(struct news *news, const struct db_result *res)
{
	int i, first = 0, n = db_rows(res);
	uint64_t before = news->last;

	for (i = 0; i < n; i++) {
		if (i > 0 && !slice_same(db_get(res, i, 0),
		    db_get(res, first, 0)))
			first = i;
		if (i == first && db_bool(res, i, 4))
			skip_old(news, res, i);
		take_row(news, res, i);
	}
	gap_expire(&news->events);
	gap_expire(&news->changes);
	if (news->last != before)
		news->fresh(news->arg);
}

static void
news_done(void *arg, const struct db_result *res)
{
	struct news *news = arg;
	bool again = news->again;

	news->req = NULL;
	news->again = false;
	if (!news->reading)
		return;
	if (db_err(res) != ERR_OK) {
		news->stats.failed++;
	} else if (!news->begun) {
		news->begun = true;
		news->events = (struct stream){ .max = db_i64(res, 0, 0) };
		news->changes = (struct stream){ .max = db_i64(res, 0, 1) };
		again = true;
	} else {
		take(news, res);
	}
	timer_set(news->apid->timers, &news->timer, again ? 0 : POLL);
}

static void
put_gaps(const struct stream *s, struct buf *lo, struct buf *hi)
{
	size_t i;

	db_array_begin(lo);
	db_array_begin(hi);
	for (i = 0; i < s->ngaps; i++) {
		db_array_i64(lo, s->gap[i].lo);
		db_array_i64(hi, s->gap[i].hi);
	}
	db_array_end(lo);
	db_array_end(hi);
}

static void
news_ask(struct news *news)
{
	struct buf b[4] = { BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT };
	char event[24], change[24];
	size_t i;

	put_gaps(&news->events, &b[0], &b[1]);
	put_gaps(&news->changes, &b[2], &b[3]);
	(void)snprintf(event, sizeof(event), "%lld",
	    (long long)news->events.max);
	(void)snprintf(change, sizeof(change), "%lld",
	    (long long)news->changes.max);
	const struct db_arg args[] = {
		db_str(event), db_str(buf_cstr(&b[0])),
		db_str(buf_cstr(&b[1])), db_str(change),
		db_str(buf_cstr(&b[2])), db_str(buf_cstr(&b[3])),
	};

	news->stats.reads++;
	db_query(news->apid->db, STMT_FEED_NEWS, args, nitems(args), NULL,
	    news_done, news, &news->req);
	for (i = 0; i < nitems(b); i++)
		buf_free(&b[i]);
}

static void
news_read(void *arg)
{
	struct news *news = arg;

	if (news->req != NULL || !news->reading)
		return;
	if (news->begun)
		news_ask(news);
	else
		db_query(news->apid->db, STMT_FEED_START, NULL, 0, NULL,
		    news_done, news, &news->req);
}

/* Nobody came back. Who does later has missed something, maybe. */
static void
news_stop(void *arg)
{
	struct news *news = arg;

	news->reading = news->begun = false;
	timer_del(&news->timer);
	while (news->floor < news->last)
		forget(news);
	news->floor = ++news->last;
}

void
news_want(struct news *news, bool wanted)
{
	if (news->wanted == wanted)
		return;
	news->wanted = wanted;
	timer_del(&news->idle);
	if (!wanted) {
		timer_set(news->apid->timers, &news->idle, LINGER);
	} else if (!news->reading) {
		news->reading = true;
		news_bell(news);
	}
}

void
news_bell(struct news *news)
{
	if (!news->reading)
		return;
	news->again = true;
	if (news->req == NULL)
		timer_set(news->apid->timers, &news->timer, 0);
}
