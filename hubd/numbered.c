/*
 * numbered: see numbered.h. Owns the nodes that an acknowledgement is due
 * to, and those that are to be asked again.
 */
#include <stdlib.h>
#include <sys/queue.h>

#include "buf.h"
#include "frame.h"
#include "timer.h"
#include "xmalloc.h"

#include "conn.h"
#include "hubd.h"
#include "node.h"
#include "numbered.h"

TAILQ_HEAD(ack_list, node);
TAILQ_HEAD(putoff_list, node);

struct numbered {
	struct hubd		*hub;
	struct ack_list		 acks;
	struct putoff_list	 putoff;
	struct timer		 ack;
};

/* ---- acknowledging ---- */

static void
numbered_say(struct numbered *nb, struct node *n, bool resend)
{
	struct buf b = BUF_INIT;

	frame_put_event_ack(&b, wall_now(), n->event_acked, resend);
	nb->hub->count.event_acks++;
	(void)conn_send(n->conn, buf_head(&b), buf_used(&b));
	buf_free(&b);
}

/* One for all that a batch stored of a node. */
static void
numbered_acks(void *arg)
{
	struct numbered *nb = arg;
	struct node *n;

	while ((n = TAILQ_FIRST(&nb->acks)) != NULL) {
		TAILQ_REMOVE(&nb->acks, n, ack);
		n->in_ack = false;
		numbered_say(nb, n, false);
	}
}

void
numbered_stored(struct numbered *nb, const struct id *node,
    const struct id *boot, int64_t seq)
{
	struct node *n = node_find(nb->hub->nodes, node);

	if (n == NULL || !n->numbers || !id_eq(&n->boot, boot) ||
	    seq <= n->event_acked)
		return;
	n->event_acked = seq;
	if (n->in_ack)
		return;
	n->in_ack = true;
	TAILQ_INSERT_TAIL(&nb->acks, n, ack);
	if (!timer_pending(&nb->ack))
		timer_set(nb->hub->timers, &nb->ack, 0);
}

/* ---- taking ---- */

static void
numbered_settled(struct numbered *nb, struct node *n)
{
	if (n->resend)
		TAILQ_REMOVE(&nb->putoff, n, putoff);
	n->resend = false;
}

/*
 * Go back to the last one stored: what follows the one that could not be
 * taken is not taken either. The node is asked when there is room.
 */
static void
numbered_put_off(struct numbered *nb, struct node *n)
{
	nb->hub->count.events_put_off++;
	if (n->resend)
		return;
	n->resend = true;
	TAILQ_INSERT_TAIL(&nb->putoff, n, putoff);
}

bool
numbered_take(struct numbered *nb, struct node *n, int64_t seq, bool room)
{
	if (seq < n->event_next) {
		/* Stored, or in the queue: its acknowledgement comes. */
		nb->hub->count.events_repeated++;
		return false;
	}
	if (seq > n->event_next || n->resend || !room) {
		numbered_put_off(nb, n);
		return false;
	}
	n->event_next++;
	return true;
}

void
numbered_ask(struct numbered *nb)
{
	struct node *n;

	while ((n = TAILQ_FIRST(&nb->putoff)) != NULL) {
		numbered_settled(nb, n);
		n->event_next = n->event_acked + 1;
		numbered_say(nb, n, true);
	}
}

/* ---- life ---- */

void
numbered_attach(struct numbered *nb, struct node *n,
    const struct node_info *info)
{
	numbered_settled(nb, n);
	n->numbers = info->numbers;
	n->boot = info->boot;
	n->event_acked = info->event_ack;
	n->event_next = info->event_ack + 1;
}

void
numbered_forget(struct numbered *nb, struct node *n)
{
	numbered_settled(nb, n);
	if (n->in_ack)
		TAILQ_REMOVE(&nb->acks, n, ack);
	n->in_ack = false;
}

struct numbered *
numbered_new(struct hubd *h)
{
	struct numbered *nb = xcalloc(1, sizeof(*nb));

	nb->hub = h;
	TAILQ_INIT(&nb->acks);
	TAILQ_INIT(&nb->putoff);
	timer_init(&nb->ack, numbered_acks, nb);
	return nb;
}

void
numbered_free(struct numbered *nb)
{
	if (nb == NULL)
		return;
	timer_del(&nb->ack);
	free(nb);
}
