/*
 * stmt_tunnel: tunnels. A row of mast.tunnels is the wish; triggers make the
 * plan of it (sql/0009), hubd carries it out.
 */
#include "db.h"
#include "stmt.h"
#include "stmt_sql.h"

/* Seen from either end or from the relay ... */
#define PASSES(t, n) " ($" n "::uuid[] IS NULL" \
    " OR " t ".ingress_node_id = ANY($" n "::uuid[])" \
    " OR " t ".egress_node_id = ANY($" n "::uuid[])" \
    " OR " t ".relay_node_id = ANY($" n "::uuid[]))"
/* ... and changed by who sees both ends. */
#define OWNS(t, n) "(EXISTS (SELECT FROM mast.nodes x" \
    " WHERE x.id = " t ".ingress_node_id AND" SEES("x.id", n) ")" \
    " AND EXISTS (SELECT FROM mast.nodes x" \
    " WHERE x.id = " t ".egress_node_id AND" SEES("x.id", n) "))"

/* Whole seconds, as the contract has them. */
#define SECONDS(t) "to_char(" t " AT TIME ZONE 'UTC'," \
    " 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"

#define MEMBERS "'id', v.id, 'name', v.name, 'protocol', v.protocol," \
    " 'mode', v.mode, 'ingress_node_id', v.ingress_node_id," \
    " 'ingress_listen_port', v.ingress_listen_port," \
    " 'egress_node_id', v.egress_node_id," \
    " 'egress_forward_addr', v.egress_forward_addr," \
    " 'egress_peer_addr', v.egress_peer_addr," \
    " 'relay_addr', v.relay_addr, 'relay_addrs', v.relay_addrs," \
    " 'relay_node_id', v.relay_node_id, 'status', v.status," \
    " 'associated_flow_ids', v.associated_flow_ids," \
    " 'ingress_push_status', coalesce(v.ingress_status, 'pending')," \
    " 'egress_push_status', coalesce(v.egress_status, 'pending')," \
    " 'relay_push_status', v.relay_status," \
    " 'ingress_push_error', v.ingress_error," \
    " 'egress_push_error', v.egress_error," \
    " 'relay_push_error', v.relay_error"

#define OBJECT "json_build_object(" MEMBERS ", 'created_at', " \
    SECONDS("v.created_at") ", 'updated_at', " SECONDS("v.updated_at") ")"

/* A token may see fewer nodes than its owner. */
#define LISTED(n) "coalesce(json_agg(json_build_object(" MEMBERS \
    ", 'ingress_node_name', CASE WHEN" SEES("v.ingress_node_id", n) \
    " THEN v.ingress_node_name END, 'egress_node_name', CASE WHEN" \
    SEES("v.egress_node_id", n) " THEN v.egress_node_name END)" \
    " ORDER BY v.created_at DESC, v.id DESC), '[]'::json)"

/* What is not as it should be, leg by leg; NULL if all is. */
#define WARN(leg) "CASE WHEN v." leg "_status <> 'pushed' THEN '" leg ": '" \
    " || coalesce(v." leg "_error, 'not confirmed yet') END"
#define WARNINGS "(SELECT json_agg(w) FROM unnest(ARRAY[" WARN("relay") \
    ", " WARN("ingress") ", " WARN("egress") "]) w WHERE w IS NOT NULL)"

/* What the audit shows: never the secrets. */
#define EDITED(t) "jsonb_build_object('name', " t ".name," \
    " 'status', " t ".status, 'protocol', " t ".protocol," \
    " 'mode', " t ".mode, 'ingress_node_id', " t ".ingress_node_id," \
    " 'ingress_listen_port', " t ".ingress_listen_port," \
    " 'egress_node_id', " t ".egress_node_id," \
    " 'egress_forward_addr', " t ".egress_forward_addr," \
    " 'egress_peer_addr', " t ".egress_peer_addr," \
    " 'relay_node_id', " t ".relay_node_id," \
    " 'relay_addrs', " t ".relay_addrs," \
    " 'associated_flow_ids', " t ".associated_flow_ids)"

/* Sealed, hash, whether a command may have changed it since. */
#define CONFIG(a) a "blob.sealed, " a "blob.hash, " a "state.config_stale"
#define CONFIG_OF(a, node) \
    " LEFT JOIN mast.node_configs " a "conf ON " a "conf.node_id = " node \
    " LEFT JOIN mast.config_blobs " a "blob" \
    " ON " a "blob.hash = " a "conf.reported" \
    " LEFT JOIN mast.node_state " a "state ON " a "state.node_id = " node

