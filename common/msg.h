/*
 * msg: what daemons say to each other. One row per message: who may send it
 * to whom, which reply ends it, and its size limits. Payloads are put and
 * got field by field; trailing bytes are an error. Pure.
 */
#ifndef MAST_MSG_H
#define MAST_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "id.h"
#include "str.h"

#define MSG_VERSION	1
#define MSG_HEADER	16	/* u32 length, u16 type, u16 err, u64 id */

enum msg_peer {			/* bits, so that a row can name several */
	MSG_APID = 1, MSG_HUBD = 2, MSG_AID = 4, MSG_CTL = 8,
	MSG_ALL = 15
};

enum msg_type {			/* wire format: append, never renumber */
	MSG__UNSET = 0,
	MSG_HELLO, MSG_HELLO_OK,
	MSG_STATUS, MSG_STATUS_REPLY,
	MSG_ERROR,		/* reply of any request that failed early */
	MSG_COMMAND, MSG_COMMAND_DONE,
	MSG_CONFIG_GET, MSG_CONFIG,
	MSG_NODE_CHANGED,
	MSG_WATCH,
	MSG_NODE_STATE, MSG_NODE_GONE, MSG_SYNCED,
	MSG_EVENTS,
	MSG_SELFTEST, MSG_SELFTEST_REPLY,
	MSG_AI_JOB, MSG_AI_CHUNK, MSG_AI_DONE,	/* payloads in msg_ai.h */
	MSG_AI_CANCEL, MSG_AI_TEST,
	MSG_AI_INFO, MSG_AI_INFO_REPLY,
	MSG_AI_RESEAL, MSG_AI_RESEALED,
	MSG_TICK,		/* that was this tick's NODE_STATEs */
	MSG_AI_FORGET,		/* the pair before; answered as AI_INFO */
	MSG_THUMB_GET, MSG_THUMB,
	MSG__MAX
};

struct msg_row {
	const char	*name;
	unsigned	 sender, receiver;	/* enum msg_peer bits */
	enum msg_type	 reply;			/* 0: none is expected */
	uint32_t	 min, max;		/* payload bytes */
};
const struct msg_row *msg_row(unsigned type);	/* NULL when unknown */
void msg_dump(struct buf *);			/* the table as text */

/* Writing: header first with length 0, fields, then msg_end patches it. */
size_t msg_begin(struct buf *, enum msg_type, enum err, uint64_t id);
void msg_end(struct buf *, size_t at);
void msg_put_id(struct buf *, const struct id *);
void msg_put_bytes(struct buf *, const void *, size_t);	/* u32 and bytes */
void msg_put_str(struct buf *, const char *);		/* NULL as empty */

/* Reading: after the first failure every get gives zero and ok is false. */
struct msg_in { const uint8_t *p, *end; bool ok; };
uint8_t  msg_get_u8(struct msg_in *);
uint16_t msg_get_u16(struct msg_in *);
uint32_t msg_get_u32(struct msg_in *);
uint64_t msg_get_u64(struct msg_in *);
void     msg_get_id(struct msg_in *, struct id *);
/* A slice of the message itself; over max fails. */
struct slice msg_get_bytes(struct msg_in *, uint32_t max);
/* As bytes, and must be UTF-8 without NUL. */
struct slice msg_get_str(struct msg_in *, uint32_t max);
/* Everything was read and nothing failed. */
bool msg_done(const struct msg_in *);

/* ---- the payloads ---- */

struct msg_hello {		/* HELLO and HELLO_OK */
	uint16_t	version;
	uint8_t		peer;		/* one enum msg_peer bit */
	struct id	instance;	/* new at every start of the sender */
	struct slice	name;		/* hub name and the like, <= 128 */
	struct slice	extra;		/* aid: its public key; <= 256 */
};
void msg_put_hello(struct buf *, const struct msg_hello *);
bool msg_get_hello(struct msg_in *, struct msg_hello *);

struct msg_command {		/* apid -> hubd: a journal row is due */
	struct id	command, node;
	uint32_t	wait_ms;
	struct slice	request_id;	/* <= 64 */
};
void msg_put_command(struct buf *, const struct msg_command *);
bool msg_get_command(struct msg_in *, struct msg_command *);

