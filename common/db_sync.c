/* db_sync: the blocking form, one connection: for mastctl and tests. */
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "db_int.h"
#include "log.h"
#include "xmalloc.h"

struct db_sync {
	PGconn	*pg;
};

struct db_sync *
db_sync_open(const char *conninfo, const char *program, struct buf *err_r)
{
	struct db_sync *s;
	PGconn *pg = db_conn_start(conninfo, program, true);
	char *line;

	if (pg == NULL)
		fatal("db: no memory");
	if (PQstatus(pg) != CONNECTION_OK) {
		line = db_value_line(PQerrorMessage(pg));
		buf_puts(err_r, line);
		free(line);
		PQfinish(pg);
		return NULL;
	}
	PQsetNoticeReceiver(pg, db_conn_notice, NULL);
	s = xcalloc(1, sizeof(*s));
	s->pg = pg;
	return s;
}

void
db_sync_close(struct db_sync *s)
{
	if (s == NULL)
		return;
	PQfinish(s->pg);
	free(s);
}

int
db_sync_script(struct db_sync *s, const char *sql, struct buf *err_r)
{
	PGresult *res = PQexec(s->pg, sql);
	const char *msg, *pos, *ctx;
	int rv = 0;

	if (!db_value_ok(res) && PQresultStatus(res) != PGRES_EMPTY_QUERY) {
		rv = -1;
		msg = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
		pos = PQresultErrorField(res, PG_DIAG_STATEMENT_POSITION);
		ctx = PQresultErrorField(res, PG_DIAG_CONTEXT);
		buf_puts(err_r, msg != NULL ? msg : PQerrorMessage(s->pg));
		if (pos != NULL)
			buf_printf(err_r, " at character %s", pos);
		if (db_value_state(res)[0] != '\0')
			buf_printf(err_r, " (%s)", db_value_state(res));
		if (ctx != NULL)
			buf_printf(err_r, ": %s", ctx);
	}
	PQclear(res);
	return rv;
}

struct db_result *
db_sync_query(struct db_sync *s, const struct db_stmt *st,
    const struct db_arg *args, size_t n)
{
	struct db_result *r = xcalloc(1, sizeof(*r));
	struct db_req *q;

	if ((r->text = db_value_fault(st, args, n)) != NULL) {
		r->err = ERR_INVALID;
		return r;
	}
	q = db_value_copy(args, n, NULL);
	r->res = PQexecParams(s->pg, st->sql, (int)n, NULL,
	    (const char *const *)q->values, q->lengths, q->formats, 0);
	free(q);
	if (!db_value_ok(r->res)) {
		r->err = ERR_DATABASE;
		r->unsure = PQstatus(s->pg) != CONNECTION_OK;
		if (!r->unsure)
			r->err = db_value_err(db_value_state(r->res));
	}
	return r;
}

void
db_sync_done(struct db_result **rp)
{
	if (*rp == NULL)
		return;
	PQclear((*rp)->res);
	free(*rp);
	*rp = NULL;
}
