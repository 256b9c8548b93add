/*
 * err: every outcome a user, node or sibling daemon can cause, as one enum
 * with one table. The same value travels in C return codes, database
 * callbacks, the IPC header and problem bodies. The numbers are wire format
 * between daemons: append, never renumber.
 */
#ifndef MAST_ERR_H
#define MAST_ERR_H

enum err {
	ERR_OK = 0,
	ERR_BAD_REQUEST,	/* 400 framing or syntax of the request */
	ERR_BAD_JSON,		/* 400 body is not valid JSON */
	ERR_BAD_QUERY,		/* 400 query parameter */
	ERR_UNAUTHENTICATED,	/* 401 no or ended session */
	ERR_BAD_CREDENTIALS,	/* 401 sign-in refused */
	ERR_CSRF,		/* 403 X-CSRF-Token missing or wrong */
	ERR_FORBIDDEN,		/* 403 role too low */
	ERR_NODE_FORBIDDEN,	/* 403 node not among the caller's */
	ERR_ORIGIN,		/* 403 foreign Origin on a socket */
	ERR_NOT_FOUND,		/* 404 */
	ERR_METHOD,		/* 405 */
	ERR_NOT_ACCEPTABLE,	/* 406 */
	ERR_TIMEOUT,		/* 408 the client was too slow */
	ERR_CONFLICT,		/* 409 state does not allow it */
	ERR_DUPLICATE,		/* 409 unique name taken */
	ERR_PRECONDITION,	/* 412 If-Match is stale */
	ERR_TOO_LARGE,		/* 413 body over the route's limit */
	ERR_URI_TOO_LONG,	/* 414 */
	ERR_MEDIA_TYPE,		/* 415 */
	ERR_EXPECTATION,	/* 417 */
	ERR_INVALID,		/* 422 a member breaks its rule */
	ERR_NODE_REFUSED,	/* 422 the node answered success:false */
	ERR_UPGRADE,		/* 426 a WebSocket upgrade is required */
	ERR_RATE_LIMITED,	/* 429 */
	ERR_HEADERS_TOO_LARGE,	/* 431 */
	ERR_INTERNAL,		/* 500 */
	ERR_NOT_IMPLEMENTED,	/* 501 unknown method or transfer coding */
	ERR_NODE_OFFLINE,	/* 502 the node is not connected */
	ERR_NODE_LOST,		/* 502 node left with the command in flight */
	ERR_UNAVAILABLE,	/* 503 shutting down or overloaded */
	ERR_DATABASE,		/* 503 PostgreSQL is away */
	ERR_HUB_AWAY,		/* 503 hubd is away */
	ERR_AI_AWAY,		/* 503 aid is away */
	ERR_NODE_TIMEOUT,	/* 504 no answer from the node in time */
	ERR_HTTP_VERSION,	/* 505 */
	/* between daemons only; a client never sees these as they are */
	ERR_PROTOCOL,		/* the peer broke the protocol */
	ERR_PEER_GONE,		/* channel or session closed */
	ERR_EXPIRED,		/* token, node or user past its expiry */
	ERR_LOCKED,		/* too many failures */
	ERR_FULL,		/* a bounded queue is full */
	ERR_CANCELLED,
	/* for clients again */
	ERR_KEY_REUSED,		/* 422 idempotency key of another request */
	ERR_IN_PROGRESS,	/* 409 that key's request still runs */
	ERR_ANSWER_LOST,	/* 409 it was done, its answer is gone */
	ERR_TOTP,		/* 401 sign-in wants a second factor */
	ERR__MAX
};

struct err_info {
	const char	*name;	 /* "node_offline": logs, metrics */
	int		 status; /* HTTP status code */
	const char	*slug;	 /* problem type: /problems/<slug> */
	const char	*title;	 /* short sentence, no full stop */
};

/* Never NULL: a value outside the enum gives ERR_INTERNAL's row. */
const struct err_info *err_info(enum err);
/* The first row with that HTTP status, else ERR_INTERNAL. */
enum err err_from_status(int status);

#endif
