/* settings: one poll a second, one statement, no notification to lose. */
#include <stdlib.h>
#include <string.h>

#include "apid.h"
#include "certs.h"
#include "db.h"
#include "feed.h"
#include "http.h"
#include "log.h"
#include "settings.h"
#include "stmt.h"
#include "str.h"
#include "timer.h"
#include "xmalloc.h"

#define POLL_EVERY	MONO_SEC
#define POLL_DEADLINE	(4 * MONO_SEC)
#define FRESH		(5 * MONO_SEC)

struct settings {
	struct apid	*apid;
	struct timer	 timer;
	struct db_req	*poll, *values;
	mono_us		 polled;		/* start of the last good one */
	mono_us		 asked;
	uint64_t	 versions[SETTINGS_V__MAX];
	uint64_t	 read_at;		/* version of the values */
	int64_t		 v[SETTING__MAX];
};

static const struct { const char *key; int64_t def; } keys[SETTING__MAX] = {
	[SETTING_EVENTS_RETENTION_DAYS] = { "events_retention_days", 30 },
	[SETTING_WS_KEEPALIVE_SECS] = { "ws_keepalive_interval_secs", 15 },
	[SETTING_SESSION_LIFETIME_HOURS] = { "session_lifetime_hours", 24 },
	[SETTING_MAX_LOGIN_ATTEMPTS] = { "max_login_attempts", 5 },
	[SETTING_OFFLINE_THRESHOLD_SECS] = { "node_offline_threshold_secs", 30 },
	[SETTING_BROADCAST_INTERVAL_MS] =
	    { "stats_broadcast_interval_ms", 1000 },
};

static const char *const version_names[SETTINGS_V__MAX] = {
	[SETTINGS_V_AUTH] = "auth", [SETTINGS_V_SETTINGS] = "settings",
	[SETTINGS_V_NODES] = "nodes", [SETTINGS_V_CERTS] = "certs",
};

static void
on_values(void *arg, const struct db_result *res)
{
	struct settings *s = arg;
	int row, k;

	s->values = NULL;
	if (db_err(res) != ERR_OK) {
		s->read_at = 0;		/* again with the next poll */
		return;
	}
	for (row = 0; row < db_rows(res); row++)
		for (k = 0; k < SETTING__MAX; k++)
			if (strcmp(db_cstr(res, row, 0), keys[k].key) == 0)
				s->v[k] = db_i64(res, row, 1);
	feed_settings(s->apid->feed);
	http_open(s->apid->http);
}

static void
on_versions(void *arg, const struct db_result *res)
{
	struct settings *s = arg;
	int row, v;

	s->poll = NULL;
	if (db_err(res) != ERR_OK)
		return;
	for (row = 0; row < db_rows(res); row++)
		for (v = 0; v < SETTINGS_V__MAX; v++)
			if (strcmp(db_cstr(res, row, 0),
			    version_names[v]) == 0)
				s->versions[v] = (uint64_t)db_i64(res, row, 1);
	/* Judged by when it was asked: the answer may have waited. */
	s->polled = s->asked;
	if (s->apid->certs != NULL)
		certs_poll(s->apid->certs, s->versions[SETTINGS_V_CERTS]);
	if (s->read_at == s->versions[SETTINGS_V_SETTINGS] ||
	    s->values != NULL)
		return;
	s->read_at = s->versions[SETTINGS_V_SETTINGS];
	db_query(s->apid->db, STMT_SETTINGS, NULL, 0, NULL, on_values, s,
	    &s->values);
}

void
settings_poll(struct settings *s)
{
	struct db_opts opts = { .deadline = POLL_DEADLINE };

	if (s->poll != NULL || !db_up(s->apid->db))
		return;
	s->asked = mono_now();
	db_query(s->apid->db, STMT_VERSIONS, NULL, 0, &opts, on_versions, s,
	    &s->poll);
}

static void
on_timer(void *arg)
{
	struct settings *s = arg;

	settings_poll(s);
	timer_set(s->apid->timers, &s->timer, s->polled == 0 ?
	    100 * MONO_MS : POLL_EVERY);
}

struct settings *
settings_new(struct apid *a)
{
	struct settings *s = xcalloc(1, sizeof(*s));
	int k;

	s->apid = a;
	for (k = 0; k < SETTING__MAX; k++)
		s->v[k] = keys[k].def;
	timer_init(&s->timer, on_timer, s);
	timer_set(a->timers, &s->timer, 0);
	return s;
}

void
settings_free(struct settings *s)
{
	if (s == NULL)
		return;
	timer_del(&s->timer);
	db_forget(&s->poll);
	db_forget(&s->values);
	free(s);
}

int64_t
settings_get(const struct settings *s, enum setting k)
{
	return s->v[k];
}

uint64_t
settings_version(const struct settings *s, enum settings_version v)
{
	return s->versions[v];
}

bool
settings_fresh(const struct settings *s)
{
	return s->polled != 0 && mono_now() - s->polled < FRESH;
}
