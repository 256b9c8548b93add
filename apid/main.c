/*
 * main: options, configuration, log, acquire, drop, fence, channels, loop.
 * Nothing else happens here.
 */
#include <event2/event.h>
#include <string.h>

#include "acquire.h"
#include "apid.h"
#include "channels.h"
#include "http.h"
#include "log.h"
#include "msg.h"
#include "proc.h"
#include "reload.h"
#include "route.h"
#include "stmt.h"
#include "timer.h"
#include "xmalloc.h"

#define STOP_MS		8000

static const struct proc_extra extras[] = {
	{ "routes", "print every route and its authority", routes_dump },
	{ "statements", "print every SQL statement", stmt_dump },
	{ "messages", "print what the daemons say to each other", msg_dump },
};

static void
on_stop(void *arg)
{
	struct apid *a = arg;

	a->stopping = true;
	proc_stopping(a->proc, STOP_MS);
	http_stop(a->http);
}

static void
on_reload(void *arg)
{
	reload(arg);
}

int
main(int argc, char **argv)
{
	static const struct proc_ops proc_ops = {
		.reload = on_reload, .stop = on_stop,
	};
	const struct conf_table *table = apid_conf_table();
	struct acquired got;
	struct apid a;
	const char *fault;

	memset(&a, 0, sizeof(a));
	proc_options(argc, argv, table, &a.conf, extras, nitems(extras),
	    &a.start);
	if ((fault = apid_conf_fault(&a.conf)) != NULL)
		log_exit(PROC_CONFIG, "%s", fault);
	acquire_secrets(&a);
	if (a.start.test)
		return 0;
	acquire_sockets(&a, &got);
	a.base = event_base_new();
	a.proc = proc_new(a.base, &proc_ops, &a);
	acquire_fence(&a);
	id_random(&a.instance);
	a.started = mono_now();
	a.timers = timers_new(a.base);
	channels_open(&a, &got);
	proc_ready(a.proc, "serving");
	log_event(LOG_READY, "serving on %s", a.conf.listen);
	event_base_dispatch(a.base);
	channels_close(&a);
	conf_free(table, &a.conf);
	log_event(LOG_STOPPED, "stopped");
	return 0;
}
