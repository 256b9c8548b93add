/* Routes: what is found, what is refused, and which tables do not start. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../apid/route.h"
#include "xmalloc.h"

static void
handler(struct req *r)
{
	(void)r;
}

#define ROW(m, p, r) { m, p, r, 0, 0, NULL, NULL, handler, "x" }

static const struct route rows[] = {
	ROW(ROUTE_GET, "/", ROLE_PUBLIC),
	ROW(ROUTE_GET, "/nodes", ROLE_VIEWER),
	ROW(ROUTE_POST, "/nodes", ROLE_ADMIN),
	ROW(ROUTE_GET, "/nodes/endpoints", ROLE_VIEWER),
	ROW(ROUTE_GET, "/nodes/:id", ROLE_VIEWER),
	ROW(ROUTE_DELETE, "/nodes/:id", ROLE_ADMIN),
	ROW(ROUTE_GET, "/nodes/:id/config", ROLE_VIEWER),
	ROW(ROUTE_DELETE, "/nodes/:id/flows/*flow", ROLE_OPERATOR),
	ROW(ROUTE_POST, "/events/#id/ack", ROLE_VIEWER),
	ROW(ROUTE_GET, "/events/count", ROLE_VIEWER),
};

#define ID "0d0e4c5c-b28e-42a4-901c-8acf6a440a08"
#define NONE ((size_t)-1)

static const struct {
	const char	*method, *path;
	enum err	 err;
	size_t		 row;
	const char	*allow;
} finds[] = {
	{ "GET", "/", ERR_OK, 0, NULL },
	{ "GET", "/nodes", ERR_OK, 1, NULL },
	{ "HEAD", "/nodes", ERR_OK, 1, NULL },
	{ "POST", "/nodes", ERR_OK, 2, NULL },
	{ "GET", "/nodes/endpoints", ERR_OK, 3, NULL },
	{ "GET", "/nodes/" ID, ERR_OK, 4, NULL },
	{ "DELETE", "/nodes/" ID, ERR_OK, 5, NULL },
	{ "GET", "/nodes/" ID "/config", ERR_OK, 6, NULL },
	{ "DELETE", "/nodes/" ID "/flows/a%20b", ERR_OK, 7, NULL },
	{ "POST", "/events/9223372036854775807/ack", ERR_OK, 8, NULL },
	{ "GET", "/events/count", ERR_OK, 9, NULL },
	/* refused */
	{ "GET", "", ERR_NOT_FOUND, NONE, NULL },
	{ "GET", "*", ERR_NOT_FOUND, NONE, NULL },
	{ "GET", "/nodes/", ERR_NOT_FOUND, NONE, NULL },
	{ "GET", "//nodes", ERR_NOT_FOUND, NONE, NULL },
	{ "GET", "/Nodes", ERR_NOT_FOUND, NONE, NULL },
	{ "GET", "/%6eodes", ERR_NOT_FOUND, NONE, NULL },
	{ "GET", "/nodesx", ERR_NOT_FOUND, NONE, NULL },
	{ "GET", "/events", ERR_NOT_FOUND, NONE, NULL },
	{ "GET", "/nodes/x", ERR_NOT_FOUND, NONE, NULL },
	{ "GET", "/nodes/" ID "x", ERR_NOT_FOUND, NONE, NULL },
	{ "GET", "/nodes/" ID "/config/x", ERR_NOT_FOUND, NONE, NULL },
	{ "PUT", "/nodes", ERR_METHOD, NONE, "GET, HEAD, POST" },
	{ "OPTIONS", "/nodes", ERR_METHOD, NONE, "GET, HEAD, POST" },
	{ "POST", "/nodes/" ID, ERR_METHOD, NONE, "GET, HEAD, DELETE" },
	{ "HEAD", "/events/1/ack", ERR_METHOD, NONE, "POST" },
	{ "BREW", "/nodes", ERR_NOT_IMPLEMENTED, NONE, NULL },
	{ "get", "/nodes", ERR_NOT_IMPLEMENTED, NONE, NULL },
	{ "POST", "/events/x/ack", ERR_BAD_REQUEST, 8, NULL },
	{ "POST", "/events/-1/ack", ERR_BAD_REQUEST, 8, NULL },
	{ "POST", "/events/01/ack", ERR_BAD_REQUEST, 8, NULL },
	{ "POST", "/events//ack", ERR_BAD_REQUEST, 8, NULL },
	{ "POST", "/events/9223372036854775808/ack", ERR_BAD_REQUEST, 8,
	  NULL },
	{ "DELETE", "/nodes/" ID "/flows/", ERR_BAD_REQUEST, 7, NULL },
	{ "DELETE", "/nodes/" ID "/flows/%zz", ERR_BAD_REQUEST, 7, NULL },
	{ "DELETE", "/nodes/" ID "/flows/%00", ERR_BAD_REQUEST, 7, NULL },
	{ "DELETE", "/nodes/" ID "/flows/%ff", ERR_BAD_REQUEST, 7, NULL },
};

static struct slice
text(const char *s)
{
	return (struct slice){ s, strlen(s) };
}

