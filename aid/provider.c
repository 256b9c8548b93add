/*
 * provider: what the backends share. See provider.h. Pure.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "jscan.h"
#include "provider.h"
#include "secret.h"
#include "xmalloc.h"

#define SAID_MAX	300	/* bytes of a provider's own words */
#define DATA_CLOSE	"</data"

const struct provider *
provider_at(size_t i)
{
	static const struct provider *const all[PROVIDERS] = {
		&provider_openai, &provider_anthropic, &provider_gemini,
		&provider_compatible,
	};

	return i < PROVIDERS ? all[i] : NULL;
}

void
provider_call_wipe(struct provider_call *c)
{
	size_t i;

	secret_buf_free(&c->path);
	for (i = 0; i < PROVIDER_HEADERS; i++)
		secret_buf_free(&c->head[i]);
	secret_buf_free(&c->body);
	memset(c, 0, sizeof(*c));
}

void
provider_answer_wipe(struct provider_answer *a)
{
	secret_buf_free(&a->text);
	secret_buf_free(&a->model);
	secret_buf_free(&a->said);
	secret_buf_free(&a->aside);
	memset(a, 0, sizeof(*a));
}

/* ---- reading JSON ---- */

struct nth { uint64_t want, at; struct slice value; bool found; };

static void
nth_fn(void *arg, struct slice v)
{
	struct nth *n = arg;

	if (n->at++ == n->want) {
		n->value = v;
		n->found = true;
	}
}

/* The raw text of the value whose first token was just read. */
static bool
value_of(struct jscan *js, enum jscan_tok t, struct slice *v)
{
	unsigned depth = js->depth;

	*v = js->text;
	if (t == JSCAN_STRING) {
		v->p--;
		v->n += 2;
	}
	if (t != JSCAN_OBJECT && t != JSCAN_ARRAY)
		return true;
	while (js->depth >= depth)
		if (jscan_next(js) == JSCAN_BAD)
			return false;
	v->n = (size_t)(js->p - v->p);
	return true;
}

void
provider_each(struct slice array, void (*fn)(void *, struct slice),
    void *arg)
{
	struct jscan js;
	struct slice v;
	enum jscan_tok t;

	if (array.n == 0)
		return;
	jscan_init(&js, array.p, array.n);
	if (jscan_next(&js) != JSCAN_ARRAY)
		return;
	while ((t = jscan_next(&js)) != JSCAN_ARRAY_END && t != JSCAN_BAD &&
	    value_of(&js, t, &v))
		fn(arg, v);
}

bool
provider_get(struct slice doc, const char *path, struct slice *raw_r)
{
	struct slice rest = slice_of(path), step;
	struct nth nth;
	char name[64];

	while (slice_cut(&rest, '/', &step)) {
		if (doc.n == 0)
			return false;
		if (doc.p[0] == '[') {
			memset(&nth, 0, sizeof(nth));
			if (slice_u64(step, 1000, &nth.want) == -1)
				return false;
			provider_each(doc, nth_fn, &nth);
			if (!nth.found)
				return false;
			doc = nth.value;
			continue;
		}
		if (step.n >= sizeof(name))
			return false;
		memcpy(name, step.p, step.n);
		name[step.n] = '\0';
		if (!json_member(doc.p, doc.n, name, &doc))
			return false;
	}
	*raw_r = doc;
	return true;
}

bool
provider_text(struct slice doc, const char *path, struct buf *out)
{
	struct slice raw;
	long n;

	if (!provider_get(doc, path, &raw) || raw.n < 2 || raw.p[0] != '"')
		return false;
	raw.p++;
	raw.n -= 2;
	n = jscan_unescape((char *)buf_reserve(out, raw.n + 1), raw.n + 1,
	    raw);
	if (n < 0)
		return false;
	buf_commit(out, (size_t)n);
	return true;
}

bool
provider_is(struct slice doc, const char *path, const char *literal)
{
	struct slice raw;

	return provider_get(doc, path, &raw) && raw.n >= 2 &&
	    raw.p[0] == '"' && jscan_is((struct slice){ raw.p + 1,
	    raw.n - 2 }, true, literal);
}

uint64_t
provider_number(struct slice doc, const char *path)
{
	struct slice raw;
	uint64_t v;

	if (!provider_get(doc, path, &raw) || jscan_u64(raw, &v) == -1)
		return 0;
	return v;
}

bool
provider_valid(struct slice doc)
{
	return doc.n > 0 && jscan_valid(doc.p, doc.n, NULL) &&
	    slice_trim(doc).n > 0 && memchr(doc.p, '{', doc.n) != NULL;
}

/* ---- the schema ---- */

struct closed { bool strict, ok; };

