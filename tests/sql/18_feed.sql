-- What the live feed reads: changes get rising numbers, gaps are found again,
-- and apid alone may ask.
BEGIN;
SET search_path = tap, pg_catalog;
SELECT plan(10);

INSERT INTO mast.nodes (id, name, device_type) VALUES
    ('00000000-0000-4000-8000-0000000000f1', 'feed', 'edge');
CREATE TEMP TABLE mark AS SELECT * FROM mast.feed_start();
CREATE FUNCTION pg_temp.news() RETURNS TABLE (kind text, seq bigint,
    node_id uuid, json text, more boolean) LANGUAGE sql AS $$
SELECT n.* FROM mark m, mast.feed_news(m.event, '{}', '{}', m.change, '{}',
    '{}') n
$$;
SELECT is((SELECT count(*)::int FROM pg_temp.news()), 0, 'nothing is new');

INSERT INTO mast.commands (id, node_id, node_name, type, action, state,
    actor_name, expires_at) VALUES ('00000000-0000-4000-8000-0000000000f2',
    '00000000-0000-4000-8000-0000000000f1', 'feed', 'x', '\x00', 'queued', 'a',
    now() + interval '1 h');
SELECT is((SELECT json::json->>'state' FROM pg_temp.news()
    WHERE kind = 'command'), 'queued', 'a new command is news');
UPDATE mast.commands SET state = 'failed', done_at = now()
    WHERE id = '00000000-0000-4000-8000-0000000000f2';
SELECT results_eq($$SELECT json::json->>'state', seq > m.change + 1
    FROM pg_temp.news(), mark m WHERE kind = 'command'$$,
    $$VALUES ('failed', true)$$, 'once, as it is now, with a new number');

INSERT INTO mast.events (id, created_at, node_id, node_name, severity,
    category, message) SELECT m.event + i, now(),
    '00000000-0000-4000-8000-0000000000f1', 'feed', 'info', 'test', 'e' || i
    FROM mark m, unnest(ARRAY[1, 2, 4]) i;
SELECT results_eq($$SELECT seq - m.event FROM pg_temp.news(), mark m
    WHERE kind = 'event'$$, ARRAY[1, 2, 4]::bigint[], 'events in order');
INSERT INTO mast.events (id, created_at, node_id, node_name, severity,
    category, message) SELECT m.event + 3, now(),
    '00000000-0000-4000-8000-0000000000f1', 'feed', 'info', 'test', 'late'
    FROM mark m;
SELECT results_eq($$SELECT n.seq - m.event, n.json::json->>'message', n.more
    FROM mark m, mast.feed_news(m.event + 4, ARRAY[m.event + 3],
    ARRAY[m.event + 3], m.change + 1000000, '{}', '{}') n$$,
    $$VALUES (3::bigint, 'late', false)$$, 'a gap is found when it fills');
INSERT INTO mast.events (id, created_at, node_id, node_name, severity,
    category, message) SELECT m.event + i, now(),
    '00000000-0000-4000-8000-0000000000f1', 'feed', 'info', 'test', 'many'
    FROM mark m, generate_series(5, 700) i;
SELECT results_eq($$SELECT count(*)::int, bool_and(more), max(seq) - max(
    m.event) FROM pg_temp.news(), mark m WHERE kind = 'event'$$,
    $$VALUES (501, true, 700::bigint)$$, 'of many the newest, and it says so');

CREATE TEMP TABLE here AS SELECT * FROM mast.feed_start();
UPDATE mast.events e SET acknowledged_at = now(), ack_name = 'a'
    FROM mark m WHERE e.id IN (m.event + 1, m.event + 4);
SELECT results_eq($$SELECT n.kind, n.json::json->>'message',
    (n.json::json->>'acknowledged')::boolean FROM here h, mark m,
    mast.feed_news(m.event + 700, '{}', '{}', h.change, '{}', '{}') n$$,
    $$VALUES ('ack', 'e1', true), ('ack', 'e4', true)$$,
    'an event that is acknowledged is news again');

SET LOCAL ROLE _mast_apid;
SELECT throws_ok('SELECT nextval(''mast.change_seq'')', '42501', NULL,
    'apid numbers nothing itself');
SELECT lives_ok('SELECT * FROM mast.feed_start()', 'apid may ask');
RESET ROLE;
SET LOCAL ROLE _mast_hubd;
SELECT throws_ok('SELECT * FROM mast.feed_start()', '42501', NULL,
    'hubd may not');
RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
