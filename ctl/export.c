/*
 * export: rows of one transaction to a file, in batches, and the reverse.
 * Owns the file, which nobody else may read.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "db.h"
#include "dump.h"
#include "export.h"
#include "out.h"
#include "pg.h"
#include "secret.h"
#include "stmt.h"
#include "str.h"
#include "valid.h"
#include "xmalloc.h"

#define VERSION	"0.1.0"
#define BATCH	(256 * 1024)
#define READ	65536

enum { OUT_EVENTS, OUT_DAYS, OUT_AUDIT, OUT_PASS };
enum { IN_DRY, IN_MODE, IN_PASS };

/* The first line of a file as a passphrase: CTL_OK, or the exit code. */
static int
passphrase(const struct ctl *ctl, const char *path, struct buf *pass)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n = fd == -1 ? -1 : read(fd, buf_reserve(pass, READ), READ);
	const char *end;

	if (fd != -1)
		close(fd);
	if (n == -1)
		return ctl_fail(ctl, CTL_FAILED, "%s: %s", path,
		    strerror(errno));
	buf_commit(pass, (size_t)n);
	end = memchr(buf_head(pass), '\n', (size_t)n);
	if (end != NULL)
		pass->len = pass->off +
		    (size_t)(end - (const char *)buf_head(pass));
	n = (ssize_t)buf_used(pass);
	if (n >= DUMP_PASS_MIN && n <= DUMP_PASS_MAX &&
	    valid_utf8((const char *)buf_head(pass), (size_t)n))
		return CTL_OK;
	return ctl_fail(ctl, CTL_USAGE,
	    "%s: a passphrase must be 8 to 1024 bytes of UTF-8", path);
}

static struct secret_key *
server_key(const struct ctl *ctl)
{
	struct buf err = BUF_INIT;
	struct secret_key *key = secret_key_load(ctl->conf.suite.server_key,
	    &err);

	if (key == NULL)
		ctl_fail(ctl, CTL_CONFIG, "%s", buf_cstr(&err));
	buf_free(&err);
	return key;
}

/* A failed statement as an exit code; the result is given back. */
static int
failed(const struct ctl *ctl, struct db_result *res)
{
	int code = CTL_FAILED;

	if (db_err(res) == ERR_INVALID || db_err(res) == ERR_DUPLICATE ||
	    db_err(res) == ERR_CONFLICT)
		code = CTL_REFUSED;
	if (strcmp(db_constraint(res), "users_last_super_admin") == 0)
		ctl_fail(ctl, code,
		    "no super_admin who can sign in would be left");
	else
		ctl_fail(ctl, code, "%s", db_message(res));
	db_sync_done(&res);
	return code;
}

static int
script(const struct ctl *ctl, struct db_sync *db, const char *sql)
{
	struct buf err = BUF_INIT;
	int code = CTL_OK;

	if (db_sync_script(db, sql, &err) == -1)
		code = ctl_fail(ctl, CTL_FAILED, "%s", buf_cstr(&err));
	buf_free(&err);
	return code;
}

/* ---- export ---- */

struct out {
	struct ctl		*ctl;
	struct db_sync		*db;
	struct dump_out		*dump;
	struct dump_want	 want;
	struct secret_key	*key;
	const char		*days, *path;
	int			 fd;
	struct buf		 buf, pass;
};

static int
spill(struct out *x)
{
	ssize_t n;

	while (buf_used(&x->buf) > 0) {
		n = write(x->fd, buf_head(&x->buf), buf_used(&x->buf));
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return ctl_fail(x->ctl, CTL_FAILED, "%s: %s",
			    x->path, strerror(errno));
		buf_drain(&x->buf, (size_t)n);
	}
	buf_clear(&x->buf);
	return CTL_OK;
}

