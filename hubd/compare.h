/*
 * compare: finds drift. Every report of a node that has an ordered
 * configuration is held against it when it is stored; nodes whose last
 * report is older than their session, the order, a command that changed
 * something, or a quarter of an hour are asked for one. A new drift is one
 * event, and so is its end; nothing is ever corrected here.
 */
#ifndef MAST_COMPARE_H
#define MAST_COMPARE_H

#include "str.h"

struct compares;
struct db_result;
struct hubd;
struct node;

struct compares *compares_new(struct hubd *);
void compares_free(struct compares *);

/* Columns: ordered hash, sealed text, fingerprint told, one ignored. */
void compare_reported(struct hubd *, struct node *, struct slice text,
    const struct db_result *);

#endif
