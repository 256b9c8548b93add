/* owned: what belongs to users: lists it, ends one of it by its id. */
#ifndef MAST_CTL_OWNED_H
#define MAST_CTL_OWNED_H

#include <stddef.h>

#include "ctl.h"
#include "out.h"
#include "stmt.h"

/* The rows of a statement whose one parameter is a user's name; NULL: of all
 * users. */
int owned_list(struct ctl *, enum stmt, const char *user,
    const struct out_col *, size_t ncols);
/* A statement about the one with that id, which ends it and gives its row;
 * what: as people call it. */
int owned_end(struct ctl *, enum stmt, const char *what, const char *id,
    const struct out_col *, size_t ncols);

#endif
