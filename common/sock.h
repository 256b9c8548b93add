/*
 * sock: listening sockets, addresses, peer credentials, and the PROXY
 * protocol version 2 header that carries a client's address from apid to
 * hubd's Unix node door. libc only.
 */
#ifndef MAST_SOCK_H
#define MAST_SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "buf.h"

#define SOCK_TEXT 64	/* "[v6%scope]:port" with its NUL */

struct sock_addr { struct sockaddr_storage ss; socklen_t len; };

/* "127.0.0.1:8443", "[::]:8443", "*:8443" or "unix:/path". No name lookup. */
int sock_parse(const char *text, struct sock_addr *, struct buf *err_r);
/* Host part only, IPv4-mapped shown as IPv4; "unix" for local sockets. */
void sock_host(const struct sock_addr *, char dst[SOCK_TEXT]);
/* Host and port; for a Unix address its path, cut to size. */
void sock_text(const struct sock_addr *, char dst[SOCK_TEXT]);

/* Non-blocking, close-on-exec listener. For Unix: a stale socket file is
 * replaced, a live one is "address in use"; mode set before listen, group
 * -1 keeps. TCP: SO_REUSEADDR, backlog 4096. -1 with a sentence. */
int sock_listen(const struct sock_addr *, int backlog, mode_t mode,
    gid_t group, struct buf *err_r);
/* The port a listener really has (for port 0). */
int sock_port(int fd);
/* accept4 non-blocking cloexec. -1 with errno. */
int sock_accept(int fd, struct sock_addr *peer_r);
/* Begins a non-blocking connect; fd, or -1 with errno. */
int sock_connect(const struct sock_addr *);
/* TCP_NODELAY, TCP_USER_TIMEOUT in ms (0: leave). */
void sock_tune(int fd, unsigned user_timeout_ms);
int sock_peer(int fd, uid_t *uid_r, pid_t *pid_r);

/* Writes the header for a TCP connection from src to dst. */
void sock_proxy_put(struct buf *, const struct sock_addr *src,
    const struct sock_addr *dst);
/* 1: *used_r bytes were a header, src filled (family 0 for LOCAL);
 * 0: more bytes are needed; -1: not a PROXY v2 header. */
int sock_proxy_get(const uint8_t *p, size_t n, size_t *used_r,
    struct sock_addr *src_r);

#endif
