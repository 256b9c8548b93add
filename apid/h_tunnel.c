/*
 * h_tunnel: tunnels. A change is written first, with its audit row; the
 * triggers of the table make the plan and hubd tells the nodes. The answer
 * waits for them a bounded time and says what is true then. Owns the rules
 * of the members and the wait.
 */
#include <stddef.h>
#include <stdlib.h>

#include "apid.h"
#include "arg.h"
#include "buf.h"
#include "db.h"
#include "h_tunnel.h"
#include "hub.h"
#include "jscan.h"
#include "json.h"
#include "log.h"
#include "ports.h"
#include "req.h"
#include "secret.h"
#include "stmt.h"
#include "timer.h"
#include "tunnel.h"
#include "valid.h"
#include "xmalloc.h"

#define LOOK_MS		50		/* between two looks, at first */
#define LOOK_MAX_MS	400
#define FLOWS_MAX	64

struct body {
	struct slice		name, protocol, mode, status;
	struct slice		ingress, egress, relay_node;
	struct slice		forward, peer, relay_addr, relay_addrs, flows;
	int64_t			port;
	struct json_state	has_port, has_peer, has_flows;
};

/* req->state while a change is on its way. */
struct job {
	struct id	id, ingress;
	const char	*text;			/* the id's */
	const char	*protocol;
	unsigned	 port;
	struct db_arg	 relays, flows, if_match;
	void		(*go)(struct req *);	/* the port is free */
	mono_us		 until;
	unsigned	 look_ms;
};

static const char *const protocols[] = { "tcp", "udp", NULL };
static const char *const modes[] = { "relay", "direct", NULL };
/* What can be asked for: "pending" is "active" that is not there yet. */
static const char *const wishes[] = { "active", "pending", "disabled", NULL };

#define STRING(n, member, flag, rule) \
	{ .name = n, .type = JSON_STRING, .flags = flag, \
	  .offset = offsetof(struct body, member), .valid = rule }
#define UUID(n, member, flag) \
	{ .name = n, .type = JSON_UUID, .flags = flag, \
	  .offset = offsetof(struct body, member) }
#define PORT(flag) \
	{ .name = "ingress_listen_port", .type = JSON_INT, .flags = flag, \
	  .offset = offsetof(struct body, port), .min = 1, .max = 65535, \
	  .state = offsetof(struct body, has_port) }
#define PEER \
	{ .name = "egress_peer_addr", .type = JSON_STRING, \
	  .flags = JSON_NULLABLE, .offset = offsetof(struct body, peer), \
	  .state = offsetof(struct body, has_peer), .valid = tunnel_addr }
#define FLOWS \
	{ .name = "associated_flow_ids", .type = JSON_ANY, \
	  .flags = JSON_NULLABLE, .offset = offsetof(struct body, flows), \
	  .state = offsetof(struct body, has_flows) }
#define RELAYS \
	STRING("relay_addr", relay_addr, 0, tunnel_addr), \
	{ .name = "relay_addrs", .type = JSON_ANY, .flags = JSON_NULLABLE, \
	  .offset = offsetof(struct body, relay_addrs) }

static const struct json_field create_fields[] = {
	STRING("name", name, JSON_REQUIRED, valid_name),
	{ .name = "protocol", .type = JSON_ENUM, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct body, protocol), .names = protocols },
	{ .name = "mode", .type = JSON_ENUM, .flags = JSON_REQUIRED,
	  .offset = offsetof(struct body, mode), .names = modes },
	UUID("ingress_node_id", ingress, JSON_REQUIRED),
	PORT(JSON_REQUIRED),
	UUID("egress_node_id", egress, JSON_REQUIRED),
	STRING("egress_forward_addr", forward, JSON_REQUIRED, tunnel_addr),
	PEER, RELAYS,
	UUID("relay_node_id", relay_node, 0),
	FLOWS,
};
const struct json_schema h_tunnel_create_body =
    { create_fields, nitems(create_fields), .open = true };
