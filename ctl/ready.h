/*
 * ready: whether the daemons of this host serve. apid says on its control
 * socket what /readyz would answer: that needs neither a port nor a
 * certificate to trust.
 */
#ifndef MAST_CTL_READY_H
#define MAST_CTL_READY_H

#include <stdbool.h>

#include "ctl.h"

struct ready {
	char	missing[32];	/* who does not answer, with commas: "hubd" */
	char	lacks[256];	/* what is not there yet; empty: it serves */
	char	door[384];	/* what browsers open: "https://host:8443" */
};

/* Looks once; of those that are installed. */
void ready_ask(struct ctl *, struct ready *);
/* The same of STATUS_DAEMONS answers that are there already. */
struct status_answer;
void ready_judge(const struct status_answer *, struct ready *);
/* Looks until it serves, for so many seconds at most. */
bool ready_wait(struct ctl *, unsigned seconds, struct ready *);

#endif
