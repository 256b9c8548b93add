/* ai_key: the commands "ai key": users' keys of AI providers. */
#ifndef MAST_CTL_AI_KEY_H
#define MAST_CTL_AI_KEY_H

#include "ctl.h"

int ai_key_list(struct ctl *, const struct ctl_args *);
int ai_key_test(struct ctl *, const struct ctl_args *);
int ai_key_delete(struct ctl *, const struct ctl_args *);

#endif