/* One batch; *more_r: there may be another. */
static int
batch(struct out *x, unsigned size, bool *more_r)
{
	char text[16];
	struct db_arg arg;
	struct db_result *res;
	int i, code = CTL_OK;

	snprintf(text, sizeof(text), "%u", size);
	arg = db_str(text);
	res = db_sync_query(x->db, stmt_get(STMT_EXPORT_FETCH), &arg, 1);
	if (db_err(res) != ERR_OK)
		return failed(x->ctl, res);
	*more_r = db_rows(res) == (int)size;
	for (i = 0; i < db_rows(res) && code == CTL_OK; i++)
		if (dump_out_row(x->dump, db_get(res, i, 0), &x->buf) == -1)
			code = ctl_fail(x->ctl, CTL_FAILED, "a stored secret "
			    "cannot be opened with the server key");
	db_sync_done(&res);
	return code == CTL_OK ? spill(x) : code;
}

static int
section(struct out *x, enum dump_section s)
{
	struct db_arg args[2] = { db_str(dump_name(s)), db_str(x->days) };
	struct db_result *res;
	bool more = true;
	int code = CTL_OK;

	res = db_sync_query(x->db, stmt_get(STMT_EXPORT_SECTION), args, 2);
	if (db_err(res) != ERR_OK)
		return failed(x->ctl, res);
	db_sync_done(&res);
	dump_out_section(x->dump, s, &x->buf);
	while (code == CTL_OK && more)
		code = batch(x, dump_batch(s), &more);
	return code;
}

/* The head, which is also the audit row of it. */
static int
out_begin(struct out *x)
{
	uint8_t salt[SECRET_SALT], key[SECRET_KEY];
	const char *no = "false", *yes = "true";
	struct db_arg args[5] = { db_str(x->want.events ? yes : no),
	    db_str(x->days), db_str(x->want.audit ? yes : no),
	    db_str(x->want.secrets ? yes : no), db_str(ctl_os_user()) };
	struct db_result *res;

	res = db_sync_query(x->db, stmt_get(STMT_EXPORT_NOTE), args, 5);
	if (db_err(res) != ERR_OK)
		return failed(x->ctl, res);
	x->dump = dump_out_new("mastkeeper " VERSION, db_get(res, 0, 0),
	    SLICE("mastctl"), &x->buf);
	db_sync_done(&res);
	if (!x->want.secrets)
		return CTL_OK;
	secret_random(salt, sizeof(salt));
	if (secret_derive(key, buf_slice(&x->pass), salt) != 0)
		return ctl_fail(x->ctl, CTL_FAILED, "no memory for a key");
	dump_out_key(x->dump, key, salt, x->key);
	secret_wipe(key, sizeof(key));
	return CTL_OK;
}

static int
out_write(struct out *x)
{
	enum dump_section s = DUMP__ALL;
	int code;

	if ((code = out_begin(x)) != CTL_OK ||
	    (code = script(x->ctl, x->db, stmt_snapshot)) != CTL_OK)
		return code;
	while (code == CTL_OK &&
	    (s = dump_after(s, &x->want)) != DUMP__ALL)
		code = section(x, s);
	if (code != CTL_OK)
		return code;
	dump_out_end(x->dump, &x->buf);
	if ((code = spill(x)) == CTL_OK && fsync(x->fd) == -1 &&
	    errno != EINVAL)
		code = ctl_fail(x->ctl, CTL_FAILED, "%s: %s", x->path,
		    strerror(errno));
	return code;
}

/* Into a file that was not there; none is left of a failure. */
static int
out_file(struct out *x)
{
	int code;

	x->fd = open(x->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC |
	    O_NOFOLLOW, 0600);
	if (x->fd == -1)
		return ctl_fail(x->ctl, errno == EEXIST ? CTL_CONFLICT :
		    CTL_FAILED, "%s: %s", x->path, strerror(errno));
	if ((x->db = pg_begin(x->ctl)) == NULL)
		code = CTL_UNAVAILABLE;
	else
		code = out_write(x);
	db_sync_close(x->db);
	if (close(x->fd) == -1 && code == CTL_OK)
		code = ctl_fail(x->ctl, CTL_FAILED, "%s: %s", x->path,
		    strerror(errno));
	if (code != CTL_OK)
		unlink(x->path);
	return code;
}

