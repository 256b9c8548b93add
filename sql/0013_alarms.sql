-- Alarms: one open row per node, object and code, derived by the hubs from
-- events, from what stats say of flows and tunnels, and from liveness.

ALTER TABLE mast.alarms
	ALTER COLUMN id SET DEFAULT gen_random_uuid(),
	ADD COLUMN source text NOT NULL DEFAULT 'event'
	    CONSTRAINT alarms_source_form
	    CHECK (source IN ('event', 'stats', 'liveness')),
	ADD COLUMN closed_why text CONSTRAINT alarms_closed_form
	    CHECK (closed_why IN ('cleared', 'stale')),
	ADD COLUMN ack_name text,
	ADD COLUMN ack_note text,
	ADD CONSTRAINT alarms_closed_whole
	    CHECK ((closed_at IS NULL) = (closed_why IS NULL)),
	DROP COLUMN symptom_of;		-- follows from what is open: alarm_view
CREATE INDEX alarms_key_idx ON mast.alarms (node_id, object, code,
    last_at DESC);
CREATE INDEX alarms_list_idx ON mast.alarms (first_at DESC, id DESC);
-- The sweep closes and deletes by these.
CREATE INDEX alarms_open_idx ON mast.alarms (source, last_at)
    WHERE closed_at IS NULL;
CREATE INDEX alarms_closed_idx ON mast.alarms (closed_at)
    WHERE closed_at IS NOT NULL;

------------------------------------------------------------------------
-- What a hub gathered in a tick

-- Arrays of one row per node, object and code: how often it was raised
-- (0: only cleared), whether it stands, first and last time. p_whole are
-- nodes whose standing conditions of the stats are all in here: others of
-- that source are over. A row that was closed within five minutes opens
-- again rather than make a new one: flapping is one row. To apply the same
-- once more changes nothing, because the last time is the same.
CREATE FUNCTION mast.alarms_apply(p_node uuid[], p_object text[],
    p_code text[], p_source text[], p_severity text[], p_message text[],
    p_count bigint[], p_open boolean[], p_first bigint[], p_last bigint[],
    p_whole uuid[]) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	n integer;
BEGIN
	WITH u AS MATERIALIZED (
		SELECT x.node, x.object, x.code, x.source,
		    x.severity::mast.severity AS severity, x.message, x.count,
		    x.stands,
		    'epoch'::timestamptz + x.first * interval '1 us' AS first,
		    'epoch'::timestamptz + x.last * interval '1 us' AS last
		FROM unnest(p_node, p_object, p_code, p_source, p_severity,
		    p_message, p_count, p_open, p_first, p_last)
		    AS x(node, object, code, source, severity, message, count,
		    stands, first, last)
		JOIN mast.nodes n ON n.id = x.node),
	t AS MATERIALIZED (
		SELECT u.*, (SELECT a.id FROM mast.alarms a
		    WHERE a.node_id = u.node AND a.object = u.object
		    AND a.code = u.code AND (a.closed_at IS NULL
			OR u.count > 0
			AND a.closed_at > u.first - interval '5 minutes')
		    ORDER BY a.closed_at IS NULL DESC, a.last_at DESC
		    LIMIT 1) AS old FROM u),
	changed AS (
		UPDATE mast.alarms a SET
		    count = a.count + CASE WHEN t.last > a.last_at
			THEN t.count ELSE 0 END,
		    severity = CASE WHEN t.count > 0 THEN t.severity
			ELSE a.severity END,
		    message = CASE WHEN t.count > 0 THEN t.message
			ELSE a.message END,
		    source = CASE WHEN t.count > 0 THEN t.source
			ELSE a.source END,
		    last_at = CASE WHEN t.stands OR t.count > 0
			THEN greatest(a.last_at, t.last)
			ELSE a.last_at END,
		    closed_at = CASE WHEN NOT t.stands THEN t.last END,
		    closed_why = CASE WHEN NOT t.stands THEN 'cleared' END,
		    -- Whoever saw it before has not seen it come again.
		    acknowledged_at = CASE WHEN a.closed_at IS NULL
			THEN a.acknowledged_at END,
		    acknowledged_by = CASE WHEN a.closed_at IS NULL
			THEN a.acknowledged_by END,
		    ack_name = CASE WHEN a.closed_at IS NULL
			THEN a.ack_name END,
		    ack_note = CASE WHEN a.closed_at IS NULL
			THEN a.ack_note END
		FROM t WHERE a.id = t.old
		AND (a.closed_at IS NULL OR t.last > a.last_at)
		RETURNING 1),
	fresh AS (
		INSERT INTO mast.alarms AS a (node_id, object, code, source,
		    severity, message, count, first_at, last_at, closed_at,
		    closed_why)
		SELECT t.node, t.object, t.code, t.source, t.severity,
		    t.message, t.count, t.first, t.last,
		    CASE WHEN NOT t.stands THEN t.last END,
		    CASE WHEN NOT t.stands THEN 'cleared' END
		FROM t WHERE t.old IS NULL AND t.count > 0
		-- Another hub was first.
		ON CONFLICT (node_id, object, code) WHERE closed_at IS NULL
		DO UPDATE SET count = a.count + excluded.count,
		    last_at = greatest(a.last_at, excluded.last_at)
		RETURNING 1),
	over AS (
		UPDATE mast.alarms a SET closed_at = now(),
		    closed_why = 'cleared'
		WHERE a.node_id = ANY(p_whole) AND a.source = 'stats'
		AND a.closed_at IS NULL AND NOT EXISTS (SELECT FROM u
		    WHERE u.node = a.node_id AND u.object = a.object
		    AND u.code = a.code)
		RETURNING 1)
	SELECT (SELECT count(*) FROM changed) + (SELECT count(*) FROM fresh)
	    + (SELECT count(*) FROM over) INTO n;
	RETURN n;
