/*
 * setup: folders, keys, certificate, configuration file, roles, database,
 * migrations, the daemons until they serve, and the first administrator, in
 * this order. Every step looks first and changes only what is missing.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db.h"
#include "json.h"
#include "keyfile.h"
#include "out.h"
#include "pass.h"
#include "pg.h"
#include "proc.h"
#include "ready.h"
#include "schema.h"
#include "secret.h"
#include "service.h"
#include "setup.h"
#include "stmt.h"
#include "str.h"
#include "tls.h"
#include "user.h"
#include "valid.h"
#include "xmalloc.h"

enum { OPT_SUPER, OPT_SQL_DIR, OPT_ADMIN, OPT_STDIN, OPT_GENERATE, OPT_WAIT,
    OPT_DRY };

#define WAIT_DEFAULT	"60"
#define WAIT_MAX	3600

#define ROLES_FILE "0000_roles.sql"

enum state { OK, MADE, KEPT };
static const char *const state_names[] = { "ok", "made", "kept" };

struct setup {
	struct ctl	*ctl;
	const char	*super;		/* conninfo, or NULL */
	const char	*admin;
	bool		 dry, from_stdin, generate, quiet;
	uint64_t	 wait;		/* seconds for the daemons */
	struct buf	 json;
	struct json_w	 w;
	struct db_sync	*db;		/* as the owner */
	char		 password[PASS_SIZE];
	struct user_link link;
	char		 door[384];	/* where browsers go */
	bool		 show_password, show_link;	/* made here */
};

static void
step(struct setup *s, const char *name, enum state state, const char *detail)
{
	const char *text = state_names[state];

	if (s->quiet)
		return;
	if (s->dry && state == MADE)
		text = "missing";
	if (!s->ctl->json) {
		printf("%-8s%-16s%s\n", text, name, detail);
		fflush(stdout);
		return;
	}
	json_w_object(&s->w);
	json_w_key(&s->w, "step");
	json_w_str(&s->w, name);
	json_w_key(&s->w, "state");
	json_w_str(&s->w, text);
	json_w_key(&s->w, "detail");
	json_w_str(&s->w, detail);
	json_w_end_object(&s->w);
}

/* mkdir -p; 1 made, 0 was there, -1 errno. */
static int
make_dirs(const char *path, mode_t mode)
{
	char *copy = xstrdup(path), *p;
	int made = 0;

	for (p = copy + 1; made != -1 && *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, 0755) == -1 && errno != EEXIST)
			made = -1;
		*p = '/';
	}
	if (made != -1) {
		if (mkdir(copy, mode) == 0)
			made = 1;
		else if (errno != EEXIST)
			made = -1;
	}
	free(copy);
	return made;
}

static int
folder(struct setup *s, const char *name, const char *path)
{
	struct stat st;
	int made = 0;

	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		return ctl_fail(s->ctl, CTL_CONFIG, "%s is not a folder",
		    path);
	if (stat(path, &st) == -1 && s->dry)
		made = 1;
	else if ((made = make_dirs(path, 0755)) == -1)
		return ctl_fail(s->ctl, CTL_FAILED, "%s: %s", path,
		    strerror(errno));
	step(s, name, made ? MADE : KEPT, path);
	return CTL_OK;
}

static int
configuration(struct setup *s)
{
	struct buf text = BUF_INIT;
	char *dir, *slash;
	int rc;

	if (!s->ctl->conf_missing) {
		step(s, "configuration", KEPT, s->ctl->file);
		return CTL_OK;
	}
	if (!s->dry) {
		dir = xstrdup(s->ctl->file);
		if ((slash = strrchr(dir, '/')) != NULL && slash != dir) {
			*slash = '\0';
			(void)make_dirs(dir, 0755);
		}
		free(dir);
		buf_puts(&text, "# Mastkeeper; mastkeeper.conf(5) explains "
		    "every key.\n\n");
		ctl_conf_dump(&text);
		rc = keyfile_write(s->ctl->file, 0644, buf_head(&text),
		    buf_used(&text));
		buf_free(&text);
		if (rc == -1)
			return ctl_fail(s->ctl, CTL_FAILED, "%s: %s",
			    s->ctl->file, strerror(errno));
	}
	step(s, "configuration", MADE, s->ctl->file);
	return CTL_OK;
}

