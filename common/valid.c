/* valid: the rules for members of requests. Owns their wording. */
#include <string.h>

#include "id.h"
#include "valid.h"

/*
 * One character of RFC 3629's grammar (Unicode table 3-7) at p; its length,
 * or 0. The second byte's range depends on the first, the others are tails.
 */
static size_t
utf8_char(const unsigned char *p, size_t n)
{
	unsigned char	lo = 0x80, hi = 0xbf;
	size_t		len, i;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n < len)
		return 0;
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	if (p[1] < lo || p[1] > hi)
		return 0;
	for (i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

bool
valid_utf8(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t len;

	if (n == 0)
		return true;
	if (memchr(s, '\0', n) != NULL)
		return false;
	while (n > 0) {
		if ((len = utf8_char(p, n)) == 0)
			return false;
		p += len;
		n -= len;
	}
	return true;
}

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z');
}

/* C0 and DEL, and C1 in its UTF-8 form; keep lists what is let through. */
static bool
has_control(struct slice s, const char *keep)
{
	unsigned char	c;
	size_t		i;

	for (i = 0; i < s.n; i++) {
		c = (unsigned char)s.p[i];
		if ((c < 0x20 || c == 0x7f) && strchr(keep, c) == NULL)
			return true;
		if (c == 0xc2 && i + 1 < s.n &&
		    (unsigned char)s.p[i + 1] < 0xa0)
			return true;
	}
	return false;
}

const char *
valid_username(struct slice s)
{
	size_t i;

	if (s.n < 1 || s.n > 64)
		return "must be 1 to 64 bytes";
	if (!is_alnum(s.p[0]))
		return "must begin with an ASCII letter or digit";
	for (i = 1; i < s.n; i++)
		if (!is_alnum(s.p[i]) && s.p[i] != '_' && s.p[i] != '-' &&
		    s.p[i] != '.')
			return "must hold only ASCII letters, digits, "
			    "'_', '-' and '.'";
	return NULL;
}

const char *
valid_password(struct slice s)
{
	bool	upper = false, lower = false, digit = false;
	size_t	i;

	if (s.n < 8 || s.n > 128)
		return "must be 8 to 128 bytes";
	if (!valid_utf8(s.p, s.n))
		return "must be UTF-8 without NUL";
	for (i = 0; i < s.n; i++) {
		upper |= s.p[i] >= 'A' && s.p[i] <= 'Z';
		lower |= s.p[i] >= 'a' && s.p[i] <= 'z';
		digit |= s.p[i] >= '0' && s.p[i] <= '9';
	}
	if (!upper || !lower || !digit)
		return "must hold an upper-case letter, a lower-case letter "
		    "and a digit";
	return NULL;
}

const char *
valid_name(struct slice s)
{
	if (s.n < 1 || s.n > 128)
		return "must be 1 to 128 bytes";
	if (!valid_utf8(s.p, s.n))
		return "must be UTF-8 without NUL";
	if (has_control(s, ""))
		return "must not hold control characters";
	if (slice_trim(s).n == 0)
		return "must not be blank";
	return NULL;
}

const char *
valid_description(struct slice s)
{
	if (s.n > 512)
		return "must be at most 512 bytes";
	if (!valid_utf8(s.p, s.n))
		return "must be UTF-8 without NUL";
	if (has_control(s, "\n\t\r"))
		return "must not hold control characters but line ends and "
		    "tabs";
	return NULL;
}

const char *
valid_email(struct slice s)
{
	static const char rule[] = "must be an address like name@example.org";
	struct slice	local, label;
	size_t		i, labels = 0;

	if (s.n > 254)
		return "must be at most 254 bytes";
	if (!valid_utf8(s.p, s.n))
		return "must be UTF-8 without NUL";
	for (i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return rule;
	if (has_control(s, ""))
		return rule;
	if (!slice_cut(&s, '@', &local) || local.n == 0 || s.n == 0 ||
	    memchr(s.p, '@', s.n) != NULL)
		return rule;
	while (slice_cut(&s, '.', &label)) {
		if (label.n == 0)
			return rule;
		labels++;
	}
	return labels >= 2 ? NULL : rule;
}

const char *
valid_uuid(struct slice s)
{
	struct id id;

	return id_parse(&id, s) == 0 ? NULL : "must be a UUID";
}

/* n digits at *at, moved past them; -1 when they are not there. */
static int
digits(struct slice s, size_t *at, size_t n)
{
	int v = 0;

	if (s.n - *at < n)
		return -1;
	for (; n > 0; n--, (*at)++) {
		if (s.p[*at] < '0' || s.p[*at] > '9')
			return -1;
		v = v * 10 + (s.p[*at] - '0');
	}
	return v;
}

static bool
eat(struct slice s, size_t *at, char c)
{
	if (*at >= s.n || s.p[*at] != c)
		return false;
	(*at)++;
	return true;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar; years >= 0. */
static int64_t
civil_days(int y, int m, int d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static bool
date(struct slice s, size_t *at, int64_t *days_r)
{
	static const uint8_t month[] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
	};
	int y, m, d, last;

	if ((y = digits(s, at, 4)) == -1 || !eat(s, at, '-') ||
	    (m = digits(s, at, 2)) < 1 || m > 12 || !eat(s, at, '-'))
		return false;
	last = month[m - 1];
	if (m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0))
		last = 29;
	if ((d = digits(s, at, 2)) < 1 || d > last)
		return false;
	*days_r = civil_days(y, m, d);
	return true;
}

/* Hours, minutes, seconds and fraction; 60 is a leap second. */
static bool
time_of_day(struct slice s, size_t *at, int64_t *us_r)
{
	int		h, m, sec;
	int64_t		us = 0, unit = 100000;

	if ((h = digits(s, at, 2)) < 0 || h > 23 || !eat(s, at, ':') ||
	    (m = digits(s, at, 2)) < 0 || m > 59 || !eat(s, at, ':') ||
	    (sec = digits(s, at, 2)) < 0 || sec > 60 ||
	    (sec == 60 && m != 59))
		return false;
	if (*at < s.n && s.p[*at] == '.') {
		(*at)++;
		if (*at >= s.n || s.p[*at] < '0' || s.p[*at] > '9')
			return false;
		for (; *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9';
		    (*at)++) {
			us += (s.p[*at] - '0') * unit;
			unit /= 10;
		}
	}
	*us_r = ((int64_t)h * 3600 + m * 60 + sec) * 1000000 + us;
	return true;
}

static bool
offset(struct slice s, size_t *at, int64_t *us_r)
{
	bool	neg;
	int	h, m;

	*us_r = 0;
	if (eat(s, at, 'Z') || eat(s, at, 'z'))
		return true;
	if (*at >= s.n || (s.p[*at] != '+' && s.p[*at] != '-'))
		return false;
	neg = s.p[(*at)++] == '-';
	if ((h = digits(s, at, 2)) < 0 || h > 23 || !eat(s, at, ':') ||
	    (m = digits(s, at, 2)) < 0 || m > 59)
		return false;
	*us_r = ((int64_t)h * 3600 + m * 60) * 1000000 * (neg ? -1 : 1);
	return true;
}

const char *
valid_time(struct slice s, int64_t *us_r)
{
	int64_t	days, us, off;
	size_t	at = 0;

	if (s.n > 64 || !date(s, &at, &days) ||
	    (!eat(s, &at, 'T') && !eat(s, &at, 't')) ||
	    !time_of_day(s, &at, &us) || !offset(s, &at, &off) || at != s.n)
		return "must be an RFC 3339 time with offset";
	*us_r = days * INT64_C(86400000000) + us - off;
	return NULL;
}
