/* refusal: bounds and writes the rows of refused requests. */
#include <string.h>

#include "apid.h"
#include "arg.h"
#include "db.h"
#include "log.h"
#include "rate.h"
#include "refusal.h"
#include "req.h"
#include "stmt.h"
#include "xmalloc.h"

#define USERS		4096
#define WINDOW		(60 * MONO_SEC)
#define PATH_MAX_SHOWN	256

struct rate_map *
refusal_new(void)
{
	return rate_map_new(USERS, REFUSAL_LIMIT, WINDOW);
}

static void
noted(void *arg, const struct db_result *res)
{
	(void)arg;
	if (db_err(res) != ERR_OK)
		log_warn("audit: a refusal is not noted: %s",
		    db_message(res));
}

static struct db_arg
arg_refused_node(struct req *r)
{
	if (!(r->route->flags & ROUTE_NODE) ||
	    r->params.id_at == ROUTE_PARAMS)
		return db_null();
	return arg_param(r, r->params.id_at);
}

void
refusal_note(struct req *r, enum err err, const char *detail)
{
	const struct db_opts opts = { .actor = r->who->actor };
	const struct id *user = &r->who->user;
	mono_us now = mono_now(), wait;
	unsigned n;

	if (rate_map_blocked(r->apid->refusals, user, sizeof(*user), now,
	    &wait))
		return;
	n = rate_map_hit(r->apid->refusals, user, sizeof(*user), now);
	const struct db_arg args[] = {
		db_str(arena_printf(r->arena, "%s%s%s", err_info(err)->name,
		    detail != NULL ? ": " : "", detail != NULL ? detail : "")),
		db_str(arena_printf(r->arena, "%.*s %.*s",
		    (int)r->h.method.n, r->h.method.p,
		    (int)(r->h.path.n < PATH_MAX_SHOWN ? r->h.path.n :
		    PATH_MAX_SHOWN), r->h.path.p)),
		arg_refused_node(r), arg_bool(n == REFUSAL_LIMIT),
		arg_address(r), db_str(r->id),
	};

	db_query(r->apid->db, STMT_AUDIT_REFUSED, args, nitems(args), &opts,
	    noted, NULL, NULL);
}

void
refusal_signin(struct req *r, struct slice username)
{
	if (rate_map_hit(r->apid->limited, r->address, strlen(r->address),
	    mono_now()) > 1)
		return;
	const struct db_arg args[] = {
		db_slice(username), db_null(), db_str("too many attempts"),
		arg_address(r), db_str(r->id),
	};

	db_query(r->apid->db, STMT_LOGIN_FAILED, args, nitems(args), NULL,
	    noted, NULL, NULL);
}
