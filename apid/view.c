/*
 * view: see view.h. A node's members come ready from the picture; here they
 * are only put one after another.
 */
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "json.h"
#include "news.h"
#include "picture.h"
#include "view.h"
#include "xmalloc.h"

#define CHUNK		((size_t)256 * 1024)	/* then the next text */
#define NEWS_CHUNK	((size_t)256 * 1024)
#define TEXTS		64	/* kept until the tick; then one is reused */

struct view {
	struct sub		 sub;
	struct sub_ids		 access;
	struct sub_ids		 nodes, full;	/* both, with access */
	char			 epoch[SUB_EPOCH + 1];
	struct view_text	*text[TEXTS];
	size_t			 ntexts;
	struct view_text	 news;
	struct picture_node	**pick;		/* scratch */
};

/* ---- making ---- */

static uint64_t
ids_hash(const struct sub_ids *l, uint64_t seed)
{
	uint64_t h = l->all ? ~seed : seed;
	size_t i;

	for (i = 0; i < l->n; i++)
		h = h * 0x9e3779b97f4a7c15u + id_hash(&l->v[i], seed);
	return h;
}

static void
make(struct view *v, const struct who *who, uint64_t base)
{
	static const char hex[] = "0123456789abcdef";
	uint64_t h;
	int i;

	v->access.all = who->all_nodes;
	if (!who->all_nodes && who->nnodes > 0) {
		v->access.n = who->nnodes;
		v->access.v = xmemdup(who->nodes,
		    who->nnodes * sizeof(*who->nodes));
	}
	sub_ids_both(&v->nodes, &v->sub.nodes, &v->access);
	sub_ids_both(&v->full, &v->sub.full, &v->nodes);
	if (!v->nodes.all)
		v->pick = xcalloc(v->nodes.n + 1, sizeof(*v->pick));
	h = ids_hash(&v->nodes, base) * 3 + ids_hash(&v->full, base) +
	    v->sub.topics * 0x9e3779b97f4a7c15u + base;
	for (i = SUB_EPOCH; i-- > 0; h >>= 4)
		v->epoch[i] = hex[h & 15];
}

struct view *
view_new(const struct who *who, struct sub *sub, uint64_t base)
{
	struct view *v = xcalloc(1, sizeof(*v));

	v->sub = *sub;
	memset(sub, 0, sizeof(*sub));
	make(v, who, base);
	return v;
}

static void
ids_copy(struct sub_ids *l)
{
	if (l->n > 0)
		l->v = xmemdup(l->v, l->n * sizeof(*l->v));
	else
		l->v = NULL;
}

struct view *
view_again(const struct view *old, const struct who *who, uint64_t base)
{
	struct sub sub = old->sub;

	ids_copy(&sub.nodes);
	ids_copy(&sub.full);
	return view_new(who, &sub, base);
}

void
view_free(struct view *v)
{
	size_t i;

	if (v == NULL)
		return;
	for (i = 0; i < v->ntexts; i++) {
		buf_free(&v->text[i]->b);
		free(v->text[i]);
	}
	buf_free(&v->news.b);
	sub_free(&v->sub);
	free(v->access.v);
	free(v->nodes.v);
	free(v->full.v);
	free(v->pick);
	free(v);
}

bool
view_same(const struct view *a, const struct view *b)
{
	return a->sub.topics == b->sub.topics &&
	    sub_ids_same(&a->nodes, &b->nodes) &&
	    sub_ids_same(&a->full, &b->full) &&
	    sub_ids_same(&a->access, &b->access);
}

const char *
view_epoch(const struct view *v)
{
	return v->epoch;
}

unsigned
view_topics(const struct view *v)
{
	return v->sub.topics;
}

const struct sub_ids *
view_full(const struct view *v)
{
	return &v->full;
}

void
view_tick(struct view *v)
{
	while (v->ntexts > 0) {
		buf_free(&v->text[--v->ntexts]->b);
		free(v->text[v->ntexts]);
	}
}

size_t
view_bytes(const struct view *v)
{
	size_t i, n = v->news.b.cap;

	for (i = 0; i < v->ntexts; i++)
		n += v->text[i]->b.cap;
	return n;
}

/* ---- nodes ---- */

static void
put_member(struct buf *b, const char *name, const char *p, size_t n)
{
	buf_printf(b, ",\"%s\":", name);
	if (p == NULL)
		buf_puts(b, "null");
	else
		buf_put(b, p, n);
}

