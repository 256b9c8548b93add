/* fuzz: the failed property's line, and repeatable choices. */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

void
fuzz_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

/* FNV-1a; never 0, which xorshift could not leave. */
uint64_t
fuzz_seed(const uint8_t *data, size_t size)
{
	uint64_t h = 0xcbf29ce484222325;
	size_t i;

	for (i = 0; i < size; i++)
		h = (h ^ data[i]) * 0x100000001b3;
	return h | 1;
}

uint64_t
fuzz_rand(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}
