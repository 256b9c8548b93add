/*
 * msg: the table of messages between daemons and their payload codecs. Pure:
 * a buf to write, a slice of bytes to read. Integers are little-endian.
 *
 * The writers cut a text that is over its limit at a character boundary and
 * drop a JSON value that is (half of one is worthless), so that nothing a
 * node says can make a sibling refuse our message.
 */
#include <string.h>

#include "log.h"
#include "msg.h"
#include "msg_ai.h"
#include "valid.h"
#include "xmalloc.h"

#define MSG_JSON_MAX	(5u * 1024 * 1024)	/* a node's largest message */
#define MSG_NAME_MAX	128u
#define MSG_EXTRA_MAX	256u
#define MSG_REQUEST_MAX	64u
#define MSG_ERROR_MAX	10000u
#define MSG_CODE_MAX	128u
#define MSG_TYPE_MAX	64u
#define MSG_SOFT_MAX	256u			/* software version */
#define MSG_REMOTE_MAX	64u
#define MSG_WATCH_MAX	65536u			/* nodes on one channel */
#define MSG_TEXT_MAX	(1024u * 1024)

#define AI_JOB_MIN	(16u + 1 + 4 + 4 + 6 * 4 + 1)
#define AI_DONE_MIN	(16u + 1 + 1 + 2 + 2 + 4 + 4 + 8 + 8 + 3 * 4)
#define AI_TEST_MIN	(16u + 4 + 4 * 4)
#define AI_NAMES_MAX	(MSG_REQUEST_MAX + MSG_AI_PROVIDER_MAX + \
			    MSG_AI_MODEL_MAX + MSG_AI_SEALED_MAX)
#define AI_INFO_MIN	(4u + 32 + 1)

#define HELLO_MIN	27u
#define STATE_FIXED	(16u + 8 + 8 + 8 + 8 + 4 + 1 + 1)
#define STATE_MIN	(STATE_FIXED + 6 * 4)

