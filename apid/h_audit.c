/*
 * h_audit: filters, pages and the three forms of the audit. JSON is for
 * looking; the forms that leave in bulk, JSON lines and CSV, are noted in
 * the audit itself by the statement that reads them.
 */
#include <string.h>

#include "apid.h"
#include "arg.h"
#include "db.h"
#include "h_audit.h"
#include "page.h"
#include "req.h"
#include "stmt.h"
#include "xmalloc.h"

#define TEXT_MAX	256
#define PER_PAGE	100
#define PER_PAGE_MAX	1000
#define CSV_HEAD	"id,at,actor_kind,actor_user,actor_name,action," \
    "target_type,target_id,details,address,request_id,seal\r\n"

enum form { FORM_JSON, FORM_LINES, FORM_CSV, FORM_NONE };

struct filter {
	const char	*actor, *action, *prefix, *type, *target, *node;
	const char	*from, *to, *request;
};

/* What is accepted first of what there is; a weight of 0 is a refusal. */
static enum form
form_get(struct req *req)
{
	static const struct { const char *type; enum form form; } forms[] = {
		{ "application/json", FORM_JSON },
		{ "application/*", FORM_JSON }, { "*/*", FORM_JSON },
		{ "application/x-ndjson", FORM_LINES },
		{ "text/csv", FORM_CSV }, { "text/*", FORM_CSV },
	};
	struct slice list = http1_get(&req->h, "Accept"), item, type;
	size_t i;

	if (slice_trim(list).n == 0)
		return FORM_JSON;
	while (slice_cut(&list, ',', &item)) {
		slice_cut(&item, ';', &type);
		item = slice_trim(item);
		if (slice_ieq(item, "q=0") || slice_ieq(item, "q=0.0"))
			continue;
		for (i = 0; i < nitems(forms); i++)
			if (slice_ieq(slice_trim(type), forms[i].type))
				return forms[i].form;
	}
	return FORM_NONE;
}

/* False: answered. */
static bool
filter_get(struct req *req, struct filter *f)
{
	struct id id;
	char *text;
	int node = req_query_id(req, "node", &id);

	if (node == 1) {
		text = arena_alloc(req->arena, ID_TEXT);
		id_text(&id, text);
		f->node = text;
	}
	return node != -1 &&
	    req_query(req, "actor", TEXT_MAX, &f->actor) != -1 &&
	    req_query(req, "action", TEXT_MAX, &f->action) != -1 &&
	    req_query(req, "action_prefix", TEXT_MAX, &f->prefix) != -1 &&
	    req_query(req, "target_type", TEXT_MAX, &f->type) != -1 &&
	    req_query(req, "target_id", TEXT_MAX, &f->target) != -1 &&
	    req_query_time(req, "from", &f->from) != -1 &&
	    req_query_time(req, "to", &f->to) != -1 &&
	    req_query(req, "request_id", REQ_ID - 1, &f->request) != -1;
}

static void
answer_json(struct req *req, const struct db_result *res)
{
	page_answer(req, req->state, res);
}

static void
answer_lines(struct req *req, const struct db_result *res)
{
	if (page_link(req, req->state, res, 1))
		req_body(req, 200, "application/x-ndjson",
		    db_get(res, 0, 0));
}

/* The head is on the first page alone, so that pages can be joined. */
static void
answer_csv(struct req *req, const struct db_result *res)
{
	const struct page *p = req->state;
	struct slice text = db_get(res, 0, 0);
	char *all;

	if (!page_link(req, p, res, 1))
		return;
	req_header(req, "Content-Disposition",
	    "attachment; filename=\"audit.csv\"");
	if (p->begun) {
		req_body(req, 200, "text/csv; charset=utf-8; header=absent",
		    text);
		return;
	}
	all = arena_alloc(req->arena, sizeof(CSV_HEAD) + text.n);
	memcpy(all, CSV_HEAD, sizeof(CSV_HEAD) - 1);
	if (text.n > 0)
		memcpy(all + sizeof(CSV_HEAD) - 1, text.p, text.n);
	req_body(req, 200, "text/csv; charset=utf-8; header=present",
	    (struct slice){ all, sizeof(CSV_HEAD) - 1 + text.n });
}

static void
run(struct req *req, enum form form, const struct filter *f,
    const struct page *p)
{
	const struct db_arg args[] = {
		arg_access(req), db_str(f->actor), db_str(f->action),
		db_str(f->prefix), db_str(f->type), db_str(f->target),
		db_str(f->node), db_str(f->from), db_str(f->to),
		db_str(f->request), page_limit(req, p), page_key(p, 0),
		arg_address(req), db_str(req->id),
	};

	if (form == FORM_JSON)
		req_db(req, STMT_AUDIT_LIST, args, nitems(args) - 2,
		    answer_json);
	else if (form == FORM_LINES)
		req_db(req, STMT_AUDIT_LINES, args, nitems(args),
		    answer_lines);
	else
		req_db(req, STMT_AUDIT_CSV, args, nitems(args), answer_csv);
}

void
h_audit(struct req *req)
{
	static const struct page_list audit = { "audit", 1, PER_PAGE,
	    PER_PAGE_MAX };
	struct filter f = { .node = NULL };
	enum form form = form_get(req);
	struct page *p;

	req_header(req, "Vary", "Accept");
	if (form == FORM_NONE) {
		req_fail(req, ERR_NOT_ACCEPTABLE, "application/json, "
		    "application/x-ndjson and text/csv can be had");
		return;
	}
	if (!filter_get(req, &f) || (p = page_get(req, &audit)) == NULL)
		return;
	req->state = p;
	run(req, form, &f, p);
}
