/*
 * stream_out: the output of a stream. It goes to the socket at once when it
 * can; what the socket does not take waits in a buffer that exists only as
 * long as something waits in it.
 */
#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "stream_int.h"

#define TURN_OUT	(1024 * 1024)	/* written in one turn at most */

static enum tls_io
raw_write(struct stream *s, const struct iovec *iov, int n, size_t *n_r)
{
	struct msghdr	msg = { .msg_iov = (struct iovec *)(uintptr_t)iov,
			    .msg_iovlen = (size_t)n };
	ssize_t		r;

	if (s->tls != NULL)
		return tls_write(s->tls, iov->iov_base, iov->iov_len, n_r);
	do
		r = sendmsg(s->fd, &msg, MSG_NOSIGNAL);
	while (r == -1 && errno == EINTR);
	if (r >= 0) {
		*n_r = (size_t)r;
		return TLS_OK;
	}
	return errno == EAGAIN || errno == ENOBUFS ? TLS_WANT_WRITE : TLS_FAIL;
}

/*
 * The peer takes no more. What it said before it went may still be in the
 * socket, so the end comes from the reading side, on a later turn.
 */
static void
write_failed(struct stream *s, int err)
{
	buf_free(&s->out);
	if (s->state != S_OPEN) {
		stream_die_errno(s, err);
		return;
	}
	s->wfail = err != 0 ? err : EPIPE;
	event_del(&s->rev);
	event_del(&s->wev);
	timer_set(s->io->timers, &s->timer, 0);
}

/* Hands one piece to the socket; the number of bytes taken, -1 on failure. */
static ssize_t
put_some(struct stream *s, const struct iovec *iov, int niov)
{
	size_t		n = 0;
	enum tls_io	io = raw_write(s, iov, niov, &n);

	switch (io) {
	case TLS_OK:
		s->io->stats.bytes_out += n;
		return (ssize_t)n;
	case TLS_WANT_WRITE:
		return 0;
	case TLS_WANT_READ:	/* only a renegotiation would ask for it */
		errno = EPROTO;
		break;
	case TLS_EOF:
		errno = EPIPE;
		break;
	case TLS_FAIL:
		break;
	}
	write_failed(s, errno);
	return -1;
}

/*
 * Hands the socket what it takes of p, at most TURN_OUT and the last piece.
 * A plain socket that takes less is full; TLS goes record by record.
 */
static ssize_t
push(struct stream *s, const uint8_t *p, size_t n)
{
	struct iovec	iov;
	ssize_t		took;
	size_t		done = 0;

	while (done < n && done < TURN_OUT) {
		iov.iov_base = (void *)(uintptr_t)(p + done);
		iov.iov_len = n - done;
		if ((took = put_some(s, &iov, 1)) == -1)
			return -1;
		done += (size_t)took;
		if (took == 0 || (s->tls == NULL && (size_t)took < iov.iov_len))
			break;
	}
	return (ssize_t)done;
}

void
stream_out_want(struct stream *s)
{
	if (!event_pending(&s->wev, EV_WRITE, NULL))
		event_add(&s->wev, NULL);
}

bool
stream_out_flush(struct stream *s)
{
	ssize_t took = push(s, buf_head(&s->out), buf_used(&s->out));

	if (took == -1)
		return false;
	buf_drain(&s->out, (size_t)took);
	if (buf_used(&s->out) > 0) {
		stream_out_want(s);
		return false;
	}
	buf_free(&s->out);
	return true;
}

static bool
writable(const struct stream *s)
{
	return s->state < S_FLUSH && s->wfail == 0;
}

static bool
direct(const struct stream *s)
{
	return s->state == S_OPEN && s->corks == 0 && buf_used(&s->out) == 0;
}

static void
keep(struct stream *s, const uint8_t *p, size_t n)
{
	if (n == 0)
		return;
	buf_put(&s->out, p, n);
	if (s->state == S_OPEN && s->corks == 0)
		stream_out_want(s);
}

void
stream_write(struct stream *s, const void *p, size_t n)
{
	ssize_t took = 0;

	if (n == 0 || !writable(s) ||
	    (direct(s) && (took = push(s, p, n)) == -1))
		return;
	keep(s, (const uint8_t *)p + took, n - (size_t)took);
}

void
stream_write_buf(struct stream *s, struct buf *b)
{
	ssize_t took = 0;

	if (!writable(s) || (direct(s) &&
	    (took = push(s, buf_head(b), buf_used(b))) == -1)) {
		buf_clear(b);
		return;
	}
	buf_drain(b, (size_t)took);
	if (buf_used(b) > STREAM_RECORD && s->out.data == NULL) {
		s->out = *b;		/* moved, not copied */
		*b = (struct buf)BUF_INIT;
		if (s->state == S_OPEN && s->corks == 0)
			stream_out_want(s);
		return;
	}
	keep(s, buf_head(b), buf_used(b));
	buf_clear(b);
}

/* Joins the two into one record, with the head of a longer second part. */
static void
write2_tls(struct stream *s, const uint8_t *p, size_t n, const uint8_t *q,
    size_t m)
{
	size_t fit = STREAM_RECORD - n < m ? STREAM_RECORD - n : m;

	memcpy(s->io->record, p, n);
	memcpy(s->io->record + n, q, fit);
	stream_write(s, s->io->record, n + fit);
	stream_write(s, q + fit, m - fit);
}

void
stream_write2(struct stream *s, const void *p, size_t n, const void *q,
    size_t m)
{
	struct iovec	iov[2];
	ssize_t		took;
	size_t		done;

	if (!writable(s))
		return;
	if (!direct(s) || n == 0 || m == 0 ||
	    (s->tls != NULL && n >= STREAM_RECORD)) {
		stream_write(s, p, n);
		stream_write(s, q, m);
		return;
	}
	if (s->tls != NULL) {
		write2_tls(s, p, n, q, m);
		return;
	}
	iov[0] = (struct iovec){ (void *)(uintptr_t)p, n };
	iov[1] = (struct iovec){ (void *)(uintptr_t)q, m };
	if ((took = put_some(s, iov, 2)) == -1)
		return;
	done = (size_t)took;
	if (done < n) {
		keep(s, (const uint8_t *)p + done, n - done);
		done = n;
	}
	keep(s, (const uint8_t *)q + (done - n), m - (done - n));
}

void
stream_cork(struct stream *s)
{
	s->corks++;
}

void
stream_uncork(struct stream *s)
{
	if (s->corks == 0 || --s->corks > 0)
		return;
	if (s->state == S_OPEN && buf_used(&s->out) > 0 &&
	    !event_pending(&s->wev, EV_WRITE, NULL))
		stream_out_flush(s);
}

size_t
stream_backlog(const struct stream *s)
{
	return buf_used(&s->out);
}
