-- Sign-in, sessions, the view of a node's state, the last super_admin.
BEGIN;
SET search_path = tap, mast, pg_catalog;
SELECT plan(36);

CREATE FUNCTION tap.u(n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tap TO PUBLIC;
INSERT INTO users (id, username, password_hash, display_name, role, is_active,
    expires_at, all_nodes, last_login_at) VALUES
    (u(1), 'root', 'h1', 'Root', 'super_admin', true, NULL, true,
    '2026-01-02 03:04:05.678901+00'),
    (u(2), 'off', 'h2', 'Off', 'viewer', false, NULL, true, NULL),
    (u(3), 'old', 'h3', 'Old', 'viewer', true, now() - interval '1 s', true,
    NULL),
    (u(4), 'some', 'h4', 'Some', 'viewer', true, NULL, false, NULL);
INSERT INTO user_nodes VALUES (u(4), u(9)), (u(4), u(8));

SET LOCAL ROLE _mast_apid;
SELECT is((SELECT password_hash FROM signin_lookup('root')), 'h1', 'lookup');
SELECT is_empty('SELECT * FROM signin_lookup(''nobody'')', 'unknown');
SELECT is((SELECT is_active FROM signin_lookup('off')), false, 'inactive');
SELECT is((SELECT expired FROM signin_lookup('old')), true, 'expired');
SELECT is((SELECT "user"::jsonb FROM signin_lookup('root')), jsonb_build_object(
    'id', u(1), 'username', 'root', 'display_name', 'Root', 'email', NULL,
    'role', 'super_admin', 'is_temporary', false, 'expires_at', NULL,
    'allowed_node_ids', NULL, 'is_active', true,
    'last_login_at', '2026-01-02T03:04:05.678901Z'), 'the REST object');
SELECT is((SELECT "user" ->> 'allowed_node_ids' FROM signin_lookup('some')),
    format('["%s", "%s"]', u(8), u(9)), 'a list of nodes');

SELECT is((SELECT lifetime_secs FROM session_open(u(1), u(11), '\x01',
    '127.0.0.1', 'agent', 'req')), 86400::bigint, 'a session of 24 hours');
SELECT is_empty('SELECT * FROM session_open(u(2), u(12), ''\x02'', NULL, NULL,
    NULL)', 'none for the inactive');
SELECT is_empty('SELECT * FROM session_open(u(3), u(12), ''\x02'', NULL, NULL,
    NULL)', 'none for the expired');
SELECT isnt_empty('SELECT * FROM session_open(u(4), u(14), ''\x04'', NULL, NULL,
    NULL)', 'another');
SELECT is((SELECT username FROM session_lookup('\x01')), 'root', 'found');
SELECT is((SELECT node_ids FROM session_lookup('\x01')), NULL, 'all nodes');
SELECT is((SELECT node_ids FROM session_lookup('\x04')), ARRAY[u(8), u(9)],
    'a list');
SELECT is((SELECT revoked FROM session_lookup('\x01')), false, 'not revoked');
SELECT ok((SELECT abs(expires_us - wall_us(now() + interval '24 h')) < 2
    FROM session_lookup('\x01')), 'expires_us');
SELECT is_empty('SELECT * FROM session_lookup(''\xff'')', 'unknown session');
SELECT is(session_close('\x01', '127.0.0.1', 'req'), true, 'sign-out');
SELECT is(session_close('\x01', '127.0.0.1', 'req'), false, 'only once');
SELECT is((SELECT revoked FROM session_lookup('\x01')), true, 'revoked');
RESET ROLE;
SELECT is((SELECT string_agg(action, ' ' ORDER BY id) FROM audit),
    'auth.login auth.login auth.logout', 'all of it is audited');
SELECT is((SELECT host(address) || request_id || actor_name FROM audit
    ORDER BY id LIMIT 1), '127.0.0.1reqroot', 'with address and request');
SELECT is((SELECT last_login_at FROM users WHERE id = u(1)), now(),
    'last_login_at');
UPDATE settings SET value = 1 WHERE key = 'session_lifetime_hours';
SELECT is((SELECT lifetime_secs FROM session_open(u(1), u(15), '\x05', NULL,
    NULL, NULL)), 3600::bigint, 'the setting is obeyed');
UPDATE sessions SET expires_at = now() - interval '1 s' WHERE id = u(15);
SELECT is_empty('SELECT * FROM session_lookup(''\x05'')',
    'an ended session is none');
UPDATE sessions SET expires_at = now() - interval '2 days' WHERE id = u(15);
SELECT is(purge_expired(), 1::bigint, 'and is purged a day later');

-- What the view makes of state, session and hub.
INSERT INTO nodes (id, name, device_type) VALUES (u(20), 'n', 'edge');
SELECT is((SELECT status FROM node_all), 'pending', 'new');
UPDATE node_state SET status = 'online';
SELECT is((SELECT status FROM node_all), 'offline', 'online without a session');
INSERT INTO hubs (id, name) VALUES (u(30), 'h');
INSERT INTO node_sessions VALUES (u(20), u(30), 1);
SELECT is((SELECT status FROM node_all), 'online', 'with one');
UPDATE hubs SET seen_at = now() - interval '16 s';
SELECT is((SELECT status FROM node_all), 'offline', 'whose hub is silent');
UPDATE node_state SET status = 'error';
SELECT is((SELECT status FROM node_all), 'error', 'others stay as they are');
SELECT is((SELECT string_agg(k, ' ') FROM node_all,
    json_object_keys(json) k), 'id name description device_type status '
    'last_seen_at last_health software_version metadata expires_at '
    'created_at updated_at quarantine', 'the members of the REST object');

-- The last super_admin.
SELECT throws_ok('UPDATE users SET role = ''admin'' WHERE id = u(1)', '23514',
    NULL, 'is not demoted');
SELECT throws_ok('UPDATE users SET is_active = false WHERE id = u(1)', '23514',
    NULL, 'is not disabled');
SELECT throws_ok('DELETE FROM users WHERE id = u(1)', '23514', NULL,
    'is not deleted');
INSERT INTO users (id, username, password_hash, display_name, role)
    VALUES (u(5), 'root2', 'h', 'R', 'super_admin');
SELECT lives_ok('UPDATE users SET role = ''admin'' WHERE id = u(1)',
    'one of two is');
SELECT lives_ok('DELETE FROM users WHERE id = u(4)', 'others are deleted');

SELECT * FROM finish();
ROLLBACK;
