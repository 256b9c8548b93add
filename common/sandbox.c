/*
 * sandbox: owns libseccomp and speaks to Landlock by system call, because
 * the C library has no wrappers and the kernel may be newer or older than
 * the headers. Two lists say what a profile may call; what is in neither
 * answers EPERM, and what only an intruder would try ends the process.
 */
#include "config.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <seccomp.h>

#include "log.h"
#include "sandbox.h"
#include "xmalloc.h"

#define NPROC_MAX	4096

/* include/uapi/linux/landlock.h, as of ABI 7. */
#define LL_CREATE	444
#define LL_ADD		445
#define LL_RESTRICT	446
#define LL_VERSION	1u
#define LL_RULE_PATH	1
#define LL_RULE_PORT	2

#define FS_EXECUTE	(UINT64_C(1) << 0)
#define FS_WRITE_FILE	(UINT64_C(1) << 1)
#define FS_READ_FILE	(UINT64_C(1) << 2)
#define FS_READ_DIR	(UINT64_C(1) << 3)
#define FS_REMOVE_DIR	(UINT64_C(1) << 4)
#define FS_REMOVE_FILE	(UINT64_C(1) << 5)
#define FS_MAKE_DIR	(UINT64_C(1) << 7)
#define FS_MAKE_REG	(UINT64_C(1) << 8)
#define FS_MAKE_SOCK	(UINT64_C(1) << 9)
#define FS_ABI1		((UINT64_C(1) << 13) - 1)
#define FS_REFER	(UINT64_C(1) << 13)	/* ABI 2 */
#define FS_TRUNCATE	(UINT64_C(1) << 14)	/* ABI 3 */
#define FS_IOCTL_DEV	(UINT64_C(1) << 15)	/* ABI 5 */
#define NET_BIND	(UINT64_C(1) << 0)	/* ABI 4 */
#define NET_CONNECT	(UINT64_C(1) << 1)
#define SCOPE_ABSTRACT	(UINT64_C(1) << 0)	/* ABI 6 */
#define SCOPE_SIGNAL	(UINT64_C(1) << 1)

#define READ_RIGHTS	(FS_READ_FILE | FS_READ_DIR)
#define WRITE_RIGHTS	(FS_WRITE_FILE | FS_TRUNCATE | FS_REMOVE_FILE | \
			    FS_REMOVE_DIR | FS_MAKE_DIR | FS_MAKE_REG | \
			    FS_MAKE_SOCK | FS_REFER)
#define FILE_RIGHTS	(FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE)

struct ll_ruleset { uint64_t fs, net, scoped; };
struct ll_path { uint64_t access; int32_t fd; } __attribute__((packed));
struct ll_port { uint64_t access, port; };

static int
sentence(struct buf *err_r, const char *what, const char *object)
{
	buf_printf(err_r, "%s%s%s: %s", what, object[0] != '\0' ? " " : "",
	    object, strerror(errno));
	return -1;
}

/* ---- the account ---- */

int
sandbox_drop(const char *user, bool *switched_r, struct buf *err_r)
{
	struct passwd	*pw;
	uid_t		 r, e, s;
	gid_t		 rg, eg, sg;

	*switched_r = false;
	if (geteuid() != 0)
		return 0;
	errno = 0;
	pw = getpwnam(user);
	if (pw == NULL || pw->pw_uid == 0 || pw->pw_gid == 0) {
		buf_printf(err_r, "the account %s %s", user, pw == NULL ?
		    "does not exist" : "is root's");
		return -1;
	}
	if (prctl(PR_SET_KEEPCAPS, 0L) == -1 ||
	    initgroups(user, pw->pw_gid) == -1 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == -1 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == -1)
		return sentence(err_r, "cannot become", user);
	if (getresuid(&r, &e, &s) == -1 || getresgid(&rg, &eg, &sg) == -1 ||
	    r != pw->pw_uid || e != r || s != r ||
	    rg != pw->pw_gid || eg != rg || sg != rg ||
	    setuid(0) != -1 || seteuid(0) != -1 || setgid(0) != -1) {
		buf_printf(err_r, "root's rights did not go with %s", user);
		return -1;
	}
	*switched_r = true;
	return 0;
}

