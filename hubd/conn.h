/*
 * conn: one socket at the node door, from accept to its end: PROXY header,
 * HTTP upgrade, WebSocket, deadlines, liveness. It knows no message; proto
 * gets whole ones.
 */
#ifndef MAST_CONN_H
#define MAST_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mono.h"
#include "sock.h"

struct hubd;
struct conns;
struct conn;
struct node;
struct enroll_req;

enum conn_state {
	CONN_PROXY = 1,		/* the Unix door: PROXY header is due */
	CONN_HEAD = 2,		/* TLS handshake, request head */
	CONN_AUTH = 4,		/* the first frame is due */
	CONN_ENROLL = 8,	/* the database is being asked */
	CONN_LIVE = 16,
	CONN_CLOSING = 32,
};

struct conns *conns_new(struct hubd *);
void conns_free(struct conns *);
size_t conns_live(const struct conns *);
size_t conns_pending(const struct conns *);	/* not yet authenticated */
size_t conns_paused(const struct conns *);	/* over their budget now */
size_t conns_open(const struct conns *);	/* all that have a socket */
/* From that address and without a first frame yet. */
size_t conns_from(const struct conns *, const char *host);
/* Closes the one that has been unauthenticated the longest. */
void conns_evict(struct conns *);
void conns_close_all(struct conns *, int code, const char *why);

/* The settings moved: every session looks at its clock again. */
void conns_look(struct conns *);

/* Takes fd. door: the Unix one. */
void conn_open(struct hubd *, int fd, const struct sock_addr *, bool door);

enum conn_state conn_state(const struct conn *);
struct hubd *conn_hub(const struct conn *);
struct node *conn_node(const struct conn *);
const char *conn_host(const struct conn *);

/* The first frame is being checked; req is forgotten if the peer goes. */
void conn_enroll(struct conn *, struct enroll_req *);
/* Authenticated: larger frames, liveness. */
void conn_live(struct conn *, struct node *);
/* auth_error in both shapes, then a Close. */
void conn_refuse(struct conn *, const char *why);
/* A newer connection has the node. */
void conn_disown(struct conn *);
/* One text frame. False: it is closing, or does not read. */
bool conn_send(struct conn *, const void *, size_t);
/* Close frame with code and reason, then the socket. */
void conn_close(struct conn *, int code, const char *why);
/* Counts a frame that is no message of ours; too many end the session. */
void conn_malformed(struct conn *, const char *why);

#endif
