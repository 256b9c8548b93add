-- Functions, triggers and views. A SECURITY DEFINER function names every
-- object with its schema and sets its own search_path.

------------------------------------------------------------------------
-- Text forms

-- "2026-03-29T11:48:35.123456Z": the same under every session's settings.
-- STABLE, not IMMUTABLE, because to_char is: so the planner inlines it.
CREATE FUNCTION mast.rfc3339(t timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

-- Microseconds since 1970, as the daemons count them.
CREATE FUNCTION mast.wall_us(t timestamptz) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (extract(epoch FROM t) * 1000000)::bigint;

------------------------------------------------------------------------
-- Who acts. The daemon sets mast.actor (a user id) for one transaction.

CREATE FUNCTION mast.actor() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('mast.actor', true), '')::uuid;

-- The actor's own row; none for nobody, the inactive and the expired. These
-- two views read with the rights of their owner, so that a policy can use
-- them: a look-up is an index probe inside the statement's own plan (a
-- SECURITY DEFINER function in its place cost three times as much).
CREATE VIEW mast.me AS
SELECT u.id, u.role, u.all_nodes FROM mast.users u
WHERE u.id = mast.actor() AND u.is_active
AND (u.expires_at IS NULL OR u.expires_at > now());

-- The nodes that the actor is limited to when not all_nodes.
CREATE VIEW mast.my_nodes AS
SELECT n.node_id FROM mast.user_nodes n WHERE n.user_id = mast.actor();

------------------------------------------------------------------------
-- Version counters

CREATE FUNCTION mast.bump_version() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE mast.versions SET value = value + 1 WHERE name = TG_ARGV[0];
	RETURN NULL;
END
$$;

-- Not on last_login_at, nor on new sessions: a sign-in drops no cache.
CREATE TRIGGER users_auth AFTER DELETE OR UPDATE OF username, password_hash,
    display_name, email, role, is_temporary, is_active, expires_at, all_nodes,
    totp_secret ON mast.users
    FOR EACH STATEMENT EXECUTE FUNCTION mast.bump_version('auth');
CREATE TRIGGER sessions_auth AFTER DELETE OR UPDATE OF revoked_at, expires_at
    ON mast.sessions
    FOR EACH STATEMENT EXECUTE FUNCTION mast.bump_version('auth');
CREATE TRIGGER user_nodes_auth AFTER INSERT OR UPDATE OR DELETE
    ON mast.user_nodes
    FOR EACH STATEMENT EXECUTE FUNCTION mast.bump_version('auth');
CREATE TRIGGER api_tokens_auth AFTER DELETE OR UPDATE OF max_role, read_only,
    node_ids, expires_at, revoked_at ON mast.api_tokens
    FOR EACH STATEMENT EXECUTE FUNCTION mast.bump_version('auth');
CREATE TRIGGER settings_version AFTER INSERT OR UPDATE OR DELETE
    ON mast.settings
    FOR EACH STATEMENT EXECUTE FUNCTION mast.bump_version('settings');
CREATE TRIGGER nodes_version AFTER INSERT OR DELETE OR UPDATE OF name,
    expires_at ON mast.nodes
    FOR EACH STATEMENT EXECUTE FUNCTION mast.bump_version('nodes');
CREATE TRIGGER certificates_version AFTER INSERT OR UPDATE OR DELETE
    ON mast.certificates
    FOR EACH STATEMENT EXECUTE FUNCTION mast.bump_version('certs');

------------------------------------------------------------------------
-- Rules that a constraint cannot say

-- Every node has its state row from the start.
CREATE FUNCTION mast.node_born() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO mast.node_state (node_id) VALUES (NEW.id)
	    ON CONFLICT DO NOTHING;
	RETURN NULL;
END
$$;
CREATE TRIGGER nodes_born AFTER INSERT ON mast.nodes
    FOR EACH ROW EXECUTE FUNCTION mast.node_born();

-- The last super_admin who can sign in stays one. The lock lets two
-- administrators who demote each other end with one refusal.
CREATE FUNCTION mast.keep_super_admin() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(hashtext('mast.users super_admin'));
	IF NOT EXISTS (SELECT FROM mast.users u
	    WHERE u.role = 'super_admin' AND u.is_active
	    AND (u.expires_at IS NULL OR u.expires_at > now())) THEN
		RAISE EXCEPTION 'the last super_admin must stay'
		    USING ERRCODE = 'check_violation',
		    CONSTRAINT = 'users_last_super_admin',
		    SCHEMA = 'mast', TABLE = 'users';
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER users_keep_update AFTER UPDATE OF role, is_active, expires_at
    ON mast.users FOR EACH ROW
    WHEN (OLD.role = 'super_admin' AND OLD.is_active)
    EXECUTE FUNCTION mast.keep_super_admin();