/* Only root can give each daemon its own account. */
static int
accounts(struct setup *s)
{
	const struct conf_suite *c = &s->ctl->conf.suite;
	const char *names[] = { c->user_apid, c->user_hubd, c->user_aid,
	    c->user_ctl };
	size_t i;

	if (geteuid() != 0) {
		step(s, "accounts", OK, "not root: one account for all");
		return CTL_OK;
	}
	for (i = 0; i < nitems(names); i++)
		if (getpwnam(names[i]) == NULL)
			return ctl_fail(s->ctl, CTL_CONFIG, "the account %s "
			    "does not exist; run: useradd --system --user-group"
			    " --no-create-home --home-dir /nonexistent"
			    " --shell /usr/sbin/nologin %s", names[i],
			    names[i]);
	step(s, "accounts", OK, "the daemons' accounts exist");
	return CTL_OK;
}

static int
key_file(struct setup *s, const char *name, const char *path)
{
	struct buf err = BUF_INIT;
	struct secret_key *key;
	int code = CTL_OK;

	if (access(path, F_OK) == 0) {
		if ((key = secret_key_load(path, &err)) == NULL)
			code = ctl_fail(s->ctl, CTL_CONFIG, "%s",
			    buf_cstr(&err));
		else {
			secret_key_free(key);
			step(s, name, KEPT, path);
		}
	} else if (!s->dry && secret_key_create(path) == -1)
		code = ctl_fail(s->ctl, CTL_FAILED, "%s: %s", path,
		    strerror(errno));
	else
		step(s, name, MADE, path);
	buf_free(&err);
	return code;
}

/* mastctl audit verify and every hub trust the keys in this file; those of
 * keys that are no longer used stay, for the seals that they made. */
static int
audit_public(struct setup *s, const char *key_path, const char *path)
{
	struct buf err = BUF_INIT;
	struct secret_key *key;
	int made = 1, code = CTL_OK;

	if (s->dry)
		made = access(path, F_OK) == -1;
	else if ((key = secret_key_load(key_path, &err)) == NULL)
		made = -1;
	else {
		made = keyfile_public(path, key, &err);
		secret_key_free(key);
	}
	if (made == -1)
		code = ctl_fail(s->ctl, CTL_FAILED, "%s", buf_cstr(&err));
	else
		step(s, "audit public", made ? MADE : KEPT, path);
	buf_free(&err);
	return code;
}

static int
make_certificate(struct setup *s, const char *cert, const char *keyfile)
{
	struct buf chain = BUF_INIT, key = BUF_INIT, err = BUF_INIT;
	char host[256] = "", *names;
	int code = CTL_OK;

	if (gethostname(host, sizeof(host) - 1) == -1 || *host == '\0' ||
	    strcmp(host, "localhost") == 0)
		names = xstrdup("localhost,127.0.0.1");
	else
		names = xasprintf("localhost,127.0.0.1,%s", host);
	if (tls_selfsigned(names, &chain, &key, &err) == -1)
		code = ctl_fail(s->ctl, CTL_FAILED, "certificate: %s",
		    buf_cstr(&err));
	else if (keyfile_write(keyfile, 0400, buf_head(&key),
	    buf_used(&key)) == -1)
		code = ctl_fail(s->ctl, CTL_FAILED, "%s: %s", keyfile,
		    strerror(errno));
	else if (keyfile_write(cert, 0444, buf_head(&chain),
	    buf_used(&chain)) == -1)
		code = ctl_fail(s->ctl, CTL_FAILED, "%s: %s", cert,
		    strerror(errno));
	if (key.data != NULL)
		secret_wipe(key.data, key.len);
	buf_free(&key);
	buf_free(&chain);
	buf_free(&err);
	free(names);
	return code;
}

