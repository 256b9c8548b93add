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
journal_send(enum log_level level, const char *text)
{
	char	line[LOG_LINE + 128];
	int	n, tries;

	n = snprintf(line, sizeof(line),
	    "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\nMESSAGE=%s\n",
	    levels[level].priority, state.ident, text);
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

static void __attribute__((format(printf, 2, 0)))
log_v(enum log_level level, const char *fmt, va_list ap)
{
	char	raw[LOG_LINE], text[LOG_LINE];
	int	save = errno;

	if (level > state.max)
		return;
	errno = save;		/* for %m */
	if (vsnprintf(raw, sizeof(raw), fmt, ap) < 0)
		raw[0] = '\0';
	escape(text, sizeof(text), raw);
	if (state.journal == -1 || journal_send(level, text) == -1)
		stderr_send(level, text);
	errno = save;
}

void
log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_v(LOG_L_ERROR, fmt, ap);
	va_end(ap);
}

void
log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_v(LOG_L_WARN, fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_v(LOG_L_INFO, fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_v(LOG_L_DEBUG, fmt, ap);
	va_end(ap);
}

void
fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_v(LOG_L_ERROR, fmt, ap);
	va_end(ap);
	abort();
}

void
log_exit(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_v(LOG_L_ERROR, fmt, ap);
	va_end(ap);
	exit(code);
}
