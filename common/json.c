/*
 * json: request bodies into structs by field tables, and canonical texts.
 * Owns json-c, whose tree serves the canonical form only: a member is
 * decoded from its own text, because json-c clamps integers and forgets how
 * a value was written.
 *
 * A member that is null counts as absent, unless its field is NULLABLE (the
 * contract's rule for optional members). An INT without bounds has min and
 * max 0.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* json-c has a tag of the same name as ours. */
#define json_type jsonc_type
#include <json-c/json.h>
#undef json_type

#include "jscan.h"
#include "json.h"
#include "log.h"
#include "valid.h"
#include "xmalloc.h"

#define JSON_UUIDS_MAX	10000
#define JSON_NAME_SHOWN	128	/* bytes of an unknown name in a pointer */

/* ---- repeated keys ---- */

struct seen { struct slice name; const char *at; };

struct keys {
	struct seen	*v;
	size_t		 n, cap;
	size_t		 base[JSCAN_DEPTH + 1];	/* first of each level */
};

static int
seen_cmp(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;
	size_t n = x->name.n < y->name.n ? x->name.n : y->name.n;
	int c = n > 0 ? memcmp(x->name.p, y->name.p, n) : 0;

	if (c != 0)
		return c;
	return (x->name.n > y->name.n) - (x->name.n < y->name.n);
}

/* The later of two equal keys from base on, or NULL. */
static const char *
repeated(struct keys *k, size_t base)
{
	size_t i;

	if (k->n - base < 2)
		return NULL;
	qsort(k->v + base, k->n - base, sizeof(*k->v), seen_cmp);
	for (i = base + 1; i < k->n; i++)
		if (seen_cmp(&k->v[i - 1], &k->v[i]) == 0)
			return k->v[i - 1].at > k->v[i].at ?
			    k->v[i - 1].at : k->v[i].at;
	return NULL;
}

static void
push_key(struct keys *k, struct arena *a, const struct jscan *js)
{
	struct slice name = js->text;
	char *text;

	if (js->escaped) {
		text = arena_alloc(a, name.n);
		name.n = (size_t)jscan_unescape(text, name.n, name);
		name.p = text;
	}
	if (k->n == k->cap) {
		k->cap = k->cap == 0 ? 64 : k->cap * 2;
		k->v = xreallocarray(k->v, k->cap, sizeof(*k->v));
	}
	k->v[k->n++] = (struct seen){ name, js->text.p };
}

/* Walks the whole text; NULL, or what is wrong with it at *at_r. */
static const char *
check_text(struct arena *a, const char *p, size_t n, const char **at_r)
{
	struct keys k = { .n = 0 };
	const char *why = NULL;
	struct jscan js;
	enum jscan_tok t;

	jscan_init(&js, p, n);
	while (why == NULL && (t = jscan_next(&js)) != JSCAN_END) {
		if (t == JSCAN_BAD) {
			why = js.bad;
			*at_r = js.p;
		} else if (t == JSCAN_OBJECT) {
			k.base[js.depth] = k.n;
		} else if (t == JSCAN_KEY) {
			push_key(&k, a, &js);
		} else if (t == JSCAN_OBJECT_END) {
			*at_r = repeated(&k, k.base[js.depth + 1]);
			k.n = k.base[js.depth + 1];
			if (*at_r != NULL)
				why = "a key is repeated";
		}
	}
	free(k.v);
	return why;
}

/* ---- findings ---- */

static void
fault(struct json_faults *f, const char *pointer, const char *detail)
{
	if (f->n < JSON_FAULTS)
		f->v[f->n++] = (struct json_fault){ pointer, detail };
}

/* "/name" with the escapes of RFC 6901 section 3. */
static const char *
pointer_to(struct arena *a, struct slice name)
{
	size_t n = name.n < JSON_NAME_SHOWN ? name.n : JSON_NAME_SHOWN, i;
	char *text, *q;

	while (n < name.n && n > 0 &&
	    ((unsigned char)name.p[n] & 0xc0) == 0x80)
		n--;
	q = text = arena_alloc(a, 2 * n + 2);
	*q++ = '/';
	for (i = 0; i < n; i++) {
		if (name.p[i] == '~' || name.p[i] == '/') {
			*q++ = '~';
			*q++ = name.p[i] == '~' ? '0' : '1';
		} else {
			*q++ = name.p[i];
		}
	}
	*q = '\0';
	return text;
}

/* ---- values: NULL, or the broken rule ---- */

