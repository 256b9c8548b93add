/* real: see real.h. Owns nothing. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "real.h"
#include "xmalloc.h"

#define DIGITS		7
#define WHOLE		1e15	/* beyond, and below TINY: as printf does */
#define TINY		1e-3

static size_t
put_whole(char *dst, uint64_t n)
{
	char rev[20];
	size_t len = 0, i;

	do {
		rev[len++] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	for (i = 0; i < len; i++)
		dst[i] = rev[len - 1 - i];
	return len;
}

/* v times 10^places is a whole number of at most DIGITS digits, or nearly. */
static size_t
put_fraction(char *dst, double v, unsigned places)
{
	static const uint64_t ten[] = { 1, 10, 100, 1000, 10000, 100000,
	    1000000, 10000000, 100000000, 1000000000 };
	uint64_t all = (uint64_t)(v * (double)ten[places] + 0.5);
	uint64_t part = all % ten[places];
	size_t len = put_whole(dst, all / ten[places]);

	if (part == 0)
		return len;
	dst[len++] = '.';
	while (places-- > 0 && part > 0) {
		dst[len++] = (char)('0' + part / ten[places]);
		part %= ten[places];
	}
	return len;
}

size_t
real_text(char dst[REAL_TEXT], double v)
{
	double limit = 1;
	unsigned places = DIGITS + 2;
	size_t sign = 0;

	if (v != 0 && (fabs(v) >= WHOLE || fabs(v) < TINY))
		return (size_t)snprintf(dst, REAL_TEXT, "%.7g", v);
	if (v < 0) {
		dst[sign++] = '-';
		v = -v;
	}
	if (v == floor(v))
		return sign + put_whole(dst + sign, (uint64_t)v);
	/* 0.00x has two places more, each digit before the point one less. */
	for (limit = 0.01; places > 0 && v >= limit; limit *= 10)
		places--;
	return sign + put_fraction(dst + sign, v, places);
}
