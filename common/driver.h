/*
 * driver: what a kind of node is. One const struct per device type: its
 * commands with minimum role and fields, how its stats are summarised, what
 * its metrics are called. Kind names appear nowhere else.
 */
#ifndef MAST_DRIVER_H
#define MAST_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "json.h"
#include "jscan.h"
#include "role.h"
#include "str.h"

#define DRIVER_METRICS 16

struct watch;

enum driver_type { DRIVER__UNSET = 0, DRIVER_TEXT, DRIVER_UUID,
    DRIVER_OBJECT, DRIVER_BOOL, DRIVER_INT,
    /* Of members of a configuration only: */
    DRIVER_NUMBER,	/* with a fraction */
    DRIVER_ADDRESS,	/* host:port */
    DRIVER_TEXTS, DRIVER_INTS,	/* lists */
    DRIVER_GROUP };	/* an object with members of its own */

struct driver_field {
	const char		*name;
	enum driver_type	 type;
	bool			 required;
	uint32_t		 max;	/* bytes of text, 0: 256 */
};

struct driver_command {
	const char		*name, *description;
	enum role		 role;		/* minimum */
	bool			 listed;	/* in GET /device-types */
	bool			 mutates;	/* makes the config stale */
	bool			 destructive;
	bool			 by_config;	/* config_response ends it */
	bool			 internal;	/* never a client's */
	const struct driver_field *fields;
	size_t			 nfields;
};

/* ---- what a configuration holds ---- */

enum driver_flags {
	DRIVER_REQUIRED		= 1,
	DRIVER_REQUIRED_1	= 2,	/* in the first dialect only */
	DRIVER_SECRET		= 4,	/* a credential */
	DRIVER_RARE		= 8,	/* few people ever set it */
};

struct driver_members {
	const struct driver_member	*v;
	size_t				 n;
};

struct driver_member {
	const char		*name, *label;
	enum driver_type	 type;
	unsigned		 flags;
	/* Of numbers; of texts, in bytes. Of lists: each element. */
	int64_t			 min, max;	/* both 0: no rule */
	const char		*choices;	/* "a b", or NULL */
	const char		*def;	/* what absence means: JSON, or NULL */
	const struct driver_members *group;	/* DRIVER_GROUP */
};

struct driver_variant {
	const char			*type, *label;
	const struct driver_members	*members;
};

/* Members that each has, and those of each "type". */
struct driver_part {
	const struct driver_members	*common;
	const struct driver_variant	*types;
	size_t				 ntypes;
};

struct driver_form { struct driver_part flow, input, output; };

/* What the hub keeps of a stats frame beside its text. Slices point into
 * the text that was scanned. */
struct driver_summary {
	uint64_t	metrics[DRIVER_METRICS];	/* driver's order */
	struct slice	items[2];	/* arrays, driver_metrics.items */
	bool		glitch;		/* "flows": [] while active_flows > 0 */
};

/* One action as several. */
#define DRIVER_STEPS 66
struct driver_step {
	const char	*type;
	struct slice	 id;		/* what it is about: raw, with quotes */
	struct slice	 action;
};
struct driver_plan {
	struct driver_step	 v[DRIVER_STEPS];
	size_t			 n;
	const char		*why;
};

struct driver {
	const char			*device_type, *display_name;
	const struct driver_command	*commands;
	size_t				 ncommands;
	/* Rotating its secret writes the configuration that it started
	 * with: before a restart that would bring the spent token back. */
	bool				 rotates_after_restart;
	const char *const		*metrics;	/* names */
	size_t				 nmetrics;
	/* Of flows in its configuration; NULL: this kind has none. */
	const struct driver_form	*form;
	const char			*guide;	/* what an AI is told of it */
	/* One walk over the payload value that is due next in the scanner:
	 * validates all of it and picks the numbers. -1: ->bad says why. */
	int (*summarize)(struct jscan *, struct driver_summary *);
	/* Of a valid configuration: the array "flows" of an element of
	 * GET /nodes/endpoints, each flow with its input and outputs. NULL:
	 * this kind has none. */
	void (*endpoints)(struct slice config, struct json_w *);
	/* Does the form of this valid action hang on the dialect of the
	 * node's configuration? NULL: never. */
	bool (*turns)(struct slice action);
	/* What such an action becomes for a node with this configuration.
	 * ERR_OK: the steps, one after the other, or none when it goes as it
	 * is. ERR_INVALID: it cannot be said in that dialect, why is a
	 * sentence. Memory is the arena's. */
	enum err (*turn)(struct arena *, struct slice action,
	    struct slice config, struct driver_plan *);
	/* May the node have credentials for this input or output of a flow
	 * that it does not show in this configuration? A command that
	 * replaces the flow loses them, update_config brings them back.
	 * NULL: never. */
	bool (*hides)(struct slice config, struct slice end, bool input);
	/* Of valid stats: what alarms and history want to know (watch.h).
	 * -1: the text is no object. */
	int (*watch)(struct slice stats, const struct watch *);
};

/* The kinds. Only the table in driver.c names them. */
extern const struct driver driver_edge, driver_relay;

const struct driver *driver_at(size_t i);	/* NULL past the end */
const struct driver *driver_find(struct slice device_type);
const struct driver_command *driver_command(const struct driver *,
    struct slice name);

/*
 * Checks a client's {"type":..., ...} against the tables: a known command
 * that is not internal, then the role, then the fields (others are let
 * through). ERR_OK, ERR_BAD_JSON, ERR_INVALID with faults (pointers under
 * prefix, "/action"), ERR_FORBIDDEN.
 */
enum err driver_check(const struct driver *, struct arena *,
    struct slice action, enum role, const char *prefix,
    struct json_faults *, const struct driver_command **cmd_r);

/* For summarize: takes the value that is due. A text, a fraction or a
 * negative number counts as 0, as a missing member does. */
int driver_u64(struct jscan *, uint64_t *v_r);
/* Walks the array that is due, element gets each object (its members are
 * due next); any other value is passed over, null included. */
int driver_array(struct jscan *, struct slice *text_r, uint64_t *count_r,
    int (*element)(struct jscan *, void *arg), void *arg);

/* {"metrics":[[name,value],...],"items":[...]} of the contract. */
void driver_metrics_json(const struct driver *, const uint64_t *metrics,
    const struct slice items[2], struct buf *out);
/* The items of a stats object whose summary is not at hand. */
int driver_items(const struct driver *, struct slice stats,
    struct slice items_r[2]);

/* {"flow":{...},"input":{...},"output":{...}} for whoever makes forms. */
void driver_form_json(const struct driver_form *, struct json_w *);
/* The fields of a command: [{"name":...,"type":...,"required":...}]. */
void driver_fields_json(const struct driver_command *, struct json_w *);
/* What is wrong in a valid configuration, as far as the tables know:
 * pointers into it. Kinds and members that they do not know are let
 * through. Zeroes the faults first. */
void driver_form_check(const struct driver_form *, struct arena *,
    struct slice config, struct json_faults *);

/* The same for one part of a node with that configuration, which says in
 * what dialect; adds to the faults. */
void driver_part_check(const struct driver_part *, struct arena *,
    struct slice config, struct slice object, const char *pointer,
    struct json_faults *);
bool driver_part_has(const struct driver_part *, struct slice type);

/* {"device_types":[...]} of the contract, in table order, with the fields
 * of commands and the form of configurations. */
void driver_types_json(struct buf *out);

#endif
