/*
 * ipc: two ends in one process over a Unix socket, and ends driven byte by
 * byte that break every rule: it costs them their channel and nobody else.
 */
#include <event2/event.h>
#include <sys/socket.h>

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipc.h"
#include "log.h"
#include "sock.h"
#include "stream.h"
#include "timer.h"
#include "xmalloc.h"

#define WAIT	(10 * MONO_SEC)
#define BIG	(5 * 1024 * 1024)

struct end {
	struct ipc	*ipc;
	struct ipc_chan	*chan;		/* the one that came up last */
	unsigned	 up, down;
	struct id	 instance;
	char		 name[64], extra[64];
	unsigned	 seen[MSG__MAX];
	uint64_t	 last_id;
};

struct env {
	struct event_base	*base;
	struct event		*tick;
	struct timers		*timers;
	struct stream_io	*io;
	char			 dir[24], path[40];
	struct end		 hub, api;
	unsigned		 replies;
	enum err		 err;
	enum msg_type		 type;
	struct buf		 text;
	struct ipc_req		*req;
	bool			 mute;	/* the hub does not answer */
};

static struct env *the;		/* handlers get an end, checks need both */

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
}

static void
turn(struct env *e)
{
	struct timeval tv = { 0, 2000 };

	evtimer_add(e->tick, &tv);
	event_base_loop(e->base, EVLOOP_ONCE);
	evtimer_del(e->tick);
}

#define UNTIL(e, cond) do { \
	mono_us give_up = mono_now() + WAIT; \
	while (!(cond)) { \
		ck_assert_msg(mono_now() < give_up, "waited for " #cond); \
		turn(e); \
	} \
} while (0)

static void
on_up(void *arg, struct ipc_chan *c, const struct msg_hello *h)
{
	struct end *end = arg;

	end->up++;
	end->chan = c;
	end->instance = h->instance;
	snprintf(end->name, sizeof(end->name), "%.*s", (int)h->name.n,
	    h->name.p);
	snprintf(end->extra, sizeof(end->extra), "%.*s", (int)h->extra.n,
	    h->extra.p);
	ck_assert(ipc_is_up(c));
}

static void
on_down(void *arg, struct ipc_chan *c)
{
	struct end *end = arg;

	end->down++;
	ck_assert(!ipc_is_up(c));
	if (end->chan == c)
		end->chan = NULL;
}

static void
reply_text(struct ipc_chan *c, uint64_t id, const char *text)
{
	struct msg_text t = { slice_of(text) };

	msg_put_text(ipc_begin(c, MSG_STATUS_REPLY, ERR_OK, id), &t);
	ipc_send(c);
}

static bool
on_status(void *arg, struct ipc_chan *c, struct ipc_msg *m)
{
	struct end *end = arg;

	end->seen[m->type]++;
	end->last_id = m->id;
	if (!msg_done(&m->in))
		return false;
	if (!the->mute)
		reply_text(c, m->id, "{\"daemon\":\"hubd\"}");
	return true;
}

static bool
on_config_get(void *arg, struct ipc_chan *c, struct ipc_msg *m)
{
	struct end		*end = arg;
	struct msg_config_get	 g;
	struct msg_config	 r;
	char			*text;

	end->seen[m->type]++;
	if (!msg_get_config_get(&m->in, &g) || !msg_done(&m->in))
		return false;
	if (g.wait_ms == 1) {
		ipc_begin(c, MSG_ERROR, ERR_NODE_OFFLINE, m->id);
		ipc_send(c);
		return true;
	}
	if (g.wait_ms == 2) {	/* no node id: under the row's minimum */
		ipc_begin(c, MSG_CONFIG, ERR_OK, m->id);
		ipc_send(c);
		return true;
	}
	text = xmalloc(BIG);
	memset(text, 'c', BIG);
	r.node = g.node;
	r.text = (struct slice){ text, BIG };
	msg_put_config(ipc_begin(c, MSG_CONFIG, ERR_OK, m->id), &r);
	ipc_send(c);
	free(text);
	return true;
}

