/*
 * drift: the drift between an ordered and a reported configuration, as lists
 * of paths and a fingerprint, so that hub and API mean the same by it. The
 * fingerprint is keyed: values are credentials too.
 */
#ifndef MAST_DRIFT_H
#define MAST_DRIFT_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "json.h"
#include "secret.h"
#include "str.h"

#define DRIFT_PATHS 100		/* of each kind; beyond: counted */

enum drift_kind { DRIFT_EXTRA, DRIFT_MISSING, DRIFT_CHANGED, DRIFT__KINDS };

struct drift {
	size_t		n[DRIFT__KINDS];
	struct buf	paths[DRIFT__KINDS];	/* "a","b": JSON strings */
	uint8_t		hash[SECRET_HASH];
};

/* 0, or -1: a text is no JSON. Zeroes first; drift_free() in any case. */
int  drift_find(const struct secret_key *, struct slice desired,
    struct slice reported, struct drift *);
void drift_free(struct drift *);
size_t drift_count(const struct drift *);
/* Members "missing", "extra" and "changed" of the object that is open. */
void drift_json(const struct drift *, struct json_w *);

#endif