static void
put_part(struct buf *b, struct slice members)
{
	buf_putc(b, ',');
	buf_put(b, members.p, members.n);
}

/* The parts of a node that changed after since. False: none. */
static bool
put_node(struct view *v, struct picture_node *node, uint64_t since,
    struct buf *b)
{
	const unsigned topics = v->sub.topics;
	bool status = (topics & SUB_STATUS) && node->status_at > since;
	bool numbers = (topics & SUB_STATS) && node->numbers_at > since;
	bool stats = (topics & SUB_STATS) && node->stats_at > since &&
	    (node->stats != NULL || !node->has_stats) &&
	    sub_ids_have(&v->full, &node->id);
	bool health = (topics & SUB_HEALTH) && node->health_at > since;
	char id[ID_TEXT];

	if (!status && !numbers && !stats && !health)
		return false;
	id_text(&node->id, id);
	buf_puts(b, "{\"node_id\":\"");
	buf_put(b, id, ID_TEXT - 1);
	buf_putc(b, '"');
	if (status)
		put_part(b, picture_status(node));
	if (numbers)
		put_part(b, picture_numbers(node));
	if (stats)
		put_member(b, "stats", node->stats, node->nstats);
	if (health)
		put_member(b, "health", node->health, node->nhealth);
	buf_putc(b, '}');
	return true;
}

/* One more into the list; false: the text is full, to is where it ends. */
static bool
add_node(struct view *v, struct view_text *t, struct picture_node *node,
    size_t begin)
{
	size_t at = buf_used(&t->b);

	if (at - begin >= CHUNK) {
		t->more = true;
		return false;
	}
	if (at > begin)
		buf_putc(&t->b, ',');
	if (put_node(v, node, t->since, &t->b))
		t->empty = false;
	else
		t->b.len -= buf_used(&t->b) - at;
	t->to = node->change;
	return true;
}

static int
by_change(const void *a, const void *b)
{
	const struct picture_node *const *x = a, *const *y = b;

	return (*x)->change < (*y)->change ? -1 :
	    (*x)->change > (*y)->change;
}

static void
put_nodes(struct view *v, struct picture *pic, struct view_text *t)
{
	struct picture_node *node;
	size_t begin = buf_used(&t->b), i, n = 0;

	if (v->nodes.all) {
		for (node = picture_after(pic, t->since); node != NULL;
		    node = picture_next(node))
			if (!add_node(v, t, node, begin))
				return;
		return;
	}
	for (i = 0; i < v->nodes.n; i++) {
		node = picture_find(pic, &v->nodes.v[i]);
		if (node != NULL && node->change > t->since)
			v->pick[n++] = node;
	}
	if (n > 1)
		qsort(v->pick, n, sizeof(*v->pick), by_change);
	for (i = 0; i < n; i++)
		if (!add_node(v, t, v->pick[i], begin))
			return;
}

static void
put_removed(struct view *v, const struct picture *pic, struct view_text *t)
{
	uint64_t place = picture_gone(pic, t->since);
	const struct id *id;
	const char *sep = "";
	char text[ID_TEXT];

	buf_puts(&t->b, ",\"removed\":[");
	for (; (id = picture_gone_at(pic, place, t->to)) != NULL; place++) {
		if (!sub_ids_have(&v->nodes, id))
			continue;
		id_text(id, text);
		buf_printf(&t->b, "%s\"%s\"", sep, text);
		sep = ",";
		t->empty = false;
	}
	buf_putc(&t->b, ']');
}

static size_t
online(const struct view *v, const struct picture *pic)
{
	size_t i, n = 0;

	if (v->nodes.all)
		return picture_count(pic);
	for (i = 0; i < v->nodes.n; i++)
		if (picture_find(pic, &v->nodes.v[i]) != NULL)
			n++;
	return n;
}

/* Of numbers: what follows is known only when the list is made. */
static void
put_tail(struct view *v, const struct picture *pic, struct view_text *t,
    const struct view_now *now)
{
	char time[WALL_TEXT];

	wall_rfc3339(now->wall, time);
	buf_printf(&t->b, "],\"epoch\":\"%s\",\"seq\":%llu,\"more\":%s,"
	    "\"time\":\"%s\",\"hub_connected\":%s,\"online_count\":%zu",
	    v->epoch, (unsigned long long)t->to, t->more ? "true" : "false",
	    time, now->hub_connected ? "true" : "false", online(v, pic));
	if (t->reason != NULL) {
		buf_printf(&t->b, ",\"reason\":\"%s\",\"news\":%llu,"
		    "\"topics\":", t->reason, (unsigned long long)t->news);
		sub_put_topics(&t->b, v->sub.topics);
	} else {
		buf_printf(&t->b, ",\"since\":%llu",
		    (unsigned long long)t->since);
		put_removed(v, pic, t);
	}
	buf_putc(&t->b, '}');
}

