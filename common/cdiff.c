/*
 * cdiff: see cdiff.h. One walk over both texts side by side: canonical
 * objects have their members in one order. Depth is bounded by the scanner.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdiff.h"
#include "jscan.h"
#include "xmalloc.h"

#define MASK "***"

struct walk {
	cdiff_fn	 fn;
	void		*arg;
	struct buf	 path;
};

struct element {
	struct slice	 id, text;	/* id: raw content */
};

struct elements {
	struct element	*v;
	size_t		 n, cap;
	bool		 ids;		/* every one has its own */
};

/* ---- credentials ---- */

static bool
contains(struct slice s, const char *word)
{
	size_t n = strlen(word), i, k;

	for (i = 0; i + n <= s.n; i++) {
		for (k = 0; k < n; k++)
			if ((s.p[i + k] | 0x20) != word[k])
				break;
		if (k == n)
			return true;
	}
	return false;
}

bool
cdiff_secret(struct slice name)
{
	static const char *const words[] = { "passphrase", "password",
	    "passwd", "secret", "token", "credential", "psk", "bearer" };
	size_t i;

	for (i = 0; i < nitems(words); i++)
		if (contains(name, words[i]))
			return true;
	/* stream_key, tunnel_encryption_key; not key_id, not keyframe */
	return slice_ieq(name, "key") || (name.n > 4 && slice_ieq(
	    (struct slice){ name.p + name.n - 4, 4 }, "_key"));
}

/* A string that carries one inside: user:password@, ?passphrase= */
static bool
secret_text(struct slice text)
{
	const char *at, *slash, *p;

	if (text.n == 0 || text.p[0] != '"' ||
	    (p = memmem(text.p, text.n, "://", 3)) == NULL)
		return false;
	p += 3;
	at = memchr(p, '@', (size_t)(text.p + text.n - p));
	slash = memchr(p, '/', (size_t)(text.p + text.n - p));
	return (at != NULL && (slash == NULL || at < slash)) ||
	    contains(text, "passphrase=") || contains(text, "password=") ||
	    contains(text, "token=") || contains(text, "key=");
}

/* ---- lists ---- */

static struct slice
element_id(struct slice text)
{
	struct slice raw;
	struct jscan js;

	jscan_init(&js, text.p, text.n);
	if (jscan_next(&js) == JSCAN_OBJECT)
		while (jscan_member(&js, &raw) > 0)
			if (JSCAN_IS(&js, "id") && raw.n > 2 &&
			    raw.p[0] == '"')
				return (struct slice){ raw.p + 1, raw.n - 2 };
	return (struct slice){ NULL, 0 };
}