static bool
on_watch(void *arg, struct ipc_chan *c, struct ipc_msg *m)
{
	struct end		*end = arg;
	struct msg_watch	 w;

	if (!msg_get_watch(&m->in, &w) || !msg_done(&m->in))
		return false;
	end->seen[m->type]++;
	return true;
}

static bool
on_events(void *arg, struct ipc_chan *c, struct ipc_msg *m)
{
	struct end		*end = arg;
	struct msg_events	 ev;

	if (!msg_get_events(&m->in, &ev) || !msg_done(&m->in))
		return false;
	/* in the order they were sent */
	ck_assert_uint_eq(ev.count, end->seen[m->type]);
	end->seen[m->type]++;
	return true;
}

static const struct ipc_handler hub_handlers[] = {
	{ MSG_STATUS, on_status }, { MSG_CONFIG_GET, on_config_get },
	{ MSG_WATCH, on_watch },
};
static const struct ipc_handler api_handlers[] = {
	{ MSG_EVENTS, on_events },
};

static void
start_hub(struct env *e, unsigned peers, size_t backlog)
{
	struct ipc_uid		uids[2] = {
		{ 0xfffffff0, MSG_ALL }, { getuid(), peers },
	};
	struct ipc_config	cfg = {
		.base = e->base, .timers = e->timers, .io = e->io,
		.self = MSG_HUBD, .name = "hub one", .extra = SLICE("more"),
		.handlers = hub_handlers, .nhandlers = nitems(hub_handlers),
		.uids = uids, .nuids = 2, .backlog_max = backlog,
		.chans_max = 2, .up = on_up, .down = on_down, .arg = &e->hub,
	};
	struct sock_addr	a;
	struct buf		err = BUF_INIT, text = BUF_INIT;
	int			fd;

	memset(&e->hub, 0, sizeof(e->hub));
	id_new(&cfg.instance);
	e->hub.ipc = ipc_new(&cfg);
	buf_printf(&text, "unix:%s", e->path);
	ck_assert_int_eq(sock_parse(buf_cstr(&text), &a, &err), 0);
	fd = sock_listen(&a, 16, 0600, (gid_t)-1, &err);
	ck_assert_msg(fd != -1, "%s", buf_cstr(&err));
	ck_assert_int_eq(ipc_listen(e->hub.ipc, fd), 0);
	buf_free(&err);
	buf_free(&text);
}

static struct ipc_chan *
start_api(struct env *e, enum msg_peer self)
{
	struct ipc_config cfg = {
		.base = e->base, .timers = e->timers, .io = e->io,
		.self = self, .name = "apid",
		.handlers = api_handlers, .nhandlers = nitems(api_handlers),
		.up = on_up, .down = on_down, .arg = &e->api,
	};

	e->api.ipc = ipc_new(&cfg);
	return ipc_connect(e->api.ipc, e->path, MSG_HUBD);
}

