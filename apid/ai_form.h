/*
 * ai_form: what an answer of a model may say, as tables: the actions, and
 * the members of inputs and outputs. ai_envelope holds answers to them,
 * ai_schema tells them to the model. Pure.
 */
#ifndef APID_AI_FORM_H
#define APID_AI_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "str.h"

enum ai_target { AI_T__UNSET = 0, AI_T_NODE, AI_T_TUNNELS };

enum ai_need {			/* bits of ai_action.needs */
	AI_N_FLOW = 1, AI_N_FLOW_ID = 2, AI_N_OUTPUT = 4,
	AI_N_OUTPUT_ID = 8, AI_N_TUNNEL = 16, AI_N_TUNNEL_ID = 32,
	AI_N_NEW = 64,		/* the flow must not be there */
	AI_N_THERE = 128,	/* it must */
};

struct ai_action {
	const char	*name;
	enum ai_target	 target;
	unsigned	 needs;
	const char	*inverse;	/* or NULL */
};
const struct ai_action *ai_action_at(size_t i);	/* NULL past the end */

/* What kinds of inputs and outputs there are; ends with type NULL. */
struct ai_end { const char *type, *required[3]; };
extern const struct ai_end ai_form_inputs[], ai_form_outputs[];

/* The members of any of them that have a type of their own. */
enum ai_type { AI__UNSET = 0, AI_STRING, AI_INTEGER, AI_NUMBER, AI_BOOLEAN,
    AI_STRINGS, AI_INTEGERS, AI_OBJECT };
struct ai_member { const char *name; enum ai_type type; };
const struct ai_member *ai_member_at(size_t i);	/* NULL past the end */
/* Is it a value of that type, or null? */
bool ai_type_is(enum ai_type, struct slice raw);
const char *ai_type_rule(enum ai_type);		/* "must be a string" */

#endif
