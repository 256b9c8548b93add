/* Differences between configurations, drift, masking. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "buf.h"
#include "cdiff.h"
#include "json.h"
#include "xmalloc.h"

static bool
put(void *arg, const struct cdiff_change *c)
{
	static const char kinds[] = { '+', '-', '~' };

	buf_printf(arg, "%c%.*s%s ", kinds[c->kind], (int)c->path.n,
	    c->path.p, c->secret ? "!" : "");
	return true;
}

static void
canonical(const char *text, struct buf *out)
{
	ck_assert_int_eq(json_canonical(text, strlen(text), out), 0);
}

static struct slice
all(struct buf *b)
{
	return (struct slice){ (const char *)buf_head(b), buf_used(b) };
}

static const struct {
	const char	*a, *b, *diff, *drift;
} t[] = {
	{ "{}", "{}", "", "" },
	{ "{\"a\":1,\"b\":2}", "{\"b\":2.0,\"a\":1e0}", "", "" },
	{ "{\"a\":1}", "{\"a\":2}", "~/a ", "~/a " },
	{ "{\"a\":1}", "{}", "-/a ", "-/a " },
	{ "{}", "{\"a\":1}", "+/a ", "" },
	{ "{\"a\":null}", "{}", "-/a ", "" },
	{ "{\"a\":{\"b\":1}}", "{\"a\":[1]}", "~/a ", "~/a " },
	{ "{\"x/y\":1,\"t~\":2}", "{}", "-/t~0 -/x~1y ", "-/t~0 -/x~1y " },
	{ "{\"a\":[1,2,3]}", "{\"a\":[1,3]}", "~/a/1 -/a/2 ",
	  "~/a/1 -/a/2 " },
	/* by id, whatever the order */
	{ "{\"flows\":[{\"id\":\"a\",\"n\":1},{\"id\":\"b\"}]}",
	  "{\"flows\":[{\"id\":\"b\"},{\"id\":\"a\",\"n\":1}]}", "", "" },
	{ "{\"flows\":[{\"id\":\"a\",\"n\":1},{\"id\":\"b\"}]}",
	  "{\"flows\":[{\"id\":\"c\"},{\"id\":\"a\",\"n\":2}]}",
	  "~/flows/a/n -/flows/b +/flows/c ",
	  "~/flows/a/n -/flows/b +/flows/c " },
	/* an id that comes twice is none */
	{ "{\"f\":[{\"id\":\"a\",\"n\":1},{\"id\":\"a\",\"n\":2}]}",
	  "{\"f\":[{\"id\":\"a\",\"n\":1},{\"id\":\"a\",\"n\":3}]}",
	  "~/f/1/n ", "~/f/1/n " },
	{ "{\"f\":[]}", "{\"f\":[{\"id\":\"a\"}]}", "+/f/a ", "+/f/a " },
	/* credentials */
	{ "{\"passphrase\":\"a\"}", "{\"passphrase\":\"b\"}",
	  "~/passphrase! ", "~/passphrase! " },
	{ "{\"srt\":{\"Passphrase\":\"a\"}}", "{\"srt\":{}}",
	  "-/srt/Passphrase! ", "" },
	{ "{\"stream_key\":\"a\"}", "{\"stream_key\":\"***REDACTED***\"}",
	  "~/stream_key! ", "" },
	{ "{\"secrets\":{\"x\":1}}", "{\"secrets\":{\"x\":2}}",
	  "~/secrets/x! ", "~/secrets/x! " },
	{ "{\"url\":\"rtmp://u:p@h/x\"}", "{\"url\":\"rtmp://h/x\"}",
	  "~/url! ", "~/url! " },
	{ "{\"url\":\"srt://h:1?passphrase=x\"}", "{}", "-/url! ", "" },
	{ "{\"key_id\":1,\"keyframe\":2}", "{\"key_id\":2,\"keyframe\":3}",
	  "~/key_id ~/keyframe ", "~/key_id ~/keyframe " },
	/* what the node strips, adds, or gets in another way */
	{ "{\"server\":{\"auth\":{\"u\":1},\"tls\":{}}}", "{\"server\":{}}",
	  "-/server/auth -/server/tls ", "" },
	{ "{\"tunnels\":[{\"id\":\"t\"}]}", "{\"tunnels\":[]}",
	  "-/tunnels/t ", "" },
	{ "{\"tunnelsx\":1}", "{\"tunnelsx\":2}", "~/tunnelsx ",
	  "~/tunnelsx " },
	{ "1", "2", "~ ", "~ " },
};

