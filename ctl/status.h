/* status: asks the daemons over their control sockets. */
#ifndef MAST_CTL_STATUS_H
#define MAST_CTL_STATUS_H

#include <stdbool.h>

#include "ctl.h"

#define STATUS_DAEMONS 3

struct status_answer {
	const char	*name;		/* "apid", "hubd", "aid" */
	char		*json;		/* flat object; NULL: no answer */
	bool		 absent;	/* nor is it installed, nor need be */
};

/* Asks all daemons at once, at most two seconds. */
void status_ask(struct ctl *, struct status_answer out[STATUS_DAEMONS]);
void status_free(struct status_answer out[STATUS_DAEMONS]);

int status_run(struct ctl *, const struct ctl_args *);

#endif
