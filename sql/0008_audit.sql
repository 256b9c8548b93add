-- The sealed audit. Rows are sealed in batches; each seal names its rows,
-- holds the hash of what they say and is chained to the one before by a
-- signature that no role of the database can make (common/seal.h).

-- What the hash of a row is taken over: every column, as one JSON object of
-- fixed form. mastctl has the same text of its own and does not trust this
-- one.
CREATE FUNCTION mast.audit_text(a mast.audit) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN concat('{"id":', (a).id, ',"at":"',
    to_char((a).at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    '","actor_kind":', to_json((a).actor_kind),
    ',"actor_user":', coalesce(to_json((a).actor_user)::text, 'null'),
    ',"actor_name":', coalesce(to_json((a).actor_name)::text, 'null'),
    ',"action":', to_json((a).action),
    ',"target_type":', coalesce(to_json((a).target_type)::text, 'null'),
    ',"target_id":', coalesce(to_json((a).target_id)::text, 'null'),
    ',"details":', coalesce((a).details::text, 'null'),
    ',"address":', coalesce(to_json(abbrev((a).address))::text, 'null'),
    ',"request_id":', coalesce(to_json((a).request_id)::text, 'null'), '}');

------------------------------------------------------------------------
-- Rows that no seal has yet. The entry is made in the transaction of the
-- row: one that commits long after its neighbours were sealed is still
-- here, and goes into a later seal. No horizon, no guess about ids.

CREATE TABLE mast.audit_open (
	id bigint CONSTRAINT audit_open_pk PRIMARY KEY
);
INSERT INTO mast.audit_open SELECT id FROM mast.audit;

CREATE FUNCTION mast.audit_opened() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO mast.audit_open (id) VALUES (NEW.id);
	RETURN NULL;
END
$$;
-- The owner gave the right to hang triggers on the audit away (0003).
GRANT TRIGGER ON mast.audit TO _mast_ctl;
CREATE TRIGGER audit_opened AFTER INSERT ON mast.audit
    FOR EACH ROW EXECUTE FUNCTION mast.audit_opened();
REVOKE TRIGGER ON mast.audit FROM _mast_ctl;

------------------------------------------------------------------------
-- Seals

ALTER TABLE mast.audit_seals
    ADD ids int8multirange NOT NULL,		-- exactly these rows
    ADD content bytea NOT NULL,			-- SHA-256 of their hashes
    ADD signer bytea NOT NULL,			-- public key
    ADD CONSTRAINT audit_seals_form CHECK (seq > 0 AND rows > 0
	AND octet_length(content) = 32 AND octet_length(chain) = 32
	AND octet_length(signer) = 32 AND octet_length(signature) = 64
	AND first_id = lower(ids) AND last_id = upper(ids) - 1);
CREATE INDEX audit_seals_ids_idx ON mast.audit_seals USING gist (ids);

-- What the next seal would cover; no row when all is sealed, or the last
-- seal is younger than p_age and fewer than p_limit rows wait.
CREATE FUNCTION mast.audit_seal_next(p_limit integer, p_age interval)
RETURNS TABLE (seq bigint, previous bytea, ids text, n bigint, content bytea,
    sealed_at text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	last record;
BEGIN
	SELECT s.seq, s.chain, s.sealed_at INTO last FROM mast.audit_seals s
	    ORDER BY s.seq DESC LIMIT 1;
	IF last.sealed_at > now() - p_age AND (SELECT count(*) FROM
	    (SELECT FROM mast.audit_open LIMIT p_limit) o) < p_limit THEN
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

-- False: somebody else's seal came first, and nothing was done.
CREATE FUNCTION mast.audit_seal_add(p_seq bigint, p_ids text, p_rows bigint,
    p_content bytea, p_sealed_at text, p_chain bytea, p_signature bytea,
    p_signer bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	covered int8multirange := p_ids::int8multirange;
	gone bigint;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtext('mast audit seal'));
	IF p_seq <> (SELECT coalesce(max(s.seq), 0) + 1
	    FROM mast.audit_seals s) THEN
		RETURN false;
	END IF;
	DELETE FROM mast.audit_open o WHERE o.id <@ covered;
	GET DIAGNOSTICS gone = ROW_COUNT;
	IF gone <> p_rows THEN
		RAISE EXCEPTION 'a seal of % rows would cover % that wait',
		    p_rows, gone;
	END IF;
	INSERT INTO mast.audit_seals (seq, first_id, last_id, rows, chain,
	    signature, sealed_at, ids, content, signer)
	    VALUES (p_seq, lower(covered), upper(covered) - 1, p_rows, p_chain,
	    p_signature, p_sealed_at::timestamptz, covered, p_content,
	    p_signer);
	RETURN true;
END
$$;

------------------------------------------------------------------------
-- Reading

CREATE INDEX audit_action_idx ON mast.audit (action COLLATE "C", id DESC);
CREATE INDEX audit_request_idx ON mast.audit (request_id)
    WHERE request_id IS NOT NULL;
CREATE INDEX audit_node_idx ON mast.audit ((details ->> 'node_id'), id DESC)
    WHERE details ? 'node_id';

-- The node that a row is about, if it is about one.
CREATE FUNCTION mast.audit_node(target_type text, target_id text,
    details jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(CASE WHEN target_type = 'node' THEN target_id END,
    details ->> 'node_id');

-- A field of RFC 4180; one that a spreadsheet would run begins with '.
CREATE FUNCTION mast.csv_field(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce('"' || replace(CASE WHEN value ~ '^[-=+@\t\r\n]'
    THEN chr(39) || value ELSE value END, '"', '""') || '"', '');

-- Nobody reads about nodes that are hidden from him.
DROP POLICY audit_read ON mast.audit;
CREATE POLICY audit_read ON mast.audit FOR SELECT TO _mast_apid
    USING ((SELECT me.role FROM mast.me) >= 'admin'
    AND ((SELECT me.all_nodes FROM mast.me)
    OR mast.audit_node(target_type, target_id, details) IS NULL
    OR mast.audit_node(target_type, target_id, details) IN
	(SELECT m.node_id::text FROM mast.my_nodes m)));

------------------------------------------------------------------------
-- Grants: hubd seals without seeing a row

REVOKE ALL ON mast.audit_open FROM PUBLIC;
REVOKE ALL ON FUNCTION mast.audit_text(mast.audit), mast.audit_opened(),
    mast.audit_seal_next(integer, interval),
    mast.audit_seal_add(bigint, text, bigint, bytea, text, bytea, bytea,
	bytea) FROM PUBLIC;
REVOKE ALL ON FUNCTION mast.audit_node(text, text, jsonb),
    mast.csv_field(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mast.audit_text(mast.audit),
    mast.audit_node(text, text, jsonb), mast.csv_field(text) TO _mast_apid;
GRANT EXECUTE ON FUNCTION mast.audit_seal_next(integer, interval),
    mast.audit_seal_add(bigint, text, bigint, bytea, text, bytea, bytea,
	bytea) TO _mast_hubd;
GRANT SELECT ON mast.audit_seals TO _mast_hubd;

ALTER TABLE mast.audit_open ENABLE ROW LEVEL SECURITY,
    FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_open_ctl ON mast.audit_open TO _mast_ctl
    USING (true) WITH CHECK (true);
CREATE POLICY audit_seals_hubd ON mast.audit_seals FOR SELECT TO _mast_hubd
    USING (true);
