/*
 * frame: with a hook or without, a frame is read the same; what is accepted
 * is valid JSON and its slices are; payload readers take any value; what the
 * server sends is a frame, too.
 */
#include <string.h>

#include "frame.h"
#include "fuzz.h"
#include "valid.h"
#include "xmalloc.h"

struct hook {
	unsigned	calls;
	struct slice	type, payload;
	unsigned	how;
};

/* Consumes the payload in one of two ways. */
static int
on_payload(void *arg, struct slice type, struct jscan *js)
{
	struct hook	*h = arg;
	enum jscan_tok	 t;
	unsigned	 depth = js->depth;

	h->calls++;
	h->type = type;
	h->payload = (struct slice){ NULL, 0 };
	if (h->how % 2 == 0)
		return jscan_skip(js, &h->payload);
	do
		t = jscan_next(js);
	while (t != JSCAN_BAD && js->depth > depth);
	return t == JSCAN_BAD ? -1 : 0;
}

static void
inside(struct slice all, struct slice s)
{
	if (s.p != NULL)
		HOLDS(s.p >= all.p && s.p + s.n <= all.p + all.n);
}

static void
text_ok(struct slice all, struct slice s)
{
	inside(all, s);
	if (s.n > 0)
		HOLDS(valid_utf8(s.p, s.n) &&
		    memchr(s.p, '\n', s.n) == NULL);
}

static void
check_payloads(struct slice p)
{
	struct frame_auth	auth;
	struct frame_event	ev;
	struct frame_ack	ack;
	const char		*why = NULL;
	int			rc;

	rc = frame_auth(p, &auth, &why);
	HOLDS(rc == 0 || why != NULL);
	HOLDS(auth.protocol >= -1);
	text_ok(p, auth.token);
	text_ok(p, auth.node_id);
	text_ok(p, auth.node_secret);
	text_ok(p, auth.version);
	text_ok(p, auth.device_type);
	if (rc == 0) {
		HOLDS(auth.token.n <= 256 && auth.version.n <= 256);
		HOLDS(auth.token.n == 0 || memchr(auth.token.p, '\\',
		    auth.token.n) == NULL);
	}
	if (frame_event(p, &ev) == 0) {
		text_ok(p, ev.severity);
		text_ok(p, ev.message);
		HOLDS(ev.details.p == NULL ||
		    jscan_valid(ev.details.p, ev.details.n, NULL));
	}
	if (frame_ack(p, &ack) == 0) {
		text_ok(p, ack.command_id);
		text_ok(p, ack.error);
		HOLDS(ack.data.p == NULL ||
		    jscan_valid(ack.data.p, ack.data.n, NULL));
	}
}

static void
check_sent(struct slice action)
{
	struct buf	b = BUF_INIT;
	struct frame	f;
	struct id	id;

	memset(&id, 7, sizeof(id));
	frame_put_command(&b, 1774784915123456, &id, action);
	HOLDS(frame_parse((char *)b.data, b.len, NULL, NULL, &f) == 0);
	HOLDS(slice_eq(f.type, "command"));
	HOLDS(jscan_valid(f.payload.p, f.payload.n, NULL));
	buf_clear(&b);
	frame_put_ping(&b, 0);
	HOLDS(frame_parse((char *)b.data, b.len, NULL, NULL, &f) == 0);
	HOLDS(slice_eq(f.type, "ping"));
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice	all = { (const char *)data, size };
	struct hook	h = { .how = (unsigned)fuzz_seed(data, size) >> 1 };
	struct frame	f, g;
	int		rc, rc2;

	rc = frame_parse(all.p, all.n, NULL, NULL, &f);
	rc2 = frame_parse(all.p, all.n, on_payload, &h, &g);
	HOLDS(rc == rc2);
	HOLDS(h.calls <= 2);
	if (rc == -1) {
		HOLDS(f.bad != NULL && g.bad != NULL);
		return 0;
	}
	HOLDS(jscan_valid(all.p, all.n, NULL));
	HOLDS(f.type.p != NULL && slice_same(f.type, g.type));
	HOLDS(slice_same(f.payload, g.payload));
	text_ok(all, f.type);
	inside(all, f.payload);
	HOLDS((h.calls > 0) == (f.payload.p != NULL));
	HOLDS(h.calls == 0 || (slice_same(h.type, f.type) && g.guessed));
	if (f.payload.p == NULL)
		return 0;
	HOLDS(jscan_valid(f.payload.p, f.payload.n, NULL));
	check_payloads(f.payload);
	/* deeper than this and the command's own two levels are too many */
	if (f.payload.n < 60)
		check_sent(f.payload);
	return 0;
}
