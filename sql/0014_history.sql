-- History: what hubs sample of nodes every ten seconds, its roll-ups, and
-- when a node changed its state.
--
--	samples	10 s	a row per node, object and time; kept 2 days
--	minutes	1 min	minimum, mean and maximum of samples; 14 days
--	tens	10 min	of minutes; 90 days
--	hours	1 h	of tens; 2 years
--
-- One row carries all metrics of an object as arrays, because a row per
-- metric is ten times as much of everything. The place in the array is the
-- metric's number in common/watch.h, which only grows. The first three are
-- partitioned by day and dropped by day; hours are few, and deleted.

DROP TABLE mast.samples;

CREATE TABLE mast.samples (
	node_id uuid NOT NULL,
	object text NOT NULL,			-- flow or tunnel; '': the node
	at timestamptz NOT NULL,
	v real[] NOT NULL,
	CONSTRAINT samples_pk PRIMARY KEY (node_id, object, at)
) PARTITION BY RANGE (at);
CREATE INDEX samples_at_idx ON mast.samples USING brin (at);
CREATE TABLE mast.samples_default PARTITION OF mast.samples DEFAULT;

CREATE TABLE mast.minutes (
	node_id uuid NOT NULL,
	object text NOT NULL,
	at timestamptz NOT NULL,		-- its beginning
	n integer[] NOT NULL,			-- samples in it
	lo real[] NOT NULL,
	mean real[] NOT NULL,
	hi real[] NOT NULL,
	CONSTRAINT minutes_pk PRIMARY KEY (node_id, object, at)
) PARTITION BY RANGE (at);
CREATE INDEX minutes_at_idx ON mast.minutes USING brin (at);
CREATE TABLE mast.minutes_default PARTITION OF mast.minutes DEFAULT;

CREATE TABLE mast.tens (
	node_id uuid NOT NULL,
	object text NOT NULL,
	at timestamptz NOT NULL,
	n integer[] NOT NULL,
	lo real[] NOT NULL,
	mean real[] NOT NULL,
	hi real[] NOT NULL,
	CONSTRAINT tens_pk PRIMARY KEY (node_id, object, at)
) PARTITION BY RANGE (at);
CREATE INDEX tens_at_idx ON mast.tens USING brin (at);
CREATE TABLE mast.tens_default PARTITION OF mast.tens DEFAULT;

CREATE TABLE mast.hours (
	node_id uuid NOT NULL,
	object text NOT NULL,
	at timestamptz NOT NULL,
	n integer[] NOT NULL,
	lo real[] NOT NULL,
	mean real[] NOT NULL,
	hi real[] NOT NULL,
	CONSTRAINT hours_pk PRIMARY KEY (node_id, object, at)
);
CREATE INDEX hours_at_idx ON mast.hours USING brin (at);

-- Up to where each is made.
CREATE TABLE mast.rollup_marks (
	level smallint CONSTRAINT rollup_marks_pk PRIMARY KEY,
	until timestamptz NOT NULL
);
INSERT INTO mast.rollup_marks SELECT l, date_bin('1 hour', now(), 'epoch')
    FROM generate_series(1, 3) l;

CREATE TABLE mast.node_states (
	node_id uuid NOT NULL CONSTRAINT node_states_node_fk
	    REFERENCES mast.nodes ON DELETE CASCADE,
	at timestamptz NOT NULL,
	state text NOT NULL CONSTRAINT node_states_state_form
	    CHECK (state IN ('online', 'offline', 'unknown')),
	CONSTRAINT node_states_pk PRIMARY KEY (node_id, at)
);

CREATE VIEW mast.history WITH (security_invoker = true) AS
SELECT 0 AS level, s.node_id, s.object, s.at, NULL::integer[] AS n,
    s.v AS lo, s.v AS mean, s.v AS hi FROM mast.samples s
UNION ALL SELECT 1, m.node_id, m.object, m.at, m.n, m.lo, m.mean, m.hi
    FROM mast.minutes m
UNION ALL SELECT 2, t.node_id, t.object, t.at, t.n, t.lo, t.mean, t.hi
    FROM mast.tens t
UNION ALL SELECT 3, h.node_id, h.object, h.at, h.n, h.lo, h.mean, h.hi
    FROM mast.hours h;

------------------------------------------------------------------------
-- Roll-ups

