/*
 * conf: parser of the configuration file and the [suite] keys. Everything
 * about a key is in its row; the code knows types only. Owns the strings it
 * puts into the caller's struct until conf_free().
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"
#include "log.h"
#include "str.h"
#include "valid.h"
#include "xmalloc.h"

#define CONF_FILE_MAX	(1024 * 1024)
#define CONF_VALUE_MAX	4096

static const char *const sections[] = {
	"suite", "apid", "hubd", "aid", "ctl"
};

struct parser {
	const struct conf_table	*t;
	char			*conf;		/* the caller's struct */
	const char		*file;
	unsigned		 line;
	struct slice		 section;	/* empty before the first */
	bool			 ours;		/* section is read */
	bool			*seen;		/* per key */
	struct buf		*err;
};

/* "file:line: what: rule", always -1. */
static int
refuse(struct parser *ps, struct slice what, const char *rule)
{
	buf_clear(ps->err);
	buf_printf(ps->err, "%s:%u: ", ps->file, ps->line);
	if (what.n > 0)
		buf_printf(ps->err, "%.*s: ", what.n > 64 ? 64 :
		    (int)what.n, what.p);
	buf_puts(ps->err, rule);
	return -1;
}

/* ---- values: NULL, or the broken rule (static, or made in tmp) ---- */

static void *
member(const struct conf_key *k, char *conf)
{
	return conf + k->offset;
}

static void
set_text(const struct conf_key *k, char *conf, struct slice v)
{
	char **dst = member(k, conf);

	free(*dst);
	*dst = v.n > 0 ? xstrndup(v.p, v.n) : NULL;
}

static const char *
check_len(const struct conf_key *k, struct slice v, struct buf *tmp)
{
	int64_t max = k->max > 0 ? k->max : CONF_VALUE_MAX;

	if (v.n == 0 && k->min > 0)
		return "must not be empty";
	if ((int64_t)v.n >= k->min && (int64_t)v.n <= max)
		return NULL;
	buf_printf(tmp, "must be %" PRId64 " to %" PRId64 " bytes", k->min,
	    max);
	return buf_cstr(tmp);
}

static const char *
check_path(struct slice v)
{
	if (v.n > 0 && v.p[0] != '/')
		return "must be an absolute path";
	return NULL;
}

/* The forms that sock_parse() reads; names are never looked up. */
static const char *
check_addr(struct slice v)
{
	static const char rule[] = "must be \"address:port\", "
	    "\"[address]:port\", \"*:port\" or \"unix:/path\"";
	char host[INET6_ADDRSTRLEN];
	struct in6_addr any;
	struct slice port;
	uint64_t n;
	size_t len;
	bool v6;

	if (v.n == 0)
		return NULL;
	if (v.n > 5 && memcmp(v.p, "unix:", 5) == 0)
		return v.p[5] == '/' ? NULL : rule;
	for (len = v.n; len > 0 && v.p[len - 1] != ':'; len--)
		;
	port = (struct slice){ v.p + len, v.n - len };
	if (len < 2 || slice_u64(port, 65535, &n) != 0)
		return rule;
	len--;			/* the colon */
	if (len == 1 && v.p[0] == '*')
		return NULL;
	v6 = len > 2 && v.p[0] == '[' && v.p[len - 1] == ']';
	if (v6) {
		v.p++;
		len -= 2;
	}
	if (len >= sizeof(host))
		return rule;
	memcpy(host, v.p, len);
	host[len] = '\0';
	return inet_pton(v6 ? AF_INET6 : AF_INET, host, &any) == 1 ? NULL :
	    rule;
}

static const char *
set_int(const struct conf_key *k, char *conf, struct slice v, struct buf *tmp)
{
	int64_t n;

	if (slice_i64(v, k->min, k->max, &n) != 0) {
		buf_printf(tmp, "must be a whole number from %" PRId64 " to %"
		    PRId64, k->min, k->max);
		return buf_cstr(tmp);
	}
	memcpy(member(k, conf), &n, sizeof(n));
	return NULL;
}

