/*
 * key_aid: see key_aid.h. It goes in steps, and what is there says which of
 * them were done: ended at any point, it is run again and goes on.
 *
 *	aid.key.new			the pair that comes, if it is whole:
 *					aid, started anew, opens with it too
 *	aid.key.old beside aid.key	the new pair is in its place; aid,
 *					started anew, opens with both
 *	a row sealed for another pair	is to be sealed anew: aid does that,
 *					this program opens nothing
 *	the old pair in retired_keys	no request that was under way can
 *					leave another such row
 *	no aid.key.old			aid has forgotten it: done
 *
 * Where several hosts share the database, each has to open with the new pair
 * before one seals with it: --step does the next of three things and ends,
 * so that all hosts can be brought through each.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "db.h"
#include "ipc.h"
#include "key_aid.h"
#include "msg_ai.h"
#include "out.h"
#include "pg.h"
#include "secret.h"
#include "service.h"
#include "stmt.h"
#include "str.h"
#include "talk.h"
#include "xmalloc.h"

#define RESTART_TIME	60	/* seconds for aid to come with its new pair */
#define ANSWER		(10 * MONO_SEC)

struct change {
	struct ctl	*ctl;
	char		*key, *old, *fresh;	/* paths */
	/* Public halves of the files of those names. */
	uint8_t		 pub[SECRET_KEY], old_pub[SECRET_KEY];
	uint8_t		 fresh_pub[SECRET_KEY];
	struct talk	*talk;
	struct db_sync	*db;
	long		 sealed, lost;
};

static int
told(struct change *c, const char *path)
{
	return ctl_fail(c->ctl, CTL_FAILED, "%s: %s", path, strerror(errno));
}

/* ---- files ---- */

/* False: not there, or not whole, with a sentence. */
static bool
load_public(const char *path, uint8_t pub[SECRET_KEY], struct buf *err)
{
	struct secret_key *key = secret_key_load(path, err);

	if (key == NULL)
		return false;
	secret_box_public(key, pub);
	secret_key_free(key);
	return true;
}

static int
public_of(struct change *c, const char *path, uint8_t pub[SECRET_KEY])
{
	struct buf err = BUF_INIT;
	int code = load_public(path, pub, &err) ? CTL_OK :
	    ctl_fail(c->ctl, CTL_CONFIG, "%s", buf_cstr(&err));

	buf_free(&err);
	return code;
}

/* Names in the folder are as durable as the files now. */
static int
sync_folder(struct change *c)
{
	return secret_key_sync(c->key) == 0 ? CTL_OK :
	    told(c, c->ctl->conf.suite.state_dir);
}

/* Is the old one there, and not only as another name of the present one? */
static bool
replaced(const struct change *c)
{
	struct stat now, old;

	return stat(c->old, &old) == 0 && stat(c->key, &now) == 0 &&
	    old.st_ino != now.st_ino;
}

/* The pair that comes is there and whole, made by a step before, perhaps on
 * another host. */
static bool
waits(struct change *c)
{
	struct buf err = BUF_INIT;
	bool whole = load_public(c->fresh, c->fresh_pub, &err);

	buf_free(&err);
	return whole;
}

static int
make(struct change *c)
{
	struct stat st;

	if (stat(c->key, &st) == -1)
		return told(c, c->key);
	if (!waits(c)) {
		(void)unlink(c->fresh);		/* half of one */
		if (secret_key_create(c->fresh) == -1)
			return told(c, c->fresh);
	}
	if (chown(c->fresh, st.st_uid, st.st_gid) == -1)
		return told(c, c->fresh);
	if (sync_folder(c) != CTL_OK)
		return CTL_FAILED;
	return public_of(c, c->fresh, c->fresh_pub);
}

/* First the old one gets a second name, then the new one takes its first:
 * at no moment there is none. */
static int
replace(struct change *c)
{
	int code;

	if (replaced(c))
		return CTL_OK;
	if ((code = make(c)) != CTL_OK)
		return code;
	if (link(c->key, c->old) == -1 && errno != EEXIST)
		return told(c, c->old);
	if (rename(c->fresh, c->key) == -1)
		return told(c, c->key);
	return sync_folder(c);
}

