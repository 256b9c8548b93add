/* h_event: /api/v1/events. */
#ifndef APID_H_EVENT_H
#define APID_H_EVENT_H

#include <stddef.h>

struct json_schema;
struct req;

extern const struct json_schema h_event_ack_body, h_event_bulk_body;
extern const size_t h_event_ack_size, h_event_bulk_size;

void h_event_list(struct req *);
void h_event_get(struct req *);
void h_event_count(struct req *);
void h_event_ack(struct req *);
void h_event_ack_bulk(struct req *);

#endif
