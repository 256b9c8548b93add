/*
 * ai_context: what a model is told: its instructions, and the facts as one
 * JSON document, without credentials and bounded. Names and event texts are
 * data: they stand in the document only, never among the instructions, and
 * cannot end it: '<' and '>' are written as escapes. Pure.
 */
#ifndef APID_AI_CONTEXT_H
#define APID_AI_CONTEXT_H

#include <stdbool.h>

#include "ai_redact.h"
#include "arena.h"
#include "buf.h"
#include "driver.h"
#include "json.h"
#include "str.h"

enum ai_kind { AI_K__UNSET = 0, AI_K_GENERATE, AI_K_ANALYZE, AI_K_QUERY };
const char *ai_kind_name(enum ai_kind);

#define AI_CONFIG_MAX	(96 * 1024)	/* of flows; beyond: a summary */
#define AI_CONTEXT_MAX	(200 * 1024)

/* Valid JSON each; {NULL, 0}: not known, the member is absent. */
struct ai_facts {
	const struct driver	*driver;	/* of the node */
	struct slice		 node;
	struct slice		 config;	/* its whole configuration */
	struct slice		 flows;		/* else: an array of flows */
	struct slice		 nodes, tunnels, alarms, events, series;
};

void ai_context_system(enum ai_kind, const struct driver *, struct buf *out);
/* The document: 0, or -1 when some fact is not valid JSON. */
int ai_context_facts(struct arena *, struct ai_redact *,
    const struct ai_facts *, struct buf *out);
/* What is wrong with an answer, for the one more try. */
void ai_context_correct(const struct json_faults *, struct buf *out);

#endif
