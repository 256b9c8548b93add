/*
 * step: one command that becomes several on the wire, because the dialect
 * of the node's configuration asks for it. Each step has an id of its own
 * and leaves when the one before was taken; the first refusal ends the
 * command, and the journal tells which steps were done.
 */
#ifndef MAST_STEP_H
#define MAST_STEP_H

#include <stdbool.h>

#include "buf.h"
#include "frame.h"
#include "str.h"

struct cmd;

/* Whether the dialect of the node may make several of this action. */
bool step_turns(const struct cmd *, struct slice action);
/* Whether this action is one of those; then it is dealt with: the cmd waits
 * for the node's configuration, is on its way, or has ended. */
bool step_begin(struct cmd *, struct slice action);
/* The configuration that it waited for, or not (then nothing happens). */
void step_config(struct cmd *, struct slice config);
/* Nothing has left yet. */
bool step_waits(const struct cmd *);
/* The node took a step: true when another one follows. */
bool step_next(struct cmd *);
/* Before a node's words (raw JSON string content): which step it was. */
void step_prefix(const struct cmd *, struct buf *);
/* The array of the journal for a command that ends like this, or nothing. */
void step_json(const struct cmd *, const char *state, struct buf *);
void step_free(struct cmd *);

#endif
