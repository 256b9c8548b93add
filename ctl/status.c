/*
 * status: one IPC channel to each daemon's control socket on a small loop of
 * its own, all at once, with one deadline.
 */
#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc.h"
#include "json.h"
#include "out.h"
#include "service.h"
#include "status.h"
#include "str.h"
#include "stream.h"
#include "talk.h"
#include "timer.h"
#include "xmalloc.h"

#define DEADLINE (2 * MONO_SEC)

static const struct {
	const char	*name;
	enum msg_peer	 peer;
} daemons[STATUS_DAEMONS] = {
	{ "apid", MSG_APID }, { "hubd", MSG_HUBD }, { "aid", MSG_AID },
};

struct asked {
	struct ask		*ask;
	struct status_answer	*answer;
	struct ipc_chan		*chan;
	struct ipc_req		*req;
	bool			 done;
};

struct ask {
	struct event_base	*base;
	struct timers		*timers;
	struct stream_io	*io;
	struct ipc		*ipc;
	struct timer		 deadline;
	struct asked		 v[STATUS_DAEMONS];
};

static void
expired(void *arg)
{
	struct ask *ask = arg;

	event_base_loopbreak(ask->base);
}

static void
finished(struct asked *a)
{
	size_t i;

	a->done = true;
	for (i = 0; i < STATUS_DAEMONS; i++)
		if (!a->ask->v[i].done)
			return;
	event_base_loopbreak(a->ask->base);
}

static void
replied(void *arg, enum err err, struct ipc_msg *msg)
{
	struct asked *a = arg;
	struct msg_text text;

	a->req = NULL;
	if (err == ERR_OK && msg != NULL && msg_get_text(&msg->in, &text) &&
	    msg_done(&msg->in))
		a->answer->json = xstrndup(text.json.p, text.json.n);
	finished(a);
}

static void
channel_up(void *arg, struct ipc_chan *chan, const struct msg_hello *hello)
{
	struct ask *ask = arg;
	size_t i;

	(void)hello;
	for (i = 0; i < STATUS_DAEMONS; i++) {
		if (ask->v[i].chan != chan || ask->v[i].done ||
		    ask->v[i].req != NULL)
			continue;
		ipc_request(chan, MSG_STATUS, DEADLINE, replied, &ask->v[i],
		    &ask->v[i].req);
		ipc_send(chan);
	}
}

static void
ask_begin(struct ask *ask, struct ctl *ctl, struct status_answer *out)
{
	struct ipc_config cfg = { 0 };
	char *path;
	size_t i;

	ask->base = event_base_new();
	ask->timers = timers_new(ask->base);
	ask->io = stream_io_new(ask->base, ask->timers, 65536);
	cfg.base = ask->base;
	cfg.timers = ask->timers;
	cfg.io = ask->io;
	cfg.self = MSG_CTL;
	id_new(&cfg.instance);
	cfg.name = "mastctl";
	cfg.backlog_max = 1024 * 1024;
	cfg.chans_max = STATUS_DAEMONS;
	cfg.up = channel_up;
	cfg.arg = ask;
	ask->ipc = ipc_new(&cfg);
	for (i = 0; i < STATUS_DAEMONS; i++) {
		ask->v[i].ask = ask;
		ask->v[i].answer = &out[i];
		path = xasprintf("%s/%s.ctl", ctl->conf.suite.run_dir,
		    daemons[i].name);
		if (talk_listening(path))
			ask->v[i].chan = ipc_connect(ask->ipc, path,
			    daemons[i].peer);
		else
			ask->v[i].done = true;
		free(path);
	}
}

void
status_ask(struct ctl *ctl, struct status_answer out[STATUS_DAEMONS])
{
	struct ask ask;
	bool any = false;
	size_t i;

	memset(&ask, 0, sizeof(ask));
	for (i = 0; i < STATUS_DAEMONS; i++) {
		out[i].name = daemons[i].name;
		out[i].json = NULL;
	}
	ask_begin(&ask, ctl, out);
	for (i = 0; i < STATUS_DAEMONS; i++)
		any = any || !ask.v[i].done;
	if (any) {
		timer_init(&ask.deadline, expired, &ask);
		timer_set(ask.timers, &ask.deadline, DEADLINE);
		event_base_dispatch(ask.base);
	}
	for (i = 0; i < STATUS_DAEMONS; i++)	/* aid is a package apart */
		out[i].absent = daemons[i].peer == MSG_AID &&
		    out[i].json == NULL && !service_installed(out[i].name);
	timer_del(&ask.deadline);
	for (i = 0; i < STATUS_DAEMONS; i++)
		if (ask.v[i].req != NULL)
			ipc_forget(&ask.v[i].req);
	ipc_free(ask.ipc);
	stream_io_free(ask.io);
	timers_free(ask.timers);
	event_base_free(ask.base);
}

void
status_free(struct status_answer out[STATUS_DAEMONS])
{
	size_t i;

	for (i = 0; i < STATUS_DAEMONS; i++)
		free(out[i].json);
}

/* A member of the flat answer as people read it. */
static void
member(const char *json, const char *key, char *dst, size_t size)
{
	struct slice raw;

	str_copy(dst, size, "-");
	if (json == NULL || !json_member(json, strlen(json), key, &raw))
		return;
	if (raw.n >= 2 && raw.p[0] == '"') {
		raw.p++;
		raw.n -= 2;
	}
	snprintf(dst, size, "%.*s", (int)raw.n, raw.p);
}

static void
print_table(const struct status_answer *v)
{
	char version[32], uptime[32], database[16];
	size_t i;

	printf("%-8s%-14s%-12s%-12s%s\n", "DAEMON", "STATE", "VERSION",
	    "UPTIME", "DATABASE");
	for (i = 0; i < STATUS_DAEMONS; i++) {
		member(v[i].json, "version", version, sizeof(version));
		member(v[i].json, "uptime_secs", uptime, sizeof(uptime));
		member(v[i].json, "database", database, sizeof(database));
		printf("%-8s%-14s%-12s%-12s%s\n", v[i].name,
		    v[i].json ? "running" : v[i].absent ? "not installed" :
		    "not running", version, uptime,
		    strcmp(database, "true") == 0 ? "connected" :
		    strcmp(database, "false") == 0 ? "away" : "-");
	}
}

static void
print_json(const struct status_answer *v, int running)
{
	struct buf b = BUF_INIT;
	struct json_w w;
	size_t i;

	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "running");
	json_w_i64(&w, running);
	json_w_key(&w, "daemons");
	json_w_object(&w);
	for (i = 0; i < STATUS_DAEMONS; i++) {
		json_w_key(&w, v[i].name);
		if (v[i].json != NULL)
			json_w_raw(&w, slice_of(v[i].json));
		else
			json_w_null(&w);
	}
	json_w_end_object(&w);
	json_w_end_object(&w);
	out_json(&b);
}

int
status_run(struct ctl *ctl, const struct ctl_args *args)
{
	struct status_answer v[STATUS_DAEMONS];
	int running = 0, wanted = 0;
	size_t i;

	(void)args;
	status_ask(ctl, v);
	for (i = 0; i < STATUS_DAEMONS; i++) {
		running += v[i].json != NULL;
		wanted += !v[i].absent;
	}
	if (ctl->json)
		print_json(v, running);
	else
		print_table(v);
	status_free(v);
	if (running == wanted)
		return CTL_OK;
	return running == 0 ? CTL_NOT_RUNNING : CTL_PARTIAL;
}
