/*
 * sandbox: the fence of a daemon after it has acquired what it needs.
 * Order: sandbox_drop (root to the account, for good), sandbox_limits,
 * sandbox_fence. Landlock is negotiated by ABI: what the kernel lacks is
 * named in one info line and the rest holds; seccomp must work.
 */
#ifndef MAST_SANDBOX_H
#define MAST_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

struct sandbox_path { const char *path; bool write; bool optional; };

enum sandbox_profile {
	SANDBOX__UNSET = 0,
	SANDBOX_SERVER,	/* apid, hubd: sockets, files, threads; no exec */
	SANDBOX_STRICT,	/* aid: the same without files, processes, listen */
};

struct sandbox {
	enum sandbox_profile	 profile;
	const struct sandbox_path *paths;	/* everything else: refused */
	size_t			 npaths;
	bool			 tcp_connect;	/* any outbound TCP at all? */
	const uint16_t		*ports;		/* then: to these ports only */
	size_t			 nports;
	bool			 inet;		/* AF_INET/6 sockets at all? */
};

/* Account by name; no-op when not root (then *switched_r is false). Also
 * clears supplementary groups but those of the account, and verifies that
 * root cannot be regained. -1 with a sentence. */
int sandbox_drop(const char *user, bool *switched_r, struct buf *err_r);
/* RLIMIT_CORE 0, PR_SET_DUMPABLE 0, NOFILE to its hard limit, nproc. */
int sandbox_limits(struct buf *err_r);
/* The folder that a file really stands in, links followed, for a path of the
 * fence: a file that is replaced is another file. "/" is never given: then,
 * and when it is not there, the path itself. To be freed. */
char *sandbox_folder(const char *file);
/* Before any thread; what a library opens late (resolv.conf, NSS) is a path. */
int sandbox_fence(const struct sandbox *, struct buf *err_r);
/* Highest Landlock ABI of this kernel; 0 without. */
int sandbox_landlock_abi(void);

#endif
