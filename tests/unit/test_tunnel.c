/* Bind tokens against the published vectors, the actions of each leg, the
 * sealed secrets, addresses. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "jscan.h"
#include "tunnel.h"
#include "xmalloc.h"

#define ID	"3b241101-e2bb-4255-8caf-4136c566a962"
#define SECRET	"00112233445566778899aabbccddeeff" \
		"00112233445566778899aabbccddeeff"
#define IN	"68660365ddc817d39e70946777a6acad16cb9d4e2bd5888c384fca0a655eabd5"
#define OUT	"c8be1c81db6786d818ed1e74c658a5542c87aa1e241f0e6e0bc3560b6ac58b52"
#define KEY	"11111111111111111111111111111111" \
		"11111111111111111111111111111111"
#define PSK	"22222222222222222222222222222222" \
		"22222222222222222222222222222222"

static struct id
some_id(void)
{
	struct id id;

	ck_assert_int_eq(id_parse(&id, SLICE(ID)), 0);
	return id;
}

/* Keyed by the text of the secret, not by the bytes that it spells. */
START_TEST(token_vectors)
{
	static const struct { const char *direction, *token; } v[] = {
		{ "ingress", IN }, { "egress", OUT },
	};
	struct id id = some_id();
	char token[TUNNEL_SECRET];
	size_t i;

	for (i = 0; i < nitems(v); i++) {
		tunnel_token(SECRET, &id, v[i].direction, token);
		ck_assert_str_eq(token, v[i].token);
	}
}
END_TEST

/* RFC 4231, test cases 1, 2 and 6: the last key is longer than a block. */
START_TEST(hmac_vectors)
{
	uint8_t key[131], mac[SECRET_HASH];
	char hex[2 * SECRET_HASH + 1];

	memset(key, 0x0b, 20);
	secret_hmac256(key, 20, "Hi There", 8, mac);
	str_hex(hex, mac, sizeof(mac));
	ck_assert_str_eq(hex, "b0344c61d8db38535ca8afceaf0bf12b"
	    "881dc200c9833da726e9376c2e32cff7");
	secret_hmac256("Jefe", 4, "what do ya want for nothing?", 28, mac);
	str_hex(hex, mac, sizeof(mac));
	ck_assert_str_eq(hex, "5bdcc146bf60754e6a042426089575c7"
	    "5a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	secret_hmac256(key, sizeof(key), "Test Using Larger Than Block-Size "
	    "Key - Hash Key First", 54, mac);
	str_hex(hex, mac, sizeof(mac));
	ck_assert_str_eq(hex, "60e431591ee0b67f0d8a26aacbf5b77f"
	    "8e0bc6213728c5140546040f0ee37f54");
}
END_TEST

