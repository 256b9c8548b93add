/* h_history: what nodes measured, and when they were what. */
#ifndef APID_H_HISTORY_H
#define APID_H_HISTORY_H

struct req;

void h_history_metrics(struct req *);
void h_history_states(struct req *);

#endif