/* Overwritten where it lies, as far as the file system does so. */
static int
destroy(struct change *c)
{
	const uint8_t zero[SECRET_KEY] = { 0 };
	int fd;

	if (chmod(c->old, 0600) == -1)
		return told(c, c->old);
	fd = open(c->old, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd == -1 || write(fd, zero, sizeof(zero)) !=
	    (ssize_t)sizeof(zero) || fsync(fd) == -1) {
		if (fd != -1)
			close(fd);
		return told(c, c->old);
	}
	close(fd);
	if (unlink(c->old) == -1)
		return told(c, c->old);
	return sync_folder(c);
}

/* ---- aid ---- */

struct wanted { const uint8_t *pub; bool present, found; };

static bool
read_pairs(void *arg, struct ipc_msg *msg)
{
	struct wanted *w = arg;
	struct msg_ai_info m;
	size_t i;

	if (msg->type != MSG_AI_INFO_REPLY || !msg_get_ai_info(&msg->in, &m))
		return false;
	for (i = 0; i < (w->present ? SECRET_KEY : m.pubs.n); i += SECRET_KEY)
		if (memcmp(m.pubs.p + i, w->pub, SECRET_KEY) == 0)
			w->found = true;
	return true;
}

/* Does aid run, and is that its present pair, or any that it opens with? */
static bool
has(struct change *c, const uint8_t pub[SECRET_KEY], bool present)
{
	struct wanted w = { pub, present, false };

	talk_close(c->talk);
	c->talk = talk_open(c->ctl, "aid", MSG_AID);
	if (c->talk == NULL)
		return false;
	(void)talk_begin(c->talk, MSG_AI_INFO, ANSWER);
	return talk_end(c->talk, read_pairs, &w) == ERR_OK && w.found;
}

/* Before anything is changed: aid runs, with the key of the file. */
static int
running(struct change *c)
{
	if (replaced(c) || has(c, c->pub, true))
		return CTL_OK;
	if (c->talk == NULL)
		return ctl_fail(c->ctl, CTL_NOT_RUNNING,
		    "mastkeeper-aid does not run, and only it can open what "
		    "is to be sealed anew");
	return ctl_fail(c->ctl, CTL_CONFIG, "mastkeeper-aid does not run "
	    "with the key in %s", c->key);
}

static int
restart(struct change *c, const uint8_t pub[SECRET_KEY], bool present)
{
	static const char *const units[] = { "mastkeeper-aid.service", NULL };
	const struct timespec pause = { .tv_nsec = 200000000 };
	int i, code;

	if (has(c, pub, present))
		return CTL_OK;
	if (service_managed(c->ctl)) {
		code = service_systemctl(c->ctl, "restart", units);
		if (code != CTL_OK)
			return code;
	} else
		fprintf(stderr, "mastctl: the new key is in its place; now "
		    "restart mastkeeper-aid\n");
	for (i = 0; i < RESTART_TIME * 5; i++) {
		if (has(c, pub, present))
			return CTL_OK;
		nanosleep(&pause, NULL);
	}
	return ctl_fail(c->ctl, CTL_PARTIAL, "mastkeeper-aid did not come "
	    "back with its new key; nothing is lost: restart it, then run "
	    "this again");
}

static bool
read_sealed(void *arg, struct ipc_msg *msg)
{
	struct msg_ai_sealed m;

	if (msg->type != MSG_AI_RESEALED || !msg_get_ai_sealed(&msg->in, &m))
		return false;
	buf_put(arg, m.sealed.p, m.sealed.n);
	return true;
}

static bool
read_info(void *arg, struct ipc_msg *msg)
{
	(void)arg;
	return msg->type == MSG_AI_INFO_REPLY;
}

static int
forget(struct change *c)
{
	enum err err;

	(void)talk_begin(c->talk, MSG_AI_FORGET, ANSWER);
	if ((err = talk_end(c->talk, read_info, NULL)) == ERR_OK)
		return CTL_OK;
	return ctl_fail(c->ctl, CTL_UNAVAILABLE, "mastkeeper-aid: %s; run "
	    "this again", err_info(err)->title);
}

