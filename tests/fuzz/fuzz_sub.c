/*
 * sub: any bytes of a browser. What is refused says why, and holds nothing;
 * what is taken is within its bounds, sorted, without repeats, and its topics
 * written out are read back as the same.
 */
#include <string.h>

#include "../../apid/sub.h"
#include "fuzz.h"
#include "jscan.h"

static void
check_ids(const struct sub_ids *l)
{
	size_t i;

	HOLDS(l->n <= SUB_IDS_MAX);
	HOLDS(!l->all || l->n == 0);
	for (i = 0; i < l->n; i++) {
		HOLDS(i == 0 || memcmp(&l->v[i - 1], &l->v[i],
		    sizeof(*l->v)) < 0);
		HOLDS(sub_ids_have(l, &l->v[i]));
	}
}

/* Both lists at once are in each of them, whichever comes first. */
static void
check_both(const struct sub *sub)
{
	struct sub there = { .topics = 0 }, back = there;
	size_t i;

	sub_ids_both(&there.nodes, &sub->nodes, &sub->full);
	sub_ids_both(&back.nodes, &sub->full, &sub->nodes);
	HOLDS(sub_ids_same(&there.nodes, &back.nodes));
	check_ids(&there.nodes);
	for (i = 0; i < there.nodes.n; i++)
		HOLDS(sub_ids_have(&sub->nodes, &there.nodes.v[i]) &&
		    sub_ids_have(&sub->full, &there.nodes.v[i]));
	sub_free(&there);
	sub_free(&back);
}

static void
check_topics(unsigned topics)
{
	struct buf text = BUF_INIT, where = BUF_INIT, why = BUF_INIT;
	struct sub again;

	buf_puts(&text, "{\"type\":\"subscribe\",\"topics\":");
	sub_put_topics(&text, topics);
	buf_putc(&text, '}');
	HOLDS(sub_parse((const char *)buf_head(&text), buf_used(&text),
	    &again, &where, &why) == SUB_SUBSCRIBE);
	HOLDS(again.topics == topics && again.nodes.all && !again.resume);
	sub_free(&again);
	buf_free(&text);
	buf_free(&where);
	buf_free(&why);
}

static void
check_taken(const struct sub *sub)
{
	const uint64_t top = (uint64_t)1 << 53;

	HOLDS(sub->topics != 0);
	HOLDS((sub->topics & ~(unsigned)(SUB_OF_NODES | SUB_NEWS)) == 0);
	check_ids(&sub->nodes);
	check_ids(&sub->full);
	HOLDS((sub->topics & SUB_STATS) != 0 ||
	    (!sub->full.all && sub->full.n == 0));
	HOLDS(sub->seq <= top && sub->news <= top);
	HOLDS(!sub->resume || strlen(sub->epoch) <= SUB_EPOCH);
	HOLDS(sub->resume || (sub->seq == 0 && !sub->has_news));
	check_both(sub);
	check_topics(sub->topics);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf where = BUF_INIT, why = BUF_INIT;
	struct sub sub;

	switch (sub_parse((const char *)data, size, &sub, &where, &why)) {
	case SUB_BAD:
		HOLDS(buf_used(&why) > 0);
		HOLDS(buf_used(&where) == 0 || *buf_head(&where) == '/');
		HOLDS(sub.nodes.v == NULL && sub.full.v == NULL);
		break;
	case SUB_SUBSCRIBE:
		HOLDS(jscan_valid((const char *)data, size, NULL));
		check_taken(&sub);
		sub_free(&sub);
		break;
	case SUB_UNSUBSCRIBE:
		HOLDS(sub.topics == 0 && sub.nodes.v == NULL);
		sub_free(&sub);
		break;
	}
	buf_free(&where);
	buf_free(&why);
	return 0;
}
