/*
 * tls_cert: what a certificate says, and whether a chain and its key are
 * fit to serve. Pure: texts in, findings out.
 */
#ifndef MAST_TLS_CERT_H
#define MAST_TLS_CERT_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "mono.h"
#include "str.h"

/* Of the leaf, the first of the chain. */
struct tls_cert_info {
	char	subject[256], issuer[256];	/* RFC 2253 */
	char	subject_cn[128], issuer_cn[128];	/* "Unknown": none */
	char	fingerprint[96], key_type[32], serial[64];
	wall_us	not_before, not_after;
	int	key_bits;
	int	chain;				/* certificates in all */
	bool	self_signed;
};
/* 0, or -1 with a sentence. */
int tls_cert_read(const char *chain_pem, struct tls_cert_info *,
    struct buf *err_r);
/* "DNS:node.example", "IP:192.0.2.1": each name of the leaf and a NUL. */
void tls_cert_names(const char *chain_pem, struct buf *names_r);

#define TLS_CHAIN_MAX	10
#define TLS_FAULTS	8

struct tls_fault { bool key; char text[200]; };	/* of the key, or the chain */
struct tls_faults { struct tls_fault v[TLS_FAULTS]; size_t n; };

/*
 * A pair from somebody's hands: nothing but certificates in the one text,
 * leaf first, each signed by the next; all of them valid at now and strong
 * (RSA of 2048 bits, P-256 and larger, Ed25519; SHA-2 signatures); names in
 * the leaf, which is for servers; the key is the leaf's. 0 and both texts in
 * one plain form (the key as PKCS #8: wipe it), or -1 and every finding.
 */
int tls_pair_check(struct slice chain_pem, struct slice key_pem, wall_us now,
    struct buf *chain_r, struct buf *key_r, struct tls_faults *);

#endif
