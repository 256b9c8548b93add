/* budget: the buckets, and what answers say about them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apid.h"
#include "budget.h"
#include "rate.h"
#include "req.h"
#include "xmalloc.h"

#define ENTRIES 65536	/* users and addresses; beyond, the idlest is full */

struct budget {
	struct rate_map	*map;
	double		 per_sec, burst;
	char		 policy[96];
};

static int64_t
secs_up(mono_us us)
{
	return (us + MONO_SEC - 1) / MONO_SEC;
}

struct budget *
budget_new(const struct apid *apid)
{
	struct budget *b = xcalloc(1, sizeof(*b));
	int64_t burst = apid->conf.rate_burst, rate = apid->conf.rate_per_sec;

	b->map = rate_map_new(ENTRIES, 0, 0);
	b->burst = (double)burst;
	b->per_sec = (double)rate;
	snprintf(b->policy, sizeof(b->policy),
	    "RateLimit-Policy: \"default\";q=%lld;w=%lld\r\n",
	    (long long)burst, (long long)((burst + rate - 1) / rate));
	return b;
}

void
budget_free(struct budget *b)
{
	if (b == NULL)
		return;
	rate_map_free(b->map);
	free(b);
}

bool
budget_take(struct budget *b, struct req *r)
{
	struct rate *bucket;
	mono_us now = mono_now();
	char text[24];
	bool good;

	if (r->route->flags & ROUTE_FREE)
		return true;
	bucket = r->who != NULL ?
	    rate_map_bucket(b->map, &r->who->user, sizeof(r->who->user)) :
	    rate_map_bucket(b->map, r->address, strlen(r->address));
	good = rate_take(bucket, b->per_sec, b->burst, 1, now);
	r->budget = true;
	r->budget_left = (int64_t)bucket->tokens;
	r->budget_reset = secs_up(rate_wait(bucket, b->per_sec, b->burst,
	    b->burst, now));
	if (good)
		return true;
	snprintf(text, sizeof(text), "%lld", (long long)secs_up(rate_wait(
	    bucket, b->per_sec, b->burst, 1, now)));
	req_header(r, "Retry-After", text);
	req_fail(r, ERR_RATE_LIMITED, NULL);
	return false;
}

void
budget_put(const struct budget *b, const struct req *r, struct buf *out)
{
	char text[96];

	if (!r->budget)
		return;
	snprintf(text, sizeof(text), "RateLimit: \"default\";r=%lld;t=%lld"
	    "\r\n", (long long)r->budget_left, (long long)r->budget_reset);
	buf_puts(out, b->policy);
	buf_puts(out, text);
}

void
budget_header(struct req *r, const char *name, int64_t quota, mono_us window,
    int64_t left, mono_us reset)
{
	req_header(r, "RateLimit-Policy", arena_printf(r->arena,
	    "\"%s\";q=%lld;w=%lld", name, (long long)quota,
	    (long long)secs_up(window)));
	req_header(r, "RateLimit", arena_printf(r->arena,
	    "\"%s\";r=%lld;t=%lld", name, (long long)left,
	    (long long)secs_up(reset)));
}
