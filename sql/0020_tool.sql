-- Commands that the host's administrator orders with mastctl, and which
-- programs a schema still serves.

------------------------------------------------------------------------
-- Root of the host is no user: what it orders carries no actor, and is not
-- to be mistaken for what somebody ordered who was deleted since.

ALTER TABLE mast.commands ADD COLUMN by_tool boolean NOT NULL DEFAULT false;
CREATE POLICY commands_tool ON mast.commands AS RESTRICTIVE
    FOR INSERT TO _mast_apid WITH CHECK (NOT by_tool);

------------------------------------------------------------------------
-- A program that knows the schema up to this version, or to a later one,
-- works with it. A file that takes away or changes what such a program uses
-- replaces the function; one that only adds leaves it, and programs of
-- before go on meanwhile.

CREATE FUNCTION mast.schema_serves() RETURNS integer
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT 20 $$;
REVOKE ALL ON FUNCTION mast.schema_serves() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mast.schema_serves() TO _mast_apid, _mast_hubd;