static int
limit(int what, rlim_t max)
{
	struct rlimit rl;

	if (getrlimit((__rlimit_resource_t)what, &rl) == -1)
		return -1;
	if (rl.rlim_max > max)
		rl.rlim_max = max;
	rl.rlim_cur = rl.rlim_max;
	return setrlimit((__rlimit_resource_t)what, &rl);
}

int
sandbox_limits(struct buf *err_r)
{
	if (limit(RLIMIT_CORE, 0) == -1 ||
	    limit(RLIMIT_NOFILE, RLIM_INFINITY) == -1 ||
	    limit(RLIMIT_NPROC, NPROC_MAX) == -1)
		return sentence(err_r, "cannot set resource limits", "");
#ifndef MAST_SANITIZED	/* the leak checker attaches to its own process */
	if (prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) == -1)
		return sentence(err_r, "cannot forbid core files", "");
#endif
	return 0;
}

/* ---- Landlock ---- */

int
sandbox_landlock_abi(void)
{
	long abi = syscall(LL_CREATE, NULL, (size_t)0, LL_VERSION);

	return abi > 0 ? (int)abi : 0;
}

static void
say_missing(int abi)
{
	if (abi == 0)
		log_info("sandbox: this kernel has no Landlock: files and "
		    "TCP ports are fenced by permissions and seccomp only");
	else if (abi < 6)
		log_info("sandbox: Landlock ABI %d: not fenced are%s%s%s%s "
		    "signals and abstract sockets", abi,
		    abi < 2 ? " moves between folders," : "",
		    abi < 3 ? " truncation," : "",
		    abi < 4 ? " TCP ports," : "",
		    abi < 5 ? " device ioctls," : "");
}

static struct ll_ruleset
ruleset_for(const struct sandbox *sb, int abi)
{
	struct ll_ruleset rs = { FS_ABI1, 0, 0 };

	if (abi >= 2)
		rs.fs |= FS_REFER;
	if (abi >= 3)
		rs.fs |= FS_TRUNCATE;
	if (abi >= 5)
		rs.fs |= FS_IOCTL_DEV;
	if (abi >= 4) {
		rs.net = NET_BIND;
		if (!sb->tcp_connect || sb->nports > 0)
			rs.net |= NET_CONNECT;
	}
	if (abi >= 6)
		rs.scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL;
	return rs;
}

static int
allow_path(int rs_fd, uint64_t handled, const struct sandbox_path *p,
    struct buf *err_r)
{
	struct ll_path	rule;
	struct stat	st;
	int		fd, r;

	fd = open(p->path, O_PATH | O_CLOEXEC);
	if (fd == -1 && p->optional && (errno == ENOENT || errno == ENOTDIR ||
	    errno == EACCES))
		return 0;
	if (fd == -1 || fstat(fd, &st) == -1) {
		sentence(err_r, "cannot open", p->path);
		if (fd != -1)
			close(fd);
		return -1;
	}
	rule.access = READ_RIGHTS | (p->write ? WRITE_RIGHTS : 0);
	if (!S_ISDIR(st.st_mode))
		rule.access &= FILE_RIGHTS;
	rule.access &= handled;
	rule.fd = fd;
	r = (int)syscall(LL_ADD, rs_fd, LL_RULE_PATH, &rule, 0u);
	if (r == -1)
		sentence(err_r, "cannot add to the fence", p->path);
	close(fd);
	return r;
}

char *
sandbox_folder(const char *file)
{
	char *real = realpath(file, NULL), *text, *slash;

	text = xstrdup(real != NULL ? real : file);
	free(real);
	slash = strrchr(text, '/');
	if (slash == NULL) {
		free(text);
		return xstrdup(".");
	}
	if (slash != text)
		*slash = '\0';
	return text;
}