static int
certificate(struct setup *s)
{
	const char *cert = s->ctl->conf.suite.tls_cert;
	const char *key = s->ctl->conf.suite.tls_key;
	bool have_cert, have_key;
	int code = CTL_OK;

	if (cert == NULL || key == NULL) {
		step(s, "certificate", OK, "none configured");
		return CTL_OK;
	}
	have_cert = access(cert, F_OK) == 0;
	have_key = access(key, F_OK) == 0;
	if (have_cert != have_key)
		return ctl_fail(s->ctl, CTL_CONFIG,
		    "%s is there, but not %s: remove it or bring its pair",
		    have_cert ? cert : key, have_cert ? key : cert);
	if (!have_cert && !s->dry)
		code = make_certificate(s, cert, key);
	if (code == CTL_OK)
		step(s, "certificate", have_cert ? KEPT : MADE, cert);
	return code;
}

/* A yes or no from the database; -1 after telling. */
static int
ask(struct setup *s, struct db_sync *db, enum stmt which, const char *arg)
{
	struct db_arg a = db_str(arg);
	struct db_result *res = db_sync_query(db, stmt_get(which), &a, 1);
	int rc = -1;

	if (db_err(res) != ERR_OK)
		ctl_fail(s->ctl, CTL_FAILED, "%s", db_message(res));
	else
		rc = db_bool(res, 0, 0);
	db_sync_done(&res);
	return rc;
}

/* Creates what text says unless it is there. 1 made, 0 kept, -1 told. */
static int
ensure(struct setup *s, struct db_sync *db, enum stmt which,
    const char *name, struct buf *text)
{
	struct buf err = BUF_INIT;
	int there = ask(s, db, which, name);

	if (there == 0 && !s->dry &&
	    db_sync_script(db, buf_cstr(text), &err) == -1) {
		ctl_fail(s->ctl, CTL_FAILED, "%s", buf_cstr(&err));
		there = -1;
	}
	buf_free(&err);
	buf_free(text);
	return there == -1 ? -1 : !there;
}

static int
roles_script(struct setup *s, const char *dbname)
{
	struct buf text = BUF_INIT, err = BUF_INIT;
	struct db_sync *db;
	int code = CTL_OK;

	db = pg_open_super(s->ctl, s->super, dbname, &err);
	if (db == NULL)
		code = ctl_fail(s->ctl, CTL_UNAVAILABLE, "database: %s",
		    buf_cstr(&err));
	else if (schema_read(s->ctl, ROLES_FILE, &text, &err) == -1)
		code = ctl_fail(s->ctl, CTL_CONFIG, "%s", buf_cstr(&err));
	else if (db_sync_script(db, buf_cstr(&text), &err) == -1)
		code = ctl_fail(s->ctl, CTL_FAILED, ROLES_FILE ": %s",
		    buf_cstr(&err));
	if (db != NULL)
		db_sync_close(db);
	buf_free(&text);
	buf_free(&err);
	return code;
}

static int
make_database(struct setup *s, struct db_sync *super, const char *dbname)
{
	const char *owner = s->ctl->conf.suite.user_ctl;
	struct buf text = BUF_INIT;
	int role, made, code;

	stmt_create_role(&text, owner);
	if ((role = ensure(s, super, STMT_ROLE_EXISTS, owner, &text)) == -1)
		return CTL_FAILED;
	stmt_create_database(&text, dbname, owner);
	if ((made = ensure(s, super, STMT_DB_EXISTS, dbname, &text)) == -1)
		return CTL_FAILED;
	if (!s->dry && (code = roles_script(s, dbname)) != CTL_OK)
		return code;
	step(s, "roles", role ? MADE : KEPT, "roles of the daemons");
	step(s, "database", made ? MADE : KEPT, dbname);
	return CTL_OK;
}

