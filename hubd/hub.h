/*
 * hub: this process's row in mast.hubs: registered at start, earlier starts
 * of the same name taken over, its heartbeat, and the polls that follow the
 * database (settings, nodes that people edited, commands past their time,
 * partitions).
 */
#ifndef MAST_HUB_H
#define MAST_HUB_H

#include <stdbool.h>

struct hub;
struct db_result;
struct hubd;
struct node;

struct hub *hub_new(struct hubd *);
void hub_free(struct hub *);
/* The row exists: sessions and events may refer to it. */
bool hub_ready(const struct hub *);
/* The database came or went. */
void hub_database(struct hub *, bool up);
/* The row vanished (a restored database): a new one. */
void hub_register(struct hub *);
/* A statement that makes sessions may have taken effect unseen: compare the
 * database's list with ours in a while. */
void hub_reconcile(struct hub *);
/* Orderly end: sessions closed in the database, stopped_at set. done is
 * called in any case, also when the database is away. */
void hub_retire(struct hub *, void (*done)(void *), void *arg);

/* A row of STMT_NODE or STMT_NODES_CHANGED for a live node. */
void hub_node_row(struct node *, const struct db_result *, int row);

#endif
