-- Users, their sessions, second factors and API tokens: what the first
-- tables did not foresee.

------------------------------------------------------------------------
-- Second factors

ALTER TABLE mast.users
	-- Sealed as totp_secret is; becomes it with the first right code.
	ADD COLUMN totp_pending bytea,
	-- Told to daemons that may not read the secret itself.
	ADD COLUMN has_totp boolean NOT NULL
	    GENERATED ALWAYS AS (totp_secret IS NOT NULL) STORED;
GRANT SELECT (has_totp) ON mast.users TO _mast_apid;

-- What a person proves himself with, beside the name. Like signin_lookup
-- the one way out of these columns.
CREATE FUNCTION mast.factor_lookup(p_user uuid)
RETURNS TABLE (password_hash text, totp_secret bytea, totp_last_step bigint,
    totp_pending bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY SELECT u.password_hash, u.totp_secret, u.totp_last_step,
	    u.totp_pending FROM mast.users u WHERE u.id = p_user;
END
$$;

-- As before, and with the second factor when the account has one: a step
-- that is newer than the last one used, or a recovery code, which this use
-- ends. No row: the account was disabled, has expired or is gone since the
-- lookup, or another sign-in took the step or the code.
DROP FUNCTION mast.session_open(uuid, uuid, bytea, inet, text, text);
CREATE FUNCTION mast.session_open(p_user uuid, p_session uuid,
    p_token_hash bytea, p_address inet, p_agent text, p_request_id text,
    p_totp_step bigint DEFAULT NULL, p_recovery bytea DEFAULT NULL)
RETURNS TABLE (expires_us bigint, lifetime_secs bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	hours bigint := (SELECT s.value FROM mast.settings s
	    WHERE s.key = 'session_lifetime_hours');
	ends timestamptz := now() + make_interval(hours => hours::int);
	factor boolean := false;
	name text;
BEGIN
	IF p_recovery IS NOT NULL THEN
		UPDATE mast.recovery_codes c SET used_at = now()
		    WHERE c.user_id = p_user AND c.code_hash = p_recovery
		    AND c.used_at IS NULL;
		factor := FOUND;
	END IF;
	UPDATE mast.users u SET last_login_at = now(),
	    totp_last_step = coalesce(p_totp_step, u.totp_last_step)
	    WHERE u.id = p_user AND u.is_active
	    AND (u.expires_at IS NULL OR u.expires_at > now())
	    AND (u.totp_secret IS NULL OR factor
		OR p_totp_step > coalesce(u.totp_last_step, 0))
	    RETURNING u.username INTO name;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	INSERT INTO mast.sessions (id, token_hash, user_id, expires_at,
	    address, user_agent)
	    VALUES (p_session, p_token_hash, p_user, ends, p_address,
	    p_agent);
	INSERT INTO mast.audit (actor_kind, actor_user, actor_name, action,
	    target_type, target_id, details, address, request_id)
	    VALUES ('user', p_user, name, 'auth.login', 'user', p_user::text,
	    CASE WHEN factor THEN '{"factor": "recovery"}'::jsonb
	    WHEN p_totp_step IS NOT NULL THEN '{"factor": "totp"}' END,
	    p_address, p_request_id);
	RETURN QUERY SELECT mast.wall_us(ends), hours * 3600;
END
$$;

------------------------------------------------------------------------
-- Who acts: a user, or a user's API token. mast.actor holds the id of the
-- user, and behind a blank that of the token.

CREATE OR REPLACE FUNCTION mast.actor() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(left(current_setting('mast.actor', true), 36), '')::uuid;

CREATE FUNCTION mast.actor_token() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(substr(current_setting('mast.actor', true), 38), '')::uuid;

-- A token is its owner with the lower of two roles and the nodes that both
-- may see; one that has ended is nobody.
CREATE OR REPLACE VIEW mast.me AS
SELECT u.id, least(u.role, t.max_role) AS role,
    u.all_nodes AND t.node_ids IS NULL AS all_nodes,
    coalesce(t.read_only, false) AS read_only
FROM mast.users u
LEFT JOIN mast.api_tokens t ON t.id = mast.actor_token()
    AND t.user_id = u.id AND t.revoked_at IS NULL AND t.expires_at > now()
WHERE u.id = mast.actor() AND u.is_active
AND (u.expires_at IS NULL OR u.expires_at > now())
AND (mast.actor_token() IS NULL OR t.id IS NOT NULL);

CREATE OR REPLACE VIEW mast.my_nodes AS
SELECT n.node_id FROM mast.user_nodes n
WHERE n.user_id = mast.actor() AND (mast.actor_token() IS NULL
    OR EXISTS (SELECT FROM mast.api_tokens t WHERE t.id = mast.actor_token()
	AND (t.node_ids IS NULL OR n.node_id = ANY (t.node_ids))))
UNION ALL
SELECT k FROM mast.api_tokens t
JOIN mast.users u ON u.id = t.user_id AND u.all_nodes,
    unnest(t.node_ids) k
WHERE t.id = mast.actor_token() AND u.id = mast.actor();

CREATE OR REPLACE VIEW mast.node_view AS
SELECT v.* FROM mast.node_all v
LEFT JOIN mast.me ON true
WHERE me.all_nodes OR current_user = '_mast_ctl' OR (me.id IS NOT NULL
    AND EXISTS (SELECT FROM mast.my_nodes m WHERE m.node_id = v.id));

-- For audit rows: by whose hand, and by which token.
CREATE FUNCTION mast.actor_kind() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN mast.actor_token() IS NULL THEN 'user' ELSE 'token' END;
CREATE FUNCTION mast.actor_details(details jsonb) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN mast.actor_token() IS NULL THEN details
    ELSE coalesce(details, '{}') || jsonb_build_object('token_id',
    mast.actor_token()) END;

-- Everything a token's authority is decided from; notes the use, at most
-- once a minute, and drops no cache by that.
CREATE FUNCTION mast.token_lookup(p_token_hash bytea)
RETURNS TABLE (user_id uuid, token_id uuid, username text, role mast.role,
    all_nodes boolean, node_ids uuid[], ends_us bigint, read_only boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE mast.api_tokens t SET last_used_at = now()
	    FROM mast.users u WHERE u.id = t.user_id AND u.is_active
	    AND (u.expires_at IS NULL OR u.expires_at > now())
	    AND t.token_hash = p_token_hash AND t.revoked_at IS NULL
	    AND t.expires_at > now() AND (t.last_used_at IS NULL
		OR t.last_used_at < now() - interval '1 minute');
	RETURN QUERY SELECT u.id, t.id, u.username,
	    least(u.role, t.max_role), u.all_nodes AND t.node_ids IS NULL,
	    CASE WHEN u.all_nodes THEN t.node_ids
	    ELSE ARRAY(SELECT n.node_id FROM mast.user_nodes n
		WHERE n.user_id = u.id AND (t.node_ids IS NULL
		OR n.node_id = ANY (t.node_ids)) ORDER BY n.node_id) END,
	    mast.wall_us(least(t.expires_at, u.expires_at)), t.read_only
	    FROM mast.api_tokens t JOIN mast.users u ON u.id = t.user_id
	    WHERE t.token_hash = p_token_hash AND t.revoked_at IS NULL
	    AND t.expires_at > now() AND u.is_active
	    AND (u.expires_at IS NULL OR u.expires_at > now());
END
$$;

-- The REST object of a token.
CREATE VIEW mast.token_view WITH (security_invoker = true) AS
SELECT t.id, t.user_id, t.created_at, t.expires_at, t.revoked_at,
    json_build_object('id', t.id, 'name', t.name, 'user_id', t.user_id,
    'max_role', t.max_role, 'read_only', t.read_only,
    'node_ids', t.node_ids, 'created_at', mast.rfc3339(t.created_at),
    'expires_at', mast.rfc3339(t.expires_at),
    'last_used_at', mast.rfc3339(t.last_used_at)) AS json
FROM mast.api_tokens t;

------------------------------------------------------------------------
-- Grants

GRANT EXECUTE ON FUNCTION mast.actor_token(), mast.actor_kind(),
    mast.actor_details(jsonb), mast.factor_lookup(uuid),
    mast.token_lookup(bytea),
    mast.session_open(uuid, uuid, bytea, inet, text, text, bigint, bytea)
    TO _mast_apid;
GRANT SELECT ON mast.token_view TO _mast_apid;

------------------------------------------------------------------------
-- Row security of people. Nobody makes an account that may more than the
-- one who makes it: neither by role nor by nodes, nor his own.

DROP POLICY users_insert ON mast.users;
CREATE POLICY users_insert ON mast.users FOR INSERT TO _mast_apid
    WITH CHECK ((SELECT me.role FROM mast.me) >= 'admin'
    AND role <= (SELECT me.role FROM mast.me)
    AND (NOT all_nodes OR (SELECT me.all_nodes FROM mast.me)));
DROP POLICY users_update ON mast.users;
CREATE POLICY users_update ON mast.users FOR UPDATE TO _mast_apid
    USING (role <= (SELECT me.role FROM mast.me)
    AND ((SELECT me.role FROM mast.me) >= 'admin'
	OR id = (SELECT mast.actor())))
    WITH CHECK (role <= (SELECT me.role FROM mast.me)
    AND ((SELECT me.role FROM mast.me) >= 'admin'
	OR id = (SELECT mast.actor()))
    AND (NOT all_nodes OR (SELECT me.all_nodes FROM mast.me)));
DROP POLICY user_nodes_insert ON mast.user_nodes;
CREATE POLICY user_nodes_insert ON mast.user_nodes FOR INSERT TO _mast_apid
    WITH CHECK ((SELECT me.role FROM mast.me) >= 'admin'
    AND user_id <> (SELECT mast.actor())
    AND ((SELECT me.all_nodes FROM mast.me) OR EXISTS (SELECT
	FROM mast.my_nodes m WHERE m.node_id = user_nodes.node_id)));

-- Reading and ending are for oneself and for administrators; making is for
-- a person alone: a token that makes tokens would outlive itself.
DROP POLICY api_tokens_apid ON mast.api_tokens;
CREATE POLICY api_tokens_select ON mast.api_tokens FOR SELECT TO _mast_apid
    USING ((user_id = (SELECT mast.actor())
	AND (SELECT me.role FROM mast.me) IS NOT NULL)
    OR (SELECT me.role FROM mast.me) >= 'admin');
CREATE POLICY api_tokens_insert ON mast.api_tokens FOR INSERT TO _mast_apid
    WITH CHECK (user_id = (SELECT mast.actor())
    AND mast.actor_token() IS NULL
    AND max_role <= (SELECT me.role FROM mast.me));
CREATE POLICY api_tokens_delete ON mast.api_tokens FOR DELETE TO _mast_apid
    USING (mast.actor_token() IS NULL AND (user_id = (SELECT mast.actor())
    OR (SELECT me.role FROM mast.me) >= 'admin'));
REVOKE UPDATE ON mast.api_tokens FROM _mast_apid;
REVOKE UPDATE (name, revoked_at, last_used_at) ON mast.api_tokens
    FROM _mast_apid;

-- An administrator ends the second factor of somebody who lost it.
CREATE POLICY recovery_codes_reset ON mast.recovery_codes FOR DELETE
    TO _mast_apid USING ((SELECT me.role FROM mast.me) >= 'admin');
CREATE POLICY recovery_codes_seen ON mast.recovery_codes FOR SELECT
    TO _mast_apid USING ((SELECT me.role FROM mast.me) >= 'admin');

-- A token that only reads changes nothing, whatever statement it comes by.
-- The audit and the journal of keys are the daemon's own books.
DO $$
DECLARE
	t text;
	verb text;
	reads text := '(SELECT me.read_only FROM mast.me) IS NOT TRUE';
BEGIN
	FOR t, verb IN SELECT c.relname, v
	    FROM pg_catalog.pg_class c, unnest(ARRAY['INSERT', 'UPDATE',
	    'DELETE']) v
	    WHERE c.relnamespace = 'mast'::regnamespace
	    AND c.relkind IN ('r', 'p')
	    AND c.relname NOT IN ('audit', 'idempotency_keys')
	    AND (has_table_privilege('_mast_apid', c.oid, v)
		OR (v <> 'DELETE'
		AND has_any_column_privilege('_mast_apid', c.oid, v)))
	    ORDER BY 1, 2
	LOOP
		EXECUTE format('CREATE POLICY %I ON mast.%I AS RESTRICTIVE '
		    'FOR %s TO _mast_apid %s', t || '_ro_' || lower(verb), t,
		    verb, CASE verb WHEN 'INSERT'
		    THEN format('WITH CHECK (%s)', reads)
		    ELSE format('USING (%s)', reads) END);
	END LOOP;
END
$$;
