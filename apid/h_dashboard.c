/*
 * h_dashboard: GET /ws/dashboard. The session was checked before the upgrade
 * and is looked after by the socket; the feed does the rest.
 */
#include "apid.h"
#include "feed.h"
#include "h_dashboard.h"
#include "req.h"

void
h_dashboard(struct req *req)
{
	if (feed_full(req->apid->feed)) {
		req_fail(req, ERR_UNAVAILABLE, "no memory for dashboards; "
		    "try again later");
		return;
	}
	feed_join(req->apid->feed, req);
}
