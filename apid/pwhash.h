/*
 * pwhash: Argon2id on a few threads, because one check takes tens of
 * milliseconds and 19 MiB. The queue is bounded: beyond it the caller
 * answers 503. Results come back on the loop through an eventfd.
 */
#ifndef APID_PWHASH_H
#define APID_PWHASH_H

#include <stdbool.h>
#include <stdint.h>

#include "secret.h"
#include "str.h"

#define PWHASH_QUEUE 32

struct event_base;
struct pwhash;

/* threads 0: one per core. Made after the fence, so that it holds them. */
struct pwhash *pwhash_new(struct event_base *, unsigned threads);
void pwhash_free(struct pwhash *);	/* waits for the running ones */

/* ok: the password fits, or hashing worked; phc only for pwhash_make. */
typedef void (*pwhash_fn)(void *arg, bool ok, const char *phc);
/* phc NULL: the dummy, so that it takes as long and fails. False: full. */
bool pwhash_check(struct pwhash *, struct slice password, const char *phc,
    pwhash_fn, void *arg);
bool pwhash_make(struct pwhash *, struct slice password, pwhash_fn,
    void *arg);

/* A key from a passphrase (secret_derive); NULL: no memory for it. */
typedef void (*pwhash_key_fn)(void *arg, const uint8_t *key);
bool pwhash_derive(struct pwhash *, struct slice passphrase,
    const uint8_t salt[SECRET_SALT], pwhash_key_fn, void *arg);

struct pwhash_stats { uint64_t done, refused; unsigned waiting; };
void pwhash_stats(const struct pwhash *, struct pwhash_stats *);

#endif
