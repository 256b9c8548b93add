/*
 * cmd: see cmd.h and cmd_int.h. Owns struct cmd, and the commands that are
 * told to this hub by their id; those that wait in the journal are queue.c's.
 */
#include <stdlib.h>
#include <sys/queue.h>

#include "db.h"
#include "driver.h"
#include "ipc.h"
#include "json.h"
#include "log.h"
#include "secret.h"
#include "timer.h"
#include "xmalloc.h"

#include "cache.h"
#include "cmd.h"
#include "cmd_int.h"
#include "conn.h"
#include "hub.h"
#include "hubd.h"
#include "node.h"
#include "publish.h"
#include "queue.h"
#include "sink.h"
#include "step.h"
#include "stmt.h"
#include "unsent.h"

#define LATE_MAX	64		/* per node */
#define LATE_TIME	(600 * MONO_SEC)
#define WAIT_MIN	1000u		/* ms */
#define WAIT_MAX	60000u
#define BATCH		100
#define ACTION_MAX	(5u * 1024 * 1024)

static void cmd_claim(struct cmds *);
static void cmd_timeout(void *);

struct cmds *
cmds_new(struct hubd *h)
{
	struct cmds *cs = xcalloc(1, sizeof(*cs));

	cs->hub = h;
	TAILQ_INIT(&cs->waiting);
	TAILQ_INIT(&cs->claiming);
	queue_init(cs);
	return cs;
}

size_t
cmds_inflight(const struct cmds *cs)
{
	return cs->inflight;
}

bool
cmds_settled(const struct cmds *cs)
{
	return !unsent_any(cs->unsent);
}

/* ---- leaving ---- */

/* It is no longer what the node's queue waits for. */
static void
cmd_pass(struct cmd *c)
{
	if (c->node->queue_cmd != c)
		return;
	c->node->queue_cmd = NULL;
	queue_ring(c->node);
}

static void
cmd_unlink(struct cmd *c)
{
	if (c->node == NULL)
		return;
	TAILQ_REMOVE(&c->node->cmds, c, node_link);
	if (c->state == CMD_LATE)
		c->node->nlate--;
	else
		c->node->ncmds--;
	cmd_pass(c);
	c->node = NULL;
}

void
cmd_free(struct cmd *c)
{
	timer_del(&c->timer);
	cmd_unlink(c);
	if (c->state == CMD_WAITING)
		TAILQ_REMOVE(&c->cmds->waiting, c, link);
	else if (c->state == CMD_CLAIMING)
		TAILQ_REMOVE(&c->cmds->claiming, c, link);
	c->cmds->inflight--;
	step_free(c);
	free(c);
}

void
cmds_free(struct cmds *cs)
{
	if (cs == NULL)
		return;
	db_forget(&cs->claim);
	queue_free(cs);
	while (!TAILQ_EMPTY(&cs->waiting))
		cmd_free(TAILQ_FIRST(&cs->waiting));
	while (!TAILQ_EMPTY(&cs->claiming))
		cmd_free(TAILQ_FIRST(&cs->claiming));
	free(cs);
}

static void
cmd_answer(struct ipc_chan *chan, uint64_t chan_id, enum err err,
    const struct msg_command_done *done)
{
	msg_put_command_done(ipc_begin(chan, MSG_COMMAND_DONE, err, chan_id),
	    done);
	ipc_send(chan);
}

/* Tells who waits, once. */
static void
cmd_reply(struct cmd *c, enum err err, struct msg_command_done *done)
{
	if (c->chan == NULL)
		return;
	done->command = c->id;
	cmd_answer(c->chan, c->chan_id, err, done);
	c->chan = NULL;
}

static void
cmd_final(struct cmd *c, const char *state, struct slice error,
    struct slice code)
{
	struct hub_count *n = &c->cmds->hub->count;
	struct buf steps = BUF_INIT;
	struct sink_final f = { .command = c->id, .state = state,
	    .error = error, .code = code,
	    .stale = c->mutates && c->state >= CMD_SENT };

	step_json(c, state, &steps);
	f.steps = buf_slice(&steps);

	if (state[0] == 'a')
		n->commands_acked++;
	else if (state[0] == 'f')
		n->commands_failed++;
	else
		n->commands_unknown++;
	sink_final(c->cmds->hub->sink, &f);
	buf_free(&steps);
}

