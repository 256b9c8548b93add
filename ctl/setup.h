/* setup: makes everything the daemons need, step by step, safe to repeat. */
#ifndef MAST_CTL_SETUP_H
#define MAST_CTL_SETUP_H

#include "ctl.h"

/* Roles and the empty database alone, without a word: an exit code, told. */
int setup_database(struct ctl *, const char *superuser_conninfo);
int setup_run(struct ctl *, const struct ctl_args *);

#endif
