/*
 * subs: browsers that said what they want (mastkeeper-protocol(7)). Each
 * gets a snapshot and then what changed since the last text it took: nodes
 * with every tick, news at once. What changed is computed from the numbers
 * in the picture, so there is no queue per browser: one that does not read
 * gets the newest when it does, and delays nobody. Browsers that want and
 * may see the same share one text.
 */
#ifndef APID_SUBS_H
#define APID_SUBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sub.h"

struct apid;
struct news;
struct picture;
struct subs;
struct subscriber;
struct who;
struct wsconn;

struct subs *subs_new(struct apid *, struct picture *, struct news *);
void subs_free(struct subs *);	/* every subscriber is gone before */

/* sub is taken (and emptied). The first text goes when there is a picture. */
struct subscriber *subs_add(struct subs *, struct wsconn *,
    const struct who *, struct sub *);
void subs_change(struct subscriber *, const struct who *, struct sub *);
/* The same session with other rights. */
void subs_rights(struct subscriber *, const struct who *);
void subs_drained(struct subscriber *);
void subs_drop(struct subscriber *);

/* What the hub says may be told, or may not (the hub is not there, or has
 * not told everything): then only this fact is. */
void subs_tick(struct subs *, bool hub_connected, bool tellable);
void subs_news(struct subs *);

/* What they want of others: whole stats, topics of news. */
void subs_wants(const struct subs *, struct sub_ids *full_r,
    unsigned *topics_r);

struct subs_stats {
	uint64_t subscribers, views, bytes;	/* now */
	uint64_t snapshots, deltas, news, texts, resumed, put_off;
	uint64_t sent_bytes;
};
void subs_stats(const struct subs *, struct subs_stats *);

#endif
