/* h_event: the event log as people read and acknowledge it. */
#ifndef APID_H_EVENT_H
#define APID_H_EVENT_H

struct req;

void h_event_list(struct req *);	/* GET  /events */
void h_event_ack(struct req *);		/* POST /events/#id/ack */
void h_event_count(struct req *);	/* GET  /events/count */

#endif
