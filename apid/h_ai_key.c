/*
 * h_ai_key: a user's keys of AI providers. A key is sealed for aid the
 * moment it is here and wiped; what is stored only aid can open.
 */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "ai.h"
#include "apid.h"
#include "arg.h"
#include "ask.h"
#include "db.h"
#include "h_ai_key.h"
#include "json.h"
#include "log.h"
#include "req.h"
#include "secret.h"
#include "stmt.h"
#include "valid.h"
#include "xmalloc.h"

#define KEY_MAX		256
#define HINT		4
#define HINT_FROM	12	/* a shorter key shows nothing */

struct body {
	struct slice		provider, api_key, model;
	struct json_state	has_model;
};

static const char *
valid_model(struct slice s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' ||
		    (unsigned char)s.p[i] > '~' ||
		    strchr("\"\\?#&%<>", s.p[i]) != NULL)
			break;
	return s.n == 0 || s.n > MSG_AI_MODEL_MAX || i < s.n ?
	    "must be 1 to 128 letters, digits and . _ : / @ -" : NULL;
}

#define TEXT(n, member, flag) { .name = n, .type = JSON_STRING, \
    .flags = flag, .offset = offsetof(struct body, member) }
static const struct json_field put_fields[] = {
	TEXT("provider", provider, JSON_REQUIRED),
	TEXT("api_key", api_key, JSON_REQUIRED),
	{ .name = "model_preference", .type = JSON_STRING,
	  .flags = JSON_NULLABLE, .offset = offsetof(struct body, model),
	  .state = offsetof(struct body, has_model), .valid = valid_model },
};
const struct json_schema h_ai_key_put_body = { put_fields,
    nitems(put_fields), .open = true };
const size_t h_ai_key_put_size = sizeof(struct body);

static const struct json_field fields[] = {
	TEXT("provider", provider, JSON_REQUIRED),
};
const struct json_schema h_ai_key_body = { fields, nitems(fields),
    .open = true };
const size_t h_ai_key_size = sizeof(struct body);

/* ---- the list ---- */

static void
listed(struct req *req, const struct db_result *res)
{
	req_json_db(req, 200, res, 0, 0);
}

/* pubs: of the pairs that aid opens with, an array; or NULL. */
static void
list(struct req *req, const char *pubs)
{
	const struct db_arg args[] = { db_str(pubs) };

	req_db(req, STMT_AI_KEYS, args, nitems(args), listed);
}

static void
informed(void *arg, enum err err, struct ipc_msg *msg)
{
	struct req *req = arg;
	struct msg_ai_info info;
	struct buf b = BUF_INIT;
	size_t i;

	req->ipc = NULL;
	if (err != ERR_OK || msg->type != MSG_AI_INFO_REPLY ||
	    !msg_get_ai_info(&msg->in, &info)) {
		list(req, NULL);
		return;
	}
	db_array_begin(&b);
	for (i = 0; i < info.pubs.n; i += SECRET_KEY)
		db_array_hex(&b, info.pubs.p + i, SECRET_KEY);
	db_array_end(&b);
	list(req, buf_cstr(&b));
	buf_free(&b);
}

/* aid is asked each time: while its pair is changed it opens with several,
 * and then with fewer. */
void
h_ai_key_list(struct req *req)
{
	if (!ai_info(req, informed))
		list(req, NULL);
}

void
h_ai_providers(struct req *req)
{
	const struct msg_ai_provider *p;
	struct buf b = BUF_INIT;
	struct json_w w;
	size_t i;

	json_w_init(&w, &b);
	json_w_array(&w);
	for (i = 0; (p = ai_provider_at(req->apid->ai, i)) != NULL; i++) {
		json_w_object(&w);
		json_w_key(&w, "provider");
		json_w_slice(&w, p->name);
		json_w_key(&w, "title");
		json_w_slice(&w, p->title);
		json_w_key(&w, "default_model");
		json_w_slice(&w, p->model);
		json_w_key(&w, "needs_key");
		json_w_bool(&w, p->needs_key != 0);
		json_w_end_object(&w);
	}
	json_w_end_array(&w);
	req_json(req, 200, buf_slice(&b));
	buf_free(&b);
}

