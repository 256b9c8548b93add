/*
 * cdiff: what differs between two configurations, member by member. Pure.
 * Both texts are canonical (json_canonical), so that the order of members
 * and the form of numbers are no difference. Elements of a list that all
 * carry an "id" are compared by it, whatever their order, and stand in paths
 * by it; others by their place.
 */
#ifndef MAST_CDIFF_H
#define MAST_CDIFF_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "str.h"

enum cdiff_kind { CDIFF_ADDED, CDIFF_REMOVED, CDIFF_CHANGED };

struct cdiff_change {
	enum cdiff_kind	 kind;
	/* JSON pointer as the raw content of a JSON string. */
	struct slice	 path;
	struct slice	 a, b;		/* canonical; p NULL: not there */
	bool		 element;	/* of a list, not a member */
	bool		 secret;	/* it is, or lies under, a credential */
};

/* False ends it. */
typedef bool (*cdiff_fn)(void *arg, const struct cdiff_change *);

/* Calls back in the order of paths. False: the callback ended it. */
bool cdiff(struct slice a, struct slice b, cdiff_fn, void *arg);

/*
 * The same, where a was ordered and b is what a node says it has: only what
 * is drift. A member that the node adds to an object is its default; null
 * and absent are alike; credentials, and server.tls and server.auth, which
 * nodes strip or redact, are not missing; tunnels follow a plan of their
 * own.
 */
bool cdiff_drift(struct slice a, struct slice b, cdiff_fn, void *arg);

/* Does a member of that name hold a credential? Raw content. */
bool cdiff_secret(struct slice name);
/* The text with every credential replaced by "***". */
void cdiff_mask(struct slice canonical, struct buf *out);
/* Where the valid text still has a "***" of cdiff_mask, which nobody must
 * take for a credential: appends the JSON pointer of the first, as the raw
 * content of a JSON string. False: nowhere. */
bool cdiff_masked(struct slice text, struct buf *pointer);

#endif
