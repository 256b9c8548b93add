/* backup: the whole installation into a folder, and back from it. */
#ifndef MAST_CTL_BACKUP_H
#define MAST_CTL_BACKUP_H

#include "ctl.h"

int backup_run(struct ctl *, const struct ctl_args *);
int restore_run(struct ctl *, const struct ctl_args *);

#endif
