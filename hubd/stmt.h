/* stmt: every SQL text of hubd is a row of a table; one a family, where a
 * number is family and row (db.h). */
#ifndef MAST_STMT_H
#define MAST_STMT_H

#include <stddef.h>

struct buf;
struct db_part;

enum stmt {
	STMT_HUB_START,
	STMT_HUB_BEAT,
	STMT_HUB_STOP,
	STMT_VERSIONS,
	STMT_SETTINGS,
	STMT_NODES_CHANGED,
	STMT_NODE,
	STMT_ENROLL,
	STMT_SEEN,
	STMT_EVENTS,
	STMT_ENDS,
	STMT_FINALS,
	STMT_CLAIM,
	STMT_SESSIONS,
	STMT_SWEEP,
	STMT_CONFIG_STORE,
	STMT_PARTITIONS,
	STMT_RETENTION,
	STMT_SEALS,
	STMT_SEAL_NEXT,
	STMT_SEAL_ADD,
	STMT_CERT_USE,
	STMT_CERT_EXPIRY,
	STMT_PUSH_BACK,
	STMT_PUSH_CLAIM,
	STMT_PUSH_RESULTS,
	STMT__MAX,

	/* stmt_queue.c */
	STMT_QUEUE_CLAIM = 1 << 8,
	STMT_QUEUE_DUE,
	STMT_QUEUE_BACK,
	STMT_AGAIN,
	STMT_QUEUE__END,

	/* stmt_record.c */
	STMT_ALARMS = 2 << 8,
	STMT_ALARM_SWEEP,
	STMT_SAMPLES,
	STMT_ROLLUP,
	STMT_DRIFT_DUE,
	STMT_DRIFT_TOLD,
	STMT_RECORD__END,
};

const struct db_part *stmt_parts(size_t *n_r);
/* name TAB parameters TAB text, one statement a line. */
void stmt_dump(struct buf *);

#endif
