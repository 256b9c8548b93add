/*
 * route: a small tree of path segments over the rows. A lookup is one
 * comparison per segment and allocates nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "route.h"
#include "valid.h"
#include "xmalloc.h"

#define TEXT_MAX 256

struct seg {
	struct slice		 lit;	/* after the mark for parameters */
	char			 mark;	/* 0, ':', '#' or '*' */
	struct seg		*child, *next;
	const struct route	*rows[ROUTE__METHODS];
};

struct router {
	struct seg root;
};

static const char *const methods[ROUTE__METHODS] = {
	[ROUTE_GET] = "GET", [ROUTE_POST] = "POST", [ROUTE_PUT] = "PUT",
	[ROUTE_PATCH] = "PATCH", [ROUTE_DELETE] = "DELETE",
};

const char *
route_method_name(enum route_method m)
{
	return m > 0 && m < ROUTE__METHODS ? methods[m] : "?";
}

/* The next segment of a path; false at its end. */
static bool
segment(struct slice *rest, struct slice *seg_r)
{
	const char *slash;

	if (rest->n == 0)
		return false;
	rest->p++;		/* the slash before it */
	rest->n--;
	slash = memchr(rest->p, '/', rest->n);
	seg_r->p = rest->p;
	seg_r->n = slash != NULL ? (size_t)(slash - rest->p) : rest->n;
	rest->p += seg_r->n;
	rest->n -= seg_r->n;
	return true;
}

static bool
same(struct slice a, struct slice b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static struct seg *
seg_get(struct seg *parent, struct slice text)
{
	char mark = 0;
	struct seg *s, **at;

	if (text.n > 0 && strchr(":#*", text.p[0]) != NULL) {
		mark = text.p[0];
		text.p++;
		text.n--;
	}
	/* Literals before parameters, so that the first match is right. */
	for (at = &parent->child; *at != NULL; at = &(*at)->next) {
		s = *at;
		if (s->mark == mark && (mark != 0 || same(s->lit, text)))
			return s;
		if (mark == 0 && s->mark != 0)
			break;
	}
	s = xcalloc(1, sizeof(*s));
	s->lit = text;
	s->mark = mark;
	s->next = *at;
	*at = s;
	return s;
}

static const char *
row_fault(const struct route *row)
{
	if (row->role == ROLE__UNSET || row->role > ROLE_SUPER_ADMIN)
		return "has no role";
	if (row->fn == NULL)
		return "has no handler";
	if (row->method <= 0 || row->method >= ROUTE__METHODS)
		return "has no method";
	if (row->pattern == NULL || row->pattern[0] != '/')
		return "has no pattern";
	if (row->method == ROUTE_GET &&
	    (row->schema != NULL || row->body_max != 0))
		return "is a GET with a body";
	if (row->schema != NULL && (row->size == NULL || *row->size == 0 ||
	    row->body_max == 0))
		return "has a schema without a size";
	if ((row->flags & ROUTE_UPGRADE) && row->method != ROUTE_GET)
		return "is an upgrade without GET";
	if (row->role == ROLE_PUBLIC && (row->flags & ROUTE_NODE))
		return "checks a node for nobody";
	if (row->doc == NULL || row->doc[0] == '\0')
		return "has no description";
	return NULL;
}

static const char *
row_add(struct router *r, const struct route *row)
{
	struct slice rest = { row->pattern, strlen(row->pattern) }, text;
	struct seg *at = &r->root;
	size_t params = 0;
	bool node = false;

	if (rest.n == 1)
		rest.n = 0;		/* "/" is the root itself */
	while (segment(&rest, &text)) {
		if (text.n == 0)
			return "has an empty segment";
		at = seg_get(at, text);
		if (at->mark != 0 && ++params > ROUTE_PARAMS)
			return "has too many parameters";
		if (at->mark == ':')
			node = true;
	}
	if ((row->flags & ROUTE_NODE) && !node)
		return "checks a node that its path lacks";
	if (at->rows[row->method] != NULL)
		return "is there twice";
	at->rows[row->method] = row;
	return NULL;
}

struct router *
router_new(const struct route *rows, size_t n, struct buf *err_r)
{
	struct router *r = xcalloc(1, sizeof(*r));
	const char *why;
	size_t i;

	for (i = 0; i < n; i++) {
		if ((why = row_fault(&rows[i])) == NULL)
			why = row_add(r, &rows[i]);
		if (why == NULL)
			continue;
		buf_printf(err_r, "route %s %s %s",
		    route_method_name(rows[i].method),
		    rows[i].pattern != NULL ? rows[i].pattern : "?", why);
		router_free(r);
		return NULL;
	}
	return r;
}

static void
seg_free(struct seg *s)
{
	struct seg *next;

	for (; s != NULL; s = next) {
		next = s->next;
		seg_free(s->child);
		free(s);
	}
}

void
router_free(struct router *r)
{
	if (r == NULL)
		return;
	seg_free(r->root.child);
	free(r);
}

/* Text of a "#x": digits of an int64, no sign, no leading zero. */
static int
number(struct slice s, int64_t *v_r)
{
	int64_t v = 0;
	size_t i;

	if (s.n == 0 || s.n > 19 || (s.n > 1 && s.p[0] == '0'))
		return -1;
	for (i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' ||
		    __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, s.p[i] - '0', &v))
			return -1;
	}
	*v_r = v;
	return 0;
}

