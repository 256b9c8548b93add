/* simio: sockets, TLS and the WebSocket client side of one simulated node. */
#include <sys/epoll.h>
#include <sys/socket.h>

#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <string.h>
#include <unistd.h>

#include "sim.h"
#include "xmalloc.h"

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

static const uint8_t mask_key[4] = { 0x37, 0xfa, 0x21, 0x3d };

static void
io_interest(struct sim_node *nd, uint32_t events)
{
	struct epoll_event ev = { .data.ptr = nd };

	/* A slow reader sees only the end, once it is let in. */
	if (nd->sim->o.trap == TRAP_SLOW_READER && nd->phase == PH_LIVE)
		events = (events & ~(uint32_t)EPOLLIN) | EPOLLRDHUP;
	ev.events = events;
	if (nd->events == events)
		return;
	if (epoll_ctl(nd->sim->ep, nd->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
	    nd->fd, &ev) == -1)
		fprintf(stderr, "nodesim: epoll_ctl: %s\n", strerror(errno));
	nd->events = events;
}

int
io_open(struct sim_node *nd)
{
	struct sim *s = nd->sim;
	struct sockaddr_in src = { .sin_family = AF_INET };
	int one = 1, small = 4096;

	nd->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (nd->fd == -1)
		return -1;
	(void)setsockopt(nd->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(nd->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one,
	    sizeof(one));
	if (s->o.trap == TRAP_SLOW_READER)
		(void)setsockopt(nd->fd, SOL_SOCKET, SO_RCVBUF, &small,
		    sizeof(small));
	if (s->o.src_count > 0) {
		src.sin_addr.s_addr = htonl(s->o.src_first +
		    (uint32_t)nd->idx % s->o.src_count);
		if (bind(nd->fd, (struct sockaddr *)&src, sizeof(src)) == -1)
			goto bad;
	}
	if (connect(nd->fd, (struct sockaddr *)&s->o.to,
	    sizeof(s->o.to)) == -1 && errno != EINPROGRESS)
		goto bad;
	nd->phase = PH_CONNECT;
	nd->events = 0;
	nd->t_connect = mono_now();
	nd->t_first = nd->t_auth = 0;
	ws_rx_init(&nd->rx, false, 16 << 20);
	s->b.connects++;
	io_interest(nd, EPOLLOUT);
	return 0;
bad:
	close(nd->fd);
	nd->fd = -1;
	return -1;
}

void
io_close(struct sim_node *nd, bool reset)
{
	struct linger lg = { 1, 0 };

	if (nd->fd == -1)
		return;
	if (nd->ssl != NULL) {
		if (!reset && nd->phase >= PH_UPGRADE)
			(void)SSL_shutdown(nd->ssl);
		SSL_free(nd->ssl);
		ERR_clear_error();
	}
	nd->ssl = NULL;
	if (reset)
		(void)setsockopt(nd->fd, SOL_SOCKET, SO_LINGER, &lg,
		    sizeof(lg));
	close(nd->fd);
	nd->fd = -1;
	nd->events = 0;
	if (nd->phase == PH_LIVE)
		nd->sim->online--;
	nd->phase = PH_IDLE;
	buf_free(&nd->out);
	buf_free(&nd->in);
	ws_rx_free(&nd->rx);
}

/* 1 progress, 0 would block, -1 end or failure. */
static ssize_t
io_read(struct sim_node *nd, void *p, size_t n)
{
	ssize_t got;
	int e;

	if (nd->ssl == NULL) {
		got = recv(nd->fd, p, n, 0);
		if (got > 0)
			return got;
		if (got == -1 && (errno == EAGAIN || errno == EINTR))
			return 0;
		return got == 0 ? -2 : -1;
	}
	got = SSL_read(nd->ssl, p, (int)n);
	if (got > 0)
		return got;
	e = SSL_get_error(nd->ssl, (int)got);
	ERR_clear_error();
	if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE)
		return 0;
	return e == SSL_ERROR_ZERO_RETURN ? -2 : -1;
}

static ssize_t
io_write(struct sim_node *nd, const void *p, size_t n)
{
	ssize_t put;
	int e;

	if (nd->ssl == NULL) {
		put = send(nd->fd, p, n, MSG_NOSIGNAL);
		if (put >= 0)
			return put;
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	}
	put = SSL_write(nd->ssl, p, (int)n);
	if (put > 0)
		return put;
	e = SSL_get_error(nd->ssl, (int)put);
	ERR_clear_error();
	return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

void
io_flush(struct sim_node *nd)
{
	ssize_t put;

	while (nd->fd != -1 && buf_used(&nd->out) > 0) {
		put = io_write(nd, buf_head(&nd->out), buf_used(&nd->out));
		if (put < 0) {
			nd->want_close = "write";
			nd->clean = true;
			return;
		}
		if (put == 0) {
			io_interest(nd, EPOLLIN | EPOLLOUT);
			return;
		}
		buf_drain(&nd->out, (size_t)put);
	}
	if (nd->fd == -1)
		return;
	buf_free(&nd->out);
	io_interest(nd, EPOLLIN);
}

/* Bytes go out at once where the socket takes them. */
void
io_send_raw(struct sim_node *nd, const void *p, size_t n)
{
	ssize_t put = 0;

	nd->sim->b.bytes_out += n;
	if (buf_used(&nd->out) == 0) {
		put = io_write(nd, p, n);
		if (put < 0) {
			/* Closed by io_settle: we may be inside ws_rx_feed. */
			nd->want_close = "write";
			nd->clean = true;
			return;
		}
	}
	if ((size_t)put < n) {
		buf_put(&nd->out, (const uint8_t *)p + put, n - (size_t)put);
		io_interest(nd, EPOLLIN | EPOLLOUT);
	}
}

void
io_send(struct sim_node *nd, enum ws_op op, const void *p, size_t n)
{
	struct buf b = BUF_INIT;

	ws_put(&b, op, p, n, mask_key);
	io_send_raw(nd, buf_head(&b), buf_used(&b));
	buf_free(&b);
}

static void
io_upgrade(struct sim_node *nd)
{
	struct buf b = BUF_INIT;

	nd->phase = PH_UPGRADE;
	buf_printf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\n"
	    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
	    nd->sim->o.path, nd->sim->o.host);
	io_send_raw(nd, buf_head(&b), buf_used(&b));
	buf_free(&b);
	if (nd->fd != -1 && buf_used(&nd->out) == 0)
		io_interest(nd, EPOLLIN);
}

