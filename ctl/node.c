/* node: adds nodes, makes registration tokens, lists, shows, deletes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "driver.h"
#include "id.h"
#include "node.h"
#include "out.h"
#include "pg.h"
#include "secret.h"
#include "stmt.h"
#include "str.h"
#include "valid.h"
#include "xmalloc.h"

enum { ADD_TYPE, ADD_DESCRIPTION, ADD_HOURS };
enum { TOKEN_HOURS };
enum { LIST_TYPE };

#define HOURS_DEFAULT	"24"
#define HOURS_MAX	8760

static const struct out_col token_cols[] = {
	{ "id", OUT_TEXT, "ID" },
	{ "name", OUT_TEXT, "NAME" },
	{ "device_type", OUT_TEXT, "TYPE" },
	{ "registration_token", OUT_TEXT, "TOKEN" },
	{ "token_expires_at", OUT_TEXT, "EXPIRES" },
};

struct token {
	char	text[ID_TEXT];
	uint8_t	hash[SECRET_HASH];
};

/* A fresh token and what the database keeps of it; CTL_OK or told. */
static int
make_token(struct ctl *ctl, struct token *t)
{
	struct buf err = BUF_INIT;
	struct secret_key *key;
	struct id id;

	key = secret_key_load(ctl->conf.suite.server_key, &err);
	if (key == NULL) {
		ctl_fail(ctl, CTL_CONFIG, "%s", buf_cstr(&err));
		buf_free(&err);
		return CTL_CONFIG;
	}
	id_random(&id);
	id_text(&id, t->text);
	secret_hash(key, "token", t->text, strlen(t->text), t->hash);
	secret_key_free(key);
	buf_free(&err);
	return CTL_OK;
}

static int
check_hours(const struct ctl *ctl, const char **hours)
{
	uint64_t v;

	if (*hours == NULL)
		*hours = HOURS_DEFAULT;
	if (slice_u64(slice_of(*hours), HOURS_MAX, &v) == -1 || v == 0)
		return ctl_fail(ctl, CTL_USAGE,
		    "--token-hours must be 1 to %d", HOURS_MAX);
	return CTL_OK;
}

/* Runs a statement and prints its row or rows as the columns say. */
static int
run(struct ctl *ctl, struct db_sync *db, enum stmt which,
    const struct db_arg *args, size_t n,
    void (*print)(const struct ctl *, const struct db_result *))
{
	struct db_result *res = db_sync_query(db, stmt_get(which), args, n);
	int code = CTL_OK;

	if (db_err(res) == ERR_DUPLICATE)
		code = ctl_fail(ctl, CTL_CONFLICT, "%s", db_message(res));
	else if (db_err(res) != ERR_OK)
		code = ctl_fail(ctl, CTL_FAILED, "%s", db_message(res));
	else
		print(ctl, res);
	db_sync_done(&res);
	return code;
}

static void
print_token(const struct ctl *ctl, const struct db_result *res)
{
	if (db_rows(res) > 0)
		out_record(ctl, res, token_cols, nitems(token_cols));
}

static int
add_check(const struct ctl *ctl, const struct ctl_args *a, const char *type)
{
	const char *rule;

	if ((rule = valid_name(slice_of(a->v[0]))) != NULL)
		return ctl_fail(ctl, CTL_USAGE, "the name %s", rule);
	if (driver_find(slice_of(type)) == NULL)
		return ctl_fail(ctl, CTL_USAGE, "%s is not a device type",
		    type);
	if (a->opt[ADD_DESCRIPTION] != NULL && (rule = valid_description(
	    slice_of(a->opt[ADD_DESCRIPTION]))) != NULL)
		return ctl_fail(ctl, CTL_USAGE, "--description %s", rule);
	return CTL_OK;
}

int
node_add(struct ctl *ctl, const struct ctl_args *a)
{
	const char *type = a->opt[ADD_TYPE] ? a->opt[ADD_TYPE] :
	    driver_at(0)->device_type;
	const char *hours = a->opt[ADD_HOURS];
	char text[ID_TEXT];
	struct db_arg args[8];
	struct db_sync *db;
	struct token token;
	struct id id;
	int code;

	if ((code = add_check(ctl, a, type)) != CTL_OK ||
	    (code = check_hours(ctl, &hours)) != CTL_OK ||
	    (code = make_token(ctl, &token)) != CTL_OK)
		return code;
	if ((db = pg_begin(ctl)) == NULL)
		return CTL_UNAVAILABLE;
	id_new(&id);
	id_text(&id, text);
	args[0] = db_str(text);
	args[1] = db_str(a->v[0]);
	args[2] = db_str(a->opt[ADD_DESCRIPTION]);
	args[3] = db_str(type);
	args[4] = db_bytes(token.hash, sizeof(token.hash));
	args[5] = db_str(hours);
	args[6] = db_str(ctl_os_user());
	args[7] = db_str(token.text);
	code = run(ctl, db, STMT_NODE_ADD, args, 8, print_token);
	db_sync_close(db);
	return code;
}

