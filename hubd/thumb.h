/*
 * thumb: the newest picture of each flow and input of the nodes that are
 * connected, in memory only, up to a bound for each node and for all.
 */
#ifndef MAST_THUMB_H
#define MAST_THUMB_H

#include <stdint.h>

#include "msg.h"
#include "str.h"

struct hubd;
struct ipc_chan;
struct node;
struct thumbs;

struct thumbs *thumbs_new(struct hubd *);
void thumbs_free(struct thumbs *);

/* Payload of a node's "thumbnail". What is no JPEG, or too large, is not
 * kept. */
void thumb_keep(struct thumbs *, struct node *, struct slice payload);
/* MSG_THUMB_GET: MSG_THUMB or MSG_ERROR. */
void thumb_get(struct thumbs *, struct ipc_chan *, uint64_t id,
    const struct msg_thumb_get *);
/* The node record goes, and its pictures. */
void thumb_node_gone(struct thumbs *, struct node *);

#endif
