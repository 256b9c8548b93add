/*
 * ai_form: what an answer of a model may say: the table of actions.
 * ai_envelope holds answers to it and to the tables of the node's driver,
 * ai_schema and ai_context tell both to the model. Pure.
 */
#ifndef APID_AI_FORM_H
#define APID_AI_FORM_H

#include <stddef.h>

#include "buf.h"

struct driver_form;

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

/* What the driver's tables say of inputs and outputs, in words. */
void ai_form_guide(const struct driver_form *, struct buf *out);

#endif
