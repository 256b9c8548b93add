/*
 * dump_in: reads an export file as it comes in. A small scanner cuts the
 * document into its elements and holds no more than one of them; each is
 * then judged by dump_check, so that the scanner itself only has to find
 * where a value ends. Owns the element, the sums and the opened chunk.
 */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "dump_int.h"
#include "json.h"
#include "jscan.h"
#include "log.h"
#include "valid.h"
#include "xmalloc.h"

#define HEAD_MAX	65536		/* a member beside data */
#define CHUNK_MAX	(2 * DUMP_ROW_MAX)
#define KEY_MAX		64

enum level { L_TOP, L_DATA, L_ROWS, L_SECRETS, L_CHUNKS, L_OVER };
enum due { D_FIRST, D_ITEM, D_COLON, D_VALUE, D_COMMA };
enum top { T_VERSION = 1, T_GENERATOR = 2, T_AT = 4, T_BY = 8, T_DATA = 16,
    T_SECRETS = 32, T_SUMS = 64, T_PASS = 128 };

static const struct { const char *name; enum top bit; } tops[] = {
	{ "version", T_VERSION }, { "generator", T_GENERATOR },
	{ "exported_at", T_AT }, { "exported_by", T_BY }, { "data", T_DATA },
	{ "secrets", T_SECRETS }, { "checksums", T_SUMS },
	{ "passphrase", T_PASS },
};

struct dump_in {
	const struct secret_key	*server;
	struct arena		*arena;		/* of the call */
	bool			 begun;		/* "{" was seen */
	enum level		 level;
	enum due		 due;
	/* the value that comes in */
	bool			 taking, in_str, esc, scalar, is_key;
	unsigned		 depth;
	struct buf		 val;
	char			 key[KEY_MAX];
	/* the document */
	unsigned		 seen;		/* enum top */
	int64_t			 version;
	struct buf		 at, by, sums_text;
	enum dump_section	 section;
	bool			 had[DUMP__PLAIN];
	size_t			 n;		/* elements of this array */
	struct dump_sums	 sums;
	/* the encrypted part */
	struct buf		 pass;
	struct secret_key	*opener;
	uint8_t			 salt[SECRET_SALT];
	bool			 has_salt, closed, foreign, ended;
	struct buf		 lines;		/* an opened chunk */
	struct buf		 sealed;	/* a row's, as given out */
	size_t			 x_n[DUMP__ALL];
};

struct dump_in *
dump_in_new(const struct secret_key *server, struct slice passphrase)
{
	struct dump_in *d = xcalloc(1, sizeof(*d));

	d->server = server;
	d->arena = arena_new(0);
	d->section = DUMP__NONE;
	buf_put(&d->pass, passphrase.p, passphrase.n);
	return d;
}

void
dump_in_free(struct dump_in *d)
{
	if (d == NULL)
		return;
	arena_free(d->arena);
	secret_digest_end(&d->sums.now, NULL);
	secret_key_free(d->opener);
	secret_buf_free(&d->val);
	secret_buf_free(&d->pass);
	secret_buf_free(&d->lines);
	secret_buf_free(&d->sealed);
	buf_free(&d->at);
	buf_free(&d->by);
	buf_free(&d->sums_text);
	free(d);
}

bool
dump_in_closed(const struct dump_in *d)
{
	return d->closed;
}

bool
dump_in_foreign(const struct dump_in *d)
{
	return d->foreign;
}

void
dump_in_key(struct dump_in *d, const uint8_t derived[SECRET_KEY])
{
	d->opener = secret_key_from(derived);
}

/* ---- findings ---- */

/* Where the reader stands, as a JSON pointer. */
static const char *
here(struct dump_in *d)
{
	switch (d->level) {
	case L_TOP:
		return arena_printf(d->arena, "%s%s", d->key[0] ? "/" : "",
		    d->key);
	case L_DATA:
		return arena_printf(d->arena, "/data%s%s",
		    d->key[0] ? "/" : "", d->key);
	case L_ROWS:
		return arena_printf(d->arena, "/data/%s/%zu",
		    dump_name(d->section), d->n);
	case L_SECRETS:
		return arena_printf(d->arena, "/secrets%s%s",
		    d->key[0] ? "/" : "", d->key);
	case L_CHUNKS:
		return arena_printf(d->arena, "/secrets/chunks/%zu", d->n);
	case L_OVER:
		break;
	}
	return "";
}

