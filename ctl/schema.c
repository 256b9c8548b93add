/* schema: numbered SQL files against manifest and database. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "json.h"
#include "out.h"
#include "pg.h"
#include "proc.h"
#include "schema.h"
#include "stmt.h"
#include "str.h"
#include "xmalloc.h"

#define FILE_MAX (4 * 1024 * 1024)
#define NO_TRANSACTION "-- no-transaction"
#define BESIDE (-1)
#define CATALOG_FILE "catalog.sql"
#define SCHEMA_FILE "schema.sql"

int
schema_read(struct ctl *ctl, const char *name, struct buf *text,
    struct buf *err_r)
{
	char *path = xasprintf("%s/%s", ctl->sql_dir, name);
	int rc = proc_read_file(path, FILE_MAX, text, err_r);

	free(path);
	return rc;
}

/* The number that a migration's name begins with; BESIDE for a file that is
 * only checked, not applied. */
static int
version_of(const char *name)
{
	size_t i;

	for (i = 0; i < 4; i++)
		if (!isdigit((unsigned char)name[i]))
			return BESIDE;
	return name[4] == '_' ? atoi(name) : BESIDE;
}

/* "<64 hex>  name.sql"; 0 or -1. */
static int
parse_line(struct slice line, struct schema_file *f)
{
	uint8_t raw[32];

	line = slice_trim(line);
	if (line.n < 66 + 5 || line.n - 66 >= sizeof(f->name) ||
	    str_unhex(raw, (struct slice){ line.p, 64 }, 32) == -1 ||
	    line.p[64] != ' ' || (line.p[65] != ' ' && line.p[65] != '*'))
		return -1;
	str_hex(f->sha256, raw, 32);
	memcpy(f->name, line.p + 66, line.n - 66);
	f->name[line.n - 66] = '\0';
	if (strchr(f->name, '/') != NULL)
		return -1;
	f->version = version_of(f->name);
	return 0;
}

static int
read_manifest(struct ctl *ctl, struct schema *s, struct buf *err_r)
{
	const struct schema_file *f;
	struct buf text = BUF_INIT;
	struct slice rest, line;
	int rc = -1;

	if (schema_read(ctl, "manifest", &text, err_r) == -1)
		goto done;
	rest = slice_of(buf_cstr(&text));
	while (slice_cut(&rest, '\n', &line)) {
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (s->n == SCHEMA_FILES_MAX ||
		    parse_line(line, &s->v[s->n]) == -1) {
			buf_printf(err_r, "%s/manifest: bad line: %.*s",
			    ctl->sql_dir, (int)line.n, line.p);
			goto done;
		}
		f = &s->v[s->n++];
		if (f->version == BESIDE)
			continue;
		if (f->version <= s->newest && s->newest > 0) {
			buf_printf(err_r, "%s/manifest: %s is out of order",
			    ctl->sql_dir, f->name);
			goto done;
		}
		s->newest = f->version;
	}
	if (s->newest == 0) {
		buf_printf(err_r, "%s/manifest names no migration", ctl->sql_dir);
		goto done;
	}
	rc = 0;
done:
	buf_free(&text);
	return rc;
}

/* PostgreSQL has SHA-256 at hand; we need no other library for it. */
static int
check_sum(struct ctl *ctl, struct db_sync *db, const struct schema_file *f,
    struct buf *err_r)
{
	struct buf text = BUF_INIT;
	struct db_result *res;
	struct db_arg arg;
	int rc = -1;

	if (schema_read(ctl, f->name, &text, err_r) == -1) {
		buf_free(&text);
		return -1;
	}
	arg = db_bytes(buf_head(&text), buf_used(&text));
	res = db_sync_query(db, stmt_get(STMT_SHA256), &arg, 1);
	if (db_err(res) != ERR_OK)
		buf_puts(err_r, db_message(res));
	else if (strcmp(db_cstr(res, 0, 0), f->sha256) != 0)
		buf_printf(err_r, "%s/%s is not the file of the manifest",
		    ctl->sql_dir, f->name);
	else
		rc = 0;
	db_sync_done(&res);
	buf_free(&text);
	return rc;
}

static struct schema_file *
by_version(struct schema *s, int version)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->v[i].version == version)
			return &s->v[i];
	return NULL;
}

