/*
 * cache: see cache.h. Owns one entry per node that ever reported or was
 * asked, the waiters on it, and the order by last use.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "db.h"
#include "ipc.h"
#include "json.h"
#include "log.h"
#include "rate.h"
#include "secret.h"
#include "timer.h"
#include "xmalloc.h"

#include "cache.h"
#include "compare.h"
#include "conn.h"
#include "hub.h"
#include "hubd.h"
#include "node.h"
#include "stmt.h"

#define WAIT_MIN	1000u		/* ms */
#define WAIT_MAX	60000u
#define WAIT_DEFAULT	3000u
#define WAITERS_MAX	64		/* per node */
#define WANT_AGAIN	(4 * MONO_SEC)
#define ASK_TIME	(60 * MONO_SEC)	/* then it may be asked again */
#define STORE_RATE	0.1		/* unasked ones: one in ten seconds */
#define STORE_BURST	5

struct waiter {
	TAILQ_ENTRY(waiter)	 link;
	struct cache_entry	*entry;
	struct ipc_chan		*chan;
	uint64_t		 id;
	struct timer		 timer;
};

struct cache_entry {
	TAILQ_ENTRY(cache_entry) link;	/* least recently used first */
	struct cache		*cache;
	struct node		*node;
	char			*text;	/* NULL: not in memory */
	size_t			 len;
	bool			 fresh, asked, stored;
	uint8_t			 hash[SECRET_HASH];
	struct id		 command;	/* of our get_config */
	mono_us			 asked_at;
	struct rate		 rate;
	TAILQ_HEAD(, waiter)	 waiters;
	unsigned		 nwaiters;
};

struct cache {
	struct hubd		*hub;
	TAILQ_HEAD(, cache_entry) order;
	size_t			 bytes;
};

struct cache *
cache_new(struct hubd *h)
{
	struct cache *c = xcalloc(1, sizeof(*c));

	c->hub = h;
	TAILQ_INIT(&c->order);
	return c;
}

size_t
cache_bytes(const struct cache *c)
{
	return c->bytes;
}

static struct cache_entry *
cache_entry(struct cache *c, struct node *n)
{
	struct cache_entry *e = n->config;

	if (e == NULL) {
		e = xcalloc(1, sizeof(*e));
		e->cache = c;
		e->node = n;
		TAILQ_INIT(&e->waiters);
		TAILQ_INSERT_TAIL(&c->order, e, link);
		n->config = e;
	} else {
		TAILQ_REMOVE(&c->order, e, link);
		TAILQ_INSERT_TAIL(&c->order, e, link);
	}
	return e;
}

static void
cache_drop_text(struct cache_entry *e)
{
	if (e->text == NULL)
		return;
	e->cache->bytes -= e->len;
	secret_wipe(e->text, e->len);
	free(e->text);
	e->text = NULL;
	e->len = 0;
	e->fresh = false;
}

static void
cache_keep(struct cache_entry *e, struct slice text)
{
	struct cache *c = e->cache;
	size_t max = (size_t)c->hub->conf.config_cache_mib << 20;
	struct cache_entry *old;

	cache_drop_text(e);
	e->text = xstrndup(text.p, text.n);
	e->len = text.n;
	e->fresh = true;
	c->bytes += text.n;
	TAILQ_FOREACH(old, &c->order, link) {
		if (c->bytes <= max)
			break;
		if (old != e)
			cache_drop_text(old);
	}
}

/* ---- waiters ---- */

static void
waiter_free(struct waiter *w)
{
	timer_del(&w->timer);
	TAILQ_REMOVE(&w->entry->waiters, w, link);
	w->entry->nwaiters--;
	free(w);
}

static void
cache_error(struct ipc_chan *chan, uint64_t id, enum err err)
{
	(void)ipc_begin(chan, MSG_ERROR, err, id);
	ipc_send(chan);
}

static void
cache_send(struct ipc_chan *chan, uint64_t id, const struct node *n,
    struct slice text)
{
	const struct msg_config m = { .node = n->id, .text = text };

	msg_put_config(ipc_begin(chan, MSG_CONFIG, ERR_OK, id), &m);
	ipc_send(chan);
}

static void
waiter_timeout(void *arg)
{
	struct waiter *w = arg;

	cache_error(w->chan, w->id, ERR_NODE_TIMEOUT);
	waiter_free(w);
}

static void
cache_fail(struct cache_entry *e, enum err err)
{
	struct waiter *w;

	e->asked = false;
	while ((w = TAILQ_FIRST(&e->waiters)) != NULL) {
		cache_error(w->chan, w->id, err);
		waiter_free(w);
	}
}

void
cache_forget_chan(struct cache *c, const struct ipc_chan *chan)
{
	struct cache_entry *e;
	struct waiter *w, *next;

	TAILQ_FOREACH(e, &c->order, link)
		for (w = TAILQ_FIRST(&e->waiters); w != NULL; w = next) {
			next = TAILQ_NEXT(w, link);
			if (w->chan == chan)
				waiter_free(w);
		}
}

