/* stmt_audit: reading the audit, and the rows that no other statement makes. */
#include "db.h"
#include "stmt.h"
#include "stmt_sql.h"

/*
 * Parameters: access, actor (name or id), action, action's beginning, target
 * type, target id, node, from, to, request id, limit, id of the last row
 * seen. Rows q, numbered n, newest first.
 */
#define ROWS "(SELECT a AS r, a.id, row_number() OVER w AS n" \
    " FROM mast.audit a WHERE ($1::uuid[] IS NULL" \
    " OR mast.audit_node(a.target_type, a.target_id, a.details) IS NULL" \
    " OR mast.audit_node(a.target_type, a.target_id, a.details)" \
    " = ANY($1::uuid[]::text[]))" \
    " AND ($2::text IS NULL OR a.actor_name = $2" \
    " OR a.actor_user::text = lower($2))" \
    " AND ($3::text IS NULL OR a.action COLLATE \"C\" = $3)" \
    " AND ($4::text IS NULL OR a.action COLLATE \"C\" ^@ $4)" \
    " AND ($5::text IS NULL OR a.target_type = $5)" \
    " AND ($6::text IS NULL OR a.target_id = $6)" \
    " AND ($7::text IS NULL OR (a.target_type = 'node'" \
    " AND a.target_id = $7) OR a.details ->> 'node_id' = $7)" \
    " AND ($8::timestamptz IS NULL OR a.at >= $8::timestamptz)" \
    " AND ($9::timestamptz IS NULL OR a.at <= $9::timestamptz)" \
    " AND ($10::text IS NULL OR a.request_id = $10)" \
    " AND a.id < coalesce($12::bigint, 9223372036854775807)" \
    " WINDOW w AS (ORDER BY a.id DESC)" \
    " ORDER BY a.id DESC" PAGE_LIMIT("11") ") q"
#define SEAL "(SELECT s.seq FROM mast.audit_seals s WHERE s.ids @> q.id)"
/* The row as it is sealed, and by which seal. */
#define OBJECT "left(mast.audit_text(q.r), -1) || ',\"seal\":'" \
    " || coalesce(" SEAL "::text, 'null') || '}'"
#define FIELD(e) "mast.csv_field(" e ")"
#define LINE "concat_ws(',', (q.r).id, " \
    "to_char((q.r).at AT TIME ZONE 'UTC'," \
    " 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), " \
    FIELD("(q.r).actor_kind") ", " FIELD("(q.r).actor_user::text") ", " \
    FIELD("(q.r).actor_name") ", " FIELD("(q.r).action") ", " \
    FIELD("(q.r).target_type") ", " FIELD("(q.r).target_id") ", " \
    FIELD("(q.r).details::text") ", " FIELD("abbrev((q.r).address)") ", " \
    FIELD("(q.r).request_id") ", coalesce(" SEAL "::text, ''))"

#define LINES(end) "coalesce(string_agg(p.line || " end ", ''" \
    " ORDER BY p.n) FILTER (WHERE p.n <= $11::bigint), '')"
/* An export is noted with its filters and how many rows left. */
#define EXPORT(form, line, end) \
    "WITH p AS MATERIALIZED (SELECT q.n, q.id, " line " AS line FROM " ROWS \
    "), n AS (SELECT jsonb_strip_nulls(jsonb_build_object('format', '" form \
    "', 'rows', (SELECT least(count(*), $11::bigint) FROM p)," \
    " 'actor', $2::text, 'action', $3::text, 'action_prefix', $4::text," \
    " 'target_type', $5::text, 'target_id', $6::text, 'node', $7::text," \
    " 'from', $8::text, 'to', $9::text, 'request_id', $10::text," \
    " 'after', $12::text)) AS what)," \
    " a AS (" AUDIT("audit.export", "audit", "NULL", "n.what", "13", "14", \
    "n") ")" \
    " SELECT " LINES(end) ", " PAGE_KEY("p.id", "11") " FROM p"

const struct db_stmt stmt_audit[DB_ROW(STMT_AUDIT__END)] = {
	/* ROWS */
	[DB_ROW(STMT_AUDIT_LIST)] = { "audit_list",
	    "SELECT " PAGE_JSON("11") ", " PAGE_KEY("p.id", "11")
	    " FROM (SELECT q.n, q.id, (" OBJECT ")::json AS json FROM " ROWS
	    ") p", 12, DB_READ | DB_ACTOR },
	/* ROWS, address, request id */
	[DB_ROW(STMT_AUDIT_LINES)] = { "audit_lines",
	    EXPORT("jsonl", OBJECT, "E'\\n'"), 14, DB_ACTOR },
	[DB_ROW(STMT_AUDIT_CSV)] = { "audit_csv",
	    EXPORT("csv", LINE, "E'\\r\\n'"), 14, DB_ACTOR },
	/* why, method and path, node or NULL, last of its window, address,
	 * request id */
	[DB_ROW(STMT_AUDIT_REFUSED)] = { "audit_refused",
	    "WITH n AS (SELECT jsonb_strip_nulls(jsonb_build_object("
	    "'why', $1::text, 'request', $2::text, 'node_id', $3::text,"
	    " 'more_are_not_noted', CASE WHEN $4::boolean THEN true END))"
	    " AS what) "
	    AUDIT("access.refused", "route", "NULL", "n.what", "5", "6", "n"),
	    6, DB_ACTOR },
};
