/*
 * proc: what the bodies of the daemons share. Owns the signal events, the
 * service manager's socket and its watchdog. proc_new comes before the
 * sandbox: it opens that socket.
 */
#include "config.h"

#include <event2/event.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "mono.h"
#include "proc.h"
#include "sock.h"
#include "str.h"
#include "xmalloc.h"

#ifndef MAST_SYSCONFDIR
#define MAST_SYSCONFDIR "/etc/mastkeeper"
#endif
#define CONF_FILE MAST_SYSCONFDIR "/mastkeeper.conf"

enum { OPT_KEYS = 256, OPT_VERSION, OPT_HELP, OPT_IDS, OPT_EXTRA };

struct proc {
	struct event_base	*base;
	const struct proc_ops	*ops;
	void			*arg;
	struct event		*signals[3];
	struct event		*watchdog, *deadline;
	int			 notify;	/* -1: no service manager */
	mono_us			 beat;		/* 0: no watchdog */
	unsigned		 stops;		/* signals to stop so far */
};

/* What libevent has to say is a line of ours like any other. */
static void
on_libevent(int severity, const char *text)
{
	if (severity == EVENT_LOG_ERR)
		log_error("libevent: %s", text);
	else if (severity == EVENT_LOG_WARN)
		log_warn("libevent: %s", text);
	else
		log_debug("libevent: %s", text);
}

/* ---- options ---- */

static const char *
program_name(const struct conf_table *table, char *dst, size_t size)
{
	if (strcmp(table->program, "ctl") == 0)
		return "mastctl";
	snprintf(dst, size, "mastkeeper-%s", table->program);
	return dst;
}

static void
print(struct buf *b)
{
	if (fwrite(buf_head(b), 1, buf_used(b), stdout) != buf_used(b) ||
	    fflush(stdout) != 0)
		exit(PROC_OSERR);
	buf_free(b);
	exit(0);
}

static void
help(const char *name, const struct proc_extra *extras, size_t nextras)
{
	struct buf	b = BUF_INIT;
	size_t		i;

	buf_printf(&b, "usage: %s [OPTIONS]\n"
	    "  -f, --config FILE   configuration (%s)\n"
	    "  -t, --test          check the configuration and end\n"
	    "  -d, --debug         log at level debug\n"
	    "      --config-keys   print every key with its default\n"
	    "      --message-ids   print the journal's message ids\n"
	    "      --version       print name and version\n"
	    "      --help          print this\n", name, CONF_FILE);
	for (i = 0; i < nextras; i++)
		buf_printf(&b, "      --%-14s%s\n", extras[i].name,
		    extras[i].help);
	print(&b);
}

static struct option *
long_options(const struct proc_extra *extras, size_t nextras)
{
	static const struct option	 fixed[] = {
		{ "config", required_argument, NULL, 'f' },
		{ "test", no_argument, NULL, 't' },
		{ "debug", no_argument, NULL, 'd' },
		{ "config-keys", no_argument, NULL, OPT_KEYS },
		{ "message-ids", no_argument, NULL, OPT_IDS },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ "help", no_argument, NULL, OPT_HELP },
	};
	struct option			*opts;
	size_t				 i;

	opts = xcalloc(nitems(fixed) + nextras + 1, sizeof(*opts));
	memcpy(opts, fixed, sizeof(fixed));
	for (i = 0; i < nextras; i++)
		opts[nitems(fixed) + i] = (struct option){ extras[i].name,
		    no_argument, NULL, OPT_EXTRA + (int)i };
	return opts;
}

static void
message_ids(struct buf *b)
{
	const struct log_event_row *row;
	int i;

	for (i = LOG__UNSET + 1; i < LOG__N; i++) {
		row = log_event_row((enum log_id)i);
		buf_printf(b, "%s %-15s %s\n", row->id, row->name,
		    row->text);
	}
}

/* The options that print and end. Returns for all others. */
static void
print_option(int c, const struct conf_table *table,
    const struct proc_extra *extras, size_t nextras)
{
	struct buf	b = BUF_INIT;
	char		text[64];
	const char	*name = program_name(table, text, sizeof(text));

	if (c == OPT_HELP)
		help(name, extras, nextras);
	if (c == OPT_IDS)
		message_ids(&b);
	else if (c == OPT_KEYS)
		conf_dump(table, &b);
	else if (c == OPT_VERSION)
		buf_printf(&b, "%s %s\n", name, PACKAGE_VERSION);
	else if (c >= OPT_EXTRA && (size_t)(c - OPT_EXTRA) < nextras)
		extras[c - OPT_EXTRA].dump(&b);
	else
		return;
	print(&b);
}

static void
set_level(const void *conf, const struct proc_start *start)
{
	const struct conf_suite *suite = conf;

	log_set_level(start->debug ? LOG_L_DEBUG :
	    (enum log_level)suite->log_level);
}

