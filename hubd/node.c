/*
 * node: the table of connected nodes and their latest state. Owns struct
 * node. A node is here exactly while a connection of it is authenticated.
 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json.h"
#include "log.h"
#include "secret.h"
#include "ws.h"
#include "xmalloc.h"

#include "again.h"
#include "cache.h"
#include "cmd.h"
#include "conn.h"
#include "history.h"
#include "hubd.h"
#include "node.h"
#include "note.h"
#include "publish.h"
#include "push.h"
#include "queue.h"
#include "sink.h"
#include "thumb.h"

#define RIVALS_MAX	3			/* changes of address, */
#define RIVAL_WINDOW	(60 * MONO_SEC)		/* in that time */
#define RIVAL_QUIET	(600 * MONO_SEC)	/* one event, then silence */
#define VERSION_MAX	256
#define EXPIRY_LOOK	(12 * 3600 * MONO_SEC)	/* the clock may jump */

struct nodes {
	struct hubd		*hub;
	struct node		**slots;
	size_t			 nslots, count;
	uint64_t		 seed;
	uint64_t		 last;		/* newest change */
	uint64_t		 sealed;	/* published up to here */
	struct node_order	 order;
};

struct nodes *
nodes_new(struct hubd *h)
{
	struct nodes *ns = xcalloc(1, sizeof(*ns));

	ns->hub = h;
	ns->nslots = 256;
	ns->slots = xcalloc(ns->nslots, sizeof(*ns->slots));
	secret_random(&ns->seed, sizeof(ns->seed));
	TAILQ_INIT(&ns->order);
	return ns;
}

static struct node **
nodes_slot(struct nodes *ns, const struct id *id)
{
	struct node **np;

	np = &ns->slots[id_hash(id, ns->seed) & (ns->nslots - 1)];
	while (*np != NULL && !id_eq(&(*np)->id, id))
		np = &(*np)->hnext;
	return np;
}

static void
nodes_grow(struct nodes *ns)
{
	struct node **old = ns->slots, *n, **np;
	size_t i, nold = ns->nslots;

	ns->nslots *= 2;
	ns->slots = xcalloc(ns->nslots, sizeof(*ns->slots));
	for (i = 0; i < nold; i++)
		while ((n = old[i]) != NULL) {
			old[i] = n->hnext;
			np = &ns->slots[id_hash(&n->id, ns->seed) &
			    (ns->nslots - 1)];
			n->hnext = *np;
			*np = n;
		}
	free(old);
}

size_t
nodes_count(const struct nodes *ns)
{
	return ns->count;
}

struct node *
node_find(struct nodes *ns, const struct id *id)
{
	return *nodes_slot(ns, id);
}

struct node_order *
nodes_order(struct nodes *ns)
{
	return &ns->order;
}

void
nodes_seal(struct nodes *ns)
{
	ns->sealed = ns->last;
}

uint64_t
nodes_last(const struct nodes *ns)
{
	return ns->last;
}

/* At most one move in the list between two publications. */
void
node_touch(struct node *n)
{
	struct nodes *ns = n->hub->nodes;

	if (n->change > ns->sealed)
		return;
	n->change = ++ns->last;
	TAILQ_REMOVE(&ns->order, n, order);
	TAILQ_INSERT_TAIL(&ns->order, n, order);
}

/* ---- expiry ---- */

void
node_close(struct node *n, int code, const char *why)
{
	conn_close(n->conn, code, why);
}

void
node_fenced(struct node *n)
{
	n->hub->count.fenced++;
	node_close(n, WS_C_POLICY, "this session is over: the node is "
	    "deleted or connected elsewhere");
}

static void
node_expire(void *arg)
{
	struct node *n = arg;
	wall_us left;

	if (n->expires == 0)
		return;
	left = n->expires - wall_now();
	if (left <= 0) {
		n->hub->count.expired++;
		node_close(n, WS_C_POLICY, "the node has expired");
		return;
	}
	timer_set(n->hub->timers, &n->expiry,
	    left < EXPIRY_LOOK ? left + 10 * MONO_MS : EXPIRY_LOOK);
}

/* ---- coming and going ---- */

static char *
node_word(char **to, struct slice text)
{
	char *at = *to;

	if (text.n > 0)
		memcpy(at, text.p, text.n);
	at[text.n] = '\0';
	*to = at + text.n + 1;
	return at;
}

/* The texts stand together: who publishes a node reads all of them. Those
 * given may be the ones that are replaced. */