static enum dump_got
bad(struct dump_item *item, enum err err, const char *pointer,
    const char *detail)
{
	item->err = err;
	item->pointer = pointer;
	item->detail = detail;
	return DUMP_BAD;
}

static enum dump_got
syntax(struct dump_in *d, struct dump_item *item, const char *detail)
{
	return bad(item, ERR_BAD_JSON, here(d), detail);
}

/* The checksum of all the plain part that was read. */
static void
total_of(struct dump_in *d, uint8_t out[SECRET_HASH])
{
	struct buf head = BUF_INIT;

	buf_printf(&head, "2\n%s\n", buf_cstr(&d->at));
	buf_printf(&head, "%s\n", buf_cstr(&d->by));
	dump_sums_total(&d->sums, buf_slice(&head), out);
	buf_free(&head);
}

/* ---- members beside data ---- */

/* A string's content: 0, or -1 when the value is none. */
static int
get_string(struct dump_in *d, struct buf *out)
{
	struct slice v = buf_slice(&d->val);
	long n;

	if (v.n < 2 || v.p[0] != '"' || !jscan_valid(v.p, v.n, NULL))
		return -1;
	n = jscan_unescape((char *)buf_reserve(out, v.n), v.n,
	    (struct slice){ v.p + 1, v.n - 2 });
	if (n < 0)
		return -1;
	buf_commit(out, (size_t)n);
	return 0;
}

static enum dump_got
take_version(struct dump_in *d, struct dump_item *item)
{
	struct slice v = buf_slice(&d->val);

	if (jscan_i64(v, &d->version) != 0)
		return bad(item, ERR_INVALID, "/version",
		    "must be a whole number");
	if (d->version != 1 && d->version != DUMP_VERSION)
		return bad(item, ERR_INVALID, "/version", arena_printf(
		    d->arena, "must be 1 or 2, this file has %lld: it is of a "
		    "program that is newer than this one",
		    (long long)d->version));
	return DUMP_MORE;
}

static enum dump_got
take_pass(struct dump_in *d, struct dump_item *item)
{
	if (d->seen & T_SECRETS)
		return bad(item, ERR_INVALID, "/passphrase",
		    "must come before secrets");
	secret_buf_free(&d->pass);
	if (get_string(d, &d->pass) != 0 ||
	    buf_used(&d->pass) < DUMP_PASS_MIN ||
	    buf_used(&d->pass) > DUMP_PASS_MAX)
		return bad(item, ERR_INVALID, "/passphrase",
		    "must be a string of 8 to 1024 bytes");
	return DUMP_MORE;
}

static enum dump_got
take_top(struct dump_in *d, struct dump_item *item)
{
	struct slice v = buf_slice(&d->val);
	bool text = true;

	if (strcmp(d->key, "version") == 0)
		return take_version(d, item);
	if (strcmp(d->key, "passphrase") == 0)
		return take_pass(d, item);
	if (strcmp(d->key, "data") == 0 || strcmp(d->key, "secrets") == 0)
		return bad(item, ERR_INVALID, here(d), "must be an object");
	if (strcmp(d->key, "checksums") == 0) {
		if (v.p[0] != '{' || json_canonical(v.p, v.n,
		    &d->sums_text) != 0)
			return bad(item, ERR_INVALID, here(d),
			    "must be an object");
		return DUMP_MORE;
	}
	if (strcmp(d->key, "exported_at") == 0)
		text = get_string(d, &d->at) == 0;
	else if (strcmp(d->key, "exported_by") == 0)
		text = get_string(d, &d->by) == 0 || slice_eq(v, "null");
	else
		text = v.p[0] == '"' && jscan_valid(v.p, v.n, NULL);
	return text ? DUMP_MORE :
	    bad(item, ERR_INVALID, here(d), "must be a string");
}

/* ---- the encrypted part ---- */

