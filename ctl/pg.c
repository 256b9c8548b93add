/* pg: connects mastctl to PostgreSQL as the right account. Owns nothing. */
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "db.h"
#include "pg.h"

static const char *
skip_space(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

/* One value of libpq's conninfo syntax: quoted or up to white space. */
static const char *
read_value(const char *p, struct buf *out)
{
	char quote = '\0';

	if (*p == '\'')
		quote = *p++;
	for (; *p != '\0'; p++) {
		if (quote ? *p == quote : strchr(" \t\r\n", *p) != NULL)
			break;
		if (*p == '\\' && p[1] != '\0')
			p++;
		buf_putc(out, *p);
	}
	return quote && *p == quote ? p + 1 : p;
}

int
pg_dbname(const char *conninfo, struct buf *name_r)
{
	const char *p = skip_space(conninfo), *key;
	struct buf value = BUF_INIT;
	size_t n;
	int rc = -1;

	while (*p != '\0') {
		key = p;
		n = strcspn(p, " \t\r\n=");
		p = skip_space(p + n);
		if (*p != '=')
			break;
		buf_clear(&value);
		p = skip_space(read_value(skip_space(p + 1), &value));
		if (n == 6 && strncmp(key, "dbname", n) == 0) {
			buf_clear(name_r);
			buf_puts(name_r, buf_cstr(&value));
			rc = buf_used(name_r) > 0 ? 0 : -1;
		}
	}
	buf_free(&value);
	return rc;
}

/* Opens while being the account, then is root again. */
static struct db_sync *
open_as(const char *account, const char *conninfo, struct buf *err_r)
{
	const struct passwd *pw;
	struct db_sync *db;

	if (geteuid() != 0)
		return db_sync_open(conninfo, "mastctl", err_r);
	if ((pw = getpwnam(account)) == NULL) {
		buf_printf(err_r, "the account %s does not exist", account);
		return NULL;
	}
	if (seteuid(pw->pw_uid) == -1) {
		buf_printf(err_r, "cannot become %s: %s", account,
		    strerror(errno));
		return NULL;
	}
	db = db_sync_open(conninfo, "mastctl", err_r);
	if (seteuid(0) == -1) {
		db_sync_close(db);
		buf_printf(err_r, "cannot become root again: %s",
		    strerror(errno));
		return NULL;
	}
	return db;
}

struct db_sync *
pg_open(struct ctl *ctl, struct buf *err_r)
{
	struct buf info = BUF_INIT;
	struct db_sync *db;

	buf_printf(&info, "%s user=%s", ctl->conf.suite.database,
	    ctl->conf.suite.user_ctl);
	db = open_as(ctl->conf.suite.user_ctl, buf_cstr(&info), err_r);
	buf_free(&info);
	return db;
}

struct db_sync *
pg_begin(struct ctl *ctl)
{
	struct buf err = BUF_INIT;
	struct db_sync *db = pg_open(ctl, &err);

	if (db == NULL)
		ctl_fail(ctl, CTL_UNAVAILABLE, "database: %s",
		    buf_cstr(&err));
	buf_free(&err);
	return db;
}

struct db_sync *
pg_open_super(struct ctl *ctl, const char *conninfo, const char *dbname,
    struct buf *err_r)
{
	struct buf info = BUF_INIT;
	struct db_sync *db;

	if (conninfo == NULL && geteuid() != 0) {
		buf_puts(err_r, "not root: give --superuser-conninfo");
		return NULL;
	}
	if (conninfo != NULL)
		buf_puts(&info, conninfo);
	else
		buf_printf(&info, "%s user=%s", ctl->conf.suite.database,
		    ctl->conf.postgres_user);
	buf_puts(&info, " dbname='");
	for (; *dbname != '\0'; dbname++) {
		if (*dbname == '\'' || *dbname == '\\')
			buf_putc(&info, '\\');
		buf_putc(&info, *dbname);
	}
	buf_putc(&info, '\'');
	db = conninfo != NULL ?
	    db_sync_open(buf_cstr(&info), "mastctl", err_r) :
	    open_as(ctl->conf.postgres_user, buf_cstr(&info), err_r);
	buf_free(&info);
	return db;
}
