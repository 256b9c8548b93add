/* db_value: parameters into a request, results and errors out of libpq. */
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "db_int.h"
#include "log.h"
#include "xmalloc.h"

#define DB_PARAMS_MAX	64

enum err
db_value_err(const char *s)
{
	if (strcmp(s, "23505") == 0)
		return ERR_DUPLICATE;
	if (strncmp(s, "22", 2) == 0 || strcmp(s, "23514") == 0 ||
	    strcmp(s, "23502") == 0)
		return ERR_INVALID;
	if (strncmp(s, "23", 2) == 0 || strncmp(s, "40", 2) == 0)
		return ERR_CONFLICT;
	if (strcmp(s, "42501") == 0)
		return ERR_FORBIDDEN;
	/* Resources, operator, system, cancelled by a timeout, standby. */
	if (strncmp(s, "08", 2) == 0 || strncmp(s, "53", 2) == 0 ||
	    strncmp(s, "57", 2) == 0 || strncmp(s, "58", 2) == 0 ||
	    strcmp(s, "55P03") == 0 || strcmp(s, "25006") == 0)
		return ERR_DATABASE;
	return ERR_INTERNAL;
}

const char *
db_value_state(const PGresult *res)
{
	const char *s = NULL;

	if (res != NULL)
		s = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	return s != NULL ? s : "";
}

bool
db_value_ok(const PGresult *res)
{
	ExecStatusType st = PQresultStatus(res);

	return st == PGRES_TUPLES_OK || st == PGRES_COMMAND_OK;
}

/* One line without the newline that libpq ends its messages with. */
char *
db_value_line(const char *s)
{
	size_t n;

	while (*s == '\n' || *s == ' ')
		s++;
	n = strcspn(s, "\n");
	return xstrndup(s, n);
}

enum err
db_err(const struct db_result *r)
{
	return r->err;
}

bool
db_unsure(const struct db_result *r)
{
	return r->unsure;
}

const char *
db_sqlstate(const struct db_result *r)
{
	return db_value_state(r->res);
}

const char *
db_constraint(const struct db_result *r)
{
	const char *s = NULL;

	if (r->res != NULL)
		s = PQresultErrorField(r->res, PG_DIAG_CONSTRAINT_NAME);
	return s != NULL ? s : "";
}

const char *
db_message(const struct db_result *r)
{
	const char *s = NULL;

	if (r->text != NULL)
		return r->text;
	if (r->res != NULL && !db_value_ok(r->res)) {
		s = PQresultErrorField(r->res, PG_DIAG_MESSAGE_PRIMARY);
		if (s == NULL)
			s = PQresultErrorMessage(r->res);
	}
	return s != NULL ? s : "";
}

static bool
has_cell(const struct db_result *r, int row, int col)
{
	return r->res != NULL && row >= 0 && row < PQntuples(r->res) &&
	    col >= 0 && col < PQnfields(r->res);
}

int
db_rows(const struct db_result *r)
{
	return r->err == ERR_OK && r->res != NULL ? PQntuples(r->res) : 0;
}

bool
db_isnull(const struct db_result *r, int row, int col)
{
	return !has_cell(r, row, col) || PQgetisnull(r->res, row, col);
}

struct slice
db_get(const struct db_result *r, int row, int col)
{
	if (db_isnull(r, row, col))
		return (struct slice){ NULL, 0 };
	return (struct slice){ PQgetvalue(r->res, row, col),
	    (size_t)PQgetlength(r->res, row, col) };
}

const char *
db_cstr(const struct db_result *r, int row, int col)
{
	return has_cell(r, row, col) ? PQgetvalue(r->res, row, col) : "";
}

int64_t
db_i64(const struct db_result *r, int row, int col)
{
	int64_t v;

	if (slice_i64(db_get(r, row, col), INT64_MIN, INT64_MAX, &v) == -1)
		return 0;
	return v;
}

bool
db_bool(const struct db_result *r, int row, int col)
{
	return db_cstr(r, row, col)[0] == 't';
}

int
db_id(const struct db_result *r, int row, int col, struct id *id_r)
{
	return id_parse(id_r, db_get(r, row, col));
}

