/*
 * page: lists that can grow, cut by key and not by number of rows, so that
 * what is added or deleted meanwhile neither repeats nor skips a row.
 *
 * The parameters are `limit` (1 to the list's bound) and `cursor`; the
 * answer stays the list's own shape, a bare array, and what follows is said
 * by `Link: </same/path?same=filters&cursor=...>; rel="next"`. A cursor that
 * is not one of this list is a 400 with pointer "cursor".
 *
 * How a resource uses it:
 *
 *   static const struct page_list things = { "things", 2, 50, 200 };
 *
 *   void
 *   h_thing_list(struct req *req)
 *   {
 *           struct page *p = page_get(req, &things);
 *
 *           if (p == NULL)
 *                   return;                 // answered
 *           const struct db_arg args[] = { arg_access(req), ...,
 *               page_limit(req, p), page_key(p, 0), page_key(p, 1) };
 *           req->state = p;
 *           req_db(req, STMT_THING_LIST, args, nitems(args), listed);
 *   }
 *
 *   static void
 *   listed(struct req *req, const struct db_result *res)
 *   {
 *           page_answer(req, req->state, res);
 *   }
 *
 * and its statement gives the columns json and one for each key, NULL when
 * nothing follows; stmt_sql.h has the pieces and an example. The keys
 * together must be unique and be the order of the list.
 */
#ifndef APID_PAGE_H
#define APID_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cursor.h"
#include "db.h"

struct req;

#define PAGE_ALL INT32_MAX	/* usual: the whole list, where it is short */

struct page_list {
	const char	*name;	/* unique: a cursor is of one list */
	size_t		 keys;
	int64_t		 usual;	/* rows without `limit` */
	int64_t		 max;
};

struct page {
	const struct page_list	*list;
	int64_t			 limit;
	bool			 asked;		/* limit or cursor was given */
	bool			 begun;		/* keys are of a cursor */
	struct slice		 key[CURSOR_KEYS];
	char			 room[CURSOR_BYTES + CURSOR_KEYS];
};

/* Of the request's query, in its arena; NULL: answered. */
struct page *page_get(struct req *, const struct page_list *);
struct db_arg page_limit(struct req *, const struct page *);
/* The ith key of the row after which to go on; NULL from the start. */
struct db_arg page_key(const struct page *, size_t i);
/* Sets Link when the result (..., key, key) has keys, the first of them in
 * column first; false: answered, it cannot be told where to go on. For
 * lists in another form than JSON. */
bool page_link(struct req *, const struct page *, const struct db_result *,
    int first);
/* Sets Link when the result (json, key, key, ...) has keys, answers 200. */
void page_answer(struct req *, const struct page *, const struct db_result *);

#endif