static const struct msg_row msg_table[MSG__MAX] = {
	[MSG_HELLO] = { "hello", MSG_APID | MSG_CTL,
	    MSG_APID | MSG_HUBD | MSG_AID, MSG_HELLO_OK,
	    HELLO_MIN, HELLO_MIN + MSG_NAME_MAX + MSG_EXTRA_MAX },
	[MSG_HELLO_OK] = { "hello_ok", MSG_APID | MSG_HUBD | MSG_AID,
	    MSG_APID | MSG_CTL, MSG__UNSET,
	    HELLO_MIN, HELLO_MIN + MSG_NAME_MAX + MSG_EXTRA_MAX },
	[MSG_STATUS] = { "status", MSG_APID | MSG_CTL,
	    MSG_APID | MSG_HUBD | MSG_AID, MSG_STATUS_REPLY, 0, 0 },
	[MSG_STATUS_REPLY] = { "status_reply",
	    MSG_APID | MSG_HUBD | MSG_AID, MSG_APID | MSG_CTL, MSG__UNSET,
	    4, 4 + MSG_TEXT_MAX },
	[MSG_ERROR] = { "error", MSG_APID | MSG_HUBD | MSG_AID,
	    MSG_APID | MSG_CTL, MSG__UNSET, 0, 1024 },
	[MSG_COMMAND] = { "command", MSG_APID, MSG_HUBD, MSG_COMMAND_DONE,
	    40, 40 + MSG_REQUEST_MAX },
	[MSG_COMMAND_DONE] = { "command_done", MSG_HUBD, MSG_APID,
	    MSG__UNSET, 28, 28 + MSG_ERROR_MAX + MSG_CODE_MAX +
	    MSG_JSON_MAX },
	[MSG_CONFIG_GET] = { "config_get", MSG_APID, MSG_HUBD, MSG_CONFIG,
	    20, 20 },
	[MSG_CONFIG] = { "config", MSG_HUBD, MSG_APID, MSG__UNSET,
	    20, 20 + MSG_JSON_MAX },
	[MSG_NODE_CHANGED] = { "node_changed", MSG_APID | MSG_CTL, MSG_HUBD,
	    MSG__UNSET, 17, 17 },
	[MSG_WATCH] = { "watch", MSG_APID, MSG_HUBD, MSG__UNSET,
	    5, 5 + 16 * MSG_WATCH_MAX },
	[MSG_NODE_STATE] = { "node_state", MSG_HUBD, MSG_APID, MSG__UNSET,
	    STATE_MIN, STATE_MIN + 8 * MSG_METRICS + MSG_NAME_MAX +
	    MSG_TYPE_MAX + MSG_SOFT_MAX + MSG_REMOTE_MAX +
	    2 * MSG_JSON_MAX },
	[MSG_NODE_GONE] = { "node_gone", MSG_HUBD, MSG_APID, MSG__UNSET,
	    24, 24 },
	[MSG_SYNCED] = { "synced", MSG_HUBD, MSG_APID, MSG__UNSET, 0, 0 },
	[MSG_EVENTS] = { "events", MSG_HUBD, MSG_APID, MSG__UNSET, 4, 4 },
	[MSG_SELFTEST] = { "selftest", MSG_APID | MSG_CTL, MSG_AID,
	    MSG_SELFTEST_REPLY, 0, 0 },
	[MSG_SELFTEST_REPLY] = { "selftest_reply", MSG_AID,
	    MSG_APID | MSG_CTL, MSG__UNSET, 4, 4 + MSG_TEXT_MAX },
	[MSG_AI_JOB] = { "ai_job", MSG_APID, MSG_AID, MSG_AI_DONE,
	    AI_JOB_MIN, AI_JOB_MIN + AI_NAMES_MAX + MSG_AI_INPUT_MAX +
	    MSG_AI_MESSAGES * 5 },
	[MSG_AI_CHUNK] = { "ai_chunk", MSG_AID, MSG_APID, MSG__UNSET,
	    20, 20 + MSG_AI_CHUNK_MAX },
	[MSG_AI_DONE] = { "ai_done", MSG_AID, MSG_APID | MSG_CTL, MSG__UNSET,
	    AI_DONE_MIN, AI_DONE_MIN + MSG_AI_MODEL_MAX +
	    MSG_AI_DETAIL_MAX + MSG_AI_ANSWER_MAX },
	[MSG_AI_CANCEL] = { "ai_cancel", MSG_APID, MSG_AID, MSG__UNSET,
	    16, 16 },
	[MSG_AI_TEST] = { "ai_test", MSG_APID | MSG_CTL, MSG_AID,
	    MSG_AI_DONE, AI_TEST_MIN, AI_TEST_MIN + AI_NAMES_MAX },
	[MSG_AI_INFO] = { "ai_info", MSG_APID | MSG_CTL, MSG_AID,
	    MSG_AI_INFO_REPLY, 0, 0 },
	[MSG_AI_INFO_REPLY] = { "ai_info_reply", MSG_AID,
	    MSG_APID | MSG_CTL, MSG__UNSET, AI_INFO_MIN, AI_INFO_MIN +
	    (MSG_AI_PAIRS - 1) * 32 + MSG_AI_PROVIDERS * (3 * 4 + 1 +
	    MSG_AI_PROVIDER_MAX + 64 + MSG_AI_MODEL_MAX) },
	[MSG_AI_RESEAL] = { "ai_reseal", MSG_CTL, MSG_AID, MSG_AI_RESEALED,
	    4, 4 + MSG_AI_SEALED_MAX },
	[MSG_AI_RESEALED] = { "ai_resealed", MSG_AID, MSG_CTL, MSG__UNSET,
	    4, 4 + MSG_AI_SEALED_MAX },
	[MSG_TICK] = { "tick", MSG_HUBD, MSG_APID, MSG__UNSET, 0, 0 },
	[MSG_AI_FORGET] = { "ai_forget", MSG_CTL, MSG_AID, MSG_AI_INFO_REPLY,
	    0, 0 },
	[MSG_THUMB_GET] = { "thumb_get", MSG_APID, MSG_HUBD, MSG_THUMB,
	    24, 24 + 2 * MSG_THUMB_ID },
	[MSG_THUMB] = { "thumb", MSG_HUBD, MSG_APID, MSG__UNSET,
	    24, 24 + MSG_THUMB_MAX },
};

const struct msg_row *
msg_row(unsigned type)
{
	if (type == MSG__UNSET || type >= MSG__MAX)
		return NULL;
	return &msg_table[type];
}

static void
dump_peers(struct buf *out, unsigned peers)
{
	static const struct { unsigned bit; const char *name; } names[] = {
		{ MSG_APID, "apid" }, { MSG_HUBD, "hubd" },
		{ MSG_AID, "aid" }, { MSG_CTL, "ctl" },
	};
	const char *sep = "";
	size_t i;

	for (i = 0; i < nitems(names); i++) {
		if ((peers & names[i].bit) == 0)
			continue;
		buf_printf(out, "%s%s", sep, names[i].name);
		sep = ",";
	}
}

