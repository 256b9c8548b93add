/*
 * resolve: host names to addresses on the event loop, without threads and
 * without netlink, so that it works behind the strict fence. Everything it
 * needs from files is read when it is made.
 */
#ifndef AID_RESOLVE_H
#define AID_RESOLVE_H

#include <stdbool.h>

#include "buf.h"

struct event_base;
struct resolve;

/* servers: "ip[:port],..." or NULL for /etc/resolv.conf and /etc/hosts. */
struct resolve *resolve_new(struct event_base *, const char *servers,
    struct buf *err_r);
void resolve_free(struct resolve *);

/* One call on a later turn: addresses as text with commas, or NULL and why.
 * At most 5 s. */
typedef void (*resolve_fn)(void *arg, const char *addresses,
    const char *why);
void resolve_name(struct resolve *, const char *name, resolve_fn, void *arg);

#endif
