/*
 * auth: the cache is a hash table with a list in order of use. It is judged
 * by the counter of mast.versions: when that moves everything goes, when it
 * cannot be read nobody is known.
 */
#include <sys/queue.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apid.h"
#include "auth.h"
#include "db.h"
#include "http1.h"
#include "log.h"
#include "rate.h"
#include "settings.h"
#include "stmt.h"
#include "str.h"
#include "xmalloc.h"

#define CACHE_MAX	10000
#define BUCKETS		16384		/* a power of two */
#define TOKEN		64
#define TOKEN_FRESH	(60 * MONO_SEC)

#define ACCOUNT_LIMIT	20
#define ACCOUNT_WINDOW	(300 * MONO_SEC)
#define GUESS_LIMIT	60
#define GUESS_WINDOW	(60 * MONO_SEC)
#define LIMIT_ENTRIES	65536

struct entry {
	TAILQ_ENTRY(entry)	 lru;
	struct entry		*next;		/* in its bucket */
	struct who		*who;
};
TAILQ_HEAD(entries, entry);

struct auth_op {
	struct auth		*auth;
	struct db_req		*db;
	bool			 api;
	uint64_t		 version;	/* when it was asked */
	uint8_t			 hash[SECRET_HASH];
	auth_fn			 fn;
	void			*arg;
	struct auth_op		**owner;
};

struct auth {
	struct apid		*apid;
	struct entry		*buckets[BUCKETS];
	struct entries		 lru;		/* first: used last */
	size_t			 n;
	uint64_t		 version;	/* that the cache is good for */
	struct rate_map		*attempts, *accounts, *guesses;
	struct auth_stats	 stats;
};

/* ---- who ---- */

struct who *
who_ref(struct who *w)
{
	w->refs++;
	return w;
}

void
who_unref(struct who **wp)
{
	struct who *w = *wp;

	*wp = NULL;
	if (w == NULL || --w->refs > 0)
		return;
	free(w->username);
	free(w->nodes);
	free(w->nodes_array);
	secret_wipe(w->hash, sizeof(w->hash));
	free(w);
}

static int
id_order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct id));
}

bool
who_may(const struct who *w, const struct id *node)
{
	return w->all_nodes || (w->nnodes > 0 && bsearch(node, w->nodes,
	    w->nnodes, sizeof(*w->nodes), id_order) != NULL);
}

bool
who_may_all(const struct who *w, struct slice array)
{
	struct id id;
	size_t i;

	if (w->all_nodes)
		return true;
	for (i = 1; i + 36 < array.n; i += 37)
		if (id_parse(&id, (struct slice){ array.p + i, 36 }) != 0 ||
		    !who_may(w, &id))
			return false;
	return true;
}

/* "{uuid,uuid}" as PostgreSQL prints it. */
static void
who_nodes(struct who *w, struct slice text)
{
	size_t i;

	w->nodes_array = xstrndup(text.p != NULL ? text.p : "{}",
	    text.p != NULL ? text.n : 2);
	w->nodes = xcalloc(text.n / 37 + 1, sizeof(*w->nodes));
	for (i = 1; i + 36 < text.n; i += 37)
		if (id_parse(&w->nodes[w->nnodes],
		    (struct slice){ text.p + i, 36 }) == 0)
			w->nnodes++;
	qsort(w->nodes, w->nnodes, sizeof(*w->nodes), id_order);
}

static struct who *
who_new(const struct db_result *res, bool api,
    const uint8_t hash[SECRET_HASH])
{
	struct who *w = xcalloc(1, sizeof(*w));

	w->refs = 1;
	w->role = role_parse(db_get(res, 0, 3));
	if (db_id(res, 0, 0, &w->user) != 0 ||
	    db_id(res, 0, 1, &w->session) != 0 || w->role < ROLE_VIEWER) {
		log_error("auth: a session row that makes no sense");
		who_unref(&w);
		return NULL;
	}
	id_text(&w->user, w->user_text);
	id_text(&w->session, w->session_text);
	w->token = api;
	w->read_only = db_bool(res, 0, 7);
	snprintf(w->actor, sizeof(w->actor), "%s%s%s", w->user_text,
	    api ? " " : "", api ? w->session_text : "");
	w->username = xstrdup(db_cstr(res, 0, 2));
	w->all_nodes = db_bool(res, 0, 4);
	if (!w->all_nodes)
		who_nodes(w, db_get(res, 0, 5));
	w->until = db_i64(res, 0, 6);
	w->fresh = api ? wall_now() + TOKEN_FRESH : INT64_MAX;
	memcpy(w->hash, hash, SECRET_HASH);
	return w;
}

/* ---- cache ---- */

static struct entry **
bucket(struct auth *a, const uint8_t hash[SECRET_HASH])
{
	uint32_t h;

	memcpy(&h, hash, sizeof(h));	/* a keyed hash: nobody aims at it */
	return &a->buckets[h & (BUCKETS - 1)];
}

