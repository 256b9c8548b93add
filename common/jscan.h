/*
 * jscan: a pull scanner over a JSON text (RFC 8259) that validates while it
 * walks. No tree, no allocation, no copy: values are slices of the text.
 * Strict: UTF-8 without surrogates, no duplicate check, no NaN, no raw
 * control bytes, no \u0000, no lone surrogate escape, depth <= 64.
 *
 * Walk: jscan_init, then jscan_next until JSCAN_END or JSCAN_BAD. Skipping a
 * value (jscan_skip) validates it as strictly and as fast as possible; it is
 * the hot path of the whole hub.
 */
#ifndef MAST_JSCAN_H
#define MAST_JSCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "str.h"

#define JSCAN_DEPTH 64

enum jscan_tok {
	JSCAN_BAD = 0,
	JSCAN_END,		/* one whole value was read, only space left */
	JSCAN_OBJECT, JSCAN_OBJECT_END,
	JSCAN_ARRAY, JSCAN_ARRAY_END,
	JSCAN_KEY,		/* .text = key without quotes, escapes raw */
	JSCAN_STRING,		/* .text = content without quotes, raw */
	JSCAN_NUMBER,		/* .text = the literal */
	JSCAN_TRUE, JSCAN_FALSE, JSCAN_NULL,
};

struct jscan {
	const char	*start, *p, *end;
	const char	*bad;		/* where and why, static text */
	struct slice	 text;		/* of the current token */
	bool		 escaped;	/* text holds backslashes */
	uint8_t		 depth;
	uint8_t		 state;		/* private */
	uint64_t	 is_obj;	/* private: bit per level */
};

void jscan_init(struct jscan *, const char *p, size_t n);
enum jscan_tok jscan_next(struct jscan *);
/* After JSCAN_KEY, or where a value is due: validates one whole value and
 * gives its slice. 0, or -1 with ->bad set. */
int  jscan_skip(struct jscan *, struct slice *value_r);
/* Inside an object: the next member in one call, .text its key (escaped
 * tells of the key) and its value skipped. 1, 0 at the object's end, -1. */
int  jscan_member(struct jscan *, struct slice *value_r);
/* Inside an array: the next element, as jscan_skip gives a value. False at the
 * array's end, or with ->bad set. */
bool jscan_element(struct jscan *, struct slice *element_r);
/* Leaves what is open deeper than depth. 0, or -1 with ->bad set. */
int  jscan_leave(struct jscan *, unsigned depth);
/*
 * Right behind JSCAN_OBJECT: validates the rest of the object in one go and
 * consumes it, when it is compact and has at most max members. Their number,
 * and the places: at[i] is the opening quote of the name of member i, whose
 * value ends before at[i + 1] - 1; so at has room for max + 1. -1: not known,
 * nothing is consumed, walk it.
 */
int  jscan_members(struct jscan *, const char **at, unsigned max);
/* Is that the member's name? Gives the place of its value, or NULL. */
#define JSCAN_VALUE(at, lit) jscan_value((at), "\"" lit "\":",		\
	sizeof(lit) + 2)
static inline const char *
jscan_value(const char *const *at, const char *label, size_t n)
{
	return (size_t)(at[1] - at[0]) > n && at[0][n - 1] == ':' &&
	    memcmp(at[0], label, n) == 0 ? at[0] + n : NULL;
}
/* Validates a whole text: the fast form of walking it. */
bool jscan_valid(const char *p, size_t n, size_t *bad_at_r);

/* Conversions of a token's text. -1 when it does not fit. */
int  jscan_i64(struct slice number, int64_t *v_r);
/* Negative or fractional gives -1; larger than 2^64-1 clamps. */
int  jscan_u64(struct slice number, uint64_t *v_r);
int  jscan_double(struct slice number, double *v_r);
/* Unescapes to UTF-8 in dst (n bytes always suffice); length, or -1. */
long jscan_unescape(char *dst, size_t size, struct slice raw);
/* Compares an unescaped raw text with a literal; false if it has escapes
 * that do not spell it. */
bool jscan_is(struct slice raw, bool escaped, const char *lit);
/* The same for the current token and a literal, without a call. */
#define JSCAN_IS(js, lit) jscan_is_lit((js), "" lit, sizeof(lit) - 1)
static inline bool
jscan_is_lit(const struct jscan *js, const char *lit, size_t n)
{
	if (__builtin_expect(js->escaped, 0))
		return jscan_is(js->text, true, lit);
	return js->text.n == n && memcmp(js->text.p, lit, n) == 0;
}

/* Private, in jscan_fast.c: from a bracket to behind its partner when all
 * between is valid and not deeper than room levels; NULL: not known. With
 * spots, also the commas of the outermost level, in order. */
struct jscan_spots { const char **at; unsigned n, max; };
const char *jscan_fast(const char *p, const char *end, unsigned room);
const char *jscan_fast_spots(const char *p, const char *end, unsigned room,
    struct jscan_spots *);
/* For tests: by one way, spots or none; NULL, too, where it cannot run. */
enum jscan_way { JSCAN_AVX2 = 1, JSCAN_AVX512 };
const char *jscan_fast_by(int way, const char *p, const char *end,
    unsigned room, struct jscan_spots *);

#endif
