/* h_auth: signing in and out. */
#ifndef APID_H_AUTH_H
#define APID_H_AUTH_H

#include <stddef.h>

struct json_schema;
struct req;

extern const struct json_schema h_auth_login_body;
extern const size_t h_auth_login_size;

void h_auth_login(struct req *);	/* POST /auth/login */
void h_auth_login_form(struct req *);	/* POST /auth/login-form */
void h_auth_logout(struct req *);	/* POST /auth/logout */
void h_auth_me(struct req *);		/* GET  /auth/me */

#endif
