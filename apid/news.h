/*
 * news: what was just written to the database and browsers want to know of:
 * events, alarms, states of commands. One read for all browsers, after a
 * bell and else once a second, and only while somebody wants it. The last
 * ones are kept, with a number each, for those who were slow or away.
 */
#ifndef APID_NEWS_H
#define APID_NEWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "id.h"
#include "sub.h"

struct apid;
struct news;

struct news_item {
	unsigned	 topic;		/* of enum sub_topic */
	bool		 hole;		/* some of it were left out here */
	struct id	 node;		/* of a hub's own event: the hub */
	char		*text;		/* as REST shows it */
	size_t		 n;
};

/* fresh: there are new ones. */
struct news *news_new(struct apid *, void (*fresh)(void *), void *arg);
void news_free(struct news *);
/* Somebody wants them. When nobody does the reading goes on for a minute. */
void news_want(struct news *, bool);
/* Something was written, here or by a hub. */
void news_bell(struct news *);

/* The number of the last one, and of the last that is forgotten. */
uint64_t news_last(const struct news *);
uint64_t news_floor(const struct news *);
/* That of a number between the two. */
const struct news_item *news_at(const struct news *, uint64_t number);

struct news_stats {
	uint64_t reads, items, skipped, failed;
	size_t bytes;			/* now */
};
void news_stats(const struct news *, struct news_stats *);

#endif
