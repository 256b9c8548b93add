/*
 * peer: what a request's head says about its sender: the address behind
 * proxies that we trust, the request id, the Origin, the CSRF token.
 */
#ifndef APID_PEER_H
#define APID_PEER_H

#include <stdbool.h>

struct conn;
struct req;

/* Fills id, address and the start of the clock. */
void peer_identify(struct conn *, struct req *);
/* Origin: absent, the host that was asked for, or the configured one. */
bool peer_origin(const struct req *);
/* X-CSRF-Token is the one of the session's token. */
bool peer_csrf(struct req *);

#endif
