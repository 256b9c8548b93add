-- Settings as one object, and the warnings before a certificate ends.
BEGIN;
SET search_path = tap, mast, pg_catalog;
SELECT plan(20);

-- Every change of a setting moves the sum of the versions, by whomever.
SELECT is((SELECT sum(version) FROM settings), 6::numeric, 'six settings');
UPDATE settings SET value = value + 1 WHERE key = 'max_login_attempts';
UPDATE settings SET version = 99 WHERE key = 'max_login_attempts';
SELECT is((SELECT version FROM settings WHERE key = 'max_login_attempts'),
    3::bigint, 'two changes, and no version of one''s own choice');

CREATE FUNCTION pg_temp.look(d interval) RETURNS integer LANGUAGE sql AS $$
SELECT mast.certificate_expiry('fp', 'CN=x', now() + d,
    '00000000-0000-7000-8000-000000000001', 'hub')
$$;
CREATE FUNCTION pg_temp.told() RETURNS bigint LANGUAGE sql AS $$
SELECT count(*) FROM mast.events WHERE category = 'certificate'
$$;

SELECT is(pg_temp.look('31 days'), NULL, '31 days: nothing');
SELECT is(pg_temp.look('30 days'), 30, '30 days');
SELECT is(pg_temp.look('29 days'), NULL, 'once');
SELECT is(pg_temp.look('14 days'), 14, '14 days');
SELECT is(pg_temp.look('13 days'), NULL, 'once');
SELECT is(pg_temp.look('7 days'), 7, '7 days');
SELECT is(pg_temp.look('1 day 1 hour'), NULL, 'between');
SELECT is(pg_temp.look('23 hours'), 1, 'the last day');
SELECT is(pg_temp.look('1 hour'), NULL, 'once');
SELECT is(pg_temp.look('-1 second'), 0, 'its end');
SELECT is(pg_temp.look('-20 days'), NULL, 'once');
SELECT is(pg_temp.told(), 5::bigint, 'five events');
SELECT is((SELECT array_agg(severity::text ORDER BY id) FROM events
    WHERE category = 'certificate'), ARRAY['warning', 'warning', 'critical',
    'critical', 'critical'], 'their severities');

-- Another that comes with few days left is told of once.
SELECT is(mast.certificate_expiry('other', 'CN=y', now() + interval '3 days',
    '00000000-0000-7000-8000-000000000001', 'hub'), 7, 'three days: one');
SELECT is(mast.certificate_expiry('other', 'CN=y', now() + interval '2 days',
    '00000000-0000-7000-8000-000000000001', 'hub'), NULL, 'no more');
SELECT is(pg_temp.told(), 6::bigint, 'one event');
SELECT is((SELECT message FROM events WHERE details ->> 'fingerprint' =
    'other'), 'The TLS certificate CN=y expires on ' ||
    rfc3339(now() + interval '3 days') || ': 3 days are left', 'its text');

SELECT throws_ok($$INSERT INTO certificates (id, door, chain_pem, key_sealed,
    not_after) VALUES (gen_random_uuid(), 'hubd', '', '', now())$$, '23514',
    NULL, 'one pair for both doors');

SELECT * FROM finish();
ROLLBACK;
