/*
 * frame: envelopes of node messages. Pure; slices point into the caller's
 * text. What nodes leave out or spell oddly is tolerated where it does no
 * harm, since they cannot be told.
 */
#include <string.h>

#include "frame.h"
#include "json.h"
#include "xmalloc.h"

#define FRAME_AUTH_MAX	256	/* bytes of a text in auth */

/*
 * The type when the text ends in ,"type":"..."} as real nodes send it. In a
 * valid text this is a member of the outermost object: the quotes cannot be
 * escaped ones (a letter, a colon and a comma or brace stand before them),
 * and the brace is the last.
 */
static struct slice
guess_type(const char *p, size_t n)
{
	static const char label[] = "\"type\":\"";
	const size_t len = sizeof(label) - 1;
	const struct slice none = { NULL, 0 };
	size_t end, at;

	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\n' ||
	    p[n - 1] == '\r' || p[n - 1] == '\t'))
		n--;
	if (n < len + 3 || p[n - 1] != '}' || p[n - 2] != '"')
		return none;
	end = n - 2;
	for (at = end; at > len && p[at - 1] != '"'; at--)
		if (p[at - 1] == '\\' || end - at > 64)
			return none;
	if (at <= len || memcmp(p + at - len, label, len) != 0 ||
	    (p[at - len - 1] != ',' && p[at - len - 1] != '{'))
		return none;
	return (struct slice){ p + at, end - at };
}

static int
bad(struct frame *f, const char *why)
{
	f->bad = why;
	return -1;
}

/* The value of "payload": hook or plain skip. */
static int
walk_payload(struct jscan *js, frame_payload_fn fn, void *arg,
    struct frame *f)
{
	const char *from;
	unsigned depth = js->depth;

	if (f->payload.p != NULL)
		return bad(f, "payload is repeated");
	if (fn == NULL || f->type.p == NULL)
		return jscan_skip(js, &f->payload);
	for (from = js->p; from < js->end && (*from == ' ' ||
	    *from == '\n' || *from == '\r' || *from == '\t'); from++)
		;
	if (fn(arg, f->type, js) != 0)
		return bad(f, js->bad != NULL ? js->bad :
		    "the payload was refused");
	if (js->depth != depth)
		return bad(f, "the payload was not read whole");
	f->payload = (struct slice){ from, (size_t)(js->p - from) };
	f->guessed = true;
	return 0;
}

static int
walk_type(struct jscan *js, struct slice *type_r, struct frame *f)
{
	if (type_r->p != NULL)
		return bad(f, "type is repeated");
	if (jscan_next(js) != JSCAN_STRING || js->escaped)
		return bad(f, js->bad != NULL ? js->bad :
		    "type is not a plain string");
	*type_r = js->text;
	return 0;
}

static int
walk(struct jscan *js, frame_payload_fn fn, void *arg, struct frame *f)
{
	struct slice type = { NULL, 0 };
	enum jscan_tok t;
	int rc;

	if (jscan_next(js) != JSCAN_OBJECT)
		return bad(f, js->bad != NULL ? js->bad : "not an object");
	while ((t = jscan_next(js)) == JSCAN_KEY) {
		if (JSCAN_IS(js, "payload"))
			rc = walk_payload(js, fn, arg, f);
		else if (JSCAN_IS(js, "type"))
			rc = walk_type(js, &type, f);
		else
			rc = jscan_skip(js, NULL);
		if (rc != 0)
			return bad(f, f->bad != NULL ? f->bad : js->bad);
	}
	if (t != JSCAN_OBJECT_END || jscan_next(js) != JSCAN_END)
		return bad(f, js->bad != NULL ? js->bad : "not JSON");
	if (type.p == NULL)
		return bad(f, "type is missing");
	if (f->type.p != NULL && !slice_same(f->type, type))
		return bad(f, "type is ambiguous");
	f->type = type;
	return 0;
}

int
frame_parse(const char *p, size_t n, frame_payload_fn fn, void *arg,
    struct frame *f)
{
	struct jscan js;