static bool
is_number(struct slice raw)
{
	return raw.p[0] == '-' || (raw.p[0] >= '0' && raw.p[0] <= '9');
}

/* The text of a string value, in the arena, with a NUL for convenience. */
static bool
get_string(struct arena *a, struct slice raw, struct slice *s_r)
{
	char *text;
	long n;

	if (raw.p[0] != '"')
		return false;
	text = arena_alloc(a, raw.n);
	n = jscan_unescape(text, raw.n, (struct slice){ raw.p + 1,
	    raw.n - 2 });
	if (n < 0)
		return false;
	text[n] = '\0';
	*s_r = (struct slice){ text, (size_t)n };
	return true;
}

static const char *
get_int(struct arena *a, const struct json_field *f, struct slice raw,
    int64_t *v_r)
{
	bool bounded = f->min != 0 || f->max != 0;
	int64_t min = bounded ? f->min : INT64_MIN;
	int64_t max = bounded ? f->max : INT64_MAX;

	if (!is_number(raw) || memchr(raw.p, '.', raw.n) != NULL ||
	    memchr(raw.p, 'e', raw.n) != NULL ||
	    memchr(raw.p, 'E', raw.n) != NULL)
		return "must be a whole number";
	if (jscan_i64(raw, v_r) == 0 && *v_r >= min && *v_r <= max)
		return NULL;
	*v_r = 0;
	return arena_printf(a, "must be between %" PRId64 " and %" PRId64,
	    min, max);
}

static const char *
get_uuid(struct arena *a, struct slice raw, struct slice *v_r)
{
	struct slice s;
	const char *rule;
	char *text;
	size_t i;

	if (!get_string(a, raw, &s))
		return "must be a string";
	rule = valid_uuid(s);
	if (rule != NULL)
		return rule;
	text = arena_strndup(a, s.p, s.n);
	for (i = 0; i < s.n; i++)
		if (text[i] >= 'A' && text[i] <= 'F')
			text[i] = (char)(text[i] - 'A' + 'a');
	*v_r = (struct slice){ text, s.n };
	return NULL;
}

/* ["...", ...] to {...,...}; *at_r is the element a rule is about, or -1. */
static const char *
get_uuids(struct arena *a, struct slice raw, struct slice *v_r, long *at_r)
{
	char *text = arena_alloc(a, raw.n + 3), *q = text;
	enum jscan_tok t;
	struct slice one;
	struct jscan js;
	const char *rule;
	long n = 0;

	*at_r = -1;
	jscan_init(&js, raw.p, raw.n);
	if (jscan_next(&js) != JSCAN_ARRAY)
		return "must be an array of UUIDs";
	*q++ = '{';
	for (; (t = jscan_next(&js)) != JSCAN_ARRAY_END; n++) {
		*at_r = n;
		if (n == JSON_UUIDS_MAX)
			return "is one element too many";
		/* the token's text is without its quotes */
		rule = t != JSCAN_STRING ? "must be a string" : get_uuid(a,
		    (struct slice){ js.text.p - 1, js.text.n + 2 }, &one);
		if (rule != NULL)
			return rule;
		if (n > 0)
			*q++ = ',';
		memcpy(q, one.p, one.n);
		q += one.n;
	}
	*at_r = -1;
	*q++ = '}';
	*v_r = (struct slice){ text, (size_t)(q - text) };
	return NULL;
}

static const char *
get_enum(struct arena *a, const struct json_field *f, struct slice raw,
    struct slice *v_r)
{
	struct buf b = BUF_INIT;
	const char *rule;
	struct slice s;
	size_t i;

	if (!get_string(a, raw, &s))
		return "must be a string";
	for (i = 0; f->names[i] != NULL; i++) {
		if (slice_eq(s, f->names[i])) {
			*v_r = s;
			return NULL;
		}
	}
	buf_puts(&b, "must be one of ");
	for (i = 0; f->names[i] != NULL; i++)
		buf_printf(&b, "%s%s", i > 0 ? ", " : "", f->names[i]);
	rule = arena_strdup(a, buf_cstr(&b));
	buf_free(&b);
	return rule;
}

static const char *
get_text(struct arena *a, const struct json_field *f, struct slice raw,
    char *at)
{
	struct slice s;
	const char *rule;
	int64_t us;

	if (!get_string(a, raw, &s))
		return "must be a string";
	if (f->type == JSON_TIME) {
		rule = valid_time(s, &us);
		if (rule == NULL)
			memcpy(at, &us, sizeof(us));
		return rule;
	}
	rule = f->valid != NULL ? f->valid(s) : NULL;
	if (rule == NULL)
		memcpy(at, &s, sizeof(s));
	return rule;
}

