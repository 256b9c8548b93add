/*
 * serve: see serve.h. Owns the channels' subscriptions. The nodes lie in
 * the order of their last change, so a publication walks what changed since
 * the channel's last one and nothing else. A channel that does not read is
 * passed over and gets the newest state later.
 */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "ipc.h"
#include "log.h"
#include "sock.h"
#include "timer.h"
#include "xmalloc.h"

#include "cache.h"
#include "cmd.h"
#include "conn.h"
#include "hub.h"
#include "hubd.h"
#include "node.h"
#include "push.h"
#include "queue.h"
#include "serve.h"
#include "stmt.h"
#include "db.h"
#include "ws.h"

#define TICK		MONO_SEC
#define BELL		(50 * MONO_MS)	/* between two */
#define HOLD		(16u * 1024 * 1024)	/* backlog: wait a tick */
#define BACKLOG_MAX	(64u * 1024 * 1024)	/* then the channel goes */
#define CHANS_MAX	32

struct feed {			/* one apid */
	LIST_ENTRY(feed)	 link;
	struct ipc_chan		*chan;
	uint64_t		 sent;	/* changes up to here went out */
	bool			 sync;	/* MSG_SYNCED is due */
	bool			 all;
	uint32_t		 nids;
	struct id		*ids;	/* watched, sorted */
};

struct serve {
	struct hubd		*hub;
	struct ipc		*ipc;
	int			 fd[2];
	struct ipc_uid		 uids[4];
	size_t			 nuids;
	LIST_HEAD(, feed)	 feeds;
	unsigned		 nchans;
	struct timer		 tick, bell, soon;
	uint32_t		 events;
	mono_us			 rung;
};

/* ---- publishing ---- */

static int
id_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct id));
}

static bool
feed_watches(const struct feed *f, const struct node *n)
{
	return f->all || (f->nids > 0 && bsearch(&n->id, f->ids, f->nids,
	    sizeof(*f->ids), id_compare) != NULL);
}

/* since: what of it went out before. */
static void
feed_send(struct feed *f, const struct node *n, uint64_t since)
{
	struct msg_node_state m = {
		.node = n->id, .epoch = n->epoch, .seq = n->change,
		.connected_us = n->connected,
		.seen_us = conn_seen_wall(n->conn),
		.protocol = n->protocol, .has_stats = n->has_stats,
		.name = slice_of(n->name), .device_type = slice_of(n->type),
		.version = slice_of(n->version),
		.remote = slice_of(n->remote),
	};

	if (n->driver != NULL && n->has_stats) {
		m.nmetrics = (uint8_t)n->driver->nmetrics;
		memcpy(m.metrics, n->metrics,
		    n->driver->nmetrics * sizeof(m.metrics[0]));
	}
	if (n->health_at > since)
		m.health = (struct slice){ n->health, n->health_len };
	if (n->has_stats && feed_watches(f, n))
		m.stats = (struct slice){ n->stats, n->stats_len };
	msg_put_node_state(ipc_begin(f->chan, MSG_NODE_STATE, ERR_OK, 0),
	    &m);
	ipc_send(f->chan);
}

static void
feed_publish(struct serve *s, struct feed *f)
{
	struct node_order *order = nodes_order(s->hub->nodes);
	struct node *n = TAILQ_LAST(order, node_order), *prev;
	const uint64_t since = f->sent;

	if (!ipc_is_up(f->chan))
		return;
	if (n != NULL && n->change > f->sent) {
		while ((prev = TAILQ_PREV(n, node_order, order)) != NULL &&
		    prev->change > f->sent)
			n = prev;
		for (; n != NULL; n = TAILQ_NEXT(n, order)) {
			if (ipc_backlog(f->chan) > HOLD) {
				s->hub->count.publish_held++;
				return;
			}
			feed_send(f, n, since);
			s->hub->count.published++;
			f->sent = n->change;
		}
	}
	(void)ipc_begin(f->chan, MSG_TICK, ERR_OK, 0);
	ipc_send(f->chan);
	if (f->sync) {
		f->sync = false;
		(void)ipc_begin(f->chan, MSG_SYNCED, ERR_OK, 0);
		ipc_send(f->chan);
	}
}

