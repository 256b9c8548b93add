/*
 * ai_redact: see ai_redact.h. One walk over the tokens copies a document
 * and hands each text, with the name that it goes by, to what the walk is
 * for.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ai_redact.h"
#include "jscan.h"
#include "json.h"
#include "secret.h"
#include "xmalloc.h"

#define ENTRIES_MAX	4096
#define KNOWN_MIN	6	/* shorter ones are words */
#define HEX_MIN		32
#define OPEN		"{{credential-"
#define CLOSE		"}}"
#define MASK		"***"
#define MARK_MAX	40

struct entry {
	char	*name;		/* of its member; of a URL's: NULL */
	char	*origin;	/* of a URL: "scheme://host", redacted */
	char	*value;		/* a literal; of a URL the bare text */
	size_t	 n;
};

struct ai_redact {
	struct entry	*v;
	size_t		 n, cap;
};

struct ai_redact *
ai_redact_new(void)
{
	return xcalloc(1, sizeof(struct ai_redact));
}

void
ai_redact_free(struct ai_redact *r)
{
	size_t i;

	if (r == NULL)
		return;
	for (i = 0; i < r->n; i++) {
		secret_wipe(r->v[i].value, r->v[i].n);
		free(r->v[i].value);
		free(r->v[i].name);
		free(r->v[i].origin);
	}
	free(r->v);
	free(r);
}

size_t
ai_redact_count(const struct ai_redact *r)
{
	return r->n;
}

/* ---- names ---- */

static bool
has(struct slice s, const char *part)
{
	size_t n = strlen(part), i;

	for (i = 0; i + n <= s.n; i++)
		if (strncasecmp(s.p + i, part, n) == 0)
			return true;
	return false;
}

bool
ai_redact_name(struct slice name)
{
	static const char *const parts[] = { "passphrase", "password",
	    "passwd", "secret", "token", "psk", "credential", "bearer",
	    "apikey", "streamkey", "privatekey", "authoriz", "cookie" };
	static const char *const whole[] = { "pass", "pwd", "key", "keys",
	    "user", "username", "login", "auth", "stream_id", "streamid",
	    "tls_cert", "tls_key" };
	size_t i;

	for (i = 0; i < nitems(whole); i++)
		if (slice_ieq(name, whole[i]))
			return true;
	for (i = 0; i < nitems(parts); i++)
		if (has(name, parts[i]))
			return true;
	return name.n > 4 && strncasecmp(name.p + name.n - 4, "_key", 4) == 0;
}

/* ---- the table of placeholders ---- */

