/*
 * h_settings: the six settings. Everything is checked before anything is
 * written, and all of it is written by one statement.
 */
#include <stddef.h>

#include "apid.h"
#include "arg.h"
#include "buf.h"
#include "db.h"
#include "h_settings.h"
#include "json.h"
#include "req.h"
#include "settings.h"
#include "stmt.h"
#include "xmalloc.h"

struct body { struct slice settings; };

static const struct json_field fields[] = {
	{ .name = "settings", .type = JSON_OBJECT, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct body, settings) },
};
const struct json_schema h_settings_body =
    { fields, nitems(fields), .open = true };
const size_t h_settings_size = sizeof(struct body);

struct values {
	int64_t			v[SETTING__MAX];
	struct json_state	has[SETTING__MAX];
};

/* NULL is no value: a setting cannot be cleared. */
#define ROW(i, key, low, high) { .name = key, .type = JSON_INT, \
    .flags = JSON_NULLABLE, .offset = offsetof(struct values, v) + \
    (i) * sizeof(int64_t), .state = offsetof(struct values, has) + \
    (i) * sizeof(struct json_state), .min = low, .max = high }

static const struct json_field keys[SETTING__MAX] = {
	ROW(0, "events_retention_days", 1, 365),
	ROW(1, "ws_keepalive_interval_secs", 1, 300),
	ROW(2, "session_lifetime_hours", 1, 720),
	ROW(3, "max_login_attempts", 1, 100),
	ROW(4, "node_offline_threshold_secs", 5, 3600),
	ROW(5, "stats_broadcast_interval_ms", 100, 60000),
};
static const struct json_schema map = { keys, nitems(keys), .open = false };

/* False: answered with a pointer for every key that is wrong. */
static bool
values_get(struct req *req, struct values *v)
{
	const struct body *b = req->body;
	struct json_faults f = { .n = 0 };
	enum err err;
	size_t i;

	err = json_decode(req->arena, &map, b->settings.p, b->settings.n, v,
	    &f);
	for (i = 0; i < f.n; i++)
		f.v[i].pointer = arena_printf(req->arena, "/settings%s",
		    f.v[i].pointer);
	for (i = 0; i < nitems(keys) && f.n < JSON_FAULTS; i++)
		if (v->has[i].null)
			f.v[f.n++] = (struct json_fault){
			    arena_printf(req->arena, "/settings/%s",
			    keys[i].name), "must not be null" };
	if (f.n == 0)
		return true;
	req_faults(req, err != ERR_OK ? err : ERR_INVALID, &f);
	return false;
}

/* Columns: json, version. */
static void
answer(struct req *req, const struct db_result *res)
{
	req_etag_version(req, db_i64(res, 0, 1));
	req_json_db(req, 200, res, 0, 0);
}

void
h_settings_get(struct req *req)
{
	req_db(req, STMT_SETTINGS_GET, NULL, 0, answer);
}

static void
changed(struct req *req, const struct db_result *res)
{
	if (db_rows(res) == 0) {
		req_fail(req, ERR_PRECONDITION, NULL);
		return;
	}
	settings_poll(req->apid->settings);
	req_etag_version(req, db_i64(res, 0, 0));
	req_empty(req, 200);
}

void
h_settings_put(struct req *req)
{
	struct buf names = BUF_INIT, numbers = BUF_INIT;
	struct values v = { .has[0].null = false };
	struct db_arg if_match;
	size_t i;

	if (!values_get(req, &v) || !arg_if_match(req, &if_match))
		return;
	db_array_begin(&names);
	db_array_begin(&numbers);
	for (i = 0; i < nitems(keys); i++) {
		if (!v.has[i].present)
			continue;
		db_array_text(&names, slice_of(keys[i].name));
		db_array_i64(&numbers, v.v[i]);
	}
	db_array_end(&names);
	db_array_end(&numbers);
	const struct db_arg args[] = { db_str(buf_cstr(&names)),
	    db_str(buf_cstr(&numbers)), if_match, arg_address(req),
	    db_str(req->id) };

	req_db(req, STMT_SETTINGS_PUT, args, nitems(args), changed);
	buf_free(&names);
	buf_free(&numbers);
}
