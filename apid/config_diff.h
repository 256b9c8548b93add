/* config_diff: the answer that tells what differs between configurations. */
#ifndef APID_CONFIG_DIFF_H
#define APID_CONFIG_DIFF_H

#include "str.h"

struct req;

/* Both texts are canonical. Answers the request. */
void config_diff(struct req *, struct slice a, struct slice b);

#endif