static const char *
set_bool(const struct conf_key *k, char *conf, struct slice v)
{
	static const struct { const char *text; bool value; } words[] = {
		{ "yes", true }, { "no", false }, { "true", true },
		{ "false", false }, { "on", true }, { "off", false },
	};
	size_t i;

	for (i = 0; i < nitems(words); i++) {
		if (slice_ieq(v, words[i].text)) {
			memcpy(member(k, conf), &words[i].value,
			    sizeof(bool));
			return NULL;
		}
	}
	return "must be yes or no";
}

static const char *
set_level(const struct conf_key *k, char *conf, struct slice v)
{
	char word[8] = "";
	int64_t level;

	if (v.n < sizeof(word))
		memcpy(word, v.p, v.n);
	level = log_level_parse(word);
	if (level < 0)
		return "must be error, warn, info or debug";
	memcpy(member(k, conf), &level, sizeof(level));
	return NULL;
}

static const char *
set_value(const struct conf_key *k, char *conf, struct slice v,
    struct buf *tmp)
{
	const char *rule = NULL;

	switch (k->type) {
	case CONF_INT:
		return set_int(k, conf, v, tmp);
	case CONF_BOOL:
		return set_bool(k, conf, v);
	case CONF_LEVEL:
		return set_level(k, conf, v);
	case CONF_STRING:
		break;
	case CONF_PATH:
		rule = check_path(v);
		break;
	case CONF_ADDR:
		rule = check_addr(v);
		break;
	case CONF__UNSET:
		fatal("conf: key %s has no type", k->name);
	}
	if (rule == NULL)
		rule = check_len(k, v, tmp);
	if (rule == NULL)
		set_text(k, conf, v);
	return rule;
}

static bool
is_text(enum conf_type type)
{
	return type == CONF_STRING || type == CONF_PATH || type == CONF_ADDR;
}

static void
set_defaults(const struct conf_table *t, char *conf)
{
	const struct conf_key *k;
	struct buf tmp = BUF_INIT;
	const char *rule;
	size_t i;

	/* What was in the struct is not ours to free. */
	for (i = 0; i < t->nkeys; i++)
		if (is_text(t->keys[i].type))
			memset(member(&t->keys[i], conf), 0, sizeof(char *));
	for (i = 0; i < t->nkeys; i++) {
		k = &t->keys[i];
		rule = set_value(k, conf, slice_of(k->def), &tmp);
		if (rule != NULL)
			fatal("conf: default of %s: %s", k->name, rule);
	}
	buf_free(&tmp);
}

/* ---- lines ---- */

static int
section_line(struct parser *ps, struct slice line)
{
	struct slice name;
	size_t i;

	if (line.n < 3 || line.p[line.n - 1] != ']')
		return refuse(ps, line, "a section head is \"[name]\"");
	name = slice_trim((struct slice){ line.p + 1, line.n - 2 });
	for (i = 0; i < nitems(sections); i++)
		if (slice_eq(name, sections[i]))
			break;
	if (i == nitems(sections))
		return refuse(ps, line, "unknown section");
	ps->section = name;
	ps->ours = slice_eq(name, "suite") || (ps->t->program != NULL &&
	    slice_eq(name, ps->t->program));
	return 0;
}

