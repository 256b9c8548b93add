/* stmt_command: the command journal. */
#include "db.h"
#include "stmt.h"
#include "stmt_sql.h"

/*
 * $1 command, $2 node, $3 access, $4 type, $5 sealed action, $6 seconds until
 * it may not be sent any more, $7 address, $8 request, $9 whether it may wait
 * for the node, $10 the role it takes. A queue has its bound: then there is a
 * node and no command.
 */
#define OPEN(hash) \
    "WITH n AS (SELECT x.id, x.name FROM mast.nodes x" \
    " WHERE x.id = $2::uuid AND" SEES("x.id", "3") ")," \
    " c AS (INSERT INTO mast.commands (id, node_id, node_name, type," \
    " action, actor_user, actor_name, actor_token, request_id," \
    " expires_at, queue, min_role, config_hash)" \
    " SELECT $1::uuid, n.id, n.name, $4, $5::bytea, w.id, w.username," \
    " mast.actor_token(), $8, now() + make_interval(secs => $6::integer), $9::boolean," \
    " $10::mast.role, " hash \
    " FROM n, mast.users w WHERE w.id = mast.actor()" \
    " AND (NOT $9::boolean OR (SELECT count(*) FROM mast.commands q" \
    " WHERE q.node_id = $2::uuid AND q.state = 'queued') < 100)" \
    " RETURNING id, node_id),"
#define OPENED " SELECT n.id, c.id FROM n LEFT JOIN c ON true"

/*
 * One that is to go out now is on the disk with the hub's claim, which is
 * committed before a byte leaves and behind this in the log: to wait for the
 * disk twice would only be slower. One that may wait is answered first.
 */
#define SOON ", set_config('synchronous_commit', CASE WHEN $9::boolean" \
    " THEN current_setting('synchronous_commit') ELSE 'off' END, true)"
#define OPENED_SOON " SELECT n.id, c.id" SOON " FROM n LEFT JOIN c ON true"

