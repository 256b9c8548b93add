/* watch: the table of metrics. Pure. */
#include <stddef.h>

#include "jscan.h"
#include "watch.h"
#include "xmalloc.h"

static const struct {
	const char	*name, *unit;
	bool		 counter;
} metrics[] = {
	[WATCH_BITRATE] = { "bitrate", "bit/s", false },
	[WATCH_BITRATE_OUT] = { "bitrate_out", "bit/s", false },
	[WATCH_LOST] = { "packets_lost", "1/s", true },
	[WATCH_RTT] = { "rtt", "ms", false },
	[WATCH_CPU] = { "cpu", "%", false },
	[WATCH_RAM] = { "ram", "%", false },
	[WATCH_P1] = { "tr101290_p1", "1/s", true },
	[WATCH_P2] = { "tr101290_p2", "1/s", true },
	[WATCH_ACTIVE] = { "active", "1", false },
	[WATCH_PEERS] = { "peers", "1", false },
};

_Static_assert(nitems(metrics) == WATCH__MAX, "a metric has no name");
_Static_assert(WATCH__MAX <= 32, "has is 32 bits");

const char *
watch_name(unsigned m)
{
	return m < WATCH__MAX ? metrics[m].name : NULL;
}

const char *
watch_unit(unsigned m)
{
	return m < WATCH__MAX ? metrics[m].unit : NULL;
}

bool
watch_counter(unsigned m)
{
	return m < WATCH__MAX && metrics[m].counter;
}

unsigned
watch_find(struct slice name)
{
	unsigned m;

	for (m = 0; m < WATCH__MAX; m++)
		if (slice_eq(name, metrics[m].name))
			break;
	return m;
}

void
watch_set(struct watch_sample *s, unsigned m, struct slice number)
{
	double v;

	if (jscan_double(number, &v) != 0)
		return;
	s->has |= 1u << m;
	s->v[m] = v;
}

void
watch_add(struct watch_sample *s, unsigned m, struct slice number)
{
	double before = s->has & 1u << m ? s->v[m] : 0;

	watch_set(s, m, number);
	if (s->has & 1u << m)
		s->v[m] += before;
}
