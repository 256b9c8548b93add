-- Days come and go; no row is lost on the way.
BEGIN;
SET search_path = tap, mast, pg_catalog;
SELECT plan(20);

CREATE FUNCTION tap.add(at timestamptz) RETURNS void LANGUAGE sql AS $$
INSERT INTO mast.events (created_at, node_id, node_name, severity, category,
    message) VALUES (at, gen_random_uuid(), 'n', 'info', 'c', at::text) $$;
CREATE FUNCTION tap.day(d int) RETURNS text LANGUAGE sql STABLE AS $$
SELECT to_char((now() AT TIME ZONE 'UTC')::date + d, 'YYYYMMDD') $$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tap TO PUBLIC;
DO $$
DECLARE t text;
BEGIN
	FOR t IN SELECT relname FROM pg_class
	    WHERE relnamespace = 'mast'::regnamespace
	    AND relname ~ '^(events|samples|minutes|tens)_[0-9]{8}$' LOOP
		EXECUTE format('DROP TABLE mast.%I', t);
	END LOOP;
END
$$;

SET LOCAL ROLE _mast_hubd;
SELECT add(now());
SELECT add(now() + interval '1 day');
SELECT add(now() + interval '400 days');
SELECT add(now() - interval '400 days');
RESET ROLE;
SELECT is((SELECT count(*) FROM events_default), 4::bigint,
    'without partitions all is in the default one');

SET LOCAL ROLE _mast_hubd;
SELECT is(ensure_partitions(3), 20, 'yesterday, today and three more, of four');
SELECT is(ensure_partitions(3), 0, 'again: nothing to do');
SELECT is(ensure_partitions(4), 4, 'one day more');
SELECT is(ensure_partitions(-5), 0, 'a foolish number does nothing');
RESET ROLE;
SELECT is((SELECT count(*) FROM events_default), 2::bigint,
    'rows of the new days have moved out of the default partition');
SELECT is((SELECT count(*) FROM events), 4::bigint, 'and none is lost');
SELECT has_table('mast', 'events_' || day(0), 'today');
SELECT has_table('mast', 'samples_' || day(4), 'the last day');
SELECT hasnt_table('mast', 'samples_' || day(5), 'and no more');
SELECT is((SELECT relowner::regrole::text FROM pg_class
    WHERE oid = ('mast.events_' || day(0))::regclass), '_mast_ctl',
    'a partition belongs to _mast_ctl');
SELECT is((SELECT count(*) FROM pg_index
    WHERE indrelid = ('mast.events_' || day(0))::regclass), 4::bigint,
    'and has the indexes');

SET LOCAL ROLE _mast_hubd;
SELECT add(now());
RESET ROLE;
SELECT is((SELECT count(*) FROM events_default), 2::bigint,
    'new rows go to their day');

-- Retention. An old day as the calendar would have left it.
SELECT mast.ensure_partition('events', 'created_at',
    (now() AT TIME ZONE 'UTC')::date - 31);
SELECT mast.ensure_partition('events', 'created_at',
    (now() AT TIME ZONE 'UTC')::date - 30);
SELECT add(now() - interval '31 days');
SELECT add(now() - interval '30 days');
SET LOCAL ROLE _mast_hubd;
SELECT is(drop_old_partitions(), 1, '30 days: the 31st goes');
SELECT is(drop_old_partitions(), 0, 'once');
RESET ROLE;
SELECT hasnt_table('mast', 'events_' || day(-31), 'that one');
SELECT has_table('mast', 'events_' || day(-30), 'not the other');
SELECT is((SELECT count(*) FROM events WHERE created_at < now()
    - interval '200 days'), 0::bigint, 'what no day covered is deleted');
UPDATE settings SET value = 1 WHERE key = 'events_retention_days';
SET LOCAL ROLE _mast_hubd;
SELECT is(drop_old_partitions(), 1, 'the setting is obeyed');
RESET ROLE;
SELECT has_table('mast', 'events_' || day(-1), 'down to yesterday');

SELECT * FROM finish();
ROLLBACK;
