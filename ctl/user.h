/* user: the user family of commands. */
#ifndef MAST_CTL_USER_H
#define MAST_CTL_USER_H

#include "ctl.h"

struct db_sync;

/*
 * The first administrator, if nobody exists yet. 1: made, 0: there are users
 * already, -1: failed and said so. password is checked by the caller.
 */
int user_first(struct ctl *, struct db_sync *, const char *name,
    const char *password);

int user_add(struct ctl *, const struct ctl_args *);
int user_passwd(struct ctl *, const struct ctl_args *);
int user_list(struct ctl *, const struct ctl_args *);
int user_disable(struct ctl *, const struct ctl_args *);
int user_enable(struct ctl *, const struct ctl_args *);
int user_sessions(struct ctl *, const struct ctl_args *);
/* CTL_OK, or said why not. */
int user_known(struct ctl *, struct db_sync *, const char *name);

#endif
