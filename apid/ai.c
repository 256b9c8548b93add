/*
 * ai: apid's channel to aid. Owns the sibling and a copy of aid's public
 * key. Only the public half ever exists in this process.
 */
#include <stdlib.h>
#include <string.h>

#include "ai.h"
#include "apid.h"
#include "log.h"
#include "req.h"
#include "sibling.h"
#include "xmalloc.h"

#define SELFTEST_DEADLINE	(10 * MONO_SEC)

struct ai {
	struct sibling	*peer;
	uint8_t		 pub[SECRET_KEY];
	bool		 known;
};

static void
aid_up(void *arg, const struct msg_hello *hello)
{
	struct ai *ai = arg;

	if (hello->extra.n != sizeof(ai->pub)) {
		log_warn("aid: its hello has no public key");
		return;
	}
	if (ai->known && memcmp(ai->pub, hello->extra.p, SECRET_KEY) != 0)
		log_warn("aid: the key pair is another one now; "
		    "provider keys sealed before cannot be opened");
	memcpy(ai->pub, hello->extra.p, SECRET_KEY);
	ai->known = true;
}

struct ai *
ai_new(struct apid *apid)
{
	struct ai *ai = xcalloc(1, sizeof(*ai));
	const struct sibling_config conf = {
		.apid = apid, .socket = "aid.sock", .peer = MSG_AID,
		.up = aid_up, .arg = ai,
	};

	ai->peer = sibling_new(&conf);
	return ai;
}

void
ai_free(struct ai *ai)
{
	if (ai == NULL)
		return;
	sibling_free(ai->peer);
	free(ai);
}

bool
ai_up(const struct ai *ai)
{
	return ai != NULL && sibling_ready(ai->peer);
}

struct slice
ai_status(const struct ai *ai)
{
	return sibling_status(ai == NULL ? NULL : ai->peer);
}

bool
ai_public(const struct ai *ai, uint8_t pub[SECRET_KEY])
{
	if (ai == NULL || !ai->known)
		return false;
	memcpy(pub, ai->pub, SECRET_KEY);
	return true;
}

bool
ai_selftest(struct req *req, ipc_reply_fn fn)
{
	struct ai *ai = req->apid->ai;

	if (!ai_up(ai)) {
		req_fail(req, ERR_AI_AWAY, "the AI daemon is not connected");
		return false;
	}
	sibling_ask(ai->peer, req, MSG_SELFTEST, SELFTEST_DEADLINE, fn);
	sibling_send(ai->peer);
	return true;
}
