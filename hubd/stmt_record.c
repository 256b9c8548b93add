/* stmt_record: what the hub makes of what nodes say: alarms, history. */
#include "db.h"
#include "stmt.h"
#include "stmt_part.h"

const struct db_stmt stmt_record[DB_ROW(STMT_RECORD__END)] = {
	[DB_ROW(STMT_ALARMS)] = { "alarms",
	    "SELECT mast.alarms_apply($1::uuid[], $2::text[], $3::text[],"
	    " $4::text[], $5::text[], $6::text[], $7::bigint[],"
	    " $8::boolean[], $9::bigint[], $10::bigint[], $11::uuid[])", 11,
	    0 },
	[DB_ROW(STMT_ALARM_SWEEP)] = { "alarm_sweep",
	    "SELECT mast.alarms_sweep()", 0, 0 },
	/* hub; arrays: at, node, object, values of all metrics as an array */
	[DB_ROW(STMT_SAMPLES)] = { "samples",
	    "INSERT INTO mast.samples (node_id, object, at, v)"
	    " SELECT u.node, u.object, 'epoch'::timestamptz"
	    " + u.at * interval '1 us', u.v::real[] FROM unnest($2::bigint[],"
	    " $3::uuid[], $4::text[], $5::text[]) AS u(at, node, object, v)"
	    " WHERE $1::uuid IS NOT NULL"
	    " ON CONFLICT (node_id, object, at) DO NOTHING", 5, DB_BULK },
	/* samples before this are stored, in microseconds */
	[DB_ROW(STMT_ROLLUP)] = { "rollup",
	    "SELECT mast.rollup('epoch'::timestamptz"
	    " + $1::bigint * interval '1 us')", 1, DB_BULK },
	/* hub: nodes whose report is older than what it is to tell of */
	[DB_ROW(STMT_DRIFT_DUE)] = { "drift_due",
	    "SELECT k.node_id FROM mast.node_configs k"
	    " JOIN mast.node_sessions s ON s.node_id = k.node_id"
	    " AND s.hub_id = $1::uuid"
	    " JOIN mast.node_state t ON t.node_id = k.node_id"
	    " WHERE k.desired IS NOT NULL AND (k.reported_at IS NULL"
	    " OR k.reported_at < greatest(s.connected_at, k.desired_at,"
	    " now() - interval '15 minutes') OR t.config_stale"
	    " OR k.drift_told IS NOT NULL AND (k.desired = k.reported"
	    " OR k.drift_told = k.drift_ignored))"
	    " ORDER BY k.reported_at NULLS FIRST LIMIT 200", 1, DB_READ },
	/* node, fingerprint or NULL */
	[DB_ROW(STMT_DRIFT_TOLD)] = { "drift_told",
	    "UPDATE mast.node_configs SET drift_told = $2::bytea"
	    " WHERE node_id = $1::uuid", 2, DB_READ },
};
