/*
 * simtunnel: what edges and relays do with tunnels. An edge keeps its
 * tunnels, a relay only as long as it is connected; both refuse what their
 * models would refuse.
 */
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "xmalloc.h"

static bool
tunnel_hex(struct slice object, const char *key)
{
	struct slice v;
	size_t i;

	if (!json_find(object, key, &v) || v.n != 64)
		return false;
	for (i = 0; i < v.n; i++)
		if (strchr("0123456789abcdef", v.p[i]) == NULL)
			return false;
	return true;
}

static size_t
tunnel_at(const struct sim_node *nd, struct slice id)
{
	size_t i;

	for (i = 0; i < nd->ntunnels; i++)
		if (slice_eq(id, nd->tunnels[i].id))
			break;
	return i;
}

static void
tunnel_add(struct sim_node *nd, struct slice id)
{
	if (tunnel_at(nd, id) < nd->ntunnels)
		return;
	nd->tunnels = xreallocarray(nd->tunnels, nd->ntunnels + 1,
	    sizeof(*nd->tunnels));
	memcpy(nd->tunnels[nd->ntunnels].id, id.p, id.n);
	nd->tunnels[nd->ntunnels++].id[id.n] = '\0';
	nd->sim->b.tunnels++;
}

static bool
tunnel_drop(struct sim_node *nd, struct slice id)
{
	size_t i = tunnel_at(nd, id);

	if (i == nd->ntunnels)
		return false;
	nd->tunnels[i] = nd->tunnels[--nd->ntunnels];
	nd->sim->b.tunnels--;
	return true;
}

void
tunnel_down(struct sim_node *nd)
{
	if (nd->kind != KIND_RELAY)
		return;
	nd->sim->b.tunnels -= nd->ntunnels;
	nd->ntunnels = 0;
}

/* NULL: accepted, or no matter of tunnels. */
const char *
tunnel_command(struct sim_node *nd, struct slice type, struct slice action)
{
	bool relay = nd->kind == KIND_RELAY;
	bool make = slice_eq(type, relay ? "authorize_tunnel" :
	    "create_tunnel");
	bool undo = slice_eq(type, relay ? "revoke_tunnel" : "delete_tunnel");
	struct slice object = action, id;

	if (!make && !undo)
		return NULL;
	if (make && !relay && !json_find(action, "tunnel", &object))
		return "missing field `tunnel`";
	if (!json_find(object, make && !relay ? "id" : "tunnel_id", &id) ||
	    id.n != 36)
		return "Invalid UUID";
	if (undo)
		return tunnel_drop(nd, id) || relay ? NULL :
		    "Tunnel 'x' not found";
	if (relay ? !tunnel_hex(action, "ingress_token") ||
	    !tunnel_hex(action, "egress_token") :
	    !tunnel_hex(object, "tunnel_encryption_key") ||
	    !tunnel_hex(object, "tunnel_bind_secret"))
		return "a token or secret is missing";
	tunnel_add(nd, id);
	return NULL;
}
