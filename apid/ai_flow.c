/* ai_flow: see ai_flow.h. */
#include "ai_flow.h"
#include "ai_redact.h"
#include "buf.h"
#include "driver.h"
#include "jscan.h"

#define DIFFS_MAX 200

struct slice
ai_member(struct slice object, const char *key, char kind)
{
	struct slice raw;

	if (object.n == 0 || object.p[0] != '{' ||
	    !json_member(object.p, object.n, key, &raw) || raw.p[0] != kind)
		return (struct slice){ NULL, 0 };
	return raw;
}

bool
ai_string(struct arena *a, struct slice object, const char *key,
    struct slice *v_r)
{
	struct slice raw = ai_member(object, key, '"');
	char *dst;
	long n;

	if (raw.p == NULL)
		return false;
	dst = arena_alloc(a, raw.n);
	n = jscan_unescape(dst, raw.n, (struct slice){ raw.p + 1, raw.n - 2 });
	if (n < 0)
		return false;
	*v_r = (struct slice){ dst, (size_t)n };
	return true;
}

/* The next element of an array that is an object; others are passed over. */
static bool
each(struct jscan *js, struct slice *object_r)
{
	while (jscan_element(js, object_r))
		if (object_r->p[0] == '{')
			return true;
	return false;
}

static bool
enter(struct slice array, struct jscan *js)
{
	if (array.n == 0)
		return false;
	jscan_init(js, array.p, array.n);
	return jscan_next(js) == JSCAN_ARRAY;
}

/* Is the raw string, with its quotes, that text? */
static bool
spells(struct slice raw, struct slice text)
{
	char dst[512];
	long n;

	if (raw.n < 2 || raw.n > sizeof(dst))
		return false;
	n = jscan_unescape(dst, sizeof(dst), (struct slice){ raw.p + 1,
	    raw.n - 2 });
	return n >= 0 && slice_same((struct slice){ dst, (size_t)n }, text);
}

struct slice
ai_element(struct slice array, struct slice id)
{
	struct slice object;
	struct jscan js;

	if (enter(array, &js))
		while (each(&js, &object))
			if (spells(ai_member(object, "id", '"'), id))
				return object;
	return (struct slice){ NULL, 0 };
}

struct slice
ai_flow_output(struct slice flow, struct slice output_id)
{
	return ai_element(ai_member(flow, "outputs", '['), output_id);
}

/* ---- flows with their input and outputs inside ---- */

static void
put_defs(struct arena *a, struct json_w *w, struct slice flow,
    struct slice defs, const char *ids, bool first)
{
	struct slice id, def, found = { NULL, 0 }, active;
	struct jscan js;
	char *dst;

	if (!enter(ai_member(flow, ids, '['), &js))
		return;
	while (jscan_next(&js) == JSCAN_STRING) {
		dst = arena_alloc(a, js.text.n + 1);
		id = (struct slice){ dst, (size_t)jscan_unescape(dst,
		    js.text.n + 1, js.text) };
		def = ai_element(defs, id);
		if (def.p == NULL)
			continue;
		if (!first)
			json_w_raw(w, def);
		else if (found.p == NULL || (json_member(def.p, def.n,
		    "active", &active) && slice_eq(active, "true")))
			found = def;
	}
	if (found.p != NULL) {
		json_w_key(w, "input");
		json_w_raw(w, found);
	}
}

static void
put_flow(struct arena *a, struct json_w *w, struct slice config,
    struct slice flow)
{
	struct slice raw, key;
	struct jscan js;

	if (ai_member(flow, "input_ids", '[').p == NULL &&
	    ai_member(flow, "output_ids", '[').p == NULL) {
		json_w_raw(w, flow);
		return;
	}
	json_w_object(w);
	jscan_init(&js, flow.p, flow.n);
	(void)jscan_next(&js);
	while (jscan_next(&js) == JSCAN_KEY) {
		bool by_id = JSCAN_IS(&js, "input_ids") ||
		    JSCAN_IS(&js, "output_ids");

		key = js.text;
		if (jscan_skip(&js, &raw) == -1)
			break;
		if (by_id)
			continue;
		json_w_key(w, arena_strndup(a, key.p, key.n));
		json_w_raw(w, raw);
	}
	put_defs(a, w, flow, ai_member(config, "inputs", '['), "input_ids",
	    true);
	json_w_key(w, "outputs");
	json_w_array(w);
	put_defs(a, w, flow, ai_member(config, "outputs", '['), "output_ids",
	    false);
	json_w_end_array(w);
	json_w_end_object(w);
}

struct slice
ai_flow_find(struct arena *a, struct slice config, struct slice id)
{
	struct slice flow = ai_element(ai_member(config, "flows", '['), id);
	struct buf b = BUF_INIT;
	struct json_w w;

	if (flow.p == NULL)
		return flow;
	json_w_init(&w, &b);
	put_flow(a, &w, config, flow);
	flow.n = buf_used(&b);
	flow.p = arena_strndup(a, (const char *)buf_head(&b), flow.n);
	buf_free(&b);
	return flow;
}