const size_t h_tunnel_create_size = sizeof(struct body);

static const struct json_field update_fields[] = {
	STRING("name", name, 0, valid_name),
	{ .name = "status", .type = JSON_ENUM,
	  .offset = offsetof(struct body, status), .names = wishes },
	PORT(0),
	STRING("egress_forward_addr", forward, 0, tunnel_addr),
	PEER, RELAYS, FLOWS,
};
const struct json_schema h_tunnel_update_body =
    { update_fields, nitems(update_fields), .open = true };
const size_t h_tunnel_update_size = sizeof(struct body);

/* ---- members that a field table cannot say ---- */

static void
fault(struct json_faults *f, const char *pointer, const char *detail)
{
	if (f->n < JSON_FAULTS)
		f->v[f->n++] = (struct json_fault){ pointer, detail };
}

/* An array of 1 to max strings as text[]; absent or null: SQL NULL. */
static struct db_arg
strings(struct req *req, struct slice raw, const char *pointer, size_t max,
    const char *(*valid)(struct slice), struct json_faults *faults)
{
	struct buf b = BUF_INIT;
	struct jscan js;
	struct slice s;
	const char *rule = NULL, *text;
	enum jscan_tok t;
	char *dst;
	size_t n = 0;

	if (raw.p == NULL || raw.p[0] == 'n')
		return db_null();
	jscan_init(&js, raw.p, raw.n);
	if (jscan_next(&js) != JSCAN_ARRAY)
		rule = "must be an array of strings";
	db_array_begin(&b);
	while (rule == NULL && (t = jscan_next(&js)) != JSCAN_ARRAY_END) {
		if (t != JSCAN_STRING || ++n > max) {
			rule = n > max ? "has too many elements" :
			    "must be an array of strings";
			break;
		}
		dst = arena_alloc(req->arena, js.text.n + 1);
		s = (struct slice){ dst, (size_t)jscan_unescape(dst,
		    js.text.n, js.text) };
		if ((rule = valid(s)) == NULL)
			db_array_text(&b, s);
	}
	db_array_end(&b);
	if (rule == NULL && n == 0 && max == TUNNEL_RELAYS)
		rule = "must not be empty";
	text = arena_strdup(req->arena, buf_cstr(&b));
	buf_free(&b);
	if (rule == NULL)
		return db_str(text);
	fault(faults, pointer, rule);
	return db_null();
}

/* One address, or both of a pair of relays. */
static struct db_arg
relays(struct req *req, struct slice list, struct slice one,
    struct json_faults *faults)
{
	struct db_arg arg = strings(req, list, "/relay_addrs", TUNNEL_RELAYS,
	    tunnel_addr, faults);
	struct buf b = BUF_INIT;

	if (arg.p != NULL || one.p == NULL)
		return arg;
	db_array_begin(&b);
	db_array_text(&b, one);
	db_array_end(&b);
	arg = db_str(arena_strdup(req->arena, buf_cstr(&b)));
	buf_free(&b);
	return arg;
}

static struct job *
job_new(struct req *req, struct json_faults *faults)
{
	const struct body *b = req->body;
	struct job *j = arena_calloc(req->arena, sizeof(*j));

	req->state = j;
	j->relays = relays(req, b->relay_addrs, b->relay_addr, faults);
	j->flows = strings(req, b->flows, "/associated_flow_ids", FLOWS_MAX,
	    valid_name, faults);
	j->look_ms = LOOK_MS;
	return j;
}

/* ---- the wait for the nodes ---- */

static void look(void *);

