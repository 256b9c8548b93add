/* h_settings: the six settings, which every daemon follows. */
#ifndef APID_H_SETTINGS_H
#define APID_H_SETTINGS_H

#include <stddef.h>

struct json_schema;
struct req;

extern const struct json_schema h_settings_body;
extern const size_t h_settings_size;

void h_settings_get(struct req *);	/* GET /settings */
void h_settings_put(struct req *);	/* PUT /settings */

#endif
