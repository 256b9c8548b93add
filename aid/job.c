/* job: see job.h. Queue, life and end of a job. */
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "ipc.h"
#include "job_int.h"
#include "jscan.h"
#include "log.h"
#include "secret.h"
#include "tls_trust.h"
#include "xmalloc.h"

#define REQUEST_MAX	(256u * 1024)	/* bytes of a request's body */
#define TEST_TOKENS	16u
#define TEST_WORDS	"Answer with the one word: ok"

/* ---- the configuration ---- */

static int
provider_setup(struct jobs *jobs, size_t i, struct buf *err_r)
{
	const struct aid_conf *c = &jobs->aid->conf;
	struct job_provider *p = &jobs->providers[i];
	struct buf why = BUF_INIT;

	p->ops = provider_at(i);
	p->base = c->url[i];
	p->model = c->model[i];
	if (p->base == NULL)
		return 0;	/* switched off */
	if (provider_url_parse(p->base, &p->url, &why) == -1) {
		buf_printf(err_r, "aid.%s_url: %s", p->ops->name,
		    buf_cstr(&why));
		buf_free(&why);
		return -1;
	}
	/* The providers' own hosts are never inside. */
	p->private = c->allow_private &&
	    strcmp(p->base, aid_conf_url(i)) != 0;
	return 0;
}

struct jobs *
jobs_new(struct aid *aid, struct buf *err_r)
{
	const struct aid_conf *c = &aid->conf;
	struct jobs *jobs = xcalloc(1, sizeof(*jobs));
	struct fetch_conf f = {
		.base = aid->base, .connect = c->connect_ms * MONO_MS,
		.first_byte = c->first_byte_ms * MONO_MS,
		.idle = c->idle_ms * MONO_MS,
		.connections = (unsigned)c->calls_max,
	};
	size_t i;

	jobs->aid = aid;
	TAILQ_INIT(&jobs->queue);
	TAILQ_INIT(&jobs->running);
	for (i = 0; i < PROVIDERS; i++)
		if (provider_setup(jobs, i, err_r) == -1)
			goto fail;
	jobs->trust = tls_trust_load(c->ca_file, err_r);
	if (jobs->trust == NULL)
		goto fail;
	f.trust = jobs->trust;
	jobs->fetch = fetch_new(&f, err_r);
	if (jobs->fetch != NULL)
		return jobs;
fail:
	jobs_free(jobs);
	return NULL;
}

void
jobs_start(struct jobs *jobs)
{
	fetch_set_timers(jobs->fetch, jobs->aid->timers);
}

size_t
jobs_ports(const struct jobs *jobs, uint16_t ports[JOBS_PORTS])
{
	size_t i, n = 0;

	for (i = 0; i < PROVIDERS; i++)
		if (jobs->providers[i].base != NULL)
			ports[n++] = jobs->providers[i].url.port;
	return n;
}

static struct job_provider *
find_provider(struct jobs *jobs, struct slice name)
{
	size_t i;

	for (i = 0; i < PROVIDERS; i++)
		if (jobs->providers[i].base != NULL &&
		    slice_eq(name, jobs->providers[i].ops->name))
			return &jobs->providers[i];
	return NULL;
}

static bool
needs_key(const struct jobs *jobs, const struct job_provider *p)
{
	return p->ops->needs_key || (p->ops == &provider_compatible &&
	    jobs->aid->conf.compatible_key);
}

void
jobs_info(const struct jobs *jobs, struct msg_ai_info *m)
{
	const struct job_provider *p;
	size_t i;

	memset(m, 0, sizeof(*m));
	m->pubs = (struct slice){ (const char *)jobs->aid->pubs,
	    jobs->aid->nkeys * SECRET_KEY };
	for (i = 0; i < PROVIDERS; i++) {
		p = &jobs->providers[i];
		if (p->base == NULL)
			continue;
		m->providers[m->nproviders++] = (struct msg_ai_provider){
			slice_of(p->ops->name), slice_of(p->ops->title),
			slice_of(p->model), needs_key(jobs, p),
		};
	}
}

void
jobs_status(const struct jobs *jobs, struct json_w *w)
{
	const struct { const char *name; uint64_t v; } all[] = {
		{ "ai_jobs_queued", jobs->queued },
		{ "ai_jobs_running", jobs->active },
		{ "ai_jobs_done", jobs->done },
		{ "ai_jobs_failed", jobs->failed },
		{ "ai_jobs_refused", jobs->refused },
		{ "ai_calls", jobs->calls },
	};
	size_t i;

	for (i = 0; i < nitems(all); i++) {
		json_w_key(w, all[i].name);
		json_w_u64(w, all[i].v);
	}
}

