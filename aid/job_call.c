/*
 * job_call: the attempts of a job. Look the name up, call, read the answer;
 * what may pass (429, 5xx, no connection) is tried again with a growing,
 * jittered pause, or after the time that the provider names, as long as the
 * deadline allows and nothing of an answer was passed on.
 */
#include <stdlib.h>
#include <string.h>

#include "job_int.h"
#include "log.h"
#include "resolve.h"
#include "secret.h"
#include "xmalloc.h"

#define LOOKUP_TIME	(60 * MONO_SEC)
#define PAUSE		(500 * MONO_MS)
#define ANSWER_ROOM	32768		/* so that few have to grow */
#define PAUSE_MAX	(8 * MONO_SEC)

struct job_lookup { struct job *job; };	/* NULL: nobody waits */

static void
stop_lookup(struct job *job)
{
	if (job->lookup != NULL)
		job->lookup->job = NULL;
	job->lookup = NULL;
}

void
job_call_stop(struct job *job)
{
	stop_lookup(job);
	timer_del(&job->again);
	fetch_cancel(&job->fetch);
}

/* Half to all of d. */
static mono_us
jitter(mono_us d)
{
	uint32_t r;

	secret_random(&r, sizeof(r));
	return d / 2 + (mono_us)((uint64_t)(d / 2) * (r >> 8) >> 24);
}

static mono_us
pause_for(const struct job *job)
{
	mono_us d = PAUSE;
	unsigned i;

	if (job->answer.retry_after_s != 0)	/* not sooner, hardly later */
		return job->answer.retry_after_s * MONO_SEC +
		    jitter(100 * MONO_MS);
	for (i = 1; i < job->attempts && d < PAUSE_MAX; i++)
		d *= 2;
	return jitter(d < PAUSE_MAX ? d : PAUSE_MAX);
}

static bool
may_pass(enum msg_ai_error e)
{
	return e == MSG_AI_E_RATE || e == MSG_AI_E_OVERLOADED ||
	    e == MSG_AI_E_UNREACHABLE;
}

/* The answer of this attempt is in job->answer. */
static void
attempt_done(struct job *job)
{
	mono_us wait;

	if (!may_pass(job->answer.error) || job->sent > 0 ||
	    job->attempts >= (unsigned)job->jobs->aid->conf.attempts_max) {
		job_end(job);
		return;
	}
	wait = pause_for(job);
	if (mono_now() + wait >= job->deadline) {
		job_end(job);
		return;
	}
	timer_set(job->jobs->aid->timers, &job->again, wait);
}

/* ---- what comes ---- */

static void
on_event(void *arg, struct slice data)
{
	struct job *job = arg;

	if (job->answer.error == MSG_AI_E_NONE && !job->answer.ended)
		job->p->ops->event(data, &job->answer);
}

static bool
on_data(void *arg, const uint8_t *p, size_t n, bool stream)
{
	struct job *job = arg;

	if (!stream || !job->stream) {
		buf_put(&job->body, p, n);
		return true;
	}
	if (!sse_feed(&job->sse, p, n, on_event, job) ||
	    buf_used(&job->answer.text) > MSG_AI_ANSWER_MAX) {
		job->answer.error = MSG_AI_E_TOO_LARGE;
		return false;
	}
	job_chunks(job);
	return job->answer.error == MSG_AI_E_NONE;
}

static struct slice
body_of(const struct job *job)
{
	return (struct slice){ (const char *)job->body.data,
	    job->body.len };
}

static void
judge(struct job *job, const struct fetch_result *r)
{
	struct provider_answer *a = &job->answer;

	if (r->status < 200 || r->status > 299) {
		provider_refused(job->p->ops, r->status, body_of(job), a);
		if (a->retry_after_s == 0)
			a->retry_after_s = r->retry_after_s;
		if (a->error == MSG_AI_E_POLICY)
			job->why = "a redirect is never followed";
	} else if (job->body.len > 0 || !job->stream) {
		job->p->ops->parse(body_of(job), a);
	} else {
		provider_stream_end(a);
	}
	if (a->finish == MSG_AI_F_OK && buf_used(&a->text) == 0)
		a->error = MSG_AI_E_ANSWER;
	/* Not asked for as a stream, or answered as a whole all the same. */
	if (job->stream && a->error == MSG_AI_E_NONE)
		job_chunks(job);
}

