/* h_link: the password of the first administrator, by a link. */
#ifndef APID_H_LINK_H
#define APID_H_LINK_H

#include <stddef.h>

struct json_schema;
struct req;

extern const struct json_schema h_link_body;
extern const size_t h_link_size;

void h_link(struct req *);	/* POST /auth/setup */

#endif
