-- AI: budgets, whose calls, keys and proposals are whose, what a model is
-- told. Actors: o with node 1 only, p with all nodes.
BEGIN;
SET search_path = tap, mast, pg_catalog;
SELECT plan(24);

CREATE FUNCTION tap.u(c text) RETURNS uuid LANGUAGE sql IMMUTABLE
AS $$ SELECT ('00000000-0000-7000-8000-0000000000' || lpad(
    to_hex(ascii(c)), 2, '0'))::uuid $$;
CREATE FUNCTION tap.act(c text) RETURNS text LANGUAGE sql VOLATILE
AS $$ SELECT set_config('mast.actor', tap.u(c)::text, true) $$;
CREATE FUNCTION tap.n(sql text) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE k bigint; BEGIN EXECUTE sql; GET DIAGNOSTICS k = ROW_COUNT; RETURN k;
END $$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tap TO PUBLIC;

INSERT INTO users (id, username, password_hash, display_name, role, all_nodes)
    VALUES (u('o'), 'o', 'h', 'O', 'operator', false),
    (u('p'), 'p', 'h', 'P', 'admin', true);
INSERT INTO nodes (id, name, device_type) VALUES (u('1'), 'one', 'edge'),
    (u('2'), 'two', 'edge');
INSERT INTO user_nodes VALUES (u('o'), u('1'));
INSERT INTO tunnels (id, name, protocol, mode, ingress_node_id,
    ingress_listen_port, egress_node_id, egress_forward_addr, secrets)
    VALUES (u('t'), 't', 'udp', 'direct', u('1'), 1, u('2'), 'x:1', '');
INSERT INTO events (created_at, node_id, node_name, severity, category,
    message) SELECT now(), u(c), c, 'warning', 'test', repeat(c, 500)
    FROM unnest('{1,2}'::text[]) c;
INSERT INTO proposals (id, user_id, node_id, provider, model, envelope,
    actions, expires_at)
    SELECT u(c), u(c), u('1'), 'x', 'm', '\x00', '{stop_flow}',
    now() + interval '1 h' FROM unnest('{o,p}'::text[]) c;

SET ROLE _mast_apid;
SELECT act('o');
SELECT isnt((SELECT usage_id FROM ai_open('x', 'm', 'query', 2, 100)), NULL,
    'a first call');
SELECT is((SELECT calls FROM ai_open('x', 'm', 'query', 2, 100)), 1::bigint,
    'one came before');
SELECT is((SELECT usage_id FROM ai_open('x', 'm', 'query', 2, 100)), NULL,
    'a third is over the budget');
SELECT isnt((SELECT usage_id FROM ai_open('x', 'm', 'query', 9, 100)), NULL,
    'of calls');
SELECT is(n('UPDATE ai_usage SET input_tokens = 60, output_tokens = 40
    WHERE id = (SELECT max(id) FROM ai_usage)'), 1::bigint,
    'tokens are noted');
SELECT is((SELECT usage_id FROM ai_open('x', 'm', 'query', 9, 100)), NULL,
    'and end it');
SELECT is((SELECT tokens FROM ai_open('x', 'm', 'query', 9, 100)),
    100::bigint, 'as is said');
SELECT ok((SELECT secs BETWEEN 1 AND 86400
    FROM ai_open('x', 'm', 'query', 9, 100)), 'until midnight');
SELECT is((SELECT usage_id FROM ai_open('x', 'm', 'query', 0, 100)), NULL,
    'a budget of none');
SELECT throws_ok('SELECT * FROM ai_open(''x'', ''m'', ''dream'', 9, 999)',
    '23514', NULL, 'a kind that is none');

SELECT is(n('SELECT id FROM proposal_view'), 1::bigint, 'one''s own');
SELECT is((SELECT state FROM proposal_view), 'open', 'which is open');
SELECT is(n('UPDATE proposals SET state = ''applied'' WHERE id = u(''p'')'),
    0::bigint, 'no other''s');
SELECT is(n('DELETE FROM proposals WHERE id = u(''p'')'), 0::bigint,
    'not even to delete');
SELECT throws_ok('UPDATE proposals SET state = ''eaten''', '23514', NULL,
    'a state that is none');

SELECT is((SELECT json_array_length(nodes)
    FROM ai_facts(NULL, NULL, false)), 1, 'o''s node, even without a list');
SELECT is((SELECT alarms::text FROM ai_facts(NULL, NULL, false)), NULL,
    'no log unless asked for');
SELECT is((SELECT json_array_length(events)
    FROM ai_facts(NULL, NULL, true)), 1, 'o''s events');
SELECT is((SELECT length(events->0->>'message')
    FROM ai_facts(NULL, NULL, true)), 400, 'their beginning');

SELECT act('p');
SELECT isnt((SELECT usage_id FROM ai_open('x', 'm', 'query', 1, 1)), NULL,
    'another''s budget is his own');
SELECT is((SELECT json_array_length(nodes)
    FROM ai_facts(NULL, NULL, false)), 2, 'p''s nodes');
SELECT is((SELECT json_array_length(tunnels)
    FROM ai_facts(NULL, NULL, false)), 1, 'his tunnel');
SELECT is((SELECT json_array_length(tunnels)
    FROM ai_facts(NULL, ARRAY[u('1')], false)), 0, 'no end hidden');
SELECT is((SELECT events->0->>'node_name'
    FROM ai_facts(u('2'), NULL, true)), '2', 'of one node');
RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
