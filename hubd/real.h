/*
 * real: a number as text for a float4 column, seven digits of it. A fleet's
 * history is some ten thousand of them a second, for which printf is slow.
 */
#ifndef MAST_REAL_H
#define MAST_REAL_H

#include <stddef.h>

#define REAL_TEXT	32

/* Not terminated; how many bytes. v is finite. */
size_t real_text(char dst[REAL_TEXT], double v);

#endif
