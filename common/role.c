/* role: the names of the roles. */
#include "role.h"
#include "xmalloc.h"

static const char *const names[] = {
	[ROLE__UNSET] = "unset",
	[ROLE_PUBLIC] = "public",
	[ROLE_VIEWER] = "viewer",
	[ROLE_OPERATOR] = "operator",
	[ROLE_ADMIN] = "admin",
	[ROLE_SUPER_ADMIN] = "super_admin",
};

enum role
role_parse(struct slice s)
{
	unsigned i;

	/* "public" is a route's property, not something a user can have */
	for (i = ROLE_VIEWER; i < nitems(names); i++)
		if (slice_eq(s, names[i]))
			return (enum role)i;
	return ROLE__UNSET;
}

const char *
role_name(enum role r)
{
	return (unsigned)r < nitems(names) ? names[r] : names[ROLE__UNSET];
}
