/* h_user: the users' resource. */
#ifndef APID_H_USER_H
#define APID_H_USER_H

#include <stddef.h>

struct json_schema;
struct req;

extern const struct json_schema h_user_create_body, h_user_update_body;
extern const size_t h_user_create_size, h_user_update_size;

void h_user_list(struct req *);		/* GET    /users */
void h_user_create(struct req *);	/* POST   /users */
void h_user_get(struct req *);		/* GET    /users/:id */
void h_user_update(struct req *);	/* PUT    /users/:id */
void h_user_delete(struct req *);	/* DELETE /users/:id */

#endif
