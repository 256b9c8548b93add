/*
 * sandbox: every promise is tried from inside, in a child that enters the
 * fence and then attempts one thing. What this kernel's Landlock cannot do
 * is skipped with a line that says so.
 */
#include "config.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "sandbox.h"
#include "secret.h"
#include "sock.h"
#include "tls.h"
#include "xmalloc.h"

#ifdef MAST_SANITIZED
#define SANITIZED true
#else
#define SANITIZED false
#endif

#define KILLED	1000	/* expected: the process ends by SIGSYS */
#define ABORTED	1001

/* Made before the fence, used inside. */
static struct {
	char		dir[24], rd[40], wr[40], file[48];
	uint16_t	port_open, port_shut;
	int		tcp[2], uds;
} world;

/* ---- the attempts: 0 or errno ---- */

static int
result(int r)
{
	return r == -1 ? errno : 0;
}

static int
try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd == -1)
		return errno;
	close(fd);
	return 0;
}

static int
read_outside(void)
{
	return try_open("/etc/passwd", O_RDONLY);
}

static int
read_inside(void)
{
	return try_open(world.file, O_RDONLY);
}

static int
write_read_only(void)
{
	return try_open(world.file, O_WRONLY);
}

static int
create_read_only(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/new", world.rd);
	return try_open(path, O_WRONLY | O_CREAT);
}

static int
create_inside(void)
{
	char path[64], to[64];
	int  r;

	snprintf(path, sizeof(path), "%s/new", world.wr);
	snprintf(to, sizeof(to), "%s/newer", world.wr);
	if ((r = try_open(path, O_WRONLY | O_CREAT)) != 0)
		return r;
	if (rename(path, to) == -1)
		return errno;
	return result(unlink(to));
}

static int
create_outside(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/new", world.dir);
	return try_open(path, O_WRONLY | O_CREAT);
}

static int
do_exec(void)
{
	char *argv[] = { (char[]){ "true" }, NULL }, *envp[] = { NULL };

	execve("/bin/true", argv, envp);
	return errno;
}

static int
do_fork(void)
{
	pid_t pid = fork();

	if (pid == -1)
		return errno;
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	return 0;
}

static void *
thread_main(void *arg)
{
	*(int *)arg = 42;
	return NULL;
}

static int
do_thread(void)
{
	pthread_t	t;
	int		r, seen = 0;

	if ((r = pthread_create(&t, NULL, thread_main, &seen)) != 0)
		return EPERM;
	pthread_join(t, NULL);
	return seen == 42 ? 0 : EIO;
}

static int
try_socket(int family, int type, int protocol)
{
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);

	if (fd == -1)
		return errno;
	close(fd);
	return 0;
}

static int
sock_unix(void)
{
	return try_socket(AF_UNIX, SOCK_STREAM, 0);
}

static int
sock_inet(void)
{
	int r = try_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP);

	return r != 0 ? r : try_socket(AF_INET, SOCK_DGRAM, 0);
}

static int
sock_netlink(void)
{
	return try_socket(AF_NETLINK, SOCK_RAW, 0);
}

static int
sock_packet(void)
{
	return try_socket(AF_PACKET, SOCK_RAW, 0);
}

static int
sock_raw(void)
{
	return try_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

static int
sock_mptcp(void)
{
	return try_socket(AF_INET, SOCK_STREAM, 262);
}

static int
sock_alg(void)
{
	return try_socket(AF_ALG, SOCK_SEQPACKET, 0);
}

static int
try_connect(uint16_t port)
{
	struct sockaddr_in	sin = { .sin_family = AF_INET };
	int			fd, r;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return ENOTSOCK;
	sin.sin_port = htons(port);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	r = result(connect(fd, (struct sockaddr *)&sin, sizeof(sin)));
	close(fd);
	return r;
}

static int
connect_listed(void)
{
	return try_connect(world.port_open);
}

static int
connect_other(void)
{
	return try_connect(world.port_shut);
}

static int
connect_fastopen(void)
{
	struct sockaddr_in	sin = { .sin_family = AF_INET };
	int			fd, r;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	sin.sin_port = htons(world.port_shut);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	r = sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&sin,
	    sizeof(sin)) == -1 ? errno : 0;
	close(fd);
	return r;
}

static int
bind_tcp(void)
{
	struct sockaddr_in	sin = { .sin_family = AF_INET };
	int			fd, r;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return ENOTSOCK;
	sin.sin_port = htons(world.port_shut + 1);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	r = result(bind(fd, (struct sockaddr *)&sin, sizeof(sin)));
	close(fd);
	return r;
}

static int
listen_again(void)
{
	return result(listen(world.uds, 5));
}

