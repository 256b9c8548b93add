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
