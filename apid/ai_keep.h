/*
 * ai_keep: credentials that only the node has. A flow that is replaced, or
 * made again to undo its deletion, must not lose what the node does not
 * show: the change then goes as a whole configuration, into which the node
 * brings its own credentials back, or it is refused. Pure.
 */
#ifndef APID_AI_KEEP_H
#define APID_AI_KEEP_H

#include "ai_envelope.h"
#include "arena.h"
#include "driver.h"
#include "str.h"

/* The action of a command for a step at a node with this configuration
 * (empty: nobody knows it). NULL, or why it must not be done. */
const char *ai_keep_action(struct arena *, const struct driver *,
    struct slice config, const struct ai_step *, struct slice *action_r);
/* Can a step be undone, where the flow was that before ({NULL, 0}: none)?
 * NULL, or why not. */
const char *ai_keep_undo(struct arena *, const struct driver *,
    struct slice config, struct slice was, const struct ai_step *);

#endif
