/*
 * push: see push.h. Owns the pushes in flight, the outcomes that PostgreSQL
 * has not heard yet, and the nodes that came and have not been looked up.
 * One statement of each kind at a time. A claim marks its legs as tried
 * before a byte leaves, so that a crash ends as a repeat later and never as
 * a leg that is forgotten.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "db.h"
#include "jscan.h"
#include "log.h"
#include "secret.h"
#include "timer.h"
#include "tunnel.h"
#include "xmalloc.h"

#include "cache.h"
#include "conn.h"
#include "hub.h"
#include "hubd.h"
#include "node.h"
#include "push.h"
#include "stmt.h"

#define INFLIGHT_MAX	256		/* on their way or not stored yet */
#define BACK_BATCH	1000		/* nodes of one look-up */
#define ACK_TIME	(15 * MONO_SEC)
#define ERROR_MAX	1000
#define SEALED_MAX	1024
#define ACTION_ROOM	4096		/* no growth leaves a secret behind */

enum outcome { DONE, REFUSED, RETRY };

struct push {
	TAILQ_ENTRY(push)	 link;
	struct pushes		*all;
	struct id		 tunnel, node, command;
	enum tunnel_leg		 leg;
	bool			 present;
	int64_t			 turn, epoch;
	struct timer		 timer;
	enum outcome		 outcome;
	char			*error;		/* or NULL */
};

TAILQ_HEAD(push_list, push);

struct pushes {
	struct hubd	*hub;
	struct push_list sent, ended, storing;
	size_t		 count;			/* of all three */
	struct id	*came;			/* nodes to look up */
	size_t		 ncame, came_cap, nasked;
	bool		 kicked;
	struct timer	 soon;
	struct db_req	*back, *claim, *store;
};

static void push_turn(struct pushes *);

static void
push_soon(void *arg)
{
	push_turn(arg);
}

struct pushes *
pushes_new(struct hubd *h)
{
	struct pushes *ps = xcalloc(1, sizeof(*ps));

	ps->hub = h;
	TAILQ_INIT(&ps->sent);
	TAILQ_INIT(&ps->ended);
	TAILQ_INIT(&ps->storing);
	timer_init(&ps->soon, push_soon, ps);
	return ps;
}

size_t
pushes_inflight(const struct pushes *ps)
{
	return ps->count;
}

static void
push_free(struct push_list *list, struct push *p)
{
	TAILQ_REMOVE(list, p, link);
	timer_del(&p->timer);
	p->all->count--;
	free(p->error);
	free(p);
}

static void
push_free_all(struct push_list *list)
{
	struct push *p;

	while ((p = TAILQ_FIRST(list)) != NULL)
		push_free(list, p);
}

void
pushes_free(struct pushes *ps)
{
	if (ps == NULL)
		return;
	db_forget(&ps->back);
	db_forget(&ps->claim);
	db_forget(&ps->store);
	timer_del(&ps->soon);
	push_free_all(&ps->sent);
	push_free_all(&ps->ended);
	push_free_all(&ps->storing);
	free(ps->came);
	free(ps);
}

void
push_kick(struct pushes *ps)
{
	ps->kicked = true;
	if (!timer_pending(&ps->soon))
		timer_set(ps->hub->timers, &ps->soon, 0);
}

/* ---- outcomes ---- */

static void
push_stored(void *arg, const struct db_result *res)
{
	struct pushes *ps = arg;
	struct push *p;

	ps->store = NULL;
	if (db_err(res) != ERR_OK) {
		log_warn("tunnel legs not stored: %s", db_message(res));
		/* Kept, and told again: the answer is the same. */
		while ((p = TAILQ_LAST(&ps->storing, push_list)) != NULL) {
			TAILQ_REMOVE(&ps->storing, p, link);
			TAILQ_INSERT_HEAD(&ps->ended, p, link);
		}
		return;			/* the tick tries again */
	}
	push_free_all(&ps->storing);
	push_kick(ps);			/* the next leg may be due now */
}

