/*
 * sock: addresses, listeners and the PROXY protocol. Owns nothing: every
 * descriptor belongs to the caller.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sock.h"
#include "str.h"
#include "xmalloc.h"

#define BACKLOG		4096
#define PROXY_HEAD	16	/* signature, command, family, length */
#define PROXY_MAX	536	/* addresses and extensions together */

static const uint8_t proxy_sig[12] = {
	0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a
};

static struct sockaddr_in *
sin_of(struct sock_addr *a)
{
	return (struct sockaddr_in *)&a->ss;
}

static struct sockaddr_in6 *
sin6_of(struct sock_addr *a)
{
	return (struct sockaddr_in6 *)&a->ss;
}

static const struct sockaddr_in *
csin_of(const struct sock_addr *a)
{
	return (const struct sockaddr_in *)&a->ss;
}

static const struct sockaddr_in6 *
csin6_of(const struct sock_addr *a)
{
	return (const struct sockaddr_in6 *)&a->ss;
}

static int
parse_unix(struct slice path, struct sock_addr *a, struct buf *err_r)
{
	struct sockaddr_un *sun = (struct sockaddr_un *)&a->ss;

	if (path.n == 0 || path.p[0] != '/') {
		buf_puts(err_r, "a Unix socket needs an absolute path");
		return -1;
	}
	if (path.n >= sizeof(sun->sun_path)) {
		buf_printf(err_r, "a Unix socket path has at most %zu bytes",
		    sizeof(sun->sun_path) - 1);
		return -1;
	}
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, path.p, path.n);
	a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n +
	    1);
	return 0;
}

/* host without its brackets; an interface name is a scope (RFC 4007). */
static int
parse_v6(struct slice host, struct sock_addr *a)
{
	struct sockaddr_in6	*sin6 = sin6_of(a);
	struct slice		 addr;
	char			 text[INET6_ADDRSTRLEN], scope[IF_NAMESIZE];
	uint64_t		 n;

	if (!slice_cut(&host, '%', &addr) || addr.n >= sizeof(text))
		return -1;
	memcpy(text, addr.p, addr.n);
	text[addr.n] = '\0';
	if (inet_pton(AF_INET6, text, &sin6->sin6_addr) != 1)
		return -1;
	if (host.n >= sizeof(scope))
		return -1;
	if (host.n > 0) {
		memcpy(scope, host.p, host.n);
		scope[host.n] = '\0';
		sin6->sin6_scope_id = if_nametoindex(scope);
		if (sin6->sin6_scope_id == 0) {
			if (slice_u64(host, UINT32_MAX, &n) == -1 || n == 0)
				return -1;
			sin6->sin6_scope_id = (uint32_t)n;
		}
	}
	sin6->sin6_family = AF_INET6;
	a->len = sizeof(*sin6);
	return 0;
}

static int
parse_v4(struct slice host, struct sock_addr *a)
{
	char text[INET_ADDRSTRLEN];

	if (host.n >= sizeof(text))
		return -1;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	if (inet_pton(AF_INET, text, &sin_of(a)->sin_addr) != 1)
		return -1;
	sin_of(a)->sin_family = AF_INET;
	a->len = sizeof(struct sockaddr_in);
	return 0;
}

static int
parse_host(struct slice host, struct sock_addr *a)
{
	if (slice_eq(host, "*"))
		host = SLICE("[::]");
	if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		return parse_v6((struct slice){ host.p + 1, host.n - 2 }, a);
	return parse_v4(host, a);
}

int
sock_parse(const char *text, struct sock_addr *a, struct buf *err_r)
{
	struct slice	 host, port;
	const char	*colon;
	uint64_t	 n;

	memset(a, 0, sizeof(*a));
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(slice_of(text + 5), a, err_r);
	colon = strrchr(text, ':');
	if (colon == NULL) {
		buf_puts(err_r, "must be \"address:port\"");
		return -1;
	}
	host = (struct slice){ text, (size_t)(colon - text) };
	port = slice_of(colon + 1);
	if (port.n == 0 || slice_u64(port, 65535, &n) == -1) {
		buf_puts(err_r, "the port must be 0 to 65535");
		return -1;
	}
	if (parse_host(host, a) == -1) {
		buf_puts(err_r,
		    "must begin with an IPv4 address, an IPv6 address in "
		    "brackets, or *");
		return -1;
	}
	if (a->ss.ss_family == AF_INET6)
		sin6_of(a)->sin6_port = htons((uint16_t)n);
	else
		sin_of(a)->sin_port = htons((uint16_t)n);
	return 0;
}

