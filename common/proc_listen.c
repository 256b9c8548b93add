/*
 * proc_listen: sockets that the service manager opened (sd_listen_fds(3)),
 * found by name; what it did not pass is opened here. Keeps no state: a
 * socket that has an owner is close-on-exec, one that has none is not.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proc.h"
#include "sock.h"
#include "str.h"
#include "xmalloc.h"

#define FIRST	3	/* SD_LISTEN_FDS_START */
#define MOST	64
#define LOCAL	"local"	/* the Unix sockets of one unit, told by path */

/* How many were passed to this very process. */
static int
passed(void)
{
	const char	*n = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	uint64_t	 count, who;

	if (n == NULL || pid == NULL ||
	    slice_u64(slice_of(pid), INT64_MAX, &who) == -1 ||
	    who != (uint64_t)getpid() ||
	    slice_u64(slice_of(n), MOST, &count) == -1)
		return 0;
	return (int)count;
}

static struct slice
name_of(int index)
{
	const char	*names = getenv("LISTEN_FDNAMES");
	struct slice	 rest, name = { "", 0 };
	int		 i;

	rest = slice_of(names != NULL ? names : "");
	for (i = 0; i <= index; i++)
		if (!slice_cut(&rest, ':', &name))
			return (struct slice){ "", 0 };
	return name;
}

/* Is the socket's own path that of the address? */
static bool
same_path(int fd, const char *where)
{
	struct sockaddr_un	sun = { .sun_family = AF_UNSPEC };
	socklen_t		len = sizeof(sun);

	if (where == NULL || strncmp(where, "unix:", 5) != 0 ||
	    getsockname(fd, (struct sockaddr *)&sun, &len) == -1 ||
	    sun.sun_family != AF_UNIX || len <= sizeof(sa_family_t) ||
	    len > sizeof(sun))
		return false;
	len -= (socklen_t)sizeof(sa_family_t);
	return strnlen(sun.sun_path, len) == strlen(where + 5) &&
	    strncmp(sun.sun_path, where + 5, len) == 0;
}

/* A listening stream socket, made ours: 0, or -1 with a sentence. */
static int
take(int fd, const char *name, struct buf *err_r)
{
	int		type = 0, listens = 0, flags;
	socklen_t	len = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == -1 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == -1 ||
	    type != SOCK_STREAM || !listens) {
		buf_printf(err_r, "what the service manager passes as %s is "
		    "no listening stream socket", name);
		return -1;
	}
	if ((flags = fcntl(fd, F_GETFL)) == -1 ||
	    fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) == -1) {
		buf_printf(err_r, "the passed socket %s: %s", name,
		    strerror(errno));
		return -1;
	}
	return 0;
}

static int
find(const char *name, const char *where, int *fd_r, struct buf *err_r)
{
	int i, n = passed();

	for (i = 0; i < n; i++) {
		if (!slice_eq(name_of(i), name) &&
		    !(slice_eq(name_of(i), LOCAL) &&
		    same_path(FIRST + i, where)))
			continue;
		if (*fd_r != -1) {
			buf_printf(err_r, "the service manager passes more "
			    "than one socket for %s", name);
			return -1;
		}
		*fd_r = FIRST + i;
		if (take(*fd_r, name, err_r) == -1)
			return -1;
	}
	return 0;
}

int
proc_listen(const char *name, const char *where, int backlog, int *fd_r,
    struct buf *err_r)
{
	struct sock_addr addr;

	*fd_r = -1;
	if (find(name, where, fd_r, err_r) == -1)
		return PROC_CONFIG;
	if (*fd_r != -1 || where == NULL)
		return 0;
	if (sock_parse(where, &addr, err_r) == -1)
		return PROC_CONFIG;
	*fd_r = sock_listen(&addr, backlog, 0666, (gid_t)-1, err_r);
	return *fd_r == -1 ? PROC_UNAVAILABLE : 0;
}

int
proc_listen_rest(struct buf *err_r)
{
	struct slice	name;
	int		i, n = passed(), flags;

	for (i = 0; i < n; i++) {
		flags = fcntl(FIRST + i, F_GETFD);
		if (flags != -1 && (flags & FD_CLOEXEC))
			continue;
		name = name_of(i);
		buf_printf(err_r, "the service manager passes a socket "
		    "\"%.*s\" that nothing here listens on", (int)name.n,
		    name.p);
		return PROC_CONFIG;
	}
	return 0;
}
