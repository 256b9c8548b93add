/* channels: makes every module in the order of who needs whom. */
#include <event2/event.h>
#include <stdlib.h>

#include "acquire.h"
#include "ai.h"
#include "apid.h"
#include "auth.h"
#include "budget.h"
#include "certs.h"
#include "channels.h"
#include "db.h"
#include "feed.h"
#include "http.h"
#include "hub.h"
#include "hubs.h"
#include "log.h"
#include "metrics.h"
#include "proc.h"
#include "pwhash.h"
#include "rate.h"
#include "refusal.h"
#include "relay.h"
#include "secret.h"
#include "dbschema.h"
#include "settings.h"
#include "stmt.h"
#include "stream.h"
#include "timer.h"
#include "xmalloc.h"

#define SCRATCH	65536

/* At the start a wrong schema or role ends us; later it is an outage, because
 * what already runs still answers. */
static void
on_db_state(void *arg, bool up, const char *why)
{
	struct apid *a = arg;
	const char *refusal = a->db != NULL ? db_refusal(a->db) : NULL;

	if (!up && !a->db_was_up && refusal != NULL)
		log_exit(PROC_CONFIG, "database: %s", refusal);
	a->db_was_up |= up;
	if (!up && a->http != NULL)
		http_open(a->http);
	if (up && a->settings != NULL)
		settings_poll(a->settings);
}

static void
open_database(struct apid *a)
{
	struct db_config c = {
		.base = a->base, .timers = a->timers,
		.program = "mastkeeper-apid",
		.conns = (unsigned)a->conf.db_conns, .depth = 32,
		.queue = 4096, .schema_min = SCHEMA_MIN,
		.schema_max = SCHEMA_MAX, .state = on_db_state, .arg = a,
	};
	char *conninfo = xasprintf("%s user=%s", a->conf.suite.database != NULL
	    ? a->conf.suite.database : "", a->conf.suite.user_apid);

	c.conninfo = conninfo;
	c.parts = stmt_parts(&c.nparts);
	a->db = db_new(&c);
	free(conninfo);
}

static void
follow_certs(struct apid *a)
{
	const struct certs_follow f = {
		.db = a->db, .timers = a->timers, .use = STMT_CERT_USE,
		.expiry = STMT_CERT_EXPIRY, .who = &a->instance,
		.name = "apid", .changed = acquire_certs, .arg = a,
	};

	if (a->certs != NULL)
		certs_follow(a->certs, &f);
}

void
channels_open(struct apid *a, struct acquired *got)
{
	struct buf why = BUF_INIT;

	a->io = stream_io_new(a->base, a->timers, SCRATCH);
	open_database(a);
	follow_certs(a);
	a->settings = settings_new(a);
	a->auth = auth_new(a);
	a->refusals = refusal_new();
	a->limited = refusal_new();
	a->budget = budget_new(a);
	a->pwhash = pwhash_new(a->base, (unsigned)a->conf.pwhash_threads);
	a->relay = relay_new(a);
	a->feed = feed_new(a);
	a->hub = hub_new(a);
	a->hubs = hubs_new(a);
	a->ai = ai_new(a);
	a->metrics = metrics_new(a, got->metrics_fd, got->ctl_fd);
	a->http = http_new(a, got->listen_fd, &why);
	if (a->http == NULL)
		log_exit(PROC_CONFIG, "%s", buf_cstr(&why));
}

/* In the order of who points to whom. */
void
channels_close(struct apid *a)
{
	pwhash_free(a->pwhash);
	http_free(a->http);
	relay_free(a->relay);
	metrics_free(a->metrics);
	ai_free(a->ai);
	hubs_free(a->hubs);
	hub_free(a->hub);
	feed_free(a->feed);
	auth_free(a->auth);
	rate_map_free(a->refusals);
	rate_map_free(a->limited);
	budget_free(a->budget);
	settings_free(a->settings);
	certs_free(a->certs);
	db_free(a->db);
	stream_io_free(a->io);
	proc_free(a->proc);
	timers_free(a->timers);
	event_base_free(a->base);
	secret_key_free(a->key);
}
