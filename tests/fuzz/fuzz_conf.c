/*
 * conf: any text is either refused with a place and a rule, or gives values
 * within their bounds that, written out again, read back the same. The
 * dumped table itself is a valid file.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "fuzz.h"
#include "log.h"
#include "str.h"
#include "xmalloc.h"

struct fz {
	struct conf_suite	 suite;
	char			*s, *path, *addr;
	int64_t			 i, level;
	bool			 b;
};

#define KEY(name, type, def, min, max)					\
	{ "apid", #name, type, offsetof(struct fz, name), def, min, max, \
	    false, "help" }

static const struct conf_key keys[] = {
	CONF_SUITE_ROWS,
	KEY(s, CONF_STRING, "x", 0, 20),
	KEY(path, CONF_PATH, "/x", 1, 30),
	KEY(addr, CONF_ADDR, "127.0.0.1:80", 0, 100),
	KEY(i, CONF_INT, "3", -10, 1000),
	KEY(b, CONF_BOOL, "yes", 0, 0),
	KEY(level, CONF_LEVEL, "warn", 0, 0),
};

static const void *
at(const struct fz *c, const struct conf_key *k)
{
	return (const char *)c + k->offset;
}

static const char *
text_of(const struct fz *c, const struct conf_key *k)
{
	return *(char *const *)at(c, k);
}

/* One value as a line; also checks its bounds. */
static void
put_value(const struct fz *c, const struct conf_key *k, struct buf *b)
{
	static const char *const level[] = {
		"error", "warn", "info", "debug"
	};
	const char	*s;
	int64_t		 v;

	buf_printf(b, "[%s]\n%s =", k->section, k->name);
	switch (k->type) {
	case CONF_STRING:
	case CONF_PATH:
	case CONF_ADDR:
		s = text_of(c, k);
		HOLDS(s == NULL || s[0] != '\0');
		HOLDS((s == NULL ? 0 : (int64_t)strlen(s)) >= k->min);
		HOLDS(s == NULL || k->max == 0 ||
		    (int64_t)strlen(s) <= k->max);
		HOLDS(s == NULL || k->type != CONF_PATH || s[0] == '/');
		buf_puts(b, s != NULL ? s : "");
		break;
	case CONF_INT:
		memcpy(&v, at(c, k), sizeof(v));
		HOLDS(v >= k->min && v <= k->max);
		buf_printf(b, "%" PRId64, v);
		break;
	case CONF_BOOL:
		buf_puts(b, *(const bool *)at(c, k) ? "yes" : "no");
		break;
	case CONF_LEVEL:
		memcpy(&v, at(c, k), sizeof(v));
		HOLDS(v >= LOG_L_ERROR && v <= LOG_L_DEBUG);
		buf_puts(b, level[v]);
		break;
	case CONF__UNSET:
		HOLDS(false);
	}
	buf_putc(b, '\n');
}

static void
put_all(const struct conf_table *t, const struct fz *c, struct buf *b)
{
	size_t i;

	for (i = 0; i < t->nkeys; i++)
		put_value(c, &t->keys[i], b);
}

static void
check_round_trip(const struct conf_table *t, const struct fz *c)
{
	struct buf	one = BUF_INIT, two = BUF_INIT, err = BUF_INIT;
	struct fz	again;

	memset(&again, 0, sizeof(again));
	put_all(t, c, &one);
	HOLDS(conf_parse(t, &again, "again", (char *)one.data, one.len,
	    &err) == 0);
	put_all(t, &again, &two);
	HOLDS(one.len == two.len && memcmp(one.data, two.data, one.len) == 0);
	conf_free(t, &again);
	buf_free(&one);
	buf_free(&two);
	buf_free(&err);
}

/* The dump, once as it is (comments) and once with its values switched on. */
static void
check_dump(const struct conf_table *t)
{
	struct buf	dump = BUF_INIT, on = BUF_INIT, err = BUF_INIT;
	struct buf	a = BUF_INIT, b = BUF_INIT;
	struct slice	rest, line;
	struct fz	c;

	conf_dump(t, &dump);
	memset(&c, 0, sizeof(c));
	HOLDS(conf_parse(t, &c, "dump", (char *)dump.data, dump.len,
	    &err) == 0);
	put_all(t, &c, &a);
	conf_free(t, &c);
	rest = (struct slice){ (char *)dump.data, dump.len };
	while (slice_cut(&rest, '\n', &line)) {
		if (line.n > 1 && line.p[0] == '#' && line.p[1] != ' ') {
			line.p++;
			line.n--;
		}
		buf_put(&on, line.p, line.n);
		buf_putc(&on, '\n');
	}
	HOLDS(conf_parse(t, &c, "on", (char *)on.data, on.len, &err) == 0);
	put_all(t, &c, &b);
	HOLDS(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
	conf_free(t, &c);
	buf_free(&dump);
	buf_free(&on);
	buf_free(&err);
	buf_free(&a);
	buf_free(&b);
}

static const struct conf_table table = { keys, nitems(keys), "apid" };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf		 err = BUF_INIT;
	struct fz		 c;
	const char		*why;

	memset(&c, 0, sizeof(c));
	if (conf_parse(&table, &c, "fuzz.conf", (const char *)data, size,
	    &err) == 0) {
		check_round_trip(&table, &c);
	} else {
		why = buf_cstr(&err);
		HOLDS(strncmp(why, "fuzz.conf:", 10) == 0);
		HOLDS(why[10] >= '1' && why[10] <= '9');
		HOLDS(strchr(why, '\n') == NULL);
	}
	if (size < 4)
		check_dump(&table);
	conf_free(&table, &c);
	buf_free(&err);
	return 0;
}
