-- How long the journal of commands is kept.
BEGIN;
SET search_path = tap, mast, pg_catalog;
SELECT plan(7);

CREATE FUNCTION pg_temp.old(name text, days integer, s command_state)
RETURNS void LANGUAGE sql AS $$
INSERT INTO mast.commands (id, node_id, node_name, type, action, state,
    created_at, expires_at, sent_at, done_at) SELECT gen_random_uuid(),
    '00000000-0000-7000-8000-000000000001', name, 'x', '\x00', s, t, t, t,
    CASE WHEN s IN ('queued', 'sent') THEN NULL ELSE t END
    FROM (SELECT now() - make_interval(days => days)) AS a(t)
$$;
CREATE FUNCTION pg_temp.left() RETURNS text LANGUAGE sql AS $$
SELECT string_agg(node_name, ' ' ORDER BY node_name) FROM mast.commands
$$;

SELECT pg_temp.old('a89', 89, 'acked'), pg_temp.old('b91', 91, 'acked'),
    pg_temp.old('c91', 91, 'unknown'), pg_temp.old('d400', 400, 'queued'),
    pg_temp.old('e400', 400, 'sent'), pg_temp.old('f200', 200, 'failed');
UPDATE settings SET value = 365 WHERE key = 'events_retention_days';
SELECT is(purge_commands(), 0::bigint, 'as long as events');
UPDATE settings SET value = 120 WHERE key = 'events_retention_days';
SELECT is(purge_commands(), 1::bigint, 'the oldest goes');
UPDATE settings SET value = 1 WHERE key = 'events_retention_days';
SELECT is(purge_commands(), 2::bigint, 'but never less than 90 days');
SELECT is(pg_temp.left(), 'a89 d400 e400', 'what has no end stays');
SELECT is(purge_commands(), 0::bigint, 'once');

SET LOCAL ROLE _mast_hubd;
SELECT lives_ok('SELECT mast.purge_commands()', 'hubd may');
RESET ROLE;
SET LOCAL ROLE _mast_apid;
SELECT throws_ok('SELECT mast.purge_commands()', '42501', NULL, 'apid not');
RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
