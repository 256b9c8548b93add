/*
 * h_page: serves what ui_data.c and api_data.c hold. The page itself and
 * the description are asked for again each time; the page's files lie under
 * the build id and never change.
 */
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

static void
serve(struct req *req, const struct ui_asset *a, const char *build,
    const char *caching)
{
	bool gz = a->n > GZIP_MIN && a->ngz < a->n &&
	    gzip_accepted(http1_get(&req->h, "Accept-Encoding"));

	req_header(req, "Cache-Control", caching);
	if (req_etag(req, arena_printf(req->arena, "\"%s%s\"", build,
	    gz ? "-gz" : "")))
		return;
	if (gz) {
		req_header(req, "Content-Encoding", "gzip");
		req_header(req, "Vary", "Accept-Encoding");
	}
	req_body(req, 200, a->type, (struct slice){
	    (const char *)(gz ? a->gz : a->plain), gz ? a->ngz : a->n });
}

void
h_page(struct req *req)
{
	serve(req, find("index.html"), ui_build, "no-cache");
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
	    strcmp(name, "index.html") == 0)
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