const struct db_stmt stmt_tunnel[DB_ROW(STMT_TUNNEL__END)] = {
	[DB_ROW(STMT_TUNNEL_LIST)] = { "tunnel_list",
	    "SELECT json_build_object('tunnels', " LISTED("1") ")"
	    " FROM mast.tunnel_view v WHERE" PASSES("v", "1"),
	    1, DB_READ | DB_ACTOR },
	[DB_ROW(STMT_TUNNEL_OF_NODE)] = { "tunnel_of_node",
	    "SELECT CASE WHEN EXISTS (SELECT FROM mast.nodes n"
	    " WHERE n.id = $1::uuid AND" SEES("n.id", "2") ") THEN"
	    " (SELECT json_build_object('tunnels', " LISTED("2") ")"
	    " FROM mast.tunnel_view v WHERE $1::uuid IN"
	    " (v.ingress_node_id, v.egress_node_id, v.relay_node_id)) END",
	    2, DB_READ | DB_ACTOR },
	[DB_ROW(STMT_TUNNEL_GET)] = { "tunnel_get",
	    "SELECT " OBJECT ", v.version, v.busy, " WARNINGS
	    " FROM mast.tunnel_view v WHERE v.id = $1::uuid AND"
	    PASSES("v", "2"), 2, DB_READ | DB_ACTOR },
	[DB_ROW(STMT_TUNNEL_ENDS)] = { "tunnel_ends",
	    "SELECT i.device_type, e.device_type, r.device_type,"
	    " coalesce(nullif(rs.last_health->>'public_quic_addr', ''),"
	    " rs.last_health->>'quic_addr'), "
	    CONFIG("i") ", " CONFIG("e")
	    " FROM (VALUES (1)) one"
	    " LEFT JOIN mast.nodes i ON i.id = $1::uuid AND"
	    SEES("i.id", "4")
	    " LEFT JOIN mast.nodes e ON e.id = $2::uuid AND"
	    SEES("e.id", "4")
	    " LEFT JOIN mast.nodes r ON r.id = $3::uuid AND"
	    SEES("r.id", "4")
	    " LEFT JOIN mast.node_state rs ON rs.node_id = r.id"
	    CONFIG_OF("i", "i.id") CONFIG_OF("e", "e.id"),
	    4, DB_READ | DB_ACTOR },
	[DB_ROW(STMT_TUNNEL_READ)] = { "tunnel_read",
	    "SELECT t.mode, t.protocol, t.ingress_node_id,"
	    " t.ingress_listen_port, t.relay_node_id, " OWNS("t", "2") ", "
	    CONFIG("i") " FROM mast.tunnels t"
	    CONFIG_OF("i", "t.ingress_node_id")
	    " WHERE t.id = $1::uuid AND" PASSES("t", "2"),
	    2, DB_READ | DB_ACTOR },
	/* id, access, name, protocol, mode, ingress, port, egress, forward,
	 * peer, relays, relay node, secrets, flows, address, request */
	[DB_ROW(STMT_TUNNEL_CREATE)] = { "tunnel_create",
	    "WITH q AS (SELECT $6::uuid AS ingress_node_id,"
	    " $8::uuid AS egress_node_id),"
	    " n AS (INSERT INTO mast.tunnels (id, name, protocol, mode,"
	    " ingress_node_id, ingress_listen_port, egress_node_id,"
	    " egress_forward_addr, egress_peer_addr, relay_addrs,"
	    " relay_node_id, secrets, associated_flow_ids)"
	    " SELECT $1::uuid, $3, $4, $5, q.ingress_node_id, $7::integer,"
	    " q.egress_node_id, $9, $10, $11::text[], $12::uuid, $13::bytea,"
	    " $14::text[] FROM q WHERE " OWNS("q", "2") " RETURNING *),"
	    " a AS (" AUDIT("tunnel.create", "tunnel", "n.id", EDITED("n"),
	    "15", "16", "n") ")"
	    " SELECT n.id FROM n", 16, DB_ACTOR },
	/* id, access, version or NULL, name, status, relays, port, forward,
	 * peer and whether it is given, flows and whether, address,
	 * request: NULL keeps. A change of any kind is a new plan. */
	[DB_ROW(STMT_TUNNEL_UPDATE)] = { "tunnel_update",
	    "WITH o AS (SELECT t.*, " OWNS("t", "2") " AS own"
	    " FROM mast.tunnels t WHERE t.id = $1::uuid AND"
	    PASSES("t", "2") "),"
	    " n AS (UPDATE mast.tunnels t SET name = coalesce($4, t.name),"
	    " status = CASE WHEN coalesce($5, t.status) = 'disabled'"
	    " THEN 'disabled' ELSE 'pending' END,"
	    " relay_addrs = coalesce($6::text[], t.relay_addrs),"
	    " ingress_listen_port = coalesce($7::integer,"
	    " t.ingress_listen_port),"
	    " egress_forward_addr = coalesce($8, t.egress_forward_addr),"
	    " egress_peer_addr = CASE WHEN $10::boolean THEN $9"
	    " ELSE t.egress_peer_addr END,"
	    " associated_flow_ids = CASE WHEN $12::boolean THEN $11::text[]"
	    " ELSE t.associated_flow_ids END,"
	    " updated_at = now(), version = t.version + 1"
	    " FROM o WHERE t.id = o.id AND o.own"
	    " AND ($3::bigint IS NULL OR t.version = $3::bigint)"
	    " RETURNING t.*),"
	    " a AS (" AUDIT("tunnel.update", "tunnel", "n.id",
	    "jsonb_build_object('before', " EDITED("o") ", 'after', "
	    EDITED("n") ")", "13", "14", "n, o") ")"
	    " SELECT n.id, o.id IS NOT NULL, o.own FROM (VALUES (1)) one"
	    " LEFT JOIN o ON true LEFT JOIN n ON true", 14, DB_ACTOR },
	/* id, access, version or NULL, address, request */
	[DB_ROW(STMT_TUNNEL_DELETE)] = { "tunnel_delete",
	    "WITH o AS (SELECT t.*, " OWNS("t", "2") " AS own"
	    " FROM mast.tunnels t WHERE t.id = $1::uuid AND"
	    PASSES("t", "2") "),"
	    " n AS (DELETE FROM mast.tunnels t USING o WHERE t.id = o.id"
	    " AND o.own AND ($3::bigint IS NULL OR t.version = $3::bigint)"
	    " RETURNING t.*),"
	    " a AS (" AUDIT("tunnel.delete", "tunnel", "n.id", EDITED("n"),
	    "4", "5", "n") ")"
	    " SELECT n.id, o.id IS NOT NULL, o.own FROM (VALUES (1)) one"
	    " LEFT JOIN o ON true LEFT JOIN n ON true", 5, DB_ACTOR },
};