static void
serve_publish(struct serve *s)
{
	struct feed *f;

	LIST_FOREACH(f, &s->feeds, link)
		feed_publish(s, f);
	nodes_seal(s->hub->nodes);
}

static void
serve_tick(void *arg)
{
	struct serve *s = arg;

	timer_set(s->hub->timers, &s->tick, TICK);
	serve_publish(s);
}

/* A new or changed subscription does not wait for the tick. */
static void
serve_soon(void *arg)
{
	struct serve *s = arg;
	struct feed *f;

	LIST_FOREACH(f, &s->feeds, link)
		if (f->sync)
			feed_publish(s, f);
	nodes_seal(s->hub->nodes);
}

static void
feed_restart(struct serve *s, struct feed *f)
{
	f->sent = 0;
	f->sync = true;
	if (!timer_pending(&s->soon))
		timer_set(s->hub->timers, &s->soon, 0);
}

void
serve_gone(struct serve *s, const struct node *n)
{
	const struct msg_node_gone m = { .node = n->id, .epoch = n->epoch };
	struct feed *f;

	LIST_FOREACH(f, &s->feeds, link) {
		msg_put_node_gone(ipc_begin(f->chan, MSG_NODE_GONE, ERR_OK,
		    0), &m);
		ipc_send(f->chan);
	}
}

static void
serve_bell(void *arg)
{
	struct serve *s = arg;
	const struct msg_events m = { .count = s->events };
	struct feed *f;

	s->rung = mono_now();
	s->events = 0;
	LIST_FOREACH(f, &s->feeds, link) {
		msg_put_events(ipc_begin(f->chan, MSG_EVENTS, ERR_OK, 0),
		    &m);
		ipc_send(f->chan);
	}
}

void
serve_events(struct serve *s, uint32_t count)
{
	mono_us wait = s->rung + BELL - mono_now();

	s->events += count;
	if (!LIST_EMPTY(&s->feeds) && !timer_pending(&s->bell))
		timer_set(s->hub->timers, &s->bell, wait > 0 ? wait : 0);
}

/* ---- what is asked ---- */

static bool
serve_on_status(void *arg, struct ipc_chan *chan, struct ipc_msg *msg)
{
	struct serve *s = arg;
	struct buf json = BUF_INIT;
	struct msg_text text;

	if (!msg_done(&msg->in))
		return false;
	count_json(s->hub, &json);
	text.json = (struct slice){ buf_cstr(&json), buf_used(&json) };
	msg_put_text(ipc_begin(chan, MSG_STATUS_REPLY, ERR_OK, msg->id),
	    &text);
	ipc_send(chan);
	buf_free(&json);
	return true;
}

static bool
serve_on_command(void *arg, struct ipc_chan *chan, struct ipc_msg *msg)
{
	struct serve *s = arg;
	struct msg_command m;

	if (!msg_get_command(&msg->in, &m))
		return false;
	cmd_start(s->hub->cmds, chan, msg->id, &m);
	return true;
}

static bool
serve_on_config_get(void *arg, struct ipc_chan *chan, struct ipc_msg *msg)
{
	struct serve *s = arg;
	struct msg_config_get m;

	if (!msg_get_config_get(&msg->in, &m))
		return false;
	cache_get(s->hub->cache, chan, msg->id, &m);
	return true;
}

struct reread {			/* one node's row is read again */
	struct hubd	*hub;
	struct id	 node;
};

static void
reread_done(void *arg, const struct db_result *res)
{
	struct reread *r = arg;
	struct node *n = node_find(r->hub->nodes, &r->node);

	if (n != NULL && db_err(res) == ERR_OK && db_rows(res) == 1)
		hub_node_row(n, res, 0);
	else if (n != NULL && db_err(res) == ERR_OK)
		node_close(n, WS_C_POLICY, "the node was deleted");
	free(r);
}

