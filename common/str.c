/* str: slices, numbers and the text codings. Owns nothing. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "str.h"

struct slice
slice_of(const char *s)
{
	return (struct slice){ s, s != NULL ? strlen(s) : 0 };
}

bool
slice_eq(struct slice a, const char *s)
{
	return a.n == strlen(s) && (a.n == 0 || memcmp(a.p, s, a.n) == 0);
}

static unsigned char
ascii_lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

/* Not strncasecmp: it would ask the locale. */
bool
slice_ieq(struct slice a, const char *s)
{
	size_t i;

	if (a.n != strlen(s))
		return false;
	for (i = 0; i < a.n; i++)
		if (ascii_lower((unsigned char)a.p[i]) !=
		    ascii_lower((unsigned char)s[i]))
			return false;
	return true;
}

bool
slice_same(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

struct slice
slice_trim(struct slice s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

bool
slice_cut(struct slice *rest, char sep, struct slice *part_r)
{
	const char *q;

	if (rest->p == NULL)
		return false;
	q = rest->n != 0 ? memchr(rest->p, sep, rest->n) : NULL;
	*part_r = *rest;
	if (q == NULL) {
		*rest = (struct slice){ NULL, 0 };
		return true;
	}
	part_r->n = (size_t)(q - rest->p);
	rest->n -= part_r->n + 1;
	rest->p = q + 1;
	return true;
}

bool
slice_list_has(struct slice list, const char *token)
{
	struct slice part;

	while (slice_cut(&list, ',', &part))
		if (slice_ieq(slice_trim(part), token))
			return true;
	return false;
}

int
slice_u64(struct slice s, uint64_t max, uint64_t *v_r)
{
	uint64_t	v = 0;
	unsigned	d;
	size_t		i;

	if (s.n == 0)
		goto invalid;
	for (i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			goto invalid;
	for (i = 0; i < s.n; i++) {
		d = (unsigned)(s.p[i] - '0');
		if (d > max || v > (max - d) / 10) {
			errno = ERANGE;
			return -1;
		}
		v = v * 10 + d;
	}
	*v_r = v;
	return 0;
invalid:
	errno = EINVAL;
	return -1;
}

int
slice_i64(struct slice s, int64_t min, int64_t max, int64_t *v_r)
{
	bool		neg = s.n > 0 && s.p[0] == '-';
	uint64_t	u, limit = neg ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
	int64_t		v;

	if (neg) {
		s.p++;
		s.n--;
	}
	if (slice_u64(s, limit, &u) == -1)
		return -1;
	if (neg)
		v = u == limit ? INT64_MIN : -(int64_t)u;
	else
		v = (int64_t)u;
	if (v < min || v > max) {
		errno = ERANGE;
		return -1;
	}
	*v_r = v;
	return 0;
}

size_t
str_copy(char *dst, size_t size, const char *src)
{
	size_t n = strlen(src), m;

	if (size != 0) {
		m = n < size ? n : size - 1;
		memcpy(dst, src, m);
		dst[m] = '\0';
	}
	return n;
}

void
str_hex(char *dst, const void *src, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t	*p = src;
	size_t		 i;

	for (i = 0; i < n; i++) {
		*dst++ = digits[p[i] >> 4];
		*dst++ = digits[p[i] & 15];
	}
	*dst = '\0';
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int
str_unhex(void *dst, struct slice s, size_t n)
{
	uint8_t	*p = dst;
	size_t	 i;
	int	 hi, lo;

	if (s.n != 2 * n)
		return -1;
	for (i = 0; i < n; i++) {
		hi = hex_digit(s.p[2 * i]);
		lo = hex_digit(s.p[2 * i + 1]);
		if (hi == -1 || lo == -1)
			return -1;
		p[i] = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}

static const char base64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int
str_base64(char *dst, size_t size, const void *src, size_t n)
{
	const uint8_t	*p = src;
	size_t		 i, len = (n + 2) / 3 * 4;
	uint32_t	 v;
	char		*d = dst;

	if (n > INT32_MAX / 2 || len >= size)
		return -1;
	for (i = 0; i < n; i += 3) {
		v = (uint32_t)p[i] << 16;
		if (i + 1 < n)
			v |= (uint32_t)p[i + 1] << 8;
		if (i + 2 < n)
			v |= p[i + 2];
		*d++ = base64[v >> 18];
		*d++ = base64[v >> 12 & 63];
		*d++ = i + 1 < n ? base64[v >> 6 & 63] : '=';
		*d++ = i + 2 < n ? base64[v & 63] : '=';
	}
	*d = '\0';
	return (int)len;
}

static int
base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int
str_unbase64(void *dst, size_t size, struct slice s)
{
	uint8_t		*p = dst;
	size_t		 i, out, pad = 0;
	uint32_t	 v = 0;
	int		 d;

	if (s.n % 4 != 0 || s.n > INT32_MAX / 2)
		return -1;
	while (pad < 2 && pad < s.n && s.p[s.n - 1 - pad] == '=')
		pad++;
	if (s.n / 4 * 3 - pad > size)
		return -1;
	for (i = out = 0; i < s.n; i++) {
		d = i < s.n - pad ? base64_digit(s.p[i]) : 0;
		if (d == -1)
			return -1;
		v = v << 6 | (uint32_t)d;
		if (i % 4 != 3)
			continue;
		/* RFC 4648 3.5: the bits that padding drops must be zero */
		if (i == s.n - 1 && (v & ((1U << 8 * pad) - 1)) != 0)
			return -1;
		p[out++] = (uint8_t)(v >> 16);
		if (i != s.n - 1 || pad < 2)
			p[out++] = (uint8_t)(v >> 8);
		if (i != s.n - 1 || pad < 1)
			p[out++] = (uint8_t)v;
		v = 0;
	}
	return (int)out;
}

int
str_urldecode(char *dst, size_t size, struct slice s, bool form)
{
	size_t	i, out = 0;
	int	c, hi, lo;

	if (s.n > INT32_MAX / 2)
		return -1;
	for (i = 0; i < s.n; i++) {
		c = (unsigned char)s.p[i];
		if (c == '%') {
			if (s.n - i < 3)
				return -1;
			hi = hex_digit(s.p[i + 1]);
			lo = hex_digit(s.p[i + 2]);
			if (hi == -1 || lo == -1)
				return -1;
			c = hi << 4 | lo;
			i += 2;
		} else if (c == '+' && form)
			c = ' ';
		if (c == '\0' || out + 1 >= size)
			return -1;
		dst[out++] = (char)c;
	}
	if (out >= size)
		return -1;
	dst[out] = '\0';
	return (int)out;
}
