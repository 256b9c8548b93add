/* h_config: the configuration that a node reports, and a new one for it. */
#ifndef APID_H_CONFIG_H
#define APID_H_CONFIG_H

#include <stddef.h>

struct json_schema;
struct req;

#define H_CONFIG_BODY 102400

extern const struct json_schema h_config_body;
extern const size_t h_config_size;

void h_config_get(struct req *);	/* GET /nodes/:id/config */
void h_config_put(struct req *);	/* PUT /nodes/:id/config */

#endif
