/*
 * sub: what a browser says on the live socket, read and judged. Pure: bytes
 * in, struct out. The protocol is in mastkeeper-protocol(7).
 */
#ifndef APID_SUB_H
#define APID_SUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "id.h"

enum sub_topic {
	SUB_STATUS = 1, SUB_STATS = 2, SUB_HEALTH = 4, SUB_EVENTS = 8,
	SUB_ALARMS = 16, SUB_COMMANDS = 32,
	SUB_OF_NODES = SUB_STATUS | SUB_STATS | SUB_HEALTH,
	SUB_NEWS = SUB_EVENTS | SUB_ALARMS | SUB_COMMANDS,
};

#define SUB_IDS_MAX	1000	/* in one list */
#define SUB_EPOCH	16	/* characters */

struct sub_ids {		/* sorted, each once; unless all */
	bool		 all;
	struct id	*v;
	size_t		 n;
};
bool sub_ids_have(const struct sub_ids *, const struct id *);
/* Those of a that are in b too. */
void sub_ids_both(struct sub_ids *dst, const struct sub_ids *a,
    const struct sub_ids *b);
bool sub_ids_same(const struct sub_ids *, const struct sub_ids *);

struct sub {
	unsigned	 topics;
	struct sub_ids	 nodes;
	struct sub_ids	 full;		/* whose whole stats */
	bool		 resume, has_news;
	char		 epoch[SUB_EPOCH + 1];
	uint64_t	 seq, news;	/* of the last that was seen */
};

enum sub_what { SUB_BAD, SUB_SUBSCRIBE, SUB_UNSUBSCRIBE };

/* SUB_BAD: where (RFC 6901) and why. Else sub_free when done. */
enum sub_what sub_parse(const char *p, size_t n, struct sub *,
    struct buf *where_r, struct buf *why_r);
void sub_free(struct sub *);
/* ["status",...] */
void sub_put_topics(struct buf *, unsigned topics);

#endif
