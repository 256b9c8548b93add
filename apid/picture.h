/*
 * picture: the table of connected nodes behind the feed, and how one of them
 * is written. Every change has a number; the nodes lie in the order of their
 * last change, and who left is remembered for a while, so that what changed
 * since any number can be told. Bounded in nodes and bytes. No socket, no
 * clock.
 */
#ifndef APID_PICTURE_H
#define APID_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "buf.h"
#include "driver.h"
#include "mono.h"
#include "msg.h"

struct picture;

struct picture_node {
	struct id		 id;
	struct picture_node	*next;		/* in its bucket */
	TAILQ_ENTRY(picture_node) order;	/* by change */
	size_t			 at;		/* its place in the order */
	uint64_t		 epoch, seq;
	uint64_t		 round;		/* last snapshot that named it */
	uint64_t		 change;	/* picture's count at its change */
	/* The same of its parts: who it is, its numbers, its texts. */
	uint64_t		 status_at, numbers_at, stats_at, health_at;
	int64_t			 connected_us, seen_us;
	const struct driver	*driver;	/* NULL: no such type */
	uint64_t		 metrics[MSG_METRICS];
	struct slice		 items[2];	/* in stats */
	bool			 has_stats;	/* it ever sent some */
	char			*ident;		/* what the next three are of */
	size_t			 nident;
	char			*status;	/* members for deltas */
	size_t			 nstatus;
	char			*numbers;	/* the same; NULL: to be made */
	size_t			 nnumbers;
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
/* The one that changed longest ago, but after since; and the next. */
struct picture_node *picture_after(const struct picture *, uint64_t since);
struct picture_node *picture_next(const struct picture_node *);
struct picture_node *picture_find(const struct picture *, const struct id *);

enum picture_did picture_put(struct picture *,
    const struct msg_node_state *, bool keep_stats);
/* Only if the session is the one that is shown. */
bool picture_remove(struct picture *, const struct msg_node_gone *);
/* A new snapshot begins; end drops whom it did not name. */
void picture_begin(struct picture *);
size_t picture_end(struct picture *);
/* Forgets the stats of whom keep does not want. NULL: of everybody. */
void picture_drop_stats(struct picture *, bool (*keep)(void *arg,
    const struct id *), void *arg);
void picture_clear(struct picture *);

/* One element of "nodes" of the contract's dashboard_update. */
void picture_write(const struct picture_node *, wall_us now, struct buf *);

/* Members of a delta, made once and shared by all who get them. */
struct slice picture_status(const struct picture_node *);
struct slice picture_numbers(struct picture_node *);

/* Nodes that left: the place of the first one after since, and who is at a
 * place; NULL: nobody up to to. They are remembered back to the floor: a
 * since below it cannot be answered. */
#define PICTURE_GONE	16384
uint64_t picture_floor(const struct picture *);
uint64_t picture_gone(const struct picture *, uint64_t since);
const struct id *picture_gone_at(const struct picture *, uint64_t place,
    uint64_t to);

#endif
