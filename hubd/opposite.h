/*
 * opposite: which codes of trouble the code of an event takes back, by the
 * words they end in: srt_connected ends srt_disconnected. Pure.
 */
#ifndef MAST_OPPOSITE_H
#define MAST_OPPOSITE_H

#include <stdbool.h>
#include <stddef.h>

#include "str.h"

#define OPPOSITE_CODE	128	/* bytes of a code with its NUL */
#define OPPOSITE_MAX	8

/* The codes that code ends; how many. A longer code ends none. */
size_t opposite_codes(struct slice code,
    char out[OPPOSITE_MAX][OPPOSITE_CODE]);

#endif
