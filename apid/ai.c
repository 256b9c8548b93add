/*
 * ai: apid's channel to aid. Owns the sibling, a copy of aid's public key
 * and the list of calls under way. Only the public half of the key ever
 * exists in this process.
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

#define CALL_GRACE		(5 * MONO_SEC)	/* aid keeps its own deadline */
#define INFO_DEADLINE		(10 * MONO_SEC)
#define LOOK_DEADLINE		(2 * MONO_SEC)	/* somebody waits */

TAILQ_HEAD(ai_calls, ai_call);

struct ai {
	struct sibling		*peer;
	uint8_t			 pub[SECRET_KEY];
	bool			 known;
	struct ai_calls		 calls;
	struct ipc_req		*asked;		/* for its providers */
	struct buf		 names;		/* theirs */
	struct msg_ai_provider	 providers[MSG_AI_PROVIDERS];
	size_t			 nproviders;
};

/* A copy in names, which does not move while it is filled. */
static struct slice
keep(struct ai *ai, struct slice s)
{
	const char *p = (const char *)buf_head(&ai->names) +
	    buf_used(&ai->names);

	buf_put(&ai->names, s.p, s.n);
	return (struct slice){ p, s.n };
}

static void
informed(void *arg, enum err err, struct ipc_msg *msg)
{
	struct ai *ai = arg;
	struct msg_ai_info info;
	size_t i, n = 0;

	ai->asked = NULL;
	if (err != ERR_OK || msg->type != MSG_AI_INFO_REPLY ||
	    !msg_get_ai_info(&msg->in, &info)) {
		log_warn("aid: it does not tell its providers: %s",
		    err_info(err)->name);
		return;
	}
	for (i = 0; i < info.nproviders; i++)
		n += info.providers[i].name.n + info.providers[i].title.n +
		    info.providers[i].model.n;
	buf_clear(&ai->names);
	(void)buf_reserve(&ai->names, n + 1);
	for (i = 0; i < info.nproviders; i++) {
		const struct msg_ai_provider *p = &info.providers[i];

		ai->providers[i] = (struct msg_ai_provider){
		    .name = keep(ai, p->name), .title = keep(ai, p->title),
		    .model = keep(ai, p->model), .needs_key = p->needs_key };
	}
	ai->nproviders = info.nproviders;
}

const struct msg_ai_provider *
ai_provider_at(const struct ai *ai, size_t i)
{
	return ai != NULL && i < ai->nproviders ? &ai->providers[i] : NULL;
}

const struct msg_ai_provider *
ai_provider(const struct ai *ai, struct slice name)
{
	const struct msg_ai_provider *p;
	size_t i;

	for (i = 0; (p = ai_provider_at(ai, i)) != NULL; i++)
		if (slice_same(p->name, name))
			return p;
	return NULL;
}

static void
aid_up(void *arg, const struct msg_hello *hello)
{
	struct ai *ai = arg;

	if (hello->extra.n != sizeof(ai->pub)) {
		log_warn("aid: its hello has no public key");
		return;
	}
	if (ai->known && memcmp(ai->pub, hello->extra.p, SECRET_KEY) != 0)
		log_info("aid: its key pair is another one now");
	memcpy(ai->pub, hello->extra.p, SECRET_KEY);
	ai->known = true;
	ipc_forget(&ai->asked);
	(void)ipc_request(sibling_chan(ai->peer), MSG_AI_INFO, INFO_DEADLINE,
	    informed, ai, &ai->asked);
	sibling_send(ai->peer);
}

/* ---- calls ---- */

/* Of a call that nobody waits for any more there may still be some. */
static bool
on_chunk(void *arg, struct ipc_chan *chan, struct ipc_msg *msg)
{
	struct ai *ai = ipc_data(chan);
	struct msg_ai_chunk m;
	struct ai_call *c;

	if (!msg_get_ai_chunk(&msg->in, &m))
		return false;
	TAILQ_FOREACH(c, &ai->calls, entry)
		if (memcmp(&c->job, &m.job, sizeof(m.job)) == 0)
			break;
	if (c != NULL && c->chunk != NULL)
		c->chunk(c->req, m.text);
	return true;
}

