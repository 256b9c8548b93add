/*
 * h_import: takes an export file in. It is checked as it comes, staged in
 * one transaction of the database, and applied when its end was reached and
 * every checksum fits: all of it or nothing.
 */
#ifndef APID_H_IMPORT_H
#define APID_H_IMPORT_H

#define H_IMPORT_BODY	(64 * 1024 * 1024)

struct req;

void h_import(struct req *);

#endif
