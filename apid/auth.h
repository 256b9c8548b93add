/*
 * auth: who is asking. Owns the session cache (by token hash, bounded,
 * dropped when mast.versions 'auth' moves, closed when that cannot be
 * asked), the sign-in limits and the CSRF rule. A who is immutable and
 * counted: requests and sockets hold it while the cache may forget it.
 */
#ifndef APID_AUTH_H
#define APID_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "id.h"
#include "mono.h"
#include "role.h"
#include "secret.h"

struct apid;
struct auth;
struct http1_req;
struct req;

/*
 * A session, or a user's API token (token true; then session is its id).
 * The role and the nodes are what is effective: of a token what its owner
 * and it both have.
 */
struct who {
	unsigned	 refs;
	struct id	 user, session;
	char		 user_text[ID_TEXT];
	char		 session_text[ID_TEXT];
	char		 actor[2 * ID_TEXT];	/* opts.actor of statements:
						 * the user, a token behind it */
	bool		 token, read_only;
	char		*username;
	enum role	 role;
	bool		 all_nodes;
	struct id	*nodes;			/* sorted; unless all_nodes */
	size_t		 nnodes;
	char		*nodes_array;		/* "{uuid,...}"; NULL: every */
	wall_us		 until;			/* session or user ends */
	wall_us		 fresh;			/* a token is asked for again
						 * then: its use is noted */
	uint8_t		 hash[SECRET_HASH];	/* of the token */
};

struct who *who_ref(struct who *);
void who_unref(struct who **);
bool who_may(const struct who *, const struct id *node);
/* Every one of "{uuid,...}". */
bool who_may_all(const struct who *, struct slice array);

struct auth *auth_new(struct apid *);
void auth_free(struct auth *);
/* Polls of mast.versions succeed: sessions can be judged at all. */
bool auth_ready(const struct auth *);
/* Moves whenever anybody's rights may have changed. */
uint64_t auth_generation(const struct auth *);

/* The bearer's or cookie's session token; bearer wins. *cookie_r: it was
 * the cookie. Empty when there is none of the right form. An API token is
 * only ever a bearer's. */
struct slice auth_token(const struct http1_req *, bool *cookie_r);
/* 64 hex digits of randomness, behind an API token's mark. */
#define AUTH_API_MARK	"mst_"
#define AUTH_API_TOKEN	68
bool auth_is_api(struct slice token);
void auth_make(char text[65]);
void auth_hash(const struct auth *, struct slice token,
    uint8_t hash[SECRET_HASH]);
void auth_csrf(const struct auth *, struct slice token, char csrf[33]);

/*
 * Finds the session, or API token (api: hash is of one). Returns true when
 * the answer is known now: *who_r (referenced) with ERR_OK, or NULL with
 * ERR_UNAUTHENTICATED, ERR_DATABASE. Else false, and done is called once on a
 * later turn with the same two (who is borrowed there); *op_r detaches.
 */
typedef void (*auth_fn)(void *arg, enum err, struct who *);
struct auth_op;
bool auth_find(struct auth *, bool api, const uint8_t hash[SECRET_HASH],
    struct who **who_r, enum err *err_r, auth_fn, void *arg,
    struct auth_op **op_r);
void auth_forget(struct auth_op **);
/* The session ended here: it leaves the cache at once. */
void auth_drop(struct auth *, const uint8_t hash[SECRET_HASH]);

/* Tokens that were nobody's, by address: over the limit no more are looked
 * up. hit counts one. */
bool auth_guessing(struct auth *, const char *address);
void auth_guessed(struct auth *, const char *address);
#define AUTH_ATTEMPT_WINDOW (60 * MONO_SEC)
/* Sign-in attempts of an address; false: over the limit, *wait_r left. */
bool auth_attempt(struct auth *, const char *address, unsigned *left_r,
    mono_us *wait_r);
/* Failures of an account: blocked? count one; forget them. */
bool auth_locked(struct auth *, struct slice username);
void auth_failed(struct auth *, struct slice username);
void auth_cleared(struct auth *, struct slice username);

struct auth_stats {
	uint64_t hits, misses, dropped, evicted, limited, locked, cached;
};
void auth_stats(const struct auth *, struct auth_stats *);

#endif
