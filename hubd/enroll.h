/*
 * enroll: who is this node? Authentications that arrive while a query runs
 * go together in the next one, so that a fleet that comes back costs a few
 * statements, not thousands.
 */
#ifndef MAST_ENROLL_H
#define MAST_ENROLL_H

#include <stddef.h>

#include "frame.h"

struct hubd;
struct conn;
struct enroll;
struct enroll_req;

struct enroll *enroll_new(struct hubd *);
void enroll_free(struct enroll *);
/* Answers on the connection, now (a refusal) or on a later turn. */
void enroll_start(struct enroll *, struct conn *, const struct frame_auth *);
/* The connection goes. */
void enroll_forget(struct enroll_req **);
size_t enroll_waiting(const struct enroll *);

#endif