/* Host of an IPv6 address; the mapped form is shown as what it stands for. */
static void
host6(const struct sockaddr_in6 *sin6, char dst[SOCK_TEXT])
{
	char	text[INET6_ADDRSTRLEN] = "";

	if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
		inet_ntop(AF_INET, sin6->sin6_addr.s6_addr + 12, text,
		    sizeof(text));
		str_copy(dst, SOCK_TEXT, text);
		return;
	}
	inet_ntop(AF_INET6, &sin6->sin6_addr, text, sizeof(text));
	if (sin6->sin6_scope_id != 0)
		snprintf(dst, SOCK_TEXT, "%s%%%u", text, sin6->sin6_scope_id);
	else
		str_copy(dst, SOCK_TEXT, text);
}

void
sock_host(const struct sock_addr *a, char dst[SOCK_TEXT])
{
	char text[INET_ADDRSTRLEN] = "";

	if (a->ss.ss_family == AF_INET6) {
		host6(csin6_of(a), dst);
	} else if (a->ss.ss_family == AF_INET) {
		inet_ntop(AF_INET, &csin_of(a)->sin_addr, text, sizeof(text));
		str_copy(dst, SOCK_TEXT, text);
	} else {
		str_copy(dst, SOCK_TEXT,
		    a->ss.ss_family == AF_UNIX ? "unix" : "unknown");
	}
}

void
sock_text(const struct sock_addr *a, char dst[SOCK_TEXT])
{
	const struct sockaddr_un *sun = (const struct sockaddr_un *)&a->ss;
	char			  host[SOCK_TEXT];
	uint16_t		  port;

	if (a->ss.ss_family == AF_UNIX) {
		if (a->len > offsetof(struct sockaddr_un, sun_path) &&
		    sun->sun_path[0] == '/')
			snprintf(dst, SOCK_TEXT, "%.63s", sun->sun_path);
		else
			str_copy(dst, SOCK_TEXT, "unix");
		return;
	}
	sock_host(a, host);
	if (a->ss.ss_family != AF_INET && a->ss.ss_family != AF_INET6) {
		str_copy(dst, SOCK_TEXT, host);
		return;
	}
	port = ntohs(a->ss.ss_family == AF_INET6 ? csin6_of(a)->sin6_port :
	    csin_of(a)->sin_port);
	if (strchr(host, ':') != NULL)
		snprintf(dst, SOCK_TEXT, "[%.54s]:%u", host, port);
	else
		snprintf(dst, SOCK_TEXT, "%.56s:%u", host, port);
}

static int __attribute__((format(printf, 3, 4)))
listen_fail(int fd, struct buf *err_r, const char *fmt, ...)
{
	int	save = errno;
	char	text[256];
	va_list	ap;

	if (fd != -1)
		close(fd);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_printf(err_r, "%s: %s", text, strerror(save));
	errno = save;
	return -1;
}

/* Removes the file of a socket nobody listens on any more. */
static int
unix_clear(const struct sock_addr *a)
{
	const struct sockaddr_un *sun = (const struct sockaddr_un *)&a->ss;
	struct stat		  st;
	int			  fd, r, save;

	if (lstat(sun->sun_path, &st) == -1)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	r = connect(fd, (const struct sockaddr *)&a->ss, a->len);
	save = errno;
	close(fd);
	if (r == -1 && save == ECONNREFUSED)
		return unlink(sun->sun_path);
	errno = EADDRINUSE;	/* alive, be it with a full backlog */
	return -1;
}

static int
listen_unix(const struct sock_addr *a, int backlog, mode_t mode, gid_t group,
    struct buf *err_r)
{
	const char	*path = ((const struct sockaddr_un *)&a->ss)->sun_path;
	int		 fd;

