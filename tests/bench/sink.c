/*
 * sink: the floor that hubd is compared with. A bare epoll server that does
 * the least a receiver of node frames can do: accept, TLS, one fixed upgrade
 * answer, one fixed auth answer, then read, unmask and copy each frame. It
 * checks nothing, knows nothing and keeps one buffer a connection.
 *
 * usage: sink PORT [CERT KEY]      prints "ready PORT"
 */
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct conn {
	SSL	*ssl;
	int	 fd, state;		/* 0 TLS, 1 upgrade, 2 auth, 3 live */
	uint8_t	*kept, *part;
	size_t	 keptcap, have, need;
};

static uint8_t scratch[262144];
static int ep;

static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\n"
    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

static void
put(struct conn *c, const void *p, size_t n)
{
	if (c->ssl != NULL)
		(void)SSL_write(c->ssl, p, (int)n);
	else if (send(c->fd, p, n, MSG_NOSIGNAL) == -1)
		return;
}

static void
drop(struct conn *c)
{
	SSL_free(c->ssl);
	ERR_clear_error();
	close(c->fd);
	free(c->kept);
	free(c->part);
	free(c);
}

/* Unmasks 8 bytes at a time and copies: what every receiver must do. */
static void
frame(struct conn *c, uint8_t *p, size_t n, const uint8_t key[4])
{
	static const char ok[] =
	    "{\"payload\":{},\"timestamp\":\"t\",\"type\":\"auth_ok\"}";
	uint8_t hdr[2] = { 0x81, sizeof(ok) - 1 }, out[sizeof(ok) + 1];
	uint64_t k, v;
	uint32_t k4;
	size_t i;

	memcpy(&k4, key, 4);
	k = k4 | (uint64_t)k4 << 32;
	for (i = 0; i + 8 <= n; i += 8) {
		memcpy(&v, p + i, 8);
		v ^= k;
		memcpy(p + i, &v, 8);
	}
	for (; i < n; i++)
		p[i] ^= key[i & 3];
	if (c->state == 2) {
		memcpy(out, hdr, 2);
		memcpy(out + 2, ok, sizeof(ok) - 1);
		put(c, out, sizeof(ok) + 1);
		c->state = 3;
		return;
	}
	if (n > c->keptcap) {
		free(c->kept);
		c->kept = malloc(n);
		c->keptcap = n;
	}
	if (c->kept != NULL)
		memcpy(c->kept, p, n);
}

/* Whole frames of p; returns the bytes that are left over, *need_r what the
 * first incomplete frame takes in all. */
static size_t
frames(struct conn *c, uint8_t *p, size_t n, size_t *need_r)
{
	size_t hdr, len;

	*need_r = 0;
	while (n >= 6) {
		len = p[1] & 127;
		hdr = 2;
		if (len == 126) {
			if (n < 8)
				break;
			len = (size_t)p[2] << 8 | p[3];
			hdr = 4;
		} else if (len == 127) {
			if (n < 14)
				break;
			len = (size_t)p[6] << 24 | (size_t)p[7] << 16 |
			    (size_t)p[8] << 8 | p[9];
			hdr = 10;
		}
		if (n < hdr + 4 + len) {
			*need_r = hdr + 4 + len;
			break;
		}
		frame(c, p + hdr + 4, len, p + hdr);
		p += hdr + 4 + len;
		n -= hdr + 4 + len;
	}
	return n;
}

static void
input(struct conn *c, uint8_t *p, size_t n)
{
	size_t left, need;

	if (c->state == 1) {
		if (memmem(p, n, "\r\n\r\n", 4) == NULL)
			return;
		put(c, answer, sizeof(answer) - 1);
		c->state = 2;
		return;
	}
	if (c->have > 0) {
		c->part = realloc(c->part, c->have + n);
		memcpy(c->part + c->have, p, n);
		c->have += n;
		if (c->have < c->need)
			return;
		p = c->part;
		n = c->have;
	}
	left = frames(c, p, n, &need);
	if (left == 0) {
		free(c->part);
		c->part = NULL;
		c->have = 0;
		return;
	}
	if (c->have > 0)
		memmove(c->part, p + n - left, left);
	else {
		c->part = malloc(need > left ? need : left);
		memcpy(c->part, p + n - left, left);
	}
	c->have = left;
	c->need = need;
}

static void
readable(struct conn *c)
{
	size_t have = 0;
	ssize_t got;
	bool more;
	int e;

	if (c->state == 0) {
		got = SSL_do_handshake(c->ssl);
		if (got != 1) {
			e = SSL_get_error(c->ssl, (int)got);
			if (e != SSL_ERROR_WANT_READ)
				drop(c);
			return;
		}
		c->state = 1;
	}
	for (;;) {
		if (c->ssl != NULL)
			got = SSL_read(c->ssl, scratch + have,
			    (int)(sizeof(scratch) - have));
		else
			got = recv(c->fd, scratch + have,
			    sizeof(scratch) - have, 0);
		if (got <= 0)
			break;
		have += (size_t)got;
		if (have == sizeof(scratch)) {
			input(c, scratch, have);
			have = 0;
		} else if (c->ssl == NULL)
			break;
	}
	/* Asked before anything is written, which would change the answer. */
	more = got > 0 || (c->ssl != NULL ?
	    SSL_get_error(c->ssl, (int)got) == SSL_ERROR_WANT_READ :
	    got == -1 && errno == EAGAIN);
	ERR_clear_error();
	if (have > 0)
		input(c, scratch, have);
	if (!more)
		drop(c);
}

static SSL_CTX *
context(const char *cert, const char *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL || SSL_CTX_use_certificate_chain_file(ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1) {
		fprintf(stderr, "sink: cannot load %s %s\n", cert, key);
		exit(1);
	}
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_num_tickets(ctx, 0);
	return ctx;
}

static void
accept_all(int ls, SSL_CTX *ctx)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct conn *c;
	int fd, one = 1, i;

	for (i = 0; i < 50; i++) {
		fd = accept4(ls, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1)
			return;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
		    sizeof(one));
		c = calloc(1, sizeof(*c));
		c->fd = fd;
		c->state = ctx == NULL ? 1 : 0;
		if (ctx != NULL) {
			c->ssl = SSL_new(ctx);
			SSL_set_fd(c->ssl, fd);
			SSL_set_accept_state(c->ssl);
		}
		ev.data.ptr = c;
		(void)epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	}
}

int
main(int argc, char **argv)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct epoll_event ev = { .events = EPOLLIN }, evs[512];
	socklen_t len = sizeof(sin);
	struct rlimit rl;
	SSL_CTX *ctx = NULL;
	int ls, n, i, one = 1;

	if (argc != 2 && argc != 4)
		return 64;
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
	if (argc == 4)
		ctx = context(argv[2], argv[3]);
	sin.sin_port = htons((uint16_t)atoi(argv[1]));
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ls = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	(void)setsockopt(ls, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (ls == -1 || bind(ls, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(ls, 4096) == -1 ||
	    getsockname(ls, (struct sockaddr *)&sin, &len) == -1) {
		perror("sink");
		return 1;
	}
	ep = epoll_create1(EPOLL_CLOEXEC);
	(void)epoll_ctl(ep, EPOLL_CTL_ADD, ls, &ev);
	printf("ready %d\n", ntohs(sin.sin_port));
	fflush(stdout);
	for (;;) {
		n = epoll_wait(ep, evs, 512, -1);
		for (i = 0; i < n; i++) {
			if (evs[i].data.ptr == NULL)
				accept_all(ls, ctx);
			else
				readable(evs[i].data.ptr);
		}
	}
}
