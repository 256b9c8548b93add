/*
 * watch: what happens, as it happens: events of nodes, and one node's state.
 * Asks the database once a second; nothing is shown twice, and nothing is
 * missed because it was committed late.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "db.h"
#include "id.h"
#include "node.h"
#include "pg.h"
#include "stmt.h"
#include "str.h"
#include "watch.h"
#include "xmalloc.h"

#define SHOWN	1000	/* ids that are remembered */

enum { TAIL_LINES, TAIL_FOLLOW, TAIL_NODE };

struct tail {
	struct ctl	*ctl;
	struct db_sync	*db;
	const char	*node;		/* its id, or NULL: all */
	int64_t		 ids[SHOWN];
	size_t		 n, at;		/* a ring */
};

static void
pause_a_second(void)
{
	const struct timespec second = { .tv_sec = 1 };

	nanosleep(&second, NULL);
}

static void
remember(struct tail *t, int64_t id)
{
	t->ids[t->at] = id;
	t->at = (t->at + 1) % SHOWN;
	if (t->n < SHOWN)
		t->n++;
}

/* The lowest id that is remembered: what follows it may still come. */
static int64_t
lowest(const struct tail *t)
{
	int64_t low = t->n > 0 ? t->ids[0] : 0;
	size_t i;

	for (i = 1; i < t->n; i++)
		if (t->ids[i] < low)
			low = t->ids[i];
	return low;
}

/* Columns: id, JSON, time, severity, node, category, message. */
static void
show(struct tail *t, const struct db_result *res)
{
	int row;

	for (row = 0; row < db_rows(res); row++) {
		remember(t, db_i64(res, row, 0));
		if (t->ctl->json)
			puts(db_cstr(res, row, 1));
		else
			printf("%s %-9s%-24s %s: %s\n", db_cstr(res, row, 2),
			    db_cstr(res, row, 3), db_cstr(res, row, 4),
			    db_cstr(res, row, 5), db_cstr(res, row, 6));
	}
	fflush(stdout);
}

static struct db_result *
answer(struct tail *t, enum stmt which, const struct db_arg *args, size_t n)
{
	struct db_result *res = db_sync_query(t->db, stmt_get(which), args,
	    n);

	if (db_err(res) != ERR_OK) {
		ctl_fail(t->ctl, CTL_FAILED, "%s", db_message(res));
		db_sync_done(&res);
	}
	return res;
}

static struct db_result *
newer(struct tail *t)
{
	struct buf ids = BUF_INIT;
	struct db_result *res;
	char low[24];
	size_t i;

	snprintf(low, sizeof(low), "%lld", (long long)lowest(t));
	buf_putc(&ids, '{');
	for (i = 0; i < t->n; i++)
		buf_printf(&ids, "%s%lld", i > 0 ? "," : "",
		    (long long)t->ids[i]);
	buf_putc(&ids, '}');
	const struct db_arg args[] = { db_str(low), db_str(buf_cstr(&ids)),
	    db_str(t->node) };
	res = answer(t, STMT_EVENT_SINCE, args, nitems(args));
	buf_free(&ids);
	return res;
}

static int
tail(struct tail *t, const char *lines, bool follow)
{
	const struct db_arg args[] = { db_str(lines), db_str(t->node) };
	struct db_result *res = answer(t, STMT_EVENT_TAIL, args,
	    nitems(args));

	while (res != NULL) {
		show(t, res);
		db_sync_done(&res);
		if (!follow || ferror(stdout))
			return ferror(stdout) ? CTL_FAILED : CTL_OK;
		pause_a_second();
		res = newer(t);
	}
	return CTL_FAILED;
}

int
watch_events(struct ctl *ctl, const struct ctl_args *a)
{
	const char *lines = a->opt[TAIL_LINES] ? a->opt[TAIL_LINES] : "20";
	struct tail *t;
	char id[ID_TEXT];
	uint64_t n;
	int code = CTL_OK;

	if (slice_u64(slice_of(lines), SHOWN, &n) == -1 || n == 0)
		return ctl_fail(ctl, CTL_USAGE, "--lines must be 1 to %d",
		    SHOWN);
	t = xcalloc(1, sizeof(*t));
	t->ctl = ctl;
	if ((t->db = pg_begin(ctl)) == NULL)
		code = CTL_UNAVAILABLE;
	else if (a->opt[TAIL_NODE] != NULL && (code = node_find(ctl, t->db,
	    a->opt[TAIL_NODE], id)) == CTL_OK)
		t->node = id;
	if (code == CTL_OK)
		code = tail(t, lines, a->opt[TAIL_FOLLOW] != NULL);
	if (t->db != NULL)
		db_sync_close(t->db);
	free(t);
	return code;
}

/* One line whenever what the database says of the node changes. */
static int
watch(struct ctl *ctl, struct db_sync *db, const char *id)
{
	const struct db_arg arg = db_str(id);
	char *last = NULL;
	struct db_result *res;
	int code = CTL_OK;

	while (code == CTL_OK && !ferror(stdout)) {
		res = db_sync_query(db, stmt_get(STMT_NODE_WATCH), &arg, 1);
		if (db_err(res) != ERR_OK)
			code = ctl_fail(ctl, CTL_FAILED, "%s",
			    db_message(res));
		else if (db_rows(res) == 0)
			code = ctl_fail(ctl, CTL_NOT_FOUND,
			    "the node was deleted");
		else if (last == NULL || strcmp(last, db_cstr(res, 0, 0)) !=
		    0) {
			free(last);
			last = xstrdup(db_cstr(res, 0, 0));
			puts(ctl->json ? last : db_cstr(res, 0, 1));
			fflush(stdout);
		}
		db_sync_done(&res);
		if (code == CTL_OK)
			pause_a_second();
	}
	free(last);
	return code != CTL_OK ? code : CTL_FAILED;
}

int
watch_node(struct ctl *ctl, const struct ctl_args *a)
{
	struct db_sync *db = pg_begin(ctl);
	char id[ID_TEXT];
	int code;

	if (db == NULL)
		return CTL_UNAVAILABLE;
	if ((code = node_find(ctl, db, a->v[0], id)) == CTL_OK)
		code = watch(ctl, db, id);
	db_sync_close(db);
	return code;
}
