/* stmt: every SQL text of mastctl. */
#ifndef MAST_CTL_STMT_H
#define MAST_CTL_STMT_H

#include <stddef.h>

#include "buf.h"
#include "db.h"

enum stmt {
	STMT_HAS_MIGRATIONS, STMT_MIGRATIONS, STMT_MIGRATION_DONE,
	STMT_SHA256, STMT_LOCK, STMT_UNLOCK,
	STMT_ROLE_EXISTS, STMT_DB_EXISTS, STMT_ROLES, STMT_SERVER,
	STMT_SIZES, STMT_SIGN_IN, STMT_PARTITIONS,
	STMT_USER_FIRST, STMT_USER_ADD, STMT_USER_PASSWD, STMT_USER_LIST,
	STMT_USER_FIND, STMT_USER_ACTIVE, STMT_USER_SESSIONS,
	STMT_USER_SESSIONS_END, STMT_TOKEN_LIST, STMT_TOKEN_REVOKE,
	STMT_AIKEY_LIST, STMT_AIKEY_DELETE,
	STMT_NODE_FIND, STMT_NODE_ADD, STMT_NODE_TOKEN, STMT_NODE_DELETE,
	STMT_NODE_LIST, STMT_NODE_SHOW, STMT_NODE_WATCH,
	STMT_EVENT_TAIL, STMT_EVENT_SINCE,
	STMT_CERT_USE, STMT_CERT_INSTALL, STMT_CERT_RESTORE,
	STMT_AUDIT_SEALS, STMT_AUDIT_ROWS, STMT_AUDIT_WAITING,
	STMT_AUDIT_COUNTS, STMT_AUDIT_LOST, STMT_AUDIT_NEXT, STMT_AUDIT_ADD,
	STMT_AUDIT_STALE, STMT_AUDIT_TAIL, STMT_AUDIT_SINCE, STMT_AUDIT_EXPORTED,
	STMT_EXPORT_NOTE, STMT_EXPORT_SECTION, STMT_EXPORT_FETCH,
	STMT_IMPORT_BEGIN, STMT_IMPORT_STAGE, STMT_IMPORT_APPLY,
	STMT__MAX
};

const struct db_stmt *stmt_get(enum stmt);
size_t stmt_count(void);

/* Scripts, for db_sync_script. */
extern const char stmt_begin[], stmt_commit[], stmt_rollback[];
extern const char stmt_snapshot[];	/* one state for many reads */
extern const char stmt_bootstrap[];	/* schema and table of migrations */
void stmt_create_role(struct buf *, const char *role);
void stmt_create_database(struct buf *, const char *name,
    const char *owner);

#endif
