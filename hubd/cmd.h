/*
 * cmd: commands on their way to nodes. The journal row says "sent" before a
 * byte leaves, so that a crash in between ends as "unknown" and never as a
 * repeat. Answers are matched by command id and node.
 */
#ifndef MAST_CMD_H
#define MAST_CMD_H

#include <stdbool.h>

#include "frame.h"
#include "msg.h"
#include "str.h"

struct cmds;
struct hubd;
struct ipc_chan;
struct node;

struct cmds *cmds_new(struct hubd *);
void cmds_free(struct cmds *);
size_t cmds_inflight(const struct cmds *);
/* No row says "sent" of which nothing left. */
bool cmds_settled(const struct cmds *);

/* MSG_COMMAND: ends in one MSG_COMMAND_DONE with that id. */
void cmd_start(struct cmds *, struct ipc_chan *, uint64_t id,
    const struct msg_command *);
/* The channel went: its commands go on, nobody is told. */
void cmd_forget_chan(struct cmds *, const struct ipc_chan *);
void cmd_ack(struct node *, const struct frame_ack *);
/* A config_response, for get_config by command. */
void cmd_config(struct node *, struct slice text);
/* The session is over: what was in flight is lost. */
void cmd_node_lost(struct node *);

#endif