static void
io_handshake(struct sim_node *nd)
{
	int r, e;

	r = SSL_do_handshake(nd->ssl);
	if (r == 1) {
		io_upgrade(nd);
		return;
	}
	e = SSL_get_error(nd->ssl, r);
	ERR_clear_error();
	if (e == SSL_ERROR_WANT_READ)
		io_interest(nd, EPOLLIN);
	else if (e == SSL_ERROR_WANT_WRITE)
		io_interest(nd, EPOLLIN | EPOLLOUT);
	else {
		nd->sim->b.tls_failed++;
		node_down(nd, "tls handshake", false);
	}
}

static void
io_connected(struct sim_node *nd)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(nd->fd, SOL_SOCKET, SO_ERROR, &err, &len) == -1 ||
	    err != 0) {
		node_down(nd, "connect", false);
		return;
	}
	if (nd->sim->o.plain) {
		io_upgrade(nd);
		return;
	}
	nd->phase = PH_TLS;
	nd->ssl = SSL_new(nd->sim->ctx);
	if (nd->ssl == NULL || SSL_set_fd(nd->ssl, nd->fd) != 1) {
		node_down(nd, "no TLS object", false);
		return;
	}
	SSL_set_connect_state(nd->ssl);
	io_handshake(nd);
}

static bool
io_on_message(void *arg, enum ws_op op, uint8_t *p, size_t n)
{
	return node_message(arg, op, p, n);
}

/* The 101 answer, exactly as strict as a real client is about it. */
static void
io_answer(struct sim_node *nd)
{
	const char *head = buf_cstr(&nd->in), *end;
	size_t used;

	end = strstr(head, "\r\n\r\n");
	if (end == NULL)
		return;
	if (strncmp(head, "HTTP/1.1 101 ", 13) != 0 ||
	    strstr(head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == NULL ||
	    strcasestr(head, "\r\nSec-WebSocket-Protocol:") != NULL ||
	    strcasestr(head, "\r\nSec-WebSocket-Extensions:") != NULL) {
		nd->want_close = "upgrade refused";
		return;
	}
	used = (size_t)(end - head) + 4;
	buf_drain(&nd->in, used);
	nd->sim->b.upgrades++;
	node_ready(nd);
	if (buf_used(&nd->in) > 0 && ws_rx_feed(&nd->rx, buf_head(&nd->in),
	    buf_used(&nd->in), io_on_message, nd) != 0)
		nd->want_close = "bad frame from the server";
	buf_free(&nd->in);
}

static void
io_input(struct sim_node *nd)
{
	static uint8_t scratch[65536];
	ssize_t got;

	while (nd->want_close == NULL) {
		got = io_read(nd, scratch, sizeof(scratch));
		if (got == 0)
			return;
		if (got < 0) {
			/* A read failure is not a clean end: this is what
			 * keeps a spent token in a real node's memory. */
			nd->want_close = got == -2 ? "eof" : "reset";
			nd->clean = got == -2;
			return;
		}
		if (nd->phase == PH_UPGRADE) {
			buf_put(&nd->in, scratch, (size_t)got);
			io_answer(nd);
		} else if (ws_rx_feed(&nd->rx, scratch, (size_t)got,
		    io_on_message, nd) != 0)
			nd->want_close = "bad frame from the server";
	}
}

/* Ends what a callback found out; never called from inside one. */
void
io_settle(struct sim_node *nd)
{
	const char *why = nd->want_close;
	bool clean = nd->clean;

	nd->want_close = NULL;
	nd->clean = false;
	if (why != NULL && nd->fd != -1)
		node_down(nd, why, clean);
}

void
io_event(struct sim_node *nd, uint32_t events)
{
	if (nd->fd == -1)
		return;
	if (nd->phase == PH_CONNECT) {
		io_connected(nd);
		return;
	}
	if (nd->t_first == 0 && (events & EPOLLIN))
		nd->t_first = mono_now();
	if (nd->phase == PH_TLS) {
		io_handshake(nd);
		return;
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP))
		io_input(nd);
	if (nd->want_close == NULL && ((events & EPOLLOUT) ||
	    nd->sim->o.trap == TRAP_SLOW_READER))
		io_flush(nd);
	io_settle(nd);
}
