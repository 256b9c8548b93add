-- Who sees and changes which rows. Actors: s super_admin, a admin, o operator
-- with node 1 only, v viewer with all nodes, x an inactive admin, y an
-- expired one. Nodes 1 and 2.
BEGIN;
SET search_path = tap, mast, pg_catalog;
SELECT plan(61);

CREATE FUNCTION tap.u(c text) RETURNS uuid LANGUAGE sql IMMUTABLE
AS $$ SELECT ('00000000-0000-7000-8000-0000000000' || lpad(
    to_hex(ascii(c)), 2, '0'))::uuid $$;
CREATE FUNCTION tap.act(c text) RETURNS text LANGUAGE sql VOLATILE
AS $$ SELECT set_config('mast.actor', coalesce(tap.u(c)::text, ''), true) $$;
CREATE FUNCTION tap.n(sql text) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE k bigint; BEGIN EXECUTE sql; GET DIAGNOSTICS k = ROW_COUNT; RETURN k;
END $$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tap TO PUBLIC;

INSERT INTO users (id, username, password_hash, display_name, role, is_active,
    expires_at, all_nodes) VALUES
    (u('s'), 's', 'h', 'S', 'super_admin', true, NULL, true),
    (u('a'), 'a', 'h', 'A', 'admin', true, NULL, true),
    (u('o'), 'o', 'h', 'O', 'operator', true, NULL, false),
    (u('v'), 'v', 'h', 'V', 'viewer', true, now() + interval '1 h', true),
    (u('x'), 'x', 'h', 'X', 'admin', false, NULL, true),
    (u('y'), 'y', 'h', 'Y', 'admin', true, now() - interval '1 s', true);
INSERT INTO nodes (id, name, device_type) VALUES (u('1'), 'one', 'edge'),
    (u('2'), 'two', 'edge');
INSERT INTO user_nodes VALUES (u('o'), u('1'));
INSERT INTO hubs (id, name) VALUES (u('h'), 'hub');
INSERT INTO node_sessions (node_id, hub_id, epoch) VALUES
    (u('1'), u('h'), 1), (u('2'), u('h'), 2);
INSERT INTO events (created_at, node_id, node_name, severity, category, message)
    SELECT now(), u(c), c, 'critical', 'x', 'y' FROM unnest('{1,2,3}'::text[]) c;
INSERT INTO commands (id, node_id, node_name, type, action, expires_at)
    SELECT u(c), u(c), c, 't', '', now() FROM unnest('{1,2}'::text[]) c;
INSERT INTO alarms (id, node_id, code, severity, message)
    SELECT u(c), u(c), 'c', 'info', 'm' FROM unnest('{1,2}'::text[]) c;
INSERT INTO samples SELECT u(c), '', now(), '{1,NULL}'
    FROM unnest('{1,2}'::text[]) c;
INSERT INTO config_blobs SELECT decode(c, 'hex'), '', 0
    FROM unnest('{01,02}'::text[]) c;
INSERT INTO config_versions (node_id, hash, source)
    SELECT u(c), decode('0' || c, 'hex'), 'reported'
    FROM unnest('{1,2}'::text[]) c;
INSERT INTO node_configs (node_id, reported)
    SELECT u(c), decode('0' || c, 'hex') FROM unnest('{1,2}'::text[]) c;
INSERT INTO tunnels (id, name, protocol, mode, ingress_node_id,
    ingress_listen_port, egress_node_id, egress_forward_addr, secrets)
    VALUES (u('t'), 't', 'udp', 'direct', u('2'), 1, u('2'), 'x:1', ''),
    (u('w'), 'w', 'udp', 'direct', u('1'), 1, u('2'), 'x:1', '');
INSERT INTO provider_keys (id, user_id, provider, sealed, sealed_for, hint)
    SELECT u(c), u(c), 'p', repeat('k', 49)::bytea, repeat('f', 32)::bytea,
    'h' FROM unnest('{a,o}'::text[]) c;
INSERT INTO sessions (id, token_hash, user_id, expires_at)
    SELECT u(c), u(c)::text::bytea, u(c), now() + interval '1 h'
    FROM unnest('{a,o}'::text[]) c;

-- Every table with a node: nobody, the inactive and the expired see nothing;
-- one with a list sees its part; the others all.
CREATE TEMP TABLE seen (who text, tab text, k bigint);
GRANT ALL ON seen TO PUBLIC;
SET LOCAL ROLE _mast_apid;
DO $$
DECLARE who text; tab text;
BEGIN
	FOREACH who IN ARRAY ARRAY['', 'x', 'y', 'o', 'v', 'a'] LOOP
		PERFORM tap.act(nullif(who, ''));
		FOREACH tab IN ARRAY ARRAY['nodes', 'node_view', 'node_state',
		    'node_sessions', 'events', 'event_view', 'commands',
		    'alarms', 'samples', 'config_blobs', 'config_versions',
		    'node_configs', 'tunnels'] LOOP
			INSERT INTO seen SELECT who, tab, tap.n(
			    'SELECT 1 FROM ' || tab);
		END LOOP;
	END LOOP;
