-- Drift: what a node says it has against what was ordered.

ALTER TABLE mast.node_configs
	ADD COLUMN drift_told bytea;	-- fingerprint of what the event told

-- The list of a node's versions, newest first.
CREATE VIEW mast.config_version_view WITH (security_invoker = true) AS
SELECT v.id, v.node_id, v.hash, json_build_object(
    'version', v.id, 'hash', left(encode(v.hash, 'hex'), 32),
    'source', v.source, 'actor', v.actor_user, 'size', b.size,
    'dialect', b.dialect, 'first_seen_at', mast.rfc3339(v.first_seen_at),
    'last_seen_at', mast.rfc3339(v.last_seen_at),
    'reported', coalesce(k.reported = v.hash, false),
    'desired', coalesce(k.desired = v.hash, false),
    'attempt_error', CASE WHEN k.attempted = v.hash
	THEN k.attempt_error END) AS json
FROM mast.config_versions v JOIN mast.config_blobs b ON b.hash = v.hash
LEFT JOIN mast.node_configs k ON k.node_id = v.node_id;

GRANT SELECT ON mast.config_version_view TO _mast_apid;
