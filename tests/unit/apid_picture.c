/* The feed's table of nodes: what wins, what is written, what is bounded. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../../apid/picture.h"
#include "jscan.h"
#include "json.h"
#include "secret.h"
#include "xmalloc.h"

#define STATS "{\"active_flows\":1,\"flows\":[{\"flow_id\":\"a\"}]," \
    "\"total_flows\":1,\"tunnels\":[{\"id\":\"t\"}],\"uptime_secs\":5}"

static struct id
id_of(unsigned n)
{
	struct id id = { { 0 } };

	memcpy(id.b, &n, sizeof(n));
	return id;
}

static struct msg_node_state
state(unsigned n, uint64_t epoch, uint64_t seq)
{
	return (struct msg_node_state){
		.node = id_of(n), .epoch = epoch, .seq = seq,
		.connected_us = 1000000, .seen_us = 2000000, .protocol = 4,
		.has_stats = 1, .name = SLICE("na\"me"),
		.device_type = SLICE("edge"), .version = SLICE("1.0"),
		.nmetrics = 6, .metrics = { 1, 1, 0, 1, 800, 5 },
		.health = SLICE("{\"status\":\"ok\"}"),
		.stats = SLICE(STATS),
	};
}

static char *
written(const struct picture_node *node)
{
	struct buf b = BUF_INIT;

	picture_write(node, 9500000, &b);
	ck_assert(jscan_valid((const char *)buf_head(&b), buf_used(&b),
	    NULL));
	return buf_steal(&b, NULL);
}

static void
want_member(const char *text, const char *key, const char *raw)
{
	struct slice got;

	ck_assert_msg(json_member(text, strlen(text), key, &got), "%s", key);
	ck_assert_msg(slice_eq(got, raw), "%s: %.*s", key, (int)got.n, got.p);
}

START_TEST(form)
{
	struct picture *pic = picture_new(10, 10000);
	struct msg_node_state m = state(1, 1, 1);
	struct slice dm;
	char *text;

	ck_assert_int_eq(picture_put(pic, &m, true), PICTURE_CHANGED);
	text = written(picture_at(pic, 0));
	want_member(text, "name", "\"na\\\"me\"");
	want_member(text, "status", "\"online\"");
	want_member(text, "stats", STATS);
	want_member(text, "health", "{\"status\":\"ok\"}");
	want_member(text, "software_version", "\"1.0\"");
	want_member(text, "protocol_version", "4");
	want_member(text, "uptime_secs", "8");
	want_member(text, "last_seen_at", "\"1970-01-01T00:00:02Z\"");
	ck_assert(json_member(text, strlen(text), "driver_metrics", &dm));
	ck_assert_ptr_nonnull(strstr(dm.p,
	    "[{\"flow_id\":\"a\"},{\"id\":\"t\"}]"));
	free(text);
	picture_free(pic);
}
END_TEST

START_TEST(nothing_known)
{
	struct picture *pic = picture_new(10, 10000);
	struct msg_node_state m = state(1, 1, 1);
	struct slice got;
	char *text;

	m.protocol = -1;
	m.has_stats = 0;
	m.version = m.health = m.stats = (struct slice){ NULL, 0 };
	m.device_type = SLICE("toaster");
	m.connected_us = 99000000;	/* the clock went back */
	ck_assert_int_eq(picture_put(pic, &m, true), PICTURE_CHANGED);
	text = written(picture_at(pic, 0));
	want_member(text, "stats", "null");
	want_member(text, "health", "null");
	want_member(text, "software_version", "null");
	want_member(text, "protocol_version", "null");
	want_member(text, "uptime_secs", "0");
	ck_assert(!json_member(text, strlen(text), "driver_metrics", &got));
	free(text);
	picture_free(pic);
}
END_TEST

/* The second message after the first: (epoch 5, seq 5). */
static const struct {
	uint64_t epoch, seq;
	enum picture_did did;
} orders[] = {
	{ 5, 5, PICTURE_CHANGED }, { 5, 6, PICTURE_CHANGED },
	{ 5, 4, PICTURE_OLD }, { 4, 9, PICTURE_OLD },
	{ 6, 1, PICTURE_CHANGED },
};

