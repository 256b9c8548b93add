/*
 * listen: the doors for nodes, and their pace. While as many handshakes are
 * in flight as allowed, new peers wait in the kernel's queue, where waiting
 * costs nothing and no clock of theirs runs yet.
 */
#ifndef MAST_LISTEN_H
#define MAST_LISTEN_H

#include "buf.h"

struct hubd;
struct listener;

/* Binds the doors: 0, or an exit code with a sentence. */
int  listen_acquire(struct hubd *, struct buf *err_r);
void listen_start(struct listener *);
void listen_stop(struct listener *);	/* no new peers */
void listen_free(struct listener *);
/* A handshake is over, or has had its time. */
void listen_slot_give(struct listener *);
/* A socket that had not authenticated went, or the enrolment caught up. */
void listen_wake(struct listener *);
unsigned listen_slots(const struct listener *);
int  listen_port(const struct listener *);

#endif