static enum dump_got
take_secret(struct dump_in *d, struct dump_item *item)
{
	static const struct { const char *name, *value; } fixed[] = {
		{ "kdf", "\"argon2id13\"" }, { "memory_kib", "65536" },
		{ "passes", "3" }, { "cipher", "\"xchacha20poly1305\"" },
	};
	struct slice v = buf_slice(&d->val);
	size_t i;

	for (i = 0; i < nitems(fixed); i++) {
		if (strcmp(d->key, fixed[i].name) != 0)
			continue;
		return slice_eq(v, fixed[i].value) ? DUMP_MORE : bad(item,
		    ERR_INVALID, here(d), arena_printf(d->arena, "must be %s",
		    fixed[i].value));
	}
	if (strcmp(d->key, "salt") != 0)
		return bad(item, ERR_INVALID, here(d),
		    strcmp(d->key, "chunks") == 0 ? "must be an array" :
		    "is not a member of this object");
	if (v.n < 2 || v.p[0] != '"' || str_unbase64(d->salt,
	    sizeof(d->salt), (struct slice){ v.p + 1, v.n - 2 }) !=
	    SECRET_SALT)
		return bad(item, ERR_INVALID, here(d),
		    "must be 16 bytes in base64");
	d->has_salt = true;
	return DUMP_MORE;
}

/* A chunk's lines, which dump_next then gives out. */
static enum dump_got
open_chunk(struct dump_in *d, struct dump_item *item)
{
	struct slice v = buf_slice(&d->val);
	uint8_t ad[8 + SECRET_SALT], *raw;
	int n, got = -1;

	if (d->closed)
		return DUMP_MORE;
	if (d->ended)
		return bad(item, ERR_INVALID, here(d),
		    "comes after the last one");
	raw = xmalloc(v.n + 1);
	n = v.n < 2 || v.p[0] != '"' ? -1 : str_unbase64(raw, v.n,
	    (struct slice){ v.p + 1, v.n - 2 });
	if (n >= 0)
		got = secret_open(d->opener, "export", raw, (size_t)n,
		    dump_ad(ad, d->n, d->salt), &d->lines);
	free(raw);
	if (n < 0)
		return bad(item, ERR_INVALID, here(d), "must be base64");
	return got == 0 ? DUMP_MORE : bad(item, ERR_INVALID, here(d),
	    d->n == 0 ? "cannot be opened: the passphrase is wrong, or the "
	    "file was changed" : "was changed");
}

/* The last line: the plain part is the one that was written with this. */
static enum dump_got
take_x_end(struct dump_in *d, struct slice row, struct dump_item *item)
{
	uint8_t total[SECRET_HASH];
	char hex[2 * SECRET_HASH + 1];

	total_of(d, total);
	str_hex(hex, total, sizeof(total));
	d->ended = true;
	return slice_eq(row, hex) ? DUMP_MORE : bad(item, ERR_INVALID,
	    "/data", "is not what the secrets were written with");
}

static enum dump_got
checked(struct dump_in *d, enum dump_section s, struct slice row,
    const char *at, struct dump_item *item)
{
	struct json_faults f = { .n = 0 };
	enum err err = dump_check(d->arena, s, row, &f);

	if (err == ERR_OK)
		return DUMP_ROW;
	return bad(item, err, arena_printf(d->arena, "%s%s", at,
	    err == ERR_INVALID && f.n > 0 ? f.v[0].pointer : ""),
	    f.n > 0 ? f.v[0].detail : "is not valid JSON");
}

static enum dump_got
take_line(struct dump_in *d, enum dump_section s, struct slice row,
    struct dump_item *item)
{
	char hex[2 * SECRET_HASH + 1];
	struct slice id;

	if (s == DUMP_X_END)
		return take_x_end(d, row, item);
	if (s == DUMP_X_KEY) {
		dump_key_id(d->server, hex);
		d->foreign = !json_member(row.p, row.n, "id", &id) ||
		    id.n != sizeof(hex) + 1 ||
		    memcmp(id.p + 1, hex, sizeof(hex) - 1) != 0;
		return DUMP_MORE;
	}
	if (s == DUMP_X_NODE_SECRETS && d->foreign)
		return DUMP_MORE;
	if (checked(d, s, row, here(d), item) != DUMP_ROW)
		return DUMP_BAD;
	secret_buf_free(&d->sealed);
	if (dump_seal(d->server, s, row, &d->sealed) != 0)
		return bad(item, ERR_INVALID, here(d), "has a bad secret");
	item->section = s;
	item->n = d->x_n[s]++;
	item->row = buf_slice(&d->sealed);
	return DUMP_ROW;
}

