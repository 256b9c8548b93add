/*
 * conn: one client connection: heads are parsed, the row is found, the
 * caller, the body, then the handler. One request at a time; what a
 * pipelining client sends meanwhile waits, within bounds.
 */
#ifndef APID_CONN_H
#define APID_CONN_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "http1.h"
#include "sock.h"
#include "timer.h"

struct apid;
struct http;
struct req;
struct stream;

enum conn_state {
	CONN_HEAD,	/* a request head is due */
	CONN_AUTH,	/* the session is being looked up */
	CONN_BODY,	/* the body comes in */
	CONN_BUSY,	/* the handler has it */
	CONN_DISCARD,	/* answered; the rest of a body goes by */
	CONN_TAKEN,	/* upgraded: the bytes are somebody else's */
	CONN_CLOSING,
};

/* Who takes the bytes of an upgraded connection. closed is the last call. */
struct conn_taker {
	void (*data)(void *arg, uint8_t *p, size_t n);
	void (*drained)(void *arg);
	void (*closed)(void *arg);
	void (*stop)(void *arg);	/* the daemon ends */
};

struct conn {
	TAILQ_ENTRY(conn)	 entry;
	struct apid		*apid;
	struct http		*http;
	struct stream		*s;
	struct timer		 timer;
	enum conn_state		 state;
	struct req		*req;
	struct buf		 in;	/* the head that is due or served */
	struct buf		 next;	/* what came after it */
	size_t			 scan;
	uint64_t		 left;	/* body bytes to come, or to discard */
	struct http1_chunk	 chunk;
	bool			 chunked;	/* and not yet at its end */
	bool			 expect;	/* 100 is due before the body */
	bool			 keep;
	bool			 served;	/* one request at least */
	bool			 looping;
	bool			 paused;
	bool			 sinking;	/* inside a sink */
	bool			 sink_full;	/* it paused */
	bool			 body_whole;
	bool			 head_timed;
	bool			 trusted;	/* a proxy of ours */
	struct sock_addr	 peer;
	char			 address[SOCK_TEXT];
	const struct conn_taker	*taker;
	void			*taker_arg;
};

/* Takes fd; adds itself to http. */
struct conn *conn_new(struct http *, struct apid *, int fd,
    const struct sock_addr *peer);
/* At once, for the end of the process: nobody is told. */
void conn_free(struct conn *);
/* Idle: ends now. Busy: ends after the answer. Just come: is answered if its
 * request comes within a second. */
void conn_stop(struct conn *);

/* Before a response head is written: may the connection stay? */
bool conn_keep(struct conn *);
/* The body of the request waits, or goes on: to its sink. */
void conn_body_pause(struct conn *, bool);
/* The response was handed to the stream; r is gone after this. */
void conn_answered(struct conn *, struct req *);
/* The 101 was handed to the stream (status 0: relayed, nothing of ours was
 * sent); r is gone, bytes go to the taker. */
void conn_take(struct conn *, struct req *, const struct conn_taker *,
    void *arg);

#endif
