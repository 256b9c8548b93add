/*
 * ctl: the frame of mastctl. One const table names every command with its
 * options; main finds the row, reads the configuration and calls the row's
 * function, whose return value is the exit code.
 */
#ifndef MAST_CTL_CTL_H
#define MAST_CTL_CTL_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "conf.h"

enum ctl_exit {
	CTL_OK = 0,
	CTL_FAILED = 1,
	CTL_PARTIAL = 2,
	CTL_NOT_RUNNING = 3,
	CTL_NOT_FOUND = 4,
	CTL_REFUSED = 5,
	CTL_CONFLICT = 6,
	CTL_USAGE = 64,
	CTL_UNAVAILABLE = 69,
	CTL_CONFIG = 78
};

struct ctl_conf {
	struct conf_suite	 suite;		/* first, as in every program */
	char			*sql_dir;
	char			*postgres_user;
};

struct ctl {
	const char	*file;		/* configuration file */
	const char	*sql_dir;	/* --sql-dir or MAST_SQL_DIR, or NULL */
	bool		 json;
	struct ctl_conf	 conf;
	bool		 conf_missing;	/* the file does not exist: defaults */
	struct buf	 conf_err;	/* why it does not parse, else empty */
};

#define CTL_OPTS 8		/* options of one command, at most */

struct ctl_args {
	const char	*opt[CTL_OPTS];	/* by index in the row; NULL: not given */
	char		**v;
	int		 n;
};

struct ctl_opt {
	const char	*name;
	const char	*arg;		/* NULL: a flag */
	const char	*help;
};

enum ctl_need {
	CTL__UNSET = 0,
	CTL_CONF,		/* a configuration that parses */
	CTL_CONF_OR_NONE,	/* as above, or no file at all */
	CTL_CONF_ANY		/* looks at conf_err itself */
};

struct ctl_cmd {
	const char	*noun;		/* one word, or several */
	const char	*verb;		/* NULL: the noun stands alone */
	const char	*usage;		/* of the arguments */
	int		 min, max;
	enum ctl_need	 need;
	int		(*fn)(struct ctl *, const struct ctl_args *);
	struct ctl_opt	 opts[CTL_OPTS];	/* ends with a NULL name */
	const char	*help;
};

/* The whole program: parses, dispatches, gives the exit code. */
int ctl_run(int argc, char **argv);

/* Says on stderr what went wrong (and as JSON on stdout when asked for);
 * returns code, so that a handler can end with it. */
int ctl_fail(const struct ctl *, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A line of plain output, none with --json. */
void ctl_say(const struct ctl *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The [suite] and [ctl] keys as a commented configuration file. */
void ctl_conf_dump(struct buf *);
/* Who runs this, for audit rows: the login name behind sudo, or the uid. */
const char *ctl_os_user(void);

#endif
