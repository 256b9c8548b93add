/*
 * stream: life and input of a connection: a descriptor, its two events, the
 * process's scratch buffer. The output is in stream_out.c. A dead stream has
 * given its descriptor back at once; its owner hears of it, and its memory
 * goes, on a later turn.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "stream_int.h"
#include "xmalloc.h"

#define SCRATCH		(256 * 1024)
#define LAST_READS	64		/* of a socket that takes no output */

static void on_read(evutil_socket_t, short, void *);
static void on_write(evutil_socket_t, short, void *);
static void on_turn(void *);

/* ---- the end ---- */

static void
detach(struct stream *s)
{
	if (s->fd == -1)
		return;
	event_del(&s->rev);
	event_del(&s->wev);
	timer_del(&s->timer);
	if (s->state == S_HANDSHAKE)
		s->io->stats.handshakes--;
	tls_free(s->tls);
	s->tls = NULL;
	close(s->fd);
	s->fd = -1;
	buf_free(&s->out);
}

void
stream_die(struct stream *s, enum stream_end end, const char *detail)
{
	if (s->state == S_DEAD)
		return;
	if (s->state == S_HANDSHAKE && end != STREAM_LOCAL)
		s->io->stats.tls_failed++;
	if (s->state == S_FLUSH || s->state == S_LINGER)
		end = STREAM_LOCAL;	/* it was ours to begin with */
	if (detail != NULL && detail[0] != '\0')
		s->detail = xstrdup(detail);
	s->end = end;
	detach(s);
	s->state = S_DEAD;
	timer_set(s->io->timers, &s->timer, 0);
}

void
stream_die_errno(struct stream *s, int err)
{
	if (err == ETIMEDOUT || err == EHOSTUNREACH || err == ENETUNREACH)
		stream_die(s, STREAM_TIMEOUT, strerror(err));
	else if (err == EPROTO && s->tls != NULL)
		stream_die(s, STREAM_TLS, tls_error(s->tls));
	else
		stream_die(s, STREAM_RESET, s->tls != NULL &&
		    tls_error(s->tls)[0] != '\0' ? tls_error(s->tls) :
		    strerror(err));
}

static void
release(struct stream *s)
{
	LIST_REMOVE(s, entry);
	timer_del(&s->timer);
	free(s->detail);
	free(s);
}

/* ---- closing ---- */

/* All has gone: say so, then read until the peer has seen it. */
static void
say_end(struct stream *s)
{
	if (s->tls != NULL)
		tls_shutdown(s->tls);
	if (s->peer_eof || !timer_pending(&s->timer) ||
	    shutdown(s->fd, SHUT_WR) == -1) {
		stream_die(s, STREAM_LOCAL, NULL);
		return;
	}
	s->state = S_LINGER;
}

/* Input of a stream that closes: thrown away, below TLS. */
static void
discard(struct stream *s)
{
	ssize_t r = recv(s->fd, s->io->scratch, s->io->size, 0);

	if (r > 0 || (r == -1 && (errno == EAGAIN || errno == EINTR)))
		return;
	if (r == -1 || s->state == S_LINGER) {
		stream_die(s, STREAM_LOCAL, NULL);
		return;
	}
	s->peer_eof = true;	/* it may still read what is left */
	event_del(&s->rev);
}

void
stream_close(struct stream *s, unsigned linger_ms)
{
	if (s->state >= S_FLUSH)
		return;
	if (s->state != S_OPEN || s->wfail != 0) {
		stream_die(s, STREAM_LOCAL, NULL);
		return;
	}
	s->state = S_FLUSH;
	s->corks = 0;
	timer_del(&s->timer);
	if (linger_ms > 0)
		timer_set(s->io->timers, &s->timer, linger_ms * MONO_MS);
	if (!event_pending(&s->rev, EV_READ, NULL))
		event_add(&s->rev, NULL);
	if (stream_out_flush(s))
		say_end(s);
	else if (linger_ms == 0)
		stream_die(s, STREAM_LOCAL, NULL);
}

void
stream_abort(struct stream *s, bool rst)
{
	struct linger hard = { 1, 0 };

	if (s->state == S_DEAD)
		return;
	if (rst)
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	stream_die(s, STREAM_LOCAL, NULL);
}

void
stream_kill(struct stream *s)
{
	if (s->state != S_DEAD) {
		s->io->stats.open--;
		s->io->stats.closed++;
	}
	detach(s);
	release(s);
}

/* ---- input ---- */

static void
announce(struct stream *s)
{
	if (s->announced)
		return;
	s->announced = true;
	if (s->ops->ready != NULL)
		s->ops->ready(s->arg);
}

