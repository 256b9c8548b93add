/* body: from bytes to the struct that the handler's row names. */
#include <string.h>
#include <strings.h>

#include "body.h"
#include "req.h"

bool
body_is_json(struct slice type)
{
	static const char prefix[] = "application/";
	size_t n;

	for (n = 0; n < type.n && type.p[n] != ';' && type.p[n] != ' ' &&
	    type.p[n] != '\t'; n++)
		;
	type.n = n;
	n = sizeof(prefix) - 1;
	if (type.n < n + 4 || strncasecmp(type.p, prefix, n) != 0)
		return false;
	if (strncasecmp(type.p + type.n - 4, "json", 4) != 0)
		return false;
	return type.n == n + 4 ||
	    (type.n > n + 5 && type.p[type.n - 5] == '+');
}

/* "q=0", "q=0.000": not at all (RFC 9110 12.4.2). */
static bool
refused(struct slice params)
{
	struct slice part;

	while (slice_cut(&params, ';', &part)) {
		part = slice_trim(part);
		if (part.n >= 3 && strncasecmp(part.p, "q=", 2) == 0)
			return strspn(part.p + 2, "0.") >= part.n - 2;
	}
	return false;
}

bool
body_json_wanted(struct slice list)
{
	struct slice item, type;
	bool any = slice_trim(list).n == 0;

	while (!any && slice_cut(&list, ',', &item)) {
		slice_cut(&item, ';', &type);
		type = slice_trim(type);
		any = (slice_eq(type, "*/*") || slice_ieq(type,
		    "application/*") || body_is_json(type)) && !refused(item);
	}
	return any;
}

enum err
body_decode(struct req *r, struct json_faults *faults)
{
	const struct route *row = r->route;

	if (row->schema == NULL)
		return ERR_OK;
	if (r->raw.n == 0 && (row->flags & ROUTE_EMPTY)) {
		r->body = arena_calloc(r->arena, *row->size);
		return ERR_OK;
	}
	if (!body_is_json(http1_get(&r->h, "Content-Type")))
		return ERR_MEDIA_TYPE;
	r->body = arena_calloc(r->arena, *row->size);
	return json_decode(r->arena, row->schema, r->raw.p, r->raw.n,
	    r->body, faults);
}
