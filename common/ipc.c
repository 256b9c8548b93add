/*
 * ipc: the ends of channels over Unix sockets: who may come in, the hello,
 * and the way back up. Owns the channels; messages on them are ipc_chan.c's.
 */
#include <sys/random.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipc_int.h"
#include "log.h"
#include "xmalloc.h"

#define BACKLOG_MAX	(16 * 1024 * 1024)
#define CHANS_MAX	64
#define HELLO_TIME	(5 * MONO_SEC)
#define RETRY_MIN	(100 * MONO_MS)
#define RETRY_MAX	(5 * MONO_SEC)
#define STEADY		(5 * MONO_SEC)	/* up that long: back-off anew */
#define ACCEPTS		16		/* in one turn */

static void on_timer(void *);
static const struct stream_ops chan_ops;

static const char *
peer_name(unsigned peer)
{
	return peer == MSG_APID ? "apid" : peer == MSG_HUBD ? "hubd" :
	    peer == MSG_AID ? "aid" : peer == MSG_CTL ? "ctl" : "peer";
}

static void
send_hello(struct ipc_chan *c, enum msg_type type)
{
	const struct ipc_config	*cfg = &c->ipc->cfg;
	struct msg_hello	 h = { 0 };
	struct buf		 b = BUF_INIT;
	size_t			 at;

	h.version = MSG_VERSION;
	h.peer = (uint8_t)cfg->self;
	h.instance = cfg->instance;
	h.name = slice_of(c->ipc->name);
	h.extra = (struct slice){ c->ipc->extra, cfg->extra.n };
	at = msg_begin(&b, type, ERR_OK, 0);
	msg_put_hello(&b, &h);
	msg_end(&b, at);
	stream_write_buf(c->st, &b);
	buf_free(&b);
}

void
ipc_hello(struct ipc_chan *c, struct ipc_msg *m)
{
	struct ipc		*ipc = c->ipc;
	struct msg_hello	 h;

	if (!msg_get_hello(&m->in, &h) || !msg_done(&m->in)) {
		ipc_chan_drop(c, "malformed hello");
		return;
	}
	if (h.version != MSG_VERSION) {
		ipc_chan_drop(c, "speaks version %u, we %u", h.version,
		    MSG_VERSION);
		return;
	}
	if (h.peer == 0 || (h.peer & (h.peer - 1)) != 0 ||
	    (h.peer & c->allowed) == 0) {
		ipc_chan_drop(c, "may not be %s", peer_name(h.peer));
		return;
	}
	c->peer = h.peer;
	c->state = IPC_UP;
	c->since = mono_now();
	c->said = false;
	timer_del(&c->timer);
	if (!c->client) {
		snprintf(c->label + strlen(c->label),
		    sizeof(c->label) - strlen(c->label), " %s",
		    peer_name(h.peer));
		send_hello(c, MSG_HELLO_OK);
	}
	log_debug("ipc: %s: up", c->label);
	if (ipc->cfg.up != NULL)
		ipc->cfg.up(ipc->cfg.arg, c, &h);
}

/* ---- up and down ---- */

static void
retry(struct ipc_chan *c)
{
	uint32_t	r = 0;
	mono_us		wait;

	if (c->since != 0 && mono_now() - c->since >= STEADY)
		c->retry = RETRY_MIN;
	c->since = 0;
	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) == -1)
		r = (uint32_t)mono_now();
	wait = c->retry / 2 + r % (c->retry / 2);
	c->retry = c->retry * 2 < RETRY_MAX ? c->retry * 2 : RETRY_MAX;
	timer_set(c->ipc->cfg.timers, &c->timer, wait);
}

static void
chan_free(struct ipc_chan *c)
{
	struct ipc_req	*r;
	unsigned	 i;

	for (i = 0; i < IPC_BUCKETS; i++)
		while ((r = LIST_FIRST(&c->reqs[i])) != NULL) {
			LIST_REMOVE(r, entry);
			timer_del(&r->timer);
			free(r);
		}
	LIST_REMOVE(c, entry);
	timer_del(&c->timer);
	timer_del(&c->flush);
	buf_free(&c->in);
	buf_free(&c->out);
	free(c);
}

static void
chan_closed(void *arg, enum stream_end end, const char *detail)
{
	struct ipc_chan	*c = arg;
	struct ipc	*ipc = c->ipc;
	bool		 was_up = c->state == IPC_UP || c->state == IPC_CLOSING;

	c->st = NULL;
	if (c->state == IPC_UP)
		log_info("ipc: %s: channel closed%s%s", c->label,
		    detail[0] != '\0' ? ": " : "", detail);
	c->state = IPC_DOWN;
	timer_del(&c->timer);
	timer_del(&c->flush);
	buf_free(&c->in);
	buf_free(&c->out);
	if (was_up && ipc->cfg.down != NULL)
		ipc->cfg.down(ipc->cfg.arg, c);
	ipc_chan_fail(c);
	if (c->client) {
		retry(c);
		return;
	}
	ipc->accepted--;
	chan_free(c);
}

