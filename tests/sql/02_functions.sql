-- Every plpgsql function under plpgsql_check: wrong columns, dead code,
-- types that do not fit.
BEGIN;
SET search_path = tap, pg_catalog;
SELECT plan(count(*)::int + 2) FROM pg_proc p
JOIN pg_language l ON l.oid = p.prolang AND l.lanname = 'plpgsql'
WHERE p.pronamespace = 'mast'::regnamespace;

SELECT is((SELECT string_agg(x.line, E'\n')
    FROM plpgsql_check_function(p.oid, coalesce(t.tgrelid, 0)::regclass,
	newtable := t.tgnewtable, extra_warnings := true,
	performance_warnings := false) x (line)
    WHERE x.line !~ '(reserved keyword|never read|unused)'),
    NULL, p.proname || ' is sound')
FROM pg_proc p
JOIN pg_language l ON l.oid = p.prolang AND l.lanname = 'plpgsql'
LEFT JOIN LATERAL (SELECT tgrelid, tgnewtable FROM pg_trigger t WHERE t.tgfoid = p.oid
    LIMIT 1) t ON true
WHERE p.pronamespace = 'mast'::regnamespace ORDER BY p.proname;

SET timezone = 'Asia/Kolkata';
SET datestyle = 'German';
SELECT is(mast.rfc3339('2026-03-29 11:48:35.1+00'),
    '2026-03-29T11:48:35.100000Z', 'rfc3339 under foreign settings');
SELECT is(mast.wall_us('1970-01-02 00:00:00.000001+00'), 86400000001,
    'wall_us');

SELECT * FROM finish();
ROLLBACK;
