/*
 * stream: one connection's bytes, plain or TLS, on a raw libevent event.
 * apid's HTTP edge, hubd's node sessions and the relay between the doors all
 * stand on it. Input is read into one scratch buffer of the process, so an
 * idle connection owns no input memory; output is bounded by its owner.
 *
 * Callbacks are never entered from inside a call of the owner, except data
 * from stream_resume's later turn; closed is the last one, always called
 * once, and the stream is freed after it.
 */
#ifndef MAST_STREAM_H
#define MAST_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct event_base;
struct timers;
struct tls_ctx;
struct stream;
struct stream_io;

enum stream_end {
	STREAM_EOF,		/* peer closed in order */
	STREAM_RESET,		/* reset, or TLS ended without close_notify */
	STREAM_TLS,		/* handshake or record failure */
	STREAM_TIMEOUT,		/* TCP_USER_TIMEOUT */
	STREAM_LOCAL,		/* stream_close or stream_abort */
};

struct stream_ops {
	/* The handshake is done (plain: on a later turn). May be NULL. */
	void (*ready)(void *arg);
	/* n bytes, writable, valid during the call; all count as consumed. */
	void (*data)(void *arg, uint8_t *p, size_t n);
	/* The output that was waiting has all gone. May be NULL. */
	void (*drained)(void *arg);
	void (*closed)(void *arg, enum stream_end, const char *detail);
};

struct stream_stats {
	uint64_t bytes_in, bytes_out, opened, closed, tls_failed;
	uint64_t handshakes;		/* in flight now */
	uint64_t open;			/* now */
};

/* scratch: bytes per read turn (0: 256 KiB). One per process and loop. */
struct stream_io *stream_io_new(struct event_base *, struct timers *,
    size_t scratch);
/* Ends every stream that is left, without a callback. */
void stream_io_free(struct stream_io *);
const struct stream_stats *stream_io_stats(const struct stream_io *);

/* Takes fd. ctx NULL: plain. Reading starts at once. */
struct stream *stream_new(struct stream_io *, int fd, struct tls_ctx *,
    const struct stream_ops *, void *arg);
/* Client side: waits for a connect in progress. Plain only. */
struct stream *stream_connect(struct stream_io *, int fd,
    const struct stream_ops *, void *arg);

/* Writes what the socket takes now and keeps the rest. Bytes are copied. */
void stream_write(struct stream *, const void *, size_t);
/* As one record and one system call where possible. */
void stream_write2(struct stream *, const void *, size_t, const void *,
    size_t);
/* As stream_write of all of b; what waits is moved, not copied, where that is
 * possible. b is empty afterwards. */
void stream_write_buf(struct stream *, struct buf *b);
/* Collects until uncork; then one write. Corks nest. */
void stream_cork(struct stream *);
void stream_uncork(struct stream *);
size_t stream_backlog(const struct stream *);	/* bytes that wait */
/* Stops and restarts reading: back-pressure. */
void stream_pause(struct stream *);
void stream_resume(struct stream *);
/* No more input is wanted; closes when the output has gone, at the latest
 * after linger_ms. TLS sends close_notify. */
void stream_close(struct stream *, unsigned linger_ms);
/* At once, with a TCP reset when rst. */
void stream_abort(struct stream *, bool rst);
/* Ends and frees it without a callback; never from inside one of its own. */
void stream_kill(struct stream *);
int  stream_fd(const struct stream *);
bool stream_is_tls(const struct stream *);

#endif