START_TEST(newest_wins)
{
	struct picture *pic = picture_new(10, 10000);
	struct msg_node_state m = state(1, 5, 5);

	picture_put(pic, &m, true);
	m = state(1, orders[_i].epoch, orders[_i].seq);
	m.name = SLICE("second");
	ck_assert_int_eq(picture_put(pic, &m, true), orders[_i].did);
	ck_assert_uint_eq(picture_count(pic), 1);
	ck_assert_int_eq(strstr(picture_at(pic, 0)->head, "second") != NULL,
	    orders[_i].did == PICTURE_CHANGED);
	picture_free(pic);
}
END_TEST

START_TEST(gone_of_another_session)
{
	struct picture *pic = picture_new(10, 10000);
	struct msg_node_state m = state(1, 5, 5);
	struct msg_node_gone old = { id_of(1), 4 }, own = { id_of(1), 5 };

	picture_put(pic, &m, true);
	ck_assert(!picture_remove(pic, &old));
	ck_assert_uint_eq(picture_count(pic), 1);
	ck_assert(picture_remove(pic, &own));
	ck_assert(!picture_remove(pic, &own));
	ck_assert_uint_eq(picture_count(pic), 0);
	ck_assert_uint_eq(picture_bytes(pic), 0);
	picture_free(pic);
}
END_TEST

START_TEST(stats_kept_and_dropped)
{
	struct picture *pic = picture_new(10, 10000);
	struct msg_node_state m = state(1, 1, 1);
	const struct picture_node *node;

	picture_put(pic, &m, false);
	node = picture_at(pic, 0);
	ck_assert_ptr_null(node->stats);	/* nobody watches */
	picture_put(pic, &m, true);
	ck_assert_ptr_nonnull(node->stats);
	m.stats = (struct slice){ NULL, 0 };
	m.seq = 2;
	picture_put(pic, &m, true);	/* only the health is new */
	ck_assert_ptr_nonnull(node->stats);
	m.epoch = 2;			/* another session has its own */
	picture_put(pic, &m, true);
	ck_assert_ptr_null(node->stats);
	m = state(1, 2, 3);
	picture_put(pic, &m, true);
	picture_drop_stats(pic, NULL, NULL);
	ck_assert_ptr_null(node->stats);
	ck_assert_uint_eq(node->items[0].n, 0);
	picture_free(pic);
}
END_TEST

START_TEST(bounds)
{
	struct picture *pic = picture_new(3, strlen(STATS) + 100);
	struct msg_node_state m;
	unsigned i;

	for (i = 0; i < 5; i++) {
		m = state(i, 1, 1);
		ck_assert_int_eq(picture_put(pic, &m, true),
		    i < 3 ? PICTURE_CHANGED : PICTURE_FULL);
	}
	ck_assert_uint_eq(picture_count(pic), 3);
	/* The second node's stats would pass the cap: it is there without. */
	ck_assert_ptr_nonnull(picture_at(pic, 0)->stats);
	ck_assert_ptr_null(picture_at(pic, 1)->stats);
	picture_free(pic);
}
END_TEST

/* Whoever holds a number finds what changed after it, and who left. */
START_TEST(since)
{
	struct picture *pic = picture_new(100, 1 << 20);
	struct picture_node *node;
	struct msg_node_state m;
	struct msg_node_gone gone = { id_of(3), 1 };
	uint64_t mark, before;
	unsigned i;

	ck_assert_ptr_null(picture_after(pic, 0));
	for (i = 0; i < 5; i++) {
		m = state(i, 1, 1);
		picture_put(pic, &m, true);
	}
	mark = picture_change(pic);
	ck_assert_ptr_null(picture_after(pic, mark));
	ck_assert_ptr_null(picture_gone_at(pic, picture_gone(pic, 0), mark));
	m = state(1, 1, 2);
	m.metrics[0] = 7;
	picture_put(pic, &m, true);
	picture_remove(pic, &gone);
	node = picture_after(pic, mark);
	ck_assert(id_eq(&node->id, &m.node));
	ck_assert_ptr_null(picture_next(node));
	/* Of the parts only the numbers are new. */
	ck_assert(node->numbers_at > mark && node->status_at <= mark);
	ck_assert(node->stats_at <= mark && node->health_at <= mark);
	before = picture_change(pic) - 1;
	ck_assert(id_eq(picture_gone_at(pic, picture_gone(pic, mark),
	    picture_change(pic)), &gone.node));
	ck_assert_ptr_null(picture_gone_at(pic, picture_gone(pic, mark),
	    before));
	ck_assert_ptr_null(picture_gone_at(pic, picture_gone(pic,
	    picture_change(pic)), picture_change(pic)));
	picture_free(pic);
}
END_TEST

