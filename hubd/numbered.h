/*
 * numbered: events of nodes that number them (event_ack in
 * mastkeeper-protocol(7)). They are taken in turn, acknowledged up to the
 * last one that is stored, and asked for again from there when one could not
 * be taken: so the acknowledgement stays one number, and nothing is lost.
 */
#ifndef MAST_NUMBERED_H
#define MAST_NUMBERED_H

#include <stdbool.h>
#include <stdint.h>

#include "id.h"

struct hubd;
struct node;
struct node_info;
struct numbered;

struct numbered *numbered_new(struct hubd *);
void numbered_free(struct numbered *);

/* A node attaches: whether it numbers, under which boot, stored up to where. */
void numbered_attach(struct numbered *, struct node *,
    const struct node_info *);
/* The node record goes. */
void numbered_forget(struct numbered *, struct node *);

/* Whether this one is taken. room: else the node is asked for it later. */
bool numbered_take(struct numbered *, struct node *, int64_t seq, bool room);
/* That one of the boot is stored, or was given up: it would only come
 * again. */
void numbered_stored(struct numbered *, const struct id *node,
    const struct id *boot, int64_t seq);
/* There is room again: who was put off shall send. */
void numbered_ask(struct numbered *);

#endif
