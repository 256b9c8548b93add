/*
 * pg: connections of mastctl to PostgreSQL. As root it becomes the account
 * of the role for the moment of connecting, so that peer authentication is
 * enough; otherwise the ident map must allow the role.
 */
#ifndef MAST_CTL_PG_H
#define MAST_CTL_PG_H

#include "buf.h"
#include "ctl.h"

struct db_sync;

/* As the role that owns everything. NULL with a sentence. */
struct db_sync *pg_open(struct ctl *, struct buf *err_r);
/* The same, saying why not; the exit code is then CTL_UNAVAILABLE. */
struct db_sync *pg_begin(struct ctl *);
/* As a superuser, to database dbname. conninfo NULL: suite.database with
 * the postgres account, which only root can become. */
struct db_sync *pg_open_super(struct ctl *, const char *conninfo,
    const char *dbname, struct buf *err_r);
/* The dbname of a "key = value" conninfo; -1 when it has none. */
int pg_dbname(const char *conninfo, struct buf *name_r);

#endif
