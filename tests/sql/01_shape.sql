-- What holds for every table, constraint and grant of the schema.
BEGIN;
SET search_path = tap, pg_catalog;
SELECT plan(16);

SELECT is_empty($$
SELECT relname FROM pg_class WHERE relnamespace = 'mast'::regnamespace
AND relowner <> '_mast_ctl'::regrole
$$, 'everything belongs to _mast_ctl');

SELECT is_empty($$
SELECT relname FROM pg_class WHERE relnamespace = 'mast'::regnamespace
AND relkind IN ('r', 'p') AND NOT (relrowsecurity AND relforcerowsecurity)
$$, 'row security is on and forced for every table, partitions included');

SELECT is_empty($$
SELECT c.relname FROM pg_class c WHERE relnamespace = 'mast'::regnamespace
AND relkind IN ('r', 'p') AND NOT EXISTS (SELECT FROM pg_policy p
    WHERE p.polrelid = c.oid AND p.polroles = ARRAY['_mast_ctl'::regrole::oid])
$$, 'the owner has a policy on every table');

SELECT is_empty($$
SELECT polname FROM pg_policy p JOIN pg_class c ON c.oid = polrelid
WHERE c.relnamespace = 'mast'::regnamespace AND (0 = ANY (polroles))
$$, 'no policy is for PUBLIC');

SELECT is_empty($$
SELECT conrelid::regclass, conname FROM pg_constraint k
WHERE contype = 'f' AND connamespace = 'mast'::regnamespace
AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = k.conrelid
    AND i.indpred IS NULL
    AND (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey)
$$, 'every foreign key has an index');

SELECT is_empty($$
SELECT attrelid::regclass, attname FROM pg_attribute a
JOIN pg_class c ON c.oid = attrelid
WHERE c.relnamespace = 'mast'::regnamespace AND attnum > 0
AND atttypid IN ('timestamp'::regtype, 'time'::regtype, 'date'::regtype)
$$, 'every time has a zone');

SELECT is_empty($$
SELECT relname FROM pg_class c WHERE relnamespace = 'mast'::regnamespace
AND relkind IN ('r', 'p') AND relname <> 'samples_default'
AND NOT EXISTS (SELECT FROM pg_constraint k
    WHERE k.conrelid = c.oid AND k.contype = 'p')
$$, 'every table has a primary key');

-- PostgreSQL's own names end in _pkey, _fkey, _check; 0001 uses others.
SELECT is_empty($$
SELECT conrelid::regclass, conname FROM pg_constraint k
WHERE connamespace = 'mast'::regnamespace AND contype IN ('c', 'f', 'p')
AND conname ~ '_(pkey|fkey|check)[0-9]*$'
AND NOT conrelid::regclass::text ~ '^mast\.(events|samples|minutes|tens)_'
$$, 'every constraint has a name of ours');

SELECT is_empty($$
SELECT conname FROM pg_constraint WHERE connamespace = 'mast'::regnamespace
AND contype IN ('c', 'f', 'u') AND conparentid = 0 AND conrelid NOT IN
    (SELECT inhrelid FROM pg_inherits)
GROUP BY conname HAVING count(*) > 1
$$, 'a constraint name tells its table');

SELECT is_empty($$
SELECT c.relname, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a
WHERE relnamespace = 'mast'::regnamespace AND a.grantee = 0
UNION ALL SELECT t.attname, a.privilege_type FROM pg_attribute t
JOIN pg_class c ON c.oid = t.attrelid, aclexplode(t.attacl) a
WHERE c.relnamespace = 'mast'::regnamespace AND a.grantee = 0
UNION ALL SELECT proname, a.privilege_type FROM pg_proc p,
aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
WHERE pronamespace = 'mast'::regnamespace AND a.grantee = 0
UNION ALL SELECT typname, a.privilege_type FROM pg_type t,
aclexplode(coalesce(t.typacl, acldefault('T', t.typowner))) a
WHERE typnamespace = 'mast'::regnamespace AND typtype = 'e' AND a.grantee = 0
UNION ALL SELECT nspname, a.privilege_type FROM pg_namespace n,
aclexplode(n.nspacl) a WHERE nspname IN ('mast', 'public') AND a.grantee = 0
UNION ALL SELECT datname, a.privilege_type FROM pg_database d,
aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
WHERE datname = current_database() AND a.grantee = 0
$$, 'nothing is granted to PUBLIC');

SELECT is_empty($$
SELECT c.relname, a.grantee::regrole FROM pg_class c, aclexplode(c.relacl) a
WHERE relnamespace = 'mast'::regnamespace AND (a.is_grantable
    AND a.grantee <> '_mast_ctl'::regrole OR a.privilege_type
    IN ('TRUNCATE', 'TRIGGER', 'REFERENCES')
    AND a.grantee <> '_mast_ctl'::regrole)
$$, 'no daemon may truncate, hang a trigger or pass a grant on');

SELECT set_eq($$
SELECT DISTINCT a.grantee::regrole::text FROM pg_class c,
aclexplode(c.relacl) a WHERE relnamespace = 'mast'::regnamespace
$$, ARRAY['_mast_ctl', '_mast_apid', '_mast_hubd'], 'three roles and no other');

SELECT is_empty($$
SELECT c.relname FROM pg_class c, aclexplode(c.relacl) a
WHERE relnamespace = 'mast'::regnamespace AND relname ~ '_([0-9]{8}|default)$'
AND a.grantee <> '_mast_ctl'::regrole
$$, 'partitions are reached through their parent only');

SELECT is_empty($$
SELECT proname FROM pg_proc WHERE pronamespace = 'mast'::regnamespace
AND prosecdef AND NOT EXISTS (SELECT FROM unnest(proconfig) x
    WHERE x = 'search_path=pg_catalog, pg_temp')
$$, 'a SECURITY DEFINER function has its own search_path');

SELECT set_eq($$
SELECT proname::text FROM pg_proc WHERE pronamespace = 'mast'::regnamespace
AND prosecdef
$$, ARRAY['bump_version', 'my_node_set', 'node_born',
    'keep_super_admin', 'signin_lookup',
    'purge_commands',
    'factor_lookup', 'token_lookup',
    'session_lookup', 'session_open', 'link_password', 'session_close', 'provider_key_for',
    'provider_key_guard',
    'ensure_partitions', 'drop_old_partitions', 'purge_expired',
    'certificate_expiry', 'node_status_changed', 'node_state_kept',
    'config_push_ended', 'command_refusal', 'rotation_ended',
    'tunnel_guard', 'tunnel_plan', 'tunnel_gone', 'tunnel_relay_gone',
    'tunnel_results',
    'row_changed', 'feed_start', 'feed_news', 'events_changed', 'hubs_lost',
    'audit_opened', 'audit_seal_next', 'audit_seal_add',
    'export_check', 'export_open', 'export_fetch', 'import_begin',
    'import_stage', 'import_apply'],
    'no SECURITY DEFINER function but the known ones');

SELECT is_empty($$
SELECT rolname FROM pg_roles WHERE rolname ~ '^_mast'
AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)
$$, 'no role has an attribute that passes row security by');

SELECT * FROM finish();
ROLLBACK;
