/* conf: defaults, every type's rules, line errors, dump and re-read. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "log.h"
#include "xmalloc.h"

struct test_conf {
	struct conf_suite suite;
	char		*listen;
	char		*motto;
	char		*file;
	int64_t		 conns;
	bool		 strict;
};

#define K(name, type, def, min, max, help) { "hubd", #name, type,	\
	offsetof(struct test_conf, name), def, min, max, true, help }

static const struct conf_key keys[] = {
	CONF_SUITE_ROWS,
	K(listen, CONF_ADDR, "127.0.0.1:8444", 0, 0, "where nodes connect"),
	K(motto, CONF_STRING, "", 0, 8, "a short text"),
	K(file, CONF_PATH, "", 0, 0, "a file"),
	K(conns, CONF_INT, "4", 1, 16, "database connections"),
	K(strict, CONF_BOOL, "yes", 0, 0, "be strict"),
};

static const struct conf_table table = { keys, nitems(keys), "hubd" };
static struct test_conf c;
static struct buf err;

static void
setup(void)
{
	memset(&c, 0xa5, sizeof(c));	/* nothing of it may be relied on */
	err = (struct buf)BUF_INIT;
}

static void
teardown(void)
{
	buf_free(&err);
}

static int
parse(const char *text)
{
	return conf_parse(&table, &c, "t.conf", text, strlen(text), &err);
}

START_TEST(defaults)
{
	ck_assert_int_eq(parse(""), 0);
	ck_assert_str_eq(c.suite.state_dir, "/var/lib/mastkeeper");
	ck_assert_str_eq(c.suite.run_dir, "/run/mastkeeper");
	ck_assert_str_eq(c.suite.database, "dbname=mastkeeper");
	ck_assert_str_eq(c.suite.server_key,
	    "/var/lib/mastkeeper/server.key");
	ck_assert_str_eq(c.suite.tls_cert, "/var/lib/mastkeeper/tls.crt");
	ck_assert_str_eq(c.suite.user_hubd, "_mast_hubd");
	ck_assert_int_eq(c.suite.log_level, LOG_L_INFO);
	ck_assert_str_eq(c.listen, "127.0.0.1:8444");
	ck_assert_ptr_null(c.motto);
	ck_assert_int_eq(c.conns, 4);
	ck_assert(c.strict);
	conf_free(&table, &c);
	ck_assert_ptr_null(c.listen);
	conf_free(&table, &c);
}
END_TEST

START_TEST(values)
{
	ck_assert_int_eq(parse("# a comment\n\n[suite]\n"
	    "state_dir=/s # behind it\n  database =  host=/x dbname=y  \n"
	    "log_level = debug\nserver_key = /k\n"
	    "[apid]\nanything = goes here\n[hubd]\n"
	    "\tlisten\t=\t[::]:0\nconns = 16\nstrict = Off\n"
	    "motto = a#b\n[suite]\nrun_dir = /r"), 0);
	ck_assert_str_eq(c.suite.state_dir, "/s");
	ck_assert_str_eq(c.suite.tls_key, "/s/tls.key");
	ck_assert_str_eq(c.suite.server_key, "/k");
	ck_assert_str_eq(c.suite.database, "host=/x dbname=y");
	ck_assert_int_eq(c.suite.log_level, LOG_L_DEBUG);
	ck_assert_str_eq(c.suite.run_dir, "/r");
	ck_assert_str_eq(c.listen, "[::]:0");
	ck_assert_str_eq(c.motto, "a#b");
	ck_assert_int_eq(c.conns, 16);
	ck_assert(!c.strict);
	conf_free(&table, &c);
}
END_TEST

