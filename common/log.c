/*
 * log: one event, one line. Owns the process's log state (the only state of
 * its kind: a log call has no context to carry it) and the journal socket.
 * One write(2) or send(2) a line, so lines of threads never mix.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "valid.h"
#include "xmalloc.h"

#define LOG_LINE	4096	/* longer texts are cut */
#define JOURNAL		"/run/systemd/journal/socket"

static struct {
	const char	*ident;
	enum log_level	 max;
	int		 journal;	/* -1: plain stderr */
	bool		 stream;	/* stderr is a journal stream */
} state = { "mastkeeper", LOG_L_INFO, -1, false };

static const struct {
	const char	*name;
	int		 priority;	/* syslog(3) numbers */
} levels[] = {
	[LOG_L_ERROR] = { "error", 3 },
	[LOG_L_WARN] = { "warn", 4 },
	[LOG_L_INFO] = { "info", 6 },
	[LOG_L_DEBUG] = { "debug", 7 },
};

static const struct log_event_row events[LOG__N] = {
	[LOG_READY] = { "ready",
	    "9fb93534081c4253b1e273a87984a8ab",
	    "the daemon serves",
	    LOG_L_INFO },
	[LOG_STOPPED] = { "stopped",
	    "db149e4714be49abb93fe42eabd2d9f2",
	    "the daemon has ended in order",
	    LOG_L_INFO },
	[LOG_START_REFUSED] = { "start-refused",
	    "3994693ea3ae4e689323451b4a95902a",
	    "the daemon does not start",
	    LOG_L_ERROR },
	[LOG_RELOADED] = { "reloaded",
	    "1aa615a94b6a4551a061ae14a1dbf721",
	    "the configuration was read again",
	    LOG_L_INFO },
	[LOG_RELOAD_REFUSED] = { "reload-refused",
	    "8b3a15353f134b709856c32a687b253b",
	    "a reload was refused and all stays as it was",
	    LOG_L_ERROR },
	[LOG_DB_AWAY] = { "db-away",
	    "a7213dfe89324293a0dd5386c9cf0800",
	    "PostgreSQL is away",
	    LOG_L_WARN },
	[LOG_DB_CONNECTED] = { "db-connected",
	    "67d1191fda8040bd919e9bc7f4a02d92",
	    "PostgreSQL is connected",
	    LOG_L_INFO },
	[LOG_DB_REFUSED] = { "db-refused",
	    "fd95588c5e4e410bb14cf51964cd1715",
	    "the database is not one this version may use",
	    LOG_L_ERROR },
	[LOG_CERT_IN_USE] = { "cert-in-use",
	    "d561cab77e4d473db44d04cb5f0f2c02",
	    "a certificate was taken into use",
	    LOG_L_INFO },
	[LOG_CERT_REFUSED] = { "cert-refused",
	    "3c85b930b9f0420f929e04e213311e91",
	    "a certificate is unfit and the old one stays",
	    LOG_L_ERROR },
	[LOG_CERT_ENDS] = { "cert-ends",
	    "1b0b5a92ca9f4dae85e1fb5bb643edf4",
	    "the certificate ends soon or has ended",
	    LOG_L_WARN },
	[LOG_AUDIT_SEALED] = { "audit-sealed",
	    "fece6b989a324eaeb86c67b35a0ac810",
	    "rows of the audit were sealed",
	    LOG_L_INFO },
	[LOG_AUDIT_REFUSED] = { "audit-refused",
	    "5da24106869b4c3d819274d465ee28de",
	    "the audit's chain is not whole, nothing is sealed",
	    LOG_L_ERROR },
	[LOG_HUB_TWICE] = { "hub-twice",
	    "4bcee26a6a9d449c8954549c429fdbf7",
	    "two hubs run under one name",
	    LOG_L_ERROR },
	[LOG_HUB_CRASHED] = { "hub-crashed",
	    "56c8a7f9757f4125ad53b107073391a5",
	    "the last start of the hub did not stop in order",
	    LOG_L_WARN },
	[LOG_HUB_LOST] = { "hub-lost",
	    "633407f1b8e94effbe0ed7336d9ac5b1",
	    "a hub gives no sign of life, its nodes are offline",
	    LOG_L_ERROR },
	[LOG_OUT_OF_FILES] = { "out-of-files",
	    "3623ac6122ae4903a20425dd2e67dbe9",
	    "file descriptors are used up",
	    LOG_L_WARN },
};

const struct log_event_row *
log_event_row(enum log_id id)
{
	return id > LOG__UNSET && id < LOG__N ? &events[id] : NULL;
}

/* systemd.exec(5): JOURNAL_STREAM is the dev:inode that stderr had. */
static bool
is_journal_stream(void)
{
	const char	*v = getenv("JOURNAL_STREAM");
	uintmax_t	 dev, ino;
	struct stat	 st;
	char		 tail;

	if (v == NULL || fstat(STDERR_FILENO, &st) == -1)
		return false;
	if (sscanf(v, "%ju:%ju%c", &dev, &ino, &tail) != 2)
		return false;
	return dev == (uintmax_t)st.st_dev && ino == (uintmax_t)st.st_ino;
}