static const struct ipc_handler handlers[] = {
	{ MSG_AI_CHUNK, on_chunk },
};

static void
call_end(struct ai_call *c)
{
	TAILQ_REMOVE(&c->ai->calls, c, entry);
	c->ai = NULL;
}

static struct ai_call *
call_of(const struct ai *ai, const struct req *req)
{
	struct ai_call *c;

	TAILQ_FOREACH(c, &ai->calls, entry)
		if (c->req == req)
			return c;
	fatal("ai: an answer to nobody");
}

static void
on_done(void *arg, enum err err, struct ipc_msg *msg)
{
	struct req *req = arg;
	struct ai_call *c = call_of(req->apid->ai, req);
	struct msg_ai_done done;

	req->ipc = NULL;
	call_end(c);
	if (err == ERR_OK && (msg->type != MSG_AI_DONE ||
	    !msg_get_ai_done(&msg->in, &done)))
		err = ERR_PROTOCOL;
	c->done(req, err, err == ERR_OK ? &done : NULL);
}

static void
call_begin(struct req *req, struct ai_call *c, struct id *job)
{
	id_random(job);
	c->ai = req->apid->ai;
	c->req = req;
	c->job = *job;
	TAILQ_INSERT_TAIL(&c->ai->calls, c, entry);
}

bool
ai_call_start(struct req *req, struct ai_call *c, struct msg_ai_job *job)
{
	struct ai *ai = req->apid->ai;

	if (!ai_up(ai))
		return false;
	call_begin(req, c, &job->call.job);
	msg_put_ai_job(sibling_ask(ai->peer, req, MSG_AI_JOB,
	    job->call.deadline_ms * MONO_MS + CALL_GRACE, on_done), job);
	sibling_send(ai->peer);
	return true;
}

bool
ai_call_test(struct req *req, struct ai_call *c, struct msg_ai_call *test)
{
	struct ai *ai = req->apid->ai;

	if (!ai_up(ai))
		return false;
	call_begin(req, c, &test->job);
	msg_put_ai_test(sibling_ask(ai->peer, req, MSG_AI_TEST,
	    test->deadline_ms * MONO_MS + CALL_GRACE, on_done), test);
	sibling_send(ai->peer);
	return true;
}

void
ai_call_drop(struct ai_call *c)
{
	const struct msg_ai_cancel cancel = { c->job };
	struct ipc_chan *chan;

	if (c->ai == NULL)
		return;
	if (sibling_up(c->ai->peer)) {
		chan = sibling_chan(c->ai->peer);
		msg_put_ai_cancel(ipc_begin(chan, MSG_AI_CANCEL, ERR_OK, 0),
		    &cancel);
		ipc_send(chan);
	}
	ipc_forget(&c->req->ipc);
	call_end(c);
}

struct ai *
ai_new(struct apid *apid)
{
	struct ai *ai = xcalloc(1, sizeof(*ai));
	const struct sibling_config conf = {
		.apid = apid, .socket = "aid.sock", .peer = MSG_AID,
		.handlers = handlers, .nhandlers = nitems(handlers),
		.up = aid_up, .arg = ai,
	};

	TAILQ_INIT(&ai->calls);
	ai->peer = sibling_new(&conf);
	return ai;
}

void
ai_free(struct ai *ai)
{
	if (ai == NULL)
		return;
	ipc_forget(&ai->asked);
	sibling_free(ai->peer);
	buf_free(&ai->names);
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

bool
ai_info(struct req *req, ipc_reply_fn fn)
{
	struct ai *ai = req->apid->ai;

	if (!ai_up(ai))
		return false;
	sibling_ask(ai->peer, req, MSG_AI_INFO, LOOK_DEADLINE, fn);
	sibling_send(ai->peer);
	return true;
}