/* ---- the end ---- */

static void
job_free(struct job *job)
{
	job_call_stop(job);
	timer_del(&job->timer);
	timer_del(&job->again);
	secret_buf_free(&job->key);
	secret_buf_free(&job->body);
	sse_wipe(&job->sse);
	provider_call_wipe(&job->call);
	provider_answer_wipe(&job->answer);
	secret_wipe(job, sizeof(*job));
	free(job);
}

static void pump(struct jobs *);

/* Off its list; its place is free again. */
static void
job_leave(struct job *job)
{
	struct jobs *jobs = job->jobs;

	if (job->p == NULL)
		return;		/* it was never on one */
	if (job->running) {
		TAILQ_REMOVE(&jobs->running, job, entry);
		jobs->active--;
		job->p->active--;
	} else {
		TAILQ_REMOVE(&jobs->queue, job, entry);
		jobs->queued--;
	}
}

static struct slice
slice_buf(const struct buf *b)
{
	if (b->data == NULL)
		return (struct slice){ NULL, 0 };
	return (struct slice){ (const char *)b->data + b->off,
	    b->len - b->off };
}

static void
send_done(struct job *job, const struct buf *detail)
{
	const struct provider_answer *a = &job->answer;
	struct msg_ai_done m = {
		.job = job->id, .finish = (uint8_t)a->finish,
		.error = (uint8_t)a->error, .status = (uint16_t)job->status,
		.attempts = (uint16_t)job->attempts,
		.retry_after_s = a->retry_after_s,
		.took_ms = (uint32_t)((mono_now() - job->since) / MONO_MS),
		.input_tokens = a->input_tokens,
		.output_tokens = a->output_tokens,
		.detail = slice_buf(detail),
	};

	m.model = buf_used(&a->model) > 0 ? slice_buf(&a->model) :
	    slice_of(job->model);
	if (a->error == MSG_AI_E_NONE)
		m.text = slice_buf(&a->text);
	msg_put_ai_done(ipc_begin(job->chan, MSG_AI_DONE, ERR_OK,
	    job->ipc_id), &m);
	ipc_send(job->chan);
}

static void
say(const struct job *job, const struct job_provider *p)
{
	static const char *const finish[] = { "none", "ok", "refusal",
	    "length", "tool" };
	const struct provider_answer *a = &job->answer;
	char id[ID_TEXT];

	id_text(&job->id, id);
	log_info("job %s: request %s: %s %s: %s, status %d, %u calls, "
	    "%lld ms, %llu+%llu tokens", id, job->request_id,
	    p != NULL ? p->ops->name : "-", job->model,
	    a->error != MSG_AI_E_NONE ? msg_ai_error_name(a->error) :
	    finish[a->finish], job->status, job->attempts,
	    (long long)((mono_now() - job->since) / MONO_MS),
	    (unsigned long long)a->input_tokens,
	    (unsigned long long)a->output_tokens);
}

void
job_end(struct job *job)
{
	static const struct provider nobody = { .title = "That provider" };
	struct provider_answer *a = &job->answer;
	struct jobs *jobs = job->jobs;
	struct buf detail = BUF_INIT;

	if (a->error == MSG_AI_E_NONE &&
	    buf_used(&a->text) > MSG_AI_ANSWER_MAX)
		a->error = MSG_AI_E_TOO_LARGE;
	if (a->error != MSG_AI_E_NONE) {
		a->finish = MSG_AI_F_NONE;
		provider_sentence(job->p != NULL ? job->p->ops : &nobody,
		    job->status, a, slice_buf(&job->key), &detail);
		if (job->why != NULL)
			buf_printf(&detail, " Reason: %s.", job->why);
		jobs->failed++;
	} else {
		if (job->test)	/* that it answers at all is the result */
			a->finish = MSG_AI_F_OK;
		jobs->done++;
	}
	job_leave(job);
	say(job, job->p);
	if (job->chan != NULL)
		send_done(job, &detail);
	buf_free(&detail);
	job_free(job);
	pump(jobs);
}

