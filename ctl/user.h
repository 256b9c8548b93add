/* user: the user family of commands. */
#ifndef MAST_CTL_USER_H
#define MAST_CTL_USER_H

#include "ctl.h"

struct db_sync;

/* A link by which the first administrator sets the password, once. */
struct user_link {
	char	secret[65];	/* to be wiped */
	char	name[65];	/* of the user */
	char	until[40];	/* RFC 3339 */
};

/*
 * The first administrator, if nobody exists yet. 1: made, 0: there are users
 * already, -1: failed and said so. password is checked by the caller. With a
 * link it is filled in.
 */
int user_first(struct ctl *, struct db_sync *, const char *name,
    const char *password, struct user_link *);
/*
 * Where the administrator has not used the link: 1: it had ended, and this
 * is a new one; 0: it is good still, and its secret is known to nobody here;
 * then name is set. Or name is empty: there is none. -1: failed, said so.
 */
int user_link(struct ctl *, struct db_sync *, struct user_link *);

int user_add(struct ctl *, const struct ctl_args *);
int user_passwd(struct ctl *, const struct ctl_args *);
int user_list(struct ctl *, const struct ctl_args *);
int user_disable(struct ctl *, const struct ctl_args *);
int user_enable(struct ctl *, const struct ctl_args *);
int user_sessions(struct ctl *, const struct ctl_args *);
/* CTL_OK, or said why not. */
int user_known(struct ctl *, struct db_sync *, const char *name);

#endif
