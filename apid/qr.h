/*
 * qr: a text as a QR code (ISO/IEC 18004), so that a phone takes a secret
 * from the screen. Bytes, error correction L, the smallest of the versions 1
 * to 9 that holds them, always mask 0: any reader takes that. Pure.
 */
#ifndef APID_QR_H
#define APID_QR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QR_SIDE	53		/* of version 9 */
#define QR_TEXT	230		/* bytes that it holds */

struct qr {
	unsigned	side;	/* modules; the light margin is not among them */
	bool		dark[QR_SIDE][QR_SIDE];		/* [y][x] */
	bool		fixed[QR_SIDE][QR_SIDE];	/* no data there */
};

/* False: the text is too long. */
bool qr_make(struct qr *, const char *text, size_t n);

#endif
