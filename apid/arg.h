/*
 * arg: what a request knows, as parameters of its statements. Memory is the
 * request's arena.
 */
#ifndef APID_ARG_H
#define APID_ARG_H

#include <stdbool.h>
#include <stdint.h>

#include "db.h"
#include "id.h"

struct req;

struct db_arg arg_id(struct req *, const struct id *);
struct db_arg arg_param(struct req *, size_t i);	/* the ith ":x" */
/* The node of the path: its first ":x". */
struct db_arg arg_node(struct req *);
/* The caller's nodes as uuid[], NULL for all. */
struct db_arg arg_access(struct req *);
/* The client's address as inet; NULL for one that PostgreSQL has no form
 * of (a socket of this host, an address with a zone). */
struct db_arg arg_address(const struct req *);
struct db_arg arg_bool(bool);
/* A LIKE pattern that finds the text anywhere; NULL gives SQL NULL. */
struct db_arg arg_like(struct req *, const char *text);
struct db_arg arg_i64(struct req *, int64_t);
/* Of all metrics of nodes (watch.h) the names, or the units, as text[]. */
struct db_arg arg_watch(struct req *, const char *(*of)(unsigned));
/* RFC 3339 text of microseconds since 1970. */
struct db_arg arg_time(struct req *, wall_us);
/* The version that If-Match names, NULL without it. False: answered, it is
 * stale for certain. */
bool arg_if_match(struct req *, struct db_arg *arg_r);

#endif