static void
push_column(struct buf cols[7], const struct push *p)
{
	db_array_id(&cols[0], &p->tunnel);
	db_array_text(&cols[1], slice_of(tunnel_leg_name(p->leg)));
	db_array_id(&cols[2], &p->node);
	db_array_i64(&cols[3], p->turn);
	db_array_i64(&cols[4], p->epoch);
	db_array_i64(&cols[5], p->outcome);
	db_array_text(&cols[6], slice_of(p->error));
}

static void
push_store(struct pushes *ps)
{
	struct buf cols[7] = { BUF_INIT };
	struct db_arg args[8];
	char hub[ID_TEXT];
	struct push *p;
	size_t i;

	if (ps->store != NULL || TAILQ_EMPTY(&ps->ended))
		return;
	for (i = 0; i < nitems(cols); i++)
		db_array_begin(&cols[i]);
	while ((p = TAILQ_FIRST(&ps->ended)) != NULL) {
		TAILQ_REMOVE(&ps->ended, p, link);
		TAILQ_INSERT_TAIL(&ps->storing, p, link);
		push_column(cols, p);
	}
	id_text(&ps->hub->id, hub);
	args[0] = db_str(hub);
	for (i = 0; i < nitems(cols); i++) {
		db_array_end(&cols[i]);
		args[i + 1] = db_str(buf_cstr(&cols[i]));
	}
	db_query(ps->hub->db, STMT_PUSH_RESULTS, args, nitems(args), NULL,
	    push_stored, ps, &ps->store);
	for (i = 0; i < nitems(cols); i++)
		buf_free(&cols[i]);
}

/* error is plain text, or NULL. */
static void
push_end(struct push *p, enum outcome outcome, const char *error)
{
	struct pushes *ps = p->all;

	timer_del(&p->timer);
	TAILQ_REMOVE(&ps->sent, p, link);
	p->outcome = outcome;
	p->error = error == NULL ? NULL : xstrdup(error);
	TAILQ_INSERT_TAIL(&ps->ended, p, link);
	push_kick(ps);
}

static void
push_timeout(void *arg)
{
	push_end(arg, RETRY, "no answer from the node in time");
}

/* What the node said, as text. */
static char *
push_words(const struct frame_ack *ack)
{
	char *text = xmalloc(ack->error.n + 1);
	long n = -1;

	if (ack->error.n > 0)
		n = jscan_unescape(text, ack->error.n, ack->error);
	if (n <= 0) {
		free(text);
		return xstrdup("refused without a reason");
	}
	text[n] = '\0';
	return text;
}

bool
push_ack(struct pushes *ps, const struct node *n,
    const struct frame_ack *ack)
{
	struct push *p;
	struct id id;
	char *why;

	if (TAILQ_EMPTY(&ps->sent) || id_parse(&id, ack->command_id) == -1)
		return false;
	TAILQ_FOREACH(p, &ps->sent, link)
		if (id_eq(&p->command, &id) && id_eq(&p->node, &n->id))
			break;
	if (p == NULL)
		return false;
	if (ack->success) {
		push_end(p, DONE, NULL);
		return true;
	}
	why = push_words(ack);
	if (p->present)
		push_end(p, REFUSED, why);
	else
		push_end(p, tunnel_unknown(slice_of(why), ack->error_code) ?
		    DONE : RETRY, why);
	free(why);
	return true;
}

/* ---- sending ---- */

static struct slice
push_text(const struct db_result *res, int row, int col)
{
	return db_isnull(res, row, col) ? (struct slice){ NULL, 0 } :
	    db_get(res, row, col);
}

static int
push_open(struct push *p, const struct db_result *res, int row, int col,
    struct tunnel_secrets *s)
{
	uint8_t sealed[SEALED_MAX];
	long n = db_bytea(res, row, col, sealed, sizeof(sealed));

