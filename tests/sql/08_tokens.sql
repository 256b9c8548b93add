-- An API token in row security: the lower role, the nodes that owner and
-- token both may see, nothing written by one that only reads, nobody when it
-- has ended. And accounts: nobody grants beyond what he has.
-- Actors: a admin with all nodes, l admin with node 1 only.
BEGIN;
SET search_path = tap, mast, pg_catalog;
SELECT plan(37);

CREATE FUNCTION tap.u(c text) RETURNS uuid LANGUAGE sql IMMUTABLE
AS $$ SELECT ('00000000-0000-7000-8000-0000000000' || lpad(
    to_hex(ascii(c)), 2, '0'))::uuid $$;
CREATE FUNCTION tap.act(c text, t text DEFAULT NULL) RETURNS text
LANGUAGE sql VOLATILE AS $$ SELECT set_config('mast.actor',
    concat_ws(' ', tap.u(c)::text, tap.u(t)::text), true) $$;
CREATE FUNCTION tap.n(sql text) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE k bigint; BEGIN EXECUTE sql; GET DIAGNOSTICS k = ROW_COUNT; RETURN k;
END $$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tap TO PUBLIC;

INSERT INTO users (id, username, password_hash, display_name, role, all_nodes)
    VALUES (u('s'), 's', 'h', 'S', 'super_admin', true),
    (u('a'), 'a', 'h', 'A', 'admin', true),
    (u('l'), 'l', 'h', 'L', 'admin', false),
    (u('v'), 'v', 'h', 'V', 'viewer', true);
INSERT INTO nodes (id, name, device_type) VALUES (u('1'), 'one', 'edge'),
    (u('2'), 'two', 'edge'), (u('3'), 'three', 'edge');
INSERT INTO user_nodes VALUES (u('l'), u('1')), (u('l'), u('2'));
INSERT INTO api_tokens (id, token_hash, user_id, name, max_role, read_only,
    node_ids, expires_at, revoked_at) VALUES
    (u('A'), '\x01', u('a'), 'whole', 'super_admin', false, NULL,
    now() + interval '1 h', NULL),
    (u('V'), '\x02', u('a'), 'low', 'viewer', false, NULL,
    now() + interval '1 h', NULL),
    (u('N'), '\x03', u('a'), 'nodes', 'admin', false,
    ARRAY[u('2'), u('3')], now() + interval '1 h', NULL),
    (u('R'), '\x04', u('a'), 'reads', 'admin', true, NULL,
    now() + interval '1 h', NULL),
    (u('E'), '\x05', u('a'), 'ended', 'admin', false, NULL,
    now() - interval '1 s', NULL),
    (u('X'), '\x06', u('a'), 'revoked', 'admin', false, NULL,
    now() + interval '1 h', now()),
    (u('L'), '\x07', u('l'), 'both', 'admin', false,
    ARRAY[u('2'), u('3')], now() + interval '1 h', NULL),
    (u('M'), '\x08', u('l'), 'as owner', 'admin', false, NULL,
    now() + interval '1 h', NULL);

SET LOCAL ROLE _mast_apid;
SELECT act('a', 'A');
SELECT is((SELECT role::text || all_nodes FROM me), 'admintrue',
    'a role above the owner is the owner''s');
SELECT is(n('SELECT 1 FROM nodes'), 3::bigint, 'all nodes of the owner');
SELECT is(actor_kind(), 'token', 'the kind of actor');
SELECT is(actor_details('{"x": 1}'), jsonb_build_object('x', 1, 'token_id',
    u('A')), 'the audit names the token');
SELECT is(n('UPDATE nodes SET name = ''x'' WHERE id = u(''1'')'), 1::bigint,
    'a token of an admin writes');
SELECT throws_ok('INSERT INTO api_tokens (id, token_hash, user_id, name,
    max_role, expires_at) VALUES (u(''Z''), ''\x09'', u(''a''), ''z'',
    ''viewer'', now() + interval ''1 h'')', '42501', NULL,
    'a token makes no token');
SELECT is(n('DELETE FROM api_tokens'), 0::bigint, 'nor ends one');

