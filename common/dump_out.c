/* dump_out: writes an export file, and what both directions share. */
#include <stdlib.h>
#include <string.h>

#include "dump_int.h"
#include "json.h"
#include "log.h"
#include "xmalloc.h"

static const struct section {
	const char	*name;
	unsigned	 batch;
	bool		 exported;
} sections[] = {
	[DUMP_SETTINGS] = { "settings", 64, true },
	[DUMP_USERS] = { "users", 128, true },
	[DUMP_NODES] = { "nodes", 128, true },
	[DUMP_TUNNELS] = { "tunnels", 128, true },
	[DUMP_PREFERENCES] = { "preferences", 16, true },
	[DUMP_POSITIONS] = { "positions", 256, true },
	[DUMP_CONFIG_VERSIONS] = { "config_versions", 256, true },
	[DUMP_NODE_CONFIGS] = { "node_configs", 256, true },
	[DUMP_TEMPLATES] = { "config_templates", 1, false },
	[DUMP_EVENTS] = { "events", 256, true },
	[DUMP_AUDIT] = { "audit_log", 256, true },
	[DUMP_X_KEY] = { "x_key", 1, false },
	[DUMP_X_USERS] = { "x_users", 128, true },
	[DUMP_X_NODE_SECRETS] = { "x_node_secrets", 128, true },
	[DUMP_X_CONFIGS] = { "x_configs", 8, true },
	[DUMP_X_TUNNELS] = { "x_tunnels", 128, true },
	[DUMP_X_PROVIDER_KEYS] = { "x_provider_keys", 128, true },
	[DUMP_X_END] = { "x_end", 1, false },
};

struct dump_out {
	struct dump_sums	 sums;
	enum dump_section	 section;	/* DUMP__ALL: none yet */
	bool			 first;		/* no row in it yet */
	bool			 any;		/* a section was written */
	bool			 secrets;	/* their part was begun */
	struct buf		 head;		/* what the total covers */
	struct secret_key	*key;
	const struct secret_key	*server;
	uint8_t			 salt[SECRET_SALT];
	struct buf		 lines;		/* of the chunk that fills */
	uint64_t		 chunks;
};

const char *
dump_name(enum dump_section s)
{
	return sections[s].name;
}

unsigned
dump_batch(enum dump_section s)
{
	return sections[s].batch;
}

enum dump_section
dump_find(struct slice name, bool secret)
{
	size_t i = secret ? DUMP__PLAIN : 0;
	size_t end = secret ? nitems(sections) : DUMP__PLAIN;

	for (; i < end; i++)
		if (slice_eq(name, sections[i].name))
			return (enum dump_section)i;
	return DUMP__NONE;
}

static bool
wanted(enum dump_section s, const struct dump_want *w)
{
	if (!sections[s].exported)
		return false;
	if (s == DUMP_EVENTS)
		return w->events;
	if (s == DUMP_AUDIT)
		return w->audit;
	return s < DUMP__PLAIN || w->secrets;
}

enum dump_section
dump_after(enum dump_section s, const struct dump_want *w)
{
	unsigned i = s == DUMP__ALL ? 0 : (unsigned)s + 1;

	while (i < DUMP__ALL && !wanted((enum dump_section)i, w))
		i++;
	return (enum dump_section)i;
}

/* ---- sums ---- */

void
dump_sums_begin(struct dump_sums *s)
{
	s->now = secret_digest_new();
}

void
dump_sums_row(struct dump_sums *s, enum dump_section at, struct slice row)
{
	secret_digest_put(s->now, row.p, row.n);
	secret_digest_put(s->now, "\n", 1);
	s->rows[at]++;
}

void
dump_sums_end(struct dump_sums *s, enum dump_section at)
{
	secret_digest_end(&s->now, s->sum[at]);
	s->has[at] = true;
}

void
dump_sums_total(const struct dump_sums *s, struct slice head,
    uint8_t out[SECRET_HASH])
{
	struct secret_digest *d = secret_digest_new();
	unsigned i;

	secret_digest_put(d, head.p, head.n);
	for (i = 0; i < DUMP__PLAIN; i++) {
		if (!s->has[i])
			continue;
		secret_digest_put(d, sections[i].name,
		    strlen(sections[i].name) + 1);
		secret_digest_put(d, s->sum[i], SECRET_HASH);
	}
	secret_digest_end(&d, out);
}

struct slice
dump_ad(uint8_t ad[8 + SECRET_SALT], uint64_t n,
    const uint8_t salt[SECRET_SALT])
{
	unsigned i;

	for (i = 0; i < 8; i++)
		ad[i] = (uint8_t)(n >> (8 * i));
	memcpy(ad + 8, salt, SECRET_SALT);
	return (struct slice){ (const char *)ad, 8 + SECRET_SALT };
}

void
dump_key_id(const struct secret_key *key, char hex[2 * SECRET_HASH + 1])
{
	uint8_t hash[SECRET_HASH];

	secret_hash(key, "export", "key id", 6, hash);
	str_hex(hex, hash, sizeof(hash));
}

/* ---- the file ---- */

struct dump_out *
dump_out_new(const char *generator, struct slice at, struct slice by,
    struct buf *out)
{
	struct dump_out *d = xcalloc(1, sizeof(*d));
	struct json_w w;

	d->section = DUMP__ALL;
	buf_puts(out, "{\"version\":2,\"generator\":");
	json_w_init(&w, out);
	json_w_str(&w, generator);
	buf_puts(out, ",\n\"exported_at\":");
	json_w_init(&w, out);
	json_w_slice(&w, at);
	buf_puts(out, ",\"exported_by\":");
	json_w_init(&w, out);
	json_w_slice(&w, by);
	buf_puts(out, ",\n\"data\":{");
	buf_printf(&d->head, "2\n%.*s\n%.*s\n", (int)at.n, at.p, (int)by.n,
	    by.p);
	return d;
}

