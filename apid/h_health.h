/* h_health: is it there, is it alive, is it of use. */
#ifndef APID_H_HEALTH_H
#define APID_H_HEALTH_H

struct apid;
struct req;

void h_health(struct req *);		/* GET /health: the contract's */
void h_health_live(struct req *);	/* GET /livez */
void h_health_ready(struct req *);	/* GET /readyz */
/* NULL: /readyz says yes; else the first thing that requests lack. */
const char *h_health_lacks(const struct apid *);

#endif
