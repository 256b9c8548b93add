/* compare: see compare.h. Owns the request for who is due. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "db.h"
#include "drift.h"
#include "id.h"
#include "json.h"
#include "log.h"
#include "secret.h"
#include "timer.h"
#include "xmalloc.h"

#include "cache.h"
#include "compare.h"
#include "hub.h"
#include "hubd.h"
#include "node.h"
#include "note.h"
#include "sink.h"
#include "stmt.h"

#define EVERY	(5 * MONO_SEC)

struct compares {
	struct hubd	*hub;
	struct timer	 tick;
	struct db_req	*req;
};

/* ---- a report ---- */

static void
compare_note(struct node *n, const struct drift *d, const char *why)
{
	struct buf message = BUF_INIT, details = BUF_INIT;
	struct json_w w;

	if (why != NULL)
		buf_puts(&message, why);
	else
		buf_printf(&message, "The configuration is not the one that "
		    "was ordered: %zu missing, %zu extra, %zu changed",
		    d->n[DRIFT_MISSING], d->n[DRIFT_EXTRA],
		    d->n[DRIFT_CHANGED]);
	json_w_init(&w, &details);
	json_w_object(&w);
	json_w_key(&w, "error_code");
	json_w_str(&w, "config_drift");
	if (why == NULL)
		drift_json(d, &w);
	json_w_end_object(&w);
	sink_note(n->hub->sink, note_new(&(struct note_text){
	    .node = n->id, .name = n->name, .severity = why != NULL ?
	    NOTE_INFO : NOTE_WARNING, .category = "config",
	    .message = buf_cstr(&message), .details = buf_cstr(&details) }));
	buf_free(&message);
	buf_free(&details);
}

static void
compare_marked(void *arg, const struct db_result *res)
{
	const struct hubd *h = arg;

	if (db_err(res) != ERR_OK && !h->stopping)
		log_warn("drift: %s", db_message(res));
}

static void
compare_mark(struct node *n, const uint8_t *hash)
{
	char id[ID_TEXT];
	struct db_arg args[2];

	id_text(&n->id, id);
	args[0] = db_str(id);
	args[1] = hash == NULL ? db_null() : db_bytes(hash, SECRET_HASH);
	db_query(n->hub->db, STMT_DRIFT_TOLD, args, nitems(args), NULL,
	    compare_marked, n->hub, NULL);
}

static bool
is(const struct db_result *res, int col, const uint8_t hash[SECRET_HASH])
{
	uint8_t got[SECRET_HASH];

	return !db_isnull(res, 0, col) && db_bytea(res, 0, col, got,
	    sizeof(got)) == SECRET_HASH && memcmp(got, hash, SECRET_HASH) ==
	    0;
}

static void
compare_judge(struct node *n, const struct drift *d,
    const struct db_result *res)
{
	bool told = !db_isnull(res, 0, 2);

	if (drift_count(d) > 0 && !is(res, 3, d->hash)) {
		if (is(res, 2, d->hash))
			return;
		n->hub->count.drifts++;
		compare_note(n, d, NULL);
		compare_mark(n, d->hash);
	} else if (told) {
		compare_note(n, d, drift_count(d) > 0 ?
		    "The drift of the configuration is ignored" :
		    "The configuration is the one that was ordered");
		compare_mark(n, NULL);
	}
}

void
compare_reported(struct hubd *h, struct node *n, struct slice text,
    const struct db_result *res)
{
	size_t size = db_get(res, 0, 1).n / 2 + 1;
	uint8_t *sealed = xmalloc(size), hash[SECRET_HASH];
	struct buf desired = BUF_INIT;
	long got = db_bytea(res, 0, 1, sealed, size);
	struct drift d;

	if (got == -1 || db_bytea(res, 0, 0, hash, sizeof(hash)) !=
	    SECRET_HASH || secret_open(h->key, "config", sealed, (size_t)got,
	    (struct slice){ (const char *)hash, sizeof(hash) }, &desired) ==
	    -1)
		log_error("node %s: its ordered configuration cannot be "
		    "opened with the server key", n->name);
	else {
		if (drift_find(h->key, buf_slice(&desired), text, &d) == 0)
			compare_judge(n, &d, res);
		drift_free(&d);
	}
	secret_buf_free(&desired);
	free(sealed);
}

/* ---- who is due ---- */

static void
compare_due(void *arg, const struct db_result *res)
{
	struct compares *c = arg;
	struct node *n;
	struct id id;
	int i;

	c->req = NULL;
	if (db_err(res) != ERR_OK) {
		log_debug("drift: %s", db_message(res));
		return;
	}
	for (i = 0; i < db_rows(res); i++)
		if (db_id(res, i, 0, &id) == 0 &&
		    (n = node_find(c->hub->nodes, &id)) != NULL)
			cache_recheck(c->hub->cache, n);
}

static void
compare_tick(void *arg)
{
	struct compares *c = arg;
	char id[ID_TEXT];
	struct db_arg args[1];

	timer_set(c->hub->timers, &c->tick, EVERY);
	if (c->req != NULL || !hub_ready(c->hub->hub) || c->hub->stopping)
		return;
	id_text(&c->hub->id, id);
	args[0] = db_str(id);
	db_query(c->hub->db, STMT_DRIFT_DUE, args, nitems(args), NULL,
	    compare_due, c, &c->req);
}

struct compares *
compares_new(struct hubd *h)
{
	struct compares *c = xcalloc(1, sizeof(*c));

	c->hub = h;
	timer_init(&c->tick, compare_tick, c);
	timer_set(h->timers, &c->tick, EVERY);
	return c;
}

void
compares_free(struct compares *c)
{
	if (c == NULL)
		return;
	timer_del(&c->tick);
	db_forget(&c->req);
	free(c);
}
