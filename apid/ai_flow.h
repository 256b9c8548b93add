/*
 * ai_flow: flows as the AI sees them: whole, with input and outputs inside,
 * whatever dialect the node's configuration has. And the difference of two.
 * Pure; texts are valid JSON.
 */
#ifndef APID_AI_FLOW_H
#define APID_AI_FLOW_H

#include <stdbool.h>

#include "arena.h"
#include "json.h"
#include "str.h"

/* An element of a JSON array of objects whose "id" is that; {NULL, 0}. */
struct slice ai_element(struct slice array, struct slice id);
/* A member that is a string, unescaped; false: it is none. */
bool ai_string(struct arena *, struct slice object, const char *key,
    struct slice *v_r);
/* A member of that kind ('{' or '['), or {NULL, 0}. */
struct slice ai_member(struct slice object, const char *key, char kind);
/* The flow of that id as one object; {NULL, 0}: none. */
struct slice ai_flow_find(struct arena *, struct slice config,
    struct slice id);
/* The array "flows" as the AI sees it: [] of a configuration without. */
void ai_flow_list(struct arena *, struct slice config, struct json_w *);
/* Of an output in such a flow. */
struct slice ai_flow_output(struct slice flow, struct slice output_id);

/* [{"path":"/input/mode","before":...,"after":...},...], at most 200; an
 * absent side is an absent member. Credentials are "***". before or after
 * may be {NULL, 0}: all is new, or gone. */
void ai_diff(struct arena *, struct slice before, struct slice after,
    struct json_w *);

#endif