static struct entry **
entry_at(struct auth *a, const uint8_t hash[SECRET_HASH])
{
	struct entry **at = bucket(a, hash);

	while (*at != NULL && memcmp((*at)->who->hash, hash,
	    SECRET_HASH) != 0)
		at = &(*at)->next;
	return at;
}

static void
entry_free(struct auth *a, struct entry **at)
{
	struct entry *e = *at;

	*at = e->next;
	TAILQ_REMOVE(&a->lru, e, lru);
	a->n--;
	who_unref(&e->who);
	free(e);
}

void
auth_drop(struct auth *a, const uint8_t hash[SECRET_HASH])
{
	struct entry **at = entry_at(a, hash);

	if (*at != NULL)
		entry_free(a, at);
}

static void
cache_clear(struct auth *a)
{
	struct entry *e;

	while ((e = TAILQ_FIRST(&a->lru)) != NULL)
		auth_drop(a, e->who->hash);
}

static void
cache_put(struct auth *a, struct who *w)
{
	struct entry *e, **at;

	auth_drop(a, w->hash);
	if (a->n >= CACHE_MAX) {
		auth_drop(a, TAILQ_LAST(&a->lru, entries)->who->hash);
		a->stats.evicted++;
	}
	e = xcalloc(1, sizeof(*e));
	e->who = who_ref(w);
	at = bucket(a, w->hash);
	e->next = *at;
	*at = e;
	TAILQ_INSERT_HEAD(&a->lru, e, lru);
	a->n++;
}

static void
cache_judge(struct auth *a)
{
	uint64_t now = settings_version(a->apid->settings, SETTINGS_V_AUTH);

	if (now == a->version)
		return;
	if (a->n > 0)
		a->stats.dropped++;
	cache_clear(a);
	a->version = now;
}

/* ---- the questions ---- */

struct auth *
auth_new(struct apid *apid)
{
	struct auth *a = xcalloc(1, sizeof(*a));

	a->apid = apid;
	TAILQ_INIT(&a->lru);
	a->attempts = rate_map_new(LIMIT_ENTRIES, 5, AUTH_ATTEMPT_WINDOW);
	a->accounts = rate_map_new(LIMIT_ENTRIES, ACCOUNT_LIMIT,
	    ACCOUNT_WINDOW);
	a->guesses = rate_map_new(LIMIT_ENTRIES, GUESS_LIMIT, GUESS_WINDOW);
	return a;
}

void
auth_free(struct auth *a)
{
	if (a == NULL)
		return;
	cache_clear(a);
	rate_map_free(a->attempts);
	rate_map_free(a->accounts);
	rate_map_free(a->guesses);
	free(a);
}

bool
auth_ready(const struct auth *a)
{
	return settings_fresh(a->apid->settings);
}

uint64_t
auth_generation(const struct auth *a)
{
	return settings_version(a->apid->settings, SETTINGS_V_AUTH);
}

bool
auth_is_api(struct slice t)
{
	return t.n == AUTH_API_TOKEN &&
	    memcmp(t.p, AUTH_API_MARK, AUTH_API_TOKEN - TOKEN) == 0;
}

void
auth_make(char text[65])
{
	uint8_t raw[TOKEN / 2];

	secret_random(raw, sizeof(raw));
	str_hex(text, raw, sizeof(raw));
	secret_wipe(raw, sizeof(raw));
}

static bool
token_form(struct slice t, bool cookie)
{
	size_t i;

	if (!cookie && auth_is_api(t)) {
		t.p += AUTH_API_TOKEN - TOKEN;
		t.n = TOKEN;
	}
	if (t.n != TOKEN)
		return false;
	for (i = 0; i < TOKEN; i++)
		if (!((t.p[i] >= '0' && t.p[i] <= '9') ||
		    (t.p[i] >= 'a' && t.p[i] <= 'f')))
			return false;
	return true;
}

struct slice
auth_token(const struct http1_req *h, bool *cookie_r)
{
	static const char prefix[] = "Bearer ";
	struct slice s = http1_get(h, "Authorization");

	*cookie_r = false;
	if (s.n > sizeof(prefix) - 1 &&
	    memcmp(s.p, prefix, sizeof(prefix) - 1) == 0) {
		s.p += sizeof(prefix) - 1;
		s.n -= sizeof(prefix) - 1;
	} else {
		s = http1_cookie(h, "session");
		*cookie_r = true;
	}
	return token_form(s, *cookie_r) ? s : (struct slice){ NULL, 0 };
}

void
auth_hash(const struct auth *a, struct slice token, uint8_t hash[SECRET_HASH])
{
	secret_hash(a->apid->key, auth_is_api(token) ? "api_token" :
	    "session", token.p, token.n, hash);
}

