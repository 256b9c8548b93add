/*
 * rate: token buckets and bounded maps of counters by key. The map hashes
 * with a seed of its own, so that a peer who chooses keys (addresses, user
 * names) cannot make them collide.
 */
#include <sys/queue.h>
#include <sys/random.h>

#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "rate.h"
#include "xmalloc.h"

static double
filled(const struct rate *r, double per_sec, double burst, mono_us now)
{
	double tokens;

	if (r->at == 0)		/* never used: full */
		return burst;
	tokens = r->tokens;
	if (now > r->at)
		tokens += (double)(now - r->at) * per_sec / MONO_SEC;
	return tokens < burst ? tokens : burst;
}

bool
rate_take(struct rate *r, double per_sec, double burst, double n, mono_us now)
{
	r->tokens = filled(r, per_sec, burst, now);
	if (now > r->at || r->at == 0)
		r->at = now > 0 ? now : 1;
	if (r->tokens < n)
		return false;
	r->tokens -= n;
	return true;
}

mono_us
rate_spend(struct rate *r, double per_sec, double burst, double n,
    mono_us now)
{
	r->tokens = filled(r, per_sec, burst, now) - n;
	if (now > r->at || r->at == 0)
		r->at = now > 0 ? now : 1;
	return r->tokens >= 0 ? 0 :
	    (mono_us)(-r->tokens * MONO_SEC / per_sec) + 1;
}

mono_us
rate_wait(const struct rate *r, double per_sec, double burst, double n,
    mono_us now)
{
	double missing = n - filled(r, per_sec, burst, now);

	if (missing <= 0)
		return 0;
	if (n > burst || per_sec <= 0)
		return INT64_MAX;	/* never */
	return (mono_us)(missing * MONO_SEC / per_sec) + 1;
}

/* ---- by key ---- */

struct entry {
	TAILQ_ENTRY(entry)	 lru;		/* first: used longest ago */
	struct entry		*next;		/* in the bucket */
	uint64_t		 hash;
	mono_us			 end;		/* of the window */
	unsigned		 count;
	struct rate		 bucket;
	size_t			 n;
	uint8_t			 key[];
};

struct rate_map {
	TAILQ_HEAD(, entry)	 lru;
	struct entry		**buckets;
	size_t			 nbuckets;	/* a power of two */
	size_t			 used, max;
	unsigned		 limit;
	mono_us			 window;
	uint64_t		 seed[2];
	uint64_t		 evicted;
};

struct rate_map *
rate_map_new(size_t max_entries, unsigned limit, mono_us window)
{
	struct rate_map *m = xcalloc(1, sizeof(*m));

	TAILQ_INIT(&m->lru);
	m->max = max_entries > 0 ? max_entries : 1;
	m->limit = limit;
	m->window = window;
	for (m->nbuckets = 16; m->nbuckets < m->max; m->nbuckets *= 2)
		;
	m->buckets = xcalloc(m->nbuckets, sizeof(struct entry *));
	if (getrandom(m->seed, sizeof(m->seed), 0) != sizeof(m->seed))
		fatal("rate: no random seed");
	return m;
}

static uint64_t
mix(uint64_t a, uint64_t b)
{
	__uint128_t r = (__uint128_t)a * b;

	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

static uint64_t
hash_of(const struct rate_map *m, const uint8_t *p, size_t n)
{
	uint64_t h = m->seed[0] ^ n, word;

	for (; n > 0; p += 8, n -= 8) {
		word = 0;
		memcpy(&word, p, n < 8 ? n : 8);
		h = mix(h ^ word, m->seed[1] | 1);
		if (n <= 8)
			break;
	}
	return mix(h ^ m->seed[1], UINT64_C(0x9e3779b97f4a7c15));
}

static struct entry **
find(struct rate_map *m, const void *key, size_t n, uint64_t hash)
{
	struct entry **at = &m->buckets[hash & (m->nbuckets - 1)];

	for (; *at != NULL; at = &(*at)->next)
		if ((*at)->hash == hash && (*at)->n == n &&
		    memcmp((*at)->key, key, n) == 0)
			break;
	return at;
}

static void
drop(struct rate_map *m, struct entry **at)
{
	struct entry *e = *at;

	*at = e->next;
	TAILQ_REMOVE(&m->lru, e, lru);
	m->used--;
	free(e);
}

void
rate_map_free(struct rate_map *m)
{
	struct entry *e;

	if (m == NULL)
		return;
	while ((e = TAILQ_FIRST(&m->lru)) != NULL) {
		TAILQ_REMOVE(&m->lru, e, lru);
		free(e);
	}
	free(m->buckets);
	free(m);
}

void
rate_map_limit(struct rate_map *m, unsigned limit)
{
	m->limit = limit;
}

bool
rate_map_blocked(struct rate_map *m, const void *key, size_t n, mono_us now,
    mono_us *wait_r)
{
	struct entry **at = find(m, key, n, hash_of(m, key, n));

	if (wait_r != NULL)
		*wait_r = 0;
	if (*at == NULL)
		return false;
	if ((*at)->end <= now) {
		drop(m, at);
		return false;
	}
	if ((*at)->count < m->limit)
		return false;
	if (wait_r != NULL)
		*wait_r = (*at)->end - now;
	return true;
}

static struct entry *
add(struct rate_map *m, const void *key, size_t n, uint64_t hash)
{
	struct entry *e, **at;

	if (m->used == m->max) {
		e = TAILQ_FIRST(&m->lru);
		drop(m, find(m, e->key, e->n, e->hash));
		m->evicted++;
	}
	at = &m->buckets[hash & (m->nbuckets - 1)];
	e = xcalloc(1, sizeof(*e) + n);
	memcpy(e->key, key, n);
	e->n = n;
	e->hash = hash;
	e->next = *at;
	*at = e;
	TAILQ_INSERT_TAIL(&m->lru, e, lru);
	m->used++;
	return e;
}

/* The entry of a key, made when it is not there; it was used last. */
static struct entry *
touch(struct rate_map *m, const void *key, size_t n)
{
	uint64_t	 hash = hash_of(m, key, n);
	struct entry	*e = *find(m, key, n, hash);

	if (e == NULL)
		return add(m, key, n, hash);
	TAILQ_REMOVE(&m->lru, e, lru);
	TAILQ_INSERT_TAIL(&m->lru, e, lru);
	return e;
}

struct rate *
rate_map_bucket(struct rate_map *m, const void *key, size_t n)
{
	return &touch(m, key, n)->bucket;
}

unsigned
rate_map_hit(struct rate_map *m, const void *key, size_t n, mono_us now)
{
	struct entry *e = touch(m, key, n);

	if (e->count == 0 || e->end <= now) {
		e->count = 0;
		e->end = now + m->window;
	}
	if (e->count < UINT32_MAX)
		e->count++;
	return e->count;
}

void
rate_map_clear(struct rate_map *m, const void *key, size_t n)
{
	struct entry **at = find(m, key, n, hash_of(m, key, n));

	if (*at != NULL)
		drop(m, at);
}

size_t
rate_map_size(const struct rate_map *m)
{
	return m->used;
}

uint64_t
rate_map_evicted(const struct rate_map *m)
{
	return m->evicted;
}