static void closed_value(void *, struct slice);

static uint64_t
count(struct slice raw)
{
	struct jscan js;
	struct slice v;
	uint64_t n = 0;
	struct nth all = { UINT64_MAX, 0, { NULL, 0 }, false };

	if (raw.n == 0)
		return 0;
	if (raw.p[0] == '[') {
		provider_each(raw, nth_fn, &all);
		return all.at;
	}
	jscan_init(&js, raw.p, raw.n);
	if (jscan_next(&js) != JSCAN_OBJECT)
		return 0;
	while (jscan_member(&js, &v) == 1)
		n++;
	return n;
}

static void
closed_object(struct closed *c, struct slice raw)
{
	struct slice more = { NULL, 0 }, props = { NULL, 0 },
	    need = { NULL, 0 }, v;
	struct jscan js;

	if (provider_is(raw, "type", "object")) {
		if (!provider_get(raw, "additionalProperties", &more) ||
		    !slice_eq(more, "false"))
			c->ok = false;
		(void)provider_get(raw, "properties", &props);
		(void)provider_get(raw, "required", &need);
		if (c->strict && count(props) != count(need))
			c->ok = false;
	}
	jscan_init(&js, raw.p, raw.n);
	if (jscan_next(&js) != JSCAN_OBJECT)
		return;
	while (jscan_member(&js, &v) == 1)
		closed_value(c, v);
}

static void
closed_value(void *arg, struct slice raw)
{
	struct closed *c = arg;

	if (raw.n > 0 && raw.p[0] == '{')
		closed_object(c, raw);
	else if (raw.n > 0 && raw.p[0] == '[')
		provider_each(raw, closed_value, c);
}

bool
provider_schema_closed(struct slice schema, bool strict)
{
	struct closed c = { strict, true };

	closed_value(&c, slice_trim(schema));
	return c.ok;
}

/* ---- building ---- */

static bool
is_model(const struct msg_ai_message *m)
{
	return m->role == MSG_AI_ASSISTANT;
}

bool
provider_turn_is_model(const struct provider_ask *ask, size_t from)
{
	return is_model(&ask->messages[from]);
}

size_t
provider_turn(const struct provider_ask *ask, size_t from)
{
	bool model = is_model(&ask->messages[from]);

	while (from < ask->nmessages &&
	    is_model(&ask->messages[from]) == model)
		from++;
	return from;
}

void
provider_words(const struct msg_ai_message *m, struct buf *out)
{
	struct slice s = m->text;
	const char *p;

	if (m->role != MSG_AI_DATA) {
		buf_put(out, s.p, s.n);
		return;
	}
	buf_reserve(out, s.n + s.n / 4 + 32);
	buf_puts(out, "<data>\n");
	/* In JSON "<\/" reads as "</", in prose it closes nothing. */
	while ((p = memmem(s.p, s.n, DATA_CLOSE, strlen(DATA_CLOSE))) !=
	    NULL) {
		buf_put(out, s.p, (size_t)(p - s.p) + 1);
		buf_putc(out, '\\');
		s.n -= (size_t)(p - s.p) + 1;
		s.p = p + 1;
	}
	buf_put(out, s.p, s.n);
	buf_puts(out, "\n</data>");
}

void
provider_parts(struct json_w *w, const struct provider_ask *ask, size_t from,
    size_t to, bool typed)
{
	struct buf words = BUF_INIT;

	json_w_array(w);
	for (; from < to; from++) {
		secret_buf_free(&words);
		provider_words(&ask->messages[from], &words);
		json_w_object(w);
		if (typed) {
			json_w_key(w, "type");
			json_w_str(w, "text");
		}
		json_w_key(w, "text");
		json_w_slice(w, buf_slice(&words));
		json_w_end_object(w);
	}
	json_w_end_array(w);
	secret_buf_free(&words);
}

void
provider_open(struct provider_call *c, const struct provider_ask *ask,
    struct json_w *w)
{
	size_t n = 4096 + 2 * (ask->system.n + ask->schema.n), i;

	for (i = 0; i < ask->nmessages; i++)
		n += 2 * ask->messages[i].text.n;
	buf_reserve(&c->body, n);
	json_w_init(w, &c->body);
	json_w_object(w);
}

void
provider_head(struct provider_call *c, const char *name, const char *prefix,
    struct slice value)
{
	struct buf *b = &c->head[c->nhead++];

	/* Room for all at once: no copy of the key is left behind. */
	buf_reserve(b, strlen(name) + strlen(prefix) + value.n + 4);
	buf_puts(b, name);
	buf_puts(b, ": ");
	buf_puts(b, prefix);
	buf_put(b, value.p, value.n);
}

/* ---- errors ---- */

