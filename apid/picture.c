/*
 * picture: connected nodes as the hub last told of them. Owns their texts.
 * A node is written by putting ready pieces one after another: its stats are
 * copied twice (as stats and as the driver's items) and never parsed into a
 * tree.
 */
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "picture.h"
#include "secret.h"
#include "xmalloc.h"

struct gone {
	struct id	 id;
	uint64_t	 change;
};

struct picture {
	struct picture_node	**order;	/* dense, no meaning */
	TAILQ_HEAD(changed_list, picture_node) changed;	/* the newest last */
	struct gone		 *gone;		/* a ring */
	uint64_t		  ngone, floor;
	size_t			  n, cap;
	struct picture_node	**bucket;
	size_t			  nbuckets;	/* a power of two, or 0 */
	uint64_t		  seed;		/* ids come from outside */
	uint64_t		  round, change;
	size_t			  bytes, max_nodes, max_bytes;
};

struct picture *
picture_new(size_t max_nodes, size_t max_bytes)
{
	struct picture *pic = xcalloc(1, sizeof(*pic));

	pic->max_nodes = max_nodes;
	pic->max_bytes = max_bytes;
	pic->gone = xcalloc(PICTURE_GONE, sizeof(*pic->gone));
	TAILQ_INIT(&pic->changed);
	secret_random(&pic->seed, sizeof(pic->seed));
	return pic;
}

void
picture_free(struct picture *pic)
{
	if (pic == NULL)
		return;
	picture_clear(pic);
	free(pic->order);
	free(pic->bucket);
	free(pic->gone);
	free(pic);
}

size_t
picture_count(const struct picture *pic)
{
	return pic->n;
}

size_t
picture_bytes(const struct picture *pic)
{
	return pic->bytes;
}

uint64_t
picture_change(const struct picture *pic)
{
	return pic->change;
}

struct picture_node *
picture_at(const struct picture *pic, size_t i)
{
	return pic->order[i];
}

struct picture_node *
picture_next(const struct picture_node *node)
{
	return TAILQ_NEXT(node, order);
}

/* From the newest back: what is asked for is near the end. */
struct picture_node *
picture_after(const struct picture *pic, uint64_t since)
{
	struct picture_node *node, *found = NULL;

	if (since == 0)
		return TAILQ_FIRST(&pic->changed);
	TAILQ_FOREACH_REVERSE(node, &pic->changed, changed_list, order) {
		if (node->change <= since)
			break;
		found = node;
	}
	return found;
}

static struct picture_node **
place(const struct picture *pic, const struct id *id)
{
	struct picture_node **pp;

	pp = &pic->bucket[id_hash(id, pic->seed) & (pic->nbuckets - 1)];
	while (*pp != NULL && !id_eq(&(*pp)->id, id))
		pp = &(*pp)->next;
	return pp;
}

struct picture_node *
picture_find(const struct picture *pic, const struct id *id)
{
	return pic->nbuckets == 0 ? NULL : *place(pic, id);
}

static void
grow(struct picture *pic)
{
	size_t i;

	if (pic->n == pic->cap) {
		pic->cap = pic->cap == 0 ? 64 : pic->cap * 2;
		pic->order = xreallocarray(pic->order, pic->cap,
		    sizeof(*pic->order));
	}
	if (pic->n < pic->nbuckets)
		return;
	free(pic->bucket);
	pic->nbuckets = pic->nbuckets == 0 ? 64 : pic->nbuckets * 2;
	pic->bucket = xcalloc(pic->nbuckets, sizeof(*pic->bucket));
	for (i = 0; i < pic->n; i++) {
		pic->order[i]->next = NULL;
		*place(pic, &pic->order[i]->id) = pic->order[i];
	}
}

static struct picture_node *
add(struct picture *pic, const struct id *id)
{
	struct picture_node *node;

	grow(pic);
	node = xcalloc(1, sizeof(*node));
	node->id = *id;
	node->at = pic->n;
	pic->order[pic->n++] = node;
	TAILQ_INSERT_TAIL(&pic->changed, node, order);
	*place(pic, id) = node;
	return node;
}

/* Whether it is another text now. */
static bool
set_text(struct picture *pic, char **p, size_t *n, struct slice text)
{
	if (*n == text.n && (text.n == 0 || memcmp(*p, text.p, text.n) == 0))
		return false;
	pic->bytes -= *p == NULL ? 0 : *n;
	free(*p);
	*p = text.n == 0 ? NULL : xstrndup(text.p, text.n);
	*n = text.n;
	pic->bytes += *p == NULL ? 0 : *n;
	return true;
}

static void
drop_stats(struct picture *pic, struct picture_node *node)
{
	(void)set_text(pic, &node->stats, &node->nstats,
	    (struct slice){ NULL, 0 });
	memset(node->items, 0, sizeof(node->items));
}

static void
note_gone(struct picture *pic, const struct id *id)
{
	struct gone *g = &pic->gone[pic->ngone++ % PICTURE_GONE];

	if (pic->ngone > PICTURE_GONE)
		pic->floor = g->change;
	g->id = *id;
	g->change = ++pic->change;
}

