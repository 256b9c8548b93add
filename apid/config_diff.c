/*
 * config_diff: see config_diff.h. A credential never leaves in a difference,
 * only whether it changed.
 */
#include <stdbool.h>

#include "apid.h"
#include "cdiff.h"
#include "config_diff.h"
#include "json.h"
#include "req.h"
#include "secret.h"

#define CHANGES_MAX	1000
#define FINGERPRINT	16	/* hex digits of a credential's keyed hash */

struct writer {
	const struct secret_key	*key;
	struct json_w		*w;
	size_t			 n;
};

static void
put_value(struct writer *d, const char *name, struct slice value,
    bool secret)
{
	uint8_t hash[SECRET_HASH];
	char hex[2 * SECRET_HASH + 1];
	struct buf masked = BUF_INIT;

	json_w_key(d->w, name);
	if (value.p == NULL)
		json_w_null(d->w);
	else if (secret) {
		secret_hash(d->key, "config-secret", value.p, value.n, hash);
		str_hex(hex, hash, FINGERPRINT / 2);
		json_w_object(d->w);
		json_w_key(d->w, "masked");
		json_w_str(d->w, hex);
		json_w_end_object(d->w);
	} else {
		cdiff_mask(value, &masked);
		json_w_raw(d->w, buf_slice(&masked));
	}
	buf_free(&masked);
}

static bool
put_change(void *arg, const struct cdiff_change *c)
{
	static const char *const kinds[] = { "added", "removed", "changed" };
	struct buf path = BUF_INIT;
	struct writer *d = arg;

	if (d->n++ >= CHANGES_MAX)
		return false;
	buf_putc(&path, '"');
	buf_put(&path, c->path.p, c->path.n);
	buf_putc(&path, '"');
	json_w_object(d->w);
	json_w_key(d->w, "kind");
	json_w_str(d->w, kinds[c->kind]);
	json_w_key(d->w, "path");
	json_w_raw(d->w, buf_slice(&path));
	json_w_key(d->w, "secret");
	json_w_bool(d->w, c->secret);
	put_value(d, "a", c->a, c->secret);
	put_value(d, "b", c->b, c->secret);
	json_w_end_object(d->w);
	buf_free(&path);
	return true;
}

void
config_diff(struct req *req, struct slice a, struct slice b)
{
	struct buf out = BUF_INIT;
	struct json_w w;
	struct writer d = { req->apid->key, &w, 0 };
	bool whole;

	json_w_init(&w, &out);
	json_w_object(&w);
	json_w_key(&w, "changes");
	json_w_array(&w);
	whole = cdiff(a, b, put_change, &d);
	json_w_end_array(&w);
	json_w_key(&w, "equal");
	json_w_bool(&w, d.n == 0);
	json_w_key(&w, "truncated");
	json_w_bool(&w, !whole);
	json_w_end_object(&w);
	req_json(req, 200, buf_slice(&out));
	buf_free(&out);
}
