/* h_bulk: one command to many nodes, looked at first and journalled singly. */
#ifndef APID_H_BULK_H
#define APID_H_BULK_H

#include <stddef.h>

struct json_schema;
struct req;

#define H_BULK_NODES	200
#define H_BULK_ACTION	16384
#define H_BULK_BODY	32768
#define H_BULK_WAIT_MS	10000

extern const struct json_schema h_bulk_body;
extern const size_t h_bulk_size;

void h_bulk(struct req *);		/* POST /commands */

#endif
