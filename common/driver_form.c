/*
 * driver_form: what the configuration of a kind of node holds, as far as its
 * driver's tables know: shown to clients, so that they can make forms of it,
 * and checked. What the tables do not know is let through: the node is the
 * judge of it.
 */
#include <string.h>

#include "driver.h"
#include "xmalloc.h"

/* ---- for clients ---- */

static const char *const type_names[] = {
	[DRIVER_TEXT] = "text", [DRIVER_UUID] = "uuid",
	[DRIVER_OBJECT] = "object", [DRIVER_BOOL] = "boolean",
	[DRIVER_INT] = "integer", [DRIVER_NUMBER] = "number",
	[DRIVER_ADDRESS] = "address", [DRIVER_TEXTS] = "texts",
	[DRIVER_INTS] = "integers", [DRIVER_GROUP] = "group",
};

static void put_members(struct json_w *, const struct driver_members *);

/* The next of the words in a text; empty at its end. */
static struct slice
word(const char **p)
{
	struct slice s;

	*p += strspn(*p, " ");
	s = (struct slice){ *p, strcspn(*p, " ") };
	*p += s.n;
	return s;
}

static void
put_choices(struct json_w *w, const struct driver_member *m)
{
	const char *p = m->choices;
	struct slice s;

	if (p == NULL)
		return;
	json_w_key(w, "options");
	json_w_array(w);
	while ((s = word(&p)).n > 0) {
		if (m->type == DRIVER_INT)
			json_w_raw(w, s);
		else
			json_w_slice(w, s);
	}
	json_w_end_array(w);
}

static void
put_flags(struct json_w *w, const struct driver_member *m)
{
	if (m->flags & (DRIVER_REQUIRED | DRIVER_REQUIRED_1)) {
		json_w_key(w, "required");
		json_w_array(w);
		json_w_i64(w, 1);
		if (m->flags & DRIVER_REQUIRED)
			json_w_i64(w, 2);
		json_w_end_array(w);
	}
	if (m->flags & DRIVER_SECRET) {
		json_w_key(w, "secret");
		json_w_bool(w, true);
	}
	if (m->flags & DRIVER_RARE) {
		json_w_key(w, "rare");
		json_w_bool(w, true);
	}
}

static void
put_member(struct json_w *w, const struct driver_member *m)
{
	json_w_object(w);
	json_w_key(w, "name");
	json_w_str(w, m->name);
	json_w_key(w, "label");
	json_w_str(w, m->label);
	json_w_key(w, "type");
	json_w_str(w, type_names[m->type]);
	put_flags(w, m);
	if (m->min != 0 || m->max != 0) {
		json_w_key(w, "min");
		json_w_i64(w, m->min);
		json_w_key(w, "max");
		json_w_i64(w, m->max);
	}
	put_choices(w, m);
	if (m->def != NULL) {
		json_w_key(w, "default");
		json_w_raw(w, slice_of(m->def));
	}
	if (m->type == DRIVER_GROUP)
		put_members(w, m->group);
	json_w_end_object(w);
}

static void
put_members(struct json_w *w, const struct driver_members *list)
{
	size_t i;

	json_w_key(w, "members");
	json_w_array(w);
	for (i = 0; i < list->n; i++)
		put_member(w, &list->v[i]);
	json_w_end_array(w);
}

static void
put_part(struct json_w *w, const char *name, const struct driver_part *part)
{
	size_t i;

	json_w_key(w, name);
	json_w_object(w);
	put_members(w, part->common);
	json_w_key(w, "types");
	json_w_array(w);
	for (i = 0; i < part->ntypes; i++) {
		json_w_object(w);
		json_w_key(w, "type");
		json_w_str(w, part->types[i].type);
		json_w_key(w, "label");
		json_w_str(w, part->types[i].label);
		put_members(w, part->types[i].members);
		json_w_end_object(w);
	}
	json_w_end_array(w);
	json_w_end_object(w);
}

void
driver_form_json(const struct driver_form *f, struct json_w *w)
{
	json_w_object(w);
	put_part(w, "flow", &f->flow);
	put_part(w, "input", &f->input);
	put_part(w, "output", &f->output);
	json_w_end_object(w);
}

