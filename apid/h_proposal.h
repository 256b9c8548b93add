/* h_proposal: /api/v1/ai/proposals: looking at them, applying, dismissing. */
#ifndef APID_H_PROPOSAL_H
#define APID_H_PROPOSAL_H

struct req;

void h_proposal_list(struct req *);	/* GET /ai/proposals */
void h_proposal_get(struct req *);	/* GET /ai/proposals/:id */
void h_proposal_apply(struct req *);	/* POST /ai/proposals/:id/apply */
void h_proposal_dismiss(struct req *);	/* DELETE /ai/proposals/:id */

#endif
