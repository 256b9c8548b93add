/* verify: hashes and counts; knows neither database nor file. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proc.h"
#include "str.h"
#include "verify.h"

#define KEYS_MAX 65536

int
verify_init(struct verify *v, const struct ctl *ctl, const char *keys)
{
	struct buf text = BUF_INIT, err = BUF_INIT;
	int code = CTL_OK;

	memset(v, 0, sizeof(*v));
	v->ctl = ctl;
	json_w_init(&v->w, &v->json);
	json_w_object(&v->w);
	json_w_key(&v->w, "faults");
	json_w_array(&v->w);
	if (proc_read_file(keys, KEYS_MAX, &text, &err) == -1)
		code = ctl_fail(ctl, CTL_CONFIG, "public keys: %s",
		    buf_cstr(&err));
	else if (seal_keys_parse(&v->keys, buf_slice(&text), &err) == -1)
		code = ctl_fail(ctl, CTL_CONFIG, "%s: %s", keys,
		    buf_cstr(&err));
	buf_free(&text);
	buf_free(&err);
	return code;
}

void
verify_free(struct verify *v)
{
	buf_free(&v->hashes);
	buf_free(&v->json);
}

void
verify_fault(struct verify *v, int64_t seq, const char *kind,
    const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	v->faults++;
	ctl_say(v->ctl, "FAULT %s: %s", kind, text);
	json_w_object(&v->w);
	json_w_key(&v->w, "kind");
	json_w_str(&v->w, kind);
	json_w_key(&v->w, "seal");
	if (seq > 0)
		json_w_i64(&v->w, seq);
	else
		json_w_null(&v->w);
	json_w_key(&v->w, "detail");
	json_w_str(&v->w, text);
	json_w_end_object(&v->w);
}

void
verify_row(struct verify *v, struct slice text)
{
	uint8_t hash[SECRET_HASH];

	secret_sha256(text.p, text.n, hash);
	buf_put(&v->hashes, hash, sizeof(hash));
	v->fed++;
}

static void
check_rows(struct verify *v, const struct seal *s)
{
	uint8_t content[SECRET_HASH];
	int ids = (int)(s->ids.n < 200 ? s->ids.n : 200);

	secret_sha256(buf_head(&v->hashes), buf_used(&v->hashes), content);
	if (v->fed < s->rows)
		verify_fault(v, s->seq, "removed", "seal %" PRId64 ": %"
		    PRId64 " of the %" PRId64 " rows %.*s are missing",
		    s->seq, s->rows - v->fed, s->rows, ids, s->ids.p);
	else if (v->fed > s->rows)
		verify_fault(v, s->seq, "added", "seal %" PRId64 ": %" PRId64
		    " rows too many among %.*s", s->seq, v->fed - s->rows,
		    ids, s->ids.p);
	else if (memcmp(content, s->content, SECRET_HASH) != 0)
		verify_fault(v, s->seq, "changed", "seal %" PRId64
		    ": at least one of the %" PRId64 " rows %.*s was changed",
		    s->seq, s->rows, ids, s->ids.p);
}

static void
check_anchor(struct verify *v, const struct seal_head *anchor,
    const struct seal *s)
{
	if (anchor->seq == s->seq &&
	    memcmp(anchor->chain, s->chain, SECRET_HASH) != 0)
		verify_fault(v, s->seq, "replaced", "seal %" PRId64 " is not "
		    "the one that was seen before", s->seq);
}

void
verify_seal(struct verify *v, const struct seal *s)
{
	const char *why;

	why = seal_follow(&v->head, s, &v->keys);
	if (why != NULL) {
		verify_fault(v, s->seq, "seal", "seal %" PRId64 " %s",
		    s->seq, why);
		v->head.seq = s->seq;
		memcpy(v->head.chain, s->chain, SECRET_HASH);
	}
	check_rows(v, s);
	check_anchor(v, &v->anchor, s);
	check_anchor(v, &v->anchor2, s);
	v->rows += v->fed;
	v->fed = 0;
	buf_clear(&v->hashes);
}

static void
check_tail(struct verify *v, const struct seal_head *anchor)
{
	if (anchor->seq > v->head.seq)
		verify_fault(v, anchor->seq, "truncated", "the chain ends at "
		    "seal %" PRId64 ", but seal %" PRId64 " was seen before: "
		    "its end was cut off", v->head.seq, anchor->seq);
}

static int64_t
anchored(const struct verify *v)
{
	return v->anchor2.seq > v->anchor.seq ? v->anchor2.seq :
	    v->anchor.seq;
}

int
verify_end(struct verify *v)
{
	char head[SEAL_HEAD_TEXT];

	check_tail(v, &v->anchor);
	check_tail(v, &v->anchor2);
	seal_head_text(&v->head, head);
	json_w_end_array(&v->w);
	json_w_key(&v->w, "ok");
	json_w_bool(&v->w, v->faults == 0);
	json_w_key(&v->w, "seals");
	json_w_i64(&v->w, v->head.seq);
	json_w_key(&v->w, "sealed_rows");
	json_w_i64(&v->w, v->rows);
	json_w_key(&v->w, "not_yet_sealed");
	json_w_i64(&v->w, v->waiting);
	json_w_key(&v->w, "head");
	json_w_str(&v->w, head);
	json_w_key(&v->w, "anchor");
	if (anchored(v) > 0)
		json_w_i64(&v->w, anchored(v));
	else
		json_w_null(&v->w);
	json_w_end_object(&v->w);
	if (v->ctl->json)
		puts(buf_cstr(&v->json));
	ctl_say(v->ctl, "%" PRId64 " rows under %" PRId64 " seals, %" PRId64
	    " rows not yet sealed\nhead %s", v->rows, v->head.seq,
	    v->waiting, head);
	if (anchored(v) == 0)
		ctl_say(v->ctl, "no head was known before: that the end was "
		    "not cut off is not proved");
	if (v->faults == 0)
		ctl_say(v->ctl, "verified");
	else
		ctl_say(v->ctl, "%u faults", v->faults);
	return v->faults == 0 ? CTL_OK : CTL_FAILED;
}
