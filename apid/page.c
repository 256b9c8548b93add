/* page: a request's place in a list, and the link to what follows. */
#include <string.h>

#include "apid.h"
#include "arg.h"
#include "page.h"
#include "req.h"

static bool
cursor_get(struct req *req, struct page *p)
{
	const char *text;
	int got = req_query(req, "cursor", CURSOR_TEXT - 1, &text);

	if (got != 1)
		return got == 0;
	p->asked = p->begun = true;
	if (cursor_open(req->apid->key, p->list->name, slice_of(text),
	    p->list->keys, p->key, p->room) == 0)
		return true;
	req_fault(req, ERR_BAD_QUERY, "cursor",
	    "must be one that this list gave");
	return false;
}

struct page *
page_get(struct req *req, const struct page_list *list)
{
	struct page *p = arena_calloc(req->arena, sizeof(*p));
	int got;

	p->list = list;
	p->limit = list->usual;
	got = req_query_i64(req, "limit", 1, list->max, &p->limit);
	if (got == -1 || !cursor_get(req, p))
		return NULL;
	if (p->begun && p->limit > list->max)
		p->limit = list->max;	/* PAGE_ALL, and yet a cursor */
	p->asked = p->asked || got == 1;
	return p;
}

struct db_arg
page_limit(struct req *req, const struct page *p)
{
	return arg_i64(req, p->limit);
}

struct db_arg
page_key(const struct page *p, size_t i)
{
	return p->begun ? db_slice(p->key[i]) : db_null();
}

/* What stands in a URI as it is; the rest would end the link early. */
static void
put_uri(struct buf *b, struct slice s)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t i;

	for (i = 0; i < s.n; i++) {
		uint8_t c = (uint8_t)s.p[i];

		if (c > ' ' && c < 0x7f && strchr("<>\"\\^`{|}", c) == NULL) {
			buf_putc(b, (char)c);
		} else {
			buf_putc(b, '%');
			buf_putc(b, digits[c >> 4]);
			buf_putc(b, digits[c & 15]);
		}
	}
}

/* The request's own query without the cursor that it had. */
static void
put_filters(struct buf *b, struct slice query)
{
	struct slice part, all, name;
	char plain[16];

	while (slice_cut(&query, '&', &part)) {
		all = part;
		slice_cut(&part, '=', &name);
		if (all.n == 0 || (str_urldecode(plain, sizeof(plain), name,
		    true) != -1 && strcmp(plain, "cursor") == 0))
			continue;
		put_uri(b, all);
		buf_putc(b, '&');
	}
}

static void
put_link(struct req *req, const char *cursor)
{
	struct buf b = BUF_INIT;

	buf_putc(&b, '<');
	put_uri(&b, req->h.path);
	buf_putc(&b, '?');
	put_filters(&b, req->h.query);
	buf_puts(&b, "cursor=");
	buf_puts(&b, cursor);
	buf_puts(&b, ">; rel=\"next\"");
	req_header(req, "Link", buf_cstr(&b));
	buf_free(&b);
}

bool
page_link(struct req *req, const struct page *p, const struct db_result *res,
    int first)
{
	struct slice key[CURSOR_KEYS];
	char text[CURSOR_TEXT];
	size_t i;

	for (i = 0; i < p->list->keys && db_rows(res) == 1 &&
	    !db_isnull(res, 0, (int)i + first); i++)
		key[i] = db_get(res, 0, (int)i + first);
	if (i < p->list->keys)
		return true;		/* nothing follows */
	if (cursor_seal(req->apid->key, p->list->name, key, i, text) == 0) {
		put_link(req, text);
		return true;
	}
	req_fail(req, ERR_INTERNAL, "a row's key is too long");
	return false;
}

void
page_answer(struct req *req, const struct page *p,
    const struct db_result *res)
{
	if (page_link(req, p, res, 1))
		req_json_db(req, 200, res, 0, 0);
}