static int
allow_ports(int rs_fd, const struct sandbox *sb, struct buf *err_r)
{
	struct ll_port	rule = { .access = NET_CONNECT };
	size_t		i;

	for (i = 0; i < sb->nports; i++) {
		rule.port = sb->ports[i];
		if (syscall(LL_ADD, rs_fd, LL_RULE_PORT, &rule, 0u) == -1)
			return sentence(err_r, "cannot fence TCP ports", "");
	}
	return 0;
}

static int
fill_ruleset(int rs_fd, const struct ll_ruleset *rs, const struct sandbox *sb,
    struct buf *err_r)
{
#ifdef MAST_SANITIZED	/* the runtime reads its own maps */
	static const struct sandbox_path proc = { "/proc", false, true };

	if (allow_path(rs_fd, rs->fs, &proc, err_r) == -1)
		return -1;
#endif
	for (size_t i = 0; i < sb->npaths; i++)
		if (allow_path(rs_fd, rs->fs, &sb->paths[i], err_r) == -1)
			return -1;
	if ((rs->net & NET_CONNECT) != 0 && sb->tcp_connect)
		return allow_ports(rs_fd, sb, err_r);
	return 0;
}

static int
landlock(const struct sandbox *sb, struct buf *err_r)
{
	int			abi = sandbox_landlock_abi(), fd, r;
	struct ll_ruleset	rs;

	say_missing(abi);
	if (abi == 0)
		return 0;
	rs = ruleset_for(sb, abi);
	fd = (int)syscall(LL_CREATE, &rs, abi < 4 ? sizeof(uint64_t) :
	    abi < 6 ? 2 * sizeof(uint64_t) : sizeof(rs), 0u);
	if (fd == -1)
		return sentence(err_r, "cannot make a Landlock ruleset", "");
	r = fill_ruleset(fd, &rs, sb, err_r);
	if (r == 0 && syscall(LL_RESTRICT, fd, 0u) == -1)
		r = sentence(err_r, "cannot enter the Landlock fence", "");
	close(fd);
	return r;
}

/* ---- seccomp ---- */

static const char *const calls_any[] = {
	/* descriptors */
	"read", "readv", "pread64", "preadv", "preadv2", "write", "writev",
	"pwrite64", "pwritev", "pwritev2", "close", "close_range", "lseek",
	"_llseek", "fcntl", "fcntl64", "dup", "dup2", "dup3", "pipe", "pipe2",
	"epoll_create", "epoll_create1", "epoll_ctl", "epoll_ctl_old",
	"epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll",
	"select", "_newselect", "pselect6", "eventfd", "eventfd2",
	"timerfd_create", "timerfd_settime", "timerfd_gettime",
	/* files, as far as Landlock lets them */
	"open", "openat", "openat2", "stat", "lstat", "fstat", "newfstatat",
	"stat64", "lstat64", "fstat64", "fstatat64", "statx", "statfs",
	"fstatfs", "access", "faccessat", "faccessat2", "readlink",
	"readlinkat", "getcwd", "getdents64", "fadvise64",
	/* memory; mmap and mprotect are below */
	"munmap", "mremap", "madvise", "brk", "mlock", "mlock2", "munlock",
	"mincore", "membarrier",
	/* threads that are there */
	"futex", "futex_time64", "futex_waitv", "set_robust_list",
	"get_robust_list", "rseq", "set_tid_address", "sched_yield",
	"sched_getaffinity", "sched_getparam", "sched_getscheduler",
	"getcpu", "restart_syscall", "exit", "exit_group", "gettid",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending",
	"rt_sigsuspend", "rt_sigtimedwait", "sigaltstack", "sigreturn",
	/* sockets that are there */
	"connect", "accept", "accept4", "getsockname", "getpeername",
	"getsockopt", "setsockopt", "recv", "recvfrom", "recvmsg", "recvmmsg",
	"send", "shutdown",
	/* time and identity */
	"clock_gettime", "clock_gettime64", "clock_getres", "clock_nanosleep",
	"nanosleep", "gettimeofday", "time", "times", "getrandom", "getpid",
	"getppid", "getuid", "geteuid", "getgid", "getegid", "getresuid",
	"getresgid", "getgroups", "getpgrp", "getpgid", "getsid", "uname",
	"sysinfo", "getrusage", "getrlimit", "ugetrlimit", "umask",
};

