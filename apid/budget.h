/*
 * budget: how many requests one caller may make. A token bucket for each
 * user, whatever sessions and API tokens he uses, and for each address that
 * asks for what is public; health, sign-in (auth.h) and the nodes' socket
 * have none. [apid] rate_burst is its size and rate_per_second its filling.
 *
 * Every answer says what is left, as draft-ietf-httpapi-ratelimit-headers
 * has it:
 *	RateLimit-Policy: "default";q=100;w=10
 *	RateLimit: "default";r=97;t=1
 * q requests a window of w seconds; r are left and all are there again in t
 * seconds. Sign-in writes the same with the name "signin".
 */
#ifndef APID_BUDGET_H
#define APID_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "mono.h"

struct apid;
struct budget;
struct buf;
struct req;

struct budget *budget_new(const struct apid *);
void budget_free(struct budget *);

/* Takes one; false: it is used up and the request has been answered. */
bool budget_take(struct budget *, struct req *);
/* The two fields of a request that took one. */
void budget_put(const struct budget *, const struct req *, struct buf *);
/* The two fields of another limit. */
void budget_header(struct req *, const char *name, int64_t quota,
    mono_us window, int64_t left, mono_us reset);

#endif
