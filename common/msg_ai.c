/*
 * msg_ai: codecs of the messages between apid and aid, see msg_ai.h. Pure.
 * A name that is too long for its place is no name of ours: it is refused
 * by the fit check and by the reader, never cut.
 */
#include <string.h>

#include "msg_ai.h"
#include "valid.h"
#include "xmalloc.h"

#define REQUEST_MAX	64u
#define TITLE_MAX	64u
#define PUB_SIZE	32u

static const char *const error_names[MSG_AI_E__MAX] = {
	[MSG_AI_E_NONE] = "none",
	[MSG_AI_E_KEY] = "bad_key",
	[MSG_AI_E_SEALED] = "key_not_readable",
	[MSG_AI_E_QUOTA] = "quota",
	[MSG_AI_E_RATE] = "rate_limited",
	[MSG_AI_E_OVERLOADED] = "overloaded",
	[MSG_AI_E_TIMEOUT] = "timeout",
	[MSG_AI_E_UNREACHABLE] = "unreachable",
	[MSG_AI_E_CERT] = "bad_certificate",
	[MSG_AI_E_POLICY] = "refused_by_policy",
	[MSG_AI_E_REQUEST] = "bad_request",
	[MSG_AI_E_ANSWER] = "bad_answer",
	[MSG_AI_E_TOO_LARGE] = "too_large",
	[MSG_AI_E_CANCELLED] = "cancelled",
	[MSG_AI_E_PROVIDER] = "no_such_provider",
};

const char *
msg_ai_error_name(unsigned e)
{
	return e < nitems(error_names) ? error_names[e] : "unknown";
}

static void
put(struct buf *b, struct slice s)
{
	msg_put_bytes(b, s.p, s.n);
}

