-- AI: what a user's keys, calls and proposals are held to.

------------------------------------------------------------------------
-- Keys. A sealed key is what crypto_box_seal makes of 1 to 256 bytes.

ALTER TABLE mast.provider_keys
	ADD CONSTRAINT provider_keys_form CHECK (
	    octet_length(provider) BETWEEN 1 AND 32
	    AND octet_length(sealed) BETWEEN 49 AND 512
	    AND octet_length(sealed_for) = 32
	    AND octet_length(hint) <= 16
	    AND octet_length(model_preference) BETWEEN 1 AND 128);

------------------------------------------------------------------------
-- Calls. The row is made before the call, so that calls under way count
-- against the budget, and one that nobody waited for is one all the same.

ALTER TABLE mast.ai_usage
	ADD COLUMN kind text NOT NULL DEFAULT 'generate',
	ADD COLUMN error text,
	ADD CONSTRAINT ai_usage_form CHECK (input_tokens >= 0
	    AND output_tokens >= 0 AND took_ms >= 0
	    AND kind IN ('generate', 'analyze', 'query', 'test')
	    AND octet_length(error) <= 64);
GRANT UPDATE (model, input_tokens, output_tokens, took_ms, ok, error)
    ON mast.ai_usage TO _mast_apid;
CREATE POLICY ai_usage_update ON mast.ai_usage FOR UPDATE TO _mast_apid
    USING (user_id = (SELECT mast.actor()))
    WITH CHECK (user_id = (SELECT mast.actor()));

-- What the actor has used since midnight UTC, and a row for one more call
-- if that is within the budget. A user's calls are counted one after the
-- other.
CREATE FUNCTION mast.ai_open(p_provider text, p_model text, p_kind text,
    p_calls bigint, p_tokens bigint)
