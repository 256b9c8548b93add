/*
 * audit: reads, seals, verifies and exports the audit. Owns the anchor that
 * verify leaves in state_dir/audit.head, beside what hubd writes there.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit.h"
#include "db.h"
#include "json.h"
#include "out.h"
#include "pg.h"
#include "proc.h"
#include "seal.h"
#include "stmt.h"
#include "verify.h"
#include "xmalloc.h"

enum { VERIFY_KEYS, VERIFY_ANCHOR, VERIFY_FILE };
enum { TAIL_LINES, TAIL_FOLLOW };

#define NUMBER 24

/* NULL after telling. */
static struct db_result *
ask(const struct ctl *ctl, struct db_sync *db, enum stmt which,
    const struct db_arg *args, size_t n)
{
	struct db_result *res = db_sync_query(db, stmt_get(which), args, n);

	if (db_err(res) == ERR_OK)
		return res;
	ctl_fail(ctl, CTL_FAILED, "%s", db_message(res));
	db_sync_done(&res);
	return NULL;
}

static struct db_result *
ask_from(const struct ctl *ctl, struct db_sync *db, enum stmt which,
    int64_t from)
{
	char text[NUMBER];

	(void)snprintf(text, sizeof(text), "%" PRId64, from);
	return ask(ctl, db, which, (struct db_arg[]){ db_str(text) }, 1);
}

static char *
state_path(const struct ctl *ctl, const char *name)
{
	return xasprintf("%s/%s", ctl->conf.suite.state_dir, name);
}

/* One state of the database for everything that follows. */
static struct db_sync *
snapshot(struct ctl *ctl)
{
	struct db_sync *db = pg_begin(ctl);
	struct buf err = BUF_INIT;

	if (db != NULL && db_sync_script(db, stmt_snapshot, &err) == -1) {
		ctl_fail(ctl, CTL_FAILED, "%s", buf_cstr(&err));
		db_sync_close(db);
		db = NULL;
	}
	buf_free(&err);
	return db;
}

/* ---- the anchor ---- */

/* The file that hubd writes too. CTL_OK, or told. */
static int
anchor_load(const struct ctl *ctl, struct seal_head *head)
{
	char *file = state_path(ctl, "audit.head");
	int fd = open(file, O_RDONLY | O_CLOEXEC), code = CTL_OK;

	if (fd == -1 && errno != ENOENT)
		code = ctl_fail(ctl, CTL_CONFIG, "%s: %s", file,
		    strerror(errno));
	else if (fd != -1 && seal_anchor_read(fd, head) == -1)
		code = ctl_fail(ctl, CTL_CONFIG, "%s is not the head of an "
		    "audit chain", file);
	if (fd != -1)
		close(fd);
	free(file);
	return code;
}

/* What was proved or sealed is remembered; only who may write the folder
 * can do so. */
static void
anchor_keep(const struct ctl *ctl, const struct seal_head *head)
{
	char *file = state_path(ctl, "audit.head");
	int fd;

	if (head->seq > 0) {
		fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		    0644);
		if (fd == -1 || seal_anchor_write(fd, head) == -1)
			fprintf(stderr, "mastctl: %s: %s: the head is not "
			    "remembered\n", file, strerror(errno));
		if (fd != -1)
			close(fd);
	}
	free(file);
}

/* ---- seal ---- */

struct sealing {
	const struct ctl	*ctl;
	struct db_sync		*db;
	struct secret_key	*key;
	struct seal_keys	 keys;
	struct seal_head	 head;
	int64_t			 rows;
};

/* As hubd does: only what follows a chain that was seen is signed. */
static int
catch_up(struct sealing *s)
{
	struct db_result *res;
	const char *why = NULL;
	int64_t seq;

	do {
		seq = s->head.seq;
		res = ask_from(s->ctl, s->db, STMT_AUDIT_SEALS,
		    seq > 0 ? seq - 1 : 0);
		if (res == NULL)
			return CTL_FAILED;
		why = seal_follow_rows(&s->head, res, &s->keys);
		db_sync_done(&res);
	} while (why == NULL && s->head.seq != seq);
	return why == NULL ? CTL_OK : ctl_fail(s->ctl, CTL_REFUSED, "nothing "
	    "is sealed: seal %" PRId64 " %s; run mastctl audit verify",
	    s->head.seq, why);
}

