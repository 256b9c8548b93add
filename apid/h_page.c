/*
 * h_page: serves what ui_data.c and api_data.c hold. The page itself and
 * the description are asked for again each time; the page's files lie under
 * the build id and never change. Every address of the page gives the same
 * file: its script looks at the address. But for /setup, which is there
 * before anybody can sign in, and small.
 */
#include <ctype.h>
#include <string.h>

#include "apid.h"
#include "gzip.h"
#include "h_page.h"
#include "req.h"
#include "ui.h"

static const struct ui_asset *
find(const char *name)
{
	size_t i;

	for (i = 0; i < ui_nassets; i++) {
		if (strcmp(ui_assets[i].name, name) == 0)
			return &ui_assets[i];
	}
	return NULL;
}

/* A file as the client takes it: the smallest form comes first. */
static void
serve(struct req *req, const struct ui_asset *a, const char *build,
    const char *caching)
{
	const struct { const char *coding; const void *p; size_t n; } forms[] =
	    { { "br", a->br, a->nbr }, { "gzip", a->gz, a->ngz },
	      { "", a->plain, a->n } };
	struct slice taken = http1_get(&req->h, "Accept-Encoding");
	size_t i = a->n > GZIP_MIN ? 0 : 2;

	for (; i < 2; i++) {
		if (forms[i].n < a->n && gzip_accepted(taken, forms[i].coding))
			break;
	}
	req_header(req, "Cache-Control", caching);
	req_header(req, "Vary", "Accept-Encoding");
	if (req_etag(req, arena_printf(req->arena, "\"%s%s%s\"", build,
	    i < 2 ? "-" : "", forms[i].coding)))
		return;
	if (i < 2)
		req_header(req, "Content-Encoding", forms[i].coding);
	req_body(req, 200, a->type, (struct slice){ forms[i].p, forms[i].n });
}

void
h_page(struct req *req)
{
	serve(req, find("index.html"), ui_build, "no-cache");
}

void
h_page_setup(struct req *req)
{
	serve(req, find("setup.html"), ui_build, "no-cache");
}

/* Whether a path and query may be carried to the sign-in and back: what
 * could lead elsewhere, or be read as more than a path, may not. */
static bool
next_safe(struct slice s)
{
	size_t i;

	if (s.n == 0 || s.p[0] != '/' || (s.n > 1 && s.p[1] == '/'))
		return false;
	for (i = 0; i < s.n; i++) {
		if (!isalnum((unsigned char)s.p[i]) &&
		    memchr("/_.%-", s.p[i], 5) == NULL)
			return false;
	}
	return true;
}

void
h_page_guarded(struct req *req)
{
	struct slice target = req->h.target;

	if (req->who != NULL) {
		h_page(req);
		return;
	}
	if (!next_safe(target))
		target = slice_of("/dashboard");
	req_header(req, "Cache-Control", "no-store");
	req_header(req, "Location", arena_printf(req->arena,
	    "/login?next=%.*s", (int)target.n, target.p));
	req_empty(req, 307);
}

/* One of the pages below a path, by the last parameter. */
static void
below(struct req *req, size_t param, const char *const *names)
{
	const char *name;

	if ((name = req_param(req, param)) == NULL)
		return;
	for (; *names != NULL; names++) {
		if (strcmp(*names, name) == 0) {
			h_page_guarded(req);
			return;
		}
	}
	req_fail(req, ERR_NOT_FOUND, NULL);
}

void
h_page_node(struct req *req)
{
	static const char *const tabs[] = { "now", "history", "config",
		"commands", "events", NULL };

	below(req, 1, tabs);
}

void
h_page_admin(struct req *req)
{
	static const char *const pages[] = { "nodes", "users", "tokens",
		"audit", "settings", NULL };

	below(req, 0, pages);
}

void
h_page_ai(struct req *req)
{
	static const char *const pages[] = { "assistant", "settings", NULL };

	below(req, 0, pages);
}

void
h_page_asset(struct req *req)
{
	const char *build, *name;
	const struct ui_asset *a;

	if ((build = req_param(req, 0)) == NULL ||
	    (name = req_param(req, 1)) == NULL)
		return;
	a = find(name);
	if (a == NULL || strcmp(build, ui_build) != 0 ||
	    strstr(name, ".html") != NULL)
		req_fail(req, ERR_NOT_FOUND, NULL);
	else
		serve(req, a, ui_build,
		    "public, max-age=31536000, immutable");
}

void
h_page_openapi(struct req *req)
{
	serve(req, &api_assets[0], api_build, "no-cache");
}
