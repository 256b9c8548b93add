/* stmt_record: what the hub makes of what nodes say: alarms, history. */
#include "db.h"
#include "stmt.h"
#include "stmt_part.h"

const struct db_stmt stmt_record[DB_ROW(STMT_RECORD__END)] = {
	[DB_ROW(STMT_ALARMS)] = { "alarms",
	    "SELECT mast.alarms_apply($1::uuid[], $2::text[], $3::text[],"
	    " $4::text[], $5::text[], $6::text[], $7::bigint[],"
	    " $8::boolean[], $9::bigint[], $10::bigint[], $11::uuid[])", 11,
	    0 },
	[DB_ROW(STMT_ALARM_SWEEP)] = { "alarm_sweep",
	    "SELECT mast.alarms_sweep()", 0, 0 },
};
