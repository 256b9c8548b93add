/*
 * driver_edge: what the files of the edge's driver share. For
 * common/driver_edge*.c only. Texts are valid JSON; ids and other strings
 * are raw, with their quotes: an edge writes one text always alike.
 */
#ifndef MAST_DRIVER_EDGE_H
#define MAST_DRIVER_EDGE_H

#include <stdbool.h>
#include <stddef.h>

#include "driver.h"

/* Enters the array that is a member of object; false: there is none. */
bool edge_array(struct slice object, const char *key, struct jscan *);
/* A member that is a string. */
bool edge_string(struct slice object, const char *key, struct slice *raw_r);

/* The inputs or outputs that a configuration defines, by id. */
struct edge_def { struct slice id, text; };
struct edge_defs { struct edge_def *v; size_t n, cap; };
void edge_defs_read(struct edge_defs *, struct slice config,
    const char *key);
const struct edge_def *edge_defs_find(const struct edge_defs *,
    struct slice id);
void edge_defs_free(struct edge_defs *);

/* driver.form */
extern const struct driver_form edge_form;
/* driver.endpoints */
void edge_endpoints(struct slice config, struct json_w *);
/* driver.turns, driver.turn */
bool edge_turns(struct slice action);
enum err edge_turn(struct arena *, struct slice action, struct slice config,
    struct driver_plan *);
/* driver.hides */
bool edge_hides(struct slice config, struct slice end, bool input);
/* driver.watch */
int edge_watch(struct slice stats, const struct watch *);

#endif
