/*
 * proposal: what the AI, or the undoing of what it did, would have done:
 * steps, their difference to what is, the role that they take. Its stored
 * form is sealed with the server key for its id.
 */
#ifndef APID_PROPOSAL_H
#define APID_PROPOSAL_H

#include <stdbool.h>
#include <stddef.h>

#include "ai_envelope.h"
#include "buf.h"
#include "id.h"
#include "str.h"

struct req;

struct proposal {
	struct id	 id;
	struct ai_step	 steps[AI_STEPS];
	size_t		 n;
	struct slice	 object;	/* the envelope, as the client has it */
	struct slice	 diff;		/* JSON */
	enum role	 role;
	const char	*actions;	/* text[] */
};

/* Of steps and object: a new id, diff, role and actions. */
void proposal_make(struct req *, struct proposal *, const struct ai_scope *);
void proposal_seal(struct req *, const struct proposal *, struct buf *out);
/* False: it does not open, or is not what was sealed. */
bool proposal_open(struct req *, struct proposal *, struct slice sealed);

/* The flow of step i as it is when the step begins, {NULL, 0}: there is
 * none; scope is of before. */
struct slice proposal_before(struct req *, const struct proposal *, size_t i,
    const struct ai_scope *);
/* The step that undoes step i, which was applied and answered so; scope is
 * of before. False: nothing does. */
bool proposal_inverse(struct req *, const struct proposal *, size_t i,
    struct slice answer, const struct ai_scope *, struct ai_step *inverse_r);
/* {"action":"multiple",...} or the one action, from the steps. */
void proposal_wrap(struct req *, struct proposal *, const char *message);

#endif
