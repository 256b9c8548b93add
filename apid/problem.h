/*
 * problem: RFC 9457 bodies. Every error a client sees has this shape, with
 * the string member "error" that older clients read. Pure.
 */
#ifndef APID_PROBLEM_H
#define APID_PROBLEM_H

#include "buf.h"
#include "err.h"
#include "json.h"
#include "str.h"

struct problem {
	enum err		 err;
	const char		*detail;	/* NULL: the title */
	struct slice		 instance;	/* the path; empty: left out */
	const char		*request_id;	/* NULL: left out */
	const struct json_faults *faults;	/* NULL or n 0: left out */
	struct slice		 extra;		/* `"k":v,...`, valid, or empty */
};

void problem_put(struct buf *, const struct problem *);
/* Seconds for Retry-After, 0: the field is not due. */
unsigned problem_retry(enum err);

#endif