int
node_find(struct ctl *ctl, struct db_sync *db, const char *what,
    char id_r[ID_TEXT])
{
	struct db_arg arg = db_str(what);
	struct db_result *res;
	int code = CTL_OK;

	res = db_sync_query(db, stmt_get(STMT_NODE_FIND), &arg, 1);
	if (db_err(res) != ERR_OK)
		code = ctl_fail(ctl, CTL_FAILED, "%s", db_message(res));
	else if (db_rows(res) == 0)
		code = ctl_fail(ctl, CTL_NOT_FOUND, "no node %s", what);
	else if (db_rows(res) > 1)
		code = ctl_fail(ctl, CTL_CONFLICT,
		    "several nodes are called %s: give the id", what);
	else
		str_copy(id_r, ID_TEXT, db_cstr(res, 0, 0));
	db_sync_done(&res);
	return code;
}

int
node_token(struct ctl *ctl, const struct ctl_args *a)
{
	const char *hours = a->opt[TOKEN_HOURS];
	char id[ID_TEXT];
	struct db_arg args[5];
	struct db_sync *db;
	struct token token;
	int code;

	if ((code = check_hours(ctl, &hours)) != CTL_OK ||
	    (code = make_token(ctl, &token)) != CTL_OK)
		return code;
	if ((db = pg_begin(ctl)) == NULL)
		return CTL_UNAVAILABLE;
	if ((code = node_find(ctl, db, a->v[0], id)) == CTL_OK) {
		args[0] = db_str(id);
		args[1] = db_bytes(token.hash, sizeof(token.hash));
		args[2] = db_str(hours);
		args[3] = db_str(ctl_os_user());
		args[4] = db_str(token.text);
		code = run(ctl, db, STMT_NODE_TOKEN, args, 5, print_token);
	}
	db_sync_close(db);
	return code;
}

static void
print_deleted(const struct ctl *ctl, const struct db_result *res)
{
	static const struct out_col cols[] = {
		{ "id", OUT_TEXT, "ID" }, { "name", OUT_TEXT, "NAME" },
	};

	if (db_rows(res) > 0)
		out_record(ctl, res, cols, nitems(cols));
}

int
node_delete(struct ctl *ctl, const struct ctl_args *a)
{
	char id[ID_TEXT];
	struct db_arg args[2];
	struct db_sync *db = pg_begin(ctl);
	int code;

	if (db == NULL)
		return CTL_UNAVAILABLE;
	if ((code = node_find(ctl, db, a->v[0], id)) == CTL_OK) {
		args[0] = db_str(id);
		args[1] = db_str(ctl_os_user());
		code = run(ctl, db, STMT_NODE_DELETE, args, 2, print_deleted);
	}
	db_sync_close(db);
	return code;
}

static void
print_list(const struct ctl *ctl, const struct db_result *res)
{
	static const struct out_col cols[] = {
		{ "id", OUT_TEXT, "ID" },
		{ "name", OUT_TEXT, "NAME" },
		{ "device_type", OUT_TEXT, "TYPE" },
		{ "status", OUT_TEXT, "STATUS" },
		{ "software_version", OUT_TEXT, "VERSION" },
		{ "last_seen_at", OUT_TEXT, "LAST SEEN" },
	};

	out_rows(ctl, res, cols, nitems(cols));
}

int
node_list(struct ctl *ctl, const struct ctl_args *a)
{
	struct db_arg arg = db_str(a->opt[LIST_TYPE]);
	struct db_sync *db;
	int code;

	if (a->opt[LIST_TYPE] != NULL &&
	    driver_find(slice_of(a->opt[LIST_TYPE])) == NULL)
		return ctl_fail(ctl, CTL_USAGE, "%s is not a device type",
		    a->opt[LIST_TYPE]);
	if ((db = pg_begin(ctl)) == NULL)
		return CTL_UNAVAILABLE;
	code = run(ctl, db, STMT_NODE_LIST, &arg, 1, print_list);
	db_sync_close(db);
	return code;
}

static void
print_node(const struct ctl *ctl, const struct db_result *res)
{
	static const struct out_col cols[] = {
		{ "id", OUT_TEXT, "ID" },
		{ "name", OUT_TEXT, "NAME" },
		{ "description", OUT_TEXT, "DESCRIPTION" },
		{ "device_type", OUT_TEXT, "TYPE" },
		{ "status", OUT_TEXT, "STATUS" },
		{ "software_version", OUT_TEXT, "VERSION" },
		{ "protocol_version", OUT_INT, "PROTOCOL" },
		{ "last_seen_at", OUT_TEXT, "LAST SEEN" },
		{ "expires_at", OUT_TEXT, "EXPIRES" },
		{ "secrets", OUT_INT, "SECRETS" },
		{ "address", OUT_TEXT, "ADDRESS" },
		{ "last_health", OUT_JSON, "HEALTH" },
	};

	if (db_rows(res) > 0)
		out_record(ctl, res, cols, nitems(cols));
}

int
node_show(struct ctl *ctl, const struct ctl_args *a)
{
	char id[ID_TEXT];
	struct db_arg arg;
	struct db_sync *db = pg_begin(ctl);
	int code;

	if (db == NULL)
		return CTL_UNAVAILABLE;
	if ((code = node_find(ctl, db, a->v[0], id)) == CTL_OK) {
		arg = db_str(id);
		code = run(ctl, db, STMT_NODE_SHOW, &arg, 1, print_node);
	}
	db_sync_close(db);
	return code;
}
