/*
 * history: samples of what nodes measure, on their way to mast.samples, and
 * the roll-ups that are made of them. A counter becomes a rate: what it grew
 * by since the last look at it; one that is smaller than before began anew.
 * Nothing said is no sample: gaps are gaps.
 */
#ifndef MAST_HISTORY_H
#define MAST_HISTORY_H

#include <stddef.h>

#include "mono.h"
#include "str.h"
#include "watch.h"

struct history;
struct hubd;
struct node;
struct history_seen;		/* counters of one node's objects */

struct history *history_new(struct hubd *);
void history_free(struct history *);

/* A look at one object of a node; several of one node share now and wall. */
void history_sample(struct history *, struct node *, struct slice object,
    const struct watch_sample *, mono_us now, wall_us wall);
/* The looks at a node are over: what was not there this time is forgotten. */
void history_looked(struct node *, mono_us now);
void history_forget(struct node *);	/* the node record goes */

size_t history_rows(const struct history *);
void history_kick(struct history *);

#endif