	*f = (struct frame){ .type = guess_type(p, n) };
	jscan_init(&js, p, n);
	if (walk(&js, fn, arg, f) != 0)
		return -1;
	if (fn == NULL || f->guessed || f->payload.p == NULL)
		return 0;
	/* The type was not known when the payload went by. */
	jscan_init(&js, f->payload.p, f->payload.n);
	if (fn(arg, f->type, &js) != 0)
		return bad(f, js.bad != NULL ? js.bad :
		    "the payload was refused");
	if (jscan_next(&js) != JSCAN_END)
		return bad(f, "the payload was not read whole");
	f->guessed = true;
	return 0;
}

/* ---- payloads ---- */

enum member_type { M_TEXT, M_RAW, M_BOOL, M_INT, M_SEQ };

struct member {
	const char		*name;
	enum member_type	 type;
	size_t			 offset;
};

/* Texts longer than max or with escapes are refused when max is not 0. */
static int
take_member(struct jscan *js, const struct member *m, void *out, size_t max)
{
	char *at = (char *)out + m->offset;
	struct slice raw;
	enum jscan_tok t;
	int64_t v;

	if (m->type == M_RAW) {
		if (jscan_skip(js, &raw) != 0)
			return -1;
		if (!slice_eq(raw, "null"))
			memcpy(at, &raw, sizeof(raw));
		return 0;
	}
	t = jscan_next(js);
	if (m->type == M_BOOL && (t == JSCAN_TRUE || t == JSCAN_FALSE)) {
		*(bool *)at = t == JSCAN_TRUE;
	} else if (m->type == M_INT && t == JSCAN_NUMBER) {
		if (jscan_i64(js->text, &v) == 0 && v >= 0 && v <= 65535)
			*(int *)(void *)at = (int)v;
	} else if (m->type == M_SEQ && t == JSCAN_NUMBER) {
		if (jscan_i64(js->text, &v) == 0 && v > 0)
			memcpy(at, &v, sizeof(v));
	} else if (m->type == M_TEXT && t == JSCAN_STRING) {
		if (max != 0 && (js->escaped || js->text.n > max))
			return -1;
		memcpy(at, &js->text, sizeof(js->text));
	}
	return t == JSCAN_BAD ? -1 : 0;
}

static int
take_members(struct slice payload, const struct member *m, size_t n,
    size_t max, void *out)
{
	struct jscan js;
	enum jscan_tok t;
	size_t i;
	int rc;

	if (payload.p == NULL)
		return -1;
	jscan_init(&js, payload.p, payload.n);
	if (jscan_next(&js) != JSCAN_OBJECT)
		return -1;
	while ((t = jscan_next(&js)) == JSCAN_KEY) {
		for (i = 0; i < n; i++)
			if (jscan_is(js.text, js.escaped, m[i].name))
				break;
		rc = i < n ? take_member(&js, &m[i], out, max) :
		    jscan_skip(&js, NULL);
		if (rc != 0 || jscan_leave(&js, 1) != 0)
			return -1;
	}
	return t == JSCAN_OBJECT_END && jscan_next(&js) == JSCAN_END ? 0 : -1;
}

#define M(st, field, key, type) { key, type, offsetof(struct st, field) }

int
frame_auth(struct slice payload, struct frame_auth *a, const char **why_r)
{
	static const struct member members[] = {
		M(frame_auth, token, "registration_token", M_TEXT),
		M(frame_auth, node_id, "node_id", M_TEXT),
		M(frame_auth, node_secret, "node_secret", M_TEXT),
		M(frame_auth, version, "software_version", M_TEXT),
		M(frame_auth, device_type, "device_type", M_TEXT),
		M(frame_auth, protocol, "protocol_version", M_INT),
		M(frame_auth, event_boot, "event_boot", M_TEXT),
		M(frame_auth, command_dedupe, "command_dedupe", M_BOOL),
	};

	*a = (struct frame_auth){ .protocol = -1 };
	if (take_members(payload, members, nitems(members), FRAME_AUTH_MAX,
	    a) == 0)
		return 0;
	*a = (struct frame_auth){ .protocol = -1 };
	*why_r = "the auth payload is not an object of plain short texts";
	return -1;
}

int
frame_event(struct slice payload, struct frame_event *e)
{
	static const struct member members[] = {
		M(frame_event, severity, "severity", M_TEXT),
		M(frame_event, category, "category", M_TEXT),
		M(frame_event, message, "message", M_TEXT),
		M(frame_event, flow_id, "flow_id", M_TEXT),
		M(frame_event, details, "details", M_RAW),
		M(frame_event, seq, "seq", M_SEQ),
	};

	memset(e, 0, sizeof(*e));
	return take_members(payload, members, nitems(members), 0, e);
}

