/* The members' rules and bounds, and the names of the roles. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "role.h"
#include "valid.h"
#include "xmalloc.h"

#define T64	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define T128	T64 T64
#define T512	T128 T128 T128 T128
#define T242	T64 T64 T64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const char *
rule_utf8(struct slice s)
{
	return valid_utf8(s.p, s.n) ? NULL : "must be UTF-8";
}

static const char *
rule_time(struct slice s)
{
	int64_t t;

	return valid_time(s, &t);
}

typedef const char *(*rule_fn)(struct slice);

static const struct { rule_fn fn; const char *text; bool good; } rules[] = {
	{ rule_utf8, "", true }, { rule_utf8, "a\x7f\n", true },
	{ rule_utf8, "\xc2\x80", true }, { rule_utf8, "\xdf\xbf", true },
	{ rule_utf8, "\xe0\xa0\x80", true },
	{ rule_utf8, "\xed\x9f\xbf", true },
	{ rule_utf8, "\xee\x80\x80", true },
	{ rule_utf8, "\xef\xbf\xbf", true },
	{ rule_utf8, "\xf0\x90\x80\x80", true },
	{ rule_utf8, "\xf4\x8f\xbf\xbf", true },
	{ rule_utf8, "\x80", false }, { rule_utf8, "\xc0\x80", false },
	{ rule_utf8, "\xc1\xbf", false }, { rule_utf8, "\xc2", false },
	{ rule_utf8, "\xc2\xc2\x80", false },
	{ rule_utf8, "\xe0\x9f\xbf", false }, { rule_utf8, "\xe1\x80", false },
	{ rule_utf8, "\xed\xa0\x80", false },
	{ rule_utf8, "\xf0\x8f\xbf\xbf", false },
	{ rule_utf8, "\xf4\x90\x80\x80", false },
	{ rule_utf8, "\xf5\x80\x80\x80", false },
	{ rule_utf8, "\xf0\x90\x80" "a", false },
	{ rule_utf8, "\xe1\x80\x80\x80", false },

	{ valid_username, "a", true }, { valid_username, "9-_.Z", true },
	{ valid_username, T64, true }, { valid_username, "", false },
	{ valid_username, T64 "a", false }, { valid_username, ".a", false },
	{ valid_username, "-a", false }, { valid_username, "a b", false },
	{ valid_username, "a\xc3\xa4", false },
	{ valid_username, "\xc3\xa4", false }, { valid_username, "a/b", false },

	{ valid_password, "Abcdefg1", true },
	{ valid_password, "Abcdef1", false },
	{ valid_password, "abcdefg1", false },
	{ valid_password, "ABCDEFG1", false },
	{ valid_password, "Abcdefgh", false },
	{ valid_password, "A1" T64 T64, false },
	{ valid_password, "A1" T64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaa", true },
	{ valid_password, "A1 \xc3\xa4\xc3\xb6\xc3\xbc" "x", true },
	{ valid_password, "Abcdefg1\xff", false },

	{ valid_name, "Mast 7 \xe2\x80\x93 north", true },
	{ valid_name, T128, true }, { valid_name, T128 "a", false },
	{ valid_name, "", false }, { valid_name, " ", false },
	{ valid_name, "a\nb", false }, { valid_name, "a\tb", false },
	{ valid_name, "a\x7f", false }, { valid_name, "a\xc2\x85", false },
	{ valid_name, "\xff", false },

	{ valid_description, "", true },
	{ valid_description, "line\r\n\tline", true },
	{ valid_description, T512, true },
	{ valid_description, T512 "a", false },
	{ valid_description, "a\x01", false },
	{ valid_description, "\xe2\x82", false },

	{ valid_email, "a@b.c", true },
	{ valid_email, "x.y+z@m.example", true },
	{ valid_email, T242 "@example.org", true },
	{ valid_email, T242 "a@example.org", false },
	{ valid_email, "", false }, { valid_email, "a", false },
	{ valid_email, "a@", false }, { valid_email, "@b.c", false },
	{ valid_email, "a@b", false }, { valid_email, "a@b.", false },
	{ valid_email, "a@.b", false }, { valid_email, "a@b..c", false },
	{ valid_email, "a@b@c.d", false }, { valid_email, "a b@c.d", false },
	{ valid_email, "a@b.c\n", false },

	{ valid_uuid, "00112233-4455-6677-8899-aabbccddeeff", true },
	{ valid_uuid, "00112233-4455-6677-8899-AABBCCDDEEFF", true },
	{ valid_uuid, "00112233445566778899aabbccddeeff", false },
	{ valid_uuid, "", false },

	{ rule_time, "", false }, { rule_time, "2026-03-29", false },
	{ rule_time, "2026-03-29T11:48:35", false },
	{ rule_time, "2026-03-29 11:48:35Z", false },
	{ rule_time, "2026-03-29T11:48Z", false },
	{ rule_time, "2026-3-29T11:48:35Z", false },
	{ rule_time, "2026-13-29T11:48:35Z", false },
	{ rule_time, "2026-00-29T11:48:35Z", false },
	{ rule_time, "2026-02-29T11:48:35Z", false },
	{ rule_time, "2100-02-29T11:48:35Z", false },
	{ rule_time, "2026-04-31T11:48:35Z", false },
	{ rule_time, "2026-03-00T11:48:35Z", false },
	{ rule_time, "2026-03-29T24:00:00Z", false },
	{ rule_time, "2026-03-29T11:60:00Z", false },
	{ rule_time, "2026-03-29T11:48:61Z", false },
	{ rule_time, "2026-03-29T11:48:60Z", false },
	{ rule_time, "2026-03-29T11:48:35.Z", false },
	{ rule_time, "2026-03-29T11:48:35,5Z", false },
	{ rule_time, "2026-03-29T11:48:35+0100", false },
	{ rule_time, "2026-03-29T11:48:35+24:00", false },
	{ rule_time, "2026-03-29T11:48:35+01:60", false },
	{ rule_time, "2026-03-29T11:48:35ZZ", false },
	{ rule_time, "2026-03-29T11:48:35Z ", false },
	{ rule_time, "2026\r03-29T11:48:35Z", false },
	{ rule_time, "+026-03-29T11:48:35Z", false },
};

START_TEST(every_rule)
{
	const char *why = rules[_i].fn(slice_of(rules[_i].text));

	if (rules[_i].good) {
		ck_assert_msg(why == NULL, "%s: %s", rules[_i].text, why);
		return;
	}
	ck_assert_msg(why != NULL, "accepted: %s", rules[_i].text);
	ck_assert(strncmp(why, "must ", 5) == 0);
	ck_assert_int_ne(why[strlen(why) - 1], '.');
}
END_TEST

START_TEST(no_nul)
{
	struct slice s = { "Abcdefg1\0x", 10 };

	ck_assert(!valid_utf8(s.p, s.n));
	ck_assert_ptr_nonnull(valid_username(s));
	ck_assert_ptr_nonnull(valid_password(s));
	ck_assert_ptr_nonnull(valid_name(s));
	ck_assert_ptr_nonnull(valid_description(s));
	ck_assert_ptr_nonnull(valid_email((struct slice){ "a@b.c\0", 6 }));
}
END_TEST

static const struct { const char *text; int64_t us; } times[] = {
	{ "1970-01-01T00:00:00Z", 0 },
	{ "1970-01-01t00:00:00z", 0 },
	{ "1970-01-01T00:00:00.000001Z", 1 },
	{ "1970-01-01T00:00:00.1Z", 100000 },
	{ "1970-01-01T00:00:00.1234567899Z", 123456 },
	{ "1970-01-01T01:00:00+01:00", 0 },
	{ "1969-12-31T18:30:00-05:30", 0 },
	{ "1970-01-01T00:00:00-00:00", 0 },
	{ "2026-03-29T11:48:35.123456Z", 1774784915123456 },
	{ "2026-03-29T11:48:35.123456789+00:00", 1774784915123456 },
	{ "2000-02-29T00:00:00Z", 951782400000000 },
	{ "1969-12-31T23:59:59.999999Z", -1 },
	{ "0000-01-01T00:00:00Z", -62167219200000000 },
	{ "9999-12-31T23:59:59Z", 253402300799000000 },
	{ "2016-12-31T23:59:60Z", 1483228800000000 },	/* leap second */
};

