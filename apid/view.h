/*
 * view: what some browsers want and may see, and the texts about it. A text
 * covers the changes after one number up to another; it is made once and
 * lent to everybody who needs just that, until the next tick.
 */
#ifndef APID_VIEW_H
#define APID_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "mono.h"
#include "sub.h"

struct news;
struct picture;
struct view;
struct who;

struct view_text {
	uint64_t	 since, to;
	const char	*reason;	/* of a snapshot; NULL: a delta */
	uint64_t	 news;		/* of a snapshot or resumption */
	bool		 more;		/* it did not all fit */
	bool		 empty;		/* nothing that concerns this view */
	struct buf	 b;
};

/* What the picture is like now. */
struct view_now {
	bool		 hub_connected;
	wall_us		 wall;
};

/* sub is taken (and emptied). base goes into the epoch. */
struct view *view_new(const struct who *, struct sub *, uint64_t base);
void view_free(struct view *);
/* The same wishes with other rights; the view of those. */
struct view *view_again(const struct view *, const struct who *,
    uint64_t base);
bool view_same(const struct view *, const struct view *);
const char *view_epoch(const struct view *);
unsigned view_topics(const struct view *);
const struct sub_ids *view_full(const struct view *);
/* The picture moved on: texts that were lent are forgotten. */
void view_tick(struct view *);
size_t view_bytes(const struct view *);

/* Changes of nodes after since; with a reason, everything (since is 0). The
 * text is good until the next call for this view. */
const struct view_text *view_nodes(struct view *, struct picture *,
    const struct view_now *, uint64_t since, const char *reason,
    uint64_t news);
/* News after since. */
const struct view_text *view_news(struct view *, const struct news *,
    uint64_t since);

#endif
