-- The hash of a configuration tells whether a guess is right. Who reads the
-- configuration without its credentials could try passphrases against it, so
-- he does not get the hash either.

CREATE OR REPLACE VIEW mast.config_version_view
    WITH (security_invoker = true) AS
SELECT v.id, v.node_id, v.hash, json_build_object(
    'version', v.id, 'hash', CASE WHEN me.role >= 'operator'
	THEN left(encode(v.hash, 'hex'), 32) END,
    'source', v.source, 'actor', v.actor_user, 'size', b.size,
    'dialect', b.dialect, 'first_seen_at', mast.rfc3339(v.first_seen_at),
    'last_seen_at', mast.rfc3339(v.last_seen_at),
    'reported', coalesce(k.reported = v.hash, false),
    'desired', coalesce(k.desired = v.hash, false),
    'attempt_error', CASE WHEN k.attempted = v.hash
	THEN k.attempt_error END) AS json
FROM mast.config_versions v JOIN mast.config_blobs b ON b.hash = v.hash
LEFT JOIN mast.node_configs k ON k.node_id = v.node_id
LEFT JOIN mast.me ON true;

CREATE OR REPLACE VIEW mast.proposal_view
    WITH (security_invoker = true) AS
SELECT p.id, p.node_id, s.state, p.base_hash, p.envelope, p.min_role,
    p.created_at, json_build_object(
    'id', p.id, 'node_id', p.node_id, 'node_name', n.name,
    'provider', p.provider, 'model', p.model, 'state', s.state,
    'message', p.message, 'actions', p.actions,
    'requires_role', p.min_role,
    'base_hash', CASE WHEN me.role >= 'operator'
	THEN encode(p.base_hash, 'hex') END, 'undoes', p.undoes,
    'created_at', mast.rfc3339(p.created_at),
    'expires_at', mast.rfc3339(p.expires_at),
    'applied_at', mast.rfc3339(p.applied_at),
    'result', p.result) AS json
FROM mast.proposals p
LEFT JOIN mast.nodes n ON n.id = p.node_id
LEFT JOIN mast.me ON true
CROSS JOIN LATERAL (SELECT CASE
    WHEN p.state = 'open' AND p.expires_at <= now() THEN 'expired'
    WHEN p.state = 'applying' AND p.applied_at < now() - interval '15 minutes'
    THEN 'unknown' ELSE p.state END AS state) s;
