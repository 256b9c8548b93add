/*
 * feed: who watches, and when they are told. Owns the picture, the browsers,
 * the groups of those with equal access that get the old form, and the
 * broadcast timer. Sends the hub a WATCH for whom somebody looks at.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "apid.h"
#include "auth.h"
#include "feed.h"
#include "hub.h"
#include "json.h"
#include "log.h"
#include "news.h"
#include "picture.h"
#include "proc.h"
#include "rate.h"
#include "req.h"
#include "settings.h"
#include "timer.h"
#include "subs.h"
#include "ws.h"
#include "wsconn.h"
#include "xmalloc.h"

#define FEED_EVERY	(5 * MONO_SEC)	/* with or without a change */
#define FEED_SETTLE	(200 * MONO_MS)	/* unless the hub's tick ends */
#define FEED_EARLY	(100 * MONO_MS)	/* its second is not exactly ours */
#define FEED_LATE	(950 * MONO_MS)	/* after that no tick will come */
#define FEED_SILENT	(200 * MONO_MS)	/* then it is an old browser */
#define REWATCH		(20 * MONO_MS)	/* many join at once */
#define FEED_ASKS	10		/* messages of one, a second */
#define FEED_ASKS_BURST	20
/* A hub away for longer holds no session any more (mast.node_view). */
#define FEED_GRACE	(15 * MONO_SEC)

/*
 * At first it has neither a group nor a subscription: one that subscribes at once
 * never gets the old form.
 */
struct browser {
	struct feed	*feed;
	struct wsconn	*ws;
	struct subscriber	*subscriber;	/* it subscribed */
	struct group	*group;		/* it gets the old form */
	struct browser	*next, **pprev;		/* in its group */
	LIST_ENTRY(browser) entry;		/* of all */
	struct timer	 silent;
	struct rate	 asks;
	bool		 behind;	/* it waits for the newest text */
	bool		 shed;
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
	struct news	*news;
	struct subs	*subs;
	LIST_HEAD(, browser) all;
	struct group	*groups;
	struct timer	 timer, rewatch, memory;
	struct sub_ids	 full;		/* whose stats the hub sends */
	size_t		 browsers, plain;	/* all; of the old form */
	mono_us		 sent;		/* last broadcast */
	mono_us		 down_since;	/* 0: the hub is there */
	bool		 synced;
	bool		 dirty;
	bool		 memory_short;
	struct feed_stats stats;
};

static void broadcast(void *);
static void rewatch(void *);
static void fresh_news(void *);
static void look_at_memory(void *);

