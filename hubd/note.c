/* note: builds events. Owns nothing: a note is one allocation. */
#include <stdlib.h>
#include <string.h>

#include "jscan.h"
#include "valid.h"
#include "xmalloc.h"

#include "node.h"
#include "note.h"

#define MESSAGE_MAX	10000	/* bytes, contract 2.5 */
#define CATEGORY_MAX	256
#define FLOW_MAX	1024
#define RAW_MAX		32
#define DETAILS_MAX	(256 * 1024)
#define ESCAPE_MAX	12	/* a surrogate pair */

static const struct {
	const char		*name;
	enum note_severity	 severity;
} severities[] = {
	{ "info", NOTE_INFO },
	{ "minor", NOTE_WARNING },
	{ "warning", NOTE_WARNING },
	{ "major", NOTE_CRITICAL },
	{ "critical", NOTE_CRITICAL },
};

const char *
note_severity(enum note_severity s)
{
	static const char *const names[] = {
		[NOTE_INFO] = "info", [NOTE_WARNING] = "warning",
		[NOTE_CRITICAL] = "critical",
	};

	return names[s];
}

struct slice
note_cut(struct slice s, size_t max)
{
	int i;

	if (s.n > max) {
		s.n = max;
		while (s.n > 0 && ((uint8_t)s.p[s.n] & 0xc0) == 0x80)
			s.n--;
	}
	/* A cut in front of unescaping may have left half a character. */
	for (i = 0; i < 3 && s.n > 0 && !valid_utf8(s.p, s.n); i++)
		s.n--;
	return valid_utf8(s.p, s.n) ? s : (struct slice){ s.p, 0 };
}

void
note_plain(struct buf *out, struct slice raw, size_t max)
{
	size_t most = max * 6, back;
	struct slice cut = raw, text;
	uint8_t *p;
	long n = -1;

	if (raw.p == NULL || raw.n == 0)
		return;
	if (cut.n > most)
		cut.n = most;
	p = buf_reserve(out, cut.n + 1);
	/* The cut must not split an escape: step back over the longest. */
	for (back = 0; back <= ESCAPE_MAX && n < 0 && cut.n > 0; back++) {
		n = jscan_unescape((char *)p, cut.n, cut);
		if (n < 0)
			cut.n--;
	}
	if (n <= 0)
		return;
	text = note_cut((struct slice){ (const char *)p, (size_t)n }, max);
	buf_commit(out, text.n);
}

/* Copies the texts behind the struct; the slices are offsets until then. */
static struct note *
note_make(const struct note *from)
{
	const struct slice *const in[] = { &from->name, &from->raw,
	    &from->category, &from->message, &from->details, &from->flow };
	size_t total = 0, i;
	struct note *n;
	char *p;

	for (i = 0; i < nitems(in); i++)
		total += in[i]->n;
	n = xmalloc(sizeof(*n) + total);
	*n = *from;
	p = n->text;
	{
		struct slice *const out[] = { &n->name, &n->raw,
		    &n->category, &n->message, &n->details, &n->flow };

		for (i = 0; i < nitems(out); i++) {
			if (in[i]->p == NULL)
				continue;
			memcpy(p, in[i]->p, in[i]->n);
			out[i]->p = p;
			p += in[i]->n;
		}
	}
	return n;
}

struct note *
note_new(const struct note_text *t)
{
	struct note n = {
		.at = wall_now(), .node = t->node, .severity = t->severity,
		.name = note_cut(slice_of(t->name), 128),
		.category = slice_of(t->category),
		.message = note_cut(slice_of(t->message), MESSAGE_MAX),
		.details = slice_of(t->details),
	};

	return note_make(&n);
}

static enum note_severity
note_severity_of(struct slice raw)
{
	size_t i;

	for (i = 0; i < nitems(severities); i++)
		if (slice_ieq(raw, severities[i].name))
			return severities[i].severity;
	return NOTE_INFO;
}

static struct slice
note_span(struct buf *b, struct slice raw, size_t max)
{
	size_t at = buf_used(b);

	note_plain(b, raw, max);
	/* Offsets for now: the buffer may still move. */
	return (struct slice){ NULL, buf_used(b) - at };
}

struct note *
note_event(const struct node *node, wall_us at, const struct frame_event *e)
{
	struct buf b = BUF_INIT;
	struct note n = { .at = at, .node = node->id,
	    .name = slice_of(node->name), .boot = node->boot,
	    .seq = node->numbers ? e->seq : 0 }, *out;
	const char *p;

	n.raw = note_span(&b, e->severity, RAW_MAX);
	n.category = note_span(&b, e->category, CATEGORY_MAX);
	n.message = note_span(&b, e->message, MESSAGE_MAX);
	n.flow = note_span(&b, e->flow_id, FLOW_MAX);
	p = buf_cstr(&b);
	n.raw.p = n.raw.n > 0 ? p : NULL;
	p += n.raw.n;
	n.category = n.category.n > 0 ? (struct slice){ p, n.category.n } :
	    SLICE("unknown");
	p += p == n.category.p ? n.category.n : 0;
	n.message = n.message.n > 0 ? (struct slice){ p, n.message.n } :
	    SLICE("(no message)");
	p += p == n.message.p ? n.message.n : 0;
	n.flow.p = n.flow.n > 0 ? p : NULL;
	n.severity = note_severity_of(n.raw);
	n.details = e->details;
	if (n.details.n > DETAILS_MAX)
		n.details = SLICE("{\"truncated\":true}");
	else if (slice_eq(n.details, "null"))
		n.details = (struct slice){ NULL, 0 };
	out = note_make(&n);
	buf_free(&b);
	return out;
}

size_t
note_bytes(const struct note *n)
{
	return sizeof(*n) + n->name.n + n->raw.n + n->category.n +
	    n->message.n + n->details.n + n->flow.n;
}
