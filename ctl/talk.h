/*
 * talk: one daemon's control socket, one question after the other, each on
 * a small loop of its own that ends with the answer.
 */
#ifndef MAST_CTL_TALK_H
#define MAST_CTL_TALK_H

#include <stdbool.h>

#include "ctl.h"
#include "mono.h"
#include "msg.h"

struct ipc_msg;
struct talk;

/* Is there anybody at all behind the path of a Unix socket? */
bool talk_listening(const char *path);
/* To a daemon ("aid"). NULL: it does not run, or does not answer. */
struct talk *talk_open(struct ctl *, const char *daemon, enum msg_peer);
void talk_close(struct talk *);		/* NULL is fine */
/* A request: put its fields into the buffer, then talk_end. */
struct buf *talk_begin(struct talk *, enum msg_type, mono_us deadline);
/* Waits. The reply is given to read, which says whether it was well formed;
 * ERR_OK, or what came instead of a reply. */
enum err talk_end(struct talk *, bool (*read)(void *arg, struct ipc_msg *),
    void *arg);

#endif
