/*
 * cache: the configurations that nodes reported. The newest text of a node
 * is kept in memory up to a bound for all nodes; every new content is stored
 * once, sealed, because flows carry credentials.
 */
#ifndef MAST_CACHE_H
#define MAST_CACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "frame.h"
#include "msg.h"
#include "str.h"

struct cache;
struct hubd;
struct ipc_chan;
struct node;

struct cache *cache_new(struct hubd *);
void cache_free(struct cache *);
size_t cache_bytes(const struct cache *);

/* MSG_CONFIG_GET: MSG_CONFIG from memory or from the node, or MSG_ERROR.
 * However many ask, the node is asked once. */
void cache_get(struct cache *, struct ipc_chan *, uint64_t id,
    const struct msg_config_get *);
/* The newest configuration, if it is known to be that. */
bool cache_fresh(const struct node *, struct slice *text_r);
/* Asks the node for it, unless that is under way. */
void cache_want(struct cache *, struct node *);
void cache_forget_chan(struct cache *, const struct ipc_chan *);

/* Asks again even if the last one is known, unless it was just asked or has
 * no configuration to give. */
void cache_recheck(struct cache *, struct node *);

void cache_response(struct cache *, struct node *, struct slice text);
/* An answer to our own get_config? Then it is dealt with. */
bool cache_ack(struct node *, const struct frame_ack *);
/* A command may have changed the configuration. */
void cache_stale(struct node *);
/* Whoever waits for this node's answer is told. */
void cache_node_lost(struct node *);
/* The node record goes. */
void cache_node_gone(struct node *);

#endif
