/*
 * certs: the certificates of one daemon. Two pairs may be there: the one of
 * the files and the one that was uploaded; mast.certificate_use says which
 * is in use. A pair that does not load never replaces one that works. The
 * context changes between two handshakes; connections keep theirs.
 *
 * The stored key is sealed with the server key under the purpose
 * CERTS_PURPOSE, with the text of the row's id beside it.
 */
#ifndef MAST_CERTS_H
#define MAST_CERTS_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "id.h"

#define CERTS_PURPOSE "certificate"

struct certs;
struct db;
struct secret_key;
struct timers;
struct tls_cert_info;
struct tls_ctx;

enum certs_source { CERTS_FILE, CERTS_UPLOADED };

/* tickets: as for tls_ctx_server. The key is borrowed. */
struct certs *certs_new(const struct secret_key *, int tickets);
void certs_free(struct certs *);
/* The pair of the files, again and again: 0, or -1 with a sentence and the
 * old one stays. One that has expired is taken only if there is none yet. */
int certs_read_files(struct certs *, const char *cert_file,
    const char *key_file, struct buf *err_r);

struct certs_follow {
	struct db	*db;
	struct timers	*timers;
	/* () id or NULL for the files, chain, sealed key, previous kept */
	unsigned	 use;
	/* (fingerprint, subject, end, who, name) days that were warned of */
	unsigned	 expiry;
	const struct id	*who;		/* of the daemon, for events */
	const char	*name;
	void		(*changed)(void *);	/* another pair is in use */
	void		(*warned)(void *);	/* an event was stored; or NULL */
	void		*arg;
};
/* From here on the database is followed and expiry is looked at hourly. */
void certs_follow(struct certs *, const struct certs_follow *);
/* The counter "certs" as it was read; what moved is fetched. */
void certs_poll(struct certs *, uint64_t version);
/* The expiry is looked at again, now. */
void certs_look(struct certs *);

struct tls_ctx *certs_ctx(const struct certs *);	/* in use; borrowed */
const struct tls_cert_info *certs_info(const struct certs *);
const char *certs_chain(const struct certs *);		/* PEM */
enum certs_source certs_source(const struct certs *);
bool certs_previous(const struct certs *);	/* a restore is possible */
/* Why the pair that the database names is not in use; NULL: it is. */
const char *certs_fault(const struct certs *);
int64_t certs_days_left(const struct certs *);	/* < 0: has expired */

#endif