/* Columns: json, version, busy, warnings. */
static void
answer(struct req *req, const struct db_result *res)
{
	struct slice object = db_get(res, 0, 0);
	const char *text;

	req_etag_version(req, db_i64(res, 0, 1));
	if (db_isnull(res, 0, 3)) {
		req_json(req, 200, object);
		return;
	}
	text = arena_printf(req->arena, "%.*s,\"warnings\":%s}",
	    (int)object.n - 1, object.p, db_cstr(res, 0, 3));
	req_json(req, 200, slice_of(text));
}

static void
looked(struct req *req, const struct db_result *res)
{
	struct job *j = req->state;

	if (db_rows(res) != 1)
		req_fail(req, ERR_NOT_FOUND, "the tunnel was deleted "
		    "meanwhile");
	else if (db_bool(res, 0, 2) && mono_now() < j->until) {
		timer_set(req->apid->timers, &req->wait,
		    j->look_ms * MONO_MS);
		if ((j->look_ms *= 2) > LOOK_MAX_MS)
			j->look_ms = LOOK_MAX_MS;
	} else
		answer(req, res);
}

static void
look(void *arg)
{
	struct req *req = arg;
	const struct job *j = req->state;
	const struct db_arg args[] = { db_str(j->text), arg_access(req) };

	req_db(req, STMT_TUNNEL_GET, args, nitems(args), looked);
}

/* The plan is stored: from here on it happens, whoever waits. */
static void
await(struct req *req)
{
	struct job *j = req->state;

	hub_node_changed(req->apid->hub, &j->ingress, MSG_NODE_TUNNEL);
	j->until = mono_now() + H_TUNNEL_WAIT_MS * MONO_MS;
	timer_init(&req->wait, look, req);
	timer_set(req->apid->timers, &req->wait, j->look_ms * MONO_MS);
}

/* False: answered. The rules that only the table knows. */
static bool
stored(struct req *req, const struct db_result *res)
{
	static const struct { const char *rule, *pointer, *detail; } clash[] =
	{
		{ "tunnels_listen_key", "/ingress_listen_port",
		  "is the port of another tunnel on the ingress node" },
		{ "tunnels_peer_key", "/egress_peer_addr",
		  "has the port of another tunnel on the egress node" },
	};
	size_t i;

	if (db_err(res) == ERR_OK)
		return true;
	for (i = 0; i < nitems(clash); i++)
		if (slice_eq(slice_of(db_constraint(res)), clash[i].rule)) {
			req_fault(req, ERR_DUPLICATE, clash[i].pointer,
			    clash[i].detail);
			return false;
		}
	if (slice_eq(slice_of(db_constraint(res)), "tunnels_per_node"))
		req_fail(req, ERR_CONFLICT, "one of the nodes has as many "
		    "tunnels as are allowed (500 at an end, 10000 at a "
		    "relay)");
	else
		req_db_fail(req, res);
	return false;
}

/* ---- ports that the node's own configuration has ---- */

/* False: answered with 409. */
static bool
port_free(struct req *req, struct slice config, const char *protocol,
    unsigned port, const char *pointer)
{
	const struct job *j = req->state;
	struct buf who = BUF_INIT;
	bool taken = ports_taken(config, protocol, port, j->text, &who);

	if (taken)
		req_fault(req, ERR_CONFLICT, pointer,
		    arena_printf(req->arena, "is in use on the node: %s %u "
		    "of %s", protocol, port, buf_cstr(&who)));
	buf_free(&who);
	return !taken;
}

/* Columns from col: sealed, hash, stale. False: there is none that is sure
 * to be the present one. */
static bool
config_open(struct req *req, const struct db_result *res, int col,
    struct buf *text)
{
	size_t n = db_get(res, 0, col).n / 2 + 1;
	uint8_t *sealed, hash[SECRET_HASH];
	bool ok = false;
	long got;

