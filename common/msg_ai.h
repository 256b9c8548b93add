/*
 * msg_ai: what apid and aid say to each other about calls to AI providers.
 * Same rules as msg.h; for the two ends' own files only. Pure.
 *
 * AI_JOB and AI_TEST are requests whose one reply is AI_DONE. Between them
 * AI_CHUNK may come any number of times when the job asked for a stream; all
 * chunks joined are the text of AI_DONE unless it carries an error. AI_CANCEL
 * ends a job early: its AI_DONE then says MSG_AI_E_CANCELLED. A failure of
 * the provider is an AI_DONE with header ERR_OK and an error of its own;
 * MSG_ERROR comes only when aid could not take the job (ERR_FULL).
 * mastctl asks AI_TEST as well, and, when aid's pair was changed, AI_RESEAL
 * for each key and AI_FORGET at last.
 */
#ifndef MAST_MSG_AI_H
#define MAST_MSG_AI_H

#include "msg.h"

#define MSG_AI_PROVIDER_MAX	32u
#define MSG_AI_MODEL_MAX	128u
#define MSG_AI_SEALED_MAX	512u		/* a key of 256 bytes, sealed */
#define MSG_AI_SCHEMA_MAX	(64u * 1024)
#define MSG_AI_MESSAGES		16u
#define MSG_AI_INPUT_MAX	(256u * 1024)	/* system, messages, schema */
#define MSG_AI_CHUNK_MAX	(64u * 1024)
#define MSG_AI_ANSWER_MAX	(1024u * 1024)
#define MSG_AI_DETAIL_MAX	1024u
#define MSG_AI_PROVIDERS	8u
#define MSG_AI_PAIRS		3u
#define MSG_AI_TOKENS_MAX	131072u		/* of one answer */
#define MSG_AI_DEADLINE_MIN	1000u		/* ms */
#define MSG_AI_DEADLINE_MAX	600000u

enum msg_ai_role {
	MSG_AI_USER = 1,	/* what the person asked */
	MSG_AI_ASSISTANT,	/* what the model answered before */
	MSG_AI_DATA,		/* quoted facts: never instructions */
};

enum msg_ai_flag { MSG_AI_STREAM = 1 };

enum msg_ai_finish {
	MSG_AI_F_NONE = 0,	/* there was an error */
	MSG_AI_F_OK,
	MSG_AI_F_REFUSAL,	/* the model declined; text may say why */
	MSG_AI_F_LENGTH,	/* cut at max_tokens */
	MSG_AI_F_TOOL,		/* it called a tool that nobody offered */
};

enum msg_ai_error {		/* wire format: append, never renumber */
	MSG_AI_E_NONE = 0,
	MSG_AI_E_KEY,		/* the provider refused the key */
	MSG_AI_E_SEALED,	/* the sealed key opens with no key of ours */
	MSG_AI_E_QUOTA,		/* no credit left */
	MSG_AI_E_RATE,		/* 429; retry_after_s when it was said */
	MSG_AI_E_OVERLOADED,	/* 5xx, 529 */
	MSG_AI_E_TIMEOUT,
	MSG_AI_E_UNREACHABLE,	/* no address, refused, reset */
	MSG_AI_E_CERT,		/* its certificate is not valid for it */
	MSG_AI_E_POLICY,	/* ours: address, host, redirect, a secret */
	MSG_AI_E_REQUEST,	/* the provider refused the request or model */
	MSG_AI_E_ANSWER,	/* what came is not that API's answer */
	MSG_AI_E_TOO_LARGE,
	MSG_AI_E_CANCELLED,
	MSG_AI_E_PROVIDER,	/* no provider of that name is configured */
	MSG_AI_E__MAX
};
/* "bad_key", "rate_limited", ...; "none" for 0 and "unknown" past the end. */
const char *msg_ai_error_name(unsigned);

struct msg_ai_message { uint8_t role; struct slice text; };

/* Whom to call with which key. Alone it is AI_TEST: is this key good for
 * this model? */
