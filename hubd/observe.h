/*
 * observe: looks at a node's stats every ten seconds while they come, for
 * what alarms and history want to know. In between a frame costs a
 * comparison; a node that says nothing costs nothing and leaves a gap.
 */
#ifndef MAST_OBSERVE_H
#define MAST_OBSERVE_H

struct hubd;
struct node;

/* After node_stats(). */
void observe_stats(struct hubd *, struct node *);

#endif