static const struct { const char *text, *err; } faults[] = {
	{ "conns = 1", "t.conf:1: conns: stands before" },
	{ "[nosuch]\n", "t.conf:1: [nosuch]: unknown section" },
	{ "\n[hubd\n", "t.conf:2: [hubd: a section" },
	{ "[]", "t.conf:1: []: a section" },
	{ "[hubd]\nlisten\n", "t.conf:2: listen: a line is" },
	{ "[hubd]\n= 1\n", "t.conf:2: = 1: a line is" },
	{ "[hubd]\nnosuch = 1", "t.conf:2: nosuch: unknown key" },
	{ "[hubd]\nstate_dir = /x", "t.conf:2: state_dir: unknown key" },
	{ "[suite]\nlisten = *:1", "t.conf:2: listen: unknown key" },
	{ "[hubd]\nconns = 1\nconns = 1", "t.conf:3: conns: is set twice" },
	{ "[hubd]\nconns = 0", "t.conf:2: conns: must be a whole number "
	    "from 1 to 16" },
	{ "[hubd]\nconns = 17", "t.conf:2: conns: must be" },
	{ "[hubd]\nconns = 4x", "t.conf:2: conns: must be" },
	{ "[hubd]\nconns =", "t.conf:2: conns: must be" },
	{ "[hubd]\nconns = 99999999999999999999", "t.conf:2: conns: must" },
	{ "[hubd]\nstrict = maybe", "t.conf:2: strict: must be yes or no" },
	{ "[hubd]\nmotto = 123456789", "t.conf:2: motto: must be 0 to 8 " },
	{ "[hubd]\nfile = relative", "t.conf:2: file: must be an absolute" },
	{ "[suite]\nstate_dir =", "t.conf:2: state_dir: must not be empty" },
	{ "[suite]\nlog_level = loud", "t.conf:2: log_level: must be error" },
	{ "[hubd]\nlisten = localhost:1", "t.conf:2: listen: must be" },
	{ "[hubd]\nlisten = 127.0.0.1", "t.conf:2: listen: must be" },
	{ "[hubd]\nlisten = 127.0.0.1:", "t.conf:2: listen: must be" },
	{ "[hubd]\nlisten = 127.0.0.1:65536", "t.conf:2: listen: must be" },
	{ "[hubd]\nlisten = 127.0.0.1:+1", "t.conf:2: listen: must be" },
	{ "[hubd]\nlisten = 1.2.3.400:1", "t.conf:2: listen: must be" },
	{ "[hubd]\nlisten = ::1:80", "t.conf:2: listen: must be" },
	{ "[hubd]\nlisten = [::1:80", "t.conf:2: listen: must be" },
	{ "[hubd]\nlisten = []:80", "t.conf:2: listen: must be" },
	{ "[hubd]\nlisten = :80", "t.conf:2: listen: must be" },
	{ "[hubd]\nlisten = unix:x", "t.conf:2: listen: must be" },
	{ "[hubd]\nmotto = \x01", "t.conf:2: holds a control character" },
	{ "[hubd]\r\n", "t.conf:1: holds a control character" },
	{ "[hubd]\nmotto = \xff", "t.conf:2: is not UTF-8" },
	{ "[apid]\nno equals sign", "t.conf:2: no equals sign: a line" },
};

START_TEST(line_faults)
{
	ck_assert_int_eq(parse(faults[_i].text), -1);
	ck_assert_msg(strncmp(buf_cstr(&err), faults[_i].err,
	    strlen(faults[_i].err)) == 0, "%s", buf_cstr(&err));
	ck_assert_ptr_null(strchr(buf_cstr(&err), '\n'));
	conf_free(&table, &c);		/* harmless */
}
END_TEST

START_TEST(addresses)
{
	static const char *const good[] = { "127.0.0.1:1", "*:8443",
	    "[::1]:65535", "unix:/run/x.sock", "" };
	char text[100];
	size_t i;

	for (i = 0; i < nitems(good); i++) {
		snprintf(text, sizeof(text), "[hubd]\nlisten = %s\n",
		    good[i]);
		ck_assert_msg(parse(text) == 0, "%s", buf_cstr(&err));
		if (good[i][0] != '\0')
			ck_assert_str_eq(c.listen, good[i]);
		else
			ck_assert_ptr_null(c.listen);
		conf_free(&table, &c);
	}
}
END_TEST

