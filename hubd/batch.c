/* batch: see batch.h. Owns the queued rows and the statement in flight. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "log.h"
#include "timer.h"
#include "xmalloc.h"

#include "batch.h"
#include "hub.h"
#include "hubd.h"

#define BYTES_MAX	(4u * 1024 * 1024)	/* of rows per statement */
#define RETRY_FIRST	(200 * MONO_MS)
#define RETRY_MAX	(3 * MONO_SEC)

struct batch {
	const struct batch_kind	*kind;
	struct hubd		*hub;
	STAILQ_HEAD(, batch_row) rows;
	size_t			 n, bytes;
	unsigned		 inflight;
	unsigned		 limit;		/* rows per statement now */
	bool			 fixed;	/* may be stored: same rows again */
	uint64_t		 number;	/* of the last one stored */
	mono_us			 retry;
	struct db_req		*req;
	struct timer		 timer;
};

static void batch_send(struct batch *);

static void
batch_timer(void *arg)
{
	batch_send(arg);
}

struct batch *
batch_new(struct hubd *h, const struct batch_kind *kind)
{
	struct batch *b = xcalloc(1, sizeof(*b));

	b->kind = kind;
	b->hub = h;
	b->limit = kind->rows;
	b->retry = RETRY_FIRST;
	STAILQ_INIT(&b->rows);
	timer_init(&b->timer, batch_timer, b);
	return b;
}

static struct batch_row *
batch_pop(struct batch *b)
{
	struct batch_row *row = STAILQ_FIRST(&b->rows);

	STAILQ_REMOVE_HEAD(&b->rows, link);
	b->n--;
	b->bytes -= row->bytes;
	return row;
}

void
batch_free(struct batch *b)
{
	if (b == NULL)
		return;
	timer_del(&b->timer);
	db_forget(&b->req);
	while (b->n > 0)
		b->kind->done(b->hub, batch_pop(b), false);
	free(b);
}

static void
batch_schedule(struct batch *b, mono_us wait)
{
	if (b->n > 0 && b->req == NULL && !timer_pending(&b->timer))
		timer_set(b->hub->timers, &b->timer, wait);
}

void
batch_add(struct batch *b, struct batch_row *row, size_t bytes)
{
	row->bytes = (uint32_t)bytes;
	STAILQ_INSERT_TAIL(&b->rows, row, link);
	b->n++;
	b->bytes += bytes;
	batch_schedule(b, b->kind->delay);
}

size_t
batch_rows(const struct batch *b)
{
	return b->n;
}

size_t
batch_bytes(const struct batch *b)
{
	return b->bytes;
}

const struct batch_row *
batch_first(const struct batch *b)
{
	return STAILQ_FIRST(&b->rows);
}

void
batch_kick(struct batch *b)
{
	if (b->req != NULL || b->n == 0)
		return;
	timer_del(&b->timer);
	timer_set(b->hub->timers, &b->timer, 0);
}

void
batch_restart(struct batch *b)
{
	b->number = 0;
	b->fixed = false;
}

/* Stored, or given up: the rows of the statement leave the queue. */
static void
batch_leave(struct batch *b, bool stored)
{
	unsigned i, n = b->inflight;

	b->inflight = 0;
	b->fixed = false;
	b->retry = RETRY_FIRST;
	for (i = 0; i < n; i++)
		b->kind->done(b->hub, batch_pop(b), stored);
}

static void
batch_again(struct batch *b, bool unsure)
{
	b->hub->count.sink_retries++;
	b->fixed = unsure;
	timer_del(&b->timer);
	batch_schedule(b, b->retry);
	b->retry = b->retry * 2 > RETRY_MAX ? RETRY_MAX : b->retry * 2;
}

