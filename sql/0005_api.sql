-- What the conventions of the REST API need.

------------------------------------------------------------------------
-- Idempotency keys. A key is claimed in the transaction of the change that
-- it stands for: it is there exactly when the change was made. The answer
-- follows, sealed, because it may carry what is shown only once.

DELETE FROM mast.idempotency_keys;
ALTER TABLE mast.idempotency_keys DROP COLUMN answer;
ALTER TABLE mast.idempotency_keys ADD COLUMN answer bytea
    CONSTRAINT idempotency_keys_answer_form
    CHECK (octet_length(answer) <= 1100000);
ALTER TABLE mast.idempotency_keys ADD COLUMN request_id text NOT NULL;

-- Fails as a duplicate when the actor used the key within the last 24 hours:
-- whatever runs in the same transaction is not done a second time.
CREATE FUNCTION mast.key_claim(p_key text, p_hash bytea, p_request text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF EXISTS (SELECT FROM mast.idempotency_keys k
	    WHERE k.principal = mast.actor() OFFSET 9999) THEN
		RAISE EXCEPTION 'too many keys within 24 hours'
		    USING ERRCODE = 'check_violation',
		    CONSTRAINT = 'idempotency_keys_many',
		    SCHEMA = 'mast', TABLE = 'idempotency_keys';
	END IF;
	INSERT INTO mast.idempotency_keys AS k (principal, key, request_hash,
	    request_id) VALUES (mast.actor(), p_key, p_hash, p_request)
	    ON CONFLICT (principal, key) DO UPDATE
	    SET request_hash = excluded.request_hash,
	    request_id = excluded.request_id, status = NULL, answer = NULL,
	    created_at = now()
	    WHERE k.created_at <= now() - interval '24 hours';
	IF NOT FOUND THEN
		RAISE EXCEPTION 'the key was used'
		    USING ERRCODE = 'unique_violation',
		    CONSTRAINT = 'idempotency_keys_pk',
		    SCHEMA = 'mast', TABLE = 'idempotency_keys';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION mast.key_claim(text, bytea, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mast.key_claim(text, bytea, text) TO _mast_apid;

------------------------------------------------------------------------
-- Events: what the node called its severity, who acknowledged and why.

CREATE OR REPLACE VIEW mast.event_view WITH (security_invoker = true) AS
SELECT e.id, e.created_at, e.node_id, e.node_name, e.severity, e.category,
    e.message, e.details, e.flow_id, e.acknowledged_at, e.acknowledged_by,
    json_build_object(
    'id', e.id, 'node_id', e.node_id, 'node_name', e.node_name,
    'severity', e.severity, 'severity_raw', e.severity_raw,
    'category', e.category, 'message', e.message,
    'details', e.details, 'flow_id', e.flow_id,
    'created_at', mast.rfc3339(e.created_at),
    'acknowledged', e.acknowledged_at IS NOT NULL,
    'acknowledged_by', e.acknowledged_by,
    'acknowledged_by_name', e.ack_name,
    'acknowledged_at', mast.rfc3339(e.acknowledged_at),
    'note', e.ack_note) AS json
FROM mast.events e;

ALTER TABLE mast.events ADD CONSTRAINT events_note_form
    CHECK (octet_length(ack_note) BETWEEN 1 AND 512);
