/*
 * stmt_user: users, their sessions and their API tokens. apid may not read
 * the hashes and secrets of mast.users, so rows are named by column.
 */
#include "db.h"
#include "stmt.h"
#include "stmt_sql.h"

/* The columns of a row that this statement wrote. */
#define WRITTEN(x) x ".id, " x ".username, " x ".display_name, " x ".email, " \
    x ".role, " x ".is_temporary, " x ".is_active, " x ".expires_at, " \
    x ".all_nodes, " x ".last_login_at, " x ".version"

/* The list of nodes of row n as it will be: $list when $given. */
#define NODES(n, list, given) \
    "CASE WHEN " n ".all_nodes THEN NULL ELSE (SELECT coalesce(json_agg(k" \
    " ORDER BY k), '[]'::json) FROM (SELECT unnest($" list "::uuid[]) k" \
    " WHERE " given " UNION SELECT g.node_id FROM mast.user_nodes g" \
    " WHERE g.user_id = " n ".id AND NOT " given ") u) END"

/* mast.user_view of such a row, which the view would show as it was. */
#define USER_JSON(n, nodes) \
    "json_build_object('id', " n ".id, 'username', " n ".username," \
    " 'display_name', " n ".display_name, 'email', " n ".email," \
    " 'role', " n ".role, 'is_temporary', " n ".is_temporary," \
    " 'expires_at', mast.rfc3339(" n ".expires_at)," \
    " 'allowed_node_ids', " nodes ", 'is_active', " n ".is_active," \
    " 'last_login_at', mast.rfc3339(" n ".last_login_at))"

/* What the audit shows of an account: the REST object, but not the time of
 * a sign-in, which nobody edits. No secret is in it. */
#define EDITED(json) "(" json "::jsonb - 'id' - 'last_login_at')"

/* The account is not above the caller: by role, and when he has a list of
 * nodes ($n), by nodes. */
#define BELOW(x, n) \
    "(" x ".role <= (SELECT me.role FROM mast.me) AND ($" n "::uuid[] IS NULL" \
    " OR (NOT " x ".all_nodes AND NOT EXISTS (SELECT FROM mast.user_nodes f" \
    " WHERE f.user_id = " x ".id AND f.node_id <> ALL ($" n "::uuid[])))))"

/* Columns of an answer about a row o that may have become n. */
#define ANSWER(json) \
    "SELECT CASE WHEN n.id IS NOT NULL THEN " json " END, n.version," \
    " o.id IS NOT NULL, coalesce(o.below, false)" \
    " FROM (VALUES (1)) one LEFT JOIN o ON true LEFT JOIN n ON true"

/* 1 user, 2 access, 3 version or NULL, 4 display name, 5 email and 6 whether,
 * 7 role, 8 temporary, 9 expiry and 10 whether, 11 active, 12 hash or NULL,
 * 13 list and 14 whether, 15 address, 16 request. The hash is not apid's to
 * read, so that keeping it is not to name it: set. */
