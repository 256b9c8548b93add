/* id: UUIDs (RFC 9562). New ones are version 7; any version is read. */
#ifndef MAST_ID_H
#define MAST_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "str.h"

#define ID_TEXT 37	/* 36 characters and a NUL */

struct id { uint8_t b[16]; };

void id_new(struct id *id_r);			/* v7 from the wall clock */
void id_random(struct id *id_r);		/* v4: secrets and tokens */
int  id_parse(struct id *id_r, struct slice);	/* 36 chars, any case; -1 */
void id_text(const struct id *, char dst[ID_TEXT]);	/* lower case */
bool id_eq(const struct id *, const struct id *);
bool id_zero(const struct id *);
uint64_t id_hash(const struct id *, uint64_t seed);	/* for tables */

#endif
