/*
 * publish: what every apid is told: once a second the nodes that changed
 * since it was told last, whole stats of those that somebody watches, who
 * left, and a doorbell for what was stored. It is told in pieces, so that
 * neither this loop nor that one stands still for it. When a channel takes
 * less than there is, states go first and whole stats follow as it takes
 * them; one that takes nothing gets the newest state later.
 */
#ifndef MAST_PUBLISH_H
#define MAST_PUBLISH_H

#include <stdint.h>

#include "msg.h"

struct hubd;
struct ipc_chan;
struct node;
struct publish;

struct publish *publish_new(struct hubd *);
void publish_free(struct publish *);

/* An apid came, went, or says whose stats it wants. */
void publish_up(struct publish *, struct ipc_chan *);
void publish_down(struct publish *, const struct ipc_chan *);
void publish_watch(struct publish *, const struct ipc_chan *,
    const struct msg_watch *);

/* The node is no longer here. */
void publish_gone(struct publish *, const struct node *);
/* That many events were stored, or commands moved (0): a doorbell, at once
 * unless it rang a moment ago. */
void publish_events(struct publish *, uint32_t count);

#endif
