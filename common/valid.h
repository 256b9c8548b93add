/*
 * valid: the rules for members that users and nodes send. Each returns NULL
 * when the value is good, else the rule as a phrase that completes
 * "<member> ..." ("must be 1 to 128 bytes"). Lengths are UTF-8 bytes.
 */
#ifndef MAST_VALID_H
#define MAST_VALID_H

#include <stdbool.h>

#include "str.h"

/* Well-formed UTF-8 (RFC 3629), no NUL. */
bool valid_utf8(const char *, size_t);
const char *valid_username(struct slice);	/* contract: 1-64 */
const char *valid_password(struct slice);	/* 8-128, upper lower digit */
const char *valid_name(struct slice);		/* 1-128, no control */
const char *valid_description(struct slice);	/* 0-512, \n \t \r allowed */
const char *valid_email(struct slice);		/* <= 254, a@b.c */
const char *valid_uuid(struct slice);
/* RFC 3339 with offset; *us_r microseconds since 1970 UTC. */
const char *valid_time(struct slice, int64_t *us_r);

#endif
