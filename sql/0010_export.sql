-- Export and import. What is in a file is decided here, once, for apid and
-- mastctl; the frame around it (checksums, encryption) is common/dump.
-- An import stages its rows, is checked against what is here, and applied,
-- all in the caller's one transaction.

-- Only of the transaction that fills them: other transactions never see a
-- row, and each import ends with none.
CREATE TABLE mast.import_rows (
	section text NOT NULL,
	n integer NOT NULL,			-- its place in the file
	row json NOT NULL,			-- verbatim: key order and all
	CONSTRAINT import_rows_pk PRIMARY KEY (section, n)
);
CREATE TABLE mast.import_changes (
	n bigint GENERATED ALWAYS AS IDENTITY
	    CONSTRAINT import_changes_pk PRIMARY KEY,
	op text NOT NULL CONSTRAINT import_changes_op_form CHECK
	    (op IN ('create', 'update', 'delete', 'skip', 'conflict')),
	section text NOT NULL,
	ref text,				-- id, or the place in the file
	detail text
);
ALTER TABLE mast.import_rows ENABLE ROW LEVEL SECURITY,
    FORCE ROW LEVEL SECURITY;
ALTER TABLE mast.import_changes ENABLE ROW LEVEL SECURITY,
    FORCE ROW LEVEL SECURITY;
CREATE POLICY import_rows_ctl ON mast.import_rows TO _mast_ctl
    USING (true) WITH CHECK (true);
CREATE POLICY import_changes_ctl ON mast.import_changes TO _mast_ctl
    USING (true) WITH CHECK (true);

-- A super_admin of all nodes, or mastctl.
CREATE FUNCTION mast.export_check() RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF session_user <> '_mast_ctl' AND NOT EXISTS (SELECT FROM mast.me
	    WHERE role = 'super_admin' AND all_nodes) THEN
		RAISE EXCEPTION 'a super_admin of all nodes is needed'
		    USING ERRCODE = 'insufficient_privilege';
	END IF;
END
$$;

------------------------------------------------------------------------
-- Export

-- Opens the cursor "mast_export" over one section: one row each element of
-- the file, as JSON text. "x_..." are the secrets: their sealed values are
-- opened and encrypted by the caller, never written as they are. p_days:
-- events of the last days, all when NULL.
CREATE FUNCTION mast.export_open(p_section text, p_days integer)
RETURNS refcursor
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	c refcursor := 'mast_export'::refcursor;
BEGIN
	PERFORM mast.export_check();
	CASE p_section
	WHEN 'settings' THEN OPEN c FOR
		SELECT json_build_array(s.key, s.value::text)::text
		FROM mast.settings s ORDER BY s.key;
	WHEN 'users' THEN OPEN c FOR
		SELECT (u.json::jsonb || jsonb_build_object(
		'created_at', mast.rfc3339(u.created_at)))::text
		FROM mast.user_view u ORDER BY u.id;
	WHEN 'nodes' THEN OPEN c FOR
		SELECT json_build_object('id', n.id, 'name', n.name,
		'description', n.description, 'device_type', n.device_type,
		'status', CASE WHEN s.status = 'pending' THEN 'pending'
		    ELSE v.status::text END,
		'software_version', s.software_version,
		'metadata', n.metadata,
		'expires_at', mast.rfc3339(n.expires_at),
		'last_seen_at', mast.rfc3339(s.last_seen_at),
		'created_at', mast.rfc3339(n.created_at))::text
		FROM mast.nodes n
		JOIN mast.node_state s ON s.node_id = n.id
		JOIN mast.node_all v ON v.id = n.id
		ORDER BY n.id;
	WHEN 'tunnels' THEN OPEN c FOR
		SELECT json_build_object('id', t.id, 'name', t.name,
		'protocol', t.protocol, 'mode', t.mode,
		'ingress_node_id', t.ingress_node_id,
		'ingress_listen_port', t.ingress_listen_port,
		'egress_node_id', t.egress_node_id,
		'egress_forward_addr', t.egress_forward_addr,
		'egress_peer_addr', t.egress_peer_addr,
		'relay_addr', t.relay_addr, 'relay_addrs', t.relay_addrs,
		'relay_node_id', t.relay_node_id,
		'status', t.status,
		'associated_flow_ids', t.associated_flow_ids,
		'created_at', mast.rfc3339(t.created_at))::text
		FROM mast.tunnels t ORDER BY t.id;
	WHEN 'preferences' THEN OPEN c FOR
		SELECT json_build_object('user_id', p.user_id, 'key', p.key,
		'value', p.value)::text
		FROM mast.preferences p ORDER BY p.user_id, p.key;
	WHEN 'positions' THEN OPEN c FOR
		SELECT json_build_object('user_id', p.user_id,
		'view', p.view, 'node_id', p.node_id, 'x', p.x,
		'y', p.y)::text
		FROM mast.positions p ORDER BY p.user_id, p.view, p.node_id;
	WHEN 'config_versions' THEN OPEN c FOR
		SELECT json_build_object('node_id', v.node_id,
		'hash', encode(v.hash, 'hex'), 'source', v.source,
		'actor_user', v.actor_user,
		'first_seen_at', mast.rfc3339(v.first_seen_at),
		'last_seen_at', mast.rfc3339(v.last_seen_at))::text
		FROM mast.config_versions v ORDER BY v.node_id,
		v.first_seen_at, v.hash, v.source;
	WHEN 'node_configs' THEN OPEN c FOR
		SELECT json_build_object('node_id', g.node_id,
		'reported', encode(g.reported, 'hex'),
		'reported_at', mast.rfc3339(g.reported_at),
		'desired', encode(g.desired, 'hex'),
		'desired_at', mast.rfc3339(g.desired_at),
		'drift_ignored', encode(g.drift_ignored, 'hex'))::text
		FROM mast.node_configs g ORDER BY g.node_id;
	WHEN 'events' THEN OPEN c FOR
		SELECT json_build_object('id', e.id, 'node_id', e.node_id,
		'node_name', e.node_name, 'severity', e.severity,
		'severity_raw', e.severity_raw, 'category', e.category,
		'message', e.message, 'details', e.details,
		'flow_id', e.flow_id,
		'created_at', mast.rfc3339(e.created_at),
		'acknowledged', e.acknowledged_at IS NOT NULL,
		'acknowledged_by', e.acknowledged_by,
		'acknowledged_at', mast.rfc3339(e.acknowledged_at),
		'ack_name', e.ack_name, 'ack_note', e.ack_note)::text
		FROM mast.events e WHERE p_days IS NULL
		OR e.created_at >= now() - make_interval(days => p_days)
		ORDER BY e.created_at, e.id;
	WHEN 'audit_log' THEN OPEN c FOR
		SELECT json_build_object('id', a.id, 'user_id', a.actor_user,
		'actor_kind', a.actor_kind, 'actor_name', a.actor_name,
		'action', a.action, 'target_type', a.target_type,
		'target_id', a.target_id, 'details', a.details,
		'ip_address', host(a.address), 'request_id', a.request_id,
		'created_at', mast.rfc3339(a.at))::text
		FROM mast.audit a ORDER BY a.id;
	WHEN 'x_users' THEN OPEN c FOR
		SELECT json_build_object('id', u.id,
		'password_hash', u.password_hash,
		'secret', encode(u.totp_secret, 'hex'),
		'totp_last_step', u.totp_last_step)::text
		FROM mast.users u ORDER BY u.id;
	WHEN 'x_node_secrets' THEN OPEN c FOR
		SELECT json_build_object('id', s.node_id,
		'secret_hash', encode(s.secret_hash, 'hex'))::text
		FROM mast.node_secrets s ORDER BY s.node_id, s.serial;
	WHEN 'x_configs' THEN OPEN c FOR
		SELECT json_build_object('hash', encode(b.hash, 'hex'),
		'secret', encode(b.sealed, 'hex'), 'size', b.size,
		'dialect', b.dialect)::text
		FROM mast.config_blobs b ORDER BY b.hash;
	WHEN 'x_tunnels' THEN OPEN c FOR
		SELECT json_build_object('id', t.id,
		'secret', encode(t.secrets, 'hex'))::text
		FROM mast.tunnels t ORDER BY t.id;
	WHEN 'x_provider_keys' THEN OPEN c FOR
		SELECT json_build_object('id', k.id, 'user_id', k.user_id,
		'provider', k.provider, 'box', encode(k.sealed, 'hex'),
		'sealed_for', encode(k.sealed_for, 'hex'), 'hint', k.hint,
		'model_preference', k.model_preference)::text
		FROM mast.provider_keys k ORDER BY k.user_id, k.provider;
	END CASE;
	RETURN c;
