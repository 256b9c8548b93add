/* h_self: the caller's own profile and password. */
#ifndef APID_H_SELF_H
#define APID_H_SELF_H

#include <stddef.h>

struct json_schema;
struct req;

extern const struct json_schema h_self_update_body, h_self_password_body;
extern const size_t h_self_update_size, h_self_password_size;

void h_self_update(struct req *);	/* PUT  /auth/me */
void h_self_password(struct req *);	/* POST /auth/password */

#endif
