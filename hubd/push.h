/*
 * push: the legs of tunnels, told to the nodes of this hub. The plan is in
 * mast.tunnel_legs (sql/0009); here are only the pushes on their way. Every
 * push may be repeated: create replaces, removing the unknown is done.
 */
#ifndef MAST_PUSH_H
#define MAST_PUSH_H

#include <stdbool.h>
#include <stddef.h>

#include "frame.h"

struct hubd;
struct node;
struct pushes;

struct pushes *pushes_new(struct hubd *);
void pushes_free(struct pushes *);
size_t pushes_inflight(const struct pushes *);

/* Each second, and when something may be due at once. */
void push_tick(struct pushes *);
void push_kick(struct pushes *);
/* A node is here with a new session: its legs are told again. */
void push_node_here(struct pushes *, const struct node *);
/* Its session is over: what was on the way counts as not sent. */
void push_node_lost(struct pushes *, const struct node *);
/* False: not the answer to a push. */
bool push_ack(struct pushes *, const struct node *, const struct frame_ack *);

#endif
