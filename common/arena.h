/*
 * arena: memory of one request or message, freed whole. Blocks grow from
 * the given size; a single allocation may be larger than a block.
 * Alignment is max_align_t.
 */
#ifndef MAST_ARENA_H
#define MAST_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(size_t block);	/* 0 = 4096 */
void  arena_free(struct arena *);	/* NULL is fine */
void  arena_reset(struct arena *);	/* keeps the first block */
void *arena_alloc(struct arena *, size_t);	/* not zeroed */
void *arena_calloc(struct arena *, size_t);	/* zeroed */
char *arena_strdup(struct arena *, const char *);
char *arena_strndup(struct arena *, const char *, size_t);
char *arena_printf(struct arena *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
size_t arena_bytes(const struct arena *);

#endif
