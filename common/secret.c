/*
 * secret: owns libsodium. A key lives in memory that is locked, guarded by
 * unmapped pages, left out of core files and read-only once it is filled.
 * How its file changes is in secret_turn.c.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "arena.h"
#include "log.h"
#include "secret.h"
#include "xmalloc.h"

#define SEAL_VERSION	1
#define NONCE		crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG		crypto_aead_xchacha20poly1305_ietf_ABYTES
#define SEAL_OVERHEAD	(1 + NONCE + TAG)
#define SECRET_FILE	(SECRET_KEYS * SECRET_KEY)

/* RFC 9106's choice for little memory: a file waits for its attacker. */
#define DERIVE_OPS	3
#define DERIVE_MEM	(65536 * 1024)

/* OWASP's second choice for Argon2id, for many sign-ins at a time. */
#define PW_OPS	2
#define PW_MEM	(19456 * 1024)

struct secret_key {
	size_t	n;
	uint8_t	raw[SECRET_KEYS][SECRET_KEY];
};

int
secret_init(void)
{
	return sodium_init() == -1 ? -1 : 0;
}

void
secret_random(void *p, size_t n)
{
	randombytes_buf(p, n);
}

void
secret_wipe(void *p, size_t n)
{
	sodium_memzero(p, n);
}

void
secret_buf_free(struct buf *b)
{
	if (b->data != NULL)
		secret_wipe(b->data, b->cap);
	buf_free(b);
}

struct slice
secret_buf_keep(struct arena *a, struct buf *b)
{
	struct slice s = buf_slice(b);

	s.p = arena_strndup(a, s.p, s.n);
	secret_buf_free(b);
	return s;
}

bool
secret_equal(const void *a, const void *b, size_t n)
{
	return sodium_memcmp(a, b, n) == 0;
}

/* ---- keys ---- */

static struct secret_key *
key_new(const void *raw, size_t n)
{
	struct secret_key *key = sodium_malloc(sizeof(*key));

	if (key == NULL)
		fatal("secret: no guarded memory");
	key->n = n / SECRET_KEY;
	memcpy(key->raw, raw, n);
	sodium_mprotect_readonly(key);
	return key;
}

struct secret_key *
secret_key_from(const uint8_t raw[SECRET_KEY])
{
	return key_new(raw, SECRET_KEY);
}

size_t
secret_key_count(const struct secret_key *key)
{
	return key->n;
}

void
secret_key_free(struct secret_key *key)
{
	sodium_free(key);	/* wipes */
}

static int
refuse(struct buf *err_r, const char *path, const char *why)
{
	buf_printf(err_r, "key file %s %s", path, why);
	return -1;
}

/* How many bytes, or -1. */
static ssize_t
key_read(int fd, const char *path, uint8_t raw[SECRET_FILE],
    struct buf *err_r)
{
	struct stat	st;
	ssize_t		n;

	if (fstat(fd, &st) == -1)
		return refuse(err_r, path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return refuse(err_r, path, "is not a regular file");
	if ((st.st_mode & (S_IWGRP | S_IWOTH | S_IROTH)) != 0)
		return refuse(err_r, path,
		    "is open to others: its mode must be 0400 or 0440");
	if (st.st_size == 0 || st.st_size % SECRET_KEY != 0 ||
	    st.st_size > SECRET_FILE)
		return refuse(err_r, path, "does not have exactly 32 bytes, "
		    "nor 64, 96 or 128 of a changed key");
	do
		n = read(fd, raw, SECRET_FILE);
	while (n == -1 && errno == EINTR);
	if (n != st.st_size)
		return refuse(err_r, path, "cannot be read");
	return n;
}

struct secret_key *
secret_key_load(const char *path, struct buf *err_r)
{
	struct secret_key	*key = NULL;
	uint8_t			 raw[SECRET_FILE];
	ssize_t			 n;
	int			 fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1) {
		buf_printf(err_r, "cannot open key file %s: %s", path,
		    strerror(errno));
		return NULL;
	}
	if ((n = key_read(fd, path, raw, err_r)) != -1)
		key = key_new(raw, (size_t)n);
	secret_wipe(raw, sizeof(raw));
	close(fd);
	return key;
}

int
secret_key_create(const char *path)
{
	uint8_t	raw[SECRET_KEY];
	ssize_t	n;
	int	fd, save;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
	    0400);
	if (fd == -1)
		return -1;
	secret_random(raw, sizeof(raw));
	n = write(fd, raw, sizeof(raw));
	save = n == -1 ? errno : ENOSPC;
	secret_wipe(raw, sizeof(raw));
	if (n == (ssize_t)sizeof(raw) && fchmod(fd, 0400) == 0 &&
	    fsync(fd) == 0) {
		close(fd);
		return 0;
	}
	if (n == (ssize_t)sizeof(raw))
		save = errno;
	close(fd);
	unlink(path);
	errno = save;
	return -1;
}

