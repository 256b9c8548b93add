/*
 * settings: what the database tells every daemon: version counters, asked
 * once a second, and the values of mast.settings when theirs moves.
 */
#ifndef APID_SETTINGS_H
#define APID_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "mono.h"

struct apid;
struct settings;

enum setting {			/* the order of the table in settings.c */
	SETTING_EVENTS_RETENTION_DAYS,
	SETTING_WS_KEEPALIVE_SECS,
	SETTING_SESSION_LIFETIME_HOURS,
	SETTING_MAX_LOGIN_ATTEMPTS,
	SETTING_OFFLINE_THRESHOLD_SECS,
	SETTING_BROADCAST_INTERVAL_MS,
	SETTING__MAX
};

enum settings_version {
	SETTINGS_V_AUTH, SETTINGS_V_SETTINGS, SETTINGS_V_NODES,
	SETTINGS_V_CERTS, SETTINGS_V__MAX
};

struct settings *settings_new(struct apid *);	/* starts polling */
void settings_free(struct settings *);
/* The default until the first poll. */
int64_t settings_get(const struct settings *, enum setting);
/* 0 until the first poll. */
uint64_t settings_version(const struct settings *, enum settings_version);
/* The counters were read within the last five seconds. */
bool settings_fresh(const struct settings *);
/* Asks now: a change that we made ourselves shows sooner. */
void settings_poll(struct settings *);

#endif
