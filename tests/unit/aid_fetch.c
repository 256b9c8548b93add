/* Which addresses count as public: the fence against inside networks. */
#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../../aid/fetch.h"
#include "xmalloc.h"

static const struct { const char *text; bool ok; } addresses[] = {
	{ "1.1.1.1", true }, { "104.18.7.192", true },
	{ "172.15.255.255", true }, { "172.32.0.1", true },
	{ "192.167.255.255", true }, { "100.63.255.255", true },
	{ "100.128.0.0", true }, { "223.255.255.255", true },
	{ "0.0.0.0", false }, { "0.1.2.3", false }, { "10.0.0.1", false },
	{ "10.255.255.255", false }, { "100.64.0.1", false },
	{ "100.127.255.255", false }, { "127.0.0.1", false },
	{ "127.255.0.1", false }, { "169.254.169.254", false },
	{ "172.16.0.1", false }, { "172.31.255.255", false },
	{ "192.0.0.8", false }, { "192.0.2.1", false },
	{ "192.168.1.1", false }, { "198.18.0.1", false },
	{ "198.19.255.255", false }, { "198.51.100.7", false },
	{ "203.0.113.9", false }, { "224.0.0.1", false },
	{ "240.0.0.1", false }, { "255.255.255.255", false },
	{ "2606:4700::6812:7c0", true }, { "2a00:1450:4001::1", true },
	{ "::", false }, { "::1", false }, { "fe80::1", false },
	{ "fc00::1", false }, { "fd12:3456::1", false }, { "ff02::1", false },
	{ "2001:db8::1", false }, { "2001::1", false },
	{ "::ffff:127.0.0.1", false }, { "::ffff:10.0.0.1", false },
	{ "::ffff:8.8.8.8", true }, { "64:ff9b::10.0.0.1", false },
	{ "64:ff9b::8.8.8.8", true }, { "2002:0a00:0001::1", false },
	{ "2002:0808:0808::1", true }, { "::127.0.0.1", false },
};

START_TEST(address)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	const void *sa = &in;

	if (inet_pton(AF_INET, addresses[_i].text, &in.sin_addr) != 1) {
		ck_assert_int_eq(inet_pton(AF_INET6, addresses[_i].text,
		    &in6.sin6_addr), 1);
		sa = &in6;
	}
	ck_assert_msg(fetch_public(sa) == addresses[_i].ok, "%s",
	    addresses[_i].text);
}
END_TEST

START_TEST(other_families)
{
	struct sockaddr sa = { .sa_family = AF_UNIX };

	ck_assert(!fetch_public(&sa));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("aid_fetch");
	TCase *tc = tcase_create("all");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, address, 0, (int)nitems(addresses));
	tcase_add_test(tc, other_families);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, getenv("CK_TAP_LOG_FILE_NAME") != NULL ?
	    CK_SILENT : CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
