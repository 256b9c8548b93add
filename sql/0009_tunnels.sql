-- Tunnels as a persisted plan. A leg says what one node is to be told
-- ("present" or "absent") and whether it was: told_turn equals turn, and
-- for "present" told_epoch is the node's session of now, because a node that
-- comes back is told again. Legs outlive their tunnel until the node has
-- confirmed that the tunnel is gone there, or the node itself is gone.
--
-- Whoever writes mast.tunnels gets the plan by trigger: there is no other
-- way to make one, and none to forget it.

ALTER TABLE mast.tunnels
    ADD COLUMN relay_addrs text[] CONSTRAINT tunnels_relay_addrs_form
	CHECK (cardinality(relay_addrs) BETWEEN 1 AND 2);
ALTER TABLE mast.tunnel_legs
    DROP CONSTRAINT tunnel_legs_tunnel_fk,
    DROP CONSTRAINT tunnel_legs_pk,
    ADD CONSTRAINT tunnel_legs_pk PRIMARY KEY (tunnel_id, leg, node_id),
    ADD COLUMN want text NOT NULL DEFAULT 'present'
	CONSTRAINT tunnel_legs_want_form CHECK (want IN ('present', 'absent')),
    ADD COLUMN turn bigint NOT NULL DEFAULT 1,	-- grows with every change
    ADD COLUMN told_turn bigint,
    ADD COLUMN told_epoch bigint,
    ADD COLUMN sent boolean NOT NULL DEFAULT false;	-- ever
CREATE INDEX tunnel_legs_due_idx ON mast.tunnel_legs (node_id, next_try_at)
    WHERE told_turn IS DISTINCT FROM turn;

------------------------------------------------------------------------
-- What a row of mast.tunnels does

CREATE FUNCTION mast.addr_port(addr text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN substring(addr FROM ':([0-9]{1,5})$')::integer;

-- Two tunnels never listen on one port of a node, and no node has too many.
-- The lock lets two writers at once end with one refusal. A new row has
-- been told to nobody, whatever it says.
CREATE FUNCTION mast.tunnel_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	peer integer := CASE WHEN NEW.mode = 'direct'
	    THEN mast.addr_port(NEW.egress_peer_addr) END;
	rule text;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtext('mast.tunnels'));
	NEW.relay_addrs := coalesce(NEW.relay_addrs,
	    CASE WHEN NEW.relay_addr IS NOT NULL
	    THEN ARRAY[NEW.relay_addr] END);
	NEW.relay_addr := NEW.relay_addrs[1];
	SELECT CASE WHEN o.ingress_node_id = NEW.ingress_node_id
	    AND o.protocol = NEW.protocol
	    AND o.ingress_listen_port = NEW.ingress_listen_port
	    OR NEW.protocol = 'udp' AND o.mode = 'direct'
	    AND o.egress_node_id = NEW.ingress_node_id
	    AND mast.addr_port(o.egress_peer_addr) = NEW.ingress_listen_port
	    THEN 'tunnels_listen_key' ELSE 'tunnels_peer_key' END INTO rule
	    FROM mast.tunnels o WHERE o.id <> NEW.id AND
	    (o.ingress_node_id = NEW.ingress_node_id
	    AND o.protocol = NEW.protocol
	    AND o.ingress_listen_port = NEW.ingress_listen_port
	    OR NEW.protocol = 'udp' AND o.mode = 'direct'
	    AND o.egress_node_id = NEW.ingress_node_id
	    AND mast.addr_port(o.egress_peer_addr) = NEW.ingress_listen_port
	    OR o.ingress_node_id = NEW.egress_node_id AND o.protocol = 'udp'
	    AND o.ingress_listen_port = peer
	    OR o.mode = 'direct' AND o.egress_node_id = NEW.egress_node_id
	    AND mast.addr_port(o.egress_peer_addr) = peer) LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'another tunnel listens on that port'
		    USING ERRCODE = 'unique_violation', CONSTRAINT = rule,
		    SCHEMA = 'mast', TABLE = 'tunnels';
	END IF;
	IF TG_OP = 'UPDATE' THEN
		RETURN NEW;
	END IF;
	IF (SELECT count(*) FROM mast.tunnels o
	    WHERE o.ingress_node_id = NEW.ingress_node_id) >= 500
	    OR (SELECT count(*) FROM mast.tunnels o
	    WHERE o.egress_node_id = NEW.egress_node_id) >= 500
	    OR (SELECT count(*) FROM mast.tunnels o
	    WHERE o.relay_node_id = NEW.relay_node_id) >= 10000 THEN
		RAISE EXCEPTION 'a node has too many tunnels'
		    USING ERRCODE = 'check_violation',
		    CONSTRAINT = 'tunnels_per_node',
		    SCHEMA = 'mast', TABLE = 'tunnels';
	END IF;
	IF NEW.status <> 'disabled' THEN
		NEW.status := 'pending';
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER tunnels_guard BEFORE INSERT OR UPDATE OF version
    ON mast.tunnels FOR EACH ROW EXECUTE FUNCTION mast.tunnel_guard();

