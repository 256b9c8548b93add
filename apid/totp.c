/* totp: the arithmetic of RFC 4226 and RFC 6238. */
#include <stdio.h>
#include <string.h>

#include "tls.h"
#include "totp.h"

#define DIGITS	6
#define MODULUS	1000000

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

uint32_t
totp_code(const uint8_t *secret, size_t n, int64_t step)
{
	uint8_t text[8], mac[20];
	const uint8_t *at;
	int i;

	for (i = 0; i < 8; i++)
		text[i] = (uint8_t)((uint64_t)step >> (56 - 8 * i));
	tls_hmac_sha1(secret, n, text, sizeof(text), mac);
	at = mac + (mac[19] & 15);
	return (((uint32_t)(at[0] & 127) << 24) | ((uint32_t)at[1] << 16) |
	    ((uint32_t)at[2] << 8) | at[3]) % MODULUS;
}

bool
totp_form(struct slice text, uint32_t *code_r)
{
	uint32_t code = 0;
	size_t i, n = 0;

	for (i = 0; i < text.n; i++) {
		if (text.p[i] == ' ')
			continue;
		if (text.p[i] < '0' || text.p[i] > '9' || ++n > DIGITS)
			return false;
		code = code * 10 + (uint32_t)(text.p[i] - '0');
	}
	*code_r = code;
	return n == DIGITS;
}

bool
totp_match(const uint8_t *secret, size_t n, int64_t secs, int64_t last,
    struct slice text, int64_t *step_r)
{
	int64_t now = secs / TOTP_PERIOD, step;
	bool found = false;
	uint32_t code;

	if (!totp_form(text, &code))
		return false;
	/* All three, whichever fits: the time tells nothing. */
	for (step = now - 1; step <= now + 1; step++)
		if (totp_code(secret, n, step) == code && step > last) {
			*step_r = step;
			found = true;
		}
	return found;
}

void
totp_base32(char *dst, const uint8_t *p, size_t n)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		bits = bits << 8 | p[i];
		for (have += 8; have >= 5; have -= 5) {
			*dst = alphabet[bits >> (have - 5) & 31];
			if (*dst >= 'a')
				*dst = (char)(*dst - 'a' + 'A');
			dst++;
		}
	}
	if (have > 0) {
		*dst = alphabet[bits << (5 - have) & 31];
		if (*dst >= 'a')
			*dst = (char)(*dst - 'a' + 'A');
		dst++;
	}
	*dst = '\0';
}

void
totp_uri(char dst[TOTP_URI], const char *username, const char *secret)
{
	snprintf(dst, TOTP_URI, "otpauth://totp/Mastkeeper:%s?secret=%s"
	    "&issuer=Mastkeeper&algorithm=SHA1&digits=%d&period=%d", username,
	    secret, DIGITS, TOTP_PERIOD);
}

void
totp_recovery(char dst[TOTP_RECOVERY], const uint8_t raw[10])
{
	char text[TOTP_RECOVERY_BARE + 1];
	size_t i;

	totp_base32(text, raw, 10);
	for (i = 0; i < TOTP_RECOVERY_BARE; i++) {
		if (i > 0 && i % 4 == 0)
			*dst++ = '-';
		*dst++ = text[i] >= 'A' ? (char)(text[i] - 'A' + 'a') :
		    text[i];
	}
	*dst = '\0';
}

bool
totp_recovery_bare(struct slice typed, char dst[TOTP_RECOVERY_BARE])
{
	size_t i, n = 0;
	char c;

	for (i = 0; i < typed.n; i++) {
		c = typed.p[i];
		if (c == '-' || c == ' ')
			continue;
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (c == '\0' || strchr(alphabet, c) == NULL ||
		    n == TOTP_RECOVERY_BARE)
			return false;
		dst[n++] = c;
	}
	return n == TOTP_RECOVERY_BARE;
}
