/* settle: mastctl config, the configuration file. */
#ifndef MAST_CTL_SETTLE_H
#define MAST_CTL_SETTLE_H

#include "ctl.h"

int settle_show(struct ctl *, const struct ctl_args *);
int settle_check(struct ctl *, const struct ctl_args *);

#endif