START_TEST(find)
{
	struct buf why = BUF_INIT;
	struct router *r = router_new(rows, nitems(rows), &why);
	const struct route *row;
	struct route_params params;
	char allow[64];
	enum err err;

	ck_assert_ptr_nonnull(r);
	err = router_find(r, text(finds[_i].method), text(finds[_i].path),
	    &row, &params, allow);
	ck_assert_msg(err == finds[_i].err, "%s %s: %s", finds[_i].method,
	    finds[_i].path, err_info(err)->name);
	if (finds[_i].row == NONE)
		ck_assert_ptr_null(row);
	else
		ck_assert_ptr_eq(row, &rows[finds[_i].row]);
	if (finds[_i].allow != NULL)
		ck_assert_str_eq(allow, finds[_i].allow);
	router_free(r);
}
END_TEST

START_TEST(params)
{
	struct buf why = BUF_INIT;
	struct router *r = router_new(rows, nitems(rows), &why);
	const struct route *row;
	struct route_params p;
	char allow[64], dst[32];

	ck_assert_int_eq(router_find(r, text("DELETE"), text("/nodes/" ID
	    "/flows/a%2Fb%c3%a9"), &row, &p, allow), ERR_OK);
	ck_assert_uint_eq(p.n, 2);
	ck_assert_uint_eq(p.id_at, 0);
	ck_assert_int_eq(p.v[0].id.b[0], 0x0d);
	ck_assert_int_eq(route_text(p.v[1].text, dst, sizeof(dst)), 5);
	ck_assert_str_eq(dst, "a/b\xc3\xa9");
	ck_assert_int_eq(route_text(text("abc"), dst, 3), -1);
	ck_assert_int_eq(route_text(text("ab"), dst, 3), 2);
	ck_assert_int_eq(route_text(text("%4"), dst, 32), -1);
	ck_assert_int_eq(router_find(r, text("POST"), text("/events/42/ack"),
	    &row, &p, allow), ERR_OK);
	ck_assert_int_eq(p.v[0].n, 42);
	ck_assert_uint_eq(p.id_at, ROUTE_PARAMS);
	router_free(r);
}
END_TEST

static const struct {
	struct route	 row;
	const char	*why;
} bad[] = {
	{ ROW(ROUTE_GET, "/x", ROLE__UNSET), "has no role" },
	{ ROW(0, "/x", ROLE_VIEWER), "has no method" },
	{ ROW(ROUTE_GET, "x", ROLE_VIEWER), "has no pattern" },
	{ ROW(ROUTE_GET, "/a//b", ROLE_VIEWER), "has an empty segment" },
	{ ROW(ROUTE_GET, "/:a/:b/:c/:d/:e", ROLE_VIEWER),
	  "has too many parameters" },
	{ ROW(ROUTE_GET, "/nodes", ROLE_VIEWER), "is there twice" },
	{ ROW(ROUTE_GET, "/nodes/:other", ROLE_VIEWER), "is there twice" },
	{ { ROUTE_GET, "/x", ROLE_VIEWER, 0, 0, NULL, NULL, NULL, "x" },
	  "has no handler" },
	{ { ROUTE_GET, "/x", ROLE_VIEWER, 0, 10, NULL, NULL, handler, "x" },
	  "is a GET with a body" },
	{ { ROUTE_POST, "/x", ROLE_VIEWER, ROUTE_UPGRADE, 0, NULL, NULL,
	  handler, "x" }, "is an upgrade without GET" },
	{ { ROUTE_GET, "/x/:id", ROLE_PUBLIC, ROUTE_NODE, 0, NULL, NULL,
	  handler, "x" }, "checks a node for nobody" },
	{ { ROUTE_GET, "/x/#id", ROLE_VIEWER, ROUTE_NODE, 0, NULL, NULL,
	  handler, "x" }, "checks a node that its path lacks" },
	{ { ROUTE_GET, "/x", ROLE_VIEWER, 0, 0, NULL, NULL, handler, "" },
	  "has no description" },
};

START_TEST(refuse)
{
	struct route two[3] = { rows[1], rows[4] };
	struct buf why = BUF_INIT;

	two[2] = bad[_i].row;
	ck_assert_ptr_null(router_new(two, 3, &why));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&why), bad[_i].why));
	buf_free(&why);
}
END_TEST

/* Every change of authority shows in the diff of a small file. After a wanted
 * one: mastkeeper-apid --routes > tests/unit/apid_routes.txt */
START_TEST(golden)
{
	const char *src = getenv("MAST_SRC");
	struct buf now = BUF_INIT, why = BUF_INIT;
	char path[4096], then[16384];
	const struct route *table;
	struct router *r;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/unit/apid_routes.txt",
	    src != NULL ? src : ".");
	f = fopen(path, "r");
	ck_assert_msg(f != NULL, "%s is missing", path);
	n = fread(then, 1, sizeof(then) - 1, f);
	then[n] = '\0';
	fclose(f);
	routes_dump(&now);
	ck_assert_str_eq(buf_cstr(&now), then);
	buf_free(&now);
	table = routes_table(&n);
	r = router_new(table, n, &why);
	ck_assert_msg(r != NULL, "%s", buf_cstr(&why));
	router_free(r);
	buf_free(&why);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("route");
	TCase *t = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, find, 0, (int)nitems(finds));
	tcase_add_test(t, params);
	tcase_add_loop_test(t, refuse, 0, (int)nitems(bad));
	tcase_add_test(t, golden);
	suite_add_tcase(s, t);
	srunner_run_all(sr, getenv("CK_TAP_LOG_FILE_NAME") != NULL ?
	    CK_SILENT : CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