static int
add(struct sealing *s, struct seal *seal)
{
	char seq[NUMBER], rows[NUMBER];
	struct db_result *res;
	bool done;

	seal_sign(seal, &s->head, s->key);
	(void)snprintf(seq, sizeof(seq), "%" PRId64, seal->seq);
	(void)snprintf(rows, sizeof(rows), "%" PRId64, seal->rows);
	res = ask(s->ctl, s->db, STMT_AUDIT_ADD, (struct db_arg[]){
	    db_str(seq), db_slice(seal->ids), db_str(rows),
	    db_bytes(seal->content, SECRET_HASH), db_slice(seal->sealed_at),
	    db_bytes(seal->chain, SECRET_HASH),
	    db_bytes(seal->signature, SECRET_SIGNATURE),
	    db_bytes(seal->signer, SECRET_KEY) }, 8);
	if (res == NULL)
		return CTL_FAILED;
	done = db_bool(res, 0, 0);
	db_sync_done(&res);
	if (!done)
		return ctl_fail(s->ctl, CTL_CONFLICT,
		    "a hub sealed at the same moment");
	s->rows += seal->rows;
	s->head.seq = seal->seq;
	memcpy(s->head.chain, seal->chain, SECRET_HASH);
	return CTL_OK;
}

/* One batch; *more_r false when nothing waits. */
static int
seal_batch(struct sealing *s, bool *more_r)
{
	struct db_result *res = ask(s->ctl, s->db, STMT_AUDIT_NEXT, NULL, 0);
	uint8_t previous[SECRET_HASH];
	struct seal seal = { .seq = 0 };
	int code = CTL_OK;

	if (res == NULL)
		return CTL_FAILED;
	*more_r = db_rows(res) > 0;
	if (*more_r) {
		seal.seq = db_i64(res, 0, 0);
		seal.ids = db_get(res, 0, 2);
		seal.rows = db_i64(res, 0, 3);
		seal.sealed_at = db_get(res, 0, 5);
		if (seal.seq != s->head.seq + 1 || db_bytea(res, 0, 1,
		    previous, sizeof(previous)) != SECRET_HASH ||
		    memcmp(previous, s->head.chain, SECRET_HASH) != 0 ||
		    db_bytea(res, 0, 4, seal.content, SECRET_HASH) !=
		    SECRET_HASH)
			code = ctl_fail(s->ctl, CTL_CONFLICT, "the chain has "
			    "moved on meanwhile");
		else
			code = add(s, &seal);
	}
	db_sync_done(&res);
	return code;
}

static void
seal_report(const struct sealing *s)
{
	struct buf b = BUF_INIT;
	char text[SEAL_HEAD_TEXT];
	struct json_w w;

	seal_head_text(&s->head, text);
	ctl_say(s->ctl, "%" PRId64 " rows sealed\nhead %s", s->rows, text);
	if (!s->ctl->json)
		return;
	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "sealed_rows");
	json_w_i64(&w, s->rows);
	json_w_key(&w, "head");
	json_w_str(&w, text);
	json_w_end_object(&w);
	out_json(&b);
}

static int
seal_key(struct sealing *s)
{
	char *file = state_path(s->ctl, "audit.key");
	char *pub = state_path(s->ctl, "audit.pub");
	struct buf err = BUF_INIT, text = BUF_INIT;
	int code = CTL_OK;

	if ((s->key = secret_key_load(file, &err)) == NULL ||
	    proc_read_file(pub, 65536, &text, &err) == -1 ||
	    seal_keys_parse(&s->keys, buf_slice(&text), &err) == -1)
		code = ctl_fail(s->ctl, CTL_CONFIG, "%s", buf_cstr(&err));
	else
		code = anchor_load(s->ctl, &s->head);
	buf_free(&text);
	buf_free(&err);
	free(pub);
	free(file);
	return code;
}

int
audit_seal(struct ctl *ctl, const struct ctl_args *a)
{
	struct sealing s = { .ctl = ctl };
	bool more = true;
	int code;

	(void)a;
	if ((code = seal_key(&s)) == CTL_OK &&
	    (s.db = pg_begin(ctl)) == NULL)
		code = CTL_UNAVAILABLE;
	if (code == CTL_OK)
		code = catch_up(&s);
	while (code == CTL_OK && more)
		code = seal_batch(&s, &more);
	if (s.rows > 0)
		anchor_keep(ctl, &s.head);
	if (code == CTL_OK)
		seal_report(&s);
	if (s.db != NULL)
		db_sync_close(s.db);
	if (s.key != NULL)
		secret_key_free(s.key);
	return code;
}

