/* ctl: options, dispatch and help of mastctl. Owns struct ctl. */
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "cmds.h"
#include "ctl.h"
#include "json.h"
#include "log.h"
#include "secret.h"
#include "xmalloc.h"


static const struct conf_key keys[] = {
	CONF_SUITE_ROWS,
	{ "ctl", "sql_dir", CONF_PATH, offsetof(struct ctl_conf, sql_dir),
	    MAST_DATADIR "/sql", 1, 4096, false,
	    "folder of the numbered SQL files" },
	{ "ctl", "postgres_user", CONF_STRING,
	    offsetof(struct ctl_conf, postgres_user), "postgres", 1, 63, false,
	    "account and role that setup uses as root to make the database" },
};

static const struct conf_table table = { keys, nitems(keys), "ctl" };

static void
conf_load(struct ctl *ctl)
{
	int rc;

	if (access(ctl->file, F_OK) == -1 && errno == ENOENT) {
		ctl->conf_missing = true;
		rc = conf_parse(&table, &ctl->conf, ctl->file, "", 0,
		    &ctl->conf_err);
	} else
		rc = conf_read_file(&table, &ctl->conf, ctl->file,
		    &ctl->conf_err);
	if (rc == -1 && buf_used(&ctl->conf_err) == 0)
		buf_puts(&ctl->conf_err, "cannot be read");
}

static void
conf_unload(struct ctl *ctl)
{
	conf_free(&table, &ctl->conf);
	buf_free(&ctl->conf_err);
}

void
ctl_conf_dump(struct buf *out)
{
	conf_dump(&table, out);
}

int
ctl_fail(const struct ctl *ctl, int code, const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	struct json_w w;
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "mastctl: %s\n", text);
	if (ctl->json) {
		json_w_init(&w, &b);
		json_w_object(&w);
		json_w_key(&w, "error");
		json_w_str(&w, text);
		json_w_key(&w, "exit");
		json_w_i64(&w, code);
		json_w_end_object(&w);
		puts(buf_cstr(&b));
		buf_free(&b);
	}
	return code;
}

void
ctl_say(const struct ctl *ctl, const char *fmt, ...)
{
	va_list ap;

	if (ctl->json)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

const char *
ctl_os_user(void)
{
	const struct passwd *pw = getpwuid(getuid());
	const char *sudo = getenv("SUDO_USER");

	if (getuid() == 0 && sudo != NULL && *sudo != '\0')
		return sudo;
	return pw != NULL ? pw->pw_name : "unknown";
}

static void
usage_line(FILE *f, const struct ctl_cmd *cmd)
{
	const struct ctl_opt *o;

	fprintf(f, "  %s", cmd->noun);
	if (cmd->verb != NULL)
		fprintf(f, " %s", cmd->verb);
	for (o = cmd->opts; o < cmd->opts + CTL_OPTS && o->name; o++)
		fprintf(f, " [--%s%s%s]", o->name, o->arg ? " " : "",
		    o->arg ? o->arg : "");
	if (*cmd->usage != '\0')
		fprintf(f, " %s", cmd->usage);
	fprintf(f, "\n\t%s\n", cmd->help);
}

static void
usage(FILE *f)
{
	size_t i;

	fprintf(f, "usage: mastctl [-f FILE] [--json] NOUN [VERB] [ARGS]\n"
	    "  -f, --config FILE  configuration (default "
	    MAST_SYSCONFDIR "/mastkeeper.conf)\n"
	    "  -j, --json         machine-readable output\n"
	    "  -V, --version      print the version\n"
	    "  -h, --help         print this\n");
	for (i = 0; i < cmds_n; i++)
		usage_line(f, &cmds_table[i]);
}

/* What every command takes beside its own options. */
enum { OPT_CONFIG = 'f', OPT_JSON = 'j', OPT_VERSION = 'V', OPT_HELP = 'h',
    OPT_OWN = 256 };
static const struct option globals[] = {
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, OPT_HELP },
};

/* -1: go on; else exit with that. */
static int
global_option(struct ctl *ctl, int c)
{
	switch (c) {
	case OPT_CONFIG:
		ctl->file = optarg;
		return -1;
	case OPT_JSON:
		ctl->json = true;
		return -1;
	case OPT_VERSION:
		puts("mastctl " PACKAGE_VERSION);
		return CTL_OK;
	case OPT_HELP:
		usage(stdout);
		return CTL_OK;
	}
	fprintf(stderr, "mastctl: try --help\n");
	return CTL_USAGE;
}

/* How many words the command's name has, when they all stand in argv; else
 * 0, and *known_r is raised to how many of them do. */
static int
named(const struct ctl_cmd *c, char **argv, int *known_r)
{
	struct slice rest = slice_of(c->noun), word;
	int n = 0;

	while (slice_cut(&rest, ' ', &word)) {
		if (argv[n] == NULL || !slice_eq(word, argv[n]))
			return 0;
		if (++n > *known_r)
			*known_r = n;
	}
	if (c->verb == NULL)
		return n;
	return argv[n] != NULL && strcmp(argv[n], c->verb) == 0 ? n + 1 : 0;
}

