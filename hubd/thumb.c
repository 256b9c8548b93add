/* thumb: see thumb.h. Owns the pictures and their order by age. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "ipc.h"
#include "jscan.h"
#include "json.h"
#include "xmalloc.h"

#include "conn.h"
#include "hubd.h"
#include "node.h"
#include "thumb.h"

#define NODE_MAX	64		/* pictures of one node */
#define ALL_MAX		((size_t)64 << 20)	/* bytes */

struct thumb {
	TAILQ_ENTRY(thumb)	 link;	/* oldest first */
	LIST_ENTRY(thumb)	 of;	/* its node's */
	struct node		*node;
	char			 flow[MSG_THUMB_ID + 1];
	char			 input[MSG_THUMB_ID + 1];
	mono_us			 at;
	size_t			 n;
	uint8_t			*data;
};

struct thumbs {
	struct hubd		*hub;
	TAILQ_HEAD(, thumb)	 order;
	size_t			 bytes;
};

struct thumbs *
thumbs_new(struct hubd *h)
{
	struct thumbs *t = xcalloc(1, sizeof(*t));

	t->hub = h;
	TAILQ_INIT(&t->order);
	return t;
}

static void
thumb_free(struct thumbs *t, struct thumb *p)
{
	TAILQ_REMOVE(&t->order, p, link);
	LIST_REMOVE(p, of);
	p->node->nthumbs--;
	t->bytes -= p->n;
	free(p->data);
	free(p);
}

void
thumbs_free(struct thumbs *t)
{
	struct thumb *p;

	if (t == NULL)
		return;
	while ((p = TAILQ_FIRST(&t->order)) != NULL)
		thumb_free(t, p);
	free(t);
}

void
thumb_node_gone(struct thumbs *t, struct node *n)
{
	struct thumb *p;

	while ((p = LIST_FIRST(&n->thumbs)) != NULL)
		thumb_free(t, p);
}

/* A member that is a text, empty when it is none. False: too long. */
static bool
text_of(struct slice object, const char *key, char dst[MSG_THUMB_ID + 1])
{
	struct slice raw;
	long n = 0;

	if (json_member(object.p, object.n, key, &raw) && raw.p[0] == '"') {
		raw = (struct slice){ raw.p + 1, raw.n - 2 };
		n = raw.n > MSG_THUMB_ID ? -1 :
		    jscan_unescape(dst, MSG_THUMB_ID, raw);
	}
	dst[n > 0 ? n : 0] = '\0';
	return n >= 0;
}

/* Edges call it data, gateways image_base64. NULL: no JPEG, or too large. */
static uint8_t *
picture_of(struct slice payload, size_t *n_r)
{
	struct slice raw;
	uint8_t *data;
	int n;

	if ((!json_member(payload.p, payload.n, "data", &raw) &&
	    !json_member(payload.p, payload.n, "image_base64", &raw)) ||
	    raw.p[0] != '"' || raw.n < 8 || raw.n > MSG_THUMB_MAX / 3 * 4)
		return NULL;
	raw = (struct slice){ raw.p + 1, raw.n - 2 };
	data = xmalloc(raw.n / 4 * 3 + 3);
	n = str_unbase64(data, raw.n / 4 * 3 + 3, raw);
	if (n < 4 || memcmp(data, "\xff\xd8\xff", 3) != 0) {
		free(data);
		return NULL;
	}
	*n_r = (size_t)n;
	return data;
}

static struct thumb *
find(const struct node *n, struct slice flow, struct slice input)
{
	struct thumb *p;

	LIST_FOREACH(p, &n->thumbs, of)
		if (slice_eq(flow, p->flow) && slice_eq(input, p->input))
			return p;
	return NULL;
}

/* The node's oldest stands last in its list. */
static void
make_room(struct thumbs *t, struct node *n)
{
	struct thumb *p, *last = NULL;

	if (n->nthumbs >= NODE_MAX) {
		LIST_FOREACH(p, &n->thumbs, of)
			last = p;
		if (last != NULL)
			thumb_free(t, last);
	}
}

void
thumb_keep(struct thumbs *t, struct node *n, struct slice payload)
{
	char flow[MSG_THUMB_ID + 1], input[MSG_THUMB_ID + 1];
	struct thumb *p;
	uint8_t *data;
	size_t size;

	if (payload.n == 0 || payload.p[0] != '{' ||
	    !text_of(payload, "flow_id", flow) || flow[0] == '\0' ||
	    !text_of(payload, "input_id", input) ||
	    (data = picture_of(payload, &size)) == NULL)
		return;
	if ((p = find(n, slice_of(flow), slice_of(input))) != NULL)
		thumb_free(t, p);
	make_room(t, n);
	p = xcalloc(1, sizeof(*p));
	p->node = n;
	p->data = data;
	p->n = size;
	p->at = mono_now();
	str_copy(p->flow, sizeof(p->flow), flow);
	str_copy(p->input, sizeof(p->input), input);
	TAILQ_INSERT_TAIL(&t->order, p, link);
	LIST_INSERT_HEAD(&n->thumbs, p, of);
	n->nthumbs++;
	t->bytes += size;
	while (t->bytes > ALL_MAX)
		thumb_free(t, TAILQ_FIRST(&t->order));
}

void
thumb_get(struct thumbs *t, struct ipc_chan *chan, uint64_t id,
    const struct msg_thumb_get *m)
{
	struct node *n = node_find(t->hub->nodes, &m->node);
	struct msg_thumb answer = { .node = m->node };
	struct thumb *p;

	if (n == NULL || conn_state(n->conn) != CONN_LIVE) {
		(void)ipc_begin(chan, MSG_ERROR, ERR_NODE_OFFLINE, id);
		ipc_send(chan);
		return;
	}
	p = find(n, m->flow, m->input);
	if (p != NULL) {
		answer.age_ms = (uint32_t)((mono_now() - p->at) / MONO_MS);
		answer.data = (struct slice){ (const char *)p->data, p->n };
	}
	msg_put_thumb(ipc_begin(chan, MSG_THUMB, ERR_OK, id), &answer);
	ipc_send(chan);
}
