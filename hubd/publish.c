/*
 * publish: see publish.h. Owns the subscriptions. The nodes lie in the order
 * of their last change, so that a round begins with a walk over what changed
 * since the one before and nothing else; their ids are kept, because nodes
 * go and move while the round is on its way.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "ipc.h"
#include "timer.h"
#include "xmalloc.h"

#include "conn.h"
#include "hubd.h"
#include "node.h"
#include "publish.h"

#define TICK		MONO_SEC
#define BELL		(50 * MONO_MS)	/* between two */
#define PIECE		128		/* nodes told before others have a turn */
#define AGAIN		(5 * MONO_MS)	/* the channel is full: look again */
#define STATS_HOLD	(8u * 1024 * 1024)	/* backlog: no more stats, */
#define HOLD		(32u * 1024 * 1024)	/* and no more at all */

struct feed {			/* one apid */
	LIST_ENTRY(feed)	 link;
	struct ipc_chan		*chan;
	uint64_t		 sent;	/* changes up to here are told, or due */
	uint64_t		 since;	/* the same before this round */
	struct id		*due;	/* of this round */
	size_t			 ndue, room;
	size_t			 told;	/* states of so many went out */
	size_t			 whole;	/* so many with the stats they owe */
	bool			 ended;	/* all states: MSG_TICK is out */
	bool			 sync;	/* MSG_SYNCED is due */
	bool			 all;
	uint32_t		 nids;
	struct id		*ids;	/* watched, sorted */
};

struct publish {
	struct hubd		*hub;
	LIST_HEAD(, feed)	 feeds;
	struct timer		 tick, bell, walk;
	uint32_t		 events;
	mono_us			 rung;
};

static int
id_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct id));
}

static bool
feed_watches(const struct feed *f, const struct node *n)
{
	return f->all || (f->nids > 0 && bsearch(&n->id, f->ids, f->nids,
	    sizeof(*f->ids), id_compare) != NULL);
}

/* zero: of the monotonic clock. since: what of its health went out before. */
static void
feed_send(struct feed *f, const struct node *n, wall_us zero, uint64_t since,
    bool stats)
{
	struct msg_node_state m = {
		.node = n->id, .epoch = n->epoch, .seq = n->change,
		.connected_us = n->connected,
		.seen_us = zero + n->seen,
		.protocol = n->protocol, .has_stats = n->has_stats,
		.name = slice_of(n->name), .device_type = slice_of(n->type),
		.version = slice_of(n->version),
		.remote = slice_of(n->remote),
	};

	if (n->driver != NULL && n->has_stats) {
		m.nmetrics = (uint8_t)n->driver->nmetrics;
		memcpy(m.metrics, n->metrics,
		    n->driver->nmetrics * sizeof(m.metrics[0]));
	}
	if (n->health_at > since)
		m.health = (struct slice){ n->health, n->health_len };
	if (stats && n->has_stats && feed_watches(f, n))
		m.stats = (struct slice){ n->stats, n->stats_len };
	msg_put_node_state(ipc_begin(f->chan, MSG_NODE_STATE, ERR_OK, 0),
	    &m);
	ipc_send(f->chan);
}

/* ---- a round ---- */

static void
feed_due(struct feed *f, const struct id *id)
{
	if (f->ndue == f->room) {
		f->room = f->room == 0 ? 256 : f->room * 2;
		f->due = xreallocarray(f->due, f->room, sizeof(*f->due));
	}
	f->due[f->ndue++] = *id;
}

/* Stats that the last round still owes come first, unless there are newer. */
static void
feed_carry(struct publish *p, struct feed *f)
{
	const struct node *n;
	size_t i, last = f->ndue;

	f->ndue = 0;
	for (i = f->whole; i < last; i++) {
		n = node_find(p->hub->nodes, &f->due[i]);
		if (n != NULL && n->change <= f->sent && feed_watches(f, n))
			f->due[f->ndue++] = f->due[i];
	}
}

static bool
feed_busy(const struct feed *f)
{
	return !f->ended;
}

