/* stmt_system: settings and certificates of the installation. */
#include "db.h"
#include "stmt.h"
#include "stmt_sql.h"

/* A pair as the audit shows it; the files are NULL. */
#define CERT(row) "jsonb_build_object('id', " row ".id, 'subject', " row \
    ".subject, 'fingerprint', " row ".fingerprint, 'not_after', " row \
    ".not_after)"

const struct db_stmt stmt_system[DB_ROW(STMT_SYSTEM__END)] = {
	[DB_ROW(STMT_SETTINGS_GET)] = { "settings_get",
	    "SELECT json_object_agg(s.key, s.value ORDER BY s.key),"
	    " sum(s.version)::bigint FROM mast.settings s",
	    0, DB_READ | DB_ACTOR },
	/* keys, values, version or NULL, address, request. The rows are locked
	 * before the version is looked at: of two changes that name the same
	 * version the second is refused. */
	[DB_ROW(STMT_SETTINGS_PUT)] = { "settings_put",
	    "WITH o AS MATERIALIZED (SELECT s.key, s.value, s.version"
	    " FROM mast.settings s FOR UPDATE),"
	    " v AS (SELECT sum(o.version)::bigint AS n FROM o),"
	    " g AS (SELECT v.n FROM v"
	    " WHERE $3::bigint IS NULL OR v.n = $3::bigint),"
	    " c AS (SELECT u.key, u.value, o.value AS before FROM g,"
	    " unnest($1::text[], $2::bigint[]) AS u (key, value)"
	    " JOIN o ON o.key = u.key WHERE o.value <> u.value),"
	    " n AS (UPDATE mast.settings x SET value = c.value,"
	    " updated_at = now(), updated_by = mast.actor() FROM c"
	    " WHERE x.key = c.key RETURNING x.key),"
	    " a AS (" AUDIT("settings.update", "settings", "NULL",
	    "(SELECT jsonb_build_object('before',"
	    " coalesce(jsonb_object_agg(c.key, c.before), '{}'), 'after',"
	    " coalesce(jsonb_object_agg(c.key, c.value), '{}')) FROM c)",
	    "4", "5", "g") ")"
	    " SELECT g.n + (SELECT count(*) FROM n) FROM g", 5, DB_ACTOR },

	[DB_ROW(STMT_CERT_USE)] = { "cert_use",
	    "SELECT u.current, c.chain_pem, c.key_sealed, u.kept"
	    " FROM mast.certificate_use u LEFT JOIN mast.certificates c"
	    " ON c.id = u.current", 0, DB_READ },
	[DB_ROW(STMT_CERT_EXPIRY)] = { "cert_expiry",
	    "SELECT mast.certificate_expiry($1, $2, $3::timestamptz,"
	    " $4::uuid, $5)", 5, 0 },
	/* id, chain, sealed key, end, fingerprint, subject, address, request.
	 * The pair before the previous one goes. */
	[DB_ROW(STMT_CERT_UPLOAD)] = { "cert_upload",
	    "WITH o AS MATERIALIZED (SELECT u.current, u.previous"
	    " FROM mast.certificate_use u FOR UPDATE),"
	    " c AS (INSERT INTO mast.certificates (id, door, chain_pem,"
	    " key_sealed, not_after, fingerprint, subject, created_by)"
	    " SELECT $1::uuid, 'both', $2, $3::bytea, $4::timestamptz, $5, $6,"
	    " mast.actor() FROM o RETURNING id, fingerprint, subject,"
	    " not_after),"
	    " n AS (UPDATE mast.certificate_use u SET current = c.id,"
	    " previous = o.current, kept = true, switched_at = now(),"
	    " switched_by = mast.actor() FROM o, c RETURNING u.door),"
	    " d AS (DELETE FROM mast.certificates x USING o, n"
	    " WHERE x.id = o.previous),"
	    " a AS (" AUDIT("settings.tls_upload", "certificate", "c.id",
	    "jsonb_build_object('before', (SELECT " CERT("b") " FROM o"
	    " JOIN mast.certificates b ON b.id = o.current), 'after', "
	    CERT("c") ")", "7", "8", "c, n") ")"
	    " SELECT c.id FROM c, n", 8, DB_ACTOR },
	/* address, request. Done, whether there is a previous pair, its id
	 * or NULL for the files. */
	[DB_ROW(STMT_CERT_RESTORE)] = { "cert_restore",
	    "WITH o AS MATERIALIZED (SELECT u.current, u.previous, u.kept"
	    " FROM mast.certificate_use u FOR UPDATE),"
	    " g AS (SELECT o.current, o.previous FROM o WHERE o.kept AND NOT"
	    " EXISTS (SELECT FROM mast.certificates c WHERE c.id = o.previous"
	    " AND c.not_after <= now())),"
	    " n AS (UPDATE mast.certificate_use u SET current = g.previous,"
	    " previous = g.current, switched_at = now(),"
	    " switched_by = mast.actor() FROM g RETURNING u.current),"
	    " a AS (" AUDIT("settings.tls_restore", "certificate",
	    "g.previous", "jsonb_build_object('before', (SELECT " CERT("b")
	    " FROM mast.certificates b WHERE b.id = g.current), 'after',"
	    " (SELECT " CERT("b") " FROM mast.certificates b"
	    " WHERE b.id = g.previous))", "1", "2", "g, n") ")"
	    " SELECT EXISTS (SELECT FROM n), o.kept, o.previous FROM o",
	    2, DB_ACTOR },
	[DB_ROW(STMT_HUBS_LOST)] = { "hubs_lost",
	    "SELECT name, nodes FROM mast.hubs_lost()", 0, 0 },
};
