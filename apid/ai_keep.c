/* ai_keep: see ai_keep.h. */
#include <string.h>

#include "ai_flow.h"
#include "ai_keep.h"
#include "ai_redact.h"
#include "jscan.h"
#include "secret.h"
#include "xmalloc.h"

static bool
is(const struct ai_step *s, const char *name)
{
	return strcmp(s->action->name, name) == 0;
}

static bool
hides(const struct driver *d, struct slice config, struct slice end,
    bool input)
{
	return end.p != NULL && d != NULL && d->hides != NULL &&
	    d->hides(config, end, input);
}

/* Is it so for any output of a flow? Ends at the first. */
static bool
any_output(struct slice flow, bool (*fn)(void *, struct slice), void *arg)
{
	struct slice list = ai_member(flow, "outputs", '[');
	struct slice output;
	bool found = false;
	struct jscan js;

	if (list.p == NULL)
		return false;
	jscan_init(&js, list.p, list.n);
	(void)jscan_next(&js);
	while (!found && jscan_element(&js, &output) && output.p[0] == '{')
		found = fn(arg, output);
	return found;
}

/* ---- masks ---- */

static bool
is_mask(struct slice raw)
{
	size_t i = 1;

	while (i + 1 < raw.n && raw.p[i] == '*')
		i++;
	return i > 1 && (i + 1 == raw.n ||
	    memmem(raw.p, raw.n, "REDACTED", 8) != NULL);
}

/* A credential that stands there as asterisks would become them. */
static bool
has_mask(struct slice json)
{
	struct slice name = { "", 0 };
	enum jscan_tok t;
	struct jscan js;

	jscan_init(&js, json.p, json.n);
	while ((t = jscan_next(&js)) != JSCAN_END && t != JSCAN_BAD) {
		if (t == JSCAN_KEY)
			name = js.text;
		else if (t == JSCAN_STRING && ai_redact_name(name) &&
		    is_mask((struct slice){ js.text.p - 1, js.text.n + 2 }))
			return true;
	}
	return false;
}

/* ---- a flow that is replaced ---- */

struct keep {
	struct arena		*arena;
	const struct driver	*driver;
	struct slice		 config;
	struct slice		 was, now;	/* flows */
	struct json_w		*w;
};

static bool
output_hides(void *arg, struct slice output)
{
	struct keep *k = arg;

	return hides(k->driver, k->config, output, false);
}

static bool
flow_hides(struct keep *k, struct slice flow)
{
	return hides(k->driver, k->config, ai_member(flow, "input", '{'),
	    true) || any_output(flow, output_hides, k);
}

static bool
same_type(struct keep *k, struct slice a, struct slice b)
{
	struct slice x, y;

	return a.p != NULL && b.p != NULL &&
	    ai_string(k->arena, a, "type", &x) &&
	    ai_string(k->arena, b, "type", &y) && slice_same(x, y);
}

static void
enter(struct jscan *js, struct slice object)
{
	jscan_init(js, object.p, object.n);
	(void)jscan_next(js);
}

static bool
member(struct keep *k, struct jscan *js, const char **key_r,
    struct slice *raw_r)
{
	struct slice key;

	if (jscan_next(js) != JSCAN_KEY)
		return false;
	key = js->text;
	*key_r = arena_strndup(k->arena, key.p, key.n);
	return jscan_skip(js, raw_r) == 0;
}

/* What the node shows as "" it wants to see again. */
static void
put_end(struct keep *k, struct slice was, struct slice now)
{
	struct slice raw, other;
	const char *key;
	struct jscan js;

	if (!same_type(k, was, now)) {
		json_w_raw(k->w, now);
		return;
	}
	json_w_object(k->w);
	for (enter(&js, now); member(k, &js, &key, &raw);) {
		json_w_key(k->w, key);
		json_w_raw(k->w, raw);
	}
	for (enter(&js, was); member(k, &js, &key, &raw);)
		if (ai_redact_name(slice_of(key)) &&
		    slice_eq(raw, "\"\"") &&
		    !json_member(now.p, now.n, key, &other)) {
			json_w_key(k->w, key);
			json_w_raw(k->w, raw);
		}
	json_w_end_object(k->w);
}