/* The superuser is needed once; afterwards the owner's connection is enough
 * to see that all is there. */
static int
database(struct setup *s)
{
	struct buf name = BUF_INIT, err = BUF_INIT, ignored = BUF_INIT;
	struct db_sync *super;
	int code;

	if (pg_dbname(s->ctl->conf.suite.database, &name) == -1)
		return ctl_fail(s->ctl, CTL_CONFIG,
		    "[suite] database names no dbname");
	super = pg_open_super(s->ctl, s->super, "postgres", &err);
	if (super != NULL) {
		code = make_database(s, super, buf_cstr(&name));
		db_sync_close(super);
	} else if (geteuid() != 0 && s->super == NULL &&
	    (s->db = pg_open(s->ctl, &ignored)) != NULL) {
		step(s, "database", KEPT, "reachable as the owner");
		code = CTL_OK;
	} else
		code = ctl_fail(s->ctl, CTL_UNAVAILABLE,
		    "database as superuser: %s", buf_cstr(&err));
	buf_free(&ignored);
	buf_free(&name);
	buf_free(&err);
	return code;
}

int
setup_database(struct ctl *ctl, const char *superuser_conninfo)
{
	struct setup s = { .ctl = ctl, .super = superuser_conninfo,
	    .quiet = true };
	int code = database(&s);

	if (s.db != NULL)
		db_sync_close(s.db);
	return code;
}

static int
migrations(struct setup *s)
{
	struct schema *schema = NULL;
	struct buf err = BUF_INIT;
	char detail[64];
	size_t pending = 0;
	int code = CTL_OK;

	if (s->db == NULL && (s->db = pg_open(s->ctl, &err)) == NULL) {
		if (s->dry)
			step(s, "schema", MADE, "no database yet");
		else
			code = ctl_fail(s->ctl, CTL_UNAVAILABLE,
			    "database: %s", buf_cstr(&err));
		goto done;
	}
	code = schema_load(s->ctl, s->db, &schema, &err);
	if (code == CTL_OK && (pending = schema->pending) > 0 && !s->dry)
		code = schema_apply(s->ctl, s->db, schema, &err);
	if (code != CTL_OK)
		ctl_fail(s->ctl, code, "%s", buf_cstr(&err));
	else {
		snprintf(detail, sizeof(detail), "version %d of %d",
		    schema->applied, schema->newest);
		step(s, "schema", pending ? MADE : KEPT, detail);
	}
done:
	free(schema);
	buf_free(&err);
	return code;
}

/* By a password that is given or made here. */
static int
by_password(struct setup *s)
{
	int made;

	if (s->generate)
		pass_make(s->password);
	made = user_first(s->ctl, s->db, s->admin, s->password, NULL);
	if (made == -1)
		return CTL_FAILED;
	step(s, "administrator", made ? MADE : KEPT,
	    made ? s->admin : "there are users already");
	s->show_password = made && s->generate;
	return CTL_OK;
}

/* By a link: until it is used nobody knows the password. */
static int
by_link(struct setup *s)
{
	char detail[160];
	int made;

	pass_make(s->password);
	made = user_first(s->ctl, s->db, s->admin, s->password, &s->link);
	secret_wipe(s->password, sizeof(s->password));
	if (made == 0 && (made = user_link(s->ctl, s->db, &s->link)) == 0)
		secret_wipe(s->link.secret, sizeof(s->link.secret));
	if (made == -1)
		return CTL_FAILED;
	if (made)
		str_copy(detail, sizeof(detail), s->link.name);
	else if (s->link.name[0] != '\0')
		snprintf(detail, sizeof(detail), "%s; the link of before is "
		    "good until %s", s->link.name, s->link.until);
	else
		str_copy(detail, sizeof(detail), "there are users already");
	step(s, "administrator", made ? MADE : KEPT, detail);
	s->show_link = made;
	return CTL_OK;
}