/* PostgreSQL refuses the content of at least one row. */
static void
batch_refused(struct batch *b, const struct db_result *res)
{
	b->fixed = false;
	if (b->inflight > 1) {
		b->limit = b->inflight / 2;
		batch_schedule(b, 0);
		return;
	}
	log_warn("sink: a row of %s was given up: %s (%s)", b->kind->name,
	    db_message(res), db_sqlstate(res));
	b->hub->count.rows_dead++;
	batch_leave(b, false);
	batch_schedule(b, 0);
}

bool
batch_is_transient(const struct db_result *res)
{
	const char *state = db_sqlstate(res);

	return !db_unsure(res) && (strncmp(state, "40", 2) == 0 ||
	    (strcmp(state, "23514") == 0 && db_constraint(res)[0] == '\0'));
}

static bool
batch_is_data_error(const struct db_result *res)
{
	const char *state = db_sqlstate(res);

	return !db_unsure(res) && !batch_is_transient(res) &&
	    (db_err(res) == ERR_INVALID ||
	    strncmp(state, "54", 2) == 0 || strncmp(state, "23", 2) == 0);
}

static void
batch_done(void *arg, const struct db_result *res)
{
	struct batch *b = arg;
	const struct batch_kind *k = b->kind;

	b->req = NULL;
	if (batch_is_data_error(res)) {
		batch_refused(b, res);
		return;
	}
	if (db_err(res) != ERR_OK) {
		log_warn("sink: %s: %s", k->name, db_message(res));
		batch_again(b, db_unsure(res));
		return;
	}
	if (k->result != NULL && k->result(b->hub, res, b->number + 1,
	    b->inflight) == BATCH_AGAIN) {
		batch_again(b, false);
		return;
	}
	b->number++;
	b->limit = b->limit * 2 > k->rows ? k->rows : b->limit * 2;
	batch_leave(b, true);
	batch_schedule(b, b->n >= k->rows / 2 ? 0 : k->delay);
}

/* How many of the oldest rows go: all that a statement may carry. */
static unsigned
batch_fill(struct batch *b, struct buf *cols, const struct batch_row **last_r)
{
	unsigned max = b->fixed ? b->inflight : b->limit, n = 0, i;
	const struct batch_row *row;
	size_t bytes = 0;

	for (i = 0; i < b->kind->cols; i++)
		db_array_begin(&cols[i]);
	STAILQ_FOREACH(row, &b->rows, link) {
		if (n >= max || (!b->fixed && n > 0 &&
		    bytes + row->bytes > BYTES_MAX))
			break;
		b->kind->put(cols, row);
		*last_r = row;
		bytes += row->bytes;
		n++;
	}
	for (i = 0; i < b->kind->cols; i++)
		db_array_end(&cols[i]);
	return n;
}

static void
batch_send(struct batch *b)
{
	struct buf cols[BATCH_COLS] = { BUF_INIT };
	struct db_arg args[BATCH_COLS + 3];
	char id[ID_TEXT], number[24], mark[24];
	const struct batch_row *last = NULL;
	size_t n = 0, i;

	if (b->req != NULL || b->n == 0)
		return;
	if (!hub_ready(b->hub->hub)) {
		batch_schedule(b, b->retry);
		return;
	}
	b->inflight = batch_fill(b, cols, &last);
	id_text(&b->hub->id, id);
	args[n++] = db_str(id);
	if (b->kind->numbered) {
		(void)snprintf(number, sizeof(number), "%llu",
		    (unsigned long long)b->number + 1);
		args[n++] = db_str(number);
	}
	for (i = 0; i < b->kind->cols; i++)
		args[n++] = db_str(buf_cstr(&cols[i]));
	if (b->kind->mark != NULL) {
		(void)snprintf(mark, sizeof(mark), "%lld",
		    (long long)b->kind->mark(b->hub, last));
		args[n++] = db_str(mark);
	}
	db_query(b->hub->db, b->kind->stmt, args, n, NULL, batch_done, b,
	    &b->req);
	for (i = 0; i < b->kind->cols; i++)
		buf_free(&cols[i]);
}
