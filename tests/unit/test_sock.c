/* sock: address texts, listeners, credentials, the PROXY header. */
#include <sys/stat.h>
#include <sys/un.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sock.h"
#include "xmalloc.h"

static const struct {
	const char	*text;
	const char	*shown;		/* NULL: refused */
	const char	*host;
} addrs[] = {
	{ "127.0.0.1:8443", "127.0.0.1:8443", "127.0.0.1" },
	{ "0.0.0.0:0", "0.0.0.0:0", "0.0.0.0" },
	{ "[::]:8443", "[::]:8443", "::" },
	{ "*:8444", "[::]:8444", "::" },
	{ "[::1]:65535", "[::1]:65535", "::1" },
	{ "[::ffff:192.0.2.7]:80", "192.0.2.7:80", "192.0.2.7" },
	{ "[fe80::1%1]:80", "[fe80::1%1]:80", "fe80::1%1" },
	{ "[fe80::1%lo]:80", "[fe80::1%1]:80", "fe80::1%1" },
	{ "unix:/run/x.sock", "/run/x.sock", "unix" },
	{ "", NULL, NULL },
	{ "127.0.0.1", NULL, NULL },
	{ "127.0.0.1:", NULL, NULL },
	{ "127.0.0.1:65536", NULL, NULL },
	{ "127.0.0.1:+1", NULL, NULL },
	{ "127.0.0.1: 1", NULL, NULL },
	{ "127.1:80", NULL, NULL },
	{ "0x7f.0.0.1:80", NULL, NULL },
	{ "localhost:80", NULL, NULL },
	{ "::1:80", NULL, NULL },
	{ "[::1:80", NULL, NULL },
	{ "[]:80", NULL, NULL },
	{ "[127.0.0.1]:80", NULL, NULL },
	{ "[fe80::1%nosuchif]:80", NULL, NULL },
	{ "[fe80::1%0]:80", NULL, NULL },
	{ ":80", NULL, NULL },
	{ "unix:", NULL, NULL },
	{ "unix:relative", NULL, NULL },
};

START_TEST(parse)
{
	struct sock_addr	a;
	struct buf		err = BUF_INIT;
	char			text[SOCK_TEXT];
	int			r;

	r = sock_parse(addrs[_i].text, &a, &err);
	if (addrs[_i].shown == NULL) {
		ck_assert_int_eq(r, -1);
		ck_assert_uint_gt(buf_used(&err), 10);
	} else {
		ck_assert_msg(r == 0, "%s", buf_cstr(&err));
		sock_text(&a, text);
		ck_assert_str_eq(text, addrs[_i].shown);
		sock_host(&a, text);
		ck_assert_str_eq(text, addrs[_i].host);
	}
	buf_free(&err);
}
END_TEST

START_TEST(parse_long)
{
	struct sock_addr	a;
	struct buf		err = BUF_INIT;
	char			text[300], shown[SOCK_TEXT];

	memset(text, 'a', sizeof(text));
	memcpy(text, "unix:/", 6);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(sock_parse(text, &a, &err), -1);
	text[5 + 107] = '\0';		/* the longest that fits */
	ck_assert_int_eq(sock_parse(text, &a, &err), 0);
	sock_text(&a, shown);		/* cut, not overrun */
	ck_assert_uint_eq(strlen(shown), SOCK_TEXT - 1);
	memset(text, '1', 200);
	memcpy(text + 200, ":80", 4);
	ck_assert_int_eq(sock_parse(text, &a, &err), -1);
	buf_free(&err);
}
END_TEST

static int
listen_text(const char *text, struct buf *err)
{
	struct sock_addr a;

	ck_assert_int_eq(sock_parse(text, &a, err), 0);
	return sock_listen(&a, 0, 0660, (gid_t)-1, err);
}

static void
wait_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	ck_assert_int_eq(poll(&p, 1, 5000), 1);
}

static const char *const inet_listeners[] = {
	"127.0.0.1:0", "*:0", "[::1]:0"
};