/* A numbered file that the manifest does not name is a mistake as well. */
static int
check_strays(struct ctl *ctl, struct schema *s, struct buf *err_r)
{
	const struct dirent *e;
	const struct schema_file *f;
	DIR *dir = opendir(ctl->sql_dir);
	int rc = 0;

	if (dir == NULL) {
		buf_printf(err_r, "%s: %s", ctl->sql_dir, strerror(errno));
		return -1;
	}
	while (rc == 0 && (e = readdir(dir)) != NULL) {
		size_t n = strlen(e->d_name);

		if (!isdigit((unsigned char)e->d_name[0]) || n < 5 ||
		    strcmp(e->d_name + n - 4, ".sql") != 0)
			continue;
		if (atoi(e->d_name) == 0)
			continue;	/* the roles */
		f = by_version(s, atoi(e->d_name));
		if (f == NULL || strcmp(f->name, e->d_name) != 0) {
			buf_printf(err_r, "%s/%s is not in the manifest",
			    ctl->sql_dir, e->d_name);
			rc = -1;
		}
	}
	closedir(dir);
	return rc;
}

/* Files that a newer program brought, behind all of ours: this one goes on
 * with them if the database says that it serves it (common/dbschema.h). */
static bool
serves(struct db_sync *db, const struct schema *s)
{
	struct db_result *res = db_sync_query(db, stmt_get(STMT_SERVES),
	    NULL, 0);
	bool yes = db_err(res) == ERR_OK && db_i64(res, 0, 0) <= s->newest;

	db_sync_done(&res);
	return yes;
}

static int
mark_applied(struct db_sync *db, struct schema *s,
    const struct db_result *res, struct buf *err_r)
{
	struct schema_file *f;
	int row, version;

	for (row = 0; row < db_rows(res); row++) {
		version = (int)db_i64(res, row, 0);
		f = by_version(s, version);
		if (f == NULL && version > s->newest && serves(db, s)) {
			s->applied = version;
			continue;
		}
		if (f == NULL) {
			buf_printf(err_r, "the database has %s, which is not "
			    "among the files: newer program installed before?",
			    db_cstr(res, row, 1));
			return -1;
		}
		if (strcmp(f->sha256, db_cstr(res, row, 2)) != 0) {
			buf_printf(err_r, "%s was changed after it was "
			    "applied", f->name);
			return -1;
		}
		f->applied = true;
		s->applied = version;
	}
	return 0;
}

/* Files before the newest applied one may not be missing from the database.
 * Version 0 is the roles: setup runs it as superuser, it is not recorded. */
static int
count_pending(struct schema *s, struct buf *err_r)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		if (s->v[i].applied || s->v[i].version <= 0)
			continue;
		if (s->v[i].version < s->applied) {
			buf_printf(err_r, "%s was never applied, but later "
			    "files were", s->v[i].name);
			return -1;
		}
		s->pending++;
	}
	return 0;
}

static int
read_applied(struct db_sync *db, struct schema *s, struct buf *err_r)
{
	struct db_result *res;
	bool have = false;
	int code = CTL_UNAVAILABLE;

	res = db_sync_query(db, stmt_get(STMT_HAS_MIGRATIONS), NULL, 0);
	if (db_err(res) != ERR_OK)
		goto fail;
	have = db_bool(res, 0, 0);
	db_sync_done(&res);
	if (!have)
		return count_pending(s, err_r) == 0 ? CTL_OK : CTL_REFUSED;
	res = db_sync_query(db, stmt_get(STMT_MIGRATIONS), NULL, 0);
	if (db_err(res) != ERR_OK)
		goto fail;
	code = mark_applied(db, s, res, err_r) == 0 &&
	    count_pending(s, err_r) == 0 ? CTL_OK : CTL_REFUSED;
	db_sync_done(&res);
	return code;
fail:
	buf_puts(err_r, db_message(res));
	db_sync_done(&res);
	return code;
}

int
schema_load(struct ctl *ctl, struct db_sync *db, struct schema **s_r,
    struct buf *err_r)
{
	struct schema *s = xcalloc(1, sizeof(*s));
	size_t i;
	int code = CTL_REFUSED;

	*s_r = s;
	if (read_manifest(ctl, s, err_r) == -1)
		return CTL_CONFIG;
	if (check_strays(ctl, s, err_r) == -1)
		return code;
	for (i = 0; i < s->n; i++)
		if (check_sum(ctl, db, &s->v[i], err_r) == -1)
			return code;
	return read_applied(db, s, err_r);
}

/* For CREATE INDEX CONCURRENTLY and its like: one statement at a time, each
 * ending with a semicolon at the end of a line. */
static int
run_loose(struct db_sync *db, const char *text, struct buf *err_r)
{
	struct slice rest = slice_of(text), line;
	struct buf one = BUF_INIT;
	int rc = 0;

	while (rc == 0 && slice_cut(&rest, '\n', &line)) {
		buf_put(&one, line.p, line.n);
		buf_putc(&one, '\n');
		line = slice_trim(line);
		if (line.n == 0 || line.p[line.n - 1] != ';')
			continue;
		rc = db_sync_script(db, buf_cstr(&one), err_r);
		buf_clear(&one);
	}
	buf_free(&one);
	return rc;
}

