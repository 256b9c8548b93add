/* stmt_ai: keys of AI providers, calls, proposals, use. */
#include "db.h"
#include "stmt.h"
#include "stmt_sql.h"

/* A proposal of the actor. $id sealed envelope and so on from column n. */
#define PROPOSAL(id, node, provider, model, base, envelope, message, \
    actions, role, undoes, secs, from) \
    "INSERT INTO mast.proposals (id, user_id, node_id, provider, model," \
    " base_hash, envelope, message, actions, min_role, undoes, expires_at)" \
    " SELECT " id "::uuid, mast.actor(), " node "::uuid, " provider ", " \
    model ", " base "::bytea, " envelope "::bytea, " message ", " actions \
    "::text[], " role "::mast.role, " undoes "::uuid," \
    " now() + make_interval(secs => " secs "::integer) FROM " from \
    " WHERE " id "::uuid IS NOT NULL RETURNING id, expires_at"

/* As AUDIT, of what the AI does on behalf of the actor. */
#define AUDIT_AI(action, target, details, address, request, from) \
    "INSERT INTO mast.audit (actor_kind, actor_user, actor_name, action," \
    " target_type, target_id, details, address, request_id)" \
    " SELECT 'ai', w.id, w.username, '" action "', 'proposal', " target \
    "::text, mast.actor_details(" details "), $" address "::inet, $" \
    request " FROM " from ", mast.users w WHERE w.id = mast.actor()"

#define KEY_JSON(pubs) "json_build_object('id', k.id," \
    " 'provider', k.provider, 'hint', k.hint," \
    " 'model_preference', k.model_preference," \
    " 'configured', true, 'needs_reentry', k.sealed_for <> ALL (" pubs \
    "::bytea[])," \
    " 'updated_at', mast.rfc3339(k.updated_at))"

