/* seal: the signed text of a seal, and what follows what. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "db.h"
#include "seal.h"

static void
put_hex(struct buf *b, const char *name, const void *p, size_t n)
{
	char hex[2 * SECRET_HASH + 1];

	str_hex(hex, p, n);
	buf_printf(b, "%s %s\n", name, hex);
}

static void
chain(const struct seal *s, const struct seal_head *head,
    uint8_t out[SECRET_HASH])
{
	struct buf b = BUF_INIT;

	buf_printf(&b, "mastkeeper audit seal 1\nseq %" PRId64 "\n", s->seq);
	put_hex(&b, "previous", head->chain, SECRET_HASH);
	buf_puts(&b, "ids ");
	buf_put(&b, s->ids.p, s->ids.n);
	buf_printf(&b, "\nrows %" PRId64 "\n", s->rows);
	put_hex(&b, "content", s->content, SECRET_HASH);
	buf_puts(&b, "sealed_at ");
	buf_put(&b, s->sealed_at.p, s->sealed_at.n);
	buf_puts(&b, "\n");
	put_hex(&b, "signer", s->signer, SECRET_KEY);
	secret_sha256(buf_head(&b), buf_used(&b), out);
	buf_free(&b);
}

void
seal_sign(struct seal *s, const struct seal_head *head,
    const struct secret_key *key)
{
	secret_sign_public(key, s->signer);
	chain(s, head, s->chain);
	secret_sign(key, s->chain, SECRET_HASH, s->signature);
}

static bool
known(const struct seal_keys *keys, const uint8_t signer[SECRET_KEY])
{
	size_t i;

	for (i = 0; i < keys->n; i++)
		if (memcmp(keys->v[i], signer, SECRET_KEY) == 0)
			return true;
	return false;
}

const char *
seal_follow(struct seal_head *head, const struct seal *s,
    const struct seal_keys *keys)
{
	uint8_t want[SECRET_HASH];

	if (s->seq != head->seq + 1)
		return "does not follow the seal before it: one is missing";
	chain(s, head, want);
	if (memcmp(want, s->chain, SECRET_HASH) != 0)
		return "is not what was chained: it or the seal before it "
		    "was changed, removed or moved";
	if (!known(keys, s->signer))
		return "is signed by a key that is not trusted";
	if (!secret_signed(s->signer, s->chain, SECRET_HASH, s->signature))
		return "has a signature that is not good";
	head->seq = s->seq;
	memcpy(head->chain, s->chain, SECRET_HASH);
	return NULL;
}

int
seal_keys_parse(struct seal_keys *keys, struct slice text, struct buf *err_r)
{
	struct slice line;
	unsigned n = 0;

	keys->n = 0;
	while (slice_cut(&text, '\n', &line)) {
		n++;
		line = slice_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (keys->n == SEAL_KEYS || str_unhex(keys->v[keys->n], line,
		    SECRET_KEY) == -1) {
			buf_printf(err_r, "line %u is not a public key of 64 "
			    "hex digits", n);
			return -1;
		}
		keys->n++;
	}
	if (keys->n == 0)
		buf_puts(err_r, "holds no public key");
	return keys->n == 0 ? -1 : 0;
}

void
seal_head_text(const struct seal_head *head, char dst[SEAL_HEAD_TEXT])
{
	char hex[2 * SECRET_HASH + 1];

	str_hex(hex, head->chain, SECRET_HASH);
	(void)snprintf(dst, SEAL_HEAD_TEXT, "%" PRId64 ":%s", head->seq, hex);
}

int
seal_head_parse(struct seal_head *head, struct slice text)
{
	struct slice part;

	text = slice_trim(text);
	if (!slice_cut(&text, ':', &part) ||
	    slice_i64(part, 0, INT64_MAX, &head->seq) == -1)
		return -1;
	return str_unhex(head->chain, text, SECRET_HASH);
}

int
seal_row(const struct db_result *res, int row, struct seal *s)
{
	s->seq = db_i64(res, row, 0);
	s->rows = db_i64(res, row, 1);
	s->ids = db_get(res, row, 2);
	s->sealed_at = db_get(res, row, 7);
	if (db_bytea(res, row, 3, s->content, SECRET_HASH) != SECRET_HASH ||
	    db_bytea(res, row, 4, s->chain, SECRET_HASH) != SECRET_HASH ||
	    db_bytea(res, row, 5, s->signature, SECRET_SIGNATURE) !=
	    SECRET_SIGNATURE || db_bytea(res, row, 6, s->signer,
	    SECRET_KEY) != SECRET_KEY)
		return -1;
	return 0;
}

const char *
seal_follow_rows(struct seal_head *head, const struct db_result *res,
    const struct seal_keys *keys)
{
	struct seal seal;
	int i = 0;

	if (head->seq > 0) {
		if (db_rows(res) == 0 || seal_row(res, 0, &seal) == -1 ||
		    seal.seq != head->seq || memcmp(seal.chain, head->chain,
		    SECRET_HASH) != 0)
			return "was there and is gone or changed";
		i = 1;
	}
	for (; i < db_rows(res); i++)
		if (seal_row(res, i, &seal) == -1 ||
		    seal_follow(head, &seal, keys) != NULL)
			return "is followed by one that is not good";
	return NULL;
}

int
seal_anchor_read(int fd, struct seal_head *head)
{
	char text[SEAL_HEAD_TEXT + 2];
	ssize_t n = pread(fd, text, sizeof(text), 0);

	if (n <= 0)
		return (int)n;
	return seal_head_parse(head, (struct slice){ text,
	    (size_t)n - (text[n - 1] == '\n') });
}

int
seal_anchor_write(int fd, const struct seal_head *head)
{
	struct seal_head there = { .seq = 0 };
	char text[SEAL_HEAD_TEXT + 1];
	size_t n;

	/* A later hub of this host was quicker. */
	if (seal_anchor_read(fd, &there) == 0 && there.seq > head->seq)
		return 0;
	seal_head_text(head, text);
	n = strlen(text);
	text[n++] = '\n';
	return pwrite(fd, text, n, 0) == (ssize_t)n ? 0 : -1;
}
