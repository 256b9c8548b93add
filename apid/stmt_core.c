/* stmt_core: the installation, sign-in and sessions. */
#include "db.h"
#include "stmt.h"
#include "stmt_sql.h"

const struct db_stmt stmt_core[DB_ROW(STMT_CORE__END)] = {
	[DB_ROW(STMT_VERSIONS)] = { "versions",
	    "SELECT name, value FROM mast.versions", 0, DB_READ },
	[DB_ROW(STMT_SETTINGS)] = { "settings",
	    "SELECT key, value FROM mast.settings", 0, DB_READ },

	/* Before anybody is known: functions that run as the owner. */
	[DB_ROW(STMT_LOGIN_USER)] = { "login_user",
	    "SELECT s.id, s.password_hash, CASE WHEN NOT is_active THEN 'disabled'"
	    " WHEN expired THEN 'expired' END, \"user\", f.totp_secret,"
	    " f.totp_last_step FROM mast.signin_lookup($1) s,"
	    " mast.factor_lookup(s.id) f", 1, DB_READ },
	[DB_ROW(STMT_LOGIN_FAILED)] = { "login_failed",
	    "INSERT INTO mast.audit (actor_kind, actor_user, actor_name,"
	    " action, target_type, target_id, details, address, request_id)"
	    " VALUES ('user', $2::uuid, left($1, 64), 'auth.login_failed',"
	    " 'user', $2::uuid::text, jsonb_build_object('username',"
	    " left($1, 64), 'why', $3::text), $4::inet, $5)", 5, 0 },
	[DB_ROW(STMT_SESSION_OPEN)] = { "session_open",
	    "SELECT expires_us, lifetime_secs FROM mast.session_open($1::uuid,"
	    " $2::uuid, $3::bytea, $4::inet, $5, $6, $7::bigint,"
	    " $8::bytea)", 8, 0 },
	[DB_ROW(STMT_SESSION_LOOKUP)] = { "session_lookup",
	    "SELECT user_id, session_id, username, role, all_nodes, node_ids,"
	    " least(expires_us, user_expires_us), false"
	    " FROM mast.session_lookup($1::bytea)"
	    " WHERE is_active AND NOT expired AND NOT revoked", 1, DB_READ },
	[DB_ROW(STMT_TOKEN_LOOKUP)] = { "token_lookup",
	    "SELECT user_id, token_id, username, role, all_nodes, node_ids,"
	    " ends_us, read_only FROM mast.token_lookup($1::bytea)", 1, 0 },
	[DB_ROW(STMT_SESSION_CLOSE)] = { "session_close",
	    "SELECT mast.session_close($1::bytea, $2::inet, $3)", 3, 0 },
	[DB_ROW(STMT_ME)] = { "me",
	    "SELECT json_build_object('user', \"user\", 'csrf_token', $2::text,"
	    " 'session', json_build_object('id', session_id, 'expires_at',"
	    " mast.rfc3339(to_timestamp(expires_us / 1e6))),"
	    " 'token', NULL)"
	    " FROM mast.session_lookup($1::bytea)", 2, DB_READ },
	[DB_ROW(STMT_LINK_PASSWORD)] = { "link_password",
	    "SELECT mast.link_password($1::bytea, $2, $3::inet, $4)", 4, 0 },

	/* Idempotency keys; the table's policy shows everybody his own. */
	[DB_ROW(STMT_KEY_FIND)] = { "key_find",
	    "SELECT k.request_hash = $2::bytea, k.status, k.answer,"
	    " greatest(0, extract(epoch FROM now() - k.created_at))::bigint,"
	    " k.request_id FROM mast.idempotency_keys k"
	    " WHERE k.principal = mast.actor() AND k.key = $1"
	    " AND k.created_at > now() - interval '24 hours'",
	    2, DB_READ | DB_ACTOR },
	[DB_ROW(STMT_KEY_CLAIM)] = { "key_claim",
	    "SELECT mast.key_claim($1, $2::bytea, $3)", 3, DB_ACTOR },
	[DB_ROW(STMT_KEY_DONE)] = { "key_done",
	    "UPDATE mast.idempotency_keys k SET status = $3::integer,"
	    " answer = $4::bytea WHERE k.principal = mast.actor()"
	    " AND k.key = $1 AND k.request_id = $2", 4, DB_ACTOR },

	/* The caller proves himself once more, or fails to. */
	[DB_ROW(STMT_FACTORS)] = { "factors",
	    "SELECT password_hash, totp_secret, totp_last_step, totp_pending"
	    " FROM mast.factor_lookup($1::uuid)", 1, DB_READ },
	[DB_ROW(STMT_PROOF_FAILED)] = { "proof_failed",
	    AUDIT("auth.proof_failed", "user", "one.id",
	    "jsonb_build_object('what', $1::text)", "2", "3",
	    "(SELECT mast.actor()) one(id)"), 3, DB_ACTOR },
	/* hash, session that stays, address, request */
	[DB_ROW(STMT_SELF_PASSWORD)] = { "self_password",
	    "WITH n AS (UPDATE mast.users x SET password_hash = $1,"
	    " updated_at = now(), version = x.version + 1"
	    " WHERE x.id = mast.actor() RETURNING x.id),"
	    " s AS (UPDATE mast.sessions s SET revoked_at = now() FROM n"
	    " WHERE s.user_id = n.id AND s.id <> $2::uuid"
	    " AND s.revoked_at IS NULL),"
	    " a AS (" AUDIT("user.password", "user", "n.id", "NULL::jsonb",
	    "3", "4", "n") ")"
	    " SELECT n.id FROM n", 4, DB_ACTOR },

	[DB_ROW(STMT_TOTP_STATE)] = { "totp_state",
	    "SELECT json_build_object('enabled', u.has_totp,"
	    " 'recovery_codes_left', (SELECT count(*)"
	    " FROM mast.recovery_codes c WHERE c.user_id = u.id"
	    " AND c.used_at IS NULL)) FROM mast.users u"
	    " WHERE u.id = mast.actor()", 0, DB_READ | DB_ACTOR },
	[DB_ROW(STMT_TOTP_ENROL)] = { "totp_enrol",
	    "WITH n AS (UPDATE mast.users x SET totp_pending = $1::bytea"
	    " WHERE x.id = mast.actor() AND NOT x.has_totp RETURNING x.id),"
	    " a AS (" AUDIT("totp.enrol", "user", "n.id", "NULL::jsonb",
	    "2", "3", "n") ")"
	    " SELECT n.id FROM n", 3, DB_ACTOR },
	/* secret, its step, hashes of recovery codes, address, request */
	[DB_ROW(STMT_TOTP_CONFIRM)] = { "totp_confirm",
	    "WITH n AS (UPDATE mast.users x SET totp_secret = $1::bytea,"
	    " totp_last_step = $2::bigint, totp_pending = NULL,"
	    " updated_at = now(), version = x.version + 1"
	    " WHERE x.id = mast.actor() AND NOT x.has_totp RETURNING x.id),"
	    " c AS (INSERT INTO mast.recovery_codes (user_id, code_hash)"
	    " SELECT n.id, h FROM n, unnest($3::bytea[]) h),"
	    " a AS (" AUDIT("totp.enable", "user", "n.id", "NULL::jsonb",
	    "4", "5", "n") ")"
	    " SELECT n.id FROM n", 5, DB_ACTOR },
	/* step or NULL, recovery hash or NULL, address, request */
	[DB_ROW(STMT_TOTP_DISABLE)] = { "totp_disable",
	    "WITH n AS (UPDATE mast.users x SET totp_secret = NULL,"
	    " totp_last_step = NULL, totp_pending = NULL, updated_at = now(),"
	    " version = x.version + 1 WHERE x.id = mast.actor()"
	    " AND x.has_totp AND ($1::bigint > coalesce(x.totp_last_step, 0)"
	    " OR EXISTS (SELECT FROM mast.recovery_codes c"
	    " WHERE c.user_id = x.id AND c.code_hash = $2::bytea"
	    " AND c.used_at IS NULL)) RETURNING x.id),"
	    " d AS (DELETE FROM mast.recovery_codes c USING n"
	    " WHERE c.user_id = n.id),"
	    " a AS (" AUDIT("totp.disable", "user", "n.id", "NULL::jsonb",
	    "3", "4", "n") ")"
	    " SELECT n.id FROM n", 4, DB_ACTOR },
};