/* The next line of the opened chunk; DUMP_MORE when there is none left. */
static enum dump_got
next_line(struct dump_in *d, struct dump_item *item)
{
	enum dump_got got = DUMP_MORE;
	struct slice line, name;
	enum dump_section s;
	const char *end;
	size_t n;

	while (got == DUMP_MORE && buf_used(&d->lines) > 0) {
		line = buf_slice(&d->lines);
		end = memchr(line.p, '\n', line.n);
		n = end != NULL ? (size_t)(end - line.p) : line.n;
		line.n = n;
		if (end == NULL || !slice_cut(&line, ' ', &name) ||
		    (s = dump_find(name, true)) == DUMP__NONE)
			return bad(item, ERR_INVALID, here(d),
			    "holds what this version does not know");
		got = take_line(d, s, line, item);
		buf_drain(&d->lines, n + 1);
	}
	return got;
}

/* ---- the scanner ---- */

static size_t
value_max(const struct dump_in *d)
{
	if (d->is_key)
		return KEY_MAX;
	if (d->level == L_ROWS)
		return DUMP_ROW_MAX;
	return d->level == L_CHUNKS ? CHUNK_MAX : HEAD_MAX;
}

static void
begin_value(struct dump_in *d, bool key)
{
	buf_clear(&d->val);
	d->taking = true;
	d->is_key = key;
	d->in_str = d->esc = d->scalar = false;
	d->depth = 0;
}

/* One byte of a value. 1: it was the last, 0: more is due, 2: the value
 * ended before it. */
static int
value_byte(struct dump_in *d, char c)
{
	if (d->in_str) {
		if (d->esc)
			d->esc = false;
		else if (c == '\\')
			d->esc = true;
		else if (c == '"')
			d->in_str = false;
		return !d->in_str && d->depth == 0;
	}
	switch (c) {
	case '"':
		d->in_str = true;
		return 0;
	case '{':
	case '[':
		d->depth++;
		return 0;
	case '}':
	case ']':
		if (d->depth == 0)
			return 2;
		return --d->depth == 0;
	case ',':
	case ' ':
	case '\t':
	case '\r':
	case '\n':
		return d->depth == 0 ? 2 : 0;
	default:
		return 0;
	}
}

/* As many bytes as belong to the value. 1: it is whole, 0: more is due,
 * -1: it is too long or too deep. */
static int
take_bytes(struct dump_in *d, struct buf *in)
{
	const char *p = (const char *)buf_head(in);
	size_t n = buf_used(in), i, had = buf_used(&d->val);
	int got = 0;

	for (i = 0; i < n && got == 0; i++) {
		got = value_byte(d, p[i]);
		if (d->depth > JSCAN_DEPTH || had + i > value_max(d))
			return -1;
	}
	if (got == 2)
		i--;
	buf_put(&d->val, p, i);
	buf_drain(in, i);
	return got != 0;
}

/* A key is whole. */
static enum dump_got
got_key(struct dump_in *d, struct dump_item *item)
{
	struct slice k = buf_slice(&d->val);
	size_t i;

	if (k.n < 3 || k.n > KEY_MAX || !jscan_valid(k.p, k.n, NULL) ||
	    memchr(k.p, '\\', k.n) != NULL) {
		d->key[0] = '\0';
		return bad(item, ERR_INVALID, here(d),
		    "has a member that no export has");
	}
	memcpy(d->key, k.p + 1, k.n - 2);
	d->key[k.n - 2] = '\0';
	d->due = D_COLON;
	if (d->level == L_DATA) {
		d->section = dump_find((struct slice){ k.p + 1, k.n - 2 },
		    false);
		if (d->section == DUMP__NONE)
			return bad(item, ERR_INVALID, here(d),
			    "is no section that this version knows");
		if (d->had[d->section])
			return syntax(d, item, "a key is repeated");
		d->had[d->section] = true;
		return DUMP_MORE;
	}
	if (d->level == L_SECRETS)
		return DUMP_MORE;
	for (i = 0; i < nitems(tops); i++) {
		if (strcmp(tops[i].name, d->key) != 0)
			continue;
		if (d->seen & tops[i].bit)
			return syntax(d, item, "a key is repeated");
		d->seen |= tops[i].bit;
		return DUMP_MORE;
	}
	return bad(item, ERR_INVALID, here(d),
	    "is not a member of an export");
}

