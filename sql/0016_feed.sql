-- What the live feed asks for: rows that were written since it last looked.
-- Events have their number; commands and alarms change, so each change of
-- one gets the next number of a sequence. Numbers are given before rows are
-- committed: who asks keeps the gaps and asks for them again.

CREATE SEQUENCE mast.change_seq AS bigint;
ALTER TABLE mast.commands
	ADD COLUMN change bigint NOT NULL DEFAULT nextval('mast.change_seq');
ALTER TABLE mast.alarms
	ADD COLUMN change bigint NOT NULL DEFAULT nextval('mast.change_seq');
-- The trigger gives it: who writes has no right to the sequence.
ALTER TABLE mast.commands ALTER COLUMN change DROP DEFAULT;
ALTER TABLE mast.alarms ALTER COLUMN change DROP DEFAULT;
CREATE INDEX commands_change_idx ON mast.commands (change);
CREATE INDEX alarms_change_idx ON mast.alarms (change);

CREATE FUNCTION mast.row_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	NEW.change := nextval('mast.change_seq');
	RETURN NEW;
END
$$;
CREATE TRIGGER commands_changed BEFORE INSERT OR UPDATE ON mast.commands
    FOR EACH ROW EXECUTE FUNCTION mast.row_changed();
CREATE TRIGGER alarms_changed BEFORE INSERT OR UPDATE ON mast.alarms
    FOR EACH ROW EXECUTE FUNCTION mast.row_changed();

-- Where to begin: numbers that are behind all that is being written now.
CREATE FUNCTION mast.feed_start() RETURNS TABLE (event bigint, change bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
SELECT coalesce((SELECT e.id FROM mast.events e
	WHERE e.created_at < now() - interval '2 seconds'
	ORDER BY e.created_at DESC, e.id DESC LIMIT 1), 0),
    (SELECT CASE WHEN s.is_called THEN s.last_value ELSE 0 END
	FROM mast.change_seq s)
$$;

-- One read for all who watch: apid hands each row only to those who may see
-- its node. The newest 501 rows of a kind; more: older ones were left out.
-- The ranges are the gaps below what was seen. Their number is small, but
-- no planner knows that: never a scan of a table.
CREATE FUNCTION mast.feed_news(p_event bigint, p_event_lo bigint[],
    p_event_hi bigint[], p_change bigint, p_change_lo bigint[],
    p_change_hi bigint[])
RETURNS TABLE (kind text, seq bigint, node_id uuid, json text, more boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
WITH e AS (
	(SELECT v.id, v.node_id, v.json FROM mast.event_view v
	    WHERE v.id > p_event ORDER BY v.id DESC LIMIT 501)
	UNION ALL
	SELECT g.* FROM unnest(p_event_lo, p_event_hi) AS r(lo, hi),
	    LATERAL (SELECT v.id, v.node_id, v.json FROM mast.event_view v
	    WHERE v.id BETWEEN r.lo AND r.hi ORDER BY v.id LIMIT 1000) g),
c AS (
	(SELECT x.change, x.id FROM mast.commands x
	    WHERE x.change > p_change ORDER BY x.change DESC LIMIT 501)
	UNION ALL
	SELECT g.* FROM unnest(p_change_lo, p_change_hi) AS r(lo, hi),
	    LATERAL (SELECT x.change, x.id FROM mast.commands x
	    WHERE x.change BETWEEN r.lo AND r.hi
	    ORDER BY x.change LIMIT 1000) g),
a AS (
	(SELECT x.change, x.id FROM mast.alarms x
	    WHERE x.change > p_change ORDER BY x.change DESC LIMIT 501)
	UNION ALL
	SELECT g.* FROM unnest(p_change_lo, p_change_hi) AS r(lo, hi),
	    LATERAL (SELECT x.change, x.id FROM mast.alarms x
	    WHERE x.change BETWEEN r.lo AND r.hi
	    ORDER BY x.change LIMIT 1000) g)
SELECT 'event', e.id, e.node_id, e.json::text,
    count(*) FILTER (WHERE e.id > p_event) OVER () > 500 FROM e
UNION ALL
SELECT 'command', c.change, v.node_id, v.json::text,
    count(*) FILTER (WHERE c.change > p_change) OVER () > 500
    FROM c JOIN mast.command_view v ON v.id = c.id
UNION ALL
SELECT 'alarm', a.change, v.node_id, v.json::text,
    count(*) FILTER (WHERE a.change > p_change) OVER () > 500
    FROM a JOIN mast.alarm_view v ON v.id = a.id
ORDER BY 1, 2
$$;

REVOKE ALL ON FUNCTION mast.row_changed(), mast.feed_start(),
    mast.feed_news(bigint, bigint[], bigint[], bigint, bigint[], bigint[])
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mast.feed_start(),
    mast.feed_news(bigint, bigint[], bigint[], bigint, bigint[], bigint[])
    TO _mast_apid;