	return n <= 0 ? -1 : tunnel_secrets_open(p->all->hub->key, &p->tunnel,
	    sealed, (size_t)n, s);
}

static bool
push_action(struct push *p, const struct db_result *res, int row,
    struct buf *action)
{
	struct tunnel_secrets secrets;
	struct tunnel_push t = { .id = p->tunnel, .leg = p->leg,
	    .present = p->present };

	if (p->present) {
		if (push_open(p, res, row, 14, &secrets) == -1)
			return false;
		t.name = push_text(res, row, 6);
		t.protocol = push_text(res, row, 7);
		t.mode = push_text(res, row, 8);
		t.port = db_i64(res, row, 9);
		t.forward = push_text(res, row, 10);
		t.peer = push_text(res, row, 11);
		t.relays[0] = push_text(res, row, 12);
		t.relays[1] = push_text(res, row, 13);
		t.secrets = &secrets;
	}
	tunnel_action(action, &t);
	secret_wipe(&secrets, sizeof(secrets));
	return true;
}

static void
push_send(struct push *p, const struct db_result *res, int row)
{
	struct hubd *h = p->all->hub;
	struct node *n = node_find(h->nodes, &p->node);
	struct buf action = BUF_INIT, frame = BUF_INIT;

	if (n == NULL || n->epoch != (uint64_t)p->epoch ||
	    conn_state(n->conn) != CONN_LIVE) {
		push_end(p, RETRY, "the node is not connected");
		return;
	}
	(void)buf_reserve(&action, ACTION_ROOM);
	(void)buf_reserve(&frame, 2 * ACTION_ROOM);
	if (!push_action(p, res, row, &action)) {
		log_error("a tunnel's secrets do not open: is the server key "
		    "the one they were sealed with?");
		push_end(p, RETRY, "the sealed secrets cannot be opened");
	} else {
		frame_put_command(&frame, wall_now(), &p->command,
		    buf_slice(&action));
		if (p->leg != TUNNEL_RELAY)
			cache_stale(n);
		n->turn++;
		if (conn_send(n->conn, buf_head(&frame), buf_used(&frame))) {
			h->count.pushes++;
			timer_set(h->timers, &p->timer, ACK_TIME);
		} else
			push_end(p, RETRY, "the node does not read");
	}
	secret_buf_free(&action);
	secret_buf_free(&frame);
}

/* Columns: tunnel, leg, node, turn, epoch, present, then what
 * push_action() reads. */
static void
push_claimed(void *arg, const struct db_result *res)
{
	struct pushes *ps = arg;
	struct push *p;
	int i;

	ps->claim = NULL;
	if (db_err(res) != ERR_OK) {
		log_warn("tunnel legs: %s", db_message(res));
		return;			/* the tick tries again */
	}
	for (i = 0; i < db_rows(res); i++) {
		p = xcalloc(1, sizeof(*p));
		p->all = ps;
		p->leg = tunnel_leg_find(db_get(res, i, 1));
		if (db_id(res, i, 0, &p->tunnel) == -1 ||
		    db_id(res, i, 2, &p->node) == -1 ||
		    p->leg == TUNNEL_LEGS) {
			free(p);
			continue;
		}
		p->turn = db_i64(res, i, 3);
		p->epoch = db_i64(res, i, 4);
		p->present = db_bool(res, i, 5);
		id_new(&p->command);
		timer_init(&p->timer, push_timeout, p);
		TAILQ_INSERT_TAIL(&ps->sent, p, link);
		ps->count++;
		push_send(p, res, i);
	}
	if (db_rows(res) > 0 || ps->kicked)
		push_kick(ps);
}

/* A leg that is on its way is not sent a second time beside it. */
static void
push_keys(const struct push_list *list, struct buf *tunnels, struct buf *legs)
{
	const struct push *p;

	TAILQ_FOREACH(p, list, link) {
		db_array_id(tunnels, &p->tunnel);
		db_array_text(legs, slice_of(tunnel_leg_name(p->leg)));
	}
}

