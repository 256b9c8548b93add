/* inner: see inner.h. */
#include <string.h>

#include "apid.h"
#include "auth.h"
#include "http.h"
#include "inner.h"
#include "json.h"
#include "log.h"
#include "req.h"

/* What the outer request has meanwhile. */
struct inner {
	inner_fn		 done;
	const struct route	*route;
	struct route_params	 params;
	struct http1_req	 h;
	void			*body, *state;
	struct slice		 raw;
};

void
inner_answered(struct req *req, int status, struct slice answer)
{
	struct inner *in = req->inner;
	struct slice kept = { arena_strndup(req->arena, answer.p, answer.n),
	    answer.n };

	req->inner = NULL;
	req->route = in->route;
	req->params = in->params;
	req->h = in->h;
	req->body = in->body;
	req->raw = in->raw;
	req->state = in->state;
	req->err = ERR_OK;
	req->etag[0] = '\0';
	req->cache_set = req->retry_set = req->encoded = false;
	buf_clear(&req->headers);
	in->done(req, status, kept);
}

static void
decode(struct req *req, struct slice body)
{
	const struct route *row = req->route;
	struct json_faults faults = { .n = 0 };
	enum err err;

	if (row->schema == NULL) {
		row->fn(req);
		return;
	}
	req->raw = body;
	req->body = arena_calloc(req->arena, *row->size);
	err = body.n > row->body_max ? ERR_TOO_LARGE : json_decode(
	    req->arena, row->schema, body.p, body.n, req->body, &faults);
	if (err != ERR_OK && faults.n > 0)
		req_faults(req, err, &faults);
	else if (err != ERR_OK)
		req_fail(req, err, NULL);
	else
		row->fn(req);
}

void
inner_call(struct req *req, const char *method, const char *path,
    struct slice body, inner_fn done)
{
	struct inner *in = arena_calloc(req->arena, sizeof(*in));
	char allow[64];
	enum err err;

	if (req->inner != NULL)
		fatal("inner: %s: within another", req->id);
	*in = (struct inner){ done, req->route, req->params, req->h,
	    req->body, req->state, req->raw };
	memset(&req->h, 0, sizeof(req->h));
	req->h.method = slice_of(method);
	req->h.path = slice_of(path);
	err = router_find(http_router(req->apid->http), req->h.method,
	    req->h.path, &req->route, &req->params, allow);
	req->inner = in;
	req->state = NULL;
	if (err != ERR_OK)
		req->route = in->route;
	if (err == ERR_OK && req->who->role < req->route->role)
		err = ERR_FORBIDDEN;
	if (err == ERR_OK && (req->route->flags & ROUTE_NODE) &&
	    !who_may(req->who, &req->params.v[0].id))
		err = ERR_NODE_FORBIDDEN;
	if (err != ERR_OK)
		req_fail(req, err, NULL);
	else
		decode(req, body);
}
