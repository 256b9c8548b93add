/*
 * log: one line per event to stderr (or the journal's native protocol when
 * JOURNAL_STREAM names our stderr), as "level daemon: object: text".
 * Control bytes and invalid UTF-8 in arguments are escaped, so a peer can
 * never forge a line. Never pass a secret.
 */
#ifndef MAST_LOG_H
#define MAST_LOG_H

#include <stdarg.h>

enum log_level { LOG_L_ERROR, LOG_L_WARN, LOG_L_INFO, LOG_L_DEBUG };

/*
 * What a machine may wait for: each has a MESSAGE_ID in the journal that
 * never changes, and an entry of the catalog. Its level is in the table.
 */
enum log_id {
	LOG__UNSET,
	LOG_READY,
	LOG_STOPPED,
	LOG_START_REFUSED,
	LOG_RELOADED,
	LOG_RELOAD_REFUSED,
	LOG_DB_AWAY,
	LOG_DB_CONNECTED,
	LOG_DB_REFUSED,
	LOG_CERT_IN_USE,
	LOG_CERT_REFUSED,
	LOG_CERT_ENDS,
	LOG_AUDIT_SEALED,
	LOG_AUDIT_REFUSED,
	LOG_HUB_TWICE,
	LOG_HUB_CRASHED,
	LOG_HUB_LOST,
	LOG_OUT_OF_FILES,
	LOG__N
};
struct log_event_row { const char *name, *id, *text; enum log_level level; };

/* ident is kept, not copied ("hubd"). Called once, before any thread. */
void log_init(const char *ident, enum log_level max);
void log_set_level(enum log_level max);
/* "error" "warn" "info" "debug"; -1 for any other text. */
int  log_level_parse(const char *);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* One of the table. */
void log_event(enum log_id, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The row of an id; NULL for what is none. */
const struct log_event_row *log_event_row(enum log_id);
/* As log_error, then abort(): a bug or no memory. */
void fatal(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));
/* As LOG_START_REFUSED, then exit(code): 78, 69, ... */
void log_exit(int code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), noreturn));

#endif