static int
administrator(struct setup *s)
{
	if (s->dry) {
		step(s, "administrator", OK, "added when there is no user");
		return CTL_OK;
	}
	return s->from_stdin || s->generate ? by_password(s) : by_link(s);
}

/* The head of the audit's chain is the one file that hubd writes; where its
 * unit gives it an account from the start, it cannot make the file itself. */
static int
audit_head(struct setup *s, const char *path)
{
	const struct passwd *pw = getpwnam(s->ctl->conf.suite.user_hubd);
	bool there = access(path, F_OK) == 0;
	int fd, rc = 0;

	if (!s->dry && geteuid() == 0 && pw != NULL) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		    0644);
		rc = fd == -1 ? -1 : fchown(fd, pw->pw_uid, pw->pw_gid);
		if (rc == -1)
			rc = ctl_fail(s->ctl, CTL_FAILED, "%s: %s", path,
			    strerror(errno));
		if (fd != -1)
			close(fd);
	}
	if (rc == 0)
		step(s, "audit head", there ? KEPT : MADE, path);
	return rc;
}

/* Where nobody starts them for us. */
static void
say_start(struct setup *s, const struct ready *r)
{
	char detail[320];

	snprintf(detail, sizeof(detail), "no service manager here; start as "
	    "root, each with -f %s: mastkeeper-%s", s->ctl->file,
	    r->missing);
	step(s, "daemons", OK, detail);
}

/* It is not done before requests are served. */
static int
daemons(struct setup *s)
{
	static const char *const units[] = { "mastkeeper.target", NULL };
	const bool managed = service_managed(s->ctl);
	struct ready r;
	bool were;
	int code;

	ready_ask(s->ctl, &r);
	were = r.lacks[0] == '\0';
	str_copy(s->door, sizeof(s->door), r.door);
	if (s->dry) {
		step(s, "daemons", were ? KEPT : managed ? MADE : OK,
		    were ? "ready" : managed ? units[0] : r.lacks);
		return CTL_OK;
	}
	if (!managed && r.missing[0] != '\0') {
		say_start(s, &r);
		return CTL_OK;
	}
	if (managed &&
	    (code = service_systemctl(s->ctl, "start", units)) != CTL_OK)
		return code;
	if (!ready_wait(s->ctl, (unsigned)s->wait, &r))
		return ctl_fail(s->ctl, CTL_UNAVAILABLE, "the daemons do not "
		    "serve after %u s (%s); %s has why; then run mastctl "
		    "setup again", (unsigned)s->wait, r.lacks, managed ?
		    "journalctl -x -u 'mastkeeper*'" : "their log");
	str_copy(s->door, sizeof(s->door), r.door);
	step(s, "daemons", were ? KEPT : MADE, "ready");
	return CTL_OK;
}

static int
all_steps(struct setup *s)
{
	const struct conf_suite *c = &s->ctl->conf.suite;
	char *aid_key = xasprintf("%s/aid.key", c->state_dir);
	char *audit_key = xasprintf("%s/audit.key", c->state_dir);
	char *audit_pub = xasprintf("%s/audit.pub", c->state_dir);
	char *head = xasprintf("%s/audit.head", c->state_dir);
	int code;

	if ((code = accounts(s)) == CTL_OK &&
	    (code = configuration(s)) == CTL_OK &&
	    (code = folder(s, "state folder", c->state_dir)) == CTL_OK &&
	    (code = folder(s, "socket folder", c->run_dir)) == CTL_OK &&
	    (code = key_file(s, "server key", c->server_key)) == CTL_OK &&
	    (code = key_file(s, "aid key", aid_key)) == CTL_OK &&
	    (code = key_file(s, "audit key", audit_key)) == CTL_OK &&
	    (code = audit_public(s, audit_key, audit_pub)) == CTL_OK &&
	    (code = audit_head(s, head)) == CTL_OK &&
	    (code = certificate(s)) == CTL_OK &&
	    (code = database(s)) == CTL_OK &&
	    (code = migrations(s)) == CTL_OK &&
	    (code = daemons(s)) == CTL_OK)
		code = administrator(s);	/* last: a secret is shown */
	free(head);
	free(aid_key);
	free(audit_key);
	free(audit_pub);
	return code;
}