void
msg_dump(struct buf *out)
{
	const struct msg_row *r;
	unsigned t;

	for (t = MSG__UNSET + 1; t < MSG__MAX; t++) {
		r = &msg_table[t];
		buf_printf(out, "%u %s ", t, r->name);
		dump_peers(out, r->sender);
		buf_puts(out, " > ");
		dump_peers(out, r->receiver);
		buf_printf(out, " %s %u..%u\n", r->reply != MSG__UNSET ?
		    msg_table[r->reply].name : "-", r->min, r->max);
	}
}

/* ---- writing ---- */

size_t
msg_begin(struct buf *b, enum msg_type type, enum err err, uint64_t id)
{
	size_t at = buf_used(b);

	buf_put_u32(b, 0);
	buf_put_u16(b, (uint16_t)type);
	buf_put_u16(b, (uint16_t)err);
	buf_put_u64(b, id);
	return at;
}

/*
 * at is relative to the unread part, which only grows while a message is
 * being written. The length counts the payload, not the header.
 */
void
msg_end(struct buf *b, size_t at)
{
	uint8_t *p = buf_head(b) + at;
	size_t n = buf_used(b) - at - MSG_HEADER;
	const struct msg_row *row = msg_row((unsigned)(p[4] | p[5] << 8));

	if (row == NULL || n < row->min || n > row->max)
		fatal("msg: %s with %zu bytes", row != NULL ? row->name :
		    "unknown type", n);
	p[0] = (uint8_t)n;
	p[1] = (uint8_t)(n >> 8);
	p[2] = (uint8_t)(n >> 16);
	p[3] = (uint8_t)(n >> 24);
}

void
msg_put_id(struct buf *b, const struct id *id)
{
	buf_put(b, id->b, sizeof(id->b));
}

void
msg_put_bytes(struct buf *b, const void *p, size_t n)
{
	buf_put_u32(b, (uint32_t)n);
	buf_put(b, p, n);
}

void
msg_put_str(struct buf *b, const char *s)
{
	msg_put_bytes(b, s, s != NULL ? strlen(s) : 0);
}