static enum msg_ai_error
by_status(int status)
{
	if (status == 401 || status == 403)
		return MSG_AI_E_KEY;
	if (status == 402)
		return MSG_AI_E_QUOTA;
	if (status == 408)
		return MSG_AI_E_OVERLOADED;
	if (status == 413)
		return MSG_AI_E_TOO_LARGE;
	if (status == 429)
		return MSG_AI_E_RATE;
	if (status >= 500)
		return MSG_AI_E_OVERLOADED;
	if (status >= 300 && status < 400)
		return MSG_AI_E_POLICY;
	return MSG_AI_E_REQUEST;
}

void
provider_refused(const struct provider *p, int status, struct slice body,
    struct provider_answer *a)
{
	enum msg_ai_error e = MSG_AI_E_NONE;
	struct slice first;

	/* Google wraps the errors of a stream in an array. */
	body = slice_trim(body);
	if (body.n > 0 && body.p[0] == '[' && provider_get(body, "0", &first))
		body = first;
	buf_clear(&a->said);
	if (status < 300 || status >= 400) {
		if (provider_valid(body)) {
			e = p->classify(status, body, a);
			if (!provider_text(body, "error/message", &a->said))
				(void)provider_text(body, "error", &a->said);
		}
	}
	a->finish = MSG_AI_F_NONE;
	a->error = e != MSG_AI_E_NONE ? e : by_status(status);
}

void
provider_stream_end(struct provider_answer *a)
{
	if (a->error != MSG_AI_E_NONE)
		return;
	if (a->finish == MSG_AI_F_NONE) {
		a->error = MSG_AI_E_ANSWER;
		return;
	}
	if (a->by_tool && buf_used(&a->text) == 0)
		buf_put(&a->text, buf_head(&a->aside), buf_used(&a->aside));
}

/* Their words on one line, at most SAID_MAX bytes, without the key. */
static void
put_said(struct buf *out, const struct buf *said, struct slice key)
{
	size_t n = said->len - said->off, i;
	const uint8_t *p;

	if (said->data == NULL || n == 0)
		return;
	p = said->data + said->off;
	buf_puts(out, " It said: \"");
	for (i = 0; i < n && i < SAID_MAX; i++) {
		if (key.n > 0 && n - i >= key.n &&
		    memcmp(p + i, key.p, key.n) == 0) {
			buf_puts(out, "***");
			i += key.n - 1;
		} else if (p[i] < 0x20 || p[i] == 0x7f || p[i] == '"') {
			buf_putc(out, p[i] == '"' ? '\'' : ' ');
		} else {
			buf_putc(out, (char)p[i]);
		}
	}
	while (i < n && (p[i] & 0xc0) == 0x80)	/* whole characters */
		buf_putc(out, (char)p[i++]);
	buf_puts(out, i < n ? "...\"" : "\"");
}

static const struct { const char *what, *todo; } sentences[MSG_AI_E__MAX] = {
	[MSG_AI_E_NONE] = { "answered", "" },
	[MSG_AI_E_KEY] = { "refused the key", "Enter a valid key in the AI "
	    "settings and test it." },
	[MSG_AI_E_SEALED] = { "has a stored key that this installation "
	    "cannot open", "Enter the key again in the AI settings." },
	[MSG_AI_E_QUOTA] = { "has no credit left for this key", "Look at "
	    "the plan and billing of the account, or use another provider." },
	[MSG_AI_E_RATE] = { "limits the rate of requests", "Wait a little "
	    "and ask again." },
	[MSG_AI_E_OVERLOADED] = { "is overloaded or broken at the moment",
	    "Ask again in some minutes, or use another provider." },
	[MSG_AI_E_TIMEOUT] = { "did not answer in time", "Ask again, or ask "
	    "for less." },
	[MSG_AI_E_UNREACHABLE] = { "cannot be reached", "Check that this "
	    "host may connect to it (DNS, firewall, the configured URL)." },
	[MSG_AI_E_CERT] = { "has no certificate that is valid for its name",
	    "Check the clock, and the keys ca_file and *_url of section "
	    "aid." },
	[MSG_AI_E_POLICY] = { "was not asked, or not further, because a rule "
	    "of this installation forbids it", "" },
	[MSG_AI_E_REQUEST] = { "refused the request", "Check the model's "
	    "name in the AI settings." },
	[MSG_AI_E_ANSWER] = { "gave an answer that is not of its API",
	    "Ask again; check the configured URL if it stays so." },
	[MSG_AI_E_TOO_LARGE] = { "would have to take or give more than is "
	    "allowed", "Ask for less, or choose a node with fewer flows." },
	[MSG_AI_E_CANCELLED] = { "was not waited for: the request was "
	    "cancelled", "" },
	[MSG_AI_E_PROVIDER] = { "is not configured", "Choose another "
	    "provider, or configure its URL in section aid." },
};