static void
free_idents(struct picture_node *node)
{
	free(node->ident);
	free(node->status);
	free(node->head);
	free(node->tail);
}

static void
drop(struct picture *pic, struct picture_node *node)
{
	const struct slice none = { NULL, 0 };

	*place(pic, &node->id) = node->next;
	pic->order[node->at] = pic->order[--pic->n];
	pic->order[node->at]->at = node->at;
	TAILQ_REMOVE(&pic->changed, node, order);
	(void)set_text(pic, &node->stats, &node->nstats, none);
	(void)set_text(pic, &node->health, &node->nhealth, none);
	free_idents(node);
	free(node->numbers);
	note_gone(pic, &node->id);
	free(node);
}

uint64_t
picture_floor(const struct picture *pic)
{
	return pic->floor;
}

uint64_t
picture_gone(const struct picture *pic, uint64_t since)
{
	uint64_t lo = pic->ngone < PICTURE_GONE ? 0 :
	    pic->ngone - PICTURE_GONE, hi = pic->ngone, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (pic->gone[mid % PICTURE_GONE].change <= since)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct id *
picture_gone_at(const struct picture *pic, uint64_t place, uint64_t to)
{
	const struct gone *g = &pic->gone[place % PICTURE_GONE];

	return place < pic->ngone && g->change <= to ? &g->id : NULL;
}

/* A text of everything that the status is made from, to compare. */
static void
put_ident(struct buf *b, const struct msg_node_state *m)
{
	buf_put_u64(b, m->epoch);
	buf_put_u64(b, (uint64_t)m->connected_us);
	buf_put_u32(b, (uint32_t)m->protocol);
	msg_put_bytes(b, m->name.p, m->name.n);
	msg_put_bytes(b, m->device_type.p, m->device_type.n);
	msg_put_bytes(b, m->version.p, m->version.n);
}

static void
put_who(struct json_w *w, const struct msg_node_state *m)
{
	json_w_key(w, "name");
	json_w_slice(w, m->name);
	json_w_key(w, "device_type");
	json_w_slice(w, m->device_type);
	json_w_key(w, "status");
	json_w_str(w, "online");
}

static void
put_versions(struct json_w *w, const struct msg_node_state *m)
{
	json_w_key(w, "software_version");
	if (m->version.n == 0)
		json_w_null(w);
	else
		json_w_slice(w, m->version);
	json_w_key(w, "protocol_version");
	if (m->protocol < 0)
		json_w_null(w);
	else
		json_w_i64(w, m->protocol);
}

/* The start of an object without its brace. */
static char *
members(struct buf *b, size_t *n_r)
{
	buf_drain(b, 1);
	return buf_steal(b, n_r);
}

static void
make_status(struct picture_node *node, const struct msg_node_state *m)
{
	char time[WALL_TEXT];
	struct buf b = BUF_INIT;
	struct json_w w;

	wall_rfc3339(m->connected_us, time);
	json_w_init(&w, &b);
	json_w_object(&w);
	put_who(&w, m);
	put_versions(&w, m);
	json_w_key(&w, "connected_at");
	json_w_str(&w, time);
	node->status = members(&b, &node->nstatus);
}

static void
make_ends(struct picture_node *node, const struct msg_node_state *m)
{
	char id[ID_TEXT];
	struct buf b = BUF_INIT;
	struct json_w w;

	id_text(&m->node, id);
	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "node_id");
	json_w_str(&w, id);
	put_who(&w, m);
	buf_puts(&b, ",\"stats\":");
	node->head = buf_steal(&b, NULL);

	json_w_init(&w, &b);
	json_w_object(&w);
	put_versions(&w, m);
	node->tail = buf_steal(&b, NULL);
	node->tail[0] = ',';	/* it continues the object */
}

/* The parts that change only with a new session or version. */
static void
set_ends(struct picture_node *node, const struct msg_node_state *m)
{
	struct buf b = BUF_INIT;

	put_ident(&b, m);
	if (node->ident != NULL && buf_used(&b) == node->nident &&
	    memcmp(buf_head(&b), node->ident, node->nident) == 0) {
		buf_free(&b);
		return;
	}
	free_idents(node);
	node->ident = buf_steal(&b, &node->nident);
	make_status(node, m);
	make_ends(node, m);
	node->status_at = node->change;
}

static void
set_numbers(struct picture_node *node, const struct msg_node_state *m)
{
	if (node->numbers_at != 0 && node->has_stats == (m->has_stats != 0) &&
	    node->seen_us == m->seen_us && memcmp(node->metrics, m->metrics,
	    sizeof(node->metrics)) == 0)
		return;
	node->seen_us = m->seen_us;
	memcpy(node->metrics, m->metrics, sizeof(node->metrics));
	node->numbers_at = node->change;
	free(node->numbers);
	node->numbers = NULL;
}

struct slice
picture_status(const struct picture_node *node)
{
	return (struct slice){ node->status, node->nstatus };
}

