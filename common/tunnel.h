/*
 * tunnel: what a tunnel is to its nodes. Secrets and their sealed form, the
 * bind tokens, the actions that make and remove one leg. Pure but for the
 * random bytes of new secrets.
 *
 * Naming: the ingress node is where traffic enters. In the words of edges
 * and relays that end has the direction "egress", and the other way round.
 */
#ifndef MAST_TUNNEL_H
#define MAST_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "id.h"
#include "secret.h"
#include "str.h"

#define TUNNEL_SECRET	(2 * 32 + 1)	/* 32 bytes as hex, and a NUL */
#define TUNNEL_RELAYS	2

struct tunnel_secrets {
	char	key[TUNNEL_SECRET];	/* encryption, both ends */
	char	bind[TUNNEL_SECRET];	/* what bind tokens are made with */
	char	psk[TUNNEL_SECRET];	/* direct mode */
};
void tunnel_secrets_make(struct tunnel_secrets *);
/* Sealed with the server key for this one tunnel. open: 0 or -1. */
void tunnel_secrets_seal(const struct secret_key *, const struct id *,
    const struct tunnel_secrets *, struct buf *out);
int tunnel_secrets_open(const struct secret_key *, const struct id *,
    const void *p, size_t n, struct tunnel_secrets *);

/* HMAC-SHA256 over "<tunnel id>:<direction>", keyed by the text of the bind
 * secret, not by the bytes that it spells; as lower-case hex. */
void tunnel_token(const char *bind, const struct id *,
    const char *direction, char token_r[TUNNEL_SECRET]);

enum tunnel_leg { TUNNEL_RELAY, TUNNEL_INGRESS, TUNNEL_EGRESS, TUNNEL_LEGS };
const char *tunnel_leg_name(enum tunnel_leg);
/* TUNNEL_LEGS for no leg's name. */
enum tunnel_leg tunnel_leg_find(struct slice);

struct tunnel_push {		/* what one node is told */
	struct id		 id;
	enum tunnel_leg		 leg;
	bool			 present;	/* else: remove it */
	/* Of a present one only. */
	struct slice		 name, protocol, mode;
	struct slice		 forward, peer;	/* addresses of the egress */
	struct slice		 relays[TUNNEL_RELAYS];
	int64_t			 port;		/* the ingress listens on */
	const struct tunnel_secrets *secrets;
};
/* The action of a command. The text holds secrets: wipe it. */
void tunnel_action(struct buf *, const struct tunnel_push *);

/* A node that refuses to remove what it does not know has nothing left to
 * remove: whether its words or its code say so. */
bool tunnel_unknown(struct slice error, struct slice code);

/* "host:port", host a name, an IPv4 or a bracketed IPv6 address, port 1 to
 * 65535: NULL, or the rule (see valid.h). */
const char *tunnel_addr(struct slice);
unsigned tunnel_addr_port(struct slice);	/* 0: not an address */

#endif
