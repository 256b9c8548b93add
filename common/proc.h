/*
 * proc: the body every daemon shares: options, signals, service manager,
 * descriptors. The order is fixed: options, configuration, log, acquire
 * (sockets, keys, certificate), drop, fence, channels, loop.
 */
#ifndef MAST_PROC_H
#define MAST_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "buf.h"
#include "conf.h"

#define MAST_VERSION "0.1.0"	/* as configure.ac says; a lint compares */

struct event_base;

/* sysexits.h, as the manual pages promise them. */
enum { PROC_USAGE = 64, PROC_UNAVAILABLE = 69, PROC_OSERR = 71,
    PROC_CONFIG = 78 };

struct proc_extra {		/* a daemon's own long options that print */
	const char	*name;		/* "routes" for --routes */
	const char	*help;
	void		(*dump)(struct buf *);
};

struct proc_start {		/* how we were started, for a reload */
	const char	*file;		/* the configuration */
	bool		 test, debug;
};

/*
 * -f/--config FILE, -t/--test, -d/--debug, --config-keys, --version, --help
 * and the extras. Starts the log, then reads the configuration into conf and
 * sets its log level (-d: debug). Returns when the daemon
 * shall run; exits 0, 64 or 78 otherwise. --test: returns too.
 */
void proc_options(int argc, char **argv, const struct conf_table *,
    void *conf, const struct proc_extra *, size_t nextras,
    struct proc_start *start_r);
/* Phase two of a reload, after fresh was read and found good: takes over
 * what can be, sets the log level, says what waits for a restart. Then
 * fresh is freed. */
void proc_reload(const struct proc_start *, const struct conf_table *,
    void *conf, void *fresh);

struct proc;
struct proc_ops {
	void (*reload)(void *arg);	/* SIGHUP */
	void (*stop)(void *arg);	/* SIGTERM, SIGINT; a second breaks */
};
/* Before sandbox_fence: opens NOTIFY_SOCKET. Also ignores SIGPIPE. */
struct proc *proc_new(struct event_base *, const struct proc_ops *,
    void *arg);
void proc_free(struct proc *);
/* READY=1 to NOTIFY_SOCKET if there is one, and the watchdog from then on. */
void proc_ready(struct proc *, const char *status);
/* STATUS=text, one line for the manager's user. */
void proc_status(struct proc *, const char *text);
/* STOPPING=1; the loop ends after at most ms. */
void proc_stopping(struct proc *, unsigned ms);

/*
 * The listener of that name: the socket that the service manager passed
 * under it (FileDescriptorName=), or in a unit of Unix sockets named "local"
 * the one of that path; else where ("addr:port", "unix:/path") is opened,
 * mode 0666. NULL: nothing is, and *fd_r is -1. 0, or an exit code with a
 * sentence. Before proc_listen_rest.
 */
int proc_listen(const char *name, const char *where, int backlog, int *fd_r,
    struct buf *err_r);
/* Every passed socket has an owner? Else clients would wait in it for ever:
 * an exit code with a sentence. */
int proc_listen_rest(struct buf *err_r);
/* The uid of a local peer as SO_PEERCRED shows it to us: in a user namespace
 * without it that is the overflow uid, which is trusted only when the mode
 * of the socket at path lets nobody but owner and group connect. */
uid_t proc_peer_uid(uid_t, const char *path);
/* Is the process the account of that name and not root? Then each daemon has
 * an account of its own, as if root had started them. */
bool proc_own_account(const char *user);

/* A descriptor kept free, so that EMFILE can still accept and close. */
int proc_spare_open(void);
void proc_spare_accept(int *spare, int listen_fd);

/* Resident bytes of this process (proc(5), statm); 0 where the fence hides
 * it. */
uint64_t proc_rss(void);

/* Text file of at most max bytes into a buf: 0 or -1 with a sentence. */
int proc_read_file(const char *path, size_t max, struct buf *out,
    struct buf *err_r);

#endif
