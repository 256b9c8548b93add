/* observe: see observe.h. Owns nothing; the node has its place in time. */
#include <stdint.h>

#include "driver.h"
#include "watch.h"

#include "alarm.h"
#include "history.h"
#include "hubd.h"
#include "node.h"
#include "observe.h"

#define EVERY		(10 * MONO_SEC)
#define TELL_AGAIN	(60 * MONO_SEC)	/* conditions that still stand */

struct look {
	struct hubd		*hub;
	struct node		*node;
	struct alarm_set	 set;
	mono_us			 now;
	wall_us			 wall;
};

static void
condition(void *arg, const struct watch_condition *c)
{
	struct look *l = arg;

	if (l->set.n < ALARM_SET)
		l->set.v[l->set.n++] = *c;
}

static void
sample(void *arg, struct slice object, const struct watch_sample *s)
{
	struct look *l = arg;

	history_sample(l->hub->history, l->node, object, s, l->now, l->wall);
}

static uint64_t
mix(uint64_t sum, struct slice s)
{
	size_t i;

	for (i = 0; i < s.n; i++)	/* FNV-1a */
		sum = (sum ^ (uint8_t)s.p[i]) * 0x100000001b3u;
	return (sum ^ 0x1f) * 0x100000001b3u;
}

/* Not of the messages: they count and measure. */
static uint64_t
sum_of(const struct alarm_set *set)
{
	uint64_t sum = 0xcbf29ce484222325u;
	size_t i;

	for (i = 0; i < set->n; i++) {
		sum = mix(sum, set->v[i].object);
		sum = mix(sum, set->v[i].code);
		sum = mix(sum, set->v[i].severity);
	}
	return sum;
}

static void
tell(struct hubd *h, struct node *n, const struct alarm_set *set,
    mono_us now)
{
	uint64_t sum = sum_of(set);

	/* The first of a session ends what stood before it. */
	if (n->observed.begun && sum == n->observed.sum && (set->n == 0 ||
	    now - n->observed.told < TELL_AGAIN))
		return;
	n->observed.sum = sum;
	n->observed.told = now;
	alarm_stats(h->alarms, n, set);
}

void
observe_stats(struct hubd *h, struct node *n)
{
	struct look l = { .hub = h, .node = n, .now = n->seen };
	const struct watch w = { .arg = &l, .condition = condition,
	    .sample = sample };

	if (n->driver == NULL || n->driver->watch == NULL || !n->has_stats ||
	    (n->observed.begun && l.now - n->observed.at < EVERY))
		return;
	l.wall = wall_now();
	if (n->driver->watch((struct slice){ n->stats, n->stats_len }, &w) ==
	    -1)
		return;
	n->observed.at = l.now;
	history_looked(n, l.now);
	tell(h, n, &l.set, l.now);
	n->observed.begun = true;
}
