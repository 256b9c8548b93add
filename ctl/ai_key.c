/*
 * ai_key: lists, tests and deletes users' keys of AI providers; only users
 * set them. A test hands the key to aid as it is sealed: this program cannot
 * open it either.
 */
#include <stdio.h>
#include <string.h>

#include "ai_key.h"
#include "db.h"
#include "ipc.h"
#include "msg_ai.h"
#include "out.h"
#include "owned.h"
#include "pg.h"
#include "stmt.h"
#include "talk.h"
#include "xmalloc.h"

#define TEST_MS		20000
#define TEST_GRACE	(5 * MONO_SEC)	/* aid keeps its own deadline */

enum { LIST_USER };

int
ai_key_list(struct ctl *ctl, const struct ctl_args *a)
{
	static const struct out_col cols[] = {
		{ "id", OUT_TEXT, "KEY" },
		{ "username", OUT_TEXT, "USER" },
		{ "provider", OUT_TEXT, "PROVIDER" },
		{ "hint", OUT_TEXT, "ENDS WITH" },
		{ "model_preference", OUT_TEXT, "MODEL" },
		{ "sealed_for", OUT_TEXT, NULL },
		{ "updated_at", OUT_TEXT, "SET" },
	};

	return owned_list(ctl, STMT_AI_KEY_LIST, a->opt[LIST_USER], cols,
	    nitems(cols));
}

int
ai_key_delete(struct ctl *ctl, const struct ctl_args *a)
{
	static const struct out_col cols[] = {
		{ "id", OUT_TEXT, "key" },
		{ "username", OUT_TEXT, "user" },
		{ "provider", OUT_TEXT, "provider" },
	};

	return owned_end(ctl, STMT_AI_KEY_DELETE, "key", a->v[0], cols,
	    nitems(cols));
}

/* ---- is it good? ---- */

struct outcome {
	char		model[MSG_AI_MODEL_MAX + 1];
	char		detail[MSG_AI_DETAIL_MAX + 1];
	uint64_t	input, output;
	uint32_t	took_ms;
	unsigned	error;
};

static void
copy(char *dst, struct slice s)
{
	if (s.n > 0)
		memcpy(dst, s.p, s.n);
	dst[s.n] = '\0';
}

static bool
read_done(void *arg, struct ipc_msg *msg)
{
	struct outcome *o = arg;
	struct msg_ai_done done;

	if (msg->type != MSG_AI_DONE || !msg_get_ai_done(&msg->in, &done))
		return false;
	copy(o->model, done.model);
	copy(o->detail, done.detail);
	o->input = done.input_tokens;
	o->output = done.output_tokens;
	o->took_ms = done.took_ms;
	o->error = done.error;
	return true;
}

/* Row 0: sealed, provider, model. */
static enum err
ask(struct talk *talk, const struct db_result *row, struct outcome *o)
{
	uint8_t sealed[MSG_AI_SEALED_MAX];
	long n = db_bytea(row, 0, 0, sealed, sizeof(sealed));
	struct msg_ai_call call = {
		.deadline_ms = TEST_MS, .request_id = SLICE("mastctl"),
		.provider = db_get(row, 0, 1), .model = db_get(row, 0, 2),
		.sealed = { (const char *)sealed, n > 0 ? (size_t)n : 0 },
	};

	id_random(&call.job);
	msg_put_ai_test(talk_begin(talk, MSG_AI_TEST, TEST_MS * MONO_MS +
	    TEST_GRACE), &call);
	return talk_end(talk, read_done, o);
}

