/* stmt_place: preferences and positions of the acting user. */
#include "db.h"
#include "stmt.h"
#include "stmt_sql.h"

const struct db_stmt stmt_place[DB_ROW(STMT_PLACE__END)] = {
	[DB_ROW(STMT_PREFERENCE_GET)] = { "preference_get",
	    "SELECT json_build_object('value', p.value)"
	    " FROM mast.preferences p WHERE p.user_id = mast.actor()"
	    " AND p.key = $1", 1, DB_READ | DB_ACTOR },
	/* The value is the user's own: its size is enough for the audit. */
	[DB_ROW(STMT_PREFERENCE_PUT)] = { "preference_put",
	    "WITH n AS (INSERT INTO mast.preferences (user_id, key, value)"
	    " VALUES (mast.actor(), $1, $2) ON CONFLICT (user_id, key)"
	    " DO UPDATE SET value = excluded.value, updated_at = now()"
	    " RETURNING key, octet_length(value) AS bytes),"
	    " a AS (" AUDIT("preference.set", "preference", "n.key",
	    "jsonb_build_object('bytes', n.bytes)", "3", "4", "n") ")"
	    " SELECT n.key FROM n", 4, DB_ACTOR },
	[DB_ROW(STMT_PREFERENCE_DELETE)] = { "preference_delete",
	    "WITH n AS (DELETE FROM mast.preferences p"
	    " WHERE p.user_id = mast.actor() AND p.key = $1"
	    " RETURNING p.key, octet_length(p.value) AS bytes),"
	    " a AS (" AUDIT("preference.delete", "preference", "n.key",
	    "jsonb_build_object('bytes', n.bytes)", "2", "3", "n") ")"
	    " SELECT n.key FROM n", 3, DB_ACTOR },
	[DB_ROW(STMT_POSITIONS_GET)] = { "positions_get",
	    "SELECT json_build_object('positions',"
	    " coalesce(json_object_agg(p.node_id,"
	    " json_build_object('x', p.x, 'y', p.y) ORDER BY p.node_id),"
	    " '{}'::json)) FROM mast.positions p"
	    " WHERE p.user_id = mast.actor() AND p.view = $1 AND"
	    SEES("p.node_id", "2"), 2, DB_READ | DB_ACTOR },
	/* view, nodes, x, y, access, address, request id: a node that is
	 * not the caller's to place, and then nothing is changed; else no
	 * row. Places of nodes that the caller no longer sees go too. */
	[DB_ROW(STMT_POSITIONS_PUT)] = { "positions_put",
	    "WITH g AS (SELECT * FROM unnest($2::uuid[], $3::float8[],"
	    " $4::float8[]) AS g(node, x, y)),"
	    " bad AS (SELECT g.node FROM g WHERE NOT EXISTS (SELECT"
	    " FROM mast.nodes n WHERE n.id = g.node AND" SEES("n.id", "5")
	    ") LIMIT 1),"
	    " d AS (DELETE FROM mast.positions p"
	    " WHERE p.user_id = mast.actor() AND p.view = $1"
	    " AND NOT EXISTS (SELECT FROM bad)"
	    " AND NOT EXISTS (SELECT FROM g WHERE g.node = p.node_id)),"
	    " i AS (INSERT INTO mast.positions (user_id, view, node_id, x, y)"
	    " SELECT mast.actor(), $1, g.node, g.x, g.y FROM g"
	    " WHERE NOT EXISTS (SELECT FROM bad)"
	    " ON CONFLICT (user_id, view, node_id)"
	    " DO UPDATE SET x = excluded.x, y = excluded.y),"
	    " n AS (SELECT count(*) AS nodes FROM g"
	    " HAVING NOT EXISTS (SELECT FROM bad)),"
	    " a AS (" AUDIT("positions.set", "positions", "$1",
	    "jsonb_build_object('nodes', n.nodes)", "6", "7", "n") ")"
	    " SELECT bad.node FROM bad", 7, DB_ACTOR },
	[DB_ROW(STMT_POSITIONS_DELETE)] = { "positions_delete",
	    "WITH d AS (DELETE FROM mast.positions p"
	    " WHERE p.user_id = mast.actor() AND p.view = $1"
	    " RETURNING p.node_id),"
	    " n AS (SELECT count(*) AS nodes FROM d HAVING count(*) > 0),"
	    " a AS (" AUDIT("positions.delete", "positions", "$1",
	    "jsonb_build_object('nodes', n.nodes)", "2", "3", "n") ")"
	    " SELECT n.nodes FROM n", 3, DB_ACTOR },
};
