/* order: commands to nodes, and their stored configurations. */
#ifndef MAST_CTL_ORDER_H
#define MAST_CTL_ORDER_H

struct ctl;
struct ctl_args;

int order_command(struct ctl *, const struct ctl_args *);
int order_config(struct ctl *, const struct ctl_args *);

#endif
