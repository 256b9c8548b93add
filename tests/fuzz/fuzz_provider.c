/*
 * provider: whatever a provider sends, whole, as a stream in any pieces, or
 * as an error, ends in exactly one of an answer and an error, in valid
 * UTF-8; pieces make no difference. First byte: which, and of what kind.
 */
#include <stdlib.h>
#include <string.h>

#include "../../aid/guard.h"
#include "../../aid/provider.h"
#include "fuzz.h"
#include "jscan.h"
#include "valid.h"

static bool
utf8(struct buf *b)
{
	return buf_used(b) == 0 || valid_utf8((char *)buf_head(b),
	    buf_used(b));
}

static void
check_sentence(const struct provider *p, struct provider_answer *a)
{
	struct buf out = BUF_INIT;

	HOLDS(a->error < MSG_AI_E__MAX && a->finish <= MSG_AI_F_TOOL);
	HOLDS(utf8(&a->text) && utf8(&a->model) && utf8(&a->said));
	provider_sentence(p, 500, a, SLICE("sk-"), &out);
	HOLDS(utf8(&out) && buf_used(&out) < MSG_AI_DETAIL_MAX);
	buf_free(&out);
}

static void
check_whole(const struct provider *p, struct slice body, bool by_tool)
{
	struct provider_answer a;

	memset(&a, 0, sizeof(a));
	a.by_tool = by_tool;
	p->parse(body, &a);
	HOLDS((a.finish == MSG_AI_F_NONE) != (a.error == MSG_AI_E_NONE));
	check_sentence(p, &a);
	provider_answer_wipe(&a);
}

static void
check_error(const struct provider *p, struct slice body)
{
	struct provider_answer a;

	memset(&a, 0, sizeof(a));
	provider_refused(p, 400, body, &a);
	HOLDS(a.finish == MSG_AI_F_NONE && a.error != MSG_AI_E_NONE);
	check_sentence(p, &a);
	provider_answer_wipe(&a);
}

struct reader { const struct provider *p; struct provider_answer a; };

static void
on_event(void *arg, struct slice data)
{
	struct reader *r = arg;

	if (r->a.error == MSG_AI_E_NONE && !r->a.ended)
		r->p->event(data, &r->a);
}

static void
read_stream(struct reader *r, struct slice s, uint64_t *rnd, bool by_tool)
{
	struct sse sse;
	size_t n;

	memset(&sse, 0, sizeof(sse));
	memset(&r->a, 0, sizeof(r->a));
	r->a.by_tool = by_tool;
	while (s.n > 0) {
		n = rnd == NULL ? s.n : 1 + fuzz_rand(rnd) % 7;
		n = n < s.n ? n : s.n;
		HOLDS(sse_feed(&sse, (const uint8_t *)s.p, n, on_event, r));
		s.p += n;
		s.n -= n;
	}
	provider_stream_end(&r->a);
	sse_wipe(&sse);
}

static void
check_stream(const struct provider *p, struct slice s, bool by_tool)
{
	struct reader one = { .p = p }, many = { .p = p };
	uint64_t rnd = fuzz_seed((const uint8_t *)s.p, s.n);

	read_stream(&one, s, NULL, by_tool);
	read_stream(&many, s, &rnd, by_tool);
	HOLDS(one.a.finish == many.a.finish && one.a.error == many.a.error);
	HOLDS(buf_used(&one.a.text) == buf_used(&many.a.text));
	check_sentence(p, &one.a);
	provider_answer_wipe(&one.a);
	provider_answer_wipe(&many.a);
}

/* Any texts make a request of valid JSON. */
static void
check_build(const struct provider *p, struct slice s, bool stream)
{
	struct msg_ai_message m[2] = { { MSG_AI_DATA, s },
	    { MSG_AI_USER, s } };
	struct msg_ai_job job = { .nmessages = 2, .system = s };
	struct provider_ask ask = { .model = s, .system = s, .messages = m,
	    .nmessages = 2, .max_tokens = 1, .stream = stream };
	struct provider_call c;

	if (s.n == 0 || !valid_utf8(s.p, s.n))
		return;
	if (jscan_valid(s.p, s.n, NULL))
		ask.schema = s;
	memset(&c, 0, sizeof(c));
	p->build(&ask, &c);
	HOLDS(jscan_valid((char *)buf_head(&c.body), buf_used(&c.body),
	    NULL));
	HOLDS(strpbrk(buf_cstr(&c.path), " \r\n#") == NULL);
	provider_call_wipe(&c);
	memcpy(job.messages, m, sizeof(m));
	(void)guard_check(&job, SLICE("sk-12345678"));
}

static void
check_url(struct slice s)
{
	struct provider_url u;
	struct buf err = BUF_INIT, text = BUF_INIT;

	buf_puts(&text, "https://");
	buf_put(&text, s.p, s.n);
	if (provider_url_parse(buf_cstr(&text), &u, &err) == 0)
		HOLDS(u.port != 0 && u.host[0] != '\0');
	else
		HOLDS(buf_used(&err) > 0);
	buf_free(&text);
	buf_free(&err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct provider *p;
	struct slice s;
	bool flag;

	if (size == 0)
		return 0;
	p = provider_at(data[0] & 3);
	flag = (data[0] & 4) != 0;
	s = (struct slice){ (const char *)data + 1, size - 1 };
	switch (data[0] >> 4 & 3) {
	case 0:
		check_whole(p, s, flag);
		check_error(p, s);
		break;
	case 1:
		check_stream(p, s, flag);
		break;
	case 2:
		check_build(p, s, flag);
		break;
	case 3:
		check_url(s);
		break;
	}
	return 0;
}