static bool
put_output(void *arg, struct slice output)
{
	struct keep *k = arg;
	struct slice id, was = { NULL, 0 };

	if (ai_string(k->arena, output, "id", &id))
		was = ai_flow_output(k->was, id);
	put_end(k, was, output);
	return false;
}

static void
put_flow(struct keep *k)
{
	struct slice raw;
	const char *key;
	struct jscan js;

	json_w_object(k->w);
	for (enter(&js, k->now); member(k, &js, &key, &raw);) {
		json_w_key(k->w, key);
		if (strcmp(key, "input") == 0) {
			put_end(k, ai_member(k->was, "input", '{'), raw);
		} else if (strcmp(key, "outputs") == 0) {
			json_w_array(k->w);
			(void)any_output(k->now, put_output, k);
			json_w_end_array(k->w);
		} else {
			json_w_raw(k->w, raw);
		}
	}
	json_w_end_object(k->w);
}

/* {"type":"update_config",...} of the configuration with the flow in the
 * place of the one that it has. */
static struct slice
whole_config(struct keep *k)
{
	struct buf b = BUF_INIT;
	struct json_w w;

	json_w_init(&w, &b);
	k->w = &w;
	buf_puts(&b, "{\"type\":\"update_config\",\"config\":");
	buf_put(&b, k->config.p, (size_t)(k->was.p - k->config.p));
	put_flow(k);
	buf_put(&b, k->was.p + k->was.n, (size_t)(k->config.p + k->config.n -
	    k->was.p) - k->was.n);
	buf_putc(&b, '}');
	return secret_buf_keep(k->arena, &b);
}

const char *
ai_keep_action(struct arena *arena, const struct driver *driver,
    struct slice config, const struct ai_step *s, struct slice *action_r)
{
	struct keep k = { arena, driver, config, { NULL, 0 }, s->flow, NULL };
	struct buf b = BUF_INIT;
	struct json_w w;

	if (has_mask(s->flow) || has_mask(s->output))
		return "a credential in it is only a mask (asterisks): the "
		    "node would take the mask for it. Set it anew, or change "
		    "something else";
	if (is(s, "update_flow")) {
		if (config.n == 0)
			return "the configuration of the node is not known, "
			    "so nobody knows which credentials of the flow "
			    "would be lost. Connect the node and ask again";
		k.was = ai_element(ai_member(config, "flows", '['),
		    s->flow_id);
		if (k.was.p != NULL && flow_hides(&k, k.was)) {
			*action_r = whole_config(&k);
			return NULL;
		}
	}
	json_w_init(&w, &b);
	ai_step_action(s, &w);
	*action_r = secret_buf_keep(arena, &b);
	return NULL;
}

/* ---- undoing ---- */

/* An end that hides credentials still has them behind the step if it is
 * still of that type and the step set none. */
static bool
still_there(struct keep *k, struct slice was, struct slice now, bool input)
{
	return !hides(k->driver, k->config, was, input) ||
	    (same_type(k, was, now) &&
	    hides(k->driver, k->config, now, input));
}

static bool
output_lost(void *arg, struct slice output)
{
	struct keep *k = arg;
	struct slice id, now = { NULL, 0 };

	if (ai_string(k->arena, output, "id", &id))
		now = ai_flow_output(k->now, id);
	return !still_there(k, output, now, false);
}

const char *
ai_keep_undo(struct arena *arena, const struct driver *driver,
    struct slice config, struct slice was, const struct ai_step *s)
{
	struct keep k = { arena, driver, config, was, s->flow, NULL };
	bool lost = false;

	if (is(s, "delete_flow"))
		lost = flow_hides(&k, was);
	else if (is(s, "remove_output"))
		lost = hides(driver, config, ai_flow_output(was,
		    s->output_id), false);
	else if (is(s, "update_flow"))
		lost = !still_there(&k, ai_member(was, "input", '{'),
		    ai_member(s->flow, "input", '{'), true) ||
		    any_output(was, output_lost, &k);
	return lost ? "this cannot be undone: what it changed has or may "
	    "have had credentials that only the node knew" : NULL;
}
