/*
 * ports: one walk over the text, with what is known of each open object on
 * a stack. Members come in any order, so an object is judged at its end,
 * and what was found inside it is dropped if it turns out to be disabled.
 */
#include <string.h>

#include "jscan.h"
#include "ports.h"
#include "tunnel.h"
#include "xmalloc.h"

#define WORD_MAX 128

enum word { ID, NAME, DIRECTION, PROTOCOL, BIND, LOCAL, DOOR, DIRECT,
	PORT, WORDS };

static const char *const words[WORDS] = {
	[ID] = "id", [NAME] = "name", [DIRECTION] = "direction",
	[PROTOCOL] = "protocol", [BIND] = "bind_addr",
	[LOCAL] = "local_addr", [DOOR] = "listen_addr",
	[DIRECT] = "direct_listen_addr", [PORT] = "listen_port",
};

struct object {
	struct slice	v[WORDS];	/* p NULL: not there */
	struct slice	key;		/* under which it stands */
	bool		disabled, object;
	bool		hit;		/* it, or something inside */
	struct slice	hit_key, hit_name;
};

struct walk {
	struct object	 stack[JSCAN_DEPTH + 1];
	size_t		 depth;
	const char	*protocol, *except;
	unsigned	 port;
};

static bool
on_port(const struct walk *w, struct slice addr)
{
	return addr.p != NULL && tunnel_addr_port(addr) == w->port;
}

static bool
is_protocol(const struct walk *w, struct slice protocol)
{
	return protocol.p != NULL && slice_eq(protocol, w->protocol);
}

/* The end that traffic leaves the manager's view at does not listen. */
static bool
tunnel_listens(const struct walk *w, const struct object *o)
{
	if (w->except != NULL && o->v[ID].p != NULL &&
	    slice_eq(o->v[ID], w->except))
		return false;
	if (strcmp(w->protocol, "udp") == 0 && on_port(w, o->v[DIRECT]))
		return true;
	return slice_eq(o->v[DIRECTION], "egress") &&
	    is_protocol(w, o->v[PROTOCOL]) && on_port(w, o->v[LOCAL]);
}

static bool
object_listens(const struct walk *w, const struct object *o)
{
	uint64_t port;

	if (o->v[DIRECTION].p != NULL)
		return tunnel_listens(w, o);
	if (strcmp(w->protocol, "udp") == 0)
		return on_port(w, o->v[BIND]) || on_port(w, o->v[LOCAL]);
	return on_port(w, o->v[DOOR]) || (o->v[PORT].p != NULL &&
	    slice_u64(o->v[PORT], 65535, &port) == 0 && port == w->port);
}

/* An object or array ends: what it says goes to the one around it. */
static void
leave(struct walk *w)
{
	struct object *o = &w->stack[w->depth], *up;

	if (o->object && !o->hit && object_listens(w, o)) {
		o->hit = true;
		o->hit_key = o->key;
		o->hit_name = o->v[NAME].p != NULL ? o->v[NAME] : o->v[ID];
	}
	if (o->hit && o->hit_name.p == NULL)
		o->hit_name = o->v[NAME];	/* of the flow around it */
	up = &w->stack[--w->depth];
	if (!o->hit || o->disabled || up->hit)
		return;
	up->hit = true;
	up->hit_key = o->hit_key;
	up->hit_name = o->hit_name;
}

static void
enter(struct walk *w, bool object, struct slice key)
{
	struct object *o = &w->stack[++w->depth];

	memset(o, 0, sizeof(*o));
	o->object = object;
	o->key = key;
}

static void
value(struct walk *w, enum jscan_tok t, const struct jscan *js,
    struct slice key)
{
	struct object *o = &w->stack[w->depth];
	size_t i;

	if (!o->object)
		return;
	if (t == JSCAN_FALSE && slice_eq(key, "enabled"))
		o->disabled = true;
	if ((t != JSCAN_STRING && t != JSCAN_NUMBER) || js->escaped ||
	    js->text.n > WORD_MAX)
		return;
	for (i = 0; i < WORDS; i++)
		if (slice_eq(key, words[i]))
			o->v[i] = js->text;
}

bool
ports_taken(struct slice config, const char *protocol, unsigned port,
    const char *except, struct buf *who_r)
{
	struct walk w = { .depth = 0, .protocol = protocol,
	    .except = except, .port = port };
	struct slice key = { "", 0 };
	struct jscan js;
	enum jscan_tok t;

	jscan_init(&js, config.p, config.n);
	while ((t = jscan_next(&js)) != JSCAN_END && t != JSCAN_BAD) {
		if (t == JSCAN_KEY)
			key = js.text;
		else if (t == JSCAN_OBJECT || t == JSCAN_ARRAY)
			enter(&w, t == JSCAN_OBJECT, key);
		else if (t == JSCAN_OBJECT_END || t == JSCAN_ARRAY_END)
			leave(&w);
		else
			value(&w, t, &js, key);
	}
	if (t == JSCAN_BAD || !w.stack[0].hit)
		return false;
	buf_printf(who_r, "%.*s", (int)w.stack[0].hit_key.n,
	    w.stack[0].hit_key.p);
	if (w.stack[0].hit_name.p != NULL)
		buf_printf(who_r, " %.*s", (int)w.stack[0].hit_name.n,
		    w.stack[0].hit_name.p);
	return true;
}