END
$$;

-- Closes what nobody repeats: events after a day (what has no opposite after
-- an hour), conditions that a connected node has stopped to report after
-- five minutes. Deletes what was closed longer ago than events are kept.
CREATE FUNCTION mast.alarms_sweep() RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	days integer := (SELECT s.value FROM mast.settings s
	    WHERE s.key = 'events_retention_days');
	n integer;
BEGIN
	UPDATE mast.alarms a SET closed_at = now(), closed_why = 'stale'
	    WHERE a.closed_at IS NULL AND (a.source = 'event'
	    AND a.last_at < now() - CASE WHEN a.code IN ('events_dropped',
		'node_cloned') THEN interval '1 hour'
		ELSE interval '1 day' END
	    OR a.source = 'stats' AND a.last_at < now() - interval '5 minutes'
	    AND EXISTS (SELECT FROM mast.node_sessions s
		WHERE s.node_id = a.node_id
		AND s.connected_at < now() - interval '5 minutes'));
	GET DIAGNOSTICS n = ROW_COUNT;
	DELETE FROM mast.alarms a WHERE a.id IN (SELECT b.id
	    FROM mast.alarms b
	    WHERE b.closed_at < now() - make_interval(days => days)
	    ORDER BY b.closed_at LIMIT 10000);
	RETURN n;
END
$$;

------------------------------------------------------------------------
-- Liveness, whoever writes the status: on this change and no other

-- Few and small statements: a whole fleet may come back at once.
CREATE FUNCTION mast.node_status_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NEW.status <> 'offline' THEN
		UPDATE mast.alarms a SET closed_at = clock_timestamp(),
		    closed_why = 'cleared'
		    WHERE a.node_id = NEW.node_id AND a.object = ''
		    AND a.code = 'node_offline' AND a.closed_at IS NULL;
		RETURN NULL;
	END IF;
	UPDATE mast.alarms a SET count = a.count + 1, closed_at = NULL,
	    closed_why = NULL, last_at = clock_timestamp(),
	    acknowledged_at = NULL, acknowledged_by = NULL, ack_name = NULL,
	    ack_note = NULL
	    WHERE a.id = (SELECT b.id FROM mast.alarms b
		WHERE b.node_id = NEW.node_id AND b.object = ''
		AND b.code = 'node_offline'
		AND b.closed_at > now() - interval '5 minutes'
		ORDER BY b.last_at DESC LIMIT 1);
	IF NOT FOUND THEN
		INSERT INTO mast.alarms (node_id, code, source, severity,
		    message) VALUES (NEW.node_id, 'node_offline', 'liveness',
		    'critical', 'The node is offline')
		    ON CONFLICT (node_id, object, code)
		    WHERE closed_at IS NULL DO NOTHING;
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER node_state_status AFTER UPDATE OF status ON mast.node_state
    FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status)
    EXECUTE FUNCTION mast.node_status_changed();

------------------------------------------------------------------------
-- The REST object

-- An open alarm is a symptom of its own node's being offline, or of that of
-- another node that carries the tunnel which it is about. Not stored: it
-- follows from what is open now, and only who sees the cause is told.
CREATE VIEW mast.alarm_view WITH (security_invoker = true) AS
SELECT v.id, v.node_id, v.severity, v.code, v.object, v.first_at,
    v.closed_at, v.acknowledged_at, v.symptom_of, json_build_object(
    'id', v.id, 'node_id', v.node_id, 'node_name', v.node_name,
    'object', nullif(v.object, ''), 'code', v.code,
    'severity', v.severity, 'message', v.message, 'source', v.source,
    'count', v.count, 'first_at', mast.rfc3339(v.first_at),
    'last_at', mast.rfc3339(v.last_at),
    'closed_at', mast.rfc3339(v.closed_at), 'closed_why', v.closed_why,
    'symptom_of', v.symptom_of,
    'acknowledged', v.acknowledged_at IS NOT NULL,
    'acknowledged_by', v.acknowledged_by,
    'acknowledged_by_name', v.ack_name,
    'acknowledged_at', mast.rfc3339(v.acknowledged_at),
    'note', v.ack_note) AS json
FROM (SELECT a.*, n.name AS node_name,
	CASE WHEN a.closed_at IS NULL AND a.code <> 'node_offline'
	THEN coalesce((SELECT o.id FROM mast.alarms o
	    WHERE o.node_id = a.node_id AND o.object = ''
	    AND o.code = 'node_offline' AND o.closed_at IS NULL),
	    CASE WHEN a.code = 'tunnel_down' AND a.object ~
		'^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
	    THEN (SELECT o.id FROM mast.tunnels t JOIN mast.alarms o
		ON o.node_id IN (t.relay_node_id, t.ingress_node_id,
		t.egress_node_id) WHERE t.id = a.object::uuid
		AND o.object = '' AND o.code = 'node_offline'
		AND o.closed_at IS NULL LIMIT 1) END) END AS symptom_of
    FROM mast.alarms a JOIN mast.nodes n ON n.id = a.node_id) v;

------------------------------------------------------------------------
-- Rights

REVOKE ALL ON FUNCTION mast.alarms_sweep(),
    mast.node_status_changed(),
    mast.alarms_apply(uuid[], text[], text[], text[], text[], text[],
    bigint[], boolean[], bigint[], bigint[], uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mast.alarms_sweep(),
    mast.alarms_apply(uuid[], text[], text[], text[], text[], text[],
    bigint[], boolean[], bigint[], bigint[], uuid[]) TO _mast_hubd;
GRANT UPDATE (ack_name, ack_note) ON mast.alarms TO _mast_apid;
GRANT SELECT ON mast.alarm_view TO _mast_apid;
