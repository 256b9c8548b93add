/*
 * sealer: seals the rows of the audit that wait, at an interval. hubd does
 * it because it writes few of them and holds no door to people: whoever
 * takes apid or the database over cannot make a seal. It only ever goes on
 * from the last seal that this host has seen (the anchor, a file that was
 * opened before the drop), so that nobody gets another history signed.
 */
#ifndef MAST_SEALER_H
#define MAST_SEALER_H

#include "buf.h"

struct hubd;
struct sealer;

/* Key, public keys and anchor of state_dir; without a key it does nothing.
 * NULL with a sentence. anchor: open it too. */
struct sealer *sealer_new(struct hubd *, bool anchor, struct buf *err_r);
void sealer_start(struct sealer *);
void sealer_free(struct sealer *);

#endif
