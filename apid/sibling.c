/*
 * sibling: a channel to another daemon and the copy of its figures. Owns the
 * struct ipc, its one channel, the timer and the last status text.
 */
#include <stdint.h>
#include <stdlib.h>

#include "apid.h"
#include "buf.h"
#include "ipc.h"
#include "json.h"
#include "log.h"
#include "req.h"
#include "sibling.h"
#include "timer.h"
#include "xmalloc.h"

#define STATUS_EVERY	(5 * MONO_SEC)
#define STATUS_SOON	(250 * MONO_MS)	/* while it is not ready */
#define STATUS_DEADLINE	(4 * MONO_SEC)
#define BACKLOG_MAX	(16u << 20)

struct sibling {
	struct apid	*apid;
	struct ipc	*ipc;
	struct ipc_chan	*chan;
	struct ipc_req	*asked;
	struct timer	 timer;
	struct buf	 status;
	char		*name;		/* its socket, for the log */
	bool		 said_away;
	void		(*up)(void *, const struct msg_hello *);
	void		(*down)(void *);
	void		*arg;
	/* Handlers of the owner get the owner's argument. */
};

static void
status_reply(void *arg, enum err err, struct ipc_msg *msg)
{
	struct sibling *s = arg;
	struct msg_text text;

	s->asked = NULL;
	if (err == ERR_OK && msg->type == MSG_STATUS_REPLY &&
	    msg_get_text(&msg->in, &text)) {
		buf_clear(&s->status);
		buf_put(&s->status, text.json.p, text.json.n);
	}
	timer_set(s->apid->timers, &s->timer, sibling_ready(s) ?
	    STATUS_EVERY : STATUS_SOON);
}

static void
status_ask(void *arg)
{
	struct sibling *s = arg;

	if (!ipc_is_up(s->chan) || s->asked != NULL)
		return;
	ipc_request(s->chan, MSG_STATUS, STATUS_DEADLINE, status_reply, s,
	    &s->asked);
	ipc_send(s->chan);
}

static void
chan_up(void *arg, struct ipc_chan *chan, const struct msg_hello *hello)
{
	struct sibling *s = arg;

	log_info("%s: connected", s->name);
	s->said_away = false;
	timer_set(s->apid->timers, &s->timer, 0);
	if (s->up != NULL)
		s->up(s->arg, hello);
}

static void
chan_down(void *arg, struct ipc_chan *chan)
{
	struct sibling *s = arg;

	if (!s->said_away)	/* once per outage, not per attempt */
		log_warn("%s: away; trying again", s->name);
	s->said_away = true;
	timer_del(&s->timer);
	buf_clear(&s->status);
	if (s->down != NULL)
		s->down(s->arg);
}

struct sibling *
sibling_new(const struct sibling_config *c)
{
	struct sibling *s = xcalloc(1, sizeof(*s));
	struct ipc_config conf = {
		.base = c->apid->base, .timers = c->apid->timers,
		.io = c->apid->io, .self = MSG_APID,
		.instance = c->apid->instance, .name = "apid",
		.handlers = c->handlers, .nhandlers = c->nhandlers,
		.backlog_max = BACKLOG_MAX, .chans_max = 1,
		.up = chan_up, .down = chan_down, .arg = s,
	};
	char *path;

	s->apid = c->apid;
	s->name = xstrdup(c->socket);
	s->up = c->up;
	s->down = c->down;
	s->arg = c->arg;
	timer_init(&s->timer, status_ask, s);
	s->ipc = ipc_new(&conf);
	path = xasprintf("%s/%s", c->apid->conf.suite.run_dir, c->socket);
	s->chan = ipc_connect(s->ipc, path, c->peer);
	ipc_set_data(s->chan, c->arg);
	free(path);
	return s;
}

void
sibling_free(struct sibling *s)
{
	if (s == NULL)
		return;
	timer_del(&s->timer);
	ipc_forget(&s->asked);
	s->up = NULL;
	s->down = NULL;
	ipc_free(s->ipc);
	buf_free(&s->status);
	free(s->name);
	free(s);
}

bool
sibling_up(const struct sibling *s)
{
	return s != NULL && ipc_is_up(s->chan);
}

bool
sibling_ready(const struct sibling *s)
{
	struct slice status = sibling_status(s), database;

	if (!sibling_up(s) || status.n == 0)
		return false;
	return !json_member(status.p, status.n, "database", &database) ||
	    !slice_eq(database, "false");
}

struct ipc_chan *
sibling_chan(const struct sibling *s)
{
	return s->chan;
}

struct slice
sibling_status(const struct sibling *s)
{
	if (s == NULL)
		return (struct slice){ NULL, 0 };
	return (struct slice){ (const char *)s->status.data + s->status.off,
	    buf_used(&s->status) };
}

struct buf *
sibling_ask(struct sibling *s, struct req *req, enum msg_type type,
    mono_us deadline, ipc_reply_fn fn)
{
	return ipc_request(s->chan, type, deadline, fn, req, &req->ipc);
}

void
sibling_send(struct sibling *s)
{
	ipc_send(s->chan);
}
