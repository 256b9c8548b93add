/*
 * body: what a request brought, against its row: media type, JSON, the
 * row's schema. Pure but for the request's arena.
 */
#ifndef APID_BODY_H
#define APID_BODY_H

#include <stdbool.h>

#include "err.h"
#include "json.h"
#include "str.h"

#define BODY_IGNORED_MAX 65536	/* of a row that takes none */

struct req;

/* Whether an Accept field (p NULL: none) lets JSON be the answer. */
bool body_json_wanted(struct slice accept);
/* "application/json" or "application/<x>+json", parameters ignored. */
bool body_is_json(struct slice content_type);
/* Fills req->body from req->raw: ERR_OK, ERR_MEDIA_TYPE, ERR_BAD_JSON or
 * ERR_INVALID with faults. */
enum err body_decode(struct req *, struct json_faults *);

#endif