START_TEST(inet)
{
	struct buf		err = BUF_INIT;
	struct sock_addr	to, peer;
	char			text[SOCK_TEXT];
	int			lfd, cfd, sfd, port;

	lfd = listen_text(inet_listeners[_i], &err);
	if (lfd == -1 && _i == 2)
		return;		/* a machine without ::1 */
	ck_assert_msg(lfd != -1, "%s", buf_cstr(&err));
	ck_assert_int_ne(fcntl(lfd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(lfd, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(sock_accept(lfd, NULL), -1);
	ck_assert_int_eq(errno, EAGAIN);
	port = sock_port(lfd);
	ck_assert_int_gt(port, 0);
	snprintf(text, sizeof(text), "%s:%d", _i == 2 ? "[::1]" : "127.0.0.1",
	    port);
	ck_assert_int_eq(sock_parse(text, &to, &err), 0);
	ck_assert_int_eq(listen_text(text, &err) == -1 ? errno : 0,
	    EADDRINUSE);
	cfd = sock_connect(&to);
	ck_assert_int_ne(cfd, -1);
	wait_readable(lfd);
	sfd = sock_accept(lfd, &peer);
	ck_assert_int_ne(sfd, -1);
	ck_assert_int_ne(fcntl(sfd, F_GETFL) & O_NONBLOCK, 0);
	sock_tune(sfd, 5000);
	sock_host(&peer, text);		/* mapped addresses are IPv4 */
	ck_assert_str_eq(text, _i == 2 ? "::1" : "127.0.0.1");
	close(cfd);
	close(sfd);
	close(lfd);
	buf_free(&err);
}
END_TEST

START_TEST(unix_socket)
{
	char			dir[] = "/tmp/ts-XXXXXX", text[64];
	const char		*path = text + 5;
	struct buf		err = BUF_INIT;
	struct sock_addr	a;
	struct stat		st;
	int			lfd, cfd, sfd;
	uid_t			uid = 12345;
	pid_t			pid = 0;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(text, sizeof(text), "unix:%s/s", dir);
	ck_assert_int_eq(sock_parse(text, &a, &err), 0);
	lfd = listen_text(text, &err);
	ck_assert_msg(lfd != -1, "%s", buf_cstr(&err));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0660);
	/* alive: in use */
	ck_assert_int_eq(listen_text(text, &err), -1);
	ck_assert_int_eq(errno, EADDRINUSE);
	cfd = sock_connect(&a);
	ck_assert_int_ne(cfd, -1);
	while ((sfd = sock_accept(lfd, NULL)) != -1) {
		ck_assert_int_eq(sock_peer(sfd, &uid, &pid), 0);
		close(sfd);
	}
	ck_assert_uint_eq(uid, getuid());
	ck_assert_int_eq(pid, getpid());
	close(cfd);
	/* dead: replaced */
	close(lfd);
	lfd = listen_text(text, &err);
	ck_assert_int_ne(lfd, -1);
	close(lfd);
	/* a file that is no socket is left alone */
	ck_assert_int_eq(unlink(path), 0);
	sfd = open(path, O_CREAT | O_WRONLY, 0600);
	close(sfd);
	ck_assert_int_eq(listen_text(text, &err), -1);
	ck_assert_int_eq(errno, EEXIST);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(dir), 0);
	ck_assert_int_eq(sock_connect(&a), -1);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(listen_text(text, &err), -1);
	buf_free(&err);
}
END_TEST

START_TEST(peer_of_tcp)
{
	struct buf	err = BUF_INIT;
	int		fd = listen_text("127.0.0.1:0", &err);
	uid_t		uid;

	ck_assert_int_eq(sock_peer(fd, &uid, NULL), -1);
	close(fd);
	buf_free(&err);
}
END_TEST

/* ---- PROXY ---- */

static const struct {
	const char *src, *dst, *got;
} proxied[] = {
	{ "192.0.2.1:4711", "198.51.100.2:8443", "192.0.2.1:4711" },
	{ "192.0.2.1:4711", NULL, "192.0.2.1:4711" },
	{ "[2001:db8::1]:1", "[2001:db8::2]:2", "[2001:db8::1]:1" },
	{ "[2001:db8::1]:1", "198.51.100.2:2", "[2001:db8::1]:1" },
	{ "192.0.2.1:4711", "[2001:db8::2]:2", "192.0.2.1:4711" },
	{ "[::ffff:192.0.2.9]:5", "[::ffff:192.0.2.10]:6", "192.0.2.9:5" },
	{ "unix:/x", NULL, NULL },
};

START_TEST(proxy_round)
{
	struct sock_addr	src, dst, got;
	struct buf		b = BUF_INIT, err = BUF_INIT;
	char			text[SOCK_TEXT];
	size_t			i, n, used = 0;

	ck_assert_int_eq(sock_parse(proxied[_i].src, &src, &err), 0);
	if (proxied[_i].dst != NULL)
		ck_assert_int_eq(sock_parse(proxied[_i].dst, &dst, &err), 0);
	sock_proxy_put(&b, &src, proxied[_i].dst != NULL ? &dst : NULL);
	n = buf_used(&b);
	for (i = 0; i < n; i++)
		ck_assert_int_eq(sock_proxy_get(buf_head(&b), i, &used, &got),
		    0);
	buf_puts(&b, "GET /");
	ck_assert_int_eq(sock_proxy_get(buf_head(&b), buf_used(&b), &used,
	    &got), 1);
	ck_assert_uint_eq(used, n);
	if (proxied[_i].got == NULL) {
		ck_assert_int_eq(got.ss.ss_family, 0);
	} else {
		sock_text(&got, text);
		ck_assert_str_eq(text, proxied[_i].got);
	}
	buf_free(&b);
	buf_free(&err);
}
END_TEST

/* After the signature: command, family, length, and zeros. */
static const struct {
	uint8_t	head[4];
	int	result;
} proxy_heads[] = {
	{ { 0x21, 0x11, 0, 12 }, 1 }, { { 0x21, 0x11, 0, 11 }, -1 },
	{ { 0x21, 0x21, 0, 36 }, 1 }, { { 0x21, 0x21, 0, 35 }, -1 },
	{ { 0x21, 0x11, 0, 40 }, 1 },		/* with extensions */
	{ { 0x21, 0x00, 0, 0 }, 1 }, { { 0x20, 0x99, 0, 4 }, 1 },
	{ { 0x21, 0x12, 0, 12 }, -1 },		/* datagrams */
	{ { 0x21, 0x31, 0, 216 }, -1 },		/* Unix */
	{ { 0x22, 0x11, 0, 12 }, -1 }, { { 0x11, 0x11, 0, 12 }, -1 },
	{ { 0x21, 0x11, 2, 24 }, 1 },		/* 536: the most we take */
	{ { 0x21, 0x11, 2, 25 }, -1 }, { { 0x21, 0x11, 255, 255 }, -1 },
};

START_TEST(proxy_bad)
{
	static const uint8_t	sig[] = "\r\n\r\n\0\r\nQUIT\n";
	uint8_t			p[600] = { 0 };
	struct sock_addr	got;
	size_t			used;

	memcpy(p, sig, 12);
	memcpy(p + 12, proxy_heads[_i].head, 4);
	ck_assert_int_eq(sock_proxy_get(p, sizeof(p), &used, &got),
	    proxy_heads[_i].result);
	p[3] ^= 1;
	ck_assert_int_eq(sock_proxy_get(p, sizeof(p), &used, &got), -1);
	ck_assert_int_eq(sock_proxy_get(p, 4, &used, &got), -1);
	ck_assert_int_eq(sock_proxy_get(p, 3, &used, &got), 0);
}
END_TEST

int
main(void)
{
	Suite	*s = suite_create("sock");
	TCase	*t = tcase_create("sock");
	SRunner	*sr;
	int	 failed;

	tcase_add_loop_test(t, parse, 0, nitems(addrs));
	tcase_add_test(t, parse_long);
	tcase_add_loop_test(t, inet, 0, nitems(inet_listeners));
	tcase_add_test(t, unix_socket);
	tcase_add_test(t, peer_of_tcp);
	tcase_add_loop_test(t, proxy_round, 0, nitems(proxied));
	tcase_add_loop_test(t, proxy_bad, 0, nitems(proxy_heads));
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, getenv("CK_TAP_LOG_FILE_NAME") != NULL ?
	    CK_SILENT : CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
