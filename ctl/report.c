/*
 * report: what a report of a fault needs, as text: versions, the findings of
 * doctor, the daemons' own words, the schema, the configuration. Made of
 * what holds no secret; names of people, nodes and addresses are left out or
 * replaced, and what is not known to be harmless is not in it.
 */
#include <sys/utsname.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "db.h"
#include "doctor.h"
#include "pg.h"
#include "proc.h"
#include "report.h"
#include "schema.h"
#include "status.h"
#include "stmt.h"
#include "str.h"
#include "xmalloc.h"

#define CONF_MAX (1 << 20)

static void
head(const char *text)
{
	printf("\n== %s\n", text);
}

/* Keys whose values say nothing about who and where. */
static bool
harmless(struct slice key)
{
	static const char *const keys[] = {
		"log_level", "tls", "db_conns", "connections",
		"max_connections", "max_per_address", "header_timeout",
		"body_timeout", "idle_timeout", "pwhash_threads",
		"rate_per_second", "rate_burst", "hsts", "handshakes",
		"accept_rate", "unauthenticated",
		"unauthenticated_per_address", "queue_rows", "queue_mib",
		"event_rate", "event_burst", "config_cache_mib",
		"audit_seal_secs",
	};
	size_t i;

	for (i = 0; i < nitems(keys); i++)
		if (slice_eq(key, keys[i]))
			return true;
	return false;
}

static void
conf_line(struct slice line)
{
	struct slice key;

	line = slice_trim(line);
	if (line.n == 0 || line.p[0] == '#')
		return;
	if (line.p[0] == '[') {
		printf("%.*s\n", (int)line.n, line.p);
		return;
	}
	if (!slice_cut(&line, '=', &key))
		return;
	key = slice_trim(key);
	if (harmless(key))
		printf("%.*s =%.*s\n", (int)key.n, key.p, (int)line.n,
		    line.p);
	else
		printf("%.*s = (left out)\n", (int)key.n, key.p);
}

static void
configuration(const struct ctl *ctl)
{
	struct buf text = BUF_INIT, err = BUF_INIT;
	struct slice rest, line;

	head("configuration");
	if (buf_used(&ctl->conf_err) > 0)
		printf("does not parse\n");
	if (proc_read_file(ctl->file, CONF_MAX, &text, &err) == -1)
		printf("cannot be read\n");
	rest = slice_of(buf_cstr(&text));
	while (slice_cut(&rest, '\n', &line))
		conf_line(line);
	buf_free(&text);
	buf_free(&err);
}

static void
system_lines(void)
{
	struct utsname u;

	head("versions");
	printf("mastctl %s\n", PACKAGE_VERSION);
	if (uname(&u) == 0)		/* but for the host's name */
		printf("%s %s %s\n", u.sysname, u.release, u.machine);
}

/* Numbers, truth values and the few words that say a version. */
static void
status_lines(const char *who, const char *json)
{
	const char *p = json, *end;

	printf("%s:", who);
	if (json == NULL)
		printf(" does not answer");
	while (p != NULL && (p = strchr(p, '"')) != NULL) {
		end = strchr(p + 1, '"');
		if (end == NULL || end[1] != ':')
			break;
		if (isdigit((unsigned char)end[2]) || end[2] == '-' ||
		    end[2] == 't' || end[2] == 'f' || end[2] == 'n' ||
		    strncmp(p, "\"version\"", 9) == 0)
			printf(" %.*s=%.*s", (int)(end - p - 1), p + 1,
			    (int)strcspn(end + 2, ",}"), end + 2);
		p = strpbrk(end + 2, ",}");
	}
	putchar('\n');
}

static void
daemons(struct ctl *ctl)
{
	struct status_answer v[STATUS_DAEMONS];
	size_t i;

	head("daemons");
	status_ask(ctl, v);
	for (i = 0; i < STATUS_DAEMONS; i++)
		status_lines(v[i].name, v[i].json);
	status_free(v);
}

static void
database(struct ctl *ctl)
{
	struct buf err = BUF_INIT;
	struct schema *schema = NULL;
	struct db_sync *db = pg_open(ctl, &err);
	struct db_result *res;

	head("database");
	if (db == NULL) {
		printf("not reachable\n");
		buf_free(&err);
		return;
	}
	res = db_sync_query(db, stmt_get(STMT_SERVER), NULL, 0);
	if (db_err(res) == ERR_OK)
		printf("PostgreSQL %s\n", db_cstr(res, 0, 1));
	db_sync_done(&res);
	if (schema_load(ctl, db, &schema, &err) == CTL_OK)
		printf("schema version %d of %d\n", schema->applied,
		    schema->newest);
	else
		printf("the SQL files and the database do not agree\n");
	free(schema);
	res = db_sync_query(db, stmt_get(STMT_SIZES), NULL, 0);
	if (db_err(res) == ERR_OK)
		for (int row = 0; row < db_rows(res); row++)
			printf("%-24s %12s bytes, about %s rows\n",
			    db_cstr(res, row, 0), db_cstr(res, row, 1),
			    db_cstr(res, row, 2));
	db_sync_done(&res);
	db_sync_close(db);
	buf_free(&err);
}

int
report_run(struct ctl *ctl, const struct ctl_args *args)
{
	(void)args;
	printf("Report of a Mastkeeper installation. No secret, no name and "
	    "no address is in it.\n");
	system_lines();
	configuration(ctl);
	if (buf_used(&ctl->conf_err) == 0) {
		daemons(ctl);
		database(ctl);
	}
	head("findings");
	doctor_short(ctl);
	return CTL_OK;
}