/* why is plain ASCII. */
void
cmd_end(struct cmd *c, enum err err, const char *state, const char *why)
{
	struct msg_command_done done = { .error = slice_of(why) };

	if (state != NULL)
		cmd_final(c, state, slice_of(why), (struct slice){ NULL, 0 });
	cmd_reply(c, err, &done);
	cmd_free(c);
}

void
cmd_unsent(struct cmd *c)
{
	if (c->queue)
		unsent_one(c->cmds->unsent, c->claim, &c->id);
	cmd_end(c, ERR_NODE_OFFLINE, c->queue ? NULL : "failed",
	    "the node is offline");
}

void
cmd_node_lost(struct node *n)
{
	static const char why[] = "the node left before it answered";
	struct cmd *c;

	while ((c = TAILQ_FIRST(&n->cmds)) != NULL) {
		if (c->state == CMD_LATE)
			cmd_free(c);
		else if (c->state == CMD_CLAIMING) {
			/* The claim's result decides. */
			cmd_unlink(c);
		} else if (c->state == CMD_QUEUED)
			cmd_end(c, ERR_NODE_OFFLINE, NULL,
			    "the node is offline");
		else if (c->state == CMD_WAITING || step_waits(c))
			cmd_unsent(c);
		else
			cmd_end(c, ERR_NODE_LOST, "unknown", why);
	}
}

void
cmd_forget_chan(struct cmds *cs, const struct ipc_chan *chan)
{
	struct node *n;
	struct cmd *c;

	TAILQ_FOREACH(n, nodes_order(cs->hub->nodes), order)
		TAILQ_FOREACH(c, &n->cmds, node_link)
			if (c->chan == chan)
				c->chan = NULL;
	TAILQ_FOREACH(c, &cs->waiting, link)
		if (c->chan == chan)
			c->chan = NULL;
	TAILQ_FOREACH(c, &cs->claiming, link)
		if (c->chan == chan)
			c->chan = NULL;
}

/* ---- coming ---- */

struct cmd *
cmd_find(struct node *n, const struct id *id)
{
	struct cmd *c;

	TAILQ_FOREACH(c, &n->cmds, node_link)
		if (id_eq(&c->id, id))
			return c;
	return NULL;
}

static struct cmd *
cmd_new(struct cmds *cs, const struct id *node, const struct id *id,
    enum cmd_state state, uint32_t wait_ms)
{
	struct cmd *c = xcalloc(1, sizeof(*c));

	c->cmds = cs;
	c->id = c->wire = *id;
	c->node_id = *node;
	c->wait_ms = wait_ms;
	c->state = state;
	timer_init(&c->timer, cmd_timeout, c);
	cs->inflight++;
	return c;
}

struct cmd *
cmd_add(struct cmds *cs, struct node *n, const struct id *id,
    enum cmd_state state, uint32_t wait_ms)
{
	struct cmd *c = cmd_new(cs, &n->id, id, state, wait_ms);

	c->node = n;
	c->epoch = n->epoch;
	TAILQ_INSERT_TAIL(&n->cmds, c, node_link);
	n->ncmds++;
	return c;
}

/* Whoever asks waits, so its row ends here. */
static void
cmd_refuse(struct cmds *cs, struct ipc_chan *chan, uint64_t id,
    const struct msg_command *m)
{
	static const char why[] = "too many commands in flight for this node";
	const struct msg_command_done done = { .command = m->command,
	    .error = SLICE(why) };
	const struct sink_final f = { .command = m->command,
	    .state = "failed", .error = SLICE(why) };

	cs->hub->count.commands_failed++;
	sink_final(cs->hub->sink, &f);
	cmd_answer(chan, id, ERR_UNAVAILABLE, &done);
}

/* It waits in the journal: with us, if its node is here. */
static void
cmd_start_queued(struct cmds *cs, struct node *n, struct ipc_chan *chan,
    uint64_t id, const struct msg_command *m)
{
	const struct msg_command_done done = { .command = m->command,
	    .error = SLICE("the node is not connected to this hub") };

	if (n != NULL)
		queue_start(cs, n, chan, id, m);
	else
		cmd_answer(chan, id, ERR_NODE_OFFLINE, &done);
}

