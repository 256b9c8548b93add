-- Hubs that give no sign of life, and seals of a clock that was ahead.
BEGIN;
SET search_path = tap, pg_catalog;
SELECT plan(4);

INSERT INTO mast.hubs (id, name, seen_at) VALUES
    ('00000000-0000-4000-8000-0000000000f3', 'x', now() - interval '14 s'),
    ('00000000-0000-4000-8000-0000000000f4', 'y', now() - interval '16 s');
SELECT results_eq('SELECT name, nodes FROM mast.hubs_lost()',
    $$VALUES ('y', 0::bigint)$$, 'the silent one is told');
SELECT is_empty('SELECT * FROM mast.hubs_lost()', 'once');

INSERT INTO mast.audit (actor_kind, action) VALUES ('system', 'test');
CREATE FUNCTION pg_temp.sealed(at timestamptz) RETURNS bigint LANGUAGE sql
AS $$
DELETE FROM mast.audit_seals;
INSERT INTO mast.audit_seals (seq, first_id, last_id, rows, chain, signature,
    sealed_at, ids, content, signer) SELECT 1, 1, 1, 1, h, h || h, at,
    '{[1,2)}', h, h FROM decode(repeat('00', 32), 'hex') h;
SELECT count(*) FROM mast.audit_seal_next(1000000, '1 minute')
$$;
SELECT is(pg_temp.sealed(now() - interval '30 s'), 0::bigint,
    'the last seal is young');
SELECT is(pg_temp.sealed(now() + interval '2 h'), 1::bigint,
    'one of a clock that was ahead does not hold up the next');
SELECT * FROM finish();
ROLLBACK;
