/* The texts of events: severities, limits, cuts between characters. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "buf.h"
#include "node.h"
#include "note.h"
#include "valid.h"
#include "xmalloc.h"

static char name[] = "edge-1";

static struct note *
make(const char *severity, const char *category, const char *message)
{
	struct node node = { .name = name };
	struct frame_event e = { .severity = slice_of(severity),
	    .category = slice_of(category), .message = slice_of(message) };

	return note_event(&node, 7, &e);
}

START_TEST(severities)
{
	static const struct {
		const char		*raw;
		enum note_severity	 want;
	} t[] = {
		{ "info", NOTE_INFO }, { "minor", NOTE_WARNING },
		{ "warning", NOTE_WARNING }, { "major", NOTE_CRITICAL },
		{ "critical", NOTE_CRITICAL }, { "CRITICAL", NOTE_CRITICAL },
		{ "", NOTE_INFO }, { "boom", NOTE_INFO },
		{ "criticals", NOTE_INFO },
	};
	struct note *n;

	n = make(t[_i].raw, "c", "m");
	ck_assert_int_eq(n->severity, t[_i].want);
	ck_assert(slice_eq(n->raw, t[_i].raw) || n->raw.n == 0);
	free(n);
}
END_TEST

START_TEST(cuts)
{
	static const struct {
		const char	*text;
		size_t		 max, want;
	} t[] = {
		{ "abc", 3, 3 }, { "abc", 2, 2 }, { "", 2, 0 },
		{ "\xe2\x82\xac", 3, 3 }, { "\xe2\x82\xac", 2, 0 },
		{ "a\xe2\x82\xac", 3, 1 }, { "\xf0\x9f\x98\x80z", 4, 4 },
		{ "\xf0\x9f\x98\x80z", 3, 0 }, { "ab\xe2\x82", 9, 2 },
		{ "\xff\xff", 9, 0 },
	};

	ck_assert_uint_eq(note_cut(slice_of(t[_i].text), t[_i].max).n,
	    t[_i].want);
}
END_TEST

START_TEST(plain)
{
	static const struct { const char *raw; size_t max; const char *want; }
	    t[] = {
		{ "a\\nb", 10, "a\nb" }, { "\\u20ac", 10, "\xe2\x82\xac" },
		{ "\\u20ac\\u20ac", 4, "\xe2\x82\xac" },
		{ "\\ud83d\\ude00", 4, "\xf0\x9f\x98\x80" },
		{ "\\ud83d\\ude00", 3, "" }, { "x\\\\", 1, "x" },
		{ "\\\\\\\\\\\\", 2, "\\\\" }, { "", 5, "" },
	};
	struct buf b = BUF_INIT;

	note_plain(&b, slice_of(t[_i].raw), t[_i].max);
	ck_assert_str_eq(buf_cstr(&b), t[_i].want);
	buf_free(&b);
}
END_TEST

/* Every length of a long text full of escapes: valid, and long enough. */
START_TEST(any_cut)
{
	static const char *const unit[] = { "\\u20ac", "\\ud83d\\ude00",
	    "\\\\", "\\n", "\xe2\x82\xac", "x" };
	struct buf raw = BUF_INIT, out = BUF_INIT;
	size_t max, i;

	for (i = 0; i < 400; i++)
		buf_puts(&raw, unit[(i * 7 + (size_t)_i) % nitems(unit)]);
	for (max = 1; max < 300; max++) {
		buf_clear(&out);
		note_plain(&out, (struct slice){ (const char *)raw.data,
		    buf_used(&raw) }, max);
		ck_assert_uint_le(buf_used(&out), max);
		ck_assert_uint_ge(buf_used(&out) + 3, max);
		ck_assert(valid_utf8((const char *)out.data,
		    buf_used(&out)));
	}
	buf_free(&raw);
	buf_free(&out);
}
END_TEST

START_TEST(event)
{
	struct node node = { .name = name };
	struct frame_event e = { .details = SLICE("{\"a\":1}"),
	    .flow_id = SLICE("f\\u0031") };
	struct note *n = note_event(&node, 7, &e);

	ck_assert(slice_eq(n->category, "unknown"));
	ck_assert(slice_eq(n->message, "(no message)"));
	ck_assert(slice_eq(n->details, "{\"a\":1}"));
	ck_assert(slice_eq(n->flow, "f1"));
	ck_assert(slice_eq(n->name, "edge-1"));
	ck_assert_int_eq((int)n->at, 7);
	ck_assert_uint_ge(note_bytes(n), sizeof(*n) + 7 + 12 + 7 + 2 + 6);
	free(n);
	e.details = SLICE("null");
	n = note_event(&node, 7, &e);
	ck_assert_uint_eq(n->details.n, 0);
	free(n);
}
END_TEST

START_TEST(large)
{
	char *big = xmalloc(300000);
	struct node node = { .name = name };
	struct frame_event e = { .message = { big, 299999 },
	    .category = { big, 299999 }, .details = { big, 299999 } };
	struct note *n;

	memset(big, 'x', 300000);
	n = note_event(&node, 7, &e);
	ck_assert_uint_eq(n->message.n, 10000);
	ck_assert_uint_eq(n->category.n, 256);
	ck_assert(slice_eq(n->details, "{\"truncated\":true}"));
	free(n);
	free(big);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("note");
	TCase *tc = tcase_create("note");
	SRunner *sr = srunner_create(s);
	int bad;

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, severities, 0, 9);
	tcase_add_loop_test(tc, cuts, 0, 10);
	tcase_add_loop_test(tc, plain, 0, 8);
	tcase_add_loop_test(tc, any_cut, 0, 6);
	tcase_add_test(tc, event);
	tcase_add_test(tc, large);
	srunner_run_all(sr, getenv("CK_TAP_LOG_FILE_NAME") != NULL ?
	    CK_SILENT : CK_NORMAL);
	bad = srunner_ntests_failed(sr);
	srunner_free(sr);
	return bad != 0;
}
