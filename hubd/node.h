/*
 * node: the nodes that are connected to this hub, by id. One record per
 * live session; it owns the node's latest stats and health text and what
 * the sink, the commands and the publisher keep of it. The newest
 * connection of a node wins.
 */
#ifndef MAST_NODE_H
#define MAST_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "driver.h"
#include "id.h"
#include "mono.h"
#include "rate.h"
#include "timer.h"

struct hubd;
struct again;
struct conn;
struct cmd;
struct cache_entry;
struct history_seen;
struct thumb;

TAILQ_HEAD(node_cmds, cmd);

/* What each frame and each publication look at stands first, together: of
 * thousands of nodes none is in a cache when its turn comes. */
struct node {
	const struct driver	*driver; /* NULL: unknown device type */
	struct hubd		*hub;
	uint64_t		 change; /* grows with every change */
	TAILQ_ENTRY(node)	 order;	/* by last change, oldest first */
	char			*stats;	/* payload of the last stats */
	uint32_t		 stats_len, stats_cap;

	uint32_t		 flows_off, flows_len;	/* inside stats */
	bool			 has_stats, in_seen, in_drop, in_ring;
	bool			 health_new, version_new, version_told;
	mono_us			 seen;		/* its connection heard it */
	mono_us			 told_at;	/* last put on the sink's list */
	struct {		/* see observe.h; of this session */
		mono_us		 at, told;
		uint64_t	 sum;
		bool		 begun;
	} observed;

	uint64_t		 metrics[DRIVER_METRICS];
	struct conn		*conn;	/* never NULL while in the table */
	struct id		 id;
	struct node		*hnext;
	char			*words;	/* owns the next four */
	const char		*name, *type, *version;
	const char		*remote; /* address text */
	uint64_t		 epoch;
	wall_us			 connected, expires;	/* 0: never */
	int32_t			 protocol;
	uint32_t		 health_len;
	char			*health;
	uint64_t		 health_at;	/* change that brought it */

	TAILQ_ENTRY(node)	 seen_link;	/* the sink's list */
	TAILQ_ENTRY(node)	 drop;	/* events were dropped */
	TAILQ_ENTRY(node)	 ack;	/* an event_ack is due */
	TAILQ_ENTRY(node)	 putoff; /* it shall send events again */
	TAILQ_ENTRY(node)	 ring;	/* its queue is to be looked at */
	struct timer		 expiry;
	mono_us			 drop_at;
	uint64_t		 dropped;
	struct rate		 events;

	/* Of a node that numbers its events: what is stored, what may come
	 * next, and that something was not taken. */
	bool			 numbers, in_ack, resend;
	struct id		 boot;
	int64_t			 event_acked, event_next;

	mono_us			 rival_at, rival_told;
	uint8_t			 rivals;

	SLIST_HEAD(, history_seen) history;	/* see history.h */
	unsigned		 nhistory;

	LIST_HEAD(, thumb)	 thumbs;	/* see thumb.h */
	unsigned		 nthumbs;

	struct node_cmds	 cmds;
	bool			 remembers;	/* commands, see frame.h */
	struct again		*again;		/* asks for them */
	uint32_t		 turn;		/* grows with what mutates it */
	unsigned		 ncmds;		/* in flight */
	unsigned		 nlate;		/* their wait is over */
	struct cmd		*queue_cmd;	/* of its queue, in flight */
	struct cache_entry	*config;
};

TAILQ_HEAD(node_order, node);

/* What the database says of a node that just authenticated. */
struct node_info {
	struct id	 id;
	uint64_t	 epoch;
	struct slice	 name, type, version;
	wall_us		 expires;
	int32_t		 protocol;
	bool		 remembers;	/* commands */
	bool		 numbers;	/* its events, under boot ... */
	struct id	 boot;
	int64_t		 event_ack;	/* ... and stored up to this */
};

struct nodes *nodes_new(struct hubd *);
void nodes_free(struct nodes *);
size_t nodes_count(const struct nodes *);
struct node *node_find(struct nodes *, const struct id *);
/* All nodes, ordered by their last change. */
struct node_order *nodes_order(struct nodes *);
/* What changes from here on is newer than everything published so far. */
void nodes_seal(struct nodes *);
uint64_t nodes_last(const struct nodes *);

/* The connection becomes the node's; an older one is closed. */
struct node *node_attach(struct hubd *, struct conn *,
    const struct node_info *);
/* The session ended: only when conn is still the node's. Frees it. */
void node_detach(struct hubd *, struct conn *, const char *why);
/* Closes the live connection with a reason. */
void node_close(struct node *, int code, const char *why);
/* Its epoch is no longer the node's: another hub has it, or it is deleted. */
void node_fenced(struct node *);
struct node_row {		/* what people edit of a node */
	struct slice	 name, type;
	wall_us		 expires;	/* 0: never */
	bool		 quarantined;
};
/* The database row changed. A node in quarantine is closed. */
void node_update(struct node *, const struct node_row *);

void node_touch(struct node *);		/* changed: will be published */
/* Keeps the payload text. What the summary's slices point into is text. */
void node_stats(struct node *, struct slice text,
    const struct driver_summary *);
void node_health(struct node *, struct slice text, struct slice version);

#endif