/* ---- walking over everything: verify and export ---- */

struct walk {
	struct ctl	*ctl;
	struct db_sync	*db;
	struct verify	*verify;	/* NULL: print */
	bool		 bad;		/* told */
};

static void
walk_rows(struct walk *w, const struct db_result *res)
{
	int i;

	for (i = 0; i < db_rows(res); i++)
		if (w->verify != NULL)
			verify_row(w->verify, db_get(res, i, 1));
		else
			puts(db_cstr(res, i, 1));
}

static void
put_hex(struct json_w *w, const char *name, const void *p, size_t n)
{
	char hex[2 * SECRET_SIGNATURE + 1];

	str_hex(hex, p, n);
	json_w_key(w, name);
	json_w_str(w, hex);
}

static void
print_seal(const struct seal *s)
{
	struct buf b = BUF_INIT;
	struct json_w w;

	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "seal");
	json_w_i64(&w, s->seq);
	json_w_key(&w, "rows");
	json_w_i64(&w, s->rows);
	json_w_key(&w, "ids");
	json_w_slice(&w, s->ids);
	json_w_key(&w, "sealed_at");
	json_w_slice(&w, s->sealed_at);
	put_hex(&w, "content", s->content, SECRET_HASH);
	put_hex(&w, "chain", s->chain, SECRET_HASH);
	put_hex(&w, "signer", s->signer, SECRET_KEY);
	put_hex(&w, "signature", s->signature, SECRET_SIGNATURE);
	json_w_end_object(&w);
	out_json(&b);
}

static void
walk_seal(struct walk *w, const struct seal *s)
{
	struct db_arg ids = db_slice(s->ids);
	struct db_result *rows = ask(w->ctl, w->db, STMT_AUDIT_ROWS, &ids, 1);

	if (rows == NULL) {
		w->bad = true;
		return;
	}
	walk_rows(w, rows);
	if (w->verify != NULL)
		verify_seal(w->verify, s);
	else
		print_seal(s);
	db_sync_done(&rows);
}

/* Every seal with its rows, in order. */
static void
walk_seals(struct walk *w)
{
	struct db_result *res;
	struct seal s = { .seq = 0 };
	int i, n = 1;

	while (!w->bad && n > 0) {
		res = ask_from(w->ctl, w->db, STMT_AUDIT_SEALS, s.seq);
		n = res == NULL ? -1 : db_rows(res);
		w->bad |= n == -1;
		for (i = 0; i < n && !w->bad; i++)
			if (seal_row(res, i, &s) == 0)
				walk_seal(w, &s);
			else if (w->verify != NULL)
				verify_fault(w->verify, s.seq, "seal",
				    "seal %" PRId64 " has no form", s.seq);
		db_sync_done(&res);
	}
}

static void
walk_waiting(struct walk *w)
{
	struct db_result *res;
	int64_t last = 0;
	int n = 1;

	while (!w->bad && n > 0) {
		res = ask_from(w->ctl, w->db, STMT_AUDIT_WAITING, last);
		n = res == NULL ? -1 : db_rows(res);
		w->bad |= n == -1;
		if (n > 0) {
			walk_rows(w, res);
			last = db_i64(res, n - 1, 0);
		}
		db_sync_done(&res);
	}
}

/* ---- verify ---- */

/* Rows that no seal covers and that do not wait for one either. */
static void
check_lost(struct walk *w, int64_t n)
{
	struct db_result *res = ask(w->ctl, w->db, STMT_AUDIT_LOST, NULL, 0);

	if (res == NULL)
		w->bad = true;
	else if (db_rows(res) > 0)
		verify_fault(w->verify, 0, "unsealed", "%" PRId64 " rows, "
		    "the first with id %" PRId64 ", are neither sealed nor "
		    "wait to be", n, db_i64(res, 0, 0));
	else
		verify_fault(w->verify, 0, "unsealed", "the seals cover %"
		    PRId64 " rows other than there are", n);
	db_sync_done(&res);
}

