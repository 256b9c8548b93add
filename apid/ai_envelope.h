/*
 * ai_envelope: what a model answered, as actions that may be proposed. Pure.
 *
 * The answer is one JSON object with an "action"; prose and fences around it
 * are tolerated, a bare flow is taken for create_flow. Each action is
 * checked against its row, the driver of the node, what the node has and the
 * nodes that the caller may see; whatever is wrong is told as faults, in
 * words that the model can act on.
 */
#ifndef APID_AI_ENVELOPE_H
#define APID_AI_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>

#include "ai_form.h"
#include "arena.h"
#include "buf.h"
#include "driver.h"
#include "json.h"
#include "role.h"
#include "str.h"

#define AI_STEPS	32	/* of one proposal */
#define AI_MESSAGE	4000	/* bytes of the model's words kept */

struct ai_step {
	const struct ai_action	*action;
	struct slice		 flow_id, output_id, tunnel_id;
	struct slice		 flow, output, tunnel;	/* JSON objects */
};

/* What the caller has chosen and may see. */
struct ai_scope {
	const struct driver	*driver;	/* of the node; NULL: no node */
	struct slice		 config;	/* its configuration, or empty */
	struct slice		 nodes;		/* [{"id":,...}] of the caller */
	struct slice		 tunnels;	/* [{"id":,...}] the same */
	/* What POST /tunnels takes, into so many bytes; NULL: anything. */
	const struct json_schema *tunnel;
	size_t			 tunnel_size;
};

struct ai_answer {
	bool			 info;		/* proposes nothing */
	struct slice		 message;
	struct slice		 object;	/* the envelope, valid JSON */
	struct ai_step		 steps[AI_STEPS];
	size_t			 nsteps;
	struct json_faults	 faults;	/* any: it may not be used */
};

/* The first JSON object in the text, or {NULL, 0}. */
struct slice ai_envelope_find(struct slice text);
/* Fills answer from an object; memory is the arena's. */
void ai_envelope_check(struct arena *, struct slice object,
    const struct ai_scope *, struct ai_answer *);
/* {"action":"info","message":text}, also as the answer. */
void ai_envelope_info(struct arena *, struct slice text,
    struct ai_answer *);

/* The action of a command, of a step for a node. */
void ai_step_action(const struct ai_step *, struct json_w *);
/* The step as an action of an envelope, without a message. */
void ai_step_envelope(const struct ai_step *, struct json_w *);
/* Reads one that ai_step_envelope wrote; false: it did not. */
bool ai_step_read(struct arena *, struct slice object, struct ai_step *);
/* The least role that may apply the step at that driver's nodes. */
enum role ai_step_role(const struct ai_step *, const struct driver *);


#endif
