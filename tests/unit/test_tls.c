/* tls: both sides in one process over a socket pair; certificates. */
#include <sys/socket.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "str.h"
#include "tls.h"
#include "tls_cert.h"
#include "xmalloc.h"

#define NAMES "node.example, *.example.net,192.0.2.1,::1"

struct pair {
	struct tls_ctx	*sctx, *cctx;
	struct tls	*s, *c;
	int		 fd[2];
	struct buf	 cert, key, err;
};

static void
make_certs(struct pair *p)
{
	memset(p, 0, sizeof(*p));
	ck_assert_msg(tls_selfsigned(NAMES, &p->cert, &p->key, &p->err) == 0,
	    "%s", buf_cstr(&p->err));
}

static void
make(struct pair *p, bool verify, const char *name)
{
	make_certs(p);
	p->sctx = tls_ctx_server(buf_cstr(&p->cert), buf_cstr(&p->key), 0,
	    &p->err);
	p->cctx = tls_ctx_client(verify ? buf_cstr(&p->cert) : NULL, &p->err);
	ck_assert_msg(p->sctx != NULL && p->cctx != NULL, "%s",
	    buf_cstr(&p->err));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    p->fd), 0);
	p->s = tls_accept(p->sctx, p->fd[0]);
	p->c = tls_connect(p->cctx, p->fd[1], name);
	/* connections keep their context */
	tls_ctx_free(p->sctx);
	tls_ctx_free(p->cctx);
}

static void
drop(struct pair *p)
{
	tls_free(p->s);
	tls_free(p->c);
	close(p->fd[0]);
	close(p->fd[1]);
	buf_free(&p->cert);
	buf_free(&p->key);
	buf_free(&p->err);
}

/* Turns until both are done or one fails. */
static void
shake(struct pair *p, enum tls_io *s_r, enum tls_io *c_r)
{
	int i;

	*s_r = *c_r = TLS_WANT_READ;
	for (i = 0; i < 20; i++) {
		if (*c_r == TLS_WANT_READ)
			*c_r = tls_handshake(p->c);
		if (*s_r == TLS_WANT_READ)
			*s_r = tls_handshake(p->s);
	}
}

static void
joined(struct pair *p)
{
	enum tls_io	s, c;
	size_t		n;
	char		b;

	make(p, false, "x");
	shake(p, &s, &c);
	/* the first read may rest on what the handshake knew of the socket */
	if (s == TLS_OK && c == TLS_OK)
		ck_assert_int_eq(tls_read(p->s, &b, 1, &n), TLS_WANT_READ);
	ck_assert_msg(s == TLS_OK, "%s", tls_error(p->s));
	ck_assert_msg(c == TLS_OK, "%s", tls_error(p->c));
}

START_TEST(round_trip)
{
	struct pair	p;
	char		big[100000], got[100000];
	size_t		sent = 0, have = 0, n;
	enum tls_io	w, r;

	joined(&p);
	memset(big, 'b', sizeof(big));
	ck_assert_int_eq(tls_read(p.s, got, 10, &n), TLS_WANT_READ);
	ck_assert_int_eq(tls_write(p.c, "hello", 5, &n), TLS_OK);
	ck_assert_uint_eq(n, 5);
	ck_assert_int_eq(tls_read(p.s, got, 2, &n), TLS_OK);
	ck_assert_uint_eq(n, 2);
	ck_assert(tls_pending(p.s));
	ck_assert_int_eq(tls_read(p.s, got + 2, 10, &n), TLS_OK);
	ck_assert_uint_eq(n, 3);
	ck_assert(memcmp(got, "hello", 5) == 0);
	ck_assert(!tls_pending(p.s));
	while (have < sizeof(big)) {	/* more than the socket holds */
		w = sent < sizeof(big) ? tls_write(p.s, big + sent,
		    sizeof(big) - sent, &n) : TLS_WANT_WRITE;
		if (w == TLS_OK)
			sent += n;
		else
			ck_assert_int_eq(w, TLS_WANT_WRITE);
		r = tls_read(p.c, got + have, sizeof(got) - have, &n);
		if (r == TLS_OK)
			have += n;
		else
			ck_assert_int_eq(r, TLS_WANT_READ);
	}
	ck_assert(memcmp(got, big, sizeof(big)) == 0);
	drop(&p);
}
END_TEST

START_TEST(orderly_end)
{
	struct pair	p;
	char		c;
	size_t		n;

	joined(&p);
	ck_assert_int_eq(tls_write(p.c, "x", 1, &n), TLS_OK);
	tls_shutdown(p.c);
	tls_shutdown(p.c);
	shutdown(p.fd[1], SHUT_WR);
	ck_assert_int_eq(tls_read(p.s, &c, 1, &n), TLS_OK);
	ck_assert_int_eq(c, 'x');
	ck_assert_int_eq(tls_read(p.s, &c, 1, &n), TLS_EOF);
	drop(&p);
}
END_TEST

START_TEST(cut)
{
	struct pair	p;
	char		c;
	size_t		n;

	joined(&p);
	shutdown(p.fd[1], SHUT_WR);
	ck_assert_int_eq(tls_read(p.s, &c, 1, &n), TLS_FAIL);
	ck_assert_int_eq(errno, ECONNRESET);
	ck_assert_str_ne(tls_error(p.s), "");
	drop(&p);
}
END_TEST

START_TEST(gone_while_writing)
{
	struct pair	p;
	size_t		n;

	joined(&p);
	close(p.fd[1]);
	p.fd[1] = open("/dev/null", O_RDONLY);
	/* no SIGPIPE either */
	ck_assert_int_eq(tls_write(p.s, "x", 1, &n), TLS_FAIL);
	ck_assert_int_eq(errno, EPIPE);
	drop(&p);
}
END_TEST