static void
on_done(void *arg, const struct fetch_result *r)
{
	static const enum msg_ai_error errors[] = {
		[FETCH_OK] = MSG_AI_E_NONE,
		[FETCH_TIMEOUT] = MSG_AI_E_TIMEOUT,
		[FETCH_UNREACHABLE] = MSG_AI_E_UNREACHABLE,
		[FETCH_CERT] = MSG_AI_E_CERT,
		[FETCH_POLICY] = MSG_AI_E_POLICY,
		[FETCH_TOO_LARGE] = MSG_AI_E_TOO_LARGE,
		[FETCH_STOPPED] = MSG_AI_E_ANSWER,
	};
	struct job *job = arg;

	job->fetch = NULL;
	job->status = r->status;
	if (r->class == FETCH_OK) {
		judge(job, r);
	} else {
		if (job->answer.error == MSG_AI_E_NONE)
			job->answer.error = errors[r->class];
		if (r->class != FETCH_STOPPED) {
			str_copy(job->whybuf, sizeof(job->whybuf), r->why);
			job->why = job->whybuf;
		}
		/* Perhaps it has moved. */
		if (!r->got_data)
			job->p->until = 0;
	}
	attempt_done(job);
}

/* ---- the call ---- */

static void
call(struct job *job)
{
	struct job_provider *p = job->p;
	const char *head[PROVIDER_HEADERS];
	struct buf url = BUF_INIT;
	struct fetch_ask ask = {
		.host = p->url.host, .port = p->url.port,
		.addresses = p->url.literal ? NULL : p->addresses,
		.allow_private = p->private, .head = head,
		.nhead = job->call.nhead,
		.body = { (const char *)job->call.body.data,
		    job->call.body.len },
		/* The job's own timer is first and knows the reason. */
		.total = job->deadline - mono_now() + MONO_SEC,
		.data = on_data, .done = on_done, .arg = job,
	};
	size_t i;

	for (i = 0; i < job->call.nhead; i++)
		head[i] = buf_cstr(&job->call.head[i]);
	buf_printf(&url, "%s%s", p->base, buf_cstr(&job->call.path));
	ask.url = buf_cstr(&url);
	job->attempts++;
	job->jobs->calls++;
	job->fetch = fetch_start(job->jobs->fetch, &ask);
	buf_free(&url);
}

static void
on_name(void *arg, const char *addresses, const char *why)
{
	struct job_lookup *l = arg;
	struct job *job = l->job;

	free(l);
	if (job == NULL)
		return;
	job->lookup = NULL;
	if (addresses != NULL) {
		free(job->p->addresses);
		job->p->addresses = xstrdup(addresses);
		job->p->until = mono_now() + LOOKUP_TIME;
		call(job);
		return;
	}
	job->attempts++;
	job->answer.error = MSG_AI_E_UNREACHABLE;
	str_copy(job->whybuf, sizeof(job->whybuf), why);
	job->why = job->whybuf;
	attempt_done(job);
}

/* Everything of the last attempt goes. */
static void
clean(struct job *job)
{
	provider_answer_wipe(&job->answer);
	sse_wipe(&job->sse);
	secret_buf_free(&job->body);
	buf_reserve(&job->body, ANSWER_ROOM);
	buf_reserve(&job->answer.text, ANSWER_ROOM);
	job->answer.by_tool = job->call.by_tool;
	job->status = 0;
	job->why = NULL;
}

void
job_call_start(struct job *job)
{
	struct job_lookup *l;

	clean(job);
	if (job->p->url.literal || (job->p->addresses != NULL &&
	    mono_now() < job->p->until)) {
		call(job);
		return;
	}
	l = xcalloc(1, sizeof(*l));
	l->job = job;
	job->lookup = l;
	resolve_name(job->jobs->aid->resolve, job->p->url.host, on_name, l);
}