/* The command whose name has the most words. */
static const struct ctl_cmd *
find(char **argv, int *words_r, int *known_r)
{
	const struct ctl_cmd *c, *found = NULL;
	int n;

	*words_r = *known_r = 0;
	for (c = cmds_table; c < cmds_table + cmds_n; c++)
		if ((n = named(c, argv, known_r)) > *words_r) {
			*words_r = n;
			found = c;
		}
	return found;
}

static int
unknown(char **argv, int known)
{
	int i;

	fprintf(stderr, "mastctl: unknown command");
	for (i = 0; i <= known && argv[i] != NULL; i++)
		fprintf(stderr, " %s", argv[i]);
	fprintf(stderr, "; try --help\n");
	return CTL_USAGE;
}

/* The options of one command, globals included. -1: go on. */
static int
own_options(struct ctl *ctl, const struct ctl_cmd *cmd, int argc, char **argv,
    struct ctl_args *args)
{
	struct option opts[nitems(globals) + CTL_OPTS + 1];
	size_t n = 0, i;
	int c, rc;

	memset(opts, 0, sizeof(opts));
	memcpy(opts, globals, sizeof(globals));
	for (i = 0; i < CTL_OPTS && cmd->opts[i].name != NULL; i++) {
		n = nitems(globals) + i;
		opts[n].name = cmd->opts[i].name;
		opts[n].has_arg = cmd->opts[i].arg != NULL;
		opts[n].val = OPT_OWN + (int)i;
	}
	optind = 0;	/* GNU: start over, with the new string */
	while ((c = getopt_long(argc, argv, "f:jVh", opts, NULL)) != -1) {
		if (c >= OPT_OWN) {
			args->opt[c - OPT_OWN] = optarg ? optarg : "";
			continue;
		}
		if ((rc = global_option(ctl, c)) != -1)
			return rc;
	}
	args->v = argv + optind;
	args->n = argc - optind;
	if (args->n < cmd->min || args->n > cmd->max) {
		fprintf(stderr, "mastctl: wrong number of arguments\n");
		usage_line(stderr, cmd);
		return CTL_USAGE;
	}
	return -1;
}

static int
dispatch(struct ctl *ctl, const struct ctl_cmd *cmd,
    const struct ctl_args *args)
{
	bool bad;

	conf_load(ctl);
	bad = buf_used(&ctl->conf_err) > 0;
	if (cmd->need != CTL_CONF_ANY && bad)
		return ctl_fail(ctl, CTL_CONFIG, "%s",
		    buf_cstr(&ctl->conf_err));
	if (cmd->need == CTL_CONF && ctl->conf_missing)
		return ctl_fail(ctl, CTL_CONFIG,
		    "%s: no such file; run: mastctl setup", ctl->file);
	if (ctl->sql_dir == NULL)
		ctl->sql_dir = getenv("MAST_SQL_DIR");
	if (ctl->sql_dir == NULL || *ctl->sql_dir == '\0')
		ctl->sql_dir = ctl->conf.sql_dir;
	return cmd->fn(ctl, args);
}

static void
take_sql_dir(struct ctl *ctl, const struct ctl_cmd *cmd,
    const struct ctl_args *args)
{
	size_t i;

	for (i = 0; i < CTL_OPTS && cmd->opts[i].name != NULL; i++)
		if (strcmp(cmd->opts[i].name, "sql-dir") == 0)
			ctl->sql_dir = args->opt[i];
}

int
ctl_run(int argc, char **argv)
{
	struct option opts[nitems(globals) + 1];
	struct ctl ctl = { .file = MAST_SYSCONFDIR "/mastkeeper.conf" };
	struct ctl_args args = { { NULL } };
	const struct ctl_cmd *cmd;
	int c, rc, skip, words, known;

	log_init("mastctl", LOG_L_WARN);
	memset(opts, 0, sizeof(opts));
	memcpy(opts, globals, sizeof(globals));
	while ((c = getopt_long(argc, argv, "+f:jVh", opts, NULL)) != -1)
		if ((rc = global_option(&ctl, c)) != -1)
			return rc;
	if (optind >= argc) {
		usage(stderr);
		return CTL_USAGE;
	}
	cmd = find(argv + optind, &words, &known);
	if (cmd == NULL)
		return unknown(argv + optind, known);
	skip = optind + words - 1;
	rc = own_options(&ctl, cmd, argc - skip, argv + skip, &args);
	if (rc != -1)
		return rc;
	if (secret_init() == -1)
		return ctl_fail(&ctl, CTL_FAILED, "libsodium does not start");
	take_sql_dir(&ctl, cmd, &args);
	rc = dispatch(&ctl, cmd, &args);
	conf_unload(&ctl);
	if (fflush(stdout) != 0 && rc == CTL_OK)
		rc = CTL_FAILED;
	return rc;
}
