/*
 * hubs: looks whether a hub gives no sign of life any more. Its nodes are
 * offline then, and somebody has to say so: a hub that is gone cannot, and
 * nobody may start it again. Every apid looks; the database lets one say it.
 */
#ifndef APID_HUBS_H
#define APID_HUBS_H

struct apid;
struct hubs;

struct hubs *hubs_new(struct apid *);
void hubs_free(struct hubs *);

#endif
