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
struct serve;

/* Binds hubd.sock and hubd.ctl: 0, or an exit code with a sentence. */
int  serve_acquire(struct hubd *, struct buf *err_r);
void serve_start(struct serve *);
void serve_free(struct serve *);
unsigned serve_channels(const struct serve *);

#endif
