/*
 * channels: the last step before the loop: database, siblings, doors; and
 * the first after it.
 */
#ifndef APID_CHANNELS_H
#define APID_CHANNELS_H

struct acquired;
struct apid;

/* base, timers and proc are there already. Exits on a bad route table. */
void channels_open(struct apid *, struct acquired *);
void channels_close(struct apid *);	/* frees those three too */

#endif
