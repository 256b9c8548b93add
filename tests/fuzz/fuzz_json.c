/*
 * json: the canonical form is valid, its own canonical form, and knows no
 * key order; decoding keeps its promises about types and faults; the writer
 * makes valid JSON of any bytes. The rules for configurations point into
 * whatever they are given.
 */
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "fuzz.h"
#include "id.h"
#include "jscan.h"
#include "json.h"
#include "valid.h"
#include "xmalloc.h"

static const char *const colours[] = { "red", "green", NULL };

struct out {
	struct slice		s, uuid, uuids, any, object, colour;
	struct json_state	s_state, i_state, t_state;
	int64_t			i, t;
	double			d;
	bool			b;
};

#define AT(m)	offsetof(struct out, m)

static const struct json_field fields[] = {
	{ .name = "s", .type = JSON_STRING, .flags = JSON_NULLABLE,
	    .offset = AT(s), .state = AT(s_state), .valid = valid_name },
	{ .name = "i", .type = JSON_INT, .offset = AT(i),
	    .state = AT(i_state), .min = -5, .max = 70000 },
	{ .name = "b", .type = JSON_BOOL, .offset = AT(b) },
	{ .name = "d", .type = JSON_DOUBLE, .offset = AT(d) },
	{ .name = "t", .type = JSON_TIME, .flags = JSON_NULLABLE,
	    .offset = AT(t), .state = AT(t_state) },
	{ .name = "uuid", .type = JSON_UUID, .offset = AT(uuid) },
	{ .name = "uuids", .type = JSON_UUIDS, .offset = AT(uuids) },
	{ .name = "any", .type = JSON_ANY, .offset = AT(any) },
	{ .name = "object", .type = JSON_OBJECT, .offset = AT(object) },
	{ .name = "colour", .type = JSON_ENUM, .offset = AT(colour),
	    .names = colours },
};

static void
check_decoded(const struct out *o)
{
	if (o->s.p != NULL)
		HOLDS(valid_name(o->s) == NULL);
	HOLDS(o->s_state.present || (o->s.p == NULL && !o->s_state.null));
	if (o->i_state.present)
		HOLDS(o->i >= -5 && o->i <= 70000 && !o->i_state.null);
	else
		HOLDS(o->i == 0);
	if (o->uuid.p != NULL)
		HOLDS(valid_uuid(o->uuid) == NULL);
	if (o->uuids.p != NULL)
		HOLDS(o->uuids.n >= 2 && o->uuids.p[0] == '{' &&
		    o->uuids.p[o->uuids.n - 1] == '}');
	if (o->any.p != NULL)
		HOLDS(jscan_valid(o->any.p, o->any.n, NULL));
	if (o->object.p != NULL)
		HOLDS(jscan_valid(o->object.p, o->object.n, NULL) &&
		    o->object.p[0] == '{');
	if (o->colour.p != NULL)
		HOLDS(slice_eq(o->colour, "red") ||
		    slice_eq(o->colour, "green"));
}

static void
check_decode(const char *p, size_t n, bool open)
{
	const struct json_schema schema = { fields, nitems(fields), open };
	struct json_faults	 faults = { .n = 0 };
	struct arena		*a = arena_new(0);
	struct out		 out;
	enum err		 err;
	size_t			 i;

	memset(&out, 0, sizeof(out));
	err = json_decode(a, &schema, p, n, &out, &faults);
	HOLDS(err == ERR_OK || err == ERR_BAD_JSON || err == ERR_INVALID);
	HOLDS((err == ERR_OK) == (faults.n == 0) && faults.n <= JSON_FAULTS);
	if (!jscan_valid(p, n, NULL))
		HOLDS(err == ERR_BAD_JSON);
	if (err == ERR_OK)
		check_decoded(&out);
	for (i = 0; i < faults.n; i++) {
		HOLDS(faults.v[i].detail != NULL);
		HOLDS(faults.v[i].detail[0] != '\0');
		HOLDS(valid_utf8(faults.v[i].detail,
		    strlen(faults.v[i].detail)));
		HOLDS(faults.v[i].pointer == NULL ||
		    faults.v[i].pointer[0] == '\0' ||
		    faults.v[i].pointer[0] == '/');
	}
	arena_free(a);
}

static void
check_canonical(const char *p, size_t n)
{
	struct buf one = BUF_INIT, two = BUF_INIT;

	if (json_canonical(p, n, &one) == 0) {
		HOLDS(jscan_valid(p, n, NULL));
		HOLDS(jscan_valid((char *)one.data, one.len, NULL));
		HOLDS(json_canonical((char *)one.data, one.len, &two) == 0);
		HOLDS(one.len == two.len &&
		    memcmp(one.data, two.data, one.len) == 0);
	}
	buf_free(&one);
	buf_free(&two);
}

static void
check_writer(const char *p, size_t n)
{
	struct buf	b = BUF_INIT;
	struct json_w	w;
	struct slice	raw;
	char		*plain;
	long		len;

	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "text");
	json_w_slice(&w, (struct slice){ p, n });
	json_w_key(&w, "list");
	json_w_array(&w);
	json_w_u64(&w, fuzz_seed((const uint8_t *)p, n));
	json_w_i64(&w, (int64_t)fuzz_seed((const uint8_t *)p, n));
	json_w_double(&w, (double)n / 7);
	json_w_null(&w);
	json_w_end_array(&w);
	json_w_end_object(&w);
	HOLDS(jscan_valid((char *)b.data, b.len, NULL));
	HOLDS(json_member((char *)b.data, b.len, "text", &raw));
	if (valid_utf8(p, n)) {
		plain = xmalloc(raw.n);
		len = jscan_unescape(plain, raw.n,
		    (struct slice){ raw.p + 1, raw.n - 2 });
		HOLDS(len >= 0 && (size_t)len == n);
		HOLDS(n == 0 || memcmp(plain, p, n) == 0);
		free(plain);
	}
	buf_free(&b);
}

static void
check_form(const char *p, size_t n)
{
	struct json_faults faults;
	struct arena *a = arena_new(0);
	size_t i;

	driver_form_check(driver_at(0)->form, a, (struct slice){ p, n },
	    &faults);
	HOLDS(faults.n <= JSON_FAULTS);
	for (i = 0; i < faults.n; i++)
		HOLDS(faults.v[i].pointer[0] == '/' &&
		    faults.v[i].detail[0] != '\0');
	arena_free(a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char	*p = (const char *)data;
	struct slice	 raw;

	check_canonical(p, size);
	check_decode(p, size, true);
	check_decode(p, size, false);
	check_writer(p, size);
	if (jscan_valid(p, size, NULL))
		check_form(p, size);
	if (jscan_valid(p, size, NULL) && json_member(p, size, "any", &raw))
		HOLDS(jscan_valid(raw.p, raw.n, NULL));
	return 0;
}
