/*
 * key_server: a new key that seals what the database must not show. The file
 * goes through three steps (secret_turn.c); between them every daemon has
 * read it, so that none meets what it cannot open. What is stored is sealed
 * anew value by value, each only if it is still the one that was read:
 * daemons may work meanwhile, and whoever interrupts this calls it again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs.h"
#include "db.h"
#include "json.h"
#include "key.h"
#include "pg.h"
#include "secret.h"
#include "service.h"
#include "status.h"
#include "stmt.h"
#include "str.h"
#include "xmalloc.h"

/* Where sealed values are. first: what comes before every key. */
static const struct place {
	enum stmt	 read, write;
	const char	*purpose, *first;
} places[] = {
#define UUID "00000000-0000-0000-0000-000000000000"
	{ STMT_SEALED_TOTP, STMT_RESEAL_TOTP, "totp", UUID },
	{ STMT_SEALED_PENDING, STMT_RESEAL_PENDING, "totp", UUID },
	{ STMT_SEALED_CONFIG, STMT_RESEAL_CONFIG, "config", "" },
	{ STMT_SEALED_COMMAND, STMT_RESEAL_COMMAND, "command", UUID },
	{ STMT_SEALED_CERT, STMT_RESEAL_CERT, CERTS_PURPOSE, UUID },
	{ STMT_SEALED_TUNNEL, STMT_RESEAL_TUNNEL, "tunnel", UUID },
	{ STMT_SEALED_PROPOSAL, STMT_RESEAL_PROPOSAL, "proposal", UUID },
	{ STMT_SEALED_ANSWER, STMT_RESEAL_ANSWER, "answer", "" },
};

struct work {
	struct ctl		*ctl;
	struct db_sync		*db;
	struct secret_key	*key;
	uint64_t		 sealed, lost;
};

/* A bytea of the row; to be freed. */
static uint8_t *
bytes(const struct db_result *res, int row, int col, size_t *n_r)
{
	size_t max = db_get(res, row, col).n / 2 + 1;
	uint8_t *p = xmalloc(max);
	long n = db_bytea(res, row, col, p, max);

	*n_r = n < 0 ? 0 : (size_t)n;
	return p;
}

static int
store(struct work *w, const struct place *p, const char *id,
    struct slice old, struct buf *fresh)
{
	const struct db_arg args[] = { db_str(id), db_bytes(old.p, old.n),
	    db_bytes(buf_head(fresh), buf_used(fresh)) };
	struct db_result *res = db_sync_query(w->db, stmt_get(p->write),
	    args, nitems(args));
	int code = CTL_OK;

	if (db_err(res) != ERR_OK)
		code = ctl_fail(w->ctl, CTL_FAILED, "%s", db_message(res));
	db_sync_done(&res);
	return code;
}

/* Columns: key, what the seal is bound to, the sealed value. */
static int
one(struct work *w, const struct place *p, const struct db_result *res,
    int row)
{
	struct buf fresh = BUF_INIT;
	size_t n, nbound;
	uint8_t *bound = bytes(res, row, 1, &nbound);
	uint8_t *old = bytes(res, row, 2, &n);
	int code = CTL_OK;

	switch (secret_reseal(w->key, p->purpose, old, n, (struct slice){
	    (const char *)bound, nbound }, &fresh)) {
	case -1:
		w->lost++;	/* by a key that is gone already */
		break;
	case 1:
		w->sealed++;
		code = store(w, p, db_cstr(res, row, 0), (struct slice){
		    (const char *)old, n }, &fresh);
		break;
	}
	buf_free(&fresh);
	free(bound);
	free(old);
	return code;
}

static int
place(struct work *w, const struct place *p)
{
	char *last = xstrdup(p->first);
	struct db_result *res;
	int code = CTL_OK, row, n;

	do {
		const struct db_arg arg = db_str(last);

		res = db_sync_query(w->db, stmt_get(p->read), &arg, 1);
		n = db_rows(res);
		if (db_err(res) != ERR_OK)
			code = ctl_fail(w->ctl, CTL_FAILED, "%s",
			    db_message(res));
		for (row = 0; row < n && code == CTL_OK; row++)
			code = one(w, p, res, row);
		if (n > 0) {
			free(last);
			last = xstrdup(db_cstr(res, n - 1, 0));
		}
		db_sync_done(&res);
	} while (n > 0 && code == CTL_OK);
	free(last);
	return code;
}

