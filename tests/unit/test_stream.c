/*
 * stream: plain and TLS connections against a client that is driven by hand,
 * over loopback TCP. Every wait runs the loop until a condition holds.
 */
#include <event2/event.h>
#include <sys/socket.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "mono.h"
#include "sock.h"
#include "stream.h"
#include "timer.h"
#include "tls.h"
#include "xmalloc.h"

#define WAIT (10 * MONO_SEC)

struct env {
	struct event_base	*base;
	struct event		*tick;
	struct timers		*timers;
	struct stream_io	*io;
	struct tls_ctx		*sctx, *cctx;
	/* the server's side */
	struct stream		*st;
	int			 sfd;
	struct buf		 got;
	size_t			 calls, biggest;
	unsigned		 ready, drained, closed;
	enum stream_end		 end;
	char			 detail[128];
	void			(*on_ready)(struct env *);
	void			(*on_data)(struct env *);
	void			(*on_drained)(struct env *);
	/* the client's */
	int			 cfd;
	struct tls		*ctls;
	bool			 joined;
	struct buf		 cgot;
	bool			 ceof, creset;
};

static void
cb_ready(void *arg)
{
	struct env *e = arg;

	ck_assert_uint_eq(e->closed, 0);
	ck_assert_uint_eq(e->calls, 0);
	e->ready++;
	if (e->on_ready != NULL)
		e->on_ready(e);
}

static void
cb_data(void *arg, uint8_t *p, size_t n)
{
	struct env *e = arg;

	ck_assert_uint_eq(e->ready, 1);
	ck_assert_uint_eq(e->closed, 0);
	ck_assert_uint_gt(n, 0);
	buf_put(&e->got, p, n);
	memset(p, '#', n);	/* the owner may write there */
	e->calls++;
	if (n > e->biggest)
		e->biggest = n;
	if (e->on_data != NULL)
		e->on_data(e);
}

static void
cb_drained(void *arg)
{
	struct env *e = arg;

	ck_assert_uint_eq(e->closed, 0);
	ck_assert_uint_eq(stream_backlog(e->st), 0);
	e->drained++;
	if (e->on_drained != NULL)
		e->on_drained(e);
}

static void
cb_closed(void *arg, enum stream_end end, const char *detail)
{
	struct env *e = arg;

	ck_assert_uint_eq(e->closed, 0);
	ck_assert_int_eq(stream_fd(e->st), -1);
	e->closed++;
	e->end = end;
	snprintf(e->detail, sizeof(e->detail), "%s", detail);
	e->st = NULL;
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
}

static const struct stream_ops ops = {
	cb_ready, cb_data, cb_drained, cb_closed
};