static void
serve_reread(struct hubd *h, const struct id *id)
{
	struct reread *r = xcalloc(1, sizeof(*r));
	char text[ID_TEXT];
	struct db_arg arg;

	r->hub = h;
	r->node = *id;
	id_text(id, text);
	arg = db_str(text);
	db_query(h->db, STMT_NODE, &arg, 1, NULL, reread_done, r, NULL);
}

/* Trust, but look: the row decides whether the node is deleted. */
static bool
serve_on_node_changed(void *arg, struct ipc_chan *chan, struct ipc_msg *msg)
{
	struct serve *s = arg;
	struct msg_node_changed m;
	struct node *n;

	if (!msg_get_node_changed(&msg->in, &m))
		return false;
	n = node_find(s->hub->nodes, &m.node);
	if (m.what == MSG_NODE_TUNNEL)
		push_kick(s->hub->pushes);
	else if (m.what == MSG_NODE_QUEUE && n != NULL)
		queue_ring(n);
	else if (m.what != MSG_NODE_TOKEN && n != NULL)
		serve_reread(s->hub, &m.node);
	return true;
}

static struct feed *
serve_feed(struct serve *s, const struct ipc_chan *chan)
{
	struct feed *f;

	LIST_FOREACH(f, &s->feeds, link)
		if (f->chan == chan)
			return f;
	return NULL;
}

/* The stats of nodes that were not watched before: f has the new list. */
static void
feed_send_new(struct serve *s, struct feed *f, const struct feed *old)
{
	const struct node *n;
	uint32_t i;

	for (i = 0; i < f->nids && ipc_backlog(f->chan) <= HOLD; i++) {
		n = node_find(s->hub->nodes, &f->ids[i]);
		/* What has not gone out yet goes with the tick. */
		if (n == NULL || n->change > f->sent || feed_watches(old, n))
			continue;
		feed_send(f, n, n->change);
	}
	(void)ipc_begin(f->chan, MSG_TICK, ERR_OK, 0);
	ipc_send(f->chan);
}

static bool
serve_on_watch(void *arg, struct ipc_chan *chan, struct ipc_msg *msg)
{
	struct serve *s = arg;
	struct feed *f = serve_feed(s, chan), old;
	struct msg_watch m;

	if (!msg_get_watch(&msg->in, &m))
		return false;
	if (f == NULL)
		return true;
	old = *f;
	f->all = m.all != 0;
	f->nids = m.n;
	f->ids = m.n == 0 ? NULL : xmemdup(m.ids, m.n * sizeof(*f->ids));
	if (m.n > 0)
		qsort(f->ids, m.n, sizeof(*f->ids), id_compare);
	if (f->all)
		feed_restart(s, f);
	else
		feed_send_new(s, f, &old);
	free(old.ids);
	return true;
}

static const struct ipc_handler handlers[] = {
	{ MSG_STATUS, serve_on_status },
	{ MSG_COMMAND, serve_on_command },
	{ MSG_CONFIG_GET, serve_on_config_get },
	{ MSG_NODE_CHANGED, serve_on_node_changed },
	{ MSG_WATCH, serve_on_watch },
};

/* ---- channels ---- */

static void
serve_on_up(void *arg, struct ipc_chan *chan, const struct msg_hello *hello)
{
	struct serve *s = arg;
	struct feed *f;

	s->nchans++;
	if (hello->peer != MSG_APID)
		return;
	f = xcalloc(1, sizeof(*f));
	f->chan = chan;
	LIST_INSERT_HEAD(&s->feeds, f, link);
	feed_restart(s, f);
}

static void
serve_on_down(void *arg, struct ipc_chan *chan)
{
	struct serve *s = arg;
	struct feed *f = serve_feed(s, chan);

	if (s->nchans > 0)
		s->nchans--;
	cmd_forget_chan(s->hub->cmds, chan);
	cache_forget_chan(s->hub->cache, chan);
	if (f != NULL) {
		LIST_REMOVE(f, link);
		free(f->ids);
		free(f);
	}
}