CREATE FUNCTION mast.tunnel_plan() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO mast.tunnel_legs AS l (tunnel_id, leg, node_id, want)
	    SELECT NEW.id, v.leg, v.node, CASE WHEN NEW.status = 'disabled'
	    THEN 'absent' ELSE 'present' END
	    FROM (VALUES ('relay', NEW.relay_node_id),
	    ('ingress', NEW.ingress_node_id),
	    ('egress', NEW.egress_node_id)) v(leg, node)
	    WHERE v.node IS NOT NULL
	    AND (v.leg <> 'relay' OR NEW.mode = 'relay')
	    ON CONFLICT (tunnel_id, leg, node_id) DO UPDATE SET
	    want = excluded.want, turn = l.turn + 1, told_turn = NULL,
	    push_status = 'pending', push_error = NULL, attempts = 0,
	    next_try_at = NULL, updated_at = now();
	RETURN NULL;
END
$$;
CREATE TRIGGER tunnels_plan AFTER INSERT OR UPDATE OF version
    ON mast.tunnels FOR EACH ROW EXECUTE FUNCTION mast.tunnel_plan();

-- The row goes, its legs stay until the nodes know. What was never sent
-- needs nobody, nor does a node that goes with it.
CREATE FUNCTION mast.tunnel_gone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM mast.tunnel_legs l WHERE l.tunnel_id = OLD.id
	    AND (NOT l.sent OR NOT EXISTS (SELECT FROM mast.nodes n
		WHERE n.id = l.node_id));
	UPDATE mast.tunnel_legs l SET want = 'absent', turn = l.turn + 1,
	    told_turn = NULL, push_status = 'pending', push_error = NULL,
	    attempts = 0, next_try_at = NULL, updated_at = now()
	    WHERE l.tunnel_id = OLD.id;
	RETURN OLD;
END
$$;
CREATE TRIGGER tunnels_gone BEFORE DELETE ON mast.tunnels
    FOR EACH ROW EXECUTE FUNCTION mast.tunnel_gone();

