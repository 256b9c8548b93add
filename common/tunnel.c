/* tunnel: see tunnel.h. Owns the wire form of a leg. */
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "tunnel.h"
#include "valid.h"
#include "xmalloc.h"

#define PURPOSE		"tunnel"
#define ADDR_MAX	256

static const char *const legs[TUNNEL_LEGS] = {
	[TUNNEL_RELAY] = "relay", [TUNNEL_INGRESS] = "ingress",
	[TUNNEL_EGRESS] = "egress",
};

const char *
tunnel_leg_name(enum tunnel_leg leg)
{
	return legs[leg];
}

enum tunnel_leg
tunnel_leg_find(struct slice name)
{
	unsigned i;

	for (i = 0; i < TUNNEL_LEGS; i++)
		if (slice_eq(name, legs[i]))
			break;
	return (enum tunnel_leg)i;
}

/* ---- secrets ---- */

static void
secret_text(char out[TUNNEL_SECRET])
{
	uint8_t raw[SECRET_KEY];

	secret_random(raw, sizeof(raw));
	str_hex(out, raw, sizeof(raw));
	secret_wipe(raw, sizeof(raw));
}

void
tunnel_secrets_make(struct tunnel_secrets *s)
{
	secret_text(s->key);
	secret_text(s->bind);
	secret_text(s->psk);
}

static struct slice
id_slice(const struct id *id)
{
	return (struct slice){ (const char *)id->b, sizeof(id->b) };
}

void
tunnel_secrets_seal(const struct secret_key *key, const struct id *id,
    const struct tunnel_secrets *s, struct buf *out)
{
	secret_seal(key, PURPOSE, s, sizeof(*s), id_slice(id), out);
}

int
tunnel_secrets_open(const struct secret_key *key, const struct id *id,
    const void *p, size_t n, struct tunnel_secrets *s)
{
	struct buf plain = BUF_INIT;
	int rc = -1;

	if (secret_open(key, PURPOSE, p, n, id_slice(id), &plain) == 0 &&
	    buf_used(&plain) == sizeof(*s)) {
		memcpy(s, buf_head(&plain), sizeof(*s));
		if (s->key[TUNNEL_SECRET - 1] == '\0' &&
		    s->bind[TUNNEL_SECRET - 1] == '\0' &&
		    s->psk[TUNNEL_SECRET - 1] == '\0')
			rc = 0;
	}
	secret_buf_free(&plain);
	return rc;
}

void
tunnel_token(const char *bind, const struct id *id, const char *direction,
    char token_r[TUNNEL_SECRET])
{
	char text[ID_TEXT], msg[ID_TEXT + 16];
	uint8_t mac[SECRET_HASH];
	int n;

	id_text(id, text);
	n = snprintf(msg, sizeof(msg), "%s:%s", text, direction);
	secret_hmac256(bind, strlen(bind), msg, (size_t)n, mac);
	str_hex(token_r, mac, sizeof(mac));
	secret_wipe(mac, sizeof(mac));
}

/* ---- actions ---- */

static void
member(struct json_w *w, const char *key, struct slice value)
{
	json_w_key(w, key);
	json_w_slice(w, value);
}

static void
put_authorize(struct json_w *w, const struct tunnel_push *t)
{
	static const char *const ends[] = { "ingress", "egress" };
	char token[TUNNEL_SECRET];
	size_t i;

	for (i = 0; i < nitems(ends); i++) {
		tunnel_token(t->secrets->bind, &t->id, ends[i], token);
		json_w_key(w, i == 0 ? "ingress_token" : "egress_token");
		json_w_str(w, token);
		secret_wipe(token, sizeof(token));
	}
}

/* Old nodes know relay_addr, new ones prefer the list. */
static void
put_relays(struct json_w *w, const struct tunnel_push *t)
{
	size_t i;

	if (t->relays[0].p == NULL)
		return;
	member(w, "relay_addr", t->relays[0]);
	json_w_key(w, "relay_addrs");
	json_w_array(w);
	for (i = 0; i < TUNNEL_RELAYS && t->relays[i].p != NULL; i++)
		json_w_slice(w, t->relays[i]);
	json_w_end_array(w);
}

static void
put_port(struct json_w *w, const char *key, int64_t port)
{
	char addr[40];

	(void)snprintf(addr, sizeof(addr), "0.0.0.0:%lld", (long long)port);
	json_w_key(w, key);
	json_w_str(w, addr);
}