CREATE TRIGGER users_keep_delete AFTER DELETE ON mast.users FOR EACH ROW
    WHEN (OLD.role = 'super_admin' AND OLD.is_active)
    EXECUTE FUNCTION mast.keep_super_admin();

------------------------------------------------------------------------
-- Sign-in and sessions: what apid may do before it knows who acts

-- The REST object of a user. Here, not with the other views, because the
-- functions below read it.
CREATE VIEW mast.user_view WITH (security_invoker = true) AS
SELECT u.id, u.username, u.display_name, u.email, u.role, u.is_temporary,
    u.is_active, u.expires_at, u.all_nodes, u.created_at, u.last_login_at,
    u.version,
    json_build_object(
    'id', u.id, 'username', u.username, 'display_name', u.display_name,
    'email', u.email, 'role', u.role, 'is_temporary', u.is_temporary,
    'expires_at', mast.rfc3339(u.expires_at),
    'allowed_node_ids', CASE WHEN u.all_nodes THEN NULL ELSE (
	SELECT coalesce(json_agg(n.node_id ORDER BY n.node_id), '[]'::json)
	FROM mast.user_nodes n WHERE n.user_id = u.id) END,
    'is_active', u.is_active,
    'last_login_at', mast.rfc3339(u.last_login_at)) AS json
FROM mast.users u;

-- One row or none. "user" is the REST object: last_login_at is still the
-- previous one.
CREATE FUNCTION mast.signin_lookup(p_username text)
RETURNS TABLE (id uuid, password_hash text, role mast.role,
    is_active boolean, expired boolean, has_totp boolean, "user" json)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY SELECT u.id, u.password_hash, u.role, u.is_active,
	    coalesce(u.expires_at <= now(), false),
	    u.totp_secret IS NOT NULL, v.json
	    FROM mast.users u JOIN mast.user_view v USING (id)
	    WHERE u.username = p_username;
END
$$;

-- Everything authority is decided from. node_ids is NULL for all nodes.
-- expires_us is the session's, user_expires_us the account's or NULL.
CREATE FUNCTION mast.session_lookup(p_token_hash bytea)
RETURNS TABLE (user_id uuid, username text, display_name text, email text,
    role mast.role, is_active boolean, expired boolean, all_nodes boolean,
    node_ids uuid[], session_id uuid, expires_us bigint, revoked boolean,
    user_expires_us bigint, is_temporary boolean, "user" json)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY SELECT u.id, u.username, u.display_name, u.email, u.role,
	    u.is_active, coalesce(u.expires_at <= now(), false), u.all_nodes,
	    CASE WHEN u.all_nodes THEN NULL ELSE ARRAY(SELECT n.node_id
		FROM mast.user_nodes n WHERE n.user_id = u.id
		ORDER BY n.node_id) END,
	    s.id, mast.wall_us(s.expires_at), s.revoked_at IS NOT NULL,
	    mast.wall_us(u.expires_at), u.is_temporary, u.json
	    FROM mast.sessions s JOIN mast.user_view u ON u.id = s.user_id
	    WHERE s.token_hash = p_token_hash AND s.expires_at > now();
END
$$;

-- The session, its audit row and last_login_at. No row: the account was
-- disabled, has expired or is gone since the lookup.
CREATE FUNCTION mast.session_open(p_user uuid, p_session uuid,
    p_token_hash bytea, p_address inet, p_agent text, p_request_id text)
