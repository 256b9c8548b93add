/* h_alarm: /api/v1/alarms. */
#ifndef APID_H_ALARM_H
#define APID_H_ALARM_H

#include <stddef.h>

struct json_schema;
struct req;

extern const struct json_schema h_alarm_ack_body;
extern const size_t h_alarm_ack_size;

void h_alarm_list(struct req *);
void h_alarm_ack(struct req *);

#endif
