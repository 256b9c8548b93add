/* What drivers tell of stats: numbers and conditions, of samples and of odd
 * texts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "buf.h"
#include "driver.h"
#include "json.h"
#include "watch.h"
#include "xmalloc.h"

static void
sample(void *arg, struct slice object, const struct watch_sample *s)
{
	struct buf *b = arg;
	unsigned m;

	buf_printf(b, "%.*s[", (int)object.n, object.p);
	for (m = 0; m < WATCH__MAX; m++)
		if (s->has & 1u << m)
			buf_printf(b, " %s=%.10g", watch_name(m), s->v[m]);
	buf_puts(b, " ]\n");
}

static void
condition(void *arg, const struct watch_condition *c)
{
	buf_printf(arg, "%.*s!%.*s %.*s: %.*s\n", (int)c->object.n,
	    c->object.p, (int)c->code.n, c->code.p, (int)c->severity.n,
	    c->severity.p, (int)c->message.n, c->message.p);
}

static const struct {
	const char	*type, *stats, *want;
} texts[] = {
	{ "edge", "{}", "" },
	{ "edge", "{\"flows\":[]}", "[ active=0 ]\n" },
	{ "edge", "{\"flows\":null,\"tunnels\":7,\"system_resources\":[1]}",
	  "[ active=0 ]\n" },
	{ "edge", "{\"system_resources\":{\"cpu_percent\":12.4,"
	  "\"ram_percent\":\"x\"}}", "[ cpu=12.4 ]\n" },
	{ "edge", "{\"flows\":[7,{\"flow_id\":\"a\",\"state\":\"Idle\","
	  "\"health\":\"Healthy\",\"input\":{\"bitrate_bps\":0}},"
	  "{\"state\":\"RUNNING\"},"
	  "{\"flow_id\":\"b\",\"state\":\"running\",\"input\":"
	  "{\"bitrate_bps\":5,\"packets_lost\":9,\"srt_stats\":{\"rtt_ms\":"
	  "2.5}},\"outputs\":[{\"bitrate_bps\":1},null,{\"bitrate_bps\":2}],"
	  "\"tr101290\":{\"cc_errors\":3,\"pat_errors\":4,"
	  "\"pcr_accuracy_errors\":5}}]}",
	  "b[ bitrate=5 bitrate_out=3 packets_lost=9 rtt=2.5 tr101290_p1=7"
	  " tr101290_p2=5 ]\n[ active=2 ]\n" },
	{ "edge", "{\"flows\":[{\"flow_id\":\"a\",\"health\":\"Error\"}]}",
	  "a!flow_health critical: Error\n[ active=0 ]\n" },
	{ "edge", "{\"flows\":[{\"flow_id\":\"a\",\"health\":\"Warning\","
	  "\"health_reasons\":[]}]}",
	  "a!flow_health Warning: Warning\n[ active=0 ]\n" },
	{ "edge", "{\"flows\":[{\"flow_id\":\"a\",\"health\":\"Critical\","
	  "\"health_reasons\":[{\"code\":\"x\",\"severity\":\"critical\","
	  "\"detail\":\"d\"},{\"code\":7},{}]}]}",
	  "a!x critical: d\n[ active=0 ]\n" },
	{ "edge", "{\"flows\":[{\"flow_id\":\"a\",\"health\":\"healthy\","
	  "\"health_reasons\":[{\"code\":\"x\"}]}]}", "[ active=0 ]\n" },
	{ "edge", "{\"tunnels\":[{\"id\":\"t\",\"state\":\"down\",\"stats\":"
	  "{\"bitrate_in_bps\":7,\"bitrate_out_bps\":8}},"
	  "{\"id\":\"u\",\"state\":\"ready\"}]}",
	  "t!tunnel_down critical: The tunnel is down\nt[ bitrate=8 ]\n" },
	{ "relay", "{\"total_bandwidth_bps\":9,\"active_tunnels\":1,"
	  "\"connected_edges\":2}", "[ bitrate=9 active=1 peers=2 ]\n" },
	{ "relay", "{\"total_bandwidth_bps\":null}", "" },
};

START_TEST(table)
{
	struct buf b = BUF_INIT;
	const struct watch w = { &b, sample, condition };

	ck_assert_int_eq(driver_find(slice_of(texts[_i].type))->watch(
	    slice_of(texts[_i].stats), &w), 0);
	ck_assert_str_eq(buf_cstr(&b), texts[_i].want);
	buf_free(&b);
}
END_TEST

static const struct {
	const char	*type, *file, *want;
} files[] = {
	{ "edge", "edge_stats_1srt_head.json", "flow-001[ bitrate=8014352"
	  " bitrate_out=8014352 packets_lost=0 rtt=24.317 " },
	{ "edge", "edge_stats_1udp_v053.json", "flow-001[ bitrate=8014352"
	  " bitrate_out=8014352 packets_lost=0 tr101290_p1=2"
	  " tr101290_p2=14 ]" },
	{ "edge", "edge_stats_idle_head.json",
	  "[ cpu=12.4 ram=31.7 active=0 ]" },
	{ "edge", "edge_stats_tunnel_only_head.json",
	  "3b241101-e2bb-4255-8caf-4136c566a000[ bitrate=8014352 ]" },
	{ "relay", "relay_stats_1_head.json",
	  "[ bitrate=8014352 active=1 peers=2 ]" },
};

START_TEST(samples)
{
	struct buf text = BUF_INIT, b = BUF_INIT;
	const struct watch w = { &b, sample, condition };
	const char *src = getenv("MAST_SRC");
	struct slice payload;
	char path[512];
	FILE *f;
	int c;

	(void)snprintf(path, sizeof(path), "%s/tests/samples/%s",
	    src == NULL ? "." : src, files[_i].file);
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	while ((c = getc(f)) != EOF)
		buf_putc(&text, (char)c);
	fclose(f);
	ck_assert(json_member(buf_cstr(&text), buf_used(&text), "payload",
	    &payload));
	ck_assert_int_eq(driver_find(slice_of(files[_i].type))->watch(payload,
	    &w), 0);
	ck_assert_msg(strstr(buf_cstr(&b), files[_i].want) != NULL, "%s",
	    buf_cstr(&b));
	ck_assert_ptr_null(strchr(buf_cstr(&b), '!'));
	buf_free(&text);
	buf_free(&b);
}
END_TEST

START_TEST(names)
{
	unsigned m;

	for (m = 0; m < WATCH__MAX; m++) {
		ck_assert_ptr_nonnull(watch_unit(m));
		ck_assert_uint_eq(watch_find(slice_of(watch_name(m))), m);
	}
	ck_assert_ptr_null(watch_name(m));
	ck_assert_ptr_null(watch_unit(m));
	ck_assert(!watch_counter(m));
	ck_assert_uint_eq(watch_find(SLICE("no")), m);
	/* The database has them by number: they stay what they are. */
	ck_assert_str_eq(watch_name(0), "bitrate");
	ck_assert_str_eq(watch_name(9), "peers");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("watch");
	TCase *tc = tcase_create("watch");
	SRunner *r;
	int failed;

	tcase_add_loop_test(tc, table, 0, nitems(texts));
	tcase_add_loop_test(tc, samples, 0, nitems(files));
	tcase_add_test(tc, names);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