/* Whether the segment fits the parameter; fills it. */
static enum err
param(char mark, struct slice text, struct route_params *params)
{
	struct route_param *v = &params->v[params->n++];
	char dst[TEXT_MAX + 1];

	v->text = text;
	if (mark == ':' && params->id_at == ROUTE_PARAMS)
		params->id_at = params->n - 1;
	if (mark == ':')
		return id_parse(&v->id, text) == 0 ? ERR_OK : ERR_NOT_FOUND;
	if (mark == '#')
		return number(text, &v->n) == 0 ? ERR_OK : ERR_BAD_REQUEST;
	return route_text(text, dst, sizeof(dst)) > 0 ? ERR_OK :
	    ERR_BAD_REQUEST;
}

static void
allow(const struct seg *s, char allow_r[64])
{
	size_t m, at = 0;
	int n;

	allow_r[0] = '\0';
	for (m = 1; m < ROUTE__METHODS; m++) {
		if (s->rows[m] == NULL)
			continue;
		n = snprintf(allow_r + at, 64 - at, "%s%s%s",
		    at > 0 ? ", " : "", methods[m],
		    m == ROUTE_GET ? ", HEAD" : "");
		at += (size_t)n;
	}
}

/* 0: known to HTTP but to no row (OPTIONS); -1: not at all. */
static int
method_find(struct slice name)
{
	int m;

	for (m = 1; m < ROUTE__METHODS; m++)
		if (strlen(methods[m]) == name.n &&
		    memcmp(methods[m], name.p, name.n) == 0)
			return m;
	if (same(name, SLICE("HEAD")))
		return ROUTE_GET;
	return same(name, SLICE("OPTIONS")) ? 0 : -1;
}

enum err
router_find(const struct router *r, struct slice method, struct slice path,
    const struct route **route_r, struct route_params *params,
    char allow_r[64])
{
	const struct seg *at = &r->root, *s;
	struct slice text;
	enum err err = ERR_OK, got;
	int m = method_find(method);
	size_t i;

	params->n = 0;
	params->id_at = ROUTE_PARAMS;
	*route_r = NULL;
	if (m < 0)
		return ERR_NOT_IMPLEMENTED;
	if (path.n == 0 || path.p[0] != '/')
		return ERR_NOT_FOUND;
	if (path.n == 1)
		path.n = 0;
	while (segment(&path, &text)) {
		for (s = at->child; s != NULL; s = s->next)
			if (s->mark != 0 || same(s->lit, text))
				break;
		if (s == NULL)
			return ERR_NOT_FOUND;
		if (s->mark != 0 && (got = param(s->mark, text, params)) !=
		    ERR_OK && err == ERR_OK)
			err = got;
		at = s;
	}
	for (i = 1; i < ROUTE__METHODS && at->rows[i] == NULL; i++)
		;
	if (i == ROUTE__METHODS || err == ERR_NOT_FOUND)
		return ERR_NOT_FOUND;
	if (m == 0 || at->rows[m] == NULL) {
		allow(at, allow_r);
		return ERR_METHOD;
	}
	*route_r = at->rows[m];
	return err;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

long
route_text(struct slice raw, char *dst, size_t size)
{
	size_t i, n = 0;
	int hi, lo;

	for (i = 0; i < raw.n; i++) {
		if (n + 1 >= size)
			return -1;
		dst[n] = raw.p[i];
		if (raw.p[i] == '%') {
			if (i + 2 >= raw.n || (hi = hex(raw.p[i + 1])) < 0 ||
			    (lo = hex(raw.p[i + 2])) < 0)
				return -1;
			dst[n] = (char)(hi << 4 | lo);
			i += 2;
		}
		n++;
	}
	if (n >= size || !valid_utf8(dst, n))
		return -1;
	dst[n] = '\0';
	return (long)n;
}
