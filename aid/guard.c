/* guard: see guard.h. */
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "guard.h"
#include "xmalloc.h"

#define NAME_MAX_LEN	64

static const char *const names[] = {
	"password", "passphrase", "passwd", "secret", "apikey", "credential",
	"bearer", "auth_token", "access_token", "registration_token",
};
#define NAME_END	"_key"	/* but a private_key_path is a path */

static bool
has(struct slice s, const char *what)
{
	return memmem(s.p, s.n, what, strlen(what)) != NULL;
}

static bool
is_secret_name(struct slice name)
{
	size_t i, j, n = strlen(NAME_END);

	if (name.n > n && strncasecmp(name.p + name.n - n, NAME_END, n) == 0)
		return true;
	for (i = 0; i < nitems(names); i++) {
		n = strlen(names[i]);
		for (j = 0; j + n <= name.n; j++)
			if (strncasecmp(name.p + j, names[i], n) == 0)
				return true;
	}
	return false;
}

static bool
is_placeholder(struct slice v)
{
	size_t i = 0;

	if (v.n >= 4 && memcmp(v.p, "{{", 2) == 0 &&
	    memcmp(v.p + v.n - 2, "}}", 2) == 0)
		return true;
	while (i < v.n && v.p[i] == '*')
		i++;
	return i == v.n;	/* also empty */
}

/* From behind an opening quote to the closing one; the rest follows. */
static bool
take_quoted(struct slice *rest, struct slice *out)
{
	size_t i;

	for (i = 0; i < rest->n; i++) {
		if (rest->p[i] == '\\')
			i++;
		else if (rest->p[i] == '"')
			break;
	}
	if (i >= rest->n)
		return false;
	*out = (struct slice){ rest->p, i };
	rest->p += i + 1;
	rest->n -= i + 1;
	return true;
}

static struct slice
skip_blank(struct slice s)
{
	while (s.n > 0 && memchr(" \t\r\n", s.p[0], 4) != NULL) {
		s.p++;
		s.n--;
	}
	return s;
}

/* "name" : "value" anywhere in the text, valid JSON or not. */
static bool
has_member(struct slice s)
{
	struct slice name, value, after;
	const char *q;

	while ((q = memchr(s.p, '"', s.n)) != NULL) {
		s.n -= (size_t)(q + 1 - s.p);
		s.p = q + 1;
		if (!take_quoted(&s, &name))
			return false;
		after = skip_blank(s);
		if (after.n == 0 || after.p[0] != ':')
			continue;
		after.p++;
		after.n--;
		after = skip_blank(after);
		if (after.n == 0 || after.p[0] != '"')
			continue;
		after.p++;
		after.n--;
		if (!take_quoted(&after, &value))
			return false;
		if (name.n <= NAME_MAX_LEN && is_secret_name(name) &&
		    !is_placeholder(value))
			return true;
		s = after;
	}
	return false;
}

static const char *
check_text(struct slice s, struct slice key)
{
	if (s.n == 0)
		return NULL;
	if (key.n >= 8 && memmem(s.p, s.n, key.p, key.n) != NULL)
		return "the texts hold the provider's own key";
	if (has(s, "PRIVATE KEY-----"))
		return "the texts hold a private key";
	return NULL;
}

const char *
guard_check(const struct msg_ai_job *m, struct slice key)
{
	const char *why;
	size_t i;

	if ((why = check_text(m->system, key)) != NULL ||
	    (why = check_text(m->schema, key)) != NULL)
		return why;
	for (i = 0; i < m->nmessages; i++) {
		if ((why = check_text(m->messages[i].text, key)) != NULL)
			return why;
		if (m->messages[i].role == MSG_AI_DATA &&
		    has_member(m->messages[i].text))
			return "the facts about nodes hold a credential that "
			    "was not replaced";
	}
	return NULL;
}
