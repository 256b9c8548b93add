/*
 * refusal: a known user who was refused (403) leaves a row in the audit. The
 * answer does not wait for it. The first refusals of a user in a minute are
 * noted, the last of them says that more are not.
 */
#ifndef APID_REFUSAL_H
#define APID_REFUSAL_H

#include "err.h"
#include "str.h"

#define REFUSAL_LIMIT	20	/* rows of a user in a minute */

struct rate_map;
struct req;

struct rate_map *refusal_new(void);
void refusal_note(struct req *, enum err, const char *detail);
/* A sign-in over the limit of its address: one row in a minute. */
void refusal_signin(struct req *, struct slice username);

#endif
