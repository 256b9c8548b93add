/* node: the node family of commands. */
#ifndef MAST_CTL_NODE_H
#define MAST_CTL_NODE_H

#include "ctl.h"

int node_add(struct ctl *, const struct ctl_args *);
int node_list(struct ctl *, const struct ctl_args *);
int node_show(struct ctl *, const struct ctl_args *);
int node_token(struct ctl *, const struct ctl_args *);
int node_delete(struct ctl *, const struct ctl_args *);

#endif
