/* problem: one writer for every error body. */
#include <stdio.h>

#include "problem.h"

static void
put_type(struct json_w *w, const char *slug)
{
	char text[128];

	snprintf(text, sizeof(text), "/problems/%s", slug);
	json_w_str(w, text);
}

static void
put_faults(struct json_w *w, const struct json_faults *f)
{
	size_t i;

	if (f == NULL || f->n == 0)
		return;
	json_w_key(w, "errors");
	json_w_array(w);
	for (i = 0; i < f->n && i < JSON_FAULTS; i++) {
		json_w_object(w);
		json_w_key(w, "pointer");
		json_w_str(w, f->v[i].pointer);
		json_w_key(w, "detail");
		json_w_str(w, f->v[i].detail);
		json_w_end_object(w);
	}
	json_w_end_array(w);
}

static void
put_str(struct json_w *w, const char *key, const char *value)
{
	json_w_key(w, key);
	json_w_str(w, value);
}

void
problem_put(struct buf *b, const struct problem *p)
{
	const struct err_info *info = err_info(p->err);
	const char *detail = p->detail != NULL ? p->detail : info->title;
	struct json_w w;

	json_w_init(&w, b);
	json_w_object(&w);
	json_w_key(&w, "type");
	put_type(&w, info->slug);
	put_str(&w, "title", info->title);
	json_w_key(&w, "status");
	json_w_i64(&w, info->status);
	put_str(&w, "detail", detail);
	put_str(&w, "error", detail);
	if (p->instance.n > 0) {
		json_w_key(&w, "instance");
		json_w_slice(&w, p->instance);
	}
	if (p->request_id != NULL)
		put_str(&w, "request_id", p->request_id);
	put_faults(&w, p->faults);
	json_w_end_object(&w);
	if (p->extra.n > 0) {		/* reopened: members come ready made */
		b->len--;
		buf_putc(b, ',');
		buf_put(b, p->extra.p, p->extra.n);
		buf_putc(b, '}');
	}
}

unsigned
problem_retry(enum err err)
{
	switch (err_info(err)->status) {
	case 503:
		return 2;
	case 429:
		return 10;
	}
	return 0;
}
