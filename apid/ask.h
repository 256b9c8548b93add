/*
 * ask: one question of a request to an AI provider, from the budget to the
 * row of use: what generate-config, analyze, query and the test of a key
 * have in common. Owns the call, the stream of the answer and the forms of
 * failure; what is asked and what becomes of the answer is the caller's.
 *
 * A failure of the provider, or of aid, is 200 with "success":false and a
 * sentence that says what to do. With Accept: text/event-stream the answer
 * comes as events: "delta" {"text"}, "retry" {} when the model is asked once
 * more, and at last "done" or "error" with what would have been the body.
 * A client that goes takes its call along.
 */
#ifndef APID_ASK_H
#define APID_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "ai.h"
#include "ai_context.h"
#include "ai_redact.h"
#include "config_now.h"
#include "id.h"
#include "str.h"

struct ask;
struct db_result;
struct req;

#define ASK_PROMPT_MAX	10000

/* A proposal that is stored with the row of use. */
struct ask_proposal {
	struct id	 id;
	struct buf	*envelope;	/* sealed */
	const uint8_t	*base;		/* or NULL */
	struct slice	 message;
	const char	*actions;	/* text[] */
	const char	*role;
};

struct ask {
	/* Set before ask_run. */
	enum ai_kind	 kind;
	struct slice	 provider;		/* empty: openai */
	struct slice	 prompt;
	struct slice	 flows;			/* of the client, or empty */
	bool		 has_node;
	struct id	 node;
	/* The model's text: answer with ask_end or, once, ask_again. */
	void (*answered)(struct req *, struct ask *, struct slice text);

	/* For answered. */
	struct ai_redact	*redact;
	struct ai_facts		 facts;		/* arena */
	struct config_now	 config;
	bool			 again;		/* this is the second */
	struct slice		 model;

	/* private */
	struct ai_call	 call;
	const char	*row;			/* of use */
	struct slice	 sealed, wish;		/* wish: the model to ask */
	struct buf	 system, document, request, schema;
	bool		 bare;		/* the provider takes no schema */
	struct slice	 first;			/* answer, of the model */
	struct slice	 correction;
	uint64_t	 input, output;		/* tokens so far */
	uint32_t	 took_ms;
	bool		 test, ok;
	const char	*error;			/* short, for the row */
	struct slice	 body;			/* of the answer */
	bool		 stream, blocked;
	struct buf	 events;		/* that wait for the client */
	void		(*stored)(struct req *, struct ask *,
			    const struct db_result *);
};

/* The struct must be zeroed and in the request's arena. */
void ask_run(struct req *, struct ask *);
/* Asks the model again, with what is wrong. */
void ask_again(struct req *, struct ask *, struct slice text,
    struct slice correction);
/* Writes the row of use and a proposal, if there is one; stored makes the
 * body (ask_answer). */
void ask_end(struct req *, struct ask *, const struct ask_proposal *,
    void (*stored)(struct req *, struct ask *, const struct db_result *));
/* The body; ends the request. */
void ask_answer(struct req *, struct ask *, struct slice json);
/* The end of a failure: what to do about it. */
void ask_fail(struct req *, struct ask *, const char *name,
    struct slice sentence);

/* POST /ai/keys/test */
void ask_test(struct req *, struct slice provider);

#endif
