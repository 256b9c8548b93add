/*
 * serve: aid's two Unix sockets. apid's channel and mastctl's control
 * channel speak the same protocol; the uid decides who is who.
 */
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "aid.h"
#include "ipc.h"
#include "job.h"
#include "json.h"
#include "log.h"
#include "proc.h"
#include "selftest.h"
#include "sock.h"
#include "xmalloc.h"

#define SELFTESTS_MAX	4		/* at once; beyond: ERR_FULL */
#define BACKLOG_MAX	(16u << 20)	/* answers of up to 1 MiB each */
#define CHANS_MAX	16

struct serve_test {
	struct serve	*serve;
	struct ipc_chan	*chan;		/* NULL: it went away meanwhile */
	uint64_t	 id;
	bool		 used;
};

struct serve {
	struct aid		*aid;
	struct ipc		*ipc;
	int			 fd[2];
	struct ipc_uid		 uids[4];
	size_t			 nuids;
	struct serve_test	 tests[SELFTESTS_MAX];
};

static void
serve_status_json(struct aid *aid, struct buf *out)
{
	struct json_w w;
	char instance[ID_TEXT];

	id_text(&aid->instance, instance);
	json_w_init(&w, out);
	json_w_object(&w);
	json_w_key(&w, "daemon");
	json_w_str(&w, "aid");
	json_w_key(&w, "version");
	json_w_str(&w, MAST_VERSION);
	json_w_key(&w, "instance");
	json_w_str(&w, instance);
	json_w_key(&w, "uptime_secs");
	json_w_i64(&w, (mono_now() - aid->started) / MONO_SEC);
	json_w_key(&w, "database");
	json_w_null(&w);
	json_w_key(&w, "landlock_abi");
	json_w_i64(&w, aid->landlock_abi);
	json_w_key(&w, "selftests");
	json_w_u64(&w, aid->selftests);
	jobs_status(aid->jobs, &w);
	json_w_end_object(&w);
}

static bool
serve_on_status(void *arg, struct ipc_chan *chan, struct ipc_msg *msg)
{
	struct serve *s = arg;
	struct buf json = BUF_INIT;
	struct msg_text text;

	if (!msg_done(&msg->in))
		return false;
	serve_status_json(s->aid, &json);
	text.json = (struct slice){ buf_cstr(&json), buf_used(&json) };
	msg_put_text(ipc_begin(chan, MSG_STATUS_REPLY, ERR_OK, msg->id),
	    &text);
	ipc_send(chan);
	buf_free(&json);
	return true;
}

static void
serve_test_done(void *arg, struct buf *json)
{
	struct serve_test *t = arg;
	struct msg_text text;

	t->used = false;
	if (t->chan == NULL)
		return;
	text.json = (struct slice){ buf_cstr(json), buf_used(json) };
	msg_put_text(ipc_begin(t->chan, MSG_SELFTEST_REPLY, ERR_OK, t->id),
	    &text);
	ipc_send(t->chan);
}

static bool
serve_on_selftest(void *arg, struct ipc_chan *chan, struct ipc_msg *msg)
{
	struct serve *s = arg;
	size_t i;

	if (!msg_done(&msg->in))
		return false;
	for (i = 0; i < SELFTESTS_MAX; i++)
		if (!s->tests[i].used)
			break;
	if (i == SELFTESTS_MAX) {
		(void)ipc_begin(chan, MSG_ERROR, ERR_FULL, msg->id);
		ipc_send(chan);
		return true;
	}
	s->tests[i] = (struct serve_test){ s, chan, msg->id, true };
	selftest_run(s->aid, serve_test_done, &s->tests[i]);
	return true;
}

/* The texts of a job lie in the channel's memory: not longer than needed. */
static void
serve_wipe(const uint8_t *from, const struct msg_in *in)
{
	secret_wipe((void *)(uintptr_t)from, (size_t)(in->end - from));
}

static bool
serve_on_job(void *arg, struct ipc_chan *chan, struct ipc_msg *msg)
{
	struct serve *s = arg;
	const uint8_t *from = msg->in.p;
	struct msg_ai_job job;
	bool ok = msg_get_ai_job(&msg->in, &job);

	if (ok)
		jobs_submit(s->aid->jobs, chan, msg->id, &job);
	serve_wipe(from, &msg->in);
	return ok;
}

static bool
serve_on_key_test(void *arg, struct ipc_chan *chan, struct ipc_msg *msg)
{
	struct serve *s = arg;
	struct msg_ai_call test;

	if (!msg_get_ai_test(&msg->in, &test))
		return false;
	jobs_test(s->aid->jobs, chan, msg->id, &test);
	return true;
}

static bool
serve_on_cancel(void *arg, struct ipc_chan *chan, struct ipc_msg *msg)
{
	struct serve *s = arg;
	struct msg_ai_cancel cancel;

	if (!msg_get_ai_cancel(&msg->in, &cancel))
		return false;
	jobs_cancel(s->aid->jobs, chan, &cancel.job);
	return true;
}

