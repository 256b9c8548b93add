/*
 * command: one command of a request to one node, from the journal to the
 * answer. The node's driver checks it against the caller's role; the journal
 * row and the audit row are written before the hub hears of it; the action
 * is sealed, because it may carry credentials.
 *
 * Answers: 200 with the node's ack; 202 with Location for one that waits in
 * the queue; 403, 404, 409, 422 (fields, or the node's refusal with its
 * error_code), 502 not connected or lost, 503, 504 no answer in time.
 */
#ifndef APID_COMMAND_H
#define APID_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "secret.h"
#include "str.h"

struct req;

#define COMMAND_QUEUE_MAX 100	/* commands that wait for one node */

/* A configuration that the command carries: stored as attempted. */
struct command_config {
	struct slice	text;			/* as it was sent */
	uint8_t		hash[SECRET_HASH];	/* of its canonical form */
	int		dialect;		/* -1: none is told */
};

struct command_ask {
	struct slice	 action;	/* JSON text; lives with the request */
	/* Of the pointers of faults; NULL: the action was made here, there
	 * is nothing in the request to point at. */
	const char	*prefix;
	unsigned	 wait_ms;	/* for the node's answer */
	bool		 queue;		/* may wait for the node ... */
	int64_t		 ttl;		/* ... so many seconds */
	const struct command_config *config;	/* or NULL */
	/* Of a new node secret that is valid from now on; the action, which
	 * is internal, carries the secret itself. NULL: none. */
	const uint8_t	*secret_hash;
};

/* To the node of the path (the first ":x"); answers the request. */
void command_run(struct req *, const struct command_ask *);
/* What a client wants sent has no credential that he read masked: the mask
 * would take its place. False: refused, with a pointer under prefix. */
bool command_unmasked(struct req *, struct slice text, const char *prefix);
/* {"type":type,key:value} in the request's arena; value is valid JSON. */
struct slice command_action(struct req *, const char *type, const char *key,
    struct slice value);

#endif
