/* aikey: the aikey family of commands: users' keys of AI providers. */
#ifndef MAST_CTL_AIKEY_H
#define MAST_CTL_AIKEY_H

#include "ctl.h"

int aikey_list(struct ctl *, const struct ctl_args *);
int aikey_delete(struct ctl *, const struct ctl_args *);

#endif