END
$$;
SELECT is_empty('SELECT * FROM seen WHERE who IN ('''', ''x'', ''y'') AND k > 0',
    'nobody, the inactive and the expired see nothing');
SELECT is_empty('SELECT * FROM seen WHERE who = ''o'' AND k <> 1',
    'one with a list sees its node and what belongs to it');
SELECT is_empty('SELECT * FROM seen WHERE who IN (''v'', ''a'') AND k <> CASE
    WHEN tab IN (''events'', ''event_view'') THEN 3 ELSE 2 END',
    'the others see all, events of deleted nodes included');
SELECT is((SELECT count(*) FROM seen), 78::bigint, 'all were asked');

SELECT act('o');
SELECT is(n('SELECT 1 FROM nodes WHERE id = u(''2'')'), 0::bigint,
    'o: not by id');
SELECT is(n('SELECT 1 FROM node_view WHERE id = u(''2'')'), 0::bigint,
    'o: not by id in the view');
SELECT is((SELECT json ->> 'status' FROM node_view), 'pending', 'o: its node');
SELECT is(n('SELECT 1 FROM users'), 1::bigint, 'o sees himself');
SELECT is(n('SELECT 1 FROM user_view'), 1::bigint, 'o sees himself as JSON');
SELECT is((SELECT json ->> 'allowed_node_ids' FROM user_view),
    '["' || u('1') || '"]', 'with his list');
SELECT is(n('SELECT id FROM sessions'), 1::bigint, 'o sees his session');
SELECT is(n('SELECT 1 FROM audit'), 0::bigint, 'o sees no audit');
SELECT is(n('SELECT id FROM provider_keys'), 1::bigint, 'o sees his keys');
SELECT is(n('SELECT * FROM provider_key_for(u(''o''), ''p'')'), 1::bigint,
    'o has his key forwarded');
SELECT is(n('SELECT * FROM provider_key_for(u(''a''), ''p'')'), 0::bigint,
    'o has no other key forwarded');
SELECT is(n('UPDATE events SET acknowledged_at = now()'), 1::bigint,
    'o acknowledges his');
SELECT is(n('UPDATE commands SET state = ''cancelled'', done_at = now()'),
    1::bigint, 'o cancels his');
SELECT is(n('UPDATE nodes SET name = ''mine'''), 0::bigint, 'o renames none');
SELECT is(n('DELETE FROM nodes'), 0::bigint, 'o deletes none');
SELECT is(n('UPDATE settings SET value = value'), 0::bigint, 'o sets nothing');
SELECT is(n('UPDATE users SET display_name = ''Me'''), 1::bigint,
    'o changes himself');
SELECT throws_ok('UPDATE users SET role = ''admin''', '42501', NULL,
    'o does not raise himself');
SELECT is(n('DELETE FROM users'), 0::bigint, 'o deletes no user');
SELECT throws_ok('INSERT INTO user_nodes VALUES (u(''o''), u(''2''))', '42501',
    NULL, 'o does not widen his list');