/* ---- asking ---- */

static bool
cache_ask(struct cache_entry *e)
{
	struct buf frame = BUF_INIT;
	mono_us now = mono_now();
	bool ok;

	if (e->asked && now - e->asked_at < ASK_TIME)
		return true;
	id_new(&e->command);
	frame_put_command(&frame, wall_now(), &e->command,
	    SLICE("{\"type\":\"get_config\"}"));
	ok = conn_send(e->node->conn, buf_head(&frame), buf_used(&frame));
	buf_free(&frame);
	e->asked = ok;
	e->asked_at = now;
	if (ok)
		e->cache->hub->count.config_asked++;
	return ok;
}

void
cache_get(struct cache *c, struct ipc_chan *chan, uint64_t id,
    const struct msg_config_get *m)
{
	struct node *n = node_find(c->hub->nodes, &m->node);
	uint32_t wait = m->wait_ms == 0 ? WAIT_DEFAULT :
	    m->wait_ms < WAIT_MIN ? WAIT_MIN :
	    m->wait_ms > WAIT_MAX ? WAIT_MAX : m->wait_ms;
	struct cache_entry *e;
	struct waiter *w;

	if (n == NULL || conn_state(n->conn) != CONN_LIVE) {
		cache_error(chan, id, ERR_NODE_OFFLINE);
		return;
	}
	e = cache_entry(c, n);
	if (e->fresh) {
		c->hub->count.config_hits++;
		cache_send(chan, id, n, (struct slice){ e->text, e->len });
		return;
	}
	if (e->nwaiters >= WAITERS_MAX || !cache_ask(e)) {
		cache_error(chan, id, ERR_UNAVAILABLE);
		return;
	}
	w = xcalloc(1, sizeof(*w));
	w->entry = e;
	w->chan = chan;
	w->id = id;
	timer_init(&w->timer, waiter_timeout, w);
	timer_set(c->hub->timers, &w->timer, wait * MONO_MS);
	TAILQ_INSERT_TAIL(&e->waiters, w, link);
	e->nwaiters++;
}

bool
cache_fresh(const struct node *n, struct slice *text_r)
{
	const struct cache_entry *e = n->config;

	if (e == NULL || !e->fresh)
		return false;
	*text_r = (struct slice){ e->text, e->len };
	return true;
}

void
cache_want(struct cache *c, struct node *n)
{
	(void)cache_ask(cache_entry(c, n));
}

void
cache_recheck(struct cache *c, struct node *n)
{
	struct cache_entry *e;

	if (n->driver == NULL || conn_state(n->conn) != CONN_LIVE ||
	    driver_command(n->driver, SLICE("get_config")) == NULL)
		return;
	e = cache_entry(c, n);
	if (e->asked_at != 0 && mono_now() - e->asked_at < WANT_AGAIN)
		return;
	e->fresh = false;
	(void)cache_ask(e);
}

bool
cache_ack(struct node *n, const struct frame_ack *ack)
{
	struct cache_entry *e = n->config;
	struct id id;

	if (e == NULL || !e->asked || id_parse(&id, ack->command_id) == -1 ||
	    !id_eq(&id, &e->command))
		return false;
	/* A yes is followed by the configuration. */
	if (!ack->success)
		cache_fail(e, ERR_NODE_REFUSED);
	return true;
}

void
cache_stale(struct node *n)
{
	if (n->config != NULL)
		n->config->fresh = false;
}

void
cache_node_lost(struct node *n)
{
	if (n->config != NULL)
		cache_fail(n->config, ERR_NODE_LOST);
}

void
cache_node_gone(struct node *n)
{
	struct cache_entry *e = n->config;

	if (e == NULL)
		return;
	cache_fail(e, ERR_NODE_LOST);
	cache_drop_text(e);
	TAILQ_REMOVE(&e->cache->order, e, link);
	n->config = NULL;
	free(e);
}

void
cache_free(struct cache *c)
{
	struct cache_entry *e;
	struct waiter *w;

	if (c == NULL)
		return;
	while ((e = TAILQ_FIRST(&c->order)) != NULL) {
		while ((w = TAILQ_FIRST(&e->waiters)) != NULL)
			waiter_free(w);
		cache_drop_text(e);
		TAILQ_REMOVE(&c->order, e, link);
		e->node->config = NULL;
		free(e);
	}
	free(c);
}

/* ---- storing ---- */

struct store {			/* of one content; outlives the node */
	struct hubd	*hub;
	struct id	 node;
	uint8_t		 hash[SECRET_HASH];
};

