-- Settings as one object that people edit: every change of a row moves its
-- version, and the sum of them is the ETag of the whole.

ALTER TABLE mast.settings ADD COLUMN version bigint NOT NULL DEFAULT 1;

CREATE FUNCTION mast.settings_moved() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	NEW.version := OLD.version + 1;
	RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION mast.settings_moved() FROM PUBLIC;
CREATE TRIGGER settings_moved BEFORE UPDATE ON mast.settings
    FOR EACH ROW EXECUTE FUNCTION mast.settings_moved();

------------------------------------------------------------------------
-- Certificates. Which pair all daemons serve with is one row: current is a
-- stored pair, or NULL for the files of each host; previous is what a
-- restore goes back to, if kept says that there is any.

ALTER TABLE mast.certificates DROP COLUMN active;
ALTER TABLE mast.certificates
    ADD COLUMN fingerprint text NOT NULL DEFAULT '',
    ADD COLUMN subject text NOT NULL DEFAULT '',
    ADD CONSTRAINT certificates_door_form CHECK (door = 'both');

CREATE TABLE mast.certificate_use (
	door text CONSTRAINT certificate_use_pk PRIMARY KEY
	    CONSTRAINT certificate_use_door_form CHECK (door = 'both'),
	current uuid CONSTRAINT certificate_use_current_fk
	    REFERENCES mast.certificates,
	previous uuid CONSTRAINT certificate_use_previous_fk
	    REFERENCES mast.certificates,
	kept boolean NOT NULL DEFAULT false,
	switched_at timestamptz NOT NULL DEFAULT now(),
	switched_by uuid
);
CREATE INDEX certificate_use_current_idx ON mast.certificate_use (current);
CREATE INDEX certificate_use_previous_idx ON mast.certificate_use (previous);
INSERT INTO mast.certificate_use (door) VALUES ('both');
CREATE TRIGGER certificate_use_version AFTER INSERT OR UPDATE OR DELETE
    ON mast.certificate_use
    FOR EACH STATEMENT EXECUTE FUNCTION mast.bump_version('certs');

-- What was said about the end of a certificate, so that it is said once,
-- however many daemons serve with it.
CREATE TABLE mast.certificate_warnings (
	fingerprint text NOT NULL,
	days integer NOT NULL,			-- 0: it has expired
	at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT certificate_warnings_pk PRIMARY KEY (fingerprint, days)
);

-- Every daemon calls this for the certificate that it serves with, each
-- hour and after each change. The days of the warning that became due, or
-- NULL. A certificate that comes with five days left is warned of once.
CREATE FUNCTION mast.certificate_expiry(p_fingerprint text, p_subject text,
    p_not_after timestamptz, p_who uuid, p_name text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	steps integer[] := ARRAY[0, 1, 7, 14, 30];
	spare interval := p_not_after - now();
	days integer := floor(extract(epoch FROM spare) / 86400);
	step integer := (SELECT min(d) FROM unnest(steps) d
	    WHERE spare <= make_interval(hours => 24 * d));
	fresh boolean;
BEGIN
	IF step IS NULL THEN
		RETURN NULL;
	END IF;
	WITH w AS (INSERT INTO mast.certificate_warnings (fingerprint, days)
	    SELECT p_fingerprint, d FROM unnest(steps) d WHERE d >= step
	    ORDER BY d ON CONFLICT DO NOTHING RETURNING certificate_warnings.days)
	SELECT coalesce(bool_or(w.days = step), false) INTO fresh FROM w;
	IF NOT fresh THEN
		RETURN NULL;
	END IF;
	INSERT INTO mast.events (created_at, node_id, node_name, severity,
	    category, message, details)
	VALUES (now(), p_who, p_name,
	    (CASE WHEN step > 7 THEN 'warning' ELSE 'critical' END)::mast.severity,
	    'certificate', CASE step WHEN 0
	    THEN format('The TLS certificate %s has expired, on %s', p_subject,
		mast.rfc3339(p_not_after))
	    ELSE format('The TLS certificate %s expires on %s: %s left',
		p_subject, mast.rfc3339(p_not_after),
		CASE days WHEN 0 THEN 'less than a day is'
		WHEN 1 THEN '1 day is' ELSE days || ' days are' END) END,
	    json_build_object('error_code', CASE step
	    WHEN 0 THEN 'certificate_expired' ELSE 'certificate_expires' END,
	    'fingerprint', p_fingerprint, 'not_after',
	    mast.rfc3339(p_not_after), 'threshold_days', step,
	    'days_left', days));
	RETURN step;
END
$$;

REVOKE ALL ON FUNCTION mast.certificate_expiry(text, text, timestamptz, uuid,
    text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mast.certificate_expiry(text, text, timestamptz,
    uuid, text) TO _mast_apid, _mast_hubd;
GRANT SELECT ON mast.certificate_use TO _mast_apid, _mast_hubd;
GRANT UPDATE (current, previous, kept, switched_at, switched_by)
    ON mast.certificate_use TO _mast_apid;

ALTER TABLE mast.certificate_use ENABLE ROW LEVEL SECURITY,
    FORCE ROW LEVEL SECURITY;
ALTER TABLE mast.certificate_warnings ENABLE ROW LEVEL SECURITY,
    FORCE ROW LEVEL SECURITY;
CREATE POLICY certificate_use_ctl ON mast.certificate_use TO _mast_ctl
    USING (true) WITH CHECK (true);
CREATE POLICY certificate_use_hubd ON mast.certificate_use FOR SELECT
    TO _mast_hubd USING (true);
CREATE POLICY certificate_use_apid ON mast.certificate_use FOR SELECT
    TO _mast_apid USING (true);
CREATE POLICY certificate_use_update ON mast.certificate_use FOR UPDATE
    TO _mast_apid USING ((SELECT me.role FROM mast.me) >= 'admin');
CREATE POLICY certificate_warnings_ctl ON mast.certificate_warnings
    TO _mast_ctl USING (true) WITH CHECK (true);
