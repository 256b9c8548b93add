/*
 * dbschema: the numbers of the database schemas (sql/, mast.migrations) that
 * the daemons of this source work with. A program refuses an older one, and a
 * newer one if mast.schema_serves() says that it must know that: programs of
 * before an upgrade go on through migrations that only add.
 */
#ifndef MAST_DBSCHEMA_H
#define MAST_DBSCHEMA_H

#define SCHEMA_MIN	24
#define SCHEMA_MAX	24

#endif
