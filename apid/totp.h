/*
 * totp: one-time codes (RFC 6238: SHA-1, 30 seconds, 6 digits) and the
 * recovery codes beside them. Pure.
 */
#ifndef APID_TOTP_H
#define APID_TOTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "str.h"

#define TOTP_SECRET	20		/* bytes, as RFC 4226 4 asks for */
#define TOTP_BASE32	33		/* its text and a NUL */
#define TOTP_PERIOD	30
#define TOTP_URI	256

/* The code of a step as a number of six digits. */
uint32_t totp_code(const uint8_t *secret, size_t n, int64_t step);
/* Whether text is the code of the step that holds at secs, of the one before
 * or of the one after it, and newer than last: a code is good once. */
bool totp_match(const uint8_t *secret, size_t n, int64_t secs, int64_t last,
    struct slice text, int64_t *step_r);
/* Six digits; spaces do not count, as apps show "123 456". */
bool totp_form(struct slice text, uint32_t *code_r);

/* RFC 4648 6 without padding; dst has room for 8 characters per 5 bytes and
 * a NUL. */
void totp_base32(char *dst, const uint8_t *, size_t n);
/* What apps scan; the name is a username, so that nothing is escaped. */
void totp_uri(char dst[TOTP_URI], const char *username,
    const char *secret_base32);

/* "abcd-efgh-ijkl-mnop", 80 random bits, from 10 bytes. */
#define TOTP_RECOVERY		20	/* the text and a NUL */
#define TOTP_RECOVERY_BARE	16	/* as it is hashed */
void totp_recovery(char dst[TOTP_RECOVERY], const uint8_t raw[10]);
/* The bare form of what a person typed: any case, with or without dashes
 * and spaces. False: it is not one. */
bool totp_recovery_bare(struct slice typed, char dst[TOTP_RECOVERY_BARE]);

#endif