static int
key_line(struct parser *ps, struct slice line)
{
	struct buf tmp = BUF_INIT;
	struct slice name, value = line;
	const char *rule;
	int rc = 0;
	size_t i;

	if (memchr(line.p, '=', line.n) == NULL)
		return refuse(ps, line, "a line is \"key = value\"");
	slice_cut(&value, '=', &name);
	name = slice_trim(name);
	value = slice_trim(value);
	if (name.n == 0)
		return refuse(ps, line, "a line is \"key = value\"");
	if (ps->section.n == 0)
		return refuse(ps, name, "stands before the first section");
	if (!ps->ours)
		return 0;
	for (i = 0; i < ps->t->nkeys; i++)
		if (slice_eq(ps->section, ps->t->keys[i].section) &&
		    slice_eq(name, ps->t->keys[i].name))
			break;
	if (i == ps->t->nkeys)
		return refuse(ps, name, "unknown key");
	if (ps->seen[i])
		return refuse(ps, name, "is set twice");
	ps->seen[i] = true;
	rule = set_value(&ps->t->keys[i], ps->conf, value, &tmp);
	if (rule != NULL)
		rc = refuse(ps, name, rule);
	buf_free(&tmp);
	return rc;
}

/* Cuts a comment: '#' at the start or after white space. */
static struct slice
uncomment(struct slice line)
{
	size_t i;

	for (i = 0; i < line.n; i++)
		if (line.p[i] == '#' && (i == 0 || line.p[i - 1] == ' ' ||
		    line.p[i - 1] == '\t'))
			line.n = i;
	return slice_trim(line);
}

static int
one_line(struct parser *ps, struct slice line)
{
	size_t i;

	if (!valid_utf8(line.p, line.n))
		return refuse(ps, SLICE(""), "is not UTF-8 text");
	for (i = 0; i < line.n; i++)
		if (((unsigned char)line.p[i] < 0x20 && line.p[i] != '\t') ||
		    line.p[i] == 0x7f)
			return refuse(ps, SLICE(""),
			    "holds a control character");
	line = uncomment(line);
	if (line.n == 0)
		return 0;
	return line.p[0] == '[' ? section_line(ps, line) :
	    key_line(ps, line);
}

char *
conf_secret_path(const char *state_dir, const char *file)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	char *path;

	if (dir != NULL && dir[0] == '/') {
		path = xasprintf("%s/%s", dir, file);
		if (access(path, F_OK) == 0)
			return path;
		free(path);
	}
	return xasprintf("%s/%s", state_dir, file);
}

/* The [suite] paths that stand in the state folder when they are not set. */
static void
derive_paths(const struct conf_table *t, char *conf)
{
	static const struct { const char *key, *file; } derived[] = {
		{ "server_key", "server.key" }, { "tls_cert", "tls.crt" },
		{ "tls_key", "tls.key" },
	};
	const struct conf_suite *suite = (const void *)conf;
	const struct conf_key *k;
	char **dst;
	size_t i, d;

	for (i = 0; i < t->nkeys; i++) {
		k = &t->keys[i];
		if (strcmp(k->section, "suite") != 0)
			continue;
		for (d = 0; d < nitems(derived); d++) {
			if (strcmp(k->name, derived[d].key) != 0)
				continue;
			dst = member(k, conf);
			if (*dst == NULL && suite->state_dir != NULL)
				*dst = conf_secret_path(suite->state_dir,
				    derived[d].file);
		}
	}
}

int
conf_parse(const struct conf_table *t, void *conf, const char *file,
    const char *text, size_t n, struct buf *err_r)
{
	struct parser ps = { .t = t, .conf = conf, .file = file,
	    .err = err_r };
	struct slice rest = { text, n }, line;
	int rc = 0;

	set_defaults(t, conf);
	ps.seen = xcalloc(t->nkeys + 1, sizeof(*ps.seen));
	while (rc == 0 && rest.n > 0) {
		const char *nl = memchr(rest.p, '\n', rest.n);

		line.p = rest.p;
		line.n = nl != NULL ? (size_t)(nl - rest.p) : rest.n;
		rest.n -= line.n + (nl != NULL);
		rest.p += line.n + (nl != NULL);
		ps.line++;
		rc = one_line(&ps, line);
	}
	free(ps.seen);
	if (rc != 0)
		conf_free(t, conf);
	else
		derive_paths(t, conf);
	return rc;
}

/* ---- files ---- */

