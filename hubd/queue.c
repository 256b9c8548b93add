/*
 * queue: see queue.h. A node that may have something due is on the ring
 * until it was asked about; one statement takes the head of each queue, many
 * nodes at once, and no node waits for another's.
 */
#include <stdio.h>
#include <string.h>

#include "db.h"
#include "ipc.h"
#include "log.h"
#include "timer.h"
#include "xmalloc.h"

#include "cmd.h"
#include "cmd_int.h"
#include "conn.h"
#include "hub.h"
#include "hubd.h"
#include "node.h"
#include "queue.h"
#include "stmt.h"
#include "unsent.h"

#define POLL		(2 * MONO_SEC)
#define NODES		200		/* of one statement */
#define ANSWER_WAIT	30000u		/* ms, from "sent" */
#define COMPANY		(8 * MONO_SEC)	/* that apid is kept waiting */

static void queue_turn(void *);

void
queue_ring(struct node *n)
{
	struct cmds *cs = n->hub->cmds;

	if (n->in_ring || n->queue_cmd != NULL || n->again != NULL)
		return;
	n->in_ring = true;
	TAILQ_INSERT_TAIL(&cs->ring, n, ring);
	if (!timer_pending(&cs->ring_timer))
		timer_set(cs->hub->timers, &cs->ring_timer, 0);
}

void
queue_forget(struct node *n)
{
	if (n->in_ring)
		TAILQ_REMOVE(&n->hub->cmds->ring, n, ring);
	n->in_ring = false;
}

/* ---- who waits along ---- */

static void
queue_answer(struct ipc_chan *chan, uint64_t id, const struct id *command,
    enum err err, const char *why)
{
	const struct msg_command_done done = { .command = *command,
	    .error = slice_of(why) };

	msg_put_command_done(ipc_begin(chan, MSG_COMMAND_DONE, err, id),
	    &done);
	ipc_send(chan);
}

void
queue_start(struct cmds *cs, struct node *n, struct ipc_chan *chan,
    uint64_t id, const struct msg_command *m)
{
	struct cmd *c = cmd_find(n, &m->command);

	queue_ring(n);
	if (c == NULL && n->ncmds >= CMD_INFLIGHT_MAX) {
		queue_answer(chan, id, &m->command, ERR_UNAVAILABLE,
		    "too many commands in flight for this node");
		return;
	}
	if (c == NULL) {
		c = cmd_add(cs, n, &m->command, CMD_QUEUED, ANSWER_WAIT);
		timer_set(cs->hub->timers, &c->timer, COMPANY);
	}
	c->chan = chan;
	c->chan_id = id;
}

/* ---- taking ---- */

/* Its rights are gone: the journal says so already. */
static void
queue_refused(struct node *n, const struct id *id, const char *why)
{
	struct cmd *c = n == NULL ? NULL : cmd_find(n, id);

	if (c != NULL && c->state == CMD_QUEUED)
		cmd_end(c, ERR_CANCELLED, NULL, why);
	if (n != NULL)
		queue_ring(n);
}

static void
queue_sent(struct cmds *cs, struct node *n, const struct id *id,
    const struct db_result *res, int row)
{
	const char *why;
	struct cmd *c;

	if (n == NULL || conn_state(n->conn) != CONN_LIVE ||
	    n->epoch != (uint64_t)db_i64(res, row, 2) ||
	    n->queue_cmd != NULL || n->again != NULL) {
		unsent_one(cs->unsent, cs->claims, id);
		return;
	}
	c = cmd_find(n, id);
	if (c == NULL)
		c = cmd_add(cs, n, id, CMD_QUEUED, ANSWER_WAIT);
	timer_del(&c->timer);
	c->queue = true;
	c->claim = cs->claims;
	n->queue_cmd = c;
	if (cmd_send(c, res, row, 3, &why))
		return;
	if (conn_state(n->conn) != CONN_LIVE)
		cmd_unsent(c);
	else
		cmd_end(c, ERR_INTERNAL, "failed", why);
}

