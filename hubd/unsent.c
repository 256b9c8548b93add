/* unsent: see unsent.h. Owns the list of what is owed, oldest first. */
#include <stdlib.h>
#include <sys/queue.h>

#include "buf.h"
#include "db.h"
#include "log.h"
#include "timer.h"
#include "xmalloc.h"

#include "hub.h"
#include "hubd.h"
#include "node.h"
#include "queue.h"
#include "stmt.h"
#include "unsent.h"

#define ROWS	1000			/* of one statement */
#define AGAIN	MONO_SEC
/* A claim that was under way when its connection broke is over by then. */
#define SETTLE	(60 * MONO_SEC)

struct owed {
	TAILQ_ENTRY(owed)	 link;
	uint64_t		 claim;
	struct id		 command;
	bool			 whole;		/* all of the claim */
	bool			 asked;		/* put back once */
	bool			 going;		/* in the statement */
	mono_us			 since;
};

struct unsent {
	struct hubd		*hub;
	TAILQ_HEAD(, owed)	 list;
	unsigned		 waits;		/* of them, never asked */
	struct db_req		*req;
	struct timer		 timer;
};

static void unsent_put_back(void *);

struct unsent *
unsent_new(struct hubd *h)
{
	struct unsent *u = xcalloc(1, sizeof(*u));

	u->hub = h;
	TAILQ_INIT(&u->list);
	timer_init(&u->timer, unsent_put_back, u);
	return u;
}

static void
unsent_drop(struct unsent *u, struct owed *o)
{
	TAILQ_REMOVE(&u->list, o, link);
	free(o);
}

void
unsent_free(struct unsent *u)
{
	if (u == NULL)
		return;
	timer_del(&u->timer);
	db_forget(&u->req);
	while (!TAILQ_EMPTY(&u->list))
		unsent_drop(u, TAILQ_FIRST(&u->list));
	free(u);
}

bool
unsent_waits(const struct unsent *u)
{
	return u->waits > 0;
}

bool
unsent_any(const struct unsent *u)
{
	return !TAILQ_EMPTY(&u->list);
}

static void
unsent_schedule(struct unsent *u, mono_us wait)
{
	if (u->req == NULL && !TAILQ_EMPTY(&u->list) &&
	    !timer_pending(&u->timer))
		timer_set(u->hub->timers, &u->timer, wait);
}

static struct owed *
unsent_add(struct unsent *u, uint64_t claim)
{
	struct owed *o = xcalloc(1, sizeof(*o));

	o->claim = claim;
	o->since = mono_now();
	u->waits++;
	TAILQ_INSERT_TAIL(&u->list, o, link);
	timer_del(&u->timer);
	unsent_schedule(u, 0);
	return o;
}

void
unsent_claim(struct unsent *u, uint64_t claim)
{
	unsent_add(u, claim)->whole = true;
}

void
unsent_one(struct unsent *u, uint64_t claim, const struct id *command)
{
	unsent_add(u, claim)->command = *command;
}

/* The statement was done for certain. */
static void
unsent_settle(struct unsent *u)
{
	mono_us now = mono_now();
	struct owed *o, *next;

	for (o = TAILQ_FIRST(&u->list); o != NULL; o = next) {
		next = TAILQ_NEXT(o, link);
		if (!o->going)
			continue;
		if (!o->asked)
			u->waits--;
		o->asked = true;
		o->going = false;
		if (!o->whole || now - o->since >= SETTLE)
			unsent_drop(u, o);
	}
}

/* Column: the node of each row that was put back. */
static void
unsent_done(void *arg, const struct db_result *res)
{
	struct unsent *u = arg;
	struct owed *o;
	struct node *n;
	struct id id;
	int i;

	u->req = NULL;
	if (db_err(res) != ERR_OK) {
		log_warn("queue: not put back yet: %s", db_message(res));
		TAILQ_FOREACH(o, &u->list, link)
			o->going = false;
		unsent_schedule(u, AGAIN);
		return;
	}
	unsent_settle(u);
	u->hub->count.commands_put_back += (uint64_t)db_rows(res);
	for (i = 0; i < db_rows(res); i++)
		if (db_id(res, i, 0, &id) == 0 &&
		    (n = node_find(u->hub->nodes, &id)) != NULL)
			queue_ring(n);
	unsent_schedule(u, unsent_waits(u) ? 0 : AGAIN);
	if (!unsent_waits(u))
		queue_go(u->hub->cmds);
}

static void
unsent_put_back(void *arg)
{
	struct unsent *u = arg;
	struct buf cols[2] = { BUF_INIT, BUF_INIT };
	char hub[ID_TEXT];
	struct db_arg args[3];
	unsigned n = 0;
	struct owed *o;

	if (u->req != NULL || TAILQ_EMPTY(&u->list))
		return;
	if (!hub_ready(u->hub->hub)) {
		unsent_schedule(u, AGAIN);
		return;
	}
	db_array_begin(&cols[0]);
	db_array_begin(&cols[1]);
	TAILQ_FOREACH(o, &u->list, link) {
		if (n++ == ROWS)
			break;
		o->going = true;
		db_array_i64(&cols[0], (int64_t)o->claim);
		if (o->whole)
			db_array_text(&cols[1], (struct slice){ NULL, 0 });
		else
			db_array_id(&cols[1], &o->command);
	}
	db_array_end(&cols[0]);
	db_array_end(&cols[1]);
	id_text(&u->hub->id, hub);
	args[0] = db_str(hub);
	args[1] = db_str(buf_cstr(&cols[0]));
	args[2] = db_str(buf_cstr(&cols[1]));
	db_query(u->hub->db, STMT_QUEUE_BACK, args, nitems(args), NULL,
	    unsent_done, u, &u->req);
	buf_free(&cols[0]);
	buf_free(&cols[1]);
}