/* At most max bytes, without half a UTF-8 character at the end. */
static void
put_text(struct buf *b, struct slice s, uint32_t max)
{
	size_t n = s.n;

	if (n > max) {
		n = max;
		while (n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
			n--;
	}
	msg_put_bytes(b, s.p, n);
}

static void
put_json(struct buf *b, struct slice s, uint32_t max)
{
	msg_put_bytes(b, s.p, s.n <= max ? s.n : 0);
}

/* ---- reading ---- */

static const uint8_t *
take(struct msg_in *in, size_t n)
{
	const uint8_t *p = in->p;

	if (!in->ok || (size_t)(in->end - in->p) < n) {
		in->ok = false;
		return NULL;
	}
	in->p += n;
	return p;
}

static uint64_t
get_le(struct msg_in *in, unsigned n)
{
	const uint8_t *p = take(in, n);
	uint64_t v = 0;

	if (p == NULL)
		return 0;
	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

uint8_t
msg_get_u8(struct msg_in *in)
{
	return (uint8_t)get_le(in, 1);
}

uint16_t
msg_get_u16(struct msg_in *in)
{
	return (uint16_t)get_le(in, 2);
}

uint32_t
msg_get_u32(struct msg_in *in)
{
	return (uint32_t)get_le(in, 4);
}

uint64_t
msg_get_u64(struct msg_in *in)
{
	return get_le(in, 8);
}

void
msg_get_id(struct msg_in *in, struct id *id)
{
	const uint8_t *p = take(in, sizeof(id->b));

	if (p != NULL)
		memcpy(id->b, p, sizeof(id->b));
	else
		memset(id->b, 0, sizeof(id->b));
}

struct slice
msg_get_bytes(struct msg_in *in, uint32_t max)
{
	uint32_t n = msg_get_u32(in);
	const uint8_t *p;

	if (n > max)
		in->ok = false;
	p = take(in, n);
	return p != NULL ? (struct slice){ (const char *)p, n } :
	    (struct slice){ NULL, 0 };
}

struct slice
msg_get_str(struct msg_in *in, uint32_t max)
{
	struct slice s = msg_get_bytes(in, max);

	if (s.n > 0 && !valid_utf8(s.p, s.n)) {
		in->ok = false;
		return (struct slice){ NULL, 0 };
	}
	return s;
}

bool
msg_done(const struct msg_in *in)
{
	return in->ok && in->p == in->end;
}

/* ---- the payloads ---- */

void
msg_put_hello(struct buf *b, const struct msg_hello *m)
{
	buf_put_u16(b, m->version);
	buf_put_u8(b, m->peer);
	msg_put_id(b, &m->instance);
	put_text(b, m->name, MSG_NAME_MAX);
	msg_put_bytes(b, m->extra.p, m->extra.n <= MSG_EXTRA_MAX ?
	    m->extra.n : 0);
}

bool
msg_get_hello(struct msg_in *in, struct msg_hello *m)
{
	m->version = msg_get_u16(in);
	m->peer = msg_get_u8(in);
	msg_get_id(in, &m->instance);
	m->name = msg_get_str(in, MSG_NAME_MAX);
	m->extra = msg_get_bytes(in, MSG_EXTRA_MAX);
	if (m->peer == 0 || (m->peer & ~MSG_ALL) != 0 ||
	    (m->peer & (m->peer - 1)) != 0)
		in->ok = false;
	return msg_done(in);
}

void
msg_put_command(struct buf *b, const struct msg_command *m)
{
	msg_put_id(b, &m->command);
	msg_put_id(b, &m->node);
	buf_put_u32(b, m->wait_ms);
	put_text(b, m->request_id, MSG_REQUEST_MAX);
}

bool
msg_get_command(struct msg_in *in, struct msg_command *m)
{
	msg_get_id(in, &m->command);
	msg_get_id(in, &m->node);
	m->wait_ms = msg_get_u32(in);
	m->request_id = msg_get_str(in, MSG_REQUEST_MAX);
	return msg_done(in);
}

void
msg_put_command_done(struct buf *b, const struct msg_command_done *m)
{
	msg_put_id(b, &m->command);
	put_text(b, m->error, MSG_ERROR_MAX);
	put_text(b, m->error_code, MSG_CODE_MAX);
	put_json(b, m->data, MSG_JSON_MAX);
}

bool
msg_get_command_done(struct msg_in *in, struct msg_command_done *m)
{
	msg_get_id(in, &m->command);
	m->error = msg_get_str(in, MSG_ERROR_MAX);
	m->error_code = msg_get_str(in, MSG_CODE_MAX);
	m->data = msg_get_str(in, MSG_JSON_MAX);
	return msg_done(in);
}

void
msg_put_config_get(struct buf *b, const struct msg_config_get *m)
{
	msg_put_id(b, &m->node);
	buf_put_u32(b, m->wait_ms);
}

bool
msg_get_config_get(struct msg_in *in, struct msg_config_get *m)
{
	msg_get_id(in, &m->node);
	m->wait_ms = msg_get_u32(in);
	return msg_done(in);
}

void
msg_put_config(struct buf *b, const struct msg_config *m)
{
	msg_put_id(b, &m->node);
	put_json(b, m->text, MSG_JSON_MAX);
}

bool
msg_get_config(struct msg_in *in, struct msg_config *m)
{
	msg_get_id(in, &m->node);
	m->text = msg_get_str(in, MSG_JSON_MAX);
	return msg_done(in);
}

void
msg_put_thumb_get(struct buf *b, const struct msg_thumb_get *m)
{
	msg_put_id(b, &m->node);
	put_text(b, m->flow, MSG_THUMB_ID);
	put_text(b, m->input, MSG_THUMB_ID);
}

bool
msg_get_thumb_get(struct msg_in *in, struct msg_thumb_get *m)
{
	msg_get_id(in, &m->node);
	m->flow = msg_get_str(in, MSG_THUMB_ID);
	m->input = msg_get_str(in, MSG_THUMB_ID);
	return msg_done(in);
}

void
msg_put_thumb(struct buf *b, const struct msg_thumb *m)
{
	msg_put_id(b, &m->node);
	buf_put_u32(b, m->age_ms);
	msg_put_bytes(b, m->data.p, m->data.n <= MSG_THUMB_MAX ?
	    m->data.n : 0);
}

bool
msg_get_thumb(struct msg_in *in, struct msg_thumb *m)
{
	msg_get_id(in, &m->node);
	m->age_ms = msg_get_u32(in);
	m->data = msg_get_bytes(in, MSG_THUMB_MAX);
	return msg_done(in);
}

void
msg_put_node_changed(struct buf *b, const struct msg_node_changed *m)
{
	msg_put_id(b, &m->node);
	buf_put_u8(b, m->what);
}

bool
msg_get_node_changed(struct msg_in *in, struct msg_node_changed *m)
{
	msg_get_id(in, &m->node);
	m->what = msg_get_u8(in);
	if (m->what < MSG_NODE_UPDATED || m->what > MSG_NODE_QUEUE)
		in->ok = false;
	return msg_done(in);
}

void
msg_put_watch(struct buf *b, const struct msg_watch *m)
{
	/* More than fits is as good as all. */
	bool all = m->all != 0 || m->n > MSG_WATCH_MAX;
	uint32_t n = all ? 0 : m->n;

	buf_put_u8(b, all);
	buf_put_u32(b, n);
	buf_put(b, m->ids, (size_t)n * 16);
}

bool
msg_get_watch(struct msg_in *in, struct msg_watch *m)
{
	m->all = msg_get_u8(in);
	m->n = msg_get_u32(in);
	/* All nodes and a list of some do not go together. */
	if (m->all > 1 || m->n > MSG_WATCH_MAX || (m->all == 1 && m->n > 0))
		in->ok = false;
	m->ids = take(in, (size_t)m->n * 16);
	if (m->ids == NULL)
		m->n = 0;
	return msg_done(in);
}

void
msg_put_node_state(struct buf *b, const struct msg_node_state *m)
{
	uint8_t n = m->nmetrics <= MSG_METRICS ? m->nmetrics : MSG_METRICS;
	uint8_t i;

	msg_put_id(b, &m->node);
	buf_put_u64(b, m->epoch);
	buf_put_u64(b, m->seq);
	buf_put_u64(b, (uint64_t)m->connected_us);
	buf_put_u64(b, (uint64_t)m->seen_us);
	buf_put_u32(b, (uint32_t)m->protocol);
	buf_put_u8(b, m->has_stats != 0);
	put_text(b, m->name, MSG_NAME_MAX);
	put_text(b, m->device_type, MSG_TYPE_MAX);
	put_text(b, m->version, MSG_SOFT_MAX);
	put_text(b, m->remote, MSG_REMOTE_MAX);
	buf_put_u8(b, n);
	for (i = 0; i < n; i++)
		buf_put_u64(b, m->metrics[i]);
	put_json(b, m->health, MSG_JSON_MAX);
	put_json(b, m->stats, MSG_JSON_MAX);
}

bool
msg_get_node_state(struct msg_in *in, struct msg_node_state *m)
{
	uint8_t i;

	memset(m, 0, sizeof(*m));
	msg_get_id(in, &m->node);
	m->epoch = msg_get_u64(in);
	m->seq = msg_get_u64(in);
	m->connected_us = (int64_t)msg_get_u64(in);
	m->seen_us = (int64_t)msg_get_u64(in);
	m->protocol = (int32_t)msg_get_u32(in);
	m->has_stats = msg_get_u8(in);
	m->name = msg_get_str(in, MSG_NAME_MAX);
	m->device_type = msg_get_str(in, MSG_TYPE_MAX);
	m->version = msg_get_str(in, MSG_SOFT_MAX);
	m->remote = msg_get_str(in, MSG_REMOTE_MAX);
	m->nmetrics = msg_get_u8(in);
	if (m->has_stats > 1 || m->nmetrics > MSG_METRICS)
		in->ok = false;
	for (i = 0; in->ok && i < m->nmetrics; i++)
		m->metrics[i] = msg_get_u64(in);
	m->health = msg_get_bytes(in, MSG_JSON_MAX);
	m->stats = msg_get_bytes(in, MSG_JSON_MAX);
	return msg_done(in);
}

void
msg_put_node_gone(struct buf *b, const struct msg_node_gone *m)
{
	msg_put_id(b, &m->node);
	buf_put_u64(b, m->epoch);
}

bool
msg_get_node_gone(struct msg_in *in, struct msg_node_gone *m)
{
	msg_get_id(in, &m->node);
	m->epoch = msg_get_u64(in);
	return msg_done(in);
}

void
msg_put_events(struct buf *b, const struct msg_events *m)
{
	buf_put_u32(b, m->count);
}

bool
msg_get_events(struct msg_in *in, struct msg_events *m)
{
	m->count = msg_get_u32(in);
	return msg_done(in);
}

void
msg_put_text(struct buf *b, const struct msg_text *m)
{
	put_json(b, m->json, MSG_TEXT_MAX);
}

bool
msg_get_text(struct msg_in *in, struct msg_text *m)
{
	m->json = msg_get_str(in, MSG_TEXT_MAX);
	return msg_done(in);
}
