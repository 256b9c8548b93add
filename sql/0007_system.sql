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