static enum tls_io
plain_read(struct stream *s, size_t *n_r)
{
	ssize_t r;

	do
		r = recv(s->fd, s->io->scratch, s->io->size, 0);
	while (r == -1 && errno == EINTR);
	if (r > 0) {
		*n_r = (size_t)r;
		return TLS_OK;
	}
	if (r == 0)
		return TLS_EOF;
	return errno == EAGAIN ? TLS_WANT_READ : TLS_FAIL;
}

/* Fills the scratch from as many records as there are. */
static enum tls_io
records_read(struct stream *s, size_t *n_r)
{
	struct stream_io	*io = s->io;
	enum tls_io		 r = TLS_OK;
	size_t			 n;

	*n_r = 0;
	while (*n_r < io->size) {
		n = 0;
		r = tls_read(s->tls, io->scratch + *n_r, io->size - *n_r, &n);
		if (r != TLS_OK)
			break;
		*n_r += n;
	}
	return r;
}

/* What a read turn ended with, after its bytes were delivered. */
static void
read_ended(struct stream *s, enum tls_io r, int err)
{
	if (s->wfail != 0 && (r == TLS_EOF || r == TLS_FAIL)) {
		stream_die_errno(s, s->wfail);
		return;
	}
	switch (r) {
	case TLS_OK:		/* the scratch was full */
		if (s->tls != NULL && tls_pending(s->tls)) {
			s->more = true;
			if (!s->paused)
				timer_set(s->io->timers, &s->timer, 0);
		}
		break;
	case TLS_WANT_READ:
		break;
	case TLS_WANT_WRITE:
		s->read_wants_write = true;
		stream_out_want(s);
		break;
	case TLS_EOF:
		if (s->tls != NULL)
			tls_shutdown(s->tls);
		stream_die(s, STREAM_EOF, NULL);
		break;
	case TLS_FAIL:
		stream_die_errno(s, err);
		break;
	}
}

/* One turn of reading. False when there is nothing more to come for now. */
static bool
read_turn(struct stream *s)
{
	enum tls_io	r;
	size_t		n = 0;
	int		err;

	s->more = false;
	s->read_wants_write = false;
	errno = 0;
	if (s->tls != NULL)
		r = records_read(s, &n);
	else
		r = plain_read(s, &n);
	err = errno;
	if (n > 0) {
		s->io->stats.bytes_in += n;
		s->ops->data(s->arg, s->io->scratch, n);
	}
	if (s->state == S_OPEN)
		read_ended(s, r, err);
	return s->state == S_OPEN && r == TLS_OK;
}

static void
handshake(struct stream *s)
{
	switch (tls_handshake(s->tls)) {
	case TLS_OK:
		break;
	case TLS_WANT_READ:
		return;
	case TLS_WANT_WRITE:
		stream_out_want(s);
		return;
	case TLS_EOF:
		stream_die(s, STREAM_RESET, "closed during the TLS handshake");
		return;
	case TLS_FAIL:
		stream_die_errno(s, errno);
		return;
	}
	s->io->stats.handshakes--;
	s->state = S_OPEN;
	if (s->paused)
		event_del(&s->rev);
	announce(s);
	if (s->state == S_OPEN && buf_used(&s->out) > 0 && s->corks == 0)
		stream_out_flush(s);
	/* the first bytes may have come with the last of the handshake */
	if (s->state == S_OPEN && !s->paused && s->wfail == 0)
		read_turn(s);
	else if (s->state == S_OPEN)
		s->more = true;
}

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	switch (s->state) {
	case S_CONNECT:
	case S_DEAD:
		break;
	case S_HANDSHAKE:
		handshake(s);
		break;
	case S_OPEN:
		announce(s);
		if (s->state == S_OPEN && !s->paused && s->wfail == 0)
			read_turn(s);
		break;
	case S_FLUSH:
	case S_LINGER:
		discard(s);
		break;
	}
}

static void
connected(struct stream *s)
{
	int		err = 0;
	socklen_t	len = sizeof(err);

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &len) == -1)
		err = errno;
	if (err != 0) {
		stream_die_errno(s, err);
		return;
	}
	s->state = S_OPEN;
	if (!s->paused)
		event_add(&s->rev, NULL);
	announce(s);
	if (s->state == S_OPEN && s->corks == 0)
		stream_out_flush(s);
}

