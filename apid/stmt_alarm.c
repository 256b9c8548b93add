/* stmt_alarm: alarms. */
#include "db.h"
#include "stmt.h"
#include "stmt_sql.h"

const struct db_stmt stmt_alarm[DB_ROW(STMT_ALARM__END)] = {
	/* access, node, severity, state, acknowledged, symptoms, limit, time
	 * and id of the last row seen */
	[DB_ROW(STMT_ALARM_LIST)] = { "alarm_list",
	    "SELECT " PAGE_JSON("7") ", " PAGE_KEY("mast.rfc3339("
	    "p.first_at)", "7") ", " PAGE_KEY("p.id", "7")
	    " FROM (SELECT v.json, v.first_at, v.id, row_number() OVER w"
	    " AS n FROM mast.alarm_view v WHERE" SEES("v.node_id", "1")
	    " AND ($2::uuid IS NULL OR v.node_id = $2::uuid)"
	    " AND ($3::text IS NULL OR v.severity = $3::mast.severity)"
	    " AND ($4::text = 'all' OR ($4::text = 'open')"
	    " = (v.closed_at IS NULL))"
	    " AND ($5::boolean IS NULL OR $5::boolean"
	    " = (v.acknowledged_at IS NOT NULL))"
	    " AND ($6::boolean IS NULL OR $6::boolean"
	    " = (v.symptom_of IS NOT NULL))"
	    " AND (v.first_at, v.id) < (coalesce($8::timestamptz,"
	    " 'infinity'), coalesce($9::uuid,"
	    " 'ffffffff-ffff-ffff-ffff-ffffffffffff'))"
	    " WINDOW w AS (ORDER BY v.first_at DESC, v.id DESC)"
	    " ORDER BY v.first_at DESC, v.id DESC" PAGE_LIMIT("7") ") p",
	    9, DB_READ | DB_ACTOR },
	/* alarm, access, address, request, note: json as it is then. The
	 * last one counts, note and all. */
	[DB_ROW(STMT_ALARM_ACK)] = { "alarm_ack",
	    "WITH n AS (UPDATE mast.alarms m SET acknowledged_at = now(),"
	    " acknowledged_by = u.id, ack_name = u.username,"
	    " ack_note = $5::text FROM mast.users u"
	    " WHERE u.id = mast.actor() AND m.id = $1::uuid AND"
	    SEES("m.node_id", "2") " RETURNING m.id, m.node_id, m.code,"
	    " m.object, u.id AS by, u.username),"
	    " a AS (" AUDIT("alarm.ack", "alarm", "n.id",
	    "jsonb_build_object('node_id', n.node_id, 'code', n.code,"
	    " 'object', n.object, 'note', $5::text)", "3", "4", "n") ")"
	    " SELECT v.json::jsonb || jsonb_build_object('acknowledged',"
	    " true, 'acknowledged_by', n.by, 'acknowledged_by_name',"
	    " n.username, 'acknowledged_at', mast.rfc3339(now()), 'note',"
	    " $5::text) FROM n JOIN mast.alarm_view v ON v.id = n.id",
	    5, DB_ACTOR },
};
