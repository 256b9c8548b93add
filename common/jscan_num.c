/* jscan_num: number literals as C types. Its own part of jscan.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "jscan.h"

/* Digits only, from i on, into *v_r; false when over 64 bits or none. */
static bool
digits(struct slice s, size_t i, uint64_t *v_r)
{
	uint64_t v = 0;

	if (i == s.n)
		return false;
	for (; i < s.n; i++) {
		unsigned d = (unsigned char)(s.p[i] - '0');

		if (d > 9 || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, d, &v))
			return false;
	}
	*v_r = v;
	return true;
}

int
jscan_i64(struct slice s, int64_t *v_r)
{
	bool neg = s.n > 0 && s.p[0] == '-';
	uint64_t v;

	if (!digits(s, neg, &v) || v > (uint64_t)INT64_MAX + neg)
		return -1;
	*v_r = neg ? (int64_t)(0 - v) : (int64_t)v;
	return 0;
}

int
jscan_u64(struct slice s, uint64_t *v_r)
{
	size_t i;

	if (digits(s, 0, v_r))
		return 0;
	if (s.n < 20)
		return -1;
	for (i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
	*v_r = UINT64_MAX;
	return 0;
}

int
jscan_double(struct slice s, double *v_r)
{
	char text[128], *end;

	/* No node prints more; a longer literal is cut by nobody's need. */
	if (s.n == 0 || s.n >= sizeof(text))
		return -1;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	*v_r = strtod(text, &end);
	return *end == '\0' && isfinite(*v_r) ? 0 : -1;
}
