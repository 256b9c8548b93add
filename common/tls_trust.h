/*
 * tls_trust: a set of root certificates, parsed once, for a library that
 * makes its own OpenSSL contexts. Needed behind a fence without files.
 */
#ifndef MAST_TLS_TRUST_H
#define MAST_TLS_TRUST_H

#include "buf.h"

struct tls_trust;

/* file: PEM of one or many; NULL: the system's. NULL with a sentence. */
struct tls_trust *tls_trust_load(const char *file, struct buf *err_r);
void tls_trust_free(struct tls_trust *);	/* NULL is fine */
size_t tls_trust_count(const struct tls_trust *);
/* ssl_ctx is an SSL_CTX *, which trusts these roots and no others then, and
 * wipes what it has passed on. */
void tls_trust_use(const struct tls_trust *, void *ssl_ctx);

#endif
