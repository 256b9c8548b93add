/*
 * alarm: gathers what opens and closes alarms: events that carry an
 * error_code, and the conditions that stats name. Within a tick everything
 * about one node, object and code is one entry, so that a storm of events is
 * a few rows; entries are bounded per node and in all. They go to PostgreSQL
 * once a second and wait while it is away. Liveness is not here: a trigger
 * on mast.node_state sees to it.
 */
#ifndef MAST_ALARM_H
#define MAST_ALARM_H

#include <stddef.h>

#include "mono.h"
#include "watch.h"

struct alarms;
struct hubd;
struct node;
struct note;

#define ALARM_SET 64		/* conditions of one node's stats */

struct alarm_set {
	struct watch_condition	v[ALARM_SET];
	size_t			n;
};

struct alarms *alarms_new(struct hubd *);
void alarms_free(struct alarms *);

/* An event on its way to the log, whoever speaks. */
void alarm_note(struct alarms *, const struct note *);
/* All conditions of the node's stats: what is not among them is over. */
void alarm_stats(struct alarms *, const struct node *,
    const struct alarm_set *);

size_t alarm_rows(const struct alarms *);	/* not stored yet */
void alarm_kick(struct alarms *);		/* all of it, now */

#endif