void
provider_sentence(const struct provider *p, int status,
    const struct provider_answer *a, struct slice key, struct buf *out)
{
	buf_printf(out, "%s %s", p->title, sentences[a->error].what);
	if (status != 0)
		buf_printf(out, " (status %d)", status);
	buf_putc(out, '.');
	put_said(out, &a->said, key);
	if (a->retry_after_s != 0)
		buf_printf(out, " Wait %u s.", a->retry_after_s);
	if (sentences[a->error].todo[0] != '\0')
		buf_printf(out, " %s", sentences[a->error].todo);
}

/* ---- URLs ---- */

static int
url_fault(struct buf *err_r, const char *text, const char *rule)
{
	buf_printf(err_r, "\"%s\" %s", text, rule);
	return -1;
}

static bool
is_literal(const char *host)
{
	struct in6_addr a;

	return inet_pton(AF_INET, host, &a) == 1 ||
	    inet_pton(AF_INET6, host, &a) == 1;
}

/* Cuts the host off *p; brackets stand around IPv6. */
static bool
take_host(const char **p, struct provider_url *u)
{
	const char *end;
	bool v6 = **p == '[';

	if (v6)
		(*p)++;
	end = *p + strcspn(*p, v6 ? "]" : ":/");
	if (end == *p || (size_t)(end - *p) >= sizeof(u->host) ||
	    (v6 && *end != ']'))
		return false;
	memcpy(u->host, *p, (size_t)(end - *p));
	u->host[end - *p] = '\0';
	*p = end + (v6 ? 1 : 0);
	u->literal = is_literal(u->host);
	return u->literal || (!v6 && strspn(u->host, "abcdefghijklmnopqrstuv"
	    "wxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") ==
	    strlen(u->host));
}

int
provider_url_parse(const char *text, struct provider_url *u,
    struct buf *err_r)
{
	const char *p = text;
	uint64_t port = 443;

	memset(u, 0, sizeof(*u));
	if (strncmp(p, "https://", 8) != 0)
		return url_fault(err_r, text, "must begin with https://");
	p += 8;
	if (strpbrk(p, "@?#\\ \t") != NULL)
		return url_fault(err_r, text, "must have no user, query, "
		    "fragment or space");
	if (!take_host(&p, u))
		return url_fault(err_r, text, "has no valid host");
	if (*p == ':') {
		size_t n = strcspn(++p, "/");

		if (slice_u64((struct slice){ p, n }, 65535, &port) == -1 ||
		    port == 0)
			return url_fault(err_r, text, "has no valid port");
		p += n;
	}
	if (*p != '\0' && *p != '/')
		return url_fault(err_r, text, "has no valid host");
	if (*p == '/' && p[strlen(p) - 1] == '/')
		return url_fault(err_r, text, "must not end with a slash");
	u->port = (uint16_t)port;
	return 0;
}

/* ---- server-sent events ---- */

void
sse_wipe(struct sse *s)
{
	secret_buf_free(&s->line);
	secret_buf_free(&s->data);
	memset(s, 0, sizeof(*s));
}

static void
sse_line(struct sse *s, void (*fn)(void *, struct slice), void *arg)
{
	struct slice line = { (char *)buf_head(&s->line),
	    buf_used(&s->line) };

	if (line.n == 0) {
		if (s->has_data)
			fn(arg, buf_slice(&s->data));
		buf_clear(&s->data);
		s->has_data = false;
	} else if (line.n >= 5 && memcmp(line.p, "data:", 5) == 0) {
		line.p += 5;
		line.n -= 5;
		if (line.n > 0 && line.p[0] == ' ') {
			line.p++;
			line.n--;
		}
		if (s->has_data)
			buf_putc(&s->data, '\n');
		buf_put(&s->data, line.p, line.n);
		s->has_data = true;
	}
	buf_clear(&s->line);
}

bool
sse_feed(struct sse *s, const uint8_t *p, size_t n,
    void (*fn)(void *, struct slice), void *arg)
{
	const uint8_t *end = p + n, *eol;

	while (p < end) {
		if (s->cr && *p == '\n')
			p++;		/* the second half of CR LF */
		s->cr = false;
		for (eol = p; eol < end && *eol != '\n' && *eol != '\r';)
			eol++;
		buf_put(&s->line, p, (size_t)(eol - p));
		if (buf_used(&s->line) + buf_used(&s->data) > SSE_MAX)
			return false;
		if (eol == end)
			return true;
		s->cr = *eol == '\r';
		sse_line(s, fn, arg);
		p = eol + 1;
	}
	return true;
}
