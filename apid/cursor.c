/* cursor: the place in a list, made unforgeable. */
#include <string.h>

#include "cursor.h"
#include "secret.h"

#define VERSION	1
#define MAC	16
#define RAW_MAX	(1 + CURSOR_KEYS * 2 + CURSOR_BYTES + MAC)

_Static_assert((RAW_MAX + 2) / 3 * 4 < CURSOR_TEXT, "a cursor fits");

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void
text_put(const uint8_t *p, size_t n, char *dst)
{
	uint32_t acc = 0;
	unsigned bits = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		acc = acc << 8 | p[i];
		for (bits += 8; bits >= 6; bits -= 6)
			*dst++ = alphabet[acc >> (bits - 6) & 63];
	}
	if (bits > 0)
		*dst++ = alphabet[acc << (6 - bits) & 63];
	*dst = '\0';
}

/* Length, or -1. One text for each value: bits behind the last byte are 0. */
static long
text_get(struct slice text, uint8_t *dst, size_t size)
{
	uint32_t acc = 0;
	unsigned bits = 0;
	const char *at;
	size_t i, n = 0;

	for (i = 0; i < text.n; i++) {
		if (text.p[i] == '\0' ||
		    (at = strchr(alphabet, text.p[i])) == NULL)
			return -1;
		acc = acc << 6 | (uint32_t)(at - alphabet);
		bits += 6;
		if (bits < 8)
			continue;
		if (n == size)
			return -1;
		bits -= 8;
		dst[n++] = (uint8_t)(acc >> bits);
	}
	return bits >= 6 || (acc & ((1u << bits) - 1)) != 0 ? -1 : (long)n;
}

static void
mac(const struct secret_key *key, const char *list, const void *p, size_t n,
    uint8_t out[SECRET_HASH])
{
	struct buf b = BUF_INIT;

	buf_put(&b, list, strlen(list) + 1);
	buf_put(&b, p, n);
	secret_hash(key, "cursor", buf_head(&b), buf_used(&b), out);
	buf_free(&b);
}

int
cursor_pack(const struct slice *v, size_t n, struct buf *out)
{
	size_t i, sum = 0;

	for (i = 0; i < n && n <= CURSOR_KEYS; i++)
		if (v[i].n > CURSOR_BYTES || (sum += v[i].n) > CURSOR_BYTES)
			return -1;
	if (n == 0 || n > CURSOR_KEYS)
		return -1;
	buf_putc(out, VERSION);
	for (i = 0; i < n; i++) {
		buf_putc(out, (char)(v[i].n >> 8));
		buf_putc(out, (char)(v[i].n & 255));
		buf_put(out, v[i].p, v[i].n);
	}
	return 0;
}

int
cursor_unpack(const void *bytes, size_t len, size_t n, struct slice *v_r,
    char room[CURSOR_BYTES + CURSOR_KEYS])
{
	const uint8_t *p = bytes, *end = p + len;
	size_t i, size, left = CURSOR_BYTES;

	if (n == 0 || n > CURSOR_KEYS || len == 0 || *p++ != VERSION)
		return -1;
	for (i = 0; i < n; i++) {
		if (end - p < 2)
			return -1;
		size = (size_t)p[0] << 8 | p[1];
		p += 2;
		if (size > (size_t)(end - p) || size > left ||
		    memchr(p, '\0', size) != NULL)
			return -1;
		memcpy(room, p, size);
		room[size] = '\0';
		v_r[i] = (struct slice){ room, size };
		room += size + 1;
		left -= size;
		p += size;
	}
	return p == end ? 0 : -1;
}

int
cursor_seal(const struct secret_key *key, const char *list,
    const struct slice *v, size_t n, char text_r[CURSOR_TEXT])
{
	uint8_t hash[SECRET_HASH];
	struct buf b = BUF_INIT;
	int rc = cursor_pack(v, n, &b);

	if (rc == 0) {
		mac(key, list, buf_head(&b), buf_used(&b), hash);
		buf_put(&b, hash, MAC);
		text_put(buf_head(&b), buf_used(&b), text_r);
	}
	buf_free(&b);
	return rc;
}

int
cursor_open(const struct secret_key *key, const char *list,
    struct slice text, size_t n, struct slice *v_r,
    char room[CURSOR_BYTES + CURSOR_KEYS])
{
	uint8_t raw[RAW_MAX], hash[SECRET_HASH];
	long len = text_get(text, raw, sizeof(raw));

	if (len <= MAC)
		return -1;
	mac(key, list, raw, (size_t)len - MAC, hash);
	if (!secret_equal(raw + len - MAC, hash, MAC))
		return -1;
	return cursor_unpack(raw, (size_t)len - MAC, n, v_r, room);
}