static void
read_conf(const struct conf_table *table, void *conf,
    const struct proc_start *start)
{
	struct buf err = BUF_INIT;

	if (conf_read_file(table, conf, start->file, &err) == -1)
		log_exit(PROC_CONFIG, "%s", buf_cstr(&err));
	buf_free(&err);
	set_level(conf, start);
}

void
proc_options(int argc, char **argv, const struct conf_table *table,
    void *conf, const struct proc_extra *extras, size_t nextras,
    struct proc_start *start_r)
{
	struct option	*opts = long_options(extras, nextras);
	char		 text[64];
	int		 c;

	*start_r = (struct proc_start){ .file = CONF_FILE };
	log_init(table->program, LOG_L_INFO);
	event_set_log_callback(on_libevent);
	while ((c = getopt_long(argc, argv, "f:td", opts, NULL)) != -1) {
		switch (c) {
		case 'f':
			start_r->file = optarg;
			break;
		case 't':
			start_r->test = true;
			break;
		case 'd':
			start_r->debug = true;
			break;
		default:
			print_option(c, table, extras, nextras);
			exit(PROC_USAGE);	/* getopt has said why */
		}
	}
	free(opts);
	if (optind != argc) {
		fprintf(stderr, "%s: unexpected argument '%s'\n",
		    program_name(table, text, sizeof(text)), argv[optind]);
		exit(PROC_USAGE);
	}
	read_conf(table, conf, start_r);
}

void
proc_reload(const struct proc_start *start, const struct conf_table *table,
    void *conf, void *fresh)
{
	struct buf taken = BUF_INIT, waits = BUF_INIT;

	conf_reload(table, conf, fresh, &taken, &waits);
	set_level(conf, start);
	log_event(LOG_RELOADED, "reload: done; changed: %s", buf_used(&taken) > 0 ?
	    buf_cstr(&taken) : "nothing");
	if (buf_used(&waits) > 0)
		log_warn("reload: these wait for a restart: %s",
		    buf_cstr(&waits));
	conf_free(table, fresh);
	buf_free(&taken);
	buf_free(&waits);
}

/* ---- the service manager, sd_notify(3) ---- */

