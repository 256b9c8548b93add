/*
 * h_event: events, filtered by what the caller may see. Owns the bounds of
 * the filters.
 */
#include <string.h>

#include "apid.h"
#include "arg.h"
#include "db.h"
#include "h_event.h"
#include "req.h"
#include "stmt.h"
#include "xmalloc.h"

#define TEXT_MAX	256
#define PER_PAGE	50
#define PER_PAGE_MAX	200
#define PAGE_MAX	1000000

static const char *const severities[] = { "info", "warning", "critical",
    NULL };

/* A LIKE pattern that finds text anywhere; what LIKE gives a meaning is
 * meant as it stands. */
static const char *
like(struct req *req, const char *text)
{
	char *pattern, *p;

	if (text == NULL)
		return NULL;
	p = pattern = arena_alloc(req->arena, 2 * strlen(text) + 3);
	*p++ = '%';
	for (; *text != '\0'; text++) {
		if (*text == '%' || *text == '_' || *text == '\\')
			*p++ = '\\';
		*p++ = *text;
	}
	*p++ = '%';
	*p = '\0';
	return pattern;
}

static void
answer(struct req *req, const struct db_result *res)
{
	req_json_db(req, 200, res, 0, 0);
}

struct filter {
	const char	*severity, *category, *flow, *search, *from, *to;
	const char	*node;
	int64_t		 page, per_page;
};

/* False: answered. */
static bool
filter_node(struct req *req, struct filter *f)
{
	struct id id;
	char *text;
	int got = req_query_id(req, "node_id", &id);

	if (got == 1) {
		text = arena_alloc(req->arena, ID_TEXT);
		id_text(&id, text);
		f->node = text;
	}
	return got != -1;
}

static bool
filter_get(struct req *req, struct filter *f)
{
	if (!filter_node(req, f) ||
	    req_query_enum(req, "severity", severities, &f->severity) == -1 ||
	    req_query(req, "category", TEXT_MAX, &f->category) == -1 ||
	    req_query(req, "flow_id", TEXT_MAX, &f->flow) == -1 ||
	    req_query(req, "search", TEXT_MAX, &f->search) == -1 ||
	    req_query_time(req, "from", &f->from) == -1 ||
	    req_query_time(req, "to", &f->to) == -1 ||
	    req_query_i64(req, "page", 0, PAGE_MAX, &f->page) == -1 ||
	    req_query_i64(req, "per_page", 0, INT32_MAX, &f->per_page) == -1)
		return false;
	if (f->page < 1)
		f->page = 1;
	if (f->per_page > PER_PAGE_MAX)
		f->per_page = PER_PAGE_MAX;
	return true;
}

void
h_event_list(struct req *req)
{
	struct filter f = { .page = 1, .per_page = PER_PAGE };

	if (!filter_get(req, &f))
		return;
	const struct db_arg args[] = {
		arg_access(req), db_str(f.node),
		db_str(f.severity), db_str(f.category), db_str(f.flow),
		db_str(like(req, f.search)), db_str(f.from), db_str(f.to),
		arg_i64(req, f.per_page),
		arg_i64(req, (f.page - 1) * f.per_page),
	};
	req_db(req, STMT_EVENT_LIST, args, nitems(args), answer);
}

static void
acked(struct req *req, const struct db_result *res)
{
	if (db_rows(res) == 0)
		req_fail(req, ERR_NOT_FOUND, "there is no such event");
	else
		req_empty(req, 200);
}

void
h_event_ack(struct req *req)
{
	const struct db_arg args[] = {
		arg_i64(req, req->params.v[0].n),
		arg_access(req), db_str(req->address),
		db_str(req->id),
	};

	req_db(req, STMT_EVENT_ACK, args, nitems(args), acked);
}

void
h_event_count(struct req *req)
{
	const struct db_arg args[] = { arg_access(req) };

	req_db(req, STMT_EVENT_COUNT, args, nitems(args), answer);
}
