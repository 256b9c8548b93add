/* setup: makes everything the daemons need, step by step, safe to repeat. */
#ifndef MAST_CTL_SETUP_H
#define MAST_CTL_SETUP_H

#include "ctl.h"

int setup_run(struct ctl *, const struct ctl_args *);

#endif
