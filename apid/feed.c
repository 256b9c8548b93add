/*
 * feed: who watches, and when they are told. Owns the picture, the groups of
 * browsers with equal access, and the broadcast timer. Sends the hub a WATCH
 * while at least one browser is open.
 */
#include <stdlib.h>
#include <string.h>

#include "apid.h"
#include "feed.h"
#include "hub.h"
#include "log.h"
#include "picture.h"
#include "req.h"
#include "settings.h"
#include "timer.h"
#include "wsconn.h"
#include "xmalloc.h"

#define FEED_EVERY	(5 * MONO_SEC)	/* with or without a change */
#define FEED_SETTLE	(50 * MONO_MS)	/* the rest of the hub's tick */
/* A hub away for longer holds no session any more (mast.node_view). */
#define FEED_GRACE	(15 * MONO_SEC)

struct browser {
	struct feed	*feed;
	struct wsconn	*ws;
	struct group	*group;
	struct browser	*next, **pprev;		/* in its group */
	bool		 behind;	/* it waits for the newest text */
};

/* Browsers whose users may see the same nodes. */
struct group {
	struct group	*next, **pprev;
	struct browser	*browsers;
	bool		 all;
	struct id	*nodes;		/* sorted; unless all */
	size_t		 nnodes;
	struct buf	 text;		/* the last that was made */
	uint64_t	 change;	/* of the picture, in that text */
	size_t		 shown;		/* nodes in that text */
	mono_us		 made;
};

struct feed {
	struct apid	*apid;
	struct picture	*pic;
	struct group	*groups;
	struct timer	 timer;
	size_t		 browsers;
	mono_us		 sent;		/* last broadcast */
	mono_us		 down_since;	/* 0: the hub is there */
	bool		 synced;
	bool		 dirty;
	struct feed_stats stats;
};

static void broadcast(void *);

struct feed *
feed_new(struct apid *apid)
{
	struct feed *feed = xcalloc(1, sizeof(*feed));

	feed->apid = apid;
	feed->pic = picture_new(FEED_NODES_MAX, FEED_BYTES_MAX);
	feed->down_since = mono_now();
	timer_init(&feed->timer, broadcast, feed);
	return feed;
}

static void
group_free(struct group *g)
{
	if ((*g->pprev = g->next) != NULL)
		g->next->pprev = g->pprev;
	buf_free(&g->text);
	free(g->nodes);
	free(g);
}

static void
browser_leave(struct browser *b)
{
	struct group *g = b->group;

	if ((*b->pprev = b->next) != NULL)
		b->next->pprev = b->pprev;
	b->group = NULL;
	if (g->browsers == NULL)
		group_free(g);
}

void
feed_free(struct feed *feed)
{
	struct browser *b;

	if (feed == NULL)
		return;
	timer_del(&feed->timer);
	while (feed->groups != NULL) {
		b = feed->groups->browsers;
		browser_leave(b);
		free(b);
	}
	picture_free(feed->pic);
	free(feed);
}

size_t
feed_browsers(const struct feed *feed)
{
	return feed == NULL ? 0 : feed->browsers;
}

void
feed_stats(const struct feed *feed, struct feed_stats *stats_r)
{
	struct group *g;

	*stats_r = feed->stats;
	stats_r->nodes = picture_count(feed->pic);
	stats_r->bytes = picture_bytes(feed->pic);
	stats_r->browsers = feed->browsers;
	stats_r->groups = 0;
	for (g = feed->groups; g != NULL; g = g->next) {
		stats_r->groups++;
		stats_r->bytes += g->text.cap;
	}
}

/* ---- the text ---- */

static bool
hub_known(const struct feed *feed)
{
	return feed->down_since == 0;
}

/* May be told: the hub said all it knows, or it is away for so long that
 * nobody is online. In between silence is the honest answer. */
static bool
tellable(const struct feed *feed)
{
	if (hub_known(feed))
		return feed->synced;
	return mono_now() - feed->down_since >= FEED_GRACE;
}

