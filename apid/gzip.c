/* gzip: response bodies, RFC 1952 by zlib. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "gzip.h"
#include "log.h"
#include "xmalloc.h"

struct gzip {
	z_stream z;
};

struct gzip *
gzip_new(void)
{
	struct gzip *g = xcalloc(1, sizeof(*g));

	/* 15 + 16: a gzip wrapper; level 3 has most of the gain at a third
	 * of the default's time on the JSON that we send. */
	if (deflateInit2(&g->z, 3, Z_DEFLATED, 15 + 16, 8,
	    Z_DEFAULT_STRATEGY) != Z_OK)
		fatal("gzip: no compressor");
	return g;
}

void
gzip_free(struct gzip *g)
{
	if (g == NULL)
		return;
	deflateEnd(&g->z);
	free(g);
}

bool
gzip_put(struct gzip *g, struct slice in, struct buf *out)
{
	uint8_t *dst;

	if (in.n > UINT32_MAX / 2)
		return false;
	dst = buf_reserve(out, in.n);
	if (deflateReset(&g->z) != Z_OK)
		return false;
	g->z.next_in = (Bytef *)(uintptr_t)in.p;
	g->z.avail_in = (uInt)in.n;
	g->z.next_out = dst;
	g->z.avail_out = (uInt)in.n;
	if (deflate(&g->z, Z_FINISH) != Z_STREAM_END)
		return false;		/* no room: it did not shrink */
	buf_commit(out, in.n - g->z.avail_out);
	return true;
}

static struct slice
trim(struct slice s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* ";q=0", ";q=0.000": refused; anything else: taken. */
static bool
weight_is_zero(struct slice s)
{
	size_t i;

	if (s.n < 3 || (s.p[0] | 0x20) != 'q' || s.p[1] != '=' ||
	    s.p[2] != '0')
		return false;
	for (i = 3; i < s.n; i++)
		if (s.p[i] != '.' && s.p[i] != '0')
			return false;
	return true;
}

bool
gzip_accepted(struct slice list, const char *coding)
{
	bool any = false, zero;
	struct slice item, name;
	const char *end;

	while (list.n > 0) {
		end = memchr(list.p, ',', list.n);
		item.p = list.p;
		item.n = end != NULL ? (size_t)(end - list.p) : list.n;
		list.p += item.n + (end != NULL);
		list.n -= item.n + (end != NULL);
		end = memchr(item.p, ';', item.n);
		name = item;
		zero = false;
		if (end != NULL) {
			name.n = (size_t)(end - item.p);
			zero = weight_is_zero(trim((struct slice){ end + 1,
			    item.n - name.n - 1 }));
		}
		name = trim(name);
		if (name.n == strlen(coding) &&
		    strncasecmp(name.p, coding, name.n) == 0)
			return !zero;
		if (name.n == 1 && name.p[0] == '*')
			any = !zero;
	}
	return any;
}