struct feed *
feed_new(struct apid *apid)
{
	struct feed *feed = xcalloc(1, sizeof(*feed));

	feed->apid = apid;
	feed->pic = picture_new(FEED_NODES_MAX, FEED_BYTES_MAX);
	LIST_INIT(&feed->all);
	feed->news = news_new(apid, fresh_news, feed);
	feed->subs = subs_new(apid, feed->pic, feed->news);
	feed->down_since = mono_now();
	timer_init(&feed->timer, broadcast, feed);
	timer_init(&feed->rewatch, rewatch, feed);
	timer_init(&feed->memory, look_at_memory, feed);
	timer_set(apid->timers, &feed->memory, MONO_SEC);
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
group_leave(struct browser *b)
{
	struct group *g = b->group;

	b->feed->plain--;
	if ((*b->pprev = b->next) != NULL)
		b->next->pprev = b->pprev;
	b->group = NULL;
	if (g->browsers == NULL)
		group_free(g);
}

static void
rewatch_later(struct feed *feed)
{
	if (!timer_pending(&feed->rewatch))
		timer_set(feed->apid->timers, &feed->rewatch, REWATCH);
}

static void
browser_leave(struct browser *b)
{

	timer_del(&b->silent);
	if (b->subscriber != NULL)
		subs_drop(b->subscriber);
	else if (b->group != NULL)
		group_leave(b);
	b->subscriber = NULL;
	rewatch_later(b->feed);
}

static void
browser_free(struct browser *b)
{
	browser_leave(b);
	LIST_REMOVE(b, entry);
	b->feed->browsers--;
	free(b);
}

void
feed_free(struct feed *feed)
{
	struct browser *b;

	if (feed == NULL)
		return;
	while ((b = LIST_FIRST(&feed->all)) != NULL)
		browser_free(b);
	timer_del(&feed->timer);
	timer_del(&feed->rewatch);
	timer_del(&feed->memory);
	subs_free(feed->subs);
	news_free(feed->news);
	picture_free(feed->pic);
	free(feed->full.v);
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
	subs_stats(feed->subs, &stats_r->subs);
	news_stats(feed->news, &stats_r->news);
	stats_r->bytes += stats_r->subs.bytes + stats_r->news.bytes;
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

/* The next broadcast: when something changed with the first tick of the hub
 * that is allowed (feed_tick), so that nothing waits twice; else when five
 * seconds of silence are over. */
static void
schedule(struct feed *feed)
{
	mono_us now = mono_now(), due;

	if (feed->browsers == 0) {
		timer_del(&feed->timer);
		return;
	}
	due = feed->sent + (feed->dirty ? interval(feed) + FEED_LATE :
	    FEED_EVERY);
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
broadcast_groups(struct feed *feed)
{
	struct browser *b;
	struct group *g;
	bool changed;

	for (g = feed->groups; g != NULL; g = g->next) {
		group_look(feed, g, &changed);
		if (!changed && feed->sent - g->made < FEED_EVERY -
		    FEED_SETTLE)
			continue;
		group_make(feed, g);
		for (b = g->browsers; b != NULL; b = b->next)
			browser_send(b);
	}
}

static void
broadcast(void *arg)
{
	struct feed *feed = arg;

	feed->dirty = false;
	feed->sent = mono_now();
	if (!hub_known(feed) && tellable(feed))
		picture_clear(feed->pic);
	if (tellable(feed))
		broadcast_groups(feed);
	subs_tick(feed->subs, hub_known(feed), tellable(feed));
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
	feed_bell(feed);
}

void
feed_hub_down(struct feed *feed)
{
	if (feed->down_since == 0)
		feed->down_since = mono_now();
	feed->synced = false;
	touched(feed);
}

void
feed_node_state(struct feed *feed, const struct msg_node_state *m)
{
	switch (picture_put(feed->pic, m, sub_ids_have(&feed->full,
	    &m->node))) {
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
	feed_tick(feed);
}

/* The hub's second is over: what changed in it goes out together. */
void
feed_tick(struct feed *feed)
{
	if (feed->dirty && feed->browsers > 0 &&
	    mono_now() - feed->sent >= interval(feed) - FEED_EARLY)
		timer_set(feed->apid->timers, &feed->timer, 0);
}

void
feed_events(struct feed *feed, uint32_t count)
{
	feed->stats.events += count;
	news_bell(feed->news);
}

void
feed_bell(struct feed *feed)
{
	news_bell(feed->news);
}

static void
fresh_news(void *arg)
{
	struct feed *feed = arg;

	subs_news(feed->subs);
}

/* ---- what is asked of the hub ---- */

static bool
is_full(void *arg, const struct id *id)
{
	const struct feed *feed = arg;

	return sub_ids_have(&feed->full, id);
}

/* Whole stats of whom somebody watches: told when that has changed. */
static void
rewatch(void *arg)
{
	struct feed *feed = arg;
	struct sub_ids full;
	unsigned topics;

	timer_del(&feed->rewatch);
	subs_wants(feed->subs, &full, &topics);
	news_want(feed->news, topics != 0);
	if (feed->plain > 0 || full.all) {
		free(full.v);
		full = (struct sub_ids){ .all = true };
	}
	if (sub_ids_same(&full, &feed->full)) {
		free(full.v);
		return;
	}
	/* Stats come with the next snapshot, which ends in SYNCED. */
	if (full.all && hub_known(feed))
		feed->synced = false;
	free(feed->full.v);
	feed->full = full;
	picture_drop_stats(feed->pic, is_full, feed);
	hub_watch(feed->apid->hub, full.all, full.v, full.n);
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
group_enter(struct browser *b, const struct who *who)
{
	struct feed *feed = b->feed;
	struct group *g = group_find(feed, who);

	b->group = g;
	if ((b->next = g->browsers) != NULL)
		b->next->pprev = &b->next;
	g->browsers = b;
	b->pprev = &g->browsers;
	if (feed->plain++ == 0)
		rewatch(feed);
	if (!tellable(feed))
		return;
	if (g->made == 0 || mono_now() - g->made >= interval(feed))
		group_make(feed, g);
	browser_send(b);
}

/* It said nothing: the old form. */
static void
stayed_silent(void *arg)
{
	struct browser *b = arg;

	group_enter(b, wsconn_who(b->ws));
}

static void
refuse(struct browser *b, struct buf *where, struct buf *why)
{
	struct buf text = BUF_INIT;
	struct json_w w;

	b->feed->stats.bad++;
	json_w_init(&w, &text);
	json_w_object(&w);
	json_w_key(&w, "type");
	json_w_str(&w, "error");
	json_w_key(&w, "pointer");
	json_w_str(&w, buf_cstr(where));
	json_w_key(&w, "error");
	json_w_str(&w, buf_cstr(why));
	json_w_end_object(&w);
	wsconn_text(b->ws, buf_head(&text), buf_used(&text));
	buf_free(&text);
	wsconn_close(b->ws, WS_C_POLICY, "a message was refused");
}

static void
subscribe(struct browser *b, struct sub *sub)
{
	const struct who *who = wsconn_who(b->ws);

	if (b->subscriber != NULL) {
		subs_change(b->subscriber, who, sub);
		rewatch_later(b->feed);
		return;
	}
	browser_leave(b);
	b->subscriber = subs_add(b->feed->subs, b->ws, who, sub);
}

static void
unsubscribe(struct browser *b)
{
	if (b->subscriber == NULL) {
		timer_del(&b->silent);
		if (b->group == NULL)
			group_enter(b, wsconn_who(b->ws));
		return;
	}
	browser_leave(b);
	wsconn_text(b->ws, "{\"type\":\"unsubscribed\"}", 23);
	group_enter(b, wsconn_who(b->ws));
}

static void
ws_text(void *arg, struct wsconn *ws, const char *p, size_t n)
{
	struct browser *b = arg;
	struct buf where = BUF_INIT, why = BUF_INIT;
	struct sub sub;

	if (!rate_take(&b->asks, FEED_ASKS, FEED_ASKS_BURST, 1,
	    mono_now())) {
		buf_puts(&why, "too many messages: at most 10 a second");
		refuse(b, &where, &why);
		buf_free(&why);
		return;
	}
	switch (sub_parse(p, n, &sub, &where, &why)) {
	case SUB_BAD:
		refuse(b, &where, &why);
		break;
	case SUB_SUBSCRIBE:
		subscribe(b, &sub);
		break;
	case SUB_UNSUBSCRIBE:
		unsubscribe(b);
		break;
	}
	buf_free(&where);
	buf_free(&why);
}

static void
ws_drained(void *arg, struct wsconn *ws)
{
	struct browser *b = arg;

	if (b->subscriber != NULL)
		subs_drained(b->subscriber);
	else if (b->behind && tellable(b->feed))
		browser_send(b);
}

static void
ws_rights(void *arg, struct wsconn *ws, const struct who *who)
{
	struct browser *b = arg;

	if (b->subscriber != NULL) {
		subs_rights(b->subscriber, who);
		rewatch_later(b->feed);
	} else if (b->group != NULL) {
		group_leave(b);
		group_enter(b, who);
	}
}

static void
ws_closed(void *arg, struct wsconn *ws)
{
	struct browser *b = arg;
	struct feed *feed = b->feed;

	browser_free(b);
	if (feed->browsers == 0)
		schedule(feed);
}

static const struct wsconn_ops browser_ops = {
	.text = ws_text,
	.drained = ws_drained,
	.rights = ws_rights,
	.closed = ws_closed,
};

void
feed_join(struct feed *feed, struct req *req)
{
	struct browser *b = xcalloc(1, sizeof(*b));

	b->feed = feed;
	timer_init(&b->silent, stayed_silent, b);
	LIST_INSERT_HEAD(&feed->all, b, entry);
	feed->browsers++;
	b->ws = req_upgrade_ws(req, &browser_ops, b);
	timer_set(feed->apid->timers, &b->silent, FEED_SILENT);
	schedule(feed);
}

/* ---- memory ---- */

bool
feed_full(const struct feed *feed)
{
	return feed->memory_short;
}

/* Who has been behind the longest holds memory, and sees the least: one that
 * was only just sent a text is not behind. */
static void
shed_one(struct feed *feed)
{
	struct browser *b, *worst = NULL;

	LIST_FOREACH(b, &feed->all, entry)
		if (!b->shed && (worst == NULL || wsconn_waits(b->ws) <
		    wsconn_waits(worst->ws)))
			worst = b;
	if (worst == NULL)
		return;
	worst->shed = true;
	feed->stats.shed++;
	wsconn_close(worst->ws, WS_C_LATER, "no memory; come back later");
}

/* Over the ceiling with all that is in use: what those leave who go is not
 * kept in reserve. */
static bool
over_ceiling(const struct feed *feed)
{
	uint64_t limit = (uint64_t)feed->apid->conf.memory_mib << 20;

	if (limit == 0)
		return false;
	/* Some air, so that it does not flap. */
	if (feed->memory_short)
		limit -= limit / 20;
	if (proc_rss() > limit)
		(void)malloc_trim(0);
	return proc_rss() > limit;
}

/* Dashboards go before anything else suffers, here or in the hub: a tenth of
 * them a second. */
static void
look_at_memory(void *arg)
{
	struct feed *feed = arg;
	bool was = feed->memory_short, ours = over_ceiling(feed);
	size_t n = (feed->browsers + 9) / 10;

	timer_set(feed->apid->timers, &feed->memory, MONO_SEC);
	feed->memory_short = ours || hub_short(feed->apid->hub);
	if (feed->memory_short && !was)
		log_warn("memory: %s is over its ceiling: dashboards are "
		    "closed", ours ? "apid" : "hubd");
	else if (was && !feed->memory_short)
		log_info("memory: below the ceiling: dashboards may come "
		    "again");
	while (feed->memory_short && n-- > 0)
		shed_one(feed);
}
