/*
 * buf: a growable byte buffer with a read offset and an optional cap.
 * Integers are put little-endian (the IPC wire form).
 */
#ifndef MAST_BUF_H
#define MAST_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "str.h"

struct buf {
	uint8_t	*data;		/* NULL while nothing was ever put */
	size_t	 off;		/* first unread byte */
	size_t	 len;		/* end of the data, from data[0] */
	size_t	 cap;
};

#define BUF_INIT { NULL, 0, 0, 0 }

void	 buf_free(struct buf *);	/* back to BUF_INIT */
void	 buf_clear(struct buf *);	/* keeps the memory */
size_t	 buf_used(const struct buf *);	/* len - off */
uint8_t	*buf_head(struct buf *);	/* data + off */
/* What is used; valid until the next put. */
struct slice buf_slice(struct buf *);
void	 buf_drain(struct buf *, size_t);
/* Room for n more bytes; returns where to write. buf_commit() them after. */
uint8_t	*buf_reserve(struct buf *, size_t n);
void	 buf_commit(struct buf *, size_t n);
void	 buf_put(struct buf *, const void *, size_t);
void	 buf_puts(struct buf *, const char *);
void	 buf_putc(struct buf *, char);
void	 buf_printf(struct buf *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void	 buf_put_u8(struct buf *, uint8_t);
void	 buf_put_u16(struct buf *, uint16_t);
void	 buf_put_u32(struct buf *, uint32_t);
void	 buf_put_u64(struct buf *, uint64_t);
/* The bytes as a NUL-terminated string; valid until the next put. */
const char *buf_cstr(struct buf *);
/* Gives the memory away (NUL-terminated, free()); the buf is empty. */
char	*buf_steal(struct buf *, size_t *n_r);

#endif