int
export_run(struct ctl *ctl, const struct ctl_args *a)
{
	struct out x = { .ctl = ctl, .path = a->v[0], .days = a->opt[OUT_DAYS],
	    .want = { a->opt[OUT_EVENTS] != NULL || a->opt[OUT_DAYS] != NULL,
	    a->opt[OUT_AUDIT] != NULL, a->opt[OUT_PASS] != NULL } };
	int code = CTL_OK;
	uint64_t days;

	if (x.days != NULL &&
	    (slice_u64(slice_of(x.days), 36500, &days) != 0 || days == 0))
		return ctl_fail(ctl, CTL_USAGE,
		    "--events-days must be 1 to 36500");
	if (x.want.secrets) {
		code = passphrase(ctl, a->opt[OUT_PASS], &x.pass);
		if (code == CTL_OK && (x.key = server_key(ctl)) == NULL)
			code = CTL_CONFIG;
	}
	if (code == CTL_OK)
		code = out_file(&x);
	dump_out_free(x.dump);
	secret_key_free(x.key);
	secret_buf_free(&x.pass);
	buf_free(&x.buf);
	if (code == CTL_OK)
		ctl_say(ctl, "exported to %s", x.path);
	return code;
}

/* ---- import ---- */

struct in {
	struct ctl	*ctl;
	struct db_sync	*db;
	struct dump_in	*dump;
	bool		 dry, conflict;
	const char	*mode, *path;
	int		 fd;
	char		 name[32];
	size_t		 first, n;
	struct buf	 buf, batch, report;
};

static int
flush(struct in *x)
{
	char first[24];
	struct db_arg args[3];
	struct db_result *res;

	if (x->n == 0)
		return CTL_OK;
	buf_putc(&x->batch, ']');
	snprintf(first, sizeof(first), "%zu", x->first);
	args[0] = db_str(x->name);
	args[1] = db_str(first);
	args[2] = db_str(buf_cstr(&x->batch));
	res = db_sync_query(x->db, stmt_get(STMT_IMPORT_STAGE), args, 3);
	secret_wipe(x->batch.data, x->batch.cap);
	buf_clear(&x->batch);
	x->n = 0;
	if (db_err(res) != ERR_OK)
		return failed(x->ctl, res);
	db_sync_done(&res);
	return CTL_OK;
}

static int
put(struct in *x, const char *mark, const struct dump_item *item,
    struct slice row)
{
	char full[32];
	int code = CTL_OK;

	snprintf(full, sizeof(full), "%s%s", mark, dump_name(item->section));
	if (strcmp(full, x->name) != 0 ||
	    buf_used(&x->batch) + row.n > BATCH)
		code = flush(x);
	if (x->n == 0) {
		str_copy(x->name, sizeof(x->name), full);
		x->first = item->n;
	}
	buf_putc(&x->batch, x->n++ == 0 ? '[' : ',');
	buf_put(&x->batch, row.p, row.n);
	return code;
}

static int
derive(struct in *x, const struct dump_item *item)
{
	uint8_t key[SECRET_KEY];

	if (secret_derive(key, item->row, item->salt) != 0)
		return ctl_fail(x->ctl, CTL_FAILED, "no memory for a key");
	dump_in_key(x->dump, key);
	secret_wipe(key, sizeof(key));
	return CTL_OK;
}

/* Takes what is in buf: CTL_OK and whether the end was reached. */
static int
take(struct in *x, bool last, bool *end_r)
{
	struct dump_item item = { .n = 0 };
	int code = CTL_OK;

	while (code == CTL_OK) {
		item.n = 0;
		switch (dump_next(x->dump, &x->buf, last, &item)) {
		case DUMP_MORE:
			return CTL_OK;
		case DUMP_SECTION:
			item.n = 0;
			code = put(x, "=", &item, SLICE("null"));
			break;
		case DUMP_ROW:
			code = put(x, "", &item, item.row);
			break;
		case DUMP_KEY:
			code = derive(x, &item);
			break;
		case DUMP_END:
			*end_r = true;
			return flush(x);
		case DUMP_BAD:
			return ctl_fail(x->ctl, CTL_REFUSED, "%s: %s %s",
			    x->path, item.pointer, item.detail);
		}
	}
	return code;
}