static int
exit_of(unsigned error)
{
	switch ((enum msg_ai_error)error) {
	case MSG_AI_E_NONE:
		return CTL_OK;
	case MSG_AI_E_KEY:
	case MSG_AI_E_SEALED:
	case MSG_AI_E_QUOTA:
	case MSG_AI_E_REQUEST:
		return CTL_REFUSED;
	case MSG_AI_E_RATE:
	case MSG_AI_E_OVERLOADED:
	case MSG_AI_E_TIMEOUT:
	case MSG_AI_E_UNREACHABLE:
	case MSG_AI_E_CERT:
		return CTL_UNAVAILABLE;
	case MSG_AI_E_POLICY:
	case MSG_AI_E_ANSWER:
	case MSG_AI_E_TOO_LARGE:
	case MSG_AI_E_CANCELLED:
	case MSG_AI_E_PROVIDER:
	case MSG_AI_E__MAX:
		break;
	}
	return CTL_FAILED;
}

/* Counts it as a call of the key's owner, and tells. */
static int
tell(struct ctl *ctl, struct db_sync *db, const char *id,
    const struct outcome *o)
{
	static const struct out_col cols[] = {
		{ "id", OUT_TEXT, "key" },
		{ "username", OUT_TEXT, "user" },
		{ "provider", OUT_TEXT, "provider" },
		{ "model", OUT_TEXT, "model" },
		{ "ok", OUT_BOOL, "good" },
		{ "error", OUT_TEXT, "error" },
		{ "detail", OUT_TEXT, "what to do" },
		{ "took_ms", OUT_INT, "milliseconds" },
	};
	bool ok = o->error == MSG_AI_E_NONE;
	char n[3][24];
	struct db_result *res;
	int code = exit_of(o->error);

	snprintf(n[0], sizeof(n[0]), "%llu", (unsigned long long)o->input);
	snprintf(n[1], sizeof(n[1]), "%llu", (unsigned long long)o->output);
	snprintf(n[2], sizeof(n[2]), "%u", o->took_ms);
	const struct db_arg args[] = { db_str(id), db_str(o->model),
	    db_str(n[0]), db_str(n[1]), db_str(n[2]), db_str(ok ? "t" : "f"),
	    ok ? db_null() : db_str(msg_ai_error_name(o->error)),
	    ok ? db_null() : db_str(o->detail) };

	res = db_sync_query(db, stmt_get(STMT_AI_KEY_TESTED), args,
	    nitems(args));
	if (db_err(res) != ERR_OK)
		code = ctl_fail(ctl, CTL_FAILED, "%s", db_message(res));
	else if (db_rows(res) == 0)
		code = ctl_fail(ctl, CTL_NOT_FOUND, "key %s was deleted "
		    "meanwhile", id);
	else
		out_record(ctl, res, cols, nitems(cols));
	db_sync_done(&res);
	return code;
}

static int
test(struct ctl *ctl, struct db_sync *db, struct talk *talk, const char *id)
{
	const struct db_arg args[] = { db_str(id), db_str(ctl_os_user()) };
	struct outcome o = { .error = MSG_AI_E__MAX };
	struct db_result *res;
	enum err err;
	int code;

	res = db_sync_query(db, stmt_get(STMT_AI_KEY_TAKE), args,
	    nitems(args));
	if (db_err(res) != ERR_OK)
		code = ctl_fail(ctl, CTL_FAILED, "%s", db_message(res));
	else if (db_rows(res) == 0)
		code = ctl_fail(ctl, CTL_NOT_FOUND, "no key %s", id);
	else if ((err = ask(talk, res, &o)) != ERR_OK)
		code = ctl_fail(ctl, CTL_UNAVAILABLE, "mastkeeper-aid: %s",
		    err_info(err)->title);
	else
		code = tell(ctl, db, id, &o);
	db_sync_done(&res);
	return code;
}

int
ai_key_test(struct ctl *ctl, const struct ctl_args *a)
{
	struct talk *talk = talk_open(ctl, "aid", MSG_AID);
	struct db_sync *db;
	int code = CTL_UNAVAILABLE;

	if (talk == NULL)
		return ctl_fail(ctl, CTL_NOT_RUNNING,
		    "mastkeeper-aid does not run");
	if ((db = pg_begin(ctl)) != NULL)
		code = test(ctl, db, talk, a->v[0]);
	db_sync_close(db);
	talk_close(talk);
	return code;
}