static const char *
get_value(struct arena *a, const struct json_field *f, struct slice raw,
    char *at, long *elem_r)
{
	const char *rule = NULL;
	struct slice s = { NULL, 0 };
	int64_t i;
	double d;
	bool yes;

	switch (f->type) {
	case JSON_STRING:
	case JSON_TIME:
		return get_text(a, f, raw, at);
	case JSON_INT:
		rule = get_int(a, f, raw, &i);
		if (rule == NULL)
			memcpy(at, &i, sizeof(i));
		return rule;
	case JSON_BOOL:
		if (raw.p[0] != 't' && raw.p[0] != 'f')
			return "must be true or false";
		yes = raw.p[0] == 't';
		memcpy(at, &yes, sizeof(yes));
		return NULL;
	case JSON_DOUBLE:
		if (!is_number(raw) || jscan_double(raw, &d) != 0)
			return "must be a number";
		memcpy(at, &d, sizeof(d));
		return NULL;
	case JSON_UUID:
		rule = get_uuid(a, raw, &s);
		break;
	case JSON_UUIDS:
		rule = get_uuids(a, raw, &s, elem_r);
		break;
	case JSON_ENUM:
		rule = get_enum(a, f, raw, &s);
		break;
	case JSON_OBJECT:
		rule = raw.p[0] != '{' ? "must be an object" : NULL;
		s = raw;
		break;
	case JSON_ANY:
		s = raw;
		break;
	case JSON__UNSET:
		fatal("json: field %s has no type", f->name);
	}
	if (rule == NULL)
		memcpy(at, &s, sizeof(s));
	return rule;
}

/* ---- decoding ---- */

static void
decode_member(struct arena *a, const struct json_field *f, struct slice raw,
    void *out, struct json_faults *faults)
{
	struct json_state *st = f->state != 0 ?
	    (void *)((char *)out + f->state) : NULL;
	bool null = raw.p[0] == 'n';
	const char *rule, *pointer;
	long elem = -1;

	if (null && (f->flags & JSON_NULLABLE) == 0 &&
	    (f->type != JSON_ANY)) {
		if ((f->flags & JSON_REQUIRED) != 0)
			fault(faults, pointer_to(a, slice_of(f->name)),
			    "must not be null");
		return;
	}
	if (st != NULL)
		*st = (struct json_state){ .present = true, .null = null };
	if (null && (f->flags & JSON_NULLABLE) != 0)
		return;
	rule = get_value(a, f, raw, (char *)out + f->offset, &elem);
	if (rule == NULL)
		return;
	pointer = pointer_to(a, slice_of(f->name));
	if (elem >= 0)
		pointer = arena_printf(a, "%s/%ld", pointer, elem);
	fault(faults, pointer, rule);
}

static const struct json_field *
find_field(const struct json_schema *s, const struct jscan *js)
{
	size_t i;

	for (i = 0; i < s->nfields; i++)
		if (jscan_is(js->text, js->escaped, s->fields[i].name))
			return &s->fields[i];
	return NULL;
}

static void
unknown_member(struct arena *a, const struct jscan *js,
    struct json_faults *faults)
{
	struct slice name = js->text;
	char *text;

	if (js->escaped) {
		text = arena_alloc(a, name.n);
		name.n = (size_t)jscan_unescape(text, name.n, name);
		name.p = text;
	}
	fault(faults, pointer_to(a, name), "is not a known member");
}

static void
require_members(const struct json_schema *s, const bool *got,
    struct arena *a, struct json_faults *faults)
{
	size_t i;

	for (i = 0; i < s->nfields; i++)
		if ((s->fields[i].flags & JSON_REQUIRED) != 0 && !got[i])
			fault(faults, pointer_to(a,
			    slice_of(s->fields[i].name)), "is required");
}

