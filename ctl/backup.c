/*
 * backup: all that an installation is, in a new folder: the database as
 * pg_dump writes it, the keys, the certificate and the configuration, and
 * their sums. restore is the way back onto an empty host.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup.h"
#include "db.h"
#include "mono.h"
#include "pg.h"
#include "proc.h"
#include "secret.h"
#include "setup.h"
#include "stmt.h"
#include "str.h"
#include "xmalloc.h"

#define DUMP	"database.dump"
#define CONF	"mastkeeper.conf"
#define SUMS	"B2SUMS"
#define SMALL	(1 << 20)	/* the largest key or text */
#define CHUNK	65536

enum { RESTORE_SUPER, RESTORE_SQL_DIR, RESTORE_DRY };

/* What lies in the state folder. audit.head goes first: a head that is older
 * than the database is good, a newer one says that the chain was cut. */
static const struct part { const char *name; mode_t mode; bool must; } parts[] = {
	{ "audit.head", 0644, false }, { "server.key", 0400, true },
	{ "aid.key", 0400, false }, { "aid.key.old", 0400, false },
	{ "aid.key.new", 0400, false },
	{ "audit.key", 0400, false },
	{ "audit.pub", 0444, false }, { "tls.crt", 0444, false },
	{ "tls.key", 0400, false },
};

/* ---- files ---- */

static int
told(const struct ctl *ctl, const char *path)
{
	return ctl_fail(ctl, CTL_FAILED, "%s: %s", path, strerror(errno));
}

static int
put_file(const struct ctl *ctl, const char *path, mode_t mode,
    struct buf *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	bool good = fd != -1 && fchmod(fd, mode) == 0 &&
	    write(fd, buf_head(text), buf_used(text)) ==
	    (ssize_t)buf_used(text) && fsync(fd) == 0;
	int code = good ? CTL_OK : told(ctl, path);

	if (fd != -1)
		close(fd);
	return code;
}

/* The sum of a file of any size, in hex: 0, or -1 with errno. */
static int
sum_file(const char *path, char hex[2 * SECRET_HASH + 1])
{
	struct secret_digest *d = secret_digest_new();
	uint8_t sum[SECRET_HASH];
	char *chunk = xmalloc(CHUNK);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), save;
	ssize_t n = -1;

	while (fd != -1 && (n = read(fd, chunk, CHUNK)) > 0)
		secret_digest_put(d, chunk, (size_t)n);
	save = errno;
	secret_digest_end(&d, sum);
	if (fd != -1)
		close(fd);
	str_hex(hex, sum, sizeof(sum));
	secret_wipe(chunk, CHUNK);
	free(chunk);
	errno = save;
	return n == 0 ? 0 : -1;
}

/* A line of B2SUMS, as b2sum(1) checks them. */
static int
note_sum(const struct ctl *ctl, const char *dir, const char *name,
    struct buf *sums)
{
	char hex[2 * SECRET_HASH + 1], *path = xasprintf("%s/%s", dir, name);
	int code = CTL_OK;

	if (sum_file(path, hex) == -1)
		code = told(ctl, path);
	else
		buf_printf(sums, "%s  %s\n", hex, name);
	free(path);
	return code;
}

/* One small file from here to there; a missing one only when it must be. */
static int
copy(const struct ctl *ctl, const char *from, const char *to, mode_t mode,
    bool must)
{
	struct buf text = BUF_INIT, err = BUF_INIT;
	int code = CTL_OK;

	if (must || access(from, F_OK) == 0) {
		if (proc_read_file(from, SMALL, &text, &err) == -1)
			code = ctl_fail(ctl, CTL_FAILED, "%s",
			    buf_cstr(&err));
		else
			code = put_file(ctl, to, mode, &text);
	}
	if (text.data != NULL)
		secret_wipe(text.data, text.len);
	buf_free(&text);
	buf_free(&err);
	return code;
}

/* ---- PostgreSQL's own tools ---- */

