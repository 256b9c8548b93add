/*
 * ipc_int: what ipc.c (ends, channels up and down) and ipc_chan.c (messages
 * and requests on a channel) share. For these two files only.
 */
#ifndef MAST_IPC_INT_H
#define MAST_IPC_INT_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>

#include "ipc.h"
#include "sock.h"
#include "stream.h"
#include "timer.h"

#define IPC_BUCKETS	64	/* of a channel's requests */

enum ipc_state { IPC_DOWN, IPC_CONNECT, IPC_HELLO, IPC_UP, IPC_CLOSING };

struct ipc_req {
	LIST_ENTRY(ipc_req)	 entry;	/* of its channel, or of the ended */
	struct ipc_chan		*chan;	/* NULL: ended */
	struct timer		 timer;
	uint64_t		 id;
	enum msg_type		 reply;
	enum err		 err;	/* ended: with this */
	ipc_reply_fn		 fn;	/* NULL: nobody waits */
	void			*arg;
	struct ipc_req		**ref;	/* the owner's pointer, or NULL */
};
LIST_HEAD(ipc_reqs, ipc_req);

struct ipc_chan {
	LIST_ENTRY(ipc_chan)	 entry;
	struct ipc		*ipc;
	struct stream		*st;
	struct sock_addr	 addr;	/* client: where to */
	bool			 client;
	bool			 said;	/* that it cannot connect */
	enum ipc_state		 state;
	unsigned		 allowed;	/* what the peer may be */
	enum msg_peer		 peer;
	struct buf		 in, out;
	size_t			 at;	/* of the message being written */
	enum msg_type		 type;	/* of the same; 0: none */
	uint64_t		 id;
	bool			 reading;
	struct timer		 timer;	/* hello, or the next try */
	struct timer		 flush;
	struct ipc_reqs		 reqs[IPC_BUCKETS];
	uint64_t		 last_id;
	unsigned		 abandoned;
	mono_us			 retry, since;
	char			 label[96];
	void			*data;
};

struct ipc_listener {
	LIST_ENTRY(ipc_listener) entry;
	struct event		 ev;
	struct timer		 timer;	/* out of descriptors: a pause */
	struct ipc		*ipc;
	int			 fd;
};

struct ipc {
	struct ipc_config	 cfg;
	struct ipc_handler	 handlers[MSG__MAX];
	bool			 is_reply[MSG__MAX];
	struct ipc_uid		*uids;
	char			*name, *extra;
	LIST_HEAD(, ipc_chan)	 chans;
	LIST_HEAD(, ipc_listener) listeners;
	struct ipc_reqs		 ended;
	unsigned		 accepted;
	mono_us			 refused_at;	/* last line about it */
};

/* ipc.c: the other side has introduced itself. */
void ipc_hello(struct ipc_chan *, struct ipc_msg *);

/* Ends the channel with a line in the log; the rest on a later turn. */
void ipc_chan_drop(struct ipc_chan *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* struct stream_ops.data */
void ipc_chan_data(void *arg, uint8_t *p, size_t n);
/* Writes what was collected; a struct timer's callback. */
void ipc_chan_flush(void *arg);
/* Every request in flight ends with ERR_PEER_GONE. */
void ipc_chan_fail(struct ipc_chan *);

#endif
