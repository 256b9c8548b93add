/*
 * dbschema: the numbers of the database schemas (sql/, mast.migrations) that
 * the daemons of this source work with. A program refuses any other.
 */
#ifndef MAST_DBSCHEMA_H
#define MAST_DBSCHEMA_H

#define SCHEMA_MIN	21
#define SCHEMA_MAX	21

#endif
