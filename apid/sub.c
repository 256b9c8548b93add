/*
 * sub: see sub.h. The object is decoded by a field table, the lists by
 * walking them: a member that is not known is an error, because ignoring it
 * would give another answer than was asked for.
 */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "jscan.h"
#include "json.h"
#include "sub.h"
#include "xmalloc.h"

#define SEQ_MAX		((int64_t)1 << 53)

static const struct { const char *name; enum sub_topic topic; } topics[] = {
	{ "status", SUB_STATUS }, { "stats", SUB_STATS },
	{ "health", SUB_HEALTH }, { "events", SUB_EVENTS },
	{ "alarms", SUB_ALARMS }, { "commands", SUB_COMMANDS },
};

struct words {
	struct slice		type, topics, nodes, stats, resume;
	struct json_state	has_topics, has_nodes, has_stats, has_resume;
};


static const char *const types[] = { "subscribe", "unsubscribe", NULL };
static const struct json_field fields[] = {
	{ .name = "type", .type = JSON_ENUM, .flags = JSON_REQUIRED,
	  .names = types, .offset = offsetof(struct words, type) },
	{ .name = "topics", .type = JSON_ANY,
	  .offset = offsetof(struct words, topics),
	  .state = offsetof(struct words, has_topics) },
	{ .name = "nodes", .type = JSON_ANY,
	  .offset = offsetof(struct words, nodes),
	  .state = offsetof(struct words, has_nodes) },
	{ .name = "stats", .type = JSON_ANY,
	  .offset = offsetof(struct words, stats),
	  .state = offsetof(struct words, has_stats) },
	{ .name = "resume", .type = JSON_OBJECT,
	  .offset = offsetof(struct words, resume),
	  .state = offsetof(struct words, has_resume) },
};
static const struct json_schema schema = { fields, nitems(fields),
    .open = false };

struct from {
	struct slice		epoch;
	int64_t			seq, news;
	struct json_state	has_news;
};

static const struct json_field from_fields[] = {
	{ .name = "epoch", .type = JSON_STRING, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct from, epoch) },
	{ .name = "seq", .type = JSON_INT, .flags = JSON_REQUIRED,
	  .max = SEQ_MAX, .offset = offsetof(struct from, seq) },
	{ .name = "news", .type = JSON_INT, .max = SEQ_MAX,
	  .offset = offsetof(struct from, news),
	  .state = offsetof(struct from, has_news) },
};
static const struct json_schema from_schema = { from_fields,
    nitems(from_fields), .open = false };

/* ---- lists of nodes ---- */

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct id));
}

bool
sub_ids_have(const struct sub_ids *l, const struct id *id)
{
	return l->all || (l->n > 0 && bsearch(id, l->v, l->n, sizeof(*l->v),
	    compare) != NULL);
}

static void
copy(struct sub_ids *dst, const struct sub_ids *src)
{
	*dst = *src;
	dst->v = src->n > 0 ? xmemdup(src->v, src->n * sizeof(*src->v)) :
	    NULL;
}

void
sub_ids_both(struct sub_ids *dst, const struct sub_ids *a,
    const struct sub_ids *b)
{
	const struct sub_ids *few = a->all || (!b->all && b->n < a->n) ?
	    b : a, *many = few == a ? b : a;
	size_t i, n = 0;

	copy(dst, few);
	for (i = 0; i < few->n; i++)
		if (sub_ids_have(many, &few->v[i]))
			dst->v[n++] = few->v[i];
	dst->n = n;
}

bool
sub_ids_same(const struct sub_ids *a, const struct sub_ids *b)
{
	return a->all == b->all && a->n == b->n && (a->n == 0 ||
	    memcmp(a->v, b->v, a->n * sizeof(*a->v)) == 0);
}

static void
sort(struct sub_ids *l)
{
	size_t i, n = 0;

	if (l->n == 0)
		return;
	qsort(l->v, l->n, sizeof(*l->v), compare);
	for (i = 1; i < l->n; i++)
		if (!id_eq(&l->v[i], &l->v[n]))
			l->v[++n] = l->v[i];
	l->n = n + 1;
}

/* ---- reading ---- */

struct fault { struct buf *where, *why; };

static bool
bad(const struct fault *f, const char *where, const char *why)
{
	buf_puts(f->where, where);
	buf_puts(f->why, why);
	return false;
}

static bool
bad_at(const struct fault *f, const char *where, size_t i, const char *why)
{
	buf_printf(f->where, "%s/%zu", where, i);
	buf_puts(f->why, why);
	return false;
}

/* [ids], of a text that is known to be JSON. */
static bool
get_ids(struct slice raw, const char *where, const char *rule,
    struct sub_ids *out, const struct fault *f)
{
	struct jscan js;
	enum jscan_tok t;

	if (raw.p[0] != '[')
		return bad(f, where, rule);
	out->v = xcalloc(SUB_IDS_MAX, sizeof(*out->v));
	jscan_init(&js, raw.p, raw.n);
	(void)jscan_next(&js);
	while ((t = jscan_next(&js)) != JSCAN_ARRAY_END) {
		if (out->n == SUB_IDS_MAX)
			return bad(f, where, "must have at most 1000 items");
		if (t != JSCAN_STRING ||
		    id_parse(&out->v[out->n], js.text) == -1)
			return bad_at(f, where, out->n, "must be a UUID");
		out->n++;
	}
	sort(out);
	return true;
}