int
frame_ack(struct slice payload, struct frame_ack *a)
{
	static const struct member members[] = {
		M(frame_ack, command_id, "command_id", M_TEXT),
		M(frame_ack, success, "success", M_BOOL),
		M(frame_ack, error, "error", M_TEXT),
		M(frame_ack, error_code, "error_code", M_TEXT),
		M(frame_ack, data, "data", M_RAW),
	};

	memset(a, 0, sizeof(*a));
	return take_members(payload, members, nitems(members), 0, a);
}

/* ---- what the server sends ---- */

static void
put_head(struct json_w *w, struct buf *b, const char *type,
    const char *when)
{
	json_w_init(w, b);
	json_w_object(w);
	json_w_key(w, "type");
	json_w_str(w, type);
	json_w_key(w, "timestamp");
	json_w_str(w, when);
}

static void
put_event_ack(struct json_w *w, int64_t event_ack)
{
	if (event_ack < 0)
		return;
	json_w_key(w, "event_ack");
	json_w_i64(w, event_ack);
}

void
frame_put_register_ack(struct buf *b, wall_us t, const struct id *node,
    const char *secret, int64_t event_ack)
{
	char when[WALL_TEXT], text[ID_TEXT];
	struct json_w w;

	wall_rfc3339_offset(t, when);
	id_text(node, text);
	put_head(&w, b, "register_ack", when);
	json_w_key(&w, "payload");
	json_w_object(&w);
	json_w_key(&w, "node_id");
	json_w_str(&w, text);
	json_w_key(&w, "node_secret");
	json_w_str(&w, secret);
	put_event_ack(&w, event_ack);
	json_w_end_object(&w);
	json_w_end_object(&w);
}

void
frame_put_auth_ok(struct buf *b, wall_us t, int64_t event_ack)
{
	char when[WALL_TEXT];
	struct json_w w;

	wall_rfc3339_offset(t, when);
	put_head(&w, b, "auth_ok", when);
	json_w_key(&w, "payload");
	json_w_object(&w);
	put_event_ack(&w, event_ack);
	json_w_end_object(&w);
	json_w_end_object(&w);
}

void
frame_put_event_ack(struct buf *b, wall_us t, int64_t seq, bool resend)
{
	char when[WALL_TEXT];
	struct json_w w;

	wall_rfc3339(t, when);
	put_head(&w, b, "event_ack", when);
	json_w_key(&w, "payload");
	json_w_object(&w);
	json_w_key(&w, "seq");
	json_w_i64(&w, seq);
	if (resend) {
		json_w_key(&w, "resend");
		json_w_bool(&w, true);
	}
	json_w_end_object(&w);
	json_w_end_object(&w);
}

/* Edges and relays read the top-level message, gateways the payload's. */
void
frame_put_auth_error(struct buf *b, wall_us t, const char *why)
{
	char when[WALL_TEXT];
	struct json_w w;

	wall_rfc3339(t, when);
	put_head(&w, b, "auth_error", when);
	json_w_key(&w, "message");
	json_w_str(&w, why);
	json_w_key(&w, "payload");
	json_w_object(&w);
	json_w_key(&w, "error");
	json_w_str(&w, why);
	json_w_key(&w, "message");
	json_w_str(&w, why);
	json_w_end_object(&w);
	json_w_end_object(&w);
}

void
frame_put_command(struct buf *b, wall_us t, const struct id *command,
    struct slice action)
{
	char when[WALL_TEXT], text[ID_TEXT];
	struct json_w w;

	wall_rfc3339(t, when);
	id_text(command, text);
	put_head(&w, b, "command", when);
	json_w_key(&w, "payload");
	json_w_object(&w);
	json_w_key(&w, "command_id");
	json_w_str(&w, text);
	json_w_key(&w, "action");
	json_w_raw(&w, action);
	json_w_end_object(&w);
	json_w_end_object(&w);
}

void
frame_put_ping(struct buf *b, wall_us t)
{
	char when[WALL_TEXT];
	struct json_w w;

	wall_rfc3339(t, when);
	put_head(&w, b, "ping", when);
	json_w_key(&w, "payload");
	json_w_null(&w);
	json_w_end_object(&w);
}
