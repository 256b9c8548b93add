/*
 * batch: a bounded-by-its-owner queue of rows on their way to PostgreSQL.
 * One statement with array parameters is in flight at a time; what could
 * not be stored stays at the head and goes again. Rows that PostgreSQL
 * refuses for their content are found by halving and given up one by one.
 */
#ifndef MAST_BATCH_H
#define MAST_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "buf.h"
#include "mono.h"

struct hubd;
struct batch;
struct db_result;

#define BATCH_COLS 12

struct batch_row {		/* first member of the owner's row */
	STAILQ_ENTRY(batch_row)	 link;
	uint32_t		 bytes;
};

enum batch_fate { BATCH_STORED, BATCH_AGAIN };

struct batch_kind {
	const char	*name;
	unsigned	 stmt;
	bool		 numbered;	/* $2 is the number of the batch */
	unsigned	 cols;		/* array parameters after that */
	/* Of its last row, the parameter after those. May be NULL. */
	wall_us		(*mark)(struct hubd *, const struct batch_row *);
	unsigned	 rows;		/* per statement */
	mono_us		 delay;		/* the first row waits so long */
	/* Appends the row to each column's array. */
	void		(*put)(struct buf *cols, const struct batch_row *);
	/* After success; BATCH_AGAIN: nothing was stored. May be NULL. */
	enum batch_fate	(*result)(struct hubd *, const struct db_result *,
			    uint64_t number, unsigned rows);
	/* The last of a row: stored, or given up. Frees it. */
	void		(*done)(struct hubd *, struct batch_row *,
			    bool stored);
};

struct batch *batch_new(struct hubd *, const struct batch_kind *);
void batch_free(struct batch *);
/* bytes: what the row holds. */
void batch_add(struct batch *, struct batch_row *, size_t bytes);
size_t batch_rows(const struct batch *);
size_t batch_bytes(const struct batch *);
/* The oldest row that is not stored yet; NULL: none. */
const struct batch_row *batch_first(const struct batch *);
/* The database is back, or everything shall go now. */
void batch_kick(struct batch *);
/* A failure that left nothing behind and that time heals: a deadlock, or a
 * partition that was made in the same moment (23514 without a name). */
bool batch_is_transient(const struct db_result *);
/* The hub's row is new: numbers begin again. */
void batch_restart(struct batch *);

#endif