	if (db_isnull(res, 0, col) || db_bool(res, 0, col + 2))
		return false;
	sealed = xmalloc(n);
	got = db_bytea(res, 0, col, sealed, n);
	if (got > 0 && db_bytea(res, 0, col + 1, hash, sizeof(hash)) ==
	    sizeof(hash))
		ok = secret_open(req->apid->key, "config", sealed,
		    (size_t)got, (struct slice){ (const char *)hash,
		    sizeof(hash) }, text) == 0;
	free(sealed);
	if (!ok)
		log_error("%s: a stored configuration cannot be opened with "
		    "the server key", req->id);
	return ok;
}

/* A node that does not tell is not asked to wait for: it refuses a port
 * that it has itself, and the plan is taken back. */
static void
port_asked(void *arg, enum err err, struct ipc_msg *msg)
{
	struct req *req = arg;
	struct job *j = req->state;
	struct msg_config config;

	req->ipc = NULL;
	if (err != ERR_OK || msg->type != MSG_CONFIG ||
	    !msg_get_config(&msg->in, &config) ||
	    port_free(req, config.text, j->protocol, j->port,
	    "/ingress_listen_port"))
		j->go(req);
}

static void
port_check(struct req *req, const struct db_result *res, int col)
{
	struct job *j = req->state;
	struct buf text = BUF_INIT;

	if (config_open(req, res, col, &text)) {
		if (port_free(req, buf_slice(&text), j->protocol, j->port,
		    "/ingress_listen_port"))
			j->go(req);
	} else if (hub_up(req->apid->hub))
		hub_config(req, &j->ingress, port_asked);
	else
		j->go(req);
	secret_buf_free(&text);
}

/* ---- reading ---- */

static void
answer_list(struct req *req, const struct db_result *res)
{
	req_json_db(req, 200, res, 0, 0);
}

void
h_tunnel_list(struct req *req)
{
	const struct db_arg args[] = { arg_access(req) };

	req_db(req, STMT_TUNNEL_LIST, args, nitems(args), answer_list);
}

void
h_tunnel_of_node(struct req *req)
{
	const struct db_arg args[] = { arg_node(req), arg_access(req) };

	req_db(req, STMT_TUNNEL_OF_NODE, args, nitems(args), answer_list);
}

static void
answer_one(struct req *req, const struct db_result *res)
{
	if (db_rows(res) != 1) {
		req_fail(req, ERR_NOT_FOUND, "there is no such tunnel");
		return;
	}
	req_etag_version(req, db_i64(res, 0, 1));
	req_json_db(req, 200, res, 0, 0);
}

void
h_tunnel_get(struct req *req)
{
	const struct db_arg args[] = { arg_param(req, 0), arg_access(req) };

	req_db(req, STMT_TUNNEL_GET, args, nitems(args), answer_one);
}

/* ---- making one ---- */

static void
created(struct req *req, const struct db_result *res)
{
	if (!stored(req, res))
		return;
	if (db_rows(res) == 1)
		await(req);
	else			/* rights or nodes went meanwhile */
		req_fail(req, ERR_NODE_FORBIDDEN, NULL);
}

static void
create(struct req *req)
{
	const struct body *b = req->body;
	struct job *j = req->state;
	struct tunnel_secrets secrets;
	struct buf sealed = BUF_INIT;

	tunnel_secrets_make(&secrets);
	tunnel_secrets_seal(req->apid->key, &j->id, &secrets, &sealed);
	secret_wipe(&secrets, sizeof(secrets));
	const struct db_arg args[] = {
		db_str(j->text), arg_access(req), db_slice(b->name),
		db_slice(b->protocol), db_slice(b->mode),
		db_slice(b->ingress), arg_i64(req, b->port),
		db_slice(b->egress), db_slice(b->forward), db_slice(b->peer),
		j->relays, db_slice(b->relay_node),
		db_bytes(buf_head(&sealed), buf_used(&sealed)), j->flows,
		db_str(req->address), db_str(req->id),
	};
	req_db_any(req, STMT_TUNNEL_CREATE, args, nitems(args), created);
	buf_free(&sealed);
}

