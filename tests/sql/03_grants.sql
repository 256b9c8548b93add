-- What each role may not do, tried. 42501 is the refusal of a grant.
BEGIN;
SET search_path = tap, mast, pg_catalog;
SELECT plan(41);

CREATE FUNCTION tap.refused(sql text, name text) RETURNS text LANGUAGE sql
AS $$ SELECT tap.throws_ok(sql, '42501', NULL::text, name) $$;
GRANT EXECUTE ON FUNCTION tap.refused(text, text) TO PUBLIC;

SET LOCAL ROLE _mast_apid;
SELECT set_config('mast.actor', '', true);
SELECT lives_ok('INSERT INTO audit (actor_kind, action) VALUES (''user'', ''x'')',
    'apid appends to the audit without an actor');
SELECT refused('UPDATE audit SET action = ''y''', 'apid: no update of audit');
SELECT refused('DELETE FROM audit', 'apid: no delete of audit');
SELECT refused('TRUNCATE audit', 'apid: no truncate of audit');
SELECT refused('INSERT INTO audit (actor_kind, action, at) VALUES
    (''user'', ''x'', ''2000-01-01'')', 'apid: no choice of the time');
SELECT refused('INSERT INTO audit_seals SELECT 1, 1, 1, 1, '''', ''''',
    'apid: no seal');
SELECT refused('SELECT * FROM audit_open', 'apid: not what waits for a seal');
SELECT refused('DELETE FROM audit_open', 'apid: nothing leaves the queue');
SELECT refused('SELECT * FROM mast.audit_seal_next(1, ''0'')',
    'apid: no offer of a seal');
SELECT refused('SELECT mast.audit_seal_add(1, ''{}'', 0, '''', '''', '''',
    '''', '''')', 'apid: no seal by the function either');
SELECT refused('SELECT sealed FROM provider_keys', 'apid: no provider key');
SELECT refused('SELECT * FROM provider_keys', 'apid: no row of provider keys');
SELECT refused('UPDATE provider_keys SET hint = encode(sealed, ''hex'')',
    'apid: no provider key through another column');
SELECT refused('UPDATE provider_keys SET hint = ''x'' RETURNING sealed',
    'apid: no provider key through RETURNING');
SELECT lives_ok('SELECT id, provider, hint FROM provider_keys',
    'apid lists provider keys');
SELECT refused('SELECT password_hash FROM users', 'apid: no password hash');
SELECT refused('SELECT totp_secret FROM users', 'apid: no second factor');
SELECT refused('SELECT token_hash FROM sessions', 'apid: no session hash');
SELECT refused('INSERT INTO sessions SELECT * FROM sessions',
    'apid: no session but by session_open');
SELECT refused('SELECT * FROM node_secrets', 'apid: no node secret');
SELECT refused('SELECT token_hash FROM node_tokens', 'apid: no token hash');
SELECT refused('SELECT action FROM commands', 'apid: no sealed action');
SELECT refused('UPDATE versions SET value = 0', 'apid: no counter');
SELECT refused('UPDATE node_state SET status = ''online''',
    'apid: no node state');
SELECT refused('INSERT INTO events SELECT * FROM events', 'apid: no event');
SELECT refused('UPDATE events SET message = ''''', 'apid: no change of events');
SELECT refused('SELECT * FROM events_default', 'apid: no partition');
SELECT refused('SELECT * FROM node_all', 'apid: no view past the actor');
SELECT refused('SELECT mast.ensure_partitions(1)', 'apid: no partitions');
SELECT refused('INSERT INTO migrations VALUES (99, '''', '''')',
    'apid: no migration');

SET LOCAL ROLE _mast_hubd;
SELECT refused('UPDATE audit SET action = ''y''', 'hubd: no update of audit');
SELECT refused('SELECT * FROM audit', 'hubd: no reading of audit');
SELECT refused('SELECT * FROM audit_open', 'hubd: not what waits for a seal');
SELECT refused('INSERT INTO audit_seals SELECT * FROM audit_seals',
    'hubd: no seal but by its function');
SELECT refused('DELETE FROM audit_seals', 'hubd: no seal removed');
SELECT lives_ok('SELECT * FROM mast.audit_seal_next(1, ''0'')',
    'hubd is offered a seal');
SELECT refused('SELECT * FROM users', 'hubd: no user');
SELECT refused('SELECT * FROM mast.signin_lookup(''x'')', 'hubd: no sign-in');
SELECT refused('UPDATE nodes SET name = ''x''', 'hubd: no change of a node');
SELECT refused('UPDATE events SET message = ''''', 'hubd: no change of events');

SET LOCAL ROLE _mast_ctl;
SELECT refused('DELETE FROM audit', 'the owner does not delete audit either');

SELECT * FROM finish();
ROLLBACK;
