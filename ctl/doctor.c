/*
 * doctor: looks at everything an installation stands on. Each finding says
 * what is wrong and the command that mends it. Changes nothing.
 */
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "db.h"
#include "doctor.h"
#include "json.h"
#include "mono.h"
#include "out.h"
#include "pg.h"
#include "proc.h"
#include "ready.h"
#include "sandbox.h"
#include "schema.h"
#include "secret.h"
#include "service.h"
#include "status.h"
#include "stmt.h"
#include "str.h"
#include "tls.h"
#include "tls_cert.h"
#include "xmalloc.h"

#define PEM_MAX		(256 * 1024)
#define FILES_WANTED	4096
#define CERT_WARN_DAYS	30
#define CLOCK_SLACK	(2 * MONO_SEC)
#define PG_MIN		150000

enum level { GOOD, WARN, BAD };
static const char *const level_names[] = { "ok", "warning", "wrong" };

struct doctor {
	struct ctl	*ctl;
	struct buf	 json;
	struct json_w	 w;
	int		 count[3];
	bool		 brief;
};

/* One finding; fix is the command that mends it, NULL when all is well. */
static void __attribute__((format(printf, 5, 6)))
found(struct doctor *d, enum level level, const char *what, const char *fix,
    const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	d->count[level]++;
	if (d->brief) {
		if (level != GOOD)
			printf("%-9s%s\n", level_names[level], what);
		return;
	}
	if (!d->ctl->json) {
		printf("%-9s%-14s%s\n", level_names[level], what, text);
		if (fix != NULL)
			printf("%23s%s\n", "mend: ", fix);
		return;
	}
	json_w_object(&d->w);
	json_w_key(&d->w, "check");
	json_w_str(&d->w, what);
	json_w_key(&d->w, "level");
	json_w_str(&d->w, level_names[level]);
	json_w_key(&d->w, "text");
	json_w_str(&d->w, text);
	json_w_key(&d->w, "fix");
	json_w_str(&d->w, fix);
	json_w_end_object(&d->w);
}

static bool
check_conf(struct doctor *d)
{
	struct ctl *ctl = d->ctl;

	if (buf_used(&ctl->conf_err) > 0) {
		found(d, BAD, "configuration", "edit the file; "
		    "mastkeeper-apid --config-keys lists every key",
		    "%s", buf_cstr(&ctl->conf_err));
		return false;
	}
	if (ctl->conf_missing)
		found(d, BAD, "configuration", "mastctl setup",
		    "%s does not exist", ctl->file);
	else
		found(d, GOOD, "configuration", NULL, "%s", ctl->file);
	return true;
}

static void
check_account(struct doctor *d, const char *name)
{
	char fix[256];

	snprintf(fix, sizeof(fix), "useradd --system --user-group "
	    "--no-create-home --shell /usr/sbin/nologin %s", name);
	if (getpwnam(name) == NULL)
		found(d, BAD, "account", fix, "%s does not exist", name);
	else
		found(d, GOOD, "account", NULL, "%s", name);
}

static void
check_accounts(struct doctor *d)
{
	const struct conf_suite *c = &d->ctl->conf.suite;

	if (geteuid() != 0) {
		found(d, WARN, "account", "start the daemons as root",
		    "not root: all daemons share one account");
		return;
	}
	check_account(d, c->user_apid);
	check_account(d, c->user_hubd);
	check_account(d, c->user_aid);
	check_account(d, c->user_ctl);
}