void
driver_fields_json(const struct driver_command *c, struct json_w *w)
{
	size_t i;

	json_w_array(w);
	for (i = 0; i < c->nfields; i++) {
		json_w_object(w);
		json_w_key(w, "name");
		json_w_str(w, c->fields[i].name);
		json_w_key(w, "type");
		json_w_str(w, type_names[c->fields[i].type]);
		json_w_key(w, "required");
		json_w_bool(w, c->fields[i].required);
		json_w_end_object(w);
	}
	json_w_end_array(w);
}

/* ---- checking ---- */

struct check {
	struct arena		*a;
	struct json_faults	*faults;
	bool			 inside;	/* the first dialect */
};

static void
fault(struct check *c, const char *pointer, const char *detail)
{
	if (c->faults->n < JSON_FAULTS)
		c->faults->v[c->faults->n++] = (struct json_fault){ pointer,
		    detail };
}

static bool
among(const char *choices, struct slice s)
{
	struct slice w;

	while ((w = word(&choices)).n > 0)
		if (slice_same(w, s))
			return true;
	return false;
}

/* host:port; an address of IPv6 stands in brackets. */
static bool
is_address(struct slice s)
{
	size_t i = s.n;
	unsigned long port = 0;

	while (i > 0 && s.p[i - 1] >= '0' && s.p[i - 1] <= '9')
		i--;
	if (i < 2 || s.p[i - 1] != ':' || i == s.n || s.n - i > 5)
		return false;
	for (; i < s.n; i++)
		port = port * 10 + (unsigned long)(s.p[i] - '0');
	return port <= 65535;
}

static bool
is_int(const struct driver_member *m, struct slice raw)
{
	int64_t v;

	return jscan_i64(raw, &v) == 0 && ((m->min == 0 && m->max == 0) ||
	    (v >= m->min && v <= m->max)) &&
	    (m->choices == NULL || among(m->choices, raw));
}

static bool
is_number(const struct driver_member *m, struct slice raw)
{
	double v;

	return (raw.p[0] == '-' || (raw.p[0] >= '0' && raw.p[0] <= '9')) &&
	    jscan_double(raw, &v) == 0 && ((m->min == 0 && m->max == 0) ||
	    (v >= (double)m->min && v <= (double)m->max));
}

static bool
is_text(const struct driver_member *m, struct slice raw)
{
	struct slice s;

	if (raw.p[0] != '"')
		return false;
	s = (struct slice){ raw.p + 1, raw.n - 2 };
	return (m->max == 0 || s.n <= (size_t)m->max) &&
	    s.n >= (size_t)m->min &&
	    (m->choices == NULL || among(m->choices, s)) &&
	    (m->type != DRIVER_ADDRESS || is_address(s));
}

/* An array of which every element is good. */
static bool
is_list(const struct driver_member *m, struct slice raw,
    bool (*good)(const struct driver_member *, struct slice))
{
	struct slice element;
	struct jscan js;

	jscan_init(&js, raw.p, raw.n);
	if (jscan_next(&js) != JSCAN_ARRAY)
		return false;
	while (jscan_element(&js, &element))
		if (!good(m, element))
			return false;
	return true;
}

static bool
is_good(const struct driver_member *m, struct slice raw)
{
	switch (m->type) {
	case DRIVER_BOOL:
		return slice_eq(raw, "true") || slice_eq(raw, "false");
	case DRIVER_INT:
		return is_int(m, raw);
	case DRIVER_NUMBER:
		return is_number(m, raw);
	case DRIVER_TEXTS:
		return is_list(m, raw, is_text);
	case DRIVER_INTS:
		return is_list(m, raw, is_int);
	case DRIVER_OBJECT:
	case DRIVER_GROUP:
		return raw.p[0] == '{';
	case DRIVER_TEXT:
	case DRIVER_UUID:
	case DRIVER_ADDRESS:
	case DRIVER__UNSET:
		break;
	}
	return is_text(m, raw);
}

static const char *
rule(struct check *c, const struct driver_member *m)
{
	bool list = m->type == DRIVER_TEXTS || m->type == DRIVER_INTS;
	const char *what = list ? "must be a list, each element" : "must be";

	if (m->choices != NULL)
		return arena_printf(c->a, "%s one of: %s", what, m->choices);
	switch (m->type) {
	case DRIVER_BOOL:
		return "must be true or false";
	case DRIVER_INT:
	case DRIVER_INTS:
	case DRIVER_NUMBER:
		if (m->min != 0 || m->max != 0)
			return arena_printf(c->a, "%s a %snumber from %lld to "
			    "%lld", what, m->type == DRIVER_NUMBER ? "" :
			    "whole ", (long long)m->min, (long long)m->max);
		return m->type == DRIVER_NUMBER ? "must be a number" :
		    arena_printf(c->a, "%s a whole number", what);
	case DRIVER_ADDRESS:
		return "must be host:port";
	case DRIVER_OBJECT:
	case DRIVER_GROUP:
		return "must be an object";
	default:
		return m->max == 0 ? arena_printf(c->a, "%s text", what) :
		    arena_printf(c->a, "%s text of %lld to %lld bytes", what,
		    (long long)m->min, (long long)m->max);
	}
}

