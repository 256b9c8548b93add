/*
 * conn_int: what conn.c shares with greet.c, which has the socket until the
 * upgrade to WebSocket is answered.
 */
#ifndef MAST_CONN_INT_H
#define MAST_CONN_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "buf.h"
#include "mono.h"
#include "rate.h"
#include "sock.h"
#include "timer.h"
#include "ws.h"

#include "conn.h"

struct enroll_req;
struct hubd;
struct node;
struct stream;

/* First what each frame needs. */
struct conn {
	struct stream		*stream;
	struct hubd		*hub;
	struct node		*node;		/* while it is ours */
	enum conn_state		 state;
	uint32_t		 messages;	/* of this read */
	mono_us			 seen;
	bool			 slot, pending, paused;
	uint16_t		 malformed;
	struct ws_rx		 rx;
	struct rate		 byte_budget, message_budget;

	struct timer		 timer;
	TAILQ_ENTRY(conn)	 link;
	struct enroll_req	*enroll;
	mono_us			 deadline;	/* before auth */
	mono_us			 pinged;
	struct buf		 held;		/* an incomplete head */
	size_t			 scan;
	struct timer		 resume;	/* reading; over budget */
	const char		*why;		/* it ends; static text */
	uint32_t		 host_hash;
	char			 host[SOCK_TEXT];
};

TAILQ_HEAD(conn_list, conn);

struct conns {
	struct hubd		*hub;
	struct conn_list	 pending, live;
	size_t			 npending, nlive, nopen, npaused;
	mono_us			 said_budget;
};

/* Bytes of a PROXY header or a request head; what follows are frames. */
void greet_data(struct conn *, uint8_t *, size_t);

/* Frames, from here on. */
void conn_frames(struct conn *, uint8_t *, size_t);
/* The next step is due within that time. */
void conn_deadline(struct conn *, mono_us);
/* The end, without a word; why is static. */
void conn_abort(struct conn *, const char *why);
uint32_t conn_host_hash(const char *);

#endif
