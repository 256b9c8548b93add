/* key_aid: a new key pair for aid, while every key of a provider that was
 * sealed to the old one stays good. */
#ifndef MAST_CTL_KEY_AID_H
#define MAST_CTL_KEY_AID_H

#include "ctl.h"

enum { KEY_STEP };	/* options of key rotate */

int key_aid(struct ctl *, const struct ctl_args *);

#endif
