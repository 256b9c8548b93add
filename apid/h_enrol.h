/*
 * h_enrol: who may connect as a node: quarantine, and new secrets. Tokens
 * are h_node's.
 */
#ifndef APID_H_ENROL_H
#define APID_H_ENROL_H

#include <stddef.h>

struct json_schema;
struct req;

extern const struct json_schema h_enrol_quarantine_body;
extern const size_t h_enrol_quarantine_size;

void h_enrol_quarantine(struct req *);	/* POST /nodes/:id/quarantine */
void h_enrol_release(struct req *);	/* DELETE /nodes/:id/quarantine */
void h_enrol_rotate(struct req *);	/* POST /nodes/:id/rotate-secret */

#endif
