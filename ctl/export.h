/*
 * export: the whole installation to a file and from one, straight at the
 * database. The form of the file is common/dump.h.
 */
#ifndef MAST_CTL_EXPORT_H
#define MAST_CTL_EXPORT_H

#include "ctl.h"

int export_run(struct ctl *, const struct ctl_args *);
int import_run(struct ctl *, const struct ctl_args *);

#endif
