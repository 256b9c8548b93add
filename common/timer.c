/*
 * timer: four levels of 256 slots, 10 ms, 2.56 s, 11 min and 47 h wide. A
 * timer sits on the level of the highest byte in which its due tick differs
 * from the current one; the slot is that byte. When the wheel's tick reaches
 * the start of a slot of an upper level, the slot's timers move down.
 *
 * Owns one libevent timer, armed for the next slot that is not empty.
 */
#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "timer.h"
#include "xmalloc.h"

#define TICK	(10 * MONO_MS)
#define LEVELS	4
#define SLOTS	256
#define NEVER	UINT64_MAX

struct timers {
	struct event	 ev;
	uint64_t	 tick;		/* all up to here has run */
	mono_us		 now;		/* of the last run */
	uint64_t	 armed;		/* tick the event waits for */
	bool		 running;
	struct timer	*soon;		/* zero delays, newest first */
	struct timer	*slots[LEVELS][SLOTS];
	/* A set bit may be stale: timer_del does not know its wheel. */
	uint64_t	 bits[LEVELS][SLOTS / 64];
};

static void
link_at(struct timer **head, struct timer *t)
{
	t->next = *head;
	t->pprev = head;
	if (t->next != NULL)
		t->next->pprev = &t->next;
	*head = t;
}

void
timer_del(struct timer *t)
{
	if (t->pprev == NULL)
		return;
	*t->pprev = t->next;
	if (t->next != NULL)
		t->next->pprev = t->pprev;
	t->next = NULL;
	t->pprev = NULL;
}

bool
timer_pending(const struct timer *t)
{
	return t->pprev != NULL;
}

void
timer_init(struct timer *t, void (*fn)(void *), void *arg)
{
	memset(t, 0, sizeof(*t));
	t->fn = fn;
	t->arg = arg;
}

static unsigned
byte_of(uint64_t tick, unsigned level)
{
	return (unsigned)(tick >> (8 * level)) & (SLOTS - 1);
}

static void
place(struct timers *ts, struct timer *t)
{
	uint64_t	diff = t->due ^ ts->tick;
	unsigned	level = 0, slot;

	while (level < LEVELS - 1 && diff >> (8 * (level + 1)) != 0)
		level++;
	slot = byte_of(t->due, level);
	/* 497 days away and more: looked at again when the top level wraps */
	if ((t->due - ts->tick) >> (8 * LEVELS) != 0)
		slot = byte_of(ts->tick, level);
	link_at(&ts->slots[level][slot], t);
	ts->bits[level][slot / 64] |= UINT64_C(1) << (slot % 64);
}

/* First slot in use above the current one of this level; -1: none. */
static int
next_slot(struct timers *ts, unsigned level)
{
	unsigned	from = byte_of(ts->tick, level) + 1, w, slot;
	uint64_t	word;

	for (w = from / 64; w < SLOTS / 64; w++) {
		word = ts->bits[level][w];
		if (w == from / 64)
			word &= ~UINT64_C(0) << (from % 64);
		while (word != 0) {
			slot = w * 64 + (unsigned)__builtin_ctzll(word);
			if (ts->slots[level][slot] != NULL)
				return (int)slot;
			ts->bits[level][w] &= ~(UINT64_C(1) << (slot % 64));
			word &= word - 1;
		}
	}
	return -1;
}

/* Slots of the top level below the current one: the year to come. */
static bool
wrapped(struct timers *ts)
{
	unsigned slot, now = byte_of(ts->tick, LEVELS - 1);

	for (slot = 0; slot <= now; slot++)
		if (ts->slots[LEVELS - 1][slot] != NULL)
			return true;
	return false;
}

/* The next tick at which a timer is due or a slot moves down. */
static uint64_t
next_tick(struct timers *ts)
{
	unsigned	level;
	uint64_t	base;
	int		slot;

	for (level = 0; level < LEVELS; level++) {
		slot = next_slot(ts, level);
		if (slot == -1)
			continue;
		base = ts->tick >> (8 * (level + 1)) << (8 * (level + 1));
		return base | (uint64_t)slot << (8 * level);
	}
	if (wrapped(ts))
		return ((ts->tick >> (8 * LEVELS)) + 1) << (8 * LEVELS);
	return NEVER;
}

