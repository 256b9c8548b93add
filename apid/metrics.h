/*
 * metrics: the daemon's numbers, as Prometheus text on a local listener of
 * its own and as flat JSON for mastctl on the control socket. hubd's and
 * aid's, as they last told them, stand beside ours.
 */
#ifndef APID_METRICS_H
#define APID_METRICS_H

#include "buf.h"

struct apid;
struct metrics;

/* Takes both descriptors; -1: not wanted. */
struct metrics *metrics_new(struct apid *, int listen_fd, int ctl_fd);
void metrics_free(struct metrics *);

void metrics_prometheus(struct apid *, struct buf *);
void metrics_json(struct apid *, struct buf *);	/* MSG_STATUS_REPLY */

#endif