static _Noreturn void
child(const struct ctl *ctl, const char *const *argv, int in, int out)
{
	const struct passwd *pw = getpwnam(ctl->conf.suite.user_ctl);

	if (in != -1)
		dup2(in, STDIN_FILENO);
	if (out != -1)
		dup2(out, STDOUT_FILENO);
	if (geteuid() == 0 && (pw == NULL || setgid(pw->pw_gid) == -1 ||
	    setuid(pw->pw_uid) == -1 || chdir("/") == -1))
		_exit(126);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

static int
run(const struct ctl *ctl, const char *const *argv, int in, int out)
{
	pid_t pid;
	int status, rc;

	fflush(stdout);
	if ((pid = fork()) == -1)
		return told(ctl, argv[0]);
	if (pid == 0)
		child(ctl, argv, in, out);
	while ((rc = waitpid(pid, &status, 0)) == -1 && errno == EINTR)
		;
	if (rc == -1 || !WIFEXITED(status))
		return ctl_fail(ctl, CTL_FAILED, "%s has died", argv[0]);
	if (WEXITSTATUS(status) == 127)
		return ctl_fail(ctl, CTL_UNAVAILABLE, "%s is not installed; "
		    "it comes with PostgreSQL's client", argv[0]);
	return WEXITSTATUS(status) == 0 ? CTL_OK : ctl_fail(ctl, CTL_FAILED,
	    "%s has failed", argv[0]);
}

static char *
conninfo(const struct ctl *ctl)
{
	return xasprintf("%s user=%s", ctl->conf.suite.database,
	    ctl->conf.suite.user_ctl);
}

static int
dump(const struct ctl *ctl, const char *dir)
{
	char *path = xasprintf("%s/" DUMP, dir), *info = conninfo(ctl);
	/* row security is forced on the owner too, whose policies see all */
	const char *argv[] = { "pg_dump", "--format=custom",
	    "--enable-row-security", "--schema=mast", "--no-password", "-d",
	    info, NULL };
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int code = fd == -1 ? told(ctl, path) : run(ctl, argv, -1, fd);

	if (code == CTL_OK && fsync(fd) == -1)
		code = told(ctl, path);
	if (fd != -1)
		close(fd);
	free(path);
	free(info);
	return code;
}

/* ---- backup ---- */

static int
save_parts(const struct ctl *ctl, const char *dir)
{
	const struct conf_suite *c = &ctl->conf.suite;
	const char *from;
	char *own, *to;
	int code = CTL_OK;
	size_t i;

	for (i = 0; i < nitems(parts) && code == CTL_OK; i++) {
		own = xasprintf("%s/%s", c->state_dir, parts[i].name);
		to = xasprintf("%s/%s", dir, parts[i].name);
		/* three of them may have been put elsewhere */
		from = strcmp(parts[i].name, "server.key") == 0 ?
		    c->server_key : strcmp(parts[i].name, "tls.crt") == 0 ?
		    c->tls_cert : strcmp(parts[i].name, "tls.key") == 0 ?
		    c->tls_key : own;
		code = copy(ctl, from, to, parts[i].mode, parts[i].must);
		free(own);
		free(to);
	}
	return code;
}

static int
save_sums(const struct ctl *ctl, const char *dir)
{
	struct buf sums = BUF_INIT;
	char *path = xasprintf("%s/" SUMS, dir), *one;
	int code = note_sum(ctl, dir, DUMP, &sums);
	size_t i;

	for (i = 0; i < nitems(parts) && code == CTL_OK; i++) {
		one = xasprintf("%s/%s", dir, parts[i].name);
		if (access(one, F_OK) == 0)
			code = note_sum(ctl, dir, parts[i].name, &sums);
		free(one);
	}
	if (code == CTL_OK)
		code = note_sum(ctl, dir, CONF, &sums);
	if (code == CTL_OK)
		code = put_file(ctl, path, 0400, &sums);
	buf_free(&sums);
	free(path);
	return code;
}

int
backup_run(struct ctl *ctl, const struct ctl_args *args)
{
	const char *dir = args->v[0];
	char *conf;
	int code;

	if (mkdir(dir, 0700) == -1)
		return errno == EEXIST ? ctl_fail(ctl, CTL_CONFLICT,
		    "%s is there already; a backup is a new folder", dir) :
		    told(ctl, dir);
	conf = xasprintf("%s/" CONF, dir);
	if ((code = save_parts(ctl, dir)) == CTL_OK &&
	    (code = copy(ctl, ctl->file, conf, 0400, true)) == CTL_OK &&
	    (code = dump(ctl, dir)) == CTL_OK)
		code = save_sums(ctl, dir);
	free(conf);
	if (code == CTL_OK)
		ctl_say(ctl, "%s holds everything, secrets too: keep it as "
		    "you keep the keys", dir);
	else
		fprintf(stderr, "mastctl: %s is not a whole backup\n", dir);
	if (code == CTL_OK && ctl->json)
		puts("{\"ok\":true}");
	return code;
}

/* ---- restore ---- */

/* Every line of the sums holds, and what must be there is. */
static int
check_sums(const struct ctl *ctl, const char *dir)
{
	char *path = xasprintf("%s/" SUMS, dir), *one;
	char hex[2 * SECRET_HASH + 1];
	struct buf text = BUF_INIT, err = BUF_INIT;
	struct slice rest, line;
	int code = CTL_OK, seen = 0;

	if (proc_read_file(path, SMALL, &text, &err) == -1)
		code = ctl_fail(ctl, CTL_NOT_FOUND, "%s", buf_cstr(&err));
	rest = slice_of(buf_cstr(&text));
	while (code == CTL_OK && slice_cut(&rest, '\n', &line)) {
		if (line.n == 0)
			continue;
		if (line.n < 67 || memchr(line.p + 66, '/', line.n - 66)) {
			code = ctl_fail(ctl, CTL_REFUSED, "%s has a line "
			    "that is none of a backup", path);
			break;
		}
		one = xasprintf("%s/%.*s", dir, (int)(line.n - 66),
		    line.p + 66);
		if (sum_file(one, hex) == -1)
			code = told(ctl, one);
		else if (memcmp(hex, line.p, 64) != 0)
			code = ctl_fail(ctl, CTL_REFUSED, "%s was changed "
			    "after the backup", one);
		seen += strcmp(one + strlen(dir) + 1, DUMP) == 0 ||
		    strcmp(one + strlen(dir) + 1, "server.key") == 0;
		free(one);
	}
	if (code == CTL_OK && seen != 2)
		code = ctl_fail(ctl, CTL_REFUSED, "%s is not a whole backup",
		    dir);
	buf_free(&text);
	buf_free(&err);
	free(path);
	return code;
}

/* Is the file there already as it would be made? 1, 0 if it is not there,
 * -1 if it is another. */
static int
there(const char *from, const char *to)
{
	char a[2 * SECRET_HASH + 1], b[2 * SECRET_HASH + 1];

	if (access(to, F_OK) == -1)
		return 0;
	return sum_file(from, a) == 0 && sum_file(to, b) == 0 &&
	    strcmp(a, b) == 0 ? 1 : -1;
}

/* A head of this host that is not that of the backup is kept with its time:
 * it proves what the restored database no longer has. */
static int
put_away(const struct ctl *ctl, const char *path)
{
	char *away = xasprintf("%s.before-%lld", path,
	    (long long)(wall_now() / MONO_SEC));
	int code = rename(path, away) == 0 ? CTL_OK : told(ctl, path);

	if (code == CTL_OK)
		ctl_say(ctl, "the audit's head that this host knew is in %s",
		    away);
	free(away);
	return code;
}

static int
restore_part(const struct ctl *ctl, const char *dir, const struct part *p,
    bool dry)
{
	char *from = xasprintf("%s/%s", dir, p->name);
	char *to = xasprintf("%s/%s", ctl->conf.suite.state_dir, p->name);
	bool head = strcmp(p->name, "audit.head") == 0;
	int same = access(from, F_OK) == 0 ? there(from, to) : 1;
	int code = CTL_OK;

	if (same == -1 && !head)
		code = ctl_fail(ctl, CTL_CONFLICT, "%s is there and is "
		    "another: put it away first", to);
	else if (!dry && same == -1)
		code = put_away(ctl, to);
	if (!dry && code == CTL_OK && same != 1)
		code = copy(ctl, from, to, p->mode, true);
	free(from);
	free(to);
	return code;
}

static int
restore_parts(const struct ctl *ctl, const char *dir, bool dry)
{
	int code = CTL_OK;
	size_t i;

	if (!dry && mkdir(ctl->conf.suite.state_dir, 0755) == -1 &&
	    errno != EEXIST)
		return told(ctl, ctl->conf.suite.state_dir);
	for (i = 0; i < nitems(parts) && code == CTL_OK; i++)
		code = restore_part(ctl, dir, &parts[i], dry);
	return code;
}

/* Nothing of ours may be in the database. */
static int
check_empty(struct ctl *ctl)
{
	struct buf err = BUF_INIT;
	struct db_sync *db = pg_open(ctl, &err);
	struct db_result *res;
	int code = CTL_OK;

	buf_free(&err);
	if (db == NULL)
		return CTL_OK;		/* it is made then */
	res = db_sync_query(db, stmt_get(STMT_HAS_MIGRATIONS), NULL, 0);
	if (db_err(res) != ERR_OK)
		code = ctl_fail(ctl, CTL_FAILED, "%s", db_message(res));
	else if (db_bool(res, 0, 0))
		code = ctl_fail(ctl, CTL_CONFLICT, "the database holds an "
		    "installation: restore into an empty one, or drop it "
		    "with dropdb(1)");
	db_sync_done(&res);
	db_sync_close(db);
	return code;
}

static int
load(const struct ctl *ctl, const char *dir)
{
	char *path = xasprintf("%s/" DUMP, dir), *info = conninfo(ctl);
	const char *argv[] = { "pg_restore", "--single-transaction",
	    "--exit-on-error", "--clean", "--if-exists", "--no-owner",
	    "--no-password", "-d", info, NULL };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int code = fd == -1 ? told(ctl, path) : run(ctl, argv, fd, -1);

	if (fd != -1)
		close(fd);
	free(path);
	free(info);
	return code;
}

int
restore_run(struct ctl *ctl, const struct ctl_args *args)
{
	const char *dir = args->v[0];
	bool dry = args->opt[RESTORE_DRY] != NULL;
	int code;

	if ((code = check_sums(ctl, dir)) != CTL_OK ||
	    (code = restore_parts(ctl, dir, true)) != CTL_OK ||
	    (code = check_empty(ctl)) != CTL_OK)
		return code;
	if (dry) {
		ctl_say(ctl, "%s is whole and can be restored here", dir);
		return CTL_OK;
	}
	if ((code = setup_database(ctl, args->opt[RESTORE_SUPER])) !=
	    CTL_OK || (code = load(ctl, dir)) != CTL_OK ||
	    (code = restore_parts(ctl, dir, false)) != CTL_OK)
		return code;
	ctl_say(ctl, "restored; now run: mastctl setup");
	if (ctl->json)
		puts("{\"ok\":true}");
	return CTL_OK;
}