static void
check_counts(struct walk *w)
{
	struct db_result *res = ask(w->ctl, w->db, STMT_AUDIT_COUNTS, NULL,
	    0);
	struct verify *v = w->verify;
	int64_t lost, gone;

	if (res == NULL) {
		w->bad = true;
		return;
	}
	v->waiting = db_i64(res, 0, 1);
	lost = db_i64(res, 0, 0) - v->rows - v->waiting;
	gone = db_i64(res, 0, 2);
	if (gone > 0)
		verify_fault(v, 0, "removed", "%" PRId64 " rows were removed "
		    "before they were sealed", gone);
	if (lost != 0)
		check_lost(w, lost);
	db_sync_done(&res);
}

static int
verify_database(struct ctl *ctl, struct verify *v)
{
	struct walk w = { .ctl = ctl, .verify = v };
	int code = CTL_FAILED;

	if ((w.db = snapshot(ctl)) == NULL)
		return CTL_UNAVAILABLE;
	walk_seals(&w);
	if (!w.bad)
		check_counts(&w);
	db_sync_close(w.db);
	if (!w.bad && (code = verify_end(v)) == CTL_OK)
		anchor_keep(ctl, &v->head);
	return code;
}

/* A string member, empty when there is none. */
static struct slice
member(struct slice line, const char *name)
{
	struct slice v;

	if (!json_member(line.p, line.n, name, &v))
		return (struct slice){ "", 0 };
	if (v.n >= 2 && v.p[0] == '"')
		return (struct slice){ v.p + 1, v.n - 2 };
	return v;
}

static int
seal_line(struct slice line, struct seal *s)
{
	s->ids = member(line, "ids");
	s->sealed_at = member(line, "sealed_at");
	if (slice_i64(member(line, "seal"), 1, INT64_MAX, &s->seq) == -1 ||
	    slice_i64(member(line, "rows"), 1, INT64_MAX, &s->rows) == -1 ||
	    str_unhex(s->content, member(line, "content"), SECRET_HASH) == -1
	    || str_unhex(s->chain, member(line, "chain"), SECRET_HASH) == -1
	    || str_unhex(s->signer, member(line, "signer"), SECRET_KEY) == -1)
		return -1;
	return str_unhex(s->signature, member(line, "signature"),
	    SECRET_SIGNATURE);
}

static int
verify_file(struct ctl *ctl, struct verify *v, const char *name)
{
	static const char mark[] = "{\"seal\":";
	FILE *f = fopen(name, "re");
	struct slice text;
	struct seal s;
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	int64_t at = 0;

	if (f == NULL)
		return ctl_fail(ctl, CTL_NOT_FOUND, "%s: %s", name,
		    strerror(errno));
	while ((n = getline(&line, &size, f)) > 0) {
		at++;
		text = (struct slice){ line, (size_t)n -
		    (line[n - 1] == '\n') };
		if (strncmp(line, mark, sizeof(mark) - 1) != 0)
			verify_row(v, text);
		else if (seal_line(text, &s) == 0)
			verify_seal(v, &s);
		else
			verify_fault(v, 0, "seal", "line %" PRId64
			    " has not the form of a seal", at);
	}
	free(line);
	n = ferror(f);
	fclose(f);
	if (n != 0)
		return ctl_fail(ctl, CTL_FAILED, "%s cannot be read", name);
	v->waiting = v->fed;
	return verify_end(v);
}

int
audit_verify(struct ctl *ctl, const struct ctl_args *a)
{
	char *keys = state_path(ctl, "audit.pub");
	struct verify v;
	int code;

	code = verify_init(&v, ctl, a->opt[VERIFY_KEYS] != NULL ?
	    a->opt[VERIFY_KEYS] : keys);
	if (code == CTL_OK)
		code = anchor_load(ctl, &v.anchor);
	if (code == CTL_OK && a->opt[VERIFY_ANCHOR] != NULL &&
	    seal_head_parse(&v.anchor2, slice_of(a->opt[VERIFY_ANCHOR])) ==
	    -1)
		code = ctl_fail(ctl, CTL_USAGE, "--anchor must be a number, "
		    "a colon and 64 hex digits, as verify prints it");
	if (code == CTL_OK)
		code = a->opt[VERIFY_FILE] != NULL ?
		    verify_file(ctl, &v, a->opt[VERIFY_FILE]) :
		    verify_database(ctl, &v);
	verify_free(&v);
	free(keys);
	return code;
}