/* Columns: node, command, epoch, sealed action or NULL, why not. */
static void
queue_claimed(void *arg, const struct db_result *res)
{
	struct cmds *cs = arg;
	struct id node, id;
	struct node *n;
	int i;

	cs->queue_claim = NULL;
	if (db_err(res) != ERR_OK)
		log_warn("queue: %s", db_message(res));
	if (db_err(res) != ERR_OK && db_unsure(res))
		unsent_claim(cs->unsent, cs->claims);
	for (i = 0; db_err(res) == ERR_OK && i < db_rows(res); i++) {
		if (db_id(res, i, 0, &node) == -1 ||
		    db_id(res, i, 1, &id) == -1)
			continue;
		n = node_find(cs->hub->nodes, &node);
		if (db_isnull(res, i, 3))
			queue_refused(n, &id, db_cstr(res, i, 4));
		else
			queue_sent(cs, n, &id, res, i);
	}
	queue_turn(cs);
}

static size_t
queue_columns(struct cmds *cs, struct buf cols[3])
{
	struct node *n;
	size_t i, count = 0;

	for (i = 0; i < 3; i++)
		db_array_begin(&cols[i]);
	while (count < NODES && (n = TAILQ_FIRST(&cs->ring)) != NULL) {
		queue_forget(n);
		if (n->queue_cmd != NULL || n->again != NULL ||
		    conn_state(n->conn) != CONN_LIVE)
			continue;
		db_array_id(&cols[0], &n->id);
		db_array_i64(&cols[1], (int64_t)n->epoch);
		db_array_text(&cols[2], slice_of(n->remembers ? "t" : "f"));
		count++;
	}
	for (i = 0; i < 3; i++)
		db_array_end(&cols[i]);
	return count;
}

/* The next nodes of the ring; while the database is away they are dropped
 * here, and the poll finds them again. */
static void
queue_turn(void *arg)
{
	struct cmds *cs = arg;
	struct buf cols[3] = { BUF_INIT, BUF_INIT, BUF_INIT };
	char hub[ID_TEXT], number[24];
	struct db_arg args[5];
	size_t i;

	if (cs->queue_claim != NULL || TAILQ_EMPTY(&cs->ring) ||
	    unsent_waits(cs->unsent))
		return;
	if (queue_columns(cs, cols) > 0 && hub_ready(cs->hub->hub)) {
		id_text(&cs->hub->id, hub);
		args[0] = db_str(hub);
		args[1] = db_str(buf_cstr(&cols[0]));
		args[2] = db_str(buf_cstr(&cols[1]));
		(void)snprintf(number, sizeof(number), "%llu",
		    (unsigned long long)++cs->claims);
		args[3] = db_str(number);
		args[4] = db_str(buf_cstr(&cols[2]));
		db_query(cs->hub->db, STMT_QUEUE_CLAIM, args, nitems(args),
		    NULL, queue_claimed, cs, &cs->queue_claim);
	}
	for (i = 0; i < nitems(cols); i++)
		buf_free(&cols[i]);
}

void
queue_go(struct cmds *cs)
{
	queue_turn(cs);
}

/* ---- looking ---- */

static void
queue_due(void *arg, const struct db_result *res)
{
	struct cmds *cs = arg;
	struct node *n;
	struct id id;
	int i;

	cs->queue_due = NULL;
	for (i = 0; db_err(res) == ERR_OK && i < db_rows(res); i++)
		if (db_id(res, i, 0, &id) == 0 &&
		    (n = node_find(cs->hub->nodes, &id)) != NULL)
			queue_ring(n);
}

static void
queue_poll(void *arg)
{
	struct cmds *cs = arg;
	char hub[ID_TEXT];
	struct db_arg args[1];

	timer_set(cs->hub->timers, &cs->poll, POLL);
	if (cs->queue_due != NULL || !hub_ready(cs->hub->hub))
		return;
	id_text(&cs->hub->id, hub);
	args[0] = db_str(hub);
	db_query(cs->hub->db, STMT_QUEUE_DUE, args, nitems(args), NULL,
	    queue_due, cs, &cs->queue_due);
}

void
queue_init(struct cmds *cs)
{
	TAILQ_INIT(&cs->ring);
	cs->unsent = unsent_new(cs->hub);
	timer_init(&cs->ring_timer, queue_turn, cs);
	timer_init(&cs->poll, queue_poll, cs);
	timer_set(cs->hub->timers, &cs->poll, POLL);
}

void
queue_free(struct cmds *cs)
{
	struct node *n;

	timer_del(&cs->ring_timer);
	timer_del(&cs->poll);
	db_forget(&cs->queue_claim);
	db_forget(&cs->queue_due);
	unsent_free(cs->unsent);
	while ((n = TAILQ_FIRST(&cs->ring)) != NULL)
		queue_forget(n);
}