static void
setup(struct env *e)
{
	memset(e, 0, sizeof(*e));
	the = e;
	e->base = event_base_new();
	e->tick = evtimer_new(e->base, on_tick, NULL);
	e->timers = timers_new(e->base);
	e->io = stream_io_new(e->base, e->timers, 0);
	snprintf(e->dir, sizeof(e->dir), "/tmp/ti-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(e->dir));
	snprintf(e->path, sizeof(e->path), "%s/s", e->dir);
}

static void
finish(struct env *e)
{
	ipc_free(e->api.ipc);
	ipc_free(e->hub.ipc);
	stream_io_free(e->io);
	timers_free(e->timers);
	event_free(e->tick);
	ck_assert_int_eq(event_base_get_num_events(e->base,
	    EVENT_BASE_COUNT_ADDED), 0);
	event_base_free(e->base);
	buf_free(&e->text);
	unlink(e->path);
	ck_assert_int_eq(rmdir(e->dir), 0);
}

static void
on_reply(void *arg, enum err err, struct ipc_msg *m)
{
	struct env		*e = arg;
	struct msg_text		 t;
	struct msg_config	 cfg;

	ck_assert_ptr_null(e->req);	/* nulled for its owner */
	e->replies++;
	e->err = err;
	e->type = m != NULL ? m->type : MSG__UNSET;
	buf_clear(&e->text);
	if (m != NULL && m->type == MSG_STATUS_REPLY) {
		ck_assert(msg_get_text(&m->in, &t) && msg_done(&m->in));
		buf_put(&e->text, t.json.p, t.json.n);
	}
	if (m != NULL && m->type == MSG_CONFIG) {
		ck_assert(msg_get_config(&m->in, &cfg) && msg_done(&m->in));
		buf_put(&e->text, cfg.text.p, cfg.text.n);
	}
}

static void
ask_status(struct env *e, struct ipc_chan *c, mono_us deadline)
{
	ipc_request(c, MSG_STATUS, deadline, on_reply, e, &e->req);
	ipc_send(c);
	ck_assert_ptr_nonnull(e->req);
}

static void
ask_config(struct env *e, struct ipc_chan *c, uint32_t wait_ms)
{
	struct msg_config_get g = { .wait_ms = wait_ms };

	id_new(&g.node);
	msg_put_config_get(ipc_request(c, MSG_CONFIG_GET, 0, on_reply, e,
	    &e->req), &g);
	ipc_send(c);
}

START_TEST(hello)
{
	struct env	 e;
	struct ipc_chan	*c;

	setup(&e);
	start_hub(&e, MSG_APID, 0);
	c = start_api(&e, MSG_APID);
	ck_assert(!ipc_is_up(c));
	ck_assert_uint_eq(e.api.up, 0);
	UNTIL(&e, e.api.up == 1 && e.hub.up == 1);
	ck_assert_str_eq(e.api.name, "hub one");
	ck_assert_str_eq(e.api.extra, "more");
	ck_assert(!id_zero(&e.api.instance));
	ck_assert_str_eq(e.hub.name, "apid");
	ck_assert_int_eq(ipc_peer(c), MSG_HUBD);
	ck_assert_int_eq(ipc_peer(e.hub.chan), MSG_APID);
	ipc_set_data(c, &e);
	ck_assert_ptr_eq(ipc_data(c), &e);
	finish(&e);
}
END_TEST

START_TEST(requests)
{
	struct env	 e;
	struct ipc_chan	*c;

	setup(&e);
	start_hub(&e, MSG_APID, 0);
	c = start_api(&e, MSG_APID);
	UNTIL(&e, e.api.up == 1);
	ask_status(&e, c, 0);
	ck_assert_uint_eq(e.replies, 0);
	UNTIL(&e, e.replies == 1);
	ck_assert_int_eq(e.err, ERR_OK);
	ck_assert_str_eq(buf_cstr(&e.text), "{\"daemon\":\"hubd\"}");
	ask_config(&e, c, 1);
	UNTIL(&e, e.replies == 2);
	ck_assert_int_eq(e.type, MSG_ERROR);
	ck_assert_int_eq(e.err, ERR_NODE_OFFLINE);
	ask_config(&e, c, 2);		/* an answer that breaks its row */
	UNTIL(&e, e.replies == 3);
	ck_assert_int_eq(e.type, MSG_ERROR);
	ck_assert_int_eq(e.err, ERR_TOO_LARGE);
	ask_config(&e, c, 3);
	UNTIL(&e, e.replies == 4);
	ck_assert_uint_eq(buf_used(&e.text), BIG);
	ck_assert_int_eq(buf_head(&e.text)[0], 'c');
	ck_assert_int_eq(buf_head(&e.text)[BIG - 1], 'c');
	ck_assert_uint_eq(ipc_backlog(c), 0);
	/* a request nobody handles, and a request that is too long */
	ipc_request(c, MSG_COMMAND, 0, on_reply, &e, &e.req);
	ipc_send(c);
	ck_assert_uint_eq(e.replies, 4);
	UNTIL(&e, e.replies == 5);
	ck_assert_int_eq(e.err, ERR_TOO_LARGE);
	ck_assert_int_eq(e.type, MSG__UNSET);
	struct msg_command cmd = { .wait_ms = 1 };
	id_new(&cmd.command);
	id_new(&cmd.node);
	msg_put_command(ipc_request(c, MSG_COMMAND, 0, on_reply, &e, &e.req),
	    &cmd);
	ipc_send(c);
	UNTIL(&e, e.replies == 6);
	ck_assert_int_eq(e.err, ERR_NOT_IMPLEMENTED);
	ck_assert_uint_eq(e.api.down + e.hub.down, 0);
	finish(&e);
}
END_TEST

START_TEST(one_way)
{
	struct env		 e;
	struct ipc_chan		*c;
	struct msg_watch	 w = { .all = 1 };
	struct msg_events	 ev = { 0 };
	uint8_t			 ids[16 * 10000];
	int			 i;

	setup(&e);
	start_hub(&e, MSG_APID, 0);
	c = start_api(&e, MSG_APID);
	UNTIL(&e, e.api.up == 1 && e.hub.up == 1);
	for (i = 0; i < 5000; i++) {	/* more than one write's worth */
		ev.count = (uint32_t)i;
		msg_put_events(ipc_begin(e.hub.chan, MSG_EVENTS, ERR_OK, 0),
		    &ev);
		ipc_send(e.hub.chan);
	}
	memset(ids, 7, sizeof(ids));
	for (i = 0; i < 20; i++) {
		w = (struct msg_watch){ .n = (uint32_t)i * 500, .ids = ids };
		msg_put_watch(ipc_begin(c, MSG_WATCH, ERR_OK, 0), &w);
		ipc_send(c);
	}
	UNTIL(&e, e.api.seen[MSG_EVENTS] == 5000 &&
	    e.hub.seen[MSG_WATCH] == 20);
	finish(&e);
}
END_TEST

START_TEST(deadline)
{
	struct env	 e;
	struct ipc_chan	*c;
	uint64_t	 late;
	mono_us		 from;

	setup(&e);
	start_hub(&e, MSG_APID, 0);
	c = start_api(&e, MSG_APID);
	UNTIL(&e, e.api.up == 1);
	e.mute = true;
	from = mono_now();
	ask_status(&e, c, 100 * MONO_MS);
	UNTIL(&e, e.replies == 1);
	ck_assert_int_ge(mono_now() - from, 100 * MONO_MS);
	ck_assert_int_eq(e.err, ERR_NODE_TIMEOUT);
	ck_assert_int_eq(e.type, MSG__UNSET);
	late = e.hub.last_id;
	/* a request whose owner goes is never heard of again */
	ask_status(&e, c, 50 * MONO_MS);
	UNTIL(&e, e.hub.seen[MSG_STATUS] == 2);
	ipc_forget(&e.req);
	ck_assert_ptr_null(e.req);
	ipc_forget(&e.req);
	/* the late answers are not an offence */
	reply_text(e.hub.chan, late, "late");
	reply_text(e.hub.chan, e.hub.last_id, "late");
	e.mute = false;
	ask_status(&e, c, 0);
	UNTIL(&e, e.replies == 2);
	ck_assert_int_eq(e.err, ERR_OK);
	ck_assert_uint_eq(e.api.down, 0);
	/* but a second answer to one request is */
	reply_text(e.hub.chan, e.hub.last_id, "again");
	UNTIL(&e, e.api.down == 1 && e.hub.down == 1);
	UNTIL(&e, e.api.up == 2);
	finish(&e);
}
END_TEST

START_TEST(peer_goes)
{
	struct env	 e;
	struct ipc_chan	*c;
	struct ipc_req	*forgotten;
	struct id	 first;

	setup(&e);
	c = start_api(&e, MSG_APID);	/* nobody is there yet */
	ask_status(&e, c, 0);
	ck_assert_uint_eq(e.replies, 0);	/* on a later turn */
	UNTIL(&e, e.replies == 1);
	ck_assert_int_eq(e.err, ERR_PEER_GONE);
	ipc_request(c, MSG_STATUS, 0, on_reply, &e, &forgotten);
	ipc_send(c);
	ipc_forget(&forgotten);
	ipc_begin(c, MSG_WATCH, ERR_OK, 0);	/* swallowed */
	ipc_send(c);
	ck_assert_uint_eq(ipc_backlog(c), 0);
	start_hub(&e, MSG_APID, 0);
	UNTIL(&e, e.api.up == 1);
	first = e.api.instance;
	e.mute = true;
	ask_status(&e, c, 0);
	UNTIL(&e, e.hub.seen[MSG_STATUS] == 1);
	ipc_free(e.hub.ipc);
	UNTIL(&e, e.replies == 2);
	ck_assert_int_eq(e.err, ERR_PEER_GONE);
	ck_assert_uint_eq(e.api.down, 1);
	ck_assert(!ipc_is_up(c));
	start_hub(&e, MSG_APID, 0);	/* another life */
	UNTIL(&e, e.api.up == 2);
	ck_assert(!id_eq(&first, &e.api.instance));
	e.mute = false;
	ask_status(&e, c, 0);
	UNTIL(&e, e.replies == 3);
	ck_assert_int_eq(e.err, ERR_OK);
	finish(&e);
}
END_TEST

/* ---- ends that break the rules ---- */

static int
raw_connect(struct env *e)
{
	struct sock_addr	a;
	struct buf		text = BUF_INIT, err = BUF_INIT;
	int			fd;

	buf_printf(&text, "unix:%s", e->path);
	ck_assert_int_eq(sock_parse(buf_cstr(&text), &a, &err), 0);
	fd = sock_connect(&a);
	ck_assert_int_ne(fd, -1);
	buf_free(&text);
	buf_free(&err);
	return fd;
}

static bool
raw_ended(int fd)
{
	char	p[65536];
	ssize_t	n;

	do
		n = recv(fd, p, sizeof(p), MSG_DONTWAIT);
	while (n > 0);
	return n == 0 || errno != EAGAIN;
}

static void
put_header(struct buf *b, uint32_t len, unsigned type, unsigned err,
    uint64_t id)
{
	buf_put_u32(b, len);
	buf_put_u16(b, (uint16_t)type);
	buf_put_u16(b, (uint16_t)err);
	buf_put_u64(b, id);
}

static void
put_hello(struct buf *b, unsigned version, unsigned peer)
{
	struct msg_hello	h = { .version = (uint16_t)version,
				    .peer = (uint8_t)peer };
	size_t			at;

	id_new(&h.instance);
	h.name = SLICE("raw");
	at = msg_begin(b, MSG_HELLO, ERR_OK, 0);
	msg_put_hello(b, &h);
	msg_end(b, at);
}

enum { NO_HELLO = 0, GOOD = MSG_VERSION, BAD_VERSION = 9 };

static const struct {
	const char	*what;
	unsigned	 hello, peer;
	/* a header, then so many zero bytes of payload */
	uint32_t	 len;
	unsigned	 type, err;
	size_t		 payload;
	const char	*raw;		/* instead of the header */
} bad[] = {
	{ "garbage", NO_HELLO, 0, 0, 0, 0, 0,
	    "GET / HTTP/1.1\r\nHost: hub\r\n\r\n" },
	{ "a request before hello", NO_HELLO, 0, 0, MSG_STATUS, 0, 0, NULL },
	{ "hello that is too long", NO_HELLO, 0, 5000, MSG_HELLO, 0, 0,
	    NULL },
	{ "hello that is too short", NO_HELLO, 0, 3, MSG_HELLO, 0, 3, NULL },
	{ "hello of zeros", NO_HELLO, 0, 27, MSG_HELLO, 0, 27, NULL },
	{ "another version", BAD_VERSION, MSG_APID, 0, 0, 0, 0, NULL },
	{ "not its uid's class", GOOD, MSG_AID, 0, 0, 0, 0, NULL },
	{ "two classes", GOOD, MSG_APID | MSG_CTL, 0, 0, 0, 0, NULL },
	{ "no class", GOOD, 0, 0, 0, 0, 0, NULL },
	{ "hello twice", GOOD, MSG_APID, 27, MSG_HELLO, 0, 27, NULL },
	{ "unknown type", GOOD, MSG_APID, 0, MSG__MAX, 0, 0, NULL },
	{ "type 0", GOOD, MSG_APID, 0, 0, 0, 0, "\0" },
	{ "type 65535", GOOD, MSG_APID, 0, 65535, 0, 0, NULL },
	{ "unknown error", GOOD, MSG_APID, 0, MSG_STATUS, ERR__MAX, 0, NULL },
	{ "over the row's maximum", GOOD, MSG_APID, 1, MSG_STATUS, 0, 0,
	    NULL },
	{ "4 GiB announced", GOOD, MSG_APID, 0xffffffff, MSG_WATCH, 0, 0,
	    NULL },
	{ "under the row's minimum", GOOD, MSG_APID, 4, MSG_WATCH, 0, 4,
	    NULL },
	{ "trailing bytes", GOOD, MSG_APID, 6, MSG_WATCH, 0, 6, NULL },
	{ "not for its class", GOOD, MSG_CTL, 40, MSG_COMMAND, 0, 40, NULL },
	{ "not for us", GOOD, MSG_APID, 0, MSG_SELFTEST, 0, 0, NULL },
	{ "our own kind of message", GOOD, MSG_APID, 4, MSG_EVENTS, 0, 4,
	    NULL },
	{ "a reply to nothing", GOOD, MSG_APID, 0, MSG_ERROR, 0, 0, NULL },
};

START_TEST(violation)
{
	struct env	 e;
	struct ipc_chan	*c;
	struct buf	 b = BUF_INIT;
	int		 fd;

	setup(&e);
	start_hub(&e, MSG_APID | MSG_CTL, 0);
	c = start_api(&e, MSG_APID);
	UNTIL(&e, e.api.up == 1 && e.hub.up == 1);
	if (bad[_i].hello != NO_HELLO)
		put_hello(&b, bad[_i].hello, bad[_i].peer);
	if (bad[_i].raw != NULL)
		buf_put(&b, bad[_i].raw, strlen(bad[_i].raw));
	if (bad[_i].raw == NULL && (bad[_i].type != 0 || bad[_i].len != 0))
		put_header(&b, bad[_i].len, bad[_i].type, bad[_i].err, 1);
	if (bad[_i].raw != NULL && bad[_i].raw[0] == '\0')
		put_header(&b, 0, 0, 0, 1);
	memset(buf_reserve(&b, bad[_i].payload), 0, bad[_i].payload);
	buf_commit(&b, bad[_i].payload);
	fd = raw_connect(&e);
	ck_assert_int_eq(send(fd, buf_head(&b), buf_used(&b), MSG_NOSIGNAL),
	    (ssize_t)buf_used(&b));
	UNTIL(&e, raw_ended(fd));
	close(fd);
	UNTIL(&e, e.hub.down == e.hub.up - 1);
	/* the other channel has noticed nothing */
	ask_status(&e, c, 0);
	UNTIL(&e, e.replies == 1);
	ck_assert_int_eq(e.err, ERR_OK);
	ck_assert_uint_eq(e.api.down, 0);
	buf_free(&b);
	finish(&e);
}
END_TEST

/* Valid messages survive any cut of the stream. */
START_TEST(byte_by_byte)
{
	struct env	e;
	struct buf	b = BUF_INIT;
	uint8_t		head[MSG_HEADER];
	size_t		i, got = 0;
	ssize_t		n;
	int		fd;

	setup(&e);
	start_hub(&e, MSG_APID, 0);
	put_hello(&b, MSG_VERSION, MSG_APID);
	put_header(&b, 0, MSG_STATUS, 0, 77);
	put_header(&b, 5, MSG_WATCH, 0, 0);
	buf_put(&b, "\1\0\0\0\0", 5);
	put_header(&b, 0, MSG_STATUS, 0, 78);
	fd = raw_connect(&e);
	for (i = 0; i < buf_used(&b); i++) {
		ck_assert_int_eq(send(fd, buf_head(&b) + i, 1, 0), 1);
		event_base_loop(e.base, EVLOOP_NONBLOCK);
	}
	UNTIL(&e, e.hub.seen[MSG_STATUS] == 2);
	ck_assert_uint_eq(e.hub.seen[MSG_WATCH], 1);
	ck_assert_uint_eq(e.hub.last_id, 78);
	while (got < sizeof(head)) {	/* hello_ok is the first answer */
		n = recv(fd, head + got, sizeof(head) - got, MSG_DONTWAIT);
		got += n > 0 ? (size_t)n : 0;
		turn(&e);
	}
	ck_assert_int_eq(head[4], MSG_HELLO_OK);
	close(fd);
	UNTIL(&e, e.hub.down == 1);
	buf_free(&b);
	finish(&e);
}
END_TEST

START_TEST(wrong_uid)
{
	struct env	e;
	int		fd;

	setup(&e);
	start_hub(&e, 0, 0);	/* our uid is listed for nothing */
	fd = raw_connect(&e);
	UNTIL(&e, raw_ended(fd));
	ck_assert_uint_eq(e.hub.up, 0);
	close(fd);
	finish(&e);
}
END_TEST

START_TEST(too_many)
{
	struct env	e;
	int		fd[3], i;

	setup(&e);
	start_hub(&e, MSG_APID, 0);
	for (i = 0; i < 3; i++)
		fd[i] = raw_connect(&e);
	UNTIL(&e, raw_ended(fd[2]));
	ck_assert(!raw_ended(fd[0]) && !raw_ended(fd[1]));
	close(fd[0]);
	close(fd[2]);
	for (i = 0; i < 5; i++)
		turn(&e);
	fd[0] = raw_connect(&e);	/* a place is free again */
	for (i = 0; i < 5; i++)
		turn(&e);
	ck_assert(!raw_ended(fd[0]));
	close(fd[0]);
	close(fd[1]);
	finish(&e);
}
END_TEST

START_TEST(slow_reader)
{
	struct env	 e;
	struct buf	 b = BUF_INIT, *out;
	size_t		 most = 0;
	int		 fd, i;

	setup(&e);
	start_hub(&e, MSG_APID, 2000000);
	put_hello(&b, MSG_VERSION, MSG_APID);
	fd = raw_connect(&e);
	ck_assert_int_eq(send(fd, buf_head(&b), buf_used(&b), 0),
	    (ssize_t)buf_used(&b));
	UNTIL(&e, e.hub.up == 1);
	for (i = 0; i < 100 && e.hub.down == 0; i++) {
		if (e.hub.chan == NULL)
			break;
		out = ipc_begin(e.hub.chan, MSG_CONFIG, ERR_OK, 1);
		memset(buf_reserve(out, 100000), 0, 100000);
		buf_commit(out, 100000);
		ipc_send(e.hub.chan);
		if (ipc_backlog(e.hub.chan) > most)
			most = ipc_backlog(e.hub.chan);
		turn(&e);
	}
	UNTIL(&e, e.hub.down == 1);
	ck_assert_int_gt(i, 15);
	ck_assert_int_lt(i, 40);
	ck_assert_uint_le(most, 2000000);
	close(fd);
	buf_free(&b);
	finish(&e);
}
END_TEST

/* ---- a server that breaks them ---- */

static int
raw_listen(struct env *e)
{
	struct sock_addr	a;
	struct buf		text = BUF_INIT, err = BUF_INIT;
	int			fd;

	buf_printf(&text, "unix:%s", e->path);
	ck_assert_int_eq(sock_parse(buf_cstr(&text), &a, &err), 0);
	fd = sock_listen(&a, 16, 0600, (gid_t)-1, &err);
	ck_assert_int_ne(fd, -1);
	buf_free(&text);
	buf_free(&err);
	return fd;
}

static int
raw_accept(struct env *e, int lfd)
{
	int fd = -1;

	UNTIL(e, (fd = sock_accept(lfd, NULL)) != -1);
	return fd;
}

static void
raw_hello_ok(int fd, unsigned peer)
{
	struct buf b = BUF_INIT;

	put_hello(&b, MSG_VERSION, peer);
	buf_head(&b)[4] = MSG_HELLO_OK;
	ck_assert_int_eq(send(fd, buf_head(&b), buf_used(&b), MSG_NOSIGNAL),
	    (ssize_t)buf_used(&b));
	buf_free(&b);
}

static const struct {
	unsigned peer, type, id, len;
} lies[] = {
	{ MSG_AID, 0, 0, 0 },			/* not whom we called */
	{ MSG_HUBD, MSG_CONFIG, 1, 20 },	/* wrong reply */
	{ MSG_HUBD, MSG_STATUS_REPLY, 2, 4 },	/* no such request */
	{ MSG_HUBD, MSG_STATUS, 1, 0 },		/* hubd asks nothing */
	{ MSG_HUBD, MSG_HELLO_OK, 0, 27 },	/* again */
	{ MSG_HUBD, MSG_EVENTS, 0, 4 },		/* malformed: see below */
};

START_TEST(server_lies)
{
	struct env	 e;
	struct ipc_chan	*c;
	struct buf	 b = BUF_INIT;
	int		 lfd, fd, fd2;

	setup(&e);
	lfd = raw_listen(&e);
	c = start_api(&e, MSG_APID);
	fd = raw_accept(&e, lfd);
	raw_hello_ok(fd, lies[_i].peer);
	if (lies[_i].type != 0) {
		UNTIL(&e, e.api.up == 1);
		ask_status(&e, c, 0);
		put_header(&b, lies[_i].len, lies[_i].type, 0, lies[_i].id);
		memset(buf_reserve(&b, 64), 0, 64);
		buf_commit(&b, lies[_i].len);
		if (lies[_i].type == MSG_EVENTS)	/* then a cut header */
			put_header(&b, 3, MSG_EVENTS, 0, 0);
		ck_assert_int_eq(send(fd, buf_head(&b), buf_used(&b), 0),
		    (ssize_t)buf_used(&b));
		UNTIL(&e, e.replies == 1);
		ck_assert_int_eq(e.err, ERR_PEER_GONE);
		ck_assert_uint_eq(e.api.down, 1);
	}
	UNTIL(&e, raw_ended(fd));
	fd2 = raw_accept(&e, lfd);	/* it tries again */
	raw_hello_ok(fd2, MSG_HUBD);
	UNTIL(&e, ipc_is_up(c));
	close(fd);
	close(fd2);
	close(lfd);
	buf_free(&b);
	finish(&e);
}
END_TEST

int
main(void)
{
	Suite	*s = suite_create("ipc");
	TCase	*t = tcase_create("ipc");
	SRunner	*sr;
	int	 failed;

	/* a hundred expected warnings would hide an unexpected line */
	log_init("test", getenv("MAST_TEST_LOG") != NULL ? LOG_L_DEBUG :
	    LOG_L_ERROR);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, hello);
	tcase_add_test(t, requests);
	tcase_add_test(t, one_way);
	tcase_add_test(t, deadline);
	tcase_add_test(t, peer_goes);
	tcase_add_loop_test(t, violation, 0, nitems(bad));
	tcase_add_test(t, byte_by_byte);
	tcase_add_test(t, wrong_uid);
	tcase_add_test(t, too_many);
	tcase_add_test(t, slow_reader);
	tcase_add_loop_test(t, server_lies, 0, nitems(lies));
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, getenv("CK_TAP_LOG_FILE_NAME") != NULL ?
	    CK_SILENT : CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