const struct db_stmt stmt_ai[DB_ROW(STMT_AI__END)] = {
	/* public keys that aid opens with, or NULL */
	[DB_ROW(STMT_AI_KEYS)] = { "ai_keys",
	    "SELECT coalesce(json_agg(" KEY_JSON("$1") " ORDER BY k.provider),"
	    " '[]') FROM mast.provider_keys k"
	    " WHERE k.user_id = mast.actor()", 1, DB_READ | DB_ACTOR },
	/* id, provider, sealed, sealed for, hint, model, whether it is
	 * given, address, request. The audit has no more than the hint. */
	[DB_ROW(STMT_AI_KEY_PUT)] = { "ai_key_put",
	    "WITH n AS (INSERT INTO mast.provider_keys AS k (id, user_id,"
	    " provider, sealed, sealed_for, hint, model_preference)"
	    " VALUES ($1::uuid, mast.actor(), $2, $3::bytea, $4::bytea, $5,"
	    " $6) ON CONFLICT ON CONSTRAINT provider_keys_user_provider_key"
	    " DO UPDATE SET sealed = $3::bytea,"
	    " sealed_for = $4::bytea, hint = $5,"
	    " model_preference = CASE WHEN $7::boolean"
	    " THEN $6 ELSE k.model_preference END,"
	    " updated_at = now() RETURNING k.id, k.provider, k.hint,"
	    " k.model_preference),"
	    " a AS (" AUDIT("ai.key.set", "ai_key", "n.id",
	    "jsonb_build_object('provider', n.provider, 'hint', n.hint,"
	    " 'model_preference', n.model_preference)", "8", "9", "n") ")"
	    " SELECT n.id FROM n", 9, DB_ACTOR },
	/* provider, address, request */
	[DB_ROW(STMT_AI_KEY_DELETE)] = { "ai_key_delete",
	    "WITH n AS (DELETE FROM mast.provider_keys k"
	    " WHERE k.user_id = mast.actor() AND k.provider = $1"
	    " RETURNING k.id, k.provider, k.hint),"
	    " a AS (" AUDIT("ai.key.delete", "ai_key", "n.id",
	    "jsonb_build_object('provider', n.provider, 'hint', n.hint)",
	    "2", "3", "n") ")"
	    " SELECT count(*) FROM n", 3, DB_ACTOR },
	/* provider, default model, kind, calls, tokens, whether it goes
	 * without a key, node or NULL, access: key (sealed, for, model),
	 * row of use or NULL, calls, tokens, seconds to midnight, node as
	 * JSON or NULL, its type, configuration (sealed, hash), nodes,
	 * tunnels, alarms, events, series of the node or NULL. $9, $10:
	 * names and units of metrics */
	[DB_ROW(STMT_AI_OPEN)] = { "ai_open",
	    "WITH k AS MATERIALIZED (SELECT * FROM"
	    " mast.provider_key_for(mast.actor(), $1)),"
	    " n AS MATERIALIZED (SELECT * FROM"
	    " mast.ai_node($7::uuid, $8::uuid[])),"
	    " o AS MATERIALIZED (SELECT x.* FROM (SELECT coalesce("
	    " (SELECT k.model_preference FROM k), $2) AS model"
	    " WHERE ($6::boolean OR EXISTS (SELECT FROM k)) AND"
	    " ($7::uuid IS NULL OR EXISTS (SELECT FROM n))) q,"
	    " LATERAL mast.ai_open($1, q.model, $3, $4::bigint,"
	    " $5::bigint) x)"
	    " SELECT k.sealed, k.sealed_for, k.model_preference,"
	    " o.usage_id, o.calls, o.tokens, o.secs, n.json, n.device_type,"
	    " n.sealed, n.hash, f.nodes, f.tunnels, f.alarms, f.events,"
	    " CASE WHEN $3 IN ('analyze', 'query') AND n.id IS NOT NULL THEN"
	    " mast.ai_series(n.id, $9::text[], $10::text[]) END"
	    " FROM mast.ai_facts($7::uuid, $8::uuid[], $3 <> 'generate') f"
	    " LEFT JOIN k ON true LEFT JOIN o ON true LEFT JOIN n ON true",
	    10, DB_ACTOR },
	/* 1 row of use, model, input, output, ms, ok, error, 8 provider,
	 * kind, node, address, request, 13 proposal or NULL, base,
	 * envelope, message, actions, 18 role, seconds: id, expires */
	[DB_ROW(STMT_AI_CLOSE)] = { "ai_close",
	    "WITH u AS (UPDATE mast.ai_usage SET model = $2,"
	    " input_tokens = $3::bigint, output_tokens = $4::bigint,"
	    " took_ms = $5::integer, ok = $6::boolean, error = $7"
	    " WHERE id = $1::bigint AND user_id = mast.actor()"
	    " RETURNING id),"
	    " old AS (DELETE FROM mast.proposals p USING u"
	    " WHERE p.user_id = mast.actor()"
	    " AND p.created_at < now() - interval '30 days'),"
	    " p AS (" PROPOSAL("$13", "$10", "$8", "$2", "$14", "$15", "$16",
	    "$17", "$18", "NULL", "$19", "u") "),"
	    " a AS (" AUDIT("ai.call", "ai", "u.id",
	    "jsonb_strip_nulls(jsonb_build_object('kind', $9::text,"
	    " 'provider', $8::text, 'model', $2::text, 'node_id', $10::text,"
	    " 'ok', $6::boolean, 'error', $7::text,"
	    " 'input_tokens', $3::bigint, 'output_tokens', $4::bigint,"
	    " 'proposal_id', $13::text))", "11", "12", "u") ")"
	    " SELECT p.id, mast.rfc3339(p.expires_at) FROM u"
	    " LEFT JOIN p ON true", 19, DB_ACTOR },
	/* calls, tokens of the budget, days */
	[DB_ROW(STMT_AI_USAGE)] = { "ai_usage",
	    "SELECT json_build_object('budget', (SELECT json_build_object("
	    "'calls', $1::bigint, 'tokens', $2::bigint,"
	    " 'used_calls', count(*),"
	    " 'used_tokens', coalesce(sum(u.input_tokens + u.output_tokens),"
	    " 0), 'resets_at', mast.rfc3339(date_trunc('day', now(), 'UTC')"
	    " + interval '1 day')) FROM mast.ai_usage u"
	    " WHERE u.user_id = mast.actor()"
	    " AND u.at >= date_trunc('day', now(), 'UTC')),"
	    " 'days', (SELECT coalesce(json_agg(json_build_object("
	    "'day', d.day, 'provider', d.provider, 'model', d.model,"
	    " 'calls', d.calls, 'failed', d.failed,"
	    " 'input_tokens', d.input, 'output_tokens', d.output,"
	    " 'took_ms', d.took) ORDER BY d.day DESC, d.provider, d.model),"
	    " '[]') FROM (SELECT (u.at AT TIME ZONE 'UTC')::date AS day,"
	    " u.provider, u.model, count(*) AS calls,"
	    " count(*) FILTER (WHERE NOT u.ok) AS failed,"
	    " sum(u.input_tokens) AS input, sum(u.output_tokens) AS output,"
	    " sum(u.took_ms) AS took FROM mast.ai_usage u"
	    " WHERE u.user_id = mast.actor() AND u.at >="
	    " date_trunc('day', now(), 'UTC')"
	    " - make_interval(days => $3::integer - 1)"
	    " GROUP BY 1, 2, 3 ORDER BY 1 DESC, 2, 3 LIMIT 1000) d))",
	    3, DB_READ | DB_ACTOR },
	/* state, access, limit, key */
	[DB_ROW(STMT_PROPOSAL_LIST)] = { "proposal_list",
	    "SELECT " PAGE_JSON("3") ", " PAGE_KEY("p.id", "3")
	    " FROM (SELECT v.json, v.id, row_number() OVER"
	    " (ORDER BY v.id DESC) AS n FROM mast.proposal_view v"
	    " WHERE ($1::text IS NULL AND v.state <> 'dismissed'"
	    " OR v.state = $1) AND (v.node_id IS NULL OR"
	    SEES("v.node_id", "2") ") AND v.id < coalesce($4::uuid,"
	    " 'ffffffff-ffff-ffff-ffff-ffffffffffff')"
	    " ORDER BY n" PAGE_LIMIT("3") ") p", 4, DB_READ | DB_ACTOR },
	/* id, access: json, envelope, base, node, state, its type, nodes,
	 * tunnels, configuration (sealed, hash) */
	[DB_ROW(STMT_PROPOSAL_GET)] = { "proposal_get",
	    "SELECT v.json, v.envelope, v.base_hash, v.node_id, v.state,"
	    " n.device_type, b.sealed, b.hash, v.json->>'provider',"
	    " v.json->>'model', f.nodes, f.tunnels"
	    " FROM mast.proposal_view v"
	    " CROSS JOIN LATERAL mast.ai_facts(NULL, $2::uuid[], false) f"
	    " LEFT JOIN mast.nodes n ON n.id = v.node_id"
	    " LEFT JOIN mast.node_configs c ON c.node_id = n.id"
	    " LEFT JOIN mast.config_blobs b ON b.hash = c.reported"
	    " WHERE v.id = $1::uuid AND (v.node_id IS NULL OR"
	    SEES("v.node_id", "2") ")", 2, DB_READ | DB_ACTOR },
	/* id, address, request */
	[DB_ROW(STMT_PROPOSAL_CLAIM)] = { "proposal_claim",
	    "WITH n AS (UPDATE mast.proposals SET state = 'applying',"
	    " applied_at = now() WHERE id = $1::uuid"
	    " AND user_id = mast.actor() AND state = 'open'"
	    " AND expires_at > now() RETURNING id, provider, model, node_id,"
	    " actions),"
	    " a AS (" AUDIT_AI("ai.apply", "n.id",
	    "jsonb_strip_nulls(jsonb_build_object('provider', n.provider,"
	    " 'model', n.model, 'node_id', n.node_id,"
	    " 'actions', to_jsonb(n.actions)))", "2", "3", "n") ")"
	    " SELECT n.id FROM n", 3, DB_ACTOR },
	/* id, state, result, address, request, 6 inverse or NULL, base,
	 * envelope, message, actions, role, 12 seconds */
	[DB_ROW(STMT_PROPOSAL_END)] = { "proposal_end",
	    "WITH n AS (UPDATE mast.proposals SET state = $2,"
	    " result = $3::jsonb, done_at = now() WHERE id = $1::uuid"
	    " AND user_id = mast.actor() AND state = 'applying'"
	    " RETURNING id, provider, model, node_id),"
	    " p AS (" PROPOSAL("$6", "n.node_id", "n.provider", "n.model",
	    "$7", "$8", "$9", "$10", "$11", "n.id", "$12", "n") "),"
	    " a AS (" AUDIT_AI("ai.applied", "n.id",
	    "jsonb_strip_nulls(jsonb_build_object('provider', n.provider,"
	    " 'model', n.model, 'node_id', n.node_id, 'state', $2::text,"
	    " 'steps', $3::jsonb->'steps', 'inverse_id', $6::text))",
	    "4", "5", "n") ")"
	    " SELECT n.id, p.id FROM n LEFT JOIN p ON true", 12, DB_ACTOR },
	/* id, address, request */
	[DB_ROW(STMT_PROPOSAL_DISMISS)] = { "proposal_dismiss",
	    "WITH n AS (UPDATE mast.proposals SET state = 'dismissed',"
	    " done_at = now() WHERE id = $1::uuid"
	    " AND user_id = mast.actor() AND state = 'open'"
	    " RETURNING id, provider, model),"
	    " a AS (" AUDIT("ai.dismiss", "proposal", "n.id",
	    "jsonb_build_object('provider', n.provider, 'model', n.model)",
	    "2", "3", "n") ")"
	    " SELECT (SELECT p.state FROM mast.proposals p"
	    " WHERE p.id = $1::uuid AND p.user_id = mast.actor()),"
	    " n.id IS NOT NULL FROM (VALUES (1)) one LEFT JOIN n ON true",
	    3, DB_ACTOR },
};