#define UPDATE(set) \
    "WITH o AS (SELECT v.id, v.json, " BELOW("v", "2") " AS below" \
    " FROM mast.user_view v WHERE v.id = $1::uuid" \
    " AND v.id <> mast.actor())," \
    " n AS (UPDATE mast.users x SET" \
    " display_name = coalesce($4, x.display_name)," \
    " email = CASE WHEN $6::boolean THEN $5 ELSE x.email END," \
    " role = coalesce($7::mast.role, x.role)," \
    " is_temporary = coalesce($8::boolean, x.is_temporary)," \
    " expires_at = CASE WHEN $10::boolean THEN $9::timestamptz" \
    " ELSE x.expires_at END," \
    " is_active = coalesce($11::boolean, x.is_active)," \
    set " all_nodes = CASE WHEN $14::boolean THEN $13::uuid[] IS NULL" \
    " ELSE x.all_nodes END, updated_at = now()," \
    " version = x.version + 1 FROM o WHERE x.id = o.id AND o.below" \
    " AND ($3::bigint IS NULL OR x.version = $3::bigint)" \
    " RETURNING " WRITTEN("x") ")," \
    " d AS (DELETE FROM mast.user_nodes g USING n WHERE" \
    " g.user_id = n.id AND $14::boolean" \
    " AND g.node_id <> ALL (coalesce($13::uuid[], '{}')))," \
    " i AS (INSERT INTO mast.user_nodes (user_id, node_id)" \
    " SELECT DISTINCT n.id, k FROM n, unnest($13::uuid[]) k" \
    " WHERE $14::boolean ON CONFLICT DO NOTHING)," \
    " s AS (UPDATE mast.sessions s SET revoked_at = now() FROM n" \
    " WHERE s.user_id = n.id AND s.revoked_at IS NULL" \
    " AND ($12::text IS NOT NULL OR NOT n.is_active" \
    " OR n.expires_at <= now()))," \
    " j AS (SELECT n.id, " USER_JSON("n", NODES("n", "13", \
    "$14::boolean")) " AS json FROM n)," \
    " a AS (" AUDIT("user.update", "user", "j.id", \
    "jsonb_build_object('before', " EDITED("o.json") ", 'after', " \
    EDITED("j.json") ", 'password_changed', $12::text IS NOT NULL)", \
    "15", "16", "j, o") ")" \
    ANSWER("(SELECT j.json FROM j)")

