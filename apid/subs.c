/*
 * subs: see subs.h. Owns the subscribers, the views they share, and the
 * number that each has been told up to.
 */
#include <stdlib.h>
#include <string.h>

#include "apid.h"
#include "auth.h"
#include "news.h"
#include "picture.h"
#include "secret.h"
#include "timer.h"
#include "view.h"
#include "subs.h"
#include "wsconn.h"
#include "xmalloc.h"

#define EVERY		(5 * MONO_SEC)	/* a text, with or without a change */
#define SLACK		(100 * MONO_MS)
#define PER_TURN	8		/* texts to one, then the others */

struct subscriber {
	struct subs	*subs;
	struct wsconn	*ws;
	struct shared	*shared;
	struct subscriber	*next, **pprev;		/* with the same view */
	const char	*reason;	/* a snapshot is due; NULL: deltas */
	uint64_t	 seq, news;	/* told up to here */
	bool		 due;		/* a text, even an empty one */
	bool		 fresh;		/* news from the snapshot on */
};

struct shared {
	struct shared	*next, **pprev;
	struct view	*view;
	struct subscriber	*subscribers;
	mono_us		 told;		/* last text to all */
};

struct subs {
	struct apid	*apid;
	struct picture	*pic;
	struct news	*news;
	struct shared	*views;
	struct timer	 again;
	struct view_now	 now;
	bool		 tellable;
	uint64_t	 upto;		/* of the picture, at the last tick */
	uint64_t	 base;		/* of epochs */
	struct subs_stats stats;
};

static void subs_pump_all(void *);

struct subs *
subs_new(struct apid *apid, struct picture *pic, struct news *news)
{
	struct subs *w = xcalloc(1, sizeof(*w));

	w->apid = apid;
	w->pic = pic;
	w->news = news;
	secret_random(&w->base, sizeof(w->base));
	timer_init(&w->again, subs_pump_all, w);
	return w;
}

void
subs_free(struct subs *w)
{
	if (w == NULL)
		return;
	timer_del(&w->again);
	free(w);
}

void
subs_stats(const struct subs *w, struct subs_stats *stats_r)
{
	const struct shared *s;

	*stats_r = w->stats;
	for (s = w->views; s != NULL; s = s->next) {
		stats_r->views++;
		stats_r->bytes += view_bytes(s->view);
	}
}

/* ---- telling ---- */

static bool
has_news(const struct subscriber *x)
{
	return (view_topics(x->shared->view) & SUB_NEWS) != 0 &&
	    x->news < news_last(x->subs->news);
}

static void
send_text(struct subscriber *x, const struct view_text *t)
{
	x->subs->stats.sent_bytes += buf_used(&t->b);
	wsconn_text(x->ws, t->b.data + t->b.off, buf_used(&t->b));
}

static void
tell_news(struct subscriber *x)
{
	const struct view_text *t = view_news(x->shared->view,
	    x->subs->news, x->news);

	x->news = t->to;
	if (t->empty)
		return;
	x->subs->stats.news++;
	send_text(x, t);
}

static void
tell_nodes(struct subscriber *x)
{
	struct subs *w = x->subs;
	const struct view_text *t;

	/* Who was away for longer than departures are remembered. */
	if (x->reason == NULL && x->seq < picture_floor(w->pic))
		x->reason = "behind";
	if (x->reason != NULL) {
		if (x->fresh)
			x->news = news_last(w->news);
		x->fresh = false;
		t = view_nodes(x->shared->view, w->pic, &w->now, 0,
		    x->reason, x->news);
		w->stats.snapshots++;
	} else {
		t = view_nodes(x->shared->view, w->pic, &w->now, x->seq,
		    NULL, 0);
		if (t->empty && !x->due && !t->more)
			return;
		w->stats.deltas++;
	}
	x->reason = NULL;
	x->seq = t->to;
	x->due = t->more;
	send_text(x, t);
}

static bool
wants_nodes(const struct subscriber *x)
{
	if (!x->subs->tellable)
		return x->due && x->reason == NULL;
	return x->reason != NULL || x->due || x->seq < x->subs->upto;
}

/*
 * As much as the socket takes. False: it would take more, but others have
 * their turn first.
 */
static bool
pump(struct subscriber *x)
{
	uint64_t seq;
	int i;

	for (i = 0; i < PER_TURN; i++) {
		if (wsconn_backlog(x->ws) > 0) {
			x->subs->stats.put_off++;
			return true;
		}
		if (x->reason == NULL && has_news(x)) {
			tell_news(x);
			continue;
		}
		seq = x->seq;
		if (!wants_nodes(x))
			return true;
		tell_nodes(x);
		if (x->seq == seq && !x->due)
			return !has_news(x);
	}
	return false;
}

static void
again(struct subs *w)
{
	if (!timer_pending(&w->again))
		timer_set(w->apid->timers, &w->again, 0);
}

static void
pump_one(struct subscriber *x)
{
	if (!pump(x))
		again(x->subs);
}

static void
subs_pump_all(void *arg)
{
	struct subs *w = arg;
	struct shared *s;
	struct subscriber *x;

	w->now.wall = wall_now();
	for (s = w->views; s != NULL; s = s->next)
		for (x = s->subscribers; x != NULL; x = x->next)
			pump_one(x);
}

