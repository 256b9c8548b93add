/* doctor: finds what is wrong with an installation and names the cure. */
#ifndef MAST_CTL_DOCTOR_H
#define MAST_CTL_DOCTOR_H

#include "ctl.h"

/* The same checks, but only which fail and how badly: no name, no path. */
void doctor_short(struct ctl *);
int doctor_run(struct ctl *, const struct ctl_args *);

#endif