RETURNS TABLE (expires_us bigint, lifetime_secs bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	hours bigint := (SELECT s.value FROM mast.settings s
	    WHERE s.key = 'session_lifetime_hours');
	ends timestamptz := now() + make_interval(hours => hours::int);
	name text;
BEGIN
	UPDATE mast.users u SET last_login_at = now()
	    WHERE u.id = p_user AND u.is_active
	    AND (u.expires_at IS NULL OR u.expires_at > now())
	    RETURNING u.username INTO name;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	INSERT INTO mast.sessions (id, token_hash, user_id, expires_at,
	    address, user_agent)
	    VALUES (p_session, p_token_hash, p_user, ends, p_address,
	    p_agent);
	INSERT INTO mast.audit (actor_kind, actor_user, actor_name, action,
	    target_type, target_id, address, request_id)
	    VALUES ('user', p_user, name, 'auth.login', 'user', p_user::text,
	    p_address, p_request_id);
	RETURN QUERY SELECT mast.wall_us(ends), hours * 3600;
END
$$;

-- False: there was no such open session.
CREATE FUNCTION mast.session_close(p_token_hash bytea, p_address inet,
    p_request_id text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	owner uuid;
BEGIN
	UPDATE mast.sessions s SET revoked_at = now()
	    WHERE s.token_hash = p_token_hash AND s.revoked_at IS NULL
	    RETURNING s.user_id INTO owner;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	INSERT INTO mast.audit (actor_kind, actor_user, actor_name, action,
	    target_type, target_id, address, request_id)
	    VALUES ('user', owner,
	    (SELECT u.username FROM mast.users u WHERE u.id = owner),
	    'auth.logout', 'user', owner::text, p_address, p_request_id);
	RETURN true;
END
$$;

-- The one way a sealed key leaves the table: to a job of its owner, who
-- must be the actor.
CREATE FUNCTION mast.provider_key_for(p_user uuid, p_provider text)
RETURNS TABLE (sealed bytea, sealed_for bytea, model_preference text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY SELECT k.sealed, k.sealed_for, k.model_preference
	    FROM mast.provider_keys k
	    WHERE k.user_id = p_user AND k.provider = p_provider
	    AND EXISTS (SELECT FROM mast.me m WHERE m.id = p_user);
END
$$;

------------------------------------------------------------------------
-- Partitions by UTC day

-- Makes one partition if it is missing. CREATE ... PARTITION OF would lock
-- the parent against everybody; ATTACH locks only the default partition,
-- whose rows of that day (a clock that jumped, a hub that was late) move.
CREATE FUNCTION mast.ensure_partition(p_parent text, p_column text, p_day date)
RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	part text := p_parent || to_char(p_day, '_YYYYMMDD');
	low timestamptz := p_day::timestamp AT TIME ZONE 'UTC';
	high timestamptz := (p_day + 1)::timestamp AT TIME ZONE 'UTC';
BEGIN
	IF to_regclass(format('mast.%I', part)) IS NOT NULL THEN
		RETURN false;
	END IF;
	EXECUTE format('LOCK TABLE mast.%I IN ACCESS EXCLUSIVE MODE',
	    p_parent || '_default');
	EXECUTE format('CREATE TABLE mast.%I (LIKE mast.%I '
	    'INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part, p_parent);
	EXECUTE format('WITH d AS (DELETE FROM mast.%2$I WHERE %3$I >= %4$L '
	    'AND %3$I < %5$L RETURNING *) INSERT INTO mast.%1$I SELECT * FROM d',
	    part, p_parent || '_default', p_column, low, high);
	EXECUTE format('ALTER TABLE mast.%I ATTACH PARTITION mast.%I '
	    'FOR VALUES FROM (%L) TO (%L)', p_parent, part, low, high);
	EXECUTE format('ALTER TABLE mast.%I ENABLE ROW LEVEL SECURITY, '
	    'FORCE ROW LEVEL SECURITY', part);
	EXECUTE format('CREATE POLICY %I ON mast.%I TO _mast_ctl '
	    'USING (true) WITH CHECK (true)', part || '_ctl', part);
	RETURN true;
END
$$;

-- Yesterday to p_days_ahead days ahead; how many were made. Any number of
-- hubs may call it at once.
CREATE FUNCTION mast.ensure_partitions(p_days_ahead integer)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET lock_timeout = '5s'
AS $$
DECLARE
	today date := (now() AT TIME ZONE 'UTC')::date;
	made integer := 0;
	d integer;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtext('mast partitions'));
	FOR d IN -1 .. least(greatest(p_days_ahead, 0), 60) LOOP
		IF mast.ensure_partition('events', 'created_at', today + d) THEN
			made := made + 1;
		END IF;
		IF mast.ensure_partition('samples', 'at', today + d) THEN
			made := made + 1;
		END IF;
	END LOOP;
	RETURN made;
END
$$;

-- Drops what is older than the retention setting; how many partitions went.
-- One that is in use is left for the next call. What no partition ever
-- covered is deleted from the default ones.
CREATE FUNCTION mast.drop_old_partitions() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET lock_timeout = '2s'
AS $$
DECLARE
	days integer := (SELECT value FROM mast.settings
	    WHERE key = 'events_retention_days');
	first_kept date := (now() AT TIME ZONE 'UTC')::date - days;
	cutoff timestamptz := first_kept::timestamp AT TIME ZONE 'UTC';
	gone integer := 0;
	part record;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtext('mast partitions'));
	FOR part IN SELECT c.relname FROM pg_inherits i
	    JOIN pg_class c ON c.oid = i.inhrelid
	    WHERE i.inhparent IN ('mast.events'::regclass,
		'mast.samples'::regclass)
	    AND c.relname ~ '^(events|samples)_[0-9]{8}$'
	    AND to_date(right(c.relname, 8), 'YYYYMMDD') < first_kept
	    ORDER BY c.relname
	LOOP
		BEGIN
			EXECUTE format('DROP TABLE mast.%I', part.relname);
			gone := gone + 1;
		EXCEPTION WHEN lock_not_available THEN
			NULL;
		END;
	END LOOP;
	DELETE FROM mast.events_default WHERE created_at < cutoff;
	DELETE FROM mast.samples_default WHERE at < cutoff;
	RETURN gone;
END
$$;

-- Rows that only time makes useless; how many went. Called with the above.
CREATE FUNCTION mast.purge_expired() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	n bigint;
	total bigint := 0;
BEGIN
	-- Asked first: an empty DELETE would still drop every session cache.
	IF EXISTS (SELECT FROM mast.sessions s
	    WHERE s.expires_at < now() - interval '1 day') THEN
		DELETE FROM mast.sessions s
		    WHERE s.expires_at < now() - interval '1 day';
		GET DIAGNOSTICS n = ROW_COUNT;
		total := total + n;
	END IF;
	DELETE FROM mast.idempotency_keys k
	    WHERE k.created_at < now() - interval '1 day';
	GET DIAGNOSTICS n = ROW_COUNT;
	total := total + n;
	DELETE FROM mast.node_tokens t
	    WHERE greatest(t.expires_at, t.used_at) < now() - interval '30 days';
	GET DIAGNOSTICS n = ROW_COUNT;
	total := total + n;
	DELETE FROM mast.hubs h WHERE h.seen_at < now() - interval '30 days'
	    AND NOT EXISTS (SELECT FROM mast.node_sessions s
		WHERE s.hub_id = h.id);
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN total + n;
END
$$;

------------------------------------------------------------------------
-- Views: the REST objects. "json" is the object as the API gives it; a
-- column that a statement does not ask for costs nothing.

-- Every node, as REST shows it, for the owner. A node is shown online only
-- while the hub that holds its session gives signs of life.
CREATE VIEW mast.node_all AS
SELECT v.*, json_build_object(
    'id', v.id, 'name', v.name, 'description', v.description,
    'device_type', v.device_type, 'status', v.status,
    'last_seen_at', mast.rfc3339(v.last_seen_at),
    'last_health', v.last_health, 'software_version', v.software_version,
    'metadata', v.metadata, 'expires_at', mast.rfc3339(v.expires_at),
    'created_at', mast.rfc3339(v.created_at),
    'updated_at', mast.rfc3339(v.updated_at)) AS json
FROM (
	SELECT n.id, n.name, n.description, n.device_type,
	    CASE WHEN st.status IN ('online', 'degraded')
		AND (h.seen_at > now() - interval '15 seconds') IS NOT TRUE
	    THEN 'offline' ELSE coalesce(st.status, 'pending') END AS status,
	    st.last_seen_at, st.last_health, st.software_version, n.metadata,
	    n.expires_at, n.created_at, n.updated_at,
	    n.version, st.protocol_version, st.config_stale, s.hub_id,
	    s.epoch, s.connected_at, s.address
	FROM mast.nodes n
	LEFT JOIN mast.node_state st ON st.node_id = n.id
	LEFT JOIN mast.node_sessions s ON s.node_id = n.id
	LEFT JOIN mast.hubs h ON h.id = s.hub_id
) v;

-- The actor's nodes; without an actor none, but for the owner. It reads with
-- the rights of its owner and asks who acts once, instead of once for each
-- of the four tables as their policies would: apid runs this most.
CREATE VIEW mast.node_view AS
SELECT v.* FROM mast.node_all v
LEFT JOIN mast.me ON true
LEFT JOIN mast.user_nodes un ON un.user_id = me.id AND un.node_id = v.id
WHERE me.all_nodes OR un.node_id IS NOT NULL OR current_user = '_mast_ctl';

CREATE VIEW mast.event_view WITH (security_invoker = true) AS
SELECT e.id, e.created_at, e.node_id, e.node_name, e.severity, e.category,
    e.message, e.details, e.flow_id, e.acknowledged_at, e.acknowledged_by,
    json_build_object(
    'id', e.id, 'node_id', e.node_id, 'node_name', e.node_name,
    'severity', e.severity, 'category', e.category, 'message', e.message,
    'details', e.details, 'flow_id', e.flow_id,
    'created_at', mast.rfc3339(e.created_at),
    'acknowledged', e.acknowledged_at IS NOT NULL,
    'acknowledged_by', e.acknowledged_by,
    'acknowledged_at', mast.rfc3339(e.acknowledged_at)) AS json
FROM mast.events e;