static void
arm(struct timers *ts, uint64_t tick)
{
	struct timeval	tv = { 0, 0 };
	mono_us		wait;

	if (tick == ts->armed)
		return;
	ts->armed = tick;
	if (tick == NEVER) {
		evtimer_del(&ts->ev);
		return;
	}
	if (tick != 0) {
		/* libevent's clock is coarse and may be a little ahead */
		wait = (mono_us)tick * TICK - mono_now() + MONO_MS;
		if (wait < MONO_MS)
			wait = MONO_MS;
		tv.tv_sec = (time_t)(wait / MONO_SEC);
		tv.tv_usec = (suseconds_t)(wait % MONO_SEC);
	}
	if (evtimer_add(&ts->ev, &tv) == -1)
		fatal("timer: cannot add the event");
}

void
timer_set(struct timers *ts, struct timer *t, mono_us delay)
{
	mono_us now;

	timer_del(t);
	if (delay <= 0) {
		t->due = 0;
		link_at(&ts->soon, t);
		if (!ts->running)
			arm(ts, 0);
		return;
	}
	now = mono_now();
	if (now < ts->now)	/* a test runs ahead of the clock */
		now = ts->now;
	t->due = (uint64_t)((now + delay + TICK - 1) / TICK);
	if (t->due <= ts->tick)
		t->due = ts->tick + 1;
	place(ts, t);
	if (!ts->running && t->due < ts->armed)
		arm(ts, t->due);
}

/* Runs a list taken off the wheel; a callback may delete or set any timer. */
static void
run_list(struct timer *list)
{
	struct timer *t;

	if (list != NULL)
		list->pprev = &list;
	while ((t = list) != NULL) {
		timer_del(t);
		t->fn(t->arg);
	}
}

/* Oldest first, so that what was asked for first happens first. */
static struct timer *
take_soon(struct timers *ts)
{
	struct timer *list = NULL, *t;

	while ((t = ts->soon) != NULL) {
		timer_del(t);
		link_at(&list, t);
	}
	return list;
}

static void
cascade(struct timers *ts, unsigned level)
{
	struct timer	**head, *t, *list;
	unsigned	  slot = byte_of(ts->tick, level);

	head = &ts->slots[level][slot];
	ts->bits[level][slot / 64] &= ~(UINT64_C(1) << (slot % 64));
	list = *head;
	*head = NULL;
	if (list != NULL)
		list->pprev = &list;
	while ((t = list) != NULL) {
		timer_del(t);
		place(ts, t);
	}
}

static void
turn_to(struct timers *ts, uint64_t tick)
{
	struct timer	**head, *list;
	unsigned	  level;

	ts->tick = tick;
	for (level = LEVELS - 1; level > 0; level--)
		if ((tick & ((UINT64_C(1) << (8 * level)) - 1)) == 0)
			cascade(ts, level);
	head = &ts->slots[0][byte_of(tick, 0)];
	list = *head;
	*head = NULL;
	run_list(list);
}

void
timers_run(struct timers *ts, mono_us now)
{
	uint64_t target = (uint64_t)(now / TICK), next;

	ts->running = true;
	if (now > ts->now)
		ts->now = now;
	run_list(take_soon(ts));
	while ((next = next_tick(ts)) <= target)
		turn_to(ts, next);
	if (ts->tick < target)
		ts->tick = target;	/* nothing lies between */
	ts->running = false;
	ts->armed = NEVER - 1;		/* whatever was, is over */
	arm(ts, ts->soon != NULL ? 0 : next);
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct timers *ts = arg;

	timers_run(ts, mono_now());
}

struct timers *
timers_new(struct event_base *base)
{
	struct timers *ts = xcalloc(1, sizeof(*ts));

	ts->now = mono_now();
	ts->tick = (uint64_t)(ts->now / TICK);
	ts->armed = NEVER;
	if (evtimer_assign(&ts->ev, base, on_event, ts) == -1)
		fatal("timer: cannot assign the event");
	return ts;
}

void
timers_free(struct timers *ts)
{
	unsigned level, slot;

	if (ts == NULL)
		return;
	for (level = 0; level < LEVELS; level++)
		for (slot = 0; slot < SLOTS; slot++)
			while (ts->slots[level][slot] != NULL)
				timer_del(ts->slots[level][slot]);
	while (ts->soon != NULL)
		timer_del(ts->soon);
	evtimer_del(&ts->ev);
	free(ts);
}
