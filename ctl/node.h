/* node: the node family of commands. */
#ifndef MAST_CTL_NODE_H
#define MAST_CTL_NODE_H

#include "ctl.h"
#include "id.h"

struct db_sync;

/* One node by id or name: CTL_OK with its id, or an exit code, told. */
int node_find(struct ctl *, struct db_sync *, const char *what,
    char id_r[ID_TEXT]);
int node_add(struct ctl *, const struct ctl_args *);
int node_list(struct ctl *, const struct ctl_args *);
int node_show(struct ctl *, const struct ctl_args *);
int node_token(struct ctl *, const struct ctl_args *);
int node_delete(struct ctl *, const struct ctl_args *);

#endif