static int
compare(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n == 0 ? 0 : memcmp(a.p, b.p, n);

	return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

static int
by_id(const void *x, const void *y)
{
	return compare(((const struct element *)x)->id,
	    ((const struct element *)y)->id);
}

static void
elements_read(struct elements *e, struct slice array)
{
	struct slice text;
	struct jscan js;

	memset(e, 0, sizeof(*e));
	e->ids = true;
	jscan_init(&js, array.p, array.n);
	if (jscan_next(&js) != JSCAN_ARRAY)
		return;
	while (jscan_element(&js, &text)) {
		if (e->n == e->cap) {
			e->cap = e->cap == 0 ? 16 : e->cap * 2;
			e->v = xreallocarray(e->v, e->cap, sizeof(*e->v));
		}
		e->v[e->n].id = element_id(text);
		e->ids = e->ids && e->v[e->n].id.n > 0;
		e->v[e->n++].text = text;
	}
}

/* Sorts by id; false: some come twice, and the order is lost then. */
static bool
elements_sort(struct elements *e)
{
	size_t i;

	if (e->n > 0)
		qsort(e->v, e->n, sizeof(*e->v), by_id);
	for (i = 1; i < e->n; i++)
		if (compare(e->v[i - 1].id, e->v[i].id) == 0)
			return false;
	return true;
}

/* ---- the walk ---- */

static bool differ(struct walk *, struct slice a, struct slice b,
    bool element, bool secret);

/* Appends "/name"; the caller cuts the path again. */
static size_t
push(struct buf *path, struct slice name)
{
	size_t before = buf_used(path), i;

	buf_putc(path, '/');
	for (i = 0; i < name.n; i++)
		if (name.p[i] == '~')
			buf_puts(path, "~0");
		else if (name.p[i] == '/')
			buf_puts(path, "~1");
		else
			buf_putc(path, name.p[i]);
	return before;
}

static void
pop(struct buf *path, size_t before)
{
	path->len = path->off + before;
}

static bool
tell(struct walk *w, enum cdiff_kind kind, struct slice a, struct slice b,
    bool element, bool secret)
{
	const struct cdiff_change c = { kind, { buf_cstr(&w->path),
	    buf_used(&w->path) }, a, b, element, secret ||
	    secret_text(a) || secret_text(b) };

	return w->fn(w->arg, &c);
}

/* A member or element that one or both sides have. */
static bool
child(struct walk *w, struct slice name, struct slice a, struct slice b,
    bool element, bool secret)
{
	size_t before = push(&w->path, name);
	bool on;

	if (a.p == NULL)
		on = tell(w, CDIFF_ADDED, a, b, element, secret);
	else if (b.p == NULL)
		on = tell(w, CDIFF_REMOVED, a, b, element, secret);
	else
		on = differ(w, a, b, element, secret);
	pop(&w->path, before);
	return on;
}

static bool
objects(struct walk *w, struct slice a, struct slice b, bool secret)
{
	const struct slice none = { NULL, 0 };
	struct slice va = none, vb = none, ka = none, kb = none, name;
	struct jscan ja, jb;
	bool has_a, has_b, on = true;
	int c;

	jscan_init(&ja, a.p, a.n);
	jscan_init(&jb, b.p, b.n);
	(void)jscan_next(&ja);
	(void)jscan_next(&jb);
	has_a = jscan_member(&ja, &va) > 0;
	has_b = jscan_member(&jb, &vb) > 0;
	while (on && (has_a || has_b)) {
		ka = ja.text;
		kb = jb.text;
		c = !has_a ? 1 : !has_b ? -1 : compare(ka, kb);
		name = c <= 0 ? ka : kb;
		on = child(w, name, c <= 0 ? va : none, c >= 0 ? vb : none,
		    false, secret || cdiff_secret(name));
		if (c <= 0)
			has_a = jscan_member(&ja, &va) > 0;
		if (c >= 0)
			has_b = jscan_member(&jb, &vb) > 0;
	}
	return on;
}

static bool
by_ids(struct walk *w, const struct elements *a, const struct elements *b,
    bool secret)
{
	const struct slice none = { NULL, 0 };
	size_t i = 0, k = 0;
	bool on = true;
	int c;

	while (on && (i < a->n || k < b->n)) {
		c = i == a->n ? 1 : k == b->n ? -1 :
		    compare(a->v[i].id, b->v[k].id);
		on = child(w, c <= 0 ? a->v[i].id : b->v[k].id,
		    c <= 0 ? a->v[i].text : none,
		    c >= 0 ? b->v[k].text : none, true, secret);
		i += c <= 0;
		k += c >= 0;
	}
	return on;
}

static bool
by_place(struct walk *w, const struct elements *a, const struct elements *b,
    bool secret)
{
	const struct slice none = { NULL, 0 };
	size_t i, most = a->n > b->n ? a->n : b->n;
	char place[24];
	bool on = true;

	for (i = 0; on && i < most; i++) {
		(void)snprintf(place, sizeof(place), "%zu", i);
		on = child(w, slice_of(place), i < a->n ? a->v[i].text : none,
		    i < b->n ? b->v[i].text : none, true, secret);
	}
	return on;
}

static bool
arrays(struct walk *w, struct slice a, struct slice b, bool secret)
{
	struct elements ea, eb;
	bool ids, on;

	elements_read(&ea, a);
	elements_read(&eb, b);
	ids = ea.ids && eb.ids && ea.n + eb.n > 0;
	if (ids && (!elements_sort(&ea) || !elements_sort(&eb))) {
		free(ea.v);
		free(eb.v);
		elements_read(&ea, a);
		elements_read(&eb, b);
		ids = false;
	}
	on = ids ? by_ids(w, &ea, &eb, secret) :
	    by_place(w, &ea, &eb, secret);
	free(ea.v);
	free(eb.v);
	return on;
}

static bool
differ(struct walk *w, struct slice a, struct slice b, bool element,
    bool secret)
{
	if (a.n == b.n && memcmp(a.p, b.p, a.n) == 0)
		return true;
	if (a.p[0] == '{' && b.p[0] == '{')
		return objects(w, a, b, secret);
	if (a.p[0] == '[' && b.p[0] == '[')
		return arrays(w, a, b, secret);
	return tell(w, CDIFF_CHANGED, a, b, element, secret);
}

bool
cdiff(struct slice a, struct slice b, cdiff_fn fn, void *arg)
{
	struct walk w = { fn, arg, BUF_INIT };
	bool on;

	if (a.n == 0 || b.n == 0)
		return true;
	on = differ(&w, a, b, false, false);
	buf_free(&w.path);
	return on;
}

/* ---- drift ---- */

struct filter {
	cdiff_fn	 fn;
	void		*arg;
};

static bool
under(struct slice path, const char *prefix)
{
	size_t n = strlen(prefix);

	return path.n >= n && memcmp(path.p, prefix, n) == 0 &&
	    (path.n == n || path.p[n] == '/');
}

static bool
is_drift(const struct cdiff_change *c)
{
	if (under(c->path, "/tunnels"))
		return false;
	switch (c->kind) {
	case CDIFF_ADDED:
		return c->element;
	case CDIFF_REMOVED:
		return !c->secret && !slice_eq(c->a, "null") &&
		    !under(c->path, "/server/tls") &&
		    !under(c->path, "/server/auth");
	case CDIFF_CHANGED:
		break;
	}
	return !c->secret || !(slice_eq(c->b, "null") ||
	    slice_eq(c->b, "\"\"") || slice_eq(c->b, "\"***REDACTED***\""));
}

static bool
filter(void *arg, const struct cdiff_change *c)
{
	const struct filter *f = arg;

	return !is_drift(c) || f->fn(f->arg, c);
}

bool
cdiff_drift(struct slice a, struct slice b, cdiff_fn fn, void *arg)
{
	struct filter f = { fn, arg };

	return cdiff(a, b, filter, &f);
}

/* ---- masking ---- */

static void mask(struct slice text, bool secret, struct buf *out);

static void
mask_object(struct slice text, struct buf *out)
{
	const char *comma = "";
	struct slice raw, key;
	struct jscan js;

	jscan_init(&js, text.p, text.n);
	(void)jscan_next(&js);
	buf_putc(out, '{');
	while (jscan_member(&js, &raw) > 0) {
		key = js.text;
		buf_printf(out, "%s\"", comma);
		buf_put(out, key.p, key.n);
		buf_puts(out, "\":");
		mask(raw, cdiff_secret(key), out);
		comma = ",";
	}
	buf_putc(out, '}');
}

static void
mask_array(struct slice text, struct buf *out)
{
	const char *comma = "";
	struct slice raw;
	struct jscan js;

	jscan_init(&js, text.p, text.n);
	(void)jscan_next(&js);
	buf_putc(out, '[');
	while (jscan_element(&js, &raw)) {
		buf_puts(out, comma);
		mask(raw, false, out);
		comma = ",";
	}
	buf_putc(out, ']');
}

static void
mask(struct slice text, bool secret, struct buf *out)
{
	if (slice_eq(text, "null"))
		buf_puts(out, "null");
	else if (secret || secret_text(text))
		buf_puts(out, "\"" MASK "\"");
	else if (text.p[0] == '{')
		mask_object(text, out);
	else if (text.p[0] == '[')
		mask_array(text, out);
	else
		buf_put(out, text.p, text.n);
}

void
cdiff_mask(struct slice text, struct buf *out)
{
	if (text.n > 0)
		mask(text, false, out);
}

static bool
masked_in(struct slice text, struct buf *path)
{
	size_t before, i = 0;
	enum jscan_tok kind;
	bool found = false;
	struct slice raw;
	struct jscan js;
	char place[24];

	jscan_init(&js, text.p, text.n);
	kind = jscan_next(&js);
	if (kind == JSCAN_STRING)
		return slice_eq(js.text, MASK);
	if (kind != JSCAN_OBJECT && kind != JSCAN_ARRAY)
		return false;
	while (!found && (kind == JSCAN_OBJECT ? jscan_member(&js, &raw) > 0 :
	    jscan_element(&js, &raw))) {
		(void)snprintf(place, sizeof(place), "%zu", i++);
		before = push(path, kind == JSCAN_OBJECT ? js.text :
		    slice_of(place));
		found = masked_in(raw, path);
		if (!found)
			pop(path, before);
	}
	return found;
}

bool
cdiff_masked(struct slice text, struct buf *pointer)
{
	return text.n > 0 && masked_in(text, pointer);
}