static const char *const calls_server[] = {
	"bind", "listen", "socketpair", "getdents", "unlink", "unlinkat",
	"rename", "renameat", "renameat2", "mkdir", "mkdirat", "rmdir",
	"chmod", "fchmod", "fchmodat", "fsync", "fdatasync", "ftruncate",
	"truncate", "fallocate", "flock", "kill", "wait4", "waitid",
	"sched_setaffinity",
};

static const char *const calls_deadly[] = {
	"kexec_load", "kexec_file_load", "init_module", "finit_module",
	"delete_module", "reboot", "process_vm_writev",
#ifndef MAST_SANITIZED
	"ptrace", "process_vm_readv",
#endif
};

#ifdef MAST_SANITIZED	/* what the address and leak checkers call */
static const char *const calls_sanitizer[] = {
	"clone", "ptrace", "process_vm_readv", "prctl", "prlimit64", "wait4",
	"getdents", "kill", "tkill", "tgkill", "personality", "ioctl",
	"setrlimit", "sched_setaffinity", "mprotect", "mmap", "socketpair",
};
#endif

#define NS_FLAGS (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | \
	CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define MASKED(n, mask, v) \
	{ .arg = (n), .op = SCMP_CMP_MASKED_EQ, .datum_a = (mask), \
	    .datum_b = (v) }
#define EQUAL(n, v) { .arg = (n), .op = SCMP_CMP_EQ, .datum_a = (v) }
#define WX (PROT_WRITE | PROT_EXEC)
#define VMA 0x53564d41	/* PR_SET_VMA: names for anonymous memory */

struct call_arg { const char *name; struct scmp_arg_cmp cmp; };

static const struct call_arg args_any[] = {
	/* never memory that is both writable and executable */
	{ "mmap", MASKED(2, WX, 0) }, { "mmap", MASKED(2, WX, PROT_WRITE) },
	{ "mmap", MASKED(2, WX, PROT_EXEC) },
	{ "mmap2", MASKED(2, WX, 0) }, { "mmap2", MASKED(2, WX, PROT_WRITE) },
	{ "mmap2", MASKED(2, WX, PROT_EXEC) },
	{ "mprotect", MASKED(2, WX, 0) },
	{ "mprotect", MASKED(2, WX, PROT_WRITE) },
	{ "mprotect", MASKED(2, WX, PROT_EXEC) },
	/* MSG_FASTOPEN would connect without the check of the port */
	{ "sendto", MASKED(3, MSG_FASTOPEN, 0) },
	{ "sendmsg", MASKED(2, MSG_FASTOPEN, 0) },
	{ "sendmmsg", MASKED(3, MSG_FASTOPEN, 0) },
	{ "ioctl", EQUAL(1, FIONBIO) }, { "ioctl", EQUAL(1, FIONREAD) },
	{ "ioctl", EQUAL(1, FIOCLEX) }, { "ioctl", EQUAL(1, TCGETS) },
	{ "ioctl", EQUAL(1, TIOCGWINSZ) },
	{ "prctl", EQUAL(0, PR_SET_NAME) }, { "prctl", EQUAL(0, PR_GET_NAME) },
	{ "prctl", EQUAL(0, PR_GET_DUMPABLE) }, { "prctl", EQUAL(0, VMA) },
	{ "prlimit64", EQUAL(2, 0) },	/* asks only */
};

/* Threads, and no new namespace with them. */
static const struct call_arg args_server[] = {
	{ "clone", MASKED(0, CLONE_THREAD | NS_FLAGS, CLONE_THREAD) },
	{ "socket", EQUAL(0, AF_UNIX) },
};

/*
 * Family, type and protocol: SCTP and multipath TCP are streams as well, but
 * Landlock looks at TCP only.
 */
static const struct { int type, protocol; } inet_kinds[] = {
	{ SOCK_STREAM, 0 }, { SOCK_STREAM, IPPROTO_TCP },
	{ SOCK_DGRAM, 0 }, { SOCK_DGRAM, IPPROTO_UDP },
};

