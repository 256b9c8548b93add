/* h_audit: the audit as people read and export it. */
#ifndef APID_H_AUDIT_H
#define APID_H_AUDIT_H

struct req;

void h_audit(struct req *);		/* GET /audit */

#endif
