/* completion: scripts for shells, from the table of commands. */
#ifndef MAST_CTL_COMPLETION_H
#define MAST_CTL_COMPLETION_H

#include "ctl.h"

int completion_run(struct ctl *, const struct ctl_args *);

#endif