/* One whose node is not here is claimed in vain: the answer tells why. */
void
cmd_start(struct cmds *cs, struct ipc_chan *chan, uint64_t id,
    const struct msg_command *m)
{
	struct node *n = node_find(cs->hub->nodes, &m->node);
	uint32_t wait = m->wait_ms < WAIT_MIN ? WAIT_MIN :
	    m->wait_ms > WAIT_MAX ? WAIT_MAX : m->wait_ms;
	struct cmd *c = NULL;

	if (n != NULL && conn_state(n->conn) != CONN_LIVE)
		n = NULL;
	if (m->wait_ms == 0) {
		cmd_start_queued(cs, n, chan, id, m);
		return;
	}
	if (n != NULL && (c = cmd_find(n, &m->command)) == NULL &&
	    n->ncmds >= CMD_INFLIGHT_MAX) {
		cmd_refuse(cs, chan, id, m);
		return;
	}
	if (c == NULL) {
		c = n == NULL ? cmd_new(cs, &m->node, &m->command,
		    CMD_WAITING, wait) : cmd_add(cs, n, &m->command,
		    CMD_WAITING, wait);
		TAILQ_INSERT_TAIL(&cs->waiting, c, link);
		cmd_claim(cs);
	}
	c->chan = chan;
	c->chan_id = id;
}

/* ---- claiming and sending ---- */

static void
cmd_know(struct cmd *c, struct slice action)
{
	const struct driver_command *dc = NULL;
	struct slice type;

	c->mutates = true;
	if (c->node->driver == NULL ||
	    !json_member(action.p, action.n, "type", &type) || type.n < 3)
		return;
	type = (struct slice){ type.p + 1, type.n - 2 };
	dc = driver_command(c->node->driver, type);
	if (dc == NULL)
		return;
	c->mutates = dc->mutates;
	c->by_config = dc->by_config;
}

static bool
cmd_open(struct cmd *c, const struct db_result *res, int row, int col,
    struct buf *out)
{
	struct slice hex = db_get(res, row, col);
	struct slice ad = { (const char *)c->id.b, sizeof(c->id.b) };
	struct buf sealed = BUF_INIT;
	bool ok = false;
	long n;

	if (hex.n / 2 <= ACTION_MAX) {
		n = db_bytea(res, row, col, buf_reserve(&sealed, hex.n),
		    hex.n);
		ok = n > 0 && secret_open(c->cmds->hub->key, "command",
		    sealed.data, (size_t)n, ad, out) == 0;
	}
	buf_free(&sealed);
	return ok;
}

/* The node has been asked for its configuration, and nothing was sent since
 * that changes it: the one answer is for both. */
static bool
cmd_join(struct cmd *c)
{
	struct cmd *o;

	TAILQ_FOREACH(o, &c->node->cmds, node_link)
		if (o != c && o->state == CMD_SENT && o->by_config &&
		    o->turn == c->node->turn)
			break;
	if (o == NULL)
		return false;
	c->wire = o->wire;
	c->cmds->hub->count.config_joined++;
	return true;
}

static bool
cmd_put(struct cmd *c, struct slice action)
{
	struct buf frame = BUF_INIT;
	bool sent;

	if (c->by_config && cmd_join(c))
		sent = true;
	else {
		frame_put_command(&frame, wall_now(), &c->wire, action);
		sent = conn_send(c->node->conn, buf_head(&frame),
		    buf_used(&frame));
		secret_buf_free(&frame);
		c->cmds->hub->count.commands_sent += sent;
	}
	c->turn = c->mutates ? ++c->node->turn : c->node->turn;
	if (sent)
		timer_set(c->cmds->hub->timers, &c->timer,
		    c->wait_ms * MONO_MS);
	return sent;
}

bool
cmd_send(struct cmd *c, const struct db_result *res, int row, int col,
    const char **why_r)
{
	struct buf action = BUF_INIT;
	struct slice text;
	bool sent;

	c->state = CMD_SENT;
	if (!cmd_open(c, res, row, col, &action)) {
		log_error("a command's sealed action does not open: is the "
		    "server key the one it was sealed with?");
		*why_r = "not sent: sealed text";
		return false;
	}
	text = (struct slice){ buf_cstr(&action), buf_used(&action) };
	cmd_know(c, text);
	if (c->again && step_turns(c, text)) {
		*why_r = "its steps cannot be repeated";
		sent = false;
	} else {
		*why_r = "the node is offline";
		sent = step_begin(c, text) || cmd_put(c, text);
	}
	secret_buf_free(&action);
	return sent;
}

