/* ai_schema: see ai_schema.h. */
#include <string.h>

#include "ai_form.h"
#include "ai_schema.h"
#include "driver.h"
#include "xmalloc.h"

#define STEPS "multiple"

static void
put_type(struct json_w *w, const char *type)
{
	json_w_key(w, "type");
	json_w_str(w, type);
}

static void
put_ref(struct json_w *w, const char *key, const char *name)
{
	struct buf b = BUF_INIT;

	buf_printf(&b, "#/$defs/%s", name);
	json_w_key(w, key);
	json_w_object(w);
	json_w_key(w, "$ref");
	json_w_str(w, buf_cstr(&b));
	json_w_end_object(w);
	buf_free(&b);
}

static void
put_plain(struct json_w *w, const char *key, const char *type)
{
	json_w_key(w, key);
	json_w_object(w);
	put_type(w, type);
	json_w_end_object(w);
}

static void
put_array(struct json_w *w, const char *key, const char *type)
{
	json_w_key(w, key);
	json_w_object(w);
	put_type(w, "array");
	put_plain(w, "items", type);
	json_w_end_object(w);
}

static void
put_required(struct json_w *w, const char *a, const char *b, const char *c)
{
	const char *const names[] = { a, b, c };
	size_t i;

	json_w_key(w, "required");
	json_w_array(w);
	for (i = 0; i < nitems(names) && names[i] != NULL; i++)
		json_w_str(w, names[i]);
	json_w_end_array(w);
}

/* A newer node has members that nobody here knows. */
static void
put_open(struct json_w *w)
{
	json_w_key(w, "additionalProperties");
	json_w_bool(w, true);
}

/* ---- inputs, outputs, flows ---- */

/* What each kind needs. */
static void
put_kinds(struct json_w *w, const struct driver_part *part)
{
	const struct driver_members *list;
	struct buf b = BUF_INIT;
	const char *sep;
	size_t i, k;

	for (i = 0; i < part->ntypes; i++) {
		list = part->types[i].members;
		buf_printf(&b, "%s%s", i > 0 ? "; " : "",
		    part->types[i].type);
		for (k = 0, sep = " with "; k < list->n; k++)
			if (list->v[k].flags & DRIVER_REQUIRED) {
				buf_printf(&b, "%s%s", sep, list->v[k].name);
				sep = ", ";
			}
	}
	json_w_key(w, "description");
	json_w_str(w, buf_cstr(&b));
	buf_free(&b);
}

static void
put_member(struct json_w *w, const struct driver_member *m)
{
	switch (m->type) {
	case DRIVER_TEXTS:
		put_array(w, m->name, "string");
		break;
	case DRIVER_INTS:
		put_array(w, m->name, "integer");
		break;
	case DRIVER_GROUP:
	case DRIVER_OBJECT:
		json_w_key(w, m->name);
		json_w_object(w);
		put_type(w, "object");
		put_open(w);
		json_w_end_object(w);
		break;
	case DRIVER_BOOL:
		put_plain(w, m->name, "boolean");
		break;
	case DRIVER_INT:
		put_plain(w, m->name, "integer");
		break;
	case DRIVER_NUMBER:
		put_plain(w, m->name, "number");
		break;
	case DRIVER__UNSET:
	case DRIVER_TEXT:
	case DRIVER_UUID:
	case DRIVER_ADDRESS:
		put_plain(w, m->name, "string");
		break;
	}
}

/* Did a kind before the nth have a member of that name? */
static bool
told(const struct driver_part *part, size_t n, const char *name)
{
	const struct driver_members *list;
	size_t i, k;

	for (i = 0; i < n; i++) {
		list = part->types[i].members;
		for (k = 0; k < list->n; k++)
			if (strcmp(list->v[k].name, name) == 0)
				return true;
	}
	return false;
}

/* The members of all kinds: a schema of each alone would be as long as all
 * kinds together. */
static void
put_members(struct json_w *w, const struct driver_part *part)
{
	const struct driver_members *list = part->common;
	size_t i, k;

	for (k = 0; k < list->n; k++)
		put_member(w, &list->v[k]);
	for (i = 0; i < part->ntypes; i++) {
		list = part->types[i].members;
		for (k = 0; k < list->n; k++)
			if (!told(part, i, list->v[k].name))
				put_member(w, &list->v[k]);
	}
}

/* NULL: nothing is known of it. */
static void
put_end(struct json_w *w, const char *name, const struct driver_part *part,
    const char *id)
{
	json_w_key(w, name);
	json_w_object(w);
	put_type(w, "object");
	if (part != NULL) {
		put_kinds(w, part);
		json_w_key(w, "properties");
		json_w_object(w);
		put_members(w, part);
		json_w_end_object(w);
		put_required(w, "type", id, NULL);
	}
	put_open(w);
	json_w_end_object(w);
}

