/*
 * watch: what is worth remembering of a stats text: numbers for the history
 * and conditions for alarms. A driver walks the text and tells its objects
 * (a flow, a tunnel, the node itself) to whoever asks. Slices point into the
 * text; strings are raw JSON contents.
 */
#ifndef MAST_WATCH_H
#define MAST_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "str.h"

/* Their order is that of the arrays in mast.samples: append only. */
enum watch_metric {
	WATCH_BITRATE,		/* received, bit/s; of a tunnel the greater */
	WATCH_BITRATE_OUT,	/* all outputs, bit/s */
	WATCH_LOST,		/* packets lost: counter */
	WATCH_RTT,		/* ms */
	WATCH_CPU,		/* percent */
	WATCH_RAM,		/* percent */
	WATCH_P1,		/* TR 101 290 priority 1 errors: counter */
	WATCH_P2,		/* priority 2: counter */
	WATCH_ACTIVE,		/* flows that run, tunnels that are up */
	WATCH_PEERS,		/* edges at a relay */
	WATCH__MAX
};

struct watch_sample {
	uint32_t	has;			/* a bit per metric */
	double		v[WATCH__MAX];
};

struct watch_condition {
	struct slice	object, code, severity, message;
};

struct watch {
	void	*arg;
	/* object is empty for the node itself. May be NULL. */
	void	(*sample)(void *arg, struct slice object,
		    const struct watch_sample *);
	/* Something is wrong now. May be NULL. */
	void	(*condition)(void *arg, const struct watch_condition *);
};

const char *watch_name(unsigned metric);	/* NULL past the end */
const char *watch_unit(unsigned metric);
/* It only grows while its source lives: kept as a rate per second. */
bool watch_counter(unsigned metric);
/* The metric of that name, or WATCH__MAX. */
unsigned watch_find(struct slice name);

/* For drivers: takes a number, or nothing that is none. */
void watch_set(struct watch_sample *, unsigned metric, struct slice number);
/* The same, added to what is there. */
void watch_add(struct watch_sample *, unsigned metric, struct slice number);

#endif