/* Whole characters of the first max bytes. */
static void
put_cut(struct buf *b, struct slice s, uint32_t max)
{
	size_t n = s.n;

	if (n > max) {
		n = max;
		while (n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
			n--;
	}
	msg_put_bytes(b, s.p, n);
}

static bool
text_fits(struct slice s, uint32_t max)
{
	return s.n <= max && (s.n == 0 || valid_utf8(s.p, s.n));
}

/* ---- whom to call, with which key ---- */

static const char *
call_fits(const struct msg_ai_call *c)
{
	if (c->deadline_ms < MSG_AI_DEADLINE_MIN ||
	    c->deadline_ms > MSG_AI_DEADLINE_MAX)
		return "deadline_ms: 1000 to 600000";
	if (!text_fits(c->request_id, REQUEST_MAX))
		return "request_id: at most 64 bytes of text";
	if (c->provider.n == 0 || !text_fits(c->provider,
	    MSG_AI_PROVIDER_MAX))
		return "provider: 1 to 32 bytes of text";
	if (!text_fits(c->model, MSG_AI_MODEL_MAX))
		return "model: at most 128 bytes of text";
	if (c->sealed.n > MSG_AI_SEALED_MAX)
		return "key: at most 512 bytes, sealed";
	return NULL;
}

static void
put_call(struct buf *b, const struct msg_ai_call *c)
{
	msg_put_id(b, &c->job);
	buf_put_u32(b, c->deadline_ms);
	put(b, c->request_id);
	put(b, c->provider);
	put(b, c->model);
	put(b, c->sealed);
}

static void
get_call(struct msg_in *in, struct msg_ai_call *c)
{
	msg_get_id(in, &c->job);
	c->deadline_ms = msg_get_u32(in);
	c->request_id = msg_get_str(in, REQUEST_MAX);
	c->provider = msg_get_str(in, MSG_AI_PROVIDER_MAX);
	c->model = msg_get_str(in, MSG_AI_MODEL_MAX);
	c->sealed = msg_get_bytes(in, MSG_AI_SEALED_MAX);
}

void
msg_put_ai_test(struct buf *b, const struct msg_ai_call *m)
{
	if (call_fits(m) == NULL)
		put_call(b, m);
}

bool
msg_get_ai_test(struct msg_in *in, struct msg_ai_call *m)
{
	get_call(in, m);
	return msg_done(in) && call_fits(m) == NULL;
}

/* ---- a job ---- */

static const char *
messages_fit(const struct msg_ai_job *m)
{
	size_t sum = m->system.n + m->schema.n, i;

	if (m->nmessages == 0 || m->nmessages > MSG_AI_MESSAGES)
		return "messages: 1 to 16 are allowed";
	for (i = 0; i < m->nmessages; i++) {
		if (m->messages[i].role < MSG_AI_USER ||
		    m->messages[i].role > MSG_AI_DATA)
			return "messages: a role is unknown";
		if (m->messages[i].text.n == 0 ||
		    !text_fits(m->messages[i].text, MSG_AI_INPUT_MAX))
			return "messages: each must be UTF-8 text and not "
			    "empty";
		sum += m->messages[i].text.n;
	}
	if (m->messages[m->nmessages - 1].role == MSG_AI_ASSISTANT)
		return "messages: the last must not be the model's";
	if (sum > MSG_AI_INPUT_MAX)
		return "messages: with system and schema at most 256 KiB";
	return NULL;
}

const char *
msg_ai_job_fits(const struct msg_ai_job *m)
{
	const char *why = call_fits(&m->call);

	if (why != NULL)
		return why;
	if ((m->flags & ~MSG_AI_STREAM) != 0)
		return "flags: an unknown bit";
	if (m->max_tokens == 0 || m->max_tokens > MSG_AI_TOKENS_MAX)
		return "max_tokens: 1 to 131072";
	if (!text_fits(m->system, MSG_AI_INPUT_MAX))
		return "system: at most 256 KiB of text";
	if (!text_fits(m->schema, MSG_AI_SCHEMA_MAX))
		return "schema: at most 64 KiB of text";
	return messages_fit(m);
}

void
msg_put_ai_job(struct buf *b, const struct msg_ai_job *m)
{
	size_t i;

	if (msg_ai_job_fits(m) != NULL)
		return;
	put_call(b, &m->call);
	buf_put_u8(b, m->flags);
	buf_put_u32(b, m->max_tokens);
	put(b, m->system);
	put(b, m->schema);
	buf_put_u8(b, m->nmessages);
	for (i = 0; i < m->nmessages; i++) {
		buf_put_u8(b, m->messages[i].role);
		put(b, m->messages[i].text);
	}
}

bool
msg_get_ai_job(struct msg_in *in, struct msg_ai_job *m)
{
	size_t i;

	memset(m, 0, sizeof(*m));
	get_call(in, &m->call);
	m->flags = msg_get_u8(in);
	m->max_tokens = msg_get_u32(in);
	m->system = msg_get_str(in, MSG_AI_INPUT_MAX);
	m->schema = msg_get_str(in, MSG_AI_SCHEMA_MAX);
	m->nmessages = msg_get_u8(in);
	if (m->nmessages > MSG_AI_MESSAGES)
		in->ok = false;
	for (i = 0; in->ok && i < m->nmessages; i++) {
		m->messages[i].role = msg_get_u8(in);
		m->messages[i].text = msg_get_str(in, MSG_AI_INPUT_MAX);
	}
	return msg_done(in) && msg_ai_job_fits(m) == NULL;
}

void
msg_put_ai_chunk(struct buf *b, const struct msg_ai_chunk *m)
{
	msg_put_id(b, &m->job);
	put_cut(b, m->text, MSG_AI_CHUNK_MAX);
}

bool
msg_get_ai_chunk(struct msg_in *in, struct msg_ai_chunk *m)
{
	msg_get_id(in, &m->job);
	m->text = msg_get_str(in, MSG_AI_CHUNK_MAX);
	return msg_done(in);
}

void
msg_put_ai_done(struct buf *b, const struct msg_ai_done *m)
{
	msg_put_id(b, &m->job);
	buf_put_u8(b, m->finish);
	buf_put_u8(b, m->error);
	buf_put_u16(b, m->status);
	buf_put_u16(b, m->attempts);
	buf_put_u32(b, m->retry_after_s);
	buf_put_u32(b, m->took_ms);
	buf_put_u64(b, m->input_tokens);
	buf_put_u64(b, m->output_tokens);
	put_cut(b, m->model, MSG_AI_MODEL_MAX);
	put_cut(b, m->detail, MSG_AI_DETAIL_MAX);
	put_cut(b, m->text, MSG_AI_ANSWER_MAX);
}

bool
msg_get_ai_done(struct msg_in *in, struct msg_ai_done *m)
{
	msg_get_id(in, &m->job);
	m->finish = msg_get_u8(in);
	m->error = msg_get_u8(in);
	m->status = msg_get_u16(in);
	m->attempts = msg_get_u16(in);
	m->retry_after_s = msg_get_u32(in);
	m->took_ms = msg_get_u32(in);
	m->input_tokens = msg_get_u64(in);
	m->output_tokens = msg_get_u64(in);
	m->model = msg_get_str(in, MSG_AI_MODEL_MAX);
	m->detail = msg_get_str(in, MSG_AI_DETAIL_MAX);
	m->text = msg_get_str(in, MSG_AI_ANSWER_MAX);
	/* An answer or an error, never both and never neither. */
	if (m->finish > MSG_AI_F_TOOL || m->error >= MSG_AI_E__MAX ||
	    (m->finish == MSG_AI_F_NONE) == (m->error == MSG_AI_E_NONE))
		in->ok = false;
	return msg_done(in);
}

void
msg_put_ai_cancel(struct buf *b, const struct msg_ai_cancel *m)
{
	msg_put_id(b, &m->job);
}

bool
msg_get_ai_cancel(struct msg_in *in, struct msg_ai_cancel *m)
{
	msg_get_id(in, &m->job);
	return msg_done(in);
}

void
msg_put_ai_info(struct buf *b, const struct msg_ai_info *m)
{
	uint8_t n = m->nproviders <= MSG_AI_PROVIDERS ? m->nproviders :
	    MSG_AI_PROVIDERS, i;

	put(b, m->pubs);
	buf_put_u8(b, n);
	for (i = 0; i < n; i++) {
		put_cut(b, m->providers[i].name, MSG_AI_PROVIDER_MAX);
		put_cut(b, m->providers[i].title, TITLE_MAX);
		put_cut(b, m->providers[i].model, MSG_AI_MODEL_MAX);
		buf_put_u8(b, m->providers[i].needs_key != 0);
	}
}

bool
msg_get_ai_info(struct msg_in *in, struct msg_ai_info *m)
{
	uint8_t i;

	memset(m, 0, sizeof(*m));
	m->pubs = msg_get_bytes(in, MSG_AI_PAIRS * PUB_SIZE);
	m->nproviders = msg_get_u8(in);
	if (m->pubs.n == 0 || m->pubs.n % PUB_SIZE != 0 ||
	    m->nproviders > MSG_AI_PROVIDERS)
		in->ok = false;
	for (i = 0; in->ok && i < m->nproviders; i++) {
		m->providers[i].name = msg_get_str(in, MSG_AI_PROVIDER_MAX);
		m->providers[i].title = msg_get_str(in, TITLE_MAX);
		m->providers[i].model = msg_get_str(in, MSG_AI_MODEL_MAX);
		m->providers[i].needs_key = msg_get_u8(in);
		if (m->providers[i].name.n == 0 ||
		    m->providers[i].needs_key > 1)
			in->ok = false;
	}
	return msg_done(in);
}

void
msg_put_ai_sealed(struct buf *b, const struct msg_ai_sealed *m)
{
	if (m->sealed.n <= MSG_AI_SEALED_MAX)
		put(b, m->sealed);
}

bool
msg_get_ai_sealed(struct msg_in *in, struct msg_ai_sealed *m)
{
	m->sealed = msg_get_bytes(in, MSG_AI_SEALED_MAX);
	return msg_done(in);
}