START_TEST(table)
{
	struct buf a = BUF_INIT, b = BUF_INIT, out = BUF_INIT;

	canonical(t[_i].a, &a);
	canonical(t[_i].b, &b);
	ck_assert(cdiff(all(&a), all(&b), put, &out));
	ck_assert_str_eq(buf_cstr(&out), t[_i].diff);
	buf_clear(&out);
	ck_assert(cdiff_drift(all(&a), all(&b), put, &out));
	ck_assert_str_eq(buf_cstr(&out), t[_i].drift);
	buf_clear(&out);
	ck_assert(cdiff(all(&a), all(&a), put, &out));
	ck_assert_uint_eq(buf_used(&out), 0);
	buf_free(&a);
	buf_free(&b);
	buf_free(&out);
}
END_TEST

static bool
once(void *arg, const struct cdiff_change *c)
{
	++*(int *)arg;
	return c == NULL;
}

START_TEST(ends)
{
	int n = 0;

	ck_assert(!cdiff(SLICE("{\"a\":1,\"b\":[1,2],\"c\":1}"),
	    SLICE("{\"b\":[2,1]}"), once, &n));
	ck_assert_int_eq(n, 1);
	ck_assert(cdiff((struct slice){ NULL, 0 }, SLICE("{}"), once, &n));
	ck_assert_int_eq(n, 1);
}
END_TEST

static const struct {
	const char	*text, *want;
} masks[] = {
	{ "{}", "{}" }, { "[]", "[]" }, { "1", "1" },
	{ "{\"a\":[{\"psk\":\"x\"},\"y\",null,true]}",
	  "{\"a\":[{\"psk\":\"***\"},\"y\",null,true]}" },
	{ "{\"token\":{\"deep\":[1]},\"token2\":null}",
	  "{\"token\":\"***\",\"token2\":null}" },
	{ "{\"u\":[\"rtmp://a:b@c\",\"rtmp://c/@\"]}",
	  "{\"u\":[\"***\",\"rtmp://c/@\"]}" },
	{ "{\"a\\\"b\":\"\\u0001\"}", "{\"a\\\"b\":\"\\u0001\"}" },
};

START_TEST(masking)
{
	struct buf a = BUF_INIT, out = BUF_INIT;

	canonical(masks[_i].text, &a);
	cdiff_mask(all(&a), &out);
	ck_assert_str_eq(buf_cstr(&out), masks[_i].want);
	buf_free(&a);
	buf_free(&out);
}
END_TEST

static const struct {
	const char	*text, *where;	/* NULL: nowhere */
} masked[] = {
	{ "\"***\"", "" }, { "\"****\"", NULL }, { "{}", NULL },
	{ "{\"***\":[\"**\",\"x***\",null]}", NULL },
	{ "{\"a\":[{\"b\":1},{\"c\":{\"p/s~\":\"***\",\"q\":\"***\"}}]}",
	  "/a/1/c/p~1s~0" },
	{ " { \"a\" : 1 , \"url\" : [ 2 , \"***\" ] } ", "/url/1" },
};

START_TEST(masked_somewhere)
{
	struct slice text = slice_of(masked[_i].text);
	struct buf at = BUF_INIT;

	ck_assert_int_eq(cdiff_masked(text, &at), masked[_i].where != NULL);
	ck_assert_str_eq(buf_cstr(&at), masked[_i].where == NULL ? "" :
	    masked[_i].where);
	ck_assert(!cdiff_masked((struct slice){ NULL, 0 }, &at));
	buf_free(&at);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cdiff");
	TCase *tc = tcase_create("cdiff");
	SRunner *r;
	int failed;

	tcase_add_loop_test(tc, table, 0, nitems(t));
	tcase_add_test(tc, ends);
	tcase_add_loop_test(tc, masking, 0, nitems(masks));
	tcase_add_loop_test(tc, masked_somewhere, 0, nitems(masked));
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