struct slice
picture_numbers(struct picture_node *node)
{
	const struct driver *d = node->driver;
	char seen[WALL_TEXT];
	struct buf b = BUF_INIT;
	struct json_w w;
	size_t i;

	if (node->numbers != NULL)
		return (struct slice){ node->numbers, node->nnumbers };
	wall_rfc3339(node->seen_us, seen);
	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "last_seen_at");
	json_w_str(&w, seen);
	json_w_key(&w, "metrics");
	if (d == NULL || !node->has_stats) {
		json_w_null(&w);
	} else {
		json_w_object(&w);
		for (i = 0; i < d->nmetrics; i++) {
			json_w_key(&w, d->metrics[i]);
			json_w_u64(&w, node->metrics[i]);
		}
		json_w_end_object(&w);
	}
	node->numbers = members(&b, &node->nnumbers);
	return (struct slice){ node->numbers, node->nnumbers };
}

static void
set_stats(struct picture *pic, struct picture_node *node,
    const struct msg_node_state *m, bool keep)
{
	if (!keep || !m->has_stats) {
		if (!m->has_stats)
			node->stats_at = node->status_at;
		drop_stats(pic, node);
		return;
	}
	if (m->stats.n == 0)	/* only something else changed */
		return;
	if (pic->bytes - node->nstats + m->stats.n > pic->max_bytes) {
		drop_stats(pic, node);
		return;
	}
	if (!set_text(pic, &node->stats, &node->nstats, m->stats))
		return;
	node->stats_at = node->change;
	if (node->driver != NULL && driver_items(node->driver,
	    (struct slice){ node->stats, node->nstats }, node->items) == -1)
		memset(node->items, 0, sizeof(node->items));
}

enum picture_did
picture_put(struct picture *pic, const struct msg_node_state *m, bool keep)
{
	struct picture_node *node = picture_find(pic, &m->node);

	if (node == NULL) {
		if (pic->n >= pic->max_nodes)
			return PICTURE_FULL;
		node = add(pic, &m->node);
	} else if (m->epoch < node->epoch ||
	    (m->epoch == node->epoch && m->seq < node->seq)) {
		return PICTURE_OLD;
	} else if (m->epoch != node->epoch) {
		drop_stats(pic, node);	/* of the session before */
		(void)set_text(pic, &node->health, &node->nhealth,
		    (struct slice){ NULL, 0 });
		node->stats_at = node->health_at = pic->change + 1;
		node->numbers_at = 0;
	}
	node->epoch = m->epoch;
	node->seq = m->seq;
	node->round = pic->round;
	node->change = ++pic->change;
	TAILQ_REMOVE(&pic->changed, node, order);
	TAILQ_INSERT_TAIL(&pic->changed, node, order);
	node->connected_us = m->connected_us;
	node->driver = driver_find(m->device_type);
	set_ends(node, m);
	set_numbers(node, m);
	node->has_stats = m->has_stats != 0;
	if (m->health.n > 0 &&
	    set_text(pic, &node->health, &node->nhealth, m->health))
		node->health_at = node->change;
	set_stats(pic, node, m, keep);
	return PICTURE_CHANGED;
}

bool
picture_remove(struct picture *pic, const struct msg_node_gone *m)
{
	struct picture_node *node = picture_find(pic, &m->node);

	if (node == NULL || node->epoch != m->epoch)
		return false;
	drop(pic, node);
	return true;
}

void
picture_begin(struct picture *pic)
{
	pic->round++;
}

size_t
picture_end(struct picture *pic)
{
	size_t i, n = 0;

	for (i = pic->n; i-- > 0;) {
		if (pic->order[i]->round == pic->round)
			continue;
		drop(pic, pic->order[i]);
		n++;
	}
	return n;
}

void
picture_drop_stats(struct picture *pic, bool (*keep)(void *arg,
    const struct id *), void *arg)
{
	size_t i;

	for (i = 0; i < pic->n; i++)
		if (pic->order[i]->stats != NULL && (keep == NULL ||
		    !keep(arg, &pic->order[i]->id)))
			drop_stats(pic, pic->order[i]);
}

void
picture_clear(struct picture *pic)
{
	while (pic->n > 0)
		drop(pic, pic->order[pic->n - 1]);
}

static void
put_value(struct buf *out, const char *p, size_t n)
{
	if (p == NULL)
		buf_puts(out, "null");
	else
		buf_put(out, p, n);
}

void
picture_write(const struct picture_node *node, wall_us now, struct buf *out)
{
	char seen[WALL_TEXT];
	int64_t up = (now - node->connected_us) / 1000000;

	wall_rfc3339(node->seen_us, seen);
	buf_puts(out, node->head);
	put_value(out, node->stats, node->nstats);
	buf_puts(out, ",\"health\":");
	put_value(out, node->health, node->nhealth);
	buf_puts(out, node->tail);
	buf_printf(out, ",\"uptime_secs\":%lld,\"last_seen_at\":\"%s\"",
	    (long long)(up < 0 ? 0 : up), seen);
	if (node->driver != NULL) {
		buf_puts(out, ",\"driver_metrics\":");
		driver_metrics_json(node->driver, node->metrics, node->items,
		    out);
	}
	buf_putc(out, '}');
}
