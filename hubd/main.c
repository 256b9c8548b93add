/* mastkeeper-hubd: wiring only. The order is the contract of proc.h. */
#include <event2/event.h>

#include "log.h"
#include "msg.h"
#include "proc.h"
#include "xmalloc.h"

#include "hubd.h"
#include "proto.h"
#include "stmt.h"

static void
on_stop(void *arg)
{
	hubd_stop(arg);
}

static void
on_reload(void *arg)
{
	hubd_reload(arg);
}

static const struct proc_ops ops = { on_reload, on_stop };
static const struct proc_extra extras[] = {
	{ "protocol", "print the table of node messages", proto_dump },
	{ "statements", "print every SQL statement", stmt_dump },
	{ "messages", "print the table of messages between daemons",
	  msg_dump },
};

static void
check(int rc, struct buf *err)
{
	if (rc != 0)
		log_exit(rc, "%s", buf_cstr(err));
}

int
main(int argc, char **argv)
{
	const struct conf_table *table = hubd_conf_table();
	struct hubd h = { 0 };
	struct buf err = BUF_INIT;

	log_init("hubd", LOG_L_INFO);
	proc_options(argc, argv, table, &h.conf, extras, nitems(extras),
	    &h.start);
	if (h.start.test) {
		check(hubd_check(&h, &err), &err);
		return 0;
	}
	check(hubd_acquire(&h, &err), &err);
	h.base = event_base_new();
	if (h.base == NULL)
		fatal("no event loop");
	h.proc = proc_new(h.base, &ops, &h);
	check(hubd_fence(&h, &err), &err);
	hubd_start(&h);
	proc_ready(h.proc, "ready");
	log_event(LOG_READY, "ready: hub %s", h.name);
	(void)event_base_dispatch(h.base);

	hubd_free(&h);
	proc_free(h.proc);
	event_base_free(h.base);
	conf_free(table, &h.conf);
	buf_free(&err);
	log_event(LOG_STOPPED, "stopped");
	return 0;
}
