/*
 * arena: a chain of blocks, newest first, bump-allocated. Owns every byte
 * that was taken from it.
 */
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "log.h"
#include "xmalloc.h"

#define ARENA_GROWTH	65536	/* blocks double up to this */

struct block {
	struct block	*next;
	size_t		 size, used;
	alignas(max_align_t) unsigned char data[];
};

struct arena {
	struct block	*head;	/* allocations come from here */
	size_t		 grow;	/* size of the next block */
	size_t		 first;	/* size of the first one */
	size_t		 bytes;
};

static struct block *
block_new(struct arena *a, size_t size)
{
	struct block *b;

	if (size > SIZE_MAX - sizeof(*b))
		fatal("arena: %zu bytes overflow", size);
	b = xmalloc(sizeof(*b) + size);
	b->size = size;
	b->used = 0;
	a->bytes += size;
	return b;
}

struct arena *
arena_new(size_t block)
{
	struct arena *a = xcalloc(1, sizeof(*a));

	a->grow = a->first = block != 0 ? block : 4096;
	a->head = block_new(a, a->first);
	a->head->next = NULL;
	return a;
}

/* Frees from the head down to, not including, keep. */
static void
blocks_free(struct arena *a, const struct block *keep)
{
	struct block *b;

	while ((b = a->head) != keep) {
		a->head = b->next;
		a->bytes -= b->size;
		free(b);
	}
}

void
arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	blocks_free(a, NULL);
	free(a);
}

void
arena_reset(struct arena *a)
{
	struct block *b = a->head;

	while (b->next != NULL)
		b = b->next;
	blocks_free(a, b);
	b->used = 0;
	a->grow = a->first;
}

/*
 * A big allocation gets a block of its own behind the head, so that the
 * head's free room stays in use.
 */
static void *
arena_big(struct arena *a, size_t n)
{
	struct block *b = block_new(a, n);

	b->used = n;
	b->next = a->head->next;
	a->head->next = b;
	return b->data;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	const size_t	 mask = alignof(max_align_t) - 1;
	struct block	*b = a->head;
	void		*p;

	if (n == 0)
		n = 1;
	if (n > SIZE_MAX / 2)
		fatal("arena: %zu bytes", n);
	n = (n + mask) & ~mask;
	if (n > b->size - b->used) {
		/* the first block is the chain's end and must stay there */
		if (b->next != NULL && n > a->grow / 2)
			return arena_big(a, n);
		if (a->grow < ARENA_GROWTH)
			a->grow *= 2;
		b = block_new(a, n > a->grow ? n : a->grow);
		b->next = a->head;
		a->head = b;
	}
	p = b->data + b->used;
	b->used += n;
	return p;
}

void *
arena_calloc(struct arena *a, size_t n)
{
	return memset(arena_alloc(a, n), 0, n);
}

char *
arena_strndup(struct arena *a, const char *s, size_t n)
{
	size_t	 len = strnlen(s, n);
	char	*p = arena_alloc(a, len + 1);

	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list	 ap;
	char	*p;
	int	 n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		fatal("arena: bad format");
	p = arena_alloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

size_t
arena_bytes(const struct arena *a)
{
	return a->bytes;
}