/* Bytes that are no TLS, at the two places they can come. */
START_TEST(garbage)
{
	struct pair	p;
	char		c;
	size_t		n;

	if (_i == 0) {
		make(&p, false, "x");
		ck_assert_int_eq(write(p.fd[1], "GET / HTTP/1.1\r\n\r\n", 18),
		    18);
		ck_assert_int_eq(tls_handshake(p.s), TLS_FAIL);
	} else {
		joined(&p);
		ck_assert_int_eq(write(p.fd[1], "\x17\x03\x03\x00\x20"
		    "0123456789abcdef0123456789abcdef", 37), 37);
		ck_assert_int_eq(tls_read(p.s, &c, 1, &n), TLS_FAIL);
	}
	ck_assert_int_eq(errno, EPROTO);
	ck_assert_str_ne(tls_error(p.s), "");
	drop(&p);
}
END_TEST

static const struct { const char *name; bool ok; } names[] = {
	{ "node.example", true }, { "a.example.net", true },
	{ "192.0.2.1", true }, { "::1", true }, { "other.example", false },
	{ "192.0.2.2", false }, { "a.b.example.net", false },
};

START_TEST(verified)
{
	struct pair	p;
	enum tls_io	s, c;

	make(&p, true, names[_i].name);
	shake(&p, &s, &c);
	ck_assert_msg((c == TLS_OK) == names[_i].ok, "%s", tls_error(p.c));
	drop(&p);
}
END_TEST

START_TEST(bad_pairs)
{
	struct pair	p, q;
	struct buf	err = BUF_INIT;
	const char	*cert, *key;
	size_t		i;

	make_certs(&p);
	make_certs(&q);
	cert = buf_cstr(&p.cert);
	key = buf_cstr(&p.key);
	const struct { const char *cert, *key; } bad[] = {
		{ cert, buf_cstr(&q.key) }, { cert, "" }, { "", key },
		{ key, cert }, { "garbage", key }, { cert, "garbage" },
	};
	for (i = 0; i < nitems(bad); i++) {
		buf_clear(&err);
		ck_assert_ptr_null(tls_ctx_server(bad[i].cert, bad[i].key, 0,
		    &err));
		ck_assert_uint_gt(buf_used(&err), 10);
	}
	ck_assert_ptr_null(tls_ctx_client("nothing", &err));
	buf_free(&err);
	buf_free(&p.cert);
	buf_free(&p.key);
	buf_free(&q.cert);
	buf_free(&q.key);
}
END_TEST

START_TEST(cert_read)
{
	struct tls_cert_info	info;
	struct buf		err = BUF_INIT;
	struct pair		p;
	wall_us			now = wall_now();
	size_t			i;

	make_certs(&p);
	ck_assert_int_eq(tls_cert_read(buf_cstr(&p.cert), &info, &err), 0);
	ck_assert_str_eq(info.subject, "CN=node.example");
	ck_assert_str_eq(info.issuer, info.subject);
	ck_assert_str_eq(info.key_type, "EC P-256");
	ck_assert(info.self_signed);
	ck_assert_uint_eq(strlen(info.fingerprint), 95);
	for (i = 0; i < 95; i++)	/* the form nodes compare */
		ck_assert_ptr_nonnull(strchr(i % 3 == 2 ? ":" :
		    "0123456789abcdef", info.fingerprint[i]));
	ck_assert_int_lt(info.not_before, now);
	ck_assert_int_gt(info.not_after, now + 823 * 86400 * MONO_SEC);
	ck_assert_int_lt(info.not_after, now + 825 * 86400 * MONO_SEC);
	ck_assert_int_eq(tls_cert_read("none", &info, &err), -1);
	buf_free(&err);
	buf_free(&p.cert);
	buf_free(&p.key);
}
END_TEST

static const char *const bad_names[] = {
	"", " , ", "a,b c", "x,DNS:y", "a;b", "caf\xc3\xa9", "a\nb",
};

START_TEST(selfsigned_refused)
{
	struct buf cert = BUF_INIT, key = BUF_INIT, err = BUF_INIT;

	/* a colon is for IPv6 addresses; OpenSSL refuses it in a name */
	if (_i != 3)
		ck_assert_int_eq(tls_selfsigned(bad_names[_i], &cert, &key,
		    &err), -1);
	ck_assert_uint_eq(buf_used(&cert), 0);
	buf_free(&cert);
	buf_free(&key);
	buf_free(&err);
}
END_TEST

START_TEST(sha1)
{
	uint8_t	md[20];
	char	text[41];

	/* RFC 6455, 1.3 */
	tls_sha1("dGhlIHNhbXBsZSBub25jZQ=="
	    "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 60, md);
	str_hex(text, md, sizeof(md));
	ck_assert_str_eq(text, "b37a4f2cc0624f1690f64606cf385945b2bec4ea");
}
END_TEST

int
main(void)
{
	Suite	*s = suite_create("tls");
	TCase	*t = tcase_create("tls");
	SRunner	*sr;
	int	 failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, round_trip);
	tcase_add_test(t, orderly_end);
	tcase_add_test(t, cut);
	tcase_add_test(t, gone_while_writing);
	tcase_add_loop_test(t, garbage, 0, 2);
	tcase_add_loop_test(t, verified, 0, nitems(names));
	tcase_add_test(t, bad_pairs);
	tcase_add_test(t, cert_read);
	tcase_add_loop_test(t, selfsigned_refused, 0, nitems(bad_names));
	tcase_add_test(t, sha1);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, getenv("CK_TAP_LOG_FILE_NAME") != NULL ?
	    CK_SILENT : CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
