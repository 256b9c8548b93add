-- Who may do what: grants by command and column, then row level security as
-- the second fence behind the WHERE clauses. Nothing here is for PUBLIC.

REVOKE ALL ON ALL TABLES IN SCHEMA mast FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA mast FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA mast FROM PUBLIC;
GRANT USAGE ON SCHEMA mast TO _mast_apid, _mast_hubd;

-- Append-only for the owner too.
REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER
    ON mast.audit, mast.audit_seals FROM _mast_ctl;

------------------------------------------------------------------------
-- Both daemons

GRANT SELECT ON mast.migrations, mast.versions, mast.settings,
    mast.certificates TO _mast_apid, _mast_hubd;
-- When and under which number a row is written is not the writer's choice.
GRANT INSERT (actor_kind, actor_user, actor_name, action, target_type,
    target_id, details, address, request_id) ON mast.audit
    TO _mast_apid, _mast_hubd;
GRANT EXECUTE ON FUNCTION mast.rfc3339(timestamptz),
    mast.wall_us(timestamptz) TO _mast_apid, _mast_hubd;

------------------------------------------------------------------------
-- apid

GRANT EXECUTE ON FUNCTION mast.actor(),
    mast.signin_lookup(text), mast.session_lookup(bytea),
    mast.session_open(uuid, uuid, bytea, inet, text, text),
    mast.session_close(bytea, inet, text),
    mast.provider_key_for(uuid, text) TO _mast_apid;
GRANT SELECT ON mast.me, mast.my_nodes, mast.user_view, mast.node_view,
    mast.event_view TO _mast_apid;

-- Password hashes and second factors leave only through signin_lookup.
GRANT SELECT (id, username, display_name, email, role, is_temporary,
    is_active, expires_at, all_nodes, totp_last_step, created_at, updated_at,
    last_login_at, version), INSERT, UPDATE, DELETE ON mast.users
    TO _mast_apid;
GRANT SELECT, INSERT, UPDATE (used_at), DELETE ON mast.recovery_codes
    TO _mast_apid;
GRANT SELECT, INSERT, DELETE ON mast.user_nodes TO _mast_apid;
GRANT SELECT (id, user_id, created_at, expires_at, revoked_at, address,
    user_agent), UPDATE (revoked_at) ON mast.sessions TO _mast_apid;
GRANT SELECT (id, user_id, name, max_role, read_only, node_ids, created_at,
    expires_at, revoked_at, last_used_at), INSERT,
    UPDATE (name, revoked_at, last_used_at), DELETE ON mast.api_tokens
    TO _mast_apid;

GRANT SELECT, INSERT, DELETE,
    UPDATE (name, description, expires_at, metadata, updated_at, version)
    ON mast.nodes TO _mast_apid;
GRANT SELECT ON mast.node_state, mast.node_sessions, mast.hubs TO _mast_apid;
GRANT SELECT (node_id, created_at, expires_at, used_at, revoked_at), INSERT,
    UPDATE (revoked_at) ON mast.node_tokens TO _mast_apid;
GRANT SELECT, INSERT ON mast.config_blobs, mast.config_versions TO _mast_apid;
GRANT SELECT, INSERT, UPDATE ON mast.node_configs TO _mast_apid;
-- The sealed action is hubd's to read.
GRANT SELECT (id, node_id, node_name, type, state, actor_user, actor_name,
    request_id, created_at, expires_at, hub_id, epoch, sent_at, done_at,
    error, error_code), INSERT, UPDATE (state, done_at, error, error_code)
    ON mast.commands TO _mast_apid;
GRANT SELECT, INSERT, UPDATE, DELETE ON mast.idempotency_keys TO _mast_apid;
GRANT SELECT,
    UPDATE (acknowledged_at, acknowledged_by, ack_name, ack_note)
    ON mast.events TO _mast_apid;
GRANT SELECT, UPDATE (acknowledged_at, acknowledged_by)
    ON mast.alarms TO _mast_apid;
GRANT SELECT ON mast.samples, mast.audit, mast.audit_seals TO _mast_apid;
GRANT UPDATE (value, updated_at, updated_by) ON mast.settings TO _mast_apid;
-- A sealed provider key goes in and never comes out but by its function.
GRANT SELECT (id, user_id, provider, sealed_for, hint, model_preference,
    created_at, updated_at), INSERT, UPDATE, DELETE ON mast.provider_keys
    TO _mast_apid;
GRANT SELECT, INSERT, UPDATE ON mast.proposals TO _mast_apid;
GRANT SELECT, INSERT ON mast.ai_usage TO _mast_apid;
GRANT INSERT, UPDATE (active), DELETE ON mast.certificates TO _mast_apid;
GRANT SELECT, INSERT, UPDATE, DELETE ON mast.tunnels, mast.tunnel_legs,
    mast.preferences, mast.positions TO _mast_apid;

