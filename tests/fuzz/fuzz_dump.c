/*
 * dump: a file read in one piece and in small ones gives the same; a row
 * that is given out keeps its section's rules; what was refused stays so
 * and says why.
 */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "dump.h"
#include "fuzz.h"
#include "json.h"
#include "xmalloc.h"

static struct secret_key *server;

static void
check_row(const struct dump_item *item)
{
	struct json_faults faults = { .n = 0 };
	struct arena *a = arena_new(0);

	HOLDS(item->section < DUMP__ALL);
	HOLDS(item->row.n > 0 && item->row.n <= DUMP_ROW_MAX);
	HOLDS(dump_check(a, item->section, item->row, &faults) == ERR_OK);
	arena_free(a);
}

/* What was read, as a hash; pieces of at most step bytes. */
static uint64_t
read_all(const uint8_t *data, size_t size, size_t step, bool *whole_r)
{
	static const uint8_t key[SECRET_KEY];
	struct dump_in *d = dump_in_new(server, SLICE("passphrase"));
	struct dump_item item = { .n = 0 };
	struct buf in = BUF_INIT, seen = BUF_INIT;
	enum dump_got got = DUMP_MORE;
	size_t at = 0, n;
	uint64_t hash;

	while (got != DUMP_END && got != DUMP_BAD) {
		n = size - at < step ? size - at : step;
		if (got == DUMP_MORE) {
			buf_put(&in, data + at, n);
			at += n;
		}
		got = dump_next(d, &in, at == size, &item);
		buf_printf(&seen, "%d ", (int)got);
		if (got == DUMP_KEY)
			dump_in_key(d, key);
		if (got == DUMP_SECTION)
			buf_printf(&seen, "%d ", (int)item.section);
		if (got == DUMP_ROW) {
			check_row(&item);
			buf_printf(&seen, "%zu ", item.n);
			buf_put(&seen, item.row.p, item.row.n);
		}
		if (got == DUMP_MORE)		/* how many is no matter */
			seen.len -= 2;
	}
	if (got == DUMP_BAD) {
		HOLDS(item.err == ERR_BAD_JSON || item.err == ERR_INVALID);
		HOLDS(item.detail != NULL && item.detail[0] != '\0');
		HOLDS(item.pointer[0] == '\0' || item.pointer[0] == '/');
	}
	*whole_r = got == DUMP_END;
	hash = fuzz_seed(buf_head(&seen), buf_used(&seen));
	dump_in_free(d);
	buf_free(&in);
	buf_free(&seen);
	return hash;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t raw[SECRET_KEY] = { 1 };
	bool one, many;
	uint64_t hash;

	if (server == NULL) {
		HOLDS(secret_init() == 0);
		server = secret_key_from(raw);
	}
	hash = read_all(data, size, size + 1, &one);
	HOLDS(read_all(data, size, 7, &many) == hash);
	HOLDS(one == many);
	return 0;
}
