/* watch: mastctl event tail and mastctl node watch. */
#ifndef MAST_CTL_WATCH_H
#define MAST_CTL_WATCH_H

#include "ctl.h"

int watch_events(struct ctl *, const struct ctl_args *);
int watch_node(struct ctl *, const struct ctl_args *);

#endif