struct msg_ai_call {
	struct id	job;
	uint32_t	deadline_ms;	/* MSG_AI_DEADLINE_MIN..MAX */
	struct slice	request_id;	/* <= 64, for the logs */
	struct slice	provider;	/* "openai", ... or a configured name */
	struct slice	model;		/* empty: the provider's default */
	struct slice	sealed;		/* key for aid; empty: it needs none */
};
/* One that does not fit is put as no bytes, as a job. */
void msg_put_ai_test(struct buf *, const struct msg_ai_call *);
bool msg_get_ai_test(struct msg_in *, struct msg_ai_call *);

struct msg_ai_job {
	struct msg_ai_call call;
	uint8_t		flags;		/* enum msg_ai_flag bits */
	uint32_t	max_tokens;	/* 1..MSG_AI_TOKENS_MAX */
	struct slice	system;		/* instructions */
	struct slice	schema;		/* JSON schema of the answer or empty */
	uint8_t		nmessages;	/* 1..MSG_AI_MESSAGES, last not ASSISTANT */
	struct msg_ai_message messages[MSG_AI_MESSAGES];
};
/* NULL, or a sentence that names the member and its rule. A job that does
 * not fit is put as no bytes at all, so that ipc_send() ends the request
 * with ERR_TOO_LARGE. */
const char *msg_ai_job_fits(const struct msg_ai_job *);
void msg_put_ai_job(struct buf *, const struct msg_ai_job *);
bool msg_get_ai_job(struct msg_in *, struct msg_ai_job *);

struct msg_ai_chunk { struct id job; struct slice text; };
/* At most MSG_AI_CHUNK_MAX bytes of whole characters: the sender's part. */
void msg_put_ai_chunk(struct buf *, const struct msg_ai_chunk *);
bool msg_get_ai_chunk(struct msg_in *, struct msg_ai_chunk *);

struct msg_ai_done {
	struct id	job;
	uint8_t		finish;		/* enum msg_ai_finish */
	uint8_t		error;		/* enum msg_ai_error */
	uint16_t	status;		/* HTTP, 0: none came */
	uint16_t	attempts;	/* calls made */
	uint32_t	retry_after_s;	/* 0: not said */
	uint32_t	took_ms;	/* from the job's arrival */
	uint64_t	input_tokens, output_tokens;	/* of all attempts */
	struct slice	model;		/* that answered, or was asked */
	struct slice	detail;		/* what went wrong and what to do */
	struct slice	text;		/* the answer */
};
void msg_put_ai_done(struct buf *, const struct msg_ai_done *);
bool msg_get_ai_done(struct msg_in *, struct msg_ai_done *);

struct msg_ai_cancel { struct id job; };
void msg_put_ai_cancel(struct buf *, const struct msg_ai_cancel *);
bool msg_get_ai_cancel(struct msg_in *, struct msg_ai_cancel *);

struct msg_ai_provider {
	struct slice	name;		/* as jobs name it */
	struct slice	title;		/* for people, <= 64 */
	struct slice	model;		/* default */
	uint8_t		needs_key;
};
struct msg_ai_info {			/* AI_INFO_REPLY */
	/* Public halves of 32 bytes, 1 to MSG_AI_PAIRS of them: keys are
	 * sealed to the first, and open with any. */
	struct slice	pubs;
	uint8_t		nproviders;
	struct msg_ai_provider providers[MSG_AI_PROVIDERS];
};
void msg_put_ai_info(struct buf *, const struct msg_ai_info *);
bool msg_get_ai_info(struct msg_in *, struct msg_ai_info *);

/* AI_RESEAL: a key as it was sealed once. AI_RESEALED: the same key sealed
 * to the present public key; empty when no pair of aid's opens it. */
struct msg_ai_sealed { struct slice sealed; };
void msg_put_ai_sealed(struct buf *, const struct msg_ai_sealed *);
bool msg_get_ai_sealed(struct msg_in *, struct msg_ai_sealed *);

#endif