/* ---- export ---- */

int
audit_export(struct ctl *ctl, const struct ctl_args *a)
{
	struct walk w = { .ctl = ctl };
	struct db_arg who = db_str(ctl_os_user());
	struct db_result *res;

	(void)a;
	if ((w.db = pg_begin(ctl)) == NULL)
		return CTL_UNAVAILABLE;
	/* Noted first: an export that breaks off was one. */
	res = ask(ctl, w.db, STMT_AUDIT_EXPORTED, &who, 1);
	w.bad = res == NULL;
	db_sync_done(&res);
	db_sync_close(w.db);
	if (w.bad)
		return CTL_FAILED;
	if ((w.db = snapshot(ctl)) == NULL)
		return CTL_UNAVAILABLE;
	walk_seals(&w);
	walk_waiting(&w);
	db_sync_close(w.db);
	if (!w.bad && (fflush(stdout) == EOF || ferror(stdout)))
		return ctl_fail(ctl, CTL_FAILED, "standard output: %s",
		    strerror(errno));
	return w.bad ? CTL_FAILED : CTL_OK;
}

/* ---- tail ---- */

/* Rows shown lately, so that one that committed late is shown, and once. */
#define SHOWN 1000
struct tail {
	int64_t	id[SHOWN];
	size_t	n;		/* ever */
};

static void
show(const struct ctl *ctl, struct tail *t, const struct db_result *res)
{
	int i;

	for (i = 0; i < db_rows(res); i++) {
		t->id[t->n++ % SHOWN] = db_i64(res, i, 0);
		if (ctl->json)
			puts(db_cstr(res, i, 1));
		else
			printf("%s  %-6s %-16s %-24s %s%s%s\n",
			    db_cstr(res, i, 2), db_cstr(res, i, 3),
			    db_isnull(res, i, 4) ? "-" : db_cstr(res, i, 4),
			    db_cstr(res, i, 5), db_cstr(res, i, 6),
			    db_isnull(res, i, 7) ? "" : "  from ",
			    db_isnull(res, i, 7) ? "" : db_cstr(res, i, 7));
	}
	fflush(stdout);
}

/* From where nothing that was shown is forgotten. */
static struct db_result *
since(const struct ctl *ctl, struct db_sync *db, const struct tail *t)
{
	struct buf ids = BUF_INIT;
	size_t n = t->n < SHOWN ? t->n : SHOWN, i;
	struct db_result *res;
	char from[NUMBER];
	int64_t low = t->n > 0 ? t->id[0] : 0;

	db_array_begin(&ids);
	for (i = 0; i < n; i++) {
		db_array_i64(&ids, t->id[i]);
		if (t->id[i] < low)
			low = t->id[i];
	}
	db_array_end(&ids);
	(void)snprintf(from, sizeof(from), "%" PRId64, low);
	res = ask(ctl, db, STMT_AUDIT_SINCE, (struct db_arg[]){
	    db_str(from), db_str(buf_cstr(&ids)) }, 2);
	buf_free(&ids);
	return res;
}

int
audit_tail(struct ctl *ctl, const struct ctl_args *a)
{
	const char *text = a->opt[TAIL_LINES];
	const struct timespec pause = { .tv_sec = 1 };
	struct tail t = { .n = 0 };
	struct db_result *res;
	struct db_sync *db;
	int64_t lines = 20;
	bool more = a->opt[TAIL_FOLLOW] != NULL;

	if (text != NULL && slice_i64(slice_of(text), 1, SHOWN, &lines) == -1)
		return ctl_fail(ctl, CTL_USAGE,
		    "--lines must be 1 to %d", SHOWN);
	if ((db = pg_begin(ctl)) == NULL)
		return CTL_UNAVAILABLE;
	res = ask_from(ctl, db, STMT_AUDIT_TAIL, lines);
	while (res != NULL) {
		show(ctl, &t, res);
		db_sync_done(&res);
		if (!more || ferror(stdout))
			break;
		nanosleep(&pause, NULL);
		if ((res = since(ctl, db, &t)) == NULL)
			more = false;
	}
	db_sync_close(db);
	return more == (a->opt[TAIL_FOLLOW] != NULL) && !ferror(stdout) ?
	    CTL_OK : CTL_FAILED;
}