static void
end_check(const struct db_result *res, int col, const char *type,
    const char *pointer, struct json_faults *faults)
{
	if (db_isnull(res, 0, col))
		fault(faults, pointer, "is not the id of a node of yours");
	else if (!slice_eq(db_get(res, 0, col), type))
		fault(faults, pointer, slice_eq(slice_of(type), "edge") ?
		    "must be a node of type edge" :
		    "must be a node of type relay");
}

/* What the relay says of itself, if others can reach that. */
static void
relay_derive(struct req *req, const struct db_result *res,
    struct json_faults *faults)
{
	static const char *const nowhere[] = { "0.0.0.0:", "127.", "[::]:",
	    "[::1]:", "localhost:" };
	struct job *j = req->state;
	struct slice addr = db_get(res, 0, 3);
	bool ok = !db_isnull(res, 0, 3) && tunnel_addr(addr) == NULL;
	size_t i, n;

	for (i = 0; i < nitems(nowhere) && ok; i++) {
		n = slice_of(nowhere[i]).n;
		ok = addr.n < n || !slice_eq((struct slice){ addr.p, n },
		    nowhere[i]);
	}
	if (ok)
		j->relays = relays(req, (struct slice){ NULL, 0 }, addr,
		    faults);
	else
		fault(faults, "/relay_addr", "is required: the relay does "
		    "not tell an address that others can reach");
}

/* Columns: see STMT_TUNNEL_ENDS. */
static void
ends(struct req *req, const struct db_result *res)
{
	const struct body *b = req->body;
	struct job *j = req->state;
	struct json_faults faults = { .n = 0 };
	struct buf text = BUF_INIT;
	bool ok = true;

	end_check(res, 0, "edge", "/ingress_node_id", &faults);
	end_check(res, 1, "edge", "/egress_node_id", &faults);
	if (b->relay_node.p != NULL)
		end_check(res, 2, "relay", "/relay_node_id", &faults);
	if (slice_eq(b->mode, "relay") && j->relays.p == NULL &&
	    faults.n == 0)
		relay_derive(req, res, &faults);
	if (faults.n > 0) {
		req_faults(req, ERR_INVALID, &faults);
		return;
	}
	if (slice_eq(b->mode, "direct") && config_open(req, res, 7, &text))
		ok = port_free(req, buf_slice(&text), "udp",
		    tunnel_addr_port(b->peer), "/egress_peer_addr");
	secret_buf_free(&text);
	if (ok)
		port_check(req, res, 4);
}

void
h_tunnel_create(struct req *req)
{
	const struct body *b = req->body;
	struct json_faults faults = { .n = 0 };
	struct job *j = job_new(req, &faults);

	if (slice_same(b->ingress, b->egress))
		fault(&faults, "/egress_node_id",
		    "must be another node than the ingress node");
	if (slice_eq(b->mode, "relay") && b->relay_node.p == NULL)
		fault(&faults, "/relay_node_id", "is required in relay mode");
	if (slice_eq(b->mode, "direct") && b->peer.p == NULL)
		fault(&faults, "/egress_peer_addr",
		    "is required in direct mode");
	if (faults.n > 0) {
		req_faults(req, ERR_INVALID, &faults);
		return;
	}
	id_random(&j->id);
	j->text = arg_id(req, &j->id).p;
	(void)id_parse(&j->ingress, b->ingress);
	j->protocol = arena_strndup(req->arena, b->protocol.p, b->protocol.n);
	j->port = (unsigned)b->port;
	j->go = create;
	const struct db_arg args[] = { db_slice(b->ingress),
	    db_slice(b->egress), db_slice(b->relay_node), arg_access(req) };

	req_db(req, STMT_TUNNEL_ENDS, args, nitems(args), ends);
}

/* ---- changing one ---- */

