/*
 * req: one request as its handler sees it. When a handler runs, the route
 * was found, the caller known and allowed, the body decoded into the row's
 * struct. A handler answers exactly once, now or on a later turn, with one
 * of the answer functions; after that the req is gone.
 *
 * When the client goes: a GET's waits (db, ipc) are forgotten; any other
 * method runs to its end and its answer is dropped, so that what follows a
 * mutation always happens.
 */
#ifndef APID_REQ_H
#define APID_REQ_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "auth.h"
#include "buf.h"
#include "db.h"
#include "err.h"
#include "http1.h"
#include "json.h"
#include "route.h"
#include "sock.h"
#include "str.h"
#include "timer.h"

struct apid;
struct config_now;
struct conn;
struct inner;
struct ipc_req;
struct once;
struct wsconn;
struct wsconn_ops;

#define REQ_ID 65

struct req {
	/* ---- for handlers ---- */
	struct apid		*apid;
	struct arena		*arena;		/* freed with the request */
	const struct route	*route;
	struct route_params	 params;	/* params.v[0].id and so on */
	struct http1_req	 h;		/* the head */
	struct who		*who;		/* NULL on public routes */
	void			*body;		/* route->size bytes, decoded */
	struct slice		 raw;		/* the body as it was sent */
	char			 id[REQ_ID];	/* request id */
	char			 address[SOCK_TEXT];	/* of the client */
	bool			 cookie;	/* signed in by cookie */
	void			*state;		/* the handler's own */
	/* Store pending waits here: they are forgotten with the request. */
	struct db_req		*db;
	struct ipc_req		*ipc;
	struct timer		 wait;		/* a pause of the handler */
	struct config_now	*config_now;	/* on its way */
	struct inner		*inner;		/* this is a request of ours
						 * within the request */

	/* Called instead when a GET's client goes and something else still
	 * points here. */
	void			(*gone)(struct req *);
	bool			 abandon;	/* not a GET, but may end like
						 * one when its client goes */

	/* ---- private to http, conn, req ---- */
	TAILQ_ENTRY(req)	 entry;		/* live or in the pool */
	struct conn		*conn;		/* NULL: the client has gone */
	struct auth_op		*auth;
	struct once		*once;		/* with Idempotency-Key */
	void			(*done)(struct req *,
				    const struct db_result *);
	mono_us			 started;
	enum err		 err;		/* of a failure, for the log */
	int			 status;
	bool			 done_any;
	bool			 answered;
	bool			 dispatched;	/* the handler has it */
	bool			 head;		/* HEAD */
	void			(*sink)(struct req *, struct buf *, bool last);
	void			(*more)(struct req *);
	uint64_t		 taken;		/* bytes of body so far */
	bool			 streaming;	/* the head of the answer is out */
	bool			 chunked;	/* and its body in chunks */
	bool			 cache_set;	/* Cache-Control was given */
	bool			 retry_set;	/* Retry-After too */
	bool			 encoded;	/* Content-Encoding too */
	bool			 budget;	/* took one; then: */
	int64_t			 budget_left, budget_reset;
	char			 etag[64];
	struct buf		 head_in;	/* of a req that lost its conn */
	struct buf		 headers;	/* extra fields, ready made */
	struct buf		 out;		/* head and body as written */
	struct buf		 body_in;	/* the body, growing */
	struct buf		 text;		/* a problem being made */
};

/* ---- questions ---- */

/* Parameter text of "*x", decoded (arena); NULL: answered with 400. */
const char *req_param(struct req *, size_t i);
/* Query: 1 and the value, 0 absent, -1: answered (400, pointer = name). */
int req_query(struct req *, const char *name, size_t max,
    const char **v_r);
int req_query_i64(struct req *, const char *name, int64_t min,
    int64_t max, int64_t *v_r);
int req_query_id(struct req *, const char *name, struct id *v_r);
/* RFC 3339; the text as sent, checked, fit for a timestamptz parameter. */
int req_query_time(struct req *, const char *name, const char **v_r);
int req_query_enum(struct req *, const char *name,
    const char *const *names, const char **v_r);
/* If-Match with the ETag of req_etag_version: 0 absent, 1 and the version,
 * -1 present and certainly stale (answer ERR_PRECONDITION). */
int req_if_match(struct req *, int64_t *version_r);

/* Whether If-Match allows it: there is none, it is "*", or it lists the tag,
 * which is given without quotes; NULL: no tag does. */
bool req_if_match_tag(struct req *, const char *tag);

/* ---- before the answer ---- */

/* A response field; a name may be given twice. */
void req_header(struct req *, const char *name, const char *value);
/* ETag "\"v<n>\"" for objects that people edit. */
void req_etag_version(struct req *, int64_t version);
/* A quoted ETag of one's own. For GET: true when If-None-Match has it, then
 * the request has been answered with 304. */
bool req_etag(struct req *, const char *quoted);

/* ---- answers: each ends the request ---- */

void req_json(struct req *, int status, struct slice text);
/* Column of a row, already JSON; SQL NULL or no row: 404. */
void req_json_db(struct req *, int status, const struct db_result *,
    int row, int col);
void req_empty(struct req *, int status);
/* Any body: content type with charset. */
void req_body(struct req *, int status, const char *type, struct slice);
/* A problem. fmt NULL: the title alone. */
void req_fail(struct req *, enum err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void req_faults(struct req *, enum err, const struct json_faults *);
/* Problem with members beside it: extra is `"k":v,"k":v` of valid JSON. */
void req_fail_with(struct req *, enum err, const char *detail,
    struct slice extra);
/* One fault: pointer "/name" and its rule. */
void req_fault(struct req *, enum err, const char *pointer,
    const char *detail);

/* ---- answers of any length ---- */

/* The head of a 200; then as much as fits, then more() on a later turn,
 * each time the client has taken it. HEAD: false, the answer is over. */
bool req_stream(struct req *, const char *type, void (*more)(struct req *));
/* b is empty afterwards. True: that is enough until more(). */
bool req_stream_put(struct req *, struct buf *b);
void req_stream_end(struct req *);	/* ends the request */
/* Ends it so that the client sees that something is missing. */
void req_stream_break(struct req *, const char *why);

/* ---- bodies of any length (route has ROUTE_STREAM) ---- */

/* From the handler: sink gets what has come, takes from the buf what it can
 * use, and is called again with more. After last nothing follows. Whoever
 * has enough for now pauses. */
void req_body_sink(struct req *, void (*sink)(struct req *, struct buf *,
    bool last));
void req_body_pause(struct req *);
/* The sink is called again at once if something is left, and with more. */
void req_body_resume(struct req *);

/* ---- statements ---- */

/*
 * Runs a statement as the caller (opts.actor is who's, if there is
 * one). done is called only when it succeeded; a failure is answered as a
 * problem (409 duplicate, 422 invalid, 403 forbidden, 503 database). While
 * PostgreSQL is away the answer is 503 inside the call.
 */
typedef void (*req_db_fn)(struct req *, const struct db_result *);
void req_db(struct req *, unsigned stmt, const struct db_arg *, size_t n,
    req_db_fn done);
/* The same, but done also sees failures (db_err). */
void req_db_any(struct req *, unsigned stmt, const struct db_arg *, size_t n,
    req_db_fn done);
/* The problem of a failed result. */
void req_db_fail(struct req *, const struct db_result *);

/* ---- WebSocket (route has ROUTE_UPGRADE) ---- */

/* Answers 101 and gives the socket; the req is gone after. See wsconn.h. */
struct wsconn *req_upgrade_ws(struct req *, const struct wsconn_ops *,
    void *arg);

#endif