	if (unix_clear(a) == -1)
		return listen_fail(-1, err_r, "cannot listen on %s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1 ||
	    bind(fd, (const struct sockaddr *)&a->ss, a->len) == -1)
		return listen_fail(fd, err_r, "cannot listen on %s", path);
	/* nobody can connect before listen, so this is not too late */
	if (group != (gid_t)-1 && chown(path, (uid_t)-1, group) == -1)
		return listen_fail(fd, err_r, "cannot set group of %s", path);
	if (chmod(path, mode) == -1)
		return listen_fail(fd, err_r, "cannot set mode of %s", path);
	if (listen(fd, backlog) == -1)
		return listen_fail(fd, err_r, "cannot listen on %s", path);
	return fd;
}

static int
listen_inet(const struct sock_addr *a, int backlog, struct buf *err_r)
{
	struct sock_addr	any4;
	char			text[SOCK_TEXT];
	int			fd, on = 1, off = 0;

	sock_text(a, text);
	fd = socket(a->ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (fd == -1 && errno == EAFNOSUPPORT &&
	    a->ss.ss_family == AF_INET6 &&
	    IN6_IS_ADDR_UNSPECIFIED(&csin6_of(a)->sin6_addr)) {
		/* a kernel without IPv6: "any" is any IPv4 address then */
		memset(&any4, 0, sizeof(any4));
		sin_of(&any4)->sin_family = AF_INET;
		sin_of(&any4)->sin_port = csin6_of(a)->sin6_port;
		any4.len = sizeof(struct sockaddr_in);
		return listen_inet(&any4, backlog, err_r);
	}
	if (fd == -1)
		return listen_fail(fd, err_r, "cannot listen on %s", text);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a->ss.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (const struct sockaddr *)&a->ss, a->len) == -1 ||
	    listen(fd, backlog) == -1)
		return listen_fail(fd, err_r, "cannot listen on %s", text);
	return fd;
}

int
sock_listen(const struct sock_addr *a, int backlog, mode_t mode, gid_t group,
    struct buf *err_r)
{
	if (backlog <= 0)
		backlog = BACKLOG;
	if (a->ss.ss_family == AF_UNIX)
		return listen_unix(a, backlog, mode, group, err_r);
	return listen_inet(a, backlog, err_r);
}

int
sock_port(int fd)
{
	struct sock_addr a = { .len = sizeof(a.ss) };

	if (getsockname(fd, (struct sockaddr *)&a.ss, &a.len) == -1)
		return -1;
	if (a.ss.ss_family == AF_INET6)
		return ntohs(sin6_of(&a)->sin6_port);
	if (a.ss.ss_family == AF_INET)
		return ntohs(sin_of(&a)->sin_port);
	errno = EAFNOSUPPORT;
	return -1;
}

int
sock_accept(int fd, struct sock_addr *peer_r)
{
	struct sock_addr	peer;
	int			c;

	do {
		memset(&peer, 0, sizeof(peer));
		peer.len = sizeof(peer.ss);
		c = accept4(fd, (struct sockaddr *)&peer.ss, &peer.len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
	} while (c == -1 && errno == EINTR);
	if (c != -1 && peer_r != NULL)
		*peer_r = peer;
	return c;
}

int
sock_connect(const struct sock_addr *a)
{
	int fd, save;

	fd = socket(a->ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (fd == -1)
		return -1;
	if (connect(fd, (const struct sockaddr *)&a->ss, a->len) == -1 &&
	    errno != EINPROGRESS) {
		save = errno;
		close(fd);
		errno = save;
		return -1;
	}
	return fd;
}

void
sock_tune(int fd, unsigned user_timeout_ms)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (user_timeout_ms != 0)
		setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms,
		    sizeof(user_timeout_ms));
}

