/* user: adds users, sets passwords, lists, disables, ends sessions. */
#include <stdio.h>
#include <string.h>

#include "db.h"
#include "id.h"
#include "json.h"
#include "out.h"
#include "owned.h"
#include "pass.h"
#include "pg.h"
#include "role.h"
#include "secret.h"
#include "stmt.h"
#include "str.h"
#include "user.h"
#include "valid.h"
#include "xmalloc.h"

enum { ADD_ROLE, ADD_DISPLAY, ADD_EMAIL, ADD_GENERATE };
enum { PASSWD_GENERATE };
enum { SESSIONS_END };

static int
hash(const struct ctl *ctl, const char *password, char out[SECRET_PWHASH])
{
	if (secret_pwhash(out, slice_of(password)) == 0)
		return CTL_OK;
	return ctl_fail(ctl, CTL_FAILED, "no memory to hash the password");
}

/* From standard input or made; CTL_OK or the exit code. */
static int
take_password(const struct ctl *ctl, bool make, char out[PASS_SIZE])
{
	if (!make)
		return pass_read(ctl, out);
	pass_make(out);
	return CTL_OK;
}

/* A fresh secret and what the database keeps of it; 0, or -1 and told. */
static int
make_link(struct ctl *ctl, struct user_link *link, uint8_t out[SECRET_HASH])
{
	uint8_t raw[(sizeof(link->secret) - 1) / 2];
	struct buf err = BUF_INIT;
	struct secret_key *key;

	memset(link, 0, sizeof(*link));
	key = secret_key_load(ctl->conf.suite.server_key, &err);
	if (key == NULL) {
		ctl_fail(ctl, CTL_CONFIG, "%s", buf_cstr(&err));
		buf_free(&err);
		return -1;
	}
	secret_random(raw, sizeof(raw));
	str_hex(link->secret, raw, sizeof(raw));
	secret_wipe(raw, sizeof(raw));
	secret_hash(key, "link", link->secret, sizeof(link->secret) - 1, out);
	secret_key_free(key);
	buf_free(&err);
	return 0;
}

/* Columns: name, until. */
static void
read_link(struct user_link *link, const struct db_result *res)
{
	str_copy(link->name, sizeof(link->name), db_cstr(res, 0, 0));
	str_copy(link->until, sizeof(link->until), db_cstr(res, 0, 1));
}

int
user_first(struct ctl *ctl, struct db_sync *db, const char *name,
    const char *password, struct user_link *link)
{
	char phc[SECRET_PWHASH], text[ID_TEXT];
	uint8_t of_link[SECRET_HASH];
	struct db_arg args[5];
	struct db_result *res;
	struct id id;
	int rc;

	if (hash(ctl, password, phc) != CTL_OK ||
	    (link != NULL && make_link(ctl, link, of_link) == -1))
		return -1;
	id_new(&id);
	id_text(&id, text);
	args[0] = db_str(text);
	args[1] = db_str(name);
	args[2] = db_str(phc);
	args[3] = db_str(ctl_os_user());
	args[4] = link == NULL ? db_null() :
	    db_bytes(of_link, sizeof(of_link));
	res = db_sync_query(db, stmt_get(STMT_USER_FIRST), args, 5);
	secret_wipe(phc, sizeof(phc));
	rc = db_err(res) == ERR_OK ? db_rows(res) : -1;
	if (rc == 1 && link != NULL)
		read_link(link, res);
	if (rc == -1)
		ctl_fail(ctl, CTL_FAILED, "first administrator: %s",
		    db_message(res));
	db_sync_done(&res);
	return rc;
}

int
user_link(struct ctl *ctl, struct db_sync *db, struct user_link *link)
{
	uint8_t of_link[SECRET_HASH];
	struct db_arg args[2];
	struct db_result *res;
	int rc = -1;

	if (make_link(ctl, link, of_link) == -1)
		return -1;
	args[0] = db_bytes(of_link, sizeof(of_link));
	args[1] = db_str(ctl_os_user());
	res = db_sync_query(db, stmt_get(STMT_USER_LINK), args, 2);
	if (db_err(res) != ERR_OK)
		ctl_fail(ctl, CTL_FAILED, "the administrator's link: %s",
		    db_message(res));
	else {
		rc = db_rows(res) > 0 && db_bool(res, 0, 2);
		if (db_rows(res) > 0)
			read_link(link, res);
	}
	db_sync_done(&res);
	return rc;
}

static int
report(const struct ctl *ctl, const struct db_result *res,
    const char *password)
{
	struct buf b = BUF_INIT;
	struct json_w w;

	if (!ctl->json) {
		printf("%s %s\n", db_cstr(res, 0, 0), db_cstr(res, 0, 1));
		if (password != NULL)
			printf("password: %s\n", password);
		return CTL_OK;
	}
	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "id");
	json_w_slice(&w, db_get(res, 0, 0));
	json_w_key(&w, "username");
	json_w_slice(&w, db_get(res, 0, 1));
	if (password != NULL) {
		json_w_key(&w, "password");
		json_w_str(&w, password);
	}
	json_w_end_object(&w);
	out_json(&b);
	return CTL_OK;
}

