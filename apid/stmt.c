/*
 * stmt: the families of apid's SQL. Each is a table in a file of its own,
 * in the order of its part of enum stmt.
 */
#include "db.h"
#include "stmt.h"
#include "xmalloc.h"

#define PART(rows, end) { rows, DB_ROW(end) }

static const struct db_part parts[] = {
	[DB_PART(STMT_CORE)] = PART(stmt_core, STMT_CORE__END),
	[DB_PART(STMT_NODE)] = PART(stmt_node, STMT_NODE__END),
	[DB_PART(STMT_EVENT)] = PART(stmt_event, STMT_EVENT__END),
	[DB_PART(STMT_SYSTEM)] = PART(stmt_system, STMT_SYSTEM__END),
	[DB_PART(STMT_USER)] = PART(stmt_user, STMT_USER__END),
	[DB_PART(STMT_AUDIT)] = PART(stmt_audit, STMT_AUDIT__END),
	[DB_PART(STMT_PLACE)] = PART(stmt_place, STMT_PLACE__END),
	[DB_PART(STMT_TUNNEL)] = PART(stmt_tunnel, STMT_TUNNEL__END),
	[DB_PART(STMT_COMMAND)] = PART(stmt_command, STMT_COMMAND__END),
	[DB_PART(STMT_ALARM)] = PART(stmt_alarm, STMT_ALARM__END),
	[DB_PART(STMT_HISTORY)] = PART(stmt_history, STMT_HISTORY__END),
	[DB_PART(STMT_CONFIG)] = PART(stmt_config, STMT_CONFIG__END),
	[DB_PART(STMT_ENROL)] = PART(stmt_enrol, STMT_ENROL__END),
	[DB_PART(STMT_EXPORT)] = PART(stmt_export, STMT_EXPORT__END),
	[DB_PART(STMT_AI)] = PART(stmt_ai, STMT_AI__END),
};

const struct db_part *
stmt_parts(size_t *n_r)
{
	*n_r = nitems(parts);
	return parts;
}

unsigned
stmt_flags(unsigned stmt)
{
	return parts[DB_PART(stmt)].rows[DB_ROW(stmt)].flags;
}

static void
dump(struct buf *b, const struct db_stmt *st)
{
	buf_printf(b, "%s/%u%s%s%s: %s\n", st->name, st->nparams,
	    st->flags & DB_READ ? " read" : "",
	    st->flags & DB_ACTOR ? " actor" : "",
	    st->flags & DB_BULK ? " bulk" : "", st->sql);
}

void
stmt_dump(struct buf *b)
{
	size_t i;
	unsigned n;

	for (i = 0; i < nitems(parts); i++)
		for (n = 0; n < parts[i].n; n++)
			dump(b, &parts[i].rows[n]);
}