------------------------------------------------------------------------
-- hubd

GRANT EXECUTE ON FUNCTION mast.ensure_partitions(integer),
    mast.drop_old_partitions(), mast.purge_expired() TO _mast_hubd;
GRANT USAGE ON SEQUENCE mast.epoch_seq, mast.event_seq TO _mast_hubd;
GRANT SELECT ON mast.nodes TO _mast_hubd;
GRANT SELECT, INSERT, UPDATE ON mast.node_state TO _mast_hubd;
GRANT SELECT, UPDATE (used_at, reuses, revoked_at) ON mast.node_tokens
    TO _mast_hubd;
GRANT SELECT, INSERT, UPDATE (first_used_at), DELETE ON mast.node_secrets
    TO _mast_hubd;
GRANT SELECT, INSERT, UPDATE, DELETE ON mast.hubs, mast.node_sessions
    TO _mast_hubd;
GRANT SELECT, INSERT ON mast.config_blobs TO _mast_hubd;
GRANT SELECT, INSERT, UPDATE (last_seen_at) ON mast.config_versions
    TO _mast_hubd;
GRANT SELECT, INSERT, UPDATE ON mast.node_configs TO _mast_hubd;
GRANT SELECT,
    UPDATE (state, hub_id, epoch, sent_at, done_at, error, error_code)
    ON mast.commands TO _mast_hubd;
GRANT SELECT, INSERT ON mast.events TO _mast_hubd;
GRANT SELECT, INSERT, UPDATE, DELETE ON mast.alarms, mast.samples
    TO _mast_hubd;
GRANT SELECT, UPDATE (push_status, push_error, attempts, next_try_at,
    updated_at) ON mast.tunnel_legs TO _mast_hubd;
GRANT SELECT, UPDATE (status, updated_at) ON mast.tunnels TO _mast_hubd;

------------------------------------------------------------------------
-- Row level security: on and forced for every table. The owner sees all,
-- but may only read and append the audit.

DO $$
DECLARE
	t text;
BEGIN
	FOR t IN SELECT c.relname FROM pg_catalog.pg_class c
	    WHERE c.relnamespace = 'mast'::regnamespace
	    AND c.relkind IN ('r', 'p') ORDER BY 1
	LOOP
		EXECUTE format('ALTER TABLE mast.%I ENABLE ROW LEVEL SECURITY, '
		    'FORCE ROW LEVEL SECURITY', t);
		IF t IN ('audit', 'audit_seals') THEN
			EXECUTE format('CREATE POLICY %I ON mast.%I FOR SELECT '
			    'TO _mast_ctl USING (true)', t || '_ctl_read', t);
			EXECUTE format('CREATE POLICY %I ON mast.%I FOR INSERT '
			    'TO _mast_ctl WITH CHECK (true)', t || '_ctl_add',
			    t);
		ELSE
			EXECUTE format('CREATE POLICY %I ON mast.%I '
			    'TO _mast_ctl USING (true) WITH CHECK (true)',
			    t || '_ctl', t);
		END IF;
	END LOOP;

	-- hubd sees all rows of what it is granted.
	FOREACH t IN ARRAY ARRAY['migrations', 'versions', 'settings',
	    'certificates', 'nodes', 'node_state', 'node_tokens',
	    'node_secrets', 'hubs', 'node_sessions', 'config_blobs',
	    'config_versions', 'node_configs', 'commands', 'events', 'alarms',
	    'samples', 'tunnels', 'tunnel_legs'] LOOP
		EXECUTE format('CREATE POLICY %I ON mast.%I TO _mast_hubd '
		    'USING (true) WITH CHECK (true)', t || '_hubd', t);
	END LOOP;

	-- What apid reads before it knows who acts.
	FOREACH t IN ARRAY ARRAY['migrations', 'versions', 'settings',
	    'certificates', 'hubs'] LOOP
		EXECUTE format('CREATE POLICY %I ON mast.%I FOR SELECT '
		    'TO _mast_apid USING (true)', t || '_apid', t);
	END LOOP;
END
$$;

-- A refused sign-in has no actor, so anybody may append.
CREATE POLICY audit_add ON mast.audit FOR INSERT TO _mast_apid, _mast_hubd
    WITH CHECK (true);
CREATE POLICY audit_read ON mast.audit FOR SELECT TO _mast_apid
    USING ((SELECT me.role FROM mast.me) >= 'admin');
CREATE POLICY audit_seals_read ON mast.audit_seals FOR SELECT TO _mast_apid
    USING ((SELECT me.role FROM mast.me) >= 'admin');

