/* mono: the two clocks and the text form of wall time. */
#include <stdio.h>
#include <time.h>

#include "log.h"
#include "mono.h"

static int64_t
clock_us(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts) == -1)
		fatal("clock %d is missing", (int)clock);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

mono_us
mono_now(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

wall_us
wall_now(void)
{
	return clock_us(CLOCK_REALTIME);
}

wall_us
wall_of(mono_us then)
{
	return wall_now() - (mono_now() - then);
}

static void
rfc3339(wall_us t, char dst[WALL_TEXT], const char *zone)
{
	int64_t		 sec = t / 1000000, us = t % 1000000;
	time_t		 secs;
	char		 frac[8] = "";
	struct tm	 tm;

	if (us < 0) {
		us += 1000000;
		sec--;
	}
	/* RFC 3339 has years 0000 to 9999 only */
	if (sec > INT64_C(253402300799) || sec < INT64_C(-62167219200)) {
		sec = sec < 0 ? INT64_C(-62167219200) : INT64_C(253402300799);
		us = 0;
	}
	secs = (time_t)sec;
	gmtime_r(&secs, &tm);
	if (us % 1000 != 0)
		snprintf(frac, sizeof(frac), ".%06u",
		    (unsigned)us % 1000000);
	else if (us != 0)
		snprintf(frac, sizeof(frac), ".%03u",
		    (unsigned)us / 1000 % 1000);
	snprintf(dst, WALL_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u%s%s",
	    (unsigned)(tm.tm_year + 1900) % 10000,
	    (unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100,
	    (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
	    (unsigned)tm.tm_sec % 100, frac, zone);
}

void
wall_rfc3339(wall_us t, char dst[WALL_TEXT])
{
	rfc3339(t, dst, "Z");
}

void
wall_rfc3339_offset(wall_us t, char dst[WALL_TEXT])
{
	rfc3339(t, dst, "+00:00");
}