static void
feed_begin(struct publish *p, struct feed *f)
{
	struct node_order *order = nodes_order(p->hub->nodes);
	const struct node *n = TAILQ_LAST(order, node_order), *prev;

	feed_carry(p, f);
	if (n != NULL && n->change > f->sent) {
		while ((prev = TAILQ_PREV(n, node_order, order)) != NULL &&
		    prev->change > f->sent)
			n = prev;
		for (; n != NULL; n = TAILQ_NEXT(n, order))
			feed_due(f, &n->id);
	}
	f->since = f->sent;
	f->sent = nodes_last(p->hub->nodes);
	f->told = f->whole = 0;
	f->ended = false;
}

/* States, with stats as long as there is room for them. */
static void
feed_states(struct publish *p, struct feed *f)
{
	wall_us zero = wall_of(0);
	const struct node *n;
	size_t end = f->told + PIECE;
	bool stats;

	for (; f->told < f->ndue && f->told < end; f->told++) {
		if (ipc_backlog(f->chan) > HOLD)
			return;
		n = node_find(p->hub->nodes, &f->due[f->told]);
		if (n == NULL)
			continue;
		stats = f->whole == f->told &&
		    ipc_backlog(f->chan) <= STATS_HOLD;
		feed_send(f, n, zero, f->since, stats);
		p->hub->count.published++;
		if (stats)
			f->whole = f->told + 1;
	}
	if (f->told < f->ndue)
		return;
	f->ended = true;
	(void)ipc_begin(f->chan, MSG_TICK, ERR_OK, 0);
	ipc_send(f->chan);
	if (f->sync) {
		(void)ipc_begin(f->chan, MSG_SYNCED, ERR_OK, 0);
		ipc_send(f->chan);
	}
	f->sync = false;
}

static void
feed_stats(struct publish *p, struct feed *f)
{
	wall_us zero = wall_of(0);
	const struct node *n;
	size_t end = f->whole + PIECE;

	for (; f->whole < f->ndue && f->whole < end; f->whole++) {
		if (ipc_backlog(f->chan) > STATS_HOLD)
			return;
		n = node_find(p->hub->nodes, &f->due[f->whole]);
		if (n != NULL && n->has_stats && feed_watches(f, n))
			feed_send(f, n, zero, n->change, true);
	}
}

/* Microseconds until it goes on; -1: the round is over. */
static mono_us
feed_walk(struct publish *p, struct feed *f)
{
	size_t told = f->told, whole = f->whole;

	if (!ipc_is_up(f->chan))
		return -1;
	if (feed_busy(f))
		feed_states(p, f);
	else
		feed_stats(p, f);
	if (f->ended && f->whole == f->ndue)
		return -1;
	if (f->told != told || f->whole != whole)
		return 0;
	p->hub->count.publish_held++;
	return AGAIN;
}

/* What changes after this is told with the next round. */
static void
publish_walk(void *arg)
{
	struct publish *p = arg;
	mono_us next = -1, wait;
	struct feed *f;

	LIST_FOREACH(f, &p->feeds, link) {
		wait = feed_walk(p, f);
		if (wait >= 0 && (next < 0 || wait < next))
			next = wait;
	}
	if (next >= 0)
		timer_set(p->hub->timers, &p->walk, next);
}

static void
publish_go(struct publish *p)
{
	if (!timer_pending(&p->walk))
		timer_set(p->hub->timers, &p->walk, 0);
}

static void
publish_tick(void *arg)
{
	struct publish *p = arg;
	struct feed *f;

	timer_set(p->hub->timers, &p->tick, TICK);
	LIST_FOREACH(f, &p->feeds, link)
		if (ipc_is_up(f->chan) && !feed_busy(f))
			feed_begin(p, f);
	nodes_seal(p->hub->nodes);
	publish_go(p);
}

/* All of it again, for who knows nothing or wants to see everything. It does
 * not wait for the tick. */
static void
feed_restart(struct publish *p, struct feed *f)
{
	f->ndue = f->whole = 0;
	f->sent = 0;
	f->sync = true;
	feed_begin(p, f);
	nodes_seal(p->hub->nodes);
	publish_go(p);
}

