/* h_config: the configuration that a node reports. */
#ifndef APID_H_CONFIG_H
#define APID_H_CONFIG_H

struct req;

void h_config_get(struct req *);	/* GET /nodes/:id/config */

#endif