void
job_fail(struct job *job, enum msg_ai_error error, const char *why)
{
	job->answer.error = error;
	if (why != NULL) {
		str_copy(job->whybuf, sizeof(job->whybuf), why);
		job->why = job->whybuf;
	}
	job_end(job);
}

void
job_chunks(struct job *job)
{
	struct slice all = slice_buf(&job->answer.text);
	struct msg_ai_chunk m = { .job = job->id };

	while (job->sent < all.n && job->chan != NULL) {
		m.text.p = all.p + job->sent;
		m.text.n = all.n - job->sent;
		if (m.text.n > MSG_AI_CHUNK_MAX) {
			m.text.n = MSG_AI_CHUNK_MAX;
			while (((unsigned char)m.text.p[m.text.n] & 0xc0) ==
			    0x80)
				m.text.n--;
		}
		msg_put_ai_chunk(ipc_begin(job->chan, MSG_AI_CHUNK, ERR_OK,
		    job->ipc_id), &m);
		ipc_send(job->chan);
		job->sent += m.text.n;
	}
}

/* ---- the queue ---- */

static void
on_deadline(void *arg)
{
	struct job *job = arg;

	job_call_stop(job);
	job_fail(job, MSG_AI_E_TIMEOUT, job->running ?
	    "the deadline of the request has passed" :
	    "the deadline passed while other requests were served");
}

/* Who can run now, in order: one slow provider does not hold up others. */
static void
pump(struct jobs *jobs)
{
	const struct aid_conf *c = &jobs->aid->conf;
	struct job *job, *next;

	for (job = TAILQ_FIRST(&jobs->queue); job != NULL &&
	    jobs->active < (unsigned)c->calls_max; job = next) {
		next = TAILQ_NEXT(job, entry);
		if (job->p->active >= (unsigned)c->calls_each)
			continue;
		TAILQ_REMOVE(&jobs->queue, job, entry);
		jobs->queued--;
		TAILQ_INSERT_TAIL(&jobs->running, job, entry);
		jobs->active++;
		job->p->active++;
		job->running = true;
		timer_set(jobs->aid->timers, &job->again, 0);
	}
}

static void
on_again(void *arg)
{
	job_call_start(arg);
}

static struct job *
job_new(struct jobs *jobs, struct ipc_chan *chan, uint64_t ipc_id,
    const struct id *id)
{
	struct job *job = xcalloc(1, sizeof(*job));

	job->jobs = jobs;
	job->chan = chan;
	job->ipc_id = ipc_id;
	job->id = *id;
	job->since = mono_now();
	timer_init(&job->timer, on_deadline, job);
	timer_init(&job->again, on_again, job);
	return job;
}

static void
copy(char *dst, size_t size, struct slice s)
{
	size_t n = s.n < size ? s.n : size - 1;

	memcpy(dst, s.p != NULL ? s.p : "", n);
	dst[n] = '\0';
}

/* A key goes into a header line: nothing that ends one. */
static bool
key_is_clean(const struct buf *key)
{
	struct slice s = slice_buf(key);
	size_t i;

	for (i = 0; i < s.n; i++)
		if (s.p[i] <= 0x20 || s.p[i] >= 0x7f)
			return false;
	return s.n > 0;
}

/* Error class, with *why_r perhaps; MSG_AI_E_NONE: it can go. */
static enum msg_ai_error
prepare(struct job *job, const struct msg_ai_job *m, const char **why_r)
{
	struct provider_ask ask;

	*why_r = NULL;
	if (m->call.sealed.n > 0 && (keyring_open(job->jobs->aid,
	    m->call.sealed, &job->key) == -1 || !key_is_clean(&job->key)))
		return MSG_AI_E_SEALED;
	if (m->call.sealed.n == 0 && needs_key(job->jobs, job->p)) {
		*why_r = "no key was given for it";
		return MSG_AI_E_KEY;
	}
	if (job->model[0] == '\0') {
		*why_r = "no model was given and none is configured";
		return MSG_AI_E_REQUEST;
	}
	if (m->schema.n > 0 && !jscan_valid(m->schema.p, m->schema.n, NULL)) {
		*why_r = "the schema of the answer is not valid JSON";
		return MSG_AI_E_REQUEST;
	}
	*why_r = guard_check(m, slice_buf(&job->key));
	if (*why_r != NULL)
		return MSG_AI_E_POLICY;
	ask = (struct provider_ask){
		.model = slice_of(job->model), .system = m->system,
		.schema = m->schema, .key = slice_buf(&job->key),
		.messages = m->messages, .nmessages = m->nmessages,
		.max_tokens = m->max_tokens, .stream = job->stream,
	};
	job->p->ops->build(&ask, &job->call);
	if (buf_used(&job->call.body) <= REQUEST_MAX)
		return MSG_AI_E_NONE;
	*why_r = "the request is over 256 KiB";
	return MSG_AI_E_TOO_LARGE;
}

