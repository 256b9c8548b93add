/*
 * secret: owns libsodium. Keys in locked memory, keyed hashes, sealing,
 * password hashes, constant-time comparison, wiping.
 */
#ifndef MAST_SECRET_H
#define MAST_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "str.h"

#define SECRET_KEY	32
#define SECRET_HASH	32
#define SECRET_SIGNATURE 64
#define SECRET_SALT	16
#define SECRET_PWHASH	128	/* sodium's PHC string with its NUL */

struct arena;
struct secret_key;		/* guarded, locked, not dumped */

/* Before anything else here; -1 when the library cannot start. */
int secret_init(void);
void secret_random(void *, size_t);
void secret_wipe(void *, size_t);
/* As buf_free, after wiping all that it has room for. */
void secret_buf_free(struct buf *);
/* The same, after what is used was copied into the arena. */
struct slice secret_buf_keep(struct arena *, struct buf *);
bool secret_equal(const void *, const void *, size_t);	/* constant time */

/*
 * A file that neither group others nor world may write or world read; NULL
 * with a sentence in err_r. It has 32 raw bytes, or up to SECRET_KEYS times
 * as many while and after a key is changed: the first key seals and signs,
 * every one opens, and the last, which never changes, makes the keyed
 * hashes, because nobody can hash again what is stored only as a hash.
 */
#define SECRET_KEYS	4
struct secret_key *secret_key_load(const char *path, struct buf *err_r);
size_t secret_key_count(const struct secret_key *);	/* in the file */
/* The file itself, which is changed whole or not at all and keeps mode
 * and owner. accept: a new key that opens but does not seal yet; nothing
 * when one waits already. use: the one that waits seals from now on. retire:
 * only what seals and what hashes stay. 0, or -1 with a sentence. */
enum secret_turn { SECRET_ACCEPT, SECRET_USE, SECRET_RETIRE };
int secret_key_turn(const char *path, enum secret_turn, struct buf *err_r);
/* The names in its folder are on disk, as the file is. 0 or -1 errno. */
int secret_key_sync(const char *path);
/* Creates the file (O_EXCL, mode 0400) with random bytes: 0 or -1 errno. */
int secret_key_create(const char *path);
struct secret_key *secret_key_from(const uint8_t raw[SECRET_KEY]);
void secret_key_free(struct secret_key *);

/* Keyed BLAKE2b-256 under a subkey named by purpose ("session", "node",
 * "token", "csrf"), so that a hash of one kind is never one of another. */
void secret_hash(const struct secret_key *, const char *purpose,
    const void *, size_t, uint8_t out[SECRET_HASH]);
/* HMAC-SHA256 under a key of any length: what others check. */
void secret_hmac256(const void *key, size_t nkey, const void *, size_t,
    uint8_t out[SECRET_HASH]);
/* Unkeyed BLAKE2b-256: content hashes. */
void secret_digest(const void *, size_t, uint8_t out[SECRET_HASH]);

/* SHA-256, where PostgreSQL has to come to the same. */
void secret_sha256(const void *, size_t, uint8_t out[SECRET_HASH]);
/* The same in pieces. end frees it; NULL out: only that. */
struct secret_digest;
struct secret_digest *secret_digest_new(void);
void secret_digest_put(struct secret_digest *, const void *, size_t);
void secret_digest_end(struct secret_digest **, uint8_t out[SECRET_HASH]);

/* XChaCha20-Poly1305 under a purpose subkey, ad authenticated beside it.
 * Form: 1 version byte, 24 nonce, ciphertext, 16 tag. open: 0 or -1. */
void secret_seal(const struct secret_key *, const char *purpose,
    const void *p, size_t n, struct slice ad, struct buf *out);
int secret_open(const struct secret_key *, const char *purpose,
    const void *p, size_t n, struct slice ad, struct buf *out);
/* What another key of the file sealed, sealed with the first: 1, 0 when it
 * is that already, -1 when none opens it. */
int secret_reseal(const struct secret_key *, const char *purpose,
    const void *p, size_t n, struct slice ad, struct buf *out);

/* aid's key pair: X25519. seal is crypto_box_seal to the public half. */
void secret_box_public(const struct secret_key *secret_half,
    uint8_t pub[SECRET_KEY]);
void secret_box_seal(const uint8_t pub[SECRET_KEY], const void *, size_t,
    struct buf *out);
int secret_box_open(const struct secret_key *secret_half, const void *,
    size_t, struct buf *out);

/* Ed25519; the key is its 32-byte seed. */
void secret_sign_public(const struct secret_key *, uint8_t pub[SECRET_KEY]);
void secret_sign(const struct secret_key *, const void *, size_t,
    uint8_t signature[SECRET_SIGNATURE]);
bool secret_signed(const uint8_t pub[SECRET_KEY], const void *, size_t,
    const uint8_t signature[SECRET_SIGNATURE]);

/* Argon2id v1.3, m = 19456 KiB, t = 2, p = 1. Slow by design: never on an
 * event loop. hash: 0 or -1 without memory. */
int secret_pwhash(char out[SECRET_PWHASH], struct slice password);
bool secret_pwverify(const char *phc, struct slice password);
/* A key from a passphrase: Argon2id v1.3, m = 65536 KiB, t = 3, p = 1. As
 * slow. 0 or -1 without memory. */
int secret_derive(uint8_t key[SECRET_KEY], struct slice passphrase,
    const uint8_t salt[SECRET_SALT]);
/* A fixed valid hash with the same cost, for users that do not exist. */
const char *secret_pwdummy(void);

#endif