const struct db_stmt stmt_user[DB_ROW(STMT_USER__END)] = {
	[DB_ROW(STMT_USER_LIST)] = { "user_list",
	    "SELECT coalesce(json_agg(v.json ORDER BY v.created_at DESC,"
	    " v.id DESC), '[]'::json) FROM mast.user_view v",
	    0, DB_READ | DB_ACTOR },
	[DB_ROW(STMT_USER_GET)] = { "user_get",
	    "SELECT v.json, v.version FROM mast.user_view v"
	    " WHERE v.id = $1::uuid", 1, DB_READ | DB_ACTOR },
	/* id, name, hash, display name, email, role, temporary, expiry, all
	 * nodes, list, address, request */
	[DB_ROW(STMT_USER_CREATE)] = { "user_create",
	    "WITH n AS (INSERT INTO mast.users AS x (id, username,"
	    " password_hash, display_name, email, role, is_temporary,"
	    " expires_at, all_nodes) VALUES ($1::uuid, $2, $3, $4, $5,"
	    " $6::mast.role, $7::boolean, $8::timestamptz, $9::boolean)"
	    " RETURNING " WRITTEN("x") "),"
	    " i AS (INSERT INTO mast.user_nodes (user_id, node_id)"
	    " SELECT DISTINCT n.id, k FROM n, unnest($10::uuid[]) k),"
	    " j AS (SELECT n.id, n.version, " USER_JSON("n",
	    NODES("n", "10", "true")) " AS json FROM n),"
	    " a AS (" AUDIT("user.create", "user", "j.id", EDITED("j.json"),
	    "11", "12", "j") ")"
	    " SELECT j.json, j.version, j.id FROM j", 12, DB_ACTOR },
	[DB_ROW(STMT_USER_UPDATE)] = { "user_update", UPDATE(""),
	    16, DB_ACTOR },
	[DB_ROW(STMT_USER_PASSWORD)] = { "user_password",
	    UPDATE(" password_hash = $12,"), 16, DB_ACTOR },
	/* user, access, version or NULL, address, request */
	[DB_ROW(STMT_USER_DELETE)] = { "user_delete",
	    "WITH o AS (SELECT v.id, v.json, " BELOW("v", "2") " AS below"
	    " FROM mast.user_view v WHERE v.id = $1::uuid"
	    " AND v.id <> mast.actor()),"
	    " n AS (DELETE FROM mast.users x USING o WHERE x.id = o.id"
	    " AND o.below AND ($3::bigint IS NULL OR x.version = $3::bigint)"
	    " RETURNING x.id, x.version),"
	    " a AS (" AUDIT("user.delete", "user", "n.id", EDITED("o.json"),
	    "4", "5", "n, o") ")"
	    ANSWER("'{}'::json"), 5, DB_ACTOR },

	[DB_ROW(STMT_API_TOKEN_LIST)] = { "api_token_list",
	    "SELECT coalesce(json_agg(t.json ORDER BY t.created_at DESC,"
	    " t.id DESC), '[]'::json) FROM mast.token_view t"
	    " WHERE t.user_id = $1::uuid AND t.revoked_at IS NULL",
	    1, DB_READ | DB_ACTOR },
	/* id, hash, name, role, read only, nodes, expiry, how many a user may
	 * have, address, request */
	[DB_ROW(STMT_API_TOKEN_CREATE)] = { "api_token_create",
	    "WITH n AS (INSERT INTO mast.api_tokens AS x (id, token_hash,"
	    " user_id, name, max_role, read_only, node_ids, expires_at)"
	    " SELECT $1::uuid, $2::bytea, me.id, $3, $4::mast.role,"
	    " $5::boolean, CASE WHEN $6::uuid[] IS NOT NULL THEN ARRAY("
	    "SELECT DISTINCT k FROM unnest($6::uuid[]) k ORDER BY k) END,"
	    " $7::timestamptz FROM mast.me WHERE (SELECT count(*)"
	    " FROM mast.api_tokens c WHERE c.user_id = mast.actor())"
	    " < $8::bigint RETURNING x.id, x.name, x.user_id, x.max_role,"
	    " x.read_only, x.node_ids, x.created_at, x.expires_at),"
	    " j AS (SELECT n.id, json_build_object('id', n.id,"
	    " 'name', n.name, 'user_id', n.user_id, 'max_role', n.max_role,"
	    " 'read_only', n.read_only, 'node_ids', n.node_ids,"
	    " 'created_at', mast.rfc3339(n.created_at),"
	    " 'expires_at', mast.rfc3339(n.expires_at),"
	    " 'last_used_at', NULL) AS json FROM n),"
	    " a AS (" AUDIT("token.create", "token", "j.id", "j.json::jsonb",
	    "9", "10", "j") ")"
	    " SELECT j.json, j.id FROM j", 10, DB_ACTOR },
	/* token, access, address, request */
	[DB_ROW(STMT_API_TOKEN_DELETE)] = { "api_token_delete",
	    "WITH o AS (SELECT t.id, t.json, t.user_id = mast.actor()"
	    " OR " BELOW("v", "2") " AS below FROM mast.token_view t"
	    " JOIN mast.user_view v ON v.id = t.user_id"
	    " WHERE t.id = $1::uuid),"
	    " n AS (DELETE FROM mast.api_tokens x USING o WHERE x.id = o.id"
	    " AND o.below RETURNING x.id),"
	    " a AS (" AUDIT("token.delete", "token", "n.id", "o.json::jsonb",
	    "3", "4", "n, o") ")"
	    " SELECT o.below FROM o", 4, DB_ACTOR },
	[DB_ROW(STMT_API_TOKEN_ME)] = { "api_token_me",
	    "SELECT json_build_object('user', v.json, 'csrf_token', NULL,"
	    " 'session', NULL, 'token', t.json) FROM mast.user_view v,"
	    " mast.token_view t WHERE v.id = mast.actor()"
	    " AND t.id = mast.actor_token()", 0, DB_READ | DB_ACTOR },

	/* 1 version or NULL, 2 display name, 3 email and 4 whether, 5 address,
	 * 6 request */
	[DB_ROW(STMT_SELF_UPDATE)] = { "self_update",
	    "WITH o AS (SELECT v.id, v.json, true AS below"
	    " FROM mast.user_view v WHERE v.id = mast.actor()),"
	    " n AS (UPDATE mast.users x SET"
	    " display_name = coalesce($2, x.display_name),"
	    " email = CASE WHEN $4::boolean THEN $3 ELSE x.email END,"
	    " updated_at = now(), version = x.version + 1 FROM o"
	    " WHERE x.id = o.id AND ($1::bigint IS NULL"
	    " OR x.version = $1::bigint) RETURNING " WRITTEN("x") "),"
	    " j AS (SELECT n.id, " USER_JSON("n", "o.json"
	    " -> 'allowed_node_ids'") " AS json FROM n, o),"
	    " a AS (" AUDIT("user.update", "user", "j.id",
	    "jsonb_build_object('before', " EDITED("o.json") ", 'after', "
	    EDITED("j.json") ")", "5", "6", "j, o") ")"
	    ANSWER("(SELECT j.json FROM j)"), 6, DB_ACTOR },
	/* user, access, address, request */
	[DB_ROW(STMT_TOTP_RESET)] = { "totp_reset",
	    "WITH o AS (SELECT v.id, " BELOW("v", "2") " AS below"
	    " FROM mast.user_view v WHERE v.id = $1::uuid"
	    " AND v.id <> mast.actor()),"
	    " n AS (UPDATE mast.users x SET totp_secret = NULL,"
	    " totp_last_step = NULL, totp_pending = NULL, updated_at = now(),"
	    " version = x.version + 1 FROM o WHERE x.id = o.id AND o.below"
	    " RETURNING x.id),"
	    " d AS (DELETE FROM mast.recovery_codes c USING n"
	    " WHERE c.user_id = n.id),"
	    " a AS (" AUDIT("totp.reset", "user", "n.id", "NULL::jsonb",
	    "3", "4", "n") ")"
	    " SELECT o.below FROM o", 4, DB_ACTOR },

	/* user, the caller's own session */
	[DB_ROW(STMT_SESSION_LIST)] = { "session_list",
	    "SELECT (SELECT coalesce(json_agg(json_build_object('id', s.id,"
	    " 'created_at', mast.rfc3339(s.created_at),"
	    " 'expires_at', mast.rfc3339(s.expires_at),"
	    " 'address', host(s.address), 'user_agent', s.user_agent,"
	    " 'current', s.id = $2::uuid) ORDER BY s.created_at DESC,"
	    " s.id DESC), '[]'::json) FROM mast.sessions s"
	    " WHERE s.user_id = $1::uuid AND s.revoked_at IS NULL"
	    " AND s.expires_at > now()), EXISTS (SELECT FROM mast.users u"
	    " WHERE u.id = $1::uuid)", 2, DB_READ | DB_ACTOR },
	/* user, session or NULL, one that stays or NULL, access, address,
	 * request */
	[DB_ROW(STMT_SESSION_END)] = { "session_end",
	    "WITH o AS (SELECT v.id, v.id = mast.actor() OR " BELOW("v", "4")
	    " AS below FROM mast.user_view v WHERE v.id = $1::uuid),"
	    " n AS (UPDATE mast.sessions s SET revoked_at = now() FROM o"
	    " WHERE s.user_id = o.id AND o.below"
	    " AND ($2::uuid IS NULL OR s.id = $2::uuid)"
	    " AND ($3::uuid IS NULL OR s.id <> $3::uuid)"
	    " AND s.revoked_at IS NULL AND s.expires_at > now()"
	    " RETURNING s.id, s.user_id),"
	    " g AS (SELECT n.user_id, count(*) AS k FROM n GROUP BY 1),"
	    " a AS (" AUDIT("session.end", "user", "g.user_id",
	    "jsonb_build_object('sessions', g.k)", "5", "6", "g") ")"
	    " SELECT o.below, coalesce((SELECT g.k FROM g), 0) FROM o",
	    6, DB_ACTOR },
};