/* Connected once, so that a sandbox may forbid connect later. */
static int
journal_connect(int fd)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX, .sun_path = JOURNAL };

	return connect(fd, (const struct sockaddr *)&sun, sizeof(sun));
}

void
log_init(const char *ident, enum log_level max)
{
	state.ident = ident;
	state.max = max;
	if (state.journal != -1)
		close(state.journal);
	state.journal = -1;
	state.stream = is_journal_stream();
	if (!state.stream)
		return;
	state.journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (state.journal != -1 && journal_connect(state.journal) == -1) {
		close(state.journal);
		state.journal = -1;
	}
}

void
log_set_level(enum log_level max)
{
	state.max = max;
}

int
log_level_parse(const char *s)
{
	unsigned i;

	for (i = 0; s != NULL && i < nitems(levels); i++)
		if (strcmp(levels[i].name, s) == 0)
			return (int)i;
	return -1;
}

/*
 * Bytes of the character at p that may go out as they are: 1 for printable
 * ASCII, 2 to 4 for a well-formed one beyond; 0: escape this byte. U+0080 to
 * U+009F are control characters too (CSI), U+2028 and U+2029 break lines.
 */
static size_t
plain_char(const char *p, size_t n)
{
	unsigned char	c = (unsigned char)p[0];
	size_t		len;

	if (c < 0x80)
		return c >= 0x20 && c != 0x7f;
	len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	if (len > n || !valid_utf8(p, len))
		return 0;
	if (c == 0xc2 && (unsigned char)p[1] < 0xa0)
		return 0;
	if (memcmp(p, "\xe2\x80\xa8", 3) == 0 ||
	    memcmp(p, "\xe2\x80\xa9", 3) == 0)
		return 0;
	return len;
}

/* Escapes src into dst (NUL-terminated, cut at size); returns the length. */
static size_t
escape(char *dst, size_t size, const char *src)
{
	size_t n = strlen(src), at = 0, len;

	while (n > 0) {
		len = plain_char(src, n);
		if (at + (len != 0 ? len : 4) >= size)
			break;
		if (len == 0) {
			snprintf(dst + at, 5, "\\x%02x", (unsigned char)*src);
			at += 4;
			len = 1;
		} else {
			memcpy(dst + at, src, len);
			at += len;
		}
		src += len;
		n -= len;
	}
	dst[at] = '\0';
	return at;
}

static int
journal_send(enum log_level level, enum log_id id, const char *text)
{
	const struct log_event_row	*row = log_event_row(id);
	char				 line[LOG_LINE + 192];
	int				 n, tries;

	n = snprintf(line, sizeof(line),
	    "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\n%s%s%sMESSAGE=%s\n",
	    levels[level].priority, state.ident,
	    row != NULL ? "MESSAGE_ID=" : "", row != NULL ? row->id : "",
	    row != NULL ? "\n" : "", text);
	if (n < 0 || (size_t)n >= sizeof(line))
		return -1;
	for (tries = 0; tries < 2; tries++) {
		if (send(state.journal, line, (size_t)n, MSG_NOSIGNAL) == n)
			return 0;
		/* the journal was restarted: its socket is a new one */
		if (journal_connect(state.journal) == -1)
			return -1;
	}
	return -1;
}

static void
stderr_send(enum log_level level, const char *text)
{
	char	line[LOG_LINE + 128], prefix[8] = "";
	int	n;
	ssize_t	w;

	if (state.stream)	/* sd-daemon(3): the stream's own priority */
		snprintf(prefix, sizeof(prefix), "<%d>",
		    levels[level].priority);
	n = snprintf(line, sizeof(line), "%s%s %s: %s\n", prefix,
	    levels[level].name, state.ident, text);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(line)) {
		n = sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	do
		w = write(STDERR_FILENO, line, (size_t)n);
	while (w == -1 && errno == EINTR);
}

static void __attribute__((format(printf, 3, 0)))
log_v(enum log_level level, enum log_id id, const char *fmt, va_list ap)
{
	char	raw[LOG_LINE], text[LOG_LINE];
	int	save = errno;

	if (level > state.max)
		return;
	errno = save;		/* for %m */
	if (vsnprintf(raw, sizeof(raw), fmt, ap) < 0)
		raw[0] = '\0';
	escape(text, sizeof(text), raw);
	if (state.journal == -1 || journal_send(level, id, text) == -1)
		stderr_send(level, text);
	errno = save;
}

void
log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_v(LOG_L_ERROR, LOG__UNSET, fmt, ap);
	va_end(ap);
}

void
log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_v(LOG_L_WARN, LOG__UNSET, fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_v(LOG_L_INFO, LOG__UNSET, fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_v(LOG_L_DEBUG, LOG__UNSET, fmt, ap);
	va_end(ap);
}

void
log_event(enum log_id id, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_v(events[id].level, id, fmt, ap);
	va_end(ap);
}

void
fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_v(LOG_L_ERROR, LOG__UNSET, fmt, ap);
	va_end(ap);
	abort();
}

void
log_exit(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_v(LOG_L_ERROR, LOG_START_REFUSED, fmt, ap);
	va_end(ap);
	exit(code);
}