static void
put_flow(struct json_w *w)
{
	json_w_key(w, "flow");
	json_w_object(w);
	put_type(w, "object");
	json_w_key(w, "properties");
	json_w_object(w);
	put_plain(w, "id", "string");
	put_plain(w, "name", "string");
	put_plain(w, "enabled", "boolean");
	put_plain(w, "media_analysis", "boolean");
	put_ref(w, "input", "input");
	json_w_key(w, "outputs");
	json_w_object(w);
	put_type(w, "array");
	put_ref(w, "items", "output");
	json_w_end_object(w);
	json_w_end_object(w);
	put_required(w, "id", "name", "input");
	put_open(w);
	json_w_end_object(w);
}

/* ---- tunnels ---- */

static void
put_field(struct json_w *w, const struct json_field *f)
{
	const char *const *name;

	json_w_key(w, f->name);
	json_w_object(w);
	put_type(w, f->type == JSON_INT ? "integer" : f->type == JSON_BOOL ?
	    "boolean" : "string");
	if (f->type == JSON_INT) {
		json_w_key(w, "minimum");
		json_w_i64(w, f->min);
		json_w_key(w, "maximum");
		json_w_i64(w, f->max);
	}
	if (f->type == JSON_ENUM) {
		json_w_key(w, "enum");
		json_w_array(w);
		for (name = f->names; *name != NULL; name++)
			json_w_str(w, *name);
		json_w_end_array(w);
	}
	json_w_end_object(w);
}

static void
put_tunnel(struct json_w *w, const struct json_schema *tunnel)
{
	const struct json_field *f = tunnel->fields;
	size_t i;

	json_w_key(w, "tunnel");
	json_w_object(w);
	put_type(w, "object");
	json_w_key(w, "properties");
	json_w_object(w);
	for (i = 0; i < tunnel->nfields; i++)
		if (f[i].type != JSON_ANY)
			put_field(w, &f[i]);
	json_w_end_object(w);
	json_w_key(w, "required");
	json_w_array(w);
	for (i = 0; i < tunnel->nfields; i++)
		if (f[i].flags & JSON_REQUIRED)
			json_w_str(w, f[i].name);
	json_w_end_array(w);
	json_w_end_object(w);
}

/* ---- actions ---- */

static void
put_names(struct json_w *w, bool steps)
{
	const struct ai_action *a;
	size_t i;

	json_w_key(w, "action");
	json_w_object(w);
	put_type(w, "string");
	json_w_key(w, "enum");
	json_w_array(w);
	for (i = 0; (a = ai_action_at(i)) != NULL; i++)
		json_w_str(w, a->name);
	if (steps)
		json_w_str(w, STEPS);
	json_w_str(w, "info");
	json_w_end_array(w);
	json_w_end_object(w);
}

/* Who needs it: a $ref may have no other member beside it. */
static void
put_need(struct json_w *w, const char *name, unsigned bit, const char *def)
{
	const struct ai_action *a;
	struct buf b = BUF_INIT;
	size_t i;

	if (def != NULL) {
		put_ref(w, name, def);
		return;
	}
	for (i = 0; (a = ai_action_at(i)) != NULL; i++)
		if (a->needs & bit)
			buf_printf(&b, "%s%s", buf_used(&b) > 0 ? ", " :
			    "for ", a->name);
	json_w_key(w, name);
	json_w_object(w);
	put_type(w, "string");
	json_w_key(w, "description");
	json_w_str(w, buf_cstr(&b));
	json_w_end_object(w);
	buf_free(&b);
}

static void
put_step_members(struct json_w *w, bool steps)
{
	put_names(w, steps);
	put_plain(w, "message", "string");
	put_need(w, "flow", AI_N_FLOW, "flow");
	put_need(w, "flow_id", AI_N_FLOW_ID, NULL);
	put_need(w, "output", AI_N_OUTPUT, "output");
	put_need(w, "output_id", AI_N_OUTPUT_ID, NULL);
	put_need(w, "tunnel", AI_N_TUNNEL, "tunnel");
	put_need(w, "tunnel_id", AI_N_TUNNEL_ID, NULL);
}

static void
put_step(struct json_w *w)
{
	json_w_key(w, "step");
	json_w_object(w);
	put_type(w, "object");
	json_w_key(w, "properties");
	json_w_object(w);
	put_step_members(w, false);
	json_w_end_object(w);
	put_required(w, "action", NULL, NULL);
	json_w_end_object(w);
}

void
ai_schema_put(const struct driver_form *form,
    const struct json_schema *tunnel, struct buf *out)
{
	struct json_w w;

	json_w_init(&w, out);
	json_w_object(&w);
	put_type(&w, "object");
	json_w_key(&w, "properties");
	json_w_object(&w);
	put_step_members(&w, true);
	json_w_key(&w, "actions");
	json_w_object(&w);
	put_type(&w, "array");
	json_w_key(&w, "description");
	json_w_str(&w, "for " STEPS ": what is done, in that order");
	put_ref(&w, "items", "step");
	json_w_end_object(&w);
	json_w_end_object(&w);
	put_required(&w, "action", "message", NULL);
	json_w_key(&w, "$defs");
	json_w_object(&w);
	put_end(&w, "input", form != NULL ? &form->input : NULL, NULL);
	put_end(&w, "output", form != NULL ? &form->output : NULL, "id");
	put_flow(&w);
	put_tunnel(&w, tunnel);
	put_step(&w);
	json_w_end_object(&w);
	json_w_end_object(&w);
}
