/* token: the token family of commands: API tokens of users. */
#ifndef MAST_CTL_TOKEN_H
#define MAST_CTL_TOKEN_H

#include "ctl.h"

int token_list(struct ctl *, const struct ctl_args *);
int token_revoke(struct ctl *, const struct ctl_args *);

#endif