int
sock_peer(int fd, uid_t *uid_r, pid_t *pid_r)
{
	struct ucred	cred;
	socklen_t	len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1)
		return -1;
	/* what another family answers: nobody */
	if (cred.pid == 0 && cred.uid == (uid_t)-1) {
		errno = ENOTCONN;
		return -1;
	}
	if (uid_r != NULL)
		*uid_r = cred.uid;
	if (pid_r != NULL)
		*pid_r = cred.pid;
	return 0;
}

/* ---- PROXY protocol, version 2 ---- */

static bool
is_inet(const struct sock_addr *a)
{
	return a != NULL &&
	    (a->ss.ss_family == AF_INET || a->ss.ss_family == AF_INET6);
}

/* 16 bytes of address and the port, both in network order. */
static void
to_v6(const struct sock_addr *a, uint8_t addr[16], uint16_t *port_r)
{
	memset(addr, 0, 16);
	*port_r = 0;
	if (!is_inet(a))
		return;
	if (a->ss.ss_family == AF_INET6) {
		memcpy(addr, &csin6_of(a)->sin6_addr, 16);
		*port_r = csin6_of(a)->sin6_port;
		return;
	}
	addr[10] = addr[11] = 0xff;
	memcpy(addr + 12, &csin_of(a)->sin_addr, 4);
	*port_r = csin_of(a)->sin_port;
}

static bool
fits_v4(const uint8_t addr[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(addr, mapped, sizeof(mapped)) == 0;
}

void
sock_proxy_put(struct buf *b, const struct sock_addr *src,
    const struct sock_addr *dst)
{
	uint8_t		from[16], to[16];
	uint16_t	sport, dport;
	bool		v4;

	buf_put(b, proxy_sig, sizeof(proxy_sig));
	if (!is_inet(src)) {
		buf_put(b, "\x20\x00\x00\x00", 4);	/* LOCAL */
		return;
	}
	to_v6(src, from, &sport);
	to_v6(dst, to, &dport);
	v4 = fits_v4(from) && (!is_inet(dst) || fits_v4(to));
	buf_put_u8(b, 0x21);
	buf_put_u8(b, v4 ? 0x11 : 0x21);
	buf_put_u8(b, 0);
	buf_put_u8(b, v4 ? 12 : 36);
	buf_put(b, from + (v4 ? 12 : 0), v4 ? 4 : 16);
	buf_put(b, to + (v4 ? 12 : 0), v4 ? 4 : 16);
	buf_put(b, &sport, 2);
	buf_put(b, &dport, 2);
}

static int
proxy_addr(uint8_t family, const uint8_t *p, size_t n, struct sock_addr *src_r)
{
	if (family == 0x11 && n >= 12) {
		sin_of(src_r)->sin_family = AF_INET;
		memcpy(&sin_of(src_r)->sin_addr, p, 4);
		memcpy(&sin_of(src_r)->sin_port, p + 8, 2);
		src_r->len = sizeof(struct sockaddr_in);
		return 0;
	}
	if (family == 0x21 && n >= 36) {
		sin6_of(src_r)->sin6_family = AF_INET6;
		memcpy(&sin6_of(src_r)->sin6_addr, p, 16);
		memcpy(&sin6_of(src_r)->sin6_port, p + 32, 2);
		src_r->len = sizeof(struct sockaddr_in6);
		return 0;
	}
	return family == 0x00 ? 0 : -1;	/* AF_UNSPEC: a client unknown */
}

int
sock_proxy_get(const uint8_t *p, size_t n, size_t *used_r,
    struct sock_addr *src_r)
{
	size_t len, known;

	known = n < sizeof(proxy_sig) ? n : sizeof(proxy_sig);
	if (known != 0 && memcmp(p, proxy_sig, known) != 0)
		return -1;
	if (n < PROXY_HEAD)
		return 0;
	len = (size_t)p[14] << 8 | p[15];
	if ((p[12] != 0x20 && p[12] != 0x21) || len > PROXY_MAX)
		return -1;
	if (n < PROXY_HEAD + len)
		return 0;
	memset(src_r, 0, sizeof(*src_r));
	if (p[12] == 0x21 &&
	    proxy_addr(p[13], p + PROXY_HEAD, len, src_r) == -1)
		return -1;
	*used_r = PROXY_HEAD + len;
	return 1;
}