/* ---- hashes ---- */

/* use tells hashing from sealing, so that no subkey serves both. */
static void
subkey(const uint8_t raw[SECRET_KEY], const char *use, const char *purpose,
    uint8_t out[SECRET_KEY])
{
	crypto_generichash_state st;

	crypto_generichash_init(&st, raw, SECRET_KEY, SECRET_KEY);
	crypto_generichash_update(&st, (const uint8_t *)use, strlen(use) + 1);
	crypto_generichash_update(&st, (const uint8_t *)purpose,
	    strlen(purpose));
	crypto_generichash_final(&st, out, SECRET_KEY);
	secret_wipe(&st, sizeof(st));
}

void
secret_hash(const struct secret_key *key, const char *purpose, const void *p,
    size_t n, uint8_t out[SECRET_HASH])
{
	uint8_t sub[SECRET_KEY];

	subkey(key->raw[key->n - 1], "mastkeeper hash", purpose, sub);
	crypto_generichash(out, SECRET_HASH, p, n, sub, sizeof(sub));
	secret_wipe(sub, sizeof(sub));
}

void
secret_hmac256(const void *key, size_t nkey, const void *p, size_t n,
    uint8_t out[SECRET_HASH])
{
	crypto_auth_hmacsha256_state st;

	_Static_assert(crypto_auth_hmacsha256_BYTES == SECRET_HASH, "size");
	(void)crypto_auth_hmacsha256_init(&st, key, nkey);
	(void)crypto_auth_hmacsha256_update(&st, p, n);
	(void)crypto_auth_hmacsha256_final(&st, out);
	sodium_memzero(&st, sizeof(st));
}

void
secret_digest(const void *p, size_t n, uint8_t out[SECRET_HASH])
{
	crypto_generichash(out, SECRET_HASH, p, n, NULL, 0);
}

void
secret_sha256(const void *p, size_t n, uint8_t out[SECRET_HASH])
{
	crypto_hash_sha256(out, p, n);
}

struct secret_digest {
	crypto_generichash_state	st;	/* aligned by its type */
};

struct secret_digest *
secret_digest_new(void)
{
	struct secret_digest *d = NULL;

	if (posix_memalign((void **)&d, 64, sizeof(*d)) != 0)
		fatal("secret: no memory");
	crypto_generichash_init(&d->st, NULL, 0, SECRET_HASH);
	return d;
}

void
secret_digest_put(struct secret_digest *d, const void *p, size_t n)
{
	crypto_generichash_update(&d->st, p, n);
}

void
secret_digest_end(struct secret_digest **dp, uint8_t out[SECRET_HASH])
{
	if (*dp != NULL && out != NULL)
		crypto_generichash_final(&(*dp)->st, out, SECRET_HASH);
	free(*dp);
	*dp = NULL;
}

/* ---- sealing ---- */

void
secret_seal(const struct secret_key *key, const char *purpose, const void *p,
    size_t n, struct slice ad, struct buf *out)
{
	uint8_t	sub[SECRET_KEY], *at;

	at = buf_reserve(out, n + SEAL_OVERHEAD);
	at[0] = SEAL_VERSION;
	secret_random(at + 1, NONCE);
	subkey(key->raw[0], "mastkeeper seal", purpose, sub);
	crypto_aead_xchacha20poly1305_ietf_encrypt(at + 1 + NONCE, NULL, p, n,
	    (const uint8_t *)ad.p, ad.n, NULL, at + 1, sub);
	secret_wipe(sub, sizeof(sub));
	buf_commit(out, n + SEAL_OVERHEAD);
}

static int
open_with(const uint8_t raw[SECRET_KEY], const char *purpose,
    const uint8_t *in, size_t n, struct slice ad, uint8_t *out)
{
	uint8_t	sub[SECRET_KEY];
	int	r;

	subkey(raw, "mastkeeper seal", purpose, sub);
	r = crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL,
	    in + 1 + NONCE, n - 1 - NONCE, (const uint8_t *)ad.p, ad.n,
	    in + 1, sub);
	secret_wipe(sub, sizeof(sub));
	return r;
}

