/*
 * fence: what aid can still do after it has its key and its sockets. No
 * file, no process, no socket but IPv4 and IPv6, no connect but to port 443,
 * to the ports of configured endpoints, and to a DNS server over TCP when an
 * answer does not fit a datagram.
 */
#include <stdlib.h>

#include "aid.h"
#include "job.h"
#include "log.h"
#include "proc.h"
#include "sandbox.h"

void
fence_close(struct aid *aid)
{
	uint16_t ports[2 + JOBS_PORTS] = { 443, 53 };
	const struct sandbox fence = {
		.profile = SANDBOX_STRICT,
		.tcp_connect = true,
		.ports = ports,
		.nports = 2 + jobs_ports(aid->jobs, ports + 2),
		.inet = true,
	};
	struct buf err = BUF_INIT;
	bool switched;

	/* The fence itself hides the answer. */
	aid->landlock_abi = sandbox_landlock_abi();
	if (sandbox_drop(aid->conf.suite.user_aid, &switched, &err) == -1)
		log_exit(PROC_CONFIG, "%s", buf_cstr(&err));
	if (sandbox_limits(&err) == -1 || sandbox_fence(&fence, &err) == -1)
		log_exit(PROC_OSERR, "%s", buf_cstr(&err));
	buf_free(&err);
}
