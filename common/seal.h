/*
 * seal: the seals of the audit, as whoever makes them and whoever verifies
 * them sees one. Pure but for the anchor's file.
 *
 * A row's hash is SHA-256 of its text: every column as one JSON object of a
 * fixed form (mast.audit_text). The content of a seal is SHA-256 of its
 * rows' hashes in the order of ids. The chain is SHA-256 of
 *
 *	mastkeeper audit seal 1\n
 *	seq <decimal>\n
 *	previous <hex: chain of seq - 1; 64 zeros for the first>\n
 *	ids <int8multirange as PostgreSQL prints it>\n
 *	rows <decimal>\n
 *	content <hex>\n
 *	sealed_at <RFC 3339, UTC, microseconds>\n
 *	signer <hex: public key>\n
 *
 * and the signature is Ed25519 over these 32 bytes.
 */
#ifndef MAST_SEAL_H
#define MAST_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "secret.h"
#include "str.h"

struct db_result;

struct seal {
	int64_t		seq;		/* from 1, no gap */
	int64_t		rows;
	struct slice	ids, sealed_at;
	uint8_t		content[SECRET_HASH];
	uint8_t		chain[SECRET_HASH];
	uint8_t		signature[SECRET_SIGNATURE];
	uint8_t		signer[SECRET_KEY];
};

/* The end of a chain; seq 0 and zeros before the first seal. */
struct seal_head {
	int64_t		seq;
	uint8_t		chain[SECRET_HASH];
};

/* Public keys whose seals count. */
#define SEAL_KEYS 64
struct seal_keys {
	uint8_t		v[SEAL_KEYS][SECRET_KEY];
	size_t		n;
};

/* Fills chain, signer and signature of a seal that follows head. */
void seal_sign(struct seal *, const struct seal_head *,
    const struct secret_key *);
/* Moves head on to the seal; NULL, or why it does not follow and head is
 * as it was. */
const char *seal_follow(struct seal_head *, const struct seal *,
    const struct seal_keys *);

/* One hex key a line, '#' comments. 0, or -1 with a sentence. */
int  seal_keys_parse(struct seal_keys *, struct slice text,
    struct buf *err_r);

/* "seq:hex", as people keep it: 0 or -1. */
#define SEAL_HEAD_TEXT 86
void seal_head_text(const struct seal_head *, char dst[SEAL_HEAD_TEXT]);
int  seal_head_parse(struct seal_head *, struct slice);

/* A row of seq, rows, ids, content, chain, signature, signer, sealed_at;
 * the slices are the result's. -1: it has no such form. */
int  seal_row(const struct db_result *, int row, struct seal *);

/* A page of such rows in order, the first of them head's own unless there
 * was none: NULL and head moved to its end, or why not. */
const char *seal_follow_rows(struct seal_head *, const struct db_result *,
    const struct seal_keys *);

/* The anchor: a file that keeps the head outside the database. read: an
 * empty file leaves head alone; -1 when it holds something else. write:
 * never back to a lower number; 0 or -1 errno. */
int  seal_anchor_read(int fd, struct seal_head *);
int  seal_anchor_write(int fd, const struct seal_head *);

#endif