SELECT act('a', 'V');
SELECT is((SELECT role::text FROM me), 'viewer', 'the lower role');
SELECT is(n('SELECT 1 FROM nodes'), 3::bigint, 'sees');
SELECT is(n('UPDATE nodes SET name = ''x'''), 0::bigint, 'and writes nothing');
SELECT is(n('SELECT 1 FROM users'), 1::bigint, 'sees its owner alone');
SELECT is(n('SELECT 1 FROM audit'), 0::bigint, 'and no audit');

SELECT act('a', 'N');
SELECT is((SELECT array_agg(id ORDER BY id) FROM nodes),
    ARRAY[u('2'), u('3')], 'the nodes of the token');
SELECT is((SELECT array_agg(id ORDER BY id) FROM node_view),
    ARRAY[u('2'), u('3')], 'in the view as well');
SELECT is(n('UPDATE nodes SET name = ''x'''), 2::bigint, 'and writes those');
SELECT throws_ok('INSERT INTO nodes (id, name, device_type)
    VALUES (u(''9''), ''n'', ''edge'')', '42501', NULL,
    'it makes none that it could not see');

SELECT act('l', 'L');
SELECT is((SELECT array_agg(id) FROM nodes), ARRAY[u('2')],
    'what the owner and the token both may see');
SELECT is((SELECT array_agg(id) FROM node_view), ARRAY[u('2')],
    'in the view as well');
SELECT act('l', 'M');
SELECT is(n('SELECT 1 FROM nodes'), 2::bigint, 'as the owner');

SELECT act('a', 'R');
SELECT is(n('SELECT 1 FROM users'), 4::bigint, 'one that reads, reads');
SELECT is(n('UPDATE nodes SET name = ''x'''), 0::bigint, 'changes no node');
SELECT is(n('DELETE FROM users'), 0::bigint, 'deletes no user');
SELECT is(n('UPDATE settings SET value = value'), 0::bigint, 'sets nothing');
SELECT throws_ok('INSERT INTO nodes (id, name, device_type)
    VALUES (u(''9''), ''n'', ''edge'')', '42501', NULL, 'adds no node');

-- The ended, the revoked, one of somebody else, one that never was.
SELECT act('a', t) FROM (VALUES ('E')) x(t);
SELECT is(n('SELECT 1 FROM nodes'), 0::bigint, 'an ended one is nobody');
SELECT act('a', 'X');
SELECT is(n('SELECT 1 FROM nodes'), 0::bigint, 'a revoked one too');
SELECT act('a', 'L');
SELECT is(n('SELECT 1 FROM nodes'), 0::bigint, 'and that of another');
SELECT act('a', 'Q');
SELECT is(n('SELECT 1 FROM nodes'), 0::bigint, 'and none at all');

SELECT is((SELECT node_ids FROM token_lookup('\x07')), ARRAY[u('2')],
    'the look-up says the same: nodes');
SELECT is((SELECT role::text || all_nodes || read_only
    FROM token_lookup('\x01')), 'admintruefalse', 'role and reach');
SELECT is_empty('SELECT * FROM token_lookup(''\x05'') UNION ALL
    SELECT * FROM token_lookup(''\x06'')', 'and nothing of ended ones');
SELECT ok((SELECT last_used_at IS NOT NULL FROM api_tokens
    WHERE id = u('M')) IS NOT TRUE, 'no use was noted');

-- Accounts.
SELECT act('l');
SELECT throws_ok('INSERT INTO users (id, username, password_hash,
    display_name, role) VALUES (u(''z''), ''z'', ''h'', ''Z'', ''viewer'')',
    '42501', NULL, 'one with a list makes no user without one');
SELECT lives_ok('INSERT INTO users (id, username, password_hash,
    display_name, role, all_nodes) VALUES (u(''z''), ''z'', ''h'', ''Z'',
    ''viewer'', false)', 'but one with a list');
SELECT throws_ok('INSERT INTO user_nodes VALUES (u(''z''), u(''3''))',
    '42501', NULL, 'of his own nodes');
SELECT throws_ok('INSERT INTO user_nodes VALUES (u(''l''), u(''3''))',
    '42501', NULL, 'and gives himself none');
SELECT throws_ok('UPDATE users SET all_nodes = true WHERE id = u(''l'')',
    '42501', NULL, 'nor all');

SELECT * FROM finish();
ROLLBACK;
