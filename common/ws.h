/*
 * ws: RFC 6455 codec, pure. The receiver is fed chunks of any size and
 * gives whole messages; bytes of a message that lies inside one chunk are
 * unmasked in place and never copied. Text is checked as UTF-8
 * incrementally. A frame that would pass the cap is refused before anything
 * is allocated. Every violation has its close code.
 */
#ifndef MAST_WS_H
#define MAST_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "str.h"

enum ws_op {
	WS_CONT = 0, WS_TEXT = 1, WS_BIN = 2,
	WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10
};

#define WS_FRAMES_MAX	1024	/* fragments per message */

/* Close codes (RFC 6455 7.4.1) that we send. */
enum {
	WS_C_NORMAL = 1000, WS_C_AWAY = 1001, WS_C_PROTOCOL = 1002,
	WS_C_TYPE = 1003, WS_C_DATA = 1007, WS_C_POLICY = 1008,
	WS_C_TOO_BIG = 1009, WS_C_ERROR = 1011, WS_C_RESTART = 1012,
	WS_C_LATER = 1013
};

struct ws_rx {
	struct buf	 msg;		/* only while a message is incomplete */
	uint64_t	 left;		/* payload bytes of the frame to come */
	uint32_t	 max;		/* cap of a message, bytes */
	uint32_t	 utf8;		/* private: decoder state */
	uint16_t	 frames;
	uint8_t		 hdr[14];	/* incomplete header */
	uint8_t		 hdrlen;
	uint8_t		 key[4];
	uint8_t		 op;		/* of the message; 0: none open */
	uint8_t		 frame_op;
	bool		 fin, masked, in_frame, server;
	uint8_t		 ctllen;
	uint8_t		 ctl[125];	/* incomplete control payload */
};

/* server: frames must be masked; else they must not be. */
void ws_rx_init(struct ws_rx *, bool server, uint32_t max);
void ws_rx_free(struct ws_rx *);

/* A whole message or control frame; p is valid during the call only, is
 * writable, and for text is valid UTF-8; a close payload has passed
 * ws_close_code() and its reason is UTF-8. Return false to stop feeding (the
 * caller is closing). */
typedef bool (*ws_msg_fn)(void *arg, enum ws_op, uint8_t *p, size_t n);

/* Feeds n bytes, which are modified. 0, or the close code of a violation;
 * after that the receiver must not be fed again. */
int ws_rx_feed(struct ws_rx *, uint8_t *p, size_t n, ws_msg_fn, void *arg);
/* Bytes this receiver holds for an incomplete message. */
size_t ws_rx_held(const struct ws_rx *);

/* One unfragmented frame; mask NULL for a server's. */
void ws_put(struct buf *, enum ws_op, const void *, size_t,
    const uint8_t mask[4]);
/* Only the header of an unmasked frame: at most 10 bytes, length returned. */
size_t ws_head(uint8_t hdr[10], enum ws_op, uint64_t n);
void ws_put_close(struct buf *, int code, const char *reason,
    const uint8_t mask[4]);
/* Code of a received close payload: 1005 when empty, -1 when invalid. */
int ws_close_code(const uint8_t *, size_t);
/* Base64 SHA-1 of key and GUID (RFC 6455 4.2.2); dst has 29 bytes. The
 * digest comes from whoever owns a library with it (tls_sha1). */
typedef void (*ws_sha1_fn)(const void *, size_t, uint8_t out[20]);
void ws_accept(char dst[29], struct slice key, ws_sha1_fn);
/* True: what it made is ASCII alone. */
bool ws_mask(uint8_t *p, size_t n, const uint8_t key[4], size_t phase);

/* Incremental UTF-8 (RFC 3629): *state starts at 0 and is 0 at the end of a
 * whole text. False as soon as a byte cannot belong. */
bool ws_utf8(uint32_t *state, const uint8_t *p, size_t n);

#endif
