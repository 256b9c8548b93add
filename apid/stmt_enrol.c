/* stmt_enrol: who may connect, and with what. */
#include "db.h"
#include "stmt.h"
#include "stmt_sql.h"

/*
 * $1 node, $2 access, $3 version or NULL, $4 address, $5 request. "set" is
 * what changes, "when" the state that it needs; found and unchanged is
 * another version, or that state already.
 */
#define HOLD(set, when, action, details) \
    "WITH o AS (SELECT * FROM mast.nodes x WHERE x.id = $1::uuid AND" \
    SEES("x.id", "2") ")," \
    " n AS (UPDATE mast.nodes x SET " set ", updated_at = now()," \
    " version = x.version + 1 FROM o, mast.users w WHERE x.id = o.id" \
    " AND w.id = mast.actor() AND x.quarantined_at " when \
    " AND ($3::bigint IS NULL OR x.version = $3::bigint) RETURNING x.*)," \
    " a AS (" AUDIT(action, "node", "n.id", details, "4", "5", "n, o") ")" \
    " SELECT CASE WHEN n.id IS NOT NULL THEN " \
    NODE_JSON("v.status", "mast.rfc3339(v.last_seen_at)", \
    "v.last_health", "v.software_version") " END, n.version," \
    " o.id IS NOT NULL FROM (VALUES (1)) one LEFT JOIN o ON true" \
    " LEFT JOIN n ON true LEFT JOIN mast.node_view v ON v.id = n.id"

/* An uptime that the node did not tell, or not as a number, is none. */
#define UPTIME "CASE json_typeof(st.last_health -> 'uptime_secs')" \
    " WHEN 'number' THEN (st.last_health ->> 'uptime_secs')" \
    "::double precision END"

const struct db_stmt stmt_enrol[DB_ROW(STMT_ENROL__END)] = {
	/* and $6 reason */
	[DB_ROW(STMT_QUARANTINE)] = { "quarantine",
	    HOLD("quarantined_at = now(), quarantined_by = w.username,"
	    " quarantine_reason = $6", "IS NULL", "node.quarantine",
	    "jsonb_build_object('name', n.name, 'reason',"
	    " n.quarantine_reason)"), 6, DB_ACTOR },
	[DB_ROW(STMT_RELEASE)] = { "release",
	    HOLD("quarantined_at = NULL, quarantined_by = NULL,"
	    " quarantine_reason = NULL", "IS NOT NULL", "node.release",
	    "jsonb_build_object('name', n.name, 'reason',"
	    " o.quarantine_reason, 'since', o.quarantined_at)"),
	    5, DB_ACTOR },

	/*
	 * command, node, access, type, sealed action, seconds to live,
	 * address, request, queue, minimum role, hash of the new secret,
	 * whether the node must have been restarted since it registered.
	 * Not before the node has signed in with a secret once: one that
	 * registered in this session would undo it (a secret that was never
	 * used is the newest, so the session is the registering one).
	 */
	[DB_ROW(STMT_SECRET_ROTATE)] = { "secret_rotate",
	    "WITH n AS (SELECT x.id, x.name, CASE WHEN NOT EXISTS (SELECT"
	    " FROM mast.node_secrets s WHERE s.node_id = x.id"
	    " AND s.first_used_at IS NOT NULL) THEN 'the node has not signed"
	    " in with its secret yet: rotate after its next connection'"
	    " WHEN $12::boolean AND (st.last_seen_at - make_interval(secs => "
	    UPTIME ") > (SELECT max(t.used_at) FROM mast.node_tokens t"
	    " WHERE t.node_id = x.id)) IS NOT TRUE THEN 'the node must be"
	    " restarted once after its registration before its secret can be"
	    " rotated' END AS why FROM mast.nodes x"
	    " LEFT JOIN mast.node_state st ON st.node_id = x.id"
	    " WHERE x.id = $2::uuid AND" SEES("x.id", "3") "),"
	    " c AS (INSERT INTO mast.commands (id, node_id, node_name, type,"
	    " action, actor_user, actor_name, request_id, expires_at, queue,"
	    " min_role, secret_hash)"
	    " SELECT $1::uuid, n.id, n.name, $4, $5::bytea, w.id, w.username,"
	    " $8, now() + make_interval(secs => $6::integer), $9::boolean,"
	    " $10::mast.role, $11::bytea FROM n, mast.users w"
	    " WHERE w.id = mast.actor() AND n.why IS NULL"
	    " RETURNING id, node_id),"
	    " s AS (INSERT INTO mast.node_secrets (node_id, secret_hash)"
	    " SELECT c.node_id, $11::bytea FROM c),"
	    " a AS (" AUDIT("node.secret.rotate", "node", "c.node_id",
	    "jsonb_build_object('command_id', c.id)", "7", "8", "c") ")"
	    " SELECT n.id, c.id, n.why FROM n LEFT JOIN c ON true",
	    12, DB_ACTOR },
};