struct msg_command_done {	/* header err: OK, NODE_OFFLINE, ... */
	struct id	command;
	struct slice	error;		/* node's text, <= 10000 */
	struct slice	error_code;	/* <= 128 */
	struct slice	data;		/* valid JSON or empty, <= 5 MiB */
};
void msg_put_command_done(struct buf *, const struct msg_command_done *);
bool msg_get_command_done(struct msg_in *, struct msg_command_done *);

struct msg_config_get { struct id node; uint32_t wait_ms; };
void msg_put_config_get(struct buf *, const struct msg_config_get *);
bool msg_get_config_get(struct msg_in *, struct msg_config_get *);

struct msg_config { struct id node; struct slice text; }; /* <= 5 MiB */
void msg_put_config(struct buf *, const struct msg_config *);
bool msg_get_config(struct msg_in *, struct msg_config *);

#define MSG_THUMB_ID	256u
#define MSG_THUMB_MAX	(96u * 1024)
struct msg_thumb_get {		/* the picture of a flow, or of an input */
	struct id	node;
	struct slice	flow, input;	/* <= MSG_THUMB_ID; input may be empty */
};
void msg_put_thumb_get(struct buf *, const struct msg_thumb_get *);
bool msg_get_thumb_get(struct msg_in *, struct msg_thumb_get *);

struct msg_thumb {
	struct id	node;
	uint32_t	age_ms;
	struct slice	data;		/* a JPEG, or empty: there is none */
};
void msg_put_thumb(struct buf *, const struct msg_thumb *);
bool msg_get_thumb(struct msg_in *, struct msg_thumb *);

enum msg_node_what {
	MSG_NODE_UPDATED = 1,	/* name, description or expiry */
	MSG_NODE_DELETED,	/* close with a reason */
	MSG_NODE_TOKEN,		/* a new token was issued */
	MSG_NODE_TUNNEL,	/* the plan of one of its tunnels */
	MSG_NODE_QUEUE,		/* a command waits for it */
};
struct msg_node_changed { struct id node; uint8_t what; };
void msg_put_node_changed(struct buf *, const struct msg_node_changed *);
bool msg_get_node_changed(struct msg_in *, struct msg_node_changed *);

struct msg_watch { uint8_t all; uint32_t n; const uint8_t *ids; };
/* all 1: full stats of every node; else of n ids of 16 bytes each. */
void msg_put_watch(struct buf *, const struct msg_watch *);
bool msg_get_watch(struct msg_in *, struct msg_watch *);

#define MSG_METRICS 16
struct msg_node_state {		/* hubd -> apid, at most one a tick */
	struct id	node;
	uint64_t	epoch;		/* of the session */
	uint64_t	seq;		/* grows with every change of the node */
	int64_t		connected_us;	/* wall */
	int64_t		seen_us;	/* wall, last frame */
	int32_t		protocol;	/* -1: not sent */
	uint8_t		has_stats;	/* a stats frame was ever seen */
	struct slice	name, device_type, version;	/* <= 128,64,256 */
	struct slice	remote;		/* address text, <= 64 */
	uint8_t		nmetrics;	/* in the driver's order */
	uint64_t	metrics[MSG_METRICS];
	struct slice	health;		/* JSON; empty: as before */
	struct slice	stats;		/* JSON object; empty: not watched */
};
void msg_put_node_state(struct buf *, const struct msg_node_state *);
bool msg_get_node_state(struct msg_in *, struct msg_node_state *);

struct msg_node_gone { struct id node; uint64_t epoch; };
void msg_put_node_gone(struct buf *, const struct msg_node_gone *);
bool msg_get_node_gone(struct msg_in *, struct msg_node_gone *);

/* That many were stored; 0: commands changed. A doorbell. */
struct msg_events { uint32_t count; };
void msg_put_events(struct buf *, const struct msg_events *);
bool msg_get_events(struct msg_in *, struct msg_events *);

struct msg_text { struct slice json; };	/* STATUS_REPLY, SELFTEST_REPLY */
void msg_put_text(struct buf *, const struct msg_text *);
bool msg_get_text(struct msg_in *, struct msg_text *);

#endif