START_TEST(departures_are_bounded)
{
	struct picture *pic = picture_new(10, 1 << 20);
	struct msg_node_state m = state(1, 1, 1);
	struct msg_node_gone gone = { m.node, 1 };
	uint64_t place, n = 0;
	unsigned i;

	for (i = 0; i < PICTURE_GONE + 10; i++) {
		picture_put(pic, &m, true);
		picture_remove(pic, &gone);
	}
	/* A put and a removal each; the first ten are forgotten. */
	ck_assert_uint_eq(picture_floor(pic), 20);
	place = picture_gone(pic, picture_floor(pic));
	while (picture_gone_at(pic, place++, UINT64_MAX) != NULL)
		n++;
	ck_assert_uint_eq(n, PICTURE_GONE);
	picture_free(pic);
}
END_TEST

/* A new session begins with all of its parts, told or not. */
START_TEST(parts_of_a_session)
{
	struct picture *pic = picture_new(10, 1 << 20);
	struct msg_node_state m = state(1, 1, 1);
	struct picture_node *node;
	struct slice numbers;
	uint64_t mark;

	picture_put(pic, &m, true);
	mark = picture_change(pic);
	m = state(1, 2, 1);
	m.has_stats = 0;
	m.stats = m.health = (struct slice){ NULL, 0 };
	picture_put(pic, &m, true);
	node = picture_find(pic, &m.node);
	ck_assert(node->status_at > mark && node->numbers_at > mark);
	ck_assert(node->stats_at > mark && node->health_at > mark);
	ck_assert_ptr_null(node->health);
	numbers = picture_numbers(node);
	ck_assert(numbers.n > 15 && memcmp(numbers.p + numbers.n - 15,
	    ",\"metrics\":null", 15) == 0);
	/* The same health again, or none, is no change. */
	m.health = SLICE("{\"a\":1}");
	picture_put(pic, &m, true);
	mark = picture_change(pic);
	picture_put(pic, &m, true);
	m.health = (struct slice){ NULL, 0 };
	picture_put(pic, &m, true);
	ck_assert_uint_eq(node->nhealth, 7);
	ck_assert(node->health_at <= mark && node->status_at <= mark);
	picture_free(pic);
}
END_TEST

START_TEST(snapshot)
{
	struct picture *pic = picture_new(1000, 1 << 20);
	struct msg_node_state m;
	struct id id;
	unsigned i;

	for (i = 0; i < 500; i++) {
		m = state(i, 1, 1);
		picture_put(pic, &m, true);
	}
	picture_begin(pic);
	for (i = 0; i < 500; i += 5) {
		m = state(i, 1, 1);
		picture_put(pic, &m, true);
	}
	ck_assert_uint_eq(picture_end(pic), 400);
	ck_assert_uint_eq(picture_count(pic), 100);
	for (i = 0; i < 500; i++) {
		id = id_of(i);
		ck_assert_int_eq(picture_find(pic, &id) != NULL, i % 5 == 0);
	}
	picture_clear(pic);
	ck_assert_uint_eq(picture_bytes(pic), 0);
	picture_free(pic);
}
END_TEST

int
main(void)
{
	Suite	*s = suite_create("picture");
	TCase	*tc = tcase_create("picture");
	SRunner	*sr;
	int	 failed;

	if (secret_init() == -1)
		return 99;
	tcase_add_test(tc, form);
	tcase_add_test(tc, nothing_known);
	tcase_add_loop_test(tc, newest_wins, 0, (int)nitems(orders));
	tcase_add_test(tc, gone_of_another_session);
	tcase_add_test(tc, stats_kept_and_dropped);
	tcase_add_test(tc, bounds);
	tcase_add_test(tc, since);
	tcase_add_test(tc, departures_are_bounded);
	tcase_add_test(tc, parts_of_a_session);
	tcase_add_test(tc, snapshot);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
