/*
 * guard: the last look at what is about to leave. apid has put placeholders
 * where credentials were; whatever still looks like one stops the job. Pure.
 */
#ifndef AID_GUARD_H
#define AID_GUARD_H

#include "msg_ai.h"
#include "str.h"

/* NULL, or why the job must not leave (no part of the secret is in it):
 * a private key or a provider's key in any text; in quoted facts also a
 * member whose name says credential with a text that is no placeholder
 * ("{{...}}" or asterisks). */
const char *guard_check(const struct msg_ai_job *, struct slice key);

#endif
