-- The first administrator chooses the password in a browser, by a link that
-- mastctl setup prints.

-- A keyed hash of the link's secret, until it is used or the password is set
-- in another way, and when it ends.
ALTER TABLE mast.users
	ADD COLUMN link_hash bytea CONSTRAINT users_link_key UNIQUE
	    CONSTRAINT users_link_hash_form CHECK (octet_length(link_hash) = 32),
	ADD COLUMN link_until timestamptz,
	ADD CONSTRAINT users_link_form
	    CHECK ((link_hash IS NULL) = (link_until IS NULL));

-- Whoever sets a password ends the link.
CREATE FUNCTION mast.link_ended() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	NEW.link_hash := NULL;
	NEW.link_until := NULL;
	RETURN NEW;
END
$$;
CREATE TRIGGER users_link BEFORE UPDATE OF password_hash ON mast.users
    FOR EACH ROW EXECUTE FUNCTION mast.link_ended();

-- The password by the link: the user's name, or NULL when there is no such
-- link. Two who come at once wait for the row, and the second finds none.
CREATE FUNCTION mast.link_password(p_link bytea, p_phc text, p_address inet,
    p_request_id text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	who record;
BEGIN
	UPDATE mast.users u SET password_hash = p_phc, updated_at = now(),
	    version = u.version + 1
	    WHERE u.link_hash = p_link AND u.link_until > now()
	    AND u.is_active AND (u.expires_at IS NULL OR u.expires_at > now())
	    RETURNING u.id, u.username INTO who;
	INSERT INTO mast.audit (actor_kind, actor_user, actor_name, action,
	    target_type, target_id, details, address, request_id)
	    VALUES ('user', who.id, who.username, CASE WHEN who.id IS NULL
	    THEN 'auth.link_refused' ELSE 'user.password' END, 'user',
	    who.id::text, CASE WHEN who.id IS NOT NULL
	    THEN '{"by": "link"}'::jsonb END, p_address, p_request_id);
	RETURN who.username;
END
$$;
REVOKE ALL ON FUNCTION mast.link_ended(),
    mast.link_password(bytea, text, inet, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mast.link_password(bytea, text, inet, text)
    TO _mast_apid;
