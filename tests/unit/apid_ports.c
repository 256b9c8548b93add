/* What a configuration of either dialect listens on. */
#include <check.h>
#include <stdlib.h>

#include "../../apid/ports.h"
#include "xmalloc.h"

static const struct { const char *config, *protocol, *who; } cases[] = {
	/* dialect 1: the input in its flow, which has the name */
	{ "{\"flows\":[{\"id\":\"f\",\"name\":\"Flow 1\",\"input\":"
	    "{\"type\":\"udp\",\"bind_addr\":\"0.0.0.0:5000\"}}]}", "udp",
	    "input Flow 1" },
	{ "{\"flows\":[{\"id\":\"f\",\"input\":{\"type\":\"udp\","
	    "\"bind_addr\":\"0.0.0.0:5000\"},\"name\":\"Late\"}]}", "udp",
	    "input Late" },
	{ "{\"flows\":[{\"input\":{\"bind_addr\":\"0.0.0.0:5000\"},"
	    "\"enabled\":false}]}", "udp", NULL },
	{ "{\"flows\":[{\"enabled\":false,\"input\":{\"bind_addr\":"
	    "\"0.0.0.0:5000\"}},{\"enabled\":true,\"outputs\":[{\"id\":"
	    "\"o\",\"local_addr\":\"[::]:5000\"}]}]}", "udp", "outputs o" },
	/* dialect 2 */
	{ "{\"inputs\":[{\"id\":\"i\",\"name\":\"In\",\"type\":\"srt\","
	    "\"local_addr\":\"1.2.3.4:5000\"}]}", "udp", "inputs In" },
	{ "{\"inputs\":[{\"id\":\"i\",\"type\":\"srt\",\"local_addr\":"
	    "\"1.2.3.4:5000\"}]}", "tcp", NULL },
	{ "{\"inputs\":[{\"id\":\"i\",\"type\":\"rtmp\",\"listen_addr\":"
	    "\"0.0.0.0:5000\"}]}", "tcp", "inputs i" },
	{ "{\"inputs\":[{\"id\":\"i\",\"type\":\"rtmp\",\"listen_addr\":"
	    "\"0.0.0.0:5000\"}]}", "udp", NULL },
	/* where it sends to is not where it listens */
	{ "{\"outputs\":[{\"dest_addr\":\"0.0.0.0:5000\",\"remote_addr\":"
	    "\"a:5000\"}]}", "udp", NULL },
	{ "{\"inputs\":[{\"bind_addr\":\"0.0.0.0:50000\"}]}", "udp", NULL },
	/* the node's own doors */
	{ "{\"server\":{\"listen_addr\":\"0.0.0.0\",\"listen_port\":5000}}",
	    "tcp", "server" },
	{ "{\"server\":{\"listen_port\":5000}}", "udp", NULL },
	/* tunnels: the entry listens, the exit does not */
	{ "{\"tunnels\":[{\"id\":\"t\",\"direction\":\"egress\","
	    "\"protocol\":\"udp\",\"local_addr\":\"0.0.0.0:5000\"}]}", "udp",
	    "tunnels t" },
	{ "{\"tunnels\":[{\"id\":\"t\",\"direction\":\"egress\","
	    "\"protocol\":\"udp\",\"local_addr\":\"0.0.0.0:5000\"}]}", "tcp",
	    NULL },
	{ "{\"tunnels\":[{\"id\":\"t\",\"direction\":\"ingress\","
	    "\"protocol\":\"udp\",\"local_addr\":\"0.0.0.0:5000\"}]}", "udp",
	    NULL },
	{ "{\"tunnels\":[{\"id\":\"t\",\"direction\":\"ingress\","
	    "\"protocol\":\"tcp\",\"local_addr\":\"0.0.0.0:1\","
	    "\"direct_listen_addr\":\"0.0.0.0:5000\"}]}", "udp",
	    "tunnels t" },
	{ "{\"tunnels\":[{\"id\":\"self\",\"direction\":\"egress\","
	    "\"protocol\":\"udp\",\"local_addr\":\"0.0.0.0:5000\"}]}", "udp",
	    NULL },
	{ "{\"tunnels\":[{\"id\":\"t\",\"enabled\":false,\"direction\":"
	    "\"egress\",\"protocol\":\"udp\",\"local_addr\":"
	    "\"0.0.0.0:5000\"}]}", "udp", NULL },
	/* odd ones */
	{ "{}", "udp", NULL }, { "[]", "udp", NULL }, { "5000", "udp", NULL },
	{ "", "udp", NULL }, { "{\"bind_addr\":5000}", "udp", NULL },
	{ "{\"bind_addr\":\"\\u0030.0.0.0:5000\"}", "udp", NULL },
	{ "{\"a\":{\"bind_addr\":\"0.0.0.0:5000\"}", "udp", NULL },
};

START_TEST(taken)
{
	struct buf who = BUF_INIT;
	bool got = ports_taken(slice_of(cases[_i].config),
	    cases[_i].protocol, 5000, "self", &who);

	ck_assert_int_eq(got, cases[_i].who != NULL);
	if (got)
		ck_assert_str_eq(buf_cstr(&who), cases[_i].who);
	else
		ck_assert_uint_eq(buf_used(&who), 0);
	buf_free(&who);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ports");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, taken, 0, nitems(cases));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