enum err
json_decode(struct arena *a, const struct json_schema *s, const char *p,
    size_t n, void *out, struct json_faults *faults)
{
	const struct json_field *f;
	const char *why, *at = p;
	struct slice raw;
	struct jscan js;
	bool *got;

	faults->n = 0;
	why = check_text(a, p, n, &at);
	if (why != NULL) {
		fault(faults, "", arena_printf(a,
		    "is not valid JSON at byte %zu: %s", (size_t)(at - p),
		    why));
		return ERR_BAD_JSON;
	}
	got = arena_calloc(a, s->nfields + 1);
	jscan_init(&js, p, n);
	if (jscan_next(&js) != JSCAN_OBJECT) {
		fault(faults, "", "must be an object");
		return ERR_INVALID;
	}
	while (jscan_next(&js) == JSCAN_KEY) {
		f = find_field(s, &js);
		if (f == NULL && !s->open)
			unknown_member(a, &js, faults);
		if (jscan_skip(&js, &raw) != 0)
			fatal("json: a checked text became bad");
		if (f == NULL)
			continue;
		got[f - s->fields] = true;
		decode_member(a, f, raw, out, faults);
	}
	require_members(s, got, a, faults);
	return faults->n > 0 ? ERR_INVALID : ERR_OK;
}

bool
json_member(const char *p, size_t n, const char *key, struct slice *raw_r)
{
	struct jscan js;
	bool found;

	jscan_init(&js, p, n);
	if (jscan_next(&js) != JSCAN_OBJECT)
		return false;
	while (jscan_next(&js) == JSCAN_KEY) {
		found = jscan_is(js.text, js.escaped, key);
		if (jscan_skip(&js, raw_r) != 0)
			return false;
		if (found)
			return true;
	}
	return false;
}

/* ---- the canonical form ---- */

static void canon(struct json_w *, struct json_object *);

static int
name_cmp(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
canon_object(struct json_w *w, struct json_object *o)
{
	size_t n = (size_t)json_object_object_length(o), i = 0;
	const char **names = xcalloc(n + 1, sizeof(*names));

	json_object_object_foreach(o, name, value) {
		(void)value;
		names[i++] = name;
	}
	qsort(names, n, sizeof(*names), name_cmp);
	json_w_object(w);
	for (i = 0; i < n; i++) {
		json_w_key(w, names[i]);
		canon(w, json_object_object_get(o, names[i]));
	}
	json_w_end_object(w);
	free(names);
}

static void
canon_array(struct json_w *w, struct json_object *o)
{
	size_t n = json_object_array_length(o), i;

	json_w_array(w);
	for (i = 0; i < n; i++)
		canon(w, json_object_array_get_idx(o, i));
	json_w_end_array(w);
}

/* 1, 1.0 and 10e-1 are one number; integers end at 64 bits. */
static void
canon_double(struct json_w *w, struct json_object *o)
{
	double v = json_object_get_double(o);

	if (!isfinite(v))
		json_w_raw(w, slice_of(json_object_get_string(o)));
	else if (v == floor(v) && fabs(v) < 9007199254740992.0)
		json_w_i64(w, (int64_t)v);
	else
		json_w_double(w, v);
}

static void
canon(struct json_w *w, struct json_object *o)
{
	int64_t i;

	switch (json_object_get_type(o)) {
	case json_type_null:
		json_w_null(w);
		break;
	case json_type_boolean:
		json_w_bool(w, json_object_get_boolean(o));
		break;
	case json_type_double:
		canon_double(w, o);
		break;
	case json_type_int:
		i = json_object_get_int64(o);
		if (i == INT64_MAX)
			json_w_u64(w, json_object_get_uint64(o));
		else
			json_w_i64(w, i);
		break;
	case json_type_object:
		canon_object(w, o);
		break;
	case json_type_array:
		canon_array(w, o);
		break;
	case json_type_string:
		json_w_slice(w, (struct slice){ json_object_get_string(o),
		    (size_t)json_object_get_string_len(o) });
		break;
	}
}

int
json_canonical(const char *p, size_t n, struct buf *out)
{
	struct json_tokener *tok;
	struct json_object *o;
	enum json_tokener_error err;
	struct json_w w;

	if (n > INT32_MAX || !jscan_valid(p, n, NULL))
		return -1;
	/* json-c counts two more levels than there are brackets */
	tok = json_tokener_new_ex(JSCAN_DEPTH + 2);
	if (tok == NULL)
		fatal("json: no memory");
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT |
	    JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, p, (int)n);
	if (json_tokener_get_error(tok) == json_tokener_continue)
		o = json_tokener_parse_ex(tok, "", 1);
	err = json_tokener_get_error(tok);
	json_tokener_free(tok);
	if (err != json_tokener_success)
		return -1;
	json_w_init(&w, out);
	canon(&w, o);
	json_object_put(o);
	return 0;
}
