/*
 * h_place: what a person arranges for oneself: preferences, opaque texts
 * under known keys, and where nodes stand in the views of the topology.
 */
#ifndef APID_H_PLACE_H
#define APID_H_PLACE_H

#include <stddef.h>

struct json_schema;
struct req;

#define H_PLACE_VALUE_MAX 51200	/* bytes of a value, and of positions */
/* A value whose every byte is written as an escape, and what is around. */
#define H_PLACE_BODY ((size_t)H_PLACE_VALUE_MAX * 6 + 1024)

extern const struct json_schema h_place_value_body, h_place_positions_body;
extern const size_t h_place_value_size, h_place_positions_size;

void h_place_get(struct req *);		/* GET    /preferences/{key} */
void h_place_put(struct req *);		/* PUT    /preferences/{key} */
void h_place_delete(struct req *);	/* DELETE /preferences/{key} */

void h_place_positions(struct req *);	/* GET    /topology/positions */
void h_place_positions_put(struct req *);	/* PUT */
void h_place_positions_delete(struct req *);	/* DELETE */

#endif
