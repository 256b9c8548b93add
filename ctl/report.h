/* report: an account of the installation for those who are to help. */
#ifndef MAST_CTL_REPORT_H
#define MAST_CTL_REPORT_H

#include "ctl.h"

int report_run(struct ctl *, const struct ctl_args *);

#endif