static void
serve_add_uid(struct serve *s, const char *user, const char *door,
    unsigned peers)
{
	const struct passwd *pw = user == NULL ? NULL : getpwnam(user);

	if (pw != NULL && s->nuids < nitems(s->uids))
		s->uids[s->nuids++] = (struct ipc_uid){
		    door != NULL ? proc_peer_uid(pw->pw_uid, door) :
		    pw->pw_uid, peers };
}

/* Not started as root: one account plays every part. */
static void
serve_uids(struct serve *s)
{
	const struct conf_suite *c = &s->hub->conf.suite;
	struct buf door = BUF_INIT;

	s->uids[s->nuids++] = (struct ipc_uid){ 0, MSG_CTL };
	if (geteuid() != 0 && !proc_own_account(c->user_hubd)) {
		s->uids[s->nuids++] = (struct ipc_uid){ geteuid(), MSG_ALL };
		return;
	}
	buf_printf(&door, "%s/hubd.sock", c->run_dir);
	serve_add_uid(s, c->user_apid, buf_cstr(&door), MSG_APID);
	buf_free(&door);
	serve_add_uid(s, c->user_ctl, NULL, MSG_CTL);
}

int
serve_acquire(struct hubd *h, struct buf *err_r)
{
	static const char *const names[][2] = {
		{ "apid", "hubd.sock" }, { "control", "hubd.ctl" },
	};
	struct serve *s = xcalloc(1, sizeof(*s));
	struct buf path = BUF_INIT;
	int rc = 0;
	size_t i;

	h->serve = s;
	s->hub = h;
	s->fd[0] = s->fd[1] = -1;
	LIST_INIT(&s->feeds);
	for (i = 0; i < nitems(names) && rc == 0; i++) {
		buf_clear(&path);
		buf_printf(&path, "unix:%s/%s", h->conf.suite.run_dir,
		    names[i][1]);
		rc = proc_listen(names[i][0], buf_cstr(&path), 64,
		    &s->fd[i], err_r);
	}
	buf_free(&path);
	serve_uids(s);
	return rc;
}

void
serve_start(struct serve *s)
{
	struct hubd *h = s->hub;
	const struct ipc_config c = {
		.base = h->base, .timers = h->timers, .io = h->io,
		.self = MSG_HUBD, .instance = h->id, .name = h->name,
		.handlers = handlers, .nhandlers = nitems(handlers),
		.uids = s->uids, .nuids = s->nuids,
		.backlog_max = BACKLOG_MAX, .chans_max = CHANS_MAX,
		.up = serve_on_up, .down = serve_on_down, .arg = s,
	};
	size_t i;

	s->ipc = ipc_new(&c);
	for (i = 0; i < nitems(s->fd); i++) {
		if (ipc_listen(s->ipc, s->fd[i]) == -1)
			fatal("cannot listen on a Unix socket");
		s->fd[i] = -1;
	}
	timer_init(&s->tick, serve_tick, s);
	timer_init(&s->bell, serve_bell, s);
	timer_init(&s->soon, serve_soon, s);
	timer_set(h->timers, &s->tick, TICK);
}

void
serve_free(struct serve *s)
{
	struct feed *f;
	size_t i;

	if (s == NULL)
		return;
	timer_del(&s->tick);
	timer_del(&s->bell);
	timer_del(&s->soon);
	if (s->ipc != NULL)
		ipc_free(s->ipc);
	while ((f = LIST_FIRST(&s->feeds)) != NULL) {
		LIST_REMOVE(f, link);
		free(f->ids);
		free(f);
	}
	for (i = 0; i < nitems(s->fd); i++)
		if (s->fd[i] != -1)
			close(s->fd[i]);
	free(s);
}

unsigned
serve_channels(const struct serve *s)
{
	return s->nchans;
}