static int
stage(struct in *x)
{
	bool end = false;
	ssize_t n;
	int code = CTL_OK;

	while (code == CTL_OK && !end) {
		n = read(x->fd, buf_reserve(&x->buf, READ), READ);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return ctl_fail(x->ctl, CTL_FAILED, "%s: %s",
			    x->path, strerror(errno));
		buf_commit(&x->buf, (size_t)n);
		code = take(x, n == 0, &end);
	}
	return code;
}

/* Columns: report, whether it has conflicts, a text of them. */
static int
apply(struct in *x)
{
	struct db_arg args[2] = { db_str(x->mode), db_str(ctl_os_user()) };
	struct db_result *res;
	int code = CTL_OK;

	res = db_sync_query(x->db, stmt_get(STMT_IMPORT_APPLY), args, 2);
	if (db_err(res) != ERR_OK)
		return failed(x->ctl, res);
	buf_puts(&x->report, db_cstr(res, 0, x->ctl->json ? 0 : 3));
	x->conflict = db_bool(res, 0, 1);
	if (x->conflict && !x->dry)
		code = ctl_fail(x->ctl, CTL_CONFLICT, "the file does not fit "
		    "what is here, nothing was changed:\n%s",
		    db_cstr(res, 0, 2));
	db_sync_done(&res);
	if (code != CTL_OK)
		return code;
	return script(x->ctl, x->db, x->dry ? stmt_rollback : stmt_commit);
}

static int
in_all(struct in *x)
{
	struct db_result *res;
	bool free_;
	int code;

	if ((code = script(x->ctl, x->db, stmt_begin)) != CTL_OK)
		return code;
	res = db_sync_query(x->db, stmt_get(STMT_IMPORT_BEGIN), NULL, 0);
	if (db_err(res) != ERR_OK)
		return failed(x->ctl, res);
	free_ = db_bool(res, 0, 0);
	db_sync_done(&res);
	if (!free_)
		return ctl_fail(x->ctl, CTL_CONFLICT,
		    "another import is under way");
	if ((code = stage(x)) == CTL_OK)
		code = apply(x);
	return code;
}

static void
tell(struct in *x)
{
	if (x->ctl->json) {
		out_json(&x->report);
		return;
	}
	ctl_say(x->ctl, "%s%s", buf_cstr(&x->report), x->dry ?
	    "nothing was changed: a dry run" : "imported");
	if (dump_in_closed(x->dump))
		ctl_say(x->ctl, "the secrets were left out: no passphrase");
	if (dump_in_foreign(x->dump))
		ctl_say(x->ctl, "the file is of another server key: its "
		    "nodes need new registration tokens");
}

int
import_run(struct ctl *ctl, const struct ctl_args *a)
{
	struct in x = { .ctl = ctl, .path = a->v[0],
	    .dry = a->opt[IN_DRY] != NULL,
	    .mode = a->opt[IN_MODE] != NULL ? a->opt[IN_MODE] : "merge" };
	struct secret_key *key;
	struct buf pass = BUF_INIT;
	int code = CTL_OK;

	if (strcmp(x.mode, "merge") != 0 && strcmp(x.mode, "replace") != 0)
		return ctl_fail(ctl, CTL_USAGE,
		    "--mode must be merge or replace");
	if (a->opt[IN_PASS] != NULL &&
	    (code = passphrase(ctl, a->opt[IN_PASS], &pass)) != CTL_OK)
		return code;
	if ((key = server_key(ctl)) == NULL)
		return CTL_CONFIG;
	x.fd = open(x.path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (x.fd == -1)
		code = ctl_fail(ctl, errno == ENOENT ? CTL_NOT_FOUND :
		    CTL_FAILED, "%s: %s", x.path, strerror(errno));
	else if ((x.db = pg_begin(ctl)) == NULL)
		code = CTL_UNAVAILABLE;
	x.dump = dump_in_new(key, buf_slice(&pass));
	if (code == CTL_OK && (code = in_all(&x)) == CTL_OK) {
		tell(&x);
		code = x.conflict ? CTL_CONFLICT : CTL_OK;
	}
	db_sync_close(x.db);
	if (x.fd != -1)
		close(x.fd);
	dump_in_free(x.dump);
	secret_key_free(key);
	secret_buf_free(&pass);
	secret_buf_free(&x.batch);
	buf_free(&x.buf);
	buf_free(&x.report);
	return code;
}