static int
accept_unix(void)
{
	int fd = sock_accept(world.uds, NULL);

	if (fd == -1)
		return errno;
	close(fd);
	return 0;
}

static int
do_ptrace(void)
{
	return result((int)ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int
do_kexec(void)
{
	return result((int)syscall(SYS_kexec_load, 0L, 0L, NULL, 0L));
}

static int
load_module(void)
{
	return result((int)syscall(SYS_finit_module, -1, "", 0));
}

static int
do_io_uring(void)
{
	return result((int)syscall(SYS_io_uring_setup, 1, NULL));
}

static int
do_bpf(void)
{
	return result((int)syscall(SYS_bpf, 0, NULL, 0));
}

static int
do_keyctl(void)
{
	return result((int)syscall(SYS_keyctl, 0, 0, 0, 0, 0));
}

static int
do_mount(void)
{
	return result(mount("none", world.dir, "tmpfs", 0, NULL));
}

static int
do_unshare(void)
{
	return result(unshare(CLONE_NEWUSER));
}

static int
do_clone3(void)
{
	return result((int)syscall(SYS_clone3, NULL, 0));
}

static int
thread_in_namespace(void)
{
	return result((int)syscall(SYS_clone, CLONE_THREAD | CLONE_SIGHAND |
	    CLONE_VM | CLONE_NEWNET, NULL, NULL, NULL, NULL));
}

static int
do_setuid(void)
{
	return result(setuid(12345));
}

static int
do_chroot(void)
{
	return result(chroot("/"));
}

static int
map_wx(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static int
raise_limit(void)
{
	struct rlimit rl = { 10, 10 };

	return result(setrlimit(RLIMIT_NOFILE, &rl));
}

static int
signal_parent(void)
{
	return result(kill(getppid(), 0));
}

static int
do_abort(void)
{
	abort();
}

static int
limits_hold(void)
{
	struct rlimit core, files;

	if (getrlimit(RLIMIT_CORE, &core) == -1 ||
	    getrlimit(RLIMIT_NOFILE, &files) == -1)
		return errno;
	if (core.rlim_max != 0 || files.rlim_cur != files.rlim_max)
		return EINVAL;
	return SANITIZED || prctl(PR_GET_DUMPABLE) == 0 ? 0 : EINVAL;
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	*(int *)arg = 1;
}

/* What a daemon does all day. */
static int
daily_work(void)
{
	struct buf		 cert = BUF_INIT, key = BUF_INIT,
				 err = BUF_INIT;
	struct timeval		 tv = { 0, 1000 };
	struct event_base	*base;
	char			 phc[SECRET_PWHASH], *big, c;
	int			 p[2], fired = 0;

	if (secret_init() == -1 ||
	    secret_pwhash(phc, SLICE("Correct1horse")) == -1)
		return ENOMEM;
	if (tls_selfsigned("localhost", &cert, &key, &err) == -1)
		return EPROTO;
	big = xmalloc(64 * 1024 * 1024);
	memset(big, 1, 64 * 1024 * 1024);
	free(big);
	if ((base = event_base_new()) == NULL)
		return EBADF;
	event_base_once(base, -1, EV_TIMEOUT, on_time, &fired, &tv);
	event_base_dispatch(base);
	event_base_free(base);
	if (!fired || pipe2(p, O_CLOEXEC) == -1 ||
	    write(p[1], "x", 1) != 1 || read(p[0], &c, 1) != 1)
		return EIO;
	if (send(world.tcp[0], "x", 1, MSG_NOSIGNAL) != 1 ||
	    recv(world.tcp[1], &c, 1, 0) != 1)
		return errno;
	log_debug("sandbox test: a line");
	return 0;
}

/* ---- the table ---- */

enum { SERVER = 1, STRICT = 2, BOTH = 3 };

static const struct {
	const char	*name;
	int		(*fn)(void);
	unsigned	 profiles;
	int		 expect;
	int		 abi;		/* Landlock needed; 0: none */
	bool		 lax;		/* not in a sanitizer's build */
	bool		 no_inet;	/* with .inet false */
} rows[] = {
	{ "daily work", daily_work, BOTH, 0 },
	{ "limits", limits_hold, BOTH, 0 },
	{ "file outside", read_outside, BOTH, EACCES, 1 },
	{ "file inside", read_inside, BOTH, 0 },
	{ "write, read-only", write_read_only, BOTH, EACCES, 1 },
	{ "create, read-only", create_read_only, BOTH, EACCES, 1 },
	{ "create outside", create_outside, BOTH, EACCES, 1 },
	{ "create inside", create_inside, SERVER, 0 },
	{ "exec", do_exec, BOTH, EPERM },
	{ "fork", do_fork, BOTH, EPERM, 0, true },
	{ "thread", do_thread, SERVER, 0 },
	{ "thread", do_thread, STRICT, EPERM, 0, true },
	{ "AF_UNIX", sock_unix, SERVER, 0 },
	{ "AF_UNIX", sock_unix, STRICT, EPERM },
	{ "AF_INET", sock_inet, BOTH, 0 },
	{ "AF_INET without inet", sock_inet, BOTH, EPERM, 0, false, true },
	{ "AF_NETLINK", sock_netlink, BOTH, EPERM },
	{ "AF_PACKET", sock_packet, BOTH, EPERM },
	{ "AF_ALG", sock_alg, BOTH, EPERM },
	{ "raw socket", sock_raw, BOTH, EPERM },
	{ "multipath TCP", sock_mptcp, BOTH, EPERM },
	{ "connect, listed port", connect_listed, BOTH, 0 },
	{ "connect, other port", connect_other, BOTH, EACCES, 4 },
	{ "connect by fast open", connect_fastopen, BOTH, EPERM },
	{ "bind TCP", bind_tcp, SERVER, EACCES, 4 },
	{ "bind TCP", bind_tcp, STRICT, EPERM },
	{ "listen", listen_again, SERVER, 0 },
	{ "listen", listen_again, STRICT, EPERM },
	{ "accept", accept_unix, BOTH, EAGAIN },
	{ "ptrace", do_ptrace, BOTH, KILLED, 0, true },
	{ "kexec", do_kexec, BOTH, KILLED },
	{ "kernel module", load_module, BOTH, KILLED },
	{ "io_uring", do_io_uring, BOTH, EPERM },
	{ "bpf", do_bpf, BOTH, EPERM },
	{ "keyctl", do_keyctl, BOTH, EPERM },
	{ "mount", do_mount, BOTH, EPERM },
	{ "unshare", do_unshare, BOTH, EPERM },
	{ "clone3", do_clone3, BOTH, ENOSYS },
	{ "namespace", thread_in_namespace, BOTH, EPERM, 0, true },
	{ "setuid", do_setuid, BOTH, EPERM },
	{ "chroot", do_chroot, BOTH, EPERM },
	{ "writable code", map_wx, BOTH, EPERM, 0, true },
	{ "setrlimit", raise_limit, BOTH, EPERM, 0, true },
	{ "signal", signal_parent, STRICT, EPERM, 0, true },
	{ "signal", signal_parent, SERVER, EPERM, 6 },
	{ "abort", do_abort, BOTH, ABORTED, 0, true },
};

static void
make_world(void)
{
	struct sock_addr	a;
	struct buf		err = BUF_INIT, text = BUF_INIT;
	int			fd;

	snprintf(world.dir, sizeof(world.dir), "/tmp/tb-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(world.dir));
	snprintf(world.rd, sizeof(world.rd), "%s/r", world.dir);
	snprintf(world.wr, sizeof(world.wr), "%s/w", world.dir);
	snprintf(world.file, sizeof(world.file), "%s/f", world.rd);
	mkdir(world.rd, 0700);
	mkdir(world.wr, 0700);
	fd = open(world.file, O_CREAT | O_WRONLY, 0600);
	close(fd);
	ck_assert_int_eq(sock_parse("127.0.0.1:0", &a, &err), 0);
	fd = sock_listen(&a, 0, 0, (gid_t)-1, &err);
	world.port_open = (uint16_t)sock_port(fd);
	fd = sock_listen(&a, 0, 0, (gid_t)-1, &err);
	world.port_shut = (uint16_t)sock_port(fd);
	buf_printf(&text, "unix:%s/s", world.dir);
	ck_assert_int_eq(sock_parse(buf_cstr(&text), &a, &err), 0);
	world.uds = sock_listen(&a, 0, 0600, (gid_t)-1, &err);
	ck_assert_int_ne(world.uds, -1);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, world.tcp), 0);
	buf_free(&err);
	buf_free(&text);
}

static void
end_world(void)
{
	char path[64];

	unlink(world.file);
	rmdir(world.rd);
	rmdir(world.wr);
	snprintf(path, sizeof(path), "%s/s", world.dir);
	unlink(path);
	ck_assert_int_eq(rmdir(world.dir), 0);
}

static void
enter(enum sandbox_profile profile, bool inet)
{
	struct sandbox_path	paths[] = {
		{ world.rd, false, false }, { world.wr, true, false },
		{ "/no/such/thing", false, true },
	};
	struct sandbox		sb = {
		.profile = profile, .paths = paths, .npaths = nitems(paths),
		.tcp_connect = true, .ports = &world.port_open, .nports = 1,
		.inet = inet,
	};
	struct buf		err = BUF_INIT;

	if (sandbox_limits(&err) == -1 || sandbox_fence(&sb, &err) == -1) {
		fprintf(stderr, "# %s\n", buf_cstr(&err));
		_exit(255);
	}
}

static int
outcome(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? KILLED :
		    WTERMSIG(status) == SIGABRT ? ABORTED : -1;
	return WEXITSTATUS(status);
}

static void
attempt(unsigned i, enum sandbox_profile profile)
{
	pid_t	pid = fork();
	int	got;

	ck_assert_int_ne(pid, -1);
	if (pid == 0) {
		enter(profile, !rows[i].no_inet);
		_exit(rows[i].fn());
	}
	got = outcome(pid);
	ck_assert_msg(got == rows[i].expect, "%s in profile %d: %d, not %d",
	    rows[i].name, (int)profile, got, rows[i].expect);
}

START_TEST(fence)
{
	int abi = sandbox_landlock_abi();

	if (rows[_i].abi > abi || (rows[_i].lax && SANITIZED)) {
		fprintf(stderr, "# skipped: %s: %s\n", rows[_i].name,
		    rows[_i].abi > abi ? "this kernel's Landlock is too old" :
		    "a sanitizer needs it");
		return;
	}
	make_world();
	if ((rows[_i].profiles & SERVER) != 0)
		attempt((unsigned)_i, SANDBOX_SERVER);
	if ((rows[_i].profiles & STRICT) != 0)
		attempt((unsigned)_i, SANDBOX_STRICT);
	end_world();
}
END_TEST

/* As on a kernel without Landlock: its calls answer ENOSYS. */
static void
hide_landlock(void)
{
	struct sock_filter	code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 444, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 446, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog	prog = { nitems(code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == -1)
		_exit(254);
}

START_TEST(without_landlock)
{
	pid_t pid;

	make_world();
	if ((pid = fork()) == 0) {
		hide_landlock();
		if (sandbox_landlock_abi() != 0)
			_exit(253);
		enter(SANDBOX_STRICT, true);
		_exit(read_outside() == 0 && do_exec() == EPERM &&
		    sock_unix() == EPERM ? 0 : 1);
	}
	ck_assert_int_eq(outcome(pid), 0);
	end_world();
}
END_TEST

/* A path that must be there and is not: refused, in one sentence. */
START_TEST(missing_path)
{
	struct sandbox_path	path = { "/no/such/thing", false, false };
	struct sandbox		sb = { .profile = SANDBOX_SERVER,
				    .paths = &path, .npaths = 1 };
	struct buf		err = BUF_INIT;
	pid_t			pid;

	if (sandbox_landlock_abi() == 0)
		return;
	if ((pid = fork()) == 0) {
		if (sandbox_fence(&sb, &err) == 0)
			_exit(1);
		_exit(strstr(buf_cstr(&err), path.path) != NULL ? 0 : 2);
	}
	ck_assert_int_eq(outcome(pid), 0);
}
END_TEST

static int
dropped(void)
{
	struct buf	err = BUF_INIT;
	gid_t		groups[8];
	bool		switched;

	if (sandbox_drop("no-such-user-here", &switched, &err) == 0 ||
	    switched || buf_used(&err) == 0)
		return 1;
	if (sandbox_drop("root", &switched, &err) == 0 || getuid() != 0)
		return 2;
	if (sandbox_drop("nobody", &switched, &err) == -1 || !switched)
		return 3;
	if (getuid() != 65534 || geteuid() != 65534 || getgid() == 0)
		return 4;
	if (setuid(0) != -1 || setgid(0) != -1 || setgroups(0, NULL) != -1)
		return 5;
	if (getgroups(8, groups) > 1 || (getgroups(8, groups) == 1 &&
	    groups[0] != getgid()))
		return 6;
	/* from now on there is nothing to drop */
	if (sandbox_drop("nobody", &switched, &err) == -1 || switched)
		return 7;
	return 0;
}

START_TEST(drop)
{
	struct buf	err = BUF_INIT;
	bool		switched = true;
	pid_t		pid;

	if (geteuid() != 0) {
		ck_assert_int_eq(sandbox_drop("nobody", &switched, &err), 0);
		ck_assert(!switched);
		return;
	}
	if ((pid = fork()) == 0)
		_exit(dropped());
	ck_assert_int_eq(outcome(pid), 0);
}
END_TEST

int
main(void)
{
	Suite	*s = suite_create("sandbox");
	TCase	*t = tcase_create("sandbox");
	SRunner	*sr;
	int	 failed;

	log_init("test", LOG_L_WARN);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, fence, 0, nitems(rows));
	tcase_add_test(t, without_landlock);
	tcase_add_test(t, missing_path);
	tcase_add_test(t, drop);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, getenv("CK_TAP_LOG_FILE_NAME") != NULL ?
	    CK_SILENT : CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
