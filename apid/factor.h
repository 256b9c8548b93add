/*
 * factor: what somebody proves himself with. The second factor of an account
 * as a sign-in or a change of it needs it, and the proof, asked for once
 * more, that the caller is the person of the session.
 */
#ifndef APID_FACTOR_H
#define APID_FACTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db.h"
#include "str.h"

struct req;

#define FACTOR_SEALED	96
#define FACTOR_CODE_MAX	64	/* bytes that a person types */

struct factor {
	uint8_t		sealed[FACTOR_SEALED];
	size_t		n;		/* 0: the account has none */
	int64_t		last;		/* step that was used last */
};

/* From two columns of row 0: the sealed secret or NULL, the last step. */
void factor_read(struct factor *, const struct db_result *, int secret_col,
    int step_col);
/*
 * Whether code is right by what is known here. A one-time code gives its
 * step, a recovery code the hash that the statement has to find unused; the
 * other argument is NULL. The statement decides: it alone sees a code that
 * somebody else uses at the same moment.
 */
bool factor_check(struct req *, const struct factor *, const char *user,
    struct slice code, struct db_arg *step_r, struct db_arg *recovery_r);
/* The keyed hash of a recovery code's bare form. */
void factor_recovery_hash(struct req *, const char *bare, uint8_t *hash);
/* A new secret, sealed for the user. */
void factor_seal(struct req *, const char *user, const uint8_t *secret,
    size_t n, struct factor *);

/* Counts an attempt of the client's address. False: answered with 429 by
 * the caller's function; the RateLimit fields and Retry-After are set. */
bool factor_attempt(struct req *);
/* A wrong code weighs as several wrong passwords: there are only a million
 * of them. */
void factor_failed(struct req *, struct slice username);

/*
 * The password once more, under the limits of a sign-in. done is called
 * when it is right; else the request is answered: 422 at pointer, 429.
 */
struct proof {
	struct factor	 factor;	/* of the account */
	struct factor	 pending;	/* enrolled, not yet confirmed */
	/* private */
	struct slice	 password;
	const char	*pointer;
	void		(*done)(struct req *, struct proof *);
};
void proof_ask(struct req *, struct slice password, const char *pointer,
    void (*done)(struct req *, struct proof *));
/* Without the password: for a step that follows one with it. */
void proof_read(struct req *, void (*done)(struct req *, struct proof *));
/* Notes that it failed, in the audit and the counters, and answers 422. */
void proof_refuse(struct req *, const char *pointer, const char *rule);

#endif