START_TEST(dump)
{
	struct buf out = BUF_INIT;
	const char *p;
	char *text;
	size_t n = 0;

	conf_dump(&table, &out);
	ck_assert_int_eq(parse(buf_cstr(&out)), 0);
	ck_assert_int_eq(c.conns, 4);
	conf_free(&table, &c);
	for (p = buf_cstr(&out); (p = strstr(p, "\n#")) != NULL; p++)
		n += p[2] != ' ';
	ck_assert_uint_eq(n, table.nkeys);
	/* with every default spelled out it says the same */
	text = buf_steal(&out, NULL);
	for (char *q = text; (q = strstr(q, "\n#")) != NULL; q++)
		if (q[2] != ' ')
			q[1] = ' ';
	ck_assert_msg(parse(text) == 0, "%s", buf_cstr(&err));
	ck_assert_str_eq(c.suite.database, "dbname=mastkeeper");
	conf_free(&table, &c);
	free(text);
}
END_TEST

/* Reloadable values change places, others are only named. */
START_TEST(reload)
{
	static const char	text[] = "[suite]\nrun_dir = /r\n"
	    "log_level = warn\n[hubd]\nmotto = new\nconns = 9\n"
	    "strict = no\nlisten =\n";
	struct test_conf	fresh;
	struct buf		taken = BUF_INIT, waits = BUF_INIT;

	ck_assert_int_eq(parse("[hubd]\nmotto = old\nfile = /same\n"), 0);
	ck_assert_int_eq(conf_parse(&table, &fresh, "t.conf", text,
	    strlen(text), &err), 0);
	conf_reload(&table, &c, &fresh, &taken, &waits);
	ck_assert_str_eq(buf_cstr(&taken), "suite.log_level hubd.listen "
	    "hubd.motto hubd.file hubd.conns hubd.strict");
	ck_assert_str_eq(buf_cstr(&waits), "suite.run_dir");
	ck_assert_str_eq(c.motto, "new");
	ck_assert_str_eq(fresh.motto, "old");
	ck_assert_ptr_null(c.listen);
	ck_assert_ptr_null(c.file);
	ck_assert_int_eq(c.conns, 9);
	ck_assert(!c.strict);
	ck_assert_int_eq(c.suite.log_level, LOG_L_WARN);
	ck_assert_str_eq(c.suite.run_dir, "/run/mastkeeper");
	buf_clear(&taken);
	buf_clear(&waits);
	conf_free(&table, &fresh);
	ck_assert_int_eq(conf_parse(&table, &fresh, "t.conf", text,
	    strlen(text), &err), 0);
	conf_reload(&table, &c, &fresh, &taken, &waits);
	ck_assert_uint_eq(buf_used(&taken), 0);
	ck_assert_str_eq(buf_cstr(&waits), "suite.run_dir");
	conf_free(&table, &fresh);
	conf_free(&table, &c);
	buf_free(&taken);
	buf_free(&waits);
}
END_TEST

START_TEST(files)
{
	char path[] = "/tmp/mastconfXXXXXX";
	int fd = mkstemp(path);
	size_t i;

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(write(fd, "[hubd]\nconns = 7\n", 17), 17);
	ck_assert_int_eq(conf_read_file(&table, &c, path, &err), 0);
	ck_assert_int_eq(c.conns, 7);
	conf_free(&table, &c);
	for (i = 0; i < 70000; i++)
		ck_assert_int_eq(write(fd, "# filler line..\n", 16), 16);
	ck_assert_int_eq(conf_read_file(&table, &c, path, &err), -1);
	conf_free(&table, &c);
	close(fd);
	unlink(path);
	ck_assert_int_eq(conf_read_file(&table, &c, path, &err), -1);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&err), path));
	ck_assert_int_eq(conf_read_file(&table, &c, "/tmp", &err), -1);
	conf_free(&table, &c);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("conf");
	TCase *tc = tcase_create("all");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, defaults);
	tcase_add_test(tc, values);
	tcase_add_loop_test(tc, line_faults, 0, (int)nitems(faults));
	tcase_add_test(tc, addresses);
	tcase_add_test(tc, dump);
	tcase_add_test(tc, files);
	tcase_add_test(tc, reload);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, getenv("CK_TAP_LOG_FILE_NAME") != NULL ?
	    CK_SILENT : CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