static void
node_words(struct node *n, struct slice name, struct slice type,
    struct slice version, struct slice remote)
{
	char *old = n->words, *to;

	n->words = to = xmalloc(name.n + type.n + version.n + remote.n + 4);
	n->name = node_word(&to, name);
	n->type = node_word(&to, type);
	n->version = node_word(&to, version);
	n->remote = node_word(&to, remote);
	free(old);
}

static void
node_clone_event(struct node *n, const char *host)
{
	struct buf msg = BUF_INIT, details = BUF_INIT;
	struct json_w w;

	buf_printf(&msg, "Two addresses alternate for this node, %s and %s: "
	    "its identity may have been copied", n->remote, host);
	json_w_init(&w, &details);
	json_w_object(&w);
	json_w_key(&w, "error_code");
	json_w_str(&w, "node_cloned");
	json_w_key(&w, "addresses");
	json_w_array(&w);
	json_w_str(&w, n->remote);
	json_w_str(&w, host);
	json_w_end_array(&w);
	json_w_end_object(&w);
	n->hub->count.clones++;
	sink_note(n->hub->sink, note_new(&(struct note_text){
	    .node = n->id, .name = n->name, .severity = NOTE_CRITICAL,
	    .category = "security", .message = buf_cstr(&msg),
	    .details = buf_cstr(&details) }));
	buf_free(&msg);
	buf_free(&details);
}

/* The node comes back while its session lives: from another address? */
static void
node_rival(struct node *n, const char *host)
{
	mono_us now = mono_now();

	if (strcmp(n->remote, host) == 0)
		return;
	if (n->rivals == 0 || now - n->rival_at > RIVAL_WINDOW) {
		n->rivals = 0;
		n->rival_at = now;
	}
	if (n->rivals < UINT8_MAX)
		n->rivals++;
	if (n->rivals <= RIVALS_MAX ||
	    (n->rival_told != 0 && now - n->rival_told < RIVAL_QUIET))
		return;
	n->rival_told = now;
	log_warn("node %s: two addresses alternate: %s and %s", n->name,
	    n->remote, host);
	node_clone_event(n, host);
}

static struct node *
node_add(struct hubd *h, const struct id *id)
{
	struct nodes *ns = h->nodes;
	struct node *n = xcalloc(1, sizeof(*n)), **np;

	if (ns->count >= ns->nslots)
		nodes_grow(ns);
	n->id = *id;
	n->hub = h;
	timer_init(&n->expiry, node_expire, n);
	TAILQ_INIT(&n->cmds);
	np = nodes_slot(ns, id);
	*np = n;
	ns->count++;
	n->change = ++ns->last;
	TAILQ_INSERT_TAIL(&ns->order, n, order);
	return n;
}

struct node *
node_attach(struct hubd *h, struct conn *c, const struct node_info *info)
{
	struct node *n = node_find(h->nodes, &info->id);

	if (n == NULL)
		n = node_add(h, &info->id);
	else {
		struct conn *old = n->conn;

		/* What the old connection had in flight is lost with it. */
		h->count.replaced++;
		node_rival(n, conn_host(c));
		cmd_node_lost(n);
		push_node_lost(h->pushes, n);
		cache_node_lost(n);
		cache_stale(n);
		conn_disown(old);
		n->conn = c;
		conn_close(old, WS_C_NORMAL,
		    "replaced by a newer connection of this node");
	}
	n->conn = c;
	n->epoch = info->epoch;
	n->protocol = info->protocol;
	n->connected = wall_now();
	n->expires = info->expires;
	node_words(n, info->name, info->type, info->version,
	    slice_of(conn_host(c)));
	n->driver = driver_find(info->type);
	n->version_told = n->observed.begun = false;
	n->remembers = info->remembers;
	sink_attach(h->sink, n, info);
	n->seen = n->told_at = mono_now();
	timer_del(&n->expiry);
	if (n->expires != 0)
		timer_set(h->timers, &n->expiry, 0);
	push_node_here(h->pushes, n);
	node_touch(n);
	return n;
}

static void
node_free(struct node *n)
{
	timer_del(&n->expiry);
	history_forget(n);
	free(n->words);
	free(n->stats);
	free(n->health);
	free(n);
}

