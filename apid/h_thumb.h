/* h_thumb: the newest picture of a flow. */
#ifndef APID_H_THUMB_H
#define APID_H_THUMB_H

struct req;

void h_thumb_get(struct req *);	/* GET /nodes/:id/thumbnail */

#endif
