/*
 * unsent: rows of the queue that say "sent" though nothing left. There are
 * two kinds. A claim whose answer got lost took nobody knows what: all that
 * carries its number is put back, and looked for again until a statement
 * that was still under way has certainly ended. And a command that was
 * claimed, but whose node left before a byte did. The number is in the row,
 * so what another claim took since is never touched: it may have been sent.
 */
#ifndef MAST_UNSENT_H
#define MAST_UNSENT_H

#include <stdbool.h>
#include <stdint.h>

#include "id.h"

struct hubd;
struct unsent;

struct unsent *unsent_new(struct hubd *);
void unsent_free(struct unsent *);		/* NULL is fine */
/* Whatever this claim took ... */
void unsent_claim(struct unsent *, uint64_t claim);
/* ... or this one command of it goes back to its queue. */
void unsent_one(struct unsent *, uint64_t claim, const struct id *command);
/* Something has not been put back yet: to claim more could overtake it. */
bool unsent_waits(const struct unsent *);
/* A row of this hub that says "sent" may be one of these. */
bool unsent_any(const struct unsent *);

#endif