RETURNS TABLE (usage_id bigint, calls bigint, tokens bigint, secs bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	midnight timestamptz := date_trunc('day', now(), 'UTC');
BEGIN
	PERFORM pg_advisory_xact_lock(hashtext('mast.ai_usage'),
	    hashtext(mast.actor()::text));
	SELECT count(*), coalesce(sum(u.input_tokens + u.output_tokens), 0)
	    INTO calls, tokens FROM mast.ai_usage u
	    WHERE u.user_id = mast.actor() AND u.at >= midnight;
	secs := ceil(extract(epoch FROM
	    midnight + interval '1 day' - now()))::bigint;
	IF calls < p_calls AND tokens < p_tokens THEN
		INSERT INTO mast.ai_usage AS u (user_id, provider, model,
		    took_ms, ok, kind, error)
		    VALUES (mast.actor(), p_provider, p_model, 0, false,
		    p_kind, 'cancelled') RETURNING u.id INTO usage_id;
	END IF;
	RETURN NEXT;
END
$$;
REVOKE ALL ON FUNCTION mast.ai_open(text, text, text, bigint, bigint)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mast.ai_open(text, text, text, bigint, bigint)
    TO _mast_apid;

------------------------------------------------------------------------
-- What a model is told: the actor's nodes and tunnels, and of these, or of
-- one node, the open alarms and the last events. p_access as in stmt_sql.h.
-- Planning this anew costs ten times what it does.

CREATE FUNCTION mast.ai_facts(p_node uuid, p_access uuid[], p_log boolean)
RETURNS TABLE (nodes json, tunnels json, alarms json, events json)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
	SELECT coalesce(json_agg(json_build_object('id', v.id,
	    'name', v.name, 'device_type', v.device_type, 'status', v.status)
	    ORDER BY v.name, v.id), '[]') INTO nodes
	    FROM (SELECT x.id, x.name, x.device_type, x.status
		FROM mast.node_view x
		WHERE p_access IS NULL OR x.id = ANY (p_access)
		ORDER BY x.name, x.id LIMIT 200) v;
	SELECT coalesce(json_agg(json_build_object('id', t.id,
	    'name', t.name, 'protocol', t.protocol, 'mode', t.mode,
	    'status', t.status, 'ingress_node_id', t.ingress_node_id,
	    'ingress_listen_port', t.ingress_listen_port,
	    'egress_node_id', t.egress_node_id,
	    'egress_forward_addr', t.egress_forward_addr,
	    'egress_peer_addr', t.egress_peer_addr,
	    'relay_node_id', t.relay_node_id, 'relay_addrs', t.relay_addrs)
	    ORDER BY t.id), '[]') INTO tunnels
	    FROM (SELECT * FROM mast.tunnels x WHERE p_access IS NULL
		OR (x.ingress_node_id = ANY (p_access)
		AND x.egress_node_id = ANY (p_access))
		ORDER BY x.created_at DESC LIMIT 60) t;
	IF NOT p_log THEN
		RETURN NEXT;
		RETURN;
	END IF;
	SELECT coalesce(json_agg(json_build_object('node_id', a.node_id,
	    'object', a.object, 'code', a.code, 'severity', a.severity,
	    'message', left(a.message, 300), 'count', a.count,
	    'first_at', mast.rfc3339(a.first_at),
	    'last_at', mast.rfc3339(a.last_at))
	    ORDER BY a.severity DESC, a.last_at DESC), '[]') INTO alarms
	    FROM (SELECT * FROM mast.alarms x WHERE x.closed_at IS NULL
		AND (p_node IS NULL OR x.node_id = p_node)
		AND (p_access IS NULL OR x.node_id = ANY (p_access))
		ORDER BY x.severity DESC, x.last_at DESC LIMIT 50) a;
	SELECT coalesce(json_agg(json_build_object('node_id', e.node_id,
	    'node_name', e.node_name, 'severity', e.severity,
	    'category', e.category, 'message', left(e.message, 400),
	    'flow_id', e.flow_id, 'at', mast.rfc3339(e.created_at))
	    ORDER BY e.created_at DESC, e.id DESC), '[]') INTO events
	    FROM (SELECT * FROM mast.events x
		WHERE x.created_at > now() - interval '7 days'
		AND (p_node IS NULL OR x.node_id = p_node)
		AND (p_access IS NULL OR x.node_id = ANY (p_access))
		ORDER BY x.created_at DESC, x.id DESC LIMIT 60) e;
	RETURN NEXT;
END
$$;
REVOKE ALL ON FUNCTION mast.ai_facts(uuid, uuid[], boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mast.ai_facts(uuid, uuid[], boolean) TO _mast_apid;

------------------------------------------------------------------------
-- Proposals. What is to be done is in the envelope, sealed with the server
-- key: it may carry credentials. Beside it stands what a list shows.

ALTER TABLE mast.proposals
	ADD COLUMN message text NOT NULL DEFAULT '',
	ADD COLUMN actions text[] NOT NULL DEFAULT '{}',
	ADD COLUMN min_role mast.role NOT NULL DEFAULT 'admin',
	ADD COLUMN undoes uuid,			-- whose inverse this is
	ADD COLUMN applied_at timestamptz,
	ADD COLUMN done_at timestamptz,
	ADD CONSTRAINT proposals_form CHECK (
	    state IN ('open', 'applying', 'applied', 'failed', 'dismissed')
	    AND octet_length(message) <= 4000
	    AND cardinality(actions) BETWEEN 1 AND 32
	    AND octet_length(base_hash) = 32
	    AND octet_length(envelope) <= 4194304
	    AND expires_at > created_at);
ALTER TABLE mast.proposals ALTER COLUMN actions DROP DEFAULT;
GRANT DELETE ON mast.proposals TO _mast_apid;

-- An apid that died while it applied one cannot say how far it came.
CREATE VIEW mast.proposal_view WITH (security_invoker = true) AS
SELECT p.id, p.node_id, s.state, p.base_hash, p.envelope, p.min_role,
    p.created_at, json_build_object(
    'id', p.id, 'node_id', p.node_id, 'node_name', n.name,
    'provider', p.provider, 'model', p.model, 'state', s.state,
    'message', p.message, 'actions', p.actions,
    'requires_role', p.min_role,
    'base_hash', encode(p.base_hash, 'hex'), 'undoes', p.undoes,
    'created_at', mast.rfc3339(p.created_at),
    'expires_at', mast.rfc3339(p.expires_at),
    'applied_at', mast.rfc3339(p.applied_at),
    'result', p.result) AS json
FROM mast.proposals p
LEFT JOIN mast.nodes n ON n.id = p.node_id
CROSS JOIN LATERAL (SELECT CASE
    WHEN p.state = 'open' AND p.expires_at <= now() THEN 'expired'
    WHEN p.state = 'applying' AND p.applied_at < now() - interval '15 minutes'
    THEN 'unknown' ELSE p.state END AS state) s;
GRANT SELECT ON mast.proposal_view TO _mast_apid;
