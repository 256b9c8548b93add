/* h_dashboard: the live socket of the dashboard. */
#ifndef APID_H_DASHBOARD_H
#define APID_H_DASHBOARD_H

struct req;

void h_dashboard(struct req *);		/* GET /ws/dashboard */

#endif