-- Makes what is due of each level, of rows before p_until: a hub says up to
-- where its samples are stored. At most one of each kind of piece per call;
-- how many rows. To make a piece again gives the same.
CREATE FUNCTION mast.rollup(p_until timestamptz) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	width interval[] := '{1 min,10 min,1 hour}'::interval[];
	piece interval[] := '{10 min,2 hours,1 day}'::interval[];
	kept interval[] := '{2 days,14 days,90 days}'::interval[];
	target text[] := ARRAY['minutes', 'tens', 'hours'];
	upto timestamptz := least(p_until, now());
	since timestamptz;
	ends timestamptz;
	n bigint;
	total bigint := 0;
	l integer;
BEGIN
	IF NOT pg_try_advisory_xact_lock(hashtext('mast rollup')) THEN
		RETURN 0;
	END IF;
	FOR l IN 1 .. 3 LOOP
		SELECT m.until INTO since FROM mast.rollup_marks m
		    WHERE m.level = l;
		-- What is below is gone by then.
		since := greatest(since, date_bin(width[l], now() - kept[l],
		    'epoch'));
		ends := least(date_bin(width[l], upto, 'epoch'),
		    since + piece[l]);
		IF ends > since THEN
			EXECUTE format('INSERT INTO mast.%I (node_id, object, '
			    'at, n, lo, mean, hi) SELECT p.node_id, p.object, '
			    'p.at, array_agg(p.n ORDER BY p.k), '
			    'array_agg(p.lo ORDER BY p.k), '
			    'array_agg(p.mean ORDER BY p.k), '
			    'array_agg(p.hi ORDER BY p.k) FROM ('
			    'SELECT h.node_id, h.object, '
			    'date_bin(%L, h.at, ''epoch'') AS at, u.k, '
			    'coalesce(sum(u.n), 0)::integer AS n, '
			    'min(u.lo) AS lo, (sum(u.mean::float8 * u.n) '
			    '/ nullif(sum(u.n), 0))::real AS mean, '
			    'max(u.hi) AS hi FROM mast.history h, unnest('
			    'coalesce(h.n, (SELECT array_agg('
			    '(x IS NOT NULL)::integer) FROM unnest(h.lo) x)), '
			    'h.lo, h.mean, h.hi) '
			    'WITH ORDINALITY AS u(n, lo, mean, hi, k) '
			    'WHERE h.level = %s AND h.at >= $1 AND h.at < $2 '
			    'GROUP BY 1, 2, 3, 4) p GROUP BY 1, 2, 3 '
			    'ON CONFLICT (node_id, object, at) DO UPDATE SET '
			    'n = excluded.n, lo = excluded.lo, '
			    'mean = excluded.mean, hi = excluded.hi',
			    target[l], width[l], l - 1) USING since, ends;
			GET DIAGNOSTICS n = ROW_COUNT;
			total := total + n;
			UPDATE mast.rollup_marks m SET until = ends
			    WHERE m.level = l;
		ELSE
			ends := since;
		END IF;
		upto := ends;
	END LOOP;
	RETURN total;
END
$$;

------------------------------------------------------------------------
-- Partitions: as before, and those of the roll-ups

CREATE OR REPLACE FUNCTION mast.ensure_partitions(p_days_ahead integer)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET lock_timeout = '5s'
AS $$
DECLARE
	today date := (now() AT TIME ZONE 'UTC')::date;
	made integer := 0;
	d integer;
	parent text;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtext('mast partitions'));
	FOR d IN -1 .. least(greatest(p_days_ahead, 0), 60) LOOP
		FOREACH parent IN ARRAY ARRAY['events', 'samples', 'minutes',
		    'tens'] LOOP
			IF mast.ensure_partition(parent, CASE parent
			    WHEN 'events' THEN 'created_at' ELSE 'at' END,
			    today + d) THEN
				made := made + 1;
			END IF;
		END LOOP;
	END LOOP;
	RETURN made;
END
$$;

