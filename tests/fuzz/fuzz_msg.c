/*
 * msg: whatever a get accepts, the put of the same message writes again,
 * byte for byte, and within the row's bounds. First byte: the type.
 */
#include <string.h>

#include "fuzz.h"
#include "msg.h"
#include "msg_ai.h"
#include "xmalloc.h"

union any {
	struct msg_hello	hello;
	struct msg_command	command;
	struct msg_command_done	command_done;
	struct msg_config_get	config_get;
	struct msg_config	config;
	struct msg_thumb_get	thumb_get;
	struct msg_thumb	thumb;
	struct msg_node_changed	node_changed;
	struct msg_watch	watch;
	struct msg_node_state	node_state;
	struct msg_node_gone	node_gone;
	struct msg_events	events;
	struct msg_text		text;
	struct msg_ai_job	ai_job;
	struct msg_ai_chunk	ai_chunk;
	struct msg_ai_done	ai_done;
	struct msg_ai_cancel	ai_cancel;
	struct msg_ai_call	ai_test;
	struct msg_ai_info	ai_info;
	struct msg_ai_sealed	ai_sealed;
};

static bool
through_ai(enum msg_type type, struct msg_in *in, struct buf *out)
{
	union any u;
	bool ok = false;

	memset(&u, 0, sizeof(u));
	if (type == MSG_AI_JOB && (ok = msg_get_ai_job(in, &u.ai_job)))
		msg_put_ai_job(out, &u.ai_job);
	if (type == MSG_AI_CHUNK && (ok = msg_get_ai_chunk(in, &u.ai_chunk)))
		msg_put_ai_chunk(out, &u.ai_chunk);
	if (type == MSG_AI_DONE && (ok = msg_get_ai_done(in, &u.ai_done)))
		msg_put_ai_done(out, &u.ai_done);
	if (type == MSG_AI_CANCEL &&
	    (ok = msg_get_ai_cancel(in, &u.ai_cancel)))
		msg_put_ai_cancel(out, &u.ai_cancel);
	if (type == MSG_AI_TEST && (ok = msg_get_ai_test(in, &u.ai_test)))
		msg_put_ai_test(out, &u.ai_test);
	if (type == MSG_AI_INFO_REPLY &&
	    (ok = msg_get_ai_info(in, &u.ai_info)))
		msg_put_ai_info(out, &u.ai_info);
	if ((type == MSG_AI_RESEAL || type == MSG_AI_RESEALED) &&
	    (ok = msg_get_ai_sealed(in, &u.ai_sealed)))
		msg_put_ai_sealed(out, &u.ai_sealed);
	return ok;
}

