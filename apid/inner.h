/*
 * inner: a request of ours within a request: the same route, role, body
 * schema, handler, statements and audit as if the caller had sent it, and
 * its answer goes to us. What a proposal does is done this way, so there is
 * nothing that it could do and its reader could not.
 */
#ifndef APID_INNER_H
#define APID_INNER_H

#include "str.h"

struct req;

/* body: empty or JSON. done is called once, now or on a later turn, with
 * the status and the JSON that was answered (arena). Not nested. */
typedef void (*inner_fn)(struct req *, int status, struct slice answer);
void inner_call(struct req *, const char *method, const char *path,
    struct slice body, inner_fn done);

/* For req.c: an answer of the inner request. */
void inner_answered(struct req *, int status, struct slice answer);

#endif
