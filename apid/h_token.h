/* h_token: API tokens, for programs. */
#ifndef APID_H_TOKEN_H
#define APID_H_TOKEN_H

#include <stddef.h>

struct json_schema;
struct req;

extern const struct json_schema h_token_create_body;
extern const size_t h_token_create_size;

void h_token_list(struct req *);	/* GET    /tokens */
void h_token_create(struct req *);	/* POST   /tokens */
void h_token_delete(struct req *);	/* DELETE /tokens/:id */

#endif
