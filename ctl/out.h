/*
 * out: answers of mastctl, as an aligned table or as JSON, from one
 * description of the columns.
 */
#ifndef MAST_CTL_OUT_H
#define MAST_CTL_OUT_H

#include <stddef.h>

#include "ctl.h"

struct db_result;

enum out_type { OUT__UNSET = 0, OUT_TEXT, OUT_INT, OUT_BOOL, OUT_JSON };

struct out_col {
	const char	*name;		/* JSON member; the head in capitals */
	enum out_type	 type;
	const char	*head;		/* NULL: not in the table */
};

/* All rows: a table, or an array of objects. */
void out_rows(const struct ctl *, const struct db_result *,
    const struct out_col *, size_t ncols);
/* Row 0: one "name: value" line each, or one object. */
void out_record(const struct ctl *, const struct db_result *,
    const struct out_col *, size_t ncols);
/* A finished JSON text and a newline. */
void out_json(struct buf *);

#endif
