/*
 * cursor: foreign text never opens; what is packed unpacks to the same, and
 * what unpacks packs to the same bytes; one text is one place.
 */
#include <string.h>

#include "../../apid/cursor.h"
#include "fuzz.h"
#include "secret.h"

static struct secret_key *key;

/* Text as a client sends it: without the key nothing opens. */
static void
check_text(const uint8_t *data, size_t size)
{
	char room[CURSOR_BYTES + CURSOR_KEYS];
	struct slice v[CURSOR_KEYS], text = { (const char *)data, size };
	size_t n;

	for (n = 0; n <= CURSOR_KEYS + 1; n++)
		HOLDS(cursor_open(key, "list", text, n, v, room) == -1);
}

static void
check_sealed(const struct slice *v, size_t n)
{
	char text[CURSOR_TEXT], again[CURSOR_TEXT];
	char room[CURSOR_BYTES + CURSOR_KEYS];
	struct slice w[CURSOR_KEYS];
	size_t i;

	HOLDS(cursor_seal(key, "list", v, n, text) == 0);
	HOLDS(cursor_open(key, "list", slice_of(text), n, w, room) == 0);
	for (i = 0; i < n; i++)
		HOLDS(slice_same(v[i], w[i]));
	HOLDS(cursor_seal(key, "list", w, n, again) == 0);
	HOLDS(strcmp(text, again) == 0);
	HOLDS(cursor_open(key, "lisu", slice_of(text), n, w, room) == -1);
}

static void
check_inner(const uint8_t *data, size_t size)
{
	char room[CURSOR_BYTES + CURSOR_KEYS];
	struct slice v[CURSOR_KEYS];
	struct buf b = BUF_INIT;
	size_t n, i;

	for (n = 1; n <= CURSOR_KEYS; n++) {
		if (cursor_unpack(data, size, n, v, room) != 0)
			continue;
		for (i = 0; i < n; i++) {
			HOLDS(v[i].p >= room && v[i].p + v[i].n <
			    room + sizeof(room));
			HOLDS(strlen(v[i].p) == v[i].n);
		}
		buf_clear(&b);
		HOLDS(cursor_pack(v, n, &b) == 0);
		HOLDS(buf_used(&b) == size &&
		    memcmp(buf_head(&b), data, size) == 0);
		check_sealed(v, n);
	}
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t raw[SECRET_KEY] = { 1 };

	if (key == NULL) {
		HOLDS(secret_init() == 0);
		key = secret_key_from(raw);
	}
	check_text(data, size);
	if (size > 0)
		check_inner(data, size);
	return 0;
}