static void
submit(struct job *job, const struct msg_ai_job *m)
{
	struct jobs *jobs = job->jobs;
	struct job_provider *p = find_provider(jobs, m->call.provider);
	enum msg_ai_error e;
	const char *why;

	copy(job->request_id, sizeof(job->request_id), m->call.request_id);
	copy(job->model, sizeof(job->model), m->call.model.n > 0 ||
	    p == NULL ? m->call.model : slice_of(p->model));
	job->stream = (m->flags & MSG_AI_STREAM) != 0;
	job->deadline = job->since + (mono_us)m->call.deadline_ms * MONO_MS;
	if (p == NULL) {
		job_fail(job, MSG_AI_E_PROVIDER, NULL);
		return;
	}
	job->p = p;
	TAILQ_INSERT_TAIL(&jobs->queue, job, entry);
	jobs->queued++;
	if ((e = prepare(job, m, &why)) != MSG_AI_E_NONE) {
		job_fail(job, e, why);
		return;
	}
	timer_set(jobs->aid->timers, &job->timer,
	    job->deadline - job->since);
	pump(jobs);
}

/* Room in the queue, or MSG_ERROR. */
static bool
room(struct jobs *jobs, struct ipc_chan *chan, uint64_t id)
{
	if (jobs->queued < (unsigned)jobs->aid->conf.queue_max)
		return true;
	jobs->refused++;
	(void)ipc_begin(chan, MSG_ERROR, ERR_FULL, id);
	ipc_send(chan);
	return false;
}

void
jobs_submit(struct jobs *jobs, struct ipc_chan *chan, uint64_t id,
    const struct msg_ai_job *m)
{
	if (room(jobs, chan, id))
		submit(job_new(jobs, chan, id, &m->call.job), m);
}

void
jobs_test(struct jobs *jobs, struct ipc_chan *chan, uint64_t id,
    const struct msg_ai_call *t)
{
	struct msg_ai_job m = {
		.call = *t, .max_tokens = TEST_TOKENS, .nmessages = 1,
		.messages = { { MSG_AI_USER, SLICE(TEST_WORDS) } },
	};
	struct job *job;

	if (!room(jobs, chan, id))
		return;
	job = job_new(jobs, chan, id, &t->job);
	job->test = true;
	submit(job, &m);
}

void
jobs_cancel(struct jobs *jobs, const struct ipc_chan *chan,
    const struct id *id)
{
	struct job_list *lists[] = { &jobs->running, &jobs->queue };
	struct job *job;
	size_t i;

	for (i = 0; i < nitems(lists); i++)
		TAILQ_FOREACH(job, lists[i], entry)
			if (job->chan == chan && id_eq(&job->id, id)) {
				job_call_stop(job);
				job_fail(job, MSG_AI_E_CANCELLED, NULL);
				return;
			}
}

void
jobs_down(struct jobs *jobs, const struct ipc_chan *chan)
{
	struct job_list *lists[] = { &jobs->queue, &jobs->running };
	struct job *job, *next;
	size_t i;

	for (i = 0; i < nitems(lists); i++)
		for (job = TAILQ_FIRST(lists[i]); job != NULL; job = next) {
			next = TAILQ_NEXT(job, entry);
			if (job->chan != chan)
				continue;
			job_leave(job);
			job_free(job);
		}
	pump(jobs);
}

void
jobs_free(struct jobs *jobs)
{
	struct job *job;
	size_t i;

	if (jobs == NULL)
		return;
	while ((job = TAILQ_FIRST(&jobs->running)) != NULL ||
	    (job = TAILQ_FIRST(&jobs->queue)) != NULL) {
		job_leave(job);
		job_free(job);
	}
	fetch_free(jobs->fetch);
	tls_trust_free(jobs->trust);
	for (i = 0; i < PROVIDERS; i++)
		free(jobs->providers[i].addresses);
	free(jobs);
}