static void
finish_json(struct setup *s, int code)
{
	char *link = xasprintf("%s/setup#%s", s->door, s->link.secret);

	json_w_end_array(&s->w);
	json_w_key(&s->w, "ok");
	json_w_bool(&s->w, code == CTL_OK);
	json_w_key(&s->w, "admin");
	if (s->show_password || s->show_link) {
		json_w_object(&s->w);
		json_w_key(&s->w, "username");
		json_w_str(&s->w, s->show_link ? s->link.name : s->admin);
		json_w_key(&s->w, s->show_link ? "link" : "password");
		json_w_str(&s->w, s->show_link ? link : s->password);
		if (s->show_link) {
			json_w_key(&s->w, "link_until");
			json_w_str(&s->w, s->link.until);
		}
		json_w_end_object(&s->w);
	} else
		json_w_null(&s->w);
	json_w_end_object(&s->w);
	puts(buf_cstr(&s->json));
	secret_wipe(link, strlen(link));
	free(link);
}

static void
finish_text(const struct setup *s)
{
	if (s->show_password)
		printf("\nadministrator: %s\npassword: %s\n", s->admin,
		    s->password);
	if (s->show_link)
		printf("\nOpen this in a browser before %s and choose\nthe "
		    "password of %s. It is good once; any name or address of "
		    "this\nhost will do in it.\n\n  %s/setup#%s\n",
		    s->link.until, s->link.name, s->door, s->link.secret);
}

/* What the options say; CTL_OK, or told. */
static int
options(struct setup *s, const struct ctl_args *args)
{
	const char *wait = args->opt[OPT_WAIT], *rule;

	s->super = args->opt[OPT_SUPER];
	s->admin = args->opt[OPT_ADMIN] ? args->opt[OPT_ADMIN] : "admin";
	s->dry = args->opt[OPT_DRY] != NULL;
	s->from_stdin = args->opt[OPT_STDIN] != NULL;
	s->generate = args->opt[OPT_GENERATE] != NULL;
	if (slice_u64(slice_of(wait != NULL ? wait : WAIT_DEFAULT), WAIT_MAX,
	    &s->wait) == -1 || s->wait == 0)
		return ctl_fail(s->ctl, CTL_USAGE, "--wait must be 1 to %d",
		    WAIT_MAX);
	if (s->generate && s->from_stdin)
		return ctl_fail(s->ctl, CTL_USAGE, "--generate and "
		    "--password-stdin exclude each other");
	if ((rule = valid_username(slice_of(s->admin))) != NULL)
		return ctl_fail(s->ctl, CTL_USAGE, "--admin %s", rule);
	return s->from_stdin ? pass_read(s->ctl, s->password) : CTL_OK;
}

int
setup_run(struct ctl *ctl, const struct ctl_args *args)
{
	struct setup s = { .ctl = ctl };
	int code = options(&s, args);

	if (code != CTL_OK)
		return code;
	if (ctl->json) {
		json_w_init(&s.w, &s.json);
		json_w_object(&s.w);
		json_w_key(&s.w, "steps");
		json_w_array(&s.w);
	}
	code = all_steps(&s);
	/* A failure has been told as an object of its own. */
	if (ctl->json && code == CTL_OK)
		finish_json(&s, code);
	else if (code == CTL_OK)
		finish_text(&s);
	if (s.db != NULL)
		db_sync_close(s.db);
	if (s.json.data != NULL)
		secret_wipe(s.json.data, s.json.len);
	buf_free(&s.json);
	secret_wipe(s.password, sizeof(s.password));
	secret_wipe(s.link.secret, sizeof(s.link.secret));
	return code;
}
