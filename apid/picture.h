/*
 * picture: the table of connected nodes behind the feed, and how one of them
 * is written. Bounded in nodes and bytes. No socket, no clock.
 */
#ifndef APID_PICTURE_H
#define APID_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "driver.h"
#include "mono.h"
#include "msg.h"

struct picture;

struct picture_node {
	struct id		 id;
	struct picture_node	*next;		/* in its bucket */
	size_t			 at;		/* its place in the order */
	uint64_t		 epoch, seq;
	uint64_t		 round;		/* last snapshot that named it */
	uint64_t		 change;	/* picture's count at its change */
	int64_t			 connected_us, seen_us;
	const struct driver	*driver;	/* NULL: no such type */
	uint64_t		 metrics[MSG_METRICS];
	struct slice		 items[2];	/* in stats */
	char			*head;		/* up to "stats": */
	char			*tail;		/* from ,"software_version" */
	char			*stats, *health;	/* NULL: null */
	size_t			 nstats, nhealth;
};

/* What became of a message. */
enum picture_did { PICTURE_CHANGED, PICTURE_OLD, PICTURE_FULL };

struct picture *picture_new(size_t max_nodes, size_t max_bytes);
void picture_free(struct picture *);
size_t picture_count(const struct picture *);
size_t picture_bytes(const struct picture *);
/* Grows with every change. */
uint64_t picture_change(const struct picture *);
struct picture_node *picture_at(const struct picture *, size_t i);
struct picture_node *picture_find(const struct picture *, const struct id *);

enum picture_did picture_put(struct picture *,
    const struct msg_node_state *, bool keep_stats);
/* Only if the session is the one that is shown. */
bool picture_remove(struct picture *, const struct msg_node_gone *);
/* A new snapshot begins; end drops whom it did not name. */
void picture_begin(struct picture *);
size_t picture_end(struct picture *);
void picture_drop_stats(struct picture *);
void picture_clear(struct picture *);

/* One element of "nodes" of the contract's dashboard_update. */
void picture_write(const struct picture_node *, wall_us now, struct buf *);

#endif
