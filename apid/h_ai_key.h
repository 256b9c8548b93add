/* h_ai_key: a user's keys of AI providers, under /api/v1/ai. */
#ifndef APID_H_AI_KEY_H
#define APID_H_AI_KEY_H

#include <stddef.h>

struct json_schema;
struct req;

extern const struct json_schema h_ai_key_put_body, h_ai_key_body;
extern const size_t h_ai_key_put_size, h_ai_key_size;

void h_ai_key_list(struct req *);	/* GET /ai/keys */
void h_ai_key_put(struct req *);	/* POST /ai/keys */
void h_ai_key_delete(struct req *);	/* DELETE /ai/keys */
void h_ai_key_test(struct req *);	/* POST /ai/keys/test */
void h_ai_providers(struct req *);	/* GET /ai/providers */

#endif