/* A row that was claimed by its id. */
static void
cmd_send_claimed(struct cmd *c, const struct db_result *res, int row)
{
	const char *why = "the node is offline";

	TAILQ_REMOVE(&c->cmds->claiming, c, link);
	c->state = CMD_SENT;
	if (c->node == NULL || c->node->epoch != c->epoch)
		cmd_end(c, ERR_NODE_OFFLINE, "failed", why);
	else if (!cmd_send(c, res, row, 1, &why))
		cmd_end(c, conn_state(c->node->conn) == CONN_LIVE ?
		    ERR_INTERNAL : ERR_NODE_OFFLINE, "failed", why);
}

/* It was not to be had: column 2 tells who has the node. */
static void
cmd_unclaimed(struct cmd *c, const struct db_result *res, int row)
{
	if (row < 0)
		/* It may say "sent", but nothing was. */
		cmd_end(c, ERR_DATABASE, "failed",
		    "not sent: the database is away");
	else if (slice_eq(db_get(res, row, 2), "other")) {
		if (c->node != NULL && c->node->epoch == c->epoch)
			node_fenced(c->node);
		cmd_end(c, ERR_HUB_AWAY, "failed", "the node is connected to "
		    "another hub: only a queued command goes there");
	} else if (c->node != NULL && slice_eq(db_get(res, row, 2), "own"))
		cmd_end(c, ERR_CONFLICT, NULL,
		    "the command is not queued any more");
	else
		cmd_end(c, ERR_NODE_OFFLINE, "failed", "the node is offline");
}

static int
cmd_row(const struct db_result *res, const struct cmd *c)
{
	struct id id;
	int i;

	for (i = 0; db_err(res) == ERR_OK && i < db_rows(res); i++)
		if (db_id(res, i, 0, &id) == 0 && id_eq(&id, &c->id))
			return i;
	return -1;
}

/* In the order they came in, whatever the order of the rows. */
static void
cmd_claimed(void *arg, const struct db_result *res)
{
	struct cmds *cs = arg;
	bool sent = false;
	struct cmd *c;
	int row;

	cs->claim = NULL;
	if (db_err(res) != ERR_OK)
		log_warn("claim: %s", db_message(res));
	while ((c = TAILQ_FIRST(&cs->claiming)) != NULL) {
		row = cmd_row(res, c);
		if (row >= 0 && !db_isnull(res, row, 1)) {
			sent = true;
			cmd_send_claimed(c, res, row);
		} else
			cmd_unclaimed(c, res, row);
	}
	if (sent)
		publish_events(cs->hub->publish, 0);
	cmd_claim(cs);
}

static void
cmd_claim(struct cmds *cs)
{
	struct buf cols[4] = { BUF_INIT };
	struct db_arg args[5];
	char id[ID_TEXT];
	struct cmd *c;
	size_t i, n = 0;

	if (cs->claim != NULL || TAILQ_EMPTY(&cs->waiting))
		return;
	for (i = 0; i < nitems(cols); i++)
		db_array_begin(&cols[i]);
	while (n++ < BATCH && (c = TAILQ_FIRST(&cs->waiting)) != NULL) {
		TAILQ_REMOVE(&cs->waiting, c, link);
		TAILQ_INSERT_TAIL(&cs->claiming, c, link);
		c->state = CMD_CLAIMING;
		db_array_id(&cols[0], &c->id);
		db_array_id(&cols[1], &c->node_id);
		db_array_i64(&cols[2], (int64_t)c->epoch);
		db_array_text(&cols[3], slice_of(c->node != NULL &&
		    c->node->remembers ? "t" : "f"));
	}
	id_text(&cs->hub->id, id);
	args[0] = db_str(id);
	for (i = 0; i < nitems(cols); i++) {
		db_array_end(&cols[i]);
		args[i + 1] = db_str(buf_cstr(&cols[i]));
	}
	db_query(cs->hub->db, STMT_CLAIM, args, nitems(args), NULL,
	    cmd_claimed, cs, &cs->claim);
	for (i = 0; i < nitems(cols); i++)
		buf_free(&cols[i]);
}