/* ---- a new one ---- */

/* The contract's form of a refusal. */
static void
refuse(struct req *req, const char *why)
{
	struct buf b = BUF_INIT;
	struct json_w w;

	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "success");
	json_w_bool(&w, false);
	json_w_key(&w, "error");
	json_w_str(&w, why);
	json_w_end_object(&w);
	req_json(req, 200, buf_slice(&b));
	buf_free(&b);
}

static const char *
key_fault(struct slice key)
{
	size_t i;

	if (key.n == 0 || key.n > KEY_MAX)
		return "api_key must be 1 to 256 bytes";
	for (i = 0; i < key.n; i++)
		if ((unsigned char)key.p[i] <= ' ' ||
		    (unsigned char)key.p[i] > '~')
			return "api_key must be printable characters without "
			    "blanks: nothing else goes into a header";
	return NULL;
}

static void
put(struct req *req, const struct db_result *res)
{
	if (db_err(res) == ERR_OK)
		req_json(req, 200, SLICE("{\"success\":true}"));
	else if (strcmp(db_constraint(res), "provider_keys_retired") == 0)
		req_fail(req, ERR_AI_AWAY, "the AI service has changed its "
		    "own key just now: send this one again");
	else
		req_db_fail(req, res);
}

static void
store(struct req *req, struct slice key, const uint8_t pub[SECRET_KEY])
{
	const struct body *b = req->body;
	struct buf sealed = BUF_INIT;
	char hint[HINT + 1] = "";
	struct id id;

	secret_box_seal(pub, key.p, key.n, &sealed);
	if (key.n >= HINT_FROM) {
		memcpy(hint, key.p + key.n - HINT, HINT);
		hint[HINT] = '\0';
	}
	id_new(&id);
	const struct db_arg args[] = {
		arg_id(req, &id), db_slice(b->provider),
		db_bytes(buf_head(&sealed), buf_used(&sealed)),
		db_bytes(pub, SECRET_KEY), db_str(hint), db_slice(b->model),
		arg_bool(b->has_model.present), arg_address(req),
		db_str(req->id),
	};

	req_db_any(req, STMT_AI_KEY_PUT, args, nitems(args), put);
	buf_free(&sealed);
}

void
h_ai_key_put(struct req *req)
{
	struct body *b = req->body;
	struct slice key = slice_trim(b->api_key);
	uint8_t pub[SECRET_KEY];
	const char *why = key_fault(key);

	if (why != NULL)
		refuse(req, why);
	else if (!ai_up(req->apid->ai) || !ai_public(req->apid->ai, pub) ||
	    ai_provider_at(req->apid->ai, 0) == NULL)
		req_fail(req, ERR_AI_AWAY, "the AI daemon is not connected: "
		    "nothing can be sealed for it now");
	else if (ai_provider(req->apid->ai, b->provider) == NULL)
		refuse(req, "there is no such provider");
	else
		store(req, key, pub);
	secret_wipe((char *)(uintptr_t)b->api_key.p, b->api_key.n);
	secret_wipe((char *)(uintptr_t)req->raw.p, req->raw.n);
}

static void
deleted(struct req *req, const struct db_result *res)
{
	req_json(req, 200, SLICE("{\"success\":true}"));
}

void
h_ai_key_delete(struct req *req)
{
	const struct body *b = req->body;
	const struct db_arg args[] = { db_slice(b->provider),
	    arg_address(req), db_str(req->id) };

	req_db(req, STMT_AI_KEY_DELETE, args, nitems(args), deleted);
}

void
h_ai_key_test(struct req *req)
{
	const struct body *b = req->body;

	ask_test(req, b->provider);
}
