/* opposite: the table of endings. */
#include <string.h>

#include "opposite.h"
#include "xmalloc.h"

static const struct {
	const char	*end;			/* of the good news */
	const char	*bad[OPPOSITE_MAX];	/* of what it ends */
} endings[] = {
	{ "reconnected", { "disconnected", "connection_lost",
	    "connect_failed", "lost" } },
	{ "connected", { "disconnected", "connection_lost",
	    "connect_failed", "lost" } },
	{ "recovered", { "lost", "failed", "error", "down", "degraded",
	    "missing", "exceeded" } },
	{ "restored", { "lost", "failed", "error", "down", "degraded",
	    "missing", "exceeded" } },
	{ "resolved", { "lost", "failed", "error", "down", "degraded",
	    "missing", "exceeded" } },
	{ "ok", { "lost", "failed", "error", "down", "degraded", "missing",
	    "exceeded" } },
	{ "succeeded", { "failed", "error" } },
	{ "started", { "stopped", "start_failed", "failed" } },
	{ "unreachable", { NULL } },
	{ "reachable", { "unreachable" } },
	{ "unlocked", { NULL } },
	{ "locked", { "unlocked", "lock_lost" } },
	{ "online", { "offline" } },
	{ "up", { "down" } },
};

/* A whole word at the end: "reconnected" is not "connected". */
static bool
ends_in(struct slice code, const char *word)
{
	size_t n = strlen(word);

	return code.n > n && memcmp(code.p + code.n - n, word, n) == 0 &&
	    code.p[code.n - n - 1] == '_';
}

size_t
opposite_codes(struct slice code, char out[OPPOSITE_MAX][OPPOSITE_CODE])
{
	size_t i, k, stem, n = 0;

	for (i = 0; i < nitems(endings); i++) {
		if (!ends_in(code, endings[i].end))
			continue;
		stem = code.n - strlen(endings[i].end);
		for (k = 0; k < OPPOSITE_MAX && endings[i].bad[k] != NULL;
		    k++) {
			if (stem + strlen(endings[i].bad[k]) >= OPPOSITE_CODE)
				continue;
			memcpy(out[n], code.p, stem);
			strcpy(out[n++] + stem, endings[i].bad[k]);
		}
		break;
	}
	return n;
}