static const struct {
	enum tunnel_leg leg;
	bool present;
	const char *mode, *text;
} actions[] = {
	{ TUNNEL_RELAY, true, "relay", "{\"type\":\"authorize_tunnel\","
	    "\"tunnel_id\":\"" ID "\",\"ingress_token\":\"" IN "\","
	    "\"egress_token\":\"" OUT "\"}" },
	{ TUNNEL_RELAY, false, "relay", "{\"type\":\"revoke_tunnel\","
	    "\"tunnel_id\":\"" ID "\"}" },
	{ TUNNEL_INGRESS, false, "relay", "{\"type\":\"delete_tunnel\","
	    "\"tunnel_id\":\"" ID "\"}" },
	{ TUNNEL_EGRESS, false, "direct", "{\"type\":\"delete_tunnel\","
	    "\"tunnel_id\":\"" ID "\"}" },
	/* The node where traffic enters has the direction "egress". */
	{ TUNNEL_INGRESS, true, "relay", "{\"type\":\"create_tunnel\","
	    "\"tunnel\":{\"id\":\"" ID "\",\"name\":\"a \\\"b\\\"\","
	    "\"enabled\":true,\"protocol\":\"udp\",\"mode\":\"relay\","
	    "\"direction\":\"egress\",\"local_addr\":\"0.0.0.0:7000\","
	    "\"relay_addr\":\"r:1\",\"relay_addrs\":[\"r:1\",\"s:2\"],"
	    "\"tunnel_encryption_key\":\"" KEY "\","
	    "\"tunnel_bind_secret\":\"" SECRET "\"}}" },
	{ TUNNEL_EGRESS, true, "relay", "{\"type\":\"create_tunnel\","
	    "\"tunnel\":{\"id\":\"" ID "\",\"name\":\"a \\\"b\\\"\","
	    "\"enabled\":true,\"protocol\":\"udp\",\"mode\":\"relay\","
	    "\"direction\":\"ingress\",\"local_addr\":\"h:5004\","
	    "\"relay_addr\":\"r:1\",\"relay_addrs\":[\"r:1\",\"s:2\"],"
	    "\"tunnel_encryption_key\":\"" KEY "\","
	    "\"tunnel_bind_secret\":\"" SECRET "\"}}" },
	{ TUNNEL_INGRESS, true, "direct", "{\"type\":\"create_tunnel\","
	    "\"tunnel\":{\"id\":\"" ID "\",\"name\":\"a \\\"b\\\"\","
	    "\"enabled\":true,\"protocol\":\"udp\",\"mode\":\"direct\","
	    "\"direction\":\"egress\",\"local_addr\":\"0.0.0.0:7000\","
	    "\"peer_addr\":\"[::9]:6000\",\"tunnel_psk\":\"" PSK "\","
	    "\"tunnel_encryption_key\":\"" KEY "\","
	    "\"tunnel_bind_secret\":\"" SECRET "\"}}" },
	{ TUNNEL_EGRESS, true, "direct", "{\"type\":\"create_tunnel\","
	    "\"tunnel\":{\"id\":\"" ID "\",\"name\":\"a \\\"b\\\"\","
	    "\"enabled\":true,\"protocol\":\"udp\",\"mode\":\"direct\","
	    "\"direction\":\"ingress\",\"local_addr\":\"h:5004\","
	    "\"direct_listen_addr\":\"0.0.0.0:6000\","
	    "\"tunnel_psk\":\"" PSK "\","
	    "\"tunnel_encryption_key\":\"" KEY "\","
	    "\"tunnel_bind_secret\":\"" SECRET "\"}}" },
};

START_TEST(action_of_each_leg)
{
	static const struct tunnel_secrets secrets = { KEY, SECRET, PSK };
	struct tunnel_push t = {
		.id = some_id(), .leg = actions[_i].leg,
		.present = actions[_i].present, .name = SLICE("a \"b\""),
		.protocol = SLICE("udp"), .mode = slice_of(actions[_i].mode),
		.forward = SLICE("h:5004"), .peer = SLICE("[::9]:6000"),
		.relays = { SLICE("r:1"), SLICE("s:2") }, .port = 7000,
		.secrets = &secrets,
	};
	struct buf b = BUF_INIT;

	tunnel_action(&b, &t);
	ck_assert_str_eq(buf_cstr(&b), actions[_i].text);
	ck_assert(jscan_valid(buf_cstr(&b), buf_used(&b), NULL));
	buf_free(&b);
}
END_TEST

