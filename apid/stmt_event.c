/* stmt_event: events. */
#include "db.h"
#include "stmt.h"
#include "stmt_sql.h"

/* access, node, severity, category, flow, LIKE pattern, from, to */
#define FILTER SEES("v.node_id", "1") \
    " AND ($2::uuid IS NULL OR v.node_id = $2::uuid)" \
    " AND ($3::text IS NULL OR v.severity = $3::mast.severity)" \
    " AND ($4::text IS NULL OR v.category = $4)" \
    " AND ($5::text IS NULL OR v.flow_id = $5)" \
    " AND ($6::text IS NULL OR v.message ILIKE $6" \
    " OR v.category ILIKE $6 OR v.node_id::text ILIKE $6" \
    " OR v.severity::text ILIKE $6)" \
    " AND ($7::timestamptz IS NULL OR v.created_at >= $7::timestamptz)" \
    " AND ($8::timestamptz IS NULL OR v.created_at <= $8::timestamptz)"

#define ACKED(note) "acknowledged_at = now(), acknowledged_by = u.id," \
    " ack_name = u.username, ack_note = $" note "::text"

const struct db_stmt stmt_event[DB_ROW(STMT_EVENT__END)] = {
	/* FILTER, limit, offset */
	[DB_ROW(STMT_EVENT_LIST)] = { "event_list",
	    "SELECT coalesce(json_agg(p.json ORDER BY p.created_at DESC,"
	    " p.id DESC), '[]'::json) FROM (SELECT v.json, v.created_at, v.id"
	    " FROM mast.event_view v WHERE" FILTER
	    " ORDER BY v.created_at DESC, v.id DESC"
	    " LIMIT $9::bigint OFFSET $10::bigint) p",
	    10, DB_READ | DB_ACTOR },
	/* FILTER, limit, time and id of the last row seen */
	[DB_ROW(STMT_EVENT_PAGE)] = { "event_page",
	    "SELECT " PAGE_JSON("9") ", " PAGE_KEY("mast.rfc3339("
	    "p.created_at)", "9") ", " PAGE_KEY("p.id", "9")
	    " FROM (SELECT v.json, v.created_at, v.id, row_number() OVER w"
	    " AS n FROM mast.event_view v WHERE" FILTER
	    " AND (v.created_at, v.id) < (coalesce($10::timestamptz,"
	    " 'infinity'), coalesce($11::bigint, 9223372036854775807))"
	    " WINDOW w AS (ORDER BY v.created_at DESC, v.id DESC)"
	    " ORDER BY v.created_at DESC, v.id DESC" PAGE_LIMIT("9") ") p",
	    11, DB_READ | DB_ACTOR },
	[DB_ROW(STMT_EVENT_GET)] = { "event_get",
	    "SELECT v.json FROM mast.event_view v WHERE v.id = $1::bigint AND"
	    SEES("v.node_id", "2"), 2, DB_READ | DB_ACTOR },
	/* The last one counts, note and all. */
	[DB_ROW(STMT_EVENT_ACK)] = { "event_ack",
	    "WITH n AS (UPDATE mast.events e SET " ACKED("5")
	    " FROM mast.users u"
	    " WHERE u.id = mast.actor() AND e.id = $1::bigint AND"
	    SEES("e.node_id", "2") " RETURNING e.id, e.node_id),"
	    " a AS (" AUDIT("event.ack", "event", "n.id",
	    "jsonb_build_object('node_id', n.node_id, 'note', $5::text)",
	    "3", "4", "n") ")"
	    " SELECT n.id FROM n", 5, DB_ACTOR },
	/* FILTER, note, address, request, events at most */
	[DB_ROW(STMT_EVENT_ACK_BULK)] = { "event_ack_bulk",
	    "WITH s AS (SELECT v.id, v.created_at FROM mast.event_view v"
	    " WHERE v.acknowledged_at IS NULL AND" FILTER
	    " ORDER BY v.created_at, v.id LIMIT $12::bigint),"
	    " n AS (UPDATE mast.events e SET " ACKED("9")
	    " FROM s, mast.users u WHERE u.id = mast.actor()"
	    " AND e.id = s.id AND e.created_at = s.created_at"
	    " AND e.acknowledged_at IS NULL RETURNING e.id),"
	    " t AS (SELECT count(*) AS n FROM n),"
	    " a AS (" AUDIT("event.ack_bulk", "event", "NULL",
	    "jsonb_build_object('count', t.n, 'note', $9::text, 'filter',"
	    " jsonb_strip_nulls(jsonb_build_object('node_id', $2::uuid,"
	    " 'severity', $3::text, 'category', $4::text, 'flow_id',"
	    " $5::text, 'search', $6::text, 'from', $7::timestamptz, 'to',"
	    " $8::timestamptz)))", "10", "11", "t") ")"
	    " SELECT json_build_object('count', t.n, 'more',"
	    " (SELECT count(*) FROM s) = $12::bigint) FROM t",
	    12, DB_ACTOR },
	[DB_ROW(STMT_EVENT_COUNT)] = { "event_count",
	    "SELECT json_build_object('count', count(*)) FROM mast.events e"
	    " WHERE e.acknowledged_at IS NULL AND e.severity <> 'info' AND"
	    SEES("e.node_id", "1"), 1, DB_READ | DB_ACTOR },
	/* For everybody: the feed gives each what he may see. */
	[DB_ROW(STMT_FEED_START)] = { "feed_start",
	    "SELECT event, change FROM mast.feed_start()", 0, DB_READ },
	[DB_ROW(STMT_FEED_NEWS)] = { "feed_news",
	    "SELECT kind, seq, node_id, json, more FROM mast.feed_news("
	    "$1::bigint, $2::bigint[], $3::bigint[], $4::bigint,"
	    " $5::bigint[], $6::bigint[])", 6, DB_READ },
};
