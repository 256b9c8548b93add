/*
 * dump_seal: the secrets of a row. In the database they are sealed with the
 * server key, in the encrypted part of a file they are plain, so that a
 * server with another key can take them.
 */
#include <stdlib.h>
#include <string.h>

#include "dump_int.h"
#include "id.h"
#include "json.h"
#include "xmalloc.h"

/* How each kind is sealed: the subkey and what it is bound to. */
static const struct seal {
	enum dump_section	 section;
	const char		*purpose;
	const char		*bound;		/* a member */
	enum { AS_TEXT, AS_HASH, AS_UUID } form; /* what of it */
} seals[] = {
	{ DUMP_X_USERS, "totp", "id", AS_TEXT },
	{ DUMP_X_CONFIGS, "config", "hash", AS_HASH },
	{ DUMP_X_TUNNELS, "tunnel", "id", AS_UUID },
};

static const struct seal *
seal_of(enum dump_section s)
{
	size_t i;

	for (i = 0; i < nitems(seals); i++)
		if (seals[i].section == s)
			return &seals[i];
	return NULL;
}

/* The content of a member that is a string without escapes. */
static bool
member(struct slice row, const char *name, struct slice *v_r)
{
	if (!json_member(row.p, row.n, name, v_r) || v_r->n < 2 ||
	    v_r->p[0] != '"')
		return false;
	v_r->p++;
	v_r->n -= 2;
	return true;
}

/* The additional data; false: the row has none that fits. */
static bool
bound(const struct seal *s, struct slice row, uint8_t raw[SECRET_HASH],
    struct slice *ad_r)
{
	struct slice hex;
	struct id id;

	if (!member(row, s->bound, &hex))
		return false;
	*ad_r = hex;
	switch (s->form) {
	case AS_TEXT:
		return true;
	case AS_HASH:
		*ad_r = (struct slice){ (const char *)raw, SECRET_HASH };
		return str_unhex(raw, hex, SECRET_HASH) == 0;
	case AS_UUID:
		*ad_r = (struct slice){ (const char *)raw, sizeof(id.b) };
		if (id_parse(&id, hex) != 0)
			return false;
		memcpy(raw, id.b, sizeof(id.b));
		return true;
	}
	return false;
}

static void
put_hex(struct buf *out, const void *p, size_t n)
{
	char *at = (char *)buf_reserve(out, 2 * n + 1);

	str_hex(at, p, n);
	buf_commit(out, 2 * n);
}

/* The row with its secret turned by the key. */
static int
turn(const struct secret_key *key, enum dump_section section,
    struct slice row, bool open, struct buf *out)
{
	const struct seal *s = seal_of(section);
	uint8_t raw[SECRET_HASH], *bytes;
	struct slice hex, ad;
	struct buf b = BUF_INIT;
	int got = 0;

	if (s == NULL || !member(row, "secret", &hex)) {
		buf_put(out, row.p, row.n);
		return 0;
	}
	if (!bound(s, row, raw, &ad))
		return -1;
	bytes = xmalloc(hex.n / 2 + 1);
	if (str_unhex(bytes, hex, hex.n / 2) != 0 || hex.n % 2 != 0)
		got = -1;
	else if (open)
		got = secret_open(key, s->purpose, bytes, hex.n / 2, ad, &b);
	else
		secret_seal(key, s->purpose, bytes, hex.n / 2, ad, &b);
	if (got == 0) {
		buf_put(out, row.p, (size_t)(hex.p - row.p));
		put_hex(out, buf_head(&b), buf_used(&b));
		buf_put(out, hex.p + hex.n,
		    (size_t)(row.p + row.n - hex.p) - hex.n);
	}
	secret_wipe(bytes, hex.n / 2 + 1);
	secret_buf_free(&b);
	free(bytes);
	return got;
}

int
dump_unseal(const struct secret_key *key, enum dump_section section,
    struct slice row, struct buf *out)
{
	return turn(key, section, row, true, out);
}

int
dump_seal(const struct secret_key *key, enum dump_section section,
    struct slice row, struct buf *out)
{
	return turn(key, section, row, false, out);
}
