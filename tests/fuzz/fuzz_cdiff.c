/*
 * cdiff: nothing differs from itself; whatever differs is told under a path;
 * swapped sides tell as many; a masked text is valid and stays as it is,
 * and tells of its masks.
 */
#include <string.h>

#include "cdiff.h"
#include "fuzz.h"
#include "jscan.h"
#include "json.h"

struct told {
	size_t	n[3], drift;
};

static bool
count(void *arg, const struct cdiff_change *c)
{
	struct told *t = arg;

	HOLDS(c->path.n == 0 || c->path.p[0] == '/');
	HOLDS((c->a.p == NULL) == (c->kind == CDIFF_ADDED));
	HOLDS((c->b.p == NULL) == (c->kind == CDIFF_REMOVED));
	HOLDS(c->a.p == NULL || jscan_valid(c->a.p, c->a.n, NULL));
	HOLDS(c->b.p == NULL || jscan_valid(c->b.p, c->b.n, NULL));
	t->n[c->kind]++;
	return true;
}

static bool
drifts(void *arg, const struct cdiff_change *c)
{
	HOLDS(c->kind != CDIFF_ADDED || c->element);
	++*(size_t *)arg;
	return true;
}

static struct slice
all(struct buf *b)
{
	return (struct slice){ (const char *)buf_head(b), buf_used(b) };
}

static void
check_mask(struct slice text)
{
	struct buf once = BUF_INIT, twice = BUF_INIT, at = BUF_INIT;

	cdiff_mask(text, &once);
	HOLDS(jscan_valid((const char *)buf_head(&once), buf_used(&once),
	    NULL));
	cdiff_mask(all(&once), &twice);
	HOLDS(slice_same(all(&once), all(&twice)));
	HOLDS(cdiff_masked(all(&once), &at) || slice_same(all(&once), text));
	HOLDS(buf_used(&at) == 0 || *buf_head(&at) == '/');
	buf_free(&at);
	buf_free(&once);
	buf_free(&twice);
}

static void
check(struct slice a, struct slice b)
{
	struct told there = { { 0 }, 0 }, back = there, self = there;
	size_t drift = 0;

	HOLDS(cdiff(a, b, count, &there));
	HOLDS(cdiff(b, a, count, &back));
	HOLDS(there.n[CDIFF_ADDED] == back.n[CDIFF_REMOVED]);
	HOLDS(there.n[CDIFF_REMOVED] == back.n[CDIFF_ADDED]);
	HOLDS(there.n[CDIFF_CHANGED] == back.n[CDIFF_CHANGED]);
	HOLDS(cdiff_drift(a, b, drifts, &drift));
	HOLDS(drift <= there.n[0] + there.n[1] + there.n[2]);
	HOLDS(cdiff(a, a, count, &self));
	HOLDS(self.n[0] + self.n[1] + self.n[2] == 0);
	check_mask(a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *cut = size == 0 ? NULL : memchr(data, '\n', size);
	struct buf a = BUF_INIT, b = BUF_INIT;
	size_t n = cut == NULL ? size : (size_t)(cut - data);

	if (cut != NULL && json_canonical((const char *)data, n, &a) == 0 &&
	    json_canonical((const char *)cut + 1, size - n - 1, &b) == 0)
		check(all(&a), all(&b));
	buf_free(&a);
	buf_free(&b);
	return 0;
}