static int
add_names(scmp_filter_ctx ctx, uint32_t action, const char *const *names,
    size_t n)
{
	size_t	i;
	int	nr, r;

	for (i = 0; i < n; i++) {
		nr = seccomp_syscall_resolve_name(names[i]);
		if (nr == __NR_SCMP_ERROR)
			continue;	/* not on this architecture */
		r = seccomp_rule_add(ctx, action, nr, 0);
		if (r < 0 && r != -EDOM)
			return r;
	}
	return 0;
}

static int
add_args(scmp_filter_ctx ctx, const struct call_arg *rules, size_t n)
{
	size_t	i;
	int	nr, r;

	for (i = 0; i < n; i++) {
		nr = seccomp_syscall_resolve_name(rules[i].name);
		if (nr == __NR_SCMP_ERROR)
			continue;
		r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, nr, 1,
		    &rules[i].cmp);
		if (r < 0 && r != -EDOM)
			return r;
	}
	return 0;
}

static int
add_inet(scmp_filter_ctx ctx)
{
	static const int	families[] = { AF_INET, AF_INET6 };
	struct scmp_arg_cmp	cmp[3];
	size_t			f, k;
	int			r;

	for (f = 0; f < nitems(families); f++) {
		for (k = 0; k < nitems(inet_kinds); k++) {
			cmp[0] = SCMP_A0(SCMP_CMP_EQ,
			    (scmp_datum_t)families[f]);
			cmp[1] = SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf,
			    (scmp_datum_t)inet_kinds[k].type);
			cmp[2] = SCMP_A2(SCMP_CMP_EQ,
			    (scmp_datum_t)inet_kinds[k].protocol);
			r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW,
			    SCMP_SYS(socket), 3, cmp);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* abort(3) signals its own process and nobody else. */
static int
add_self(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
	    SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
}

static int
fill_filter(scmp_filter_ctx ctx, const struct sandbox *sb)
{
	bool	server = sb->profile == SANDBOX_SERVER;
	int	r;

	/* glibc falls back to clone, whose flags a filter can read */
	if ((r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS),
	    SCMP_SYS(clone3), 0)) < 0 ||
	    (r = add_names(ctx, SCMP_ACT_KILL_PROCESS, calls_deadly,
	    nitems(calls_deadly))) < 0)
		return r;
#ifdef MAST_SANITIZED
	if ((r = add_names(ctx, SCMP_ACT_ALLOW, calls_sanitizer,
	    nitems(calls_sanitizer))) < 0)
		return r;
#endif
	if ((r = add_names(ctx, SCMP_ACT_ALLOW, calls_any,
	    nitems(calls_any))) < 0 ||
	    (r = add_args(ctx, args_any, nitems(args_any))) < 0 ||
	    (r = add_self(ctx)) < 0)
		return r;
	if (server && ((r = add_names(ctx, SCMP_ACT_ALLOW, calls_server,
	    nitems(calls_server))) < 0 ||
	    (r = add_args(ctx, args_server, nitems(args_server))) < 0))
		return r;
	return sb->inet ? add_inet(ctx) : 0;
}

static int
seccomp(const struct sandbox *sb, struct buf *err_r)
{
	scmp_filter_ctx	ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int		r;

	if (ctx == NULL) {
		buf_puts(err_r, "cannot make a system call filter");
		return -1;
	}
	r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	if (r == 0)	/* a binary tree: the hot calls are reached soon */
		seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r == 0)
		r = fill_filter(ctx, sb);
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	if (r == 0)
		return 0;
	errno = -r;
	return sentence(err_r, "cannot load the system call filter", "");
}

int
sandbox_fence(const struct sandbox *sb, struct buf *err_r)
{
	if (sb->profile == SANDBOX__UNSET)
		fatal("sandbox: no profile");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == -1)
		return sentence(err_r, "cannot set no_new_privs", "");
	if (landlock(sb, err_r) == -1)
		return -1;
	return seccomp(sb, err_r);
}