END
$$;

-- The next rows of the cursor; fewer than p_n are the last ones.
CREATE FUNCTION mast.export_fetch(p_n integer) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	c refcursor := 'mast_export'::refcursor;
	line text;
BEGIN
	PERFORM mast.export_check();
	FOR i IN 1 .. p_n LOOP
		FETCH c INTO line;
		IF NOT FOUND THEN
			CLOSE c;
			RETURN;
		END IF;
		RETURN NEXT line;
	END LOOP;
END
$$;

------------------------------------------------------------------------
-- Import

-- False: another one is under way. One that has just ended may take a moment
-- to be gone.
CREATE FUNCTION mast.import_begin() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM mast.export_check();
	PERFORM set_config('lock_timeout', '2s', true);
	PERFORM pg_advisory_xact_lock(hashtext('mast import'));
	PERFORM set_config('lock_timeout', '30s', true);
	RETURN true;
EXCEPTION WHEN lock_not_available THEN
	RETURN false;
END
$$;

-- Elements of a section, the first of which stands at p_first.
CREATE FUNCTION mast.import_stage(p_section text, p_first integer,
    p_rows json) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM mast.export_check();
	INSERT INTO mast.import_rows (section, n, row)
	    SELECT p_section, p_first + r.at - 1, r.value
	    FROM json_array_elements(p_rows) WITH ORDINALITY r(value, at);
END
$$;

-- The steps below are for import_apply alone, which the owner runs.

CREATE FUNCTION mast.import_settings() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO mast.import_changes (op, section, ref, detail)
	SELECT CASE WHEN s.key IS NULL THEN 'skip' ELSE 'conflict' END,
	    'settings', CASE WHEN s.key IS NULL THEN f.row->>0
	    ELSE '/' || f.n || '/1' END,
	    CASE WHEN s.key IS NULL THEN 'is not a setting of this version'
	    ELSE format('must be between %s and %s', s.min, s.max) END
	FROM mast.import_rows f LEFT JOIN mast.settings s ON s.key = f.row->>0
	WHERE f.section = 'settings' AND (s.key IS NULL
	    OR (f.row->>1)::numeric NOT BETWEEN s.min AND s.max);
	INSERT INTO mast.import_changes (op, section, ref, detail)
	SELECT 'conflict', 'settings', '/' || max(f.n), 'is given twice'
	FROM mast.import_rows f WHERE f.section = 'settings'
	GROUP BY f.row->>0 HAVING count(*) > 1;
	IF EXISTS (SELECT FROM mast.import_changes WHERE op = 'conflict') THEN
		RETURN;
	END IF;
	WITH u AS (UPDATE mast.settings s SET value = (f.row->>1)::bigint,
	    updated_at = now(), updated_by = mast.actor()
	    FROM mast.import_rows f WHERE f.section = 'settings'
	    AND s.key = f.row->>0 AND s.value <> (f.row->>1)::bigint
	    RETURNING s.key)
	INSERT INTO mast.import_changes (op, section, ref)
	SELECT 'update', 'settings', key FROM u;