START_TEST(sealed_secrets)
{
	struct secret_key *key;
	struct tunnel_secrets a, b;
	struct buf sealed = BUF_INIT;
	struct id id = some_id(), other;
	uint8_t raw[SECRET_KEY] = { 1 };

	key = secret_key_from(raw);
	tunnel_secrets_make(&a);
	ck_assert_uint_eq(strspn(a.key, "0123456789abcdef"), 64);
	ck_assert_uint_eq(strlen(a.bind), 64);
	ck_assert_str_ne(a.key, a.bind);
	ck_assert_str_ne(a.bind, a.psk);
	tunnel_secrets_seal(key, &id, &a, &sealed);
	ck_assert_int_eq(tunnel_secrets_open(key, &id, buf_head(&sealed),
	    buf_used(&sealed), &b), 0);
	ck_assert_mem_eq(&a, &b, sizeof(a));
	/* Of this tunnel only, and whole. */
	id_new(&other);
	ck_assert_int_eq(tunnel_secrets_open(key, &other, buf_head(&sealed),
	    buf_used(&sealed), &b), -1);
	ck_assert_int_eq(tunnel_secrets_open(key, &id, buf_head(&sealed),
	    buf_used(&sealed) - 1, &b), -1);
	ck_assert_int_eq(tunnel_secrets_open(key, &id, "", 0, &b), -1);
	buf_free(&sealed);
	secret_key_free(key);
}
END_TEST

START_TEST(addresses)
{
	static const struct { const char *text; unsigned port; } v[] = {
		{ "h:1", 1 }, { "127.0.0.1:65535", 65535 },
		{ "[::1]:80", 80 }, { "[fe80::1%eth0]:80", 80 },
		{ "a-b.example:443", 443 },
		{ "", 0 }, { "h", 0 }, { ":1", 0 }, { "h:", 0 },
		{ "h:0", 0 }, { "h:65536", 0 }, { "h:-1", 0 },
		{ "h:+1", 0 }, { "h: 1", 0 }, { "h:1x", 0 }, { "::1:80", 0 },
		{ "[]:80", 0 }, { "[::1:80", 0 }, { "a]:80", 0 },
		{ "a b:80", 0 }, { "a\n:80", 0 }, { "a\x7f:80", 0 },
		{ "\xff:80", 0 }, { "http://h:80", 0 }, { "h:100000", 0 },
	};
	char longest[300];
	size_t i;

	for (i = 0; i < nitems(v); i++) {
		ck_assert_uint_eq(tunnel_addr_port(slice_of(v[i].text)),
		    v[i].port);
		ck_assert_msg((tunnel_addr(slice_of(v[i].text)) == NULL) ==
		    (v[i].port != 0), "%s", v[i].text);
	}
	memset(longest, 'h', sizeof(longest));
	memcpy(longest + 254, ":1", 2);
	ck_assert_ptr_null(tunnel_addr((struct slice){ longest, 256 }));
	memcpy(longest + 254, "h:1", 3);
	ck_assert_ptr_nonnull(tunnel_addr((struct slice){ longest, 257 }));
}
END_TEST

START_TEST(words_of_the_unknown)
{
	static const struct { const char *error, *code; bool unknown; } v[] =
	{
		{ "Tunnel 'x' not found", "", true },
		{ "Unknown command: delete_tunnel", "", true },
		{ "gone", "unknown_tunnel", true }, { "NOT FOUND", "", true },
		{ "there is no such tunnel", "", true },
		{ "busy", "port_conflict", false }, { "", "", false },
	};
	size_t i;

	for (i = 0; i < nitems(v); i++)
		ck_assert_msg(tunnel_unknown(slice_of(v[i].error),
		    slice_of(v[i].code)) == v[i].unknown, "%s", v[i].error);
	for (i = 0; i < TUNNEL_LEGS; i++)
		ck_assert_uint_eq(tunnel_leg_find(slice_of(
		    tunnel_leg_name((enum tunnel_leg)i))), i);
	ck_assert_uint_eq(tunnel_leg_find(SLICE("left")), TUNNEL_LEGS);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("tunnel");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	if (secret_init() == -1)
		return EXIT_FAILURE;
	tcase_add_test(t, token_vectors);
	tcase_add_test(t, hmac_vectors);
	tcase_add_loop_test(t, action_of_each_leg, 0, nitems(actions));
	tcase_add_test(t, sealed_secrets);
	tcase_add_test(t, addresses);
	tcase_add_test(t, words_of_the_unknown);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
