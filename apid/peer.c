/* peer: reads the head as evidence of who sent it. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "apid.h"
#include "auth.h"
#include "conn.h"
#include "http.h"
#include "peer.h"
#include "req.h"
#include "secret.h"

/* Absent, or the host that was asked for, or the configured one. */
bool
peer_origin(const struct req *r)
{
	struct slice o = http1_get(&r->h, "Origin"), host = r->h.host;
	const char *ours = r->apid->conf.public_host;
	const char *sep;

	if (o.p == NULL)
		return true;
	sep = memchr(o.p, ':', o.n);
	if (sep == NULL || o.n - (size_t)(sep - o.p) < 3 ||
	    memcmp(sep, "://", 3) != 0)
		return false;
	o.n -= (size_t)(sep + 3 - o.p);
	o.p = sep + 3;
	if (o.n == host.n && strncasecmp(o.p, host.p, o.n) == 0)
		return true;
	return ours != NULL && strlen(ours) == o.n &&
	    strncasecmp(o.p, ours, o.n) == 0;
}

bool
peer_csrf(struct req *r)
{
	bool cookie;
	struct slice sent = http1_get(&r->h, "X-CSRF-Token");
	char due[33];
	bool good;

	if (sent.n != sizeof(due) - 1)
		return false;
	auth_csrf(r->apid->auth, auth_token(&r->h, &cookie), due);
	good = secret_equal(sent.p, due, sent.n);
	secret_wipe(due, sizeof(due));
	return good;
}

static bool
id_good(struct slice s)
{
	size_t i;
	char ch;

	if (s.n < 1 || s.n >= REQ_ID)
		return false;
	for (i = 0; i < s.n; i++) {
		ch = s.p[i];
		if (!((ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'Z') ||
		    (ch >= 'a' && ch <= 'z') || ch == '_' || ch == '-'))
			return false;
	}
	return true;
}

/* The last address of the last X-Forwarded-For that is no proxy of ours. */
static void
forwarded(const struct conn *c, struct req *r)
{
	struct sock_addr addr;
	struct slice v = { NULL, 0 };
	char item[SOCK_TEXT], full[SOCK_TEXT + 8];
	struct buf why = BUF_INIT;
	size_t i, at, n;

	for (i = r->h.nfields; i-- > 0 && v.p == NULL;)
		if (r->h.fields[i].name.n == 15 && strncasecmp(
		    r->h.fields[i].name.p, "X-Forwarded-For", 15) == 0)
			v = r->h.fields[i].value;
	while (v.n > 0) {
		for (at = v.n; at > 0 && v.p[at - 1] != ','; at--)
			;
		n = v.n - at;
		while (n > 0 && v.p[at] == ' ') {
			at++;
			n--;
		}
		if (n == 0 || n >= sizeof(item))
			break;
		memcpy(item, v.p + at, n);
		item[n] = '\0';
		snprintf(full, sizeof(full), strchr(item, ':') != NULL ?
		    "[%s]:0" : "%s:0", item);
		if (sock_parse(full, &addr, &why) != 0)
			break;
		sock_host(&addr, r->address);
		if (!http_trusts(c->http, r->address))
			break;
		v.n = at;
		while (v.n > 0 && (v.p[v.n - 1] == ',' ||
		    v.p[v.n - 1] == ' '))
			v.n--;
	}
	buf_free(&why);
}

void
peer_identify(struct conn *c, struct req *r)
{
	struct slice given = http1_get(&r->h, "X-Request-Id");

	r->started = mono_now();
	memcpy(r->address, c->address, sizeof(r->address));
	if (c->trusted)
		forwarded(c, r);
	if (id_good(given)) {
		memcpy(r->id, given.p, given.n);
		r->id[given.n] = '\0';
	} else {
		http_new_id(c->http, r->id, sizeof(r->id));
	}
}
