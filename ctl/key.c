/* key: the table of keys, and what changing any of them needs. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cert.h"
#include "db.h"
#include "key.h"
#include "key_aid.h"
#include "pg.h"
#include "service.h"
#include "stmt.h"
#include "xmalloc.h"

#define GONE_TIME	50	/* tenths of a second until sessions are closed */

static const struct {
	const char	*name;
	int		(*rotate)(struct ctl *, const struct ctl_args *);
} kinds[] = {
	{ "server", key_server },
	{ "audit", key_audit },
	{ "aid", key_aid },
	{ "tls", cert_renew },
};

int
key_rotate(struct ctl *ctl, const struct ctl_args *a)
{
	struct buf names = BUF_INIT;
	size_t i;
	int code;

	for (i = 0; i < nitems(kinds); i++) {
		if (strcmp(a->v[0], kinds[i].name) == 0) {
			buf_free(&names);
			if (a->opt[KEY_STEP] != NULL &&
			    kinds[i].rotate != key_aid)
				return ctl_fail(ctl, CTL_USAGE, "--step is "
				    "for aid only");
			return kinds[i].rotate(ctl, a);
		}
		buf_printf(&names, "%s%s", i == 0 ? "" :
		    i + 1 == nitems(kinds) ? " or " : ", ", kinds[i].name);
	}
	code = ctl_fail(ctl, CTL_USAGE, "%s is no key: it is one of %s",
	    a->v[0], buf_cstr(&names));
	buf_free(&names);
	return code;
}

/* Sessions of daemons; -1 after telling. */
static int
sessions(struct ctl *ctl, struct db_sync *db)
{
	const struct db_arg args[] = { db_str(ctl->conf.suite.user_apid),
	    db_str(ctl->conf.suite.user_hubd) };
	struct db_result *res = db_sync_query(db, stmt_get(STMT_AT_WORK),
	    args, nitems(args));
	int n = -1;

	if (db_err(res) != ERR_OK)
		ctl_fail(ctl, CTL_FAILED, "%s", db_message(res));
	else
		n = (int)db_i64(res, 0, 0);
	db_sync_done(&res);
	return n;
}

int
key_quiet(struct ctl *ctl, struct db_sync *db)
{
	const struct timespec tenth = { .tv_nsec = 100000000 };
	int i, n;

	/* who has just ended may still have a session for a moment */
	for (i = 0; (n = sessions(ctl, db)) > 0 && i < GONE_TIME; i++)
		nanosleep(&tenth, NULL);
	if (n == -1)
		return CTL_FAILED;
	return n == 0 ? CTL_OK : ctl_fail(ctl, CTL_CONFLICT,
	    "%d sessions of daemons are open in the database: stop apid and "
	    "hubd first, on every host", n);
}

int
key_restart(struct ctl *ctl, const char *const *units)
{
	return service_managed(ctl) ?
	    service_systemctl(ctl, "restart", units) : CTL_OK;
}

int
key_note(struct ctl *ctl, struct db_sync *db, const char *key,
    const char *details)
{
	const struct db_arg args[] = { db_str(key), db_str(details),
	    db_str(ctl_os_user()) };
	struct db_result *res = db_sync_query(db, stmt_get(STMT_KEY_ROTATED),
	    args, nitems(args));
	int code = CTL_OK;

	if (db_err(res) != ERR_OK)
		code = ctl_fail(ctl, CTL_FAILED, "%s", db_message(res));
	db_sync_done(&res);
	return code;
}
