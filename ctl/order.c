/*
 * order: one command to one node, through the journal: whichever hub has the
 * node's session takes it from there within seconds, or it expires. The
 * action is sealed, as apid does it, because it may carry credentials, and
 * comes from standard input for the same reason.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"
#include "db.h"
#include "driver.h"
#include "id.h"
#include "json.h"
#include "node.h"
#include "order.h"
#include "out.h"
#include "pg.h"
#include "role.h"
#include "secret.h"
#include "stmt.h"
#include "str.h"
#include "xmalloc.h"

enum { COMMAND_WAIT };

#define ACTION_MAX	(5 * 1024 * 1024)
#define WAIT_DEFAULT	"30"
#define WAIT_MAX	86400
#define ANSWER_TIME	60	/* seconds from sending to any end state */

struct order {
	struct ctl			*ctl;
	struct db_sync			*db;
	struct arena			*arena;
	struct buf			 action;
	const char			*wait;		/* seconds, checked */
	char				 node[ID_TEXT], text[ID_TEXT];
	struct id			 id;
	const struct driver_command	*what;
};

/* ---- what is ordered ---- */

/* "-": an object from standard input; else the name of a command that needs
 * nothing more. */
static int
read_action(struct order *o, const char *given)
{
	struct json_w w;
	size_t n;

	if (strcmp(given, "-") != 0) {
		json_w_init(&w, &o->action);
		json_w_object(&w);
		json_w_key(&w, "type");
		json_w_str(&w, given);
		json_w_end_object(&w);
		return CTL_OK;
	}
	do {
		n = fread(buf_reserve(&o->action, 65536), 1, 65536, stdin);
		buf_commit(&o->action, n);
	} while (n > 0 && buf_used(&o->action) <= ACTION_MAX);
	if (ferror(stdin))
		return ctl_fail(o->ctl, CTL_FAILED,
		    "standard input cannot be read");
	return buf_used(&o->action) <= ACTION_MAX ? CTL_OK :
	    ctl_fail(o->ctl, CTL_REFUSED, "the action has more than 5 MiB");
}

/* The driver of the node judges it, as for somebody who may do all. */
static int
judge(struct order *o, struct slice type)
{
	const struct driver *driver = driver_find(type);
	struct json_faults faults = { .n = 0 };
	enum err err;

	if (driver == NULL)
		return ctl_fail(o->ctl, CTL_REFUSED, "nothing is known of "
		    "commands for this type of device");
	err = driver_check(driver, o->arena, (struct slice){
	    buf_cstr(&o->action), buf_used(&o->action) }, ROLE_SUPER_ADMIN,
	    "", &faults, &o->what);
	if (err == ERR_OK)
		return CTL_OK;
	if (faults.n == 0)
		return ctl_fail(o->ctl, CTL_REFUSED, "the action is not a "
		    "JSON object");
	return ctl_fail(o->ctl, CTL_REFUSED, "%s %s", faults.v[0].pointer,
	    faults.v[0].detail);
}

/* ---- the journal ---- */

static int
journal(struct order *o)
{
	struct buf sealed = BUF_INIT, why = BUF_INIT;
	struct secret_key *key = secret_key_load(
	    o->ctl->conf.suite.server_key, &why);
	struct db_result *res;
	int code = CTL_OK;

	if (key == NULL) {
		code = ctl_fail(o->ctl, CTL_CONFIG, "%s", buf_cstr(&why));
		buf_free(&why);
		return code;
	}
	id_new(&o->id);
	id_text(&o->id, o->text);
	secret_seal(key, "command", buf_head(&o->action),
	    buf_used(&o->action), (struct slice){ (const char *)o->id.b,
	    sizeof(o->id.b) }, &sealed);
	secret_key_free(key);
	const struct db_arg args[] = { db_str(o->text), db_str(o->node),
	    db_str(o->what->name),
	    db_bytes(buf_head(&sealed), buf_used(&sealed)),
	    db_str(o->wait), db_str(role_name(o->what->role)),
	    db_str(ctl_os_user()) };

	res = db_sync_query(o->db, stmt_get(STMT_COMMAND_ADD), args,
	    nitems(args));
	if (db_err(res) != ERR_OK)
		code = ctl_fail(o->ctl, CTL_FAILED, "%s", db_message(res));
	else if (db_rows(res) == 0)
		code = ctl_fail(o->ctl, CTL_CONFLICT, "100 commands wait for "
		    "this node already");
	db_sync_done(&res);
	buf_free(&sealed);
	buf_free(&why);
	return code;
}

/* What a state of the journal is to whoever waits; -1: it goes on. */
static int
ended(const char *state)
{
	static const struct { const char *state; int code; } v[] = {
		{ "queued", -1 }, { "sent", -1 }, { "acked", CTL_OK },
		{ "failed", CTL_REFUSED }, { "expired", CTL_UNAVAILABLE },
		{ "cancelled", CTL_REFUSED }, { "unknown", CTL_FAILED },
	};
	size_t i;

	for (i = 0; i < nitems(v); i++)
		if (strcmp(state, v[i].state) == 0)
			return v[i].code;
	return CTL_FAILED;
}

static void
report(const struct order *o, const struct db_result *res)
{
	static const struct out_col cols[] = {
		{ "command_id", OUT_TEXT, "COMMAND" },
		{ "type", OUT_TEXT, "TYPE" },
		{ "state", OUT_TEXT, "STATE" },
		{ "error", OUT_TEXT, "ERROR" },
		{ "error_code", OUT_TEXT, "CODE" },
		{ "steps", OUT_JSON, "STEPS" },
	};

	out_record(o->ctl, res, cols, nitems(cols));
}