static void
tcp_pair(struct env *e)
{
	struct sock_addr	a;
	struct buf		err = BUF_INIT;
	struct pollfd		p = { .events = POLLIN };
	char			text[SOCK_TEXT];
	int			size = 65536;

	ck_assert_int_eq(sock_parse("127.0.0.1:0", &a, &err), 0);
	p.fd = sock_listen(&a, 0, 0, (gid_t)-1, &err);
	ck_assert_msg(p.fd != -1, "%s", buf_cstr(&err));
	snprintf(text, sizeof(text), "127.0.0.1:%d", sock_port(p.fd));
	ck_assert_int_eq(sock_parse(text, &a, &err), 0);
	e->cfd = sock_connect(&a);
	ck_assert_int_ne(e->cfd, -1);
	ck_assert_int_eq(poll(&p, 1, 5000), 1);
	e->sfd = sock_accept(p.fd, NULL);
	ck_assert_int_ne(e->sfd, -1);
	close(p.fd);
	p = (struct pollfd){ .fd = e->cfd, .events = POLLOUT };
	ck_assert_int_eq(poll(&p, 1, 5000), 1);
	sock_tune(e->cfd, 0);
	/* or the kernel keeps megabytes and nothing ever waits */
	setsockopt(e->sfd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(e->cfd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	buf_free(&err);
}

static void
make_contexts(struct env *e)
{
	struct buf cert = BUF_INIT, key = BUF_INIT, err = BUF_INIT;

	ck_assert_int_eq(tls_selfsigned("localhost", &cert, &key, &err), 0);
	e->sctx = tls_ctx_server(buf_cstr(&cert), buf_cstr(&key), 0, &err);
	e->cctx = tls_ctx_client(NULL, &err);
	ck_assert(e->sctx != NULL && e->cctx != NULL);
	buf_free(&cert);
	buf_free(&key);
	buf_free(&err);
}

static void
start(struct env *e, bool tls, size_t scratch)
{
	memset(e, 0, sizeof(*e));
	e->base = event_base_new();
	e->tick = evtimer_new(e->base, on_tick, NULL);
	e->timers = timers_new(e->base);
	e->io = stream_io_new(e->base, e->timers, scratch);
	tcp_pair(e);
	e->joined = true;
	if (tls) {
		make_contexts(e);
		e->ctls = tls_connect(e->cctx, e->cfd, "localhost");
		e->joined = false;
	}
	e->st = stream_new(e->io, e->sfd, e->sctx, &ops, e);
	ck_assert_uint_eq(e->ready, 0);
}

static void
finish(struct env *e)
{
	const struct stream_stats *st = stream_io_stats(e->io);

	if (e->st == NULL) {
		ck_assert_uint_eq(st->open, 0);
		ck_assert_uint_eq(st->handshakes, 0);
		ck_assert_uint_eq(st->opened, st->closed);
	}
	stream_io_free(e->io);
	timers_free(e->timers);
	event_free(e->tick);
	ck_assert_int_eq(event_base_get_num_events(e->base,
	    EVENT_BASE_COUNT_ADDED), 0);
	event_base_free(e->base);
	tls_free(e->ctls);
	if (e->cfd != -1)
		close(e->cfd);
	tls_ctx_free(e->sctx);
	tls_ctx_free(e->cctx);
	buf_free(&e->got);
	buf_free(&e->cgot);
}

/* The client's turn: handshake, then at most max bytes. */
static void
client_read(struct env *e, size_t max)
{
	char		p[65536];
	size_t		n = 0;
	enum tls_io	r;
	ssize_t		got;

	if (max > sizeof(p))
		max = sizeof(p);
	if (e->ceof || e->creset)
		return;
	if (!e->joined) {
		r = tls_handshake(e->ctls);
		e->joined = r == TLS_OK;
		e->creset = r == TLS_EOF || r == TLS_FAIL;
		return;
	}
	if (e->ctls != NULL) {
		r = tls_read(e->ctls, p, max, &n);
		e->ceof = r == TLS_EOF;
		e->creset = r == TLS_FAIL;
	} else {
		got = recv(e->cfd, p, max, MSG_DONTWAIT);
		n = got > 0 ? (size_t)got : 0;
		e->ceof = got == 0;
		e->creset = got == -1 && errno != EAGAIN;
	}
	buf_put(&e->cgot, p, n);
}

/* Bytes taken. */
static size_t
client_write(struct env *e, const void *p, size_t n)
{
	size_t	took = 0;
	ssize_t	r;

	if (e->ctls != NULL)
		return tls_write(e->ctls, p, n, &took) == TLS_OK ? took : 0;
	r = send(e->cfd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	return r > 0 ? (size_t)r : 0;
}

static void
turn(struct env *e)
{
	struct timeval tv = { 0, 2000 };

	evtimer_add(e->tick, &tv);
	event_base_loop(e->base, EVLOOP_ONCE);
	evtimer_del(e->tick);
}

/* Runs both sides until cond; the test's own deadline is the failure. */
#define UNTIL(e, cond) do { \
	mono_us give_up = mono_now() + WAIT; \
	while (!(cond)) { \
		ck_assert_msg(mono_now() < give_up, "waited for " #cond); \
		turn(e); \
		client_read(e, 65536); \
	} \
} while (0)
#define UNTIL_SILENT(e, cond) do { \
	mono_us give_up = mono_now() + WAIT; \
	while (!(cond)) { \
		ck_assert_msg(mono_now() < give_up, "waited for " #cond); \
		turn(e); \
	} \
} while (0)

static void
hang_up(struct env *e)
{
	if (e->ctls != NULL)
		tls_shutdown(e->ctls);
	close(e->cfd);
	e->cfd = -1;
}

static void
pattern(struct buf *b, size_t n)
{
	uint32_t	x = 1;
	size_t		i;

	buf_reserve(b, n);
	for (i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		buf_put_u8(b, (uint8_t)(x >> 24));
	}
}

static bool
same(struct buf *a, struct buf *b)
{
	return buf_used(a) == buf_used(b) && (buf_used(a) == 0 ||
	    memcmp(buf_head(a), buf_head(b), buf_used(a)) == 0);
}

static void
echo(struct env *e)
{
	stream_write(e->st, buf_head(&e->got), buf_used(&e->got));
}

START_TEST(round_trip)	/* 0 plain, 1 TLS, as in most below */
{
	struct env			 e;
	const struct stream_stats	*st;

	start(&e, _i == 1, 0);
	st = stream_io_stats(e.io);
	ck_assert_uint_eq(st->handshakes, (uint64_t)_i);
	ck_assert(stream_is_tls(e.st) == (_i == 1));
	e.on_data = echo;
	UNTIL(&e, e.ready == 1 && e.joined);
	ck_assert_uint_eq(st->handshakes, 0);
	ck_assert_uint_eq(client_write(&e, "hello", 5), 5);
	UNTIL(&e, buf_used(&e.cgot) == 5);
	ck_assert_str_eq(buf_cstr(&e.cgot), "hello");
	hang_up(&e);
	UNTIL_SILENT(&e, e.closed == 1);
	ck_assert_int_eq(e.end, STREAM_EOF);
	ck_assert_uint_eq(st->bytes_in, 5);
	ck_assert_uint_eq(st->bytes_out, 5);
	finish(&e);
}
END_TEST

START_TEST(in_one_piece)
{
	struct env	e;
	struct buf	b = BUF_INIT;
	size_t		sent = 0;

	start(&e, _i == 1, 0);
	UNTIL(&e, e.ready == 1 && e.joined);
	pattern(&b, 30000);
	while (sent < 30000)
		sent += client_write(&e, buf_head(&b) + sent, 30000 - sent);
	UNTIL(&e, buf_used(&e.got) == 30000);
	ck_assert(same(&b, &e.got));
	ck_assert_uint_eq(e.calls, 1);
	buf_free(&b);
	stream_abort(e.st, true);
	ck_assert_uint_eq(e.closed, 0);		/* later */
	UNTIL(&e, e.closed == 1 && (e.creset || e.ceof));
	ck_assert(e.creset);
	ck_assert_int_eq(e.end, STREAM_LOCAL);
	finish(&e);
}
END_TEST

/* Both ways at once, a client that reads 20 kB a turn. */
START_TEST(large)
{
	enum { N = 3000000 };
	struct env	e;
	struct buf	b = BUF_INIT;
	size_t		sent = 0, i;
	mono_us		end = mono_now() + 3 * WAIT;

	start(&e, _i == 1, 0);
	UNTIL(&e, e.ready == 1 && e.joined);
	pattern(&b, N);
	for (i = 0; i < N; i += 100000)
		stream_write(e.st, buf_head(&b) + i, 100000);
	ck_assert_uint_gt(stream_backlog(e.st), 0);
	ck_assert_uint_eq(e.drained, 0);
	while (buf_used(&e.cgot) < N || buf_used(&e.got) < N) {
		ck_assert(mono_now() < end);
		turn(&e);
		if (sent < N)
			sent += client_write(&e, buf_head(&b) + sent,
			    N - sent < 50000 ? N - sent : 50000);
		client_read(&e, 20000);
	}
	ck_assert(same(&e.cgot, &b));
	ck_assert(same(&e.got, &b));
	ck_assert_uint_eq(stream_backlog(e.st), 0);
	ck_assert_uint_eq(e.drained, 1);
	buf_free(&b);
	finish(&e);	/* with the stream still there */
}
END_TEST

/* The client's bytes reach the server one at a time, and back. */
START_TEST(byte_by_byte)
{
	struct env	e;
	int		far[2], near;
	char		c;
	mono_us		end = mono_now() + 3 * WAIT;

	start(&e, _i == 1, 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    far), 0);
	near = e.cfd;
	e.cfd = far[0];
	if (_i == 1) {
		tls_free(e.ctls);
		e.ctls = tls_connect(e.cctx, e.cfd, "localhost");
	}
	e.on_data = echo;
	while (buf_used(&e.cgot) < 5) {
		ck_assert(mono_now() < end);
		client_read(&e, 100);
		if (e.joined && e.calls == 0 && buf_used(&e.cgot) == 0 &&
		    e.ready == 1) {
			ck_assert_uint_eq(client_write(&e, "world", 5), 5);
			e.calls = 1;
			e.on_data = NULL;
		}
		if (recv(far[1], &c, 1, MSG_DONTWAIT) == 1)
			ck_assert_int_eq(send(near, &c, 1, 0), 1);
		event_base_loop(e.base, EVLOOP_NONBLOCK);
		if (buf_used(&e.got) == 5) {
			echo(&e);
			buf_clear(&e.got);
		}
		if (recv(near, &c, 1, MSG_DONTWAIT) == 1)
			ck_assert_int_eq(send(far[1], &c, 1, 0), 1);
	}
	ck_assert_str_eq(buf_cstr(&e.cgot), "world");
	close(near);
	close(far[1]);
	finish(&e);
}
END_TEST

/* Everything written before the close arrives, in order, with an end. */
START_TEST(close_pending)
{
	struct env	e;
	struct buf	b = BUF_INIT;
	size_t		late;

	start(&e, _i == 1, 0);
	UNTIL(&e, e.ready == 1 && e.joined);
	pattern(&b, 4000000);
	stream_write(e.st, buf_head(&b), buf_used(&b));
	ck_assert_uint_gt(stream_backlog(e.st), 0);
	stream_close(e.st, 8000);
	stream_close(e.st, 1);			/* the first holds */
	stream_write(e.st, "late", 4);		/* too late */
	for (late = 0; late < 50; late++) {	/* the client still talks */
		client_write(&e, buf_head(&b), 3000);
		turn(&e);
	}
	ck_assert_uint_eq(e.closed, 0);
	UNTIL(&e, e.ceof || e.creset);
	ck_assert(!e.creset);
	ck_assert(same(&b, &e.cgot));
	hang_up(&e);
	UNTIL_SILENT(&e, e.closed == 1);
	ck_assert_int_eq(e.end, STREAM_LOCAL);
	ck_assert_uint_eq(buf_used(&e.got), 0);	/* no input after close */
	buf_free(&b);
	finish(&e);
}
END_TEST

/* A client that neither reads nor goes is left after linger_ms. */
START_TEST(close_lingers)
{
	struct env	e;
	struct buf	b = BUF_INIT;
	mono_us		from;
	size_t		n = (_i & 2) != 0 ? 5 : 6000000;

	start(&e, (_i & 1) != 0, 0);
	UNTIL(&e, e.ready == 1 && e.joined);
	pattern(&b, n);
	stream_write(e.st, buf_head(&b), n);
	from = mono_now();
	stream_close(e.st, 150);
	UNTIL_SILENT(&e, e.closed == 1);
	ck_assert_int_ge(mono_now() - from, 150 * MONO_MS);
	ck_assert_int_eq(e.end, STREAM_LOCAL);
	buf_free(&b);
	finish(&e);
}
END_TEST

START_TEST(close_at_once)
{
	struct env e;

	start(&e, _i == 1, 0);
	UNTIL(&e, e.ready == 1 && e.joined);
	stream_write(e.st, "bye", 3);
	stream_close(e.st, 0);
	ck_assert_uint_eq(e.closed, 0);
	UNTIL(&e, e.closed == 1 && e.ceof);
	ck_assert_str_eq(buf_cstr(&e.cgot), "bye");
	finish(&e);
}
END_TEST

/* ---- how it can end ---- */

static void
end_reset(struct env *e)
{
	struct linger l = { 1, 0 };

	setsockopt(e->cfd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(e->cfd);
	e->cfd = -1;
}

static void
end_cut(struct env *e)
{
	close(e->cfd);
	e->cfd = -1;
}

static void
end_garbage(struct env *e)
{
	ck_assert_int_eq(send(e->cfd, "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
}

static const struct {
	bool		tls, joined;
	void		(*act)(struct env *);
	enum stream_end	end;
} ends[] = {
	{ false, true, hang_up, STREAM_EOF },
	{ false, true, end_reset, STREAM_RESET },
	{ true, true, hang_up, STREAM_EOF },
	{ true, true, end_reset, STREAM_RESET },
	{ true, true, end_cut, STREAM_RESET },
	{ true, true, end_garbage, STREAM_TLS },
	{ true, false, end_garbage, STREAM_TLS },
	{ true, false, end_cut, STREAM_RESET },
	{ true, false, end_reset, STREAM_RESET },
};

START_TEST(ending)
{
	struct env e;

	start(&e, ends[_i].tls, 0);
	if (ends[_i].joined)
		UNTIL(&e, e.ready == 1 && e.joined);
	ends[_i].act(&e);
	UNTIL_SILENT(&e, e.closed == 1);
	ck_assert_int_eq(e.end, ends[_i].end);
	if (e.end != STREAM_EOF)
		ck_assert_str_ne(e.detail, "");
	ck_assert_uint_eq(stream_io_stats(e.io)->tls_failed,
	    ends[_i].joined ? 0 : 1);
	finish(&e);
}
END_TEST

/* Output fails first: what the peer said before is not lost. */
START_TEST(last_words)
{
	struct env	e;
	int		i;

	start(&e, _i == 1, 0);
	UNTIL(&e, e.ready == 1 && e.joined);
	ck_assert_uint_eq(client_write(&e, "farewell", 8), 8);
	end_reset(&e);
	for (i = 0; i < 3; i++)
		stream_write(e.st, "are you there", 13);
	ck_assert_uint_eq(e.closed, 0);
	UNTIL_SILENT(&e, e.closed == 1);
	ck_assert_int_eq(e.end, STREAM_RESET);
	ck_assert_str_eq(buf_cstr(&e.got), "farewell");
	finish(&e);
}
END_TEST

/* ---- flow control ---- */

static void
pause_once(struct env *e)
{
	if (e->calls == 1)
		stream_pause(e->st);
}

START_TEST(paused)
{
	struct env	e;
	struct buf	b = BUF_INIT;
	size_t		sent = 0;
	int		i;

	start(&e, _i == 1, 1000);	/* less than a record */
	UNTIL(&e, e.ready == 1 && e.joined);
	e.on_data = pause_once;
	pattern(&b, 40000);
	while (sent < 40000)
		sent += client_write(&e, buf_head(&b) + sent, 40000 - sent);
	for (i = 0; i < 20; i++)
		turn(&e);
	ck_assert_uint_eq(e.calls, 1);
	ck_assert_uint_eq(e.biggest, 1000);
	stream_pause(e.st);
	stream_resume(e.st);
	ck_assert_uint_eq(e.calls, 1);	/* not from inside */
	UNTIL(&e, buf_used(&e.got) == 40000);
	ck_assert(same(&b, &e.got));
	ck_assert_uint_eq(e.biggest, 1000);
	buf_free(&b);
	finish(&e);
}
END_TEST

static void
pause_ready(struct env *e)
{
	stream_pause(e->st);
}

START_TEST(paused_at_ready)
{
	struct env	e;
	int		i;

	start(&e, _i == 1, 0);
	e.on_ready = pause_ready;
	UNTIL(&e, e.ready == 1 && e.joined);
	ck_assert_uint_eq(client_write(&e, "early", 5), 5);
	for (i = 0; i < 10; i++)
		turn(&e);
	ck_assert_uint_eq(e.calls, 0);
	stream_resume(e.st);
	UNTIL(&e, buf_used(&e.got) == 5);
	finish(&e);
}
END_TEST

START_TEST(corked)
{
	struct env	e;
	int		i;

	start(&e, _i == 1, 0);
	UNTIL(&e, e.ready == 1 && e.joined);
	stream_cork(e.st);
	stream_cork(e.st);
	for (i = 0; i < 100; i++)
		stream_write(e.st, "0123456789", 10);
	stream_uncork(e.st);
	for (i = 0; i < 5; i++) {
		turn(&e);
		client_read(&e, 65536);
	}
	ck_assert_uint_eq(stream_backlog(e.st), 1000);
	ck_assert_uint_eq(buf_used(&e.cgot), 0);
	stream_uncork(e.st);
	ck_assert_uint_eq(stream_backlog(e.st), 0);
	client_read(&e, 65536);		/* one record, one read */
	if (buf_used(&e.cgot) == 0)
		client_read(&e, 65536);
	ck_assert_uint_eq(buf_used(&e.cgot), 1000);
	finish(&e);
}
END_TEST

static const size_t pieces[][2] = {
	{ 4, 5000 }, { 0, 10 }, { 10, 0 }, { 14, 16384 }, { 20000, 20000 },
	{ 10, 3000000 }, { 3000000, 10 },
};

START_TEST(joined_writes)
{
	struct env	e;
	struct buf	b = BUF_INIT, copy = BUF_INIT;
	size_t		n = pieces[_i / 2][0], m = pieces[_i / 2][1];

	start(&e, _i % 2 == 1, 0);
	UNTIL(&e, e.ready == 1 && e.joined);
	pattern(&b, n + m);
	stream_write2(e.st, buf_head(&b), n, buf_head(&b) + n, m);
	UNTIL(&e, buf_used(&e.cgot) == n + m);
	ck_assert(same(&b, &e.cgot));
	/* the same by moving a buffer that was partly read */
	buf_clear(&e.cgot);
	buf_puts(&copy, "gone");
	buf_put(&copy, buf_head(&b), n + m);
	buf_drain(&copy, 4);
	stream_write_buf(e.st, &copy);
	ck_assert_uint_eq(buf_used(&copy), 0);
	stream_write(e.st, "!", 1);
	buf_puts(&b, "!");
	UNTIL(&e, buf_used(&e.cgot) == n + m + 1);
	ck_assert(same(&b, &e.cgot));
	buf_free(&b);
	buf_free(&copy);
	finish(&e);
}
END_TEST

/* ---- the owner ends it from inside ---- */

static void
do_abort(struct env *e)
{
	stream_abort(e->st, false);
	stream_abort(e->st, true);
	stream_write(e->st, "x", 1);
	stream_close(e->st, 100);
	stream_pause(e->st);
	stream_resume(e->st);
	stream_cork(e->st);
	stream_uncork(e->st);
}

static void
do_close(struct env *e)
{
	stream_write(e->st, "bye", 3);
	stream_close(e->st, 2000);
}

START_TEST(ended_inside)
{
	struct env	e;
	void		(*act)(struct env *);

	start(&e, (_i & 1) != 0, 100);
	act = (_i & 2) != 0 ? do_abort : do_close;
	if ((_i & 4) != 0)
		e.on_ready = act;
	else
		e.on_data = act;
	while (!e.joined) {
		turn(&e);
		client_read(&e, 100);
		if (e.ceof || e.creset)
			break;
	}
	client_write(&e, "abcdefghij0123456789abcdefghij0123456789abcdefghij"
	    "0123456789abcdefghij0123456789abcdefghij0123456789abcdefghij",
	    110);
	UNTIL(&e, e.ceof || e.creset);
	hang_up(&e);
	UNTIL_SILENT(&e, e.closed == 1);
	ck_assert_int_eq(e.end, STREAM_LOCAL);
	ck_assert_uint_le(e.calls, 1);
	if (act == do_close)
		ck_assert_str_eq(buf_cstr(&e.cgot), "bye");
	finish(&e);
}
END_TEST

START_TEST(written_early)
{
	struct env e;

	start(&e, _i == 1, 0);
	stream_write(e.st, "before ready", 12);
	UNTIL(&e, buf_used(&e.cgot) == 12);
	ck_assert_uint_eq(e.ready, 1);
	stream_kill(e.st);
	e.st = NULL;
	turn(&e);
	ck_assert_uint_eq(e.closed, 0);		/* no callback at all */
	finish(&e);
}
END_TEST

START_TEST(connecting)
{
	struct env		e;
	struct sock_addr	a = { .len = sizeof(a.ss) };
	int			fd;

	start(&e, false, 0);
	UNTIL(&e, e.ready == 1);
	stream_kill(e.st);
	e.ready = 0;
	/* to a port where nobody listens, or to the client's own pair */
	if (_i == 0) {
		ck_assert_int_eq(getsockname(e.cfd, (struct sockaddr *)&a.ss,
		    &a.len), 0);
		fd = sock_connect(&a);
		if (fd == -1)
			ck_abort_msg("connect failed at once");
		e.st = stream_connect(e.io, fd, &ops, &e);
		UNTIL_SILENT(&e, e.closed == 1);
		ck_assert_int_eq(e.end, STREAM_RESET);
		ck_assert_uint_eq(e.ready, 0);
		ck_assert_str_ne(e.detail, "");
	} else {
		close(e.cfd);
		tcp_pair(&e);
		fd = e.sfd;
		e.st = stream_connect(e.io, fd, &ops, &e);
		stream_write(e.st, "hi", 2);
		UNTIL(&e, buf_used(&e.cgot) == 2);
		ck_assert_uint_eq(e.ready, 1);
		ck_assert_uint_eq(client_write(&e, "ho", 2), 2);
		UNTIL(&e, buf_used(&e.got) == 2);
		stream_kill(e.st);
		e.st = NULL;
	}
	finish(&e);
}
END_TEST

int
main(void)
{
	Suite	*s = suite_create("stream");
	TCase	*t = tcase_create("stream");
	SRunner	*sr;
	int	 failed;

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, round_trip, 0, 2);
	tcase_add_loop_test(t, in_one_piece, 0, 2);
	tcase_add_loop_test(t, large, 0, 2);
	tcase_add_loop_test(t, byte_by_byte, 0, 2);
	tcase_add_loop_test(t, close_pending, 0, 2);
	tcase_add_loop_test(t, close_lingers, 0, 4);
	tcase_add_loop_test(t, close_at_once, 0, 2);
	tcase_add_loop_test(t, ending, 0, nitems(ends));
	tcase_add_loop_test(t, last_words, 0, 2);
	tcase_add_loop_test(t, paused, 0, 2);
	tcase_add_loop_test(t, paused_at_ready, 0, 2);
	tcase_add_loop_test(t, corked, 0, 2);
	tcase_add_loop_test(t, joined_writes, 0, 2 * nitems(pieces));
	tcase_add_loop_test(t, ended_inside, 0, 8);
	tcase_add_loop_test(t, written_early, 0, 2);
	tcase_add_loop_test(t, connecting, 0, 2);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, getenv("CK_TAP_LOG_FILE_NAME") != NULL ?
	    CK_SILENT : CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
