/*
 * route: finds the row of routes[] for a method and path. Authority is a
 * column: a row without a role refuses to start. Pure.
 *
 * A pattern is literal segments and parameters: ":x" must be a UUID (else
 * 404), "#x" a decimal integer of 64 bits (else 400), "*x" any text of 1 to
 * 256 bytes, percent-decoded. Literal beats parameter, without going back.
 */
#ifndef APID_ROUTE_H
#define APID_ROUTE_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "id.h"
#include "role.h"
#include "str.h"

struct json_schema;
struct req;

enum route_flags {
	ROUTE_NO_CSRF	= 1,	/* unsafe method without X-CSRF-Token */
	ROUTE_NODE	= 2,	/* the first ":x" is a node: the caller must
				 * have access to it (403 before the handler) */
	ROUTE_UPGRADE	= 4,	/* WebSocket only (426 else); a cookie needs
				 * an Origin of ours or none */
	ROUTE_ETAG	= 8,	/* 200 to GET carries a content hash as ETag
				 * and If-None-Match is honoured */
	ROUTE_HTML	= 16,	/* page or asset: page headers, own caching */
	ROUTE_RAW_BODY	= 32,	/* any body; schema is NULL; req->raw */
	ROUTE_OPTIONAL	= 64,	/* ROLE_PUBLIC, but who is found if it can be */
	ROUTE_SESSION	= 128,	/* not for API tokens: it makes or changes what
				 * somebody signs in with, and a stolen token
				 * would outlive its end and outgrow its scope */
	ROUTE_ACCEPT	= 1024,	/* the handler reads Accept; the others of /api
				 * have JSON only, else 406 */
	ROUTE_EMPTY	= 512,	/* no body is as good as {} */
	ROUTE_FREE	= 256,	/* takes nothing of a budget (budget.h) */
	ROUTE_STREAM	= 2048,	/* a JSON body of any size up to body_max: the
				 * handler comes first and takes it in pieces,
				 * req_body_sink; schema is NULL. It has no
				 * Idempotency-Key */
	ROUTE_LONG	= 4096,	/* the answer is streamed: it cannot be kept
				 * for an Idempotency-Key */
};

enum route_method {
	ROUTE_GET = 1, ROUTE_POST, ROUTE_PUT, ROUTE_PATCH, ROUTE_DELETE,
	ROUTE__METHODS
};

struct route {
	enum route_method	 method;	/* GET serves HEAD too */
	const char		*pattern;
	enum role		 role;		/* minimum */
	unsigned		 flags;
	size_t			 body_max;	/* bytes; 0: takes no body, one of
						 * up to 64 KiB is ignored */
	const struct json_schema *schema;	/* NULL: none or raw */
	const size_t		*size;		/* of the struct it fills */
	void			(*fn)(struct req *);
	const char		*doc;		/* one line */
};

#define ROUTE_PARAMS 4
struct route_param {
	struct slice	text;	/* as it stood in the path */
	struct id	id;	/* ":x" */
	int64_t		n;	/* "#x" */
};
struct route_params {
	struct route_param	v[ROUTE_PARAMS];
	size_t			n;
	size_t			id_at;	/* the first ":x"; ROUTE_PARAMS: none */
};

struct router;
/* NULL and a sentence for a row without role, handler, method, a body
 * schema on GET, a repeated row or too many parameters. */
struct router *router_new(const struct route *, size_t n, struct buf *err_r);
void router_free(struct router *);

/* ERR_OK and *route_r, or ERR_NOT_FOUND, ERR_METHOD (allow_r filled with
 * the methods of the path, "GET, HEAD"), ERR_BAD_REQUEST (bad "#x" or
 * escape), ERR_NOT_IMPLEMENTED (a method nobody has). "*x" is left raw in
 * params: route_text decodes it. */
enum err router_find(const struct router *, struct slice method,
    struct slice path, const struct route **route_r,
    struct route_params *, char allow_r[64]);
/* Percent-decodes into dst with a NUL: length, or -1 (escape, NUL, UTF-8). */
long route_text(struct slice raw, char *dst, size_t size);

const char *route_method_name(enum route_method);

/* routes.c: every row of the daemon, and --routes. */
const struct route *routes_table(size_t *n_r);
void routes_dump(struct buf *);

#endif
