/*
 * frame: the envelope of node messages, {"type","timestamp","payload"}, both
 * ways. Real nodes send sorted keys, so "type" comes last: the kind is
 * guessed from the tail and confirmed by the walk, which validates every
 * byte. Pure.
 */
#ifndef MAST_FRAME_H
#define MAST_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "id.h"
#include "jscan.h"
#include "mono.h"
#include "str.h"

/* A hook over the payload in the same walk: positioned so that the value is
 * due; must consume exactly it (jscan_skip or a driver's summarize). */
typedef int (*frame_payload_fn)(void *arg, struct slice type,
    struct jscan *);

struct frame {
	struct slice	 type;		/* plain text without escapes */
	struct slice	 payload;	/* raw value; {NULL,0}: no such key */
	bool		 guessed;	/* the hook ran with the right type */
	const char	*bad;		/* why not, static text */
};

/*
 * 0, or -1 with frame->bad: not JSON, not an object, type missing, repeated
 * or not a plain string, repeated payload. A missing or odd timestamp is
 * tolerated. fn may be NULL; when the tail gives no type, the walk is done
 * twice and fn runs in the second.
 */
int frame_parse(const char *p, size_t n, frame_payload_fn fn, void *arg,
    struct frame *);

struct frame_auth {
	struct slice	token;			/* registration_token */
	struct slice	node_id, node_secret;
	struct slice	version, device_type;
	int		protocol;		/* -1: not sent */
	/* A UUID that is new at every start of the node: it numbers its
	 * events 1, 2, 3 ... under it and keeps them until they are
	 * acknowledged. Empty: it does not. */
	struct slice	event_boot;
	/* The node remembers the id and the answer of every command that it
	 * took, for ten minutes and over its own restarts: one that comes
	 * again is not done again, but answered as it was. In return one
	 * whose outcome is unknown when the node is back is sent again, with
	 * its id, within five minutes and its time to live. */
	bool		command_dedupe;
};
/* payload of type "auth"; strings with escapes or over 256 bytes: -1. */
int frame_auth(struct slice payload, struct frame_auth *, const char **why_r);

struct frame_event {		/* raw JSON string contents, or empty */
	struct slice	severity, category, message, flow_id;
	struct slice	details;	/* raw value or empty */
	int64_t		seq;		/* under the node's boot; 0: none */
};
int frame_event(struct slice payload, struct frame_event *);

struct frame_ack {
	struct slice	command_id;	/* empty: missing */
	bool		success;
	struct slice	error, error_code;	/* raw string contents */
	struct slice	data;		/* raw value or empty */
};
int frame_ack(struct slice payload, struct frame_ack *);

/* What the server sends. event_ack: the boot's events are stored up to this
 * number; -1: the node does not number them. */
void frame_put_register_ack(struct buf *, wall_us, const struct id *node,
    const char *secret, int64_t event_ack);
void frame_put_auth_ok(struct buf *, wall_us, int64_t event_ack);
/* All up to seq are stored; resend: and the ones behind it were not taken. */
void frame_put_event_ack(struct buf *, wall_us, int64_t seq, bool resend);
void frame_put_auth_error(struct buf *, wall_us, const char *why);
void frame_put_command(struct buf *, wall_us, const struct id *command,
    struct slice action);
void frame_put_ping(struct buf *, wall_us);

#endif