/* How many of a group's nodes are connected, and whether one changed. */
static size_t
group_look(const struct feed *feed, const struct group *g, bool *changed_r)
{
	const struct picture_node *node;
	size_t i, n = 0;

	if (g->all) {
		*changed_r = picture_change(feed->pic) != g->change;
		return picture_count(feed->pic);
	}
	*changed_r = false;
	for (i = 0; i < g->nnodes; i++) {
		node = picture_find(feed->pic, &g->nodes[i]);
		if (node == NULL)
			continue;
		n++;
		if (node->change > g->change)
			*changed_r = true;
	}
	if (n != g->shown)
		*changed_r = true;
	return n;
}

static void
group_make(struct feed *feed, struct group *g)
{
	const struct picture_node *node;
	char time[WALL_TEXT];
	wall_us now = wall_now();
	bool changed, comma = false;
	size_t i, n;

	g->shown = group_look(feed, g, &changed);
	g->change = picture_change(feed->pic);
	g->made = mono_now();
	wall_rfc3339(now, time);
	buf_clear(&g->text);
	buf_printf(&g->text, "{\"type\":\"dashboard_update\",\"time\":\"%s\","
	    "\"hub_connected\":%s,\"online_count\":%zu,\"nodes\":[", time,
	    hub_known(feed) ? "true" : "false", g->shown);
	n = g->all ? picture_count(feed->pic) : g->nnodes;
	for (i = 0; i < n; i++) {
		node = g->all ? picture_at(feed->pic, i) :
		    picture_find(feed->pic, &g->nodes[i]);
		if (node == NULL)
			continue;
		if (comma)
			buf_putc(&g->text, ',');
		comma = true;
		picture_write(node, now, &g->text);
	}
	buf_puts(&g->text, "]}");
	feed->stats.texts++;
}

static void
browser_send(struct browser *b)
{
	struct buf *text = &b->group->text;

	if (wsconn_backlog(b->ws) > 0) {
		if (b->behind)
			b->feed->stats.replaced++;
		b->behind = true;
		return;
	}
	b->behind = false;
	b->feed->stats.sent++;
	b->feed->stats.sent_bytes += buf_used(text);
	wsconn_text(b->ws, buf_head(text), buf_used(text));
}

/* ---- when ---- */

static mono_us
interval(const struct feed *feed)
{
	return settings_get(feed->apid->settings,
	    SETTING_BROADCAST_INTERVAL_MS) * MONO_MS;
}

/* The next broadcast: as soon as allowed when something changed, else when
 * five seconds of silence are over. */
static void
schedule(struct feed *feed)
{
	mono_us now = mono_now(), due;

	if (feed->browsers == 0) {
		timer_del(&feed->timer);
		return;
	}
	due = feed->sent + (feed->dirty ? interval(feed) : FEED_EVERY);
	if (due < now + FEED_SETTLE)
		due = now + FEED_SETTLE;
	timer_set(feed->apid->timers, &feed->timer, due - now);
}

static void
touched(struct feed *feed)
{
	feed->stats.updates++;
	if (feed->dirty)
		return;
	feed->dirty = true;
	schedule(feed);
}

static void
broadcast(void *arg)
{
	struct feed *feed = arg;
	struct browser *b;
	struct group *g;
	bool changed;

	feed->dirty = false;
	feed->sent = mono_now();
	if (!hub_known(feed) && tellable(feed))
		picture_clear(feed->pic);
	for (g = feed->groups; tellable(feed) && g != NULL; g = g->next) {
		group_look(feed, g, &changed);
		if (!changed && feed->sent - g->made < FEED_EVERY -
		    FEED_SETTLE)
			continue;
		group_make(feed, g);
		for (b = g->browsers; b != NULL; b = b->next)
			browser_send(b);
	}
	schedule(feed);
}

void
feed_settings(struct feed *feed)
{
	schedule(feed);
}

/* ---- from the hub ---- */

