/* talk: see talk.h. */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipc.h"
#include "log.h"
#include "sock.h"
#include "stream.h"
#include "talk.h"
#include "timer.h"
#include "xmalloc.h"

#define HELLO_DEADLINE	(5 * MONO_SEC)

struct talk {
	struct event_base	*base;
	struct timers		*timers;
	struct stream_io	*io;
	struct ipc		*ipc;
	struct ipc_chan		*chan;
	struct ipc_req		*req;
	struct timer		 deadline;	/* of the hello */
	bool			 up;
	bool			(*read)(void *, struct ipc_msg *);
	void			*arg;
	enum err		 err;
};

bool
talk_listening(const char *path)
{
	struct sock_addr addr;
	struct buf err = BUF_INIT;
	char *text = xasprintf("unix:%s", path);
	int fd = -1;

	if (sock_parse(text, &addr, &err) == 0)
		fd = sock_connect(&addr);
	if (fd != -1)
		close(fd);
	buf_free(&err);
	free(text);
	return fd != -1;
}

static void
expired(void *arg)
{
	struct talk *t = arg;

	event_base_loopbreak(t->base);
}

static void
went_up(void *arg, struct ipc_chan *chan, const struct msg_hello *hello)
{
	struct talk *t = arg;

	(void)chan;
	(void)hello;
	t->up = true;
	event_base_loopbreak(t->base);
}

static void
start(struct talk *t, const char *path, enum msg_peer peer)
{
	struct ipc_config c = {
		.self = MSG_CTL, .name = "mastctl", .backlog_max = 1 << 20,
		.chans_max = 1, .up = went_up, .arg = t,
	};

	t->base = c.base = event_base_new();
	if (t->base == NULL)
		fatal("no event loop");
	t->timers = c.timers = timers_new(t->base);
	t->io = c.io = stream_io_new(t->base, t->timers, 0);
	id_new(&c.instance);
	t->ipc = ipc_new(&c);
	t->chan = ipc_connect(t->ipc, path, peer);
	timer_init(&t->deadline, expired, t);
	timer_set(t->timers, &t->deadline, HELLO_DEADLINE);
	event_base_dispatch(t->base);
	timer_del(&t->deadline);
}

struct talk *
talk_open(struct ctl *ctl, const char *daemon, enum msg_peer peer)
{
	char *path = xasprintf("%s/%s.ctl", ctl->conf.suite.run_dir, daemon);
	struct talk *t = NULL;

	if (talk_listening(path)) {
		t = xcalloc(1, sizeof(*t));
		start(t, path, peer);
		if (!t->up) {
			talk_close(t);
			t = NULL;
		}
	}
	free(path);
	return t;
}

void
talk_close(struct talk *t)
{
	if (t == NULL)
		return;
	ipc_forget(&t->req);
	ipc_free(t->ipc);
	stream_io_free(t->io);
	timers_free(t->timers);
	event_base_free(t->base);
	free(t);
}

static void
replied(void *arg, enum err err, struct ipc_msg *msg)
{
	struct talk *t = arg;

	t->req = NULL;
	t->err = err;
	if (err == ERR_OK && !t->read(t->arg, msg))
		t->err = ERR_PROTOCOL;
	event_base_loopbreak(t->base);
}

struct buf *
talk_begin(struct talk *t, enum msg_type type, mono_us deadline)
{
	return ipc_request(t->chan, type, deadline, replied, t, &t->req);
}

enum err
talk_end(struct talk *t, bool (*read)(void *, struct ipc_msg *), void *arg)
{
	t->read = read;
	t->arg = arg;
	ipc_send(t->chan);
	event_base_dispatch(t->base);
	return t->err;
}
