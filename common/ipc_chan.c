/*
 * ipc_chan: messages and requests on one channel. A message that arrived as
 * a whole is handled where it lies; only a part of one is kept. What is sent
 * in one turn of the loop leaves in one write. A channel that breaks a rule
 * is dropped: its stream ends at once, everything else happens when the
 * stream says so.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc_int.h"
#include "log.h"
#include "xmalloc.h"

#define REQUEST_TIME	(10 * MONO_SEC)
#define FLUSH_AT	65536		/* collected for one write */
#define KEEP_IN		65536		/* input memory kept for the next */
#define ABANDONED	1024		/* unanswered, nobody waits any more */

static void on_req(void *);

void
ipc_chan_drop(struct ipc_chan *c, const char *fmt, ...)
{
	char	text[256];
	va_list	ap;

	if (c->state == IPC_CLOSING || c->st == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_warn("ipc: %s: %s; channel dropped", c->label, text);
	if (c->state != IPC_UP)
		c->since = 0;
	c->state = c->state == IPC_UP ? IPC_CLOSING : IPC_DOWN;
	timer_del(&c->timer);
	stream_abort(c->st, false);
}

/* ---- requests ---- */

static struct ipc_reqs *
bucket(struct ipc_chan *c, uint64_t id)
{
	return &c->reqs[id % IPC_BUCKETS];
}

/* Before fn is entered, and when nobody waits any more. */
static void
unref(struct ipc_req *r)
{
	if (r->ref != NULL)
		*r->ref = NULL;
	r->ref = NULL;
}

/* Takes it off its channel; the call happens on a later turn. */
static void
req_end(struct ipc *ipc, struct ipc_req *r, enum err err)
{
	LIST_REMOVE(r, entry);
	timer_del(&r->timer);
	r->chan = NULL;
	r->err = err;
	if (r->fn == NULL) {
		free(r);
		return;
	}
	LIST_INSERT_HEAD(&ipc->ended, r, entry);
	timer_set(ipc->cfg.timers, &r->timer, 0);
}

static void
abandon(struct ipc_chan *c, struct ipc_req *r)
{
	r->fn = NULL;
	timer_del(&r->timer);
	if (++c->abandoned > ABANDONED)
		ipc_chan_drop(c, "%u requests never answered", c->abandoned);
}

static void
on_req(void *arg)
{
	struct ipc_req	*r = arg;
	ipc_reply_fn	 fn = r->fn;
	void		*owner = r->arg;
	enum err	 err = r->err;

	unref(r);
	if (r->chan != NULL) {		/* its answer may still come */
		abandon(r->chan, r);
		err = ERR_NODE_TIMEOUT;
	} else {
		LIST_REMOVE(r, entry);
		free(r);
	}
	fn(owner, err, NULL);
}

void
ipc_forget(struct ipc_req **req)
{
	struct ipc_req *r = *req;

	*req = NULL;
	if (r == NULL)
		return;
	r->ref = NULL;
	if (r->chan != NULL) {
		abandon(r->chan, r);
		return;
	}
	timer_del(&r->timer);
	LIST_REMOVE(r, entry);
	free(r);
}

void
ipc_chan_fail(struct ipc_chan *c)
{
	struct ipc_req	*r;
	unsigned	 i;

	for (i = 0; i < IPC_BUCKETS; i++)
		while ((r = LIST_FIRST(&c->reqs[i])) != NULL)
			req_end(c->ipc, r, ERR_PEER_GONE);
	c->abandoned = 0;
}

struct buf *
ipc_request(struct ipc_chan *c, enum msg_type type, mono_us deadline,
    ipc_reply_fn fn, void *arg, struct ipc_req **req_r)
{
	struct ipc_req		*r = xcalloc(1, sizeof(*r));
	const struct msg_row	*row = msg_row(type);

	if (row == NULL || row->reply == MSG__UNSET || fn == NULL)
		fatal("ipc: message %d is no request", (int)type);
	r->chan = c;
	r->id = ++c->last_id;
	r->reply = row->reply;
	r->fn = fn;
	r->arg = arg;
	timer_init(&r->timer, on_req, r);
	LIST_INSERT_HEAD(bucket(c, r->id), r, entry);
	if (c->state != IPC_UP)
		req_end(c->ipc, r, ERR_PEER_GONE);
	else
		timer_set(c->ipc->cfg.timers, &r->timer, deadline > 0 ?
		    deadline : REQUEST_TIME);
	r->ref = req_r;
	if (req_r != NULL)
		*req_r = r;
	return ipc_begin(c, type, ERR_OK, r->id);
}

static struct ipc_req *
req_find(struct ipc_chan *c, uint64_t id)
{
	struct ipc_req *r;

	LIST_FOREACH(r, bucket(c, id), entry)
		if (r->id == id)
			return r;
	return NULL;
}

static void
on_reply(struct ipc_chan *c, struct ipc_msg *m)
{
	struct ipc_req	*r = req_find(c, m->id);
	ipc_reply_fn	 fn;
	void		*owner;

	if (r == NULL) {
		ipc_chan_drop(c, "%s to no request of ours",
		    msg_row(m->type)->name);
		return;
	}
	if (m->type != MSG_ERROR && m->type != r->reply) {
		ipc_chan_drop(c, "wrong reply %s", msg_row(m->type)->name);
		return;
	}
	if (m->type == MSG_ERROR && m->err == ERR_OK)
		m->err = ERR_PROTOCOL;
	fn = r->fn;
	owner = r->arg;
	unref(r);
	LIST_REMOVE(r, entry);
	timer_del(&r->timer);
	free(r);
	if (fn != NULL)
		fn(owner, m->err, m);
	else
		c->abandoned--;
}

/* ---- sending ---- */

struct buf *
ipc_begin(struct ipc_chan *c, enum msg_type type, enum err err, uint64_t id)
{
	if (c->type != MSG__UNSET)
		fatal("ipc: a message begun inside another");
	if (c->state != IPC_UP)
		buf_clear(&c->out);
	c->type = type;
	c->id = id;
	c->at = msg_begin(&c->out, type, err, id);
	return &c->out;
}

/* The message just written breaks its row: say so in its place. */
static void
misfit(struct ipc_chan *c, size_t n)
{
	const struct msg_row	*row = msg_row(c->type);
	struct ipc_req		*r;

	log_error("ipc: %s: %s of %zu bytes is not sent", c->label, row != NULL
	    ? row->name : "unknown type", n);
	c->out.len = c->out.off + c->at;
	if (row == NULL)
		return;
	if (row->reply != MSG__UNSET && (r = req_find(c, c->id)) != NULL)
		req_end(c->ipc, r, ERR_TOO_LARGE);
	if (c->ipc->is_reply[c->type] && c->type != MSG_ERROR)
		msg_end(&c->out, msg_begin(&c->out, MSG_ERROR, ERR_TOO_LARGE,
		    c->id));
}

static void
flush(struct ipc_chan *c)
{
	timer_del(&c->flush);
	if (buf_used(&c->out) == 0)
		return;
	stream_write_buf(c->st, &c->out);
	if (c->out.cap > FLUSH_AT)
		buf_free(&c->out);
	if (stream_backlog(c->st) > c->ipc->cfg.backlog_max)
		ipc_chan_drop(c, "%zu bytes wait for it",
		    stream_backlog(c->st));
}

void
ipc_chan_flush(void *arg)
{
	struct ipc_chan *c = arg;

	if (c->state == IPC_UP && c->type == MSG__UNSET)
		flush(c);
}

void
ipc_send(struct ipc_chan *c)
{
	const struct msg_row	*row = msg_row(c->type);
	size_t			 n;

	if (c->type == MSG__UNSET)
		fatal("ipc: nothing was begun");
	if (c->state != IPC_UP) {
		buf_free(&c->out);
		c->type = MSG__UNSET;
		return;
	}
	n = buf_used(&c->out) - c->at - MSG_HEADER;
	if (row == NULL || n < row->min || n > row->max)
		misfit(c, n);
	else
		msg_end(&c->out, c->at);
	c->type = MSG__UNSET;
	if (buf_used(&c->out) >= FLUSH_AT)
		flush(c);
	else if (!c->reading && !timer_pending(&c->flush))
		timer_set(c->ipc->cfg.timers, &c->flush, 0);
}

/* ---- receiving ---- */

static void
dispatch(struct ipc_chan *c, struct ipc_msg *m)
{
	const struct ipc_handler *h = &c->ipc->handlers[m->type];
	const struct msg_row	 *row = msg_row(m->type);

	if (c->state == IPC_HELLO) {
		ipc_hello(c, m);
	} else if (c->ipc->is_reply[m->type]) {
		on_reply(c, m);
	} else if (h->fn != NULL) {
		if (!h->fn(c->ipc->cfg.arg, c, m))
			ipc_chan_drop(c, "malformed %s", row->name);
	} else if (row->reply != MSG__UNSET) {
		ipc_begin(c, MSG_ERROR, ERR_NOT_IMPLEMENTED, m->id);
		ipc_send(c);
	} else {
		log_debug("ipc: %s: %s ignored", c->label, row->name);
	}
}

static unsigned
get16(const uint8_t *p)
{
	return p[0] | (unsigned)p[1] << 8;
}

static uint64_t
get64(const uint8_t *p)
{
	uint64_t v = 0;
	int	 i;

	for (i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

/* Everything that needs no payload. False: the channel was dropped. */
static bool
check_header(struct ipc_chan *c, const uint8_t *p, uint32_t *len_r)
{
	unsigned		 type = get16(p + 4), err = get16(p + 6);
	const struct msg_row	*row = msg_row(type);
	enum msg_type		 hello = c->client ? MSG_HELLO_OK : MSG_HELLO;
	unsigned		 peer;

	peer = c->state == IPC_UP ? (unsigned)c->peer : c->allowed;
	*len_r = get16(p) | (uint32_t)get16(p + 2) << 16;
	if (row == NULL || err >= ERR__MAX)
		ipc_chan_drop(c, "unknown message %u, error %u", type, err);
	else if (c->state == IPC_HELLO && type != (unsigned)hello)
		ipc_chan_drop(c, "%s before hello", row->name);
	else if (c->state == IPC_UP && (type == MSG_HELLO ||
	    type == MSG_HELLO_OK))
		ipc_chan_drop(c, "a second hello");
	else if ((row->sender & peer) == 0 ||
	    (row->receiver & c->ipc->cfg.self) == 0)
		ipc_chan_drop(c, "may not send us %s", row->name);
	else if (*len_r < row->min || *len_r > row->max)
		ipc_chan_drop(c, "%s of %u bytes", row->name, *len_r);
	return c->state == IPC_HELLO || c->state == IPC_UP;
}

static void
take(struct ipc_chan *c, const uint8_t *p, uint32_t len)
{
	struct ipc_msg m;

	m.type = (enum msg_type)get16(p + 4);
	m.err = (enum err)get16(p + 6);
	m.id = get64(p + 8);
	m.in = (struct msg_in){ p + MSG_HEADER, p + MSG_HEADER + len, true };
	dispatch(c, &m);
}

/* Completes the message in c->in; returns how much of p it took. */
static size_t
feed_rest(struct ipc_chan *c, const uint8_t *p, size_t n)
{
	size_t		have = buf_used(&c->in), want = MSG_HEADER;
	uint32_t	len;

	if (have >= MSG_HEADER) {
		if (!check_header(c, buf_head(&c->in), &len))
			return n;
		want += len;
	}
	if (n > want - have)
		n = want - have;
	buf_put(&c->in, p, n);
	if (have + n < want)
		return n;
	if (have < MSG_HEADER) {
		if (!check_header(c, buf_head(&c->in), &len))
			return n;
		buf_reserve(&c->in, len);
		if (len > 0)
			return n;
	}
	take(c, buf_head(&c->in), len);
	buf_clear(&c->in);
	if (c->in.cap > KEEP_IN)
		buf_free(&c->in);
	return n;
}

/* A message that is there as a whole is handled where it lies. */
static size_t
feed(struct ipc_chan *c, const uint8_t *p, size_t n)
{
	uint32_t len;

	if (buf_used(&c->in) > 0)
		return feed_rest(c, p, n);
	if (n < MSG_HEADER) {
		buf_put(&c->in, p, n);
		return n;
	}
	if (!check_header(c, p, &len))
		return n;
	if (n >= MSG_HEADER + (size_t)len) {
		take(c, p, len);
		return MSG_HEADER + (size_t)len;
	}
	buf_reserve(&c->in, MSG_HEADER + (size_t)len);
	buf_put(&c->in, p, n);
	return n;
}

void
ipc_chan_data(void *arg, uint8_t *p, size_t n)
{
	struct ipc_chan	*c = arg;
	size_t		 took;

	c->reading = true;
	while (n > 0 && (c->state == IPC_HELLO || c->state == IPC_UP)) {
		took = feed(c, p, n);
		p += took;
		n -= took;
	}
	c->reading = false;
	if (c->state == IPC_UP)
		flush(c);
}
