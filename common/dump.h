/*
 * dump: the form of an export file, for apid and mastctl alike. What is in
 * its rows comes from the database (sql/0010_export.sql); here are the frame,
 * the checksums, the encryption and the rules of each member. No sockets, no
 * clock: bytes in, bytes out.
 *
 *	{"version":2,"generator":…,"exported_at":…,"exported_by":…,
 *	 "data":{"settings":[…],"users":[…],…},
 *	 "secrets":{"kdf":"argon2id13","memory_kib":65536,"passes":3,
 *	            "salt":base64,"cipher":"xchacha20poly1305",
 *	            "chunks":[base64,…]},
 *	 "checksums":{"users":{"rows":N,"blake2b":hex},…,"total":{…}}}
 *
 * A section's checksum is BLAKE2b-256 over the text of its elements, each
 * followed by a newline, as they stand in the file; "total" is that over the
 * head and the others. A chunk holds lines "<section> <row>"; the last line
 * repeats the total of the plain part, so that it cannot be exchanged.
 *
 * Version 1 is the reference manager's: no checksums, no secrets, fewer
 * sections. Nothing else is read.
 */
#ifndef MAST_DUMP_H
#define MAST_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "secret.h"
#include "str.h"

#define DUMP_VERSION	2
#define DUMP_ROW_MAX	(4 * 1024 * 1024)	/* bytes of one element */
#define DUMP_PASS_MIN	8
#define DUMP_PASS_MAX	1024

struct arena;
struct json_faults;

enum dump_section {
	DUMP_SETTINGS, DUMP_USERS, DUMP_NODES, DUMP_TUNNELS,
	DUMP_PREFERENCES, DUMP_POSITIONS, DUMP_CONFIG_VERSIONS,
	DUMP_NODE_CONFIGS, DUMP_TEMPLATES, DUMP_EVENTS, DUMP_AUDIT,
	DUMP__PLAIN,
	/* within the encrypted part */
	DUMP_X_KEY = DUMP__PLAIN,	/* which server key it was */
	DUMP_X_USERS, DUMP_X_NODE_SECRETS, DUMP_X_CONFIGS, DUMP_X_TUNNELS,
	DUMP_X_PROVIDER_KEYS,
	DUMP__ALL,
	DUMP_X_END = DUMP__ALL,
	DUMP__NONE,
};

/* "users"; as the database knows it too. */
const char *dump_name(enum dump_section);
/* How many rows to ask for at a time. */
unsigned dump_batch(enum dump_section);
/* What an export holds, in its order: the first section is after DUMP__ALL,
 * DUMP__ALL when there is none left. */
struct dump_want { bool events, audit, secrets; };
enum dump_section dump_after(enum dump_section, const struct dump_want *);

/* ---- writing ---- */

struct dump_out;
struct dump_out *dump_out_new(const char *generator, struct slice at,
    struct slice by, struct buf *out);
void dump_out_free(struct dump_out *);
/* The key of the secrets, before their first section. */
void dump_out_key(struct dump_out *, const uint8_t derived[SECRET_KEY],
    const uint8_t salt[SECRET_SALT], const struct secret_key *server);
void dump_out_section(struct dump_out *, enum dump_section, struct buf *out);
/* 0, or -1: a value that the server key does not open. */
int dump_out_row(struct dump_out *, struct slice row, struct buf *out);
void dump_out_end(struct dump_out *, struct buf *out);

/* ---- reading ---- */

enum dump_got {
	DUMP_MORE,	/* all of in was read */
	DUMP_SECTION,	/* item.section begins */
	DUMP_ROW,	/* item.section, .n, .row (valid until the next call) */
	DUMP_KEY,	/* derive one from item.row (passphrase) and item.salt,
			 * then dump_in_key */
	DUMP_END,	/* whole, and every checksum fits */
	DUMP_BAD,	/* item.err, .pointer, .detail */
};
struct dump_item {
	enum dump_section	 section;
	size_t			 n;	/* its place in the section */
	struct slice		 row;
	const uint8_t		*salt;
	enum err		 err;
	const char		*pointer, *detail;
};

struct dump_in;
/* passphrase: also taken from the document's member of that name. The
 * server key is whose seals the secret rows get. */
struct dump_in *dump_in_new(const struct secret_key *server,
    struct slice passphrase);
void dump_in_free(struct dump_in *);
/* Takes from in; last: nothing will follow. */
enum dump_got dump_next(struct dump_in *, struct buf *in, bool last,
    struct dump_item *);
void dump_in_key(struct dump_in *, const uint8_t derived[SECRET_KEY]);
/* The file has secrets that were left where they are: no passphrase. */
bool dump_in_closed(const struct dump_in *);
/* Nodes' secrets were left out: they fit another server key only. */
bool dump_in_foreign(const struct dump_in *);

/* ---- rows, for dump_in and the tests ---- */

/* Whether a row keeps the rules of its section; pointers are the row's. */
enum err dump_check(struct arena *, enum dump_section, struct slice row,
    struct json_faults *);
/* A row with a "secret" of the server key, opened, and the reverse: 0, or -1
 * when the value is none. */
int dump_unseal(const struct secret_key *, enum dump_section,
    struct slice row, struct buf *out);
int dump_seal(const struct secret_key *, enum dump_section,
    struct slice row, struct buf *out);

#endif