/* ---- answers ---- */

/* The wait is over; a late answer may still correct the journal. */
static void
cmd_timeout(void *arg)
{
	static const char why[] = "no answer from the node in time";
	struct msg_command_done done = { .error = SLICE(why) };
	struct cmd *c = arg, *old;
	struct node *n = c->node;

	if (c->state == CMD_LATE || n == NULL) {
		cmd_free(c);
		return;
	}
	if (c->state == CMD_QUEUED) {
		cmd_end(c, ERR_UNAVAILABLE, NULL, "it still waits");
		return;
	}
	if (step_waits(c)) {
		cmd_end(c, ERR_NODE_TIMEOUT, "failed", "not sent: its form "
		    "hangs on the node's configuration, which did not come");
		return;
	}
	cmd_final(c, "unknown", SLICE(why), (struct slice){ NULL, 0 });
	cmd_reply(c, ERR_NODE_TIMEOUT, &done);
	cmd_pass(c);
	c->state = CMD_LATE;
	n->ncmds--;
	if (++n->nlate > LATE_MAX) {
		TAILQ_FOREACH(old, &n->cmds, node_link)
			if (old->state == CMD_LATE)
				break;
		if (old != NULL && old != c)
			cmd_free(old);
	}
	timer_set(c->cmds->hub->timers, &c->timer, LATE_TIME);
}

static void
cmd_put_text(struct buf *b, struct slice raw, size_t max, struct slice *out)
{
	long n = -1;

	if (raw.n > 0)
		n = jscan_unescape((char *)buf_reserve(b, raw.n), raw.n,
		    raw);
	*out = n <= 0 ? (struct slice){ NULL, 0 } :
	    (struct slice){ (const char *)b->data,
	    (size_t)n > max ? max : (size_t)n };
}

static void
cmd_acked(struct cmd *c, const struct frame_ack *ack)
{
	struct buf raw = BUF_INIT, error = BUF_INIT, code = BUF_INIT;
	struct slice words = ack->error;
	struct msg_command_done done = { .data = ack->data };

	if (!ack->success) {
		step_prefix(c, &raw);
		buf_put(&raw, words.p, words.n);
		if (buf_used(&raw) > 0)
			words = buf_slice(&raw);
	}
	cmd_put_text(&error, words, words.n, &done.error);
	cmd_put_text(&code, ack->error_code, ack->error_code.n,
	    &done.error_code);
	if (c->state == CMD_LATE)
		c->cmds->hub->count.commands_late++;
	cmd_final(c, ack->success ? "acked" : "failed", words,
	    ack->error_code);
	if (c->mutates)
		cache_stale(c->node);
	cmd_reply(c, ack->success ? ERR_OK : ERR_NODE_REFUSED, &done);
	cmd_free(c);
	buf_free(&raw);
	buf_free(&error);
	buf_free(&code);
}

static struct cmd *
cmd_by_wire(const struct node *n, const struct id *id)
{
	struct cmd *c;

	TAILQ_FOREACH(c, &n->cmds, node_link)
		if (id_eq(&c->wire, id))
			break;
	return c;
}

void
cmd_ack(struct node *n, const struct frame_ack *ack)
{
	struct cmd *c = NULL;
	struct id id;

	if (id_parse(&id, ack->command_id) == 0)
		c = cmd_by_wire(n, &id);
	if (c == NULL || c->state < CMD_SENT || step_waits(c)) {
		n->hub->count.acks_unmatched++;
		return;
	}
	/* Gateways say yes first and send the configuration then. */
	if (c->by_config && ack->success)
		return;
	/* A refusal is for all that joined the question. */
	do {
		if (!ack->success || !step_next(c))
			cmd_acked(c, ack);
	} while ((c = cmd_by_wire(n, &id)) != NULL && c->by_config);
}

void
cmd_config(struct node *n, struct slice text)
{
	struct frame_ack ack = { .success = true, .data = text };
	struct cmd *c, *next;

	for (c = TAILQ_FIRST(&n->cmds); c != NULL; c = next) {
		next = TAILQ_NEXT(c, node_link);
		if (c->state >= CMD_SENT && c->by_config)
			cmd_acked(c, &ack);
		else
			step_config(c, text);
	}
}