static int
notify_open(void)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	const char		*path = getenv("NOTIFY_SOCKET");
	size_t			 n = path != NULL ? strlen(path) : 0;
	int			 fd;

	if (n < 2 || n >= sizeof(sun.sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return -1;
	memcpy(sun.sun_path, path, n);
	if (path[0] == '@')
		sun.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	if (connect(fd, (const struct sockaddr *)&sun, (socklen_t)
	    (offsetof(struct sockaddr_un, sun_path) + n)) == -1) {
		log_warn("proc: cannot reach the service manager: %s",
		    strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

static void
notify(struct proc *p, const char *text)
{
	if (p->notify != -1 && send(p->notify, text, strlen(text),
	    MSG_NOSIGNAL | MSG_DONTWAIT) == -1)
		log_debug("proc: notify: %s", strerror(errno));
}

/* Half of the time the manager allows; 0 when it does not watch us. */
static mono_us
watchdog_beat(void)
{
	const char	*usec = getenv("WATCHDOG_USEC");
	const char	*pid = getenv("WATCHDOG_PID");
	uint64_t	 us, who;

	if (usec == NULL ||
	    slice_u64(slice_of(usec), INT64_MAX, &us) == -1 || us == 0)
		return 0;
	if (pid != NULL && (slice_u64(slice_of(pid), INT64_MAX, &who) == -1 ||
	    who != (uint64_t)getpid()))
		return 0;
	return (mono_us)(us / 2) > 0 ? (mono_us)(us / 2) : 1;
}

static struct timeval
timeval_of(mono_us us)
{
	return (struct timeval){ .tv_sec = (time_t)(us / MONO_SEC),
	    .tv_usec = (suseconds_t)(us % MONO_SEC) };
}

static void
on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	struct proc *p = arg;

	notify(p, "WATCHDOG=1");
}

void
proc_ready(struct proc *p, const char *status)
{
	struct buf	b = BUF_INIT;
	struct timeval	tv;

	buf_printf(&b, "READY=1\nSTATUS=%s", status != NULL ? status :
	    "running");
	notify(p, buf_cstr(&b));
	buf_free(&b);
	if (p->notify == -1 || p->beat == 0)
		return;
	tv = timeval_of(p->beat);
	event_add(p->watchdog, &tv);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct proc *p = arg;

	log_warn("proc: not everything ended in time");
	event_base_loopbreak(p->base);
}

void
proc_status(struct proc *p, const char *text)
{
	struct buf b = BUF_INIT;

	buf_printf(&b, "STATUS=%s", text);
	notify(p, buf_cstr(&b));
	buf_free(&b);
}

void
proc_stopping(struct proc *p, unsigned ms)
{
	struct timeval tv = timeval_of(ms * MONO_MS);

	notify(p, "STOPPING=1\nSTATUS=stopping");
	event_add(p->deadline, &tv);
}

/* ---- signals ---- */

static void
on_hangup(struct proc *p)
{
	struct buf b = BUF_INIT;

	log_info("proc: reload");
	buf_printf(&b, "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)mono_now());
	notify(p, buf_cstr(&b));
	buf_free(&b);
	if (p->ops->reload != NULL)
		p->ops->reload(p->arg);
	notify(p, "READY=1");
}

static void
on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct proc *p = arg;

	if (sig == SIGHUP) {
		on_hangup(p);
		return;
	}
	if (p->stops++ > 0) {
		log_warn("proc: second %s, ending at once",
		    strsignal((int)sig));
		event_base_loopbreak(p->base);
		return;
	}
	log_info("proc: %s, stopping", strsignal((int)sig));
	if (p->ops->stop != NULL)
		p->ops->stop(p->arg);
	else
		event_base_loopbreak(p->base);
}

struct proc *
proc_new(struct event_base *base, const struct proc_ops *ops, void *arg)
{
	static const int	 sigs[] = { SIGHUP, SIGTERM, SIGINT };
	struct proc		*p = xcalloc(1, sizeof(*p));
	size_t			 i;

	p->base = base;
	p->ops = ops;
	p->arg = arg;
	p->beat = watchdog_beat();
	p->notify = notify_open();
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < nitems(sigs); i++) {
		p->signals[i] = evsignal_new(base, sigs[i], on_signal, p);
		if (p->signals[i] == NULL ||
		    event_add(p->signals[i], NULL) == -1)
			fatal("proc: cannot watch signal %d", sigs[i]);
	}
	p->watchdog = event_new(base, -1, EV_PERSIST, on_watchdog, p);
	p->deadline = evtimer_new(base, on_deadline, p);
	if (p->watchdog == NULL || p->deadline == NULL)
		fatal("proc: no events");
	return p;
}

void
proc_free(struct proc *p)
{
	size_t i;

	if (p == NULL)
		return;
	for (i = 0; i < nitems(p->signals); i++)
		event_free(p->signals[i]);
	event_free(p->watchdog);
	event_free(p->deadline);
	if (p->notify != -1)
		close(p->notify);
	free(p);
}

bool
proc_own_account(const char *user)
{
	const struct passwd *pw = user != NULL ? getpwnam(user) : NULL;

	return pw != NULL && pw->pw_uid != 0 && pw->pw_uid == geteuid();
}

static bool
uid_is_mapped(uid_t uid)
{
	unsigned long long inside, outside, n;
	bool found = false;
	char line[128];
	FILE *f = fopen("/proc/self/uid_map", "re");

	if (f == NULL)
		return true;
	while (!found && fgets(line, sizeof(line), f) != NULL)
		found = sscanf(line, "%llu %llu %llu", &inside, &outside,
		    &n) == 3 && uid >= inside && uid - inside < n;
	fclose(f);
	return found;
}

uid_t
proc_peer_uid(uid_t uid, const char *path)
{
	unsigned long over = 65534;
	struct stat st;
	FILE *f;

	if (uid_is_mapped(uid) || stat(path, &st) == -1 ||
	    (st.st_mode & S_IWOTH) != 0)
		return uid;
	f = fopen("/proc/sys/kernel/overflowuid", "re");
	if (f != NULL) {
		if (fscanf(f, "%lu", &over) != 1)
			over = 65534;
		fclose(f);
	}
	return (uid_t)over;
}

/* ---- descriptors ---- */

int
proc_spare_open(void)
{
	return eventfd(0, EFD_CLOEXEC);	/* needs no path, even when fenced */
}

void
proc_spare_accept(int *spare, int listen_fd)
{
	int fd;

	if (*spare != -1)
		close(*spare);
	fd = sock_accept(listen_fd, NULL);
	if (fd != -1)
		close(fd);
	*spare = proc_spare_open();
}

static int
read_all(int fd, size_t max, struct buf *out)
{
	size_t	start = buf_used(out);
	ssize_t	n;

	for (;;) {
		n = read(fd, buf_reserve(out, 8192), 8192);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		buf_commit(out, (size_t)n);
		if (buf_used(out) - start > max) {
			errno = EFBIG;
			return -1;
		}
	}
}

int
proc_read_file(const char *path, size_t max, struct buf *out,
    struct buf *err_r)
{
	size_t	used = buf_used(out);
	int	fd, r = -1, save;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd != -1)
		r = read_all(fd, max, out);
	save = errno;
	if (fd != -1)
		close(fd);
	if (r == 0)
		return 0;
	out->len = out->off + used;
	buf_printf(err_r, "cannot read %s: %s", path, strerror(save));
	errno = save;
	return -1;
}

uint64_t
proc_rss(void)
{
	unsigned long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f == NULL)
		return 0;
	if (fscanf(f, "%*u %llu", &pages) != 1)
		pages = 0;
	(void)fclose(f);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