static unsigned
uid_peers(const struct ipc *ipc, uid_t uid)
{
	unsigned	peers = 0;
	size_t		i;

	for (i = 0; i < ipc->cfg.nuids; i++)
		if (ipc->uids[i].uid == uid)
			peers |= ipc->uids[i].peers;
	return peers;
}

/*
 * Is the listener at the path who it should be? Its credentials are those of
 * the moment of listen(2), which root may have called before it dropped. A
 * class that no uid is listed for is taken by its path alone.
 */
static bool
server_ok(struct ipc_chan *c)
{
	uid_t		uid;
	bool		listed = false;
	size_t		i;

	if (sock_peer(stream_fd(c->st), &uid, NULL) == -1)
		return false;
	for (i = 0; i < c->ipc->cfg.nuids; i++)
		listed |= (c->ipc->uids[i].peers & c->allowed) != 0;
	return uid == 0 || !listed ||
	    (uid_peers(c->ipc, uid) & c->allowed) != 0;
}

static void
chan_ready(void *arg)
{
	struct ipc_chan *c = arg;

	c->state = IPC_HELLO;
	if (!c->client)
		return;
	if (!server_ok(c))
		ipc_chan_drop(c, "another user listens there");
	else
		send_hello(c, MSG_HELLO);
}

static const struct stream_ops chan_ops = {
	.ready = chan_ready, .data = ipc_chan_data, .closed = chan_closed,
};

static void
dial(struct ipc_chan *c)
{
	int fd = sock_connect(&c->addr);

	if (fd == -1) {
		if (!c->said)
			log_info("ipc: %s: cannot connect: %s", c->label,
			    strerror(errno));
		c->said = true;
		retry(c);
		return;
	}
	c->state = IPC_CONNECT;
	c->st = stream_connect(c->ipc->cfg.io, fd, &chan_ops, c);
	timer_set(c->ipc->cfg.timers, &c->timer, HELLO_TIME);
}

static void
on_timer(void *arg)
{
	struct ipc_chan *c = arg;

	if (c->st == NULL)
		dial(c);
	else if (c->state != IPC_UP)
		ipc_chan_drop(c, "no hello in time");
}

static struct ipc_chan *
chan_new(struct ipc *ipc)
{
	struct ipc_chan	*c = xcalloc(1, sizeof(*c));
	unsigned	 i;

	c->ipc = ipc;
	c->retry = RETRY_MIN;
	for (i = 0; i < IPC_BUCKETS; i++)
		LIST_INIT(&c->reqs[i]);
	timer_init(&c->timer, on_timer, c);
	timer_init(&c->flush, ipc_chan_flush, c);
	LIST_INSERT_HEAD(&ipc->chans, c, entry);
	return c;
}

struct ipc_chan *
ipc_connect(struct ipc *ipc, const char *path, enum msg_peer expect)
{
	struct ipc_chan	*c = chan_new(ipc);
	struct buf	 text = BUF_INIT, err = BUF_INIT;

	buf_printf(&text, "unix:%s", path);
	if (sock_parse(buf_cstr(&text), &c->addr, &err) == -1)
		fatal("ipc: %s: %s", path, buf_cstr(&err));
	buf_free(&text);
	buf_free(&err);
	c->client = true;
	c->allowed = expect;
	snprintf(c->label, sizeof(c->label), "%s at %.80s", peer_name(expect),
	    path);
	timer_set(ipc->cfg.timers, &c->timer, 0);
	return c;
}

/* ---- accepting ---- */

static void
refuse(struct ipc *ipc, int fd, const char *why, uid_t uid)
{
	mono_us now = mono_now();

	close(fd);
	if (ipc->refused_at != 0 && now - ipc->refused_at < MONO_SEC)
		return;
	ipc->refused_at = now;
	log_warn("ipc: connection of uid %u refused: %s", (unsigned)uid, why);
}

