/* One-time codes against the vectors of RFC 4226 and 6238, the window, the
 * refusal of replays, base32 (RFC 4648 10) and recovery codes. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../apid/totp.h"
#include "xmalloc.h"

#define SECRET (const uint8_t *)"12345678901234567890", 20

/* RFC 4226 appendix D, by counter. */
static const uint32_t hotp[] = { 755224, 287082, 359152, 969429, 338314,
    254676, 287922, 162583, 399871, 520489 };

START_TEST(rfc4226)
{
	ck_assert_uint_eq(totp_code(SECRET, _i), hotp[_i]);
}
END_TEST

/* RFC 6238 appendix B, SHA-1: the last six of its eight digits. */
static const struct { int64_t secs; const char *code; } totp[] = {
	{ 59, "287082" }, { 1111111109, "081804" }, { 1111111111, "050471" },
	{ 1234567890, "005924" }, { 2000000000, "279037" },
	{ 20000000000, "353130" },
};

START_TEST(rfc6238)
{
	struct slice code = slice_of(totp[_i].code);
	int64_t at = totp[_i].secs, own = at / TOTP_PERIOD, step = 0;

	ck_assert(totp_match(SECRET, at, 0, code, &step));
	ck_assert_int_eq(step, own);
	/* one step of a clock that is slow or fast, not two */
	ck_assert(totp_match(SECRET, at + TOTP_PERIOD, 0, code, &step));
	ck_assert(totp_match(SECRET, at - TOTP_PERIOD, 0, code, &step));
	ck_assert_int_eq(step, own);
	ck_assert(!totp_match(SECRET, at + 2 * TOTP_PERIOD, 0, code, &step));
	if (own > 2)		/* not before 1970 */
		ck_assert(!totp_match(SECRET, at - 2 * TOTP_PERIOD, 0, code,
		    &step));
	/* good once, and nothing older after it */
	ck_assert(totp_match(SECRET, at, own - 1, code, &step));
	ck_assert(!totp_match(SECRET, at, own, code, &step));
	ck_assert(!totp_match(SECRET, at, own + 1, code, &step));
	ck_assert(!totp_match((const uint8_t *)"12345678901234567891", 20, at,
	    0, code, &step));
}
END_TEST

static const struct { const char *text; bool good; uint32_t code; } forms[] = {
	{ "287082", true, 287082 }, { "287 082", true, 287082 },
	{ " 000001 ", true, 1 }, { "", false, 0 }, { "28708", false, 0 },
	{ "2870822", false, 0 }, { "28708a", false, 0 }, { "-87082", false, 0 },
	{ "+87082", false, 0 }, { "0x7082", false, 0 },
	{ "\xd9\xa0\xd9\xa1\xd9\xa2", false, 0 },
};

START_TEST(form)
{
	uint32_t code = 0;

	ck_assert_int_eq(totp_form(slice_of(forms[_i].text), &code),
	    forms[_i].good);
	if (forms[_i].good)
		ck_assert_uint_eq(code, forms[_i].code);
}
END_TEST

static const struct { const char *raw, *text; } base32[] = {
	{ "", "" }, { "f", "MY" }, { "fo", "MZXQ" }, { "foo", "MZXW6" },
	{ "foob", "MZXW6YQ" }, { "fooba", "MZXW6YTB" },
	{ "foobar", "MZXW6YTBOI" },
	{ "12345678901234567890", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" },
};

START_TEST(base32_rows)
{
	char text[TOTP_BASE32];

	totp_base32(text, (const uint8_t *)base32[_i].raw,
	    strlen(base32[_i].raw));
	ck_assert_str_eq(text, base32[_i].text);
}
END_TEST

START_TEST(uri)
{
	char text[TOTP_URI], longest[65];

	totp_uri(text, "kim", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
	ck_assert_str_eq(text, "otpauth://totp/Mastkeeper:kim?secret="
	    "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Mastkeeper"
	    "&algorithm=SHA1&digits=6&period=30");
	memset(longest, 'x', 64);
	longest[64] = '\0';
	totp_uri(text, longest, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
	ck_assert_str_eq(text + strlen(text) - 9, "period=30");
}
END_TEST

static const struct { const char *typed; bool good; } typed[] = {
	{ "aaaq-eayd-babd-aeaq", true }, { "AAAQEAYDBABDAEAQ", true },
	{ " aaaq eayd babd aeaq ", true }, { "aaaq-eayd-babd-aea", false },
	{ "aaaq-eayd-babd-aeaqq", false }, { "aaaq-eayd-babd-aea1", false },
	{ "", false }, { "123456", false },
};

START_TEST(recovery_typed)
{
	char bare[TOTP_RECOVERY_BARE];

	ck_assert_int_eq(totp_recovery_bare(slice_of(typed[_i].typed), bare),
	    typed[_i].good);
	if (typed[_i].good)
		ck_assert_mem_eq(bare, "aaaqeaydbabdaeaq", sizeof(bare));
}
END_TEST

START_TEST(recovery)
{
	static const uint8_t raw[10] = { 255, 0, 1, 2, 3, 4, 5, 6, 7, 254 };
	char text[TOTP_RECOVERY], bare[TOTP_RECOVERY_BARE];

	totp_recovery(text, raw);
	ck_assert_uint_eq(strlen(text), TOTP_RECOVERY - 1);
	ck_assert_uint_eq(strspn(text, "abcdefghijklmnopqrstuvwxyz234567-"),
	    TOTP_RECOVERY - 1);
	ck_assert(totp_recovery_bare(slice_of(text), bare));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("totp");
	TCase *t = tcase_create("rows");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, rfc4226, 0, nitems(hotp));
	tcase_add_loop_test(t, rfc6238, 0, nitems(totp));
	tcase_add_loop_test(t, form, 0, nitems(forms));
	tcase_add_loop_test(t, base32_rows, 0, nitems(base32));
	tcase_add_test(t, uri);
	tcase_add_loop_test(t, recovery_typed, 0, nitems(typed));
	tcase_add_test(t, recovery);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