SELECT is(n('DELETE FROM user_nodes'), 0::bigint, 'nor shortens it');
SELECT throws_ok('INSERT INTO nodes (id, name, device_type)
    VALUES (u(''9''), ''n'', ''edge'')', '42501', NULL, 'o adds no node');
SELECT lives_ok('INSERT INTO commands (id, node_id, node_name, type, action,
    expires_at) VALUES (u(''c''), u(''1''), ''n'', ''t'', '''', now())',
    'o commands his node');
SELECT throws_ok('INSERT INTO commands (id, node_id, node_name, type, action,
    expires_at) VALUES (u(''d''), u(''2''), ''n'', ''t'', '''', now())',
    '42501', NULL, 'o commands no other');
SELECT throws_ok('INSERT INTO node_tokens (token_hash, node_id, expires_at)
    VALUES ('''', u(''1''), now())', '42501', NULL, 'o makes no token');
SELECT throws_ok('INSERT INTO provider_keys (id, user_id, provider, sealed,
    sealed_for, hint) VALUES (u(''k''), u(''a''), ''q'', '''', '''', '''')',
    '42501', NULL, 'o gives nobody a key');
SELECT lives_ok('INSERT INTO provider_keys (id, user_id, provider, sealed,
    sealed_for, hint) VALUES (u(''k''), u(''o''), ''q'',
    repeat(''k'', 49)::bytea, repeat(''f'', 32)::bytea, '''')',
    'o gives himself one');
SELECT throws_ok('INSERT INTO preferences VALUES (u(''a''), ''k'', ''v'')',
    '42501', NULL, 'o has no say in the preferences of others');

SELECT act('v');
SELECT is(n('UPDATE events SET acknowledged_at = now()'), 0::bigint,
    'v acknowledges none');
SELECT throws_ok('INSERT INTO commands (id, node_id, node_name, type, action,
    expires_at) VALUES (u(''d''), u(''2''), ''n'', ''t'', '''', now())',
    '42501', NULL, 'v commands none');
SELECT is(n('UPDATE commands SET error = ''x'''), 0::bigint, 'v cancels none');

SELECT act('a');
SELECT is(n('SELECT 1 FROM users'), 6::bigint, 'a sees every user');
SELECT is(n('SELECT id FROM provider_keys'), 1::bigint, 'but only his keys');
SELECT ok(n('SELECT 1 FROM audit') >= 0, 'a may read the audit');
SELECT is(n('UPDATE users SET display_name = ''Z'' WHERE id = u(''s'')'),
    0::bigint, 'a does not touch a super_admin');
SELECT is(n('DELETE FROM users WHERE id = u(''s'')'), 0::bigint,
    'nor delete one');
SELECT throws_ok('UPDATE users SET role = ''super_admin'' WHERE id = u(''v'')',
    '42501', NULL, 'nor make one');
SELECT throws_ok('INSERT INTO users (id, username, password_hash, display_name,
    role) VALUES (u(''z''), ''z'', ''h'', ''Z'', ''super_admin'')', '42501',
    NULL, 'nor add one');
SELECT lives_ok('INSERT INTO users (id, username, password_hash, display_name,
    role) VALUES (u(''z''), ''z'', ''h'', ''Z'', ''admin'')',
    'a adds one like himself');
SELECT is(n('DELETE FROM users WHERE id = u(''a'')'), 0::bigint,
    'a does not delete himself');
SELECT is(n('DELETE FROM users WHERE id = u(''z'')'), 1::bigint,
    'a deletes another');
SELECT is(n('UPDATE settings SET value = value WHERE
    key = ''max_login_attempts'''), 1::bigint, 'a sets');
SELECT is(n('WITH i AS (INSERT INTO nodes (id, name, device_type)
    VALUES (u(''9''), ''nine'', ''edge'') RETURNING id)
    INSERT INTO node_tokens (token_hash, node_id, expires_at)
    SELECT ''t'', id, now() FROM i'), 1::bigint, 'a adds a node and its token');
SELECT is(n('SELECT 1 FROM node_state WHERE node_id = u(''9'')'), 1::bigint,
    'which has its state');
SELECT is(n('UPDATE nodes SET name = ''x'' WHERE id = u(''9'')'), 1::bigint,
    'a renames');
SELECT is(n('DELETE FROM nodes WHERE id = u(''9'')'), 1::bigint, 'a deletes');

-- An admin with a list: only that, and no new ones.
RESET ROLE;
UPDATE users SET all_nodes = false WHERE id = u('a');
INSERT INTO user_nodes VALUES (u('a'), u('2'));
SET LOCAL ROLE _mast_apid;
SELECT is(n('UPDATE nodes SET description = ''d'''), 1::bigint,
    'a with a list changes his node');
SELECT throws_ok('INSERT INTO nodes (id, name, device_type)
    VALUES (u(''9''), ''n'', ''edge'')', '42501', NULL, 'and adds none');
SELECT is(n('UPDATE tunnels SET name = ''q'''), 1::bigint,
    'and changes the tunnel with both ends his');
SELECT is(n('SELECT 1 FROM tunnels'), 2::bigint, 'though he sees one more');

-- The journal of a node that is gone.
RESET ROLE;
DELETE FROM nodes WHERE id = u('1');
SET LOCAL ROLE _mast_apid;
SELECT act('o');
SELECT is(n('SELECT 1 FROM events'), 1::bigint, 'events outlive their node');
SELECT is(n('SELECT 1 FROM commands'), 2::bigint, 'commands too');
SELECT is(n('SELECT 1 FROM nodes'), 0::bigint, 'the node itself is gone');

-- The hub and the owner.
SET LOCAL ROLE _mast_hubd;
SELECT act('o');
SELECT is(n('SELECT 1 FROM events'), 3::bigint, 'hubd sees all, whoever acts');
SET LOCAL ROLE _mast_ctl;
SELECT is(n('SELECT 1 FROM events'), 3::bigint, 'the owner too');
SELECT is(n('SELECT 1 FROM node_view'), 1::bigint, 'in the view as well');
SELECT is(n('SELECT 1 FROM users'), 6::bigint, 'and every user');

SELECT * FROM finish();
ROLLBACK;
