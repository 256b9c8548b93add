/* stmt: every SQL text of mastctl, nowhere else. */
#include <string.h>

#include "log.h"
#include "stmt.h"
#include "xmalloc.h"

const char stmt_begin[] = "BEGIN";
const char stmt_commit[] = "COMMIT";
const char stmt_rollback[] = "ROLLBACK";
const char stmt_retire[] =
    "BEGIN; LOCK TABLE mast.provider_keys IN SHARE ROW EXCLUSIVE MODE";
const char stmt_snapshot[] =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const char stmt_bootstrap[] =
    "SET client_min_messages = warning;"
    "CREATE SCHEMA IF NOT EXISTS mast;"
    "CREATE TABLE IF NOT EXISTS mast.migrations ("
    " version integer CONSTRAINT migrations_pk PRIMARY KEY,"
    " name text NOT NULL,"
    " sha256 text NOT NULL,"
    " applied_at timestamptz NOT NULL DEFAULT now())";

/* The audit row that ends every mutation; $os is who sits at the keyboard. */
#define AUDIT(action, type, id, details, from) \
	"a AS (INSERT INTO mast.audit (actor_kind, actor_name, action," \
	" target_type, target_id, details)" \
	" SELECT 'system', 'mastctl', '" action "', '" type "', " id "," \
	" jsonb_build_object(" details ") FROM " from ")"

/* When a link to set the first password ends. */
#define LINK_UNTIL "now() + interval '1 hour'"
/* A stored pair, for the audit. */
#define CERT(row) "jsonb_build_object('id', " row ".id, 'subject', " row \
	".subject, 'fingerprint', " row ".fingerprint, 'not_after', " row \
	".not_after)"
#define TIME(t) "to_char(" t " AT TIME ZONE 'UTC'," \
	" 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
#define JSON_OR_NULL(e) "coalesce(to_json(" e ")::text, 'null')"
/* The text of a row of the audit that its seal is over (seal.h), said here
 * again: what mast.audit_text says is not to be relied on. */
#define AUDIT_TEXT \
	"concat('{\"id\":', a.id, ',\"at\":\"', " TIME("a.at") "," \
	" '\",\"actor_kind\":', to_json(a.actor_kind)," \
	" ',\"actor_user\":', " JSON_OR_NULL("a.actor_user") "," \
	" ',\"actor_name\":', " JSON_OR_NULL("a.actor_name") "," \
	" ',\"action\":', to_json(a.action)," \
	" ',\"target_type\":', " JSON_OR_NULL("a.target_type") "," \
	" ',\"target_id\":', " JSON_OR_NULL("a.target_id") "," \
	" ',\"details\":', coalesce(a.details::text, 'null')," \
	" ',\"address\":', " JSON_OR_NULL("abbrev(a.address)") "," \
	" ',\"request_id\":', " JSON_OR_NULL("a.request_id") ", '}')"
#define AUDIT_SHOWN \
	"SELECT a.id, " AUDIT_TEXT ", " TIME("a.at") ", a.actor_kind," \
	" a.actor_name, a.action, concat_ws(' ', a.target_type," \
	" a.target_id), abbrev(a.address) FROM mast.audit a"

#define EVENT_SHOWN \
	"SELECT e.id, json_build_object('id', e.id, 'created_at'," \
	" mast.rfc3339(e.created_at), 'severity', e.severity, 'node_id'," \
	" e.node_id, 'node_name', e.node_name, 'category', e.category," \
	" 'message', e.message, 'details', e.details)::text," \
	" mast.rfc3339(e.created_at), e.severity::text, e.node_name," \
	" e.category, e.message FROM mast.events e"

/* Sealed values of a column, by their rows' keys: $1 the last key that was
 * read; and a new seal for one, if it is still what was read. bound is what
 * the seal is bound to, as its owner in apid or hubd makes it. */
#define SEALED(name, table, column, text, key, given, bound, limit) \
	{ "sealed_" name, "SELECT " text ", " bound ", " column \
	    " FROM mast." table " WHERE " key " > " given \
	    " AND " column " IS NOT NULL ORDER BY " key " LIMIT " limit, \
	    1, DB_READ }
#define RESEAL(name, table, column, key, given) \
	{ "reseal_" name, "UPDATE mast." table " SET " column \
	    " = $3::bytea WHERE " key " = " given " AND " column \
	    " = $2::bytea", 3, 0 }
#define SEALED_BY_ID(name, table, column, bound, limit) \
	SEALED(name, table, column, "id", "id", "$1::uuid", bound, limit)