static bool
serve_on_reseal(void *arg, struct ipc_chan *chan, struct ipc_msg *msg)
{
	struct serve *s = arg;
	struct msg_ai_sealed m;
	struct buf out = BUF_INIT;

	if (!msg_get_ai_sealed(&msg->in, &m))
		return false;
	if (keyring_reseal(s->aid, m.sealed, &out) == -1)
		buf_clear(&out);
	m.sealed = (struct slice){ buf_cstr(&out), buf_used(&out) };
	msg_put_ai_sealed(ipc_begin(chan, MSG_AI_RESEALED, ERR_OK, msg->id),
	    &m);
	ipc_send(chan);
	buf_free(&out);
	return true;
}

static void
serve_info(struct serve *s, struct ipc_chan *chan, uint64_t id)
{
	struct msg_ai_info info;

	jobs_info(s->aid->jobs, &info);
	msg_put_ai_info(ipc_begin(chan, MSG_AI_INFO_REPLY, ERR_OK, id),
	    &info);
	ipc_send(chan);
}

static bool
serve_on_forget(void *arg, struct ipc_chan *chan, struct ipc_msg *msg)
{
	struct serve *s = arg;

	if (!msg_done(&msg->in))
		return false;
	keyring_forget(s->aid);
	serve_info(s, chan, msg->id);
	return true;
}

static bool
serve_on_info(void *arg, struct ipc_chan *chan, struct ipc_msg *msg)
{
	if (!msg_done(&msg->in))
		return false;
	serve_info(arg, chan, msg->id);
	return true;
}

static void
serve_on_down(void *arg, struct ipc_chan *chan)
{
	struct serve *s = arg;
	size_t i;

	jobs_down(s->aid->jobs, chan);
	for (i = 0; i < SELFTESTS_MAX; i++)
		if (s->tests[i].chan == chan)
			s->tests[i].chan = NULL;
}

static const struct ipc_handler handlers[] = {
	{ MSG_STATUS, serve_on_status },
	{ MSG_SELFTEST, serve_on_selftest },
	{ MSG_AI_JOB, serve_on_job },
	{ MSG_AI_TEST, serve_on_key_test },
	{ MSG_AI_CANCEL, serve_on_cancel },
	{ MSG_AI_INFO, serve_on_info },
	{ MSG_AI_RESEAL, serve_on_reseal },
	{ MSG_AI_FORGET, serve_on_forget },
};

static void
serve_add_uid(struct serve *s, const char *user, unsigned peers)
{
	struct passwd *pw = getpwnam(user);

	if (pw != NULL && s->nuids < nitems(s->uids))
		s->uids[s->nuids++] = (struct ipc_uid){ pw->pw_uid, peers };
}

/* Not started as root: one account plays every part. */
static void
serve_uids(struct serve *s)
{
	const struct conf_suite *c = &s->aid->conf.suite;

	s->uids[s->nuids++] = (struct ipc_uid){ 0, MSG_CTL };
	if (geteuid() != 0 && !proc_own_account(c->user_aid)) {
		s->uids[s->nuids++] = (struct ipc_uid){ geteuid(), MSG_ALL };
		return;
	}
	serve_add_uid(s, c->user_apid, MSG_APID);
	serve_add_uid(s, c->user_ctl, MSG_CTL);
}

struct serve *
serve_acquire(struct aid *aid, int *rc_r, struct buf *err_r)
{
	static const char *const names[][2] = {
		{ "apid", "aid.sock" }, { "control", "aid.ctl" },
	};
	struct serve *s = xcalloc(1, sizeof(*s));
	struct buf path = BUF_INIT;
	size_t i;
	int rc = 0;

	s->aid = aid;
	s->fd[0] = s->fd[1] = -1;
	for (i = 0; i < nitems(names) && rc == 0; i++) {
		buf_clear(&path);
		buf_printf(&path, "unix:%s/%s", aid->conf.suite.run_dir,
		    names[i][1]);
		rc = proc_listen(names[i][0], buf_cstr(&path), 64,
		    &s->fd[i], err_r);
	}
	buf_free(&path);
	if (rc == 0)
		rc = proc_listen_rest(err_r);
	if (rc != 0) {
		*rc_r = rc;
		serve_free(s);
		return NULL;
	}
	serve_uids(s);
	return s;
}

void
serve_start(struct serve *s)
{
	struct aid *aid = s->aid;
	struct ipc_config c = {
		.base = aid->base, .timers = aid->timers, .io = aid->io,
		.self = MSG_AID, .instance = aid->instance, .name = "aid",
		.extra = { (const char *)aid->pubs[0], SECRET_KEY },
		.handlers = handlers, .nhandlers = nitems(handlers),
		.uids = s->uids, .nuids = s->nuids,
		.backlog_max = BACKLOG_MAX, .chans_max = CHANS_MAX,
		.down = serve_on_down, .arg = s,
	};
	size_t i;

	s->ipc = ipc_new(&c);
	for (i = 0; i < nitems(s->fd); i++) {
		if (ipc_listen(s->ipc, s->fd[i]) == -1)
			fatal("cannot listen on a Unix socket");
		s->fd[i] = -1;
	}
}

void
serve_free(struct serve *s)
{
	size_t i;

	if (s == NULL)
		return;
	if (s->ipc != NULL)
		ipc_free(s->ipc);
	for (i = 0; i < nitems(s->fd); i++)
		if (s->fd[i] != -1)
			close(s->fd[i]);
	free(s);
}