/* Reads, and writes what was read; false: refused. */
static bool
through(enum msg_type type, struct msg_in *in, struct buf *out)
{
	union any u;
	bool ok = false;

	memset(&u, 0, sizeof(u));
	switch (type) {
	case MSG_HELLO:
	case MSG_HELLO_OK:
		if ((ok = msg_get_hello(in, &u.hello)))
			msg_put_hello(out, &u.hello);
		break;
	case MSG_COMMAND:
		if ((ok = msg_get_command(in, &u.command)))
			msg_put_command(out, &u.command);
		break;
	case MSG_COMMAND_DONE:
		if ((ok = msg_get_command_done(in, &u.command_done)))
			msg_put_command_done(out, &u.command_done);
		break;
	case MSG_CONFIG_GET:
		if ((ok = msg_get_config_get(in, &u.config_get)))
			msg_put_config_get(out, &u.config_get);
		break;
	case MSG_CONFIG:
		if ((ok = msg_get_config(in, &u.config)))
			msg_put_config(out, &u.config);
		break;
	case MSG_THUMB_GET:
		if ((ok = msg_get_thumb_get(in, &u.thumb_get)))
			msg_put_thumb_get(out, &u.thumb_get);
		break;
	case MSG_THUMB:
		if ((ok = msg_get_thumb(in, &u.thumb)))
			msg_put_thumb(out, &u.thumb);
		break;
	case MSG_NODE_CHANGED:
		if ((ok = msg_get_node_changed(in, &u.node_changed)))
			msg_put_node_changed(out, &u.node_changed);
		break;
	case MSG_WATCH:
		if ((ok = msg_get_watch(in, &u.watch)))
			msg_put_watch(out, &u.watch);
		break;
	case MSG_NODE_STATE:
		if ((ok = msg_get_node_state(in, &u.node_state)))
			msg_put_node_state(out, &u.node_state);
		break;
	case MSG_NODE_GONE:
		if ((ok = msg_get_node_gone(in, &u.node_gone)))
			msg_put_node_gone(out, &u.node_gone);
		break;
	case MSG_EVENTS:
		if ((ok = msg_get_events(in, &u.events)))
			msg_put_events(out, &u.events);
		break;
	case MSG_STATUS_REPLY:
	case MSG_SELFTEST_REPLY:
		if ((ok = msg_get_text(in, &u.text)))
			msg_put_text(out, &u.text);
		break;
	case MSG_AI_JOB:
	case MSG_AI_CHUNK:
	case MSG_AI_DONE:
	case MSG_AI_CANCEL:
	case MSG_AI_TEST:
	case MSG_AI_INFO_REPLY:
	case MSG_AI_RESEAL:
	case MSG_AI_RESEALED:
		return through_ai(type, in, out);
	case MSG_STATUS:
	case MSG_ERROR:
	case MSG_SYNCED:
	case MSG_TICK:
	case MSG_SELFTEST:
	case MSG_AI_INFO:
	case MSG_AI_FORGET:
	case MSG__UNSET:
	case MSG__MAX:
		break;
	}
	return ok;
}

/* The primitives on the same bytes: a failure sticks, nothing is past end. */
static void
check_primitives(const uint8_t *p, size_t n)
{
	struct msg_in	in = { p, p + n, true };
	uint64_t	rnd = fuzz_seed(p, n);
	struct slice	s;
	struct id	id;
	bool		was = true;
	size_t		i;

	for (i = 0; i < 64; i++) {
		switch (fuzz_rand(&rnd) % 6) {
		case 0:
			HOLDS(msg_get_u8(&in) == 0 || in.ok);
			break;
		case 1:
			HOLDS(msg_get_u16(&in) == 0 || in.ok);
			break;
		case 2:
			HOLDS(msg_get_u32(&in) == 0 || in.ok);
			break;
		case 3:
			HOLDS(msg_get_u64(&in) == 0 || in.ok);
			break;
		case 4:
			msg_get_id(&in, &id);
			HOLDS(in.ok || id_zero(&id));
			break;
		case 5:
			s = msg_get_bytes(&in, 100);
			HOLDS(s.n <= 100 && (in.ok || s.n == 0));
			break;
		}
		HOLDS(in.p >= p && in.p <= p + n);
		HOLDS(was || !in.ok);
		HOLDS(msg_done(&in) == (in.ok && in.p == in.end));
		was = in.ok;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct msg_row	*row;
	struct msg_in		 in;
	struct buf		 out = BUF_INIT;
	enum msg_type		 type;
	size_t			 at;

	if (size == 0)
		return 0;
	type = (enum msg_type)(data[0] % MSG__MAX);
	row = msg_row(type);
	HOLDS((row == NULL) == (type == MSG__UNSET));
	data++;
	size--;
	check_primitives(data, size);
	if (row == NULL)
		return 0;
	in = (struct msg_in){ data, data + size, true };
	at = msg_begin(&out, type, ERR_OK, 7);
	if (through(type, &in, &out)) {
		HOLDS(size >= row->min && size <= row->max);
		msg_end(&out, at);
		HOLDS(buf_used(&out) == MSG_HEADER + size);
		HOLDS(memcmp(buf_head(&out) + MSG_HEADER, data, size) == 0);
	}
	buf_free(&out);
	return 0;
}
