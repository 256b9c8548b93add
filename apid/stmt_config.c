/* stmt_config: versions of configurations and drift. */
#include "db.h"
#include "stmt.h"
#include "stmt_sql.h"

/* The hash that a word or a version's number stands for. */
#define SIDE(n) "CASE $" n "::text WHEN 'reported' THEN k.reported" \
    " WHEN 'desired' THEN k.desired ELSE (SELECT v.hash" \
    " FROM mast.config_versions v WHERE v.node_id = x.id AND v.id =" \
    " CASE WHEN $" n "::text ~ '^[0-9]{1,18}$' THEN $" n "::text::bigint" \
    " END) END"

const struct db_stmt stmt_config[DB_ROW(STMT_CONFIG__END)] = {
	/* node, access, limit, after */
	[DB_ROW(STMT_VERSION_LIST)] = { "version_list",
	    "SELECT " PAGE_JSON("3") ", " PAGE_KEY("p.id", "3")
	    ", EXISTS (SELECT FROM mast.nodes x WHERE x.id = $1::uuid)"
	    /* Names of others are an administrator's to read, but the
	     * journal tells everybody who sent a command. */
	    " FROM (SELECT (v.json::jsonb || jsonb_build_object('actor_name',"
	    " coalesce(u.username, (SELECT c.actor_name FROM mast.commands c"
	    " WHERE v.json->>'actor' IS NOT NULL"
	    " AND c.node_id = v.node_id AND c.config_hash = v.hash"
	    " AND c.actor_user = (v.json->>'actor')::uuid LIMIT 1))))::json"
	    " AS json, v.id, row_number() OVER (ORDER BY v.id DESC) AS n"
	    " FROM mast.config_version_view v"
	    " LEFT JOIN mast.users u ON u.id = (v.json->>'actor')::uuid"
	    " WHERE v.node_id = $1::uuid AND" SEES("v.node_id", "2")
	    " AND v.id < coalesce($4::bigint, 9223372036854775807)"
	    " ORDER BY v.id DESC" PAGE_LIMIT("3") ") p", 4,
	    DB_READ | DB_ACTOR },
	[DB_ROW(STMT_VERSION_GET)] = { "version_get",
	    "SELECT b.sealed, b.hash FROM mast.config_versions v"
	    " JOIN mast.config_blobs b ON b.hash = v.hash"
	    " WHERE v.node_id = $1::uuid AND v.id = $3::bigint AND"
	    SEES("v.node_id", "2"), 3, DB_READ | DB_ACTOR },
	/* node, access, a, b: sealed and hash of each, fingerprint ignored,
	 * ordered at, reported at */
	[DB_ROW(STMT_CONFIG_PAIR)] = { "config_pair",
	    "SELECT a.sealed, a.hash, b.sealed, b.hash, k.drift_ignored,"
	    " mast.rfc3339(k.desired_at), mast.rfc3339(k.reported_at)"
	    " FROM mast.nodes x"
	    " LEFT JOIN mast.node_configs k ON k.node_id = x.id"
	    " LEFT JOIN mast.config_blobs a ON a.hash = " SIDE("3")
	    " LEFT JOIN mast.config_blobs b ON b.hash = " SIDE("4")
	    " WHERE x.id = $1::uuid AND" SEES("x.id", "2"), 4,
	    DB_READ | DB_ACTOR },
	/* node, access, address, request, hash of what is reported */
	[DB_ROW(STMT_DRIFT_ADOPT)] = { "drift_adopt",
	    "WITH n AS (UPDATE mast.node_configs k SET desired = k.reported,"
	    " desired_at = now(), drift_ignored = NULL"
	    " WHERE k.node_id = $1::uuid AND k.reported = $5::bytea AND"
	    SEES("k.node_id", "2") " RETURNING k.node_id),"
	    " v AS (INSERT INTO mast.config_versions (node_id, hash, source,"
	    " actor_user) SELECT n.node_id, $5::bytea, 'adopted',"
	    " mast.actor() FROM n),"
	    " a AS (" AUDIT("node.config.adopt", "node", "n.node_id",
	    "jsonb_build_object('sha256', encode($5::bytea, 'hex'))",
	    "3", "4", "n") ")"
	    " SELECT n.node_id FROM n", 5, DB_ACTOR },
	/* the same, fingerprint */
	[DB_ROW(STMT_DRIFT_IGNORE)] = { "drift_ignore",
	    "WITH n AS (UPDATE mast.node_configs k SET"
	    " drift_ignored = $6::bytea"
	    " WHERE k.node_id = $1::uuid AND k.reported = $5::bytea AND"
	    SEES("k.node_id", "2") " RETURNING k.node_id),"
	    " a AS (" AUDIT("node.config.ignore", "node", "n.node_id",
	    "jsonb_build_object('sha256', encode($5::bytea, 'hex'))",
	    "3", "4", "n") ")"
	    " SELECT n.node_id FROM n", 6, DB_ACTOR },
};
