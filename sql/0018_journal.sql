-- The journal under faults, and how long it is kept.

ALTER TABLE mast.commands
	-- Which of its hub's claims took it, so that the hub can put back what
	-- a claim took whose answer it never got; 0: it was sent again.
	ADD COLUMN claim bigint,
	-- The node that it went to remembers it, and answers a repetition.
	ADD COLUMN remembers boolean NOT NULL DEFAULT false;

CREATE INDEX commands_claim_idx ON mast.commands (hub_id, claim)
    WHERE state = 'sent';
CREATE INDEX commands_done_idx ON mast.commands (done_at)
    WHERE done_at IS NOT NULL;

-- Ended commands are kept as long as events are, and never for less than 90
-- days. A great many go in pieces, one an hour.
CREATE FUNCTION mast.purge_commands() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	days integer;
	n bigint;
BEGIN
	SELECT greatest(90, (SELECT s.value
	    FROM mast.settings s WHERE s.key = 'events_retention_days'))
	    INTO days;
	DELETE FROM mast.commands c WHERE c.id IN (SELECT o.id
	    FROM mast.commands o WHERE o.done_at IS NOT NULL
	    AND o.done_at < now() - make_interval(days => days)
	    ORDER BY o.done_at LIMIT 50000);
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n;
END
$$;

REVOKE ALL ON FUNCTION mast.purge_commands() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mast.purge_commands() TO _mast_hubd;
GRANT UPDATE (claim, remembers) ON mast.commands TO _mast_hubd;