static bool
get_nodes(const struct words *w, struct sub *sub, const struct fault *f)
{
	if (!w->has_nodes.present || slice_eq(w->nodes, "\"all\"")) {
		sub->nodes.all = true;
		return true;
	}
	return get_ids(w->nodes, "/nodes", "must be \"all\" or an array of "
	    "node ids", &sub->nodes, f);
}

static bool
get_stats(const struct words *w, struct sub *sub, const struct fault *f)
{
	if (!w->has_stats.present || slice_eq(w->stats, "\"full\"")) {
		sub->full.all = (sub->topics & SUB_STATS) != 0;
	} else if (slice_eq(w->stats, "\"numbers\"")) {
		sub->full.all = false;
	} else if (!get_ids(w->stats, "/stats", "must be \"full\", "
	    "\"numbers\" or an array of node ids", &sub->full, f)) {
		return false;
	}
	if (w->has_stats.present && (sub->topics & SUB_STATS) == 0)
		return bad(f, "/stats", "goes with the topic \"stats\" only");
	return true;
}

static unsigned
topic(struct slice name)
{
	size_t i;

	for (i = 0; i < nitems(topics); i++)
		if (slice_eq(name, topics[i].name))
			return topics[i].topic;
	return 0;
}

static bool
get_topics(const struct words *w, struct sub *sub, const struct fault *f)
{
	struct jscan js;
	enum jscan_tok t;
	unsigned one;
	size_t i = 0;

	if (!w->has_topics.present)
		return bad(f, "/topics", "is required");
	if (w->topics.p[0] != '[')
		return bad(f, "/topics", "must be an array");
	jscan_init(&js, w->topics.p, w->topics.n);
	(void)jscan_next(&js);
	while ((t = jscan_next(&js)) != JSCAN_ARRAY_END) {
		one = t == JSCAN_STRING ? topic(js.text) : 0;
		if (one == 0)
			return bad_at(f, "/topics", i, "must be one of "
			    "status, stats, health, events, alarms, commands");
		if ((sub->topics & one) != 0)
			return bad_at(f, "/topics", i, "is there already");
		sub->topics |= one;
		i++;
	}
	return sub->topics != 0 ? true :
	    bad(f, "/topics", "must name at least one topic");
}

static void
first(const struct json_faults *faults, const char *prefix,
    const struct fault *f)
{
	buf_printf(f->where, "%s%s", prefix, faults->n == 0 ||
	    faults->v[0].pointer == NULL ? "" : faults->v[0].pointer);
	buf_puts(f->why, faults->n == 0 ? "must be valid JSON" :
	    faults->v[0].detail);
}

static bool
get_resume(struct arena *a, const struct words *w, struct sub *sub,
    const struct fault *f)
{
	struct json_faults faults = { .n = 0 };
	struct from from = { .seq = 0 };

	if (!w->has_resume.present)
		return true;
	if (json_decode(a, &from_schema, w->resume.p, w->resume.n, &from,
	    &faults) != ERR_OK) {
		first(&faults, "/resume", f);
		return false;
	}
	if (from.epoch.n != SUB_EPOCH)
		return bad(f, "/resume/epoch", "must be the 16 characters "
		    "that came with the last message");
	sub->resume = true;
	memcpy(sub->epoch, from.epoch.p, SUB_EPOCH);
	sub->seq = (uint64_t)from.seq;
	sub->has_news = from.has_news.present;
	sub->news = (uint64_t)from.news;
	return true;
}

static enum sub_what
parse(struct arena *a, struct slice text, struct sub *sub,
    const struct fault *f)
{
	struct json_faults faults = { .n = 0 };
	struct words w;

	memset(&w, 0, sizeof(w));
	if (json_decode(a, &schema, text.p, text.n, &w, &faults) != ERR_OK) {
		first(&faults, "", f);
		return SUB_BAD;
	}
	if (slice_eq(w.type, "unsubscribe")) {
		if (!w.has_topics.present && !w.has_nodes.present &&
		    !w.has_stats.present && !w.has_resume.present)
			return SUB_UNSUBSCRIBE;
		(void)bad(f, "", "unsubscribe has no other member");
		return SUB_BAD;
	}
	return get_topics(&w, sub, f) && get_nodes(&w, sub, f) &&
	    get_stats(&w, sub, f) && get_resume(a, &w, sub, f) ?
	    SUB_SUBSCRIBE : SUB_BAD;
}

enum sub_what
sub_parse(const char *p, size_t n, struct sub *sub, struct buf *where_r,
    struct buf *why_r)
{
	const struct fault f = { where_r, why_r };
	struct arena *a = arena_new(0);
	enum sub_what what;

	memset(sub, 0, sizeof(*sub));
	what = parse(a, (struct slice){ p, n }, sub, &f);
	if (what == SUB_BAD)
		sub_free(sub);
	arena_free(a);
	return what;
}

void
sub_free(struct sub *sub)
{
	free(sub->nodes.v);
	free(sub->full.v);
	memset(sub, 0, sizeof(*sub));
}

void
sub_put_topics(struct buf *b, unsigned which)
{
	const char *sep = "";
	size_t i;

	buf_putc(b, '[');
	for (i = 0; i < nitems(topics); i++) {
		if ((which & topics[i].topic) == 0)
			continue;
		buf_printf(b, "%s\"%s\"", sep, topics[i].name);
		sep = ",";
	}
	buf_putc(b, ']');
}
