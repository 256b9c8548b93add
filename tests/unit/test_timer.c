/* timer: order, exactness and bounds of the wheel, and its loop timer. */
#include <event2/event.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "timer.h"
#include "xmalloc.h"

struct shot {
	struct timer	 t;
	struct timers	*ts;
	mono_us		 at;		/* when it fired, of the fake clock */
	int		 count;
	struct shot	*other;
};

static mono_us fake;	/* what the tests hand to timers_run */

static void
hit(void *arg)
{
	struct shot *s = arg;

	s->at = fake;
	s->count++;
}

static struct timers *
setup(struct event_base **base_r)
{
	struct timers *ts;

	*base_r = event_base_new();
	ts = timers_new(*base_r);
	fake = mono_now();
	timers_run(ts, fake);
	return ts;
}

static void
teardown(struct timers *ts, struct event_base *base)
{
	timers_free(ts);
	event_base_free(base);
}

#define DAY (86400 * MONO_SEC)

static const mono_us delays[] = {
	1, 9999, 10000, 10001, 50000, 2550000, 2560000, 2570000,
	10 * MONO_SEC, 655 * MONO_SEC, 656 * MONO_SEC, 3600 * MONO_SEC,
	47 * 3600 * MONO_SEC, 3 * DAY, 40 * DAY, 400 * DAY, 600 * DAY,
	3000 * DAY,
};

/* Walks the clock from stop to stop; a timer is never early, never later
 * than a tick and the step. */
START_TEST(exact)
{
	struct event_base	*base;
	struct timers		*ts = setup(&base);
	mono_us			 start = fake, due = start + delays[_i];
	struct shot		 s = { 0 };

	timer_init(&s.t, hit, &s);
	timer_set(ts, &s.t, delays[_i]);
	ck_assert(timer_pending(&s.t));
	while (fake < due - 2 * DAY) {
		fake += DAY;
		timers_run(ts, fake);
		ck_assert_int_eq(s.count, 0);
	}
	fake = due - 1;		/* mono_now ran on since start: never early */
	timers_run(ts, fake);
	ck_assert_int_eq(s.count, 0);
	fake = due + 20 * MONO_MS;
	timers_run(ts, fake);
	ck_assert_int_eq(s.count, 1);
	ck_assert(!timer_pending(&s.t));
	timers_run(ts, fake + 3000 * DAY);
	ck_assert_int_eq(s.count, 1);
	teardown(ts, base);
}
END_TEST

/* Random timers against a plain list of due times. */
START_TEST(random_model)
{
	enum { N = 500 };
	struct event_base	*base;
	struct timers		*ts = setup(&base);
	struct shot		*s = xcalloc(N, sizeof(*s));
	mono_us			*due = xcalloc(N, sizeof(*due)), delay;
	/* The real clock may have run ahead of the fake one when it was set. */
	mono_us			*late = xcalloc(N, sizeof(*late)), ahead;
	int			 i, k, fired = 0;

	srandom(20260329);
	for (i = 0; i < N; i++)
		timer_init(&s[i].t, hit, &s[i]);
	for (k = 0; k < 20000; k++) {
		i = (int)(random() % N);
		switch (random() % 4) {
		case 0:
			timer_del(&s[i].t);
			due[i] = 0;
			break;
		case 1:
			fake += random() % (50 * MONO_MS);
			timers_run(ts, fake);
			break;
		default:
			delay = 1 + random() % ((mono_us)10 <<
			    (random() % 28));
			timer_set(ts, &s[i].t, delay);
			due[i] = fake + delay;
			ahead = mono_now() - fake;
			late[i] = due[i] + (ahead > 0 ? ahead : 0);
			s[i].count = 0;
			break;
		}
		for (i = 0; i < N; i++) {
			if (due[i] == 0) {
				ck_assert_int_eq(s[i].count, 0);
				continue;
			}
			if (s[i].count == 1) {
				ck_assert_int_ge(s[i].at, due[i]);
				s[i].count = 0;
				due[i] = 0;
				fired++;
			} else {
				ck_assert_int_gt(late[i] + 10 * MONO_MS,
				    fake);
			}
		}
	}
	ck_assert_int_gt(fired, 1000);
	teardown(ts, base);
	free(s);
	free(late);
	free(due);
}
END_TEST

static void
again(void *arg)
{
	struct shot *s = arg;

	s->count++;
	timer_set(s->ts, &s->t, 0);
}

