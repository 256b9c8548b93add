/*
 * config_now: the configuration that a node has now, as far as anybody
 * knows: the hub's, who asks the node when his may be old; else the stored
 * one.
 */
#ifndef APID_CONFIG_NOW_H
#define APID_CONFIG_NOW_H

#include <stdbool.h>
#include <stdint.h>

#include "id.h"
#include "secret.h"
#include "str.h"

struct db_result;
struct req;

struct config_now {
	/* private */
	uint8_t	*sealed;	/* arena */
	size_t	 n;
	void	(*fn)(struct req *, struct config_now *);
	/* For fn: text in the arena, empty when nobody knows one. */
	struct slice text;
	uint8_t	 hash[SECRET_HASH];	/* of the canonical form */
	bool	 known;
};

/* The stored one, from two columns of a result: sealed and hash. */
void config_now_stored(struct req *, struct config_now *,
    const struct db_result *, int col);
/* fn is called once, now or on a later turn; *c stays where it is. */
void config_now(struct req *, struct config_now *, const struct id *node,
    void (*fn)(struct req *, struct config_now *));

#endif
