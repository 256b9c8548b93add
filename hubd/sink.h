/*
 * sink: everything of the nodes' side that goes to PostgreSQL. Nothing ever
 * waits for it: rows queue here, go in batches, and stay while the database
 * is away. Events and final command states are kept up to the configured
 * bound and counted beyond it; last seen and health are only ever the
 * newest.
 */
#ifndef MAST_SINK_H
#define MAST_SINK_H

#include <stdbool.h>
#include <stddef.h>

#include "frame.h"
#include "id.h"
#include "mono.h"

struct hubd;
struct node;
struct node_info;
struct note;
struct sink;

struct sink *sink_new(struct hubd *);
void sink_free(struct sink *);

/* An event of a node: stored within 100 ms, or counted as dropped; a
 * numbered one that is not taken is asked for again. */
void sink_event(struct sink *, struct node *, const struct frame_event *);
/* A node attaches: whether and how it numbers its events (numbered.h). */
void sink_attach(struct sink *, struct node *, const struct node_info *);
/* The hub's own words; consumed. */
void sink_note(struct sink *, struct note *);
/* The session of the node is over. */
void sink_end(struct sink *, const struct node *, wall_us seen,
    const char *why);

struct sink_final {		/* how a command ended */
	struct id	 command;
	const char	*state;	/* "acked", "failed", "unknown" */
	struct slice	 error, code;	/* raw JSON string contents */
	struct slice	 steps;	/* JSON or empty */
	bool		 stale;	/* it may have changed the config */
};
void sink_final(struct sink *, const struct sink_final *);

/* A frame came: last seen is due, or has_news (health, version). */
void sink_seen(struct sink *, struct node *, bool has_news);
/* The node record goes. */
void sink_forget(struct sink *, struct node *);

void sink_kick(struct sink *);		/* the database is back */
void sink_restart(struct sink *);	/* under a new hub row */
/* All events received before this wall time are stored. */
wall_us sink_flushed(const struct sink *);
size_t sink_waiting(const struct sink *);	/* events */
size_t sink_rows(const struct sink *);		/* all that must not be lost */

#endif
