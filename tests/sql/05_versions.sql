-- Which change bumps which counter, and which does not.
BEGIN;
SET search_path = tap, mast, pg_catalog;
SELECT plan(20);

INSERT INTO users (id, username, password_hash, display_name, role) VALUES
    ('00000000-0000-7000-8000-000000000001', 's', 'h', 'S', 'super_admin'),
    ('00000000-0000-7000-8000-000000000002', 'v', 'h', 'V', 'viewer');
INSERT INTO nodes (id, name, device_type) VALUES
    ('00000000-0000-7000-8000-000000000001', 'n', 'edge');

CREATE FUNCTION tap.bumps(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	before jsonb := (SELECT jsonb_object_agg(name, value) FROM mast.versions);
BEGIN
	EXECUTE sql;
	RETURN (SELECT string_agg(name, ' ' ORDER BY name) FROM mast.versions
	    WHERE (before ->> name)::bigint <> value);
END
$$;

SELECT is(bumps($$UPDATE users SET last_login_at = now()$$), NULL,
    'a sign-in drops no cache');
SELECT is(bumps($$INSERT INTO sessions (id, token_hash, user_id, expires_at)
    VALUES ('00000000-0000-7000-8000-000000000001', 'x',
    '00000000-0000-7000-8000-000000000001', now())$$), NULL, 'a new session');
SELECT is(bumps($$UPDATE sessions SET revoked_at = now()$$), 'auth',
    'a revoked session');
SELECT is(bumps($$DELETE FROM sessions$$), 'auth', 'a deleted session');
SELECT is(bumps($$UPDATE users SET role = 'operator' WHERE username = 'v'$$),
    'auth', 'a role');
SELECT is(bumps($$UPDATE users SET is_active = false WHERE username = 'v'$$),
    'auth', 'active');
SELECT is(bumps($$UPDATE users SET expires_at = now() WHERE username = 'v'$$),
    'auth', 'expiry');
SELECT is(bumps($$UPDATE users SET all_nodes = false WHERE username = 'v'$$),
    'auth', 'all_nodes');
SELECT is(bumps($$UPDATE users SET password_hash = 'n' WHERE username = 'v'$$),
    'auth', 'a password');
SELECT is(bumps($$INSERT INTO user_nodes
    VALUES ('00000000-0000-7000-8000-000000000002', gen_random_uuid())$$),
    'auth', 'a list of nodes');
SELECT is(bumps($$DELETE FROM user_nodes$$), 'auth', 'less of it');
SELECT is(bumps($$DELETE FROM users WHERE username = 'v'$$), 'auth',
    'a deleted user');
SELECT is(bumps($$UPDATE settings SET value = 6
    WHERE key = 'max_login_attempts'$$), 'settings', 'a setting');
SELECT is(bumps($$INSERT INTO nodes (id, name, device_type) VALUES
    ('00000000-0000-7000-8000-000000000003', 'm', 'edge')$$), 'nodes',
    'a new node');
SELECT is(bumps($$UPDATE nodes SET name = 'o' WHERE name = 'm'$$), 'nodes',
    'a name');
SELECT is(bumps($$UPDATE nodes SET expires_at = now() WHERE name = 'o'$$),
    'nodes', 'the expiry of a node');
SELECT is(bumps($$UPDATE nodes SET description = 'd' WHERE name = 'o'$$), NULL,
    'a description');
SELECT is(bumps($$UPDATE node_state SET last_seen_at = now()$$), NULL,
    'the hot row');
SELECT is(bumps($$DELETE FROM nodes WHERE name = 'o'$$), 'nodes',
    'a deleted node');
SELECT is(bumps($$INSERT INTO certificates (id, door, chain_pem, key_sealed,
    not_after) VALUES (gen_random_uuid(), 'both', '', '', now())$$), 'certs',
    'a certificate');

SELECT * FROM finish();
ROLLBACK;
