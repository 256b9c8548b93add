/* h_endpoint: what the edges receive and send, of stored configurations. */
#ifndef APID_H_ENDPOINT_H
#define APID_H_ENDPOINT_H

struct req;

void h_endpoint_list(struct req *);	/* GET /nodes/endpoints */

#endif
