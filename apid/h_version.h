/* h_version: the versions of a node's configuration, what differs between
 * them, and drift. */
#ifndef APID_H_VERSION_H
#define APID_H_VERSION_H

#include <stddef.h>

struct json_schema;
struct req;

extern const struct json_schema h_version_restore_body, h_version_drift_body;
extern const size_t h_version_restore_size, h_version_drift_size;

void h_version_list(struct req *);
void h_version_get(struct req *);
void h_version_diff(struct req *);
void h_version_restore(struct req *);
void h_version_drift(struct req *);
void h_version_drift_act(struct req *);

#endif