/* Columns: id, found, own. */
static bool
changed(struct req *req, const struct db_result *res)
{
	if (db_rows(res) == 1 && !db_isnull(res, 0, 0))
		return true;
	if (db_rows(res) != 1 || !db_bool(res, 0, 1))
		req_fail(req, ERR_NOT_FOUND, "there is no such tunnel");
	else if (!db_bool(res, 0, 2))
		req_fail(req, ERR_NODE_FORBIDDEN, "a tunnel is changed by "
		    "who may access both its ends");
	else
		req_fail(req, ERR_PRECONDITION, NULL);
	return false;
}

static void
updated(struct req *req, const struct db_result *res)
{
	if (stored(req, res) && changed(req, res))
		await(req);
}

static void
update(struct req *req)
{
	const struct body *b = req->body;
	struct job *j = req->state;
	const struct db_arg args[] = {
		db_str(j->text), arg_access(req), j->if_match,
		db_slice(b->name), db_slice(b->status), j->relays,
		b->has_port.present ? arg_i64(req, b->port) : db_null(),
		db_slice(b->forward), db_slice(b->peer),
		arg_bool(b->has_peer.present), j->flows,
		arg_bool(b->has_flows.present), db_str(req->address),
		db_str(req->id),
	};

	req_db_any(req, STMT_TUNNEL_UPDATE, args, nitems(args), updated);
}

/* Columns: mode, protocol, ingress, port, relay, own, configuration. */
static void
read_for_update(struct req *req, const struct db_result *res)
{
	const struct body *b = req->body;
	struct job *j = req->state;
	bool direct;

	if (db_rows(res) != 1) {
		req_fail(req, ERR_NOT_FOUND, "there is no such tunnel");
		return;
	}
	direct = slice_eq(db_get(res, 0, 0), "direct");
	if (!db_bool(res, 0, 5)) {
		req_fail(req, ERR_NODE_FORBIDDEN, "a tunnel is changed by "
		    "who may access both its ends");
		return;
	}
	if (!direct && db_isnull(res, 0, 4)) {
		req_fail(req, ERR_CONFLICT, "the relay node of this tunnel "
		    "was deleted: delete the tunnel and make a new one");
		return;
	}
	if (direct && b->has_peer.null) {
		req_fault(req, ERR_INVALID, "/egress_peer_addr",
		    "is required in direct mode");
		return;
	}
	(void)db_id(res, 0, 2, &j->ingress);
	j->protocol = arena_strdup(req->arena, db_cstr(res, 0, 1));
	j->port = (unsigned)b->port;
	j->go = update;
	if (b->has_port.present && b->port != db_i64(res, 0, 3))
		port_check(req, res, 6);
	else
		update(req);
}

void
h_tunnel_update(struct req *req)
{
	struct json_faults faults = { .n = 0 };
	struct job *j = job_new(req, &faults);

	if (faults.n > 0) {
		req_faults(req, ERR_INVALID, &faults);
		return;
	}
	if (!arg_if_match(req, &j->if_match))
		return;
	j->id = req->params.v[0].id;
	j->text = arg_id(req, &j->id).p;
	const struct db_arg args[] = { db_str(j->text), arg_access(req) };

	req_db(req, STMT_TUNNEL_READ, args, nitems(args), read_for_update);
}

/* ---- deleting one ---- */

static void
deleted(struct req *req, const struct db_result *res)
{
	if (!changed(req, res))
		return;
	hub_node_changed(req->apid->hub, &req->params.v[0].id,
	    MSG_NODE_TUNNEL);
	req_json(req, 200, SLICE("{\"deleted\":true}"));
}

void
h_tunnel_delete(struct req *req)
{
	struct db_arg if_match;

	if (!arg_if_match(req, &if_match))
		return;
	const struct db_arg args[] = { arg_param(req, 0), arg_access(req),
	    if_match, db_str(req->address), db_str(req->id) };

	req_db(req, STMT_TUNNEL_DELETE, args, nitems(args), deleted);
}