/* The key that opened it, or -1. */
static int
open_any(const struct secret_key *key, const char *purpose, const void *p,
    size_t n, struct slice ad, struct buf *out)
{
	const uint8_t	*in = p;
	uint8_t		*at;
	size_t		 i;

	if (n < SEAL_OVERHEAD || in[0] != SEAL_VERSION)
		return -1;
	at = buf_reserve(out, n - SEAL_OVERHEAD + 1);
	for (i = 0; i < key->n; i++)
		if (open_with(key->raw[i], purpose, in, n, ad, at) == 0) {
			buf_commit(out, n - SEAL_OVERHEAD);
			return (int)i;
		}
	return -1;
}

int
secret_open(const struct secret_key *key, const char *purpose, const void *p,
    size_t n, struct slice ad, struct buf *out)
{
	return open_any(key, purpose, p, n, ad, out) == -1 ? -1 : 0;
}

int
secret_reseal(const struct secret_key *key, const char *purpose,
    const void *p, size_t n, struct slice ad, struct buf *out)
{
	struct buf plain = BUF_INIT;
	int by = open_any(key, purpose, p, n, ad, &plain);

	if (by > 0)
		secret_seal(key, purpose, buf_head(&plain), buf_used(&plain),
		    ad, out);
	secret_buf_free(&plain);
	return by > 0 ? 1 : by;
}

void
secret_box_public(const struct secret_key *secret_half,
    uint8_t pub[SECRET_KEY])
{
	if (crypto_scalarmult_base(pub, secret_half->raw[0]) == -1)
		fatal("secret: no public key");
}

void
secret_box_seal(const uint8_t pub[SECRET_KEY], const void *p, size_t n,
    struct buf *out)
{
	uint8_t *at = buf_reserve(out, n + crypto_box_SEALBYTES);

	if (crypto_box_seal(at, p, n, pub) == -1)
		fatal("secret: the public key is not usable");
	buf_commit(out, n + crypto_box_SEALBYTES);
}

int
secret_box_open(const struct secret_key *secret_half, const void *p, size_t n,
    struct buf *out)
{
	uint8_t	pub[SECRET_KEY], *at;

	if (n < crypto_box_SEALBYTES)
		return -1;
	secret_box_public(secret_half, pub);
	at = buf_reserve(out, n - crypto_box_SEALBYTES + 1);
	if (crypto_box_seal_open(at, p, n, pub, secret_half->raw[0]) == -1)
		return -1;
	buf_commit(out, n - crypto_box_SEALBYTES);
	return 0;
}

/* ---- signatures ---- */

static void
sign_pair(const struct secret_key *seed, uint8_t pub[SECRET_KEY],
    uint8_t pair[crypto_sign_SECRETKEYBYTES])
{
	if (crypto_sign_seed_keypair(pub, pair, seed->raw[0]) == -1)
		fatal("secret: no signing key");
}

void
secret_sign_public(const struct secret_key *seed, uint8_t pub[SECRET_KEY])
{
	uint8_t pair[crypto_sign_SECRETKEYBYTES];

	sign_pair(seed, pub, pair);
	secret_wipe(pair, sizeof(pair));
}

void
secret_sign(const struct secret_key *seed, const void *p, size_t n,
    uint8_t signature[SECRET_SIGNATURE])
{
	uint8_t pair[crypto_sign_SECRETKEYBYTES], pub[SECRET_KEY];

	sign_pair(seed, pub, pair);
	if (crypto_sign_detached(signature, NULL, p, n, pair) == -1)
		fatal("secret: no signature");
	secret_wipe(pair, sizeof(pair));
}

bool
secret_signed(const uint8_t pub[SECRET_KEY], const void *p, size_t n,
    const uint8_t signature[SECRET_SIGNATURE])
{
	return crypto_sign_verify_detached(signature, p, n, pub) == 0;
}

/* ---- passwords ---- */

int
secret_pwhash(char out[SECRET_PWHASH], struct slice password)
{
	return crypto_pwhash_argon2id_str(out, password.p, password.n, PW_OPS,
	    PW_MEM);
}

bool
secret_pwverify(const char *phc, struct slice password)
{
	return crypto_pwhash_argon2id_str_verify(phc, password.p,
	    password.n) == 0;
}

int
secret_derive(uint8_t key[SECRET_KEY], struct slice passphrase,
    const uint8_t salt[SECRET_SALT])
{
	return crypto_pwhash(key, SECRET_KEY, passphrase.p, passphrase.n,
	    salt, DERIVE_OPS, DERIVE_MEM, crypto_pwhash_ALG_ARGON2ID13);
}

const char *
secret_pwdummy(void)
{
	/* of 32 random bytes that were thrown away */
	return "$argon2id$v=19$m=19456,t=2,p=1$"
	    "/wOHin0wwsnV/XSY9Cj1Cg$"
	    "QbPAEq6b/ceTQ4mUtBAhVQWdmq1bNdnmk8b0766600E";
}
