/*
 * h_problem: a page for each type of problem, made from the table of
 * errors, so that the URL in "type" leads somewhere. Every text here is
 * ours and fit for HTML as it stands.
 */
#include <string.h>

#include "err.h"
#include "h_problem.h"
#include "req.h"

#define HEAD(title) "<!doctype html>\n<html lang=\"en\">\n" \
    "<meta charset=\"utf-8\">\n<title>" title

static const char *
advice(int status)
{
	switch (status) {
	case 401:
		return "Sign in, or send a token that has not ended.";
	case 403:
		return "Somebody else may; an administrator can allow it.";
	case 404:
		return "It is not there, or not among what you may see.";
	case 409:
		return "Look at the state as it is now, then decide anew.";
	case 412:
		return "Read it again; If-Match takes the new ETag.";
	case 408:
	case 429:
	case 503:
		return "The same request may be sent again later; Retry-After "
		    "says when, where it is given.";
	case 502:
	case 504:
		return "The node may be asked again once it is online; "
		    "whether it did something is in its journal.";
	}
	return status >= 500 ?
	    "The request id leads to the line in the log of the server." :
	    "The same request will be refused again; its detail and errors "
	    "say which part of it and why.";
}

/* Types that only daemons see among themselves have a status too, but share
 * the slug of a row before them. */
static const struct err_info *
find(const char *slug)
{
	int e;

	for (e = ERR_OK + 1; e < ERR__MAX; e++)
		if (strcmp(err_info((enum err)e)->slug, slug) == 0)
			return err_info((enum err)e);
	return NULL;
}

static void
answer(struct req *req, struct buf *b)
{
	buf_puts(b, "</html>\n");
	req_body(req, 200, "text/html; charset=utf-8", buf_slice(b));
	buf_free(b);
}

void
h_problem(struct req *req)
{
	const char *slug = req_param(req, 0);
	const struct err_info *info;
	struct buf b = BUF_INIT;

	if (slug == NULL)
		return;
	if ((info = find(slug)) == NULL) {
		req_fail(req, ERR_NOT_FOUND, "there is no such problem");
		return;
	}
	buf_printf(&b, HEAD("%s") "</title>\n<h1>%s</h1>\n<p>HTTP status %d, "
	    "type <code>/problems/%s</code>.</p>\n<p>%s</p>\n"
	    "<p><a href=\"/problems\">Every problem</a></p>\n", info->title,
	    info->title, info->status, info->slug, advice(info->status));
	answer(req, &b);
}

void
h_problem_list(struct req *req)
{
	const struct err_info *info;
	struct buf b = BUF_INIT;
	int e;

	buf_puts(&b, HEAD("Problems") "</title>\n<h1>Problems</h1>\n<ul>\n");
	for (e = ERR_OK + 1; e < ERR__MAX; e++) {
		info = err_info((enum err)e);
		if (find(info->slug) == info)
			buf_printf(&b, "<li>%d <a href=\"/problems/%s\">%s"
			    "</a></li>\n", info->status, info->slug,
			    info->title);
	}
	buf_puts(&b, "</ul>\n");
	answer(req, &b);
}
