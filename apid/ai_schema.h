/*
 * ai_schema: the form of an answer as a JSON schema, for providers that
 * hold a model to one. It says what the tables say (ai_form.h, those of the
 * node's driver or NULL, and what POST /tunnels takes) in the words that all
 * three know: type, enum, properties, required, items, $defs and $ref,
 * minimum and maximum, description, additionalProperties. The root is one
 * object. Pure.
 */
#ifndef APID_AI_SCHEMA_H
#define APID_AI_SCHEMA_H

#include "buf.h"
#include "json.h"

struct driver_form;

void ai_schema_put(const struct driver_form *,
    const struct json_schema *tunnel, struct buf *out);

#endif
