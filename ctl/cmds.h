/* cmds: the table of mastctl's commands. */
#ifndef MAST_CTL_CMDS_H
#define MAST_CTL_CMDS_H

#include <stddef.h>

#include "ctl.h"

extern const struct ctl_cmd cmds_table[];
extern const size_t cmds_n;

#endif
