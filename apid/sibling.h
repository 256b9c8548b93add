/*
 * sibling: apid's end of a channel to another daemon of the same host: the
 * connection that is kept up for ever, and the daemon's own figures, asked
 * for every few seconds.
 */
#ifndef APID_SIBLING_H
#define APID_SIBLING_H

#include <stdbool.h>
#include <stddef.h>

#include "ipc.h"
#include "mono.h"
#include "str.h"

struct apid;
struct req;
struct sibling;

struct sibling_config {
	struct apid		*apid;
	const char		*socket;	/* its name in run_dir */
	enum msg_peer		 peer;
	const struct ipc_handler *handlers;
	size_t			 nhandlers;
	void (*up)(void *arg, const struct msg_hello *);
	void (*down)(void *arg);
	void			*arg;		/* also of the handlers */
};

struct sibling *sibling_new(const struct sibling_config *);
void sibling_free(struct sibling *);	/* NULL is fine */
bool sibling_up(const struct sibling *);
/* Up, and by its own word it has all that it needs. */
bool sibling_ready(const struct sibling *);
struct ipc_chan *sibling_chan(const struct sibling *);
/* The last MSG_STATUS_REPLY, a flat JSON object; empty while it is away. */
struct slice sibling_status(const struct sibling *);

/*
 * A request on behalf of a REST request: it hangs on req->ipc, fn's argument
 * is the req. Put the fields, then sibling_send. The peer must be up.
 */
struct buf *sibling_ask(struct sibling *, struct req *, enum msg_type,
    mono_us deadline, ipc_reply_fn);
void sibling_send(struct sibling *);

#endif