static int
add_check(struct ctl *ctl, const struct ctl_args *a, const char *role,
    const char *display)
{
	const char *rule;

	if ((rule = valid_username(slice_of(a->v[0]))) != NULL)
		return ctl_fail(ctl, CTL_USAGE, "the name %s", rule);
	if (role_parse(slice_of(role)) < ROLE_VIEWER)
		return ctl_fail(ctl, CTL_USAGE, "%s is not a role", role);
	if ((rule = valid_name(slice_of(display))) != NULL)
		return ctl_fail(ctl, CTL_USAGE, "--display-name %s", rule);
	if (a->opt[ADD_EMAIL] != NULL &&
	    (rule = valid_email(slice_of(a->opt[ADD_EMAIL]))) != NULL)
		return ctl_fail(ctl, CTL_USAGE, "--email %s", rule);
	return CTL_OK;
}

/* A failed statement as an exit code. */
static int
failed(const struct ctl *ctl, const struct db_result *res, const char *name)
{
	if (db_err(res) == ERR_DUPLICATE)
		return ctl_fail(ctl, CTL_CONFLICT, "%s exists already", name);
	return ctl_fail(ctl, CTL_FAILED, "%s", db_message(res));
}

static int
insert(struct ctl *ctl, const struct ctl_args *a, const char *role,
    const char *password)
{
	char phc[SECRET_PWHASH], text[ID_TEXT];
	struct db_arg args[7];
	struct db_result *res;
	struct db_sync *db;
	struct id id;
	int code;

	if ((code = hash(ctl, password, phc)) != CTL_OK)
		return code;
	if ((db = pg_begin(ctl)) == NULL)
		return CTL_UNAVAILABLE;
	id_new(&id);
	id_text(&id, text);
	args[0] = db_str(text);
	args[1] = db_str(a->v[0]);
	args[2] = db_str(phc);
	args[3] = db_str(a->opt[ADD_DISPLAY] ? a->opt[ADD_DISPLAY] : a->v[0]);
	args[4] = db_str(a->opt[ADD_EMAIL]);
	args[5] = db_str(role);
	args[6] = db_str(ctl_os_user());
	res = db_sync_query(db, stmt_get(STMT_USER_ADD), args, 7);
	code = db_err(res) != ERR_OK ? failed(ctl, res, a->v[0]) :
	    report(ctl, res, a->opt[ADD_GENERATE] ? password : NULL);
	db_sync_done(&res);
	db_sync_close(db);
	secret_wipe(phc, sizeof(phc));
	return code;
}

int
user_add(struct ctl *ctl, const struct ctl_args *a)
{
	const char *role = a->opt[ADD_ROLE] ? a->opt[ADD_ROLE] : "viewer";
	const char *display = a->opt[ADD_DISPLAY] ? a->opt[ADD_DISPLAY] :
	    a->v[0];
	char password[PASS_SIZE] = "";
	int code;

	if ((code = add_check(ctl, a, role, display)) != CTL_OK)
		return code;
	code = take_password(ctl, a->opt[ADD_GENERATE] != NULL, password);
	if (code == CTL_OK)
		code = insert(ctl, a, role, password);
	secret_wipe(password, sizeof(password));
	return code;
}

static int
change(struct ctl *ctl, const char *name, const char *password, bool made)
{
	char phc[SECRET_PWHASH];
	struct db_arg args[3];
	struct db_result *res;
	struct db_sync *db;
	int code;

	if ((code = hash(ctl, password, phc)) != CTL_OK)
		return code;
	if ((db = pg_begin(ctl)) == NULL)
		return CTL_UNAVAILABLE;
	args[0] = db_str(name);
	args[1] = db_str(phc);
	args[2] = db_str(ctl_os_user());
	res = db_sync_query(db, stmt_get(STMT_USER_PASSWD), args, 3);
	if (db_err(res) != ERR_OK)
		code = failed(ctl, res, name);
	else if (db_rows(res) == 0)
		code = ctl_fail(ctl, CTL_NOT_FOUND, "no user %s", name);
	else
		code = report(ctl, res, made ? password : NULL);
	db_sync_done(&res);
	db_sync_close(db);
	secret_wipe(phc, sizeof(phc));
	return code;
}

int
user_passwd(struct ctl *ctl, const struct ctl_args *a)
{
	bool make = a->opt[PASSWD_GENERATE] != NULL;
	char password[PASS_SIZE] = "";
	int code;

	code = take_password(ctl, make, password);
	if (code == CTL_OK)
		code = change(ctl, a->v[0], password, make);
	secret_wipe(password, sizeof(password));
	return code;
}

