/*
 * http: the public door. Owns the listener, the connections, the pool of
 * requests, the caps on both, and the access log: one line per request,
 * debug for a GET that went well, info for the rest.
 */
#ifndef APID_HTTP_H
#define APID_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

struct apid;
struct conn;
struct gzip;
struct http;
struct req;
struct router;
struct sock_addr;

/* Takes the listening descriptor. NULL and a sentence for a bad table. Who
 * comes waits in the socket's queue until http_open, at most two seconds: a
 * restart under traffic answers late, and not with a 503. */
struct http *http_new(struct apid *, int fd, struct buf *err_r);
/* The settings are read, or the database is away: all are answered. */
void http_open(struct http *);
void http_free(struct http *);
/* The certificate or a reloadable key moved: response fields follow. */
void http_settings(struct http *);
/* No new connections; idle ones end now, the others after their answer. */
void http_stop(struct http *);

const struct router *http_router(const struct http *);
struct gzip *http_gzip(const struct http *);
/* Status line, Date and the security fields of an API answer or a page. */
void http_put_head(struct http *, struct buf *, int status, bool page);
/* Whether a forward by this address is believed. */
bool http_trusts(const struct http *, const char *address);

/* A clean request from the pool, its id still empty; and back. */
struct req *http_req_get(struct http *);
void http_req_put(struct http *, struct req *);
/* "5c1e09aa-00000000002f" */
void http_new_id(struct http *, char *dst, size_t size);

/* conn tells: it is there, it is gone (and frees itself). */
void http_conn_add(struct http *, struct conn *);
void http_conn_gone(struct http *, struct conn *);
/* The access log and the counters. */
void http_log(struct http *, struct req *);

struct http_stats {
	uint64_t accepted, refused_full, refused_address, refused_fds;
	uint64_t requests, answers[6];		/* [4] is 4xx */
	uint64_t micros, timeouts, orphans, sockets;
	uint64_t open;
};
void http_stats(const struct http *, struct http_stats *);
struct http_stats *http_counters(struct http *);

#endif
