/* stmt_node: nodes and their configurations. */
#include "db.h"
#include "stmt.h"
#include "stmt_sql.h"

/* What people edit, as the audit shows it. */
#define EDITED(row) "jsonb_build_object('name', " row ".name," \
    " 'description', " row ".description, 'expires_at', " row ".expires_at)"

/* type, access, status, LIKE pattern of the name */
#define LISTED " ($1::text IS NULL OR v.device_type = $1) AND" \
    SEES("v.id", "2") \
    " AND ($3::text IS NULL OR v.status = $3::mast.node_status)" \
    " AND ($4::text IS NULL OR v.name ILIKE $4)"

const struct db_stmt stmt_node[DB_ROW(STMT_NODE__END)] = {
	[DB_ROW(STMT_NODE_LIST)] = { "node_list",
	    "SELECT coalesce(json_agg(v.json ORDER BY v.name COLLATE \"C\","
	    " v.id), '[]'::json) FROM mast.node_view v WHERE" LISTED,
	    4, DB_READ | DB_ACTOR },
	/* LISTED, limit, name and id of the last row seen */
	[DB_ROW(STMT_NODE_PAGE)] = { "node_page",
	    "SELECT " PAGE_JSON("5") ", " PAGE_KEY("p.name", "5") ", "
	    PAGE_KEY("p.id", "5") " FROM (SELECT v.json, v.name, v.id,"
	    " row_number() OVER w AS n FROM mast.node_view v WHERE" LISTED
	    " AND (v.name COLLATE \"C\", v.id) > (coalesce($6::text, ''),"
	    " coalesce($7::uuid, '00000000-0000-0000-0000-000000000000'))"
	    " WINDOW w AS (ORDER BY v.name COLLATE \"C\", v.id)"
	    " ORDER BY v.name COLLATE \"C\", v.id" PAGE_LIMIT("5") ") p",
	    7, DB_READ | DB_ACTOR },
	[DB_ROW(STMT_NODE_GET)] = { "node_get",
	    "SELECT v.json, v.version FROM mast.node_view v"
	    " WHERE v.id = $1::uuid AND" SEES("v.id", "2"),
	    2, DB_READ | DB_ACTOR },
	/* id, name, description, type, expiry, token hash, address, request,
	 * seconds that the token lives */
	[DB_ROW(STMT_NODE_CREATE)] = { "node_create",
	    "WITH n AS (INSERT INTO mast.nodes (id, name, description,"
	    " device_type, expires_at) VALUES ($1::uuid, $2, $3, $4,"
	    " $5::timestamptz) RETURNING *),"
	    " t AS (INSERT INTO mast.node_tokens (token_hash, node_id,"
	    " expires_at) SELECT $6::bytea, n.id,"
	    " now() + make_interval(secs => $9::bigint) FROM n),"
	    " a AS (" AUDIT("node.create", "node", "n.id",
	    EDITED("n") " || jsonb_build_object('device_type', n.device_type)",
	    "7", "8", "n") ")"
	    " SELECT " NODE_JSON("'pending'", "NULL", "NULL", "NULL")
	    ", n.version, n.id FROM n", 9, DB_ACTOR },
	/* node, access, version or NULL, name or NULL, description and
	 * whether it is given, expiry and whether, address, request */
	[DB_ROW(STMT_NODE_UPDATE)] = { "node_update",
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
	[DB_ROW(STMT_NODE_DELETE)] = { "node_delete",
	    "WITH o AS (SELECT * FROM mast.nodes x WHERE x.id = $1::uuid AND"
	    SEES("x.id", "2") "),"
	    " n AS (DELETE FROM mast.nodes x USING o WHERE x.id = o.id AND"
	    " ($3::bigint IS NULL OR x.version = $3::bigint) RETURNING x.*),"
	    " a AS (" AUDIT("node.delete", "node", "n.id", EDITED("n"),
	    "4", "5", "n") ")"
	    " SELECT CASE WHEN n.id IS NOT NULL THEN '{}'::json END,"
	    " n.version, o.id IS NOT NULL FROM (VALUES (1)) one"
	    " LEFT JOIN o ON true LEFT JOIN n ON true", 5, DB_ACTOR },
	[DB_ROW(STMT_NODE_TOKEN)] = { "node_token",
	    "WITH n AS (SELECT x.id, x.name FROM mast.nodes x"
	    " WHERE x.id = $1::uuid AND" SEES("x.id", "2") "),"
	    " r AS (UPDATE mast.node_tokens k SET revoked_at = now() FROM n"
	    " WHERE k.node_id = n.id AND k.used_at IS NULL"
	    " AND k.revoked_at IS NULL),"
	    " t AS (INSERT INTO mast.node_tokens (token_hash, node_id,"
	    " expires_at) SELECT $3::bytea, n.id,"
	    " now() + make_interval(secs => $6::bigint) FROM n),"
	    " a AS (" AUDIT("node.token", "node", "n.id",
	    "jsonb_build_object('name', n.name)", "4", "5", "n") ")"
	    " SELECT n.id FROM n", 6, DB_ACTOR },
	[DB_ROW(STMT_NODE_TYPE)] = { "node_type",
	    "SELECT x.device_type FROM mast.nodes x WHERE x.id = $1::uuid AND"
	    SEES("x.id", "2"), 2, DB_READ | DB_ACTOR },
	[DB_ROW(STMT_CONFIG_GET)] = { "config_get",
	    "SELECT b.sealed, b.hash, greatest(0,"
	    " extract(epoch FROM now() - c.reported_at))::bigint,"
	    " mast.rfc3339(c.reported_at), x.device_type FROM mast.nodes x"
	    " LEFT JOIN mast.node_configs c ON c.node_id = x.id"
	    " LEFT JOIN mast.config_blobs b ON b.hash = c.reported"
	    " WHERE x.id = $1::uuid AND" SEES("x.id", "2"),
	    2, DB_READ | DB_ACTOR },

	/* access, the last page's name and node or NULL, types. A page ends
	 * at 200 nodes or with the configuration that makes 4 MiB full. */
	[DB_ROW(STMT_ENDPOINTS)] = { "endpoints",
	    "SELECT p.id, p.name, p.device_type, p.sealed, p.hash FROM ("
	    "SELECT v.id, v.name, v.device_type, b.sealed, b.hash,"
	    " sum(b.size) OVER w AS bytes, row_number() OVER w AS n"
	    " FROM mast.node_view v"
	    " JOIN mast.node_configs c ON c.node_id = v.id"
	    " JOIN mast.config_blobs b ON b.hash = c.reported"
	    " WHERE v.status IN ('online', 'degraded')"
	    " AND v.device_type = ANY($4::text[]) AND" SEES("v.id", "1")
	    " AND (v.name COLLATE \"C\", v.id) > (coalesce($2, '')"
	    " COLLATE \"C\", coalesce($3::uuid,"
	    " '00000000-0000-0000-0000-000000000000'))"
	    " WINDOW w AS (ORDER BY v.name COLLATE \"C\", v.id)"
	    " ORDER BY v.name COLLATE \"C\", v.id LIMIT 200) p"
	    " WHERE p.n = 1 OR p.bytes <= 4194304 ORDER BY p.n",
	    4, DB_READ | DB_ACTOR },
};
