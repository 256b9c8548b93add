/* buf: a growable byte queue. Owns its memory until buf_steal(). */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "log.h"
#include "xmalloc.h"

#define BUF_MIN	64

void
buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf)BUF_INIT;
}

void
buf_clear(struct buf *b)
{
	b->off = b->len = 0;
}

size_t
buf_used(const struct buf *b)
{
	return b->len - b->off;
}

uint8_t *
buf_head(struct buf *b)
{
	return b->data != NULL ? b->data + b->off : NULL;
}

struct slice
buf_slice(struct buf *b)
{
	return (struct slice){ (const char *)buf_head(b), buf_used(b) };
}

void
buf_drain(struct buf *b, size_t n)
{
	if (n > b->len - b->off)
		fatal("buf: drain of %zu with %zu", n, b->len - b->off);
	b->off += n;
	if (b->off == b->len)
		b->off = b->len = 0;
}

uint8_t *
buf_reserve(struct buf *b, size_t n)
{
	size_t used = b->len - b->off, cap;

	if (n <= b->cap - b->len && b->data != NULL)
		return b->data + b->len;
	/* moving is cheap while what was read is at least what is left */
	if (b->off != 0 && b->off >= used) {
		memmove(b->data, b->data + b->off, used);
		b->off = 0;
		b->len = used;
		if (n <= b->cap - b->len)
			return b->data + b->len;
	}
	if (n > SIZE_MAX / 4 || b->len > SIZE_MAX / 4)
		fatal("buf: %zu more bytes on %zu", n, b->len);
	cap = b->cap < BUF_MIN ? BUF_MIN : b->cap * 2;
	if (cap < b->len + n)
		cap = b->len + n;
	b->data = xreallocarray(b->data, cap, 1);
	b->cap = cap;
	return b->data + b->len;
}

void
buf_commit(struct buf *b, size_t n)
{
	if (n > b->cap - b->len)
		fatal("buf: commit of %zu with %zu", n, b->cap - b->len);
	b->len += n;
}

void
buf_put(struct buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	memcpy(buf_reserve(b, n), p, n);
	b->len += n;
}

void
buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void
buf_putc(struct buf *b, char c)
{
	*buf_reserve(b, 1) = (uint8_t)c;
	b->len++;
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list	 ap;
	size_t	 room;
	int	 n;

	buf_reserve(b, BUF_MIN);
	room = b->cap - b->len;
	va_start(ap, fmt);
	n = vsnprintf((char *)b->data + b->len, room, fmt, ap);
	va_end(ap);
	if (n < 0)
		fatal("buf: bad format");
	if ((size_t)n >= room) {
		buf_reserve(b, (size_t)n + 1);
		va_start(ap, fmt);
		vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	b->len += (size_t)n;
}

static void
put_le(struct buf *b, uint64_t v, size_t n)
{
	uint8_t	*p = buf_reserve(b, n);
	size_t	 i;

	for (i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * i));
	b->len += n;
}

void
buf_put_u8(struct buf *b, uint8_t v)
{
	put_le(b, v, 1);
}

void
buf_put_u16(struct buf *b, uint16_t v)
{
	put_le(b, v, 2);
}

void
buf_put_u32(struct buf *b, uint32_t v)
{
	put_le(b, v, 4);
}

void
buf_put_u64(struct buf *b, uint64_t v)
{
	put_le(b, v, 8);
}

const char *
buf_cstr(struct buf *b)
{
	*buf_reserve(b, 1) = '\0';
	return (const char *)b->data + b->off;
}

char *
buf_steal(struct buf *b, size_t *n_r)
{
	size_t	 used = b->len - b->off;
	char	*p;

	*buf_reserve(b, 1) = '\0';
	if (b->off != 0)
		memmove(b->data, b->data + b->off, used + 1);
	p = (char *)b->data;
	if (n_r != NULL)
		*n_r = used;
	*b = (struct buf)BUF_INIT;
	return p;
}