int
user_list(struct ctl *ctl, const struct ctl_args *a)
{
	static const struct out_col cols[] = {
		{ "id", OUT_TEXT, NULL },
		{ "username", OUT_TEXT, "USER" },
		{ "display_name", OUT_TEXT, "NAME" },
		{ "email", OUT_TEXT, NULL },
		{ "role", OUT_TEXT, "ROLE" },
		{ "is_active", OUT_BOOL, "ACTIVE" },
		{ "all_nodes", OUT_BOOL, "ALL NODES" },
		{ "expires_at", OUT_TEXT, "EXPIRES" },
		{ "last_login_at", OUT_TEXT, "LAST SIGN-IN" },
	};
	struct db_sync *db = pg_begin(ctl);
	struct db_result *res;
	int code = CTL_OK;

	(void)a;
	if (db == NULL)
		return CTL_UNAVAILABLE;
	res = db_sync_query(db, stmt_get(STMT_USER_LIST), NULL, 0);
	if (db_err(res) != ERR_OK)
		code = failed(ctl, res, "");
	else
		out_rows(ctl, res, cols, nitems(cols));
	db_sync_done(&res);
	db_sync_close(db);
	return code;
}

int
user_known(struct ctl *ctl, struct db_sync *db, const char *name)
{
	const struct db_arg arg = db_str(name);
	struct db_result *res;
	int code = CTL_OK;

	res = db_sync_query(db, stmt_get(STMT_USER_FIND), &arg, 1);
	if (db_err(res) != ERR_OK)
		code = failed(ctl, res, name);
	else if (db_rows(res) == 0)
		code = ctl_fail(ctl, CTL_NOT_FOUND, "no user %s", name);
	db_sync_done(&res);
	return code;
}

/* Runs a statement about one user and prints its row. */
static int
act(struct ctl *ctl, enum stmt st, const struct db_arg *args, size_t n,
    const struct out_col *cols, size_t ncols)
{
	const char *name = args[0].p;
	struct db_sync *db = pg_begin(ctl);
	struct db_result *res;
	int code = CTL_OK;

	if (db == NULL)
		return CTL_UNAVAILABLE;
	res = db_sync_query(db, stmt_get(st), args, n);
	if (strcmp(db_constraint(res), "users_last_super_admin") == 0)
		code = ctl_fail(ctl, CTL_REFUSED, "%s is the last super_admin "
		    "who can sign in", name);
	else if (db_err(res) != ERR_OK)
		code = failed(ctl, res, name);
	else if (db_rows(res) == 0)
		code = ctl_fail(ctl, CTL_NOT_FOUND, "no user %s", name);
	else
		out_record(ctl, res, cols, ncols);
	db_sync_done(&res);
	db_sync_close(db);
	return code;
}

static int
set_active(struct ctl *ctl, const char *name, const char *active)
{
	static const struct out_col cols[] = {
		{ "id", OUT_TEXT, "id" },
		{ "username", OUT_TEXT, "user" },
		{ "is_active", OUT_BOOL, "active" },
		{ "ended", OUT_INT, "sessions ended" },
	};
	const struct db_arg args[] = { db_str(name), db_str(active),
	    db_str(ctl_os_user()) };

	return act(ctl, STMT_USER_ACTIVE, args, nitems(args), cols,
	    nitems(cols));
}

int
user_disable(struct ctl *ctl, const struct ctl_args *a)
{
	return set_active(ctl, a->v[0], "f");
}

int
user_enable(struct ctl *ctl, const struct ctl_args *a)
{
	return set_active(ctl, a->v[0], "t");
}

static int
sessions_end(struct ctl *ctl, const char *name)
{
	static const struct out_col cols[] = {
		{ "id", OUT_TEXT, "id" },
		{ "username", OUT_TEXT, "user" },
		{ "ended", OUT_INT, "sessions ended" },
	};
	const struct db_arg args[] = { db_str(name), db_str(ctl_os_user()) };

	return act(ctl, STMT_USER_SESSIONS_END, args, nitems(args), cols,
	    nitems(cols));
}

int
user_sessions(struct ctl *ctl, const struct ctl_args *a)
{
	static const struct out_col cols[] = {
		{ "id", OUT_TEXT, "SESSION" },
		{ "address", OUT_TEXT, "ADDRESS" },
		{ "created_at", OUT_TEXT, "SINCE" },
		{ "expires_at", OUT_TEXT, "EXPIRES" },
		{ "user_agent", OUT_TEXT, NULL },
	};

	if (a->opt[SESSIONS_END] != NULL)
		return sessions_end(ctl, a->v[0]);
	return owned_list(ctl, STMT_USER_SESSIONS, a->v[0], cols,
	    nitems(cols));
}
