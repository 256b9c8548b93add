/*
 * hub: the channel to hubd. What it pushes goes to the feed; what a request
 * wants of a node is asked here. A hub that is away is an answer at once
 * (503), never a wait.
 */
#ifndef APID_HUB_H
#define APID_HUB_H

#include <stdbool.h>

#include "ipc.h"
#include "mono.h"
#include "msg.h"
#include "str.h"

struct apid;
struct hub;
struct req;

#define HUB_COMMAND_MS	10000	/* a node's answer to a command */
#define HUB_PUSH_MS	15000	/* to a whole configuration */
#define HUB_CONFIG_MS	3000	/* to a question for its configuration */

struct hub *hub_new(struct apid *);
void hub_free(struct hub *);
/* Connected, and hubd says that it can work. */
bool hub_up(const struct hub *);
/* By its last figures hubd is over its memory ceiling. */
bool hub_short(const struct hub *);
/* hubd's last figures, a flat JSON object, or empty. */
struct slice hub_status(const struct hub *);

/* Whole stats of every node, or of some: told now and at each reconnect. The
 * ids stay the caller's, until the next call. */
void hub_watch(struct hub *, bool all, const struct id *ids, size_t n);
/* A row of mast.nodes changed: hubd acts on a live session. One way; when
 * hubd is away it reads the row at the node's next handshake. */
void hub_node_changed(struct hub *, const struct id *, enum msg_node_what);

/* False: the hub is away, and the req has been answered with 503. */
bool hub_need(struct req *);
/* Questions of a REST request while the hub is up: fn's argument is the
 * req, on a later turn. */
/* wait_ms 0: it may wait in the journal; the answer is its end, if that
 * comes soon. */
void hub_command(struct req *, const struct id *command,
    const struct id *node, unsigned wait_ms, ipc_reply_fn);
/* The same without a request to hang on, as one of many; *req_r stays where
 * it is until the answer, which comes within ms. */
void hub_command_one(struct hub *, const struct id *command,
    const struct id *node, const char *request_id, unsigned ms, ipc_reply_fn,
    void *arg, struct ipc_req **req_r);
void hub_config(struct req *, const struct id *node, ipc_reply_fn);
/* MSG_THUMB or MSG_ERROR to fn; input may be NULL. */
void hub_thumb(struct req *, const struct id *node, const char *flow,
    const char *input, ipc_reply_fn);
/* What a failed request to the hub means for a client. */
enum err hub_err(enum err);

#endif