/* An element or member is whole. */
static enum dump_got
got_value(struct dump_in *d, struct dump_item *item)
{
	enum dump_got got;

	d->due = D_COMMA;
	switch (d->level) {
	case L_TOP:
		return take_top(d, item);
	case L_SECRETS:
		return take_secret(d, item);
	case L_CHUNKS:
		got = open_chunk(d, item);
		if (got == DUMP_MORE)
			got = next_line(d, item);
		/* lines that are left are of the same chunk */
		if (got != DUMP_BAD)
			d->n++;
		return got;
	case L_ROWS:
		got = checked(d, d->section, buf_slice(&d->val), here(d), item);
		if (got != DUMP_ROW)
			return got;
		item->section = d->section;
		item->n = d->n++;
		item->row = buf_slice(&d->val);
		dump_sums_row(&d->sums, d->section, item->row);
		return d->section == DUMP_TEMPLATES ? DUMP_MORE : DUMP_ROW;
	case L_DATA:
		return bad(item, ERR_INVALID, here(d), "must be an array");
	case L_OVER:
		break;
	}
	return syntax(d, item, "nothing may follow");
}

/* An opening bracket that leads deeper; DUMP_KEY asks for the key. */
static enum dump_got
descend(struct dump_in *d, enum level to, struct dump_item *item)
{
	if (to == L_DATA && (d->seen & T_VERSION) == 0)
		return bad(item, ERR_INVALID, "/version",
		    "must be there before data");
	if (to == L_SECRETS && (d->version == 1 || !(d->seen & T_DATA)))
		return bad(item, ERR_INVALID, "/secrets", d->version == 1 ?
		    "must not be in a file of version 1" :
		    "must come after data");
	d->level = to;
	d->due = D_FIRST;
	d->n = 0;
	if (to != L_ROWS && to != L_CHUNKS)
		d->key[0] = '\0';
	if (to == L_ROWS) {
		dump_sums_begin(&d->sums);
		item->section = d->section;
		return DUMP_SECTION;
	}
	if (to != L_CHUNKS)
		return DUMP_MORE;
	if (!d->has_salt)
		return bad(item, ERR_INVALID, "/secrets/salt",
		    "must be there before chunks");
	d->closed = buf_used(&d->pass) == 0;
	if (d->closed)
		return DUMP_MORE;
	item->row = buf_slice(&d->pass);
	item->salt = d->salt;
	return DUMP_KEY;
}

/* A closing bracket. */
static enum dump_got
ascend(struct dump_in *d, struct dump_item *item)
{
	static const enum level up[] = { L_OVER, L_TOP, L_DATA, L_TOP,
	    L_SECRETS };

	if (d->level == L_ROWS)
		dump_sums_end(&d->sums, d->section);
	if (d->level == L_CHUNKS && !d->closed && !d->ended)
		return bad(item, ERR_INVALID, here(d),
		    "is missing: the secrets are cut off");
	d->level = up[d->level];
	d->due = D_COMMA;
	d->key[0] = '\0';
	return DUMP_MORE;
}

static bool
is_array(const struct dump_in *d)
{
	return d->level == L_ROWS || d->level == L_CHUNKS;
}