const struct db_stmt stmt_command[DB_ROW(STMT_COMMAND__END)] = {
	[DB_ROW(STMT_COMMAND_OPEN)] = { "command_open",
	    OPEN("NULL")
	    " a AS (" AUDIT("node.command", "node", "c.node_id",
	    "jsonb_build_object('command_id', c.id, 'type', $4::text)",
	    "7", "8", "c") ")" OPENED_SOON, 10, DB_ACTOR },
	/* and $11 hash, $12 sealed text, $13 size, $14 dialect */
	[DB_ROW(STMT_CONFIG_PUSH)] = { "config_push",
	    OPEN("$11::bytea")
	    " a AS (" AUDIT("node.config.update", "node", "c.node_id",
	    "jsonb_build_object('command_id', c.id, 'sha256',"
	    " encode($11::bytea, 'hex'))", "7", "8", "c") "),"
	    " blob AS (INSERT INTO mast.config_blobs (hash, sealed, size,"
	    " dialect) SELECT $11::bytea, $12::bytea, $13::integer,"
	    " $14::integer FROM c ON CONFLICT DO NOTHING),"
	    " last AS (SELECT v.hash FROM mast.config_versions v"
	    " WHERE v.node_id = $2::uuid ORDER BY v.id DESC LIMIT 1),"
	    " fresh AS (INSERT INTO mast.config_versions (node_id, hash,"
	    " source, actor_user) SELECT c.node_id, $11::bytea, 'pushed',"
	    " mast.actor() FROM c WHERE NOT EXISTS (SELECT FROM last"
	    " WHERE last.hash = $11::bytea)),"
	    " tried AS (INSERT INTO mast.node_configs (node_id, attempted,"
	    " attempted_at) SELECT c.node_id, $11::bytea, now() FROM c"
	    " ON CONFLICT (node_id) DO UPDATE SET attempted ="
	    " excluded.attempted, attempted_at = excluded.attempted_at,"
	    " attempt_error = NULL)" OPENED, 14, DB_ACTOR },
	/* node, access, state, type, limit, after. The journal outlives its
	 * node: then it is there while it has rows. */
	[DB_ROW(STMT_COMMAND_LIST)] = { "command_list",
	    "SELECT " PAGE_JSON("5") ", " PAGE_KEY("p.seq", "5")
	    ", count(*) > 0 OR EXISTS (SELECT FROM mast.nodes x"
	    " WHERE x.id = $1::uuid) OR EXISTS (SELECT FROM mast.commands c"
	    " WHERE c.node_id = $1::uuid) FROM (SELECT v.json, v.seq,"
	    " row_number() OVER (ORDER BY v.seq DESC) AS n"
	    " FROM mast.command_view v WHERE v.node_id = $1::uuid AND"
	    SEES("v.node_id", "2")
	    " AND ($3::mast.command_state IS NULL"
	    " OR v.state = $3::mast.command_state)"
	    " AND ($4::text IS NULL OR v.type = $4)"
	    " AND v.seq < coalesce($6::bigint, 9223372036854775807)"
	    " ORDER BY n" PAGE_LIMIT("5") ") p", 6, DB_READ | DB_ACTOR },
	[DB_ROW(STMT_COMMAND_GET)] = { "command_get",
	    "SELECT v.json FROM mast.command_view v WHERE v.id = $1::uuid"
	    " AND v.node_id = $2::uuid AND" SEES("v.node_id", "3"),
	    3, DB_READ | DB_ACTOR },
	/* The lock makes what was written before it wait for the disk. */
	[DB_ROW(STMT_COMMAND_KEPT)] = { "command_kept",
	    "SELECT c.id FROM mast.commands c WHERE c.id = $1::uuid"
	    " FOR UPDATE", 1, DB_ACTOR },
	/* Whoever comes first, this or the hub, has the row. */
	[DB_ROW(STMT_COMMAND_CANCEL)] = { "command_cancel",
	    "WITH o AS (SELECT c.id, c.state FROM mast.commands c"
	    " WHERE c.id = $1::uuid AND c.node_id = $2::uuid AND"
	    SEES("c.node_id", "3") "),"
	    " n AS (UPDATE mast.commands c SET state = 'cancelled',"
	    " done_at = now(), error = 'cancelled by ' || w.username"
	    " FROM o, mast.users w WHERE c.id = o.id AND c.state = 'queued'"
	    " AND w.id = mast.actor() RETURNING c.id, c.node_id, c.type),"
	    " a AS (" AUDIT("node.command.cancel", "node", "n.node_id",
	    "jsonb_build_object('command_id', n.id, 'type', n.type)",
	    "4", "5", "n") ")"
	    " SELECT o.state, n.id IS NOT NULL FROM o LEFT JOIN n ON true",
	    5, DB_ACTOR },
	/* Nodes that were named and are not there, or not the caller's, have
	 * an id and nothing else. */
	[DB_ROW(STMT_BULK_PICK)] = { "bulk_pick",
	    "WITH v AS (SELECT x.id, x.name, x.device_type, x.status::text"
	    " FROM mast.node_view x WHERE ($1::uuid[] IS NULL"
	    " OR x.id = ANY($1::uuid[])) AND" SEES("x.id", "2")
	    " AND ($3::text IS NULL OR x.device_type = $3)"
	    " AND ($4::text IS NULL OR x.status::text = $4)"
	    " AND ($5::text IS NULL OR x.name ILIKE $5))"
	    " SELECT p.id, p.name, p.device_type, p.status FROM ("
	    "SELECT * FROM v UNION ALL SELECT DISTINCT q, NULL, NULL, NULL"
	    " FROM unnest($1::uuid[]) q"
	    " WHERE NOT EXISTS (SELECT FROM v WHERE v.id = q)) p"
	    " ORDER BY p.name COLLATE \"C\", p.id LIMIT 201",
	    5, DB_READ | DB_ACTOR },
	/* arrays of commands, nodes, sealed actions, roles; access, type,
	 * seconds, address, request */
	[DB_ROW(STMT_BULK_OPEN)] = { "bulk_open",
	    "WITH n AS (SELECT u.*, x.name FROM unnest($1::uuid[],"
	    " $2::uuid[], $3::bytea[], $4::text[])"
	    " AS u(command, node, action, role)"
	    " JOIN mast.nodes x ON x.id = u.node WHERE" SEES("x.id", "5")
	    " AND (SELECT count(*) FROM mast.commands q WHERE q.node_id ="
	    " u.node AND q.state = 'queued') < 100),"
	    " c AS (INSERT INTO mast.commands (id, node_id, node_name, type,"
	    " action, actor_user, actor_name, actor_token, request_id,"
	    " expires_at, queue, min_role)"
	    " SELECT n.command, n.node, n.name, $6, n.action, w.id,"
	    " w.username, mast.actor_token(), $9, now() +"
	    " make_interval(secs => $7::integer), true, n.role::mast.role"
	    " FROM n, mast.users w WHERE w.id = mast.actor()"
	    " RETURNING id, node_id),"
	    " a AS (" AUDIT("node.command", "node", "c.node_id",
	    "jsonb_build_object('command_id', c.id, 'type', $6::text,"
	    " 'bulk', true)", "8", "9", "c") ")"
	    " SELECT c.id FROM c", 9, DB_ACTOR },
};
