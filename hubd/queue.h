/*
 * queue: commands that may wait for their node. Their rows lie in the
 * journal; the hub that holds the node's session takes them in the order
 * they came, one at a time for each node: the next leaves when the last has
 * its end, because nodes run what they receive side by side. It looks when a
 * node connects, when apid rings, when one ends, and every few seconds.
 */
#ifndef MAST_QUEUE_H
#define MAST_QUEUE_H

#include "msg.h"

struct cmd;
struct cmds;
struct ipc_chan;
struct node;

void queue_init(struct cmds *);
void queue_free(struct cmds *);
/* Something may be due for this node. */
void queue_ring(struct node *);
/* The node record goes, or its session did. */
void queue_forget(struct node *);
/* What is due may be claimed again. */
void queue_go(struct cmds *);
/* MSG_COMMAND without a wait, for a node that is here: the answer comes when
 * it ends soon, else ERR_UNAVAILABLE: the journal has the rest. */
void queue_start(struct cmds *, struct node *, struct ipc_chan *,
    uint64_t id, const struct msg_command *);

#endif