static void
check_members(struct check *c, const struct driver_members *list,
    struct slice object, const char *pointer)
{
	const struct driver_member *m;
	const char *at;
	struct slice raw;
	bool need;

	for (m = list->v; m < list->v + list->n; m++) {
		at = arena_printf(c->a, "%s/%s", pointer, m->name);
		need = (m->flags & DRIVER_REQUIRED) ||
		    ((m->flags & DRIVER_REQUIRED_1) && c->inside);
		if (!json_member(object.p, object.n, m->name, &raw) ||
		    slice_eq(raw, "null")) {
			if (need)
				fault(c, at, "is required");
		} else if (need && slice_eq(raw, "\"\""))
			fault(c, at, "is required");
		else if (!is_good(m, raw))
			fault(c, at, rule(c, m));
		else if (m->type == DRIVER_GROUP)
			check_members(c, m->group, raw, at);
	}
}

static void
check_part(struct check *c, const struct driver_part *part, struct slice raw,
    const char *pointer)
{
	struct slice type;
	size_t i;

	if (raw.p[0] != '{') {
		fault(c, pointer, "must be an object");
		return;
	}
	check_members(c, part->common, raw, pointer);
	if (part->ntypes == 0 ||
	    !json_member(raw.p, raw.n, "type", &type) || type.n < 2)
		return;
	type = (struct slice){ type.p + 1, type.n - 2 };
	for (i = 0; i < part->ntypes; i++)
		if (slice_eq(type, part->types[i].type))
			check_members(c, part->types[i].members, raw, pointer);
}

bool
driver_part_has(const struct driver_part *part, struct slice type)
{
	size_t i;

	for (i = 0; i < part->ntypes; i++)
		if (slice_eq(type, part->types[i].type))
			return true;
	return false;
}

/* Each element of the array that is the member of that name. */
static void
check_list(struct check *c, const struct driver_form *f,
    const struct driver_part *part, struct slice object, const char *name,
    const char *pointer)
{
	struct slice raw, element;
	const char *at;
	struct jscan js;
	size_t i;

	if (!json_member(object.p, object.n, name, &raw) ||
	    slice_eq(raw, "null"))
		return;
	pointer = arena_printf(c->a, "%s/%s", pointer, name);
	if (raw.p[0] != '[') {
		fault(c, pointer, "must be a list");
		return;
	}
	jscan_init(&js, raw.p, raw.n);
	(void)jscan_next(&js);
	for (i = 0; c->faults->n < JSON_FAULTS &&
	    jscan_element(&js, &element); i++) {
		at = arena_printf(c->a, "%s/%zu", pointer, i);
		check_part(c, part, element, at);
		if (part != &f->flow || element.p[0] != '{')
			continue;
		if (json_member(element.p, element.n, "input", &raw) &&
		    !slice_eq(raw, "null"))
			check_part(c, &f->input, raw, arena_printf(c->a,
			    "%s/input", at));
		check_list(c, f, &f->output, element, "outputs", at);
	}
}

/* Is it, or would it be, of the first dialect? */
static bool
first_dialect(struct slice config)
{
	struct slice version;
	int64_t v;

	return config.n == 0 ||
	    !json_member(config.p, config.n, "version", &version) ||
	    jscan_i64(version, &v) != 0 || v < 2;
}

void
driver_part_check(const struct driver_part *part, struct arena *a,
    struct slice config, struct slice object, const char *pointer,
    struct json_faults *faults)
{
	struct check c = { a, faults, first_dialect(config) };

	check_part(&c, part, object, pointer);
}

void
driver_form_check(const struct driver_form *f, struct arena *a,
    struct slice config, struct json_faults *faults)
{
	struct check c = { a, faults, first_dialect(config) };

	faults->n = 0;
	check_list(&c, f, &f->flow, config, "flows", "");
	check_list(&c, f, &f->input, config, "inputs", "");
	check_list(&c, f, &f->output, config, "outputs", "");
}