END
$$;

-- A file's user without a password hash becomes inactive with a hash that
-- nothing fits, until somebody sets a password. The importer's own account,
-- found by id or by name, stays as it is.
CREATE FUNCTION mast.import_users(p_replace boolean, p_self text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO mast.import_changes (op, section, ref, detail)
	SELECT 'conflict', 'users', '/' || max(f.n) || '/id',
	    'is in the file twice'
	FROM mast.import_rows f WHERE f.section = 'users'
	GROUP BY (f.row->>'id')::uuid HAVING count(*) > 1
	UNION ALL SELECT 'conflict', 'users', '/' || max(f.n) || '/username',
	    'is in the file twice'
	FROM mast.import_rows f WHERE f.section = 'users'
	GROUP BY f.row->>'username' HAVING count(*) > 1;
	IF NOT p_replace THEN
		INSERT INTO mast.import_changes (op, section, ref, detail)
		SELECT 'conflict', 'users', '/' || f.n || '/username',
		    'is taken by another user, ' || u.id
		FROM mast.import_rows f
		JOIN mast.users u ON u.username = f.row->>'username'
		    AND u.id <> (f.row->>'id')::uuid
		WHERE f.section = 'users'
		AND u.id IS DISTINCT FROM mast.actor()
		AND NOT EXISTS (SELECT FROM mast.import_rows o
		    WHERE o.section = 'users'
		    AND (o.row->>'id')::uuid = u.id);
	END IF;
	IF EXISTS (SELECT FROM mast.import_changes WHERE op = 'conflict') THEN
		RETURN;
	END IF;
	WITH d AS (DELETE FROM mast.import_rows f WHERE f.section = 'users'
	    AND ((f.row->>'id')::uuid = mast.actor()
		OR f.row->>'username' = p_self)
	    RETURNING f.row->>'id' AS id)
	INSERT INTO mast.import_changes (op, section, ref, detail)
	SELECT 'skip', 'users', id, 'is who imports' FROM d;

	-- Names that move from one user to another are free for a moment.
	UPDATE mast.users u SET username = 'x-' || u.id
	FROM mast.import_rows f WHERE f.section = 'users'
	AND u.username = f.row->>'username' AND u.id <> (f.row->>'id')::uuid;

	WITH f AS (SELECT (r.row->>'id')::uuid AS id, r.row,
		x.row->>'password_hash' AS phc, x.row AS x
	    FROM mast.import_rows r LEFT JOIN mast.import_rows x
	    ON x.section = 'x_users' AND x.row->>'id' = r.row->>'id'
	    WHERE r.section = 'users'),
	i AS (INSERT INTO mast.users AS u (id, username, password_hash,
	    display_name, email, role, is_temporary, is_active, expires_at,
	    all_nodes, totp_secret, totp_last_step, created_at,
	    last_login_at)
	    SELECT f.id, f.row->>'username', coalesce(f.phc, '!'),
	    f.row->>'display_name', f.row->>'email',
	    (f.row->>'role')::mast.role,
	    coalesce((f.row->>'is_temporary')::boolean, false),
	    coalesce((f.row->>'is_active')::boolean, true)
		AND coalesce(f.phc, '!') <> '!',
	    (f.row->>'expires_at')::timestamptz,
	    f.row->>'allowed_node_ids' IS NULL,
	    decode(f.x->>'secret', 'hex'),
	    (f.x->>'totp_last_step')::bigint,
	    coalesce((f.row->>'created_at')::timestamptz, now()),
	    (f.row->>'last_login_at')::timestamptz
	    FROM f
	    ON CONFLICT ON CONSTRAINT users_pk DO UPDATE SET
	    username = EXCLUDED.username,
	    password_hash = CASE EXCLUDED.password_hash WHEN '!'
		THEN u.password_hash ELSE EXCLUDED.password_hash END,
	    display_name = EXCLUDED.display_name, email = EXCLUDED.email,
	    role = EXCLUDED.role, is_temporary = EXCLUDED.is_temporary,
	    is_active = CASE EXCLUDED.password_hash WHEN '!' THEN
		u.password_hash <> '!' AND coalesce((SELECT
		    (f.row->>'is_active')::boolean FROM f
		    WHERE f.id = u.id), true)
		ELSE EXCLUDED.is_active END,
	    expires_at = EXCLUDED.expires_at, all_nodes = EXCLUDED.all_nodes,
	    totp_secret = CASE EXCLUDED.password_hash WHEN '!'
		THEN u.totp_secret ELSE EXCLUDED.totp_secret END,
	    totp_last_step = CASE EXCLUDED.password_hash WHEN '!'
		THEN u.totp_last_step ELSE EXCLUDED.totp_last_step END,
	    updated_at = now(), version = u.version + 1
	    WHERE (u.username, u.display_name, u.email, u.role,
		u.is_temporary, u.expires_at, u.all_nodes)
	    IS DISTINCT FROM (EXCLUDED.username, EXCLUDED.display_name,
		EXCLUDED.email, EXCLUDED.role, EXCLUDED.is_temporary,
		EXCLUDED.expires_at, EXCLUDED.all_nodes)
	    OR (EXCLUDED.password_hash <> '!' AND u.password_hash
		<> EXCLUDED.password_hash)
	    OR u.is_active <> (u.password_hash <> '!' AND coalesce((SELECT
		(f.row->>'is_active')::boolean FROM f WHERE f.id = u.id),
		true)) AND EXCLUDED.password_hash = '!'
	    OR u.is_active <> EXCLUDED.is_active
		AND EXCLUDED.password_hash <> '!'
	    RETURNING u.id, u.username, u.version, u.is_active,
		u.password_hash)
	INSERT INTO mast.import_changes (op, section, ref, detail)
	SELECT CASE i.version WHEN 1 THEN 'create' ELSE 'update' END, 'users',
	    i.id::text, i.username || CASE i.password_hash WHEN '!' THEN
	    ': inactive until a password is set' ELSE '' END FROM i;

	IF p_replace AND EXISTS (SELECT FROM mast.import_rows
	    WHERE section = '=users') THEN
		WITH d AS (DELETE FROM mast.users u
		    WHERE u.id IS DISTINCT FROM mast.actor()
		    AND NOT EXISTS (SELECT FROM mast.import_rows f
			WHERE f.section = 'users'
			AND (f.row->>'id')::uuid = u.id)
		    RETURNING u.id, u.username)
		INSERT INTO mast.import_changes (op, section, ref, detail)
		SELECT 'delete', 'users', id::text, username FROM d;
	END IF;

	DELETE FROM mast.user_nodes un USING mast.import_rows f
	WHERE f.section = 'users' AND un.user_id = (f.row->>'id')::uuid;
	INSERT INTO mast.user_nodes (user_id, node_id)
	SELECT DISTINCT (f.row->>'id')::uuid, a.id::uuid
	FROM mast.import_rows f,
	    json_array_elements_text(f.row->'allowed_node_ids') a(id)
	WHERE f.section = 'users' AND f.row->>'allowed_node_ids' IS NOT NULL;

	-- Whoever has another password or may no more is signed out.
	UPDATE mast.sessions s SET revoked_at = now()
	FROM mast.import_changes c, mast.users u
	WHERE c.op = 'update' AND c.section = 'users'
	AND u.id = c.ref::uuid AND s.user_id = u.id
	AND s.revoked_at IS NULL AND (NOT u.is_active OR EXISTS (
	    SELECT FROM mast.import_rows x WHERE x.section = 'x_users'
	    AND x.row->>'id' = c.ref));
END
$$;

CREATE FUNCTION mast.import_nodes(p_replace boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO mast.import_changes (op, section, ref, detail)
	SELECT 'conflict', 'nodes', '/' || max(f.n) || '/id',
	    'is in the file twice'
	FROM mast.import_rows f WHERE f.section = 'nodes'
	GROUP BY (f.row->>'id')::uuid HAVING count(*) > 1;
	INSERT INTO mast.import_changes (op, section, ref, detail)
	SELECT 'conflict', 'nodes', '/' || f.n || '/device_type',
	    'is another one here: ' || n.device_type
	FROM mast.import_rows f
	JOIN mast.nodes n ON n.id = (f.row->>'id')::uuid
	WHERE f.section = 'nodes' AND n.device_type <> f.row->>'device_type';
	IF EXISTS (SELECT FROM mast.import_changes WHERE op = 'conflict') THEN
		RETURN;
	END IF;
	-- A file of version 1 has no expiry: then what is here stays.
	WITH f AS (SELECT (r.row->>'id')::uuid AS id, r.row
	    FROM mast.import_rows r WHERE r.section = 'nodes'),
	i AS (INSERT INTO mast.nodes AS n (id, name, description,
	    device_type, metadata, expires_at, created_at)
	    SELECT f.id, f.row->>'name', f.row->>'description',
	    coalesce(f.row->>'device_type', 'edge'),
	    CASE WHEN f.row->>'metadata' IS NOT NULL
		THEN (f.row->'metadata')::jsonb END,
	    (f.row->>'expires_at')::timestamptz,
	    coalesce((f.row->>'created_at')::timestamptz, now()) FROM f
	    ON CONFLICT ON CONSTRAINT nodes_pk DO UPDATE SET
	    name = EXCLUDED.name, description = EXCLUDED.description,
	    metadata = EXCLUDED.metadata,
	    expires_at = CASE WHEN (SELECT (f.row->'expires_at') IS NULL
		FROM f WHERE f.id = n.id) THEN n.expires_at
		ELSE EXCLUDED.expires_at END,
	    updated_at = now(), version = n.version + 1
	    WHERE (n.name, n.description, n.metadata)
	    IS DISTINCT FROM
	    (EXCLUDED.name, EXCLUDED.description, EXCLUDED.metadata)
	    OR n.expires_at IS DISTINCT FROM EXCLUDED.expires_at
		AND (SELECT (f.row->'expires_at') IS NOT NULL FROM f
		WHERE f.id = n.id)
	    RETURNING n.id, n.name, n.version)
	INSERT INTO mast.import_changes (op, section, ref, detail)
	SELECT CASE i.version WHEN 1 THEN 'create' ELSE 'update' END, 'nodes',
	    i.id::text, i.name FROM i;
	-- A node that is new here is away until it has come.
	UPDATE mast.node_state s SET
	    status = CASE f.row->>'status' WHEN 'pending' THEN 'pending'
		ELSE 'offline' END::mast.node_status,
	    software_version = f.row->>'software_version',
	    last_seen_at = (f.row->>'last_seen_at')::timestamptz
	FROM mast.import_rows f, mast.import_changes c
	WHERE f.section = 'nodes' AND s.node_id = (f.row->>'id')::uuid
	AND c.op = 'create' AND c.section = 'nodes'
	AND c.ref = s.node_id::text;
	INSERT INTO mast.node_secrets (node_id, secret_hash)
	SELECT (x.row->>'id')::uuid, decode(x.row->>'secret_hash', 'hex')
	FROM mast.import_rows x
	JOIN mast.nodes n ON n.id = (x.row->>'id')::uuid
	WHERE x.section = 'x_node_secrets' ORDER BY x.n
	ON CONFLICT DO NOTHING;
	IF p_replace AND EXISTS (SELECT FROM mast.import_rows
	    WHERE section = '=nodes') THEN
		WITH d AS (DELETE FROM mast.nodes n
		    WHERE NOT EXISTS (SELECT FROM mast.import_rows f
			WHERE f.section = 'nodes'
			AND (f.row->>'id')::uuid = n.id)
		    RETURNING n.id, n.name)
		INSERT INTO mast.import_changes (op, section, ref, detail)
		SELECT 'delete', 'nodes', id::text, name FROM d;
	END IF;
END
$$;

-- What hangs on nodes; a row whose node is not here is left out and told.
CREATE FUNCTION mast.import_configs(p_replace boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO mast.config_blobs (hash, sealed, size, dialect)
	SELECT decode(x.row->>'hash', 'hex'),
	    decode(x.row->>'secret', 'hex'), (x.row->>'size')::integer,
	    (x.row->>'dialect')::integer
	FROM mast.import_rows x WHERE x.section = 'x_configs'
	ON CONFLICT DO NOTHING;
	WITH f AS (SELECT DISTINCT ON (1, 2, 3, 4)
		(r.row->>'node_id')::uuid AS node_id,
		decode(r.row->>'hash', 'hex') AS hash,
		r.row->>'source' AS source,
		(r.row->>'first_seen_at')::timestamptz AS first_seen_at,
		r.row, r.n
	    FROM mast.import_rows r WHERE r.section = 'config_versions'
	    ORDER BY 1, 2, 3, 4),
	i AS (INSERT INTO mast.config_versions (node_id, hash, source,
	    actor_user, first_seen_at, last_seen_at)
	    SELECT f.node_id, f.hash, f.source,
	    (f.row->>'actor_user')::uuid, f.first_seen_at,
	    (f.row->>'last_seen_at')::timestamptz
	    FROM f JOIN mast.config_blobs b ON b.hash = f.hash
	    JOIN mast.nodes n ON n.id = f.node_id
	    WHERE NOT EXISTS (SELECT FROM mast.config_versions v
		WHERE v.node_id = f.node_id AND v.hash = f.hash
		AND v.source = f.source
		AND v.first_seen_at = f.first_seen_at)
	    ORDER BY f.n RETURNING node_id, hash)
	INSERT INTO mast.import_changes (op, section, ref, detail)
	SELECT 'create', 'config_versions', node_id::text,
	    encode(hash, 'hex') FROM i;
	INSERT INTO mast.import_changes (op, section, ref, detail)
	SELECT 'skip', 'config_versions', f.row->>'node_id',
	    'its content is not here and not in the file'
	FROM mast.import_rows f WHERE f.section = 'config_versions'
	AND NOT EXISTS (SELECT FROM mast.config_blobs b
	    WHERE b.hash = decode(f.row->>'hash', 'hex'));
	WITH f AS (SELECT (r.row->>'node_id')::uuid AS node_id,
		rb.hash AS reported,
		(r.row->>'reported_at')::timestamptz AS reported_at,
		db.hash AS desired,
		(r.row->>'desired_at')::timestamptz AS desired_at,
		decode(r.row->>'drift_ignored', 'hex') AS drift_ignored
	    FROM mast.import_rows r
	    JOIN mast.nodes n ON n.id = (r.row->>'node_id')::uuid
	    LEFT JOIN mast.config_blobs rb
		ON rb.hash = decode(r.row->>'reported', 'hex')
	    LEFT JOIN mast.config_blobs db
		ON db.hash = decode(r.row->>'desired', 'hex')
	    WHERE r.section = 'node_configs'
	    AND (rb.hash IS NOT NULL OR db.hash IS NOT NULL)),
	i AS (INSERT INTO mast.node_configs AS g (node_id, reported,
	    reported_at, desired, desired_at, drift_ignored)
	    SELECT DISTINCT ON (f.node_id) f.node_id, f.reported,
	    f.reported_at, f.desired, f.desired_at, f.drift_ignored FROM f
	    ON CONFLICT ON CONSTRAINT node_configs_pk DO UPDATE SET
	    desired = EXCLUDED.desired, desired_at = EXCLUDED.desired_at,
	    drift_ignored = EXCLUDED.drift_ignored
	    WHERE p_replace AND (g.desired, g.drift_ignored)
		IS DISTINCT FROM (EXCLUDED.desired, EXCLUDED.drift_ignored)
	    RETURNING node_id, xmax = 0 AS made)
	INSERT INTO mast.import_changes (op, section, ref)
	SELECT CASE WHEN made THEN 'create' ELSE 'update' END, 'node_configs',
	    node_id::text FROM i;
END
$$;

CREATE FUNCTION mast.import_tunnels(p_replace boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF p_replace AND EXISTS (SELECT FROM mast.import_rows
	    WHERE section = '=tunnels') THEN
		WITH d AS (DELETE FROM mast.tunnels t
		    WHERE NOT EXISTS (SELECT FROM mast.import_rows f
			WHERE f.section = 'tunnels'
			AND (f.row->>'id')::uuid = t.id)
		    RETURNING t.id, t.name)
		INSERT INTO mast.import_changes (op, section, ref, detail)
		SELECT 'delete', 'tunnels', id::text, name FROM d;
	END IF;
	INSERT INTO mast.import_changes (op, section, ref, detail)
	SELECT 'conflict', 'tunnels', '/' || max(f.n) || '/id',
	    'is in the file twice'
	FROM mast.import_rows f WHERE f.section = 'tunnels'
	GROUP BY (f.row->>'id')::uuid HAVING count(*) > 1;
	INSERT INTO mast.import_changes (op, section, ref, detail)
	SELECT 'conflict', 'tunnels', '/' || f.n || '/' || k.key,
	    'is no node of this installation or of the file'
	FROM mast.import_rows f, (VALUES ('ingress_node_id'),
	    ('egress_node_id'), ('relay_node_id')) k(key)
	WHERE f.section = 'tunnels' AND f.row->>k.key IS NOT NULL
	AND NOT EXISTS (SELECT FROM mast.nodes n
	    WHERE n.id = (f.row->>k.key)::uuid);
	INSERT INTO mast.import_changes (op, section, ref, detail)
	SELECT 'conflict', 'tunnels', '/' || max(f.n)
	    || '/ingress_listen_port', 'is taken on this node'
	FROM (SELECT r.n, (r.row->>'id')::uuid AS id,
		(r.row->>'ingress_node_id')::uuid AS node,
		r.row->>'protocol' AS protocol,
		(r.row->>'ingress_listen_port')::integer AS port
	    FROM mast.import_rows r WHERE r.section = 'tunnels'
	    UNION ALL SELECT NULL, t.id, t.ingress_node_id, t.protocol,
		t.ingress_listen_port FROM mast.tunnels t
	    WHERE NOT EXISTS (SELECT FROM mast.import_rows r
		WHERE r.section = 'tunnels'
		AND (r.row->>'id')::uuid = t.id)) f
	GROUP BY f.node, f.protocol, f.port
	HAVING count(*) > 1 AND max(f.n) IS NOT NULL;
	IF EXISTS (SELECT FROM mast.import_changes WHERE op = 'conflict') THEN
		RETURN;
	END IF;
	INSERT INTO mast.import_changes (op, section, ref, detail)
	SELECT 'skip', 'tunnels', f.row->>'id',
	    'its secrets are not in the file' FROM mast.import_rows f
	WHERE f.section = 'tunnels' AND NOT EXISTS (SELECT
	    FROM mast.tunnels t WHERE t.id = (f.row->>'id')::uuid)
	AND NOT EXISTS (SELECT FROM mast.import_rows x
	    WHERE x.section = 'x_tunnels' AND x.row->>'id' = f.row->>'id');
	WITH f AS (SELECT r.row, coalesce(decode(x.row->>'secret', 'hex'),
		t.secrets) AS secrets
	    FROM mast.import_rows r
	    LEFT JOIN mast.tunnels t ON t.id = (r.row->>'id')::uuid
	    LEFT JOIN mast.import_rows x ON x.section = 'x_tunnels'
		AND x.row->>'id' = r.row->>'id'
	    WHERE r.section = 'tunnels'
	    AND (t.id IS NOT NULL OR x.row IS NOT NULL)),
	i AS (INSERT INTO mast.tunnels AS t (id, name, protocol, mode,
	    ingress_node_id, ingress_listen_port, egress_node_id,
	    egress_forward_addr, egress_peer_addr, relay_addr, relay_addrs,
	    relay_node_id, secrets, status, associated_flow_ids, created_at)
	    SELECT (f.row->>'id')::uuid, f.row->>'name', f.row->>'protocol',
	    f.row->>'mode', (f.row->>'ingress_node_id')::uuid,
	    (f.row->>'ingress_listen_port')::integer,
	    (f.row->>'egress_node_id')::uuid, f.row->>'egress_forward_addr',
	    f.row->>'egress_peer_addr', f.row->>'relay_addr',
	    CASE WHEN f.row->>'relay_addrs' IS NOT NULL
		THEN ARRAY(SELECT json_array_elements_text(
		f.row->'relay_addrs')) END,
	    (f.row->>'relay_node_id')::uuid, f.secrets,
	    CASE f.row->>'status' WHEN 'disabled' THEN 'disabled'
		ELSE 'pending' END,
	    CASE WHEN f.row->>'associated_flow_ids' IS NOT NULL
		THEN ARRAY(SELECT json_array_elements_text(
		f.row->'associated_flow_ids')) END,
	    coalesce((f.row->>'created_at')::timestamptz, now()) FROM f
	    ON CONFLICT ON CONSTRAINT tunnels_pk DO UPDATE SET
	    name = EXCLUDED.name,
	    ingress_listen_port = EXCLUDED.ingress_listen_port,
	    egress_forward_addr = EXCLUDED.egress_forward_addr,
	    egress_peer_addr = EXCLUDED.egress_peer_addr,
	    relay_addr = EXCLUDED.relay_addr,
	    relay_addrs = EXCLUDED.relay_addrs,
	    status = CASE WHEN (t.status = 'disabled')
		= (EXCLUDED.status = 'disabled') THEN t.status
		ELSE EXCLUDED.status END,
	    associated_flow_ids = EXCLUDED.associated_flow_ids,
	    updated_at = now(), version = t.version + 1
	    WHERE (t.name, t.ingress_listen_port, t.egress_forward_addr,
		t.egress_peer_addr, t.relay_addrs, t.status = 'disabled',
		t.associated_flow_ids)
	    IS DISTINCT FROM (EXCLUDED.name, EXCLUDED.ingress_listen_port,
		EXCLUDED.egress_forward_addr, EXCLUDED.egress_peer_addr,
		EXCLUDED.relay_addrs, EXCLUDED.status = 'disabled',
		EXCLUDED.associated_flow_ids)
	    RETURNING t.id, t.name, t.version)
	INSERT INTO mast.import_changes (op, section, ref, detail)
	SELECT CASE version WHEN 1 THEN 'create' ELSE 'update' END, 'tunnels',
	    id::text, name FROM i;
END
$$;

-- p_alias: the id that the file has for the importer's own account.
CREATE FUNCTION mast.import_personal(p_replace boolean, p_alias uuid)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF p_replace THEN
		DELETE FROM mast.preferences p WHERE EXISTS (SELECT
		    FROM mast.import_rows WHERE section = '=preferences')
		    AND NOT EXISTS (SELECT FROM mast.import_rows f
			WHERE f.section = 'preferences'
			AND f.row->>'key' = p.key
			AND (f.row->>'user_id')::uuid IN (p.user_id, p_alias));
		DELETE FROM mast.positions p WHERE EXISTS (SELECT
		    FROM mast.import_rows WHERE section = '=positions')
		    AND NOT EXISTS (SELECT FROM mast.import_rows f
			WHERE f.section = 'positions'
			AND (f.row->>'node_id')::uuid = p.node_id
			AND (f.row->>'user_id')::uuid IN (p.user_id, p_alias));
	END IF;
	WITH f AS (SELECT DISTINCT ON (1, 2) CASE (r.row->>'user_id')::uuid
		WHEN p_alias THEN mast.actor()
		ELSE (r.row->>'user_id')::uuid END AS user_id,
		r.row->>'key' AS key, r.row->>'value' AS value
	    FROM mast.import_rows r WHERE r.section = 'preferences'
	    ORDER BY 1, 2),
	i AS (INSERT INTO mast.preferences AS p (user_id, key, value)
	    SELECT f.user_id, f.key, f.value FROM f
	    JOIN mast.users u ON u.id = f.user_id
	    ON CONFLICT ON CONSTRAINT preferences_pk DO UPDATE SET
	    value = EXCLUDED.value, updated_at = now()
	    WHERE p.value <> EXCLUDED.value
	    RETURNING p.user_id, p.key, xmax = 0 AS made)
	INSERT INTO mast.import_changes (op, section, ref, detail)
	SELECT CASE WHEN made THEN 'create' ELSE 'update' END, 'preferences',
	    user_id::text, key FROM i;
	WITH f AS (SELECT DISTINCT ON (1, 2, 3) CASE (r.row->>'user_id')::uuid
		WHEN p_alias THEN mast.actor()
		ELSE (r.row->>'user_id')::uuid END AS user_id,
		r.row->>'view' AS view, (r.row->>'node_id')::uuid AS node_id,
		(r.row->>'x')::double precision AS x,
		(r.row->>'y')::double precision AS y
	    FROM mast.import_rows r WHERE r.section = 'positions'
	    ORDER BY 1, 2, 3),
	i AS (INSERT INTO mast.positions AS p (user_id, view, node_id, x, y)
	    SELECT f.user_id, f.view, f.node_id, f.x, f.y FROM f
	    JOIN mast.users u ON u.id = f.user_id
	    JOIN mast.nodes n ON n.id = f.node_id
	    ON CONFLICT ON CONSTRAINT positions_pk DO UPDATE SET
	    x = EXCLUDED.x, y = EXCLUDED.y
	    WHERE (p.x, p.y) <> (EXCLUDED.x, EXCLUDED.y)
	    RETURNING p.user_id, p.node_id, xmax = 0 AS made)
	INSERT INTO mast.import_changes (op, section, ref, detail)
	SELECT CASE WHEN made THEN 'create' ELSE 'update' END, 'positions',
	    user_id::text, node_id::text FROM i;
	WITH i AS (INSERT INTO mast.provider_keys (id, user_id, provider,
	    sealed, sealed_for, hint, model_preference)
	    SELECT (x.row->>'id')::uuid, u.id, x.row->>'provider',
	    decode(x.row->>'box', 'hex'), decode(x.row->>'sealed_for', 'hex'),
	    x.row->>'hint', x.row->>'model_preference'
	    FROM mast.import_rows x
	    JOIN mast.users u ON u.id = (x.row->>'user_id')::uuid
	    WHERE x.section = 'x_provider_keys'
	    ON CONFLICT DO NOTHING RETURNING id, provider)
	INSERT INTO mast.import_changes (op, section, ref, detail)
	SELECT 'create', 'provider_keys', id::text, provider FROM i;
END
$$;

-- Events are a log: an import adds what is missing and takes nothing away.
-- An id that another event has here gives way to a new one.
CREATE FUNCTION mast.import_events() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	top bigint;
BEGIN
	WITH f AS (SELECT r.row, (r.row->>'id')::bigint AS id,
		(r.row->>'created_at')::timestamptz AS created_at,
		(r.row->>'node_id')::uuid AS node_id
	    FROM mast.import_rows r WHERE r.section = 'events'),
	i AS (INSERT INTO mast.events (id, created_at, node_id, node_name,
	    severity, severity_raw, category, message, details, flow_id,
	    acknowledged_at, acknowledged_by, ack_name, ack_note)
	    SELECT CASE WHEN EXISTS (SELECT FROM mast.events e
		WHERE e.id = f.id) THEN nextval('mast.event_seq')
		ELSE f.id END,
	    f.created_at, f.node_id, coalesce(f.row->>'node_name',
		(SELECT n.name FROM mast.nodes n WHERE n.id = f.node_id),
		f.node_id::text),
	    (f.row->>'severity')::mast.severity, f.row->>'severity_raw',
	    f.row->>'category', f.row->>'message',
	    CASE WHEN json_typeof(f.row->'details') <> 'null'
		THEN f.row->'details' END,
	    f.row->>'flow_id',
	    CASE WHEN (f.row->>'acknowledged')::boolean THEN
		coalesce((f.row->>'acknowledged_at')::timestamptz,
		f.created_at) END,
	    (f.row->>'acknowledged_by')::uuid, f.row->>'ack_name',
	    f.row->>'ack_note'
	    FROM f WHERE NOT EXISTS (SELECT FROM mast.events e
		WHERE e.created_at = f.created_at AND e.node_id = f.node_id
		AND e.message = f.row->>'message'
		AND e.category = f.row->>'category')
	    ORDER BY f.created_at, f.id
	    RETURNING id)
	INSERT INTO mast.import_changes (op, section, ref)
	SELECT 'create', 'events', id::text FROM i;
	SELECT max(c.ref::bigint) INTO top FROM mast.import_changes c
	    WHERE c.section = 'events' AND c.op = 'create';
	IF top >= (SELECT last_value FROM mast.event_seq) THEN
		PERFORM setval('mast.event_seq', top);
	END IF;
END
$$;

-- Applies what is staged and answers with the report. Whoever finds
-- "conflicts" in it, or asked for a dry run, rolls back.
CREATE FUNCTION mast.import_apply(p_mode text, p_os_user text,
    p_address inet, p_request_id text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	everything boolean := p_mode = 'replace';
	self text := (SELECT username FROM mast.users
	    WHERE id = mast.actor());
	alias uuid := (SELECT (f.row->>'id')::uuid FROM mast.import_rows f
	    WHERE f.section = 'users' AND f.row->>'username' = self LIMIT 1);
	conflict boolean;
	report json;
BEGIN
	PERFORM mast.export_check();
	-- In this order, because the later ones refer to the former.
	PERFORM mast.import_settings();
	PERFORM mast.import_nodes(everything);
	PERFORM mast.import_users(everything, self);
	SELECT EXISTS (SELECT FROM mast.import_changes
	    WHERE op = 'conflict') INTO conflict;
	IF NOT conflict THEN
		PERFORM mast.import_tunnels(everything);
		PERFORM mast.import_configs(everything);
		PERFORM mast.import_personal(everything, alias);
		PERFORM mast.import_events();
	END IF;
	IF EXISTS (SELECT FROM mast.import_rows
	    WHERE section = 'audit_log') THEN
		INSERT INTO mast.import_changes (op, section, detail)
		VALUES ('skip', 'audit_log',
		    'the audit of another installation is not made ours');
	END IF;
	SELECT json_build_object('mode', p_mode,
	    'sections', coalesce((SELECT json_object_agg(s.section, s.n)
		FROM (SELECT c.section, json_object_agg(c.op, c.n) AS n
		    FROM (SELECT section, op, count(*) AS n
			FROM mast.import_changes WHERE op <> 'conflict'
			GROUP BY section, op ORDER BY section, op) c
		    GROUP BY c.section ORDER BY c.section) s), '{}'::json),
	    'changes', coalesce((SELECT json_agg(json_build_object(
		'op', c.op, 'section', c.section, 'id', c.ref,
		'detail', c.detail) ORDER BY c.n)
		FROM (SELECT * FROM mast.import_changes
		    WHERE op <> 'conflict' AND section <> 'events'
		    ORDER BY n LIMIT 1000) c), '[]'::json),
	    'complete', (SELECT count(*) <= 1000 FROM mast.import_changes
		WHERE op <> 'conflict' AND section <> 'events'),
	    'conflicts', coalesce((SELECT json_agg(json_build_object(
		'pointer', '/data/' || c.section || c.ref,
		'detail', c.detail) ORDER BY c.n)
		FROM (SELECT * FROM mast.import_changes
		    WHERE op = 'conflict' ORDER BY n LIMIT 100) c),
		'[]'::json)) INTO report;
	INSERT INTO mast.audit (actor_kind, actor_user, actor_name, action,
	    target_type, details, address, request_id)
	VALUES (CASE WHEN mast.actor() IS NULL THEN 'system' ELSE 'user' END,
	    mast.actor(), coalesce(self, 'mastctl'), 'import', 'installation',
	    jsonb_build_object('mode', p_mode, 'sections',
	    report->'sections', 'os_user', p_os_user),
	    p_address, p_request_id);
	DELETE FROM mast.import_rows;
	DELETE FROM mast.import_changes;
	RETURN report;
END
$$;

GRANT EXECUTE ON FUNCTION mast.export_check(),
    mast.export_open(text, integer), mast.export_fetch(integer),
    mast.import_begin(),
    mast.import_stage(text, integer, json),
    mast.import_apply(text, text, inet, text) TO _mast_apid;