static int
record(struct db_sync *db, const struct schema_file *f, struct buf *err_r)
{
	struct db_arg args[3];
	struct db_result *res;
	char version[16];
	int rc = 0;

	snprintf(version, sizeof(version), "%d", f->version);
	args[0] = db_str(version);
	args[1] = db_str(f->name);
	args[2] = db_str(f->sha256);
	res = db_sync_query(db, stmt_get(STMT_MIGRATION_DONE), args, 3);
	if (db_err(res) != ERR_OK) {
		buf_puts(err_r, db_message(res));
		rc = -1;
	}
	db_sync_done(&res);
	return rc;
}

static int
apply_one(struct ctl *ctl, struct db_sync *db, const struct schema_file *f,
    struct buf *err_r)
{
	struct buf text = BUF_INIT;
	const char *sql;
	int rc = -1;

	if (schema_read(ctl, f->name, &text, err_r) == -1)
		goto done;
	sql = buf_cstr(&text);
	if (strncmp(sql, NO_TRANSACTION, strlen(NO_TRANSACTION)) == 0) {
		rc = run_loose(db, sql, err_r);
		if (rc == 0)
			rc = record(db, f, err_r);
		goto done;
	}
	if (db_sync_script(db, stmt_begin, err_r) == -1)
		goto done;
	if (db_sync_script(db, sql, err_r) == 0 &&
	    record(db, f, err_r) == 0 &&
	    db_sync_script(db, stmt_commit, err_r) == 0)
		rc = 0;
	else {
		struct buf ignored = BUF_INIT;

		(void)db_sync_script(db, stmt_rollback, &ignored);
		buf_free(&ignored);
	}
done:
	buf_free(&text);
	return rc;
}

static int
lock(struct db_sync *db, enum stmt which, struct buf *err_r)
{
	struct db_result *res = db_sync_query(db, stmt_get(which), NULL, 0);
	int rc = db_err(res) == ERR_OK ? 0 : -1;

	if (rc == -1)
		buf_puts(err_r, db_message(res));
	db_sync_done(&res);
	return rc;
}

/* Someone else may have applied files while we waited for the lock. */
static int
reread(struct db_sync *db, struct schema *s, struct buf *err_r)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		s->v[i].applied = false;
	s->pending = 0;
	s->applied = 0;
	return read_applied(db, s, err_r);
}

int
schema_apply(struct ctl *ctl, struct db_sync *db, struct schema *s,
    struct buf *err_r)
{
	struct buf ignored = BUF_INIT;
	size_t i;
	int code;

	if (lock(db, STMT_LOCK, err_r) == -1)
		return CTL_FAILED;
	code = reread(db, s, err_r);
	if (code == CTL_OK && s->applied == 0 &&
	    db_sync_script(db, stmt_bootstrap, err_r) == -1)
		code = CTL_FAILED;
	for (i = 0; code == CTL_OK && i < s->n; i++) {
		if (s->v[i].applied || s->v[i].version <= 0)
			continue;
		ctl_say(ctl, "applying %s", s->v[i].name);
		if (apply_one(ctl, db, &s->v[i], err_r) == -1) {
			code = CTL_FAILED;
			break;
		}
		s->v[i].applied = true;
		s->applied = s->v[i].version;
		s->pending--;
	}
	(void)lock(db, STMT_UNLOCK, &ignored);
	buf_free(&ignored);
	return code;
}

static void
report_json(const struct schema *s, const char *state)
{
	struct buf b = BUF_INIT;
	struct json_w w;
	size_t i;

	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "state");
	json_w_str(&w, state);
	json_w_key(&w, "version");
	json_w_i64(&w, s->applied);
	json_w_key(&w, "newest");
	json_w_i64(&w, s->newest);
	json_w_key(&w, "pending");
	json_w_array(&w);
	for (i = 0; i < s->n; i++)
		if (!s->v[i].applied && s->v[i].version > 0)
			json_w_str(&w, s->v[i].name);
	json_w_end_array(&w);
	json_w_end_object(&w);
	out_json(&b);
}

static void
report(const struct ctl *ctl, const struct schema *s)
{
	size_t i;

	if (ctl->json) {
		report_json(s, s->pending ? "pending" :
		    s->applied > s->newest ? "newer" : "current");
		return;
	}
	printf("schema version %d of %d%s\n", s->applied, s->newest,
	    s->applied > s->newest ? ": a newer program brought it, and it "
	    "serves this one too" : "");
	for (i = 0; i < s->n; i++)
		if (!s->v[i].applied && s->v[i].version > 0)
			printf("pending %s\n", s->v[i].name);
}

