/* mastkeeper-aid: wiring only. The order is the contract of proc.h. */
#include <stdlib.h>

#include <event2/event.h>

#include "aid.h"
#include "job.h"
#include "log.h"
#include "msg.h"
#include "proc.h"
#include "resolve.h"
#include "stream.h"
#include "timer.h"
#include "xmalloc.h"

#define STOP_MS 2000

static void
on_stop(void *arg)
{
	struct aid *aid = arg;

	log_info("stopping");
	proc_stopping(aid->proc, STOP_MS);
	(void)event_base_loopexit(aid->base, NULL);
}

/* Everything aid reads, it reads at start: a new key pair or new resolvers
 * need a restart, and the fence could not open a file anyway. */
static void
on_reload(void *arg)
{
	(void)arg;
	log_info("reload: nothing to do; restart aid after a change");
}

static const struct proc_ops ops = { on_reload, on_stop };
static const struct proc_extra extras[] = {
	{ "messages", "print the table of messages between daemons",
	  msg_dump },
};

static void
acquire(struct aid *aid)
{
	struct buf err = BUF_INIT;

	if (secret_init() == -1)
		log_exit(PROC_OSERR, "libsodium cannot start");
	if (keyring_load(aid, &err) == -1)
		log_exit(PROC_CONFIG, "%s", buf_cstr(&err));
	aid->resolve = resolve_new(aid->base, aid->conf.resolvers, &err);
	if (aid->resolve == NULL ||
	    (aid->jobs = jobs_new(aid, &err)) == NULL)
		log_exit(PROC_CONFIG, "%s", buf_cstr(&err));
}

int
main(int argc, char **argv)
{
	struct aid aid = { 0 };
	struct buf err = BUF_INIT;
	struct proc_start start;
	int rc;

	log_init("aid", LOG_L_INFO);
	proc_options(argc, argv, aid_conf_table(), &aid.conf, extras,
	    nitems(extras), &start);
	aid.base = event_base_new();
	if (aid.base == NULL)
		fatal("no event loop");
	acquire(&aid);
	if (start.test)
		return 0;
	if ((aid.serve = serve_acquire(&aid, &rc, &err)) == NULL)
		log_exit(rc, "%s", buf_cstr(&err));
	/* The service manager's socket is opened here, not behind the fence. */
	aid.proc = proc_new(aid.base, &ops, &aid);
	fence_close(&aid);

	id_new(&aid.instance);
	aid.started = mono_now();
	aid.timers = timers_new(aid.base);
	aid.io = stream_io_new(aid.base, aid.timers, 0);
	jobs_start(aid.jobs);
	serve_start(aid.serve);
	proc_ready(aid.proc, "ready");
	log_event(LOG_READY, "ready");
	(void)event_base_dispatch(aid.base);

	serve_free(aid.serve);
	jobs_free(aid.jobs);
	resolve_free(aid.resolve);
	stream_io_free(aid.io);
	proc_free(aid.proc);
	timers_free(aid.timers);
	keyring_free(&aid);
	event_base_free(aid.base);
	conf_free(aid_conf_table(), &aid.conf);
	log_event(LOG_STOPPED, "stopped");
	return 0;
}
