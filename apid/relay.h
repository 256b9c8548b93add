/*
 * relay: /ws/node on the public door. The upgrade goes, byte for byte, to
 * hubd's node door behind a PROXY header with the client's address; then the
 * two sides are spliced with back-pressure both ways.
 */
#ifndef APID_RELAY_H
#define APID_RELAY_H

#include <stdint.h>

struct apid;
struct relay;
struct req;

struct relay *relay_new(struct apid *);
void relay_free(struct relay *);

void relay_node(struct req *);		/* GET /ws/node */

struct relay_stats { uint64_t opened, refused, open; };
void relay_stats(const struct relay *, struct relay_stats *);

#endif
