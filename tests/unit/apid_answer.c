/* Bodies: problems as written, media types and codings as read. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../../apid/body.h"
#include "../../apid/gzip.h"
#include "../../apid/problem.h"
#include "jscan.h"
#include "xmalloc.h"

static struct slice
text(const char *s)
{
	return (struct slice){ s, strlen(s) };
}

START_TEST(problem_every)
{
	enum err err = (enum err)_i;
	struct problem p = { .err = err, .instance = SLICE("/a\"b\xff"),
	    .request_id = "r-1" };
	struct buf b = BUF_INIT;
	size_t at;

	problem_put(&b, &p);
	ck_assert(jscan_valid((char *)b.data, b.len, &at));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&b), err_info(err)->slug));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&b), "\"error\":\""));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&b), "\"request_id\":\"r-1\""));
	if (err_info(err)->status == 503)
		ck_assert_uint_gt(problem_retry(err), 0);
	buf_free(&b);
}
END_TEST

START_TEST(problem_members)
{
	struct json_faults f = { .n = 1 };
	struct problem p = { .err = ERR_INVALID, .detail = "a \"quoted\" one",
	    .faults = &f, .extra = SLICE("\"success\":false") };
	struct buf b = BUF_INIT;
	size_t at;

	f.v[0].pointer = "/name";
	f.v[0].detail = "must be 1 to 128 bytes";
	problem_put(&b, &p);
	ck_assert(jscan_valid((char *)b.data, b.len, &at));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&b), "\"status\":422"));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&b), "\"errors\":[{\"pointer\":"
	    "\"/name\",\"detail\":\"must be 1 to 128 bytes\"}]"));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&b), ",\"success\":false}"));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&b),
	    "\"detail\":\"a \\\"quoted\\\" one\""));
	buf_free(&b);
}
END_TEST

static const struct { const char *type; bool json; } types[] = {
	{ "application/json", true },
	{ "Application/JSON", true },
	{ "application/json; charset=utf-8", true },
	{ "application/json;charset=utf-8", true },
	{ "application/merge-patch+json", true },
	{ "", false },
	{ "text/plain", false },
	{ "text/json", false },
	{ "application/jsonp", false },
	{ "application/xjson", false },
	{ "application/+json", false },
	{ "application/", false },
	{ "application/x-www-form-urlencoded", false },
	{ "json", false },
};

START_TEST(media_type)
{
	ck_assert_int_eq(body_is_json(text(types[_i].type)), types[_i].json);
}
END_TEST

static const struct { const char *list; bool json; } accepts[] = {
	{ "", true }, { " ", true }, { "*/*", true }, { "*/*;q=0.1", true },
	{ "application/json", true }, { "Application/JSON;v=1", true },
	{ "application/*", true }, { "application/problem+json", true },
	{ "text/html, application/xhtml+xml, */*;q=0.8", true },
	{ "text/html", false }, { "text/html, text/*;q=0.5", false },
	{ "application/json;q=0", false }, { "*/*;q=0.000", false },
	{ "application/json;q=0.001", true }, { "application/xml", false },
	{ "application/json; v=1; q=0", false }, { ",", false },
	{ "json", false },
};

START_TEST(accepted)
{
	ck_assert_int_eq(body_json_wanted(text(accepts[_i].list)),
	    accepts[_i].json);
}
END_TEST

static const struct { const char *list; bool gzip, br; } codings[] = {
	{ "", false, false }, { "gzip", true, false }, { "GZIP", true, false },
	{ "deflate, gzip, br", true, true },
	{ "deflate,gzip;q=0.5", true, false },
	{ "gzip;q=0", false, false }, { "gzip; q=0.000, *", false, true },
	{ "*", true, true }, { "*;q=0", false, false },
	{ "identity", false, false }, { "xgzip, bro", false, false },
	{ "gzip2, b", false, false }, { ",,gzip", true, false },
	{ "br;q=1.0, *;q=0.1", true, true }, { "br;q=0, *", true, false },
};

START_TEST(coding)
{
	ck_assert_int_eq(gzip_accepted(text(codings[_i].list), "gzip"),
	    codings[_i].gzip);
	ck_assert_int_eq(gzip_accepted(text(codings[_i].list), "br"),
	    codings[_i].br);
}
END_TEST

START_TEST(compress)
{
	struct gzip *g = gzip_new();
	struct buf out = BUF_INIT;
	char big[8192], noise[64];
	size_t i;

	memset(big, 'x', sizeof(big));
	for (i = 0; i < 3; i++) {	/* the compressor is used again */
		buf_clear(&out);
		ck_assert(gzip_put(g, (struct slice){ big, sizeof(big) },
		    &out));
		ck_assert_uint_lt(buf_used(&out), 200);
		ck_assert_uint_eq(out.data[0], 0x1f);
		ck_assert_uint_eq(out.data[1], 0x8b);
	}
	/* What does not shrink is not sent so. */
	for (i = 0; i < sizeof(noise); i++)
		noise[i] = (char)(i * 37 ^ i << 3);
	buf_clear(&out);
	ck_assert(!gzip_put(g, (struct slice){ noise, sizeof(noise) },
	    &out));
	ck_assert_uint_eq(buf_used(&out), 0);
	buf_free(&out);
	gzip_free(g);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("answer");
	TCase *t = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, problem_every, 1, ERR__MAX);
	tcase_add_test(t, problem_members);
	tcase_add_loop_test(t, media_type, 0, (int)nitems(types));
	tcase_add_loop_test(t, accepted, 0, (int)nitems(accepts));
	tcase_add_loop_test(t, coding, 0, (int)nitems(codings));
	tcase_add_test(t, compress);
	suite_add_tcase(s, t);
	srunner_run_all(sr, getenv("CK_TAP_LOG_FILE_NAME") != NULL ?
	    CK_SILENT : CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
