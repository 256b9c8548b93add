-- What the schema is, one line of text for each thing: a query without
-- parameters whose rows in order are schema.sql below its comment. Partitions
-- of days come and go and are left out; white space and parentheses of
-- expressions, which versions of PostgreSQL print in their own way, too. Asked
-- as _mast_ctl: names are printed as its search_path sees them.
WITH rel AS (
	SELECT c.oid, c.relname, c.relkind, c.relowner, c.relacl,
	    c.relrowsecurity, c.relforcerowsecurity, c.reloptions
	FROM pg_catalog.pg_class c
	WHERE c.relnamespace = 'mast'::pg_catalog.regnamespace
	AND c.relname !~ '^(events|samples|minutes|tens)_[0-9]{8}'
), fn AS (
	SELECT p.proname || '('
	    || pg_catalog.pg_get_function_identity_arguments(p.oid)
	    || ')' AS sig, p.*
	FROM pg_catalog.pg_proc p
	WHERE p.pronamespace = 'mast'::pg_catalog.regnamespace
), line (sort, text) AS (
	SELECT 1, format('role %s login %s super %s create role %s db %s '
	    'replication %s bypass rls %s: %s', r.rolname, r.rolcanlogin,
	    r.rolsuper, r.rolcreaterole, r.rolcreatedb, r.rolreplication,
	    r.rolbypassrls, (SELECT string_agg(x, '; ' ORDER BY x)
		FROM unnest(r.rolconfig) x WHERE x LIKE 'search_path=%'))
	FROM pg_catalog.pg_roles r
	WHERE r.rolname IN ('_mast_ctl', '_mast_apid', '_mast_hubd')
UNION ALL
	SELECT 2, format('schema %s owner %s', n.nspname,
	    pg_get_userbyid(n.nspowner))
	FROM pg_catalog.pg_namespace n WHERE n.nspname = 'mast'
UNION ALL
	SELECT 3, format('type %s (%s)', t.typname,
	    (SELECT string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder)
		FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid))
	FROM pg_catalog.pg_type t WHERE t.typtype = 'e'
	AND t.typnamespace = 'mast'::regnamespace
UNION ALL
	SELECT 4, format('%s %s owner %s%s%s%s',
	    CASE relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned'
	    WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence' ELSE relkind::text
	    END, relname, pg_get_userbyid(relowner),
	    CASE WHEN relrowsecurity THEN ' rls' END,
	    CASE WHEN relforcerowsecurity THEN ' forced' END,
	    ' ' || array_to_string(reloptions, ' '))
	FROM rel WHERE relkind <> 'i' AND relkind <> 'I'
UNION ALL
	SELECT 5, format('column %s.%s %s%s%s%s', r.relname, a.attname,
	    format_type(a.atttypid, a.atttypmod),
	    CASE WHEN a.attnotnull THEN ' not null' END,
	    CASE WHEN a.attidentity <> '' THEN ' identity' END,
	    ' default ' || pg_get_expr(d.adbin, d.adrelid))
	FROM rel r JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid
	    AND a.attnum > 0 AND NOT a.attisdropped
	LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = r.oid
	    AND d.adnum = a.attnum
	WHERE r.relkind IN ('r', 'p', 'v')
UNION ALL
	SELECT 6, format('constraint %s.%s %s', r.relname, k.conname,
	    pg_get_constraintdef(k.oid))
	FROM rel r JOIN pg_catalog.pg_constraint k ON k.conrelid = r.oid
	WHERE k.contype IN ('c', 'f', 'p', 'u', 'x')
	AND (k.conparentid = 0 OR r.relname ~ '_default$')
UNION ALL
	SELECT 7, format('index %s', pg_get_indexdef(r.oid))
	FROM rel r WHERE r.relkind IN ('i', 'I')
UNION ALL
	SELECT 8, format('policy %s.%s %s %s to %s using %s check %s',
	    p.tablename, p.policyname, p.permissive, p.cmd, p.roles,
	    coalesce(p.qual, '-'), coalesce(p.with_check, '-'))
	FROM pg_catalog.pg_policies p WHERE p.schemaname = 'mast'
	AND p.tablename !~ '^(events|samples|minutes|tens)_[0-9]{8}$'
UNION ALL
	SELECT 9, format('view %s as %s', relname, pg_get_viewdef(oid))
	FROM rel WHERE relkind = 'v'
UNION ALL
	SELECT 10, format('function %s returns %s owner %s %s%s %s: %s',
	    fn.sig, pg_get_function_result(fn.oid),
	    pg_get_userbyid(fn.proowner), fn.provolatile,
	    CASE WHEN fn.prosecdef THEN ' definer' END,
	    array_to_string(fn.proconfig, '; '),
	    CASE WHEN fn.prosqlbody IS NULL THEN fn.prosrc
	    ELSE pg_get_function_sqlbody(fn.oid) END)
	FROM fn
UNION ALL
	SELECT 11, format('trigger %s', pg_get_triggerdef(t.oid))
	FROM rel r JOIN pg_catalog.pg_trigger t ON t.tgrelid = r.oid
	WHERE NOT t.tgisinternal
UNION ALL
	SELECT 12, format('grant %s to %s on %s', string_agg(a.privilege_type,
	    ', ' ORDER BY a.privilege_type), CASE WHEN a.grantee = 0
	    THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END, o.name)
	FROM (
		SELECT 'schema ' || nspname AS name,
		    coalesce(nspacl, acldefault('n', nspowner)) AS acl
		FROM pg_catalog.pg_namespace WHERE nspname = 'mast'
	    UNION ALL
		SELECT CASE relkind WHEN 'S' THEN 'sequence ' ELSE '' END
		    || relname, coalesce(relacl, acldefault(
		    CASE relkind WHEN 'S' THEN 's'::"char" ELSE 'r' END,
		    relowner))
		FROM rel WHERE relkind IN ('r', 'p', 'v', 'S')
	    UNION ALL
		SELECT r.relname || '.' || t.attname, t.attacl
		FROM rel r JOIN pg_catalog.pg_attribute t
		ON t.attrelid = r.oid WHERE t.attacl IS NOT NULL
		AND NOT t.attisdropped
	    UNION ALL
		SELECT 'function ' || fn.sig, coalesce(fn.proacl,
		    acldefault('f', fn.proowner)) FROM fn
	    UNION ALL
		SELECT 'type ' || t.typname, coalesce(t.typacl,
		    acldefault('T', t.typowner))
		FROM pg_catalog.pg_type t WHERE t.typtype = 'e'
		AND t.typnamespace = 'mast'::regnamespace
	) o, aclexplode(o.acl) a
	WHERE a.privilege_type <> 'MAINTAIN'	-- the owner's, since 17
	GROUP BY o.name, a.grantee
)
SELECT btrim(regexp_replace(text, '[\s()]+', ' ', 'g')) AS text
FROM line ORDER BY sort, btrim(regexp_replace(text, '[\s()]+', ' ', 'g'))
    COLLATE "C"
