/*
 * The log: what reaches stderr, what is escaped, which levels pass, and the
 * journal's native protocol against a socket of our own.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE	/* unshare */
#endif
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "xmalloc.h"

static char captured[16384];

/* Replaces stderr by a file; captured() reads what was written. */
static int
capture(void)
{
	char	name[] = "/tmp/mast_log_XXXXXX";
	int	fd = mkstemp(name), save = dup(STDERR_FILENO);

	ck_assert_int_ne(fd, -1);
	unlink(name);
	dup2(fd, STDERR_FILENO);
	close(fd);
	return save;
}

static const char *
capture_end(int save)
{
	ssize_t n;

	n = pread(STDERR_FILENO, captured, sizeof(captured) - 1, 0);
	captured[n > 0 ? n : 0] = '\0';
	dup2(save, STDERR_FILENO);
	close(save);
	return captured;
}

static const struct { const char *in, *out; } lines[] = {
	{ "plain", "plain" },
	{ "", "" },
	{ "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x8e\xac",
	    "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x8e\xac" },
	{ "a\nerror hubd: forged", "a\\x0aerror hubd: forged" },
	{ "\r\t\x1b[31m\x7f", "\\x0d\\x09\\x1b[31m\\x7f" },
	{ "\xff\xfe", "\\xff\\xfe" },
	{ "\xc3", "\\xc3" },
	{ "\xc3\x28", "\\xc3(" },
	{ "\xe2\x82", "\\xe2\\x82" },
	{ "\xc0\xaf", "\\xc0\\xaf" },		/* overlong */
	{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },	/* surrogate */
	{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
	{ "\xc2\x9b" "31m", "\\xc2\\x9b31m" },	/* CSI */
	{ "x\xe2\x80\xa8y", "x\\xe2\\x80\\xa8y" },
	{ "100% %s %n", "100% %s %n" },
};

START_TEST(escaping)
{
	char	want[256];
	int	save = capture();

	log_init("test", LOG_L_INFO);
	log_info("%s", lines[_i].in);
	snprintf(want, sizeof(want), "info test: %s\n", lines[_i].out);
	ck_assert_str_eq(capture_end(save), want);
}
END_TEST

START_TEST(levels)
{
	static const char *const want[] = {
		"error t: 1\n",
		"error t: 1\nwarn t: 2\n",
		"error t: 1\nwarn t: 2\ninfo t: 3\n",
		"error t: 1\nwarn t: 2\ninfo t: 3\ndebug t: 4\n",
	};
	int save = capture();

	log_init("t", LOG_L_DEBUG);
	log_set_level((enum log_level)_i);
	errno = EBADF;
	log_error("%d", 1);
	log_warn("%d", 2);
	log_info("%d", 3);
	log_debug("%d", 4);
	ck_assert_int_eq(errno, EBADF);
	ck_assert_str_eq(capture_end(save), want[_i]);
}
END_TEST

/* A lost stderr is no error of the caller. */
START_TEST(errno_stays)
{
	int save = dup(STDERR_FILENO);

	log_init("t", LOG_L_INFO);
	close(STDERR_FILENO);
	errno = EPERM;
	log_info("%s", "lost");
	ck_assert_int_eq(errno, EPERM);
	dup2(save, STDERR_FILENO);
	close(save);
}
END_TEST

START_TEST(level_names)
{
	ck_assert_int_eq(log_level_parse("error"), LOG_L_ERROR);
	ck_assert_int_eq(log_level_parse("warn"), LOG_L_WARN);
	ck_assert_int_eq(log_level_parse("info"), LOG_L_INFO);
	ck_assert_int_eq(log_level_parse("debug"), LOG_L_DEBUG);
	ck_assert_int_eq(log_level_parse("Error"), -1);
	ck_assert_int_eq(log_level_parse("warning"), -1);
	ck_assert_int_eq(log_level_parse(""), -1);
	ck_assert_int_eq(log_level_parse(NULL), -1);
}
END_TEST

/* A very long text is cut, is one line, and no escape is torn. */
START_TEST(long_line)
{
	char		*text = xmalloc(10001), last[4] = "\x01";
	const char	*out;
	int		 save = capture();

	memset(text, _i == 0 ? 'a' : last[0], 10000);
	text[10000] = '\0';
	log_init("t", LOG_L_INFO);
	log_info("%s", text);
	out = capture_end(save);
	ck_assert_uint_gt(strlen(out), 4000);
	ck_assert_uint_lt(strlen(out), 4300);
	ck_assert_ptr_eq(strchr(out, '\n'), out + strlen(out) - 1);
	if (_i == 1)
		ck_assert_uint_eq((strlen(out) - strlen("info t: \n")) % 4, 0);
	free(text);
}
END_TEST

START_TEST(fatal_aborts)
{
	fatal("%s", "no way on");
}
END_TEST

START_TEST(exit_code)
{
	int save = capture();

	(void)save;
	log_init("t", LOG_L_INFO);
	log_exit(78, "the file is bad");
}
END_TEST

/* JOURNAL_STREAM of another file means a redirected stderr. */
START_TEST(foreign_stream)
{
	int save = capture();

	setenv("JOURNAL_STREAM", "1:1", 1);
	log_init("t", LOG_L_INFO);
	log_info("x");
	setenv("JOURNAL_STREAM", "nonsense", 1);
	log_init("t", LOG_L_INFO);
	log_info("y");
	ck_assert_str_eq(capture_end(save), "info t: x\ninfo t: y\n");
}
END_TEST

static void
set_stream(void)
{
	struct stat	 st;
	char		*v;

	fstat(STDERR_FILENO, &st);
	v = xasprintf("%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", v, 1);
	free(v);
}

/* In a child with a /run of its own; 77: not possible here, else 0. */
static int
journal_child(void)
{
	static const char want[] =
	    "PRIORITY=4\nSYSLOG_IDENTIFIER=hubd\nMESSAGE=a\\x0ab\n";
	struct sockaddr_un sun = {
		.sun_family = AF_UNIX,
		.sun_path = "/run/systemd/journal/socket"
	};
	const struct log_event_row *row;
	char	got[512], event[512];
	ssize_t	n;
	int	fd, save;

	if (unshare(getuid() == 0 ? CLONE_NEWNS :
	    CLONE_NEWUSER | CLONE_NEWNS) == -1 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("none", "/run", "tmpfs", 0, NULL) == -1)
		return 77;
	mkdir("/run/systemd", 0755);
	mkdir("/run/systemd/journal", 0755);
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		return 77;
	save = capture();
	set_stream();
	log_init("hubd", LOG_L_INFO);
	log_warn("a\n%s", "b");
	n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);
	if (n < 0)
		return 1;
	got[n] = '\0';
	if (strcmp(got, want) != 0)
		return 2;
	log_event(LOG_DB_AWAY, "%s", "no");
	n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);
	if (n < 0)
		return 6;
	got[n] = '\0';
	row = log_event_row(LOG_DB_AWAY);
	snprintf(event, sizeof(event), "PRIORITY=4\nSYSLOG_IDENTIFIER=hubd\n"
	    "MESSAGE_ID=%s\nMESSAGE=no\n", row->id);
	if (strcmp(got, event) != 0)
		return 7;
	/* the journal restarts: a new socket at the same place */
	close(fd);
	unlink(sun.sun_path);
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		return 3;
	log_warn("a\nb");
	n = recv(fd, got, sizeof(got), MSG_DONTWAIT);
	if (n != sizeof(want) - 1 || memcmp(got, want, (size_t)n) != 0)
		return 4;
	/* and goes: the stream behind stderr takes over */
	close(fd);
	unlink(sun.sun_path);
	log_warn("last");
	return strcmp(capture_end(save), "<4>warn hubd: last\n") == 0 ? 0 : 5;
}

