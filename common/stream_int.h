/*
 * stream_int: what stream.c (life and input) and stream_out.c (output) share.
 * For these two files only.
 */
#ifndef MAST_STREAM_INT_H
#define MAST_STREAM_INT_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>

#include "buf.h"
#include "stream.h"
#include "timer.h"
#include "tls.h"

#define STREAM_RECORD	16384	/* of TLS, plain text */

enum stream_state {
	S_CONNECT,	/* plain client, connect in progress */
	S_HANDSHAKE,
	S_OPEN,
	S_FLUSH,	/* closing: output first, input thrown away */
	S_LINGER,	/* closing: all sent, waits for the peer's end */
	S_DEAD
};

/* What a read needs stands together, behind its event. */
struct stream {
	struct event		 rev;
	struct stream_io	*io;
	struct tls		*tls;	/* NULL: plain */
	const struct stream_ops	*ops;
	void			*arg;
	int			 fd;
	enum stream_state	 state;
	int			 wfail;	/* errno: output is over */
	unsigned		 corks;
	bool			 announced;	/* ready was called */
	bool			 paused;
	bool			 more;	/* OpenSSL holds more input */
	bool			 read_wants_write;
	bool			 peer_eof;
	enum stream_end		 end;
	struct buf		 out;
	struct timer		 timer;	/* a later turn, or the lingering */
	struct event		 wev;
	LIST_ENTRY(stream)	 entry;
	char			*detail;
};

struct stream_io {
	struct event_base	*base;
	struct timers		*timers;
	uint8_t			*scratch;
	size_t			 size;
	uint8_t			*record;	/* for joining output */
	LIST_HEAD(, stream)	 streams;
	struct stream_stats	 stats;
};

/* Gives the descriptor back; closed follows on a later turn. */
void stream_die(struct stream *, enum stream_end, const char *detail);
void stream_die_errno(struct stream *, int err);
/* Writes what waits. True when all of it has gone. */
bool stream_out_flush(struct stream *);
void stream_out_want(struct stream *);

#endif