static void
welcome(struct ipc *ipc, int fd)
{
	struct ipc_chan	*c;
	unsigned	 peers;
	uid_t		 uid;
	pid_t		 pid;

	if (sock_peer(fd, &uid, &pid) == -1) {
		refuse(ipc, fd, "no credentials", (uid_t)-1);
		return;
	}
	if ((peers = uid_peers(ipc, uid)) == 0) {
		refuse(ipc, fd, "not among our peers", uid);
		return;
	}
	if (ipc->accepted >= ipc->cfg.chans_max) {
		refuse(ipc, fd, "too many channels", uid);
		return;
	}
	ipc->accepted++;
	c = chan_new(ipc);
	c->allowed = peers;
	c->state = IPC_HELLO;
	snprintf(c->label, sizeof(c->label), "pid %ld uid %u", (long)pid,
	    (unsigned)uid);
	c->st = stream_new(ipc->cfg.io, fd, NULL, &chan_ops, c);
	timer_set(ipc->cfg.timers, &c->timer, HELLO_TIME);
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct ipc_listener	*l = arg;
	int			 c, i;

	for (i = 0; i < ACCEPTS; i++) {
		if ((c = sock_accept(l->fd, NULL)) != -1) {
			welcome(l->ipc, c);
			continue;
		}
		if (errno == ECONNABORTED || errno == EPROTO)
			continue;
		if (errno != EAGAIN) {	/* no descriptors: try again soon */
			log_warn("ipc: accept: %s", strerror(errno));
			event_del(&l->ev);
			timer_set(l->ipc->cfg.timers, &l->timer,
			    100 * MONO_MS);
		}
		return;
	}
}

static void
on_accept_again(void *arg)
{
	struct ipc_listener *l = arg;

	event_add(&l->ev, NULL);
}

int
ipc_listen(struct ipc *ipc, int fd)
{
	struct ipc_listener *l = xcalloc(1, sizeof(*l));

	l->ipc = ipc;
	l->fd = fd;
	timer_init(&l->timer, on_accept_again, l);
	if (event_assign(&l->ev, ipc->cfg.base, fd, EV_READ | EV_PERSIST,
	    on_accept, l) == -1 || event_add(&l->ev, NULL) == -1) {
		free(l);
		return -1;
	}
	LIST_INSERT_HEAD(&ipc->listeners, l, entry);
	return 0;
}

/* ---- the whole ---- */

struct ipc *
ipc_new(const struct ipc_config *cfg)
{
	struct ipc		*ipc = xcalloc(1, sizeof(*ipc));
	const struct msg_row	*row;
	unsigned		 t;
	size_t			 i;

	ipc->cfg = *cfg;
	if (cfg->backlog_max == 0)
		ipc->cfg.backlog_max = BACKLOG_MAX;
	if (cfg->chans_max == 0)
		ipc->cfg.chans_max = CHANS_MAX;
	ipc->name = xstrdup(cfg->name != NULL ? cfg->name : "");
	if (cfg->extra.n > 0)
		ipc->extra = xmemdup(cfg->extra.p, cfg->extra.n);
	if (cfg->nuids > 0)
		ipc->uids = xmemdup(cfg->uids, cfg->nuids *
		    sizeof(*cfg->uids));
	for (i = 0; i < cfg->nhandlers; i++) {
		if (msg_row(cfg->handlers[i].type) == NULL)
			fatal("ipc: handler of an unknown message");
		ipc->handlers[cfg->handlers[i].type] = cfg->handlers[i];
	}
	ipc->is_reply[MSG_ERROR] = true;
	for (t = 0; t < MSG__MAX; t++)
		if ((row = msg_row(t)) != NULL && row->reply != MSG__UNSET)
			ipc->is_reply[row->reply] = true;
	LIST_INIT(&ipc->chans);
	LIST_INIT(&ipc->listeners);
	LIST_INIT(&ipc->ended);
	return ipc;
}

void
ipc_free(struct ipc *ipc)
{
	struct ipc_listener	*l;
	struct ipc_chan		*c;
	struct ipc_req		*r;

	if (ipc == NULL)
		return;
	while ((l = LIST_FIRST(&ipc->listeners)) != NULL) {
		LIST_REMOVE(l, entry);
		timer_del(&l->timer);
		event_del(&l->ev);
		close(l->fd);
		free(l);
	}
	while ((c = LIST_FIRST(&ipc->chans)) != NULL) {
		if (c->state == IPC_UP && c->type == MSG__UNSET)
			stream_write_buf(c->st, &c->out);
		if (c->st != NULL)
			stream_kill(c->st);
		chan_free(c);
	}
	while ((r = LIST_FIRST(&ipc->ended)) != NULL) {
		LIST_REMOVE(r, entry);
		timer_del(&r->timer);
		free(r);
	}
	free(ipc->uids);
	free(ipc->name);
	free(ipc->extra);
	free(ipc);
}

bool
ipc_is_up(const struct ipc_chan *c)
{
	return c->state == IPC_UP;
}

enum msg_peer
ipc_peer(const struct ipc_chan *c)
{
	return c->peer;
}

void *
ipc_data(const struct ipc_chan *c)
{
	return c->data;
}

void
ipc_set_data(struct ipc_chan *c, void *data)
{
	c->data = data;
}

size_t
ipc_backlog(const struct ipc_chan *c)
{
	return buf_used(&c->out) + (c->st != NULL ? stream_backlog(c->st) : 0);
}
