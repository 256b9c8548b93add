/* h_tunnel: /api/v1/tunnels and a node's tunnels. */
#ifndef APID_H_TUNNEL_H
#define APID_H_TUNNEL_H

#include <stddef.h>

struct json_schema;
struct req;

#define H_TUNNEL_WAIT_MS	10000	/* for the nodes, at most */

extern const struct json_schema h_tunnel_create_body, h_tunnel_update_body;
extern const size_t h_tunnel_create_size, h_tunnel_update_size;

void h_tunnel_list(struct req *);
void h_tunnel_of_node(struct req *);
void h_tunnel_get(struct req *);
void h_tunnel_create(struct req *);
void h_tunnel_update(struct req *);
void h_tunnel_delete(struct req *);

#endif
