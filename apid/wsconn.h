/*
 * wsconn: a browser's WebSocket after its upgrade. It answers pings, sends
 * its own, ends a peer that is silent for 45 s or does not read for 30 s,
 * and looks after the session: when rights move it asks again, and ends the
 * socket (1008) when the session is no more.
 */
#ifndef APID_WSCONN_H
#define APID_WSCONN_H

#include <stddef.h>
#include <stdint.h>

#include "mono.h"

struct conn;
struct who;
struct wsconn;

struct wsconn_ops {
	/* One whole text message, at most 64 KiB. NULL: ignored. Any op of
	 * the owner is allowed inside. */
	void (*text)(void *arg, struct wsconn *, const char *p, size_t n);
	/* The backlog is empty again: time to send the newest. May be NULL. */
	void (*drained)(void *arg, struct wsconn *);
	/* The same session with other rights; who is held by the wsconn. */
	void (*rights)(void *arg, struct wsconn *, const struct who *);
	/* Last call, always; the wsconn is freed after it. */
	void (*closed)(void *arg, struct wsconn *);
};

void wsconn_text(struct wsconn *, const void *, size_t);
/* Bytes that the peer has not taken: send the newest only when 0; over
 * 1 MiB the socket is closed with 1013. */
size_t wsconn_backlog(const struct wsconn *);
/* Since when it has not taken all; INT64_MAX: it has. */
mono_us wsconn_waits(const struct wsconn *);
/* closed follows on a later turn. */
void wsconn_close(struct wsconn *, int code, const char *reason);
const struct who *wsconn_who(const struct wsconn *);
const char *wsconn_id(const struct wsconn *);	/* request id, for logs */

#endif