void
node_detach(struct hubd *h, struct conn *c, const char *why)
{
	struct node *n = conn_node(c), **np;

	conn_disown(c);
	if (n == NULL || n->conn != c)
		return;
	cmd_node_lost(n);
	push_node_lost(h->pushes, n);
	cache_node_gone(n);
	thumb_node_gone(h->thumbs, n);
	if (!h->stopping)
		sink_end(h->sink, n, wall_of(n->seen), why);
	sink_forget(h->sink, n);
	again_forget(n);
	queue_forget(n);
	publish_gone(h->publish, n);
	np = nodes_slot(h->nodes, &n->id);
	*np = n->hnext;
	h->nodes->count--;
	TAILQ_REMOVE(&h->nodes->order, n, order);
	node_free(n);
}

void
nodes_free(struct nodes *ns)
{
	struct node *n;

	if (ns == NULL)
		return;
	while ((n = TAILQ_FIRST(&ns->order)) != NULL) {
		TAILQ_REMOVE(&ns->order, n, order);
		again_forget(n);
		queue_forget(n);
		node_free(n);
	}
	free(ns->slots);
	free(ns);
}

void
node_update(struct node *n, const struct node_row *row)
{
	bool other_type = !slice_eq(row->type, n->type);

	if (other_type || !slice_eq(row->name, n->name)) {
		node_words(n, row->name, row->type, slice_of(n->version),
		    slice_of(n->remote));
		node_touch(n);
	}
	if (other_type) {
		n->driver = driver_find(row->type);
		n->has_stats = false;
	}
	if (row->expires != n->expires) {
		n->expires = row->expires;
		timer_del(&n->expiry);
		if (row->expires != 0)
			timer_set(n->hub->timers, &n->expiry, 0);
	}
	if (row->quarantined) {
		n->hub->count.quarantined++;
		node_close(n, WS_C_POLICY, "the node is in quarantine");
	}
}

/* ---- what it says ---- */

/* Grows with a little air; shrinks only when much too large. */
static void
node_stats_room(struct node *n, size_t need)
{
	if (need <= n->stats_cap &&
	    (n->stats_cap < 4096 || n->stats_cap / 4 <= need))
		return;
	free(n->stats);
	n->stats_cap = (uint32_t)((need + need / 8 + 63) & ~(size_t)63);
	n->stats = xmalloc(n->stats_cap);
}

/* The frame between two timers of the node: its flows are the last ones,
 * the rest is new. */
static void
node_stats_glitch(struct node *n, struct slice text, struct slice flows)
{
	size_t before = (size_t)(flows.p - text.p);
	size_t after = text.n - before - flows.n;
	size_t len = before + n->flows_len + after;
	char *p = xmalloc(len + 1);

	memcpy(p, text.p, before);
	memcpy(p + before, n->stats + n->flows_off, n->flows_len);
	memcpy(p + before + n->flows_len, flows.p + flows.n, after);
	free(n->stats);
	n->stats = p;
	n->stats_cap = (uint32_t)len + 1;
	n->stats_len = (uint32_t)len;
	n->flows_off = (uint32_t)before;
}

void
node_stats(struct node *n, struct slice text, const struct driver_summary *s)
{
	struct slice flows = s->items[0];

	if (s->glitch && flows.p != NULL) {
		n->hub->count.glitches++;
		if (n->has_stats && n->flows_len > 0) {
			node_stats_glitch(n, text, flows);
			node_touch(n);
			return;
		}
	}
	node_stats_room(n, text.n);
	memcpy(n->stats, text.p, text.n);
	n->stats_len = (uint32_t)text.n;
	n->flows_len = 0;
	if (flows.p != NULL) {
		n->flows_off = (uint32_t)(flows.p - text.p);
		n->flows_len = (uint32_t)flows.n;
	}
	if (n->driver != NULL)
		memcpy(n->metrics, s->metrics,
		    n->driver->nmetrics * sizeof(n->metrics[0]));
	n->has_stats = true;
	node_touch(n);
}

void
node_health(struct node *n, struct slice text, struct slice version)
{
	bool same = n->health_len == text.n &&
	    memcmp(n->health, text.p, text.n) == 0;

	if (!same) {
		free(n->health);
		n->health = xmemdup(text.p, text.n);
		n->health_len = (uint32_t)text.n;
		n->health_new = true;
	}
	if (version.n > 0 && version.n <= VERSION_MAX &&
	    (!n->version_told || !slice_eq(version, n->version))) {
		node_words(n, slice_of(n->name), slice_of(n->type), version,
		    slice_of(n->remote));
		n->version_new = n->version_told = true;
	}
	node_touch(n);
	if (!same)
		n->health_at = n->change;
}