void
feed_hub_up(struct feed *feed)
{
	picture_begin(feed->pic);
	feed->down_since = 0;
	feed->synced = false;
}

void
feed_hub_down(struct feed *feed)
{
	if (feed->down_since == 0)
		feed->down_since = mono_now();
	feed->synced = false;
}

void
feed_node_state(struct feed *feed, const struct msg_node_state *m)
{
	switch (picture_put(feed->pic, m, feed->browsers > 0)) {
	case PICTURE_CHANGED:
		touched(feed);
		break;
	case PICTURE_OLD:
		feed->stats.stale++;
		break;
	case PICTURE_FULL:
		feed->stats.refused++;
		break;
	}
}

void
feed_node_gone(struct feed *feed, const struct msg_node_gone *m)
{
	if (picture_remove(feed->pic, m))
		touched(feed);
	else
		feed->stats.stale++;
}

void
feed_synced(struct feed *feed)
{
	if (picture_end(feed->pic) > 0 || !feed->synced)
		touched(feed);
	feed->synced = true;
}

void
feed_events(struct feed *feed, uint32_t count)
{
	feed->stats.events += count;
}

/* ---- browsers ---- */

static struct group *
group_find(struct feed *feed, const struct who *who)
{
	struct group *g;

	for (g = feed->groups; g != NULL; g = g->next) {
		if (g->all != who->all_nodes)
			continue;
		if (g->all || (g->nnodes == who->nnodes &&
		    (g->nnodes == 0 || memcmp(g->nodes, who->nodes,
		    g->nnodes * sizeof(*g->nodes)) == 0)))
			return g;
	}
	g = xcalloc(1, sizeof(*g));
	g->all = who->all_nodes;
	if (!g->all && who->nnodes > 0) {
		g->nnodes = who->nnodes;
		g->nodes = xmemdup(who->nodes,
		    who->nnodes * sizeof(*who->nodes));
	}
	if ((g->next = feed->groups) != NULL)
		g->next->pprev = &g->next;
	feed->groups = g;
	g->pprev = &feed->groups;
	return g;
}

/* Into the group of who's access; told at once when there is a picture. */
static void
browser_enter(struct browser *b, const struct who *who)
{
	struct feed *feed = b->feed;
	struct group *g = group_find(feed, who);

	b->group = g;
	if ((b->next = g->browsers) != NULL)
		b->next->pprev = &b->next;
	g->browsers = b;
	b->pprev = &g->browsers;
	if (!tellable(feed))
		return;
	if (g->made == 0 || mono_now() - g->made >= interval(feed))
		group_make(feed, g);
	browser_send(b);
}

static void
ws_drained(void *arg, struct wsconn *ws)
{
	struct browser *b = arg;

	if (b->behind && tellable(b->feed))
		browser_send(b);
}

static void
ws_rights(void *arg, struct wsconn *ws, const struct who *who)
{
	struct browser *b = arg;

	browser_leave(b);
	browser_enter(b, who);
}

static void
ws_closed(void *arg, struct wsconn *ws)
{
	struct browser *b = arg;
	struct feed *feed = b->feed;

	browser_leave(b);
	free(b);
	if (--feed->browsers > 0)
		return;
	hub_watch(feed->apid->hub, false);
	picture_drop_stats(feed->pic);
	schedule(feed);
}

static const struct wsconn_ops browser_ops = {
	.drained = ws_drained,
	.rights = ws_rights,
	.closed = ws_closed,
};

void
feed_join(struct feed *feed, struct req *req)
{
	struct browser *b = xcalloc(1, sizeof(*b));

	b->feed = feed;
	if (feed->browsers++ == 0) {
		/* Stats come with the next snapshot, which ends in SYNCED. */
		feed->synced = false;
		hub_watch(feed->apid->hub, true);
	}
	b->ws = req_upgrade_ws(req, &browser_ops, b);
	browser_enter(b, wsconn_who(b->ws));
	schedule(feed);
}