static void
check_folder(struct doctor *d, const char *what, const char *path)
{
	struct stat st;
	char fix[512];

	snprintf(fix, sizeof(fix), "chmod go-w %s", path);
	if (stat(path, &st) == -1)
		found(d, BAD, what, "mastctl setup", "%s: %s", path,
		    strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		found(d, BAD, what, "name another folder in the "
		    "configuration", "%s is not a folder", path);
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		found(d, BAD, what, fix, "%s: others may write there", path);
	else
		found(d, GOOD, what, NULL, "%s", path);
}

/* Secrets belong to who starts the daemons, and nobody else reads them. */
static bool
check_private(struct doctor *d, const char *what, const char *path)
{
	struct stat st;
	char fix[512];

	if (stat(path, &st) == -1) {
		found(d, BAD, what, "mastctl setup", "%s: %s", path,
		    strerror(errno));
		return false;
	}
	if (st.st_mode & (S_IRWXG | S_IRWXO)) {
		snprintf(fix, sizeof(fix), "chmod 0400 %s", path);
		found(d, BAD, what, fix, "%s has mode %04o", path,
		    (unsigned)st.st_mode & 07777);
		return false;
	}
	if (st.st_uid != geteuid()) {
		snprintf(fix, sizeof(fix), "chown %u %s", geteuid(), path);
		found(d, BAD, what, fix, "%s belongs to uid %u", path,
		    st.st_uid);
		return false;
	}
	return true;
}

static void
check_key(struct doctor *d, const char *what, const char *path)
{
	struct buf err = BUF_INIT;
	struct secret_key *key;

	if (!check_private(d, what, path))
		return;
	key = secret_key_load(path, &err);
	if (key == NULL)
		found(d, BAD, what, "bring the key back from a backup; a new "
		    "one makes old secrets unreadable", "%s",
		    buf_cstr(&err));
	else if (secret_key_count(key) > 2)
		found(d, WARN, what, "mastctl key rotate server", "a change "
		    "of %s was not finished; nothing is lost by that", path);
	else
		found(d, GOOD, what, NULL, "%s", path);
	secret_key_free(key);
	buf_free(&err);
}

static void
check_dates(struct doctor *d, const char *path, const char *pem)
{
	struct tls_cert_info info;
	struct buf err = BUF_INIT;
	char until[WALL_TEXT];
	wall_us now = wall_now();
	const char *renew;
	int64_t days;

	if (tls_cert_read(pem, &info, &err) == -1) {
		found(d, BAD, "certificate", "bring a PEM certificate",
		    "%s: %s", path, buf_cstr(&err));
		buf_free(&err);
		return;
	}
	buf_free(&err);
	days = (info.not_after - now) / (86400 * MONO_SEC);
	renew = info.self_signed ? "to renew it remove both files, run "
	    "mastctl setup, and restart apid and hubd" :
	    "put a renewed pair there, and restart apid and hubd";
	wall_rfc3339(info.not_after, until);
	if (now < info.not_before)
		found(d, BAD, "certificate", "set the clock, or wait",
		    "%s is not valid yet", path);
	else if (now > info.not_after)
		found(d, BAD, "certificate", renew, "%s has expired on %s",
		    path, until);
	else
		found(d, days < CERT_WARN_DAYS ? WARN : GOOD, "certificate",
		    days < CERT_WARN_DAYS ? renew : NULL,
		    "%s%s, valid until %s", path,
		    info.self_signed ? " (self-signed)" : "", until);
}

static void
check_certificate(struct doctor *d)
{
	const char *cert = d->ctl->conf.suite.tls_cert;
	const char *keyfile = d->ctl->conf.suite.tls_key;
	struct buf chain = BUF_INIT, key = BUF_INIT, err = BUF_INIT;
	struct tls_ctx *ctx;

	if (cert == NULL || keyfile == NULL) {
		found(d, WARN, "certificate", "set tls_cert and tls_key",
		    "none is configured");
		return;
	}
	if (!check_private(d, "TLS key", keyfile))
		return;
	if (proc_read_file(cert, PEM_MAX, &chain, &err) == -1 ||
	    proc_read_file(keyfile, PEM_MAX, &key, &err) == -1)
		found(d, BAD, "certificate", "mastctl setup", "%s",
		    buf_cstr(&err));
	else if ((ctx = tls_ctx_server(buf_cstr(&chain), buf_cstr(&key), 0,
	    &err)) == NULL)
		found(d, BAD, "certificate", "bring the key and the "
		    "certificate of one pair", "%s", buf_cstr(&err));
	else {
		tls_ctx_free(ctx);
		check_dates(d, cert, buf_cstr(&chain));
	}
	if (key.data != NULL)
		secret_wipe(key.data, key.len);
	buf_free(&key);
	buf_free(&chain);
	buf_free(&err);
}

static void
check_daemon(struct doctor *d, const struct status_answer *a)
{
	const bool managed = service_managed(d->ctl);
	char start[512], restart[128];

	snprintf(start, sizeof(start), managed ? "mastctl start" :
	    "mastkeeper-%s -f %s", a->name, d->ctl->file);
	snprintf(restart, sizeof(restart), managed ?
	    "systemctl restart mastkeeper-%s" : "restart mastkeeper-%s",
	    a->name);
	if (a->absent)
		found(d, GOOD, a->name, NULL, "not installed: nothing here "
		    "can call out");
	else if (a->json == NULL)
		found(d, BAD, a->name, start, "does not answer on %s/%s.ctl",
		    d->ctl->conf.suite.run_dir, a->name);
	else if (strstr(a->json, "\"version\":\"" PACKAGE_VERSION "\"") ==
	    NULL)
		found(d, WARN, a->name, restart, "another version than "
		    "mastctl's runs");
	else
		found(d, GOOD, a->name, NULL, "answers");
}

static void
check_daemons(struct doctor *d)
{
	struct status_answer v[STATUS_DAEMONS];
	struct ready r;
	size_t i;

	status_ask(d->ctl, v);
	for (i = 0; i < STATUS_DAEMONS; i++)
		check_daemon(d, &v[i]);
	ready_judge(v, &r);
	status_free(v);
	if (r.missing[0] == '\0' && r.lacks[0] != '\0')
		found(d, BAD, "requests", service_managed(d->ctl) ?
		    "see: journalctl -x -u 'mastkeeper*'" :
		    "see the daemons' log", "are not served: %s", r.lacks);
	else if (r.missing[0] == '\0')
		found(d, GOOD, "requests", NULL, "are served");
}

static void
check_roles(struct doctor *d, struct db_sync *db)
{
	const struct conf_suite *c = &d->ctl->conf.suite;
	const char *names[] = { c->user_ctl, c->user_apid, c->user_hubd };
	struct buf list = BUF_INIT;
	struct db_result *res;
	struct db_arg arg;
	size_t i;
	int row;

	db_array_begin(&list);
	for (i = 0; i < nitems(names); i++)
		db_array_text(&list, slice_of(names[i]));
	db_array_end(&list);
	arg = db_str(buf_cstr(&list));
	res = db_sync_query(db, stmt_get(STMT_ROLES), &arg, 1);
	if (db_err(res) != ERR_OK)
		found(d, BAD, "roles", "mastctl setup", "%s",
		    db_message(res));
	for (row = 0; row < db_rows(res); row++) {
		if (!db_bool(res, row, 1) || !db_bool(res, row, 3))
			found(d, BAD, "roles", "mastctl setup",
			    "the role %s is missing or cannot log in",
			    db_cstr(res, row, 0));
		else if (db_bool(res, row, 2))
			found(d, BAD, "roles", "mastctl setup",
			    "the role %s may do too much",
			    db_cstr(res, row, 0));
		else
			found(d, GOOD, "roles", NULL, "%s",
			    db_cstr(res, row, 0));
	}
	db_sync_done(&res);
	buf_free(&list);
}

static void
check_server(struct doctor *d, struct db_sync *db)
{
	struct db_result *res;
	int64_t off;

	res = db_sync_query(db, stmt_get(STMT_SERVER), NULL, 0);
	if (db_err(res) != ERR_OK) {
		found(d, BAD, "database", "look into PostgreSQL's log", "%s",
		    db_message(res));
		db_sync_done(&res);
		return;
	}
	if (db_i64(res, 0, 0) < PG_MIN)
		found(d, BAD, "database", "upgrade to PostgreSQL 15",
		    "PostgreSQL %s is too old", db_cstr(res, 0, 1));
	else
		found(d, GOOD, "database", NULL, "PostgreSQL %s",
		    db_cstr(res, 0, 1));
	off = db_i64(res, 0, 2) - wall_now();
	if (off > CLOCK_SLACK || off < -CLOCK_SLACK)
		found(d, BAD, "clock", "run a time service on both machines",
		    "PostgreSQL's clock differs by %lld ms",
		    (long long)(off / MONO_MS));
	else
		found(d, GOOD, "clock", NULL, "agrees with PostgreSQL's");
	if (strcmp(db_cstr(res, 0, 3), "off") == 0)
		found(d, BAD, "durability", "set synchronous_commit = on in "
		    "postgresql.conf", "synchronous_commit is off: a crash "
		    "loses what was acknowledged");
	db_sync_done(&res);
}

/* A hub that runs seals at least once an hour. */
static void
check_audit(struct doctor *d, struct db_sync *db)
{
	struct db_result *res = db_sync_query(db,
	    stmt_get(STMT_AUDIT_STALE), NULL, 0);

	if (db_err(res) != ERR_OK)
		found(d, BAD, "audit", "mastctl db verify", "%s",
		    db_message(res));
	else if (db_i64(res, 0, 0) > 0)
		found(d, WARN, "audit", "look in the log of hubd, then: "
		    "mastctl audit verify", "%s rows wait for a seal since %s",
		    db_cstr(res, 0, 0), db_cstr(res, 0, 1));
	else
		found(d, GOOD, "audit", NULL, "%s seals",
		    db_cstr(res, 0, 2));
	db_sync_done(&res);
}

/* What there must be one of at least. */
static void
check_count(struct doctor *d, struct db_sync *db, enum stmt which,
    const char *what, const char *fix, const char *text)
{
	struct db_result *res = db_sync_query(db, stmt_get(which), NULL, 0);

	if (db_err(res) != ERR_OK)
		found(d, BAD, what, "mastctl db verify", "%s",
		    db_message(res));
	else if (db_i64(res, 0, 0) == 0)
		found(d, BAD, what, fix, "%s", text);
	else
		found(d, GOOD, what, NULL, "%s", db_cstr(res, 0, 0));
	db_sync_done(&res);
}

static void
check_database(struct doctor *d)
{
	struct schema *schema = NULL;
	struct buf err = BUF_INIT;
	struct db_sync *db = pg_open(d->ctl, &err);

	if (db == NULL) {
		found(d, BAD, "database", "start PostgreSQL, then: "
		    "mastctl setup", "%s", buf_cstr(&err));
		buf_free(&err);
		return;
	}
	check_server(d, db);
	check_roles(d, db);
	if (schema_load(d->ctl, db, &schema, &err) != CTL_OK)
		found(d, BAD, "schema", "install the SQL files of one "
		    "version", "%s", buf_cstr(&err));
	else if (schema->pending > 0)
		found(d, BAD, "schema", "mastctl db migrate",
		    "version %d of %d", schema->applied, schema->newest);
	else
		found(d, GOOD, "schema", NULL, "version %d",
		    schema->applied);
	if (schema != NULL && schema->pending == 0) {
		check_audit(d, db);
		check_count(d, db, STMT_SIGN_IN, "administrator",
		    "mastctl user add --role super_admin NAME",
		    "no super_admin can sign in");
		check_count(d, db, STMT_PARTITIONS, "partitions",
		    "start hubd, which makes them each hour",
		    "there is no partition for tomorrow's events");
	}
	free(schema);
	db_sync_close(db);
	buf_free(&err);
}

static void
check_system(struct doctor *d)
{
	struct rlimit rl;
	int abi = sandbox_landlock_abi();

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		if (rl.rlim_max < FILES_WANTED)
			found(d, WARN, "open files", "ulimit -Hn 65536, or "
			    "LimitNOFILE in the unit", "at most %llu",
			    (unsigned long long)rl.rlim_max);
		else
			found(d, GOOD, "open files", NULL, "at most %llu",
			    (unsigned long long)rl.rlim_max);
	}
	if (abi == 0)
		found(d, WARN, "Landlock", "boot a kernel 5.13 or newer with "
		    "lsm=landlock", "the kernel has none: files are fenced "
		    "by accounts only");
	else if (abi < 4)
		found(d, WARN, "Landlock", "boot a kernel 6.7 or newer",
		    "ABI %d has no rules for connections", abi);
	else
		found(d, GOOD, "Landlock", NULL, "ABI %d", abi);
}

