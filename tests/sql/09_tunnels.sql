-- The plan that a row of mast.tunnels makes, and what results do to it.
BEGIN;
SET search_path = tap, mast, pg_catalog;
SELECT plan(45);

CREATE FUNCTION tap.u(n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
-- status of the tunnel, then leg:want:push_status of its legs
CREATE FUNCTION tap.plan_of(n int) RETURNS text LANGUAGE sql AS $$
SELECT concat_ws(' ', (SELECT status FROM mast.tunnels WHERE id = tap.u(n)),
    (SELECT string_agg(concat_ws(':', leg, want, push_status), ' '
    ORDER BY leg) FROM mast.tunnel_legs WHERE tunnel_id = tap.u(n))) $$;
-- A result as the hub gives it, for the present turn unless told.
CREATE FUNCTION tap.result(n int, p_leg text, outcome int, error text,
    p_turn bigint DEFAULT NULL, p_epoch bigint DEFAULT NULL)
RETURNS integer LANGUAGE sql AS $$
SELECT mast.tunnel_results(tap.u(90), ARRAY[l.tunnel_id], ARRAY[l.leg],
    ARRAY[l.node_id], ARRAY[coalesce(p_turn, l.turn)],
    ARRAY[coalesce(p_epoch, s.epoch)], ARRAY[outcome], ARRAY[error])
FROM mast.tunnel_legs l LEFT JOIN mast.node_sessions s USING (node_id)
WHERE l.tunnel_id = tap.u(n) AND l.leg = p_leg $$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tap TO PUBLIC;

INSERT INTO nodes (id, name, device_type) VALUES (u(1), 'a', 'edge'),
    (u(2), 'b', 'edge'), (u(3), 'r', 'relay'), (u(4), 'c', 'edge');
INSERT INTO hubs (id, name) VALUES (u(90), 'hub'), (u(91), 'other');
INSERT INTO node_sessions (node_id, hub_id, epoch) VALUES
    (u(1), u(90), 11), (u(2), u(90), 12), (u(3), u(90), 13);
INSERT INTO tunnels (id, name, protocol, mode, ingress_node_id,
    ingress_listen_port, egress_node_id, egress_forward_addr, relay_addr,
    relay_node_id, secrets, status) VALUES
    (u(50), 't', 'udp', 'relay', u(1), 7000, u(2), 'h:1', 'r:1', u(3), '',
    'active');

-- making
SELECT is(plan_of(50), 'pending egress:present:pending '
    'ingress:present:pending relay:present:pending',
    'a new row is told to nobody, whatever it says');
SELECT is((SELECT relay_addrs FROM tunnels WHERE id = u(50)), ARRAY['r:1'],
    'one address is a list of one');
UPDATE tunnels SET relay_addrs = '{s:1,s:2}', version = version + 1
    WHERE id = u(50);
SELECT is((SELECT relay_addr FROM tunnels WHERE id = u(50)), 's:1',
    'and the first of a list is the address');
SELECT is((SELECT array_agg(DISTINCT turn) FROM tunnel_legs
    WHERE tunnel_id = u(50)), ARRAY[2::bigint], 'a change is a new turn');
UPDATE tunnels SET status = 'pending' WHERE id = u(50);
SELECT is((SELECT array_agg(DISTINCT turn) FROM tunnel_legs
    WHERE tunnel_id = u(50)), ARRAY[2::bigint], 'a mere status is none');

-- telling
SELECT is(result(50, 'relay', 0, NULL, 1), 0, 'an answer to an older turn');
SELECT is(result(50, 'relay', 0, NULL, NULL, 9), 0, 'or of an older session');
SELECT is(plan_of(50), 'pending egress:present:pending '
    'ingress:present:pending relay:present:pending', 'is none');
SELECT is(result(50, 'relay', 0, NULL), 1, 'the relay');
SELECT is(result(50, 'ingress', 2, 'silence'), 1, 'the ingress is silent');
SELECT is((SELECT push_error FROM tunnel_legs WHERE tunnel_id = u(50)
    AND leg = 'ingress'), 'silence', 'and that is said');
SELECT ok((SELECT next_try_at BETWEEN now() AND now() + interval '75 s'
    FROM tunnel_legs WHERE tunnel_id = u(50) AND leg = 'ingress'),
    'it is tried again');
SELECT is((SELECT config_stale FROM node_state WHERE node_id = u(2)), false,
    'the configuration is as it was');
SELECT is(result(50, 'egress', 0, NULL), 1, 'the egress');
SELECT is((SELECT config_stale FROM node_state WHERE node_id = u(2)), true,
    'and now it is not');
SELECT is(plan_of(50), 'pending egress:present:pushed '
    'ingress:present:pending relay:present:pushed', 'pending while one is');
SELECT is(result(50, 'ingress', 0, NULL), 1, 'the ingress at last');
SELECT is(plan_of(50), 'active egress:present:pushed '
    'ingress:present:pushed relay:present:pushed', 'active');

-- disabling
UPDATE tunnels SET status = 'disabled', version = version + 1
    WHERE id = u(50);
SELECT is(plan_of(50), 'disabled egress:absent:pending '
    'ingress:absent:pending relay:absent:pending', 'disabled');
SELECT is(result(50, 'egress', 0, NULL), 1, 'confirmed');
SELECT is(plan_of(50), 'disabled egress:absent:pushed '
    'ingress:absent:pending relay:absent:pending', 'and the leg stays');

-- refusal
UPDATE tunnels SET status = 'pending', version = version + 1
    WHERE id = u(50);
SELECT is(result(50, 'relay', 0, NULL), 1, 'the relay again');
SELECT is(result(50, 'egress', 1, 'no room'), 1, 'the egress refuses');
SELECT is(plan_of(50), 'error egress:absent:failed '
    'ingress:absent:failed relay:absent:failed', 'all of it is taken back');
SELECT is((SELECT string_agg(push_error, '; ' ORDER BY leg)
    FROM tunnel_legs WHERE tunnel_id = u(50)), 'no room; '
    'withdrawn: the egress node refused the tunnel; '
    'withdrawn: the egress node refused the tunnel', 'with the reason');
SELECT is((SELECT node_id FROM events WHERE category = 'tunnel'), u(2),
    'and an event');
SELECT is(result(50, 'egress', 0, NULL), 1, 'the withdrawal is confirmed');
SELECT is((SELECT push_error FROM tunnel_legs WHERE tunnel_id = u(50)
    AND leg = 'egress'), 'no room', 'the reason stays');
SELECT is(result(50, 'ingress', 1, 'what'), 1, 'a refused withdrawal');
SELECT is(plan_of(50), 'error egress:absent:failed '
    'ingress:absent:failed relay:absent:failed', 'changes nothing');

-- ports
PREPARE add AS INSERT INTO tunnels (id, name, protocol, mode,
    ingress_node_id, ingress_listen_port, egress_node_id,
    egress_forward_addr, egress_peer_addr, secrets)
    VALUES ($1, 'x', $2, 'direct', $3, $4, $5, 'h:1', $6, '');
SELECT throws_ok($$EXECUTE add(u(51), 'udp', u(1), 7000, u(2), 'h:9000')$$,
    '23505', 'another tunnel listens on that port', 'the same port');
SELECT lives_ok($$EXECUTE add(u(51), 'tcp', u(1), 7000, u(2), 'h:9000')$$,
    'of another protocol');
SELECT throws_ok($$EXECUTE add(u(52), 'tcp', u(1), 7001, u(2), 'i:9000')$$,
    '23505', 'another tunnel listens on that port', 'a peer of that port');
SELECT throws_ok($$EXECUTE add(u(52), 'udp', u(2), 9000, u(1), 'i:9001')$$,
    '23505', 'another tunnel listens on that port', 'a port of that peer');
SELECT throws_ok($$EXECUTE add(u(52), 'tcp', u(2), 9000, u(1), 'i:7000')$$,
    '23505', 'another tunnel listens on that port', 'and the other way');
SELECT throws_ok($$UPDATE tunnels SET egress_peer_addr = 'h:9000',
    mode = 'direct', version = version + 1 WHERE id = u(50)$$, '23505',
    'another tunnel listens on that port', 'also by a change');

-- deleting
DELETE FROM tunnels WHERE id = u(51);
SELECT is(plan_of(51), '', 'what was never sent leaves nothing');
UPDATE tunnel_legs SET sent = true WHERE tunnel_id = u(50);
DELETE FROM nodes WHERE id = u(2);
SELECT is(plan_of(50), 'ingress:absent:pending relay:absent:pending',
    'a node takes its tunnel along, and the others are to be told');
SELECT is(result(50, 'relay', 0, NULL), 1, 'told');
SELECT is(plan_of(50), 'ingress:absent:pending', 'and done');
EXECUTE add(u(53), 'udp', u(1), 7005, u(4), 'h:9000');
UPDATE tunnels SET mode = 'relay', relay_node_id = u(3), version = 2
    WHERE id = u(53);
DELETE FROM nodes WHERE id = u(3);
SELECT is(plan_of(53), 'error egress:absent:failed ingress:absent:failed',
    'a relay that is deleted leaves its tunnels withdrawn');

-- rights
SET LOCAL ROLE _mast_apid;
SELECT throws_ok('UPDATE mast.tunnel_legs SET push_status = ''pushed''',
    '42501', NULL, 'apid does not touch a plan');
SELECT throws_ok('SELECT * FROM mast.tunnel_leg_all', '42501', NULL,
    'nor reads the states of all');
SELECT is_empty('SELECT * FROM mast.tunnel_view', 'nobody sees no tunnel');
RESET ROLE;
SET LOCAL ROLE _mast_hubd;
SELECT throws_ok('UPDATE mast.tunnels SET status = ''active''', '42501', NULL,
    'hubd moves the plan by its function alone');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
