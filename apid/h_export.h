/*
 * h_export: the installation as one JSON file (common/dump.h), streamed from
 * one snapshot of the database in as much memory as a few batches of rows
 * take. With a passphrase the file also carries the secrets, encrypted.
 */
#ifndef APID_H_EXPORT_H
#define APID_H_EXPORT_H

#include <stddef.h>

#define H_EXPORT_MAX	2	/* exports and imports at a time */

struct req;
struct json_schema;

extern const struct json_schema h_export_body;
extern const size_t h_export_size;

void h_export(struct req *);
void h_export_secrets(struct req *);

#endif
