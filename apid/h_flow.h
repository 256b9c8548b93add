/* h_flow: flows of a node, as commands of their own. */
#ifndef APID_H_FLOW_H
#define APID_H_FLOW_H

#include <stddef.h>

struct json_schema;
struct req;

#define H_FLOW_BODY 51200

extern const struct json_schema h_flow_body;
extern const size_t h_flow_size;

void h_flow_create(struct req *);	/* POST /nodes/:id/flows */
void h_flow_delete(struct req *);	/* DELETE /nodes/:id/flows/:flow_id */

#endif
