/* audit: the audit family of commands. */
#ifndef MAST_CTL_AUDIT_H
#define MAST_CTL_AUDIT_H

#include "ctl.h"

int audit_seal(struct ctl *, const struct ctl_args *);
int audit_verify(struct ctl *, const struct ctl_args *);
int audit_tail(struct ctl *, const struct ctl_args *);
int audit_export(struct ctl *, const struct ctl_args *);

#endif
