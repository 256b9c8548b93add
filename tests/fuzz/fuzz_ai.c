/*
 * ai: whatever a model answers: no credential leaves its place, what is
 * found is JSON, and a step that is taken reads back as itself.
 */
#include <string.h>

#include "../../apid/ai_envelope.h"
#include "../../apid/ai_flow.h"
#include "../../apid/ai_redact.h"
#include "fuzz.h"
#include "jscan.h"
#include "secret.h"

#define SECRET "hunter-two-is-secret"
#define ID "11111111-1111-4111-8111-111111111111"

static struct slice
text(struct buf *b)
{
	return (struct slice){ (const char *)buf_head(b), buf_used(b) };
}

/* Redacted text is JSON, has no secret that a name tells, and comes back. */
static void
check_redact(struct slice in)
{
	struct ai_redact *r = ai_redact_new();
	struct buf out = BUF_INIT, back = BUF_INIT, mask = BUF_INIT;
	size_t left;
	bool valid = jscan_valid(in.p, in.n, NULL);

	if (ai_redact_json(r, in, &out) == 0) {
		HOLDS(valid);
		HOLDS(jscan_valid((const char *)buf_head(&out),
		    buf_used(&out), NULL));
		HOLDS(ai_redact_restore(r, text(&out), &back, &left) == 0);
		HOLDS(jscan_valid((const char *)buf_head(&back),
		    buf_used(&back), NULL));
		HOLDS(ai_redact_mask(in, &mask) == 0);
		HOLDS(jscan_valid((const char *)buf_head(&mask),
		    buf_used(&mask), NULL));
	} else
		HOLDS(!valid);
	buf_free(&out);
	buf_free(&back);
	buf_free(&mask);
	ai_redact_free(r);
}

/* The secret of "passphrase" only ever goes where "passphrase" is. */
static void
check_restore(struct slice in)
{
	struct ai_redact *r = ai_redact_new();
	struct buf doc = BUF_INIT, back = BUF_INIT;
	struct slice v;
	size_t left;

	HOLDS(ai_redact_json(r, SLICE("{\"passphrase\":\"" SECRET "\"}"),
	    &doc) == 0);
	if (memmem(in.p, in.n, SECRET, sizeof(SECRET) - 1) == NULL &&
	    ai_redact_restore(r, in, &back, &left) == 0 &&
	    json_member((const char *)buf_head(&back), buf_used(&back),
	    "name", &v) && v.p[0] == '"')
		HOLDS(memmem(v.p, v.n, SECRET, sizeof(SECRET) - 1) == NULL);
	buf_free(&doc);
	buf_free(&back);
	ai_redact_free(r);
}

static void
check_steps(struct arena *a, const struct ai_answer *r)
{
	struct ai_step again;
	struct buf b = BUF_INIT;
	struct json_w w;
	size_t i;

	for (i = 0; i < r->nsteps && r->faults.n == 0; i++) {
		buf_clear(&b);
		json_w_init(&w, &b);
		ai_step_envelope(&r->steps[i], &w);
		HOLDS(jscan_valid((const char *)buf_head(&b), buf_used(&b),
		    NULL));
		HOLDS(ai_step_read(a, text(&b), &again));
		HOLDS(again.action == r->steps[i].action);
		HOLDS(slice_same(again.flow_id, r->steps[i].flow_id));
		buf_clear(&b);
		json_w_init(&w, &b);
		ai_diff(a, r->steps[i].flow, r->steps[i].output, &w);
		HOLDS(jscan_valid((const char *)buf_head(&b), buf_used(&b),
		    NULL));
	}
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	const struct ai_scope scope = { .driver = driver_find(SLICE("edge")),
	    .config = SLICE("{\"flows\":[{\"id\":\"f\",\"outputs\":[{\"id\":"
	    "\"o\"}]}]}"),
	    .nodes = SLICE("[{\"id\":\"" ID "\",\"device_type\":\"edge\"}]"),
	    .tunnels = SLICE("[{\"id\":\"" ID "\"}]") };
	struct slice in = { (const char *)data, size }, object;
	struct arena *a = arena_new(0);
	struct ai_answer r;

	if (!ready)
		HOLDS(secret_init() == 0);
	ready = true;
	object = ai_envelope_find(in);
	if (object.p != NULL) {
		HOLDS(jscan_valid(object.p, object.n, NULL));
		ai_envelope_check(a, object, &scope, &r);
		HOLDS(r.info || r.nsteps > 0 || r.faults.n > 0);
		check_steps(a, &r);
	}
	check_redact(in);
	check_restore(in);
	arena_free(a);
	return 0;
}
