/*
 * cmd_int: what cmd.c and queue.c share. A struct cmd is on the list of its
 * node from the first word about it to the answer, and a while longer
 * (CMD_LATE), so that an answer after the wait can correct "unknown".
 */
#ifndef MAST_CMD_INT_H
#define MAST_CMD_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "err.h"
#include "id.h"
#include "str.h"
#include "timer.h"

struct db_req;
struct db_result;
struct hubd;
struct ipc_chan;
struct msg_command;
struct node;
struct steps;
struct unsent;

#define CMD_INFLIGHT_MAX 64		/* per node */

enum cmd_state {
	CMD_QUEUED,	/* its row waits; somebody here waits with it */
	CMD_WAITING,	/* to be claimed by its id */
	CMD_CLAIMING,
	CMD_SENT,
	CMD_LATE
};

struct cmd {
	TAILQ_ENTRY(cmd)	 node_link;
	TAILQ_ENTRY(cmd)	 link;		/* waiting or claiming */
	struct cmds		*cmds;
	struct node		*node;		/* NULL: not, or no longer, here */
	struct id		 id, node_id;
	struct id		 wire;	/* what the node acks: id, or a step's */
	struct steps		*steps;	/* step.c; NULL: it goes as it is */
	uint64_t		 epoch;
	struct ipc_chan		*chan;		/* NULL: nobody waits */
	uint64_t		 chan_id;
	struct timer		 timer;
	uint32_t		 wait_ms;
	enum cmd_state		 state;
	bool			 queue;		/* its row may wait */
	uint64_t		 claim;		/* that took it from there */
	bool			 again;		/* it was sent before */
	bool			 by_config, mutates;
	uint32_t		 turn;		/* the node's, when it was sent */
};

TAILQ_HEAD(cmd_list, cmd);
TAILQ_HEAD(ring_list, node);

struct cmds {
	struct hubd		*hub;
	struct cmd_list	 waiting, claiming;
	size_t			 inflight;
	struct db_req		*claim;
	/* queue.c: nodes whose queue is to be looked at */
	struct ring_list	 ring;
	struct timer		 ring_timer, poll;
	struct db_req		*queue_claim, *queue_due;
	uint64_t		 claims;	/* number of the last one */
	struct unsent		*unsent;
};

/* On the list of its node. */
struct cmd *cmd_add(struct cmds *, struct node *, const struct id *,
    enum cmd_state, uint32_t wait_ms);
struct cmd *cmd_find(struct node *, const struct id *);
void cmd_free(struct cmd *);
/* Ends without an answer of the node. state NULL: the journal knows how. */
void cmd_end(struct cmd *, enum err, const char *state, const char *why);
/* Nothing left, because the node did: it waits again, if it may. */
void cmd_unsent(struct cmd *);
/* The row says "sent"; the column is its sealed action. False: nothing left,
 * why is plain ASCII, and the cmd is still there. True: it may be gone. */
bool cmd_send(struct cmd *, const struct db_result *, int row, int col,
    const char **why_r);

#endif
