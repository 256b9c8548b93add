/*
 * stmt_sql: pieces of SQL that several families of statements share. For
 * the stmt_<family>.c files only.
 */
#ifndef APID_STMT_SQL_H
#define APID_STMT_SQL_H

/* The caller's nodes as $n, NULL for all: the first fence. */
#define SEES(column, n) " ($" n "::uuid[] IS NULL OR " column \
    " = ANY($" n "::uuid[]))"

/*
 * A page of a list (page.h): rows p, numbered n, one more of them read than
 * the $limit. Columns json and one for each key:
 *
 *   "SELECT " PAGE_JSON("3") ", " PAGE_KEY("p.created", "3") ", "
 *   PAGE_KEY("p.id", "3") " FROM (SELECT v.json,"
 *   " mast.rfc3339(v.created_at) AS created, v.id, row_number() OVER w AS n"
 *   " FROM mast.thing_view v WHERE" SEES("v.node_id", "1")
 *   " AND (v.created_at, v.id) < (coalesce($4::timestamptz, 'infinity'),"
 *   " coalesce($5::bigint, 9223372036854775807))"
 *   " WINDOW w AS (ORDER BY v.created_at DESC, v.id DESC)"
 *   " ORDER BY v.created_at DESC, v.id DESC" PAGE_LIMIT("3") ") p"
 *
 * A row comparison with coalesce, and not "$4 IS NULL OR", lets the index
 * find the place; and the order is that of w, spelled out, because a sort by
 * n would number the whole rest of the list first. Keys of mixed direction need it spelled out.
 */
#define PAGE_JSON(limit) "coalesce(json_agg(p.json ORDER BY p.n)" \
    " FILTER (WHERE p.n <= $" limit "::bigint), '[]'::json)"
/* A key of its last row, NULL when no row follows. */
#define PAGE_KEY(key, limit) "CASE WHEN count(*) > $" limit "::bigint" \
    " THEN max(" key "::text) FILTER (WHERE p.n = $" limit "::bigint) END"
#define PAGE_LIMIT(limit) " LIMIT $" limit "::bigint + 1"

/* An audit row of the acting user or token, once per row of "from". */
#define AUDIT(action, type, target, details, address, request, from) \
    "INSERT INTO mast.audit (actor_kind, actor_user, actor_name, action," \
    " target_type, target_id, details, address, request_id)" \
    " SELECT mast.actor_kind(), w.id, w.username, '" action "', '" type \
    "', " target "::text, mast.actor_details(" details "), $" address \
    "::inet, $" request \
    " FROM " from ", mast.users w WHERE w.id = mast.actor()"

/* The REST object of a row n of mast.nodes that this statement wrote, with
 * the hub's part of it: mast.node_view would still show the row before. */
#define NODE_JSON(status, seen, health, software) \
    "json_build_object('id', n.id, 'name', n.name," \
    " 'description', n.description, 'device_type', n.device_type," \
    " 'status', " status ", 'last_seen_at', " seen "," \
    " 'last_health', " health ", 'software_version', " software "," \
    " 'metadata', n.metadata, 'expires_at', mast.rfc3339(n.expires_at)," \
    " 'created_at', mast.rfc3339(n.created_at)," \
    " 'updated_at', mast.rfc3339(n.updated_at)," \
    " 'quarantine', CASE WHEN n.quarantined_at IS NOT NULL THEN" \
    " json_build_object('at', mast.rfc3339(n.quarantined_at)," \
    " 'by', n.quarantined_by, 'reason', n.quarantine_reason) END)"

#endif
