-- Roles, their limits and the empty schema. Run by a superuser, connected to
-- the database of the suite, before the migrations; safe to repeat. Not a
-- migration itself: the numbered files after this one run as _mast_ctl.
--
-- _mast_ctl   owns every object and alone changes their form
-- _mast_apid  the REST daemon: rows of the acting user only
-- _mast_hubd  the node daemon
-- aid has no role: it never opens a database.

DO $$
DECLARE
	r text;
	db text := pg_catalog.current_database();
BEGIN
	FOREACH r IN ARRAY ARRAY['_mast_ctl', '_mast_apid', '_mast_hubd'] LOOP
		IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles
		    WHERE rolname = r) THEN
			EXECUTE format('CREATE ROLE %I LOGIN', r);
		END IF;
		EXECUTE format('ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB '
		    'NOCREATEROLE NOREPLICATION NOBYPASSRLS', r);
		EXECUTE format('ALTER ROLE %I SET search_path = mast, pg_temp', r);
		EXECUTE format('ALTER ROLE %I SET timezone = ''UTC''', r);
		EXECUTE format('ALTER ROLE %I SET client_min_messages = warning',
		    r);
		EXECUTE format('ALTER ROLE %I SET jit = off', r);
	END LOOP;
	EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', db);
	EXECUTE format('GRANT CONNECT ON DATABASE %I '
	    'TO _mast_ctl, _mast_apid, _mast_hubd', db);
END
$$;

-- A request that waits longer than this has lost its client anyway.
ALTER ROLE _mast_apid SET statement_timeout = '15s';
ALTER ROLE _mast_apid SET lock_timeout = '5s';
ALTER ROLE _mast_apid SET idle_in_transaction_session_timeout = '15s';
ALTER ROLE _mast_hubd SET statement_timeout = '30s';
ALTER ROLE _mast_hubd SET lock_timeout = '10s';
ALTER ROLE _mast_hubd SET idle_in_transaction_session_timeout = '15s';
-- A migration may take long, but must not queue all others behind a lock.
ALTER ROLE _mast_ctl SET statement_timeout = '0';
ALTER ROLE _mast_ctl SET lock_timeout = '30s';
ALTER ROLE _mast_ctl SET idle_in_transaction_session_timeout = '5min';

REVOKE ALL ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA IF NOT EXISTS mast;
ALTER SCHEMA mast OWNER TO _mast_ctl;
REVOKE ALL ON SCHEMA mast FROM PUBLIC;

-- PostgreSQL gives PUBLIC these two on every new object.
ALTER DEFAULT PRIVILEGES FOR ROLE _mast_ctl REVOKE ALL ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE _mast_ctl REVOKE ALL ON TYPES FROM PUBLIC;

-- What has been applied. The runner writes a row in the transaction of each
-- file, so the table is there before the first.
CREATE TABLE IF NOT EXISTS mast.migrations (
	version integer CONSTRAINT migrations_pk PRIMARY KEY,
	name text NOT NULL,			-- of the file
	sha256 text NOT NULL CONSTRAINT migrations_sha256_form
	    CHECK (sha256 ~ '^[0-9a-f]{64}$'),
	applied_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE mast.migrations OWNER TO _mast_ctl;
