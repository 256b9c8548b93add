-- A key is claimed once in 24 hours, by its own user, and a second claim
-- undoes what runs with it.
BEGIN;
SET search_path = tap, mast, pg_catalog;
SELECT plan(12);

INSERT INTO mast.users (id, username, password_hash, display_name, role)
VALUES ('00000000-0000-4000-8000-00000000000a', 'key-a', 'x', 'a', 'viewer'),
    ('00000000-0000-4000-8000-00000000000b', 'key-b', 'x', 'b', 'viewer');

SET LOCAL ROLE _mast_apid;
SELECT set_config('mast.actor', '', true);
SELECT throws_ok('SELECT mast.key_claim(''k'', ''\x01'', ''r'')', NULL, NULL,
    'nobody claims nothing');
SELECT set_config('mast.actor', '00000000-0000-4000-8000-00000000000a', true);
SELECT lives_ok('SELECT mast.key_claim(''k'', ''\x01'', ''r1'')', 'claimed');
SELECT throws_ok('SELECT mast.key_claim(''k'', ''\x01'', ''r2'')', '23505',
    NULL::text, 'not again');
SELECT throws_ok('SELECT mast.key_claim(''k'', ''\x02'', ''r2'')', '23505',
    NULL::text, 'nor for something else');
SELECT results_eq('SELECT key, request_id FROM mast.idempotency_keys',
    $$ VALUES ('k', 'r1') $$, 'the first one stays');
SELECT throws_ok('SELECT mast.key_claim(repeat(''k'', 256), ''\x01'', ''r'')',
    '23514', NULL::text, 'at most 255 bytes');

SELECT set_config('mast.actor', '00000000-0000-4000-8000-00000000000b', true);
SELECT is_empty('SELECT * FROM mast.idempotency_keys',
    'another user sees nothing of it');
SELECT lives_ok('SELECT mast.key_claim(''k'', ''\x03'', ''r3'')',
    'and has keys of his own');
SELECT throws_ok($$ INSERT INTO mast.idempotency_keys (principal, key,
    request_hash, request_id) VALUES ('00000000-0000-4000-8000-00000000000a',
    'x', '', '') $$, '42501', NULL::text, 'not in another''s name');

UPDATE mast.idempotency_keys SET created_at = now() - interval '24 hours',
    status = 200, answer = '\x00';
SELECT lives_ok('SELECT mast.key_claim(''k'', ''\x04'', ''r4'')',
    'after 24 hours it is free');
SELECT results_eq('SELECT request_id, status, answer, created_at = now()
    FROM mast.idempotency_keys', $$ VALUES ('r4', NULL::integer,
    NULL::bytea, true) $$, 'and new');
INSERT INTO mast.idempotency_keys (principal, key, request_hash, request_id)
SELECT mast.actor(), 'n' || n, '', '' FROM generate_series(1, 9999) n;
SELECT throws_ok('SELECT mast.key_claim(''last'', ''\x01'', ''r'')', '23514',
    NULL::text, 'at most 10000');

SELECT * FROM finish();
ROLLBACK;
