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
    " action, actor_user, actor_name, request_id, expires_at, queue," \
    " min_role, config_hash)" \
    " SELECT $1::uuid, n.id, n.name, $4, $5::bytea, w.id, w.username," \
    " $8, now() + make_interval(secs => $6::integer), $9::boolean," \
    " $10::mast.role, " hash \
    " FROM n, mast.users w WHERE w.id = mast.actor()" \
    " AND (NOT $9::boolean OR (SELECT count(*) FROM mast.commands q" \
    " WHERE q.node_id = $2::uuid AND q.state = 'queued') < 100)" \
    " RETURNING id, node_id),"
#define OPENED " SELECT n.id, c.id FROM n LEFT JOIN c ON true"

const struct db_stmt stmt_command[DB_ROW(STMT_COMMAND__END)] = {
	[DB_ROW(STMT_COMMAND_OPEN)] = { "command_open",
	    OPEN("NULL")
	    " a AS (" AUDIT("node.command", "node", "c.node_id",
	    "jsonb_build_object('command_id', c.id, 'type', $4::text)",
	    "7", "8", "c") ")" OPENED, 10, DB_ACTOR },
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
};