static bool
same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static char *
dup_slice(struct slice s)
{
	char *p = xmalloc(s.n + 1);

	memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

/* Its number, from 1; 0: the table is full. Takes name and origin. */
static size_t
enter(struct ai_redact *r, char *name, char *origin, struct slice value)
{
	struct entry *e;
	size_t i;

	for (i = 0; i < r->n; i++) {
		e = &r->v[i];
		if (e->n == value.n && memcmp(e->value, value.p, value.n) ==
		    0 && same(e->name, name) && same(e->origin, origin))
			break;
	}
	if (i < r->n || r->n == ENTRIES_MAX) {
		free(name);
		free(origin);
		return i < r->n ? i + 1 : 0;
	}
	if (r->n == r->cap) {
		r->cap = r->cap == 0 ? 32 : r->cap * 2;
		r->v = xreallocarray(r->v, r->cap, sizeof(*r->v));
	}
	r->v[r->n++] = (struct entry){ name, origin, dup_slice(value),
	    value.n };
	return r->n;
}

static void
put_mark(struct buf *b, size_t number)
{
	buf_printf(b, OPEN "%zu" CLOSE, number);
}

/* The placeholder that starts at p: its length, 0 if none does. */
static size_t
mark_at(const char *p, size_t n, size_t *number_r)
{
	size_t i = sizeof(OPEN) - 1, v = 0;

	if (n < i + 3 || memcmp(p, OPEN, i) != 0)
		return 0;
	for (; i < n && i < MARK_MAX && isdigit((unsigned char)p[i]); i++)
		v = v * 10 + (size_t)(p[i] - '0');
	if (i == sizeof(OPEN) - 1 || i + 2 > n || i >= MARK_MAX - 12 ||
	    memcmp(p + i, CLOSE, 2) != 0)
		return 0;
	*number_r = v;
	return i + 2;
}

/* ---- the walk ---- */

struct walk {
	struct ai_redact	*redact;	/* NULL: mask */
	const struct ai_redact	*known;
	struct buf		*out;
	bool			 failed;
	size_t			 left;
	/* value: raw, a string with its quotes. True: it wrote another. */
	bool (*value)(struct walk *, struct slice name, bool secret,
	    enum jscan_tok, struct slice raw);
};

struct level { struct slice name; bool secret; };

/* What goes by no name of its own goes by that of what holds it. */
static int
walk(struct walk *w, struct slice json)
{
	struct level level[JSCAN_DEPTH + 1] = { { { "", 0 }, false } };
	struct jscan js;
	const char *done = json.p;
	enum jscan_tok t;
	struct slice raw;
	unsigned d = 0;

	jscan_init(&js, json.p, json.n);
	while ((t = jscan_next(&js)) != JSCAN_END) {
		switch (t) {
		case JSCAN_BAD:
			return -1;
		case JSCAN_KEY:
			level[d].name = js.text;
			/* No honest writer spells a name with escapes. */
			level[d].secret = level[d - 1].secret ||
			    js.escaped || ai_redact_name(js.text);
			continue;
		case JSCAN_OBJECT:
		case JSCAN_ARRAY:
			level[d + 1] = level[d];
			d++;
			continue;
		case JSCAN_OBJECT_END:
		case JSCAN_ARRAY_END:
			d--;
			continue;
		default:
			break;
		}
		raw = js.text;
		if (t == JSCAN_STRING)
			raw = (struct slice){ raw.p - 1, raw.n + 2 };
		buf_put(w->out, done, (size_t)(raw.p - done));
		done = raw.p;
		if (w->value(w, level[d].name, level[d].secret, t, raw))
			done = raw.p + raw.n;
	}
	buf_put(w->out, done, (size_t)(json.p + json.n - done));
	return w->failed ? -1 : 0;
}

/* The unescaped text of a string literal; free() it. */
static struct slice
text_of(struct slice raw)
{
	char *p = xmalloc(raw.n + 1);
	long n = jscan_unescape(p, raw.n + 1, (struct slice){ raw.p + 1,
	    raw.n - 2 });

	return (struct slice){ p, n < 0 ? 0 : (size_t)n };
}

static void
wipe_text(struct slice s)
{
	secret_wipe((char *)(uintptr_t)s.p, s.n);
	free((char *)(uintptr_t)s.p);
}

static void
put_string(struct buf *out, struct buf *text)
{
	struct json_w w;

	json_w_init(&w, out);
	json_w_slice(&w, buf_slice(text));
}

static void
put_number(struct walk *w, struct buf *b, size_t number)
{
	if (number == 0)
		w->failed = true;
	put_mark(b, number);
}

/* ---- URLs in a text ---- */

struct url {
	struct slice scheme, user, host, path, query;	/* "" where none is */
	size_t	 end;
};

static bool
ends_url(char c)
{
	return (unsigned char)c <= ' ' || c == '"' || c == '\'' ||
	    c == '<' || c == '>' || c == '`';
}

/* The URL around "://" at position at of the text. */
static void
url_at(struct slice s, size_t at, struct url *u)
{
	size_t from = at, host = at + 3, end = host, q, i;

	while (from > 0 && (isalnum((unsigned char)s.p[from - 1]) ||
	    strchr("+-.", s.p[from - 1]) != NULL))
		from--;
	while (end < s.n && !ends_url(s.p[end]))
		end++;
	u->end = end;
	u->scheme = (struct slice){ s.p + from, host - from };
	for (i = host; i < end && strchr("/?#", s.p[i]) == NULL; i++)
		;
	u->user = (struct slice){ s.p + host, 0 };
	for (q = host; q < i; q++)
		if (s.p[q] == '@')
			u->user.n = q - host;
	if (u->user.n > 0)
		host += u->user.n + 1;
	u->host = (struct slice){ s.p + host, i - host };
	for (q = i; q < end && s.p[q] != '?' && s.p[q] != '#'; q++)
		;
	u->path = (struct slice){ s.p + i, q - i };
	u->query = (struct slice){ s.p + q, end - q };
}

static char *
url_origin(const struct url *u)
{
	return xasprintf("%.*s%.*s", (int)u->scheme.n, u->scheme.p,
	    (int)u->host.n, u->host.p);
}

/* Of a query what only says how to transport may be seen. */
static bool
query_plain(struct slice name)
{
	static const char *const plain[] = { "mode", "latency", "transtype",
	    "pkt_size", "ttl", "pbkeylen", "rcvlatency", "peerlatency",
	    "timeout", "localaddr", "localport" };
	size_t i;

	for (i = 0; i < nitems(plain); i++)
		if (slice_ieq(name, plain[i]))
			return true;
	return false;
}

static void
redact_part(struct walk *w, struct buf *b, const struct url *u,
    struct slice value)
{
	if (w->redact == NULL)
		buf_puts(b, MASK);
	else
		put_number(w, b, enter(w->redact, NULL, url_origin(u),
		    value));
}

static void
redact_query(struct walk *w, struct buf *b, const struct url *u)
{
	struct slice rest = u->query, item, name;
	const char *sep = "";

	if (rest.n == 0)
		return;
	buf_put(b, rest.p, 1);		/* '?' or '#' */
	rest.p++;
	rest.n--;
	while (slice_cut(&rest, '&', &item)) {
		buf_puts(b, sep);
		sep = "&";
		if (!slice_cut(&item, '=', &name))
			continue;
		if (item.p == NULL) {		/* it may be one itself */
			if (query_plain(name) || name.n == 0)
				buf_put(b, name.p, name.n);
			else
				redact_part(w, b, u, name);
			continue;
		}
		buf_put(b, name.p, name.n);
		buf_puts(b, "=");
		if (query_plain(name) || item.n == 0)
			buf_put(b, item.p, item.n);
		else
			redact_part(w, b, u, item);
	}
}

/* True: there was something in it, and out has the text without. */
static bool
redact_urls(struct walk *w, struct slice s, struct buf *out)
{
	size_t done = 0, i;
	bool any = false;
	struct url u;

	for (i = 0; i + 3 <= s.n; i++) {
		if (memcmp(s.p + i, "://", 3) != 0)
			continue;
		url_at(s, i, &u);
		if (u.user.n > 0 || u.query.n > 1) {
			any = true;
			buf_put(out, s.p + done, i + 3 - done);
			if (u.user.n > 0) {
				redact_part(w, out, &u, u.user);
				buf_puts(out, "@");
			}
			buf_put(out, u.host.p, u.host.n);
			buf_put(out, u.path.p, u.path.n);
			redact_query(w, out, &u);
			done = u.end;
		}
		i = u.end > i + 3 ? u.end - 1 : i + 2;
	}
	buf_put(out, s.p + done, s.n - done);
	return any;
}

/* ---- redacting ---- */

static bool
all_hex(struct slice s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (!isxdigit((unsigned char)s.p[i]))
			return false;
	return s.n >= HEX_MIN;
}

static bool
redact_value(struct walk *w, struct slice name, bool secret,
    enum jscan_tok t, struct slice raw)
{
	struct buf b = BUF_INIT;
	struct slice text;
	bool wrote;

	if (t != JSCAN_STRING && t != JSCAN_NUMBER)
		return false;
	if (t == JSCAN_STRING && raw.n == 2)
		return false;			/* the node keeps it */
	text = t == JSCAN_STRING ? text_of(raw) :
	    (struct slice){ dup_slice(raw), raw.n };
	wrote = secret || (t == JSCAN_STRING && (all_hex(text) ||
	    has(text, "-----")));
	if (wrote && w->redact == NULL)
		buf_puts(&b, MASK);
	else if (wrote)
		put_number(w, &b, enter(w->redact, dup_slice(name), NULL,
		    raw));
	else
		wrote = t == JSCAN_STRING && redact_urls(w, text, &b);
	if (wrote)
		put_string(w->out, &b);
	buf_free(&b);
	wipe_text(text);
	return wrote;
}

int
ai_redact_json(struct ai_redact *r, struct slice json, struct buf *out)
{
	struct walk w = { .redact = r, .out = out, .value = redact_value };

	return walk(&w, json);
}

int
ai_redact_mask(struct slice json, struct buf *out)
{
	struct walk w = { .out = out, .value = redact_value };

	return walk(&w, json);
}

/* ---- what is known, anywhere ---- */

/* The bare value of an entry. */
static struct slice
bare(const struct entry *e)
{
	if (e->n >= 2 && e->value[0] == '"' && e->origin == NULL)
		return (struct slice){ e->value + 1, e->n - 2 };
	return (struct slice){ e->value, e->n };
}

static size_t
known_at(const struct ai_redact *r, const char *p, size_t n,
    size_t *number_r)
{
	size_t i, best = 0;
	struct slice v;

	for (i = 0; i < r->n; i++) {
		v = bare(&r->v[i]);
		if (v.n < KNOWN_MIN || v.n <= best || v.n > n ||
		    v.p[0] != p[0] || memcmp(v.p, p, v.n) != 0)
			continue;
		best = v.n;
		*number_r = i + 1;
	}
	return best;
}

void
ai_redact_text(const struct ai_redact *r, struct slice s, struct buf *out)
{
	size_t i, n, number = 0, done = 0;

	for (i = 0; i < s.n; i++) {
		n = mark_at(s.p + i, s.n - i, &number);
		if (n > 0) {
			i += n - 1;
			continue;
		}
		n = known_at(r, s.p + i, s.n - i, &number);
		if (n == 0)
			continue;
		buf_put(out, s.p + done, i - done);
		put_mark(out, number);
		i += n - 1;
		done = i + 1;
	}
	buf_put(out, s.p + done, s.n - done);
}

/* As they were written: a value with escapes is the same with them. */
static bool
known_value(struct walk *w, struct slice name, bool secret, enum jscan_tok t,
    struct slice raw)
{
	if (t != JSCAN_STRING)
		return false;
	ai_redact_text(w->known, raw, w->out);
	return true;
}

int
ai_redact_known(const struct ai_redact *r, struct slice json,
    struct buf *out)
{
	struct walk w = { .known = r, .out = out, .value = known_value };

	return walk(&w, json);
}

/* ---- putting back ---- */

/* Does the placeholder at position at stand in a URL of its own host? */
static bool
in_origin(const struct entry *e, struct slice s, size_t at)
{
	size_t n = strlen(e->origin), scheme, i;
	struct url u;
	char *origin;
	bool ok = false;

	scheme = (size_t)(strstr(e->origin, "://") - e->origin);
	for (i = 0; i + 3 <= s.n && i < at && !ok; i++) {
		if (memcmp(s.p + i, "://", 3) != 0)
			continue;
		url_at(s, i, &u);
		origin = url_origin(&u);
		ok = u.scheme.n == scheme + 3 && strlen(origin) == n &&
		    strcmp(origin, e->origin) == 0 && at < u.end;
		free(origin);
		i = u.end > i + 3 ? u.end - 1 : i + 2;
	}
	return ok;
}

static bool
restore_value(struct walk *w, struct slice name, bool secret,
    enum jscan_tok t, struct slice raw)
{
	const struct ai_redact *r = w->known;
	const struct entry *e;
	struct buf b = BUF_INIT;
	struct slice s;
	size_t i, n, number = 0, done = 0;
	bool whole = false;

	if (t != JSCAN_STRING)
		return false;
	s = text_of(raw);
	for (i = 0; i < s.n && !whole; i++) {
		n = mark_at(s.p + i, s.n - i, &number);
		if (n == 0)
			continue;
		e = number >= 1 && number <= r->n ? &r->v[number - 1] : NULL;
		if (e != NULL && e->origin != NULL && in_origin(e, s, i)) {
			buf_put(&b, s.p + done, i - done);
			buf_put(&b, e->value, e->n);
			done = i + n;
		} else if (e != NULL && e->origin == NULL && n == s.n &&
		    slice_eq(name, e->name)) {
			buf_put(w->out, e->value, e->n);
			whole = true;
		} else
			w->left++;
		i += n - 1;
	}
	if (!whole && done > 0) {
		buf_put(&b, s.p + done, s.n - done);
		put_string(w->out, &b);
	}
	secret_buf_free(&b);
	free((char *)(uintptr_t)s.p);
	return whole || done > 0;
}

int
ai_redact_restore(const struct ai_redact *r, struct slice json,
    struct buf *out, size_t *left_r)
{
	struct walk w = { .known = r, .out = out, .value = restore_value };
	int rc = walk(&w, json);

	*left_r = w.left;
	return rc;
}
