/*
 * verify: the audit against its seals. Rows are fed in the order of their
 * ids, then the seal that covers them; what is wrong is told and counted,
 * and the chain is taken up again behind it.
 */
#ifndef MAST_CTL_VERIFY_H
#define MAST_CTL_VERIFY_H

#include <stdint.h>

#include "buf.h"
#include "ctl.h"
#include "json.h"
#include "seal.h"

struct verify {
	const struct ctl	*ctl;
	struct seal_keys	 keys;
	struct seal_head	 head;		/* the last seal seen */
	struct seal_head	 anchor;	/* known from elsewhere */
	struct seal_head	 anchor2;	/* of the command line */
	int64_t			 rows;		/* in good seals or not */
	int64_t			 waiting;	/* not yet sealed */
	unsigned		 faults;
	struct buf		 hashes;	/* of rows without a seal yet */
	int64_t			 fed;
	struct buf		 json;		/* the answer */
	struct json_w		 w;
};

/* Reads the public keys: CTL_OK, or the exit code after telling. */
int  verify_init(struct verify *, const struct ctl *, const char *keys);
void verify_row(struct verify *, struct slice text);
void verify_seal(struct verify *, const struct seal *);
/* What no seal can tell. */
void verify_fault(struct verify *, int64_t seq, const char *kind,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Compares with the anchors, tells the result: the exit code. */
int  verify_end(struct verify *);
void verify_free(struct verify *);

#endif