void
auth_csrf(const struct auth *a, struct slice token, char csrf[33])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t hash[SECRET_HASH];
	size_t i;

	secret_hash(a->apid->key, "csrf", token.p, token.n, hash);
	for (i = 0; i < 16; i++) {
		csrf[2 * i] = digits[hash[i] >> 4];
		csrf[2 * i + 1] = digits[hash[i] & 15];
	}
	csrf[32] = '\0';
}

static void
on_lookup(void *arg, const struct db_result *res)
{
	struct auth_op *op = arg;
	struct auth *a = op->auth;
	struct who *w = NULL;
	enum err err = db_err(res);

	if (err != ERR_OK)
		err = ERR_DATABASE;
	else if (db_rows(res) == 0 ||
	    (w = who_new(res, op->api, op->hash)) == NULL)
		err = ERR_UNAUTHENTICATED;
	/* Rights that moved meanwhile: good for this request, not to keep. */
	if (w != NULL && op->version == auth_generation(a)) {
		cache_judge(a);
		cache_put(a, w);
	}
	if (op->owner != NULL)
		*op->owner = NULL;
	op->fn(op->arg, err, w);
	who_unref(&w);
	secret_wipe(op->hash, sizeof(op->hash));
	free(op);
}

bool
auth_find(struct auth *a, bool api, const uint8_t hash[SECRET_HASH],
    struct who **who_r, enum err *err_r, auth_fn fn, void *arg,
    struct auth_op **op_r)
{
	struct entry *e;
	struct auth_op *op;
	struct db_arg key;

	*who_r = NULL;
	*err_r = ERR_DATABASE;
	if (!auth_ready(a))
		return true;
	cache_judge(a);
	e = *entry_at(a, hash);
	if (e != NULL && wall_now() < e->who->fresh) {
		a->stats.hits++;
		TAILQ_REMOVE(&a->lru, e, lru);
		TAILQ_INSERT_HEAD(&a->lru, e, lru);
		*err_r = ERR_UNAUTHENTICATED;
		if (wall_now() < e->who->until) {
			*err_r = ERR_OK;
			*who_r = who_ref(e->who);
		}
		return true;
	}
	a->stats.misses++;
	op = xcalloc(1, sizeof(*op));
	op->auth = a;
	op->api = api;
	op->version = auth_generation(a);
	memcpy(op->hash, hash, SECRET_HASH);
	op->fn = fn;
	op->arg = arg;
	op->owner = op_r;
	*op_r = op;
	key = db_bytes(op->hash, SECRET_HASH);
	db_query(a->apid->db, api ? STMT_TOKEN_LOOKUP : STMT_SESSION_LOOKUP,
	    &key, 1, NULL, on_lookup,
	    op, &op->db);
	return false;
}

void
auth_forget(struct auth_op **opp)
{
	struct auth_op *op = *opp;

	if (op == NULL)
		return;
	*opp = NULL;
	db_forget(&op->db);
	free(op);
}

/* ---- limits ---- */

bool
auth_guessing(struct auth *a, const char *address)
{
	mono_us wait;

	return rate_map_blocked(a->guesses, address, strlen(address),
	    mono_now(), &wait);
}

void
auth_guessed(struct auth *a, const char *address)
{
	rate_map_hit(a->guesses, address, strlen(address), mono_now());
}

bool
auth_attempt(struct auth *a, const char *address, unsigned *left_r,
    mono_us *wait_r)
{
	unsigned limit = (unsigned)settings_get(a->apid->settings,
	    SETTING_MAX_LOGIN_ATTEMPTS), used;
	mono_us now = mono_now();
	size_t n = strlen(address);

	*left_r = 0;
	*wait_r = AUTH_ATTEMPT_WINDOW;
	rate_map_limit(a->attempts, limit);
	if (rate_map_blocked(a->attempts, address, n, now, wait_r)) {
		a->stats.limited++;
		return false;
	}
	used = rate_map_hit(a->attempts, address, n, now);
	*left_r = used < limit ? limit - used : 0;
	*wait_r = AUTH_ATTEMPT_WINDOW;	/* at most: the window began before */
	return true;
}

bool
auth_locked(struct auth *a, struct slice username)
{
	mono_us wait;

	if (!rate_map_blocked(a->accounts, username.p, username.n,
	    mono_now(), &wait))
		return false;
	a->stats.locked++;
	return true;
}

void
auth_failed(struct auth *a, struct slice username)
{
	rate_map_hit(a->accounts, username.p, username.n, mono_now());
}

void
auth_cleared(struct auth *a, struct slice username)
{
	rate_map_clear(a->accounts, username.p, username.n);
}

void
auth_stats(const struct auth *a, struct auth_stats *s)
{
	*s = a->stats;
	s->cached = a->n;
}