START_TEST(time_value)
{
	int64_t us;

	ck_assert_ptr_null(valid_time(slice_of(times[_i].text), &us));
	ck_assert_int_eq(us, times[_i].us);
}
END_TEST

START_TEST(roles)
{
	static const struct { const char *name; enum role role; } v[] = {
		{ "viewer", ROLE_VIEWER }, { "operator", ROLE_OPERATOR },
		{ "admin", ROLE_ADMIN }, { "super_admin", ROLE_SUPER_ADMIN },
	};
	static const char *const unknown[] = {
		"", "Viewer", "public", "unset", "admin ", "superadmin",
	};
	size_t i;

	for (i = 0; i < nitems(v); i++) {
		ck_assert_int_eq(role_parse(slice_of(v[i].name)), v[i].role);
		ck_assert_str_eq(role_name(v[i].role), v[i].name);
	}
	for (i = 0; i < nitems(unknown); i++)
		ck_assert_int_eq(role_parse(slice_of(unknown[i])),
		    ROLE__UNSET);
	ck_assert(ROLE_PUBLIC < ROLE_VIEWER && ROLE_VIEWER < ROLE_OPERATOR &&
	    ROLE_OPERATOR < ROLE_ADMIN && ROLE_ADMIN < ROLE_SUPER_ADMIN);
	ck_assert_str_eq(role_name((enum role)99), "unset");
}
END_TEST

int
main(void)
{
	Suite	*s = suite_create("valid");
	TCase	*tc = tcase_create("valid");
	SRunner	*sr;
	int	 failed;

	tcase_add_loop_test(tc, every_rule, 0, (int)nitems(rules));
	tcase_add_test(tc, no_nul);
	tcase_add_loop_test(tc, time_value, 0, (int)nitems(times));
	tcase_add_test(tc, roles);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