static void
on_write(evutil_socket_t fd, short what, void *arg)
{
	struct stream	*s = arg;
	bool		 waited;

	switch (s->state) {
	case S_CONNECT:
		connected(s);
		break;
	case S_HANDSHAKE:
		handshake(s);
		break;
	case S_OPEN:
		waited = buf_used(&s->out) > 0;
		if (waited && stream_out_flush(s) && s->ops->drained != NULL)
			s->ops->drained(s->arg);
		if (s->state == S_OPEN && s->read_wants_write && !s->paused)
			read_turn(s);
		break;
	case S_FLUSH:
		if (stream_out_flush(s))
			say_end(s);
		break;
	case S_LINGER:
	case S_DEAD:
		break;
	}
}

/* The output failed: the last input, then the end. */
static void
last_words(struct stream *s)
{
	int turns = 0;

	while (!s->paused && s->state == S_OPEN && turns++ < LAST_READS &&
	    read_turn(s))
		;
	if (s->state == S_OPEN)
		stream_die_errno(s, s->wfail);
}

static void
on_turn(void *arg)
{
	struct stream *s = arg;

	switch (s->state) {
	case S_CONNECT:
	case S_HANDSHAKE:
		break;
	case S_OPEN:
		announce(s);
		if (s->state == S_OPEN && s->wfail != 0)
			last_words(s);
		else if (s->state == S_OPEN && s->more && !s->paused)
			read_turn(s);
		break;
	case S_FLUSH:
	case S_LINGER:
		stream_die(s, STREAM_LOCAL, NULL);	/* waited long enough */
		break;
	case S_DEAD:
		s->io->stats.open--;
		s->io->stats.closed++;
		s->ops->closed(s->arg, s->end, s->detail != NULL ?
		    s->detail : "");
		release(s);
		break;
	}
}

void
stream_pause(struct stream *s)
{
	if (s->paused)
		return;
	s->paused = true;
	if (s->state == S_OPEN)
		event_del(&s->rev);
}

void
stream_resume(struct stream *s)
{
	if (!s->paused)
		return;
	s->paused = false;
	if (s->state != S_OPEN || s->wfail != 0)
		return;
	event_add(&s->rev, NULL);
	if (s->more)
		timer_set(s->io->timers, &s->timer, 0);
}

int
stream_fd(const struct stream *s)
{
	return s->fd;
}

bool
stream_is_tls(const struct stream *s)
{
	return s->tls != NULL;
}

/* ---- making ---- */

static struct stream *
make(struct stream_io *io, int fd, const struct stream_ops *ops, void *arg)
{
	struct stream *s = xcalloc(1, sizeof(*s));

	s->io = io;
	s->fd = fd;
	s->ops = ops;
	s->arg = arg;
	timer_init(&s->timer, on_turn, s);
	if (event_assign(&s->rev, io->base, fd, EV_READ | EV_PERSIST, on_read,
	    s) == -1 ||
	    event_assign(&s->wev, io->base, fd, EV_WRITE, on_write, s) == -1)
		fatal("stream: cannot assign events");
	LIST_INSERT_HEAD(&io->streams, s, entry);
	io->stats.opened++;
	io->stats.open++;
	return s;
}

struct stream *
stream_new(struct stream_io *io, int fd, struct tls_ctx *ctx,
    const struct stream_ops *ops, void *arg)
{
	struct stream *s = make(io, fd, ops, arg);

	if (ctx != NULL) {
		s->tls = tls_accept(ctx, fd);
		s->state = S_HANDSHAKE;
		io->stats.handshakes++;
	} else {
		s->state = S_OPEN;
		timer_set(io->timers, &s->timer, 0);
	}
	event_add(&s->rev, NULL);
	return s;
}

struct stream *
stream_connect(struct stream_io *io, int fd, const struct stream_ops *ops,
    void *arg)
{
	struct stream *s = make(io, fd, ops, arg);

	s->state = S_CONNECT;
	stream_out_want(s);
	return s;
}

struct stream_io *
stream_io_new(struct event_base *base, struct timers *timers, size_t scratch)
{
	struct stream_io *io = xcalloc(1, sizeof(*io));

	io->base = base;
	io->timers = timers;
	io->size = scratch != 0 ? scratch : SCRATCH;
	io->scratch = xmalloc(io->size);
	io->record = xmalloc(STREAM_RECORD);
	LIST_INIT(&io->streams);
	return io;
}

void
stream_io_free(struct stream_io *io)
{
	struct stream *s;

	if (io == NULL)
		return;
	while ((s = LIST_FIRST(&io->streams)) != NULL)
		stream_kill(s);
	free(io->scratch);
	free(io->record);
	free(io);
}

const struct stream_stats *
stream_io_stats(const struct stream_io *io)
{
	return &io->stats;
}
