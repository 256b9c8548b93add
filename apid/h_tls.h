/* h_tls: the certificate of all doors: told, replaced, put back. */
#ifndef APID_H_TLS_H
#define APID_H_TLS_H

#include <stddef.h>

struct json_schema;
struct req;

extern const struct json_schema h_tls_body;
extern const size_t h_tls_size;

void h_tls_get(struct req *);		/* GET  /settings/tls */
void h_tls_upload(struct req *);	/* POST /settings/tls/upload */
void h_tls_restore(struct req *);	/* POST /settings/tls/restore */

#endif