/* Until the row ends; a hub that is away ends it by the time to live. */
static int
follow(struct order *o)
{
	const struct timespec pause = { .tv_nsec = 200000000 };
	const struct db_arg arg = db_str(o->text);
	const time_t end = time(NULL) + atol(o->wait) + ANSWER_TIME;
	struct db_result *res;
	int code;

	for (;;) {
		res = db_sync_query(o->db, stmt_get(STMT_COMMAND_STATE),
		    &arg, 1);
		if (db_err(res) != ERR_OK)
			code = ctl_fail(o->ctl, CTL_FAILED, "%s",
			    db_message(res));
		else if (db_rows(res) == 0)
			code = ctl_fail(o->ctl, CTL_NOT_FOUND,
			    "the command was removed from the journal");
		else if ((code = ended(db_cstr(res, 0, 2))) != -1 ||
		    time(NULL) > end) {
			code = code == -1 ? CTL_UNAVAILABLE : code;
			report(o, res);
		}
		db_sync_done(&res);
		if (code != -1)
			return code;
		nanosleep(&pause, NULL);
	}
}

static int
node_type(struct order *o, const char *name)
{
	struct db_arg arg;
	struct db_result *res;
	int code = node_find(o->ctl, o->db, name, o->node);

	if (code != CTL_OK)
		return code;
	arg = db_str(o->node);
	res = db_sync_query(o->db, stmt_get(STMT_NODE_TYPE), &arg, 1);
	if (db_err(res) != ERR_OK)
		code = ctl_fail(o->ctl, CTL_FAILED, "%s", db_message(res));
	else if (db_rows(res) == 0)
		code = ctl_fail(o->ctl, CTL_NOT_FOUND, "no node %s", name);
	else
		code = judge(o, db_get(res, 0, 0));
	db_sync_done(&res);
	return code;
}

int
order_command(struct ctl *ctl, const struct ctl_args *a)
{
	struct order o = { .ctl = ctl, .wait = a->opt[COMMAND_WAIT] != NULL ?
	    a->opt[COMMAND_WAIT] : WAIT_DEFAULT };
	uint64_t seconds;
	int code;

	if (slice_u64(slice_of(o.wait), WAIT_MAX, &seconds) == -1 ||
	    seconds == 0)
		return ctl_fail(ctl, CTL_USAGE, "--wait must be 1 to %d",
		    WAIT_MAX);
	o.arena = arena_new(0);
	if ((code = read_action(&o, a->v[1])) == CTL_OK) {
		if ((o.db = pg_begin(ctl)) == NULL)
			code = CTL_UNAVAILABLE;
		else if ((code = node_type(&o, a->v[0])) == CTL_OK &&
		    (code = journal(&o)) == CTL_OK)
			code = follow(&o);
	}
	if (o.db != NULL)
		db_sync_close(o.db);
	arena_free(o.arena);
	secret_buf_free(&o.action);
	return code;
}

/* ---- the configuration that it has ---- */

/* Columns: hash, sealed text, when it was reported. */
static int
print_config(struct ctl *ctl, const struct db_result *res)
{
	size_t max = db_get(res, 0, 1).n / 2 + 1;
	uint8_t *sealed = xmalloc(max), hash[SECRET_HASH];
	long n = db_bytea(res, 0, 1, sealed, max);
	struct buf text = BUF_INIT, out = BUF_INIT, why = BUF_INIT;
	struct secret_key *key = secret_key_load(ctl->conf.suite.server_key,
	    &why);
	struct json_w w;
	int code = CTL_OK;

	if (key == NULL)
		code = ctl_fail(ctl, CTL_CONFIG, "%s", buf_cstr(&why));
	else if (n < 0 || db_bytea(res, 0, 0, hash, sizeof(hash)) !=
	    sizeof(hash) || secret_open(key, "config", sealed, (size_t)n,
	    (struct slice){ (const char *)hash, sizeof(hash) }, &text) == -1)
		code = ctl_fail(ctl, CTL_FAILED, "the stored configuration "
		    "cannot be opened with the server key");
	else if (!ctl->json)
		puts(buf_cstr(&text));
	else {
		json_w_init(&w, &out);
		json_w_object(&w);
		json_w_key(&w, "reported_at");
		json_w_slice(&w, db_get(res, 0, 2));
		json_w_key(&w, "config");
		json_w_raw(&w, (struct slice){ buf_cstr(&text),
		    buf_used(&text) });
		json_w_end_object(&w);
		out_json(&out);
	}
	secret_key_free(key);
	secret_buf_free(&text);
	buf_free(&why);
	free(sealed);
	return code;
}

int
order_config(struct ctl *ctl, const struct ctl_args *a)
{
	struct db_sync *db = pg_begin(ctl);
	char id[ID_TEXT];
	struct db_arg arg;
	struct db_result *res;
	int code;

	if (db == NULL)
		return CTL_UNAVAILABLE;
	if ((code = node_find(ctl, db, a->v[0], id)) == CTL_OK) {
		arg = db_str(id);
		res = db_sync_query(db, stmt_get(STMT_NODE_CONFIG), &arg, 1);
		if (db_err(res) != ERR_OK)
			code = ctl_fail(ctl, CTL_FAILED, "%s",
			    db_message(res));
		else if (db_rows(res) == 0)
			code = ctl_fail(ctl, CTL_NOT_FOUND,
			    "no configuration of this node is stored");
		else
			code = print_config(ctl, res);
		db_sync_done(&res);
	}
	db_sync_close(db);
	return code;
}