static void
kill_other(void *arg)
{
	struct shot *s = arg;

	s->count++;
	timer_del(&s->other->t);
}

START_TEST(zero_is_later)
{
	struct event_base	*base;
	struct timers		*ts = setup(&base);
	struct shot		 s = { .ts = ts };

	timer_init(&s.t, again, &s);
	timer_set(ts, &s.t, 0);
	ck_assert_int_eq(s.count, 0);
	event_base_loop(base, EVLOOP_ONCE);
	ck_assert_int_eq(s.count, 1);	/* again() asked for a later turn */
	event_base_loop(base, EVLOOP_ONCE);
	ck_assert_int_eq(s.count, 2);
	teardown(ts, base);
}
END_TEST

/* Two of one slot, each deletes the other: exactly one fires. */
START_TEST(delete_inside)
{
	static const mono_us	 when[] = { 0, 5000, 100000, 3000000 };
	struct event_base	*base;
	struct timers		*ts = setup(&base);
	struct shot		 a = { 0 }, b = { 0 };

	a.other = &b;
	b.other = &a;
	timer_init(&a.t, kill_other, &a);
	timer_init(&b.t, kill_other, &b);
	fake = (fake / 10000 + 1) * 10000;
	timers_run(ts, fake);
	timer_set(ts, &a.t, when[_i]);
	timer_set(ts, &b.t, when[_i]);
	timers_run(ts, fake + 4 * MONO_SEC);
	ck_assert_int_eq(a.count + b.count, 1);
	teardown(ts, base);
}
END_TEST

static void
order_hit(void *arg)
{
	struct shot *s = arg;

	s->other->count = s->other->count * 10 + s->count;
}

START_TEST(zero_in_order)
{
	struct event_base	*base;
	struct timers		*ts = setup(&base);
	struct shot		 sum = { 0 }, s[3];
	int			 i;

	for (i = 0; i < 3; i++) {
		s[i] = (struct shot){ .other = &sum, .count = i + 1 };
		timer_init(&s[i].t, order_hit, &s[i]);
		timer_set(ts, &s[i].t, 0);
	}
	timers_run(ts, fake);
	ck_assert_int_eq(sum.count, 123);
	teardown(ts, base);
}
END_TEST

/* With the real clock and the loop: on time, and silent when unset. */
START_TEST(real)
{
	struct event_base	*base;
	struct timers		*ts = setup(&base);
	struct shot		 s = { 0 };
	mono_us			 start = mono_now();

	timer_init(&s.t, hit, &s);
	timer_set(ts, &s.t, 30 * MONO_MS);
	event_base_dispatch(base);	/* ends when nothing is pending */
	ck_assert_int_eq(s.count, 1);
	ck_assert_int_ge(mono_now() - start, 30 * MONO_MS);
	ck_assert_int_lt(mono_now() - start, 5 * MONO_SEC);
	ck_assert_int_eq(event_base_get_num_events(base,
	    EVENT_BASE_COUNT_ADDED), 0);
	/* moved to earlier than what the loop waits for */
	timer_set(ts, &s.t, 3600 * MONO_SEC);
	timer_set(ts, &s.t, 20 * MONO_MS);
	event_base_dispatch(base);
	ck_assert_int_eq(s.count, 2);
	teardown(ts, base);
}
END_TEST

START_TEST(freed_wheel)
{
	struct event_base	*base;
	struct timers		*ts = setup(&base);
	struct shot		 s[3];
	int			 i;

	for (i = 0; i < 3; i++) {
		timer_init(&s[i].t, hit, &s[i]);
		timer_set(ts, &s[i].t, i * i * 100 * MONO_SEC);
	}
	timers_free(ts);
	for (i = 0; i < 3; i++)
		ck_assert(!timer_pending(&s[i].t));
	event_base_free(base);
}
END_TEST

int
main(void)
{
	Suite	*s = suite_create("timer");
	TCase	*t = tcase_create("timer");
	SRunner	*sr;
	int	 failed;

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, exact, 0, nitems(delays));
	tcase_add_test(t, random_model);
	tcase_add_test(t, zero_is_later);
	tcase_add_loop_test(t, delete_inside, 0, 4);
	tcase_add_test(t, zero_in_order);
	tcase_add_test(t, real);
	tcase_add_test(t, freed_wheel);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, getenv("CK_TAP_LOG_FILE_NAME") != NULL ?
	    CK_SILENT : CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
