/*
 * str: slices of somebody else's bytes, and the few text helpers everyone
 * needs. A slice is never NUL-terminated.
 */
#ifndef MAST_STR_H
#define MAST_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
	const char	*p;
	size_t		 n;
};

#define SLICE_INIT(lit) { (lit), sizeof(lit) - 1 }	/* of what is static */
#define SLICE(lit) ((struct slice)SLICE_INIT(lit))

struct slice slice_of(const char *);		/* NULL gives {NULL,0} */
bool slice_eq(struct slice, const char *);
bool slice_ieq(struct slice, const char *);	/* ASCII case-insensitive */
bool slice_same(struct slice, struct slice);
struct slice slice_trim(struct slice);		/* SP and HTAB */
/* Cuts the part before sep off *rest; false when rest is exhausted. */
bool slice_cut(struct slice *rest, char sep, struct slice *part_r);
/* Is token in a comma separated list, case-insensitive? (RFC 9110 5.6.1) */
bool slice_list_has(struct slice list, const char *token);
/* All of it decimal, no sign, no leading '+': 0 or -1 with errno. */
int  slice_u64(struct slice, uint64_t max, uint64_t *v_r);
int  slice_i64(struct slice, int64_t min, int64_t max, int64_t *v_r);

/* strlcpy semantics: returns the length it tried to make. */
size_t str_copy(char *dst, size_t size, const char *src);
/* Lower-case hex; dst has 2n+1 bytes. */
void str_hex(char *dst, const void *src, size_t n);
/* Exactly 2n hex digits of either case to n bytes; 0 or -1. */
int  str_unhex(void *dst, struct slice, size_t n);
/* Standard padded base64; returns bytes written or -1. */
int  str_base64(char *dst, size_t size, const void *src, size_t n);
int  str_unbase64(void *dst, size_t size, struct slice);
/* Percent-decodes in place of a query or path part; '+' kept unless form.
 * Refuses bad escapes and NUL: -1. */
int  str_urldecode(char *dst, size_t size, struct slice, bool form);

#endif
