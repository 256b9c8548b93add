/*
 * proto: the messages of nodes. One row per type: in which states it is
 * allowed and who handles it. What is unknown is tolerated and counted.
 */
#ifndef MAST_PROTO_H
#define MAST_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct conn;

/* One whole WebSocket message. False: the connection is closing. */
bool proto_message(struct conn *, bool text, uint8_t *p, size_t n);
/* The table as text. */
void proto_dump(struct buf *);

#endif