-- Drops what is older than it is kept: events by their setting, history as
-- is said above; how many partitions went. One that is in use is left for
-- the next call. What no partition ever covered is deleted.
CREATE OR REPLACE FUNCTION mast.drop_old_partitions() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET lock_timeout = '2s'
AS $$
DECLARE
	gone integer := 0;
	kind record;
	part record;
	first_kept date;
	cutoff timestamptz;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtext('mast partitions'));
	FOR kind IN SELECT k.parent, k.col, k.days FROM (VALUES
	    ('events', 'created_at', (SELECT s.value FROM mast.settings s
		WHERE s.key = 'events_retention_days')::integer),
	    ('samples', 'at', 2), ('minutes', 'at', 14), ('tens', 'at', 90))
	    AS k(parent, col, days)
	LOOP
		first_kept := (now() AT TIME ZONE 'UTC')::date - kind.days;
		cutoff := first_kept::timestamp AT TIME ZONE 'UTC';
		FOR part IN SELECT c.relname FROM pg_inherits i
		    JOIN pg_class c ON c.oid = i.inhrelid
		    WHERE i.inhparent = format('mast.%I', kind.parent)::regclass
		    AND c.relname ~ ('^' || kind.parent || '_[0-9]{8}$')
		    AND to_date(right(c.relname, 8), 'YYYYMMDD') < first_kept
		    ORDER BY c.relname
		LOOP
			BEGIN
				EXECUTE format('DROP TABLE mast.%I',
				    part.relname);
				gone := gone + 1;
			EXCEPTION WHEN lock_not_available THEN
				NULL;
			END;
		END LOOP;
		EXECUTE format('DELETE FROM mast.%I WHERE %I < $1',
		    kind.parent || '_default', kind.col) USING cutoff;
	END LOOP;
	DELETE FROM mast.hours h WHERE h.at < now() - interval '2 years'
	    OR NOT EXISTS (SELECT FROM mast.nodes n WHERE n.id = h.node_id);
	-- The last one before the strip begins says how it begins.
	DELETE FROM mast.node_states s WHERE s.at < now() - interval '31 days'
	    AND EXISTS (SELECT FROM mast.node_states t
		WHERE t.node_id = s.node_id AND t.at > s.at
		AND t.at < now() - interval '31 days');
	RETURN gone;
END
$$;

------------------------------------------------------------------------
-- States: with the alarm of a node that is offline, in the same place

CREATE FUNCTION mast.node_state_kept() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO mast.node_states AS s (node_id, at, state)
	    VALUES (NEW.node_id, clock_timestamp(), CASE NEW.status
	    WHEN 'online' THEN 'online' WHEN 'degraded' THEN 'online'
	    WHEN 'offline' THEN 'offline' ELSE 'unknown' END)
	    ON CONFLICT (node_id, at) DO UPDATE SET state = excluded.state;
	RETURN NULL;
END
$$;
CREATE TRIGGER node_state_kept AFTER UPDATE OF status ON mast.node_state
    FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status)
    EXECUTE FUNCTION mast.node_state_kept();

------------------------------------------------------------------------
-- Rights

REVOKE ALL ON FUNCTION mast.rollup(timestamptz), mast.node_state_kept()
    FROM PUBLIC;
REVOKE ALL ON mast.samples, mast.samples_default, mast.minutes,
    mast.minutes_default, mast.tens, mast.tens_default, mast.hours,
    mast.rollup_marks, mast.node_states, mast.history FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mast.rollup(timestamptz) TO _mast_hubd;
GRANT SELECT, INSERT ON mast.samples, mast.node_states TO _mast_hubd;
GRANT SELECT, INSERT, UPDATE ON mast.minutes, mast.tens, mast.hours
    TO _mast_hubd;
GRANT SELECT, UPDATE ON mast.rollup_marks TO _mast_hubd;
GRANT SELECT ON mast.samples, mast.minutes, mast.tens, mast.hours,
    mast.node_states TO _mast_apid;
GRANT SELECT ON mast.history TO _mast_apid, _mast_hubd;

DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['samples', 'samples_default', 'minutes',
	    'minutes_default', 'tens', 'tens_default', 'hours',
	    'rollup_marks', 'node_states'] LOOP
		EXECUTE format('ALTER TABLE mast.%I ENABLE ROW LEVEL SECURITY, '
		    'FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY %I ON mast.%I TO _mast_ctl '
		    'USING (true) WITH CHECK (true)', t || '_ctl', t);
		CONTINUE WHEN t LIKE '%\_default';
		EXECUTE format('CREATE POLICY %I ON mast.%I TO _mast_hubd '
		    'USING (true) WITH CHECK (true)', t || '_hubd', t);
		CONTINUE WHEN t = 'rollup_marks';
		EXECUTE format('CREATE POLICY %I ON mast.%I FOR SELECT TO '
		    '_mast_apid USING (CASE (SELECT me.all_nodes FROM mast.me) '
		    'WHEN true THEN true WHEN false THEN EXISTS '
		    '(SELECT FROM mast.my_nodes m WHERE m.node_id = %I.node_id) '
		    'END)', t || '_select', t, t);
	END LOOP;
END
$$;