static void
make_nodes(struct view *v, struct picture *pic, const struct view_now *now,
    struct view_text *t)
{
	buf_clear(&t->b);
	t->more = false;
	t->empty = t->reason == NULL;
	t->to = t->since;
	buf_printf(&t->b, "{\"type\":\"%s\",\"nodes\":[",
	    t->reason != NULL ? "snapshot" : "delta");
	if ((v->sub.topics & SUB_OF_NODES) != 0)
		put_nodes(v, pic, t);
	if (!t->more)
		t->to = picture_change(pic);
	put_tail(v, pic, t, now);
}

static bool
fits(const struct view_text *t, uint64_t since, const char *reason,
    uint64_t news)
{
	return t->since == since && (t->reason == NULL) == (reason == NULL) &&
	    (reason == NULL || (strcmp(t->reason, reason) == 0 &&
	    t->news == news));
}

const struct view_text *
view_nodes(struct view *v, struct picture *pic, const struct view_now *now,
    uint64_t since, const char *reason, uint64_t news)
{
	struct view_text *t = NULL;
	size_t i;

	for (i = 0; i < v->ntexts; i++)
		if (fits(v->text[i], since, reason, news))
			return v->text[i];
	if (v->ntexts < TEXTS)
		t = v->text[v->ntexts++] = xcalloc(1, sizeof(*t));
	else
		t = v->text[TEXTS - 1];
	t->since = since;
	t->reason = reason;
	t->news = news;
	make_nodes(v, pic, now, t);
	return t;
}

/* ---- news ---- */

static bool
wanted(const struct view *v, const struct news_item *item,
    enum sub_topic topic)
{
	return item->topic == topic && !item->hole &&
	    sub_ids_have(&v->nodes, &item->node);
}

/* Of what it wants some are not held any more, or never were. */
static bool
missed(const struct view *v, const struct news *news, uint64_t since,
    uint64_t to)
{
	const struct news_item *item;
	uint64_t i = since;

	if (since < news_floor(news))
		return true;
	while (i < to) {
		item = news_at(news, ++i);
		if (item->hole && (item->topic & v->sub.topics) != 0)
			return true;
	}
	return false;
}

static void
put_news(struct view *v, const struct news *news, enum sub_topic topic,
    const char *name, struct view_text *t)
{
	const struct news_item *item;
	const char *sep = "";
	uint64_t i;

	if ((v->sub.topics & topic) == 0)
		return;
	buf_printf(&t->b, ",\"%s\":[", name);
	for (i = t->since + 1; i <= t->to; i++) {
		item = news_at(news, i);
		if (!wanted(v, item, topic))
			continue;
		buf_puts(&t->b, sep);
		buf_put(&t->b, item->text, item->n);
		sep = ",";
		t->empty = false;
	}
	buf_putc(&t->b, ']');
}

/* How far one text goes. */
static uint64_t
news_end(const struct news *news, uint64_t since)
{
	uint64_t i = since, last = news_last(news);
	size_t bytes = 0;

	while (i < last && bytes < NEWS_CHUNK)
		bytes += news_at(news, ++i)->n;
	return i;
}

const struct view_text *
view_news(struct view *v, const struct news *news, uint64_t since)
{
	struct view_text *t = &v->news;
	uint64_t floor = news_floor(news);
	bool some;

	if (t->b.len > 0 && t->since == since && t->to == news_last(news))
		return t;
	buf_clear(&t->b);
	t->since = since < floor ? floor : since;
	t->to = news_end(news, t->since);
	some = missed(v, news, since, t->to);
	t->empty = !some;
	buf_printf(&t->b, "{\"type\":\"news\",\"epoch\":\"%s\","
	    "\"news\":%llu,\"missed\":%s", v->epoch,
	    (unsigned long long)t->to, some ? "true" : "false");
	put_news(v, news, SUB_EVENTS, "events", t);
	put_news(v, news, SUB_COMMANDS, "commands", t);
	put_news(v, news, SUB_ALARMS, "alarms", t);
	buf_putc(&t->b, '}');
	t->since = since;
	return t;
}
