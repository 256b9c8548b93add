/* ready: see ready.h. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "json.h"
#include "mono.h"
#include "ready.h"
#include "status.h"
#include "str.h"
#include "xmalloc.h"

#define LOOK_AGAIN	500000	/* microseconds */
#define PORT		8443	/* [apid] listen, when it is not known */

/* Of apid's status. */
struct told {
	bool			 tls;
	int64_t			 port;
	struct slice		 lacks, public_host;
};

static const struct json_field fields[] = {
	{ .name = "tls", .type = JSON_BOOL, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct told, tls) },
	{ .name = "port", .type = JSON_INT, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct told, port), .min = -1, .max = 65535 },
	{ .name = "lacks", .type = JSON_STRING, .flags = JSON_NULLABLE,
	  .offset = offsetof(struct told, lacks) },
	{ .name = "public_host", .type = JSON_STRING,
	  .flags = JSON_NULLABLE,
	  .offset = offsetof(struct told, public_host) },
};
static const struct json_schema schema =
    { fields, nitems(fields), .open = true };

static void
put_door(struct ready *r, const struct told *t)
{
	char host[256] = "";

	if (t->public_host.n > 0) {	/* a proxy, which speaks TLS */
		snprintf(r->door, sizeof(r->door), "https://%.*s",
		    (int)t->public_host.n, t->public_host.p);
		return;
	}
	if (gethostname(host, sizeof(host) - 1) == -1 || *host == '\0')
		str_copy(host, sizeof(host), "localhost");
	snprintf(r->door, sizeof(r->door), "%s://%s:%d",
	    t->tls ? "https" : "http", host, t->port > 0 ? (int)t->port : PORT);
}

/* What apid, which answers, says of itself. */
static void
judge(struct ready *r, const char *json)
{
	struct told t = { .tls = true, .port = PORT };
	struct arena *arena = arena_new(0);
	struct json_faults faults;

	if (json_decode(arena, &schema, json, strlen(json), &t,
	    &faults) != ERR_OK)
		str_copy(r->lacks, sizeof(r->lacks),
		    "apid is of another version than mastctl");
	else if (t.lacks.p != NULL)
		snprintf(r->lacks, sizeof(r->lacks), "%.*s",
		    (int)t.lacks.n, t.lacks.p);
	put_door(r, &t);
	arena_free(arena);
}

static void
miss(struct ready *r, const char *name)
{
	size_t n = strlen(r->missing);

	snprintf(r->missing + n, sizeof(r->missing) - n, "%s%s",
	    n > 0 ? ", " : "", name);
}

void
ready_judge(const struct status_answer *v, struct ready *r)
{
	const struct told unknown = { .tls = true, .port = PORT };
	size_t i;

	memset(r, 0, sizeof(*r));
	put_door(r, &unknown);
	for (i = 0; i < STATUS_DAEMONS; i++) {
		if (v[i].json == NULL && !v[i].absent)
			miss(r, v[i].name);
		else if (v[i].json != NULL && strcmp(v[i].name, "apid") == 0)
			judge(r, v[i].json);
	}
	if (r->missing[0] != '\0')
		snprintf(r->lacks, sizeof(r->lacks), "%s: no answer",
		    r->missing);
}

void
ready_ask(struct ctl *ctl, struct ready *r)
{
	struct status_answer v[STATUS_DAEMONS];

	status_ask(ctl, v);
	ready_judge(v, r);
	status_free(v);
}

bool
ready_wait(struct ctl *ctl, unsigned seconds, struct ready *r)
{
	const mono_us end = mono_now() + seconds * MONO_SEC;

	for (;;) {
		ready_ask(ctl, r);
		if (r->lacks[0] == '\0')
			return true;
		if (mono_now() >= end)
			return false;
		usleep(LOOK_AGAIN);
	}
}