static void
push_claim(struct pushes *ps)
{
	struct buf tunnels = BUF_INIT, legs = BUF_INIT;
	char hub[ID_TEXT], room[24];
	struct db_arg args[4];

	if (ps->claim != NULL || ps->count >= INFLIGHT_MAX)
		return;
	ps->kicked = false;
	db_array_begin(&tunnels);
	db_array_begin(&legs);
	push_keys(&ps->sent, &tunnels, &legs);
	push_keys(&ps->ended, &tunnels, &legs);
	push_keys(&ps->storing, &tunnels, &legs);
	db_array_end(&tunnels);
	db_array_end(&legs);
	id_text(&ps->hub->id, hub);
	(void)snprintf(room, sizeof(room), "%zu", INFLIGHT_MAX - ps->count);
	args[0] = db_str(hub);
	args[1] = db_str(buf_cstr(&tunnels));
	args[2] = db_str(buf_cstr(&legs));
	args[3] = db_str(room);
	db_query(ps->hub->db, STMT_PUSH_CLAIM, args, nitems(args), NULL,
	    push_claimed, ps, &ps->claim);
	buf_free(&tunnels);
	buf_free(&legs);
}

/* ---- nodes that come and go ---- */

static void
push_looked(void *arg, const struct db_result *res)
{
	struct pushes *ps = arg;
	size_t i;

	ps->back = NULL;
	if (db_err(res) != ERR_OK) {
		log_warn("tunnels of nodes that came: %s", db_message(res));
		ps->nasked = 0;
		return;			/* the tick tries again */
	}
	for (i = ps->nasked; i < ps->ncame; i++)
		ps->came[i - ps->nasked] = ps->came[i];
	ps->ncame -= ps->nasked;
	ps->nasked = 0;
	push_kick(ps);
}

static void
push_look(struct pushes *ps)
{
	struct buf nodes = BUF_INIT;
	char hub[ID_TEXT];
	struct db_arg args[2];
	size_t i;

	if (ps->back != NULL || ps->ncame == 0)
		return;
	ps->nasked = ps->ncame < BACK_BATCH ? ps->ncame : BACK_BATCH;
	db_array_begin(&nodes);
	for (i = 0; i < ps->nasked; i++)
		db_array_id(&nodes, &ps->came[i]);
	db_array_end(&nodes);
	id_text(&ps->hub->id, hub);
	args[0] = db_str(hub);
	args[1] = db_str(buf_cstr(&nodes));
	db_query(ps->hub->db, STMT_PUSH_BACK, args, nitems(args), NULL,
	    push_looked, ps, &ps->back);
	buf_free(&nodes);
}

void
push_node_here(struct pushes *ps, const struct node *n)
{
	if (ps->ncame == ps->came_cap) {
		ps->came_cap = ps->came_cap == 0 ? 64 : 2 * ps->came_cap;
		ps->came = xreallocarray(ps->came, ps->came_cap,
		    sizeof(*ps->came));
	}
	ps->came[ps->ncame++] = n->id;
}

void
push_node_lost(struct pushes *ps, const struct node *n)
{
	struct push *p, *next;

	for (p = TAILQ_FIRST(&ps->sent); p != NULL; p = next) {
		next = TAILQ_NEXT(p, link);
		if (id_eq(&p->node, &n->id))
			push_free(&ps->sent, p);
	}
}

/* ---- turns ---- */

static void
push_turn(struct pushes *ps)
{
	if (ps->hub->stopping || !hub_ready(ps->hub->hub))
		return;
	push_store(ps);
	push_look(ps);
	if (ps->kicked)
		push_claim(ps);
}

void
push_tick(struct pushes *ps)
{
	ps->kicked = true;
	push_turn(ps);
}
