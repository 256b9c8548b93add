/*
 * h_place: preferences and positions of the caller. Owns the list of
 * preference keys and the shape of a set of positions.
 */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "apid.h"
#include "arg.h"
#include "buf.h"
#include "db.h"
#include "h_place.h"
#include "jscan.h"
#include "json.h"
#include "req.h"
#include "stmt.h"
#include "xmalloc.h"

/* The first two are the contract's; the others our own page's. */
static const char *const keys[] = { "flow_table_order", "tunnel_table_order",
    "theme", "dashboard_layout", NULL };
static const char *const views[] = { "graph", "flow", NULL };

struct value { struct slice value; };

static const struct json_field value_fields[] = {
	{ .name = "value", .type = JSON_STRING, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct value, value) },
};
const struct json_schema h_place_value_body =
    { value_fields, nitems(value_fields), .open = true };
const size_t h_place_value_size = sizeof(struct value);

struct positions { struct slice view, positions; };

static const struct json_field positions_fields[] = {
	{ .name = "view", .type = JSON_ENUM, .names = views,
	  .offset = offsetof(struct positions, view) },
	{ .name = "positions", .type = JSON_OBJECT, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct positions, positions) },
};
const struct json_schema h_place_positions_body =
    { positions_fields, nitems(positions_fields), .open = true };
const size_t h_place_positions_size = sizeof(struct positions);

/* ---- preferences ---- */

/* NULL: answered. */
static const char *
key_get(struct req *req)
{
	const char *text = req_param(req, 0);
	size_t i;

	for (i = 0; text != NULL && keys[i] != NULL; i++)
		if (strcmp(keys[i], text) == 0)
			return keys[i];
	if (text != NULL)
		req_fault(req, ERR_BAD_REQUEST, "key",
		    "must be one of flow_table_order, tunnel_table_order, "
		    "theme, dashboard_layout");
	return NULL;
}

static void
answer(struct req *req, const struct db_result *res)
{
	req_json_db(req, 200, res, 0, 0);
}

static void
done(struct req *req, const struct db_result *res)
{
	(void)res;
	req_empty(req, 204);
}

void
h_place_get(struct req *req)
{
	const char *key = key_get(req);
	const struct db_arg args[] = { db_str(key) };

	if (key != NULL)
		req_db(req, STMT_PREFERENCE_GET, args, nitems(args), answer);
}

static void
value_put(struct req *req, const char *key, struct slice value)
{
	const struct db_arg args[] = {
		db_str(key),
		{ value.n == 0 ? "" : value.p, (int)value.n, false },
		arg_address(req), db_str(req->id),
	};

	req_db(req, STMT_PREFERENCE_PUT, args, nitems(args), done);
}

void
h_place_put(struct req *req)
{
	const struct value *b = req->body;
	const char *key = key_get(req);

	if (key == NULL)
		return;
	if (b->value.n > H_PLACE_VALUE_MAX)
		req_fault(req, ERR_TOO_LARGE, "/value",
		    "must be at most 51200 bytes");
	else
		value_put(req, key, b->value);
}

/* Forgets what a key or a view names. */
static void
forget(struct req *req, unsigned stmt, const char *name)
{
	const struct db_arg args[] = {
		db_str(name), arg_address(req), db_str(req->id),
	};

	req_db(req, stmt, args, nitems(args), done);
}

void
h_place_delete(struct req *req)
{
	const char *key = key_get(req);

	if (key != NULL)
		forget(req, STMT_PREFERENCE_DELETE, key);
}

/* ---- positions ---- */

struct set {
	struct buf	 nodes, x, y;	/* PostgreSQL arrays */
	const char	*pointer, *rule;	/* of what is wrong */
};

/* One object {"x": n, "y": n}; NULL or the rule it breaks. */
static const char *
point(struct slice text, double *x, double *y)
{
	struct jscan js;
	struct slice v;
	double *to;

	*x = *y = NAN;
	jscan_init(&js, text.p, text.n);
	if (jscan_next(&js) != JSCAN_OBJECT)
		return "must be an object with the numbers x and y";
	while (jscan_member(&js, &v) == 1) {
		to = JSCAN_IS(&js, "x") ? x : JSCAN_IS(&js, "y") ? y : NULL;
		if (to != NULL && (strchr("-0123456789", v.p[0]) == NULL ||
		    jscan_double(v, to) == -1))
			*to = NAN;
	}
	return isfinite(*x) && isfinite(*y) ? NULL :
	    "must have finite numbers as x and y";
}