-- Takes every leg of a tunnel back and says why. p_leg, if there is one,
-- is the leg to blame and keeps the words of its node.
CREATE FUNCTION mast.tunnel_withdraw(p_tunnel uuid, p_leg text,
    p_error text, p_why text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE mast.tunnels t SET status = 'error', updated_at = now()
	    WHERE t.id = p_tunnel;
	UPDATE mast.tunnel_legs l SET want = 'absent', turn = l.turn + 1,
	    told_turn = NULL, push_status = 'failed',
	    push_error = CASE WHEN l.leg = p_leg THEN p_error ELSE p_why END,
	    attempts = 0, next_try_at = NULL, updated_at = now()
	    WHERE l.tunnel_id = p_tunnel;
$$;

-- Tunnels through a relay that is deleted cannot be authorised any more.
CREATE FUNCTION mast.tunnel_relay_gone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM mast.tunnel_withdraw(t.id, NULL, NULL,
	    'withdrawn: the relay node was deleted')
	    FROM mast.tunnels t WHERE t.relay_node_id = OLD.id
	    AND t.mode = 'relay';
	RETURN OLD;
END
$$;
CREATE TRIGGER nodes_tunnels BEFORE DELETE ON mast.nodes
    FOR EACH ROW EXECUTE FUNCTION mast.tunnel_relay_gone();

------------------------------------------------------------------------
-- What the hub heard of its pushes: outcome 0 done, 1 refused, 2 to be
-- tried again. An answer to what has changed meanwhile, or of a session
-- that is over, is no answer. The rows are taken in one order, so that two
-- hubs never wait for each other.

CREATE FUNCTION mast.tunnel_results(p_hub uuid, p_tunnels uuid[],
    p_legs text[], p_nodes uuid[], p_turns bigint[], p_epochs bigint[],
    p_outcomes integer[], p_errors text[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	r record;
	l mast.tunnel_legs;
	t mast.tunnels;
	n integer := 0;
BEGIN
	FOR r IN SELECT * FROM unnest(p_tunnels, p_legs, p_nodes, p_turns,
	    p_epochs, p_outcomes, p_errors)
	    AS u(tunnel, leg, node, turn, epoch, outcome, error)
	    ORDER BY u.tunnel, u.leg, u.node
	LOOP
		SELECT * INTO t FROM mast.tunnels x WHERE x.id = r.tunnel
		    FOR UPDATE;
		UPDATE mast.tunnel_legs x SET updated_at = now(),
		    told_turn = CASE WHEN r.outcome = 0 THEN x.turn END,
		    told_epoch = CASE WHEN r.outcome = 0 THEN r.epoch
			ELSE x.told_epoch END,
		    attempts = CASE WHEN r.outcome = 0 THEN 0
			ELSE x.attempts END,
		    push_status = CASE WHEN r.outcome = 0
			AND x.push_status = 'pending' THEN 'pushed'
			ELSE x.push_status END,
		    push_error = CASE WHEN x.push_status = 'failed'
			THEN x.push_error WHEN r.outcome <> 0
			THEN left(r.error, 1000) END,
		    next_try_at = CASE WHEN r.outcome <> 0 THEN now() +
			make_interval(secs => least(60,
			power(2, least(x.attempts, 6)))
			* (0.75 + random() / 2)) END
		    WHERE x.tunnel_id = r.tunnel AND x.leg = r.leg
		    AND x.node_id = r.node AND x.turn = r.turn
		    AND EXISTS (SELECT FROM mast.node_sessions s
			WHERE s.node_id = r.node AND s.epoch = r.epoch
			AND s.hub_id = p_hub)
		    RETURNING * INTO l;
		CONTINUE WHEN NOT FOUND;
		n := n + 1;
		IF r.outcome = 0 AND r.leg <> 'relay' THEN
			UPDATE mast.node_state x SET config_stale = true
			    WHERE x.node_id = r.node;
		END IF;
		IF r.outcome = 0 AND l.want = 'absent' AND (t.id IS NULL
		    OR r.node NOT IN (t.ingress_node_id, t.egress_node_id)
		    AND r.node IS DISTINCT FROM t.relay_node_id) THEN
			DELETE FROM mast.tunnel_legs x
			    WHERE x.tunnel_id = r.tunnel AND x.leg = r.leg
			    AND x.node_id = r.node;
		ELSIF r.outcome = 0 AND l.want = 'present' THEN
			UPDATE mast.tunnels x SET status = 'active'
			    WHERE x.id = t.id AND x.status = 'pending'
			    AND NOT EXISTS (SELECT FROM mast.tunnel_legs o
				WHERE o.tunnel_id = x.id AND o.want = 'present'
				AND o.told_turn IS DISTINCT FROM o.turn);
		ELSIF r.outcome = 1 AND l.want = 'present' THEN
			PERFORM mast.tunnel_withdraw(t.id, r.leg,
			    left(r.error, 1000), format(
			    'withdrawn: the %s node refused the tunnel',
			    r.leg));
			INSERT INTO mast.events (created_at, node_id,
			    node_name, severity, category, message, details,
			    hub_id)
			    SELECT now(), x.id, x.name, 'warning', 'tunnel',
			    left(format('The tunnel %s was refused: %s',
			    t.name, r.error), 2000),
			    json_build_object('error_code', 'tunnel_refused',
			    'tunnel_id', t.id, 'leg', r.leg), p_hub
			    FROM mast.nodes x WHERE x.id = r.node;
		END IF;
	END LOOP;
	RETURN n;
END
$$;

------------------------------------------------------------------------
-- As REST shows them

-- With the owner's rights and for the next view alone: whether a node that
-- the actor may not see is connected is part of the state of his tunnel.
CREATE VIEW mast.tunnel_leg_all AS
SELECT x.tunnel_id, x.leg, x.node_id, x.status,
    CASE WHEN x.push_error IS NOT NULL THEN x.push_error
	WHEN x.status <> 'pending' THEN NULL
	WHEN NOT x.live THEN 'the node is not connected'
	WHEN x.waits THEN 'waits for the relay' END AS error,
    x.untold AND x.live AND NOT x.waits AND x.attempts < 2 AS busy
FROM (
	SELECT l.tunnel_id, l.leg, l.node_id, l.push_error, l.attempts,
	    coalesce(h.seen_at > now() - interval '15 seconds', false) AS live,
	    l.told_turn IS DISTINCT FROM l.turn OR l.want = 'present'
	    AND l.told_epoch IS DISTINCT FROM s.epoch AS untold,
	    CASE WHEN l.push_status = 'pushed' AND l.want = 'present'
	    AND l.told_epoch IS DISTINCT FROM s.epoch THEN 'pending'
	    ELSE l.push_status END AS status,
	    l.want = 'present' AND l.leg <> 'relay' AND EXISTS (SELECT
		FROM mast.tunnel_legs r
		LEFT JOIN mast.node_sessions rs ON rs.node_id = r.node_id
		WHERE r.tunnel_id = l.tunnel_id AND r.leg = 'relay'
		AND r.want = 'present' AND rs.epoch IS NULL) AS waits
	FROM mast.tunnel_legs l
	LEFT JOIN mast.node_sessions s ON s.node_id = l.node_id
	LEFT JOIN mast.hubs h ON h.id = s.hub_id
) x;

-- The tunnels that begin, end or pass at a node of the actor. The name of a
-- node that he may not see is NULL.
CREATE VIEW mast.tunnel_view AS
SELECT t.id, t.name, t.protocol, t.mode, t.ingress_node_id,
    t.ingress_listen_port, t.egress_node_id, t.egress_forward_addr,
    t.egress_peer_addr, t.relay_addr, t.relay_addrs, t.relay_node_id,
    t.status, t.associated_flow_ids, t.created_at, t.updated_at, t.version,
    i.status AS ingress_status, i.error AS ingress_error,
    e.status AS egress_status, e.error AS egress_error,
    r.status AS relay_status, r.error AS relay_error,
    coalesce(i.busy, false) OR coalesce(e.busy, false)
	OR coalesce(r.busy, false) AS busy,
    (SELECT n.name FROM mast.nodes n WHERE n.id = t.ingress_node_id
	AND (me.all_nodes OR EXISTS (SELECT FROM mast.my_nodes m
	WHERE m.node_id = n.id))) AS ingress_node_name,
    (SELECT n.name FROM mast.nodes n WHERE n.id = t.egress_node_id
	AND (me.all_nodes OR EXISTS (SELECT FROM mast.my_nodes m
	WHERE m.node_id = n.id))) AS egress_node_name
FROM mast.tunnels t
JOIN mast.me ON true
LEFT JOIN mast.tunnel_leg_all i ON i.tunnel_id = t.id AND i.leg = 'ingress'
    AND i.node_id = t.ingress_node_id
LEFT JOIN mast.tunnel_leg_all e ON e.tunnel_id = t.id AND e.leg = 'egress'
    AND e.node_id = t.egress_node_id
LEFT JOIN mast.tunnel_leg_all r ON r.tunnel_id = t.id AND r.leg = 'relay'
    AND r.node_id = t.relay_node_id
WHERE me.all_nodes OR EXISTS (SELECT FROM mast.my_nodes m WHERE m.node_id
    IN (t.ingress_node_id, t.egress_node_id, t.relay_node_id));

------------------------------------------------------------------------
-- Who may do what

REVOKE ALL ON FUNCTION mast.addr_port(text), mast.tunnel_guard(),
    mast.tunnel_plan(), mast.tunnel_gone(), mast.tunnel_relay_gone(),
    mast.tunnel_withdraw(uuid, text, text, text),
    mast.tunnel_results(uuid, uuid[], text[], uuid[], bigint[], bigint[],
    integer[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mast.tunnel_results(uuid, uuid[], text[], uuid[],
    bigint[], bigint[], integer[], text[]) TO _mast_hubd;
GRANT SELECT ON mast.tunnel_view TO _mast_apid;

-- The plan is made by the triggers and moved on by tunnel_results.
DROP POLICY tunnel_legs_write ON mast.tunnel_legs;
REVOKE INSERT, UPDATE, DELETE ON mast.tunnel_legs FROM _mast_apid;
REVOKE UPDATE (push_status, push_error, updated_at) ON mast.tunnel_legs
    FROM _mast_hubd;
GRANT UPDATE (attempts, next_try_at, told_turn, sent) ON mast.tunnel_legs
    TO _mast_hubd;
REVOKE UPDATE (status, updated_at) ON mast.tunnels FROM _mast_hubd;