------------------------------------------------------------------------
-- apid and nodes. One text for "the actor sees this node": one look-up of
-- the actor in each statement, and for one with a list a probe of it, or a
-- hash of it when the planner expects many rows.

CREATE PROCEDURE mast.node_policies(p_table text, p_column text, p_verbs text,
    p_floor text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	-- Qualified: my_nodes has a node_id of its own.
	col text := format('%I.%I', p_table, p_column);
	sees text := format('CASE (SELECT me.all_nodes FROM mast.me) '
	    'WHEN true THEN true WHEN false THEN EXISTS '
	    '(SELECT FROM mast.my_nodes m WHERE m.node_id = %s) END', col);
	floor text := format('(SELECT me.role FROM mast.me) >= %L', p_floor);
	verb text;
BEGIN
	FOREACH verb IN ARRAY string_to_array(p_verbs, ' ') LOOP
		EXECUTE format('CREATE POLICY %I ON mast.%I FOR %s '
		    'TO _mast_apid %s %s', p_table || '_' || verb, p_table, verb,
		    CASE WHEN verb = 'insert' THEN ''
		    WHEN verb = 'select' THEN format('USING (%s)', sees)
		    ELSE format('USING (%s AND %s)', floor, sees) END,
		    CASE WHEN verb IN ('insert', 'update')
		    THEN format('WITH CHECK (%s AND %s)', floor, sees) END);
	END LOOP;
END
$$;

CALL mast.node_policies('nodes', 'id', 'select update delete', 'admin');
CALL mast.node_policies('node_state', 'node_id', 'select', 'viewer');
CALL mast.node_policies('node_sessions', 'node_id', 'select', 'viewer');
CALL mast.node_policies('node_tokens', 'node_id', 'select insert update',
    'admin');
CALL mast.node_policies('node_configs', 'node_id', 'select insert update',
    'operator');
CALL mast.node_policies('config_versions', 'node_id', 'select insert',
    'operator');
CALL mast.node_policies('commands', 'node_id', 'select insert update',
    'operator');
CALL mast.node_policies('events', 'node_id', 'select update', 'operator');
CALL mast.node_policies('alarms', 'node_id', 'select update', 'operator');
CALL mast.node_policies('samples', 'node_id', 'select', 'viewer');
DROP PROCEDURE mast.node_policies(text, text, text, text);

-- A user with a list of nodes could not see what he makes.
CREATE POLICY nodes_insert ON mast.nodes FOR INSERT TO _mast_apid
    WITH CHECK ((SELECT me.role FROM mast.me) >= 'admin'
    AND (SELECT me.all_nodes FROM mast.me));

-- A configuration is seen through the versions of a node that is seen.
CREATE POLICY config_blobs_select ON mast.config_blobs FOR SELECT
    TO _mast_apid USING (EXISTS (SELECT FROM mast.config_versions v
    WHERE v.hash = config_blobs.hash));
CREATE POLICY config_blobs_insert ON mast.config_blobs FOR INSERT
    TO _mast_apid WITH CHECK ((SELECT me.role FROM mast.me) >= 'operator');

-- A tunnel is seen from either end, and changed by who sees both. nodes has
-- policies of its own, which do the work here.
CREATE POLICY tunnels_select ON mast.tunnels FOR SELECT TO _mast_apid
    USING ((SELECT me.all_nodes FROM mast.me) OR EXISTS (SELECT FROM mast.nodes n
    WHERE n.id IN (ingress_node_id, egress_node_id, relay_node_id)));
CREATE POLICY tunnels_insert ON mast.tunnels FOR INSERT TO _mast_apid
    WITH CHECK ((SELECT me.role FROM mast.me) >= 'admin'
    AND EXISTS (SELECT FROM mast.nodes n WHERE n.id = ingress_node_id)
    AND EXISTS (SELECT FROM mast.nodes n WHERE n.id = egress_node_id));
CREATE POLICY tunnels_update ON mast.tunnels FOR UPDATE TO _mast_apid
    USING ((SELECT me.role FROM mast.me) >= 'admin'
    AND EXISTS (SELECT FROM mast.nodes n WHERE n.id = ingress_node_id)
    AND EXISTS (SELECT FROM mast.nodes n WHERE n.id = egress_node_id));
CREATE POLICY tunnels_delete ON mast.tunnels FOR DELETE TO _mast_apid
    USING ((SELECT me.role FROM mast.me) >= 'admin'
    AND EXISTS (SELECT FROM mast.nodes n WHERE n.id = ingress_node_id)
    AND EXISTS (SELECT FROM mast.nodes n WHERE n.id = egress_node_id));
CREATE POLICY tunnel_legs_select ON mast.tunnel_legs FOR SELECT TO _mast_apid
    USING (EXISTS (SELECT FROM mast.tunnels t WHERE t.id = tunnel_id));
CREATE POLICY tunnel_legs_write ON mast.tunnel_legs TO _mast_apid
    USING ((SELECT me.role FROM mast.me) >= 'admin'
    AND EXISTS (SELECT FROM mast.tunnels t WHERE t.id = tunnel_id));

------------------------------------------------------------------------
-- apid and people: oneself, or admin and above; never above one's own role

CREATE POLICY users_select ON mast.users FOR SELECT TO _mast_apid
    USING ((SELECT me.role FROM mast.me) >= 'admin'
    OR (id = (SELECT mast.actor())
	AND (SELECT me.role FROM mast.me) IS NOT NULL));
CREATE POLICY users_insert ON mast.users FOR INSERT TO _mast_apid
    WITH CHECK ((SELECT me.role FROM mast.me) >= 'admin'
    AND role <= (SELECT me.role FROM mast.me));
CREATE POLICY users_update ON mast.users FOR UPDATE TO _mast_apid
    USING (role <= (SELECT me.role FROM mast.me)
    AND ((SELECT me.role FROM mast.me) >= 'admin'
	OR id = (SELECT mast.actor())));
CREATE POLICY users_delete ON mast.users FOR DELETE TO _mast_apid
    USING ((SELECT me.role FROM mast.me) >= 'admin'
    AND role <= (SELECT me.role FROM mast.me)
    AND id <> (SELECT mast.actor()));

CREATE POLICY user_nodes_select ON mast.user_nodes FOR SELECT TO _mast_apid
    USING (user_id = (SELECT mast.actor())
    OR (SELECT me.role FROM mast.me) >= 'admin');
CREATE POLICY user_nodes_insert ON mast.user_nodes FOR INSERT TO _mast_apid
    WITH CHECK ((SELECT me.role FROM mast.me) >= 'admin');
CREATE POLICY user_nodes_delete ON mast.user_nodes FOR DELETE TO _mast_apid
    USING ((SELECT me.role FROM mast.me) >= 'admin');

CREATE POLICY sessions_select ON mast.sessions FOR SELECT TO _mast_apid
    USING (user_id = (SELECT mast.actor())
    OR (SELECT me.role FROM mast.me) >= 'admin');
CREATE POLICY sessions_update ON mast.sessions FOR UPDATE TO _mast_apid
    USING (user_id = (SELECT mast.actor())
    OR (SELECT me.role FROM mast.me) >= 'admin');
CREATE POLICY ai_usage_select ON mast.ai_usage FOR SELECT TO _mast_apid
    USING (user_id = (SELECT mast.actor())
    OR (SELECT me.role FROM mast.me) >= 'admin');
CREATE POLICY ai_usage_insert ON mast.ai_usage FOR INSERT TO _mast_apid
    WITH CHECK (user_id = (SELECT mast.actor()));
CREATE POLICY api_tokens_apid ON mast.api_tokens TO _mast_apid
    USING (user_id = (SELECT mast.actor())
    OR (SELECT me.role FROM mast.me) >= 'admin')
    WITH CHECK (user_id = (SELECT mast.actor())
    AND max_role <= (SELECT me.role FROM mast.me));

-- Strictly one's own.
CREATE POLICY recovery_codes_apid ON mast.recovery_codes TO _mast_apid
    USING (user_id = (SELECT mast.actor()));
CREATE POLICY provider_keys_apid ON mast.provider_keys TO _mast_apid
    USING (user_id = (SELECT mast.actor()));
CREATE POLICY proposals_apid ON mast.proposals TO _mast_apid
    USING (user_id = (SELECT mast.actor()));
CREATE POLICY preferences_apid ON mast.preferences TO _mast_apid
    USING (user_id = (SELECT mast.actor()));
CREATE POLICY positions_apid ON mast.positions TO _mast_apid
    USING (user_id = (SELECT mast.actor()));
CREATE POLICY idempotency_keys_apid ON mast.idempotency_keys TO _mast_apid
    USING (principal = (SELECT mast.actor()));

-- The installation
CREATE POLICY settings_update ON mast.settings FOR UPDATE TO _mast_apid
    USING ((SELECT me.role FROM mast.me) >= 'admin');
CREATE POLICY certificates_insert ON mast.certificates FOR INSERT
    TO _mast_apid WITH CHECK ((SELECT me.role FROM mast.me) >= 'admin');
CREATE POLICY certificates_update ON mast.certificates FOR UPDATE
    TO _mast_apid USING ((SELECT me.role FROM mast.me) >= 'admin');
CREATE POLICY certificates_delete ON mast.certificates FOR DELETE
    TO _mast_apid USING ((SELECT me.role FROM mast.me) >= 'admin');