void
subs_tick(struct subs *w, bool hub_connected, bool tellable)
{
	bool moved = hub_connected != w->now.hub_connected;
	mono_us now = mono_now();
	struct shared *s;
	struct subscriber *x;

	w->now.hub_connected = hub_connected;
	w->tellable = tellable;
	if (tellable)
		w->upto = picture_change(w->pic);
	for (s = w->views; s != NULL; s = s->next) {
		view_tick(s->view);
		if (!moved && now - s->told < EVERY - SLACK)
			continue;
		s->told = now;
		for (x = s->subscribers; x != NULL; x = x->next)
			x->due = true;
	}
	subs_pump_all(w);
}

void
subs_news(struct subs *w)
{
	struct shared *s;
	struct subscriber *x;

	for (s = w->views; s != NULL; s = s->next) {
		if ((view_topics(s->view) & SUB_NEWS) == 0)
			continue;
		for (x = s->subscribers; x != NULL; x = x->next)
			pump_one(x);
	}
}

void
subs_drained(struct subscriber *x)
{
	pump_one(x);
}

/* ---- who watches what ---- */

/* view is taken. */
static void
enter(struct subscriber *x, struct view *view)
{
	struct subs *w = x->subs;
	struct shared *s = w->views;

	while (s != NULL && !view_same(s->view, view))
		s = s->next;
	if (s != NULL) {
		view_free(view);
	} else {
		s = xcalloc(1, sizeof(*s));
		s->view = view;
		s->told = mono_now();
		if ((s->next = w->views) != NULL)
			s->next->pprev = &s->next;
		w->views = s;
		s->pprev = &w->views;
	}
	x->shared = s;
	if ((x->next = s->subscribers) != NULL)
		x->next->pprev = &x->next;
	s->subscribers = x;
	x->pprev = &s->subscribers;
}

static void
leave(struct subscriber *x)
{
	struct shared *s = x->shared;

	if ((*x->pprev = x->next) != NULL)
		x->next->pprev = x->pprev;
	x->shared = NULL;
	if (s->subscribers != NULL)
		return;
	if ((*s->pprev = s->next) != NULL)
		s->next->pprev = s->pprev;
	view_free(s->view);
	free(s);
}

/* What the browser knows already is still the beginning of what it wants. */
static bool
resumes(const struct subs *w, const struct view *v, const struct sub *from)
{
	return from->resume && strcmp(from->epoch, view_epoch(v)) == 0 &&
	    from->seq <= picture_change(w->pic) &&
	    from->seq >= picture_floor(w->pic) &&
	    (!from->has_news || from->news <= news_last(w->news));
}

static void
begin(struct subscriber *x, const struct who *who, struct sub *sub)
{
	struct subs *w = x->subs;
	const struct sub from = *sub;	/* its lists go to the view */
	struct view *view = view_new(who, sub, w->base);

	x->reason = from.resume ? "resume" : "subscribe";
	x->seq = 0;
	x->fresh = true;
	if (resumes(w, view, &from)) {
		x->reason = NULL;
		x->fresh = false;
		x->seq = from.seq;
		x->news = from.has_news ? from.news : news_floor(w->news);
		w->stats.resumed++;
	}
	x->due = true;
	enter(x, view);
	again(w);
}

struct subscriber *
subs_add(struct subs *w, struct wsconn *ws, const struct who *who,
    struct sub *sub)
{
	struct subscriber *x = xcalloc(1, sizeof(*x));

	x->subs = w;
	x->ws = ws;
	w->stats.subscribers++;
	begin(x, who, sub);
	return x;
}

void
subs_change(struct subscriber *x, const struct who *who, struct sub *sub)
{
	leave(x);
	begin(x, who, sub);
}

void
subs_rights(struct subscriber *x, const struct who *who)
{
	struct view *view = view_again(x->shared->view, who, x->subs->base);

	if (view_same(view, x->shared->view)) {
		view_free(view);
		return;
	}
	leave(x);
	enter(x, view);
	x->reason = "rights";
	x->seq = 0;
	again(x->subs);
}

void
subs_drop(struct subscriber *x)
{
	leave(x);
	x->subs->stats.subscribers--;
	free(x);
}

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct id));
}

void
subs_wants(const struct subs *w, struct sub_ids *full_r,
    unsigned *topics_r)
{
	const struct sub_ids *full;
	const struct shared *s;
	size_t n = 0, i;

	*full_r = (struct sub_ids){ .all = false };
	*topics_r = 0;
	for (s = w->views; s != NULL; s = s->next) {
		full = view_full(s->view);
		*topics_r |= view_topics(s->view);
		full_r->all |= full->all;
		n += full->n;
	}
	*topics_r &= SUB_NEWS;
	if (full_r->all || n == 0)
		return;
	full_r->v = xcalloc(n, sizeof(*full_r->v));
	n = 0;
	for (s = w->views; s != NULL; s = s->next) {
		full = view_full(s->view);
		if (full->n > 0)
			memcpy(full_r->v + n, full->v,
			    full->n * sizeof(*full->v));
		n += full->n;
	}
	qsort(full_r->v, n, sizeof(*full_r->v), compare);
	for (i = 1, full_r->n = 1; i < n; i++)
		if (!id_eq(&full_r->v[i], &full_r->v[full_r->n - 1]))
			full_r->v[full_r->n++] = full_r->v[i];
}
