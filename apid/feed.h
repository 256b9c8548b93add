/*
 * feed: apid's live picture of the connected nodes, and the browsers that
 * watch it. hubd pushes changes; every broadcast interval in which something
 * changed (and every 5 s) each browser gets the whole state of the nodes it
 * may see, as the text "dashboard_update". Browsers with equal access share
 * one text. A browser that has not taken the last text gets the newest when
 * it is ready, nothing in between, and holds up nobody.
 *
 * A browser that says what it wants gets that instead: see subs.h.
 */
#ifndef APID_FEED_H
#define APID_FEED_H

#include <stddef.h>
#include <stdint.h>

#include "msg.h"
#include "news.h"
#include "subs.h"

struct apid;
struct feed;
struct req;

struct feed *feed_new(struct apid *);
void feed_free(struct feed *);
size_t feed_browsers(const struct feed *);
/* No room for one more: memory is over the ceiling. */
bool feed_full(const struct feed *);

/* A GET of a route with ROUTE_UPGRADE: the browser joins; req is gone. */
void feed_join(struct feed *, struct req *);

/* From the hub's channel. What is newer wins: by epoch, then by seq. */
void feed_hub_up(struct feed *);
void feed_hub_down(struct feed *);
void feed_node_state(struct feed *, const struct msg_node_state *);
void feed_node_gone(struct feed *, const struct msg_node_gone *);
void feed_settings(struct feed *);	/* the interval may have moved */
void feed_synced(struct feed *);	/* the hub has told all it knows */
void feed_tick(struct feed *);		/* all of its last second */
/* Rows were stored, or commands moved: by the hub, or here. */
void feed_events(struct feed *, uint32_t count);
void feed_bell(struct feed *);

struct feed_stats {
	uint64_t nodes, browsers, groups, bytes;	/* now */
	uint64_t updates, texts, sent, sent_bytes;
	uint64_t replaced;	/* a slow browser skipped a text */
	uint64_t stale;		/* states older than what was known */
	uint64_t refused;	/* over the caps below */
	uint64_t events;	/* stored, as the hub told */
	uint64_t bad;		/* messages of browsers that were refused */
	uint64_t shed;		/* browsers closed for want of memory */
	struct subs_stats subs;
	struct news_stats news;
};
void feed_stats(const struct feed *, struct feed_stats *);

/* One hub holds far fewer; a hub that goes mad does not take us along. */
#define FEED_NODES_MAX	100000
#define FEED_BYTES_MAX	((size_t)1 << 30)

#endif
