/*
 * ipc: channels between the daemons over Unix stream sockets. The peer's
 * uid is mapped to a class before any handler runs; the table in msg.c says
 * what that class may send. A violation costs the channel, never the
 * process. Client channels reconnect with jittered back-off for ever.
 */
#ifndef MAST_IPC_H
#define MAST_IPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "mono.h"
#include "msg.h"

struct ipc;		/* this process's end: handlers, limits */
struct ipc_chan;
struct stream_io;
struct event_base;
struct timers;

struct ipc_msg {
	enum msg_type	 type;
	enum err	 err;
	uint64_t	 id;		/* answer with the same id */
	struct msg_in	 in;
};

struct ipc_handler {
	enum msg_type	 type;
	/* false: the payload was malformed; the channel is dropped. */
	bool (*fn)(void *arg, struct ipc_chan *, struct ipc_msg *);
};

struct ipc_uid { uid_t uid; unsigned peers; };	/* enum msg_peer bits */

struct ipc_config {
	struct event_base	*base;
	struct timers		*timers;
	struct stream_io	*io;
	enum msg_peer		 self;
	struct id		 instance;
	const char		*name;
	struct slice		 extra;		/* in our hello */
	const struct ipc_handler *handlers;
	size_t			 nhandlers;
	const struct ipc_uid	*uids;		/* who may connect to us */
	size_t			 nuids;
	size_t			 backlog_max;	/* bytes; beyond: dropped;
						 * 0: 16 MiB */
	unsigned		 chans_max;	/* accepted at once; 0: 64 */
	/* A channel said a valid hello / went away. May be NULL. An
	 * accepted channel is freed after down. */
	void (*up)(void *arg, struct ipc_chan *, const struct msg_hello *);
	void (*down)(void *arg, struct ipc_chan *);
	void			*arg;
};

struct ipc *ipc_new(const struct ipc_config *);	/* copied */
/* Without callbacks: neither down nor the requests in flight. */
void ipc_free(struct ipc *);
/* Accepts on fd (taken). */
int ipc_listen(struct ipc *, int fd);
/* One channel to a path, kept up for ever. Never NULL. */
struct ipc_chan *ipc_connect(struct ipc *, const char *path,
    enum msg_peer expect);

bool ipc_is_up(const struct ipc_chan *);
enum msg_peer ipc_peer(const struct ipc_chan *);
void *ipc_data(const struct ipc_chan *);	/* the owner's pointer */
void ipc_set_data(struct ipc_chan *, void *);
size_t ipc_backlog(const struct ipc_chan *);

/* One-way messages and replies. begin gives the channel's output buffer with
 * a header in it; put fields, then send. A channel that is down swallows. */
struct buf *ipc_begin(struct ipc_chan *, enum msg_type, enum err,
    uint64_t id);
void ipc_send(struct ipc_chan *);

/* Request: the reply, MSG_ERROR, deadline (ERR_NODE_TIMEOUT) or loss of the
 * channel (ERR_PEER_GONE) ends in exactly one call, on a later turn. For the
 * last two msg is NULL. deadline: from now; 0: 10 s. *req_r must stay where
 * it is until then; it is NULL again before fn is entered. forget() detaches
 * a request whose owner goes. A message over its size limit is not sent:
 * the request, or the peer's for a reply, ends with ERR_TOO_LARGE. */
typedef void (*ipc_reply_fn)(void *arg, enum err, struct ipc_msg *msg);
struct ipc_req;
struct buf *ipc_request(struct ipc_chan *, enum msg_type, mono_us deadline,
    ipc_reply_fn, void *arg, struct ipc_req **req_r);
void ipc_forget(struct ipc_req **);

#endif