static void
finish(struct doctor *d)
{
	if (!d->ctl->json) {
		printf("%d ok, %d warnings, %d wrong\n", d->count[GOOD],
		    d->count[WARN], d->count[BAD]);
		return;
	}
	json_w_end_array(&d->w);
	json_w_key(&d->w, "ok");
	json_w_i64(&d->w, d->count[GOOD]);
	json_w_key(&d->w, "warnings");
	json_w_i64(&d->w, d->count[WARN]);
	json_w_key(&d->w, "wrong");
	json_w_i64(&d->w, d->count[BAD]);
	json_w_end_object(&d->w);
	out_json(&d->json);
}

/* A change of aid's key that was not brought to its end. */
static void
check_change(struct doctor *d, const char *aid_key)
{
	static const char *const suffixes[] = { "old", "new" };
	char *path;
	size_t i;

	for (i = 0; i < nitems(suffixes); i++) {
		path = xasprintf("%s.%s", aid_key, suffixes[i]);
		if (access(path, F_OK) == 0)
			found(d, WARN, "aid key", "mastctl key rotate aid",
			    "%s is there: its change was not brought to its "
			    "end", path);
		free(path);
	}
}

static void
look(struct doctor *d)
{
	struct ctl *ctl = d->ctl;
	char *aid_key, *audit_key;

	if (check_conf(d)) {
		aid_key = xasprintf("%s/aid.key", ctl->conf.suite.state_dir);
		audit_key = xasprintf("%s/audit.key",
		    ctl->conf.suite.state_dir);
		check_accounts(d);
		check_folder(d, "state folder", ctl->conf.suite.state_dir);
		check_folder(d, "socket folder", ctl->conf.suite.run_dir);
		check_key(d, "server key", ctl->conf.suite.server_key);
		check_key(d, "aid key", aid_key);
		check_change(d, aid_key);
		check_key(d, "audit key", audit_key);
		check_certificate(d);
		check_database(d);
		check_daemons(d);
		free(aid_key);
		free(audit_key);
	}
	check_system(d);
}

void
doctor_short(struct ctl *ctl)
{
	struct doctor d = { .ctl = ctl, .brief = true };

	look(&d);
	printf("%d ok, %d warnings, %d wrong\n", d.count[GOOD],
	    d.count[WARN], d.count[BAD]);
}

int
doctor_run(struct ctl *ctl, const struct ctl_args *args)
{
	struct doctor d = { .ctl = ctl };

	(void)args;
	if (ctl->json) {
		json_w_init(&d.w, &d.json);
		json_w_object(&d.w);
		json_w_key(&d.w, "findings");
		json_w_array(&d.w);
	}
	look(&d);
	finish(&d);
	return d.count[BAD] > 0 ? CTL_FAILED : CTL_OK;
}
