/*
 * db: owns libpq. Asynchronous, prepared statements, pipeline mode with one
 * Sync per write (the reads of one loop turn share theirs), a small pool, a
 * bounded FIFO, one deadline per query, jittered reconnect. Every SQL text
 * of a program is a row of its stmts[].
 */
#ifndef MAST_DB_H
#define MAST_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "id.h"
#include "mono.h"
#include "str.h"

struct event_base;
struct timers;
struct db;
struct db_req;
struct db_result;

struct db_stmt {
	const char	*name;		/* unique, also the prepared name */
	const char	*sql;
	uint8_t		 nparams;
	uint8_t		 flags;
};
/* The statements of a program, by family: number f * 256 + i is row i of
 * part f, so that a family grows without renumbering its neighbours. */
struct db_part { const struct db_stmt *rows; unsigned n; };
#define DB_PART(number)	((number) >> 8)
#define DB_ROW(number)	((number) & 0xff)

enum {
	DB_READ = 1,	/* may be sent again once when a connection breaks */
	DB_ACTOR = 2,	/* runs as a user: opts.actor is required */
	DB_BULK = 4,	/* long: its own connection of the pool */
};

/* Text parameters; binary for bytea. A NULL p is SQL NULL. */
struct db_arg { const void *p; int n; bool binary; };
struct db_arg db_null(void);
struct db_arg db_str(const char *);		/* NULL gives SQL NULL */
struct db_arg db_slice(struct slice);		/* p NULL gives SQL NULL */
struct db_arg db_bytes(const void *, size_t);	/* bytea, binary */

/* Array parameters as PostgreSQL text ("{...}"), quoted as needed. */
void db_array_begin(struct buf *);
void db_array_text(struct buf *, struct slice);	/* p NULL: NULL */
void db_array_i64(struct buf *, int64_t);
void db_array_id(struct buf *, const struct id *);
void db_array_hex(struct buf *, const void *, size_t);	/* bytea element */
void db_array_end(struct buf *);

struct db_config {
	struct event_base	*base;
	struct timers		*timers;
	const char		*conninfo;
	const char		*program;	/* application_name */
	const struct db_part	*parts;
	size_t			 nparts;
	unsigned		 conns;		/* 1..16 */
	unsigned		 depth;		/* requests in flight per conn */
	unsigned		 queue;		/* waiting requests, at most */
	/* Schema range this program works with (mast.schema_version). */
	int			 schema_min, schema_max;
	void (*state)(void *arg, bool up, const char *why);	/* or NULL */
	void			*arg;
};

struct db *db_new(const struct db_config *);	/* starts connecting */
void db_free(struct db *);
bool db_up(const struct db *);
/* A wrong schema or role is not an outage: the sentence, or NULL. */
const char *db_refusal(const struct db *);

/* A statement that a write carries in front, as the same actor and in the
 * same transaction: both are done or neither, and its failure is the
 * write's. Its own rows are nobody's. */
struct db_first {
	unsigned		 stmt;
	const struct db_arg	*args;
	size_t			 n;
};

struct db_opts {
	const char	*actor;		/* user id text, for DB_ACTOR */
	mono_us		 deadline;	/* from now; 0: 10 s */
	const struct db_first *first;	/* or NULL */
};

/* Exactly one call on a later turn. The result is valid during it. */
typedef void (*db_fn)(void *arg, const struct db_result *);
/* Parameters are copied. *req_r may be NULL. */
void db_query(struct db *, unsigned stmt, const struct db_arg *, size_t n,
    const struct db_opts *, db_fn, void *arg, struct db_req **req_r);
/* The owner goes: no callback any more; the statement still runs. */
void db_forget(struct db_req **);

/* ERR_OK, ERR_DUPLICATE (23505), ERR_INVALID (22xxx, 23514), ERR_CONFLICT
 * (23503, 40xxx), ERR_FORBIDDEN (42501), ERR_DATABASE (away, deadline, full). */
enum err db_err(const struct db_result *);
/* Of a failure: whether the statement may nevertheless have taken effect
 * (the connection broke, or the deadline passed, after it was sent). */
bool db_unsure(const struct db_result *);
const char *db_sqlstate(const struct db_result *);	/* "" if none */
const char *db_constraint(const struct db_result *);	/* "" if none */
const char *db_message(const struct db_result *);	/* for logs */
int db_rows(const struct db_result *);
bool db_isnull(const struct db_result *, int row, int col);
struct slice db_get(const struct db_result *, int row, int col);
const char *db_cstr(const struct db_result *, int row, int col);
int64_t db_i64(const struct db_result *, int row, int col);
bool db_bool(const struct db_result *, int row, int col);
int db_id(const struct db_result *, int row, int col, struct id *);
/* bytea text (hex form) decoded into dst: length, -1 when it does not fit. */
long db_bytea(const struct db_result *, int row, int col, void *dst,
    size_t size);

/*
 * A transaction of many statements on a connection of its own, one statement
 * at a time: what reads or writes more than memory should hold. The pool and
 * its other users do not notice.
 */
struct db_tx;
struct db_tx_opts {
	const char	*actor;		/* user id text, or NULL */
	bool		 snapshot;	/* read only, one view of all tables */
	mono_us		 deadline;	/* of each statement; 0: 60 s */
	mono_us		 idle;		/* between two statements; 0: 60 s */
};
/* Connects and begins; fn says whether that worked. */
struct db_tx *db_tx_new(struct db *, const struct db_tx_opts *, db_fn,
    void *arg);
/* Not before the answer to the last one. Parameters are copied. */
void db_tx_query(struct db_tx *, unsigned stmt, const struct db_arg *,
    size_t n, db_fn, void *arg);
/* The last question; db_tx_drop is due after its answer all the same. */
void db_tx_commit(struct db_tx *, db_fn, void *arg);
/* Closes the connection, which takes back what was not committed. Nothing is
 * called any more. From anywhere. */
void db_tx_drop(struct db_tx **);

struct db_stats {
	uint64_t queries, failed, timeouts, reconnects, refused_full;
	unsigned up, conns, waiting, inflight;
};
void db_stats(const struct db *, struct db_stats *);

/* Blocking form for mastctl and tests: one connection, same statements. */
struct db_sync;
struct db_sync *db_sync_open(const char *conninfo, const char *program,
    struct buf *err_r);
void db_sync_close(struct db_sync *);
/* Simple protocol, several statements allowed: 0 or -1 with the server's
 * message, position and SQLSTATE in err_r. */
int db_sync_script(struct db_sync *, const char *sql, struct buf *err_r);
/* Result to be given back with db_sync_done; NULL never. */
struct db_result *db_sync_query(struct db_sync *, const struct db_stmt *,
    const struct db_arg *, size_t n);
void db_sync_done(struct db_result **);

#endif
