/* h_ai: what the AI is asked: changes, analyses, questions. */
#ifndef APID_H_AI_H
#define APID_H_AI_H

#include <stddef.h>

struct json_schema;
struct req;

extern const struct json_schema h_ai_generate_body, h_ai_analyze_body;
extern const struct json_schema h_ai_query_body;
extern const size_t h_ai_size;

void h_ai_generate(struct req *);	/* POST /ai/generate-config */
void h_ai_analyze(struct req *);	/* POST /ai/analyze */
void h_ai_query(struct req *);		/* POST /ai/query */
void h_ai_usage(struct req *);		/* GET /ai/usage */

#endif
