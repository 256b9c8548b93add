/*
 * timer: one hierarchical timing wheel per process on one libevent timer.
 * Deadlines are in 10 ms ticks; adding, moving and cancelling are O(1).
 * A timer never fires early and at most one tick late on an idle loop.
 */
#ifndef MAST_TIMER_H
#define MAST_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "mono.h"

struct event_base;
struct timers;

struct timer {
	struct timer	*next, **pprev;		/* pprev NULL: not set */
	uint64_t	 due;			/* tick */
	void		(*fn)(void *arg);
	void		*arg;
};

struct timers *timers_new(struct event_base *);
void timers_free(struct timers *);
/* Zero-initialised storage is a valid unset timer; init sets the callback. */
void timer_init(struct timer *, void (*fn)(void *), void *arg);
/* (Re)arms after delay microseconds (>= 0, rounded up to a tick). A zero
 * delay fires on a later turn of the loop, never from inside the call. */
void timer_set(struct timers *, struct timer *, mono_us delay);
void timer_del(struct timer *);
bool timer_pending(const struct timer *);
/* Runs what is due at now; the loop calls it, tests call it directly. */
void timers_run(struct timers *, mono_us now);

#endif