static int
read_all(int fd, struct buf *text)
{
	ssize_t n;

	for (;;) {
		n = read(fd, buf_reserve(text, 8192), 8192);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		buf_commit(text, (size_t)n);
		if (buf_used(text) > CONF_FILE_MAX) {
			errno = EFBIG;
			return -1;
		}
	}
}

int
conf_read_file(const struct conf_table *t, void *conf, const char *file,
    struct buf *err_r)
{
	struct buf text = BUF_INIT;
	int fd, rc = -1;

	fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1 || read_all(fd, &text) == -1) {
		int saved = errno;

		/* The struct is defined, so that conf_free() is safe. */
		set_defaults(t, conf);
		conf_free(t, conf);
		buf_clear(err_r);
		buf_printf(err_r, "%s: %s", file, strerror(saved));
	} else {
		rc = conf_parse(t, conf, file, (char *)buf_head(&text),
		    buf_used(&text), err_r);
	}
	if (fd != -1)
		close(fd);
	buf_free(&text);
	return rc;
}

void
conf_free(const struct conf_table *t, void *conf)
{
	size_t i;

	for (i = 0; i < t->nkeys; i++)
		if (is_text(t->keys[i].type))
			set_text(&t->keys[i], conf, SLICE(""));
}

static bool
same_value(const struct conf_key *k, char *a, char *b)
{
	const char *x, *y;

	switch (k->type) {
	case CONF_INT:
	case CONF_LEVEL:
		return memcmp(member(k, a), member(k, b),
		    sizeof(int64_t)) == 0;
	case CONF_BOOL:
		return memcmp(member(k, a), member(k, b), sizeof(bool)) == 0;
	case CONF_STRING:
	case CONF_PATH:
	case CONF_ADDR:
		memcpy(&x, member(k, a), sizeof(x));
		memcpy(&y, member(k, b), sizeof(y));
		return x == y || (x != NULL && y != NULL &&
		    strcmp(x, y) == 0);
	case CONF__UNSET:
		break;
	}
	fatal("conf: key %s has no type", k->name);
}

static void
swap_value(const struct conf_key *k, char *a, char *b)
{
	size_t n = is_text(k->type) ? sizeof(char *) :
	    k->type == CONF_BOOL ? sizeof(bool) : sizeof(int64_t);
	char tmp[sizeof(int64_t)];

	memcpy(tmp, member(k, a), n);
	memcpy(member(k, a), member(k, b), n);
	memcpy(member(k, b), tmp, n);
}

void
conf_reload(const struct conf_table *t, void *conf, void *fresh,
    struct buf *taken_r, struct buf *waits_r)
{
	const struct conf_key *k;
	struct buf *list;

	for (k = t->keys; k < t->keys + t->nkeys; k++) {
		if (same_value(k, conf, fresh))
			continue;
		list = k->reloadable ? taken_r : waits_r;
		buf_printf(list, "%s%s.%s", buf_used(list) > 0 ? " " : "",
		    k->section, k->name);
		if (k->reloadable)
			swap_value(k, conf, fresh);
	}
}

static void
dump_key(const struct conf_key *k, struct buf *out)
{
	buf_printf(out, "\n# %s", k->help);
	if (k->type == CONF_INT)
		buf_printf(out, " (%" PRId64 " to %" PRId64 ")", k->min,
		    k->max);
	else if (k->type == CONF_BOOL)
		buf_puts(out, " (yes or no)");
	buf_printf(out, "%s\n#%s =%s%s\n", k->reloadable ?
	    "; reloadable" : "", k->name, k->def[0] != '\0' ? " " : "",
	    k->def);
}

void
conf_dump(const struct conf_table *t, struct buf *out)
{
	const char *section = "";
	size_t i;

	for (i = 0; i < t->nkeys; i++) {
		if (strcmp(section, t->keys[i].section) != 0) {
			buf_printf(out, "%s[%s]\n", i > 0 ? "\n" : "",
			    t->keys[i].section);
			section = t->keys[i].section;
		}
		dump_key(&t->keys[i], out);
	}
}
