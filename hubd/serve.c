/* serve: see serve.h. Owns the two sockets and who may speak on them. */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
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
#include "publish.h"
#include "push.h"
#include "queue.h"
#include "serve.h"
#include "stmt.h"
#include "db.h"
#include "thumb.h"
#include "ws.h"

#define BACKLOG_MAX	(64u * 1024 * 1024)	/* then the channel goes */
#define CHANS_MAX	32

struct serve {
	struct hubd		*hub;
	struct ipc		*ipc;
	int			 fd[2];
	struct ipc_uid		 uids[4];
	size_t			 nuids;
	unsigned		 nchans;
};

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

static bool
serve_on_thumb_get(void *arg, struct ipc_chan *chan, struct ipc_msg *msg)
{
	struct serve *s = arg;
	struct msg_thumb_get m;

	if (!msg_get_thumb_get(&msg->in, &m))
		return false;
	thumb_get(s->hub->thumbs, chan, msg->id, &m);
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

static bool
serve_on_watch(void *arg, struct ipc_chan *chan, struct ipc_msg *msg)
{
	struct serve *s = arg;
	struct msg_watch m;

	if (!msg_get_watch(&msg->in, &m))
		return false;
	publish_watch(s->hub->publish, chan, &m);
	return true;
}

static const struct ipc_handler handlers[] = {
	{ MSG_STATUS, serve_on_status },
	{ MSG_COMMAND, serve_on_command },
	{ MSG_CONFIG_GET, serve_on_config_get },
	{ MSG_THUMB_GET, serve_on_thumb_get },
	{ MSG_NODE_CHANGED, serve_on_node_changed },
	{ MSG_WATCH, serve_on_watch },
};

/* ---- channels ---- */

static void
serve_on_up(void *arg, struct ipc_chan *chan, const struct msg_hello *hello)
{
	struct serve *s = arg;

	s->nchans++;
	if (hello->peer == MSG_APID)
		publish_up(s->hub->publish, chan);
}

static void
serve_on_down(void *arg, struct ipc_chan *chan)
{
	struct serve *s = arg;

	if (s->nchans > 0)
		s->nchans--;
	cmd_forget_chan(s->hub->cmds, chan);
	cache_forget_chan(s->hub->cache, chan);
	publish_down(s->hub->publish, chan);
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
}

void
serve_free(struct serve *s)
{
	size_t i;

	if (s == NULL)
		return;
	if (s->ipc != NULL)
		ipc_free(s->ipc);
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
