/*
 * serve: the two Unix sockets of hubd. apid's channel carries commands,
 * questions and, once a second, what changed; mastctl's control channel
 * speaks the same protocol. The uid decides who is who.
 */
#ifndef MAST_SERVE_H
#define MAST_SERVE_H

#include <stdint.h>

#include "buf.h"

struct hubd;
struct node;
struct serve;

/* Binds hubd.sock and hubd.ctl: 0, or an exit code with a sentence. */
int  serve_acquire(struct hubd *, struct buf *err_r);
void serve_start(struct serve *);
void serve_free(struct serve *);
unsigned serve_channels(const struct serve *);
/* The node is no longer here. */
void serve_gone(struct serve *, const struct node *);
/* That many events were stored, or commands moved (0): a doorbell, at once
 * unless it rang a moment ago. */
void serve_events(struct serve *, uint32_t count);

#endif
