/* stmt: the SQL of apid. Table order is that of enum stmt. */
#include "db.h"
#include "stmt.h"
#include "xmalloc.h"

/* The caller's nodes as $n, NULL for all: the first fence. */
#define SEES(column, n) " ($" n "::uuid[] IS NULL OR " column \
    " = ANY($" n "::uuid[]))"

/* An audit row of the acting user, once per row of "from". */
#define AUDIT(action, type, target, details, address, request, from) \
    "INSERT INTO mast.audit (actor_kind, actor_user, actor_name, action," \
    " target_type, target_id, details, address, request_id)" \
    " SELECT 'user', w.id, w.username, '" action "', '" type "', " target \
    "::text, " details ", $" address "::inet, $" request \
    " FROM " from ", mast.users w WHERE w.id = mast.actor()"

/* What people edit, as the audit shows it. */
#define EDITED(row) "jsonb_build_object('name', " row ".name," \
    " 'description', " row ".description, 'expires_at', " row ".expires_at)"

/* The REST object of a row n of mast.nodes that this statement wrote, with
 * the hub's part of it: mast.node_view would still show the row before. */
#define NODE_JSON(status, seen, health, software) \
    "json_build_object('id', n.id, 'name', n.name," \
    " 'description', n.description, 'device_type', n.device_type," \
    " 'status', " status ", 'last_seen_at', " seen "," \
    " 'last_health', " health ", 'software_version', " software "," \
    " 'metadata', n.metadata, 'expires_at', mast.rfc3339(n.expires_at)," \
    " 'created_at', mast.rfc3339(n.created_at)," \
    " 'updated_at', mast.rfc3339(n.updated_at))"

