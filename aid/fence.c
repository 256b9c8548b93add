/*
 * fence: what aid can still do after it has its key and its sockets. No
 * file, no process, no socket but IPv4 and IPv6, no connect but to port 443
 * (and to a DNS server over TCP when an answer does not fit a datagram).
 */
#include <stdlib.h>

#include "aid.h"
#include "log.h"
#include "proc.h"
#include "sandbox.h"
#include "xmalloc.h"

static const uint16_t ports[] = { 443, 53 };

static const struct sandbox fence = {
	.profile = SANDBOX_STRICT,
	.paths = NULL,
	.npaths = 0,
	.tcp_connect = true,
	.ports = ports,
	.nports = nitems(ports),
	.inet = true,
};

void
fence_close(struct aid *aid)
{
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