/* Connects and loads; on failure says so and gives the exit code. */
static int
begin(struct ctl *ctl, struct db_sync **db_r, struct schema **s_r)
{
	struct buf err = BUF_INIT;
	int code;

	*s_r = NULL;
	if ((*db_r = pg_open(ctl, &err)) == NULL)
		code = ctl_fail(ctl, CTL_UNAVAILABLE, "database: %s",
		    buf_cstr(&err));
	else if ((code = schema_load(ctl, *db_r, s_r, &err)) != CTL_OK)
		code = ctl_fail(ctl, code, "%s", buf_cstr(&err));
	buf_free(&err);
	return code;
}

static void
finish(struct db_sync *db, struct schema *s)
{
	free(s);
	if (db != NULL)
		db_sync_close(db);
}

int
schema_status(struct ctl *ctl, const struct ctl_args *args)
{
	struct db_sync *db;
	struct schema *s;
	int code = begin(ctl, &db, &s);

	(void)args;
	if (code == CTL_OK)
		report(ctl, s);
	finish(db, s);
	return code;
}

int
schema_migrate(struct ctl *ctl, const struct ctl_args *args)
{
	struct buf err = BUF_INIT;
	struct db_sync *db;
	struct schema *s;
	int code = begin(ctl, &db, &s);

	if (code == CTL_OK && args->opt[1] == NULL && s->pending > 0) {
		code = schema_apply(ctl, db, s, &err);
		if (code != CTL_OK)
			ctl_fail(ctl, code, "%s", buf_cstr(&err));
	}
	if (code == CTL_OK)
		report(ctl, s);
	buf_free(&err);
	finish(db, s);
	return code;
}

/* The next line of schema.sql that is no comment. */
static bool
next_line(struct slice *rest, struct slice *line_r)
{
	while (slice_cut(rest, '\n', line_r))
		if (line_r->n > 0 && (line_r->n < 2 ||
		    memcmp(line_r->p, "--", 2) != 0))
			return true;
	return false;
}

static int
compare(struct ctl *ctl, const struct db_result *res, struct slice rest)
{
	struct slice want;
	int row;

	for (row = 0; row < db_rows(res); row++) {
		if (!next_line(&rest, &want))
			return ctl_fail(ctl, CTL_FAILED, "the database has, "
			    "and should not: %s", db_cstr(res, row, 0));
		if (!slice_same(db_get(res, row, 0), want))
			return ctl_fail(ctl, CTL_FAILED, "the database has"
			    "\n  %s\ninstead of\n  %.*s",
			    db_cstr(res, row, 0), (int)want.n, want.p);
	}
	if (next_line(&rest, &want))
		return ctl_fail(ctl, CTL_FAILED, "the database lacks: %.*s",
		    (int)want.n, want.p);
	return CTL_OK;
}

/* What is really there, one line for each thing, against schema.sql. */
static int
verify_catalog(struct ctl *ctl, struct db_sync *db)
{
	struct buf query = BUF_INIT, want = BUF_INIT, err = BUF_INIT;
	struct db_stmt stmt = { "catalog", NULL, 0, DB_READ };
	struct db_result *res;
	int code;

	if (schema_read(ctl, CATALOG_FILE, &query, &err) == -1 ||
	    schema_read(ctl, SCHEMA_FILE, &want, &err) == -1)
		code = ctl_fail(ctl, CTL_CONFIG, "%s", buf_cstr(&err));
	else {
		stmt.sql = buf_cstr(&query);
		res = db_sync_query(db, &stmt, NULL, 0);
		code = db_err(res) != ERR_OK ?
		    ctl_fail(ctl, CTL_FAILED, "%s", db_message(res)) :
		    compare(ctl, res, slice_of(buf_cstr(&want)));
		db_sync_done(&res);
	}
	buf_free(&query);
	buf_free(&want);
	buf_free(&err);
	return code;
}

int
schema_verify(struct ctl *ctl, const struct ctl_args *args)
{
	struct db_sync *db;
	struct schema *s;
	int code = begin(ctl, &db, &s);

	(void)args;
	if (code == CTL_OK && s->pending > 0)
		code = ctl_fail(ctl, CTL_FAILED, "%zu file%s not applied; "
		    "run: mastctl db migrate", s->pending,
		    s->pending == 1 ? " is" : "s are");
	if (code == CTL_OK)
		code = verify_catalog(ctl, db);
	if (code == CTL_OK && ctl->json)
		report_json(s, "verified");
	else if (code == CTL_OK)
		printf("schema version %d: files, manifest and database "
		    "agree\n", s->applied);
	finish(db, s);
	return code;
}
