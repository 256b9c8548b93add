/* h_node: nodes as people register and edit them, and the device types. */
#ifndef APID_H_NODE_H
#define APID_H_NODE_H

#include <stddef.h>

struct db_arg;
struct json_schema;
struct req;

extern const struct json_schema h_node_create_body, h_node_update_body;
extern const size_t h_node_create_size, h_node_update_size;

void h_node_list(struct req *);		/* GET    /nodes */
void h_node_create(struct req *);	/* POST   /nodes */
void h_node_get(struct req *);		/* GET    /nodes/:id */
void h_node_update(struct req *);	/* PUT    /nodes/:id */
void h_node_delete(struct req *);	/* DELETE /nodes/:id */
void h_node_token(struct req *);	/* POST   /nodes/:id/token */
void h_node_types(struct req *);	/* GET    /device-types */

#endif