/* ---- rows ---- */

/* A row that was set anew or deleted meanwhile is left alone. */
static int
store(struct change *c, const struct db_result *rows, int row,
    struct buf *fresh)
{
	const struct db_arg args[] = { db_str(db_cstr(rows, row, 0)),
	    db_str(db_cstr(rows, row, 1)),
	    db_bytes(buf_head(fresh), buf_used(fresh)),
	    db_bytes(c->pub, sizeof(c->pub)), db_str(ctl_os_user()) };
	struct db_result *res = db_sync_query(c->db,
	    stmt_get(STMT_AI_KEY_RESEALED), args, nitems(args));
	int code = CTL_OK;

	if (db_err(res) != ERR_OK)
		code = ctl_fail(c->ctl, CTL_FAILED, "%s", db_message(res));
	else
		c->sealed += db_rows(res);
	db_sync_done(&res);
	return code;
}

static int
reseal_row(struct change *c, const struct db_result *rows, int row)
{
	uint8_t sealed[MSG_AI_SEALED_MAX];
	long n = db_bytea(rows, row, 1, sealed, sizeof(sealed));
	const struct msg_ai_sealed m = { { (const char *)sealed,
	    n > 0 ? (size_t)n : 0 } };
	struct buf fresh = BUF_INIT;
	enum err err;
	int code = CTL_OK;

	msg_put_ai_sealed(talk_begin(c->talk, MSG_AI_RESEAL, ANSWER), &m);
	err = talk_end(c->talk, read_sealed, &fresh);
	if (err != ERR_OK)
		code = ctl_fail(c->ctl, CTL_UNAVAILABLE, "mastkeeper-aid: "
		    "%s; nothing is lost: run this again",
		    err_info(err)->title);
	else if (buf_used(&fresh) == 0)
		c->lost++;		/* no pair of aid's opens it */
	else
		code = store(c, rows, row, &fresh);
	buf_free(&fresh);
	return code;
}

/* Every row that is sealed for another pair, in pieces. */
static int
reseal(struct change *c)
{
	char last[ID_TEXT] = "00000000-0000-0000-0000-000000000000";
	struct db_result *rows;
	int code = CTL_OK, i, n = 1;

	for (c->lost = 0; code == CTL_OK && n > 0;) {
		const struct db_arg args[] = { db_bytes(c->pub,
		    sizeof(c->pub)), db_str(last) };

		rows = db_sync_query(c->db, stmt_get(STMT_AI_KEY_STALE),
		    args, nitems(args));
		n = db_err(rows) == ERR_OK ? db_rows(rows) : 0;
		if (db_err(rows) != ERR_OK)
			code = ctl_fail(c->ctl, CTL_FAILED, "%s",
			    db_message(rows));
		for (i = 0; i < n && code == CTL_OK; i++) {
			code = reseal_row(c, rows, i);
			str_copy(last, sizeof(last), db_cstr(rows, i, 0));
		}
		db_sync_done(&rows);
	}
	return code;
}

/* From now on no row can come that is sealed for the old pair. */
static int
retire(struct change *c)
{
	const struct db_arg args[] = {
	    db_bytes(c->old_pub, sizeof(c->old_pub)),
	    db_bytes(c->pub, sizeof(c->pub)), db_str(ctl_os_user()) };
	struct buf err = BUF_INIT;
	struct db_result *res;
	int code = CTL_OK;

	if (db_sync_script(c->db, stmt_retire, &err) == -1)
		code = ctl_fail(c->ctl, CTL_FAILED, "%s", buf_cstr(&err));
	else {
		res = db_sync_query(c->db, stmt_get(STMT_AI_KEY_RETIRE), args,
		    nitems(args));
		if (db_err(res) != ERR_OK)
			code = ctl_fail(c->ctl, CTL_FAILED, "%s",
			    db_message(res));
		db_sync_done(&res);
		if (db_sync_script(c->db, code == CTL_OK ? stmt_commit :
		    stmt_rollback, &err) == -1 && code == CTL_OK)
			code = ctl_fail(c->ctl, CTL_FAILED, "%s",
			    buf_cstr(&err));
	}
	buf_free(&err);
	return code;
}

