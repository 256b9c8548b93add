/*
 * ai: the channel to aid. aid's public key comes with its hello; without it
 * nothing can be sealed for aid.
 */
#ifndef APID_AI_H
#define APID_AI_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc.h"
#include "secret.h"
#include "str.h"

struct ai;
struct apid;
struct req;

struct ai *ai_new(struct apid *);
void ai_free(struct ai *);
bool ai_up(const struct ai *);
/* aid's last figures, a flat JSON object, or empty. */
struct slice ai_status(const struct ai *);
/* The key that seals for aid; false before aid's first hello. It stays
 * known while aid is away. */
bool ai_public(const struct ai *, uint8_t pub[SECRET_KEY]);
/* Asks aid to prove its fence. False: away, the req was answered (503). */
bool ai_selftest(struct req *, ipc_reply_fn);

#endif
