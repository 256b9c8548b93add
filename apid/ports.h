/*
 * ports: what a node's configuration listens on. Pure.
 */
#ifndef APID_PORTS_H
#define APID_PORTS_H

#include <stdbool.h>

#include "buf.h"
#include "str.h"

/*
 * Whether something in a configuration of either dialect has the port of
 * that protocol ("tcp", "udp"): inputs and outputs that bind, listeners,
 * the exits of tunnels, the node's own doors. What is disabled, with all
 * that lies in it, and the tunnel with the id except do not count. who_r
 * says what it is, in the configuration's own words.
 */
bool ports_taken(struct slice config, const char *protocol, unsigned port,
    const char *except, struct buf *who_r);

#endif
