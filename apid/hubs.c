/*
 * hubs: see hubs.h. What is judged are times in the database: while it is
 * away no hub can write there, so it has to have been here for as long as a
 * hub may be silent.
 */
#include <stdlib.h>

#include "apid.h"
#include "db.h"
#include "feed.h"
#include "hubs.h"
#include "log.h"
#include "stmt.h"
#include "timer.h"
#include "xmalloc.h"

#define EVERY		(5 * MONO_SEC)
#define DEADLINE	(4 * MONO_SEC)
#define SETTLED		(20 * MONO_SEC)	/* hubs_lost(): 15 s of silence */

struct hubs {
	struct apid	*apid;
	struct timer	 timer;
	struct db_req	*req;
	mono_us		 since;		/* the database has been here */
};

static void
hubs_looked(void *arg, const struct db_result *res)
{
	struct hubs *h = arg;
	int i;

	h->req = NULL;
	if (db_err(res) != ERR_OK) {
		h->since = mono_now();
		log_debug("hubs: %s", db_message(res));
		return;
	}
	for (i = 0; i < db_rows(res); i++)
		log_event(LOG_HUB_LOST, "hub %s gives no sign of life: its "
		    "%lld nodes are offline", db_cstr(res, i, 0),
		    (long long)db_i64(res, i, 1));
	if (db_rows(res) > 0)
		feed_bell(h->apid->feed);
}

static void
hubs_look(void *arg)
{
	static const struct db_opts opts = { .deadline = DEADLINE };
	struct hubs *h = arg;
	mono_us now = mono_now();

	timer_set(h->apid->timers, &h->timer, EVERY);
	if (!db_up(h->apid->db))
		h->since = now;
	else if (h->req == NULL && now - h->since >= SETTLED)
		db_query(h->apid->db, STMT_HUBS_LOST, NULL, 0, &opts,
		    hubs_looked, h, &h->req);
}

struct hubs *
hubs_new(struct apid *apid)
{
	struct hubs *h = xcalloc(1, sizeof(*h));

	h->apid = apid;
	h->since = mono_now();
	timer_init(&h->timer, hubs_look, h);
	timer_set(apid->timers, &h->timer, EVERY);
	return h;
}

void
hubs_free(struct hubs *h)
{
	if (h == NULL)
		return;
	timer_del(&h->timer);
	db_forget(&h->req);
	free(h);
}
