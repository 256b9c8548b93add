/* h_totp: the second factor of the caller, and its reset for others. */
#ifndef APID_H_TOTP_H
#define APID_H_TOTP_H

#include <stddef.h>

struct json_schema;
struct req;

extern const struct json_schema h_totp_enrol_body, h_totp_confirm_body,
    h_totp_disable_body;
extern const size_t h_totp_size;

void h_totp_get(struct req *);		/* GET    /auth/totp */
void h_totp_enrol(struct req *);	/* POST   /auth/totp */
void h_totp_confirm(struct req *);	/* POST   /auth/totp/confirm */
void h_totp_disable(struct req *);	/* POST   /auth/totp/disable */
void h_totp_reset(struct req *);	/* DELETE /users/:id/totp */

#endif
