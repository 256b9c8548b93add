/* stmt_system: settings and certificates of the installation. */
#include "db.h"
#include "stmt.h"
#include "stmt_sql.h"

const struct db_stmt stmt_system[DB_ROW(STMT_SYSTEM__END)] = {
	[DB_ROW(STMT_SETTINGS_GET)] = { "settings_get",
	    "SELECT json_object_agg(s.key, s.value ORDER BY s.key),"
	    " sum(s.version)::bigint FROM mast.settings s",
	    0, DB_READ | DB_ACTOR },
	/* keys, values, version or NULL, address, request. The rows are locked
	 * before the version is looked at: of two changes that name the same
	 * version the second is refused. */
	[DB_ROW(STMT_SETTINGS_PUT)] = { "settings_put",
	    "WITH o AS MATERIALIZED (SELECT s.key, s.value, s.version"
	    " FROM mast.settings s FOR UPDATE),"
	    " v AS (SELECT sum(o.version)::bigint AS n FROM o),"
	    " g AS (SELECT v.n FROM v"
	    " WHERE $3::bigint IS NULL OR v.n = $3::bigint),"
	    " c AS (SELECT u.key, u.value, o.value AS before FROM g,"
	    " unnest($1::text[], $2::bigint[]) AS u (key, value)"
	    " JOIN o ON o.key = u.key WHERE o.value <> u.value),"
	    " n AS (UPDATE mast.settings x SET value = c.value,"
	    " updated_at = now(), updated_by = mast.actor() FROM c"
	    " WHERE x.key = c.key RETURNING x.key),"
	    " a AS (" AUDIT("settings.update", "settings", "NULL",
	    "(SELECT jsonb_build_object('before',"
	    " coalesce(jsonb_object_agg(c.key, c.before), '{}'), 'after',"
	    " coalesce(jsonb_object_agg(c.key, c.value), '{}')) FROM c)",
	    "4", "5", "g") ")"
	    " SELECT g.n + (SELECT count(*) FROM n) FROM g", 5, DB_ACTOR },
};