/* ---- the whole ---- */

/* next: what is to be done now; NULL: nothing. */
static int
tell(struct change *c, const char *step, const char *next)
{
	static const struct out_col cols[] = {
		{ "key", OUT_TEXT, "key" },
		{ "public", OUT_TEXT, "public half" },
		{ "resealed", OUT_INT, "sealed anew" },
		{ "lost", OUT_INT, "opened by no key" },
		{ "step", OUT_TEXT, "step" },
		{ "next", OUT_TEXT, "next" },
	};
	const uint8_t *pub = strcmp(step, "accepted") == 0 ? c->fresh_pub :
	    c->pub;
	char sealed[24], lost[24];
	struct db_result *res;
	int code = CTL_OK;

	snprintf(sealed, sizeof(sealed), "%ld", c->sealed);
	snprintf(lost, sizeof(lost), "%ld", c->lost);
	const struct db_arg args[] = { db_bytes(pub, SECRET_KEY),
	    db_str(sealed), db_str(lost), db_str(step),
	    next == NULL ? db_null() : db_str(next) };

	res = db_sync_query(c->db, stmt_get(STMT_AI_KEY_ROTATED), args,
	    nitems(args));
	if (db_err(res) != ERR_OK)
		code = ctl_fail(c->ctl, CTL_FAILED, "%s", db_message(res));
	else
		out_record(c->ctl, res, cols, nitems(cols));
	db_sync_done(&res);
	return code;
}

/* aid opens with the new pair and seals with the present one. */
static int
accept_new(struct change *c)
{
	int code;

	if ((code = make(c)) != CTL_OK ||
	    (code = restart(c, c->fresh_pub, false)) != CTL_OK)
		return code;
	return tell(c, "accepted", "copy aid.key.new, with its owner and "
	    "mode, to the hosts that do not have it; run this on each of "
	    "them, then again on each");
}

/* aid seals with the new pair and opens with the old one. */
static int
use_new(struct change *c)
{
	int code;

	if ((code = replace(c)) != CTL_OK ||
	    (code = public_of(c, c->key, c->pub)) != CTL_OK ||
	    (code = public_of(c, c->old, c->old_pub)) != CTL_OK)
		return code;
	return restart(c, c->pub, true);
}

static int
finish(struct change *c)
{
	int code;

	if ((code = reseal(c)) != CTL_OK ||
	    (code = retire(c)) != CTL_OK ||
	    (code = reseal(c)) != CTL_OK ||	/* what came meanwhile */
	    (code = forget(c)) != CTL_OK ||
	    (code = destroy(c)) != CTL_OK)
		return code;
	return tell(c, "done", NULL);
}

static int
change(struct change *c, bool step)
{
	bool was = replaced(c);
	int code;

	if ((code = public_of(c, c->key, c->pub)) != CTL_OK ||
	    (code = running(c)) != CTL_OK)
		return code;
	if (step && !was && !(waits(c) && has(c, c->fresh_pub, false)))
		return accept_new(c);
	if ((code = use_new(c)) != CTL_OK)
		return code;
	if (step && !was)
		return tell(c, "used", "run this on every host, then again "
		    "on each");
	return finish(c);
}

int
key_aid(struct ctl *ctl, const struct ctl_args *a)
{
	const char *dir = ctl->conf.suite.state_dir;
	struct change c = {
		.ctl = ctl, .key = xasprintf("%s/aid.key", dir),
		.old = xasprintf("%s/aid.key.old", dir),
		.fresh = xasprintf("%s/aid.key.new", dir),
	};
	int code = CTL_UNAVAILABLE;

	if ((c.db = pg_begin(ctl)) != NULL)
		code = change(&c, a->opt[KEY_STEP] != NULL);
	db_sync_close(c.db);
	talk_close(c.talk);
	free(c.key);
	free(c.old);
	free(c.fresh);
	return code;
}
