-- The command journal to its end: a queue for nodes that are away, several
-- steps under one command, and the configuration that a command carries.

ALTER TABLE mast.commands
	-- The order of the journal, and of a node's queue.
	ADD COLUMN seq bigint GENERATED ALWAYS AS IDENTITY,
	-- It may wait for its node until expires_at, and any hub that has the
	-- node's session takes it; the others are told to their hub at once.
	ADD COLUMN queue boolean NOT NULL DEFAULT false,
	-- The API token by which it was ordered, if it was by one.
	ADD COLUMN actor_token uuid,
	-- What the command takes; checked again when a queued one is sent.
	ADD COLUMN min_role mast.role NOT NULL DEFAULT 'operator',
	-- Of update_config: which blob it is. No foreign key: the journal
	-- outlives configurations.
	ADD COLUMN config_hash bytea,
	-- What the one command became on the wire, and how far each got.
	ADD COLUMN steps json;

DROP INDEX mast.commands_node_idx;
CREATE INDEX commands_node_idx ON mast.commands (node_id, seq DESC);
DROP INDEX mast.commands_open_idx;
CREATE INDEX commands_open_idx ON mast.commands (node_id, seq)
    WHERE state IN ('queued', 'sent');
-- A hub looks here every few seconds: it holds only what waits.
CREATE INDEX commands_queue_idx ON mast.commands (node_id, seq)
    WHERE state = 'queued' AND queue;

------------------------------------------------------------------------
-- How a pushed configuration ended, whoever ends the command

CREATE FUNCTION mast.config_push_ended() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE mast.node_configs k SET
	    desired = CASE NEW.state WHEN 'acked' THEN NEW.config_hash
		ELSE k.desired END,
	    desired_at = CASE NEW.state WHEN 'acked' THEN NEW.done_at
		ELSE k.desired_at END,
	    attempt_error = CASE NEW.state WHEN 'acked' THEN NULL
		ELSE NEW.state || coalesce(': ' || NEW.error, '') END
	    WHERE k.node_id = NEW.node_id AND k.attempted = NEW.config_hash;
	RETURN NULL;
END
$$;
CREATE TRIGGER commands_config_ended AFTER UPDATE OF state ON mast.commands
    FOR EACH ROW WHEN (NEW.config_hash IS NOT NULL
    AND NEW.done_at IS NOT NULL AND NEW.state <> OLD.state)
    EXECUTE FUNCTION mast.config_push_ended();

------------------------------------------------------------------------
-- May this user, by this token if it was one, still have this command done
-- to this node? NULL: yes; otherwise why not, in words for the journal.

CREATE FUNCTION mast.command_refusal(p_user uuid, p_token uuid, p_node uuid,
    p_role mast.role) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	u record;
BEGIN
	SELECT x.is_active, x.expires_at, x.role, x.all_nodes INTO u
	    FROM mast.users x WHERE x.id = p_user;
	IF NOT FOUND THEN
		RETURN 'not sent: who ordered it is no user any more';
	ELSIF NOT u.is_active THEN
		RETURN 'not sent: the account of who ordered it is disabled';
	ELSIF u.expires_at <= now() THEN
		RETURN 'not sent: the account of who ordered it has expired';
	ELSIF u.role < p_role THEN
		RETURN 'not sent: the role of who ordered it does not allow it '
		    'any more';
	ELSIF NOT u.all_nodes AND NOT EXISTS (SELECT FROM mast.user_nodes n
	    WHERE n.user_id = p_user AND n.node_id = p_node) THEN
		RETURN 'not sent: who ordered it may not access the node any '
		    'more';
	ELSIF p_token IS NOT NULL AND NOT EXISTS (SELECT
	    FROM mast.api_tokens t WHERE t.id = p_token
	    AND t.user_id = p_user AND t.revoked_at IS NULL
	    AND t.expires_at > now() AND t.max_role >= p_role
	    AND NOT t.read_only
	    AND (t.node_ids IS NULL OR p_node = ANY (t.node_ids))) THEN
		RETURN 'not sent: the API token by which it was ordered has '
		    'ended';
	END IF;
	RETURN NULL;
END
$$;

------------------------------------------------------------------------
-- The REST object

CREATE VIEW mast.command_view WITH (security_invoker = true) AS
SELECT c.id, c.seq, c.node_id, c.state, c.type, json_build_object(
    'id', c.id, 'node_id', c.node_id, 'node_name', c.node_name,
    'type', c.type, 'state', c.state, 'queue', c.queue,
    'actor', c.actor_name, 'request_id', c.request_id,
    'created_at', mast.rfc3339(c.created_at),
    'expires_at', mast.rfc3339(c.expires_at),
    'sent_at', mast.rfc3339(c.sent_at), 'done_at', mast.rfc3339(c.done_at),
    'error', c.error, 'error_code', c.error_code,
    'steps', c.steps) AS json
FROM mast.commands c;

------------------------------------------------------------------------
-- Rights

REVOKE ALL ON FUNCTION mast.config_push_ended(),
    mast.command_refusal(uuid, uuid, uuid, mast.role) FROM PUBLIC;
GRANT EXECUTE
    ON FUNCTION mast.command_refusal(uuid, uuid, uuid, mast.role)
    TO _mast_hubd;
GRANT SELECT (seq, queue, actor_token, min_role, config_hash, steps)
    ON mast.commands
    TO _mast_apid;
GRANT UPDATE (steps) ON mast.commands TO _mast_hubd;
GRANT SELECT ON mast.command_view TO _mast_apid;
