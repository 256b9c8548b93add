-- Enrolment: quarantine, the rotation of node secrets, and events that a
-- willing node numbers so that none is lost or stored twice.

------------------------------------------------------------------------
-- Quarantine: a node that may not connect until somebody releases it

ALTER TABLE mast.nodes
	ADD COLUMN quarantined_at timestamptz,
	ADD COLUMN quarantined_by text,		-- a name: outlives the user
	ADD COLUMN quarantine_reason text CONSTRAINT nodes_quarantine_form
	    CHECK (octet_length(quarantine_reason) BETWEEN 1 AND 512),
	ADD CONSTRAINT nodes_quarantine_whole CHECK
	    ((quarantined_at IS NULL) = (quarantined_by IS NULL)
	    AND (quarantined_at IS NULL) = (quarantine_reason IS NULL));
GRANT UPDATE (quarantined_at, quarantined_by, quarantine_reason)
    ON mast.nodes TO _mast_apid;

DROP TRIGGER nodes_version ON mast.nodes;
CREATE TRIGGER nodes_version AFTER INSERT OR DELETE OR UPDATE OF name,
    expires_at, quarantined_at ON mast.nodes
    FOR EACH STATEMENT EXECUTE FUNCTION mast.bump_version('nodes');

-- As before, and the quarantine as the object's last member.
CREATE OR REPLACE VIEW mast.node_all AS
SELECT v.id, v.name, v.description, v.device_type, v.status, v.last_seen_at,
    v.last_health, v.software_version, v.metadata, v.expires_at,
    v.created_at, v.updated_at, v.version, v.protocol_version,
    v.config_stale, v.hub_id, v.epoch, v.connected_at, v.address,
    json_build_object(
    'id', v.id, 'name', v.name, 'description', v.description,
    'device_type', v.device_type, 'status', v.status,
    'last_seen_at', mast.rfc3339(v.last_seen_at),
    'last_health', v.last_health, 'software_version', v.software_version,
    'metadata', v.metadata, 'expires_at', mast.rfc3339(v.expires_at),
    'created_at', mast.rfc3339(v.created_at),
    'updated_at', mast.rfc3339(v.updated_at),
    'quarantine', CASE WHEN v.quarantined_at IS NOT NULL THEN
	json_build_object('at', mast.rfc3339(v.quarantined_at),
	'by', v.quarantined_by, 'reason', v.quarantine_reason) END) AS json
FROM (
	SELECT n.id, n.name, n.description, n.device_type,
	    CASE WHEN st.status IN ('online', 'degraded')
		AND (h.seen_at > now() - interval '15 seconds') IS NOT TRUE
	    THEN 'offline' ELSE coalesce(st.status, 'pending') END AS status,
	    st.last_seen_at, st.last_health, st.software_version, n.metadata,
	    n.expires_at, n.created_at, n.updated_at,
	    n.version, st.protocol_version, st.config_stale, s.hub_id,
	    s.epoch, s.connected_at, s.address, n.quarantined_at,
	    n.quarantined_by, n.quarantine_reason
	FROM mast.nodes n
	LEFT JOIN mast.node_state st ON st.node_id = n.id
	LEFT JOIN mast.node_sessions s ON s.node_id = n.id
	LEFT JOIN mast.hubs h ON h.id = s.hub_id
) v;

------------------------------------------------------------------------
-- Rotation. The new secret is valid from the moment its command stands in
-- the journal, beside the old one; its first use ends the old one. When the
-- node refuses, or was never told, nobody has the new one: it goes again.

ALTER TABLE mast.commands
	ADD COLUMN secret_hash bytea;		-- of rotate_secret

CREATE FUNCTION mast.rotation_ended() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM mast.node_secrets s WHERE s.node_id = NEW.node_id
	    AND s.secret_hash = NEW.secret_hash AND s.first_used_at IS NULL;
	RETURN NULL;
END
$$;
CREATE TRIGGER commands_rotation_ended AFTER UPDATE OF state
    ON mast.commands FOR EACH ROW WHEN (NEW.secret_hash IS NOT NULL
    AND NEW.state IN ('failed', 'expired', 'cancelled'))
    EXECUTE FUNCTION mast.rotation_ended();
REVOKE ALL ON FUNCTION mast.rotation_ended() FROM PUBLIC;

-- apid makes a secret valid; it never reads one's hash.
GRANT SELECT (node_id, first_used_at), INSERT (node_id, secret_hash)
    ON mast.node_secrets TO _mast_apid;
CREATE POLICY node_secrets_select ON mast.node_secrets FOR SELECT
    TO _mast_apid USING (EXISTS (SELECT FROM mast.nodes n
    WHERE n.id = node_id));
CREATE POLICY node_secrets_insert ON mast.node_secrets FOR INSERT
    TO _mast_apid WITH CHECK ((SELECT me.role FROM mast.me) >= 'admin'
    AND EXISTS (SELECT FROM mast.nodes n WHERE n.id = node_id));

------------------------------------------------------------------------
-- Numbered events. A node that can number its events says which run of it
-- numbers them (boot); what is stored up to is kept here, so that a
-- repetition is seen even when it comes by another hub.

CREATE TABLE mast.event_marks (
	node_id uuid NOT NULL CONSTRAINT event_marks_node_fk
	    REFERENCES mast.nodes ON DELETE CASCADE,
	boot uuid NOT NULL,
	seq bigint NOT NULL DEFAULT 0,
	started_at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT event_marks_pk PRIMARY KEY (node_id, boot)
) WITH (fillfactor = 70);
ALTER TABLE mast.event_marks ENABLE ROW LEVEL SECURITY,
    FORCE ROW LEVEL SECURITY;
CREATE POLICY event_marks_ctl ON mast.event_marks TO _mast_ctl
    USING (true) WITH CHECK (true);
CREATE POLICY event_marks_hubd ON mast.event_marks TO _mast_hubd
    USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE (seq), DELETE ON mast.event_marks
    TO _mast_hubd;

ALTER TABLE mast.events
	ADD COLUMN boot uuid,
	ADD COLUMN boot_seq bigint;
