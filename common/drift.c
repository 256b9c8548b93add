/* drift: see drift.h. */
#include <string.h>

#include "cdiff.h"
#include "drift.h"
#include "xmalloc.h"

struct finder {
	struct drift	*d;
	struct buf	 sum;
};

static bool
found(void *arg, const struct cdiff_change *c)
{
	struct finder *f = arg;
	enum drift_kind kind = c->kind == CDIFF_ADDED ? DRIFT_EXTRA :
	    c->kind == CDIFF_REMOVED ? DRIFT_MISSING : DRIFT_CHANGED;
	struct buf *b = &f->d->paths[kind];

	if (f->d->n[kind]++ < DRIFT_PATHS) {
		buf_puts(b, buf_used(b) == 0 ? "\"" : ",\"");
		buf_put(b, c->path.p, c->path.n);
		buf_putc(b, '"');
	}
	buf_putc(&f->sum, (char)('0' + kind));
	buf_put(&f->sum, c->path.p, c->path.n);
	buf_putc(&f->sum, '\0');
	buf_put_u64(&f->sum, c->b.n);
	buf_put(&f->sum, c->b.p, c->b.n);
	return true;
}

int
drift_find(const struct secret_key *key, struct slice desired,
    struct slice reported, struct drift *d)
{
	struct finder f = { d, BUF_INIT };
	struct buf a = BUF_INIT, b = BUF_INIT;
	int rc = -1;

	memset(d, 0, sizeof(*d));
	if (json_canonical(desired.p, desired.n, &a) == 0 &&
	    json_canonical(reported.p, reported.n, &b) == 0) {
		(void)cdiff_drift(buf_slice(&a), buf_slice(&b), found, &f);
		secret_hash(key, "drift", buf_head(&f.sum), buf_used(&f.sum),
		    d->hash);
		rc = 0;
	}
	secret_buf_free(&a);
	secret_buf_free(&b);
	secret_buf_free(&f.sum);
	return rc;
}

void
drift_free(struct drift *d)
{
	size_t i;

	for (i = 0; i < DRIFT__KINDS; i++)
		buf_free(&d->paths[i]);
}

size_t
drift_count(const struct drift *d)
{
	return d->n[DRIFT_EXTRA] + d->n[DRIFT_MISSING] + d->n[DRIFT_CHANGED];
}

void
drift_json(const struct drift *d, struct json_w *w)
{
	static const struct {
		const char	*name;
		enum drift_kind	 kind;
	} lists[] = {
		{ "missing", DRIFT_MISSING }, { "extra", DRIFT_EXTRA },
		{ "changed", DRIFT_CHANGED },
	};
	size_t i;

	for (i = 0; i < nitems(lists); i++) {
		const struct buf *b = &d->paths[lists[i].kind];

		json_w_key(w, lists[i].name);
		json_w_array(w);
		if (buf_used(b) > 0)
			json_w_raw(w, (struct slice){ (const char *)b->data +
			    b->off, buf_used(b) });
		json_w_end_array(w);
	}
}