static const struct db_stmt stmts[] = {
	[STMT_VERSIONS] = { "versions",
	    "SELECT name, value FROM mast.versions", 0, DB_READ },
	[STMT_SETTINGS] = { "settings",
	    "SELECT key, value FROM mast.settings", 0, DB_READ },

	/* Before anybody is known: functions that run as the owner. */
	[STMT_LOGIN_USER] = { "login_user",
	    "SELECT id, password_hash, CASE WHEN NOT is_active THEN 'disabled'"
	    " WHEN expired THEN 'expired' END, \"user\""
	    " FROM mast.signin_lookup($1)", 1, DB_READ },
	[STMT_LOGIN_FAILED] = { "login_failed",
	    "INSERT INTO mast.audit (actor_kind, actor_user, actor_name,"
	    " action, target_type, target_id, details, address, request_id)"
	    " VALUES ('user', $2::uuid, left($1, 64), 'auth.login_failed',"
	    " 'user', $2::uuid::text, jsonb_build_object('username',"
	    " left($1, 64), 'why', $3::text), $4::inet, $5)", 5, 0 },
	[STMT_SESSION_OPEN] = { "session_open",
	    "SELECT expires_us, lifetime_secs FROM mast.session_open($1::uuid,"
	    " $2::uuid, $3::bytea, $4::inet, $5, $6)", 6, 0 },
	[STMT_SESSION_LOOKUP] = { "session_lookup",
	    "SELECT user_id, session_id, username, role, all_nodes, node_ids,"
	    " least(expires_us, user_expires_us)"
	    " FROM mast.session_lookup($1::bytea)"
	    " WHERE is_active AND NOT expired AND NOT revoked", 1, DB_READ },
	[STMT_SESSION_CLOSE] = { "session_close",
	    "SELECT mast.session_close($1::bytea, $2::inet, $3)", 3, 0 },
	[STMT_ME] = { "me",
	    "SELECT json_build_object('user', \"user\", 'csrf_token', $2::text,"
	    " 'session', json_build_object('id', session_id, 'expires_at',"
	    " mast.rfc3339(to_timestamp(expires_us / 1e6))))"
	    " FROM mast.session_lookup($1::bytea)", 2, DB_READ },

	[STMT_NODE_LIST] = { "node_list",
	    "SELECT coalesce(json_agg(v.json ORDER BY v.name COLLATE \"C\","
	    " v.id), '[]'::json) FROM mast.node_view v"
	    " WHERE ($1::text IS NULL OR v.device_type = $1) AND"
	    SEES("v.id", "2"), 2, DB_READ | DB_ACTOR },
	[STMT_NODE_GET] = { "node_get",
	    "SELECT v.json, v.version FROM mast.node_view v"
	    " WHERE v.id = $1::uuid AND" SEES("v.id", "2"),
	    2, DB_READ | DB_ACTOR },
	/* id, name, description, type, expiry, token hash, address, request */
	[STMT_NODE_CREATE] = { "node_create",
	    "WITH n AS (INSERT INTO mast.nodes (id, name, description,"
	    " device_type, expires_at) VALUES ($1::uuid, $2, $3, $4,"
	    " $5::timestamptz) RETURNING *),"
	    " t AS (INSERT INTO mast.node_tokens (token_hash, node_id,"
	    " expires_at) SELECT $6::bytea, n.id, now() + interval '24 hours'"
	    " FROM n),"
	    " a AS (" AUDIT("node.create", "node", "n.id",
	    EDITED("n") " || jsonb_build_object('device_type', n.device_type)",
	    "7", "8", "n") ")"
	    " SELECT " NODE_JSON("'pending'", "NULL", "NULL", "NULL")
	    ", n.version, n.id FROM n", 8, DB_ACTOR },
	/* node, access, version or NULL, name or NULL, description and
	 * whether it is given, expiry and whether, address, request */
	[STMT_NODE_UPDATE] = { "node_update",
	    "WITH o AS (SELECT * FROM mast.nodes x WHERE x.id = $1::uuid AND"
	    SEES("x.id", "2") "),"
	    " n AS (UPDATE mast.nodes x SET name = coalesce($4, x.name),"
	    " description = CASE WHEN $6::boolean THEN $5"
	    " ELSE x.description END,"
	    " expires_at = CASE WHEN $8::boolean THEN $7::timestamptz"
	    " ELSE x.expires_at END, updated_at = now(),"
	    " version = x.version + 1 FROM o WHERE x.id = o.id AND"
	    " ($3::bigint IS NULL OR x.version = $3::bigint) RETURNING x.*),"
	    " a AS (" AUDIT("node.update", "node", "n.id",
	    "jsonb_build_object('before', " EDITED("o") ", 'after', "
	    EDITED("n") ")", "9", "10", "n, o") ")"
	    " SELECT CASE WHEN n.id IS NOT NULL THEN "
	    NODE_JSON("v.status", "mast.rfc3339(v.last_seen_at)",
	    "v.last_health", "v.software_version") " END, n.version,"
	    " o.id IS NOT NULL FROM (VALUES (1)) one LEFT JOIN o ON true"
	    " LEFT JOIN n ON true LEFT JOIN mast.node_view v ON v.id = n.id",
	    10, DB_ACTOR },
	/* node, access, version or NULL, address, request */
	[STMT_NODE_DELETE] = { "node_delete",
	    "WITH o AS (SELECT * FROM mast.nodes x WHERE x.id = $1::uuid AND"
	    SEES("x.id", "2") "),"
	    " n AS (DELETE FROM mast.nodes x USING o WHERE x.id = o.id AND"
	    " ($3::bigint IS NULL OR x.version = $3::bigint) RETURNING x.*),"
	    " a AS (" AUDIT("node.delete", "node", "n.id", EDITED("n"),
	    "4", "5", "n") ")"
	    " SELECT CASE WHEN n.id IS NOT NULL THEN '{}'::json END,"
	    " n.version, o.id IS NOT NULL FROM (VALUES (1)) one"
	    " LEFT JOIN o ON true LEFT JOIN n ON true", 5, DB_ACTOR },
	[STMT_NODE_TOKEN] = { "node_token",
	    "WITH n AS (SELECT x.id, x.name FROM mast.nodes x"
	    " WHERE x.id = $1::uuid AND" SEES("x.id", "2") "),"
	    " r AS (UPDATE mast.node_tokens k SET revoked_at = now() FROM n"
	    " WHERE k.node_id = n.id AND k.used_at IS NULL"
	    " AND k.revoked_at IS NULL),"
	    " t AS (INSERT INTO mast.node_tokens (token_hash, node_id,"
	    " expires_at) SELECT $3::bytea, n.id, now() + interval '24 hours'"
	    " FROM n),"
	    " a AS (" AUDIT("node.token", "node", "n.id",
	    "jsonb_build_object('name', n.name)", "4", "5", "n") ")"
	    " SELECT n.id FROM n", 5, DB_ACTOR },
	[STMT_NODE_TYPE] = { "node_type",
	    "SELECT x.device_type FROM mast.nodes x WHERE x.id = $1::uuid AND"
	    SEES("x.id", "2"), 2, DB_READ | DB_ACTOR },
	[STMT_CONFIG_GET] = { "config_get",
	    "SELECT b.sealed, b.hash, greatest(0,"
	    " extract(epoch FROM now() - c.reported_at))::bigint,"
	    " mast.rfc3339(c.reported_at) FROM mast.nodes x"
	    " LEFT JOIN mast.node_configs c ON c.node_id = x.id"
	    " LEFT JOIN mast.config_blobs b ON b.hash = c.reported"
	    " WHERE x.id = $1::uuid AND" SEES("x.id", "2"),
	    2, DB_READ | DB_ACTOR },

	/* command, node, access, type, sealed action, seconds until it may
	 * not be sent any more, address, request */
	[STMT_COMMAND_OPEN] = { "command_open",
	    "WITH n AS (SELECT x.id, x.name FROM mast.nodes x"
	    " WHERE x.id = $2::uuid AND" SEES("x.id", "3") "),"
	    " c AS (INSERT INTO mast.commands (id, node_id, node_name, type,"
	    " action, actor_user, actor_name, request_id, expires_at)"
	    " SELECT $1::uuid, n.id, n.name, $4, $5::bytea, w.id, w.username,"
	    " $8, now() + make_interval(secs => $6::integer)"
	    " FROM n, mast.users w WHERE w.id = mast.actor()),"
	    " a AS (" AUDIT("node.command", "node", "n.id",
	    "jsonb_build_object('command_id', $1::uuid, 'type', $4::text)",
	    "7", "8", "n") ")"
	    " SELECT n.id FROM n", 8, DB_ACTOR },

	/* access, node, severity, category, flow, LIKE pattern, from, to,
	 * limit, offset */
	[STMT_EVENT_LIST] = { "event_list",
	    "SELECT coalesce(json_agg(p.json ORDER BY p.created_at DESC,"
	    " p.id DESC), '[]'::json) FROM (SELECT v.json, v.created_at, v.id"
	    " FROM mast.event_view v WHERE" SEES("v.node_id", "1")
	    " AND ($2::uuid IS NULL OR v.node_id = $2::uuid)"
	    " AND ($3::text IS NULL OR v.severity = $3::mast.severity)"
	    " AND ($4::text IS NULL OR v.category = $4)"
	    " AND ($5::text IS NULL OR v.flow_id = $5)"
	    " AND ($6::text IS NULL OR v.message ILIKE $6"
	    " OR v.category ILIKE $6 OR v.node_id::text ILIKE $6"
	    " OR v.severity::text ILIKE $6)"
	    " AND ($7::timestamptz IS NULL OR v.created_at >= $7::timestamptz)"
	    " AND ($8::timestamptz IS NULL OR v.created_at <= $8::timestamptz)"
	    " ORDER BY v.created_at DESC, v.id DESC"
	    " LIMIT $9::bigint OFFSET $10::bigint) p",
	    10, DB_READ | DB_ACTOR },
	[STMT_EVENT_ACK] = { "event_ack",
	    "WITH n AS (UPDATE mast.events e SET acknowledged_at = now(),"
	    " acknowledged_by = u.id, ack_name = u.username FROM mast.users u"
	    " WHERE u.id = mast.actor() AND e.id = $1::bigint AND"
	    SEES("e.node_id", "2") " RETURNING e.id, e.node_id),"
	    " a AS (" AUDIT("event.ack", "event", "n.id",
	    "jsonb_build_object('node_id', n.node_id)", "3", "4", "n") ")"
	    " SELECT n.id FROM n", 4, DB_ACTOR },
	[STMT_EVENT_COUNT] = { "event_count",
	    "SELECT json_build_object('count', count(*)) FROM mast.events e"
	    " WHERE e.acknowledged_at IS NULL AND e.severity <> 'info' AND"
	    SEES("e.node_id", "1"), 1, DB_READ | DB_ACTOR },
};

_Static_assert(nitems(stmts) == STMT__MAX, "a statement has no text");

const struct db_stmt *
stmt_table(size_t *n_r)
{
	*n_r = nitems(stmts);
	return stmts;
}

void
stmt_dump(struct buf *b)
{
	size_t i;

	for (i = 0; i < nitems(stmts); i++)
		buf_printf(b, "%s/%u%s%s%s: %s\n", stmts[i].name,
		    stmts[i].nparams,
		    stmts[i].flags & DB_READ ? " read" : "",
		    stmts[i].flags & DB_ACTOR ? " actor" : "",
		    stmts[i].flags & DB_BULK ? " bulk" : "", stmts[i].sql);
}