void
dump_out_free(struct dump_out *d)
{
	if (d == NULL)
		return;
	secret_digest_end(&d->sums.now, NULL);
	secret_key_free(d->key);
	secret_buf_free(&d->lines);
	buf_free(&d->head);
	free(d);
}

void
dump_out_key(struct dump_out *d, const uint8_t derived[SECRET_KEY],
    const uint8_t salt[SECRET_SALT], const struct secret_key *server)
{
	d->key = secret_key_from(derived);
	d->server = server;
	memcpy(d->salt, salt, SECRET_SALT);
}

static void
put_base64(struct buf *out, const void *p, size_t n)
{
	size_t room = n / 3 * 4 + 8;
	char *at = (char *)buf_reserve(out, room);
	int got = str_base64(at, room, p, n);

	if (got < 0)
		fatal("dump: base64");
	buf_commit(out, (size_t)got);
}

/* What has gathered, as one chunk. */
static void
put_chunk(struct dump_out *d, struct buf *out)
{
	uint8_t ad[8 + SECRET_SALT];
	struct buf sealed = BUF_INIT;

	if (buf_used(&d->lines) == 0)
		return;
	secret_seal(d->key, "export", buf_head(&d->lines),
	    buf_used(&d->lines), dump_ad(ad, d->chunks, d->salt), &sealed);
	buf_puts(out, d->chunks++ == 0 ? "\n\"" : ",\n\"");
	put_base64(out, buf_head(&sealed), buf_used(&sealed));
	buf_putc(out, '"');
	buf_free(&sealed);
	secret_wipe(d->lines.data, d->lines.cap);
	buf_clear(&d->lines);
}

static void
put_line(struct dump_out *d, enum dump_section s, struct slice row,
    struct buf *out)
{
	buf_puts(&d->lines, sections[s].name);
	buf_putc(&d->lines, ' ');
	buf_put(&d->lines, row.p, row.n);
	buf_putc(&d->lines, '\n');
	if (buf_used(&d->lines) >= DUMP_CHUNK)
		put_chunk(d, out);
}

static void
secrets_begin(struct dump_out *d, struct buf *out)
{
	char hex[2 * SECRET_HASH + 1], row[2 * SECRET_HASH + 16] = "{\"id\":\"";

	d->secrets = true;
	buf_puts(out, "},\n\"secrets\":{\"kdf\":\"argon2id13\","
	    "\"memory_kib\":65536,\"passes\":3,"
	    "\"cipher\":\"xchacha20poly1305\",\"salt\":\"");
	put_base64(out, d->salt, SECRET_SALT);
	buf_puts(out, "\",\"chunks\":[");
	dump_key_id(d->server, hex);
	str_copy(row + 7, sizeof(row) - 7, hex);
	str_copy(row + strlen(row), 3, "\"}");
	put_line(d, DUMP_X_KEY, slice_of(row), out);
}

static void
section_end(struct dump_out *d, struct buf *out)
{
	if (d->section < DUMP__PLAIN) {
		dump_sums_end(&d->sums, d->section);
		buf_putc(out, ']');
	}
	d->section = DUMP__ALL;
}

void
dump_out_section(struct dump_out *d, enum dump_section s, struct buf *out)
{
	section_end(d, out);
	d->section = s;
	d->first = true;
	if (s >= DUMP__PLAIN) {
		if (!d->secrets)
			secrets_begin(d, out);
		return;
	}
	dump_sums_begin(&d->sums);
	buf_puts(out, d->any ? ",\n\"" : "\n\"");
	d->any = true;
	buf_puts(out, sections[s].name);
	buf_puts(out, "\":[");
}

int
dump_out_row(struct dump_out *d, struct slice row, struct buf *out)
{
	struct buf plain = BUF_INIT;
	int got;

	if (d->section < DUMP__PLAIN) {
		dump_sums_row(&d->sums, d->section, row);
		buf_puts(out, d->first ? "\n" : ",\n");
		buf_put(out, row.p, row.n);
		d->first = false;
		return 0;
	}
	got = dump_unseal(d->server, d->section, row, &plain);
	if (got == 0)
		put_line(d, d->section, buf_slice(&plain), out);
	secret_buf_free(&plain);
	return got;
}

static void
put_sum(struct buf *out, const char *name, uint64_t rows,
    const uint8_t sum[SECRET_HASH])
{
	char hex[2 * SECRET_HASH + 1];

	str_hex(hex, sum, SECRET_HASH);
	buf_printf(out, "\n\"%s\":{\"rows\":%llu,\"blake2b\":\"%s\"}", name,
	    (unsigned long long)rows, hex);
}

void
dump_out_end(struct dump_out *d, struct buf *out)
{
	uint8_t total[SECRET_HASH];
	char hex[2 * SECRET_HASH + 1];
	uint64_t rows = 0;
	unsigned i;

	section_end(d, out);
	dump_sums_total(&d->sums, buf_slice(&d->head), total);
	if (d->secrets) {
		str_hex(hex, total, sizeof(total));
		put_line(d, DUMP_X_END, slice_of(hex), out);
		put_chunk(d, out);
		buf_putc(out, ']');
	}
	buf_puts(out, "},\n\"checksums\":{");
	for (i = 0; i < DUMP__PLAIN; i++) {
		if (!d->sums.has[i])
			continue;
		put_sum(out, sections[i].name, d->sums.rows[i],
		    d->sums.sum[i]);
		buf_putc(out, ',');
		rows += d->sums.rows[i];
	}
	put_sum(out, "total", rows, total);
	buf_puts(out, "}}\n");
}