void
ai_flow_list(struct arena *a, struct slice config, struct json_w *w)
{
	struct slice flow;
	struct jscan js;

	json_w_array(w);
	if (enter(ai_member(config, "flows", '['), &js))
		while (each(&js, &flow))
			put_flow(a, w, config, flow);
	json_w_end_array(w);
}

/* ---- the difference ---- */

struct diff {
	struct arena	*arena;
	struct json_w	*w;
	size_t		 n;
};

static void
put_side(struct diff *d, const char *key, struct slice name, struct slice v)
{
	struct buf b = BUF_INIT;
	struct slice raw;

	if (v.p == NULL)
		return;
	/* The name of a member decides whether its value may be seen. */
	buf_putc(&b, '{');
	buf_printf(&b, "\"%.*s\":", (int)name.n, name.n > 0 ? name.p : "");
	buf_put(&b, v.p, v.n);
	buf_putc(&b, '}');
	{
		struct buf masked = BUF_INIT;

		if (ai_redact_mask(buf_slice(&b), &masked) == 0) {
			raw = buf_slice(&masked);
			raw.p += name.n + 4;
			raw.n -= name.n + 5;
			json_w_key(d->w, key);
			json_w_raw(d->w, raw);
		}
		buf_free(&masked);
	}
	buf_free(&b);
}

static bool
alike(struct slice a, struct slice b)
{
	struct buf x = BUF_INIT, y = BUF_INIT;
	bool ok;

	if (a.p == NULL || b.p == NULL)
		return a.p == b.p;
	ok = slice_same(a, b) || (json_canonical(a.p, a.n, &x) == 0 &&
	    json_canonical(b.p, b.n, &y) == 0 &&
	    slice_same(buf_slice(&x), buf_slice(&y)));
	buf_free(&x);
	buf_free(&y);
	return ok;
}

static void diff(struct diff *, const char *path, struct slice name,
    struct slice before, struct slice after);

/* Members of one that the other has not, or both; names are raw. */
static void
diff_members(struct diff *d, const char *path, struct slice of,
    struct slice other, bool after)
{
	struct slice raw, name, peer;
	const char *below, *key;
	struct jscan js;

	jscan_init(&js, of.p, of.n);
	(void)jscan_next(&js);
	while (jscan_next(&js) == JSCAN_KEY) {
		name = js.text;
		if (jscan_skip(&js, &raw) == -1)
			return;
		key = arena_strndup(d->arena, name.p, name.n);
		below = arena_printf(d->arena, "%s/%s", path, key);
		if (!json_member(other.p, other.n, key, &peer))
			peer = (struct slice){ NULL, 0 };
		if (after)
			diff(d, below, name, peer, raw);
		else if (peer.p == NULL)
			diff(d, below, name, raw, peer);
	}
}

static void
diff_elements(struct diff *d, const char *path, struct slice name,
    struct slice before, struct slice after)
{
	struct jscan x, y;
	struct slice a, b;
	bool more_a = enter(before, &x), more_b = enter(after, &y);
	size_t i = 0;

	for (;; i++) {
		more_a = more_a && each(&x, &a);
		more_b = more_b && each(&y, &b);
		if (!more_a && !more_b)
			return;
		diff(d, arena_printf(d->arena, "%s/%zu", path, i), name,
		    more_a ? a : (struct slice){ NULL, 0 },
		    more_b ? b : (struct slice){ NULL, 0 });
	}
}

/* Arrays of objects go element by element, others as one value. */
static bool
of_objects(struct slice array)
{
	struct jscan js;
	enum jscan_tok t;

	if (!enter(array, &js))
		return false;
	t = jscan_next(&js);
	return t == JSCAN_OBJECT || t == JSCAN_ARRAY_END;
}

static void
diff(struct diff *d, const char *path, struct slice name,
    struct slice before, struct slice after)
{
	if (d->n >= DIFFS_MAX || alike(before, after))
		return;
	if (before.p != NULL && after.p != NULL && before.p[0] == '{' &&
	    after.p[0] == '{') {
		diff_members(d, path, after, before, true);
		diff_members(d, path, before, after, false);
		return;
	}
	if (before.p != NULL && after.p != NULL && of_objects(before) &&
	    of_objects(after)) {
		diff_elements(d, path, name, before, after);
		return;
	}
	d->n++;
	json_w_object(d->w);
	json_w_key(d->w, "path");
	json_w_str(d->w, path);
	put_side(d, "before", name, before);
	put_side(d, "after", name, after);
	json_w_end_object(d->w);
}

void
ai_diff(struct arena *a, struct slice before, struct slice after,
    struct json_w *w)
{
	struct diff d = { a, w, 0 };

	json_w_array(w);
	diff(&d, "", (struct slice){ "", 0 }, before, after);
	json_w_end_array(w);
}
