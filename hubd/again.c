/* again: see again.h. Owns the question of one node's session. */
#include <stdio.h>
#include <stdlib.h>

#include "db.h"
#include "log.h"
#include "timer.h"
#include "xmalloc.h"

#include "again.h"
#include "cmd.h"
#include "cmd_int.h"
#include "hub.h"
#include "hubd.h"
#include "node.h"
#include "queue.h"
#include "stmt.h"

#define RETRY		MONO_SEC
#define ANSWER_WAIT	30000u		/* ms */

struct again {
	struct node	*node;
	struct db_req	*req;
	struct timer	 timer;
};

static void again_ask(void *);

void
again_forget(struct node *n)
{
	struct again *a = n->again;

	if (a == NULL)
		return;
	timer_del(&a->timer);
	db_forget(&a->req);
	n->again = NULL;
	free(a);
}

/* Columns: command, whether it is of the queue, sealed action. */
static void
again_send(struct node *n, const struct db_result *res, int row)
{
	struct cmds *cs = n->hub->cmds;
	struct cmd *c;
	const char *why;
	struct id id;

	if (db_id(res, row, 0, &id) == -1 || cmd_find(n, &id) != NULL)
		return;
	c = cmd_add(cs, n, &id, CMD_QUEUED, ANSWER_WAIT);
	c->again = true;
	if (db_bool(res, row, 1) && n->queue_cmd == NULL)
		n->queue_cmd = c;
	if (cmd_send(c, res, row, 2, &why))
		n->hub->count.commands_again++;
	else
		cmd_end(c, ERR_NODE_LOST, "unknown", why);
}

static void
again_done(void *arg, const struct db_result *res)
{
	struct again *a = arg;
	struct node *n = a->node;
	int i;

	a->req = NULL;
	if (db_err(res) != ERR_OK) {
		log_warn("commands of unknown outcome: %s", db_message(res));
		timer_set(n->hub->timers, &a->timer, RETRY);
		return;
	}
	again_forget(n);
	for (i = 0; i < db_rows(res); i++)
		again_send(n, res, i);
	queue_ring(n);
}

static void
again_ask(void *arg)
{
	struct again *a = arg;
	struct node *n = a->node;
	char hub[ID_TEXT], node[ID_TEXT], epoch[24];
	struct db_arg args[3];

	if (!hub_ready(n->hub->hub)) {
		timer_set(n->hub->timers, &a->timer, RETRY);
		return;
	}
	id_text(&n->hub->id, hub);
	id_text(&n->id, node);
	(void)snprintf(epoch, sizeof(epoch), "%llu",
	    (unsigned long long)n->epoch);
	args[0] = db_str(hub);
	args[1] = db_str(node);
	args[2] = db_str(epoch);
	db_query(n->hub->db, STMT_AGAIN, args, nitems(args), NULL, again_done,
	    a, &a->req);
}

void
again_start(struct node *n)
{
	again_forget(n);
	if (!n->remembers) {
		queue_ring(n);
		return;
	}
	n->again = xcalloc(1, sizeof(*n->again));
	n->again->node = n;
	timer_init(&n->again->timer, again_ask, n->again);
	again_ask(n->again);
}
