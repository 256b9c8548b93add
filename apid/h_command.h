/* h_command: commands to nodes, through the journal and the hub. */
#ifndef APID_H_COMMAND_H
#define APID_H_COMMAND_H

#include <stddef.h>

struct json_schema;
struct req;

#define H_COMMAND_ACTION 51200	/* bytes of the action, as it was sent */
#define H_COMMAND_BODY	 65536

extern const struct json_schema h_command_body;
extern const size_t h_command_size;

void h_command(struct req *);		/* POST /nodes/:id/command */
void h_command_list(struct req *);	/* GET /nodes/:id/commands */
void h_command_get(struct req *);	/* GET /nodes/:id/commands/:command */
void h_command_cancel(struct req *);	/* DELETE the same */

#endif