/* Every event has a name, a level and an id of its own. */
START_TEST(event_table)
{
	const struct log_event_row *row, *other;
	int i;

	ck_assert_ptr_null(log_event_row(LOG__UNSET));
	ck_assert_ptr_null(log_event_row(LOG__N));
	row = log_event_row((enum log_id)_i);
	ck_assert_uint_eq(strlen(row->id), 32);
	ck_assert_uint_eq(strspn(row->id, "0123456789abcdef"), 32);
	ck_assert_int_eq(row->id[12], '4');	/* random, as UUIDs go */
	ck_assert_uint_gt(strlen(row->text), 8);
	for (i = LOG__UNSET + 1; i < _i; i++) {
		other = log_event_row((enum log_id)i);
		ck_assert_str_ne(row->id, other->id);
		ck_assert_str_ne(row->name, other->name);
	}
}
END_TEST

START_TEST(journal)
{
	pid_t	pid = fork();
	int	status;

	if (pid == 0)
		_exit(journal_child());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) != 77)
		ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

int
main(void)
{
	Suite	*s = suite_create("log");
	TCase	*tc = tcase_create("log");
	SRunner	*sr;
	int	 failed;

	unsetenv("JOURNAL_STREAM");
	tcase_add_loop_test(tc, escaping, 0, (int)nitems(lines));
	tcase_add_loop_test(tc, levels, 0, 4);
	tcase_add_test(tc, errno_stays);
	tcase_add_test(tc, level_names);
	tcase_add_loop_test(tc, long_line, 0, 2);
	tcase_add_test_raise_signal(tc, fatal_aborts, 6);
	tcase_add_exit_test(tc, exit_code, 78);
	tcase_add_test(tc, foreign_stream);
	tcase_add_loop_test(tc, event_table, LOG__UNSET + 1, LOG__N);
	tcase_add_test(tc, journal);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