#define RESEAL_BY_ID(name, table, column) \
	RESEAL(name, table, column, "id", "$1::uuid")
#define ID_AS_TEXT	"convert_to(id::text, 'UTF8')"
#define ID_AS_BYTES	"uuid_send(id)"
#define HASH_GIVEN	"decode($1, 'hex')"
#define ANSWER_KEY	"concat_ws(' ', principal, key) COLLATE \"C\""

static const struct db_stmt stmts[STMT__MAX] = {
[STMT_HAS_MIGRATIONS] = { "has_migrations",
    "SELECT to_regclass('mast.migrations') IS NOT NULL", 0, DB_READ },
[STMT_MIGRATIONS] = { "migrations",
    "SELECT version, name, sha256, applied_at FROM mast.migrations"
    " ORDER BY version", 0, DB_READ },
[STMT_MIGRATION_DONE] = { "migration_done",
    "INSERT INTO mast.migrations (version, name, sha256)"
    " VALUES ($1::integer, $2, $3)", 3, 0 },
[STMT_SERVES] = { "serves", "SELECT mast.schema_serves()", 0, DB_READ },
[STMT_SHA256] = { "sha256",
    "SELECT encode(sha256($1::bytea), 'hex')", 1, DB_READ },
[STMT_LOCK] = { "lock",
    "SELECT pg_advisory_lock(hashtext('mastkeeper'), 1)", 0, 0 },
[STMT_UNLOCK] = { "unlock",
    "SELECT pg_advisory_unlock(hashtext('mastkeeper'), 1)", 0, 0 },
[STMT_ROLE_EXISTS] = { "role_exists",
    "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", 1, DB_READ },
[STMT_DB_EXISTS] = { "db_exists",
    "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)",
    1, DB_READ },
/* Roles that are missing, or that may do more than they should. */
[STMT_ROLES] = { "roles",
    "SELECT w.name, r.rolname IS NOT NULL,"
    " coalesce(r.rolsuper OR r.rolcreatedb OR r.rolcreaterole"
    " OR r.rolbypassrls, false), coalesce(r.rolcanlogin, false)"
    " FROM unnest($1::text[]) AS w(name)"
    " LEFT JOIN pg_roles r ON r.rolname = w.name", 1, DB_READ },
[STMT_SERVER] = { "server",
    "SELECT current_setting('server_version_num')::integer,"
    " current_setting('server_version'),"
    " (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,"
    " current_setting('synchronous_commit')", 0, DB_READ },

[STMT_SIZES] = { "sizes",
    "SELECT c.relname, sum(pg_total_relation_size(coalesce(i.inhrelid, c.oid)))"
    "::bigint, sum(greatest(p.reltuples, 0))::bigint"
    " FROM pg_catalog.pg_class c"
    " LEFT JOIN pg_catalog.pg_inherits i ON i.inhparent = c.oid"
    " JOIN pg_catalog.pg_class p ON p.oid = coalesce(i.inhrelid, c.oid)"
    " WHERE c.relnamespace = 'mast'::regnamespace"
    " AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
    " GROUP BY c.relname ORDER BY 2 DESC LIMIT 20", 0, DB_READ },
[STMT_SIGN_IN] = { "sign_in",
    "SELECT count(*) FROM mast.users WHERE role = 'super_admin'"
    " AND is_active", 0, DB_READ },
[STMT_PARTITIONS] = { "partitions",
    "SELECT count(*) FROM pg_catalog.pg_inherits"
    " JOIN pg_catalog.pg_class c ON c.oid = inhrelid"
    " WHERE inhparent = 'mast.events'::regclass"
    " AND c.relname >= 'events_' || to_char(now() + interval '1 day',"
    " 'YYYYMMDD')", 0, DB_READ },

[STMT_USER_FIRST] = { "user_first",
    "WITH u AS (INSERT INTO mast.users (id, username, password_hash,"
    " display_name, role, link_hash, link_until)"
    " SELECT $1::uuid, $2, $3, $2, 'super_admin', $5::bytea,"
    " CASE WHEN $5::bytea IS NOT NULL THEN " LINK_UNTIL " END"
    " WHERE NOT EXISTS (SELECT FROM mast.users)"
    " RETURNING id, username, link_until), "
    AUDIT("user.create", "user", "id::text",
	"'username', username, 'role', 'super_admin', 'os_user', $4::text,"
	" 'link_until', mast.rfc3339(link_until)", "u")
    " SELECT username, mast.rfc3339(link_until) FROM u", 5, 0 },
/* The link that nobody has used: a new one if it has ended. */
[STMT_USER_LINK] = { "user_link",
    "WITH o AS MATERIALIZED (SELECT id, username, link_until"
    " FROM mast.users WHERE link_until IS NOT NULL"
    " ORDER BY created_at LIMIT 1 FOR UPDATE),"
    " u AS (UPDATE mast.users x SET link_hash = $1::bytea,"
    " link_until = " LINK_UNTIL " FROM o WHERE x.id = o.id"
    " AND o.link_until <= now()"
    " RETURNING x.id, x.username, x.link_until), "
    AUDIT("user.link", "user", "id::text", "'username', username, 'os_user',"
	" $2::text, 'link_until', mast.rfc3339(link_until)", "u")
    " SELECT o.username, mast.rfc3339(coalesce(u.link_until,"
    " o.link_until)), u.id IS NOT NULL FROM o LEFT JOIN u USING (id)",
    2, 0 },
[STMT_USER_ADD] = { "user_add",
    "WITH u AS (INSERT INTO mast.users"
    " (id, username, password_hash, display_name, email, role)"
    " VALUES ($1::uuid, $2, $3, $4, $5, $6::text::mast.role)"
    " RETURNING id, username, role), "
    AUDIT("user.create", "user", "id::text",
	"'username', username, 'role', role::text, 'os_user', $7::text", "u")
    " SELECT id, username, role FROM u", 7, 0 },
[STMT_USER_PASSWD] = { "user_passwd",
    "WITH u AS (UPDATE mast.users SET password_hash = $2,"
    " updated_at = now(), version = version + 1 WHERE username = $1"
    " RETURNING id, username),"
    " s AS (UPDATE mast.sessions SET revoked_at = now()"
    " WHERE user_id = (SELECT id FROM u) AND revoked_at IS NULL"
    " AND expires_at > now() RETURNING id), "
    AUDIT("user.password", "user", "id::text",
	"'username', username, 'os_user', $3::text", "u")
    " SELECT id, username, (SELECT count(*) FROM s) FROM u", 3, 0 },
[STMT_USER_LIST] = { "user_list",
    "SELECT id, username, display_name, email, role, is_active, all_nodes,"
    " mast.rfc3339(expires_at),"
    " mast.rfc3339(last_login_at)"
    " FROM mast.users ORDER BY username", 0, DB_READ },

[STMT_CERT_USE] = { "cert_use",
    "SELECT c.chain_pem FROM mast.certificate_use u"
    " JOIN mast.certificates c ON c.id = u.current", 0, DB_READ },
/* id, chain, sealed key, end, fingerprint, subject, who. The pair before the
 * previous one goes. */
[STMT_CERT_INSTALL] = { "cert_install",
    "WITH o AS MATERIALIZED (SELECT u.current, u.previous"
    " FROM mast.certificate_use u FOR UPDATE),"
    " c AS (INSERT INTO mast.certificates (id, door, chain_pem, key_sealed,"
    " not_after, fingerprint, subject) SELECT $1::uuid, 'both', $2,"
    " $3::bytea, $4::timestamptz, $5, $6 FROM o RETURNING *),"
    " n AS (UPDATE mast.certificate_use u SET current = c.id,"
    " previous = o.current, kept = true, switched_at = now(),"
    " switched_by = NULL FROM o, c RETURNING u.door),"
    " d AS (DELETE FROM mast.certificates x USING o, n"
    " WHERE x.id = o.previous), "
    AUDIT("settings.tls_upload", "certificate", "c.id::text",
	"'before', (SELECT " CERT("b") " FROM o JOIN mast.certificates b"
	" ON b.id = o.current), 'after', " CERT("c") ", 'os_user', $7::text",
	"c, n")
    " SELECT c.id FROM c, n", 7, 0 },
[STMT_CERT_RESTORE] = { "cert_restore",
    "WITH o AS MATERIALIZED (SELECT u.current, u.previous, u.kept"
    " FROM mast.certificate_use u FOR UPDATE),"
    " g AS (SELECT o.current, o.previous FROM o WHERE o.kept AND NOT EXISTS"
    " (SELECT FROM mast.certificates c WHERE c.id = o.previous"
    " AND c.not_after <= now())),"
    " n AS (UPDATE mast.certificate_use u SET current = g.previous,"
    " previous = g.current, switched_at = now(), switched_by = NULL FROM g"
    " RETURNING u.current), "
    AUDIT("settings.tls_restore", "certificate", "g.previous::text",
	"'before', (SELECT " CERT("b") " FROM mast.certificates b"
	" WHERE b.id = g.current), 'after', (SELECT " CERT("b")
	" FROM mast.certificates b WHERE b.id = g.previous),"
	" 'os_user', $1::text", "g, n")
    " SELECT EXISTS (SELECT FROM n), o.kept FROM o", 1, 0 },

[STMT_USER_FIND] = { "user_find",
    "SELECT id FROM mast.users WHERE username = $1", 1, DB_READ },
[STMT_USER_ACTIVE] = { "user_active",
    "WITH u AS (UPDATE mast.users SET is_active = $2::boolean,"
    " updated_at = now(), version = version + 1 WHERE username = $1"
    " RETURNING id, username, is_active),"
    " s AS (UPDATE mast.sessions SET revoked_at = now()"
    " WHERE user_id = (SELECT id FROM u) AND NOT $2::boolean"
    " AND revoked_at IS NULL AND expires_at > now() RETURNING id), "
    AUDIT("user.update", "user", "id::text",
	"'username', username, 'is_active', is_active, 'os_user', $3::text",
	"u")
    " SELECT id, username, is_active, (SELECT count(*) FROM s) FROM u",
    3, 0 },
[STMT_USER_SESSIONS] = { "user_sessions",
    "SELECT s.id, host(s.address), mast.rfc3339(s.created_at),"
    " mast.rfc3339(s.expires_at), s.user_agent FROM mast.sessions s"
    " JOIN mast.users u ON u.id = s.user_id WHERE u.username = $1"
    " AND s.revoked_at IS NULL AND s.expires_at > now()"
    " ORDER BY s.created_at DESC, s.id DESC", 1, DB_READ },
[STMT_USER_SESSIONS_END] = { "user_sessions_end",
    "WITH u AS (SELECT id, username FROM mast.users WHERE username = $1),"
    " s AS (UPDATE mast.sessions SET revoked_at = now()"
    " WHERE user_id = (SELECT id FROM u) AND revoked_at IS NULL"
    " AND expires_at > now() RETURNING id), "
    AUDIT("session.end", "user", "id::text",
	"'username', username, 'sessions', (SELECT count(*) FROM s),"
	" 'os_user', $2::text", "u")
    " SELECT id, username, (SELECT count(*) FROM s) FROM u", 2, 0 },
[STMT_TOKEN_LIST] = { "token_list",
    "SELECT t.id, u.username, t.name, t.max_role, t.read_only,"
    " to_json(t.node_ids), t.revoked_at IS NULL AND t.expires_at > now(),"
    " mast.rfc3339(t.created_at), mast.rfc3339(t.expires_at),"
    " mast.rfc3339(t.last_used_at) FROM mast.api_tokens t"
    " JOIN mast.users u ON u.id = t.user_id"
    " WHERE $1::text IS NULL OR u.username = $1"
    " ORDER BY u.username, t.created_at, t.id", 1, DB_READ },
[STMT_TOKEN_REVOKE] = { "token_revoke",
    "WITH t AS (DELETE FROM mast.api_tokens x USING mast.users u"
    " WHERE u.id = x.user_id AND x.id::text = lower($1)"
    " RETURNING x.id, u.username, x.name), "
    AUDIT("token.delete", "token", "id::text",
	"'username', username, 'name', name, 'os_user', $2::text", "t")
    " SELECT id, username, name FROM t", 2, 0 },
[STMT_AI_KEY_LIST] = { "ai_key_list",
    "SELECT k.id, u.username, k.provider, k.hint, k.model_preference,"
    " encode(k.sealed_for, 'hex'), mast.rfc3339(k.updated_at)"
    " FROM mast.provider_keys k JOIN mast.users u ON u.id = k.user_id"
    " WHERE $1::text IS NULL OR u.username = $1"
    " ORDER BY u.username, k.provider", 1, DB_READ },
/* id, user of the system: the key as it is sealed, for a test that begins */
[STMT_AI_KEY_TAKE] = { "ai_key_take",
    "WITH k AS (SELECT x.id, u.username, x.provider, x.model_preference,"
    " x.sealed FROM mast.provider_keys x JOIN mast.users u"
    " ON u.id = x.user_id WHERE x.id::text = lower($1)), "
    AUDIT("ai.key.test", "ai_key", "id::text",
	"'username', username, 'provider', provider, 'os_user', $2::text",
	"k")
    " SELECT sealed, provider, model_preference FROM k", 2, 0 },
/* id, model, input, output, ms, ok, error, what to do */
[STMT_AI_KEY_TESTED] = { "ai_key_tested",
    "WITH k AS (SELECT x.id, x.user_id, u.username, x.provider"
    " FROM mast.provider_keys x JOIN mast.users u ON u.id = x.user_id"
    " WHERE x.id::text = lower($1)),"
    " n AS (INSERT INTO mast.ai_usage (user_id, provider, model,"
    " input_tokens, output_tokens, took_ms, ok, kind, error)"
    " SELECT k.user_id, k.provider, $2, $3::bigint, $4::bigint,"
    " $5::integer, $6::boolean, 'test', $7 FROM k)"
    " SELECT k.id, k.username, k.provider, $2::text, $6::boolean, $7::text,"
    " $8::text, $5::integer FROM k", 8, 0 },
[STMT_AI_KEY_DELETE] = { "ai_key_delete",
    "WITH k AS (DELETE FROM mast.provider_keys x USING mast.users u"
    " WHERE u.id = x.user_id AND x.id::text = lower($1)"
    " RETURNING x.id, u.username, x.provider), "
    AUDIT("ai.key.delete", "ai_key", "id::text",
	"'username', username, 'provider', provider, 'os_user', $2::text",
	"k")
    " SELECT id, username, provider FROM k", 2, 0 },
/* public half of aid's present key, id behind which */
[STMT_AI_KEY_STALE] = { "ai_key_stale",
    "SELECT k.id, k.sealed FROM mast.provider_keys k"
    " WHERE k.sealed_for <> $1::bytea AND k.id > $2::uuid"
    " ORDER BY k.id LIMIT 100", 2, DB_READ },
/* id, sealed as it was, as it is to be, for which key, user of the system */
[STMT_AI_KEY_RESEALED] = { "ai_key_resealed",
    "WITH k AS (UPDATE mast.provider_keys x SET sealed = $3::bytea,"
    " sealed_for = $4::bytea FROM mast.users u WHERE u.id = x.user_id"
    " AND x.id = $1::uuid AND x.sealed = $2::bytea"
    " RETURNING x.id, u.username, x.provider), "
    AUDIT("ai.key.reseal", "ai_key", "id::text",
	"'username', username, 'provider', provider, 'os_user', $5::text",
	"k")
    " SELECT id FROM k", 5, 0 },
/* the old public half, the new one, user of the system */
[STMT_AI_KEY_RETIRE] = { "ai_key_retire",
    "WITH k AS (INSERT INTO mast.retired_keys (pub) VALUES ($1::bytea)"
    " ON CONFLICT DO NOTHING RETURNING pub), "
    AUDIT("key.rotate", "key", "'aid'",
	"'public', encode($2::bytea, 'hex'),"
	" 'retired', encode(pub, 'hex'), 'os_user', $3::text", "k")
    " SELECT pub FROM k", 3, 0 },
/* public half, rows sealed anew, rows that no key opens, step, what comes
 * next or NULL: as an answer */
[STMT_AI_KEY_ROTATED] = { "ai_key_rotated",
    "SELECT 'aid', encode($1::bytea, 'hex'), $2::bigint, $3::bigint,"
    " $4::text, $5::text", 5, DB_READ },

[STMT_NODE_FIND] = { "node_find",
    "SELECT id, name FROM mast.nodes"
    " WHERE id::text = lower($1) OR name = $1 ORDER BY id LIMIT 2",
    1, DB_READ },
[STMT_NODE_ADD] = { "node_add",
    "WITH n AS (INSERT INTO mast.nodes (id, name, description, device_type)"
    " VALUES ($1::uuid, $2, $3, $4) RETURNING id, name, device_type),"
    " t AS (INSERT INTO mast.node_tokens (token_hash, node_id, expires_at)"
    " SELECT $5::bytea, id, now() + make_interval(hours => $6::integer)"
    " FROM n RETURNING expires_at), "
    AUDIT("node.create", "node", "id::text",
	"'name', name, 'device_type', device_type, 'os_user', $7::text", "n")
    " SELECT id, name, device_type, $8::text,"
    " mast.rfc3339(expires_at)"
    " FROM n, t", 8, 0 },
[STMT_NODE_TOKEN] = { "node_token",
    "WITH n AS (SELECT id, name, device_type FROM mast.nodes"
    " WHERE id = $1::uuid),"
    " r AS (UPDATE mast.node_tokens SET revoked_at = now()"
    " WHERE node_id = $1::uuid AND used_at IS NULL AND revoked_at IS NULL),"
    " t AS (INSERT INTO mast.node_tokens (token_hash, node_id, expires_at)"
    " SELECT $2::bytea, id, now() + make_interval(hours => $3::integer)"
    " FROM n RETURNING expires_at), "
    AUDIT("node.token", "node", "id::text",
	"'name', name, 'os_user', $4::text", "n")
    " SELECT id, name, device_type, $5::text,"
    " mast.rfc3339(expires_at)"
    " FROM n, t", 5, 0 },
[STMT_NODE_DELETE] = { "node_delete",
    "WITH n AS (DELETE FROM mast.nodes WHERE id = $1::uuid"
    " RETURNING id, name), "
    AUDIT("node.delete", "node", "id::text",
	"'name', name, 'os_user', $2::text", "n")
    " SELECT id, name FROM n", 2, 0 },
[STMT_NODE_LIST] = { "node_list",
    "SELECT id, name, device_type, status, software_version,"
    " mast.rfc3339(last_seen_at) FROM mast.node_all"
    " WHERE $1::text IS NULL OR device_type = $1"
    " ORDER BY name COLLATE \"C\", id", 1, DB_READ },
[STMT_NODE_SHOW] = { "node_show",
    "SELECT v.id, v.name, v.description, v.device_type, v.status,"
    " v.software_version, v.protocol_version,"
    " mast.rfc3339(v.last_seen_at), mast.rfc3339(v.expires_at),"
    " (SELECT count(*) FROM mast.node_secrets x WHERE x.node_id = v.id),"
    " host(v.address), v.last_health"
    " FROM mast.node_all v WHERE v.id = $1::uuid",
    1, DB_READ },

[STMT_NODE_WATCH] = { "node_watch",
    "SELECT json_build_object('id', v.id, 'name', v.name, 'status',"
    " v.status, 'software_version', v.software_version, 'address',"
    " host(v.address))::text,"
    " concat_ws('  ', mast.rfc3339(clock_timestamp()), v.name, v.status,"
    " v.software_version, host(v.address))"
    " FROM mast.node_all v WHERE v.id = $1::uuid", 1, DB_READ },
[STMT_NODE_TYPE] = { "node_type",
    "SELECT device_type FROM mast.nodes WHERE id = $1::uuid", 1, DB_READ },
[STMT_NODE_CONFIG] = { "node_config",
    "SELECT b.hash, b.sealed, mast.rfc3339(c.reported_at)"
    " FROM mast.node_configs c JOIN mast.config_blobs b"
    " ON b.hash = c.reported WHERE c.node_id = $1::uuid", 1, DB_READ },
/* command, node, type, sealed action, seconds, role, who. A queue has its
 * bound: then there is no row. */
[STMT_COMMAND_ADD] = { "command_add",
    "WITH c AS (INSERT INTO mast.commands (id, node_id, node_name, type,"
    " action, actor_name, expires_at, queue, min_role, by_tool)"
    " SELECT $1::uuid, n.id, n.name, $3, $4::bytea, 'mastctl',"
    " now() + make_interval(secs => $5::integer), true, $6::mast.role, true"
    " FROM mast.nodes n WHERE n.id = $2::uuid"
    " AND (SELECT count(*) FROM mast.commands q WHERE q.node_id = n.id"
    " AND q.state = 'queued') < 100 RETURNING id, node_id, type), "
    AUDIT("node.command", "node", "node_id::text",
	"'command_id', id, 'type', type, 'os_user', $7::text", "c")
    " SELECT id FROM c", 7, 0 },
[STMT_COMMAND_STATE] = { "command_state",
    "SELECT id, type, state, error, error_code, steps FROM mast.commands"
    " WHERE id = $1::uuid", 1, DB_READ },
[STMT_EVENT_TAIL] = { "event_tail",
    "SELECT * FROM (" EVENT_SHOWN
    " WHERE $2::uuid IS NULL OR e.node_id = $2::uuid"
    " ORDER BY e.created_at DESC, e.id DESC LIMIT $1::integer) t"
    " ORDER BY 1", 2, DB_READ },
/* As of the audit: one may commit after another with a higher id. */
[STMT_EVENT_SINCE] = { "event_since",
    EVENT_SHOWN " WHERE e.id > $1::bigint AND e.id <> ALL ($2::bigint[])"
    " AND ($3::uuid IS NULL OR e.node_id = $3::uuid)"
    " AND e.created_at > now() - interval '1 day'"
    " ORDER BY e.id LIMIT 1000", 3, DB_READ },

[STMT_AUDIT_SEALS] = { "audit_seals",
    "SELECT seq, rows, ids::text, content, chain, signature, signer, "
    TIME("sealed_at") " FROM mast.audit_seals WHERE seq > $1::bigint"
    " ORDER BY seq LIMIT 200", 1, DB_READ },
[STMT_AUDIT_ROWS] = { "audit_rows",
    "SELECT a.id, " AUDIT_TEXT
    " FROM unnest($1::text::int8multirange) AS r JOIN mast.audit a"
    " ON a.id >= lower(r) AND a.id < upper(r) ORDER BY a.id", 1, DB_READ },
[STMT_AUDIT_WAITING] = { "audit_waiting",
    "SELECT a.id, " AUDIT_TEXT
    " FROM mast.audit_open o JOIN mast.audit a ON a.id = o.id"
    " WHERE o.id > $1::bigint ORDER BY o.id LIMIT 5000", 1, DB_READ },
/* All, waiting, announced and gone, and since when the oldest waits. */
[STMT_AUDIT_COUNTS] = { "audit_counts",
    "SELECT (SELECT count(*) FROM mast.audit), count(a.id),"
    " count(*) - count(a.id), " TIME("min(a.at)")
    " FROM mast.audit_open o LEFT JOIN mast.audit a ON a.id = o.id",
    0, DB_READ },
[STMT_AUDIT_LOST] = { "audit_lost",
    "SELECT a.id FROM mast.audit a"
    " WHERE NOT EXISTS (SELECT FROM mast.audit_open o WHERE o.id = a.id)"
    " AND NOT EXISTS (SELECT FROM mast.audit_seals s WHERE s.ids @> a.id)"
    " ORDER BY a.id LIMIT 20", 0, DB_READ },
[STMT_AUDIT_NEXT] = { "audit_next",
    "SELECT * FROM mast.audit_seal_next(5000, interval '0')", 0, DB_READ },
[STMT_AUDIT_ADD] = { "audit_add",
    "SELECT mast.audit_seal_add($1::bigint, $2, $3::bigint, $4::bytea, $5,"
    " $6::bytea, $7::bytea, $8::bytea)", 8, 0 },
/* Rows that wait longer than the longest interval, since when; seals. */
[STMT_AUDIT_STALE] = { "audit_stale",
    "SELECT count(a.id), mast.rfc3339(min(a.at)),"
    " (SELECT count(*) FROM mast.audit_seals)"
    " FROM mast.audit_open o JOIN mast.audit a ON a.id = o.id"
    " WHERE a.at < now() - interval '65 minutes'", 0, DB_READ },
[STMT_AUDIT_TAIL] = { "audit_tail",
    "SELECT * FROM (" AUDIT_SHOWN " ORDER BY a.id DESC LIMIT $1::integer) t"
    " ORDER BY 1", 1, DB_READ },
/* A row may commit after one with a higher id: what follows the lowest of
 * those that were shown, without them. */
[STMT_AUDIT_SINCE] = { "audit_since",
    AUDIT_SHOWN " WHERE a.id > $1::bigint AND a.id <> ALL ($2::bigint[])"
    " ORDER BY a.id LIMIT 1000", 2, DB_READ },
[STMT_AUDIT_EXPORTED] = { "audit_exported",
    "INSERT INTO mast.audit (actor_kind, actor_name, action, target_type,"
    " details) VALUES ('system', 'mastctl', 'audit.export', 'audit',"
    " jsonb_build_object('os_user', $1::text))", 1, 0 },

/* A daemon has its role's name; all of a cluster see who is connected. */
[STMT_AT_WORK] = { "at_work",
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND usename IN ($1, $2)",
    2, DB_READ },
[STMT_HUBS_ELSEWHERE] = { "hubs_elsewhere",
    "SELECT count(*) FROM mast.hubs WHERE stopped_at IS NULL"
    " AND seen_at > now() - interval '30 seconds' AND name <> $1",
    1, DB_READ },
[STMT_KEY_ROTATED] = { "key_rotated",
    "INSERT INTO mast.audit (actor_kind, actor_name, action, target_type,"
    " target_id, details) VALUES ('system', 'mastctl', 'key.rotate', 'key',"
    " $1, $2::jsonb || jsonb_build_object('os_user', $3::text))", 3, 0 },
[STMT_SEALED_TOTP] = SEALED_BY_ID("totp", "users", "totp_secret",
    ID_AS_TEXT, "200"),
[STMT_RESEAL_TOTP] = RESEAL_BY_ID("totp", "users", "totp_secret"),
[STMT_SEALED_PENDING] = SEALED_BY_ID("pending", "users", "totp_pending",
    ID_AS_TEXT, "200"),
[STMT_RESEAL_PENDING] = RESEAL_BY_ID("pending", "users", "totp_pending"),
[STMT_SEALED_COMMAND] = SEALED_BY_ID("command", "commands", "action",
    ID_AS_BYTES, "8"),
[STMT_RESEAL_COMMAND] = RESEAL_BY_ID("command", "commands", "action"),
[STMT_SEALED_CERT] = SEALED_BY_ID("cert", "certificates", "key_sealed",
    ID_AS_TEXT, "200"),
[STMT_RESEAL_CERT] = RESEAL_BY_ID("cert", "certificates", "key_sealed"),
[STMT_SEALED_TUNNEL] = SEALED_BY_ID("tunnel", "tunnels", "secrets",
    ID_AS_BYTES, "200"),
[STMT_RESEAL_TUNNEL] = RESEAL_BY_ID("tunnel", "tunnels", "secrets"),
[STMT_SEALED_PROPOSAL] = SEALED_BY_ID("proposal", "proposals", "envelope",
    ID_AS_BYTES, "8"),
[STMT_RESEAL_PROPOSAL] = RESEAL_BY_ID("proposal", "proposals", "envelope"),
[STMT_SEALED_CONFIG] = SEALED("config", "config_blobs", "sealed",
    "encode(hash, 'hex')", "hash", HASH_GIVEN, "hash", "8"),
[STMT_RESEAL_CONFIG] = RESEAL("config", "config_blobs", "sealed", "hash",
    HASH_GIVEN),
[STMT_SEALED_ANSWER] = SEALED("answer", "idempotency_keys", "answer",
    ANSWER_KEY, ANSWER_KEY, "$1", "convert_to(concat_ws(' ', principal,"
    " key), 'UTF8')", "8"),
[STMT_RESEAL_ANSWER] = RESEAL("answer", "idempotency_keys", "answer",
    ANSWER_KEY, "$1"),

[STMT_EXPORT_NOTE] = { "export_note",
    "WITH a AS (INSERT INTO mast.audit (actor_kind, actor_name, action,"
    " target_type, details) VALUES ('system', 'mastctl', 'export',"
    " 'installation', jsonb_build_object('events', $1::boolean,"
    " 'events_days', $2::integer, 'audit', $3::boolean,"
    " 'secrets', $4::boolean, 'os_user', $5::text)))"
    " SELECT mast.rfc3339(now())", 5, 0 },
[STMT_EXPORT_SECTION] = { "export_section",
    "SELECT mast.export_open($1, $2::integer)", 2, 0 },
[STMT_EXPORT_FETCH] = { "export_fetch",
    "SELECT mast.export_fetch($1::integer)", 1, 0 },
[STMT_IMPORT_BEGIN] = { "import_begin",
    "SELECT mast.import_begin()", 0, 0 },
[STMT_IMPORT_STAGE] = { "import_stage",
    "SELECT mast.import_stage($1, $2::integer, $3::json)", 3, 0 },
/* The report, whether it has conflicts, these and the changes as text. */
[STMT_IMPORT_APPLY] = { "import_apply",
    "SELECT r, json_array_length(r->'conflicts') > 0,"
    " (SELECT string_agg(c->>'pointer' || ' ' || (c->>'detail'), E'\\n')"
    " FROM json_array_elements(r->'conflicts') c),"
    " coalesce((SELECT string_agg(concat_ws(' ', c->>'op', c->>'section',"
    " c->>'id', c->>'detail') || E'\\n', '') FROM json_array_elements("
    "r->'changes') c), '') || coalesce((SELECT string_agg("
    "'conflict ' || (c->>'pointer') || ' ' || (c->>'detail') || E'\\n', '')"
    " FROM json_array_elements(r->'conflicts') c), '')"
    " FROM mast.import_apply($1, $2, NULL, NULL) r", 2, 0 },
};

const struct db_stmt *
stmt_get(enum stmt s)
{
	if ((unsigned)s >= STMT__MAX || stmts[s].name == NULL)
		fatal("statement %d does not exist", (int)s);
	return &stmts[s];
}

size_t
stmt_count(void)
{
	return nitems(stmts);
}

static void
put_name(struct buf *b, const char *name)
{
	buf_putc(b, '"');
	for (; *name != '\0'; name++) {
		if (*name == '"')
			buf_putc(b, '"');
		buf_putc(b, *name);
	}
	buf_putc(b, '"');
}

void
stmt_create_role(struct buf *b, const char *role)
{
	buf_puts(b, "CREATE ROLE ");
	put_name(b, role);
	buf_puts(b, " LOGIN");
}

void
stmt_create_database(struct buf *b, const char *name, const char *owner)
{
	buf_puts(b, "CREATE DATABASE ");
	put_name(b, name);
	buf_puts(b, " OWNER ");
	put_name(b, owner);
	buf_puts(b, " TEMPLATE template0 ENCODING 'UTF8'");
}
