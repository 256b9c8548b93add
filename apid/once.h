/*
 * once: Idempotency-Key. A POST of somebody signed in may bring one of 1 to
 * 255 printable characters; the same key with the same request within 24
 * hours is answered with the first one's answer and Idempotency-Replayed,
 * with another request 422.
 *
 * How it holds with one statement per request: the claim of the key rides
 * in front of the request's first write as an actor (req_db does it), in the
 * same transaction. So a key is stored exactly when the change is, whoever
 * dies: a repeated one makes that transaction fail before it changes
 * anything. Handlers do nothing for it; but what they do before their first
 * write is not protected, and a request that is refused before it claims
 * nothing and may be repeated with the same key.
 *
 * The answer is stored, sealed with the server key, before it is sent. A
 * repetition that finds a key without one is told "in progress" (409) for
 * the 60 seconds that a request may take. After that the process that would
 * have known the answer is gone: 409 answer-lost says that the change was
 * made, and names the request under which the audit and the journal of
 * commands have it. So no crash makes a change happen twice, and none leaves
 * a key in progress for longer than a minute.
 */
#ifndef APID_ONCE_H
#define APID_ONCE_H

#include <stdbool.h>

#include "db.h"
#include "str.h"

struct req;

/* Runs the handler, or answers what the key says. */
void once_start(struct req *);
/* What the statement that is to be sent carries in front, or NULL. */
const struct db_first *once_first(struct req *, unsigned stmt);
/* A statement ended. True: the key was in the way, it is answered. */
bool once_taken(struct req *, const struct db_result *);
/* Whether the answer has to be stored first; it then comes again. */
bool once_keep(struct req *, int status, const char *type, struct slice body);
/* The request ends. */
void once_free(struct req *);

#endif
