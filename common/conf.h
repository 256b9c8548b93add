/*
 * conf: the configuration file, "key = value" lines under "[section]"
 * heads, '#' comments. One table describes every key. Pure: text in, struct
 * out; only conf_read_file and conf_secret_path look at the disk.
 *
 * Sections: [suite] is read by every program, [apid] [hubd] [aid] [ctl] by
 * their own. Another program's section is skipped, an unknown section or an
 * unknown, repeated or malformed key is an error with its line number.
 */
#ifndef MAST_CONF_H
#define MAST_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

enum conf_type {
	CONF__UNSET = 0,
	CONF_STRING,	/* char *, NULL when empty */
	CONF_PATH,	/* char *, absolute */
	CONF_INT,	/* int64_t within min..max */
	CONF_BOOL,	/* bool: yes no true false on off */
	CONF_ADDR,	/* char *, "host:port", "[v6]:port", "unix:/path" or "" */
	CONF_LEVEL,	/* int64_t, enum log_level */
};

struct conf_key {
	const char	*section;	/* "suite", "apid", ... */
	const char	*name;
	enum conf_type	 type;
	size_t		 offset;	/* in the caller's struct */
	const char	*def;		/* text form, always valid */
	int64_t		 min, max;	/* CONF_INT; bytes for strings */
	bool		 reloadable;
	const char	*help;		/* one line */
};

struct conf_table {
	const struct conf_key	*keys;
	size_t			 nkeys;
	const char		*program;	/* own section */
};

/* Fills every key with its default, then the text's values. On error 0 is
 * not returned: -1 and "file:line: key: rule" in err_r (buf, no newline). */
int conf_parse(const struct conf_table *, void *conf, const char *file,
    const char *text, size_t n, struct buf *err_r);
/* As conf_parse on a file of at most 1 MiB; missing file: error. */
int conf_read_file(const struct conf_table *, void *conf, const char *file,
    struct buf *err_r);
/* Where a secret lies that no key names: in the folder of credentials that
 * the service manager gave (LoadCredential=), else in the state folder. To be
 * freed. */
char *conf_secret_path(const char *state_dir, const char *file);
void conf_free(const struct conf_table *, void *conf);
/* Takes over the reloadable values of fresh, which gets the old ones. Names
 * what changed, and what changed but waits for a restart: "apid.hsts ...". */
void conf_reload(const struct conf_table *, void *conf, void *fresh,
    struct buf *taken_r, struct buf *waits_r);
/* The whole table as a commented configuration file (--config-keys). */
void conf_dump(const struct conf_table *, struct buf *out);

/*
 * The [suite] keys: struct conf_suite is the first member of every program's
 * configuration struct, and CONF_SUITE_ROWS stand first in its table.
 */
struct conf_suite {
	char	*state_dir;	/* keys, certificate */
	char	*run_dir;	/* sockets between daemons */
	char	*database;	/* libpq conninfo without user and password */
	char	*server_key;	/* path of the 32-byte server key */
	char	*tls_cert;	/* PEM chain; empty: none */
	char	*tls_key;	/* PEM key */
	char	*user_apid;	/* account to drop to when started as root */
	char	*user_hubd;
	char	*user_aid;
	char	*user_ctl;
	int64_t	 log_level;
};
#define CONF_SUITE_ROW(name, type, def, min, max, reload, help)		\
	{ "suite", #name, type, offsetof(struct conf_suite, name), def,	\
	    min, max, reload, help }
#define CONF_SUITE_ROWS							\
	CONF_SUITE_ROW(state_dir, CONF_PATH, "/var/lib/mastkeeper", 1, 256, false,	\
	    "folder of keys and certificate"),	\
	CONF_SUITE_ROW(run_dir, CONF_PATH, "/run/mastkeeper", 1, 80, false,	\
	    "folder of the sockets between the daemons"),	\
	CONF_SUITE_ROW(database, CONF_STRING, "dbname=mastkeeper", 1, 1024, false,	\
	    "PostgreSQL connection string without user and password"),	\
	CONF_SUITE_ROW(server_key, CONF_PATH, "", 0, 1024, false,	\
	    "file of the 32-byte server key; empty: state_dir/server.key"),	\
	CONF_SUITE_ROW(tls_cert, CONF_PATH, "", 0, 1024, true,	\
	    "PEM certificate chain; empty: state_dir/tls.crt"),	\
	CONF_SUITE_ROW(tls_key, CONF_PATH, "", 0, 1024, true,	\
	    "PEM private key; empty: state_dir/tls.key"),	\
	CONF_SUITE_ROW(user_apid, CONF_STRING, "_mast_apid", 1, 32, false,	\
	    "account and database role of mastkeeper-apid"),	\
	CONF_SUITE_ROW(user_hubd, CONF_STRING, "_mast_hubd", 1, 32, false,	\
	    "account and database role of mastkeeper-hubd"),	\
	CONF_SUITE_ROW(user_aid, CONF_STRING, "_mast_aid", 1, 32, false,	\
	    "account of mastkeeper-aid"),	\
	CONF_SUITE_ROW(user_ctl, CONF_STRING, "_mast_ctl", 1, 32, false,	\
	    "account and database role of mastctl, owner of the schema"),	\
	CONF_SUITE_ROW(log_level, CONF_LEVEL, "info", 0, 0, true,	\
	    "error, warn, info or debug")

#endif
