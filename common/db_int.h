/*
 * db_int: what the files of db share. For them only; no other file includes
 * libpq.
 *
 * db.c		the pool: requests, queue, deadlines
 * db_conn.c	one connection: dialing, first words, results
 * db_value.c	parameters in, results out
 * db_sync.c	the blocking form
 * db_tx.c	transactions of many statements
 */
#ifndef MAST_DB_INT_H
#define MAST_DB_INT_H

#include <sys/queue.h>

#include "db.h"
#include "timer.h"

struct event;
/* As libpq-fe.h has them, which only the .c files need. */
typedef struct pg_conn PGconn;
typedef struct pg_result PGresult;

#define DB_ACTOR_NAME	"mast_actor"

struct db_result {
	PGresult	*res;
	const char	*text;		/* own message when res says nothing */
	enum err	 err;
	bool		 unsure;
};

enum db_req_state { REQ_WAITING, REQ_SENT, REQ_FAILED };

struct db_req {
	TAILQ_ENTRY(db_req)	 link;
	struct db		*db;
	struct db_conn		*conn;		/* REQ_SENT */
	const struct db_stmt	*stmt;
	db_fn			 fn;		/* NULL: nobody waits */
	void			*arg;
	struct timer		 timer;
	struct db_result	 r;
	enum db_req_state	 state;
	bool			 resent;
	bool			 counted;	/* as failed */
	bool			 alone;		/* shares its Sync with nobody */
	bool			 last;		/* a Sync follows it */
	bool			 aborted;	/* by a neighbour's error */
	uint8_t			 due;		/* results still to come */
	unsigned		 n;
	const char		*actor;
	struct db_req		*first;		/* goes in front; on no list */
	const char		**values;	/* all in this allocation */
	int			*lengths;
	int			*formats;
};
TAILQ_HEAD(db_reqs, db_req);

enum db_conn_state { CONN_DOWN, CONN_DIALING, CONN_CHECKING, CONN_READY };

struct db_conn {
	struct db	*db;
	PGconn		*pg;
	struct event	*rd, *wr;
	struct timer	 timer;		/* backoff, or the limit of dialing */
	enum db_conn_state state;
	unsigned	 number;
	unsigned	 tries;
	unsigned	 step;		/* CHECKING: results seen */
	unsigned	 busy;		/* requests in flight */
	mono_us		 since;		/* the oldest of them is at work */
	struct db_reqs	 sent;
	struct db_req	*cur;		/* whose results come; NULL: Sync */
	bool		 broken;	/* to be closed from the turn event */
	bool		 unflushed;
	bool		 seen;		/* was ready before */
	char		*why;		/* of broken */
};

LIST_HEAD(db_txs, db_tx);

struct db {
	struct db_txs		 txs;
	struct db_config	 cfg;
	char			*conninfo, *program, *refusal;
	struct event		*turn;	/* deferred work of this loop turn */
	struct event		*held;	/* reads that wait for a batch */
	struct db_conn		*conns;
	struct db_reqs		 waiting, waiting_bulk, failed;
	unsigned		 nwaiting;
	unsigned		 nup;
	bool			 has_bulk;
	int			 told;	/* -1 nothing yet, 0 away, 1 up */
	unsigned		 calling;	/* depth of callbacks */
	struct db_stats		 stats;
};

/* db.c, for db_conn.c */
/* Row by number, or the nth of all in order; NULL when there is none. */
const struct db_stmt *db_stmt(const struct db *, unsigned number);
const struct db_stmt *db_stmt_nth(const struct db *, unsigned n);
void	 db_synced(struct db_conn *);	/* a Sync came */
void	 db_lost(struct db_conn *);	/* what was in flight on it */
void	 db_pump(struct db *);
void	 db_gather(struct db *);	/* as db_pump, but reads may wait */
void	 db_tell(struct db *, const char *why);

extern const char db_actor_sql[];	/* ($1: whom it runs as) */
void	 db_tx_free_all(struct db *);
void	 db_conn_dial(void *conn);
void	 db_conn_flush(struct db_conn *);
/* From anywhere: the closing itself waits for a clean turn. */
void	 db_conn_break(struct db_conn *, const char *why);
void	 db_conn_close(struct db_conn *, const char *why);
void	 db_conn_unwatch(struct db_conn *);
PGconn	*db_conn_start(const char *conninfo, const char *program, bool wait);
void	 db_conn_notice(void *, const PGresult *);

enum err db_value_err(const char *sqlstate);
const char *db_value_state(const PGresult *);	/* SQLSTATE or "" */
bool	 db_value_ok(const PGresult *);
char	*db_value_line(const char *);		/* the first, to be freed */
/* NULL, or why the server could never take these. */
const char *db_value_fault(const struct db_stmt *, const struct db_arg *,
    size_t n);
/* A request with copies of all of it, in one piece. */
struct db_req *db_value_copy(const struct db_arg *, size_t n,
    const char *actor);

#endif
