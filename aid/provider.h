/*
 * provider: the published APIs of AI providers as bytes. A backend builds
 * one HTTP request from an ask and reads the answer, whole or as events of a
 * stream. Pure: no socket, no clock; what an answer needs is in its bufs.
 *
 * Every request has its key in a header, never in a URL. Instructions are
 * apart from the person's words, and quoted facts apart from both.
 */
#ifndef AID_PROVIDER_H
#define AID_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "json.h"
#include "msg_ai.h"
#include "str.h"

#define PROVIDER_HEADERS 3
#define PROVIDER_TOOL	"answer"	/* carries a schema that is open */

struct provider_ask {
	struct slice	model;		/* never empty */
	struct slice	system, schema;	/* may be empty; schema is JSON */
	struct slice	key;		/* may be empty */
	const struct msg_ai_message *messages;
	size_t		nmessages;
	uint32_t	max_tokens;
	bool		stream;
};

struct provider_call {			/* a POST */
	struct buf	path;		/* behind the base URL: "/..." */
	struct buf	head[PROVIDER_HEADERS];	/* "name: value" */
	size_t		nhead;
	struct buf	body;
	bool		by_tool;	/* the answer comes as a tool's input */
};
void provider_call_wipe(struct provider_call *);

struct provider_answer {
	enum msg_ai_finish	 finish;
	enum msg_ai_error	 error;
	uint64_t		 input_tokens, output_tokens;
	uint32_t		 retry_after_s;	/* as the body says it */
	struct buf		 text, model;
	struct buf		 said;	/* the provider's own words on an error */
	/* of a stream */
	bool			 by_tool;	/* from the call */
	bool			 tool_block;	/* that kind of block is open */
	bool			 ended;		/* the last event was seen */
	struct buf		 aside;		/* prose beside the tool */
};
void provider_answer_wipe(struct provider_answer *);

struct provider {
	const char	*name;		/* as jobs name it */
	const char	*title;
	bool		 needs_key;
	void (*build)(const struct provider_ask *, struct provider_call *);
	/* A whole 2xx body. Sets finish, or error MSG_AI_E_ANSWER. */
	void (*parse)(struct slice body, struct provider_answer *);
	/* One event of a stream; new text is appended to answer.text. */
	void (*event)(struct slice data, struct provider_answer *);
	/* What a body of another status means; MSG_AI_E_NONE: as the status
	 * says. May set retry_after_s. */
	enum msg_ai_error (*classify)(int status, struct slice body,
	    struct provider_answer *);
};

extern const struct provider provider_openai, provider_compatible,
    provider_anthropic, provider_gemini;
#define PROVIDERS 4
const struct provider *provider_at(size_t i);	/* NULL past the end */

/* The class of a status that is not 2xx, with the provider's own message in
 * answer.said. */
void provider_refused(const struct provider *, int status, struct slice body,
    struct provider_answer *);
/* One sentence for people: what went wrong and what to do. key is cut out
 * of whatever the provider said. */
void provider_sentence(const struct provider *, int status,
    const struct provider_answer *, struct slice key, struct buf *out);
/* A stream came to its end: unfinished is an error. */
void provider_stream_end(struct provider_answer *);

/* "https://host[:port][/path]", no user, query or fragment. */
struct provider_url {
	char		host[256];	/* without brackets */
	uint16_t	port;
	bool		literal;	/* an address, not a name */
};
/* 0 or -1 with the rule in err_r. */
int provider_url_parse(const char *text, struct provider_url *,
    struct buf *err_r);

/* Server-sent events: bytes in, the data of whole events out. */
struct sse {
	struct buf	line, data;
	bool		cr;		/* the last byte was a CR */
	bool		has_data;
};
#define SSE_MAX (1024u * 1024)		/* of one event */
/* False: an event is over SSE_MAX. */
bool sse_feed(struct sse *, const uint8_t *, size_t,
    void (*fn)(void *arg, struct slice data), void *arg);
void sse_wipe(struct sse *);

/* ---- for the backends ---- */

/* A value by path, "choices/0/message/content". */
bool provider_get(struct slice doc, const char *path, struct slice *raw_r);
/* The same as text appended to out; false: it is no string. */
bool provider_text(struct slice doc, const char *path, struct buf *out);
bool provider_is(struct slice doc, const char *path, const char *literal);
uint64_t provider_number(struct slice doc, const char *path);	/* or 0 */
/* Of a raw JSON array: fn for each element. */
void provider_each(struct slice array, void (*fn)(void *, struct slice),
    void *arg);
bool provider_valid(struct slice doc);	/* one whole JSON object */

/* Messages of one side in a row are one turn: its end. */
size_t provider_turn(const struct provider_ask *, size_t from);
bool provider_turn_is_model(const struct provider_ask *, size_t from);
/* What the model reads of a message: facts stand between <data> tags that
 * nothing inside can close. */
void provider_words(const struct msg_ai_message *, struct buf *out);
/* The turn as an array of parts, [{"text":...}], typed: "type":"text" too. */
void provider_parts(struct json_w *, const struct provider_ask *,
    size_t from, size_t to, bool typed);
/* Every object of the schema forbids further members, and with strict
 * requires all that it has: what structured output asks of a schema. */
bool provider_schema_closed(struct slice schema, bool strict);
/* The body's writer, in the object. All the room that it should need is
 * taken at once: a buffer that grows leaves copies behind. */
void provider_open(struct provider_call *, const struct provider_ask *,
    struct json_w *);
/* Appends "name: value" to the call. */
void provider_head(struct provider_call *, const char *name,
    const char *prefix, struct slice value);

#endif
