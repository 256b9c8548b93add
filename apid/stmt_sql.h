/*
 * stmt_sql: pieces of SQL that several families of statements share. For
 * the stmt_<family>.c files only.
 */
#ifndef APID_STMT_SQL_H
#define APID_STMT_SQL_H

/* The caller's nodes as $n, NULL for all: the first fence. */
#define SEES(column, n) " ($" n "::uuid[] IS NULL OR " column \
    " = ANY($" n "::uuid[]))"

/* An audit row of the acting user, once per row of "from". */
#define AUDIT(action, type, target, details, address, request, from) \
    "INSERT INTO mast.audit (actor_kind, actor_user, actor_name, action," \
    " target_type, target_id, details, address, request_id)" \
    " SELECT 'user', w.id, w.username, '" action "', '" type "', " target \
    "::text, " details ", $" address "::inet, $" request \
    " FROM " from ", mast.users w WHERE w.id = mast.actor()"

#endif