static int
reseal(struct work *w)
{
	struct buf err = BUF_INIT;
	int code = CTL_OK;
	size_t i;

	w->key = secret_key_load(w->ctl->conf.suite.server_key, &err);
	if (w->key == NULL)
		code = ctl_fail(w->ctl, CTL_CONFIG, "%s", buf_cstr(&err));
	for (i = 0; i < nitems(places) && code == CTL_OK; i++)
		code = place(w, &places[i]);
	secret_key_free(w->key);
	buf_free(&err);
	if (code != CTL_OK)
		fprintf(stderr, "mastctl: the new key is in use and the old "
		    "one still opens what is left: run this again\n");
	return code;
}

/* Hubs that are not this host's would not read the file. */
static int
alone(struct work *w)
{
	struct status_answer v[STATUS_DAEMONS];
	struct buf name = BUF_INIT;
	struct slice raw;
	struct db_result *res;
	int64_t others = 0;
	int code = CTL_OK;
	size_t i;

	status_ask(w->ctl, v);
	for (i = 0; i < STATUS_DAEMONS; i++)
		if (strcmp(v[i].name, "hubd") == 0 && v[i].json != NULL &&
		    json_member(v[i].json, strlen(v[i].json), "name", &raw) &&
		    raw.n > 2)
			buf_put(&name, raw.p + 1, raw.n - 2);
	status_free(v);
	const struct db_arg arg = db_str(buf_cstr(&name));

	res = db_sync_query(w->db, stmt_get(STMT_HUBS_ELSEWHERE), &arg, 1);
	if (db_err(res) != ERR_OK)
		code = ctl_fail(w->ctl, CTL_FAILED, "%s", db_message(res));
	else if ((others = db_i64(res, 0, 0)) > 0)
		code = ctl_fail(w->ctl, CTL_CONFLICT, "%lld hubs on other "
		    "hosts work with this key: stop the daemons there, "
		    "rotate, and bring them the new file", (long long)others);
	db_sync_done(&res);
	buf_free(&name);
	return code;
}

static int
turn(struct work *w, enum secret_turn what, bool restart)
{
	static const char *const both[] = { "mastkeeper-apid.service",
	    "mastkeeper-hubd.service", NULL };
	struct buf err = BUF_INIT;
	int code = CTL_OK;

	if (secret_key_turn(w->ctl->conf.suite.server_key, what, &err) == -1)
		code = ctl_fail(w->ctl, CTL_FAILED, "%s", buf_cstr(&err));
	else if (restart)
		code = key_restart(w->ctl, both);
	buf_free(&err);
	return code;
}

static int
finish(struct work *w)
{
	char *details = xasprintf("{\"sealed\":%llu,\"lost\":%llu}",
	    (unsigned long long)w->sealed, (unsigned long long)w->lost);
	int code = key_note(w->ctl, w->db, "server", details);

	free(details);
	if (code != CTL_OK)
		return code;
	ctl_say(w->ctl, "the server key is new; %llu values were sealed anew",
	    (unsigned long long)w->sealed);
	if (w->lost > 0)
		fprintf(stderr, "mastctl: %llu values do not open with any "
		    "key of the file, nor did they before\n",
		    (unsigned long long)w->lost);
	if (w->ctl->json)
		printf("{\"key\":\"server\",\"sealed\":%llu,"
		    "\"lost\":%llu}\n", (unsigned long long)w->sealed,
		    (unsigned long long)w->lost);
	return w->lost > 0 ? CTL_PARTIAL : CTL_OK;
}

int
key_server(struct ctl *ctl, const struct ctl_args *a)
{
	struct work w = { .ctl = ctl, .db = pg_begin(ctl) };
	int code;

	(void)a;
	if (w.db == NULL)
		return CTL_UNAVAILABLE;
	code = service_managed(ctl) ? alone(&w) : key_quiet(ctl, w.db);
	if (code == CTL_OK &&
	    (code = turn(&w, SECRET_ACCEPT, true)) == CTL_OK &&
	    (code = turn(&w, SECRET_USE, true)) == CTL_OK &&
	    (code = reseal(&w)) == CTL_OK &&
	    (code = turn(&w, SECRET_RETIRE, false)) == CTL_OK)
		code = finish(&w);
	db_sync_close(w.db);
	return code;
}
