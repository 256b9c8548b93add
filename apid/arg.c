/* arg: the parameters that many statements share. */
#include <string.h>

#include "arg.h"
#include "mono.h"
#include "req.h"
#include "watch.h"

struct db_arg
arg_id(struct req *req, const struct id *id)
{
	char *text = arena_alloc(req->arena, ID_TEXT);

	id_text(id, text);
	return db_str(text);
}

struct db_arg
arg_param(struct req *req, size_t i)
{
	return arg_id(req, &req->params.v[i].id);
}

struct db_arg
arg_node(struct req *req)
{
	return arg_param(req, 0);
}

struct db_arg
arg_access(struct req *req)
{
	return db_str(req->who->nodes_array);
}

struct db_arg
arg_address(const struct req *req)
{
	if (strcmp(req->address, "unix") == 0 ||
	    strchr(req->address, '%') != NULL)
		return db_null();
	return db_str(req->address);
}

struct db_arg
arg_bool(bool yes)
{
	return db_str(yes ? "t" : "f");
}

/* What LIKE gives a meaning is meant as it stands. */
struct db_arg
arg_like(struct req *req, const char *text)
{
	char *pattern, *p;

	if (text == NULL)
		return db_null();
	p = pattern = arena_alloc(req->arena, 2 * strlen(text) + 3);
	*p++ = '%';
	for (; *text != '\0'; text++) {
		if (*text == '%' || *text == '_' || *text == '\\')
			*p++ = '\\';
		*p++ = *text;
	}
	*p++ = '%';
	*p = '\0';
	return db_str(pattern);
}

struct db_arg
arg_i64(struct req *req, int64_t n)
{
	return db_str(arena_printf(req->arena, "%lld", (long long)n));
}

struct db_arg
arg_time(struct req *req, wall_us us)
{
	char *text = arena_alloc(req->arena, WALL_TEXT);

	wall_rfc3339(us, text);
	return db_str(text);
}

bool
arg_if_match(struct req *req, struct db_arg *arg_r)
{
	int64_t version;

	*arg_r = db_null();
	switch (req_if_match(req, &version)) {
	case 0:
		return true;
	case 1:
		*arg_r = arg_i64(req, version);
		return true;
	}
	req_fail(req, ERR_PRECONDITION, NULL);
	return false;
}

struct db_arg
arg_watch(struct req *req, const char *(*of)(unsigned))
{
	struct buf b = BUF_INIT;
	struct db_arg arg;
	unsigned m;

	db_array_begin(&b);
	for (m = 0; m < WATCH__MAX; m++)
		db_array_text(&b, slice_of(of(m)));
	db_array_end(&b);
	arg = db_str(arena_strdup(req->arena, buf_cstr(&b)));
	buf_free(&b);
	return arg;
}