/* A byte where no value is being read. */
static enum dump_got
structure(struct dump_in *d, char c, struct dump_item *item)
{
	if (d->level == L_OVER)
		return syntax(d, item, "nothing may follow");
	if (!d->begun) {
		d->begun = true;
		if (c == '{')
			return DUMP_MORE;
		return strchr("\"[-0123456789tfn", c) == NULL || c == '\0' ?
		    syntax(d, item, "is not JSON") :
		    bad(item, ERR_INVALID, "", "must be an object");
	}
	if (c == (is_array(d) ? ']' : '}') &&
	    (d->due == D_FIRST || d->due == D_COMMA))
		return ascend(d, item);
	switch (d->due) {
	case D_COMMA:
		if (c != ',')
			return syntax(d, item, "a comma is due");
		d->due = D_ITEM;
		return DUMP_MORE;
	case D_COLON:
		if (c != ':')
			return syntax(d, item, "a colon is due");
		d->due = D_VALUE;
		return DUMP_MORE;
	case D_VALUE:
		if (d->level == L_TOP && c == '{' && !strcmp(d->key, "data"))
			return descend(d, L_DATA, item);
		if (d->level == L_TOP && c == '{' &&
		    !strcmp(d->key, "secrets"))
			return descend(d, L_SECRETS, item);
		if (d->level == L_DATA && c == '[')
			return descend(d, L_ROWS, item);
		if (d->level == L_SECRETS && c == '[' &&
		    !strcmp(d->key, "chunks"))
			return descend(d, L_CHUNKS, item);
		break;
	case D_FIRST:
	case D_ITEM:
		if (!is_array(d) && c != '"')
			return syntax(d, item, "a key is due");
		break;
	}
	begin_value(d, !is_array(d) && d->due != D_VALUE);
	return DUMP_MORE;
}

/* ---- the end ---- */

/* The checksums of the file against those of what was read. */
static enum dump_got
check_sums(struct dump_in *d, struct dump_item *item)
{
	struct slice text = buf_slice(&d->sums_text), v;
	struct buf want = BUF_INIT;
	uint8_t total[SECRET_HASH];
	char hex[2 * SECRET_HASH + 1];
	const char *name, *fault = NULL;
	uint64_t rows = 0;
	unsigned i;

	total_of(d, total);
	for (i = 0; i <= DUMP__PLAIN && fault == NULL; i++) {
		if (i < DUMP__PLAIN && !d->sums.has[i])
			continue;
		name = i == DUMP__PLAIN ? "total" : dump_name(i);
		str_hex(hex, i == DUMP__PLAIN ? total : d->sums.sum[i],
		    SECRET_HASH);
		rows += i < DUMP__PLAIN ? d->sums.rows[i] : 0;
		buf_clear(&want);
		buf_printf(&want, "{\"blake2b\":\"%s\",\"rows\":%llu}", hex,
		    (unsigned long long)(i == DUMP__PLAIN ? rows :
		    d->sums.rows[i]));
		if (!json_member(text.p, text.n, name, &v) ||
		    !slice_same(v, buf_slice(&want)))
			fault = name;
	}
	buf_free(&want);
	if (fault == NULL)
		return DUMP_END;
	return bad(item, ERR_INVALID, arena_printf(d->arena,
	    "/checksums/%s", fault), "does not fit: the file was changed");
}

static enum dump_got
at_end(struct dump_in *d, struct dump_item *item)
{
	if (d->level != L_OVER)
		return syntax(d, item, "the file ends here: it is cut off");
	if ((d->seen & T_VERSION) == 0)
		return bad(item, ERR_INVALID, "/version", "is required");
	if ((d->seen & T_DATA) == 0)
		return bad(item, ERR_INVALID, "/data", "is required");
	if (d->version == 1)
		return d->seen & T_SUMS ? bad(item, ERR_INVALID,
		    "/checksums", "must not be in a file of version 1") :
		    DUMP_END;
	if ((d->seen & T_SUMS) == 0)
		return bad(item, ERR_INVALID, "/checksums", "is required");
	return check_sums(d, item);
}

enum dump_got
dump_next(struct dump_in *d, struct buf *in, bool last,
    struct dump_item *item)
{
	enum dump_got got;
	char c;

	arena_reset(d->arena);
	got = next_line(d, item);
	while (got == DUMP_MORE && buf_used(in) > 0) {
		if (d->taking) {
			switch (take_bytes(d, in)) {
			case 0:
				continue;
			case -1:
				return bad(item, ERR_INVALID, here(d),
				    "is too long or too deep");
			}
			d->taking = false;
			got = d->is_key ? got_key(d, item) :
			    got_value(d, item);
			continue;
		}
		c = *(const char *)buf_head(in);
		if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
			got = structure(d, c, item);
		/* the first byte of a value belongs to it */
		if (!d->taking)
			buf_drain(in, 1);
	}
	if (got == DUMP_MORE && last)
		got = at_end(d, item);
	return got;
}
