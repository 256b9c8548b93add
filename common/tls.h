/*
 * tls: owns OpenSSL. Server contexts tuned as measured: TLS 1.3 preferred,
 * 1.2 allowed, ECDSA P-256, SSL_MODE_RELEASE_BUFFERS, no session cache, no
 * renegotiation; tickets 0 for nodes, 1 for browsers. Non-blocking I/O on a
 * descriptor that the caller owns.
 */
#ifndef MAST_TLS_H
#define MAST_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "mono.h"

struct tls_ctx;		/* reference counted by its connections */
struct tls;		/* one connection */

/* PEM texts; checks that key and chain match. NULL with a sentence. */
struct tls_ctx *tls_ctx_server(const char *chain_pem, const char *key_pem,
    int tickets, struct buf *err_r);
/* Client side, for tests, the simulator and mastctl. ca_pem NULL: no check. */
struct tls_ctx *tls_ctx_client(const char *ca_pem, struct buf *err_r);
void tls_ctx_free(struct tls_ctx *);

struct tls *tls_accept(struct tls_ctx *, int fd);
struct tls *tls_connect(struct tls_ctx *, int fd, const char *name);
void tls_free(struct tls *);	/* does not close fd */

/* TLS_EOF is an orderly end only. After TLS_FAIL errno is the socket's
 * (ECONNRESET also for an end without close_notify), or EPROTO for TLS. */
enum tls_io { TLS_OK = 0, TLS_WANT_READ, TLS_WANT_WRITE, TLS_EOF, TLS_FAIL };

enum tls_io tls_handshake(struct tls *);
/* TLS_OK with *n_r > 0, or the reason. TLS_WANT_READ also when the last read
 * came back short: the socket was empty then, and poll will say if no more. */
enum tls_io tls_read(struct tls *, void *, size_t, size_t *n_r);
enum tls_io tls_write(struct tls *, const void *, size_t, size_t *n_r);
/* Sends close_notify once, best effort. */
void tls_shutdown(struct tls *);
bool tls_pending(const struct tls *);	/* decrypted bytes wait inside */
const char *tls_error(const struct tls *);	/* of the last TLS_FAIL */

/* SHA-1, only for the handshake of RFC 6455 4.2.2. */
void tls_sha1(const void *, size_t, uint8_t out[20]);

/* HMAC-SHA-1 (RFC 2104), only for the one-time codes of RFC 6238. */
void tls_hmac_sha1(const void *key, size_t nkey, const void *, size_t n,
    uint8_t out[20]);

/* ECDSA P-256, 825 days, CN and SANs from a comma separated list of DNS
 * names and IP addresses. Key file created 0600. 0 or -1 with a sentence. */
int tls_selfsigned(const char *names, struct buf *cert_pem_r,
    struct buf *key_pem_r, struct buf *err_r);

#endif