/* What was stored is in memory as a rule; else it comes again. */
static void
cache_check(struct node *n, const uint8_t hash[SECRET_HASH],
    const struct db_result *res)
{
	struct cache_entry *e = n->config;

	if (e != NULL && e->text != NULL &&
	    memcmp(e->hash, hash, SECRET_HASH) == 0)
		compare_reported(n->hub, n, (struct slice){ e->text, e->len },
		    res);
	else
		cache_recheck(n->hub->cache, n);
}

static void
cache_stored(void *arg, const struct db_result *res)
{
	struct store *st = arg;
	struct node *n = node_find(st->hub->nodes, &st->node);

	if (db_err(res) == ERR_OK) {
		st->hub->count.config_stored++;
		if (db_rows(res) == 1 && n != NULL)
			cache_check(n, st->hash, res);
	} else {
		log_warn("configuration not stored: %s", db_message(res));
		/* The next report of the same content tries again. */
		if (n != NULL && n->config != NULL &&
		    memcmp(n->config->hash, st->hash, SECRET_HASH) == 0)
			n->config->stored = false;
	}
	free(st);
}

static int
cache_dialect(struct slice text)
{
	struct slice raw;
	int64_t v;

	if (!json_member(text.p, text.n, "version", &raw) ||
	    jscan_i64(raw, &v) == -1 || v < 0 || v > 1000)
		return -1;
	return (int)v;
}

static void
cache_mutators(const struct driver *d, struct buf *b)
{
	size_t i;

	db_array_begin(b);
	for (i = 0; d != NULL && i < d->ncommands; i++)
		if (d->commands[i].mutates)
			db_array_text(b, slice_of(d->commands[i].name));
	db_array_end(b);
}

static void
cache_store(struct cache_entry *e, struct slice text)
{
	struct hubd *h = e->cache->hub;
	struct slice ad = { (const char *)e->hash, sizeof(e->hash) };
	struct buf sealed = BUF_INIT;
	struct store *st = xmalloc(sizeof(*st));
	char hub[ID_TEXT], node[ID_TEXT], epoch[24], size[24], dialect[24];
	char at[24];
	struct buf types = BUF_INIT;
	struct db_arg args[9];
	int d = cache_dialect(text);

	st->hub = h;
	st->node = e->node->id;
	memcpy(st->hash, e->hash, sizeof(st->hash));
	e->stored = true;
	secret_seal(h->key, "config", text.p, text.n, ad, &sealed);
	id_text(&h->id, hub);
	id_text(&e->node->id, node);
	(void)snprintf(epoch, sizeof(epoch), "%llu",
	    (unsigned long long)e->node->epoch);
	(void)snprintf(size, sizeof(size), "%zu", text.n);
	(void)snprintf(dialect, sizeof(dialect), "%d", d);
	args[0] = db_str(hub);
	args[1] = db_str(node);
	args[2] = db_str(epoch);
	args[3] = db_bytes(e->hash, sizeof(e->hash));
	args[4] = db_bytes(buf_head(&sealed), buf_used(&sealed));
	args[5] = db_str(size);
	args[6] = d < 0 ? db_null() : db_str(dialect);
	cache_mutators(e->node->driver, &types);
	args[7] = db_str(buf_cstr(&types));
	(void)snprintf(at, sizeof(at), "%lld", (long long)wall_now());
	args[8] = db_str(at);
	db_query(h->db, STMT_CONFIG_STORE, args, nitems(args), NULL,
	    cache_stored, st, NULL);
	buf_free(&sealed);
	buf_free(&types);
}

/* Canonical form and hash of a text that is not the last one again. */
static bool
cache_hash(struct slice text, uint8_t hash[SECRET_HASH])
{
	struct buf canon = BUF_INIT;
	bool ok = json_canonical(text.p, text.n, &canon) == 0;

	if (ok)
		secret_digest(buf_head(&canon), buf_used(&canon), hash);
	secret_buf_free(&canon);
	return ok;
}

void
cache_response(struct cache *c, struct node *n, struct slice text)
{
	struct cache_entry *e = cache_entry(c, n);
	bool wanted = e->asked || n->ncmds > 0, same;
	uint8_t hash[SECRET_HASH];
	struct waiter *w;

	/* Canonical form costs: a node that pours them out is not followed. */
	if (!wanted && !rate_take(&e->rate, STORE_RATE, STORE_BURST, 1,
	    mono_now()))
		return;
	same = e->text != NULL && e->stored && e->fresh &&
	    e->len == text.n && memcmp(e->text, text.p, text.n) == 0;
	e->asked = false;
	if (!same && !cache_hash(text, hash)) {
		conn_malformed(n->conn, "config_response");
		cache_fail(e, ERR_NODE_REFUSED);
		return;
	}
	while ((w = TAILQ_FIRST(&e->waiters)) != NULL) {
		cache_send(w->chan, w->id, n, text);
		waiter_free(w);
	}
	if (same) {
		c->hub->count.config_same++;
		return;
	}
	memcpy(e->hash, hash, sizeof(hash));
	cache_keep(e, text);
	cache_store(e, text);
}
