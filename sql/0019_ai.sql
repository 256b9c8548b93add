-- A change of aid's key pair: keys of AI providers are sealed anew, and none
-- is sealed any more to a key that was retired.

-- Public halves, so that a request which was under way while aid changed its
-- key cannot leave a row that nobody opens.
CREATE TABLE mast.retired_keys (
	pub bytea CONSTRAINT retired_keys_pk PRIMARY KEY,
	retired_at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT retired_keys_form CHECK (octet_length(pub) = 32)
);
ALTER TABLE mast.retired_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE mast.retired_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY retired_keys_ctl ON mast.retired_keys TO _mast_ctl
    USING (true) WITH CHECK (true);

-- Whoever retires a key locks provider_keys first: so a row that comes later
-- is looked at behind that.
CREATE FUNCTION mast.provider_key_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF EXISTS (SELECT FROM mast.retired_keys r
	    WHERE r.pub = NEW.sealed_for) THEN
		RAISE EXCEPTION 'this key of aid was retired'
		    USING ERRCODE = 'check_violation',
		    CONSTRAINT = 'provider_keys_retired',
		    SCHEMA = 'mast', TABLE = 'provider_keys';
	END IF;
	RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION mast.provider_key_guard() FROM PUBLIC;
-- An import brings rows back as they were.
CREATE TRIGGER provider_keys_guard BEFORE INSERT OR UPDATE OF sealed_for
    ON mast.provider_keys FOR EACH ROW
    WHEN (current_user = '_mast_apid')
    EXECUTE FUNCTION mast.provider_key_guard();

------------------------------------------------------------------------
-- What a model is told of a node's last hour: of the node itself (object '')
-- and its flows and tunnels each metric as six cells of ten minutes, each
-- lowest, mean, highest. Names and units by the place in the arrays.

CREATE FUNCTION mast.ai_series(p_node uuid, p_names text[], p_units text[])
RETURNS json
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
	RETURN (WITH m AS MATERIALIZED (SELECT x.object,
		date_bin('10 min', x.at, 'epoch') AS at, u.k,
		min(u.lo) AS lo, avg(u.mean)::real AS mean, max(u.hi) AS hi
		FROM mast.minutes x, unnest(x.lo, x.mean, x.hi)
		    WITH ORDINALITY AS u(lo, mean, hi, k)
		WHERE x.node_id = p_node AND x.at >= now() - interval '1 hour'
		AND u.lo IS NOT NULL GROUP BY 1, 2, 3),
	    o AS (SELECT DISTINCT m.object FROM m ORDER BY 1 LIMIT 24)
	    SELECT coalesce(json_agg(json_build_object('object', s.object,
		'metric', p_names[s.k], 'unit', p_units[s.k],
		'cells', s.cells) ORDER BY s.object, s.k), '[]')
	    FROM (SELECT m.object, m.k, json_agg(json_build_array(
		mast.rfc3339(m.at), m.lo, m.mean, m.hi) ORDER BY m.at) AS cells
		FROM m JOIN o USING (object) GROUP BY 1, 2) s);
END
$$;
REVOKE ALL ON FUNCTION mast.ai_series(uuid, text[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mast.ai_series(uuid, text[], text[]) TO _mast_apid;

------------------------------------------------------------------------
-- As before (0017), but who asks does not wait until the disk has the row
-- of a call that only begins: the row of what it came to is waited for, and
-- a crash of the machine in between forgets a call that nobody got.

CREATE OR REPLACE FUNCTION mast.ai_open(p_provider text, p_model text,
    p_kind text, p_calls bigint, p_tokens bigint)
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
		PERFORM set_config('synchronous_commit', 'off', true);
	END IF;
	RETURN NEXT;
END
$$;

-- The node that a question is about, with its stored configuration. To plan
-- this anew takes longer than all else of a call.
CREATE FUNCTION mast.ai_node(p_node uuid, p_access uuid[])
RETURNS TABLE (id uuid, device_type text, json json, sealed bytea,
    hash bytea)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
	IF p_node IS NULL THEN
		RETURN;
	END IF;
	RETURN QUERY SELECT v.id, v.device_type,
	    json_build_object('id', v.id, 'name', v.name,
	    'device_type', v.device_type, 'status', v.status,
	    'software_version', v.software_version,
	    'last_seen_at', mast.rfc3339(v.last_seen_at)), b.sealed, b.hash
	    FROM mast.node_view v
	    LEFT JOIN mast.node_configs c ON c.node_id = v.id
	    LEFT JOIN mast.config_blobs b ON b.hash = c.reported
	    WHERE v.id = p_node
	    AND (p_access IS NULL OR v.id = ANY (p_access));
END
$$;
REVOKE ALL ON FUNCTION mast.ai_node(uuid, uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mast.ai_node(uuid, uuid[]) TO _mast_apid;
