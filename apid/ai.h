/*
 * ai: the channel to aid. aid's public key comes with its hello; without it
 * nothing can be sealed for aid. And the calls of requests that are on their
 * way there.
 */
#ifndef APID_AI_H
#define APID_AI_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "id.h"
#include "ipc.h"
#include "msg_ai.h"
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

/* Asks aid for AI_INFO. False: away, and nothing was asked. */
bool ai_info(struct req *, ipc_reply_fn);

/* A provider that aid has; the slices live until aid comes back. NULL: past
 * the end, or aid has not told yet. */
const struct msg_ai_provider *ai_provider_at(const struct ai *, size_t i);
const struct msg_ai_provider *ai_provider(const struct ai *, struct slice);

/*
 * One call. Hang it on the request's own state: it must stay where it is
 * until done or ai_call_drop. chunk comes for each piece of a stream; done
 * once, on a later turn: answer is NULL when err is not ERR_OK (aid went,
 * was full, or silent).
 */
struct ai_call {
	TAILQ_ENTRY(ai_call)	 entry;
	struct ai		*ai;		/* NULL: none is on its way */
	struct req		*req;
	struct id		 job;
	void (*chunk)(struct req *, struct slice);
	void (*done)(struct req *, enum err, const struct msg_ai_done *);
};
/* Fills the job's id. False: aid is away, and nothing was started. */
bool ai_call_start(struct req *, struct ai_call *, struct msg_ai_job *);
/* The same question for a key; there are no chunks. */
bool ai_call_test(struct req *, struct ai_call *, struct msg_ai_call *);
/* Whoever waited goes: aid is told to stop. */
void ai_call_drop(struct ai_call *);

#endif
