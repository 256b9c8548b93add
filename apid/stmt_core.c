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
	    "SELECT id, password_hash, CASE WHEN NOT is_active THEN 'disabled'"
	    " WHEN expired THEN 'expired' END, \"user\""
	    " FROM mast.signin_lookup($1)", 1, DB_READ },
	[DB_ROW(STMT_LOGIN_FAILED)] = { "login_failed",
	    "INSERT INTO mast.audit (actor_kind, actor_user, actor_name,"
	    " action, target_type, target_id, details, address, request_id)"
	    " VALUES ('user', $2::uuid, left($1, 64), 'auth.login_failed',"
	    " 'user', $2::uuid::text, jsonb_build_object('username',"
	    " left($1, 64), 'why', $3::text), $4::inet, $5)", 5, 0 },
	[DB_ROW(STMT_SESSION_OPEN)] = { "session_open",
	    "SELECT expires_us, lifetime_secs FROM mast.session_open($1::uuid,"
	    " $2::uuid, $3::bytea, $4::inet, $5, $6)", 6, 0 },
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
};
