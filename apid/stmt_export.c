/* stmt_export: the whole installation, out and in (sql/0010_export.sql). */
#include "db.h"
#include "stmt.h"
#include "stmt_sql.h"

const struct db_stmt stmt_export[DB_ROW(STMT_EXPORT__END)] = {
	[DB_ROW(STMT_EXPORT_OPEN)] = { "export_open",
	    "WITH c AS MATERIALIZED (SELECT mast.export_check() AS ok),"
	    " a AS (" AUDIT("export", "installation", "NULL",
	    "jsonb_build_object('events', $3::boolean, 'events_days',"
	    " $4::integer, 'audit', $5::boolean, 'secrets', $6::boolean)",
	    "1", "2", "c") ")"
	    " SELECT mast.rfc3339(now()), mast.actor() FROM c",
	    6, DB_ACTOR },

	/* In a transaction of their own (db_tx). */
	[DB_ROW(STMT_EXPORT_SECTION)] = { "export_section",
	    "SELECT mast.export_open($1, $2::integer)", 2, DB_ACTOR },
	[DB_ROW(STMT_EXPORT_FETCH)] = { "export_fetch",
	    "SELECT mast.export_fetch($1::integer)", 1, DB_ACTOR },
	[DB_ROW(STMT_IMPORT_BEGIN)] = { "import_begin",
	    "SELECT mast.import_begin()", 0, DB_ACTOR },
	[DB_ROW(STMT_IMPORT_STAGE)] = { "import_stage",
	    "SELECT mast.import_stage($1, $2::integer, $3::json)", 3,
	    DB_ACTOR },
	[DB_ROW(STMT_IMPORT_APPLY)] = { "import_apply",
	    "SELECT r, json_array_length(r->'conflicts') > 0, r->'conflicts'"
	    " FROM mast.import_apply($1, NULL, $2::inet, $3) r", 3,
	    DB_ACTOR },
};