static void
put_direct(struct json_w *w, const struct tunnel_push *t)
{
	if (t->leg == TUNNEL_INGRESS)
		member(w, "peer_addr", t->peer);
	else
		put_port(w, "direct_listen_addr", tunnel_addr_port(t->peer));
	json_w_key(w, "tunnel_psk");
	json_w_str(w, t->secrets->psk);
}

static void
put_tunnel(struct json_w *w, const struct tunnel_push *t, const char *id)
{
	bool entry = t->leg == TUNNEL_INGRESS;

	json_w_object(w);
	json_w_key(w, "id");
	json_w_str(w, id);
	member(w, "name", t->name);
	json_w_key(w, "enabled");
	json_w_bool(w, true);
	member(w, "protocol", t->protocol);
	member(w, "mode", t->mode);
	json_w_key(w, "direction");
	json_w_str(w, entry ? "egress" : "ingress");
	if (entry)
		put_port(w, "local_addr", t->port);
	else
		member(w, "local_addr", t->forward);
	if (slice_eq(t->mode, "direct"))
		put_direct(w, t);
	else
		put_relays(w, t);
	json_w_key(w, "tunnel_encryption_key");
	json_w_str(w, t->secrets->key);
	json_w_key(w, "tunnel_bind_secret");
	json_w_str(w, t->secrets->bind);
	json_w_end_object(w);
}

void
tunnel_action(struct buf *b, const struct tunnel_push *t)
{
	static const char *const types[2][2] = {
		{ "delete_tunnel", "create_tunnel" },
		{ "revoke_tunnel", "authorize_tunnel" },
	};
	bool relay = t->leg == TUNNEL_RELAY;
	char id[ID_TEXT];
	struct json_w w;

	id_text(&t->id, id);
	json_w_init(&w, b);
	json_w_object(&w);
	json_w_key(&w, "type");
	json_w_str(&w, types[relay][t->present]);
	if (t->present && !relay) {
		json_w_key(&w, "tunnel");
		put_tunnel(&w, t, id);
	} else {
		json_w_key(&w, "tunnel_id");
		json_w_str(&w, id);
		if (t->present)
			put_authorize(&w, t);
	}
	json_w_end_object(&w);
}

/* ---- words and addresses ---- */

static bool
has(struct slice s, const char *word)
{
	size_t n = strlen(word), i;

	for (i = 0; i + n <= s.n; i++)
		if (slice_ieq((struct slice){ s.p + i, n }, word))
			return true;
	return false;
}

bool
tunnel_unknown(struct slice error, struct slice code)
{
	static const char *const words[] = { "not found", "unknown",
	    "no such", "does not exist" };
	size_t i;

	for (i = 0; i < nitems(words); i++)
		if (has(error, words[i]))
			return true;
	return has(code, "unknown") || has(code, "not_found");
}

/* The host of "host:port": what stands before the last colon. */
static bool
host_ok(struct slice h)
{
	bool v6 = h.n > 2 && h.p[0] == '[' && h.p[h.n - 1] == ']';
	size_t i;

	if (h.n == 0 || !valid_utf8(h.p, h.n))
		return false;
	for (i = v6 ? 1 : 0; i < h.n - (v6 ? 1 : 0); i++)
		if ((unsigned char)h.p[i] <= ' ' || h.p[i] == 0x7f ||
		    strchr("[]/\"\\", h.p[i]) != NULL ||
		    (h.p[i] == ':' && !v6))
			return false;
	return true;
}

unsigned
tunnel_addr_port(struct slice addr)
{
	size_t at = addr.n;
	uint64_t port;

	while (at > 0 && addr.p[at - 1] != ':')
		at--;
	if (at == 0 || addr.n > ADDR_MAX || addr.n - at > 5 ||
	    !host_ok((struct slice){ addr.p, at - 1 }) ||
	    slice_u64((struct slice){ addr.p + at, addr.n - at }, 65535,
	    &port) == -1)
		return 0;
	return (unsigned)port;
}

const char *
tunnel_addr(struct slice addr)
{
	if (addr.n == 0 || addr.n > ADDR_MAX)
		return "must be 1 to 256 bytes";
	if (tunnel_addr_port(addr) == 0)
		return "must be host:port with a port of 1 to 65535 "
		    "(an IPv6 address in brackets)";
	return NULL;
}
