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

struct picture {
	struct picture_node	**order;	/* dense, no meaning */
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
	*place(pic, id) = node;
	return node;
}

static void
set_text(struct picture *pic, char **p, size_t *n, struct slice text)
{
	pic->bytes -= *p == NULL ? 0 : *n;
	free(*p);
	*p = text.n == 0 ? NULL : xstrndup(text.p, text.n);
	*n = text.n;
	pic->bytes += *p == NULL ? 0 : *n;
}

static void
drop_stats(struct picture *pic, struct picture_node *node)
{
	set_text(pic, &node->stats, &node->nstats, (struct slice){ NULL, 0 });
	memset(node->items, 0, sizeof(node->items));
}

static void
drop(struct picture *pic, struct picture_node *node)
{
	const struct slice none = { NULL, 0 };

	*place(pic, &node->id) = node->next;
	pic->order[node->at] = pic->order[--pic->n];
	pic->order[node->at]->at = node->at;
	set_text(pic, &node->stats, &node->nstats, none);
	set_text(pic, &node->health, &node->nhealth, none);
	free(node->head);
	free(node->tail);
	free(node);
	pic->change++;
}

/* The parts that change only with a new session or version. */
static void
set_ends(struct picture_node *node, const struct msg_node_state *m)
{
	char id[ID_TEXT];
	struct buf b = BUF_INIT;
	struct json_w w;

	id_text(&m->node, id);
	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "node_id");
	json_w_str(&w, id);
	json_w_key(&w, "name");
	json_w_slice(&w, m->name);
	json_w_key(&w, "device_type");
	json_w_slice(&w, m->device_type);
	json_w_key(&w, "status");
	json_w_str(&w, "online");
	buf_puts(&b, ",\"stats\":");
	free(node->head);
	node->head = buf_steal(&b, NULL);

	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "software_version");
	if (m->version.n == 0)
		json_w_null(&w);
	else
		json_w_slice(&w, m->version);
	json_w_key(&w, "protocol_version");
	if (m->protocol < 0)
		json_w_null(&w);
	else
		json_w_i64(&w, m->protocol);
	free(node->tail);
	node->tail = buf_steal(&b, NULL);
	node->tail[0] = ',';	/* it continues the object */
}

static void
set_stats(struct picture *pic, struct picture_node *node,
    const struct msg_node_state *m, bool keep)
{
	if (!keep || !m->has_stats) {
		drop_stats(pic, node);
		return;
	}
	if (m->stats.n == 0)	/* only something else changed */
		return;
	drop_stats(pic, node);
	if (pic->bytes + m->stats.n > pic->max_bytes)
		return;
	set_text(pic, &node->stats, &node->nstats, m->stats);
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
	}
	node->epoch = m->epoch;
	node->seq = m->seq;
	node->round = pic->round;
	node->change = ++pic->change;
	node->connected_us = m->connected_us;
	node->seen_us = m->seen_us;
	node->driver = driver_find(m->device_type);
	memcpy(node->metrics, m->metrics, sizeof(node->metrics));
	set_ends(node, m);
	set_text(pic, &node->health, &node->nhealth, m->health);
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
picture_drop_stats(struct picture *pic)
{
	size_t i;

	for (i = 0; i < pic->n; i++)
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