/* ---- what happens ---- */

static struct feed *
feed_of(struct publish *p, const struct ipc_chan *chan)
{
	struct feed *f;

	LIST_FOREACH(f, &p->feeds, link)
		if (f->chan == chan)
			return f;
	return NULL;
}

static void
feed_free(struct feed *f)
{
	LIST_REMOVE(f, link);
	free(f->due);
	free(f->ids);
	free(f);
}

void
publish_up(struct publish *p, struct ipc_chan *chan)
{
	struct feed *f = xcalloc(1, sizeof(*f));

	f->chan = chan;
	LIST_INSERT_HEAD(&p->feeds, f, link);
	feed_restart(p, f);
}

void
publish_down(struct publish *p, const struct ipc_chan *chan)
{
	struct feed *f = feed_of(p, chan);

	if (f != NULL)
		feed_free(f);
}

/* The stats of nodes that were not watched before: f has the new list. */
static void
feed_send_new(struct publish *p, struct feed *f, const struct feed *old)
{
	wall_us zero = wall_of(0);
	const struct node *n;
	uint32_t i;

	for (i = 0; i < f->nids && ipc_backlog(f->chan) <= HOLD; i++) {
		n = node_find(p->hub->nodes, &f->ids[i]);
		/* What has not gone out yet goes with the tick. */
		if (n == NULL || n->change > f->sent || feed_watches(old, n))
			continue;
		feed_send(f, n, zero, n->change, true);
	}
	(void)ipc_begin(f->chan, MSG_TICK, ERR_OK, 0);
	ipc_send(f->chan);
}

void
publish_watch(struct publish *p, const struct ipc_chan *chan,
    const struct msg_watch *m)
{
	struct feed *f = feed_of(p, chan), old;

	if (f == NULL)
		return;
	old = *f;
	f->all = m->all != 0;
	f->nids = m->n;
	f->ids = m->n == 0 ? NULL : xmemdup(m->ids, m->n * sizeof(*f->ids));
	if (m->n > 0)
		qsort(f->ids, m->n, sizeof(*f->ids), id_compare);
	if (f->all)
		feed_restart(p, f);
	else
		feed_send_new(p, f, &old);
	free(old.ids);
}

void
publish_gone(struct publish *p, const struct node *n)
{
	const struct msg_node_gone m = { .node = n->id, .epoch = n->epoch };
	struct feed *f;

	LIST_FOREACH(f, &p->feeds, link) {
		msg_put_node_gone(ipc_begin(f->chan, MSG_NODE_GONE, ERR_OK,
		    0), &m);
		ipc_send(f->chan);
	}
}

static void
publish_bell(void *arg)
{
	struct publish *p = arg;
	const struct msg_events m = { .count = p->events };
	struct feed *f;

	p->rung = mono_now();
	p->events = 0;
	LIST_FOREACH(f, &p->feeds, link) {
		msg_put_events(ipc_begin(f->chan, MSG_EVENTS, ERR_OK, 0),
		    &m);
		ipc_send(f->chan);
	}
}

void
publish_events(struct publish *p, uint32_t count)
{
	mono_us wait = p->rung + BELL - mono_now();

	p->events += count;
	if (!LIST_EMPTY(&p->feeds) && !timer_pending(&p->bell))
		timer_set(p->hub->timers, &p->bell, wait > 0 ? wait : 0);
}

/* ---- life ---- */

struct publish *
publish_new(struct hubd *h)
{
	struct publish *p = xcalloc(1, sizeof(*p));

	p->hub = h;
	LIST_INIT(&p->feeds);
	timer_init(&p->tick, publish_tick, p);
	timer_init(&p->bell, publish_bell, p);
	timer_init(&p->walk, publish_walk, p);
	timer_set(h->timers, &p->tick, TICK);
	return p;
}

void
publish_free(struct publish *p)
{
	struct feed *f;

	if (p == NULL)
		return;
	timer_del(&p->tick);
	timer_del(&p->bell);
	timer_del(&p->walk);
	while ((f = LIST_FIRST(&p->feeds)) != NULL)
		feed_free(f);
	free(p);
}