long
db_bytea(const struct db_result *r, int row, int col, void *dst, size_t size)
{
	struct slice s = db_get(r, row, col);

	if (s.n < 2 || s.p[0] != '\\' || s.p[1] != 'x' || (s.n & 1) != 0)
		return -1;
	s.p += 2;
	s.n -= 2;
	if (s.n / 2 > size || str_unhex(dst, s, s.n / 2) == -1)
		return -1;
	return (long)(s.n / 2);
}

struct db_arg
db_null(void)
{
	return (struct db_arg){ NULL, 0, false };
}

struct db_arg
db_str(const char *s)
{
	return (struct db_arg){ s, s != NULL ? (int)strlen(s) : 0, false };
}

struct db_arg
db_slice(struct slice s)
{
	return (struct db_arg){ s.p, (int)s.n, false };
}

struct db_arg
db_bytes(const void *p, size_t n)
{
	return (struct db_arg){ p, (int)n, true };
}

void
db_array_begin(struct buf *b)
{
	buf_putc(b, '{');
}

/* An element never ends in a brace, so one there is the opening one. */
static void
array_comma(struct buf *b)
{
	if (b->data[b->len - 1] != '{')
		buf_putc(b, ',');
}

void
db_array_text(struct buf *b, struct slice s)
{
	size_t from = 0, i;

	array_comma(b);
	if (s.p == NULL) {
		buf_puts(b, "NULL");
		return;
	}
	buf_putc(b, '"');
	for (i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c != '"' && c != '\\' && c != '\0')
			continue;
		buf_put(b, s.p + from, i - from);
		from = i + 1;
		if (c == '\0') {
			/* One such element would void the whole batch. */
			buf_puts(b, "\xef\xbf\xbd");
			continue;
		}
		buf_putc(b, '\\');
		buf_putc(b, c);
	}
	buf_put(b, s.p + from, s.n - from);
	buf_putc(b, '"');
}

void
db_array_i64(struct buf *b, int64_t v)
{
	array_comma(b);
	buf_printf(b, "%lld", (long long)v);
}

void
db_array_id(struct buf *b, const struct id *id)
{
	char text[ID_TEXT];

	array_comma(b);
	id_text(id, text);
	buf_put(b, text, ID_TEXT - 1);
}

void
db_array_hex(struct buf *b, const void *p, size_t n)
{
	array_comma(b);
	buf_puts(b, "\"\\\\x");
	str_hex((char *)buf_reserve(b, 2 * n + 1), p, n);
	buf_commit(b, 2 * n);
	buf_putc(b, '"');
}

void
db_array_end(struct buf *b)
{
	buf_putc(b, '}');
}

/* Text ends at a NUL there: one inside would silently cut the value. */
const char *
db_value_fault(const struct db_stmt *st, const struct db_arg *a, size_t n)
{
	size_t i;

	if (n != st->nparams || n > DB_PARAMS_MAX)
		fatal("db: %s takes %u parameters, not %zu", st->name,
		    st->nparams, n);
	for (i = 0; i < n; i++) {
		if (a[i].n < 0)
			return "a parameter is too long";
		if (a[i].p != NULL && !a[i].binary &&
		    memchr(a[i].p, '\0', (size_t)a[i].n) != NULL)
			return "a text parameter holds a NUL";
	}
	return NULL;
}

/* Request, pointers, lengths, formats and bytes in one piece. */
struct db_req *
db_value_copy(const struct db_arg *a, size_t n, const char *actor)
{
	struct db_req *q;
	size_t bytes = 0, i, head;
	char *p;

	for (i = 0; i < n; i++)
		bytes += (size_t)a[i].n + 1;
	if (actor != NULL)
		bytes += strlen(actor) + 1;
	head = sizeof(*q) + n * (sizeof(char *) + 2 * sizeof(int));
	q = xmalloc(head + bytes);
	memset(q, 0, sizeof(*q));
	q->n = (unsigned)n;
	q->values = (void *)(q + 1);
	q->lengths = (void *)(q->values + n);
	q->formats = q->lengths + n;
	p = (char *)q + head;
	for (i = 0; i < n; i++) {
		q->lengths[i] = a[i].n;
		q->formats[i] = a[i].binary;
		if (a[i].p == NULL) {
			q->values[i] = NULL;
			continue;
		}
		q->values[i] = p;
		memcpy(p, a[i].p, (size_t)a[i].n);
		p[a[i].n] = '\0';
		p += a[i].n + 1;
	}
	if (actor != NULL) {
		q->actor = p;
		memcpy(p, actor, strlen(actor) + 1);
	}
	return q;
}
