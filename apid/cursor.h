/*
 * cursor: where a page of a list ended, as text for the client to give
 * back. Pure: values in, base64url out, and the other way round.
 *
 * Form: a version byte, each value as a length of 16 bits and its bytes,
 * then 16 bytes of a keyed hash over the list's name and all of that;
 * base64url without padding (RFC 4648 5). Only this installation can make
 * one, and only for the list that it was made for: what opens is as good as
 * what PostgreSQL gave.
 */
#ifndef APID_CURSOR_H
#define APID_CURSOR_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "str.h"

#define CURSOR_KEYS	4	/* values of a cursor, at most */
#define CURSOR_BYTES	512	/* of all values together, at most */
#define CURSOR_TEXT	768	/* of the text with its NUL, at most */

struct secret_key;

/* The text for 1 to CURSOR_KEYS values; -1 when they do not fit. */
int cursor_seal(const struct secret_key *, const char *list,
    const struct slice *v, size_t n, char text_r[CURSOR_TEXT]);

/*
 * Exactly n values into v_r, each with a NUL behind it, their bytes in
 * room_r. -1: no cursor, of another list or installation, or changed.
 */
int cursor_open(const struct secret_key *, const char *list,
    struct slice text, size_t n, struct slice *v_r,
    char room_r[CURSOR_BYTES + CURSOR_KEYS]);

/* The inner form, for tests: what a hash is put under. */
int cursor_pack(const struct slice *v, size_t n, struct buf *out);
int cursor_unpack(const void *p, size_t len, size_t n, struct slice *v_r,
    char room_r[CURSOR_BYTES + CURSOR_KEYS]);

#endif
