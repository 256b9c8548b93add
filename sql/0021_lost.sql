-- Hubs that are lost, seals of a clock that was wrong, and acknowledged
-- events as news.

------------------------------------------------------------------------
-- A hub that gives no sign of life, and nobody starts again

-- Until it does: its nodes are offline, with all that follows from it.
ALTER TABLE mast.hubs ADD COLUMN lost_at timestamptz;

-- Whoever finds one says so, once: its nodes are set offline, which raises
-- their alarms, and an event names it. Nothing is taken from the hub: when
-- it is back its next beat sets right what it still holds. What the nodes
-- did between its last sign and now nobody knows.
CREATE FUNCTION mast.hubs_lost() RETURNS TABLE (name text, nodes bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
WITH lost AS (UPDATE mast.hubs h SET lost_at = now()
	WHERE h.stopped_at IS NULL AND h.lost_at IS NULL
	AND h.seen_at < now() - interval '15 seconds'
	RETURNING h.id, h.name, h.seen_at),
-- Locked: one that moves to another hub meanwhile is not this one's.
held AS MATERIALIZED (SELECT s.node_id, s.hub_id
	FROM mast.node_sessions s JOIN lost ON lost.id = s.hub_id
	ORDER BY s.node_id FOR SHARE OF s),
strip AS (INSERT INTO mast.node_states (node_id, at, state)
	SELECT held.node_id, greatest(lost.seen_at, (SELECT max(b.at)
	    FROM mast.node_states b WHERE b.node_id = held.node_id)
	    + interval '1 us'), 'unknown'
	FROM held JOIN lost ON lost.id = held.hub_id
	ON CONFLICT (node_id, at) DO NOTHING),
off AS (UPDATE mast.node_state t SET status = 'offline' FROM held
	WHERE t.node_id = held.node_id),
n AS (SELECT lost.*, (SELECT count(*) FROM held
	WHERE held.hub_id = lost.id) AS nodes FROM lost),
told AS (INSERT INTO mast.events (created_at, node_id, node_name, severity,
	category, message, details, hub_id)
	SELECT now(), n.id, n.name, 'critical', 'hub', format('The hub gives '
	    'no sign of life since %s: its %s nodes are offline',
	    mast.rfc3339(n.seen_at), n.nodes), json_build_object('error_code',
	    'hub_lost', 'hub_id', n.id, 'since', mast.rfc3339(n.seen_at),
	    'nodes', n.nodes), n.id FROM n)
SELECT n.name, n.nodes FROM n
$$;

-- A sign of life; whether the row was ended. No row: it is gone.
CREATE FUNCTION mast.hub_beat(p_hub uuid, p_flushed timestamptz)
RETURNS TABLE (ended boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	was timestamptz;
BEGIN
	UPDATE mast.hubs h SET seen_at = now(),
	    -- It only rises, but that a clock which was set back leaves it in
	    -- the future: then it begins anew.
	    flushed_at = greatest(least(now(), p_flushed),
		CASE WHEN h.flushed_at <= now() THEN h.flushed_at END)
	    WHERE h.id = p_hub
	    RETURNING h.stopped_at IS NOT NULL, h.lost_at INTO ended, was;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	IF was IS NOT NULL THEN
		UPDATE mast.hubs h SET lost_at = NULL WHERE h.id = p_hub;
		WITH held AS MATERIALIZED (SELECT s.node_id
		    FROM mast.node_sessions s WHERE s.hub_id = p_hub
		    ORDER BY s.node_id FOR SHARE)
		UPDATE mast.node_state t SET status = 'online' FROM held
		    WHERE t.node_id = held.node_id AND t.status = 'offline';
	END IF;
	RETURN NEXT;
END
$$;

------------------------------------------------------------------------
-- Seals: a clock that was ahead leaves the last one in the future, which is
-- no reason to wait until then.

CREATE OR REPLACE FUNCTION mast.audit_seal_next(p_limit integer,
    p_age interval)
RETURNS TABLE (seq bigint, previous bytea, ids text, n bigint, content bytea,
    sealed_at text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	last record;
BEGIN
	SELECT s.seq, s.chain, s.sealed_at INTO last FROM mast.audit_seals s
	    ORDER BY s.seq DESC LIMIT 1;
	IF last.sealed_at > now() - p_age AND last.sealed_at <= now() AND
	    (SELECT count(*) FROM (SELECT FROM mast.audit_open
	    LIMIT p_limit) o) < p_limit THEN
		RETURN;
	END IF;
	RETURN QUERY SELECT coalesce(last.seq, 0) + 1,
	    coalesce(last.chain, decode(repeat('00', 32), 'hex')),
	    range_agg(int8range(b.id, b.id + 1))::text, count(*),
	    sha256(string_agg(b.hash, ''::bytea ORDER BY b.id)),
	    to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
	    FROM (SELECT a.id, sha256(convert_to(mast.audit_text(a), 'UTF8'))
		AS hash FROM mast.audit_open o JOIN mast.audit a ON a.id = o.id
		ORDER BY a.id LIMIT p_limit) b
	    HAVING count(*) > 0;
END
$$;

------------------------------------------------------------------------
-- Events that were acknowledged: each change gets a number, as those of
-- commands and alarms. In a table of their own, which hubd keeps short:
-- events are many and must cost nothing for it.

CREATE TABLE mast.event_changes (
	change bigint CONSTRAINT event_changes_pk PRIMARY KEY,
	event_id bigint NOT NULL,
	created_at timestamptz NOT NULL,	-- the event's
	at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX event_changes_at_idx ON mast.event_changes (at);

CREATE FUNCTION mast.events_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO mast.event_changes (change, event_id, created_at)
	    SELECT nextval('mast.change_seq'), n.id, n.created_at FROM n;
	RETURN NULL;
END
$$;
CREATE TRIGGER events_changed AFTER UPDATE ON mast.events
    REFERENCING NEW TABLE AS n
    FOR EACH STATEMENT EXECUTE FUNCTION mast.events_changed();

CREATE OR REPLACE FUNCTION mast.feed_news(p_event bigint,
    p_event_lo bigint[], p_event_hi bigint[], p_change bigint,
    p_change_lo bigint[], p_change_hi bigint[])
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
k AS (
	(SELECT x.change, x.event_id, x.created_at FROM mast.event_changes x
	    WHERE x.change > p_change ORDER BY x.change DESC LIMIT 501)
	UNION ALL
	SELECT g.* FROM unnest(p_change_lo, p_change_hi) AS r(lo, hi),
	    LATERAL (SELECT x.change, x.event_id, x.created_at
	    FROM mast.event_changes x WHERE x.change BETWEEN r.lo AND r.hi
	    ORDER BY x.change LIMIT 1000) g),
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
SELECT 'ack', k.change, v.node_id, v.json::text,
    count(*) FILTER (WHERE k.change > p_change) OVER () > 500
    FROM k JOIN mast.event_view v ON v.id = k.event_id
    AND v.created_at = k.created_at
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

------------------------------------------------------------------------
-- Rights

REVOKE ALL ON FUNCTION mast.hubs_lost(), mast.events_changed(),
    mast.hub_beat(uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mast.hubs_lost() TO _mast_apid, _mast_hubd;
GRANT EXECUTE ON FUNCTION mast.hub_beat(uuid, timestamptz) TO _mast_hubd;
GRANT SELECT, DELETE ON mast.event_changes TO _mast_hubd;
ALTER TABLE mast.event_changes ENABLE ROW LEVEL SECURITY,
    FORCE ROW LEVEL SECURITY;
CREATE POLICY event_changes_ctl ON mast.event_changes TO _mast_ctl
    USING (true) WITH CHECK (true);
CREATE POLICY event_changes_hubd ON mast.event_changes TO _mast_hubd
    USING (true) WITH CHECK (true);
