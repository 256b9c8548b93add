/*
 * mono: time as types. Monotonic time is for deadlines; wall time only for
 * what people and other machines read. A jump of the wall clock moves no
 * deadline.
 */
#ifndef MAST_MONO_H
#define MAST_MONO_H

#include <stdint.h>

typedef int64_t mono_us;	/* microseconds, CLOCK_MONOTONIC */
typedef int64_t wall_us;	/* microseconds since 1970 UTC */

#define MONO_SEC ((mono_us)1000000)
#define MONO_MS  ((mono_us)1000)

mono_us mono_now(void);
wall_us wall_now(void);
/* What the wall clock, as it stands now, showed then. */
wall_us wall_of(mono_us);
#define WALL_TEXT 36
/* "2026-03-29T11:48:35.123456Z"; fraction of 0, 3 or 6 digits. */
void wall_rfc3339(wall_us, char dst[WALL_TEXT]);
/* The same with "+00:00", as register_ack and auth_ok carry it. */
void wall_rfc3339_offset(wall_us, char dst[WALL_TEXT]);

#endif
