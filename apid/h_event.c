/*
 * h_event: events, filtered by what the caller may see. Owns the bounds of
 * the filters.
 */
#include <stddef.h>

#include "apid.h"
#include "arg.h"
#include "db.h"
#include "feed.h"
#include "h_event.h"
#include "json.h"
#include "page.h"
#include "req.h"
#include "stmt.h"
#include "valid.h"
#include "xmalloc.h"

#define TEXT_MAX	256
#define PER_PAGE	50
#define PER_PAGE_MAX	200
#define PAGE_MAX	1000000
#define BULK_MAX	10000	/* events that one request acknowledges */

/* What nodes say, and which of the three it is kept as. */
static const char *const severities[] = { "info", "minor", "warning",
    "major", "critical", NULL };

static const char *
severity(struct slice name)
{
	if (name.p == NULL)
		return NULL;
	if (slice_eq(name, "minor"))
		return "warning";
	return slice_eq(name, "major") ? "critical" : name.p;
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
	bool		 numbered;	/* pages by number, the old way */
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
	    req_query_time(req, "to", &f->to) == -1)
		return false;
	f->severity = severity(slice_of(f->severity));
	return true;
}

/* The contract's page and per_page. */
static bool
numbers_get(struct req *req, struct filter *f)
{
	int page, per_page;

	f->page = 1;
	f->per_page = PER_PAGE;
	page = req_query_i64(req, "page", 0, PAGE_MAX, &f->page);
	if (page == -1)
		return false;
	per_page = req_query_i64(req, "per_page", 0, INT32_MAX, &f->per_page);
	if (per_page == -1)
		return false;
	f->numbered = page == 1 || per_page == 1;
	if (f->page < 1)
		f->page = 1;
	if (f->per_page > PER_PAGE_MAX)
		f->per_page = PER_PAGE_MAX;
	return true;
}

static void
answer_page(struct req *req, const struct db_result *res)
{
	page_answer(req, req->state, res);
}

void
h_event_list(struct req *req)
{
	static const struct page_list events = { "events", 2, PER_PAGE,
	    PER_PAGE_MAX };
	struct filter f = { .node = NULL };
	struct page *p = NULL;

	if (!filter_get(req, &f) || !numbers_get(req, &f) ||
	    (p = page_get(req, &events)) == NULL)
		return;
	if (f.numbered && p->asked) {
		req_fault(req, ERR_BAD_QUERY, p->begun ? "cursor" : "limit",
		    "cannot go with page or per_page");
		return;
	}
	req->state = p;
	const struct db_arg args[] = {
		arg_access(req), db_str(f.node),
		db_str(f.severity), db_str(f.category), db_str(f.flow),
		arg_like(req, f.search), db_str(f.from), db_str(f.to),
		f.numbered ? arg_i64(req, f.per_page) : page_limit(req, p),
		f.numbered ? arg_i64(req, (f.page - 1) * f.per_page) :
		    page_key(p, 0), page_key(p, 1),
	};
	if (f.numbered)
		req_db(req, STMT_EVENT_LIST, args, 10, answer);
	else
		req_db(req, STMT_EVENT_PAGE, args, 11, answer_page);
}

void
h_event_get(struct req *req)
{
	const struct db_arg args[] = { arg_i64(req, req->params.v[0].n),
	    arg_access(req) };

	req_db(req, STMT_EVENT_GET, args, nitems(args), answer);
}

/* ---- acknowledging ---- */

struct body {
	struct slice		note;
	/* of many */
	struct slice		node, severity, category, flow, search;
	int64_t			from, to;
	struct json_state	has_from, has_to;
};

static const char *
valid_filter(struct slice s)
{
	return s.n <= TEXT_MAX && valid_utf8(s.p, s.n) ? NULL :
	    "must be at most 256 bytes of UTF-8 without NUL";
}

static const struct json_field ack_fields[] = {
	{ .name = "note", .type = JSON_STRING, .flags = JSON_NULLABLE,
	  .offset = offsetof(struct body, note), .valid = valid_description },
};
const struct json_schema h_event_ack_body = { ack_fields,
    nitems(ack_fields), .open = true };
const size_t h_event_ack_size = sizeof(struct body);

static const struct json_field bulk_fields[] = {
	{ .name = "note", .type = JSON_STRING, .flags = JSON_NULLABLE,
	  .offset = offsetof(struct body, note), .valid = valid_description },
	{ .name = "node_id", .type = JSON_UUID,
	  .offset = offsetof(struct body, node) },
	{ .name = "severity", .type = JSON_ENUM, .names = severities,
	  .offset = offsetof(struct body, severity) },
	{ .name = "category", .type = JSON_STRING, .valid = valid_filter,
	  .offset = offsetof(struct body, category) },
	{ .name = "flow_id", .type = JSON_STRING, .valid = valid_filter,
	  .offset = offsetof(struct body, flow) },
	{ .name = "search", .type = JSON_STRING, .valid = valid_filter,
	  .offset = offsetof(struct body, search) },
	{ .name = "from", .type = JSON_TIME,
	  .offset = offsetof(struct body, from),
	  .state = offsetof(struct body, has_from) },
	{ .name = "to", .type = JSON_TIME,
	  .offset = offsetof(struct body, to),
	  .state = offsetof(struct body, has_to) },
};
/* Closed: a filter that is not known must not select everything. */
const struct json_schema h_event_bulk_body = { bulk_fields,
    nitems(bulk_fields), .open = false };
const size_t h_event_bulk_size = sizeof(struct body);

/* An empty note is none. */
static struct db_arg
arg_note(const struct body *b)
{
	return b->note.n == 0 ? db_null() : db_slice(b->note);
}

static void
acked(struct req *req, const struct db_result *res)
{
	if (db_rows(res) == 0)
		req_fail(req, ERR_NOT_FOUND, "there is no such event");
	else {
		feed_bell(req->apid->feed);
		req_empty(req, 200);
	}
}

void
h_event_ack(struct req *req)
{
	const struct db_arg args[] = {
		arg_i64(req, req->params.v[0].n),
		arg_access(req), arg_address(req),
		db_str(req->id), arg_note(req->body),
	};

	req_db(req, STMT_EVENT_ACK, args, nitems(args), acked);
}

static struct db_arg
arg_when(struct req *req, const struct json_state *has, int64_t us)
{
	return has->present ? arg_time(req, us) : db_null();
}

static void
acked_many(struct req *req, const struct db_result *res)
{
	feed_bell(req->apid->feed);
	answer(req, res);
}

void
h_event_ack_bulk(struct req *req)
{
	const struct body *b = req->body;
	const struct db_arg args[] = {
		arg_access(req), db_slice(b->node),
		db_str(severity(b->severity)), db_slice(b->category),
		db_slice(b->flow), arg_like(req, b->search.p),
		arg_when(req, &b->has_from, b->from),
		arg_when(req, &b->has_to, b->to), arg_note(b),
		arg_address(req), db_str(req->id),
		arg_i64(req, BULK_MAX),
	};

	req_db(req, STMT_EVENT_ACK_BULK, args, nitems(args), acked_many);
}

void
h_event_count(struct req *req)
{
	const struct db_arg args[] = { arg_access(req) };

	req_db(req, STMT_EVENT_COUNT, args, nitems(args), answer);
}
