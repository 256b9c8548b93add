/*
 * reload: SIGHUP in two phases. Everything is read and judged first; what is
 * wrong in any of it leaves all as it was, with a line of the log.
 */
#ifndef APID_RELOAD_H
#define APID_RELOAD_H

struct apid;

void reload(struct apid *);

#endif