static const char *
pointer_to(struct req *req, struct slice key)
{
	char *text = arena_alloc(req->arena, 2 * key.n + 12), *p;
	size_t i;

	p = text + str_copy(text, 12, "/positions/");
	for (i = 0; i < key.n && i < 128; i++) {
		if (key.p[i] == '~' || key.p[i] == '/') {
			*p++ = '~';
			*p++ = key.p[i] == '~' ? '0' : '1';
		} else
			*p++ = key.p[i];
	}
	*p = '\0';
	return text;
}

/* An escaped key is no UUID as it stands, and named as it was sent. */
static const char *
set_add(struct set *s, struct slice key, struct slice value)
{
	char text[ID_TEXT], number[32];
	const char *rule;
	struct id id;
	double x, y;

	if (id_parse(&id, key) == -1)
		return "must be named by the UUID of a node";
	id_text(&id, text);
	if (!slice_eq(key, text))
		return "must be named by a UUID in lower case";
	if ((rule = point(value, &x, &y)) != NULL)
		return rule;
	db_array_id(&s->nodes, &id);
	snprintf(number, sizeof(number), "%.17g", x);
	db_array_text(&s->x, slice_of(number));
	snprintf(number, sizeof(number), "%.17g", y);
	db_array_text(&s->y, slice_of(number));
	return NULL;
}

/* 0, or -1 with what is wrong. */
static int
set_read(struct req *req, struct set *s, struct slice text)
{
	struct slice value;
	struct jscan js;

	db_array_begin(&s->nodes);
	db_array_begin(&s->x);
	db_array_begin(&s->y);
	jscan_init(&js, text.p, text.n);
	(void)jscan_next(&js);
	while (jscan_member(&js, &value) == 1) {
		s->rule = set_add(s, js.text, value);
		if (s->rule != NULL) {
			s->pointer = pointer_to(req, js.text);
			return -1;
		}
	}
	db_array_end(&s->nodes);
	db_array_end(&s->x);
	db_array_end(&s->y);
	return 0;
}

/* Column: a node that is not the caller's to place. */
static void
placed(struct req *req, const struct db_result *res)
{
	if (db_rows(res) == 0)
		req_empty(req, 204);
	else
		req_fault(req, ERR_INVALID, pointer_to(req,
		    db_get(res, 0, 0)), "names no node of the caller's");
}

static void
set_run(struct req *req, struct set *s, struct slice view)
{
	const struct db_arg args[] = {
		view.n == 0 ? db_str("graph") : db_slice(view),
		db_str(buf_cstr(&s->nodes)), db_str(buf_cstr(&s->x)),
		db_str(buf_cstr(&s->y)), arg_access(req),
		arg_address(req), db_str(req->id),
	};

	req_db(req, STMT_POSITIONS_PUT, args, nitems(args), placed);
}

void
h_place_positions_put(struct req *req)
{
	const struct positions *b = req->body;
	struct set s = { .rule = NULL };

	if (set_read(req, &s, b->positions) == -1)
		req_fault(req, ERR_INVALID, s.pointer, s.rule);
	else
		set_run(req, &s, b->view);
	buf_free(&s.nodes);
	buf_free(&s.x);
	buf_free(&s.y);
}

/* NULL: answered. */
static const char *
view_get(struct req *req)
{
	const char *view;

	switch (req_query_enum(req, "view", views, &view)) {
	case 0:
		return "graph";
	case 1:
		return view;
	}
	return NULL;
}

static void
positions_ask(struct req *req, const char *view)
{
	const struct db_arg args[] = { db_str(view), arg_access(req) };

	req_db(req, STMT_POSITIONS_GET, args, nitems(args), answer);
}

void
h_place_positions(struct req *req)
{
	const char *view = view_get(req);

	if (view != NULL)
		positions_ask(req, view);
}

void
h_place_positions_delete(struct req *req)
{
	const char *view = view_get(req);

	if (view != NULL)
		forget(req, STMT_POSITIONS_DELETE, view);
}
