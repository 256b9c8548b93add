/* role: viewer < operator < admin < super_admin. 0 is "unset", never a role. */
#ifndef MAST_ROLE_H
#define MAST_ROLE_H

#include "str.h"

enum role {
	ROLE__UNSET = 0,
	ROLE_PUBLIC,	/* no sign-in at all; never a user's role */
	ROLE_VIEWER, ROLE_OPERATOR, ROLE_ADMIN, ROLE_SUPER_ADMIN
};

enum role role_parse(struct slice);	/* ROLE__UNSET when unknown */
const char *role_name(enum role);

#endif
