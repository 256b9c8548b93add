/*
 * key: changes the keys of the suite, each while everything that it sealed,
 * signed or hashed stays good. One row for each key; a file for each.
 */
#ifndef MAST_CTL_KEY_H
#define MAST_CTL_KEY_H

#include "ctl.h"

struct db_sync;

int key_rotate(struct ctl *, const struct ctl_args *);

/* The rows. */
int key_server(struct ctl *, const struct ctl_args *);
int key_audit(struct ctl *, const struct ctl_args *);

/* No daemon works with the database: CTL_OK, or told. Where no service
 * manager runs them, a key changes only while they are down. */
int key_quiet(struct ctl *, struct db_sync *);
/* Restarts these units where the service manager runs them. */
int key_restart(struct ctl *, const char *const *units);
/* The audit row; details is an object of JSON. */
int key_note(struct ctl *, struct db_sync *, const char *key,
    const char *details);

#endif
